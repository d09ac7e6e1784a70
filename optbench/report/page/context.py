"""What the page's sections are made from, and what they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from optbench.report.sections import page_module

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from optbench.report.page.build import Figure
    from optbench.report.page.sections.verdict import Findings
    from optbench.report.sections import Section
    from optbench.report.study import StudyView


@dataclass(frozen=True)
class Content:
    """What a section's function returns.

    Attributes:
        data: what its template shows, as `section.data`.
        parts: (id, label) of the parts that the navigation lists below the section.
    """

    data: Any = None
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class FoldedPart:
    """A workload's part of a section, which is folded until it is asked for.

    Attributes:
        id: of its part.
        name: in the study file.
        label: in the page.
        gist: what stands beside its name while it is folded.
        badge: a mark beside its name, "" for none.
    """

    id: str
    name: str
    label: str
    gist: str = ""
    badge: str = ""


@dataclass(frozen=True)
class PageContext:
    """What each section's function is given.

    Attributes:
        name: of the study in paths and commands.
        study: names, labels and runs.
        tables: results/<study>/tables.
        summary: the summary table.
        findings: findings and tests.
        figures: all figures, in the order of the page.
        sections: of the page, in its order.
    """

    name: str
    study: StudyView
    tables: Path
    summary: pd.DataFrame
    findings: Findings
    figures: tuple[Figure, ...]
    sections: Sequence[Section]
    _made: dict[str, Content | None] = field(default_factory=dict, repr=False, compare=False)

    def figures_of(self, id_: str) -> tuple[Figure, ...]:
        """The figures that stand in a section."""
        (section,) = (section for section in self.sections if section.id == id_)
        return tuple(shown for shown in self.figures if shown.record.section in section.figures)

    def content(self, id_: str) -> Content | None:
        """What a section shows, None where this study has nothing for it; made when it is first asked for."""
        if id_ not in self._made:
            (section,) = (section for section in self.sections if section.id == id_)
            self._made[id_] = import_module(page_module(section)).section(self)
        return self._made[id_]

    def data(self, id_: str) -> Any:  # noqa: ANN401 - each section has a type of its own
        """The data of a section, for another one that says some of it too; None where there is none."""
        content = self.content(id_)
        return None if content is None else content.data
