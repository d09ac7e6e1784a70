"""The workload of a cell: what its factory returns, with what the study sets, on the cell's device."""

from __future__ import annotations

from dataclasses import replace
from inspect import Parameter
from typing import TYPE_CHECKING, Any

import torch

from optbench.catalogue.datasets.load import load_data
from optbench.catalogue.optimizers.settings import call_factory, signature_of
from optbench.catalogue.workloads.workload import Workload
from optbench.core.errors import UserError
from optbench.core.factories import is_foreign, load_factory
from optbench.core.text import shown
from optbench.core.words import a_kind
from optbench.training.generators import FIXED_SEED, generators_kept, seed_global_generators
from optbench.training.losses import one_number, one_value
from optbench.training.model import require_same_start, same_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from optbench.cells.cell import CellSpec


def build_workload(cell: CellSpec, data_folder: Path) -> tuple[Workload, str]:
    """The cell's workload, its tensors on the cell's device, and the sha256 of its data ("" without data).

    Fields that the study sets (`steps`, `batch_size`, ...) go to the factory too where it has an argument of
    that name. Loss and metrics come with the rule for what they return (`optbench.training.losses`).

    Raises:
        TypeError: the factory returns something else than a Workload, or its data are no tensors.
        ValueError: a setting or an override is not possible; a UserError where the factory refuses it.
        DataUnavailableError: the data set has not been prepared, or could not be had.
    """
    spec = cell.workload
    factory = load_factory(spec.factory)
    changes: dict[str, Any] = dict(spec.overrides)
    if changes.get("batch_size") == "full":
        changes["batch_size"] = None
    settings = {**_arguments(factory, changes, skip=spec.dataset is not None), **spec.settings}
    sha256, in_front = "", []
    if spec.dataset is not None:
        data = load_data(spec.dataset.name, data_folder)
        sha256, in_front = data.sha256, [data]
    with generators_kept():  # a factory that draws has the same data in every cell
        seed_global_generators(FIXED_SEED)
        workload = call_factory(factory, in_front, settings, path=f"workloads.{spec.name}")
    if not isinstance(workload, Workload):
        raise TypeError(f"{spec.factory} must return a Workload; it returned {a_kind(workload)}")
    if "steps" in changes or "epochs" in changes:
        changes = {"steps": None, "epochs": None, **changes}
    for split in ("train", "validation", "test"):
        tensors = getattr(workload, split)
        if tensors is not None:
            _require_examples(split, tensors)
            changes[split] = tuple(tensor.to(cell.device) for tensor in tensors)
    metrics = {name: one_value(metric, name) for name, metric in workload.metrics.items()}
    return replace(workload, loss=one_number(workload.loss), metrics=metrics, **changes), sha256


def require_same_again(cell: CellSpec, data_folder: Path, workload: Workload) -> None:
    """Return nothing where the factory makes this workload again when it is called again.

    Optbench's own factories are taken at their word. Those of others cost a second call and two models.

    Args:
        cell: whose workload it is.
        data_folder: where prepared data lies.
        workload: what `build_workload` has made of it.

    Raises:
        UserError: its data, or its model's first weights, are others: every cell would have its own.
        ModelError: it has no model that can be compared (`optbench.training.model`).
    """
    if not is_foreign(cell.workload.factory):
        return
    again, _ = build_workload(cell, data_folder)
    for split in ("train", "validation", "test"):
        first, second = getattr(workload, split) or (), getattr(again, split) or ()
        if len(first) != len(second) or not all(map(same_values, first, second)):
            raise UserError(
                f"its {split} is not the same when {shown(cell.workload.factory)} is called again: draw it "
                "from a generator with a fixed seed that is made at every call, or from the global ones, "
                "which are seeded for it"
            )
    require_same_start(workload, again)


def _arguments(factory: Callable[..., Any], values: Mapping[str, Any], *, skip: bool) -> dict[str, Any]:
    """Those of `values` that the factory has an argument for; with `skip`, its first one is the data."""
    try:
        parameters = list(signature_of(factory).parameters.values())[skip:]
    except (TypeError, ValueError):  # some compiled callables have no signature
        return {}
    named = {
        p.name for p in parameters if p.kind in {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
    }
    return {name: value for name, value in values.items() if name in named}


def _require_examples(split: str, tensors: object) -> None:
    if not isinstance(tensors, tuple) or not all(isinstance(part, torch.Tensor) for part in tensors):
        kinds = (
            [type(part).__name__ for part in tensors]
            if isinstance(tensors, tuple)
            else type(tensors).__name__
        )
        raise TypeError(f"its {split} must be a tuple of tensors; got {kinds}")
    if any(part.dim() == 0 or len(part) != len(tensors[0]) for part in tensors):
        shapes = ", ".join(str(tuple(part.shape)) for part in tensors)
        raise ValueError(
            f"the tensors of its {split} must have one number of examples in front; got {shapes}"
        )
