"""Final validation losses: under each schedule with their intervals, and from schedule to schedule."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import label_margin
from optbench.report.figures.marks.intervals import (
    draw_by_schedule,
    draw_final_losses,
    draw_slopes,
    interval_range,
)
from optbench.report.figures.scales import beyond_words
from optbench.report.study import FEW, StudyView, by_schedule, chunks
from optbench.report.tables import present
from optbench.report.words import in_words, interval_words

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.figures.backend.panels import FigureWriter
    from optbench.report.figures.sections.schedules import RecordedRates


SLOPES: Final = (
    "One line an optimizer, one panel a workload: the median final validation loss under each schedule, "
    "whose learning rate over the budget is drawn below its name. Lines that cross mean that the order of "
    "the optimizers depends on the schedule."
)
ROWS: Final = (
    "One row a schedule, the best at the top, one panel a workload: the median final validation loss of each "
    "optimizer under it. Where marks change places from row to row, the order of the optimizers depends on "
    "the schedule."
)


def draw_finals(
    study: StudyView, writer: FigureWriter, workload: str, finals: pd.DataFrame, curves: pd.DataFrame
) -> FigureRecord:
    """One panel a schedule: a dot and its interval an optimizer, all on one x axis."""
    label = study.label("workloads", workload)
    limits = interval_range(finals)
    log = limits is not None
    if limits is None:
        limits = interval_range(finals, log=False)
    panels = []
    for schedule, here in by_schedule(study, finals, workload):
        title = study.label("schedules", schedule)
        draw = partial(
            draw_final_losses, here, styles=study.styles, labels=study.labels("optimizers"), limits=limits,
            log=log, title=title,
        )  # fmt: skip
        said = [
            f"{study.label('optimizers', str(r['optimizer']))} {in_words(float(r['estimate']))} "
            f"({r['n_ok']}/{r['n']} ok)"
            for _, r in here.iterrows()
        ]
        panels.append(
            writer.add_panel(
                draw,
                ("final", workload, schedule),
                f"{label}, {title}: final validation loss",
                "Median final validation loss: " + ", ".join(said) + ".",
                height=84 + 20 * len(here),
                left=label_margin(study.labels("optimizers").values()),
                right=44,
            )
        )
    if "coverage" in finals:
        coverage = finals["coverage"].to_list()
    else:
        coverage = curves["coverage"].to_list() if "coverage" in curves else []
    figure_id, pdf = writer.write_figure("final", workload)
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="final",
        workload=workload,
        title="Final validation loss",
        caption=f"Markers: median over seeds. Bars: {interval_words(coverage, int(finals['n'].max()))}. "
        "A bar that runs to the edge has no upper end: too many of its seeds did not finish. "
        "At the right: runs with status ok / runs planned." + beyond_words(finals["estimate"]),
        panels=tuple(panels),
        columns=(),
        rows=(),
    )


def draw_between_schedules(
    study: StudyView, writer: FigureWriter, summary: pd.DataFrame, lrs: RecordedRates
) -> list[FigureRecord]:
    """One panel a workload: how each optimizer's median final loss moves from schedule to schedule."""
    if len(study.schedules) < 2:  # noqa: PLR2004 - nothing to compare
        return []
    finals = summary[summary["metric"] == "final_val_loss"]
    few = len(study.schedules) <= FEW
    labels, schedule_labels = study.labels("optimizers"), study.labels("schedules")
    panels = []
    for workload in study.workloads:
        here = finals[finals["workload"] == workload]
        schedules = [name for name in study.panels(workload) if (here["schedule"] == name).any()]
        names = present(study.by_result("optimizers", workload), here)
        if len(schedules) < 2 or not np.isfinite(here["estimate"].to_numpy(float)).any():  # noqa: PLR2004
            continue
        courses = {name: found[0] for name in schedules if (found := lrs.get((workload, name)))}
        groups = list(chunks(names))
        for part, group in enumerate(groups, start=1):
            label = study.label("workloads", workload)
            title = label + (f" ({part}/{len(groups)})" if len(groups) > 1 else "")
            drawn = here[here["optimizer"].isin(group)]
            sizes: dict[str, float]
            if few:
                draw = partial(
                    draw_slopes, drawn, styles=study.styles, schedules=schedules, labels=labels,
                    schedule_labels=schedule_labels, courses=courses, title=title,
                )  # fmt: skip
                sizes = {"height": 256, "bottom": 60, "right": label_margin(labels.values())}
            else:
                draw = partial(
                    draw_by_schedule, drawn, styles=study.styles, schedules=schedules, labels=labels,
                    schedule_labels=schedule_labels, title=title,
                )  # fmt: skip
                left = label_margin(schedule_labels.values())
                sizes = {"height": 118 + 14 * len(schedules), "top": 74, "left": left}
            panels.append(
                writer.add_panel(
                    draw,
                    ("slopes", workload),
                    f"{title}: median final validation loss under each schedule",
                    "The numbers stand in the workload's table of final results.",
                    **sizes,
                )
            )
    if not panels:
        return []
    figure_id, pdf = writer.write_figure("slopes")
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="schedules",
            workload="",
            title="From schedule to schedule",
            caption=(SLOPES if few else ROWS) + " Intervals stand in the tables above.",
            panels=tuple(panels),
            columns=(),
            rows=(),
        )
    ]
