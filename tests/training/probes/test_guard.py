"""Probes never change what becomes of a cell."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lab import faults
from lab.faults import cell
from optbench.training.checks.cells import check_cells
from optbench.training.loop import train_cell

NOWHERE = Path("there-is-no-data")


def rows(trace):
    whole = zip(trace.step.tolist(), trace.split, trace.metric, trace.value.tolist(), strict=True)
    return [row for row in whole if row[1] != "probe"]


def picky(start: int = 0):
    """Its loss refuses gradients in evaluation mode, which training never asks for, from a call on."""
    calls = [0]

    def loss(model, batch):
        calls[0] += 1
        if torch.is_grad_enabled() and not model.training and calls[0] > start:
            raise RuntimeError("no gradient in evaluation mode")
        return ((model(batch[0]) - batch[1]) ** 2).mean()

    return faults.line(loss=loss)


@pytest.mark.parametrize("start", [0, 10])
def test_a_probe_that_fails_is_switched_off_and_says_why(start, monkeypatch):
    monkeypatch.setattr(faults, "picky", lambda: picky(start), raising=False)
    plain, probed = (train_cell(cell("picky", probes=every), NOWHERE) for every in (0, 1))
    assert probed.facts["status"] == plain.facts["status"] == "ok", probed.facts["error"]
    assert rows(probed) == rows(plain)
    assert probed.facts["probes_failed"] == "RuntimeError: no gradient in evaluation mode"
    assert "probes" not in probed.facts
    assert "probe" not in probed.split
    assert probed.times["probe_time_s"] > 0
    assert "probes_failed" not in plain.facts
    found = check_cells([cell("picky", probes=1)], NOWHERE)
    if start == 0:
        assert found.problems == []
        assert found.warnings == [
            "workloads.picky: probes: they cannot look at it, and its cells are trained without: "
            "RuntimeError: no gradient in evaluation mode"
        ]


@pytest.mark.parametrize("optimizer", ["sgd", "SparseAdam"])
@pytest.mark.parametrize("kind", ["embedding", "bag"])
def test_sparse_gradients_are_looked_at_like_dense_ones(kind, optimizer, monkeypatch):
    monkeypatch.setattr(faults, "SparseAdam", torch.optim.SparseAdam, raising=False)
    plain, probed = (train_cell(cell("words", optimizer, kind=kind, probes=n), NOWHERE) for n in (0, 1))
    assert probed.facts["status"] == plain.facts["status"] == "ok", probed.facts["error"]
    assert rows(probed) == rows(plain)
    assert "probes_failed" not in probed.facts, probed.facts["probes_failed"]
    # The same table with dense gradients moves alike under plain descent, so its probes see the same.
    if optimizer == "sgd":
        dense = faults.words(kind)

        def build():
            model = dense.model()
            model.sparse = False
            return model

        from dataclasses import replace

        monkeypatch.setattr(faults, "dense_words", lambda: replace(dense, model=build), raising=False)
        other = train_cell(cell("dense_words", probes=1), NOWHERE)
        sums, expected = probed.facts["probes"]["sums"], other.facts["probes"]["sums"]
        assert {k: v for k, v in sums.items() if v is not None} == pytest.approx(
            {k: v for k, v in expected.items() if v is not None}, rel=1e-5
        )
