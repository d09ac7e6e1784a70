"""Claims E: momentum on the linear regression, its cost, and the averaged form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optbench.theory.textbook.measure import largest_gap, rise
from optbench.theory.textbook.setups import (
    HEAVY_BALL,
    HEAVY_BALL_AVERAGED,
    LINE,
    NETWORK,
    RAVINE,
    SGD,
    heavy_ball,
    need,
)
from optbench.theory.textbook.verdict import PAIRED_TEST, Claim, Outcome, Part, fact, lower, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optbench.theory.textbook.evidence import Cells

FLOAT32 = 4
"""Bytes of one value of a buffer."""


def _faster(cells: Mapping[str, Cells]) -> Outcome:
    ball, plain = cells["ball"].column("steps_to_target"), cells["plain"].column("steps_to_target")
    # An epoch reports its loss before its update and counts from 1, so epoch n has seen n - 1 updates.
    what = "first epoch within 1% of the least loss, momentum against plain SGD"
    parts = (lower(ball + 1, plain + 1, what, endless="never"),)
    seed = min(ball.index)
    values = {"momentum_epoch": float(ball[seed]) + 1, "plain_epoch": float(plain[seed]) + 1}
    told = [
        f"At equal lr 0.01 (seed {seed}: epoch {number(values['momentum_epoch'])} against "
        f"{number(values['plain_epoch'])})."
    ]
    if "tenfold" in cells:
        values["plain_tenfold_epoch"] = float(cells["tenfold"].column("steps_to_target")[seed]) + 1
        told.append(f"Plain SGD at lr 0.1: epoch {number(values['plain_tenfold_epoch'])}.")
    if "tenth" in cells:
        # The last epoch reports its loss before its update: the last evaluation but one.
        values["plain_tenth_loss"] = float(cells["tenth"].curves("validation", "loss")[seed][1][-2])
        reached = np.isfinite(cells["tenth"].column("steps_to_target")).sum()
        told.append(
            f"At the article's lr 0.001 it ends at {number(values['plain_tenth_loss'], 6)}, and within "
            f"1% in {reached} of {len(cells['tenth'].trained)} seeds."
        )
    told += _averaged(cells, values)
    return Outcome(parts, f"convergence-{cells['ball'].workload}-loss", " ".join(told), values)


def _averaged(cells: Mapping[str, Cells], values: dict[str, float]) -> list[str]:
    """What the averaged form v <- b v + (1 - b) grad is at either rate, as far as the study has the cells."""
    said = []
    for name, twin in (("averaged", "ball_tenth"), ("averaged_ten", "ball")):
        if name in cells and twin in cells:
            one, other = (cells[k].curve("validation", "loss")[1] for k in (name, twin))
            values[f"gap_{name}"] = largest_gap(one, other)
            said.append(
                f"the averaged form at lr {cells[name].lr:g} is heavy ball at {cells[twin].lr:g} (losses "
                f"within {number(values[f'gap_{name}'])})"
            )
    if not said:
        return []
    ends = ""
    if "averaged" in cells:
        end = float(cells["averaged"].column("steps_to_target").iloc[0]) + 1
        values["averaged_epoch"] = end
        ends = f". At lr 0.01 it takes {number(end)} epochs: comparing both at one lr compares two step sizes"
    return [f"And {', '.join(said)}{ends}."]


def _less_oscillation(cells: Mapping[str, Cells]) -> Outcome:
    rises = {
        name: pd.Series({s: rise(loss) for s, (_, loss) in cells[name].curves("validation", "loss").items()})
        for name in ("ball", "plain")
    }
    parts = (
        lower(rises["ball"], rises["plain"], "rises of the loss over its fall, momentum against plain SGD"),
    )
    values = {f"rise_{name}": float(each.median()) for name, each in rises.items()}
    condition = (
        "Plain descent can't oscillate here: lr times curvature is about 0.02, and only above 1 a step "
        "overshoots. Momentum 0.9 does. Where plain descent zig-zags, see C1 and B7."
    )
    return Outcome(parts, f"convergence-{cells['ball'].workload}-loss", condition, values)


def _buffer_and_time(cells: Mapping[str, Cells]) -> Outcome:
    ball, plain = cells["ball"].timing(), cells["plain"].timing()
    more = float(ball["state_bytes_per_param"] - plain["state_bytes_per_param"])
    parts = [
        fact(
            more == FLOAT32,
            f"{more:g} bytes of state a parameter more: one float32 buffer of the parameters' size",
        )
    ]
    values = {"state_bytes_per_param": more, **dict.fromkeys(("ratio", "low", "high"), math.nan)}
    if cells["plain"].is_made_as(str(ball["reference"])):
        ratio, low, high = (float(ball[name]) for name in ("ratio_to_sgd", "ratio_low", "ratio_high"))
        values |= {"ratio": ratio, "low": low, "high": high}
        told = f"{number(ratio)} times plain SGD's, 95% interval {number(low)} to {number(high)}"
        told = f"time of a step: {told} ({int(ball['rounds'])} rounds, {ball['workload']})"
        if bool(ball["noisy"]):
            parts.append(Part(None, f"{told}; withheld, for the machine was not quiet: {ball['noise']}"))
        else:
            parts.append(Part(True if low > 1 else False if high < 1 else None, told))
    else:  # the study's reference is another optimizer
        parts.append(Part(None, f"time of a step: timed against {ball['reference']}, not against plain SGD"))
    return Outcome(tuple(parts), "cost", values=values)


def _one_more_to_choose(cells: Mapping[str, Cells]) -> Outcome:
    known = cells["ball"].tables.study["optimizers"]
    keys = {name: ["lr", *sorted(known[cells[name].optimizer]["settings"])] for name in ("ball", "plain")}
    more = sorted(set(keys["ball"]) - set(keys["plain"]))
    parts = (
        fact(
            len(more) == 1 and set(keys["plain"]) <= set(keys["ball"]),
            f"{', '.join(keys['ball'])} against {', '.join(keys['plain'])}",
        ),
    )
    ends = {
        b: float(cells[name].curve("validation", "loss")[1][-1])
        for name, b in (("b08", 0.8), ("b09", 0.9))
        if name in cells
    }
    condition, values = "", {"hyperparameters_more": float(len(more))}
    if len(ends) == 2:  # noqa: PLR2004 - both
        values["loss_ratio"] = ends[0.9] / ends[0.8]
        condition = (
            f"And it has to be chosen: on the ravine b = 0.9 ends at {number(values['loss_ratio'])} times "
            "the loss of 0.8 (D3)."
        )
    return Outcome(parts, f"convergence-{cells['ball'].workload}-loss", condition, values)


_PLAIN, _BALL = need(LINE, SGD, 0.01), need(LINE, HEAVY_BALL, 0.01)

CLAIMS = (
    Claim(
        id="E1",
        text="On the linear regression momentum is faster.",
        predicted="within 1% of the least-squares loss 0.265645 after fewer epochs (seed 0: 38 against 207)",
        test=PAIRED_TEST,
        source="runs: steps_to_target, final_val_loss; validation losses",
        needs={"plain": _PLAIN, "ball": _BALL},
        wants={
            "tenth": need(LINE, SGD, 1e-3),
            "tenfold": need(LINE, SGD, 0.1),
            "ball_tenth": need(LINE, HEAVY_BALL, 1e-3),
            "averaged": need(LINE, HEAVY_BALL_AVERAGED, 0.01),
            "averaged_ten": need(LINE, HEAVY_BALL_AVERAGED, 0.1),
        },
        check=_faster,
    ),
    Claim(
        id="E2",
        text="On the linear regression momentum oscillates less.",
        predicted="a smaller sum of rises of the loss over its fall",
        test=PAIRED_TEST,
        source="loss of every epoch",
        needs={"plain": _PLAIN, "ball": _BALL},
        check=_less_oscillation,
    ),
    Claim(
        id="E3",
        text="Momentum costs one more buffer of the parameters' size, and some time per step.",
        predicted="4 bytes a parameter more, and a ratio of step times above 1",
        test="exactly 4 bytes; the ratio's 95% interval above 1, timed on a quiet machine",
        source="timing: state_bytes_per_param, ratio_to_sgd, ratio_low, ratio_high",
        needs={"plain": need(NETWORK, SGD, 0.01), "ball": need(NETWORK, HEAVY_BALL, 0.01)},
        check=_buffer_and_time,
    ),
    Claim(
        id="E4",
        text="Momentum is one more hyperparameter to choose.",
        predicted="the learning rate and the momentum against the learning rate alone",
        test="one setting more",
        source="the optimizers' settings in the study",
        needs={"plain": _PLAIN, "ball": _BALL},
        wants={"b08": need(RAVINE, heavy_ball(0.8), 0.1), "b09": need(RAVINE, HEAVY_BALL, 0.1)},
        check=_one_more_to_choose,
    ),
)
