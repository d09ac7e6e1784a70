"""Claims A and C2: what momentum is, and what it does to speed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optbench.theory.textbook.measure import gain, largest_gap, ravine_gradient, updates
from optbench.theory.textbook.setups import (
    HEAVY_BALL,
    HEAVY_BALL_STEP,
    NETWORK,
    RAVINE,
    SGD,
    SLOPE,
    STEP_30,
    WELL,
    heavy_ball,
    need,
)
from optbench.theory.textbook.verdict import PAIRED_TEST, Claim, Outcome, fact, lower, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optbench.theory.textbook.evidence import Cells

NEAR = 0.01
"""How near to a minimum a run has ended in it."""

EXACT = 1e-12
"""Relative gap of two float64 paths that is rounding."""

ROUNDED = 1e-3
"""Relative gap of two float32 training curves that is rounding, grown over some hundred steps."""


def _forms_agree(cells: Mapping[str, Cells]) -> Outcome:
    torch, step = cells["ravine_torch"].path(), cells["ravine_step"].path()
    exact = float(np.abs(torch - step).max() / np.abs(torch).max())
    curves = cells["net_torch"].curves("validation", "loss"), cells["net_step"].curves("validation", "loss")
    gaps = [
        largest_gap(curves[0][seed][1], curves[1][seed][1])
        for seed in curves[0].keys() & curves[1].keys()
        if len(curves[0][seed][1]) == len(curves[1][seed][1])
    ]
    net = max(gaps, default=np.inf)
    parts = [
        fact(exact <= EXACT, f"ravine, float64: paths within {number(exact)} of each other"),
        fact(net <= ROUNDED, f"network, float32: losses within {number(net)} over {len(gaps)} seeds"),
    ]
    values = {"ravine_gap": exact, "network_gap": net}
    condition = _data(cells["net_torch"])
    if "decay_torch" in cells and "decay_step" in cells:
        rates = cells["decay_torch"].curve("schedule", "lr")[1]
        drop = int(np.flatnonzero(rates < rates[0])[0])  # the update after this evaluation uses the new lr
        after = [abs(float(updates(cells[k].path())[drop, 0])) for k in ("decay_torch", "decay_step")]
        ratio = after[1] / after[0]
        values["step_ratio_after_decay"] = ratio
        condition = (
            f"At a constant lr only. With the ravine's lr cut to a tenth after step {drop}, the hand-written "
            f"form's next step is {number(ratio)} times torch's, as its velocity still holds the old lr. "
            f"{condition}"
        ).strip()
    return Outcome(tuple(parts), f"convergence-{cells['net_torch'].workload}-loss", condition, values)


def _data(cells: Cells) -> str:
    """Which data stood in for full MNIST, if any."""
    return "" if cells.first_choice else "On 5,000 MNIST images: the full set was not there."


def _terminal_speed(cells: Mapping[str, Cells]) -> Outcome:
    speed = {name: abs(float(updates(found.path())[-1, 0])) for name, found in cells.items()}
    lr = cells["ball"].lr
    ratio = speed["ball"] / speed["plain"]
    parts = (
        fact(
            abs(speed["ball"] - 10 * lr) <= 1e-3 * 10 * lr,
            f"g = 0.9: {number(speed['ball'])} a step after {len(cells['ball'].path()) - 1} steps",
        ),
        fact(abs(ratio - 10) <= 1e-3 * 10, f"{number(ratio)} times plain SGD's {number(speed['plain'])}"),
    )
    others = [
        f"{number(speed[name])} at g = {g}" for name, g in (("half", 0.5), ("most", 0.99)) if name in speed
    ]
    condition = "After about 1/(1 - g) steps, and only while the gradient stays the same."
    if others:
        condition += f" After as many steps: {', '.join(others)}."
    return Outcome(
        parts, f"velocity-{cells['ball'].workload}", condition, {f"speed_{k}": v for k, v in speed.items()}
    )


def _fewer_iterations(cells: Mapping[str, Cells]) -> Outcome:
    ball, plain = cells["ball"].column("steps_to_target"), cells["plain"].column("steps_to_target")
    what = f"updates to a validation loss of {cells['ball'].fact('target'):g}, momentum against plain SGD"
    parts = (lower(ball, plain, what, endless="never"),)
    values = {"momentum_steps": float(ball.median()), "plain_steps": float(plain.median())}
    condition = "At equal lr 0.01, where momentum's steps grow ten times as long."
    if "tenfold" in cells:
        tenfold = cells["tenfold"].column("steps_to_target")
        values["plain_tenfold_steps"] = float(tenfold.median())
        steps = number(values["plain_tenfold_steps"], endless="never")
        condition += f" Plain SGD at lr 0.1: {steps} (median)."
    condition = f"{condition} {_data(cells['ball'])}".strip()
    return Outcome(parts, f"convergence-{cells['ball'].workload}-loss", condition, values)


def _leaves_the_well(cells: Mapping[str, Cells]) -> Outcome:
    ends = {name: float(found.path()[-1, 0]) for name, found in cells.items()}
    parts = (
        fact(abs(ends["plain"] - 1) <= NEAR, f"plain descent ends at x = {number(ends['plain'])}"),
        fact(abs(ends["ball"] + 2) <= NEAR, f"momentum 0.9 at x = {number(ends['ball'])}"),
    )
    others = [
        f"{number(ends[name])} at g = {g}" for name, g in (("half", 0.5), ("most", 0.99)) if name in ends
    ]
    condition = "It can, but it need not."
    if others:
        steps = len(cells["ball"].path()) - 1
        condition += f" From the same start after {steps} steps: x = {', x = '.join(others)}."
    return Outcome(
        parts, f"path-{cells['ball'].workload}", condition, {f"end_{k}": v for k, v in ends.items()}
    )


def _agree_and_alternate(cells: Mapping[str, Cells]) -> Outcome:
    slope = cells["slope"].path()
    constant = float(gain(slope, np.sign(slope), cells["slope"].lr)[0])
    last = abs(float(updates(slope)[-1, 0])) / cells["slope"].lr
    path = cells["ball"].path()
    along, across = (float(g) for g in gain(path, ravine_gradient(path), cells["ball"].lr))
    parts = (
        fact(
            constant > 1,
            f"constant gradient: {number(constant)} times plain descent's way, {number(last)} times at last",
        ),
        fact(along > 1, f"along the ravine: {number(along)} times"),
        fact(across < 1, f"across it: {number(across)} times"),
    )
    values = {"gain_constant": constant, "gain_along": along, "gain_across": across}
    condition = (
        "The gradient across turns about every second step here, not at every one, hence more than 0.526."
    )
    return Outcome(parts, f"velocity-{cells['ball'].workload}", condition, values)


CLAIMS = (
    Claim(
        id="A1",
        text="Momentum written by hand (v <- g v + lr grad; w <- w - v) and torch's agree.",
        predicted="one path to rounding, 1e-12 of its size in float64 and 0.001 of the loss in float32",
        test="largest relative gap, every evaluation and seed",
        source="weights of the ravine, validation losses of the network",
        needs={
            "net_torch": need(NETWORK, HEAVY_BALL, 0.01),
            "net_step": need(NETWORK, HEAVY_BALL_STEP, 0.01),
            "ravine_torch": need(RAVINE, HEAVY_BALL, 0.1),
            "ravine_step": need(RAVINE, HEAVY_BALL_STEP, 0.1),
        },
        wants={
            "decay_torch": need(RAVINE, HEAVY_BALL, 0.1, STEP_30),
            "decay_step": need(RAVINE, HEAVY_BALL_STEP, 0.1, STEP_30),
        },
        check=_forms_agree,
    ),
    Claim(
        id="A2",
        text="Under a constant gradient the speed tends to lr grad / (1 - g): at g = 0.9 ten times SGD's.",
        predicted="0.1 a step at lr 0.01 and gradient 1, ten times 0.01",
        test="within 0.1% of both numbers",
        source="weights of the constant slope",
        needs={"plain": need(SLOPE, SGD, 0.01), "ball": need(SLOPE, HEAVY_BALL, 0.01)},
        wants={"half": need(SLOPE, heavy_ball(0.5), 0.01), "most": need(SLOPE, heavy_ball(0.99), 0.01)},
        check=_terminal_speed,
    ),
    Claim(
        id="A3",
        text="Momentum needs fewer iterations than plain SGD on the MNIST network.",
        predicted="fewer updates to the target at equal lr",
        test=PAIRED_TEST,
        source="runs: steps_to_target",
        needs={"plain": need(NETWORK, SGD, 0.01), "ball": need(NETWORK, HEAVY_BALL, 0.01)},
        wants={"tenfold": need(NETWORK, SGD, 0.1)},
        check=_fewer_iterations,
    ),
    Claim(
        id="A4",
        text="Momentum can leave a poor local minimum in which plain gradient descent stays.",
        predicted="from x = 2 at lr 0.05, descent ends in the poor well at 1, momentum 0.9 in the good at -2",
        test="within 0.01 of both minima",
        source="weights of the double well",
        needs={"plain": need(WELL, SGD, 0.05), "ball": need(WELL, HEAVY_BALL, 0.05)},
        wants={"half": need(WELL, heavy_ball(0.5), 0.05), "most": need(WELL, heavy_ball(0.99), 0.05)},
        check=_leaves_the_well,
    ),
)

AGREEMENT = Claim(
    id="C2",
    text="With gradients that agree momentum speeds up, with gradients that alternate it slows down.",
    predicted="the way made, as a multiple of plain descent's on the same gradients, above 1 (at most 10 at "
    "b = 0.9) where they agree and below 1 (1/1.9 = 0.526 where they alternate at every step)",
    test="above or below 1",
    source="weights of the constant slope and of the ravine, with the gradients at them",
    needs={"slope": need(SLOPE, HEAVY_BALL, 0.01), "ball": need(RAVINE, HEAVY_BALL, 0.1)},
    check=_agree_and_alternate,
)
