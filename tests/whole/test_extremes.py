"""The page is always made: whatever numbers cells came to, no stage stops, and nothing warns on the way."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab.browser import opened
from lab.extremes import PATTERNS, POINTS, publish, write_extremes
from lab.studies import run
from optbench.cells.trace import read_trace


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_number_denies_the_page(tmp_path: Path, pattern: str) -> None:
    page = publish(write_extremes(tmp_path, PATTERNS[pattern], seeds=6))
    # Every number of the page is one, an infinity with its sign, or a dash.
    assert not {"nan", "inf", "-inf", "−inf", "-0", "−0"} & set(re.split(r"[\s,()\[\]]+", page.text.lower()))
    assert "+ 12 error +" in page.text  # the errors of `saddle` hide nothing else
    assert page.text.count("Final validation loss") > 2


@pytest.mark.parametrize("pattern", ["all decades", "largest, both signs", "one point", "no point", "gaps"])
def test_one_seed_is_enough_for_a_page(tmp_path: Path, pattern: str) -> None:
    publish(write_extremes(tmp_path, PATTERNS[pattern], seeds=1), pdf=pattern == "all decades")


RATES = ("1e-308", "1e-150", "1e150", "1.7e308")
TRAINED = ("sgd", "heavy_ball", "heavy_ball_averaged", "adam")


def test_no_learning_rate_makes_a_command_warn(tmp_path: Path) -> None:
    """Trained, where the test above writes traces: what a warning would say ends a cell or a command here."""
    entries = "".join(
        f"  {o}_{i}: {{like: {o}, lr: {rate}}}\n" for o in TRAINED for i, rate in enumerate(RATES)
    )
    budget = "{steps: 12, eval_every: 2}"
    Path("x.yaml").write_text(
        f"study: x\nseeds: 1\nprobes: {{every: 1}}\ntiming: {{seconds: 0.001}}\noptimizers:\n{entries}"
        f"workloads: {{ravine: {budget}, rosenbrock: {budget}, quadratic_noisy: {budget}}}\n"
    )
    for command in (["run", "x.yaml"], ["show", "x"], ["compare", "x", "x"]):
        done = run("optbench", *command, cwd=tmp_path, PYTHONWARNINGS="error::RuntimeWarning")
        assert done.returncode == 0, done.stderr
        assert {line[:10] for line in done.stderr.splitlines()} <= {"optbench: "}
    runs = pd.read_parquet("results/x/tables/runs.parquet")
    assert len(runs) == 48
    assert set(runs["status"]) == {"ok", "diverged"}
    for trace in Path("results/x/cells").rglob("*.parquet"):
        assert not read_trace(trace).facts.get("probes_failed")


@pytest.mark.parametrize("target", [-1e308, 5e-324, 1.7e308])
def test_a_target_may_lie_anywhere(tmp_path: Path, target: float) -> None:
    publish(write_extremes(tmp_path, PATTERNS["to zero"], seeds=2, target=target))


@pytest.mark.browser
@pytest.mark.parametrize(
    "pattern", ["all decades", "largest, both signs", "zero with signs", "negative", "gaps"]
)
def test_no_number_stops_the_script(browser, tmp_path: Path, pattern: str) -> None:
    """Every measure over the reference, the pointer on every drawing: nothing is said, nothing is NaN."""
    publish(write_extremes(tmp_path, PATTERNS[pattern], seeds=3))
    with opened(browser, tmp_path / "reports/s/index.html") as page:
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        measures = page.locator("#chooser select").first
        for option in measures.locator("option").all():
            measures.select_option(option.get_attribute("value"))
        read = page.evaluate(POINT_AT_EVERYTHING)
        assert len(read) > 10
        shown = [*read, page.locator("#chooser").inner_text()] if page.locator("#chooser").count() else read
        assert not [text for text in shown if "NaN" in text or "undefined" in text]


POINT_AT_EVERYTHING = """() => [...document.querySelectorAll(".panel > svg")].map((drawing) => {
  const box = drawing.getBoundingClientRect();
  for (const x of [0.3, 0.5, 0.7]) for (const y of [0.3, 0.5, 0.7]) {
    drawing.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
  }
  return document.querySelector(".tip").textContent;
})"""  # noqa: E501 - script


def test_a_run_of_more_decades_than_a_float_has_reads_sensibly(tmp_path: Path) -> None:
    """Heavy ball on the ravine for 7,500 steps falls from 1 to less than the least float."""
    results = write_extremes(tmp_path, lambda seed, _: 10.0 ** -np.linspace(seed, 323.0, POINTS), seeds=6)
    page = publish(results)
    ticks = (results / "figures/convergence-ravine-constant-loss.svg").read_text()
    assert ">1<" in ticks
    assert ">10⁻²⁰⁰<" in ticks
    assert "9.88×10⁻³²⁴" in page.text
    ranking = pd.read_parquet(results / "tables/ranking.parquet")
    first = ranking[(ranking["workload"] == "saddle") & ranking["leader"]].iloc[0]
    assert (first["optimizer"], first["against_leader"]) == ("heavy_ball", "")
