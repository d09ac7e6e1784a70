"""`render`: from a study's tables and figures to its page.

The page depends on those files alone: the same files give the same bytes, whenever and wherever it is
built. It loads nothing: style, scripts and drawings are inside, and a content-security policy of
`default-src 'none'` with the hashes of just these says so to the browser.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from optbench.files import write_text
from optbench.heavy_ball import CURVATURES
from optbench.landscapes import LANDSCAPES
from optbench.phrases import listing
from optbench.report.cells import explorer
from optbench.report.claims import claims
from optbench.report.completeness import completeness, failures
from optbench.report.cost import cost
from optbench.report.methods import methods
from optbench.report.oracle import oracle
from optbench.report.oscillation import oscillation
from optbench.report.results import GLANCE_HEADS, workload_results
from optbench.report.sensitivity import sensitivity
from optbench.report.table import Table, plain_table
from optbench.report.verdict import read_findings, verdict
from optbench.shown.record import FigureRecord, read_records
from optbench.shown.study import Study, read_study
from optbench.shown.style import DARK, LIGHT, themed
from optbench.shown.tables import read_oracle, read_timing, read_tuned
from optbench.status import STATUSES
from optbench.textbook.file import read_claims

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


SMALL: Final = 300
"""Panels up to this width, in CSS pixels, stand closer together."""

WIDE: Final = 460
"""Panels beyond this width have a row to themselves, and scroll on a narrow screen."""

SCRIPTS: Final = ("script.js", "cells.js", "lab.js")
"""Parts of the page's script, in order; first.js stands in its head."""

PRINTED: Final = 200
"""Cells that a printed page lists; style.css hides the rest."""


ABSENT: Final = (
    "how much the learning rate matters (no rate was searched)",
    "oscillation (no run was probed)",
    "what a step costs (no step was timed)",
)
"""Sections that stand for a stage, and what a page says that lacks one."""


@dataclass(frozen=True)
class Figure:
    """A figure as the page shows it.

    Attributes:
        record: what was drawn.
        drawings: (panel id, panel title, the SVG itself).
        table: the table behind it, or None where the table stands beside it in the page.
        size: `small`, `wide` or "", after the widest of its panels.
    """

    record: FigureRecord
    drawings: tuple[tuple[str, str, Markup], ...]
    table: Table | None
    size: str


@dataclass(frozen=True)
class LegendEntry:
    """An optimizer's line and marker beside its name."""

    index: int
    label: str
    hue: str
    dashes: str
    shape: str


def render(results: Path, reports: Path) -> Path:
    """Write reports/<study>/index.html and return its path.

    Args:
        results: results/<study>, with tables/ and, where `plot` ran, figures/.
        reports: the folder of all reports; the page goes into one named like `results`.
    """
    tables = results / "tables"
    study = read_study(tables)
    summary = pd.read_parquet(tables / "summary.parquet")
    figures = [
        _figure(study, record, results / "figures")
        for record in read_records(results / "figures/figures.json")
    ]
    findings = read_findings(tables, _links(figures))
    style = _asset("style.css").replace("/* PALETTE */", _palette()).replace("/* STATUSES */", _statuses())
    first, script = _asset("first.js"), "".join(map(_asset, SCRIPTS))
    name = results.name
    cards = failures(study.runs, name)
    card_of = {cell: card.id for card in cards for cell in card.names}
    tuned = sensitivity(study, read_tuned(tables))
    turned = oscillation(study, summary)
    timed = cost(study, read_timing(study, tables / "timing.parquet"), summary)
    absent = [what for what, found in zip(ABSENT, (tuned, turned, timed), strict=True) if not found]
    page = (
        _environment()
        .get_template("page.html.j2")
        .render(
            study=name,
            title=study.facts.get("title") or name,
            question=study.facts.get("question") or "",
            style=Markup(style),  # noqa: S704 - our own file
            first=Markup(first),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            style_hash=_hash(style),
            first_hash=_hash(first),
            script_hash=_hash(script),
            legend=_legend(study),
            completeness=completeness(study.runs, name),
            failures=cards,
            verdict=verdict(study, findings),
            findings=findings,
            glance_heads=GLANCE_HEADS,
            workloads=workload_results(study, summary, findings),
            sensitivity=tuned,
            oscillation=turned,
            cost=timed,
            oracle=oracle(read_oracle(study, tables / "oracle.parquet")),
            figures=figures,
            across=any(shown.record.section == "across" for shown in figures),
            explorer=explorer(study, name, tables / "curves.parquet", card_of),
            truncated=len(study.runs) > PRINTED,
            lab={
                "curvatures": json.dumps(CURVATURES["ravine"]),
                "start": json.dumps(LANDSCAPES["ravine"].start),
            },
            methods=methods(study),
            absent=listing(absent),
            claims=claims(read_claims(tables), {shown.record.id: shown.record.title for shown in figures}),
        )
    )
    path = reports / name / "index.html"
    write_text(path, page)
    return path


def _links(figures: Sequence[Figure]) -> dict[str, str]:
    """Where in the page a finding's figure stands: the first one of its section and workload."""
    links: dict[str, str] = {}
    for figure in figures:
        links.setdefault(f"{figure.record.section}/{figure.record.workload}", f"#{figure.record.id}")
    return links


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("optbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _asset(name: str) -> str:
    return (resources.files("optbench.report") / "templates" / name).read_text(encoding="utf-8")


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


def _figure(study: Study, record: FigureRecord, folder: Path) -> Figure:
    drawings = tuple(
        (panel.id, panel.title, Markup(themed((folder / panel.svg).read_text(encoding="utf-8"))))  # noqa: S704
        for panel in record.panels
    )
    table = None
    if record.rows:
        of = f"{study.label('workloads', record.workload)}: " if record.workload else ""
        title = record.title if record.title.startswith(of) else of + record.title
        table = plain_table(f"t-{record.id}", f"{title} (table)", record.columns, record.rows)
    widest = max((_width(svg) for _, _, svg in drawings), default=0.0)
    size = "small" if widest <= SMALL else "wide" if widest > WIDE else ""
    return Figure(record, drawings, table, size)


def _width(svg: str) -> float:
    """The natural width of a fragment."""
    return float(svg.partition(' width="')[2].partition('"')[0])


def _legend(study: Study) -> tuple[LegendEntry, ...]:
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
}
"""The markers of `optbench.figures.style.MARKERS` as paths in a box of 32 by 16."""
