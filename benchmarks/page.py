"""What a page takes: to draw, to render and to load, and how large it is, at a number of cells.

    python benchmarks/page.py [--cells 200 10000]

The study is fabricated (tests/lab/fabricate.py): 25 seeds from 2,000 cells on, 6 below. `draw` makes the
figures, which depend on the combinations and not on the seeds, on the cores of the machine, at most four, as
the workflow does; `render` makes the page of them. Both are measured inside one process: Python and its
libraries take some seconds more to start. Processor time beside the wall clock tells a busy machine from a
slow one. A plain figure of matplotlib's (one axes with four lines, a title, labels and a legend, saved as SVG
and as PDF in the same run) tells a slow machine from a slow program: a panel's processor time is divided by
that.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from shutil import which
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from matplotlib import rc_context
from matplotlib.figure import Figure

from lab.fabricate import fabricate, large
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render
from results import Row, record

CORES = min(len(os.sched_getaffinity(0)), 4)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PLAIN = 11
"""Plain figures to take the median of."""

FEW = 2000
"""Below this many cells the limits of a small study hold."""

LIMITS = {"build": (6.0, 30.0), "size": (1.0, 7.0), "load": (2.0, 2.0)}
"""At 200 cells and at 10,000: seconds, MB, seconds."""


def loaded_s(page: Path) -> float | None:
    """Return the seconds until Chromium has loaded the page and run its script; None without Chromium."""
    chromium = which("chromium")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        tab = browser.new_page()
        start = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="load", timeout=120_000)
        took = time.perf_counter() - start
        browser.close()
    return took


def processor_s() -> float:
    """Return the processor time of this process and of the children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def plain_s() -> float:
    """Return the processor time of one plain figure, saved as SVG and as PDF with its fonts embedded."""
    seconds = []
    for _ in range(PLAIN + 1):
        busy = processor_s()
        figure = Figure(figsize=(4.4, 3.2))
        axes = figure.add_subplot(title="A plain figure", xlabel="step", ylabel="loss", yscale="log")
        for line in range(4):
            axes.plot(range(1, 121), [(line + 1) / step for step in range(1, 121)], label=f"line {line}")
        axes.legend()
        with rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}):
            for form in ("svg", "pdf"):
                figure.savefig(BytesIO(), format=form)
        seconds.append(processor_s() - busy)
    return median(seconds[1:])  # the first one finds the fonts


def measure(cells: int) -> list[Row]:
    """Return what a page of about `cells` cells takes."""
    fake = large(cells)
    with tempfile.TemporaryDirectory() as folder:
        results = fabricate(Path(folder) / "results/large", fake)
        start, busy = time.perf_counter(), processor_s()
        records = draw_all(results / "tables", results / "figures", cores=CORES)
        drawn = time.perf_counter()
        page = render(results, Path(folder) / "reports")
        rendered, busy = time.perf_counter(), processor_s() - busy
        size, load = page.stat().st_size / 1e6, loaded_s(page)
    panels, plain = sum(len(record.panels) for record in records), plain_s()
    limit = {name: limits[fake.cells >= FEW] for name, limits in LIMITS.items()}
    case = f"{fake.cells:,} cells, {panels} panels"
    rows = [
        Row(case, f"draw, {CORES} cores", drawn - start, "s"),
        Row(case, "render", rendered - drawn, "s"),
        Row(case, "draw + render", rendered - start, "s", limit=limit["build"]),
        Row(case, "draw + render, processor time", busy, "s"),
        Row(case, "a plain figure of matplotlib's, processor time", plain, "s"),
        Row(case, "draw + render, a panel over a plain figure", busy / panels / plain),
        Row(case, "size", size, "MB", limit=limit["size"]),
    ]
    if load is not None:
        rows.append(Row(case, "load in Chromium", load, "s", limit=limit["load"]))
    return rows


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", default=[200, 10_000])
    record("page", [row for cells in parser.parse_args().cells for row in measure(cells)])


if __name__ == "__main__":
    main()
