"""The process's global generators of random numbers, set to one of a cell's streams."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXED_SEED = 0
"""Under which code of others is imported and makes its workload, whatever the cell's seed: the same data."""


def seed_global_generators(seed: int) -> None:
    """Dropout, and plug-ins that draw from the global generators, become a function of the cell's seed."""
    # As torch.manual_seed does, which without a GPU notes the call stack for the GPU that may yet come.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002


@contextmanager
def generators_kept() -> Iterator[None]:
    """Puts the process's global generators on the CPU back to where they were."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)  # noqa: NPY002
