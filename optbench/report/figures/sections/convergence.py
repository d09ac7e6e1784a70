"""Losses and errors against steps: a figure a workload and metric, a panel a schedule."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import label_margin
from optbench.report.figures.marks.curves import draw_convergence, linear_range, loss_range
from optbench.report.figures.scales import beyond_words
from optbench.report.study import StudyView, chunks, thin
from optbench.report.tables import present
from optbench.report.words import entry, in_words, interval_words

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.figures.backend.panels import FigureWriter

LOSS, ERROR = "validation loss", "validation error"


def draw_curves(
    study: StudyView, writer: FigureWriter, workload: str, rows: pd.DataFrame
) -> list[FigureRecord]:
    """A figure of the loss, and where a workload recorded its accuracy one of the error, 1 - accuracy.

    On a logarithmic axis errors of 9% and 7% are as far apart as losses; accuracies of 91% and 93% are not.

    Args:
        study: names and labels.
        writer: where the panels go.
        workload: whose curves.
        rows: of the convergence table, the workload's validation split.
    """
    of_loss, of_accuracy = (rows[rows["metric"] == metric] for metric in ("loss", "accuracy"))
    error = of_accuracy.assign(
        median=1 - of_accuracy["median"], low=1 - of_accuracy["high"], high=1 - of_accuracy["low"]
    )
    return [
        _curves(study, writer, workload, drawn, words)
        for drawn, words in ((of_loss, LOSS), (error, ERROR))
        if np.isfinite(drawn["median"].to_numpy(float)).any()
    ]


def _curves(
    study: StudyView, writer: FigureWriter, workload: str, rows: pd.DataFrame, words: str
) -> FigureRecord:
    """One panel a schedule (more where there are many optimizers), all on one y axis."""
    label = study.label("workloads", workload)
    limits = loss_range(rows)
    on_log = limits is not None
    if limits is None:
        limits = linear_range(rows)
    target = study.fact("workloads", workload, "target") if words == LOSS else None
    panels = []
    optimizers = study.by_result("optimizers", workload)
    for schedule in study.panels(workload):
        here = rows[rows["schedule"] == schedule]
        names = present(optimizers, here)
        groups = list(chunks(names))
        for part, group in enumerate(groups, start=1):
            drawn = here[here["optimizer"].isin(group)]
            drawn = drawn[drawn["step"].isin(_kept_steps(drawn))]
            title = study.label("schedules", schedule) + (
                f" ({part}/{len(groups)})" if len(groups) > 1 else ""
            )
            draw = partial(
                draw_convergence,
                drawn,
                styles=study.styles,
                labels=study.labels("optimizers"),
                limits=limits,
                log=on_log,
                target=target,
                y_label=words,
                title=title,
            )
            panels.append(
                writer.add_panel(
                    draw,
                    ("convergence", workload, schedule, words.rsplit(maxsplit=1)[-1]),
                    f"{label}, {title}: {words} against steps",
                    _alt_text(study, drawn, words),
                    right=label_margin(study.labels("optimizers").values()),
                )
            )
    n = int(rows["n"].max())
    coverage = rows["coverage"].to_list() if "coverage" in rows else []
    caption = (
        f"Lines: median over seeds. Bands: {interval_words(coverage, n)}. A seed that diverged or broke off "
        "ranks worst from there on: a caret marks where the band has no end on that side, a cross where the "
        "median itself stops being finite. "
        f"{'Logarithmic' if on_log else 'Linear'} axis, shared by the panels"
        + (f"; dotted: the target {in_words(float(target))}" if target is not None else "")
        + ("." if words == LOSS else ". Error: the share that is classified wrongly, 1 − accuracy.")
        + beyond_words(rows["median"])
    )
    columns, table = _checkpoints(study, rows)
    figure_id, pdf = writer.write_figure("convergence", workload, words.rsplit(maxsplit=1)[-1])
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="convergence",
        workload=workload,
        title=f"{words.capitalize()} against steps",
        caption=caption,
        panels=tuple(panels),
        columns=columns,
        rows=table,
    )


TURNS = 8
"""A median that turns round more often than that is drawn at all its steps: a few of them would make other
swings of it."""


def _kept_steps(rows: pd.DataFrame) -> list[int]:
    """The steps to draw: about 40 of the grid, and for each line the last step with a finite median."""
    steps = [int(step) for step in rows["step"].unique()]
    rising = np.sign(rows.groupby("optimizer", sort=False)["median"].diff())
    turns = (rising * rising.groupby(rows["optimizer"]).shift() < 0).groupby(rows["optimizer"]).sum()
    kept = set(steps if turns.max() > TURNS else thin(steps))
    finite = rows[np.isfinite(rows["median"].to_numpy(float))]
    return sorted(kept | {int(step) for step in finite.groupby("optimizer")["step"].max()})


def _alt_text(study: StudyView, rows: pd.DataFrame, words: str) -> str:
    """The figure for those who do not see it: where each line ends, in ascending order."""
    last = rows[rows["step"] == rows["step"].max()].sort_values("median")
    ends = [
        f"{study.label('optimizers', str(name))} {in_words(float(value))}"
        for name, value in zip(last["optimizer"], last["median"], strict=True)
    ]
    return f"Median {words} at the last step, {int(rows['step'].max())}: " + ", ".join(ends) + "."


def _checkpoints(
    study: StudyView, rows: pd.DataFrame
) -> tuple[tuple[str, ...], tuple[tuple[str | float | int | None, ...], ...]]:
    """The table behind the curves: medians at five steps of the grid."""
    steps = np.asarray(sorted(rows["step"].unique()))
    chosen = [int(step) for step in np.unique(steps[np.linspace(0, len(steps) - 1, 5).round().astype(int)])]
    medians: dict[tuple[str, str], dict[int, float]] = {}
    finite: dict[tuple[str, str], tuple[int, str]] = {}
    columns = (rows[c].tolist() for c in ("optimizer", "schedule", "step", "median", "n_ok", "n"))
    for optimizer, schedule, step, median, n_ok, n in zip(*columns, strict=True):
        combination = (str(optimizer), str(schedule))
        medians.setdefault(combination, {})[step] = median
        finite[combination] = max(finite.get(combination, (step, "")), (step, f"{n_ok}/{n}"))
    table = [
        (
            study.label("optimizers", optimizer),
            study.label("schedules", schedule),
            *(entry(at[step]) if step in at else None for step in chosen),
            finite[optimizer, schedule][1],
        )
        for (optimizer, schedule), at in medians.items()
    ]
    heads = ("optimizer", "schedule", *(f"step {step}" for step in chosen), "finite at the end")
    return heads, tuple(table)
