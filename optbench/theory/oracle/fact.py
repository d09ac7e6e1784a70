"""What a fact of the oracle is, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from optbench.theory.oracle.runs import Runs

LESSARD: Final = "Lessard, Recht and Packard 2016, doi:10.1137/15M1009597"
COHEN: Final = "Cohen et al. 2021, arXiv 2103.00065"
COHEN_ADAPTIVE: Final = "Cohen et al. 2022, arXiv 2207.14484"
GOH: Final = "Goh 2017, doi:10.23915/distill.00006"
ADAM_PAPER: Final = "Kingma and Ba 2014, arXiv 1412.6980"
ADAGRAD_PAPER: Final = "Duchi, Hazan and Singer 2011, JMLR 12, pages 2121-2159"
RMSPROP_PAPER: Final = "Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6e"
ADAMW_PAPER: Final = "Loshchilov and Hutter 2017, arXiv 1711.05101"
LIU: Final = "Liu, Ziyin and Ueda 2021, arXiv 2012.03636"
LECUN: Final = "LeCun et al. 1998, doi:10.1007/3-540-49430-8_2"
ODONOGHUE: Final = "O'Donoghue and Candès 2015, doi:10.1007/s10208-013-9150-3"
SHEPPARD: Final = "Sheppard 1899, doi:10.1098/rsta.1899.0003"
DERIVED: Final = "docs/reference/oracle.md"

ROUNDING: Final = "rounding of at most 2,000 float64 steps"


@dataclass(frozen=True)
class Fact:
    """One thing that must come out.

    Attributes:
        id: its name.
        topic: facts of one topic stand together.
        what: the quantity, in words.
        formula: the closed form, in plain text.
        predict: the closed form, of the settings of the first combination in `where`.
        measure: what the tables say, of all combinations in `where`.
        where: combinations of the study, as workload/optimizer/schedule.
        tolerance: the largest |measured - predicted| that agrees, as a share of |predicted|; where the
            prediction is 0, the largest |measured|.
        reason: why not less.
        source: who says so.
    """

    id: str
    topic: str
    what: str
    formula: str
    predict: Callable[[Runs], float]
    measure: Callable[..., float]
    where: tuple[str, ...]
    tolerance: float
    reason: str
    source: str
