"""What a workload of others starts from, as a hash that two processes can compare.

A generator without a seed that is made when a module is imported gives the same numbers at every call inside
one process and others in the next one: only a second process shows it.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from optbench.core.factories import is_foreign
from optbench.training.checks.workloads import CPU, SEED
from optbench.training.loop import isolated
from optbench.training.model import make_model
from optbench.training.workloads import build_workload

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from torch import Tensor

    from optbench.cells.cell import CellSpec

DATA, MODEL = "data", "model's first weights"
"""What is compared, as a sentence names it."""


def fingerprints(cells: Sequence[CellSpec], data_folder: Path) -> dict[str, dict[str, str]]:
    """Hashes of data and first weights of each workload of others, by its name; none where it has none.

    Args:
        cells: which name the workloads.
        data_folder: where prepared data lies.
    """
    found: dict[str, dict[str, str]] = {}
    for cell in {c.workload.name: replace(c, device="cpu") for c in cells}.values():
        if not is_foreign(cell.workload.factory):
            continue
        with suppress(BaseException), isolated(cell):  # what fails is told where it is examined
            workload, _ = build_workload(cell, data_folder)
            model = make_model(workload, SEED, CPU).module
            splits = (workload.train, workload.validation or (), workload.test or ())
            found[cell.workload.name] = {
                DATA: _hash(tensor for split in splits for tensor in split),
                MODEL: _hash(model.state_dict().values()),
            }
    return found


def _hash(tensors: Iterable[Tensor]) -> str:
    whole = hashlib.sha256()
    for tensor in tensors:
        dense = tensor.detach().cpu().to_dense() if tensor.is_sparse else tensor.detach().cpu()
        whole.update(f"{dense.dtype} {tuple(dense.shape)}".encode())
        whole.update(dense.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()
