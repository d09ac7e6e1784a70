"""How long a page takes to draw, to render and to load, and how large it is, at a number of cells.

    python benchmarks/page.py 200 10000

The study is fabricated: 25 seeds from 2,000 cells on, 6 below. `render` is the `report` stage alone;
`draw` the figures before it, which depend on the combinations and not on the seeds.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path
from shutil import which

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fabricate import fabricate, large

from optbench.figures.plan import draw_all
from optbench.report.build import render

CORES = len(os.sched_getaffinity(0))
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def loaded_s(page: Path) -> float:
    """Return the seconds until Chromium has loaded the page and run its script; NaN without Chromium."""
    chromium = which("chromium")
    if chromium is None:
        return float("nan")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        tab = browser.new_page()
        start = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="load", timeout=120_000)
        took = time.perf_counter() - start
        browser.close()
    return took


def main() -> None:
    """Print a line for every number of cells given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cells", type=int, nargs="*", default=[200, 10_000])
    for cells in parser.parse_args().cells:
        with tempfile.TemporaryDirectory() as folder:
            fake = large(cells)
            results = fabricate(Path(folder) / "results/large", fake)
            clocks = [time.perf_counter()]
            records = draw_all(results / "tables", results / "figures", cores=CORES)
            clocks.append(time.perf_counter())
            page = render(results, Path(folder) / "reports")
            clocks.append(time.perf_counter())
            draw, report = (f"{end - start:.1f} s" for start, end in itertools.pairwise(clocks))
            panels = sum(len(record.panels) for record in records)
            print(
                f"{fake.cells} cells, {panels} panels: draw {draw} on {CORES} cores, render {report}, "
                f"{page.stat().st_size / 1e6:.2f} MB, loads in {loaded_s(page):.1f} s"
            )


if __name__ == "__main__":
    main()
