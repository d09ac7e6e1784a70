"""optbench: which optimizer, under which learning-rate schedule, and how sure can I be.

`optbench.load("results/default")` gives a study's tables as pandas frames.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optbench.results import Results as Results
    from optbench.results import load as load

__version__ = "0.1.0"

__all__ = ["Results", "__version__", "load"]


def __getattr__(name: str) -> object:
    # pandas takes most of a second, and Snakemake and the training processes import this package too.
    if name in {"load", "Results"}:
        return getattr(import_module("optbench.results"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
