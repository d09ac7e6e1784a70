"""The figure at the top of the page: who stands where, with intervals."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import shorten, style_axes, text_width
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.series import draw_dot, draw_interval
from optbench.report.figures.scales import log_scale, name_ticks
from optbench.report.palette import LIGHT
from optbench.report.study import StudyView
from optbench.report.words import entry, in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from optbench.report.figures.context import DrawingContext
    from optbench.report.palette import Style

LONGEST: Final = 36
"""Characters of a row's name."""

MOST_ROWS: Final = 16
"""Rows that fit above the fold; the table behind has all."""


def draw(context: DrawingContext) -> list[FigureRecord]:
    """The section's figures, in order."""
    return draw_rankings(context.study, context.writer, context.ranking)


def draw_ranking(
    table: pd.DataFrame,
    ax: Axes,
    styles: Mapping[str, Style],
    *,
    labels: Sequence[str],
    reference: float | None,
    x_label: str,
) -> None:
    """Draw one row a combination, the first at the top: filled if of the first group, else hollow.

    Args:
        table: optimizer, estimate, low, high, group, in row order.
        ax: where to draw.
        styles: one style an optimizer.
        labels: what to call the rows.
        reference: where a dotted line stands, None for nowhere.
        x_label: the x axis' name.
    """
    ends = table[["estimate", "low", "high"]].to_numpy(float)
    shown = ends[np.isfinite(ends) & (ends > 0)]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.1, 1.0)
    log_scale(ax, "x", min(low, reference or low), max(high, reference or high))
    if reference is not None:
        ax.axvline(reference, color=LIGHT["muted"], linewidth=1.0, linestyle=(0, (1.5, 2)), zorder=1)
    for row, r in enumerate(table.to_dict("records")):
        style = styles[str(r["optimizer"])]
        hollow = r["group"] > 1
        right = min(float(r["high"]), ax.get_xlim()[1])
        if np.isfinite(r["low"]):
            span = (max(float(r["low"]), ax.get_xlim()[0]), right)
            draw_interval(ax, span, (row, row), style, name=labels[row], part=f"interval{row}", linewidth=2.2)
        if np.isfinite(r["estimate"]) and r["estimate"] > 0:
            draw_dot(
                ax, float(r["estimate"]), row, style, label=labels[row], part=f"mark{row}",
                markerfacecolor=LIGHT["paper"] if hollow else style.color, markeredgecolor=style.color,
                markeredgewidth=1.6,
            )  # fmt: skip
    ax.set_ylim(len(table) - 0.5, -0.5)
    name_ticks(ax, "y", range(len(table)), [shorten(label, LONGEST) for label in labels])
    style_axes(ax, x_label=x_label, grid="x")
    ax.tick_params(axis="y", length=0)


def draw_rankings(study: StudyView, writer: FigureWriter, ranking: pd.DataFrame) -> list[FigureRecord]:
    """The ranking over workloads, or of the only workload; nothing where several can't be put together."""
    losses = ranking[ranking["metric"] == "final_val_loss"]
    here = losses[losses["workload"] == ""]
    overall = bool(len(here))
    if not overall:
        workloads = losses["workload"].unique()
        here = losses if len(workloads) == 1 else here
    here = here[np.isfinite(here["estimate"].to_numpy(float))]
    if here.empty or not (here["estimate"] > 0).all():
        return []
    shown = here.head(MOST_ROWS)
    labels = [_short_name(study, r["optimizer"], r["schedule"]) for r in shown.to_dict("records")]
    margin = 14 + max(text_width(shorten(label, LONGEST)) for label in labels)
    what = "final validation loss / the reference's" if overall else "final validation loss, mean over seeds"
    draw = partial(
        draw_ranking, shown, styles=study.styles, labels=labels, reference=1.0 if overall else None,
        x_label=what,
    )  # fmt: skip
    said = [
        f"{label} {in_words(float(r['estimate']))} ({r['against_leader'] or 'first'})"
        for label, r in zip(labels, shown.to_dict("records"), strict=True)
    ]
    panel_ = writer.add_panel(
        draw, ("ranking", "panel"), f"Ranking: {what}", f"{what}, in order: {', '.join(said)}.",
        width=456, height=62 + 21 * len(shown), left=margin, right=16, top=8, bottom=46,
    )  # fmt: skip
    figure_id, pdf = writer.write_figure("ranking")
    marks = (
        "Filled: the first and what cannot be told from it; hollow: the rest (paired tests within the page's "
        "budget of error)."
        if (here["group"] > 0).any()
        else "Not tested: too few seeds."
    )
    of = f"The first {len(shown)} of {len(here)}. " if len(here) > len(shown) else ""
    bars = (
        "Bars: 95% interval over seeds." if np.isfinite(here["low"]).any() else "No intervals: too few seeds."
    )
    reference = "Dotted: the reference. " if overall else ""
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="verdict",
            workload="",
            title="Ranking",
            caption=f"{of}{marks} {bars} {reference}Left is better.",
            panels=(panel_,),
            columns=("combination", what, "low", "high", "against the first", "ok", "runs"),
            rows=tuple(
                (
                    _name(study, r["optimizer"], r["schedule"]),
                    *(entry(float(r[c])) for c in ("estimate", "low", "high")),
                    r["against_leader"] or "first",
                    int(r["n_ok"]),
                    int(r["n"]),
                )
                for r in here.to_dict("records")
            ),
        )
    ]


def _name(study: StudyView, optimizer: str, schedule: str) -> str:
    return f"{study.label('optimizers', optimizer)} · {study.label('schedules', schedule)}"


def _short_name(study: StudyView, optimizer: str, schedule: str) -> str:
    """Both names in `LONGEST` characters: of a long one its end is left out, and never the whole schedule."""
    names = [study.label("optimizers", optimizer), study.label("schedules", schedule)]
    room = LONGEST - len(" · ")
    if sum(map(len, names)) > room:
        short = [len(name) for name in names]
        half = room // 2
        least = min(short)
        limits = [least, room - least] if least < half and short[0] == least else [room - least, least]
        if least >= half:
            limits = [room - half, half]
        names = [shorten(name, limit) for name, limit in zip(names, limits, strict=True)]
    return " · ".join(names)
