"""The lesson's figures: what its labs show at their first setting, for whoever reads it without a script."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from optbench.catalogue.workloads.landscapes import LANDSCAPES
from optbench.core.words import number
from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import label_margin
from optbench.report.figures.marks.lines import draw_lines
from optbench.report.figures.marks.paths import draw_path
from optbench.report.palette import assign_styles
from optbench.tables.heavy_ball import CURVATURES
from optbench.theory.lesson import (
    NOISY,
    NOISY_STEPS,
    RAVINE_STEPS,
    SCHEDULES,
    directions,
    even_start,
    expected,
    heavy_ball,
    parts_of_loss,
    rates_of,
)
from optbench.theory.oracle.forms import gd_optimal, heavy_ball_optimal, stationary_variance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from optbench.report.figure import Panel
    from optbench.report.figures.backend.panels import FigureWriter

DESCENTS: Final = (0.02, 0.1, 0.112)
"""Rates of plain descent on the ravine: without a zig-zag, with one, beyond the limit."""

LEAST: Final = 1e-9
"""Losses below are not drawn: on a quadratic they fall without end."""

LABELS: Final = {
    "constant": "Constant",
    "step": "Step decay",
    "cosine": "Cosine",
    "warmup_cosine": "Warm-up, cosine",
}


def draw_lesson(writer: FigureWriter) -> list[FigureRecord]:
    """A figure a part of the lesson that has a lab."""
    return [_descent(writer), _directions(writer), _momentum(writer), _noise(writer), _schedules(writer)]


def _lines(lines: Mapping[str, NDArray[np.float64]], top: float = math.inf) -> pd.DataFrame:
    """Lines over steps: what is above `top`, or no number, left out, what is below `LEAST` raised to it."""
    parts = []
    for name, values in lines.items():
        steps = np.arange(len(values))
        keep = np.isfinite(values) & (values <= top)
        parts.append(pd.DataFrame({"line": name, "x": steps[keep], "y": np.maximum(values[keep], LEAST)}))
    return pd.concat(parts, ignore_index=True)


def _panel(
    writer: FigureWriter,
    name: str,
    title: str,
    lines: Mapping[str, NDArray[np.float64]],
    *,
    y_label: str = "loss",
    log: bool = True,
    top: float = math.inf,
) -> Panel:
    table = _lines(lines, top)
    ends = ", ".join(f"{line} {number(float(values[-1]))}" for line, values in lines.items())
    draw = partial(
        draw_lines, table, x_label="steps", y_label=y_label, title=title, y_scale="log" if log else "linear"
    )
    return writer.add_panel(
        draw, ("lesson", name, title), f"{title}: {y_label} against steps", f"At the end: {ends}.",
        right=label_margin(lines) if len(lines) > 1 else 14,
    )  # fmt: skip


def _record(
    writer: FigureWriter, name: str, title: str, caption: str, panels: Sequence[Panel]
) -> FigureRecord:
    figure_id, pdf = writer.write_figure("lesson", name)
    return FigureRecord(
        id=figure_id, pdf=pdf, section="lesson", workload="", title=title, caption=caption,
        panels=tuple(panels), columns=(), rows=(),
    )  # fmt: skip


def _descent(writer: FigureWriter) -> FigureRecord:
    ravine, curvatures = LANDSCAPES["ravine"], CURVATURES["ravine"]
    styles = assign_styles(["descent"])
    panels, losses = [], {}
    for lr in DESCENTS:
        places = heavy_ball(lr, 0.0, curvatures, ravine.start, RAVINE_STEPS)
        losses[f"lr {lr:g}"] = parts_of_loss(places, curvatures).sum(axis=1)
        table = pd.DataFrame(
            {"optimizer": "descent", "step": range(len(places)), "x": places[:, 0], "y": places[:, 1]}
        )
        title = f"Plain descent, lr {lr:g}"
        along, across = (f"{1 - lr * h:g}" for h in curvatures)
        panels.append(
            writer.add_panel(
                partial(draw_path, table, styles=styles, landscape=ravine, title=title),
                ("lesson", "path", f"{lr:g}"),
                title,
                f"Factors a step: {along} along the valley, {across} across.",
                height=190,
            )
        )  # fmt: skip
    panels.append(_panel(writer, "descent", "Loss of the three", losses, top=10))
    caption = "From (−2.4, 0.2), 120 steps each. The loss is x²/16 + 9y²."
    return _record(writer, "descent", "Plain descent at three rates", caption, panels)


def _directions(writer: FigureWriter) -> FigureRecord:
    panels = []
    for condition in (10.0, 100.0):
        curvatures = directions(condition)
        best = gd_optimal(curvatures[0], curvatures[-1])
        places = heavy_ball(best.lr, 0.0, curvatures, even_start(curvatures), RAVINE_STEPS)
        parts = parts_of_loss(places, curvatures)
        lines = {"loss": parts.sum(axis=1)} | {
            f"h = {number(h, 2)}": part for h, part in zip(curvatures, parts.T, strict=True)
        }
        panels.append(_panel(writer, "directions", f"k = {condition:g}", lines))
    caption = (
        "Plain descent at its best step, 2 / (h_min + h_max): what each of five directions has of the loss, "
        "and the loss, their sum. The two directions at the ends shrink alike, those between faster."
    )
    return _record(writer, "directions", "The loss, direction by direction", caption, panels)


def _momentum(writer: FigureWriter) -> FigureRecord:
    ravine, curvatures = LANDSCAPES["ravine"], CURVATURES["ravine"]
    plain, best = gd_optimal(*curvatures), heavy_ball_optimal(*curvatures)
    pairs = {
        "plain, best": (plain.lr, 0.0),
        "b = 0.8": (0.1, 0.8),
        "b = 0.9": (0.1, 0.9),
        "b = 0.98": (0.1, 0.98),
        "best pair": (best.lr, best.momentum),
    }
    lines = {
        name: parts_of_loss(
            heavy_ball(lr, b, curvatures, ravine.start, RAVINE_STEPS), curvatures
        ).sum(axis=1)
        for name, (lr, b) in pairs.items()
    }  # fmt: skip
    caption = (
        f"On the ravine: plain descent at its best rate, {number(plain.lr)}, heavy ball at lr 0.1, and the "
        f"best pair, lr {number(best.lr)} with b = {number(best.momentum)}."
    )
    panels = [_panel(writer, "momentum", "Plain descent and heavy ball", lines)]
    return _record(writer, "momentum", "What momentum does to the loss", caption, panels)


def _noise(writer: FigureWriter) -> FigureRecord:
    start, effective, noise = even_start(NOISY), 0.5, 0.3
    lines = {}
    for b in (0.0, 0.9):
        rates = np.full(NOISY_STEPS, effective * (1 - b))
        lines["plain" if not b else f"b = {b:g}"] = expected(rates, b, NOISY, start, noise).loss
    halves = np.full(NOISY_STEPS, effective * 0.1)
    halves[NOISY_STEPS // 2 :] /= 10
    lines["b = 0.9, decay"] = expected(halves, 0.9, NOISY, start, noise).loss
    floor = sum(h * stationary_variance(effective * 0.1, 0.9, h, noise) / 2 for h in NOISY)
    caption = (
        f"The loss to expect on curvatures {NOISY[0]:g} and {NOISY[1]:g} at an effective rate lr/(1 − b) of "
        f"{effective:g}, noise {noise:g}: exact, no run was drawn. The floor of b = 0.9 is {number(floor)}; "
        "a tenth of the rate from half-way on leads below it."
    )
    panels = [_panel(writer, "noise", "The same effective rate", lines)]
    return _record(writer, "noise", "The floor that noise makes", caption, panels)


def _schedules(writer: FigureWriter) -> FigureRecord:
    start, noise, peak = even_start(NOISY), 0.3, 0.5
    rates = {LABELS[name]: rates_of(name, peak) for name in SCHEDULES}
    lines = {label: expected(rate, 0.0, NOISY, start, noise).loss for label, rate in rates.items()}
    caption = (
        f"Four schedules of plain descent at a peak rate of {peak:g}, and the loss to expect under them on "
        f"curvatures {NOISY[0]:g} and {NOISY[1]:g} with noise {noise:g}."
    )
    panels = [
        _panel(writer, "schedules", "The rate", rates, y_label="learning rate", log=False),
        _panel(writer, "schedules", "The loss to expect", lines),
    ]
    return _record(writer, "schedules", "Four schedules, one budget", caption, panels)
