"""The page's text: it adds up, it escapes, it repeats, and it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest
from lab.fabricate import HOSTILE, Fake, fabricate
from lab.pages import MIXED, Page, build, mixed_page, plain, ranked_page

from optbench.core.status import STATUSES
from optbench.core.words import interval, number
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render
from optbench.report.page.sections.cells import CurveScale, pack
from optbench.report.page.sections.completeness import status_counts
from optbench.report.page.sections.oscillation import HEADS
from optbench.report.page.text import rerun_command, scrub, snakemake_command
from optbench.tables.evidence import write_evidence
from optbench.tables.step_times import comparable

INF = float("inf")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    path = mixed_page(tmp_path_factory)
    return path, Page(path.read_text(encoding="utf-8"))


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


def test_methods_say_which_cells_were_trained_together(mixed):
    _, page = mixed
    assert "1 cell alone (Muon is odd); 2 cells batched" in page.source


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


def test_counts_add_up(mixed):
    _, page = mixed
    assert "48 expected = 41 ok + 3 diverged + 1 error + 1 killed + 1 timeout + 1 missing" in page.text
    for fake in (MIXED, Fake(status="error"), Fake(seeds=1)):
        cells = [
            {"cell": (cell := f"{w}/{o}/{s}/{seed}"), "status": fake.statuses.get(cell, fake.status)}
            for w in fake.workloads
            for o in fake.optimizers
            for s in fake.schedules
            for seed in range(fake.seeds)
        ]
        found = status_counts(pd.DataFrame(cells), "demo")
        assert found.expected == len(cells) == sum(part.count for part in found.parts)
        assert [part.status for part in found.parts] == list(STATUSES)
        assert sum(part.width for part in found.parts) == pytest.approx(1000, abs=1)
        assert all(part.width > 0 for part in found.parts if part.count)


def test_every_cell_is_listed_with_its_commands(mixed, tmp_path):
    path, page = mixed
    runs = pd.read_parquet(path.parents[2] / "results/demo/tables/runs.parquet")
    rows = page.rows("t-cells")
    assert [row[0] for row in rows] == list(runs["cell"])
    for row, run in zip(rows, runs.itertuples(), strict=True):
        assert row[1].endswith(str(run.status))
        assert row[4] == number(run.final_val_loss)
        assert row[5] == run.digest
        rerun, _, make = row[6].partition("snakemake")
        assert shlex.split(rerun) == ["optbench", "rerun", "demo", run.cell]
        assert shlex.split(make)[:3] == ["--cores", "1", run.path]


def test_a_cell_says_why_it_was_trained_again(tmp_path):
    fake = Fake(workloads=("digits",), optimizers=("sgd",), seeds=2, evaluations=3)
    path = build(tmp_path, fake, figures=False)
    before = path.read_text(encoding="utf-8")
    table = tmp_path / "results/demo/tables/runs.parquet"
    runs = pd.read_parquet(table)
    why = ["settings: optimizer a<b -> 2; code: train.py", *[""] * (len(runs) - 1)]
    runs.assign(trained_again="").to_parquet(table)
    assert render(table.parents[1], path.parents[1]).read_text(encoding="utf-8") == before
    runs.assign(trained_again=why).to_parquet(table)
    rows = Page(render(table.parents[1], path.parents[1]).read_text(encoding="utf-8")).rows("t-cells")
    assert rows[0][5].split() == f"{runs['digest'][0]} trained again: {why[0]}".split()
    assert [row[5] for row in rows[1:]] == list(runs["digest"][1:])


def test_cells_hold_their_curves(mixed):
    """Unpacked by a decoder of the test's own, each point is off by at most half a level."""
    path, page = mixed
    tables = path.parents[2] / "results/demo/tables"
    curves = pd.read_parquet(tables / "curves.parquet")
    curves = curves[(curves["split"] == "validation") & (curves["metric"] == "loss")]
    (attributes,) = [a for t, a in page.tags if t == "table" and a.get("id") == "t-cells"]
    groups, scales = json.loads(attributes["data-groups"]), json.loads(attributes["data-scales"])
    rows = re.findall(r'<tr data-g="(\d+)" data-c="([^"]*)"><th scope="row">([^<]*)<td', page.source)
    runs = pd.read_parquet(tables / "runs.parquet")
    assert [html.unescape(cell) for _, _, cell in rows] == list(runs["cell"])
    assert [s["label"] for s in scales] == ["Ravine", "Digits, MLP"]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    shown = 0
    for group, packed, cell in rows:
        workload, optimizer, schedule, _ = cell.split("/")
        scale = scales[groups[int(group)][0]]
        trace = f"results/demo/cells/{workload}/{optimizer}/{schedule}/seedSEED-DIGEST.parquet"
        assert groups[int(group)][2] == snakemake_command(trace, "config/mine.yaml")
        assert scale["label"] == {"ravine": "Ravine", "digits": "Digits, MLP"}[workload]
        assert groups[int(group)][1] == ["sgd", "momentum", "adam"].index(optimizer)
        own = curves[curves["cell"] == cell].set_index("step")["value"]
        assert scale["log"]
        levels = [64 * digits.index(a) + digits.index(b) for a, b in zip(*[iter(packed)] * 2, strict=True)]
        for step, level in zip(scale["steps"], levels, strict=False):
            loss = scale["low"] * (scale["high"] / scale["low"]) ** (level / 4094)
            assert loss == pytest.approx(own[step], rel=2e-3)
            shown += 1
        last = own.index.max() if len(own) else -1
        assert len(levels) == sum(step <= last for step in scale["steps"])
    assert shown > 800


def test_packed_curves_keep_what_is_not_finite():
    scale = CurveScale("w", (0, 1, 2, 3), 1.0, 100.0, log=True)
    nan = float("nan")
    assert pack(np.array([[1.0, INF, 100.0, nan], [nan] * 4]), scale) == ["AA" + "__" + "_-", ""]
    assert pack(np.array([[5.0, 5.0]]), CurveScale("w", (0, 1), 5.0, 5.0, log=False)) == ["AAAA"]
    assert pack(np.array([[0.5]]), CurveScale("w", (0,), 0.0, 1.0, log=False)) == ["f_"]


def test_cells_that_failed_point_to_their_card(mixed):
    _, page = mixed
    cards = [a["id"] for t, a in page.tags if t == "article"]
    assert cards == [f"f-{i}" for i in range(5)]
    links = re.findall(r'<td class="s-(\w+)"><a href="#(f-\d+)">', page.source)
    assert sorted(s for s, _ in links) == ["diverged"] * 3 + ["error", "killed", "missing", "timeout"]
    for status, card in links:
        assert re.search(rf'<article class="card c-{status}" id="{card}">', page.source)
    assert page.source.count("<summary>Cells and traceback</summary>") == 1
    assert page.source.count("<summary>Cells</summary>") == 4
    assert page.source.count('aria-label="Traceback: digits/adam/cosine/1"') == 1
    # Step 16 is the last that was recorded; the loss of a diverged run was finite up to the one before.
    assert "digits/sgd/constant/0, last finite step 15" in page.text
    assert "digits/adam/cosine/1, last finite step 16" in page.text


def test_final_table_shows_the_summary(mixed):
    path, page = mixed
    summary = pd.read_parquet(path.parents[2] / "results/demo/tables/summary.parquet")
    finals = summary[(summary["workload"] == "digits") & (summary["metric"] == "final_val_loss")]
    rows = page.rows("t-final-1")
    assert len(rows) == len(finals) == 6
    labels = {"sgd": "SGD", "adam": "Adam", "momentum": "momentum"}
    for record in finals.itertuples():
        (row,) = [r for r in rows if r[:2] == [labels[record.optimizer], record.schedule.capitalize()]]
        assert row[3] == f"{record.n_ok}/{record.n}"
        assert row[4].split()[0] == number(record.estimate)
        assert interval(record.low, record.high) in " ".join(row[4].split())


def test_page_ranks_nothing_by_a_test_it_did_not_make(mixed):
    _, page = mixed
    assert "Too little data to tell any two combinations apart" in page.text
    assert "v-better" not in page.source.split("</style>")[1]
    assert "v-insufficient-data" in page.source.split("</style>")[1]
    for table in re.findall(r'<table id="t-final-\d+".*?</table>', page.source, re.DOTALL):
        assert "<strong>" not in table


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
        "schedules": "schedule:cosine",
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
        assert words[0] == "?" if tested else words[0] != "?"
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
    bold = re.findall(r"<li id=\"finding-\d\">.*?<strong>(.*?)</strong>([^<]*)", page.source, re.DOTALL)
    assert [html.unescape(gist + rest).strip() for gist, rest in bold] == heads
    assert bold[0][0] == "Over 2 workloads, SGD · Constant has the lowest validation loss."
    assert len(page.ids) == len(set(page.ids))
    assert {"t-standing", "t-ranking"} <= set(page.ids)
    assert (
        "Not in this page, because this study did not measure it: how much the learning rate matters (no "
        "rate was searched), oscillation (no run was probed) and what a step costs (no step was timed)."
    ) in page.text


def test_cost_shows_the_timing(mixed):
    path, page = mixed
    assert (
        "A step takes from 1.50 [1.47, 1.54] (momentum on Digits, MLP, 13 rounds) to 2.25 [2.16, 2.39] "
        "(Adam on Ravine, 14 rounds) times as long as the reference's; the machine was too noisy for 1 of 2 "
        "workloads; there is no time for 1 of 6 pairs of workload and optimizer."
    ) in page.text
    rows = [[" ".join(cell.split()) for cell in row] for row in page.rows("t-step-0")]
    assert rows == [
        ["SGD", "100", "120", "30", "1 reference", "0", "2"],
        ["momentum", "150", "180", "45", "1.5 [1.47, 1.545]", "4", "4"],
        ["Adam", "225", "270", "67.5", "2.25 [2.161, 2.387]", "8", "6"],
    ]
    assert page.rows("t-step-1")[2] == ["Adam", *6 * ["–"], "ValueError: <b>no</b> step"]
    summary = pd.read_parquet(path.parents[2] / "results/demo/tables/summary.parquet")
    steps = summary[(summary["workload"] == "ravine") & (summary["metric"] == "steps_to_target")]
    targets = page.rows("t-target-0")
    assert len(targets) == len(steps) == 6
    step_time = {"sgd": 100e-6, "momentum": 150e-6, "adam": 225e-6}
    for row, record in zip(targets, steps.itertuples(), strict=True):
        assert row[2].split()[0] == number(record.estimate)
        assert row[3].split()[0] == number(record.estimate * step_time[record.optimizer])
    assert "Adam" not in [row[0] for row in page.rows("t-target-1")]


def test_noisy_workload_has_a_badge_and_its_reason(mixed):
    _, page = mixed
    assert page.source.count('<span class="badge">noisy</span>') == 1
    badged = re.search(r'<div id="c-1".*?</table>', page.source, re.DOTALL).group()
    assert "badge" in badged
    assert "others kept &lt;most&gt; of 8 processors busy." in badged


def test_times_of_different_machines_are_not_compared(tmp_path):
    results = fabricate(tmp_path / "results/demo", Fake(seeds=2, timed=True))
    file = results / "tables/timing.parquet"
    timing = pd.read_parquet(file)
    other = timing["workload"].eq("digits") & timing["optimizer"].eq("adam")
    timing.loc[other, "machine"] = "Another CPU"
    timing.to_parquet(file)
    write_evidence(results / "tables")
    page = Page(render(results, tmp_path / "reports").read_text(encoding="utf-8"))
    assert [row[1:3] for row in page.rows("t-step-0")] != 3 * [["–", "–"]]
    assert [row[1:3] for row in page.rows("t-step-1")] == 3 * [["–", "–"]]
    assert page.text.count("measured in 2 places, which do not compare") == 3
    survival = pd.read_parquet(results / "tables/survival.parquet")
    assert set(survival.loc[survival["unit"] == "time_s", "workload"]) == {"ravine"}
    timing.assign(machine=timing["workload"]).to_parquet(file)
    page = Page(render(results, tmp_path / "reports").read_text(encoding="utf-8"))
    assert "The workloads were timed on 2 different machines." in page.text
    untimed = timing.assign(threads=float("nan"), step_time_us=float("nan"))
    assert comparable(untimed).equals(untimed)


def test_target_that_half_the_runs_missed_has_no_time(tmp_path):
    results = fabricate(tmp_path / "results/demo", Fake(workloads=("digits",), timed=True))
    for name in ("runs", "summary"):
        file = results / f"tables/{name}.parquet"
        table = pd.read_parquet(file)
        adam = table["optimizer"] == "adam"
        if name == "runs":
            table.loc[adam & (table["seed"] > 0), "steps_to_target"] = float("nan")
        else:
            of = adam & (table["metric"] == "steps_to_target")
            table.loc[of, ["estimate", "high"]] = INF
        table.to_parquet(file)
    page = Page(render(results, tmp_path / "reports").read_text(encoding="utf-8"))
    rows = [row for row in page.rows("t-target-0") if row[0] == "Adam"]
    assert [(row[3].split("  ")[0], row[4]) for row in rows] == 2 * [("not reached", "1/4")]


def test_oscillation_shows_medians(mixed):
    path, page = mixed
    runs = pd.read_parquet(path.parents[2] / "results/demo/tables/runs.parquet")
    for index, workload in enumerate(("ravine", "digits")):
        groups = runs[runs["workload"] == workload].groupby(["optimizer", "schedule"], sort=False)
        rows = page.rows(f"t-osc-{index}")
        assert len(rows) == len(groups) == 6
        for row, (_, group) in zip(rows, groups, strict=True):
            assert [entry.split()[0] for entry in row[2:]] == [number(group[m].median()) for m in HEADS]
    assert page.rows("t-osc-1")[0][7] == "–"
    one_missing = page.rows("t-osc-0")[1]
    assert "[" in one_missing[2]
    assert one_missing[4].endswith("3/4 runs")


def test_what_was_not_measured_leaves_no_heading(tmp_path):
    page = plain(tmp_path / "never", Fake(seeds=1))
    assert not {"s-cost", "s-oscillation"} & set(page.ids)
    assert not re.search(r"#s-(cost|oscillation)", re.sub(r"<style>.*?</style>", "", page.source, flags=re.S))
    fake = Fake(workloads=("digits",), schedules=("constant",), seeds=1, oscillation=True, timed=True)
    results = fabricate(tmp_path / "results/demo", fake)
    timing = pd.read_parquet(results / "tables/timing.parquet")
    runs = pd.read_parquet(results / "tables/runs.parquet")
    for times, cells in (
        (timing.drop(columns="ratio_low"), runs.drop(columns="loss_rise")),
        (
            timing.assign(step_time_us=float("nan")),
            runs.assign(**dict.fromkeys(HEADS, float("nan"))),
        ),
    ):
        times.to_parquet(results / "tables/timing.parquet")
        cells.to_parquet(results / "tables/runs.parquet")
        draw_all(results / "tables", results / "figures")
        found = Page(render(results, tmp_path / "reports").read_text(encoding="utf-8"))
        assert not {"s-cost", "s-oscillation"} & set(found.ids)
        assert not found.open


def test_oscillation_without_a_summary_has_no_figure(tmp_path):
    fake = Fake(workloads=("ravine",), optimizers=("sgd", "adam"), seeds=2, oscillation=True)
    results = fabricate(tmp_path / "results/demo", fake)
    summary = pd.read_parquet(results / "tables/summary.parquet")
    summary[summary["metric"] != "update_cosine"].to_parquet(results / "tables/summary.parquet")
    records = draw_all(results / "tables", results / "figures")
    assert "oscillation" not in {record.section for record in records}
    page = Page(render(results, tmp_path / "reports").read_text(encoding="utf-8"))
    runs = pd.read_parquet(results / "tables/runs.parquet")
    assert page.rows("t-osc-0")[0][2] == number(runs["update_cosine"][:2].median())


def test_provenance_is_complete_and_names_no_home(mixed):
    _, page = mixed
    for text in ("Example CPU", "2.9.0", "CC BY 4.0", "ab" * 32, "seeds: 4", "<not a tag> & kept as it is",
                 "2 different machines", "with uncommitted changes"):  # fmt: skip
        assert text in page.text
    assert "alice" not in page.source
    assert "~/lab/my_lab.py" in page.text
    assert "<script>alert('step 10')</script>" in page.text
    assert "<script>alert" not in page.source


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
    assert len(page.rows("t-cells")) == 24


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


@pytest.mark.parametrize(
    ("text", "clean"),
    [("/home/alice/x.py", "~/x.py"), ("/cluster/home/bob.k/x", "~/x"), ("/Users/Eve/x", "~/x"),
     ("/root/x", "~/x"),
     (r"C:\Users\Max M\x.py", r"~\x.py"), (r"'C:\\Users\\max\\x'", r"'~\\x'"), ("/srv/root/x", "/srv/root/x"),
     ('File "/home/alice", line 1', 'File "~", line 1'), ("/rooted", "/rooted")],
)  # fmt: skip
def test_home_folders_are_scrubbed(text, clean):
    assert scrub(text) == clean


def test_commands_can_be_pasted():
    assert rerun_command("my study", "a/b c/d/0") == "optbench rerun 'my study' 'a/b c/d/0'"
    assert snakemake_command("r/x.parquet", "config/default.yaml") == "snakemake --cores 1 r/x.parquet"
    assert snakemake_command("r/x y", "/home/al/my s.yaml") == (
        "snakemake --cores 1 'r/x y' --configfile ~/'my s.yaml'"
    )
