"""When runs arrive at their target: Kaplan-Meier curves of steps and of seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from optbench.core.status import MISSING
from optbench.stats.intervals import Interval, wilson_interval
from optbench.stats.products import product_end, product_interval
from optbench.stats.survival import median_time
from optbench.tables.rows import COMBINATION
from optbench.tables.timing import step_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray


class SurvivalRow(NamedTuple):
    """The share of runs that have reached the workload's target, from `at` on."""

    workload: str
    optimizer: str
    schedule: str
    unit: str
    at: float
    reached: float
    low: float
    high: float
    events: int
    at_risk: int
    n: int
    n_reached: int
    until: float
    median: float
    median_low: float
    median_high: float


def survival_rows(
    runs: pd.DataFrame, timing: pd.DataFrame | None, budgets: Mapping[str, float]
) -> Iterator[SurvivalRow]:
    """Kaplan-Meier curves of steps and of seconds to the workload's target, upside down: share reached.

    A run that did not reach it is censored at the budget, also one that diverged or broke off: it can't
    reach the target any more, and nothing is imputed. A missing run is no observation. Every curve begins
    with a row at 0 where nobody has arrived; a workload whose target nobody reached has none.

    All censoring is at one budget, so the share of runs that are there is k of n: its band is Wilson's, and
    the median's interval lies between order statistics (`optbench.stats.median_time`). Seconds are steps
    times one step time, whose own error moves the whole curve: band and median's interval hold both
    (`optbench.stats.product_interval`), so the band has ends between arrivals too, and rows there. Without
    an interval of the step time they are NaN.

    Args:
        runs: the run table.
        timing: the timing table, or None; without a step time there is no curve in seconds.
        budgets: steps of a cell, by workload; where it is not known, the most that a run made.
    """
    step_s = {} if timing is None else step_seconds(timing)
    for workload, of_workload in runs.groupby("workload", sort=False):
        if not of_workload["steps_to_target"].notna().any():
            continue
        budget = budgets.get(str(workload)) or float(of_workload["steps"].max())
        for (_, optimizer, schedule), group in of_workload.groupby(COMBINATION, sort=False):
            ran = group[group["status"] != MISSING.name]
            if ran.empty:
                continue
            names = str(workload), str(optimizer), str(schedule)
            steps = _Arrivals.of(ran["steps_to_target"].to_numpy(float), budget)
            yield from _survival(names, "steps", steps)
            each = step_s.get(names[:2])
            if each is not None:
                yield from _survival(names, "time_s", steps.in_seconds(each))


class _Step(NamedTuple):
    """A share and the ends of its interval, from `at` on."""

    at: float
    low: float
    high: float
    arrived: int
    events: int


@dataclass(frozen=True)
class _Arrivals:
    """When the runs of a combination reached the target.

    Attributes:
        steps: the curve, ascending, the first at 0.
        median: of the time to target.
        n: runs.
        until: when those that never arrived were given up.
    """

    steps: tuple[_Step, ...]
    median: Interval
    n: int
    until: float

    @classmethod
    def of(cls, reached_step: NDArray[np.floating[Any]], budget: float) -> _Arrivals:
        """From the steps to target, NaN for a run that was given up at the budget."""
        observed = np.isfinite(reached_step)
        times = np.where(observed, reached_step, max(budget, np.nanmax(reached_step, initial=0)))
        n = len(times)
        at, events = np.unique(times[observed], return_counts=True)
        curve = []
        for time, new, arrived in zip([0.0, *at.tolist()], [0, *events], [0, *events.cumsum()], strict=True):
            share = wilson_interval(int(arrived), n)
            curve.append(_Step(time, share.low, share.high, int(arrived), int(new)))
        return cls(tuple(curve), median_time(times, observed), n, budget)

    def in_seconds(self, step: Interval) -> _Arrivals:
        """The same in seconds, with the step time's error in the band and in the median's interval.

        An interval of a share at one time is an interval of the time at which a share is reached, seen from
        the side: a share p is reached when the curve passes it, within the times at which the band's two
        edges do. To these the step time's ends are put, and the edges are drawn through what results.
        """
        scaled = replace(self, median=product_interval(self.median, step), until=self.until * step.estimate)
        if math.isnan(step.low) or math.isnan(step.high):
            return replace(
                scaled,
                steps=tuple(
                    one._replace(at=one.at * step.estimate, low=math.nan, high=math.nan) for one in self.steps
                ),
            )
        shares = [one.arrived / self.n for one in self.steps]
        upper, lower = [one.high for one in self.steps], [one.low for one in self.steps]
        levels = sorted({*shares, *upper, *lower} - {0.0})
        early, late = [], []
        for level in levels:
            passed, soonest, latest = (self._when(edge, level) for edge in (shares, upper, lower))
            early.append(product_end(passed, soonest, step.estimate, step.low))
            late.append(product_end(passed, latest, step.estimate, step.high))
        # Beyond the last arrival there is no time to be off from, and the ends are a little wider there: no
        # higher share may be reached sooner than a lower one.
        early = list(accumulate(reversed(early), min))[::-1]
        late = list(accumulate(late, max))
        arrivals = {one.at * step.estimate: one for one in self.steps}
        ends = {at for at in (*early, *late) if at <= scaled.until}
        curve = []
        last = self.steps[0]
        for at in sorted({*arrivals, *ends}):
            last, new = (arrivals[at], arrivals[at].events) if at in arrivals else (last, 0)
            low, high = (
                max((p for p, when in zip(levels, edge, strict=True) if when <= at), default=0.0)
                for edge in (late, early)
            )
            curve.append(_Step(at, low, high, last.arrived, new))
        return replace(scaled, steps=tuple(curve))

    def _when(self, edge: list[float], level: float) -> float:
        """The first time from which a rising step function is at a level; infinite where it never is."""
        return next((one.at for one, share in zip(self.steps, edge, strict=True) if share >= level), math.inf)


def _survival(names: tuple[str, str, str], unit: str, found: _Arrivals) -> Iterator[SurvivalRow]:
    for step in found.steps:
        yield SurvivalRow(
            *names,
            unit,
            step.at,
            step.arrived / found.n,
            step.low,
            step.high,
            step.events,
            found.n - step.arrived + step.events,
            found.n,
            found.steps[-1].arrived,
            found.until,
            found.median.estimate,
            found.median.low,
            found.median.high,
        )
