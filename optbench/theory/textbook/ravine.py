"""Claims C1 and D: plain descent and momentum on the ravine x^2/16 + 9 y^2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optbench.core.words import percent
from optbench.theory.textbook.measure import reversals, updates
from optbench.theory.textbook.setups import HEAVY_BALL, RAVINE, SGD, heavy_ball, need
from optbench.theory.textbook.verdict import Claim, Outcome, fact, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from optbench.theory.textbook.evidence import Cells


def final_loss(cells: Cells) -> float:
    """The last validation loss of the first seed."""
    return float(cells.curve("validation", "loss")[1][-1])


def _peaks(cells: Cells) -> NDArray[np.float64]:
    """Largest speed over the first, a coordinate."""
    speed = np.abs(updates(cells.path()))
    return speed.max(axis=0) / speed[0]  # type: ignore[no-any-return]


def _zig_zag(cells: Mapping[str, Cells]) -> Outcome:
    along, across = (float(r) for r in reversals(cells["plain"].path()))
    parts = (
        fact(
            across >= 0.9,  # noqa: PLR2004
            f"across (curvature 18) {percent(across, 2)} of the steps reverse the one before",
        ),
        fact(along <= 0.1, f"along (curvature 1/8) {percent(along, 2)}"),  # noqa: PLR2004
    )
    values = {"reversals_across": across, "reversals_along": along}
    condition = "Where lr times the larger curvature exceeds 1: it is 1.8 here."
    cosine = float(cells["plain"].measured("update_cosine").median())
    if np.isfinite(cosine):
        values["update_cosine"] = cosine
        condition += f" Update cosine over the run: {number(cosine)}."
    if "tenth" in cells:
        small = float(reversals(cells["tenth"].path())[1])
        values |= {"reversals_across_tenth": small, "final_loss_tenth": final_loss(cells["tenth"])}
        condition += (
            f" At lr 0.01 (0.18) {percent(small, 2)} reverse, but the way along is slow: the loss ends at "
            f"{number(values['final_loss_tenth'])} against {number(final_loss(cells['plain']))}."
        )
    return Outcome(parts, f"path-{cells['plain'].workload}", condition, values)


def _along_accumulates(cells: Mapping[str, Cells]) -> Outcome:
    peaks = {name: float(_peaks(found)[0]) for name, found in cells.items()}
    parts = (
        fact(peaks["plain"] <= 1, f"largest x-speed over the first: {number(peaks['plain'])} at b = 0"),
        fact(peaks["b08"] > 1, f"{number(peaks['b08'])} at 0.8"),
        fact(peaks["b09"] > peaks["b08"], f"{number(peaks['b09'])} at 0.9"),
    )
    condition = "Bounded by 1/(1 - b), 5 and 10: x moves on and its gradient shrinks before that is reached."
    values = {f"peak_{k}": v for k, v in peaks.items()}
    return Outcome(parts, f"velocity-{cells['b09'].workload}", condition, values)


def _across_alternates(cells: Mapping[str, Cells]) -> Outcome:
    parts = []
    values: dict[str, float] = {}
    for name, b in (("b08", 0.8), ("b09", 0.9)):
        peak = float(_peaks(cells[name])[1])
        along, across = (float(r) for r in reversals(cells[name].path()))
        values |= {f"peak_{name}": peak, f"reversals_{name}": across}
        parts.append(
            fact(
                peak <= 1 + 1e-9 and across >= 1 / 3 and across > along,
                f"b = {b}: largest y-speed {number(peak)} of the first, sign changes in {percent(across, 2)} "
                f"of the steps (x: {percent(along, 2)})",
            )
        )
    condition = "The sign changes about every second step with momentum"
    if "plain" in cells:
        condition += f", at {percent(float(reversals(cells['plain'].path())[1]), 2)} of the steps without"
    return Outcome(tuple(parts), f"velocity-{cells['b09'].workload}", condition + ".", values)


def _too_large(cells: Mapping[str, Cells]) -> Outcome:
    ends = {name: final_loss(found) for name, found in cells.items()}
    parts = (
        fact(
            ends["b09"] > ends["b08"],
            f"final loss {number(ends['b09'], 6)} at b = 0.9 against {number(ends['b08'], 6)} at 0.8",
        ),
    )
    condition = "After 50 steps at lr 0.1."
    if "plain" in ends:
        condition += f" Both beat b = 0, which ends at {number(ends['plain'], 6)}."
    return Outcome(
        parts, f"path-{cells['b09'].workload}", condition, {f"final_loss_{k}": v for k, v in ends.items()}
    )


_PLAIN = need(RAVINE, SGD, 0.1)
_B08 = need(RAVINE, heavy_ball(0.8), 0.1)
_B09 = need(RAVINE, HEAVY_BALL, 0.1)

ZIG_ZAG = Claim(
    id="C1",
    text="Plain SGD zig-zags where curvatures differ.",
    predicted="at lr 0.1 on the ravine every step across reverses the one before, none along does",
    test="at least 90% across and at most 10% along",
    source="weights of the ravine",
    needs={"plain": _PLAIN},
    wants={"tenth": need(RAVINE, SGD, 0.01)},
    check=_zig_zag,
)

CLAIMS = (
    Claim(
        id="D1",
        text="On the ravine the x-velocity accumulates.",
        predicted="the x-speed grows with momentum, more so at 0.9 than at 0.8, and only falls without",
        test="largest speed over the first: above 1, ascending in b; at most 1 at b = 0",
        source="weights of the ravine",
        needs={"plain": _PLAIN, "b08": _B08, "b09": _B09},
        check=_along_accumulates,
    ),
    Claim(
        id="D2",
        text="The y-velocity does not accumulate: its sign alternates.",
        predicted="no y-speed above the first, and a sign that changes again and again",
        test="largest speed at most the first; sign changes in at least a third of the steps, more than in x",
        source="weights of the ravine",
        needs={"b08": _B08, "b09": _B09},
        wants={"plain": _PLAIN},
        check=_across_alternates,
    ),
    Claim(
        id="D3",
        text="The momentum b can be too large: 0.9 ends worse than 0.8.",
        predicted="final losses 2.86818e-05 at 0.8 and 3.63627e-04 at 0.9 (0.102332 at 0)",
        test="the larger b ends higher",
        source="validation losses of the ravine",
        needs={"b08": _B08, "b09": _B09},
        wants={"plain": _PLAIN},
        check=_too_large,
    ),
)
