"""The section of oscillation shows medians, and no heading without them."""

from __future__ import annotations

import re

import pandas as pd

from lab.fabricate import Fake, fabricate
from lab.pages import Page, plain
from optbench.core.words import number
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render
from optbench.report.page.sections.oscillation import HEADS


def test_oscillation_shows_medians(mixed):
    path, page = mixed
    runs = pd.read_parquet(path.parents[2] / "results/demo/tables/runs.parquet")
    for index, workload in enumerate(("ravine", "digits")):
        groups = runs[runs["workload"] == workload].groupby(["optimizer", "schedule"], sort=False)
        rows = page.rows(f"t-osc-{index}")
        assert len(rows) == len(groups) == 6
        for row, (_, group) in zip(rows, groups, strict=True):
            assert [entry.split()[0] for entry in row[2:]] == [number(group[m].median()) for m in HEADS]
    assert page.rows("t-osc-1")[0][7] == "–"
    one_missing = page.rows("t-osc-0")[1]
    assert "[" in one_missing[2]
    assert one_missing[4].endswith("3/4 runs")


def test_what_was_not_measured_leaves_no_heading(tmp_path):
    page = plain(tmp_path / "never", Fake(seeds=1))
    assert not {"s-cost", "s-oscillation"} & set(page.ids)
    assert not re.search(r"#s-(cost|oscillation)", re.sub(r"<style>.*?</style>", "", page.source, flags=re.S))
    fake = Fake(workloads=("digits",), schedules=("constant",), seeds=1, oscillation=True, timed=True)
    results = fabricate(tmp_path / "results/demo", fake)
    timing = pd.read_parquet(results / "tables/timing.parquet")
    runs = pd.read_parquet(results / "tables/runs.parquet")
    for times, cells in (
        (timing.drop(columns="ratio_low"), runs.drop(columns="loss_rise")),
        (
            timing.assign(step_time_us=float("nan")),
            runs.assign(**dict.fromkeys(HEADS, float("nan"))),
        ),
    ):
        times.to_parquet(results / "tables/timing.parquet")
        cells.to_parquet(results / "tables/runs.parquet")
        draw_all(results / "tables", results / "figures")
        found = Page(render(results, tmp_path / "reports").read_text(encoding="utf-8"))
        assert not {"s-cost", "s-oscillation"} & set(found.ids)
        assert not found.open


def test_oscillation_without_a_summary_has_no_figure(tmp_path):
    fake = Fake(workloads=("ravine",), optimizers=("sgd", "adam"), seeds=2, oscillation=True)
    results = fabricate(tmp_path / "results/demo", fake)
    summary = pd.read_parquet(results / "tables/summary.parquet")
    summary[summary["metric"] != "update_cosine"].to_parquet(results / "tables/summary.parquet")
    records = draw_all(results / "tables", results / "figures")
    assert "oscillation" not in {record.section for record in records}
    page = Page(render(results, tmp_path / "reports").read_text(encoding="utf-8"))
    runs = pd.read_parquet(results / "tables/runs.parquet")
    assert page.rows("t-osc-0")[0][2] == number(runs["update_cosine"][:2].median())
