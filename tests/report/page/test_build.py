"""The page's text: it adds up, it escapes, it repeats, and it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import re
import shlex

import pandas as pd
import pytest

from lab.fabricate import HOSTILE, Fake, fabricate
from lab.pages import Page, build, plain, ranked_page
from optbench.core.words import interval, number
from optbench.report.page.build import render
from optbench.report.page.sections.verdict import GLYPHS


def test_page_is_whole(mixed):
    path, page = mixed
    assert path.parts[-3:] == ("reports", "demo", "index.html")
    assert not page.open
    assert len(page.ids) == len(set(page.ids))
    targets = {a["href"][1:] for t, a in page.tags if t in ("a", "use") and a["href"].startswith("#")}
    targets |= set(re.findall(r"url\(#([^)]+)\)", page.source))
    described = " ".join(a.get("aria-labelledby", "") for _, a in page.tags).split()
    assert targets | set(described) <= set(page.ids)
    levels = [int(t[1]) for t, _ in page.tags if re.fullmatch(r"h[1-6]", t)]
    after_legend = levels[levels.index(1) :]
    assert after_legend.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(after_legend))


def test_page_loads_nothing(mixed):
    _, page = mixed
    for tag, attributes in page.tags:
        assert tag not in ("img", "iframe", "object", "embed", "audio", "video", "base", "form")
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("src", "srcset", "action", "data", "poster"):
            assert name not in attributes
        if tag == "link":
            assert attributes["href"] == "data:,"
    assert not re.search(r"@import|https?://|url\((?!#)", page.source)
    policy = next(
        a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none';")
    for tag, parts in (("style", 1), ("script", 2)):
        bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", page.source, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in bodies]
        assert len(bodies) == parts
        allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
        assert f"{tag}-src {allowed};" in policy


def test_final_table_shows_the_summary(mixed):
    path, page = mixed
    summary = pd.read_parquet(path.parents[2] / "results/demo/tables/summary.parquet")
    finals = summary[(summary["workload"] == "digits") & (summary["metric"] == "final_val_loss")]
    ranking = pd.read_parquet(path.parents[2] / "results/demo/tables/ranking.parquet")
    here = ranking[(ranking["workload"] == "digits") & (ranking["metric"] == "final_val_loss")]
    standing = here.set_index(["optimizer", "schedule"])
    rows = page.rows("t-final-1")
    assert len(rows) == len(finals) == 6
    labels = {"sgd": "SGD", "adam": "Adam", "momentum": "momentum"}
    for record in finals.itertuples():
        (row,) = [r for r in rows if r[:2] == [labels[record.optimizer], record.schedule.capitalize()]]
        assert row[3] == f"{record.n_ok}/{record.n}"
        here = standing.loc[record.optimizer, record.schedule]
        assert row[4].split()[0] == number(here.estimate)
        assert interval(here.low, here.high) in " ".join(row[4].split())


def test_page_ranks_nothing_by_a_test_it_did_not_make(mixed):
    path, page = mixed
    # Four seeds: what draws nothing is compared as it is, and nothing else.
    assert "Digits, MLP: no recommendation, no pair has the 6 seeds that a test takes." in page.text
    ranking = pd.read_parquet(path.parents[2] / "results/demo/tables/ranking.parquet")
    losses = ranking[ranking["metric"] == "final_val_loss"].set_index("workload")["group"]
    assert (losses["digits"] == 0).all()
    assert set(losses["ravine"]) == {1, 2, 3, 4, 5, 6}
    ravine, _ = re.findall(r'<table id="t-final-\d+".*?</table>', page.source, re.DOTALL)
    assert "<strong>" in ravine


def test_sections_and_figures_are_there(mixed):
    path, page = mixed
    headings = [
        "Verdict",
        "Completeness",
        "Across workloads",
        "Workloads",
        "Learning-rate sensitivity",
        "Oscillation",
        "Schedules",
        "Cost",
        "Learn",
        "Cells",
    ]
    assert re.findall(r'<h2 id="h-[^"]+">([^<]+)</h2>', page.source)[:10] == headings
    assert re.findall(r'<a href="#s-[^"]+">([^<]+)</a>', page.source)[:10] == headings
    records = json.loads((path.parents[2] / "results/demo/figures/figures.json").read_text("utf-8"))
    for record in records:
        assert record["id"] in page.ids
        assert record["caption"] in page.text
        for panel in record["panels"]:
            assert panel["id"] in page.ids
    drawings = [a for t, a in page.tags if t == "svg" and a.get("role") == "img"]
    assert len(drawings) == sum(len(r["panels"]) for r in records) + 1
    # Each section opens with its finding and ends with how to read it and where its numbers are.
    sections = re.split(r'<section id="s-', page.source)[1:]
    assert len(sections) == 11
    for section in sections:
        opening = re.search(r"</h2>\s*(?:<div[^>]*>\s*)*<(\w+)(?: class=\"([^\"]*)\")?", section)
        assert opening.group(1, 2) in (("p", "lead"), ("p", "nothing"))
        last = section.rsplit("<details", 1)[1]
        assert last.startswith(' class="how"><summary>How to read this, caveats, data, export</summary>')
        assert "<b>Data and export.</b> <code>tables/" in last


def test_every_section_opens_with_a_finding(mixed):
    """The first paragraph under each heading is a claim of findings.json, word for word."""
    path, page = mixed
    findings = json.loads((path.parents[2] / "results/demo/tables/findings.json").read_text("utf-8"))
    opens = {
        "verdict": "nothing",
        "completeness": "completeness",
        "across": "across",
        "workloads": "told",
        "sensitivity": "sensitivity",
        "oscillation": "oscillation",
        "schedules": "effect:schedule:cosine",
        "cost": "cost",
        "learn": "learn",
        "cells": "cells",
        "methods": "methods",
    }
    claims = {finding["id"]: finding["claim"] for finding in findings}
    sections = re.findall(r'<section id="s-(\w+)".*?</h2>(.*?)</p>', page.source, re.DOTALL)
    assert [section for section, _ in sections] == list(opens)
    for section, opening in sections[1:]:
        words = html.unescape(re.sub(r"<a .*?</a>|<[^>]+>", "", opening)).split()
        tested = section in ("workloads", "schedules")
        assert (words[0] in GLYPHS.values()) == tested
        assert " ".join(words[tested:]) == claims[opens[section]]
    # An interval of a median says so where it stands, and n.
    for id_ in ("completeness", "across", "sensitivity", "oscillation", "cost", "cells"):
        finding = next(f for f in findings if f["id"] == id_)
        assert None not in (finding["effect"], finding["low"], finding["high"])
        assert finding["n"] > 1


def test_a_study_of_six_seeds_from_its_headlines_to_its_methods(tmp_path_factory):
    """What it says first stands in bold, its ranking twice without an id twice, what it lacks at its end."""
    path = ranked_page(tmp_path_factory)
    page = Page(path.read_text(encoding="utf-8"))
    tables = path.parents[2] / "results/demo/tables"
    findings = json.loads((tables / "findings.json").read_text("utf-8"))
    heads = [f["claim"] for f in sorted(findings, key=lambda f: f["headline"] or 9)[:3]]
    first = r"<p class=\"\w+\" id=\"finding-\d\">.*?<strong>(.*?)</strong>([^<]*)"
    bold = re.findall(first, page.source, re.DOTALL)
    assert [html.unescape(gist + rest).strip() for gist, rest in bold] == heads
    assert bold[0][0].startswith("Over 2 workloads: use SGD · Constant at lr 0.100 (at untuned rates")
    assert len(page.ids) == len(set(page.ids))
    assert {"t-standing", "t-ranking"} <= set(page.ids)
    assert (
        "Not in this page, because this study did not measure it: how much the learning rate matters (this "
        "study searched no rate), oscillation (no run was probed) and what a step costs (no step was timed)."
    ) in page.text


def test_same_files_same_bytes(mixed, tmp_path):
    path, _ = mixed
    again = render(path.parents[2] / "results/demo", tmp_path)
    assert again.read_bytes() == path.read_bytes()


def test_hostile_names_stay_text(tmp_path):
    fake = Fake(
        workloads=(HOSTILE[0],),
        optimizers=HOSTILE,
        schedules=("constant",),
        seeds=2,
        title=HOSTILE[0],
        statuses={f"{HOSTILE[0]}/{HOSTILE[1]}/constant/0": "error"},
        oscillation=True,
        timed=True,
        noise={HOSTILE[0]: HOSTILE[1]},
        untimed={f"{HOSTILE[0]}/{HOSTILE[3]}": HOSTILE[0]},
    )
    path = build(tmp_path, fake)
    page = Page(path.read_text(encoding="utf-8"))
    assert not page.open
    assert len(page.ids) == len(set(page.ids))
    assert page.source.count("<script") == 2
    rows = page.rows("t-cells")
    for row, cell in zip(
        rows, pd.read_parquet(tmp_path / "results/demo/tables/runs.parquet")["cell"], strict=True
    ):
        rerun = row[6].partition("snakemake")[0]
        assert shlex.split(rerun)[-1] == cell
    for name in HOSTILE:
        assert name in page.text
    assert [row[0] for row in page.rows("t-step-0")] == list(HOSTILE)
    assert page.rows("t-step-0")[3][-1] == HOSTILE[0]
    assert [row[0] for row in page.rows("t-osc-0")] == list(HOSTILE)


@pytest.mark.parametrize("status", ["error", "diverged", "killed", "timeout", "missing"])
def test_everything_failed(tmp_path, status):
    page = Page(
        build(tmp_path, Fake(status=status, seeds=2), figures=status == "diverged").read_text("utf-8")
    )
    assert f"24 {status}" in page.text
    assert "0 of 24 planned cells ended ok, 0% [0%, 13.8%]; " in page.text
    assert f"; 24 {status} (12 combinations, ravine/sgd/constant first)." in page.text
    assert "no combination has a finite median loss" in page.text
    assert "Not one of 24 runs ended well: there is nothing to compare." in page.text
    assert "Too little data" not in page.text
    assert len(page.rows("t-cells")) == 24


def test_of_a_full_count_there_is_no_interval(tmp_path):
    assert "All 24 planned cells ended ok." in plain(tmp_path, Fake(seeds=2)).text


def test_dollars_and_long_names_of_the_ranking(tmp_path):
    """No figure shows the backslash that keeps a dollar from being a formula; a long row names both."""
    optimizer, schedule = "adam_with_a_very_long_list_of_settings", "cosine_with_a_very_long_warm_up_too"
    fake = Fake(
        workloads=("digits", "letters"),
        optimizers=("sgd", "a$b$c", optimizer),
        schedules=("constant", schedule),
        seeds=6,
        timed=True,
        oscillation=True,
    )
    page = Page(build(tmp_path, fake).read_text("utf-8"))
    words = [html.unescape(words) for words in re.findall(r"<text[^>]*>([^<]*)</text>", page.source)]
    assert any("a$b$c" in word for word in words)
    assert not any("\\$" in word for word in words)
    rows = (tmp_path / "results/demo/figures/ranking-panel.svg").read_text("utf-8")
    assert "adam_with_a_very… · Cosine_with_a_v…" in rows


def test_intervals_of_medians_are_named_by_their_coverage(tmp_path):
    (caption,) = re.findall(r'id="t-final-0-caption">(.*?)</caption>', plain(tmp_path, Fake(seeds=3)).source)
    assert "medians, with intervals between order statistics, which cover 75%" in caption  # 1 - 2 / 2^3
    assert "with its 95% interval" in caption


def test_one_seed_claims_no_interval(tmp_path):
    page = plain(tmp_path, Fake(seeds=1))
    assert "1 seed is too few for a test" in page.text
    assert "<strong>" not in re.search(r'<table id="t-final-0".*?</table>', page.source, re.DOTALL).group()
    assert "[" not in " ".join(cell for row in page.rows("t-final-0") for cell in row)


def test_study_that_knows_little(tmp_path):
    results = fabricate(tmp_path / "bare", Fake(seeds=1))
    file = results / "tables/study.json"
    file.write_text(json.dumps(dict.fromkeys(json.loads(file.read_text("utf-8")))), encoding="utf-8")
    page = Page(render(results, tmp_path).read_text(encoding="utf-8"))
    assert "<h1>bare</h1>" in page.source
    assert "ravine" in page.text
