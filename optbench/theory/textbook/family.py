"""Claims B6 to B10: learning rates, momentum past saddles, and the adaptive methods."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from optbench.core.words import percent
from optbench.theory.textbook.measure import (
    effective_lr,
    largest_rise,
    last_fifth,
    ravine_gradient,
    reversals,
)
from optbench.theory.textbook.ravine import final_loss
from optbench.theory.textbook.setups import (
    ADAGRAD,
    ADAM,
    HEAVY_BALL,
    RAVINE,
    REGIMES,
    RMSPROP,
    SADDLE,
    SGD,
    need,
)
from optbench.theory.textbook.verdict import PAIRED_TESTS, Claim, Outcome, Part, fact, lower, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from optbench.theory.textbook.evidence import Cells

RATES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""The sweep of plain SGD; its middle is the rate that the claims compare with."""

ADAM_RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)

SENSITIVE = 2.0
"""A loss this many times the best one of the sweep is lost ground."""

ROSE = 0.05
"""Rise of an effective learning rate from its least that is no rounding."""


def _too_small_too_large(cells: Mapping[str, Cells]) -> Outcome:
    small, middle, large = (cells[k].column("final_val_loss") for k in ("small", "middle", "large"))
    ravine = {k: cells[f"ravine_{k}"] for k in ("small", "middle", "beyond")}
    slow, good = final_loss(ravine["small"]), final_loss(ravine["middle"])
    across = float(reversals(ravine["beyond"].path())[1])
    losses = ravine["beyond"].curve("validation", "loss")[1]
    parts = (
        lower(middle, small, "digits, final loss at lr 0.1 against 0.001", among=4),
        lower(middle, large, "at lr 0.1 against 10", among=4),
        fact(slow > good, f"ravine: final loss {number(slow)} at lr 0.001 against {number(good)} at 0.1"),
        fact(
            bool(losses[-1] > losses[0]) and across >= 0.9,  # noqa: PLR2004
            f"at lr 0.15 it ends at {number(float(losses[-1]))}, {percent(across, 2)} of the steps across "
            "reversing",
        ),
    )
    values = {"ravine_small": slow, "ravine_middle": good, "ravine_beyond": float(losses[-1])}
    values |= {"digits_small": float(small.median()), "digits_middle": float(middle.median())}
    values["digits_large"] = float(large.median())
    condition = (
        "What is too large is known on the ravine: above 1/18 = 0.056 the steps across overshoot, above "
        "2/18 = 0.111 they grow."
    )
    return Outcome(parts, "lr-sweep", condition, values)


def _swing(cells: Cells) -> float:
    """Mean distance across the ravine over the last fifth of the run."""
    return float(np.abs(last_fifth(cells.path()[:, 1])).mean())


def _damps_and_escapes(cells: Mapping[str, Cells]) -> Outcome:
    plain, ball = _swing(cells["limit_plain"]), _swing(cells["limit_ball"])
    steps = {k: float(cells[f"saddle_{k}"].column("steps_to_target").iloc[0]) for k in ("plain", "ball")}
    parts = (
        fact(ball < plain, f"swing across the ravine at lr 0.11: {number(ball)} against {number(plain)}"),
        fact(
            steps["ball"] < steps["plain"],
            f"past the saddle in {number(steps['ball'])} steps against {number(steps['plain'])} at lr 0.05",
        ),
    )
    values = {"swing_plain": plain, "swing_ball": ball, **{f"saddle_{k}": v for k, v in steps.items()}}
    edge = 1 + math.sqrt(0.9)
    condition = f"Damping needs lr times curvature above 1 + √b = {number(edge)}; at lr 0.11 it is 1.98."
    if "plain" in cells and "ball" in cells:
        values |= {"swing_plain_01": _swing(cells["plain"]), "swing_ball_01": _swing(cells["ball"])}
        condition += (
            f" At lr 0.1 (1.8) momentum swings wider: {number(values['swing_ball_01'])} against "
            f"{number(values['swing_plain_01'])}."
        )
    if "saddle_tenfold" in cells:
        tenfold = float(cells["saddle_tenfold"].column("steps_to_target").iloc[0])
        values["saddle_tenfold"] = tenfold
        condition += (
            f" Sooner past the saddle at equal lr; plain descent at lr 0.5, momentum's terminal speed, takes "
            f"{number(tenfold)} steps."
        )
    return Outcome(parts, f"path-{cells['limit_ball'].workload}", condition, values)


def effective(cells: Cells) -> NDArray[np.float64]:
    """Effective learning rate |update| / |gradient| along the ravine, shape (steps, 2)."""
    path = cells.path()
    return effective_lr(path, ravine_gradient(path))


def _adagrad_falls(cells: Mapping[str, Cells]) -> Outcome:
    rates = effective(cells["adagrad"])
    rises = [largest_rise(rates[:, i]) for i in range(2)]
    known = [rates[np.isfinite(rates[:, i]), i] for i in range(2)]
    parts = tuple(
        fact(
            rises[i] <= 1e-6,  # noqa: PLR2004 - a quotient of differences of positions carries that much rounding
            f"{name}: from {number(float(known[i][0]))} to {number(float(known[i][-1]))}, "
            f"largest rise {number(rises[i])}",
        )
        for i, name in enumerate("xy")
    )
    return Outcome(parts, "effective-lr", "", {"largest_rise_x": rises[0], "largest_rise_y": rises[1]})


def _rmsprop_recovers(cells: Mapping[str, Cells]) -> Outcome:
    rises = {name: [largest_rise(effective(found)[:, i]) for i in range(2)] for name, found in cells.items()}
    part = fact(
        max(rises["rmsprop"]) >= ROSE,
        f"RMSprop's rises by {percent(rises['rmsprop'][0])} (x) and {percent(rises['rmsprop'][1])} (y) from "
        f"its least, Adagrad's by {number(rises['adagrad'][0], 1)} and {number(rises['adagrad'][1], 1)}",
    )
    condition = "It rises where gradients shrink: a running mean forgets the large ones, a sum does not."
    values = {f"{name}_{axis}": r for name, each in rises.items() for axis, r in zip("xy", each, strict=True)}
    return Outcome((part,), "effective-lr", condition, values)


def _width(cells: Mapping[str, Cells], names: list[str]) -> tuple[float, int]:
    """The best median final loss of a sweep, and at how many of its rates the loss is within twice that."""
    medians = [float(cells[name].column("final_val_loss").median()) for name in names if name in cells]
    best = min(medians)
    return best, sum(median <= SENSITIVE * best for median in medians)


def _quick_but_sensitive(cells: Mapping[str, Cells]) -> Outcome:
    adam = {rate: cells[f"adam_{rate:g}"].column("final_val_loss") for rate in ADAM_RATES}
    plain = cells["sgd_0.001"].column("final_val_loss")
    parts = [lower(adam[1e-3], plain, "final loss at torch's default lr, Adam against SGD", among=3)]
    for rate, words in ((1e-4, "a tenth of it"), (1e-1, "a hundred times it")):
        part = lower(adam[1e-3], adam[rate], f"Adam at its default against {words}", among=3)
        ratio = float(adam[rate].median() / adam[1e-3].median())
        enough = None if part.holds and ratio < SENSITIVE else part.holds
        parts.append(Part(enough, f"{part.said}, {number(ratio)} times the loss", part.p, part.n))
    values = {f"adam_{rate:g}": float(each.median()) for rate, each in adam.items()}
    best, width = _width(cells, [f"adam_{rate:g}" for rate in ADAM_RATES])
    condition = (
        f"After 400 updates of 64 digits. Within twice its best loss ({number(best)}) at {width} of "
        f"{len(ADAM_RATES)} rates a decade apart"
    )
    sweep = [f"sgd_{rate:g}" for rate in RATES]
    if all(name in cells for name in sweep):
        sgd_best, sgd_width = _width(cells, sweep)
        values |= {"adam_width": width, "sgd_width": sgd_width, "sgd_best": sgd_best}
        condition += f"; SGD likewise ({number(sgd_best)}) at {sgd_width} of {len(sweep)}"
    others = [
        f"{number(cells[k].column('final_val_loss').median())} ({k})"
        for k in ("adagrad", "rmsprop")
        if k in cells
    ]
    if others:
        condition += f". Others at torch's defaults: {', '.join(others)}"
    return Outcome(tuple(parts), "lr-sweep", f"{condition}.", values)


_DIGITS = REGIMES["64"]
SGD_SWEEP = {f"sgd_{rate:g}": need(_DIGITS, SGD, rate) for rate in RATES}
ADAM_SWEEP = {f"adam_{rate:g}": need(_DIGITS, ADAM, rate) for rate in ADAM_RATES}

CLAIMS = (
    Claim(
        id="B6",
        text="Too small a learning rate is slow, too large a one oscillates or diverges.",
        predicted="a higher final loss at either end of the sweep; on the ravine reversals that grow "
        "above lr 2/18 = 0.111",
        test=f"{PAIRED_TESTS}; on the ravine a loss above the first and at least 90% reversals",
        source="runs: final_val_loss; weights and losses of the ravine",
        needs={
            "small": SGD_SWEEP["sgd_0.001"],
            "middle": SGD_SWEEP["sgd_0.1"],
            "large": SGD_SWEEP["sgd_10"],
            "ravine_small": need(RAVINE, SGD, 1e-3),
            "ravine_middle": need(RAVINE, SGD, 0.1),
            "ravine_beyond": need(RAVINE, SGD, 0.15),
        },
        check=_too_small_too_large,
    ),
    Claim(
        id="B7",
        text="Momentum damps oscillation and passes saddle points sooner.",
        predicted="at equal lr a smaller swing across the ravine near the limit of stability, and fewer "
        "steps from the saddle to a loss of 0.01",
        test="smaller, fewer",
        source="weights of the ravine; runs: steps_to_target of the saddle",
        needs={
            "limit_plain": need(RAVINE, SGD, 0.11),
            "limit_ball": need(RAVINE, HEAVY_BALL, 0.11),
            "saddle_plain": need(SADDLE, SGD, 0.05),
            "saddle_ball": need(SADDLE, HEAVY_BALL, 0.05),
        },
        wants={
            "plain": need(RAVINE, SGD, 0.1),
            "ball": need(RAVINE, HEAVY_BALL, 0.1),
            "saddle_tenfold": need(SADDLE, SGD, 0.5),
        },
        check=_damps_and_escapes,
    ),
    Claim(
        id="B8",
        text="Adagrad's effective learning rate only falls.",
        predicted="|update| / |gradient| never rises, in either coordinate",
        test="largest rise from the least value so far at most 1e-6",
        source="weights of the ravine, with the gradients at them",
        needs={"adagrad": need(RAVINE, ADAGRAD, 0.1)},
        check=_adagrad_falls,
    ),
    Claim(
        id="B9",
        text="RMSprop does not share that decay.",
        predicted="|update| / |gradient| rises again once gradients shrink",
        test=f"a rise from the least value so far of at least {percent(ROSE, 2)}",
        source="weights of the ravine, with the gradients at them",
        needs={"rmsprop": need(RAVINE, RMSPROP, 0.01), "adagrad": need(RAVINE, ADAGRAD, 0.1)},
        check=_rmsprop_recovers,
    ),
    Claim(
        id="B10",
        text="Adam is quick at its defaults but sensitive to the learning rate.",
        predicted="a lower final loss than SGD at torch's defaults, and at least twice that loss at a "
        "tenth and at a hundred times its own lr",
        test=f"{PAIRED_TESTS}; all must hold",
        source="runs: final_val_loss",
        needs={"sgd_0.001": SGD_SWEEP["sgd_0.001"], **ADAM_SWEEP},
        wants={
            **{name: each for name, each in SGD_SWEEP.items() if name != "sgd_0.001"},
            "adagrad": need(_DIGITS, ADAGRAD, 0.01),
            "rmsprop": need(_DIGITS, RMSPROP, 0.01),
        },
        check=_quick_but_sensitive,
    ),
)
