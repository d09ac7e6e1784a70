"""The figure of predicted against measured, of a study that consulted the oracle."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from optbench.report.figure import FigureRecord
from optbench.report.figures.axes import text_width
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.marks.deviations import draw_deviations, shares
from optbench.report.study import StudyView
from optbench.report.tables import read_oracle
from optbench.report.words import in_words

if TYPE_CHECKING:
    from pathlib import Path

AXIS_WIDTH: Final = 220
"""Points from the left end of the axis to the panel's right edge."""


def draw_oracle(study: StudyView, writer: FigureWriter, file: Path) -> list[FigureRecord]:
    """One panel a topic: each fact's deviation in units of its tolerance."""
    table = read_oracle(study, file)
    if table is None:
        return []
    panels = []
    for topic, rows in table.groupby("topic", sort=False):
        left = 10 + max(text_width(str(name)) for name in rows["fact"])
        panels.append(
            writer.add_panel(
                partial(draw_deviations, rows, title=str(topic)),
                ("oracle", str(topic)),
                f"{topic}: predicted against measured",
                _alt_text(rows),
                width=left + AXIS_WIDTH,
                height=84 + 20 * len(rows),
                left=left,
                right=20,
            )
        )
    figure_id, pdf = writer.write_figure("oracle")
    return [
        FigureRecord(
            id=figure_id,
            pdf=pdf,
            section="oracle",
            workload="",
            title="Predicted against measured",
            caption="One row a fact: how far the measurement lies from the closed form, in units of the "
            "fact's tolerance. A dot, left of the dotted line at 1, agrees; a cross, right of it, differs. "
            "Logarithmic axis; what came nearer than a millionth of the tolerance stands at its left end.",
            panels=tuple(panels),
            columns=(),
            rows=(),
        )
    ]


def _alt_text(rows: pd.DataFrame) -> str:
    """The panel for those who do not see it: how many agree, the farthest of them, and those that do not."""
    fine = (rows["verdict"] == "agrees").to_numpy(bool)
    told = f"{fine.sum()} of {len(rows)} facts agree"
    if fine.any():
        near = np.where(fine, shares(rows), -1.0)
        farthest = int(near.argmax())
        share = in_words(float(near[farthest]))
        told += f", the farthest of them {rows['fact'].iloc[farthest]} at {share} of its tolerance"
    failed = [f"{row['fact']} ({row['verdict']})" for _, row in rows[~fine].iterrows()]
    return told + (f"; not: {', '.join(failed)}" if failed else "") + "."
