"""Findings are the same wherever runs were compared."""

from __future__ import annotations

from pathlib import Path

from lab.fabricate import fabricate
from optbench.core.processes import run_beside
from optbench.findings.analysis import compare_all
from optbench.findings.write import write_findings


def test_findings_are_the_same_bytes_wherever_runs_were_compared(tmp_path: Path) -> None:
    results = fabricate(tmp_path / "study")
    tables = results / "tables"
    here = {file.name: file.read_bytes() for file in tables.iterdir()}
    with run_beside(compare_all, tables, apart=True) as compared:
        write_findings(results, compared())
    assert {file.name: file.read_bytes() for file in tables.iterdir()} == here
    assert {"comparisons.parquet", "ranking.csv", "findings.json"} <= here.keys()
