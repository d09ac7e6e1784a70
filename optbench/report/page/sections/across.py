"""How the combinations compare over all workloads: figures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.report.page.context import Content

if TYPE_CHECKING:
    from optbench.report.page.context import PageContext


def section(page: PageContext) -> Content | None:
    """Return the section; None where no figure compares workloads."""
    return Content() if page.figures_of("across") else None
