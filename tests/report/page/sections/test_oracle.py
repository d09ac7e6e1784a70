"""The oracle in the page: its figure, its table, and what a failed fact looks like."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lab.fabricate import Fake, fabricate

from optbench.report.figure import read_records, write_records
from optbench.report.figures.axes import panel
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.marks.deviations import draw_deviations, shares
from optbench.report.figures.sections.oracle import draw_oracle
from optbench.report.page.build import render
from optbench.report.study import read_study_view

ROWS = [
    # fact, topic, predicted, measured, tolerance, verdict, note
    ("rate_gd", "Rates", 0.9, 0.9, 1e-9, "agrees", ""),
    ("rate_hb", "Rates", 0.5, 0.5004, 1e-3, "agrees", ""),
    ("limit_gd", "Limits", 2.0, 2.1, 0.01, "differs", ""),
    ("diverged", "Limits", 5.0, 4.0, 0.0, "differs", ""),
    ("limit_hb", "Limits", 3.0, np.nan, 0.03, "not measured", "the tables hold no run of a/b/<c>"),
]


def found() -> pd.DataFrame:
    columns = ["fact", "topic", "predicted", "measured", "tolerance", "verdict", "note"]
    table = pd.DataFrame(ROWS, columns=columns)
    table["deviation"] = (table["measured"] - table["predicted"]).abs()
    return table.assign(
        what="a quantity", formula="1 - lr h", reason="rounding", source="Somebody 1999", where="a/b/c"
    )


def made(folder: Path, table: pd.DataFrame | None, *, asked: bool = True) -> tuple[Path, str]:
    """A page of a fabricated study with this table of the oracle; its results folder and its text."""
    results = fabricate(folder / "results" / "mine", Fake(workloads=("ravine",), seeds=2))
    facts = json.loads((results / "tables/study.json").read_text())
    (results / "tables/study.json").write_text(json.dumps({**facts, "oracle": asked}))
    if table is not None:
        table.to_parquet(results / "tables/oracle.parquet")
    (results / "figures").mkdir()
    file = results / "tables/oracle.parquet"
    with drawing():
        records = draw_oracle(read_study_view(results / "tables"), FigureWriter(results / "figures"), file)
    write_records(records, results / "figures/figures.json")
    return results, render(results, folder / "reports").read_text(encoding="utf-8")


def test_deviations_are_drawn_in_tolerances():
    table = found()
    assert shares(table) == pytest.approx([0, 0.4, 10, np.inf, np.nan], nan_ok=True)
    _, ax = panel()
    draw_deviations(table, ax)
    at = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(at) == ["rate_gd", "rate_hb", "limit_gd", "diverged"]
    assert [line.get_xdata()[0] for line in at.values()] == pytest.approx([1e-6, 0.4, 10, 100])
    assert [line.get_marker() for line in at.values()] == ["o", "o", "X", "X"]
    assert [line.get_ydata()[0] for line in at.values()] == [0, 1, 2, 3]
    assert [text.get_text() for text in ax.texts] == ["not measured"]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(table["fact"])


def test_the_page_shows_what_failed(tmp_path):
    results, page = made(tmp_path, found())
    (record,) = (r for r in read_records(results / "figures/figures.json") if r.section == "oracle")
    assert [shown.title.partition(":")[0] for shown in record.panels] == ["Rates", "Limits"]
    rates, limits = (shown.alt for shown in record.panels)
    assert rates == "2 of 2 facts agree, the farthest of them rate_hb at 0.4 of its tolerance."
    assert (
        limits == "0 of 3 facts agree; not: limit_gd (differs), diverged (differs), limit_hb (not measured)."
    )
    part = page.partition('id="o-oracle"')[2].partition('id="s-cells"')[0]
    assert '<p class="warning">2 of 5 numbers with a closed form came out as predicted.' in part
    assert "limit_gd, diverged and limit_hb did not" in part
    table = part.partition('id="t-oracle"')[2].partition("</table>")[0]
    assert len(re.findall(r'<th scope="row">', table)) == len(ROWS)
    assert table.count("✗ differs") == 2
    assert "✗ not measured" in table
    assert "a/b/&lt;c&gt;" in table
    assert "Somebody 1999" in table


def test_the_page_says_that_all_agree(tmp_path):
    _, page = made(tmp_path, found().iloc[:2])
    assert '<p class="lead">2 of 2 numbers with a closed form came out as predicted.</p>' in page


@pytest.mark.parametrize(("table", "asked"), [(None, True), (found(), False)])
def test_without_an_oracle_the_page_has_none(tmp_path, table, asked):
    results, page = made(tmp_path, table, asked=asked)
    assert read_study_view(results / "tables").facts["oracle"] is asked
    assert "o-oracle" not in page
    assert not [r for r in read_records(results / "figures/figures.json") if r.section == "oracle"]
