"""`render`: from a study's tables and figures to its page.

The page depends on those files alone: the same files give the same bytes, whenever and wherever it is
built. It loads nothing: style, scripts and drawings are inside, and a content-security policy of
`default-src 'none'` with the hashes of just these says so to the browser.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from optbench.core.errors import CorruptFileError, one_line
from optbench.core.files import read_utf8, write_text
from optbench.core.status import STATUSES
from optbench.core.text import escaped
from optbench.core.words import named, shortened
from optbench.report.figure import FigureRecord, read_records
from optbench.report.page.context import PageContext
from optbench.report.page.language import ENGLISH, script_words, translator
from optbench.report.page.sections.completeness import status_counts
from optbench.report.page.sections.verdict import Findings, FindingView, read_findings
from optbench.report.page.table import Table, plain_table
from optbench.report.palette import DARK, LIGHT, themed
from optbench.report.pictures import PictureError, check_picture
from optbench.report.sections import SECTIONS, Section
from optbench.report.study import StudyView, read_study_view
from optbench.tables.read import read_frame, within_results

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


SMALL: Final = 300
"""Panels up to this width, in CSS pixels, stand closer together."""

WIDE: Final = 460
"""Panels beyond this width have a row to themselves, and scroll on a narrow screen."""

PANELS: Final = 9
WIDE_PANELS: Final = 3
"""Panels of a figure that are open, where it has many more: three rows of them."""

PARTS: Final = 12
"""Parts of a section that the navigation lists, where it has many more."""

LONGEST_TITLE: Final = 300
LONGEST_QUESTION: Final = 2000
"""Characters of the study's title and question that stand in the head."""

SCRIPTS: Final = ("script.js", "tips.js", "cells.js", "chooser.js", "lesson.js")
"""Parts of the page's script, in order; first.js stands in its head."""


@dataclass(frozen=True)
class Figure:
    """A figure as the page shows it.

    Attributes:
        record: what was drawn.
        drawings: (panel id, panel title, the SVG itself).
        table: the table behind it, or None where the table stands beside it in the page.
        size: `small`, `wide` or "", after the widest of its panels.
        first: how many of its panels are open; the others are folded.
    """

    record: FigureRecord
    drawings: tuple[tuple[str, str, Markup], ...]
    table: Table | None
    size: str
    first: int


@dataclass(frozen=True)
class ShownSection:
    """A section as the page shows it: what its template sees as `section`.

    Attributes:
        id: names its element.
        title: its heading.
        template: the file's name.
        opening: the findings that it opens with, None where its own template says how.
        figures: those that stand in it.
        data: what its function made.
        parts: (id, label) of what the navigation lists below it.
    """

    id: str
    title: str
    template: str
    opening: tuple[FindingView, ...] | None
    figures: tuple[Figure, ...]
    data: Any
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LegendEntry:
    """An optimizer's line and marker beside its name."""

    index: int
    label: str
    hue: str
    dashes: str
    shape: str


def render(
    results: Path,
    reports: Path,
    *,
    sections: Sequence[Section] = SECTIONS,
    spoilt: Mapping[str, CorruptFileError] = MappingProxyType({}),
) -> Path:
    """Write reports/<study>/index.html and return its path.

    Args:
        results: results/<study>, with tables/ and, where `plot` ran, figures/.
        reports: the folder of all reports; the page goes into one named like `results`.
        sections: of the page, in its order; one that this study has nothing for is left out.
        spoilt: what is wrong with drawings that are left out although they could be shown, by file name.
    """
    tables = results / "tables"
    study = read_study_view(tables)
    figures = tuple(
        _figure(study, record, results / "figures", spoilt)
        for record in read_records(results / "figures/figures.json")
    )
    language = str((study.facts.get("report") or {}).get("language") or ENGLISH)
    context = PageContext(
        name=results.name,
        study=study,
        tables=tables,
        summary=read_frame(tables / "summary.parquet"),
        findings=read_findings(tables, _links(figures), language),
        figures=figures,
        sections=sections,
    )
    style = _asset("style.css").replace("/* PALETTE */", _palette()).replace("/* STATUSES */", _statuses())
    first, script = _asset("first.js"), "".join(map(_asset, SCRIPTS))
    page = (
        _environment(language)
        .get_template("page.html.j2")
        .render(
            language=language,
            words=script_words(language, script),
            title=named(str(study.facts.get("title") or context.name), LONGEST_TITLE),
            question=shortened(str(study.facts.get("question") or ""), LONGEST_QUESTION, "the study file"),
            style=Markup(style),  # noqa: S704 - our own file
            first=Markup(first),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            style_hash=_hash(style),
            first_hash=_hash(first),
            script_hash=_hash(script),
            legend=_legend(study),
            completeness=status_counts(study.runs, context.name),
            sections=[shown for section in sections if (shown := _section(section, context))],
        )
    )
    path = reports / context.name / "index.html"
    write_text(path, page)
    return path


def _section(section: Section, page: PageContext) -> ShownSection | None:
    content = page.content(section.id)
    if content is None:
        return None
    return ShownSection(
        id=section.id,
        title=section.title,
        template=f"{section.id}.html.j2",
        opening=_opening(section, page.findings),
        figures=page.figures_of(section.id),
        data=content.data,
        parts=content.parts[: cut(len(content.parts), PARTS)],
    )


def cut(count: int, most: int) -> int:
    """Return how many of `count` things stand open: `most`, or all where just a few more would be folded."""
    return count if count <= most * 1.2 else most


def _opening(section: Section, findings: Findings) -> tuple[FindingView, ...] | None:
    if section.opening is None:
        return findings.of_section(*section.findings)
    return findings.shown(*section.opening) if section.opening else None


def _links(figures: Sequence[Figure]) -> dict[str, str]:
    """Where in the page a finding's figure stands: the first one of its section and workload."""
    links: dict[str, str] = {}
    for figure in figures:
        links.setdefault(f"{figure.record.section}/{figure.record.workload}", f"#{figure.record.id}")
    return links


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("optbench.report.page"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        finalize=_showable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    say = translator(language)
    # The extension's own method, which its class for environments does not know of.
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        say, lambda one, many, n: say(one if n == 1 else many), newstyle=True
    )
    return environment


def _showable(value: object) -> object:
    """What a template writes: texts of others with escapes for what no page may hold, markup as it is."""
    return escaped(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> str:
    return (resources.files("optbench.report.page") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return a text's digest as a content-security policy takes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _palette() -> str:
    """Return the figures' colours as CSS variables: light, dark by preference, dark or light by choice."""
    light = "".join(f"--{key}:{color};" for key, color in LIGHT.items())
    dark = "".join(f"--{key}:{color};" for key, color in DARK.items())
    return (
        f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark)"
        f"{{:root:not([data-theme=light]){{{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{{dark}}}}}"
    )


def _statuses() -> str:
    """Return the rules of the statuses' colours: of the strip, of the list of cells and of the cards."""
    rules = [f".f-{tone}{{fill:var(--{tone})}}" for tone in dict.fromkeys(one.tone for one in STATUSES)]
    for one in STATUSES:
        ink = "muted" if one.tone == "soft" else one.tone  # soft is the colour of a background
        dashed = "" if one.ran else ";border-left-style:dashed"
        rules += [
            f".b-{one.name}{{fill:url(#hatch-{one.name})}}",
            f".s-{one.name}{{color:var(--{ink})}}",
            f".card.c-{one.name}{{border-left-color:var(--{ink}){dashed}}}",
        ]
    return "\n".join(rules)


def _figure(
    study: StudyView, record: FigureRecord, folder: Path, spoilt: Mapping[str, CorruptFileError]
) -> Figure:
    drawings, widths = [], []
    for panel in record.panels:
        try:
            if panel.svg in spoilt:
                raise spoilt[panel.svg]
            text = read_utf8(within_results(folder / panel.svg))
            widths.append(check_picture(text))
            picture = Markup(themed(text))  # noqa: S704 - nothing but what `check_picture` allows
        except (PictureError, CorruptFileError, OSError) as problem:
            picture = _left_out(folder / panel.svg, problem)
        drawings.append((panel.id, panel.title, picture))
    table = None
    if record.rows:
        of = f"{study.label('workloads', record.workload)}: " if record.workload else ""
        title = record.title if record.title.startswith(of) else of + record.title
        table = plain_table(f"t-{record.id}", f"{title} (table)", record.columns, record.rows)
    widest = max(widths, default=0.0)
    size = "small" if widest <= SMALL else "wide" if widest > WIDE else ""
    many = WIDE_PANELS if size == "wide" else PANELS
    return Figure(record, tuple(drawings), table, size, cut(len(drawings), many))


def _left_out(file: Path, problem: Exception) -> Markup:
    """A picture that says so, in the place of one that is not there or not to be shown; told, too."""
    why = escaped(f"{file} {problem}" if isinstance(problem, PictureError) else one_line(problem))
    print(f"optbench: a drawing is left out: {why}", file=sys.stderr)  # noqa: T201
    return Markup(
        '<svg viewBox="0 0 240 40" width="240" height="40" role="img" font-size="10" fill="var(--ink)">'
        '<title>{}</title><text x="8" y="24">This drawing is left out.</text></svg>'
    ).format(why)


def _legend(study: StudyView) -> tuple[LegendEntry, ...]:
    hues = {color: key for key, color in LIGHT.items()}
    return tuple(
        LegendEntry(
            index=style.index,
            label=study.label("optimizers", name),
            hue=hues[style.color],
            dashes=" ".join(f"{length * 1.8:g}" for length in style.dashes),
            shape=_SHAPES[style.marker],
        )
        for name, style in study.styles.items()
    )


_SHAPES = {
    "o": "M16 3A5 5 0 1 0 16 13A5 5 0 1 0 16 3Z",
    "s": "M11.5 3.5H20.5V12.5H11.5Z",
    "^": "M16 2.5L21 12.5H11Z",
    "D": "M16 2L22 8L16 14L10 8Z",
    "v": "M16 13.5L21 3.5H11Z",
    "P": "M14 3H18V6H21V10H18V13H14V10H11V6H14Z",
    "X": "M13 3L16 6L19 3L21 5L18 8L21 11L19 13L16 10L13 13L11 11L14 8L11 5Z",
    "*": "M16 2L17.5 6.3L22.1 6.4L18.5 9.2L19.8 13.6L16 11L12.2 13.6L13.5 9.2L9.9 6.4L14.5 6.3Z",
    "<": "M11 8L20.5 3V13Z",
    "p": "M16 3L21.1 6.7L19.2 12.8L12.8 12.8L10.9 6.7Z",
}
"""`optbench.report.palette.MARKERS` as paths in a box of 32 by 16."""
