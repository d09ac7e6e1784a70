"""What came out of the studies that the documentation quotes and shows, all from one commit.

    python benchmarks/examples.py [NAME...]        (make examples)

Each study is run as a user runs it, in results/ of this checkout, so that what is there already is not
trained again. The numbers of the tutorial's study, config/smoke.yaml and config/textbook.yaml go into
docs/tutorial.md, docs/reference/tables.md and docs/reference/textbook.md; where they change, read the
sentences around them too. The page of config/default.yaml becomes reports/sample.html, with the pictures of
it that README.md shows; tests/whole/test_sample.py says where one of them is stale.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from cost import BIN, ROOT
from optbench.core import provenance
from results import record_table

METRIC = "final_val_loss"
NOT_COMPARED = {"train_time_s"}
"""Measures that depend on what else the machine did."""


def tables(file: Path, study: str) -> Path:
    """Runs a study; returns the folder of its tables."""
    subprocess.run([BIN / "optbench", "run", file], cwd=ROOT, check=True)
    return ROOT / "results" / study / "tables"


def tutorial() -> None:
    """The answer that docs/tutorial.md reads from its own study."""
    page = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(study: first\n.*?)^```$", page, re.M | re.S)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "first.yaml"
        file.write_text(text, encoding="utf-8")
        found = tables(file, "first")
    ranking = pd.read_parquet(found / "ranking.parquet")
    medians = ranking[(ranking["workload"] != "") & (ranking["metric"] == METRIC)]
    lines = [
        [
            row.workload if row.place == 1 else "",
            f"{row.optimizer}, {row.schedule}",
            f"{row.estimate:.4f} [{row.low:.4f}, {row.high:.4f}]",
            "first" if row.leader else row.against_leader,
        ]
        for row in medians.sort_values(["workload", "place"], kind="stable").itertuples()
    ]
    comparisons = pd.read_parquet(found / "comparisons.parquet")
    schedules = comparisons[
        (comparisons["metric"] == METRIC)
        & (comparisons["workload"] != "")
        & (comparisons["a"] == comparisons["b"])
    ]
    # A row's effect is a's loss over b's, and a has the study's first schedule.
    most = schedules.loc[schedules["effect"].idxmax()]
    headline = json.loads((found / "findings.json").read_text(encoding="utf-8"))[0]["claim"]
    said = {
        "headline": headline,
        "cosine-better": f"{(schedules['verdict'] == 'worse').sum()} of {len(schedules)}",
        "cosine-worse": f"{(schedules['verdict'] == 'better').sum()}",
        "cosine-most": f"{1 / most['effect']:.3g} times the loss for `{most['a']}` on `{most['workload']}`",
        "cosine-p": f"{most['p_adjusted']:.2g}",
    }
    heads = ("workload", "combination", "final loss, 95% interval", "against the first")
    record_table("tutorial", heads, lines, said=said)


def smoke() -> None:
    """Where each measure was largest and smallest."""
    summary = pd.read_parquet(tables(ROOT / "config/smoke.yaml", "smoke") / "summary.parquet")
    lines = []
    for metric, rows in summary.groupby("metric", sort=False, observed=True):
        finite = rows[rows["estimate"].abs() < float("inf")].reset_index(drop=True)
        if metric in NOT_COMPARED or finite.empty:
            continue
        ends = (finite.loc[place] for place in (finite["estimate"].idxmax(), finite["estimate"].idxmin()))
        said = (f"{one.estimate:.3g}: {one.workload}, {one.optimizer}, {one.schedule}" for one in ends)
        lines.append([f"`{metric}`", *said])
    note = "Medians over the three seeds of `config/smoke.yaml`; of equal ones the first."
    record_table("smoke", ("measure", "largest", "smallest"), lines, note)


def textbook() -> None:
    """The verdict on each claim."""
    file = tables(ROOT / "config/textbook.yaml", "textbook") / "claims.json"
    claims = json.loads(file.read_text(encoding="utf-8"))
    keys = ("verdict", "measured", "condition")
    lines = [
        [f"{claim['id']} {claim['text']}", *(claim[key].replace("|", r"\|") for key in keys)]
        for claim in claims
    ]
    record_table("textbook", ("claim", *keys), lines)


SAMPLE = ROOT / "reports" / "sample.html"
PICTURES = {scheme: ROOT / "docs" / f"page-{scheme}.png" for scheme in ("light", "dark")}

SAMPLE_README = """# Pages

`make report` and `snakemake` write one page a study here: `reports/<study>/index.html`. A page is one file;
it opens from disk without a network and can be sent as it is.

`sample.html` is the page of the default study at commit {commit}, made on {date} on {machine}
by `make examples`. The page flags step times as noisy where other programs shared its processors. Every
number that is no time is what any run of that commit gives on that machine.
"""


def sample() -> None:
    """The page of the default study, what it looks like, and what is said of it."""
    from PIL import Image  # noqa: PLC0415 - nothing else here draws
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    git = ["git", "-C", ROOT]
    if subprocess.run([*git, "diff", "--quiet", "HEAD"], check=False).returncode:
        raise SystemExit("commit first: the sample names the commit that it was made at")
    with TemporaryDirectory() as folder:  # from nothing: cells of an earlier commit would name that one
        file = Path(folder) / "config/default.yaml"
        file.parent.mkdir()
        shutil.copyfile(ROOT / "config/default.yaml", file)
        subprocess.run([BIN / "optbench", "run", file.relative_to(folder)], cwd=folder, check=True)
        page = (Path(folder) / "reports/default/index.html").read_bytes()
    SAMPLE.write_bytes(page)
    told = PngInfo()
    told.add_text("Source", f"sha256 {hashlib.sha256(page).hexdigest()}")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme, file in PICTURES.items():
            shown = chromium.new_context(
                viewport={"width": 1400, "height": 900}, color_scheme=scheme
            ).new_page()
            shown.goto(SAMPLE.as_uri())
            shown.screenshot(path=file)
            Image.open(file).save(file, pnginfo=told, optimize=True)
        chromium.close()
    commit = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    )
    said = SAMPLE_README.format(
        commit=commit.stdout.strip(), date=datetime.now(UTC).date(), machine=provenance.machine()["cpu"]
    )
    (SAMPLE.parent / "README.md").write_text(said, encoding="utf-8")


STUDIES: dict[str, Callable[[], None]] = {
    "tutorial": tutorial,
    "smoke": smoke,
    "textbook": textbook,
    "sample": sample,
}


def main() -> None:
    """Runs the studies and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(STUDIES))
    for name in parser.parse_args().names or STUDIES:
        if name not in STUDIES:
            raise SystemExit(f"no study {name!r} (there are: {', '.join(STUDIES)})")
        STUDIES[name]()


if __name__ == "__main__":
    main()
