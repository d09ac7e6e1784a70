"""The page is always made: whatever characters labels, titles and messages hold, and however many."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate
from lab.pages import Page
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import Trace, cell_facts, write_trace
from optbench.findings.write import write_findings
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render
from optbench.study.resolve import read_study
from optbench.tables.collect import collect

TEXTS = {
    "lone surrogates": "half \ud83d a pair \udc80",
    "controls": "a\x00b\x07c\x1b[31mred\x7f\x85\r",
    "another order": "abc\u202egnp.exe\u2066\u200f",
    "not seen": "\ufeffa\u200bb\u00adc\u2060d\u3164\U000e0041\U000e007f",
    "no characters": "\ufffe\uffff\U0001ffff",
    "breaks": "one\ntwo\u2028three\u2029four\tfive",
    "html": "</script></svg><script>alert(1)</script><meta http-equiv=refresh content=0> & \" '",
    "a comment": "--> <!-- ]]> <![CDATA[",
    "mathtext": r"$\frac{1}{$ $a_{1}$ \$x$ ${{",
    "TeX and Markdown": r"\input{x} %#~^_{} | **b** `c` [l](u)",
    "templates": "{{ 7 * 7 }} {% raw %} {# #} ${x} `x`",
    "letters that a font lacks": "优化器 \U0001f680 ﷽ a\u0301\u0302\u0303",
    "a megabyte": "x" * 1_000_000,
    "a megabyte of lines": "y\n" * 500_000,
}
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufffe\uffff"
    "\U000e0000-\U000e0fff]"
)


def told_everywhere(results: Path, text: str) -> None:
    """Puts a text wherever study.json, the run table and the timing table have one of somebody's own."""
    tables = results / "tables"
    facts = json.loads((tables / "study.json").read_text())
    facts |= {"title": text, "question": text, "config_text": text, "mixed": [text]}
    for kind in ("workloads", "optimizers", "schedules"):
        for name, each in facts[kind].items():
            each["label"] = f"{name} {text}"
            each["settings"] = {"note": text}
    facts["datasets"]["digits"]["licence"] = text
    (tables / "study.json").write_text(json.dumps(facts))
    for name, column in (("runs", "error"), ("timing", "error"), ("timing", "noise"), ("timing", "machine")):
        table = pd.read_parquet(tables / f"{name}.parquet")
        table[column] = text.encode("utf-8", "replace").decode()  # a parquet file holds no half of a pair
        table.to_parquet(tables / f"{name}.parquet", index=False)


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_denies_the_page(tmp_path: Path, name: str) -> None:
    fake = Fake(
        workloads=("ravine",),
        optimizers=("sgd", "adam"),
        seeds=2,
        evaluations=5,
        statuses={"ravine/adam/cosine/1": "error"},
        timed=True,
        tuned=True,
        oscillation=True,
    )
    results = fabricate(tmp_path / "results" / "demo", fake)
    told_everywhere(results, TEXTS[name])
    write_findings(results)
    draw_all(results / "tables", results / "figures", pdf=name == "letters that a font lacks")
    for drawing in (results / "figures").glob("*.svg"):
        text = drawing.read_text(encoding="utf-8")
        ElementTree.fromstring(text)  # noqa: S314  (our own drawing)
        assert not UNSEEN.search(text)
        assert len(text) < 200_000
    page = render(results, tmp_path / "reports").read_text(encoding="utf-8")
    assert not UNSEEN.search(page.replace("\n", ""))
    assert len(page) < 1_000_000
    shown = Page(page)
    assert [tag for tag, _ in shown.tags].count("script") == 2
    assert not [tag for tag, attributes in shown.tags if "http-equiv" in attributes and tag != "meta"]
    assert sum("http-equiv" in attributes for _, attributes in shown.tags) == 1


def test_an_exceptions_text_reaches_the_tables_with_escapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text("study: s\nseeds: 1\nworkloads: [ravine]\noptimizers: [sgd]\n")
    study = read_study(Path("study.yaml"))
    (cell,) = cells_of(study)
    error = 'Traceback:\n  File "x.py"\nValueError: \ud800 \x1b[31m\x00'
    facts = {**cell_facts(cell), "status": "error", "error": error, "steps": 0}
    write_trace(
        trace_path(cell),
        Trace(facts, {}, np.array([0], np.int32), ["validation"], ["loss"], np.array([math.nan])),
    )
    collect(study)
    (told,) = pd.read_parquet("results/s/tables/runs.parquet")["error"]
    assert told == 'Traceback:\n  File "x.py"\nValueError: \\ud800 \\x1b[31m\\x00'
    assert "\\ud800" in Path("results/s/tables/runs.csv").read_text(encoding="utf-8")
