"""The sections of the page, in its order: the one place where a section is declared.

The rest follows from a section's id, by name: `page_module` holds `section(page)`, which makes what its
template `<id>.html.j2` shows, and `figures_module` holds `draw(context)`, which draws its figures. Both are
looked up by name, since what draws does not load what renders and the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        id: names its element (`s-<id>`), its modules and its template.
        title: its heading, in the navigation too.
        figures: which figures stand in it, by `FigureRecord.section`; empty for a section that draws none.
        findings: which findings it tells, by their `section`.
        opening: ids of the findings that it opens with, those that there are; None for all that it tells,
            empty where its own template says how it opens.
        absent: what a study lacks that has no such section, in words for the Methods section; "" where
            nothing needs to be said.
    """

    id: str
    title: str
    figures: tuple[str, ...]
    findings: tuple[str, ...]
    opening: tuple[str, ...] | None = None
    absent: str = ""


SECTIONS: Final = (
    Section("verdict", "Verdict", ("verdict",), ("verdict",), opening=()),
    Section("completeness", "Completeness", (), ("completeness",)),
    Section("across", "Across workloads", ("across",), ("across",), opening=("across",)),
    Section(
        "workloads",
        "Workloads",
        ("convergence", "final", "arrival"),
        ("workloads", "convergence"),
        opening=("told", "flip"),
    ),
    Section("race", "Race", ("race",), ("race",), opening=("race",)),
    Section(
        "sensitivity",
        "Learning-rate sensitivity",
        ("sensitivity",),
        ("sensitivity",),
        absent="how much the learning rate matters (this study searched no rate)",
    ),
    Section(
        "oscillation",
        "Oscillation",
        ("oscillation",),
        ("oscillation",),
        absent="oscillation (no run was probed)",
    ),
    Section("schedules", "Schedules", ("schedules",), ("schedules",)),
    Section("cost", "Cost", ("cost",), ("cost",), absent="what a step costs (no step was timed)"),
    Section("learn", "Learn", ("lesson", "learn", "oracle"), ("learn",)),
    Section("cells", "Cells", (), ("cells",)),
    Section("methods", "Methods and provenance", (), ("methods",)),
)
"""All of them, in the order of the page."""


def page_module(section: Section) -> str:
    """The module of `section(page)`, which returns the section's content or None where there is none."""
    return f"optbench.report.page.sections.{section.id}"


def figures_module(section: Section) -> str:
    """The module of `draw(context)`, which returns the section's figures; for sections that have any."""
    return f"optbench.report.figures.sections.{section.id}"
