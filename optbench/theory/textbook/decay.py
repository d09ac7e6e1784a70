"""Claim C3: a large constant learning rate keeps hopping around the optimum, decaying it settles the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.theory.textbook.measure import last_fifth
from optbench.theory.textbook.setups import BOWL, DIGITS_LONG, PLATEAU, SGD, STEP_30, need
from optbench.theory.textbook.verdict import Claim, Outcome, lower, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optbench.theory.textbook.evidence import Cells

DECAYS = (("step", "step decay"), ("plateau", "reduce on plateau"))


def stationary_loss(lr: float, condition: float, dimension: int, noise: float) -> float:
    """Mean loss at which plain descent hovers on the noisy quadratic, `sum_i lr noise^2 / (2 (2 - lr h_i))`.

    The curvatures h_i lie from 1/condition to 1, evenly in the logarithm.
    """
    curvatures = condition ** (np.arange(dimension) / (dimension - 1) - 1)
    return float((lr * noise**2 / (2 * (2 - lr * curvatures))).sum())


def _late(cells: Cells) -> pd.Series[float]:
    """Mean loss over the last fifth of the run, by seed."""
    curves = cells.curves("validation", "loss")
    return pd.Series({seed: float(last_fifth(loss).mean()) for seed, (_, loss) in curves.items()})


def _settles(cells: Mapping[str, Cells]) -> Outcome:
    late = {name: _late(cells[name]) for name in ("constant", "step", "plateau")}
    parts = tuple(
        lower(
            late[name],
            late["constant"],
            f"loss over the last fifth, {words} against constant",
            among=2,
        )
        for name, words in DECAYS
    )
    values = {f"bowl_{name}": float(each.median()) for name, each in late.items()}
    expected = stationary_loss(cells["constant"].lr, 4.0, 10, 0.1)
    values["bowl_constant_predicted"] = expected
    condition = (
        f"Constant lr 1.5 hovers at {number(values['bowl_constant'])} (closed form: {number(expected)}); the "
        "optimum is 0."
    )
    digits = {n: cells[f"digits_{n}"] for n in ("constant", "step", "plateau") if f"digits_{n}" in cells}
    if len(digits) == 3:  # noqa: PLR2004 - all of them
        ends = {name: float(found.column("final_train_loss").median()) for name, found in digits.items()}
        values |= {f"digits_{name}": end for name, end in ends.items()}
        condition += (
            " It takes noise that stays: digits at lr 0.5, where every example is fitted in the end, reach a "
            f"median training loss of {number(ends['constant'])} at a constant lr, {number(ends['step'])} "
            f"with step decay and {number(ends['plateau'])} on plateau."
        )
    return Outcome(parts, "settling", condition, values)


DECAY = Claim(
    id="C3",
    text="Too large a constant learning rate keeps hopping around the optimum; decaying it settles the run.",
    predicted="a lower mean loss over the last fifth under step decay and under reduce-on-plateau",
    test="paired sign-flip tests over seeds on signed ranks, two-sided, 5%; both must hold",
    source="validation losses of the noisy bowl",
    needs={
        "constant": need(BOWL, SGD, 1.5),
        "step": need(BOWL, SGD, 1.5, STEP_30),
        "plateau": need(BOWL, SGD, 1.5, PLATEAU),
    },
    wants={
        "digits_constant": need(DIGITS_LONG, SGD, 0.5),
        "digits_step": need(DIGITS_LONG, SGD, 0.5, STEP_30),
        "digits_plateau": need(DIGITS_LONG, SGD, 0.5, PLATEAU),
    },
    check=_settles,
)
