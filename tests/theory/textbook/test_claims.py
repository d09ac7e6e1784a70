"""The textbook's claims: each check can support, refute and hold back, and reproduces the checked numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lab.claims import (
    BY_ID,
    MOMENTUM_TIMED,
    PLAIN,
    PLAIN_TIMED,
    REFUTED,
    SUPPORTED,
    TIMED,
    Content,
    check,
    column,
    fabricate,
    losses,
    timed,
)
from optbench.theory.textbook import measure
from optbench.theory.textbook.claims import CLAIMS, check_claims
from optbench.theory.textbook.evidence import find_cells
from optbench.theory.textbook.setups import RAVINE, SGD, need
from optbench.theory.textbook.verdict import verdict

IDS = [*(f"A{i}" for i in range(1, 5)), *(f"B{i}" for i in range(1, 11)), "C1", "C2", "C3", "D1", "D2", "D3"]
IDS += ["E1", "E2", "E3", "E4"]


WAVERING = (0.9, 1.1, 0.8, 1.2, 0.95, 1.05, 0.85, 1.15)
OPEN: dict[str, dict[str, Content]] = {
    "A3": {
        "plain": Content(columns={"steps_to_target": 1.0}),
        "ball": Content(columns={"steps_to_target": WAVERING}),
    },
    "B4": timed(bone=100, b32=100, b64=100, b128=100, b256=100, bfull=101),
    "B5": {"one": Content(curves={("train", "batch_loss"): [1.0, 1.0, 1.0]})},
    "B6": {**SUPPORTED["B6"], "small": Content(columns={"final_val_loss": tuple(0.1 * w for w in WAVERING)})},
    "B10": {**SUPPORTED["B10"], "adam_0.1": column("final_val_loss", 0.25)},
    "C3": {**SUPPORTED["C3"], "step": losses(tuple([w] * 50 for w in WAVERING))},
    "E1": {
        "plain": Content(columns={"steps_to_target": 1.0}),
        "ball": Content(columns={"steps_to_target": WAVERING}),
    },
    "E3": {"plain": PLAIN_TIMED, "ball": Content(timing={**TIMED, **MOMENTUM_TIMED, "ratio_low": 0.9})},
    "noisy B4": {**SUPPORTED["B4"], "64": Content(timing={"step_time_us": 130.0, "noisy": True})},
    "noisy E3": {
        "plain": PLAIN_TIMED,
        "ball": Content(timing={**TIMED, **MOMENTUM_TIMED, "noisy": True, "noise": "others had it"}),
    },
}
"""Tables that do not tell."""


def test_every_claim_of_the_textbook_is_declared_once() -> None:
    assert [claim.id for claim in CLAIMS] == IDS
    for claim in CLAIMS:
        assert claim.text
        assert claim.predicted
        assert claim.test
        assert claim.source
        assert claim.needs


@pytest.mark.parametrize("claim_id", IDS)
def test_supported(claim_id: str) -> None:
    found = check(claim_id, SUPPORTED[claim_id])
    assert found["verdict"] == "supported", found["measured"]
    assert found["measured"]
    assert found["rows"]


@pytest.mark.parametrize("claim_id", sorted(REFUTED))
def test_refuted(claim_id: str) -> None:
    found = check(claim_id, REFUTED[claim_id])
    assert found["verdict"] == "refuted", found["measured"]


def test_e4_counts_settings() -> None:
    """Two optimizers with the same settings are no choice more."""
    tables = fabricate(dict(BY_ID["E4"].needs), SUPPORTED["E4"])
    plain = find_cells(tables, BY_ID["E4"].needs["plain"])
    assert plain is not None
    assert verdict(BY_ID["E4"].check({"plain": plain, "ball": plain}).parts) == "refuted"


def test_e3_says_nothing_of_a_time_that_was_not_compared_with_plain_sgd() -> None:
    tables = fabricate(dict(BY_ID["E3"].needs), SUPPORTED["E3"])
    ball = find_cells(tables, BY_ID["E3"].needs["ball"])
    assert ball is not None
    of_ball = replace(tables, timing=tables.timing.assign(reference=ball.optimizer))
    cells = {name: find_cells(of_ball, need) for name, need in BY_ID["E3"].needs.items()}
    outcome = BY_ID["E3"].check({name: each for name, each in cells.items() if each is not None})
    assert verdict(outcome.parts) == "inconclusive"
    assert outcome.parts[1].said.endswith("not against plain SGD")
    assert math.isnan(outcome.values["ratio"])


def test_b5_would_see_an_average_that_forgets_the_wrong_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optbench.theory.textbook.regimes.average", lambda b, y: measure.average(1 - b, y))
    assert check("B5", SUPPORTED["B5"])["verdict"] == "refuted"


@pytest.mark.parametrize("case", sorted(OPEN))
def test_inconclusive(case: str) -> None:
    found = check(case.rpartition(" ")[2], OPEN[case])
    assert found["verdict"] == "inconclusive", found["measured"]
    if case.startswith("noisy"):
        assert "withheld" in found["measured"]
        assert "the machine was not quiet" in found["measured"]


@pytest.mark.parametrize("claim_id", [name for name in IDS if name != "E4"])
def test_without_a_run_it_is_inconclusive_and_says_why(claim_id: str) -> None:
    claim = BY_ID[claim_id]
    gone = {name: Content(status="missing") for name in claim.needs}
    found = check(claim_id, gone)
    assert found["verdict"] == "inconclusive"
    assert found["measured"].startswith("not measured: ")


@pytest.mark.parametrize("claim_id", ["A3", "B1", "B2", "B3", "B10", "C3", "E1", "E2"])
def test_five_seeds_are_insufficient(claim_id: str) -> None:
    found = check(claim_id, SUPPORTED[claim_id], seeds=5)
    assert found["verdict"] == "inconclusive"
    assert "insufficient data, 5 paired seeds of at least 6" in found["measured"]


def test_a_claim_whose_cells_a_study_does_not_plan_is_left_out() -> None:
    tables = fabricate({"only": need(RAVINE, SGD, 0.1)}, {"only": PLAIN})
    found = {claim["id"]: claim for claim in check_claims(tables)}
    assert sorted(found) == ["B6", "C1", "D1"]
    assert found["C1"]["verdict"] == "supported"
    assert found["D1"]["measured"] == "not measured: the study has no cells for b08, b09"
