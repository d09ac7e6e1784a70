"""What a step costs in time and memory, as the page tells it: a sentence, and two tables a workload."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from optbench.core.words import NONE, count, number, shortened
from optbench.report.page.context import Content, FoldedPart
from optbench.report.page.table import Estimate, Table, TableEntry, estimate_entry
from optbench.report.page.text import scrub
from optbench.report.tables import read_figure_tables, read_timing_table, rows_of
from optbench.tables.rows import row_dicts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from optbench.report.page.context import PageContext
    from optbench.report.study import StudyView

KIB: Final = 1024
REASON_LENGTH: Final = 300
LONGEST_NOTE: Final = 2000

STEP_TIME: Final = ("step_time_us", "step_time_low", "step_time_high")


@dataclass(frozen=True, kw_only=True)
class WorkloadCost(FoldedPart):
    """A workload's part of the section.

    Attributes:
        facts: where it was measured, in a line.
        noise: why its times are not to be trusted, "" where the machine was quiet.
        table: step times and memory by optimizer.
        targets: time to target by optimizer and schedule; None where no run reached the target.
    """

    facts: str
    noise: str
    table: Table
    targets: Table | None


@dataclass(frozen=True)
class Cost:
    """The Cost section.

    Attributes:
        places: a warning where the workloads were timed on different machines, else "".
        workloads: their parts, in the study's order.
    """

    places: str
    workloads: tuple[WorkloadCost, ...]


def section(page: PageContext) -> Content | None:
    """Return the section; None where no step was timed."""
    timing = read_timing_table(page.study, page.tables / "timing.parquet")
    found = cost(page.study, timing, read_figure_tables(page.tables).survival)
    return None if found is None else Content(found)


def cost(study: StudyView, timing: pd.DataFrame | None, survival: pd.DataFrame) -> Cost | None:
    """Return the section, or None without a timing.

    Args:
        study: names and runs.
        timing: as `optbench.report.tables.read_timing_table` returns it.
        survival: the table of that name, for medians of steps and of time to target.
    """
    if timing is None:
        return None
    parts = []
    for index, name in enumerate(study.workloads):
        rows = timing[timing["workload"] == name]
        if len(rows):
            parts.append(_workload(study, name, index, rows, rows_of(survival, workload=name)))
    return Cost(_places(timing), tuple(parts))


def _places(timing: pd.DataFrame) -> str:
    machines = timing.loc[timing["step_time_us"].notna(), "machine"].astype(str).nunique()
    if machines < 2:  # noqa: PLR2004 - one machine, nothing is mixed
        return ""
    return (
        f"The workloads were timed on {machines} different machines. Each workload is compared within "
        "itself; times of different workloads do not compare."
    )


def _workload(
    study: StudyView, name: str, index: int, timing: pd.DataFrame, survival: pd.DataFrame
) -> WorkloadCost:
    label = study.label("workloads", name)
    measured = timing[timing["step_time_us"].notna()]
    noise = ""
    if measured["noisy"].astype(bool).any():
        noise = "; ".join(text for text in measured["noise"].astype(str).unique() if text)
        noise = _brought(noise) or "no reason was recorded"
    return WorkloadCost(
        id=f"c-{index}",
        name=name,
        label=label,
        facts=_facts(measured),
        noise=noise,
        gist="" if noise else _gist(study, measured),
        badge="noisy" if noise else "",
        table=_times(study, timing, f"t-step-{index}", label),
        targets=_targets(study, name, survival, f"t-target-{index}", label, noisy=bool(noise)),
    )


def _gist(study: StudyView, measured: pd.DataFrame) -> str:
    """The cheapest and the dearest step beside the reference's."""
    others = measured[(measured["optimizer"] != measured["reference"]) & measured["ratio_to_sgd"].notna()]
    if others.empty:
        return ""
    ordered = others.sort_values("ratio_to_sgd", kind="stable")
    ends = ordered.iloc[[0, -1]] if len(ordered) > 1 else ordered
    said = [
        f"{study.label('optimizers', str(r['optimizer']))} {number(float(r['ratio_to_sgd']), 3)}"
        for r in row_dicts(ends)
    ]
    reference = study.label("optimizers", str(measured["reference"].iloc[0]))
    return f"a step, times {reference}'s: {' to '.join(said)}"


def _brought(text: str) -> str:
    """A text that the timing brought along, home folders scrubbed, both ends of a long one."""
    return shortened(scrub(text), LONGEST_NOTE, "tables/timing.csv has them")


def _facts(measured: pd.DataFrame) -> str:
    if measured.empty:
        return ""
    first = measured.iloc[0]
    threads = first["threads"]
    parts = [
        _brought(str(first["machine"])),
        str(first["device"]),
        count(int(threads), "thread") if math.isfinite(threads) else "",
    ]
    return " · ".join(part for part in parts if part)


def _times(study: StudyView, timing: pd.DataFrame, table_id: str, label: str) -> Table:
    reference = study.label("optimizers", str(timing["reference"].iloc[0]))
    failed = timing["error"].fillna("").astype(str).str.strip().ne("").any()
    heads = (
        "Optimizer",
        "Step time, median (µs)",
        "Step time, p95 (µs)",
        "optimizer.step() (µs)",
        f"Step time / {reference} (×)",
        "State (bytes/parameter)",
        "Peak memory (KiB)",
        *(("Why there is no time",) if failed else ()),
    )
    rows = []
    for _, r in timing.iterrows():
        rows.append(
            (
                TableEntry(study.label("optimizers", str(r["optimizer"]))),
                estimate_entry(Estimate(*(float(r[c]) for c in STEP_TIME))),
                _plain(r["step_time_p95_us"]),
                _plain(r["optimizer_step_us"]),
                _ratio(r),
                _plain(r["state_bytes_per_param"]),
                _plain(float(r["peak_memory_bytes"]) / KIB),
                *((TableEntry(_reason(r["error"])),) if failed else ()),
            )
        )
    caption = f"{label}: what a step takes. Intervals: 95%, of the median over rounds."
    if timing["noisy"].astype(bool).any():
        caption += " Ratios measured while the machine was noisy are withheld; tables/timing.csv has them."
    return Table(table_id, caption, heads, tuple(rows))


def _ratio(row: pd.Series[Any]) -> TableEntry:
    ratio = Estimate(*(float(row[c]) for c in ("ratio_to_sgd", "ratio_low", "ratio_high")))
    if math.isnan(ratio.estimate):
        return estimate_entry(ratio)
    if row["optimizer"] == row["reference"]:
        return TableEntry("1", "reference", numeric=True)
    return TableEntry("withheld", "noisy") if row["noisy"] else estimate_entry(ratio)


def _plain(value: float) -> TableEntry:
    return TableEntry(number(float(value)), numeric=True)


def _reason(error: object) -> str:
    """The last line of an error, or a dash."""
    lines = scrub(error).strip().splitlines() if isinstance(error, str) else []
    return lines[-1][:REASON_LENGTH] if lines else NONE


def _targets(
    study: StudyView, workload: str, survival: pd.DataFrame, table_id: str, label: str, *, noisy: bool
) -> Table | None:
    """Medians of steps and of time to target over runs, one that never got there the latest."""
    times = rows_of(survival, unit="time_s")
    if times.empty:
        return None
    runs = study.runs[study.runs["workload"] == workload]
    arrived = (
        runs["steps_to_target"].notna().groupby([runs["optimizer"], runs["schedule"]]).agg(["sum", "size"])
    )
    reached = {
        names: f"{int(n)}/{int(of)}" for names, (n, of) in zip(arrived.index, arrived.to_numpy(), strict=True)
    }
    steps = dict(_medians(rows_of(survival, unit="steps")))
    rows = [
        (
            TableEntry(study.label("optimizers", key[0])),
            TableEntry(study.label("schedules", key[1])),
            estimate_entry(steps[key], missing="not reached"),
            estimate_entry(time, missing="not reached"),
            TableEntry(reached[key], numeric=True),
        )
        for key, time in _medians(times)
        if key in reached
    ]
    return Table(
        table_id,
        f"{label}: time to target, median steps to target × median step time. Intervals: 95%, of the median "
        "over runs; those of the time hold the step time's error too."
        + (" The machine was noisy: these seconds are not to be relied on." if noisy else ""),
        ("Optimizer", "Schedule", "Steps to target (steps)", "Time to target (s)", "Reached (runs / n)"),
        tuple(rows),
    )


def _medians(survival: pd.DataFrame) -> Iterator[tuple[tuple[str, str], Estimate]]:
    """Each combination with its median, in the table's order."""
    for r in row_dicts(survival.drop_duplicates(["optimizer", "schedule"])):
        ends = (float(r[c]) for c in ("median", "median_low", "median_high"))
        yield (str(r["optimizer"]), str(r["schedule"])), Estimate(*ends)
