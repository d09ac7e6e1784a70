"""Studies whose cells came to numbers at the ends of what a float holds, walked from traces to the page.

Nothing is trained: the traces, the trials of a tuning and the timed blocks are written as the stages before
`collect` leave them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from lab.pages import Page
from lab.timing import made_facts
from optbench.cells.cell import CellSpec
from optbench.cells.matrix import cells_of
from optbench.cells.paths import trace_path
from optbench.cells.timing_file import BATCH, KERNEL, OPTIMIZER, SCHEMA, SPLIT, STEP, TWIN
from optbench.cells.trace import Trace, cell_facts, write_trace
from optbench.findings.write import write_findings
from optbench.report.figures.draw import draw_all
from optbench.report.page.build import render
from optbench.study.resolve import read_study
from optbench.tables.collect import collect
from optbench.tables.sensitivity import summarize_tuning
from optbench.tables.summary import summarize
from optbench.tables.timing import TIMING_COLUMNS, timing_rows
from optbench.tables.tuning import TUNING_COLUMNS, collect_tuning
from optbench.theory.textbook.claims import write_claims

LARGEST, TINY = 1.7976931348623157e308, 5e-324
POINTS = 12
"""Evaluations of a curve."""

Pattern = Callable[[int, int], np.ndarray]
"""The losses of a run, shape (points,), from the numbers of its seed and its optimizer."""


def _flat(*values: float) -> Pattern:
    """Curves that stand still, each seed at the next of the values."""
    return lambda seed, _optimizer: np.full(POINTS, values[seed % len(values)])


PATTERNS: dict[str, Pattern] = {
    "all decades": lambda seed, _: np.geomspace(1e307, 1e-307, POINTS) * (1 + seed / 8),
    "rising through all decades": lambda seed, _: np.geomspace(1e-307, 1e307, POINTS) * (1 + seed / 8),
    "to zero": lambda _, o: np.append(np.geomspace(1.0, TINY, POINTS - 2), [0.0, 0.0]) * (1 + o),
    "subnormal": _flat(TINY, 2 * TINY, 1e-320),
    "largest": _flat(LARGEST, 1e308),
    "largest, both signs": _flat(LARGEST, -LARGEST),
    "zero": _flat(0.0),
    "zero with signs": _flat(0.0, -0.0),
    "negative": lambda seed, o: -np.geomspace(1e-308, 1e308, POINTS) * (1 + 0.1 * seed + 0.01 * o),
    "tiny and negative": _flat(-TINY, TINY, -1e-300),
    "one ulp apart": lambda seed, o: np.full(POINTS, np.nextafter(1.0, 2.0) if (seed + o) % 2 else 1.0),
    "ulps at the top": lambda seed, _: np.full(POINTS, np.nextafter(LARGEST, 0.0) if seed % 2 else LARGEST),
    "equal": _flat(0.5),
    "one point": lambda seed, o: np.array([1.0 + seed + o]),
    "no point": lambda _seed, _optimizer: np.empty(0),
    "infinite": _flat(math.inf),
    "minus infinite": _flat(-math.inf, math.inf),
    "not a number": _flat(math.nan),
    "gaps": lambda seed, _: np.where(np.arange(POINTS) % 2, math.nan, 10.0 ** -(np.arange(POINTS) + seed)),
    "huge then tiny": lambda seed, o: np.array([1e308, 1e-308] * (POINTS // 2)) * (1 + seed / 8 + o / 64),
}
"""By name, and none of them is far from what a loss can be: a float."""

PLUGIN = """
def own(curve):
    values = curve[curve["metric"] == "own"]["value"]
    return values.iloc[-1] if len(values) else float("nan")

lower = higher = described = own
"""

STUDY = """
study: s
title: Numbers at the ends
seeds: {seeds}
device: cpu
tuning: {{seeds: 2, low: 1.0e-300, high: 1.0e+300, per_decade: 1, widen: 0}}
workloads:
  ravine: {{spread: 0.1, target: {target}}}
  saddle: {{spread: 0.1}}
optimizers: {{sgd: {{lr: 1.0e-300}}, heavy_ball: {{lr: 1.0e+300}}, adam: {{}}, lion: {{}}}}
schedules: [constant, cosine]
report: {{reference: heavy_ball}}
metrics:
  judged: {{factory: "extreme_metrics:lower", direction: lower}}
  praised: {{factory: "extreme_metrics:higher", direction: higher}}
  described: "extreme_metrics:described"
"""


def write_extremes(folder: Path, losses: Pattern, *, seeds: int = 3, target: float = 1e-9) -> Path:
    """Writes the traces of a study in `folder`, the working folder, and its tables up to `collect`.

    On `ravine` every optimizer has the losses, on `saddle` one of each kind: quiet, the losses, diverged, an
    error.

    Returns:
        results/s.
    """
    (folder / "extreme_metrics.py").write_text(PLUGIN)
    file = folder / "study.yaml"
    text = STUDY.format(seeds=seeds, target=f"{target:.17e}")
    untuned = "\n".join(line for line in text.splitlines() if not line.startswith("tuning"))
    file.write_text(untuned)
    study = read_study(file)
    places = {name: place for place, name in enumerate(study.optimizers)}
    for cell in cells_of(study):
        write_trace(trace_path(cell), _trace(cell, losses, places[cell.optimizer.name]))
    collect(study)
    collect_tuning(study)
    tables = study.results / "tables"
    names = [(workload, optimizer) for workload in study.workloads for optimizer in study.optimizers]
    _tuning(names, list(study.schedules), losses).to_parquet(tables / "tuning.parquet", index=False)
    _timing(names).to_parquet(tables / "timing.parquet", index=False)
    facts = json.loads((tables / "study.json").read_text())
    facts["tuning"] = {"seeds": [1000, 1001], "low": 1e-300, "high": 1e300, "per_decade": 1, "widen": 0}
    (tables / "study.json").write_text(json.dumps(facts))
    return study.results


def _trace(cell: CellSpec, losses: Pattern, place: int) -> Trace:
    kind = "odd" if cell.workload.name == "ravine" else ("quiet", "odd", "diverged", "error")[place]
    values = np.asarray(losses(cell.seed, place), float)
    if kind != "odd":
        values = (1.0 + 0.1 * place + 0.01 * cell.seed) * 0.5 ** np.arange(POINTS)
    if kind == "diverged":
        values[-2:] = math.inf
    if kind == "error":
        values = values[:3]
    status = "ok" if kind in ("odd", "quiet") else kind
    if status == "ok" and len(values) and not np.isfinite(values[-1]):
        status = (
            "diverged"  # as the loop has it; what a loss is at the end of a run that ended well is a number
        )
    steps = 10 * np.arange(len(values))
    many = np.resize(values, 90) if len(values) else values
    own = values if cell.seed % 2 else -values
    with np.errstate(all="ignore"):
        curves = {
            ("validation", "loss"): (steps, values),
            ("train", "loss"): (steps, values),
            ("train", "batch_loss"): (np.arange(1, len(many) + 1), many),
            ("validation", "accuracy"): (steps, values),
            ("validation", "own"): (steps, np.where(np.isnan(own), math.inf, own * 10)),
            ("test", "loss"): (steps[-1:], values[-1:]),
            ("schedule", "lr"): (steps, np.resize(values, len(values))),
            ("weights", "x"): (steps, values),
            ("weights", "y"): (steps, -values),
            ("probe", "coordinate_0"): (np.arange(len(many)), many),
            ("probe", "coordinate_1"): (np.arange(len(many)), -many),
        }
    ends = [value for value in values if np.isfinite(value)] or [None]
    sums = dict.fromkeys(
        ("update_dot", "update_square", "momentum_square", "gradient_dot", "gradient_norms", "flips"),
        ends[-1],
    ) | dict.fromkeys(
        ("flippable", "path", "distance", "slope_after", "slope_before", "rise", "fall"), ends[0]
    )
    facts = {
        **cell_facts(cell),
        "lr": cell.lr,
        "status": status,
        "error": "" if status == "ok" else "it ended",
        "steps": int(steps[-1]) if len(steps) else 0,
        "probes": {"every": 10, "sums": sums},
        "workload_facts": {
            "budget": 10 * (POINTS - 1),
            "batch_size": None,
            "descends_its_loss": cell.workload.name == "saddle",
            "steps_per_epoch": 1,
            "n_train": 1,
            "n_validation": 4 if cell.workload.name == "saddle" else 0,
            "n_test": 1,
            "n_parameters": 2,
            "eval_every": 10,
            "target": dict(cell.workload.overrides).get("target"),
            "optimum": 0.0,
            "coordinates": ["x", "y"],
            "landscape": cell.workload.name,
        },
    }
    rows = [(*name, *curve) for name, curve in curves.items()]
    return Trace(
        facts,
        {"train_time_s": 0.0, "probe_time_s": 1e300},
        step=np.concatenate([at for *_, at, _ in rows]).astype(np.int32),
        split=[split for split, _, at, _ in rows for _ in at],
        metric=[metric for _, metric, at, _ in rows for _ in at],
        value=np.concatenate([found for *_, found in rows]).astype(float),
    )


def _tuning(names: list[tuple[str, str]], schedules: list[str], losses: Pattern) -> pd.DataFrame:
    rows = []
    for workload, optimizer in names:
        for schedule in schedules:
            for place, lr in enumerate((1e-300, 1e-3, 1e300)):
                for seed in (1000, 1001):
                    values = np.asarray(losses(seed - 1000, place), float)
                    final = float(values[-1]) if len(values) else math.nan
                    rows.append(
                        {
                            "workload": workload,
                            "optimizer": optimizer,
                            "schedule": schedule,
                            "lr": lr,
                            "seed": seed,
                            "status": "ok" if np.isfinite(final) else "diverged",
                            "val_loss": final if np.isfinite(final) else math.nan,
                            "selected": place == 1,
                            "at_edge": False,
                            "settings": "",
                            "in_first_grid": True,
                            "initial_val_loss": float(values[0]) if len(values) else math.nan,
                            "path": "",
                        }
                    )
    return pd.DataFrame(rows, columns=list(TUNING_COLUMNS)).astype(TUNING_COLUMNS)


STEP_TIMES = (0.0, TINY, 1e300, 10.0)
"""Microseconds of a block, by optimizer: a clock may stand still, a machine may have been asleep."""


def _timing(names: list[tuple[str, str]]) -> pd.DataFrame:
    rows = []
    optimizers = list(dict.fromkeys(optimizer for _, optimizer in names))
    for workload in dict.fromkeys(workload for workload, _ in names):
        turn = list(dict.fromkeys(workload for workload, _ in names)).index(workload)
        blocks = []
        for number in range(7):
            for place, optimizer in enumerate(optimizers):
                each = STEP_TIMES[(place + turn) % len(STEP_TIMES)]
                for kind, role in ((STEP, OPTIMIZER), (STEP, TWIN), (SPLIT, OPTIMIZER)):
                    block = [number, place, kind, role, optimizer, 2, each, [min(each, 1e38)] * 2, each, each]
                    blocks.append(block)
            blocks += [
                [number, 9, kind, "", "", 2, STEP_TIMES[number % 3], [], math.nan, math.nan]
                for kind in (BATCH, KERNEL)
            ]
        facts = made_facts(
            optimizers, workload=workload, state_bytes_per_param=dict.fromkeys(optimizers, 1e300)
        )
        rows += timing_rows(facts, pd.DataFrame(blocks, columns=SCHEMA.names))
    return pd.DataFrame(rows, columns=list(TIMING_COLUMNS))


def publish(results: Path, *, pdf: bool = False) -> Page:
    """From the run table to the page: what `optbench run` does once everything is trained."""
    tables = results / "tables"
    summarize(results)
    summarize_tuning(results)
    write_claims(results)
    write_findings(results)
    draw_all(tables, results / "figures", pdf=pdf)
    page = render(results, Path("reports")).read_text(encoding="utf-8")
    for drawing in sorted((results / "figures").glob("*.svg")):
        _check_drawing(drawing)
    return Page(page)


_NO_COORDINATE = re.compile(r"(?<![a-z])(?:nan|inf)", re.IGNORECASE)
FAR = 2e6
"""Pixels: no mark of a panel lies farther away, for readers count in single precision."""


PLACES = frozenset({"d", "points", "x", "y", "width", "height", "transform", "cx", "cy", "r"})


def _check_drawing(drawing: Path) -> None:
    root = ElementTree.fromstring(drawing.read_text(encoding="utf-8"))  # noqa: S314  (our own drawing)
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.rpartition("}")[2] in PLACES:
                assert not _NO_COORDINATE.search(value), f"{drawing.name}: {name}={value[:80]!r}"
                numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", value)]
                assert all(abs(n) < FAR for n in numbers), f"{drawing.name}: {name}={value[:80]!r}"
