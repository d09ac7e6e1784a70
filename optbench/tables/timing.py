"""From timed blocks to the timing table: medians, paired ratios, intervals and the noise flag."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optbench.cells.timing_file import (
    BATCH,
    KERNEL,
    OF_A_TIMING,
    OPTIMIZER,
    SPLIT,
    STEP,
    TWIN,
    read_timing,
)
from optbench.cells.timings import optimizers_timed, timing_path, timings_of
from optbench.cells.trace import BadTraceError, check_facts
from optbench.core.files import write_table
from optbench.core.text import escaped
from optbench.core.words import number, percent
from optbench.stats.intervals import Interval, median_interval, median_or_nothing
from optbench.stats.ranks import midranks

if TYPE_CHECKING:
    from optbench.study.study import Study
    from optbench.study.timing import TimingSpec

TIMING_COLUMNS = (
    "workload",
    "optimizer",
    "step_time_us",
    "step_time_low",
    "step_time_high",
    "step_time_p95_us",
    "optimizer_step_us",
    "ratio_to_sgd",
    "ratio_low",
    "ratio_high",
    "state_bytes_per_param",
    "peak_memory_bytes",
    "noisy",
    "forward_backward_us",
    "batch_us",
    "rounds",
    "steps",
    "reference",
    "aa_ratio",
    "aa_low",
    "aa_high",
    "kernel_spread",
    "other_cpus",
    "load_before",
    "load_after",
    "clock_min_mhz",
    "clock_max_mhz",
    "threads",
    "device",
    "machine",
    "noise",
    "error",
)
"""The timing table's columns, in order; docs/reference/tables.md#timing defines each."""

TEXTS = frozenset({"workload", "optimizer", "reference", "device", "machine", "noise", "error"})

WIDEST_AA = 0.05
"""The interval of the reference against itself must be narrower than this share."""

AA_TOLERANCE = 0.01
"""How far from 1 that interval may lie: by chance a 95% interval misses 1 in one quiet run of twenty."""

MOST_OTHERS = 0.10
"""Share of the machine's processors that others may use."""

WIDEST_KERNEL = 0.50
"""Spread of the fixed kernel's times, (90th - 10th percentile) / median, that still counts as quiet: on an
idle virtual machine it is 0.1 to 0.4 while the reference against itself is known within 2 to 5%
(docs/reference/tables.md#timing)."""

MOST_DRIFT = 0.8
"""The largest autocorrelation of rounds that is believed: of a dozen it is not known better."""

FEWEST_ROUNDS = 6
"""With fewer rounds an interval from order statistics can't reach 95%."""


def collect_timing(study: Study) -> pd.DataFrame:
    """Writes tables/timing (parquet, csv) from the timings that exist; returns the table.

    One row for every workload and optimizer that meet. What was not measured, or could not be, has NaN for
    its numbers and the reason as `error`.
    """
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for timing in timings_of(study):
        measured = rows.setdefault(timing.workload.name, {})
        # The reference is timed in every process of the workload; its own row is of the first.
        measured |= {row["optimizer"]: row for row in _rows(timing) if row["optimizer"] not in measured}
    in_order = [
        measured[optimizer.name]
        for workload, measured in rows.items()
        for optimizer in optimizers_timed(study, workload)
    ]
    table = pd.DataFrame(in_order, columns=list(TIMING_COLUMNS))
    (study.results / "tables").mkdir(parents=True, exist_ok=True)
    write_table(table, study.results / "tables" / "timing")
    return table


def _rows(timing: TimingSpec) -> list[dict[str, Any]]:
    names = [spec.name for spec in timing.optimizers]
    path = timing_path(timing)
    if not os.path.lexists(path):
        return [_empty(timing.workload.name, name, timing.reference, "not measured") for name in names]
    try:
        blocks, facts = read_timing(path)
        check_facts(path, facts, OF_A_TIMING)
    except BadTraceError as problem:
        told = f"{problem}; the next run makes it anew"
    except PermissionError as problem:
        told = f"{path} cannot be read ({problem.strerror})"
    else:
        return timing_rows(facts, blocks.to_pandas())
    print(f"optbench: {told}", file=sys.stderr)  # noqa: T201
    return [_empty(timing.workload.name, name, timing.reference, told) for name in names]


def _empty(workload: str, optimizer: str, reference: str, error: str) -> dict[str, Any]:
    row: dict[str, Any] = {column: "" if column in TEXTS else math.nan for column in TIMING_COLUMNS}
    row |= {"workload": workload, "optimizer": optimizer, "reference": reference, "error": error}
    return row | {"noisy": True, "noise": "not measured", "rounds": 0, "steps": 0}


def timing_rows(facts: dict[str, Any], blocks: pd.DataFrame) -> list[dict[str, Any]]:
    """The table's rows of one timing.

    Args:
        facts: of the timing's file.
        blocks: its rows.
    """
    reference = facts["reference"]
    rows: list[dict[str, Any]] = []
    common = _common(facts, blocks)
    steps = blocks[(blocks["kind"] == STEP) & (blocks["role"] == OPTIMIZER)]
    means = _means(steps, "block_us")
    splits = blocks[(blocks["kind"] == SPLIT) & (blocks["role"] == OPTIMIZER)]
    forward_backward = _means(splits, "forward_backward_us")
    update = _means(splits, "optimizer_us")
    for name in facts["optimizers"]:
        row = _empty(facts["workload"], name, reference, _why(facts, name)) | common
        rows.append(row)
        if name not in means:
            continue
        times = np.concatenate(steps.loc[steps["optimizer"] == name, "step_us"].to_list())
        ratio = paired_ratio(means[name], means[reference]) if reference in means else None
        each = step_time_interval(means[name])
        row |= {
            "step_time_us": each.estimate,
            "step_time_low": each.low,
            "step_time_high": each.high,
            "step_time_p95_us": float(np.quantile(times, 0.95)),
            "steps": len(times),
            "rounds": len(means[name]),
            "forward_backward_us": _median(forward_backward, name),
            "optimizer_step_us": _median(update, name),
            "state_bytes_per_param": facts["state_bytes_per_param"].get(name, math.nan),
            "peak_memory_bytes": facts["peak_memory_bytes"].get(name, math.nan),
        }
        if ratio is not None:
            row |= {"ratio_to_sgd": ratio.estimate, "ratio_low": ratio.low, "ratio_high": ratio.high}
    return rows


def _why(facts: dict[str, Any], name: str) -> str:
    return escaped(str(facts["errors"].get(name) or facts["error"]), lines=True)


def _means(blocks: pd.DataFrame, column: str) -> dict[str, pd.Series[float]]:
    """Microseconds a step of each optimizer's blocks, indexed by round."""
    each = blocks.assign(mean=blocks[column] / blocks["steps"]).set_index("round")
    return {str(name): group["mean"] for name, group in each.groupby("optimizer")}


def _median(means: dict[str, pd.Series[float]], name: str) -> float:
    return float(means[name].median()) if name in means else math.nan


def step_time_interval(means: pd.Series[float]) -> Interval:
    """Microseconds a step: the median over rounds of a block's mean, with a 95% interval.

    Between order statistics of the rounds, as that of a ratio. But what drifts falls on both sides of a
    ratio and on a step time whole, so rounds that follow each other are not n independent ones: with r the
    autocorrelation of their ranks from one round to the next, the ends are sqrt((1 + r)/(1 - r)) times as
    far from the median (n rounds say as much as n (1 - r)/(1 + r)); for r < 0 they stay. What all rounds of
    a timing have in common, a slower machine that day, no round can show.

    Args:
        means: block means by round.

    Returns:
        The interval; its ends are NaN with fewer than `FEWEST_ROUNDS` rounds, which can't reach 95%.
    """
    in_order = means.sort_index().to_numpy(float)
    found = median_interval(in_order)
    if found.n < FEWEST_ROUNDS:
        return Interval(found.estimate, math.nan, math.nan, found.coverage, found.n)
    if found.estimate == 0:  # a coarse clock's zero has no logarithm to stretch
        return found
    ends = np.array([found.low, found.high]) / found.estimate
    with np.errstate(over="ignore"):
        low, high = (found.estimate * ends ** _drift(in_order)).tolist()
    return Interval(found.estimate, low, high, found.coverage, found.n)


def _drift(in_order: np.ndarray) -> float:
    """By how much drift widens the interval of a median of rounds, at least 1."""
    ranks = midranks(in_order) - (len(in_order) + 1) / 2
    spread = float(ranks @ ranks)
    if spread == 0:
        return 1.0
    r = min(max(float(ranks[1:] @ ranks[:-1]) / spread, 0.0), MOST_DRIFT)
    return math.sqrt((1 + r) / (1 - r))


def paired_ratio(times: pd.Series[float], of: pd.Series[float]) -> Interval:
    """Ratio of two optimizers' block means, paired by round: the median, with a 95% interval.

    Computed on the logarithms, from order statistics: a round in which something else took the processor is
    an outlier of any size, which would move a mean and widen Student's interval without limit.

    Args:
        times: block means by round.
        of: those of the reference.
    """
    both = pd.concat([times, of], axis=1, join="inner").to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # A coarse clock may say 0 for a block: it is a tie beside another 0, else endlessly shorter.
        logs = np.log(np.where(both[:, 0] == both[:, 1], 1.0, both[:, 0] / both[:, 1]))
        found = median_or_nothing(logs)
        estimate, low, high = np.exp([found.estimate, found.low, found.high]).tolist()
    return Interval(estimate, low, high, found.coverage, found.n)


def _common(facts: dict[str, Any], blocks: pd.DataFrame) -> dict[str, Any]:
    """What all rows of a workload share: the A/A check, the machine and whether it was quiet."""
    steps = blocks[(blocks["kind"] == STEP) & (blocks["optimizer"] == facts["reference"])]
    first = _means(steps[steps["role"] == OPTIMIZER], "block_us").get(facts["reference"])
    again = _means(steps[steps["role"] == TWIN], "block_us").get(facts["reference"])
    aa = paired_ratio(again, first) if again is not None and first is not None else None
    kernel = blocks.loc[blocks["kind"] == KERNEL, "block_us"].to_numpy(float)
    batches = blocks[blocks["kind"] == BATCH]
    found = {
        "aa_ratio": aa.estimate if aa else math.nan,
        "aa_low": aa.low if aa else math.nan,
        "aa_high": aa.high if aa else math.nan,
        "kernel_spread": _spread(kernel),
        "batch_us": float((batches["block_us"] / batches["steps"]).median()),
        **{key: _number(facts.get(key)) for key in ("other_cpus", "load_before", "load_after")},
        **{key: _number(facts.get(key)) for key in ("clock_min_mhz", "clock_max_mhz")},
        "threads": facts["threads"],
        "device": facts["device"],
        "machine": _machine(facts),
    }
    noise = _noise(found, rounds=aa.n if aa else 0, cpus=facts.get("cpus", 1))
    return found | {"noisy": bool(noise), "noise": "; ".join(noise)}


def _noise(found: dict[str, Any], rounds: int, cpus: int) -> list[str]:
    """One clause for each reason not to trust the times; none where the machine was quiet."""
    low, high, others, spread = found["aa_low"], found["aa_high"], found["other_cpus"], found["kernel_spread"]
    reasons = []
    if rounds < FEWEST_ROUNDS:
        reasons.append(f"{rounds} rounds, fewer than {FEWEST_ROUNDS}")
    if rounds and (low > 1 + AA_TOLERANCE or high < 1 - AA_TOLERANCE):
        reasons.append(f"the reference against itself took {number(found['aa_ratio'], 3)} times as long")
    if rounds and high - low >= WIDEST_AA:
        reasons.append(f"the reference against itself is known to {percent(high - low)} only")
    if others > MOST_OTHERS * cpus:
        reasons.append(f"others kept {number(others, 2)} of {cpus} processors busy")
    if spread > WIDEST_KERNEL:
        reasons.append(f"a fixed kernel's times spread by {percent(spread, 2)}")
    return reasons


def _spread(times: np.ndarray) -> float:
    if not len(times):
        return math.nan
    low, middle, high = np.quantile(times, [0.1, 0.5, 0.9]).tolist()
    return float((high - low) / middle) if middle > 0 else 0.0


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _machine(facts: dict[str, Any]) -> str:
    machine = facts["machine"]
    host = f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}"
    return escaped(f"{facts['gpu']}; {host}" if facts.get("gpu") else host)


def seconds_to_target(runs: pd.DataFrame, timing: pd.DataFrame) -> pd.Series[float]:
    """Seconds to the target, steps to target x step time: what a cell takes with the machine to itself.

    The step time is one estimate for all seeds: an interval over these seconds alone leaves its error out.
    `step_seconds` has the step time's own interval, `optbench.stats.product_interval` puts both together.

    Args:
        runs: the run table (workload, optimizer, steps_to_target).
        timing: the timing table.

    Returns:
        One value for each run, with its index; NaN where the target was not reached (censored: that is not a
        missing measurement but a run longer than its budget) or the optimizer was not timed on the workload.
    """
    step_time = timing.set_index(["workload", "optimizer"])["step_time_us"]
    pairs = pd.MultiIndex.from_frame(runs[["workload", "optimizer"]])
    each = step_time.reindex(pairs).to_numpy(float)
    return pd.Series(
        runs["steps_to_target"].to_numpy(float) * each / 1e6, runs.index, name="time_to_target_s"
    )


def step_seconds(timing: pd.DataFrame) -> dict[tuple[str, str], Interval]:
    """The step times in seconds, by workload and optimizer, with their 95% intervals.

    Args:
        timing: the timing table.

    Returns:
        One interval for each row with a step time; its n are the rounds. An end is NaN where there is none.
    """
    columns = ["workload", "optimizer", "step_time_us", "step_time_low", "step_time_high", "rounds"]
    return {
        (str(workload), str(optimizer)): Interval(us / 1e6, low / 1e6, high / 1e6, 0.95, int(rounds))
        for workload, optimizer, us, low, high, rounds in timing[columns].itertuples(index=False, name=None)
        if math.isfinite(us)
    }
