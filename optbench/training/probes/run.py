"""Probes: what the training loop measures of its own movement, online and without touching it.

From the updates D_t and the gradients g_t of the steps: how far successive ones agree, how often coordinates
turn back, how long the path is. From the loss's slope before and after a step: how far the step overshoots.
docs/reference/tables.md gives every formula.

Slopes are taken in one of two ways. On a full batch without augmentation or dropout the training loss is the
function that is descended, so that the gradients of all steps are the slopes and cost nothing. Otherwise they
are taken on one fixed batch of training examples (`optbench.training.probes.batch`), before, between and
after two successive steps out of every `3 * every`, drawn at random: one look in `every` steps.

Which steps are measured and looked at in a longer run says `optbench.training.probes.sampling`.
"""

from __future__ import annotations

import time
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from optbench.training.probes.batch import ProbeBatch
from optbench.training.probes.measures import (
    MeasuredSteps,
    ProbeSeries,
    fall,
    rises,
    run_sums,
    window_columns,
)
from optbench.training.probes.momentum import noise_cosine
from optbench.training.probes.rows import LARGE, FlatRows, Rows, entries, row_type
from optbench.training.probes.sampling import BLOCK, FIXED_SEED, look_weights, measured_share, step_weights
from optbench.training.torch_private import is_dropout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from optbench.catalogue.workloads.workload import Workload
    from optbench.training.probes.measures import Terms
    from optbench.training.probes.sampling import Floats

WINDOWS = 50
"""At most this many windows: the time between evaluations, several of them taken together where need be."""

MOST_LOOKS = 1000
"""Looks at the probe batch in one run, about; the interval grows where `every` would give more."""

TAIL = 256
"""Last steps of which the watched coordinates are kept."""

WATCHED_COORDINATES = 8
"""Entries of the largest parameter whose path is kept, at most."""


def descends_its_loss(workload: Workload, model: nn.Module) -> bool:
    """Return whether every step sees one and the same function: a full batch, no augmentation, no dropout.

    Randomness that a model draws by other means than torch's dropout modules goes unnoticed.
    """
    still = not any(is_dropout(module) for module in model.modules())
    return workload.batch_size is None and workload.augment is None and still


class Probes:
    """Measures one run; the loop calls `before`, `gradient` and `after` at every step, `finish` at the end.

    Args:
        workload: what is trained, on its device.
        model: its model, in training mode.
        optimizer: asked for its momentum only.
        every: steps to each look at the probe batch, on average (>= 1).

    Attributes:
        time_s: time spent here, by the host's clock.
    """

    def __init__(self, workload: Workload, model: nn.Module, optimizer: Optimizer, every: int) -> None:
        if every < 1:
            raise ValueError(f"every must be a whole number of steps >= 1; got {every!r}")
        begun = time.perf_counter()
        self._optimizer = optimizer
        self._budget = workload.budget
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._full = descends_its_loss(workload, model)
        self._share = share = measured_share(
            self._budget, every, full=self._full, large=entries(self._parameters) > LARGE
        )
        self._weights = step_weights(self._budget, share)
        counted = self._weights > 0
        # A step's predecessor is recorded too: every measure looks at neighbours.
        recorded = counted | np.append(counted[1:], [False])
        self._recorded: list[bool] = recorded.tolist()
        self._steps = np.flatnonzero(recorded)
        # A window is a whole number of evaluations and holds at least one measured block.
        least = max(self._budget / WINDOWS, share * BLOCK if share > 1 else 1)
        self._width = workload.eval_every * ceil(least / workload.eval_every)
        self._momentum: list[float] = []
        self._noted = -1
        self._every = max(every, ceil(self._budget / MOST_LOOKS))
        self._looked = np.zeros(self._budget) if self._full else look_weights(self._budget, self._every)
        self._looks: list[bool] = (self._looked > 0).tolist()
        dtype = row_type(self._parameters)
        with torch.no_grad():
            self._rows = Rows(self._parameters, slopes=self._full)
            self._ends = FlatRows(self._parameters, 2, dtype)
            self._ends.fill(0, self._parameters)
            self._watched = max(self._parameters, key=torch.Tensor.numel)
            chosen = torch.Generator().manual_seed(FIXED_SEED)
            places = torch.randperm(self._watched.numel(), generator=chosen)[:WATCHED_COORDINATES]
            self._places = places.sort().values.to(self._watched.device)
            self._series: list[Tensor] = []
            if not self._full:
                self._batch = ProbeBatch(workload, model)
                self._there = FlatRows(self._parameters, 2, dtype)
                self._slopes = FlatRows(self._parameters, 2, dtype)
                self._update = torch.zeros_like(self._there.row[0])
                self._losses: list[Tensor] = []
                self._found: list[Tensor] = []
        self.time_s = time.perf_counter() - begun

    def before(self, t: int) -> None:
        """Look at the parameters before update `t` (from 0)."""
        window = t % self._width == 0
        starts = self._recorded[t] and (t == 0 or not self._recorded[t - 1])
        looks = self._looks[t] and (t == 0 or not self._looks[t - 1])
        if not (window or starts or looks):
            return
        begun = time.perf_counter()
        if window:
            self._momentum.append(noise_cosine(self._optimizer, t))
        with torch.no_grad():
            if starts:
                self._rows.start()
            if looks:
                self._look(t % 2)
        self.time_s += time.perf_counter() - begun

    def gradient(self, t: int) -> None:
        """Look at the gradients of update `t`; a closure's later evaluations within a step do not count."""
        if self._noted == t or not self._recorded[t]:
            return
        begun = time.perf_counter()
        self._noted = t
        with torch.no_grad():
            self._rows.gradient()
        self.time_s += time.perf_counter() - begun

    def after(self, t: int) -> None:
        """Look at the parameters after update `t`."""
        if not (self._recorded[t] or self._looks[t] or t >= self._budget - TAIL):
            return
        begun = time.perf_counter()
        with torch.no_grad():
            if self._recorded[t]:
                self._rows.step()
            if t >= self._budget - TAIL:
                self._series.append(torch.take(self._watched, self._places))
            if self._looks[t]:
                old, new = t % 2, (t + 1) % 2
                self._look(new)
                torch.sub(self._there.row[new], self._there.row[old], out=self._update)
                self._found.append(torch.dot(self._slopes.row[old], self._update))
                self._found.append(torch.dot(self._slopes.row[new], self._update))
        self.time_s += time.perf_counter() - begun

    def _look(self, place: int) -> None:
        """Note loss, slope and place of the parameters as they are, the latter two in row `place`."""
        loss, found = self._batch.slope(self._parameters)
        self._slopes.fill(place, found)
        self._there.fill(place, self._parameters)
        self._losses.append(loss)

    def finish(self, losses: Floats, *, ended: bool) -> tuple[list[ProbeSeries], dict[str, Any]]:
        """Return columns of the trace and facts over the whole run.

        Args:
            losses: the batch loss of every step up to the end or the blow-up, shape (steps,), on the host.
            ended: whether the run ended well, so that the distance it came is that of its last step.
        """
        begun = time.perf_counter()
        steps = len(losses)
        with torch.no_grad():
            products = self._rows.finish()
            self._ends.fill(1, self._parameters)
            came = torch.linalg.vector_norm(self._ends.row[1] - self._ends.row[0], dtype=torch.float64)
        recorded = self._steps[: products.table.shape[1]]
        kept = int(np.searchsorted(recorded, steps))
        recorded = recorded[:kept]
        measured = MeasuredSteps(
            steps=recorded,
            weights=self._weights[recorded],
            table=products.table[:, :kept].cpu().numpy(),
            turns=products.turns[:, :kept].cpu().numpy(),
            momentum=np.array(self._momentum)[recorded // self._width],
        )
        terms = measured.pair_terms()
        if self._full:
            slopes, columns = measured.slope_terms(), []
            rise_and_fall = rises(losses[:-1], losses[1:], np.ones(max(steps - 1, 0))), fall(losses)
        else:
            slopes, looked, rise = self._looks_found(steps, ended=ended)
            columns, rise_and_fall = [looked], (rise, fall(looked.values))
        columns += window_columns(terms, slopes, self._width, self._budget)
        columns += self._watched_columns(steps)
        facts = {
            "slopes": "full batch" if self._full else "probe batch",
            "every": 1 if self._full else self._every,
            "examples": None if self._full else self._batch.examples,
            "window": self._width,
            "share": self._share,
            "measured_steps": int((measured.weights > 0).sum()),
            "flip_coordinates": self._rows.flips,
            "flip_spacing": self._rows.spacing,
            "watched_coordinates": self._places.tolist(),
            "sums": {
                **run_sums(measured, terms, slopes),
                "rise": rise_and_fall[0],
                "fall": rise_and_fall[1],
                "distance": float(came) if ended else None,
            },
        }
        self.time_s += time.perf_counter() - begun
        return columns, facts

    def _looks_found(self, steps: int, *, ended: bool) -> tuple[Terms, ProbeSeries, float | None]:
        """What the looks up to step `steps` found: slopes, the probe loss by number of updates, and its rise.

        The probe loss is known before the first step, at the looks and, of a run that ended well, at its end.
        """
        pairs = np.flatnonzero(self._looked)[: len(self._found) // 2]
        ends = np.union1d(pairs, pairs + 1)[: len(self._losses)]
        found = _on_host(self._found[: 2 * len(pairs)]).reshape(-1, 2)
        losses = _on_host(self._losses[: len(ends)])
        good = (pairs < steps) & np.isfinite(found).all(axis=1)
        pairs, found, weights = pairs[good], found[good], self._looked[pairs[good]]
        with np.errstate(over="ignore"):  # a sum that is not finite becomes None in the end
            slopes = {"slope_before": weights * found[:, 0], "slope_after": weights * found[:, 1]}
        places = np.searchsorted(ends, pairs)
        rise = rises(losses[places], losses[places + 1], weights)
        known = dict(zip(ends[ends <= steps].tolist(), losses[ends <= steps].tolist(), strict=True))
        known = {0: float(self._batch.first_loss)} | known
        if ended:
            known |= {steps: float(self._batch.slope(self._parameters)[0])}
        column = ProbeSeries("probe_loss", np.array(list(known)), np.array(list(known.values())))
        return (pairs, slopes), column, rise

    def _watched_columns(self, steps: int) -> Iterator[ProbeSeries]:
        """The watched coordinates after each of the last steps, up to step `steps`."""
        first = max(self._budget - TAIL, 0)
        if first < steps and self._series:
            values = torch.stack(self._series[: steps - first]).double().cpu().numpy()
            for place, column in enumerate(values.T):
                yield ProbeSeries(f"coordinate_{place}", first + 1 + np.arange(len(column)), column)


def _on_host(scalars: list[Tensor]) -> Floats:
    return torch.stack(scalars).double().cpu().numpy() if scalars else np.zeros(0)
