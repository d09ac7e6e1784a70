"""Which kernels torch computes with here, and what it means when one of them fails."""

from __future__ import annotations

import os
import warnings
from typing import Any

import torch

from optbench.core.errors import words_of

NO_DETERMINISTIC_KERNEL = "does not have a deterministic"
"""What torch says of an operation that it cannot repeat bit for bit."""


def kernel_facts(device: str) -> dict[str, Any]:
    """What decides the bits besides the versions: libraries, instruction set and deterministic flags.

    Args:
        device: `cpu` or `cuda`.
    """
    with warnings.catch_warnings():  # torch 2.9 deprecates what it sets itself, and says so to whoever looks
        warnings.simplefilter("ignore", UserWarning)
        facts: dict[str, Any] = {
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "matmul_precision": torch.get_float32_matmul_precision(),
        }
        if device == "cuda":
            facts |= {
                "cuda": torch.version.cuda,
                "cudnn": torch.backends.cudnn.version(),
                "cudnn_benchmark": torch.backends.cudnn.benchmark,
                "cudnn_tf32": torch.backends.cudnn.allow_tf32,
                "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""),
            }
    return facts


def explain(problem: BaseException, device: str) -> str:
    """One sentence, and a line break, for failures whose own words mislead; "" for the others."""
    words = words_of(problem)
    if isinstance(problem, torch.OutOfMemoryError):
        return "out of memory on the GPU: the cell needs more than it has free\n"
    if isinstance(problem, MemoryError) or "can't allocate memory" in words:
        return "out of memory: the machine could not give the cell what it asked for\n"
    if NO_DETERMINISTIC_KERNEL in words:
        return (
            f"an operation of this cell has no deterministic kernel on {device}, so its numbers could not be "
            "repeated; give the workload another device or another operation\n"
        )
    return ""
