"""Figures of the textbook where their cells ran."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.claims import BY_ID, SUPPORTED, check, fabricate, regimes
from optbench.theory.textbook.claims import CLAIMS


def test_every_figure_is_drawn_where_its_cells_ran(tmp_path: Path) -> None:
    from optbench.report.figures.backend.panels import FigureWriter
    from optbench.report.figures.backend.style import drawing
    from optbench.report.figures.sections.textbook import draw_textbook

    content = {**regimes(bone=0.5, b32=0.1, b64=0.08, b128=0.06, b256=0.02, bfull=0.001)}
    needs = {**BY_ID["B1"].needs, **BY_ID["C3"].needs, **BY_ID["B10"].needs, **BY_ID["B8"].needs}
    content |= {**SUPPORTED["C3"], **SUPPORTED["B10"], **SUPPORTED["B8"]}
    with drawing():
        records = draw_textbook(FigureWriter(tmp_path), fabricate(needs, content))
    assert [record.id for record in records] == ["regimes", "lr-sweep", "effective-lr", "settling"]
    figures = {check(claim.id, SUPPORTED[claim.id])["figure"] for claim in CLAIMS}
    assert {record.id for record in records} <= figures
    by_id = {record.id: record for record in records}
    assert len(by_id["regimes"].panels) == 6
    assert [row[0] for row in by_id["settling"].rows] == ["Noisy bowl, SGD at lr 1.5"] * 3
    adam = {row[1]: row[2] for row in by_id["lr-sweep"].rows if row[0] == "Adam"}
    assert adam[0.01] == pytest.approx(0.1 * 1.035)  # the median of eight, 1% apart


def test_lines_leave_out_what_an_axis_cannot_show() -> None:
    from matplotlib.figure import Figure

    from optbench.report.figures.marks.lines import draw_lines

    table = pd.DataFrame(
        {"line": ["a", "a", "a", "b"], "x": [1.0, 2.0, 3.0, 1.0], "y": [1.0, np.inf, 0.5, 0.0]}
    )
    ax = Figure().add_subplot()
    draw_lines(table, ax, x_label="x", y_label="y")
    (line,) = [each for each in ax.lines if each.get_label() == "a"]
    assert line.get_xydata().tolist() == [[1.0, 1.0], [3.0, 0.5]]
    assert not [each for each in ax.lines if each.get_label() == "b"]
    assert ax.get_yscale() == "log"
