"""The oracle in the page: its figure, its table, and what a failed fact looks like."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate
from lab.oracle import ROWS, found
from optbench.report.figure import read_records, write_records
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.sections.oracle import draw_oracle
from optbench.report.page.build import render
from optbench.report.study import read_study_view


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
