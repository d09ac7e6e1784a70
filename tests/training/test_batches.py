"""Batches of an epoch: which examples each holds, and whether a shorter last one counts."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from lab import faults
from lab.faults import cell
from optbench.cells.seeds import stream_seed
from optbench.cells.timing_file import OPTIMIZER
from optbench.core.specs import OptimizerSpec, WorkloadSpec
from optbench.study.timing import TimingSpec
from optbench.testing import check_workload
from optbench.training.batched.stack import stacked_batches
from optbench.training.batched.train import train_together
from optbench.training.batches import example_batches, training_batches
from optbench.training.loop import train_cell
from optbench.training.timing.measure import measure

NOWHERE = Path("there-is-no-data")
CPU = torch.device("cpu")


def counted(**fields):
    return faults.line(train=(torch.arange(10),), **fields)


def sizes(workload, n):
    return [len(batch[0]) for batch in islice(training_batches(workload, 0, CPU), n)]


def test_an_epoch_ends_with_its_shorter_batch_or_without():
    assert sizes(counted(), 6) == [4, 4, 2, 4, 4, 2]
    assert sizes(counted(drop_last=True), 6) == [4, 4, 4, 4, 4, 4]
    assert sizes(counted(drop_last=True, batch_size=None), 2) == [10, 10]
    assert sizes(counted(drop_last=True, batch_size=5), 4) == [5, 5, 5, 5]


def test_what_is_dropped_is_the_end_of_each_epochs_own_order():
    order = torch.Generator().manual_seed(stream_seed(3, "order"))
    expected = [torch.randperm(10, generator=order)[:8].split(4) for _ in range(2)]
    found = list(islice(training_batches(counted(drop_last=True), 3, CPU), 4))
    for batch, places in zip(found, [*expected[0], *expected[1]], strict=True):
        assert torch.equal(batch[0], places)
    # Seeds that are trained together get the same.
    batches, own = stacked_batches([counted(drop_last=True)] * 2, [3, 4], CPU)
    assert own
    for batch, together in zip(found, islice(batches, 4), strict=True):
        assert torch.equal(batch[0], together[0][0])


def test_budget_and_horizon_count_whole_batches():
    epochs = counted(drop_last=True, steps=None, epochs=3)
    assert (epochs.steps_per_epoch, epochs.budget) == (2, 6)
    assert (counted().steps_per_epoch, counted(steps=None, epochs=3).budget) == (3, 9)


def test_an_epoch_without_any_batch_is_one_sentence():
    with pytest.raises(ValueError, match=r"drop_last leaves no batch: batch_size is 11, and there are 10"):
        counted(drop_last=True, batch_size=11)


def test_examples_of_a_full_batch_and_of_the_one_that_ends_an_epoch():
    assert [len(batch[0]) for batch in example_batches(counted())] == [4, 2]
    assert [len(batch[0]) for batch in example_batches(counted(drop_last=True))] == [4]
    assert [len(batch[0]) for batch in example_batches(counted(batch_size=20))] == [10]
    assert [len(batch[0]) for batch in example_batches(counted(batch_size=None))] == [10]
    assert example_batches(faults.line(train=(), batch_size=None)) == [()]


@pytest.mark.parametrize("probes", [0, 1])
def test_batch_norm_and_a_last_batch_of_one(probes):
    """Nine examples in batches of four leave one, which has no variance to be normalised by."""
    (problem,) = check_workload(faults.normed)
    assert problem.startswith(
        "loss: on an epoch's last batch, of 1 example, ValueError: Expected more than 1"
    )
    assert problem.endswith("; `drop_last: true` leaves that out")
    assert train_cell(cell("normed", probes=probes), NOWHERE).facts["status"] == "error"
    dropped = cell("normed", probes=probes, fields={"drop_last": True})
    trace = train_cell(dropped, NOWHERE)
    assert trace.facts["status"] == "ok", trace.facts["error"]
    assert (trace.facts["workload_facts"]["drop_last"], trace.facts["steps"]) == (True, 12)
    assert trace.facts["workload_facts"]["steps_per_epoch"] == 2
    assert check_workload(lambda: faults.normed(8)) == []
    assert check_workload(lambda: replace(faults.normed(), drop_last=True)) == []


def test_seeds_together_drop_the_same_examples():
    cells = [replace(cell("line", seed=s, fields={"drop_last": True}), together=(0, 1)) for s in (0, 1)]
    for one, trace in zip(cells, train_together(cells, NOWHERE), strict=True):
        assert trace.facts["execution"]["seeds"] == "batched", trace.facts["execution"]["why"]
        alone = train_cell(one, NOWHERE).series("train", "batch_loss")[1]
        assert trace.series("train", "batch_loss")[1] == pytest.approx(alone, rel=1e-5)


def test_a_timing_steps_over_whole_batches():
    spec = WorkloadSpec("n", f"{faults.HERE}:normed", {}, {"drop_last": True})
    sgd = OptimizerSpec("sgd", "torch.optim:SGD", 0.05)
    facts, rows = measure(TimingSpec("t", spec, (sgd,), "sgd", "cpu", 1, 1), NOWHERE, 0.05)
    assert facts["error"] == ""
    assert {row["optimizer"] for row in rows if row.get("role") == OPTIMIZER} == {"sgd"}
