"""optbench: which optimizer, under which learning-rate schedule, and how sure can I be.

`optbench.load("results/default")` gives a study's tables as pandas frames.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optbench.catalogue.workloads.workload import Workload as Workload
    from optbench.tables.load import Results as Results
    from optbench.tables.load import load as load

__version__ = "0.1.0"

__all__ = ["Results", "Workload", "__version__", "load"]

_PUBLIC = {
    "Results": "optbench.tables.load",
    "Workload": "optbench.catalogue.workloads.workload",
    "load": "optbench.tables.load",
}
"""Where the names that this package hands on are found."""


def __getattr__(name: str) -> object:
    # pandas takes most of a second, and Snakemake and the training processes import this package too.
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
