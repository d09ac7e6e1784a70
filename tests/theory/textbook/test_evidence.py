"""Cells are found by what they are; what is no evidence is none."""

from __future__ import annotations

from lab.claims import SUPPORTED, Content, check, fabricate
from optbench.theory.textbook.evidence import find_cells
from optbench.theory.textbook.setups import RAVINE, SGD, heavy_ball, need


def test_cells_are_found_by_what_they_are() -> None:
    tables = fabricate({"a": need(RAVINE, SGD, 0.1), "b": need(RAVINE, heavy_ball(0.8), 0.1)}, {})
    assert find_cells(tables, need(RAVINE, heavy_ball(0.8), 0.1)) is not None
    assert find_cells(tables, need(RAVINE, heavy_ball(0.9), 0.1)) is None
    assert find_cells(tables, need(RAVINE, SGD, 0.2)) is None


def test_a_diverged_run_is_worst_and_a_broken_one_is_no_evidence() -> None:
    content = {**SUPPORTED["A3"]}
    content["ball"] = Content(columns={"steps_to_target": float("nan")}, status="diverged")
    assert check("A3", content)["verdict"] == "inconclusive"  # two that never arrive tie
    content["ball"] = Content(columns={"steps_to_target": 10.0}, status="killed")
    assert "nothing to look at (8 killed)" in check("A3", content)["measured"]
