"""One rule for losses and metrics: with and without probes, alone and together, in training and in check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab import faults
from lab.faults import cell
from optbench.testing import check_workload
from optbench.training.batched.train import train_together
from optbench.training.loop import train_cell

NOWHERE = Path("there-is-no-data")


def curve(trace, name="loss"):
    return {split: trace.series(split, name)[1].tolist() for split in ("train", "validation", "probe")}


@pytest.mark.parametrize("how", ["one", "one_by_one"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("probes", [0, 1])
def test_a_loss_of_one_element_is_its_number(how, full, probes):
    scalar, shaped = (
        train_cell(cell("shaped", how=kind, metric=kind, full=full, probes=probes), NOWHERE)
        for kind in ("scalar", how)
    )
    assert shaped.facts["status"] == "ok", shaped.facts["error"]
    for name in ("loss", "batch_loss", "gap", "probe_loss", "update_cosine"):
        assert curve(shaped, name) == curve(scalar, name)
    assert shaped.facts.get("probes") == scalar.facts.get("probes")
    assert "probes_failed" not in shaped.facts


@pytest.mark.parametrize("how", ["one", "one_by_one"])
def test_the_same_of_seeds_that_are_trained_together(how):
    cells = [replace(cell("shaped", how=how, metric=how, seed=s), together=(0, 1)) for s in (0, 1)]
    for one, trace in zip(cells, train_together(cells, NOWHERE), strict=True):
        assert trace.facts["execution"]["seeds"] == "batched", trace.facts["execution"]["why"]
        alone = train_cell(one, NOWHERE)
        for name in ("loss", "gap"):
            assert curve(trace, name)["validation"] == pytest.approx(
                curve(alone, name)["validation"], rel=1e-5
            )


WRONG = {
    "two": "must be one number, not of shape (2,): take its mean",
    "number": "must be one floating-point number; it returned a float, not a tensor: a number has no",
    "numpy": "must be one floating-point number; it returned a ndarray, not a tensor",
    "nothing": "must be one floating-point number; it returned None, not a tensor",
    "whole": "must be one floating-point number; it is of type torch.int64, which has no gradient",
    "complex": "must be one floating-point number; it is complex (torch.complex64): take its real part",
    "elsewhere": "must be one floating-point number; it is on the device 'meta', which holds no numbers",
    "detached": "has no gradient: it does not depend on a parameter that is trained, or was detached",
}


@pytest.mark.parametrize(("how", "why"), WRONG.items())
@pytest.mark.parametrize("probes", [0, 1])
def test_a_loss_that_is_none_is_one_sentence_in_the_cell_and_in_check(how, why, probes):
    trace = train_cell(cell("shaped", how=how, probes=probes), NOWHERE)
    assert trace.facts["status"] == "error"
    assert f"LossError: its loss {why}" in trace.facts["error"].splitlines()[-1]
    (problem,) = check_workload(lambda: faults.shaped(how))
    assert problem.startswith(f"loss: it {why}")


@pytest.mark.parametrize("probes", [0, 1])
def test_a_loss_that_is_not_a_number_diverges_and_check_says_so(probes):
    trace = train_cell(cell("shaped", how="nan", probes=probes), NOWHERE)
    assert trace.facts["status"] == "diverged"
    problems = check_workload(lambda: faults.shaped("nan"))
    assert problems == ["loss: it is nan on a batch", "loss: it is nan on the validation split"]


@pytest.mark.parametrize("metric", ["number", "numpy", "whole"])
def test_a_metric_may_be_any_real_number(metric):
    trace = train_cell(cell("shaped", how="scalar", metric=metric), NOWHERE)
    assert trace.facts["status"] == "ok", trace.facts["error"]
    exact = train_cell(cell("shaped", how="scalar", metric="scalar"), NOWHERE)
    found, expected = (trace_.series("validation", "gap")[1] for trace_ in (trace, exact))
    assert found.tolist() == (expected.astype(int) if metric == "whole" else expected).tolist()


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("two", "must be one number, not of shape (2,): take its mean"),
        ("nothing", "must be one real number; it returned None, not a tensor"),
        ("complex", "must be one real number; it is complex (torch.complex64)"),
    ],
)
def test_a_metric_that_is_none_is_one_sentence(metric, why):
    trace = train_cell(cell("shaped", how="scalar", metric=metric), NOWHERE)
    assert f"LossError: its metric 'gap' {why}" in trace.facts["error"].splitlines()[-1]
    (problem,) = check_workload(lambda: faults.shaped("scalar", metric))
    assert problem.startswith(f"loss: its metric 'gap' {why}")
