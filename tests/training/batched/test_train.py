"""Seeds trained as one model: each cell gets the trace that it gets alone, to rounding."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.batched import cells, same_to_rounding
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, read_trace
from optbench.running.supervisor import train_all
from optbench.training.batched.train import train_together
from optbench.training.loop import train_cell

NOWHERE = Path("there-is-no-data")


def rows(trace: Trace) -> list[tuple[object, ...]]:
    return [*zip(trace.step.tolist(), trace.split, trace.metric, trace.value.tolist(), strict=True)]


@pytest.mark.parametrize(
    "settings", ["", ", augmented: true", ", full: true", ", augmented: true, full: true"]
)
def test_a_cell_gets_the_trace_that_it_gets_alone(tmp_path, monkeypatch, settings):
    net = f'net: {{factory: "plugin:network"{settings}}}'
    group = cells(tmp_path, monkeypatch, net, "adam: {lr: 0.02}", "cosine")
    traces = train_together(group, NOWHERE)
    for cell, trace in zip(group, traces, strict=True):
        alone = train_cell(cell, NOWHERE)
        same_to_rounding(alone, trace)
        assert trace.times.keys() == alone.times.keys()
        assert trace.facts["execution"] == {
            "seeds": "batched",
            "together": [0, 1, 2],
            "step": "eager",
            "why": "",
        }
        assert trace.facts["seed"] == cell.seed
    assert traces[0].value.tolist() != traces[1].value.tolist()


def test_a_seed_that_diverges_touches_no_other(tmp_path, monkeypatch):
    """Of the three starts one lies beyond sqrt(2), where descent at lr = 1 flies apart."""
    group = cells(tmp_path, monkeypatch, 'quartic: {factory: "plugin:quartic"}', "sgd: {lr: 1.0}")
    traces = train_together(group, NOWHERE)
    alone = [train_cell(cell, NOWHERE) for cell in group]
    assert [trace.facts["status"] for trace in traces] == [trace.facts["status"] for trace in alone]
    assert [trace.facts["status"] for trace in traces].count("diverged") == 1
    for one, other in zip(alone, traces, strict=True):
        same_to_rounding(one, other, 1e-12)


def test_a_group_ends_when_all_its_seeds_have(tmp_path, monkeypatch):
    group = cells(tmp_path, monkeypatch, 'quartic: {factory: "plugin:quartic"}', "sgd: {lr: 1.0e+6}")
    for cell, trace in zip(group, train_together(group, NOWHERE), strict=True):
        assert trace.facts["status"] == "diverged"
        same_to_rounding(train_cell(cell, NOWHERE), trace, 1e-12)


def test_a_cell_does_not_depend_on_which_of_its_group_are_wanted(tmp_path, monkeypatch):
    group = cells(tmp_path, monkeypatch, 'net: {factory: "plugin:network", augmented: true}')
    every = train_together(group, NOWHERE)
    (second,) = train_together(group[1:2], NOWHERE)
    assert rows(second) == rows(every[1])
    assert second.facts == every[1].facts


def test_a_seed_that_raises_costs_itself_alone(tmp_path, monkeypatch):
    group = cells(tmp_path, monkeypatch, 'fragile: {factory: "plugin:fragile", how: raises}')
    traces = train_together(group, NOWHERE)
    assert [trace.facts["status"] for trace in traces] == ["ok", "ok", "error"]
    for trace in traces:
        why = "training them together failed: RuntimeError: this seed fails"
        assert trace.facts["execution"] == {"seeds": "alone", "step": "eager", "why": why}


def test_a_seed_that_kills_its_process_costs_itself_alone(tmp_path, monkeypatch):
    group = cells(tmp_path, monkeypatch, 'fragile: {factory: "plugin:fragile", how: exits}')
    told = {}
    train_all(group, NOWHERE, tmp_path, 1, lambda cell, status: told.update({cell.seed: status}))
    assert told == {0: "ok", 1: "ok", 2: "killed"}
    facts = [read_trace(trace_path(cell)).facts for cell in group]
    assert facts[0]["execution"]["why"] == "trained together: the training process ended with exit status 7"
    assert "exit status 7" in facts[2]["error"]
