"""The rate map of the Learn section: closed form as lines, the study's own cells as marks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optbench.core.status import DIVERGED
from optbench.report.figure import FigureRecord
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.points import draw_rate_map
from optbench.report.figures.scales import drawable
from optbench.report.study import StudyView
from optbench.report.words import entry, in_words
from optbench.tables.heavy_ball import CURVATURES, exact_rate, largest_stable_lr
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    import pandas as pd

GRID = 200
"""Points of each side of the map."""

DECADES = 2.3
"""Learning rates shown below the largest at which any momentum is stable."""


def draw_rates(study: StudyView, writer: FigureWriter, rates: pd.DataFrame) -> list[FigureRecord]:
    """One map a workload that has quadratic curvatures and a cell of a heavy ball on it."""
    records = []
    for workload in study.workloads:
        curvatures = CURVATURES.get(str(study.fact("workloads", workload, "landscape")))
        rows = rates[rates["workload"] == workload] if len(rates) else rates
        if curvatures is None or rows.empty:
            continue
        one = rows.groupby(["optimizer", "lr", "momentum"], sort=False).agg(
            predicted=("predicted", "first"),
            measured=("measured", "median"),
            diverged=("status", lambda s: bool((s == DIVERGED.name).any())),
            n=("cell", "size"),
        )
        cells = one.reset_index()
        most = 4 / max(curvatures)
        low, high = drawable([cells["lr"].min(), cells["lr"].max()]).tolist()
        lr = np.geomspace(min(most / 10**DECADES, low / 1.5), max(most, high * 1.5), GRID)
        momentum = np.linspace(0, 1 - 1 / GRID, GRID)
        label = study.label("workloads", workload)
        labels = study.labels("optimizers")
        title = f"{label}: factor a step"
        draw = partial(
            draw_rate_map, (lr, momentum, exact_rate(lr[None, :], momentum[:, None], curvatures)), cells,
            styles=study.styles, edge=largest_stable_lr(momentum, curvatures), labels=labels, title=title,
        )  # fmt: skip
        said = "; ".join(
            f"{labels[str(r['optimizer'])]} at lr {in_words(float(r['lr']))}, momentum "
            f"{in_words(float(r['momentum']))}: predicted {in_words(float(r['predicted']))}, measured "
            f"{in_words(float(r['measured']))}"
            for r in row_dicts(cells)
        )
        drawn = writer.add_panel(
            draw, ("rates", workload), f"{label}: rate over learning rate and momentum", said + ".",
            width=500, height=330, right=30,
        )  # fmt: skip
        figure_id, pdf = writer.write_figure("rates", workload)
        steep, shallow = max(curvatures), min(curvatures)
        records.append(
            FigureRecord(
                id=figure_id,
                pdf=pdf,
                section="learn",
                workload=workload,
                title=f"{label}: where the heavy ball converges, and how fast",
                caption="Lines: the factor by which a step brings the heavy ball nearer to the minimum, in "
                "the end and in its slowest direction, computed from the characteristic equation z² − (1 + "
                f"b − lr·h)z + b = 0 for curvatures {shallow:g} and {steep:g}. Heavy line: 1; shaded: beyond "
                "it, the iteration diverges. Marks: this study's constant-rate cells, crosses diverged. The "
                "measured factor is half the slope of log loss over the second half of a run, as a factor.",
                panels=(drawn,),
                columns=("optimizer", "lr", "momentum", "predicted", "measured", "cells"),
                rows=tuple(
                    (
                        labels[str(r["optimizer"])],
                        *(entry(float(v)) for v in (r["lr"], r["momentum"], r["predicted"], r["measured"])),
                        int(r["n"]),
                    )
                    for r in row_dicts(cells)
                ),
            )
        )
    return records
