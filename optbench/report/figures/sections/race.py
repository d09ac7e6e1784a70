"""The figures of the Race section: contenders against seeds, intervals that narrow, drop-outs marked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optbench.core.specs import RaceSpec
from optbench.core.words import count
from optbench.findings.verdicts import DROPPED
from optbench.report.figure import FigureRecord
from optbench.report.figures.marks.race import draw_race
from optbench.report.study import by_schedule
from optbench.report.words import in_words
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    import pandas as pd

    from optbench.report.figures.backend.panels import FigureWriter
    from optbench.report.figures.context import DrawingContext
    from optbench.report.study import StudyView


def draw(context: DrawingContext) -> list[FigureRecord]:
    """One figure a workload, a panel a schedule; none without a race."""
    rows = context.race
    if rows is None:
        return []
    spec = RaceSpec.of_facts(context.study.facts)
    looks = tuple(map(float, spec.every_look)) if spec else ()
    return [
        _figure(context.study, context.writer, workload, rows[rows["workload"] == workload], looks)
        for workload in context.study.workloads
        if (rows["workload"] == workload).any()
    ]


def _figure(
    study: StudyView, writer: FigureWriter, workload: str, rows: pd.DataFrame, looks: tuple[float, ...]
) -> FigureRecord:
    alone = rows["against_optimizer"] == ""
    shown = rows.assign(
        estimate=np.where(alone, 1.0, rows["effect"]),
        dropped=rows["state"] == DROPPED,
    )
    label = study.label("workloads", workload)
    limits = _limits(shown)
    in_at = {n: int((rows.loc[rows["n"] == n, "state"] != DROPPED).sum()) for n in sorted(set(rows["n"]))}
    panels = []
    for schedule, rows_there in by_schedule(study, shown, workload):
        here = rows_there.reset_index(drop=True)
        title = study.label("schedules", schedule)
        gone = here[here["dropped"]]
        said = [
            f"{study.label('optimizers', str(r['optimizer']))} at {int(r['n'])} seeds "
            f"({in_words(float(r['effect']))})"
            for r in row_dicts(gone)
        ]
        panels.append(
            writer.add_panel(
                partial(draw_race, here, styles=study.styles, limits=limits, looks=looks, title=title),
                ("race", workload, schedule),
                f"{label}, {title}: ratio to the leader against seeds",
                f"Dropped: {', '.join(said) or 'none'}.",
            )
        )
    figure_id, pdf = writer.write_figure("race", workload)
    left = ", ".join(f"{many} after {count(n, 'seed')}" for n, many in in_at.items())
    return FigureRecord(
        id=figure_id,
        pdf=pdf,
        section="race",
        workload=workload,
        title="The race",
        caption="Loss over that of the leader of the look (1, dotted), or of whoever beat the one that was "
        "dropped (a cross), against seeds. Bars: 95% intervals of that comparison; optimistic at a cross, "
        "where they were looked at because they are extreme. Logarithmic, cut where a ratio lies far off. "
        f"Left: {left}.",
        panels=tuple(panels),
        columns=(),
        rows=(),
    )


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """From the least to the greatest ratio within a factor of ten, with the intervals of those who are in."""
    ratios = rows["estimate"].to_numpy(float)
    inside = ratios[np.isfinite(ratios) & (ratios > 0)]
    still = rows.loc[~rows["dropped"], ["low", "high"]].to_numpy(float).ravel()
    every = np.concatenate([inside, still[np.isfinite(still) & (still > 0)], [1.0]])
    every = np.clip(every, 0.1, 10.0)
    return float(every.min()) / 1.03, float(every.max()) * 1.03
