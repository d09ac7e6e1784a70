"""What schedules do: figures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optbench.report.page.context import Content

if TYPE_CHECKING:
    from optbench.report.page.context import PageContext


def section(page: PageContext) -> Content:  # noqa: ARG001 - each section's function is given the page
    """Return the section, which says so where it has no figure."""
    return Content()
