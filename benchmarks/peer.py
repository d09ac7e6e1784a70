"""The same studies in optbench and in benchopt, each from nothing to its finished page, and once more.

    python benchmarks/peer.py [--cells 54 504 5004] [--rounds 3]

benchopt comes from PyPI into an environment of its own (`.peer/`, made on the first run) with the torch of
this one; its side of the study is `benchmarks/for_benchopt`. 54 cells are the ravine (100 steps, each
evaluated) and the digits network (300 steps, each tenth evaluated) under SGD, momentum and Adam at three
learning rates each, with three seeds; 504 and 5,004 are the ravine alone with more seeds. Both work with two
processes of one thread: `benchopt run --n-jobs 2` and `snakemake --cores 2`. benchopt trains each cell once
with a callback and without a stopping rule, its seeds are its repetitions, and it has neither probes nor a
timing stage, so optbench's are off where the two are compared; what optbench takes with them stands below.
optbench trains one cell at a time, or, where the study says so, the seeds of a configuration as one model.

Rounds go through all ways in turn; reported are medians. The repeated run is the same command again: all
results are there. The floor is what no such program gets around here, measured in the same run: starting
Python and importing what the stages use, Snakemake with as many jobs that do nothing, and the training on two
cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch

from cost import ROOT, Cost, cost_of, lay_out
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.trace import read_trace
from optbench.study.resolve import read_study
from results import Row, record

BENCHOPT = "1.10.0"
ENVIRONMENT = ROOT / ".peer"
CORES = 2
RATES = {"sgd": (0.03, 0.05, 0.1), "heavy_ball": (0.01, 0.03, 0.1), "adam": (0.003, 0.01, 0.03)}
"""As in for_benchopt/solvers; none of them diverges."""

RAVINE = "  ravine: {steps: 100, eval_every: 1}"
DIGITS = "  digits_mlp: {steps: 300, eval_every: 10, batch_size: 64}"


@dataclass(frozen=True)
class Size:
    """A study: workloads, seeds, how long optbench may take over benchopt, and with which settings."""

    workloads: tuple[str, ...]
    seeds: int
    limit: float
    ways: tuple[str, ...]

    @property
    def cells(self) -> int:
        """How many cells that makes."""
        return len(self.workloads) * sum(map(len, RATES.values())) * self.seeds

    @property
    def evaluations(self) -> int:
        """Evaluations of all cells, the first included."""
        each = {RAVINE: 101, DIGITS: 31}
        return sum(each[name] for name in self.workloads) * self.cells // len(self.workloads)


ALONE, TOGETHER, RUN = "optbench", "optbench, seeds batched", "optbench run"
COMPARED = "probes: false\ntiming: false\n"
WAYS = {
    ALONE: COMPARED,
    TOGETHER: f"{COMPARED}execution: {{seeds: batched}}\n",
    RUN: COMPARED,
    "optbench, with probes": "timing: false\n",
    "optbench, with probes and timing": "",
}
"""Settings of optbench by what they are called; all but `RUN` are run by Snakemake."""

SIZES = {
    54: Size(
        (RAVINE, DIGITS),
        3,
        1.0,
        (ALONE, TOGETHER, "optbench, with probes", "optbench, with probes and timing", RUN),
    ),
    504: Size((RAVINE,), 56, 0.8, (ALONE, TOGETHER, RUN)),
    5004: Size((RAVINE,), 556, 0.4, (ALONE, TOGETHER)),
}


def environment() -> Path:
    """Makes the environment of benchopt where it is not there; returns its folder of programs."""
    programs = ENVIRONMENT / "bin"
    if not (programs / "benchopt").exists():
        uv = str(Path(sys.executable).parent / "uv")
        own = torch.__version__.partition("+")[0]
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(ENVIRONMENT)], check=True)
        install = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            str(programs / "python"),
        ]
        subprocess.run([*install, f"benchopt=={BENCHOPT}", f"torch=={own}", "scikit-learn"], check=True)
    return programs


def study_text(size: Size, settings: str) -> str:
    """The study file of optbench's side."""
    lines = ["study: peer", "device: cpu", f"seeds: {size.seeds}", settings, "workloads:", *size.workloads]
    lines += ["optimizers:"]
    for name, rates in RATES.items():
        lines += [f"  {name}_{i}: {{like: {name}, lr: {lr}}}" for i, lr in enumerate(rates)]
    return "\n".join(lines) + "\n"


def run_optbench(size: Size, settings: str, *, snakemake: bool = True) -> tuple[Cost, Cost, float]:
    """The study from nothing and once more, and the seconds of its steps and evaluations."""
    Path("study.yaml").write_text(study_text(size, settings), encoding="utf-8")
    words = ("snakemake", "--configfile", "study.yaml") if snakemake else ("optbench", "run", "study.yaml")
    first, again = (cost_of(*words, "--cores", str(CORES)) for _ in range(2))
    cells = cells_of(read_study(Path("study.yaml")))
    traces = [read_trace(trace_path(cell)) for cell in cells]
    if {trace.facts["status"] for trace in traces} != {"ok"} or len(cells) != size.cells:
        raise SystemExit("optbench: not every cell was trained to its end")
    if not Path("reports/peer/index.html").exists():
        raise SystemExit("optbench: there is no page")
    return first, again, sum(trace.times["train_time_s"] + trace.times["eval_time_s"] for trace in traces)


def run_benchopt(size: Size, programs: Path) -> tuple[Cost, Cost]:
    """The same from benchopt's side."""
    shutil.copytree(ROOT / "benchmarks" / "for_benchopt", "peer")
    options = ["--n-jobs", str(CORES), "--n-repetitions", str(size.seeds), "--max-runs", "1000"]
    options += ["--no-timeout", "--no-display", "--seed", "0", "--output", "found"]
    options += [word for name in ("ravine", "digits")[: len(size.workloads)] for word in ("-d", name)]
    first, again = (cost_of(programs / "benchopt", "run", "peer", *options) for _ in range(2))
    count = "import pandas, sys; print(len(pandas.read_parquet(sys.argv[1])))"
    told = subprocess.check_output([programs / "python", "-c", count, "peer/outputs/found.parquet"])
    if int(told) != size.evaluations:
        raise SystemExit(f"benchopt: {int(told)} evaluations instead of {size.evaluations}")
    if not Path("peer/outputs/peer_found.html").exists():
        raise SystemExit("benchopt: there is no page")
    return first, again


def floor(training_s: float) -> list[tuple[str, float]]:
    """What stands in the way at this size, in seconds one after the other."""
    rules = ["rule all:", "    input: 'job5'", "rule job0:", "    output: touch('job0')"]
    for i in range(1, 6):
        rules += [f"rule job{i}:", f"    input: 'job{i - 1}'", f"    output: touch('job{i}')"]
    Path("Snakefile.empty").write_text("\n".join(rules) + "\n", encoding="utf-8")
    tables = "import pandas, pyarrow.parquet, scipy.stats, matplotlib.figure, jinja2"
    return [
        ("snakemake with six jobs that do nothing", cost_of(
            "snakemake", "--cores", str(CORES), "--snakefile", "Snakefile.empty").wall_s),
        ("Python and torch", cost_of("python", "-c", "import torch").wall_s),
        ("training, on two cores", training_s / CORES),
        ("Python, pandas, scipy and matplotlib", cost_of("python", "-c", tables).wall_s),
    ]  # fmt: skip


def in_a_folder(run, *arguments, **settings):  # noqa: ANN001, ANN002, ANN003, ANN201
    """What `run` returns, called in a fresh folder that has the workflow."""
    with tempfile.TemporaryDirectory() as folder:
        lay_out(Path(folder))
        os.chdir(folder)
        try:
            return run(*arguments, **settings)
        finally:
            os.chdir(ROOT)


def compared(cells: int, rounds: int, programs: Path) -> list[Row]:
    """The rows of one study."""
    size = SIZES[cells]
    walls: dict[str, list[tuple[float, float]]] = {}
    training, floors = [], []
    for turn in range(rounds):
        names = ["benchopt", *size.ways]
        for name in names if turn % 2 else names[::-1]:
            if name == "benchopt":
                first, again = in_a_folder(run_benchopt, size, programs)
            else:
                first, again, trained_s = in_a_folder(run_optbench, size, WAYS[name], snakemake=name != RUN)
                if name == ALONE:
                    training.append(trained_s)
            walls.setdefault(name, []).append((first.wall_s, again.wall_s))
            print(f"  {cells} cells, {name}: {first.wall_s:.1f} s, then {again.wall_s:.1f} s", flush=True)
        floors.append(in_a_folder(floor, training[-1]))
    case = f"{cells:,} cells"
    rows = []
    for which, what in enumerate(("from nothing", "repeated")):
        found = {name: median(pair[which] for pair in pairs) for name, pairs in walls.items()}
        peer = found.pop("benchopt")
        rows.append(Row(case, f"{what}: benchopt {BENCHOPT}", peer, "s"))
        for name, wall_s in found.items():
            rows.append(Row(case, f"{what}: {name}", wall_s, "s"))
        for way in (ALONE, TOGETHER):
            pairs = zip(walls[way], walls["benchopt"], strict=True)
            ratios = [own[which] / other[which] for own, other in pairs]
            quantity = f"{what}: {way}, over benchopt"
            rows.append(Row(case, quantity, median(ratios), "", min(ratios), max(ratios), size.limit))
    for place, (name, _) in enumerate(floors[0]):
        rows.append(Row(case, f"floor: {name}", median(one[place][1] for one in floors), "s"))
    rows.append(Row(case, "floor, added up", median(sum(s for _, s in one) for one in floors), "s"))
    return rows


def main() -> None:
    """Measures and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    programs = environment()
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    for cells in given.cells:
        rounds = given.rounds if cells == min(SIZES) else 1
        record(f"peer-{cells}", compared(cells, rounds, programs))


if __name__ == "__main__":
    main()
