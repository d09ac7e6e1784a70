"""Whose code a cell or a timing runs: what may share a process with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.core.factories import is_foreign

if TYPE_CHECKING:
    from optbench.cells.cell import CellSpec


def trust_domain(cell: CellSpec) -> frozenset[str]:
    """The cell's factories that are neither optbench's nor torch's; cells of the same ones share a process.

    A plug-in or a third-party package may change the process that it runs in (hooks, default types, grad
    mode, the working folder, patched methods), and with it the numbers of whatever is trained there
    afterwards.
    """
    return foreign(cell.workload.factory, cell.optimizer.factory, cell.schedule.factory)


def foreign(*factories: str) -> frozenset[str]:
    """Those of the addresses that are neither optbench's nor torch's."""
    return frozenset(factory for factory in factories if factory and is_foreign(factory))
