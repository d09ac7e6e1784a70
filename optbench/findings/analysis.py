"""The tables that findings rest on: comparisons, ranking, stability, interactions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from optbench.core.files import write_table
from optbench.core.specs import RaceSpec
from optbench.core.words import named
from optbench.findings.comparisons import Comparison, as_table, compare, pairs_across
from optbench.findings.decisions import Rules
from optbench.findings.interaction import HALF, compare_schedule_effects, with_half
from optbench.findings.main_effects import MainEffect, main_effects
from optbench.findings.race import Place, Race, run_race
from optbench.findings.ranking import Overall, Standing, rank_in_time, rank_overall, rank_within
from optbench.findings.samples import CommonBlock, PairedSamples, common_block, paired_samples
from optbench.findings.stability import LeftOut, stability
from optbench.findings.tuning_share import TuningShare, tuning_share
from optbench.tables.read import read_frame, read_values
from optbench.tables.rows import Combination
from optbench.tables.step_times import read_times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LOSS = "final_val_loss"
"""The primary metric: what `better` means where nothing else is said."""

TIME = "steps_to_target"


@dataclass(frozen=True, eq=False)
class Analysis:
    """A study's tables, and what is derived from them.

    Attributes:
        facts: study.json.
        runs: the run table.
        by_workload: runs by the primary metric; without the workloads in which no run has it.
        block: what is compared over workloads, None for nothing.
        overall: what the ranking over workloads rests on, None for none.
        comparisons: of the final validation loss, the steps to target and the loss half-way, in this order.
        main_effects: pooled effects of schedules and optimizers, `MainEffect` rows.
        interactions: schedule effects compared between optimizers.
        ranking: `Standing` rows.
        stability: `LeftOut` rows.
        race: `Place` rows, none where no seeds were raced.
        raced: the race that they are of, None for none.
        half_steps: the step of the loss half-way, by workload.
        measured: what was measured and not compared by name: summary, ratios, rates and, where the study has
            them, timing and sensitivity.
    """

    facts: dict[str, Any]
    runs: pd.DataFrame
    by_workload: tuple[PairedSamples, ...]
    block: CommonBlock | None
    overall: Overall | None
    comparisons: pd.DataFrame
    main_effects: pd.DataFrame
    interactions: pd.DataFrame
    ranking: pd.DataFrame
    stability: pd.DataFrame
    race: pd.DataFrame
    raced: Race | None
    half_steps: dict[str, int]
    measured: dict[str, pd.DataFrame]

    def label(self, kind: str, name: str) -> str:
        """What the page calls a workload, optimizer or schedule (`kind` is the plural)."""
        return named(str(((self.facts.get(kind) or {}).get(name) or {}).get("label") or name))

    def name(self, one: Combination) -> str:
        """What sentences call an optimizer under a schedule."""
        return f"{self.label('optimizers', one.optimizer)} · {self.label('schedules', one.schedule)}"

    def name_on_workload(self, row: Mapping[str, Any]) -> str:
        """What sentences call a row's combination: `SGD · Cosine on Ravine`."""
        one = Combination(str(row["optimizer"]), str(row["schedule"]))
        return f"{self.name(one)} on {self.label('workloads', str(row['workload']))}"

    def compared(self, metric: str) -> pd.DataFrame:
        """The comparisons of one metric."""
        return self.comparisons[self.comparisons["metric"] == metric]


@dataclass(frozen=True, eq=False)
class Primary:
    """A study's primary answers, by the final validation loss.

    Attributes:
        by_workload: the runs.
        first: those of the first look, all of them where no seeds are raced: what was dropped has no later
            ones, so that all are compared over workloads and pooled into main effects at that look.
        block: what is compared over workloads, None for nothing.
        searched: the searches of learning rates.
        race: what came of a race, None where there is none.
        comparisons: as a table.
    """

    by_workload: Sequence[PairedSamples]
    first: Sequence[PairedSamples]
    block: CommonBlock | None
    searched: TuningShare
    race: Race | None
    comparisons: pd.DataFrame


def primary_answers(runs: pd.DataFrame, facts: Mapping[str, Any], tuning: pd.DataFrame | None) -> Primary:
    """Compares the runs of a study by their final validation loss, look by look where it races.

    Args:
        runs: the run table, or the columns of it that say who a run is and what it came to.
        facts: study.json.
        tuning: the tuning table, None for none.
    """
    rules, spec, once, seeds = rules_of(facts), RaceSpec.of_facts(facts), _drawn_once(facts), _seeds(facts)
    by_workload = paired_samples(runs, LOSS, once, seeds)
    first: Sequence[PairedSamples] = by_workload
    if spec is not None:
        first = [samples.with_seeds(seeds[: spec.looks[0]]) for samples in by_workload]
    searched = TuningShare({})
    if tuning is not None:
        as_differences = [samples.workload for samples in first if not samples.is_ratio]
        resampling = int(facts["report"].get("seed") or 0)
        searched = tuning_share(tuning, seed=resampling, differences=as_differences)
    block = common_block(first, facts["report"]["reference"])
    if spec is None:
        losses = compare(by_workload, block, rules, primary=True, tuning=searched)
        return Primary(by_workload, first, block, searched, None, losses)
    drawn = [samples.workload for samples in by_workload if samples.workload not in once]
    pooled = [] if block is None else list(pairs_across(block, rules.threshold, searched))
    race = run_race(by_workload, spec, rules, seeds=seeds, tuning=searched, raced=drawn, more=pooled)
    return Primary(by_workload, first, block, searched, race, as_table(race.comparisons))


def _seeds(facts: Mapping[str, Any]) -> list[int]:
    return [int(seed) for seed in facts.get("seeds") or ()]


def _drawn_once(facts: Mapping[str, Any]) -> list[str]:
    """Workloads that draw nothing."""
    return [
        str(name) for name, known in (facts.get("workloads") or {}).items() if known.get("draws") is False
    ]


def compare_all(tables: Path) -> Analysis:
    """Compares and ranks what a study's findings are about; nothing is `measured` yet.

    Args:
        tables: results/<study>/tables, as `collect` left it.
    """
    facts = read_values(tables / "study.json")
    runs = read_frame(tables / "runs.parquet")
    rules = rules_of(facts)
    budgets = {
        str(name): float(known["steps"])
        for name, known in (facts.get("workloads") or {}).items()
        if known.get("steps")
    }

    def samples_of(table: pd.DataFrame, metric: str) -> list[PairedSamples]:
        return paired_samples(table, metric, _drawn_once(facts), _seeds(facts))

    searches = tables / "tuning.parquet"
    found = primary_answers(runs, facts, read_frame(searches) if searches.exists() else None)
    by_workload, first, block, losses = found.by_workload, found.first, found.block, found.comparisons
    effects = main_effects(first, facts, rules, found.searched)
    timed = samples_of(runs, TIME)
    times = compare(timed, None, rules)
    with_halves, half_steps = with_half(runs, tables / "curves.parquet", budgets)
    halves = compare(samples_of(with_halves, HALF), None, rules)
    standings = [s for samples in by_workload for s in rank_within(samples, losses)]
    overall = None
    left_out: list[LeftOut] = []
    if block is not None:
        standing, overall = rank_overall(block, LOSS, losses)
        standings = standing + standings
        left_out = stability(block)
    standings += [s for samples in timed for s in rank_in_time(samples, budgets, times)]
    tested = [table for table in (losses, times, halves) if len(table)]
    return Analysis(
        facts=facts,
        runs=runs,
        by_workload=tuple(by_workload),
        block=block,
        overall=overall,
        comparisons=_table(pd.concat(tested, ignore_index=True) if tested else losses, Comparison._fields),
        main_effects=_table(effects, MainEffect._fields),
        interactions=_table(compare_schedule_effects(first, rules), ()),
        ranking=_table(standings, Standing._fields),
        stability=_table(left_out, LeftOut._fields),
        race=_table([] if found.race is None else found.race.places, Place._fields),
        raced=found.race,
        half_steps=half_steps,
        measured={},
    )


def with_measured(analysis: Analysis, tables: Path) -> Analysis:
    """The same with what `summarize` and `summarize_tuning` boiled down into `tables`."""
    found = {name: read_frame(tables / f"{name}.parquet") for name in ("summary", "ratios", "rates")}
    if (tables / "sensitivity.parquet").exists():
        found["sensitivity"] = read_frame(tables / "sensitivity.parquet")
    timing = read_times(tables)
    return replace(analysis, measured=found if timing is None else found | {"timing": timing})


def rules_of(facts: Mapping[str, Any]) -> Rules:
    """The study's rules for `better`, the usual ones where it says nothing."""
    given = facts.get("report") or {}
    usual = Rules()

    def number(key: str, otherwise: float) -> float:
        return otherwise if given.get(key) is None else float(given[key])

    return Rules(
        threshold=number("threshold", usual.threshold),
        error=number("error", usual.error),
        equal_within=number("equal_within", usual.equal_within),
    )


def write_analysis(found: Analysis, tables: Path) -> None:
    """Writes comparisons, main effects, ranking, interactions, stability and race as parquet and CSV."""
    for name in ("comparisons", "main_effects", "ranking", "interactions", "stability", "race"):
        write_table(getattr(found, name), tables / name)


def _table(rows: pd.DataFrame | Sequence[object], columns: Sequence[str]) -> pd.DataFrame:
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows), columns=list(columns))
    # Twelve digits hold every figure of the page; the last ones may differ between processors.
    floats = table.select_dtypes("float").columns
    return table.assign(**{name: [_rounded(v) for v in table[name].tolist()] for name in floats})


def _rounded(value: float) -> float:
    return float(f"{value:.12g}") if math.isfinite(value) else value
