"""The section of sensitivity says what the tables hold."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lab.fabricate import Fake, fabricate
from optbench.report.figures.backend.panels import FigureWriter
from optbench.report.figures.backend.style import drawing
from optbench.report.figures.draw import draw_all
from optbench.report.figures.sections.sensitivity import draw_tuning
from optbench.report.page.build import render
from optbench.report.study import read_study_view
from optbench.report.tables import read_tuned
from optbench.tables.sensitivity import summarize_tuning
from optbench.tables.tuning import TUNING_COLUMNS


def test_the_section_says_what_the_tables_hold(tmp_path: Path) -> None:
    results = fabricate(tmp_path / "results" / "demo", Fake(tuned=True))
    records = draw_all(results / "tables", results / "figures")
    drawn = [record for record in records if record.section == "sensitivity"]
    assert [record.workload for record in drawn] == ["ravine", "ravine", "digits", "digits"]
    for record in drawn:
        assert len(record.panels) == 2
        assert all(panel.alt for panel in record.panels)
        assert record.rows
    page = render(results, tmp_path / "reports").read_text(encoding="utf-8")
    section = page[page.index('<section id="s-sensitivity"') :]
    section = section[: section.index("</section>")]
    assert "2 of 6 at the edge" in section
    assert "on the edge of the grid" in section
    assert "0.001 to 1 with 1 candidate a decade and 2 tuning seeds and kept to it" in section
    assert "It spent 8 trials; 96 in all." in section
    assert 'href="#s-sensitivity"' in page


def test_a_workload_that_was_not_tuned_has_no_part(tmp_path: Path) -> None:
    results = fabricate(tmp_path / "results" / "demo", Fake(tuned=True))
    tuning = pd.read_parquet(results / "tables/tuning.parquet")
    tuning[tuning["workload"] == "digits"].to_parquet(results / "tables/tuning.parquet", index=False)
    summarize_tuning(results)
    (results / "figures").mkdir()
    study = read_study_view(results / "tables")
    with drawing():
        records = draw_tuning(study, FigureWriter(results / "figures"), read_tuned(results / "tables"))
    assert {record.workload for record in records} == {"digits"}


def test_without_a_tuning_there_is_no_section(tmp_path: Path) -> None:
    results = fabricate(tmp_path / "results" / "demo", Fake(workloads=("ravine",), seeds=1))
    pd.DataFrame(columns=list(TUNING_COLUMNS)).astype(TUNING_COLUMNS).to_parquet(
        results / "tables/tuning.parquet"
    )
    summarize_tuning(results)
    assert len(pd.read_parquet(results / "tables/sensitivity.parquet")) == 0
    page = render(results, tmp_path / "reports").read_text(encoding="utf-8")
    assert 'id="s-sensitivity"' not in page
    assert 'href="#s-sensitivity"' not in page
