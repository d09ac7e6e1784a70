"""What traces of earlier versions and of others hold is made harmless where it is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, cell_facts, write_trace
from optbench.findings.write import write_findings
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render
from optbench.study.resolve import read_study
from optbench.tables.collect import collect
from optbench.tables.summary import summarize


def test_a_loss_that_stands_twice_counts_once(tmp_path, monkeypatch):
    """A workload's metric called `loss` stood beside the loss under the same name, and no page was made."""
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(
        "study: s\nseeds: 2\nworkloads: {ravine: {spread: 0.1}}\noptimizers: [sgd, adam]\n"
    )
    study = read_study(Path("study.yaml"))
    for cell in cells_of(study):
        facts = {**cell_facts(cell), "status": "ok", "error": "", "steps": 10}
        twice = np.array([0, 0, 10, 10], np.int32)
        values = np.array([3.0, -9.0, 1.0 + cell.seed, -9.0])
        write_trace(trace_path(cell), Trace(facts, {}, twice, ["validation"] * 4, ["loss"] * 4, values))
    collect(study)
    runs = pd.read_parquet("results/s/tables/runs.parquet")
    assert runs["final_val_loss"].tolist() == [1.0, 2.0, 1.0, 2.0]
    assert runs["best_val_loss"].tolist() == [1.0, 2.0, 1.0, 2.0]
    curves = pd.read_parquet("results/s/tables/curves.parquet")
    assert curves["value"].tolist() == [3.0, 1.0, 3.0, 2.0, 3.0, 1.0, 3.0, 2.0]
    summarize(study.results)
    write_findings(study.results)
    draw_all(study.results / "tables", study.results / "figures")
    render(study.results, Path("reports"))
