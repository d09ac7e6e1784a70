"""The textbook's study, run: the checked numbers come out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.checkout import ROOT
from optbench.theory.textbook.claims import CLAIMS, write_claims
from optbench.theory.textbook.evidence import find_cells, read_tables
from optbench.theory.textbook.file import read_claims

IDS = [*(f"A{i}" for i in range(1, 5)), *(f"B{i}" for i in range(1, 11)), "C1", "C2", "C3", "D1", "D2", "D3"]
IDS += ["E1", "E2", "E3", "E4"]


@pytest.fixture(scope="module")
def textbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The textbook study's tables with the deterministic cells and seed 0 of the regression trained."""
    from optbench.cells.matrix import cells_of
    from optbench.cells.paths import trace_path
    from optbench.cells.trace import write_trace
    from optbench.study.resolve import read_study
    from optbench.tables.collect import collect
    from optbench.training.loop import train_cell

    folder = tmp_path_factory.mktemp("textbook")
    file = ROOT / "config" / "textbook.yaml"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        study = read_study(file, "cpu")
        lines = [f"linear_regression/{name}/constant/0" for name in ("sgd", "sgd_tenth", "heavy_ball")]
        for cell in cells_of(study):
            if cell.workload.name in {"ravine", "saddle", "double_well", "slope"} or cell.name in lines:
                write_trace(trace_path(cell), train_cell(cell, study.data_folder))
        collect(study)
        write_claims(study.results)
    return folder / "results" / "textbook" / "tables"


def test_the_textbook_study_plans_every_claim(textbook: Path) -> None:
    found = read_claims(textbook)
    assert [claim["id"] for claim in found] == IDS
    assert not [claim["id"] for claim in found if "has no cells" in claim["measured"]]
    wanted = read_tables(textbook)
    for claim in CLAIMS:
        for name, each in claim.wants.items():
            assert find_cells(wanted, each) is not None, (claim.id, name)


def test_the_checked_numbers_come_out(textbook: Path) -> None:
    found = {claim["id"]: claim for claim in read_claims(textbook)}
    ends = found["D3"]["values"]
    assert ends["final_loss_plain"] == pytest.approx(0.102332, rel=1e-5)
    assert ends["final_loss_b08"] == pytest.approx(2.86818e-05, rel=1e-5)
    assert ends["final_loss_b09"] == pytest.approx(3.63627e-04, rel=1e-5)
    line = found["E1"]["values"]
    assert (line["plain_epoch"], line["momentum_epoch"]) == (207, 38)
    assert line["plain_tenth_loss"] == pytest.approx(0.465729, abs=1e-6)
    optimum = json.loads((textbook / "study.json").read_text())["workloads"]["linear_regression"]["optimum"]
    assert optimum == pytest.approx(0.265645, abs=1e-6)


def test_deterministic_claims_come_out(textbook: Path) -> None:
    found = {claim["id"]: claim for claim in read_claims(textbook)}
    for claim_id in ("A2", "A4", "B7", "B8", "B9", "C1", "C2", "D1", "D2", "D3", "E4"):
        assert found[claim_id]["verdict"] == "supported", found[claim_id]["measured"]
    assert found["E1"]["verdict"] == "inconclusive"  # one seed
    assert found["B7"]["values"]["swing_ball_01"] > found["B7"]["values"]["swing_plain_01"]


def test_the_same_tables_give_the_same_bytes(textbook: Path) -> None:
    before = (textbook / "claims.json").read_bytes()
    write_claims(textbook.parent)
    assert (textbook / "claims.json").read_bytes() == before
    assert all(
        {"id", "text", "predicted", "measured", "verdict", "figure"} <= set(c) for c in json.loads(before)
    )


def test_figures_of_the_textbook_are_drawn_from_what_ran(textbook: Path, tmp_path: Path) -> None:
    from optbench.report.figures.backend.panels import FigureWriter
    from optbench.report.figures.backend.style import drawing
    from optbench.report.figures.sections.textbook import draw_textbook

    with drawing():
        records = draw_textbook(FigureWriter(tmp_path), read_tables(textbook))
    (record,) = records  # of the cells that these figures need, only the ravine's have run
    assert record.id == "effective-lr"
    assert [panel.id for panel in record.panels] == ["effective-lr-x", "effective-lr-y"]
    assert all((tmp_path / panel.svg).exists() and panel.alt for panel in record.panels)
    rows = {(row[0], row[1]): row for row in record.rows}
    # Adagrad's first step is lr g / |g|: lr over the first gradient, 0.3 along and 3.6 across.
    assert rows["Adagrad", "x"][2] == pytest.approx(0.1 / 0.3)
    assert rows["Adagrad", "y"][2] == pytest.approx(0.1 / 3.6)
    assert rows["Adagrad", "x"][3] == rows["Adagrad", "x"][4]  # it ends at its least
