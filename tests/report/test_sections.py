"""The page's sections: what one entry declares is there, and one more entry makes one more section."""

from __future__ import annotations

import ast
import html
import json
import re
import shutil
import sys
import types
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from jinja2 import ChoiceLoader, DictLoader

import optbench.report.figures
import optbench.report.page
from lab.checkout import ROOT
from lab.fabricate import Fake, fabricate
from lab.imports import MODULES, reached
from lab.pages import Page, mixed_page, raced_page, ranked_page
from optbench.report.figure import FigureRecord, read_records, write_records
from optbench.report.figures.draw import draw_all
from optbench.report.figures.marks.lines import draw_lines
from optbench.report.page import build
from optbench.report.page.build import render
from optbench.report.page.context import Content
from optbench.report.sections import SECTIONS, Section, figures_module, page_module
from optbench.running.plan import stage_code

FIGURES = Path(optbench.report.figures.__file__).parent
TEMPLATES = Path(optbench.report.page.__file__).parent / "templates"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.id)
def test_what_an_entry_names_is_there(section):
    assert callable(import_module(page_module(section)).section)
    assert (TEMPLATES / f"{section.id}.html.j2").is_file()
    if section.figures:
        assert callable(import_module(figures_module(section)).draw)
    else:
        assert find_spec(figures_module(section)) is None


def test_no_two_sections_claim_the_same():
    for names in (
        [section.id for section in SECTIONS],
        [name for section in SECTIONS for name in section.figures],
        [name for section in SECTIONS for name in section.findings],
    ):
        assert len(names) == len(set(names))


def test_figures_and_findings_name_sections_that_there_are(tmp_path_factory):
    drawn = {name for section in SECTIONS for name in section.figures}
    told = {name for section in SECTIONS for name in section.findings}
    seen, opened = set(), set()
    pages = (mixed_page, ranked_page, raced_page)
    for page in (made(tmp_path_factory) for made in pages):
        results = page.parents[2] / "results/demo"
        records = json.loads((results / "figures/figures.json").read_text("utf-8"))
        findings = json.loads((results / "tables/findings.json").read_text("utf-8"))
        assert {record["section"] for record in records} <= drawn
        assert {finding["section"] for finding in findings} <= told
        seen |= {finding["section"] for finding in findings}
        opened |= {finding["id"] for finding in findings}
    assert seen == told
    assert {id_ for section in SECTIONS for id_ in section.opening or ()} <= opened
    # What a made-up study has no figure of is there in the sources.
    literals = {
        node.value.value
        for file in FIGURES.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "section" and isinstance(node.value, ast.Constant)
    }
    assert literals
    assert literals <= drawn


@pytest.mark.parametrize("workload", ["", "ravine"])
def test_a_figure_of_any_section_stands_on_the_page(tmp_path_factory, tmp_path, workload):
    """Of one workload and of none: a template that leaves some out loses them without a word."""
    shutil.copytree(mixed_page(tmp_path_factory).parents[2] / "results/demo", tmp_path / "demo")
    file = tmp_path / "demo/figures/figures.json"
    records = read_records(file)
    (first, *_) = records
    places = [name for section in SECTIONS for name in section.figures]
    more = [replace(first, id=f"more-{name}", section=name, workload=workload, panels=()) for name in places]
    write_records([*records, *more], file)
    page = render(tmp_path / "demo", tmp_path).read_text(encoding="utf-8")
    shown = {one.id for one in more if f'<figure id="{one.id}"' in page}
    per_workload = {"convergence", "final", "sensitivity", "oscillation", "cost"}
    # The oracle's figure stands where its table does, which this study lacks; nor did it race.
    expected = set(places) - {"oracle", "race"} if not workload else per_workload & set(places)
    assert {f"more-{name}" for name in expected} <= shown


def test_a_change_of_any_section_draws_and_renders_again(monkeypatch):
    """The workflow's code of both stages reaches all that draws, and all that renders."""
    rules = (ROOT / "workflow/rules/report.smk").read_text(encoding="utf-8")
    for stage, module_of, package in (
        ("optbench.report.figures.draw", figures_module, "optbench.report.figures"),
        ("optbench.report.page.build", page_module, "optbench.report.page"),
    ):
        given = re.search(rf'stage_code\(\s*"{stage}",(.*?)\n        \)', rules, re.S)
        assert given
        assert f"{module_of.__name__}(section) for section in SECTIONS" in given[1]
        named = [stage, *(module_of(s) for s in SECTIONS if find_spec(module_of(s)))]
        found = set().union(*map(reached, named))
        assert {name for name in MODULES if name.startswith(f"{package}.")} <= found
        assert stage_code(*named) != stage_code(stage)


def test_snakemake_reads_the_entries_without_what_is_heavy():
    heavy = {"torch", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "jinja2"}
    assert {name for name in reached("optbench.report.sections") if name.split(".")[0] in heavy} == set()


# --- an entry more --------------------------------------------------------------------------------------

WEATHER = Section("weather", "Weather & wind", ("rain",), ("sky",), absent="the weather (nobody looked)")
ALL = (*SECTIONS[:-2], WEATHER, *SECTIONS[-2:])
TEMPLATE = """<p>Sun on {{ section.data.days }} days.</p>
{% for shown in section.figures %}
{{ draw.figure(shown, 3) }}
{% endfor %}
"""
CLAIM = "It rained on <most> days."


def rain(section):
    def draw(context):
        table = pd.DataFrame({"line": ["rain"] * 2, "x": [1.0, 2.0], "y": [3.0, 4.0]})
        panel = context.writer.add_panel(
            lambda ax: draw_lines(table, ax, x_label="day", y_label="rain"), ("rain",), "Rain", "It rains."
        )
        id_, pdf = context.writer.write_figure("rainfall")
        return [FigureRecord(id_, section, "", "Rainfall", "Drops.", (panel,), pdf, (), ())]

    return draw


def add_weather(monkeypatch, *, content, section="rain"):
    """Put in place what an entry asks for: a module of the page, one of the figures, a template."""
    page, figures = types.ModuleType("weather"), types.ModuleType("plan_weather")
    page.section = lambda context: content
    figures.draw = rain(section)
    monkeypatch.setitem(sys.modules, page_module(WEATHER), page)
    monkeypatch.setitem(sys.modules, figures_module(WEATHER), figures)
    ours = build._environment("en")
    template = DictLoader({"weather.html.j2": '{% import "macros.html.j2" as draw %}\n' + TEMPLATE})
    overlay = ours.overlay(loader=ChoiceLoader([template, ours.loader]))
    monkeypatch.setattr(build, "_environment", lambda _language: overlay)


def make_page(folder, sections):
    results = fabricate(folder / "results" / "demo", Fake(seeds=2))
    file = results / "tables/findings.json"
    finding = {"id": "sky", "section": "sky", "claim": CLAIM, "test": "none: a description", "verdict": "",
               "exploratory": False, "figure": "rain/", "headline": None}  # fmt: skip
    file.write_text(json.dumps([*json.loads(file.read_text("utf-8")), finding]), encoding="utf-8")
    draw_all(results / "tables", results / "figures", sections=sections)
    return render(results, folder / "reports", sections=sections).read_text(encoding="utf-8")


def test_a_section_more_is_an_entry_and_its_modules(tmp_path, monkeypatch):
    without = make_page(tmp_path / "without", SECTIONS)
    add_weather(monkeypatch, content=Content({"days": 7}, parts=(("rainfall", "How much"),)))
    source = make_page(tmp_path / "with", ALL)
    page = Page(source)
    assert not page.open
    # In its place in the navigation and in the page.
    assert re.findall(r'<a href="#s-(\w+)">', source)[-4:] == ["learn", "weather", "cells", "methods"]
    assert re.findall(r'<h2 id="h-(\w+)">', source)[-4:] == ["learn", "weather", "cells", "methods"]
    assert '<li><a href="#rainfall">How much</a></li>' in source
    own = re.search(r'<section id="s-weather".*?</section>\n', source, re.S)
    # It opens with its finding, which points to its figure; then what its function made.
    text = " ".join(html.unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", own[0], flags=re.S)).split())
    assert text == f"Weather & wind {CLAIM} Figure Sun on 7 days. Rainfall Drops."
    assert '<a class="to" href="#rainfall">' in own[0]
    assert '<figure id="rainfall"' in own[0]
    # Nothing else is touched.
    listed = re.search(r'<li><a href="#s-weather">.*?</ol></li>\n', source, re.S)
    assert source.replace(own[0], "").replace(listed[0], "") == without


def test_a_section_without_content_is_named_in_the_methods(tmp_path, monkeypatch):
    add_weather(monkeypatch, content=None)
    page = Page(make_page(tmp_path, ALL))
    assert "s-weather" not in page.source
    assert "and the weather (nobody looked)." in page.text


def test_a_figure_of_a_section_that_is_not_its_own_is_refused(tmp_path, monkeypatch):
    add_weather(monkeypatch, content=None, section="snow")
    with pytest.raises(ValueError, match=r"figure rainfall says section 'snow'; .* weather are rain"):
        make_page(tmp_path, ALL)
