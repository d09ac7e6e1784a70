"""Times: what is noisy, missing or of another machine says so."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest

from lab.fabricate import Fake, fabricate
from lab.pages import Page
from optbench.core.words import number
from optbench.report.page.build import render
from optbench.tables.figure_tables import write_figure_tables
from optbench.tables.step_times import comparable


def test_cost_shows_the_timing(mixed):
    path, page = mixed
    assert (
        "A step takes from 1.50 [1.47, 1.54] (momentum on Ravine, 13 rounds) to 2.25 [2.16, 2.39] "
        "(Adam on Ravine, 14 rounds) times as long as the reference's; of 1 of 2 workloads the ratios are "
        "withheld, for the machine was too noisy (Digits, MLP: others kept <most> of 8 processors busy); "
        "there is no time for 1 of 6 pairs of workload and optimizer."
    ) in page.text
    rows = [[" ".join(cell.split()) for cell in row] for row in page.rows("t-step-0")]
    assert rows == [
        ["SGD", "100 [96, 105]", "120", "30", "1 reference", "0", "2"],
        ["momentum", "150 [144, 158]", "180", "45", "1.5 [1.47, 1.54]", "4", "4"],
        ["Adam", "225 [216, 236]", "270", "67.5", "2.25 [2.16, 2.39]", "8", "6"],
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
        low, high = (record.estimate / end for end in (record.low, record.high))
        ends = (math.exp(-math.hypot(math.log(low), math.log(0.96))),
                math.exp(math.hypot(math.log(high), math.log(1.05))))  # fmt: skip
        wanted = [record.estimate * step_time[record.optimizer] * end for end in ends]
        # Four digits are printed.
        assert [float(end) for end in re.findall(r"[0-9.]+", row[3])[1:]] == pytest.approx(wanted, rel=5e-3)
    assert "Adam" not in [row[0] for row in page.rows("t-target-1")]


def test_noisy_workload_has_a_badge_and_its_reason(mixed):
    _, page = mixed
    assert page.source.count('<span class="badge">noisy</span>') == 1
    badged = re.search(r'<details id="c-1".*?</table>', page.source, re.DOTALL).group()
    assert "badge" in badged
    assert "others kept &lt;most&gt; of 8 processors busy." in badged
    # No ratio is told anywhere on the page: not in its table, not in the figure, not in a sentence.
    assert [" ".join(row[4].split()) for row in page.rows("t-step-1")] == [
        "1 reference",
        "withheld noisy",
        "–",
    ]
    assert "Ratios are withheld where the machine was noisy: Digits, MLP." in page.text
    assert page.text.count("these seconds are not to be relied on") == 2  # the table and the figure
    assert "No front is drawn, for the machine was noisy while steps were timed." in page.text


def test_times_of_different_machines_are_not_compared(tmp_path):
    results = fabricate(tmp_path / "results/demo", Fake(seeds=2, timed=True))
    file = results / "tables/timing.parquet"
    timing = pd.read_parquet(file)
    other = timing["workload"].eq("digits") & timing["optimizer"].eq("adam")
    timing.loc[other, "machine"] = "Another CPU"
    timing.to_parquet(file)
    write_figure_tables(results / "tables")
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
    file = results / "tables/runs.parquet"
    table = pd.read_parquet(file)
    table.loc[(table["optimizer"] == "adam") & (table["seed"] > 0), "steps_to_target"] = float("nan")
    table.to_parquet(file)
    write_figure_tables(results / "tables")
    page = Page(render(results, tmp_path / "reports").read_text(encoding="utf-8"))
    rows = [row for row in page.rows("t-target-0") if row[0] == "Adam"]
    assert [(row[3].split("  ")[0], row[4]) for row in rows] == 2 * [("not reached", "1/4")]
