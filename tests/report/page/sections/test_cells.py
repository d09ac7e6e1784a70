"""Every cell is listed with its commands, curves and card."""

from __future__ import annotations

import html
import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest

from lab.fabricate import Fake
from lab.pages import Page, build
from optbench.core.words import number
from optbench.report.page.build import render
from optbench.report.page.sections.cells import CurveScale, pack
from optbench.report.page.text import snakemake_command

INF = float("inf")


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
