"""The model of one cell: built under its initialisation stream, and its own.

A model that was handed out before has been trained by another cell; one that comes out differently under one
seed starts two optimizers from two places. Either makes a comparison one of noise, so that both are refused.
What is not trained may be shared between models, a pretrained part that is frozen say, as long as no cell
changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from optbench.cells.seeds import stream_seed
from optbench.core.words import a_kind
from optbench.training.generators import FIXED_SEED, generators_kept, seed_global_generators

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from optbench.catalogue.workloads.workload import Workload


class ModelError(ValueError):
    """A model is not a cell's own, or none at all; its text says why."""


@dataclass(frozen=True)
class OwnModel:
    """A model that no other cell trains.

    Attributes:
        module: the model, in training mode, on the device where it is trained.
        shared: a copy of what it has in common with other models, by name: frozen parameters and buffers.
    """

    module: nn.Module
    shared: Mapping[str, Tensor]

    def give_back(self) -> str:
        """Put what it shares back to what it was; return a sentence that names what had changed, if any.

        To be called when the cell has ended.
        """
        if not self.shared:
            return ""
        state = dict(_state(self.module))
        changed = [n for n, before in self.shared.items() if not same_values(state[n].detach().cpu(), before)]
        with torch.no_grad():
            for name in changed:
                state[name].copy_(self.shared[name])
        if not changed:
            return ""
        return (
            f"training has changed {changed[0]!r}, which its model shares with other models: build it anew "
            "in model(), or keep it as it is (a BatchNorm layer changes its averages in training mode)"
        )


def make_model(workload: Workload, seed: int, device: torch.device, times: int = 2) -> OwnModel:
    """Build the cell's model; the global generators are left in its training stream.

    It is built `times` over, each time from the same seed, which takes its memory twice for a moment, before
    gradients and the optimizer's state take theirs: what is not built anew, or comes out differently, shows.

    Args:
        workload: what is trained.
        seed: the cell's.
        device: where it is trained. It is built on the CPU, so that its weights are the same on every device.
        times: how often it is built (>= 2); a supply of so many models less one goes unnoticed.

    Raises:
        ModelError: `workload.model()` returns no model, one without parameters to train, one that shares
            these with an earlier one, or other weights under the same seed.
    """
    built: list[nn.Module] = []
    for _ in range(times):
        seed_global_generators(stream_seed(seed, "initialisation"))
        built.append(_build(workload))
    shared: dict[str, Tensor] = {}
    for place, later in enumerate(built[1:], 1):
        for earlier in built[:place]:
            shared |= _compare(earlier, later)
    copies = {name: tensor.detach().cpu().clone() for name, tensor in shared.items()}
    module = built[0]
    del built, shared
    module = module.to(device)
    seed_global_generators(stream_seed(seed, "training"))
    return OwnModel(module, copies)


def require_same_start(first: Workload, second: Workload) -> None:
    """Return nothing where the models of two workloads begin with the same weights under one seed.

    Raises:
        ModelError: they do not, or share what is trained.
    """
    built = []
    with generators_kept():
        for workload in (first, second):
            seed_global_generators(stream_seed(FIXED_SEED, "initialisation"))
            built.append(_build(workload))
    _compare(*built)


def _build(workload: Workload) -> nn.Module:
    model = workload.model()
    if not isinstance(model, nn.Module):
        raise ModelError(f"model() must return a torch.nn.Module; it returned {a_kind(model)}")
    if any(tensor.is_meta for _, tensor in _state(model)):
        raise ModelError("its model is on the device 'meta', which holds no numbers")
    if any(isinstance(tensor, UninitializedParameter | UninitializedBuffer) for _, tensor in _state(model)):
        _settle(model, workload)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ModelError("its model has no parameters to train")
    return model


def _settle(model: nn.Module, workload: Workload) -> None:
    """Give lazy layers their shapes and first values, by one look at training examples in evaluation mode."""
    few = tuple(tensor[: workload.batch_size].cpu() for tensor in workload.train)
    mode = model.training
    model.eval()
    with torch.no_grad():
        workload.loss(model, few)
    model.train(mode)
    for name, tensor in _state(model):
        if isinstance(tensor, UninitializedParameter | UninitializedBuffer):
            raise ModelError(f"its lazy {name!r} has no shape after a look at training examples")


def _compare(earlier: nn.Module, later: nn.Module) -> dict[str, Tensor]:
    """What two models of one seed share, by its name in the earlier one: nothing that is trained."""
    first, second = list(_state(earlier)), list(_state(later))
    trained = _storages(tensor for _, tensor in first if _is_trained(tensor))
    trained |= _storages(tensor for _, tensor in second if _is_trained(tensor))
    both = _storages(tensor for _, tensor in first) & _storages(tensor for _, tensor in second)
    common = [(name, tensor) for name, tensor in first if _storages([tensor]) & both]
    if earlier is later or both & trained:
        name = next((n for n, tensor in common if _storages([tensor]) & trained), "")
        raise ModelError(
            f"model() returns parameters that it has returned before{f' ({name})' if name else ''}, which "
            "another cell may have trained: it must build the model anew at every call"
        )
    if [name for name, _ in first] != [name for name, _ in second]:
        raise ModelError("model() returns another model when it is called again: its layers differ")
    for (name, one), (_, other) in zip(first, second, strict=True):
        if not same_values(one, other):
            raise ModelError(
                f"model() returns other weights under the same seed ({name}): they must be drawn from the "
                "global generators, which are seeded for it, or be fixed"
            )
    return dict(common)


def _state(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers with their names, each once."""
    return chain(model.named_parameters(), model.named_buffers())


def _is_trained(tensor: Tensor) -> bool:
    return isinstance(tensor, nn.Parameter) and tensor.requires_grad


def _storages(tensors: Iterator[Tensor] | Sequence[Tensor]) -> set[int]:
    """Where the numbers of the tensors lie."""
    places = set()
    for tensor in tensors:
        if tensor.layout == torch.strided and tensor.numel():
            places.add(tensor.untyped_storage().data_ptr())
    return places


def same_values(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors hold the same values, NaN for NaN."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.device != other.device or one.is_meta:
        return one.device == other.device
    if torch.equal(one, other):
        return True
    if not (one.is_floating_point() or one.is_complex()):
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())
