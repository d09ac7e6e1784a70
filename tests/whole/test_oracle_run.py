"""The oracle end to end: the shipped study's cells agree, and a pipeline whose facts fail says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.checkout import copy_workflow
from lab.studies import run, write_study
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import write_trace
from optbench.cli import cli
from optbench.study.resolve import read_study
from optbench.tables.collect import collect
from optbench.theory.oracle.table import AGREES, FACTS, write_oracle
from optbench.training.loop import train_cell


def test_the_pipelines_own_numbers_agree(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = read_study(project / "config/oracle.yaml")
    for cell in cells_of(study):
        write_trace(trace_path(cell), train_cell(cell, study.data_folder))
    collect(study)
    table = write_oracle(study.results / "tables")
    assert len(table) == len(FACTS)
    assert (
        table.loc[table["verdict"] != AGREES, ["fact", "predicted", "measured", "note"]].values.tolist() == []
    )
    assert CliRunner().invoke(cli, ["oracle", str(study.results)]).exit_code == 0


STUDY = """
    study: tiny
    oracle: true
    seeds: 1
    timing: false
    workloads:
      plain: {factory: "optbench.catalogue.workloads.oracle:slope", gradient: 0.0, start: 2.0, steps: 20}
    optimizers:
      sgd_l2: {like: sgd, lr: 0.01, weight_decay: 0.5}
    """


def test_facts_that_fail_end_the_run_after_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_workflow(tmp_path)
    write_study(tmp_path, STUDY)
    done = run("snakemake", "--cores", "2", "--configfile", "study.yaml", cwd=tmp_path)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert f"1 of {len(FACTS)} facts agree" in told
    page = tmp_path / "reports/tiny/index.html"
    assert f"1 of {len(FACTS)} numbers with a closed form came out as predicted." in page.read_text()
    assert not (tmp_path / "results/tiny/oracle.agrees").exists()

    monkeypatch.chdir(tmp_path)
    again = CliRunner().invoke(cli, ["run", "study.yaml", "--cores", "1"])
    assert again.exit_code == 1
    assert again.stdout.index(page.as_uri()) < again.stdout.index("facts agree")
