"""All figures of a study: what is recorded is written, when asked for as PDF."""

from __future__ import annotations

import json

import pytest

from lab.fabricate import Fake, fabricate
from optbench.report.figure import read_records
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render


@pytest.mark.parametrize(("key", "asked", "made"), [
    (False, None, False), (True, None, True), (False, True, True), (True, False, False),
])  # fmt: skip
def test_pdfs_are_made_when_asked_for(tmp_path, key, asked, made):
    fake = Fake(workloads=("ravine",), optimizers=("sgd",), schedules=("constant",), seeds=1)
    results = fabricate(tmp_path / "demo", fake)
    study = results / "tables/study.json"
    facts = json.loads(study.read_text())
    study.write_text(json.dumps({**facts, "report": {**facts.get("report", {}), "pdf": key}}))
    figures = results / "figures"
    figures.mkdir()
    (figures / "stale.pdf").write_text("old")
    records = draw_all(results / "tables", figures, pdf=asked)
    assert {bool(record.pdf) for record in records} == {made}
    assert {file.name for file in figures.glob("*.pdf")} == {record.pdf for record in records} - {""}
    page = render(results, tmp_path / "reports").read_text()
    assert ("PDF: figures" in page) == made


def test_draw_all_writes_what_it_records(tmp_path):
    results = fabricate(tmp_path / "demo", Fake(workloads=("ravine",), optimizers=("sgd", "adam"), seeds=3))
    figures = results / "figures"
    figures.mkdir()
    (figures / "stale.svg").write_text("old")
    records = draw_all(results / "tables", figures)
    assert read_records(figures / "figures.json") == records
    named = {p.svg for r in records for p in r.panels} | {"figures.json"}
    assert {f.name for f in figures.iterdir()} == named
    assert {r.section for r in records} == {
        "verdict", "across", "convergence", "final", "arrival", "schedules", "lesson", "learn",
    }  # fmt: skip
    for record in records:
        assert record.caption.endswith(".")
        assert all(panel.alt and panel.title for panel in record.panels)
        assert all(len(row) == len(record.columns) for row in record.rows)
    by_loss = next(r for r in records if r.section == "convergence")
    assert "3 seeds" in by_loss.caption
    assert "75%" in by_loss.caption
    first = {f.name: f.read_bytes() for f in figures.iterdir()}
    # Once more, and whoever draws: the same bytes.
    draw_all(results / "tables", figures, cores=2)
    assert {f.name: f.read_bytes() for f in figures.iterdir()} == first


def test_cost_and_oscillation_are_drawn_where_they_were_measured(tmp_path):
    fake = Fake(
        seeds=3, oscillation=True, timed=True, noise={"digits": "busy"}, untimed={"digits/adam": "no"}
    )
    results = fabricate(tmp_path / "demo", fake)
    records = draw_all(results / "tables", results / "figures")
    cost, *by_workload = [r for r in records if r.section == "cost"]
    assert [(r.workload, r.title) for r in by_workload] == [
        ("ravine", "Time to target"), ("digits", "Time to target"),
        ("ravine", "Final loss against time"), ("digits", "Final loss against time"),
    ]  # fmt: skip
    assert len(cost.panels) == 1
    assert cost.caption.endswith(" Ratios are withheld where the machine was noisy: Digits, MLP.")
    assert "SGD" in cost.caption
    assert "12 to 14 rounds" in cost.caption
    assert [row[1:4] for row in cost.rows[:2]] == [("SGD", 1, 1), ("momentum", 1.5, pytest.approx(1.47))]
    assert [row[0] for row in cost.rows] == ["Ravine"] * 3
    assert [r.caption.endswith(("relied on.", "were timed.")) for r in by_workload] == [False, True] * 2
    assert "Adam 2.25 (2.16 to 2.39)" in cost.panels[0].alt
    cosines = [r for r in records if r.section == "oscillation"]
    assert [r.workload for r in cosines] == ["ravine", "digits"]
    assert all(len(r.panels) == 2 for r in cosines)
    assert "3 seeds" in cosines[0].caption
    assert "75%" in cosines[0].caption


def test_many_optimizers_go_to_further_panels(tmp_path):
    names = tuple(f"o{i}" for i in range(11))
    results = fabricate(
        tmp_path / "many", Fake(workloads=("digits",), optimizers=names, schedules=("constant",), seeds=1)
    )
    records = draw_all(results / "tables", results / "figures")
    losses = next(r for r in records if r.section == "convergence")
    assert len(losses.panels) == 2
    assert "Bands: none, of one run." in losses.caption
