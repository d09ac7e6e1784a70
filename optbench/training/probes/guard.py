"""Probes that cost a cell nothing but themselves: one that fails is switched off, and says why.

A probe looks at the loss where training does not (other examples, evaluation mode), so that it may meet an
error that training never would. What becomes of a cell must not depend on whether it is looked at.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from optbench.core.errors import RAISED_BY_OTHERS, told
from optbench.training.probes.run import Probes

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from optbench.catalogue.workloads.workload import Workload
    from optbench.training.probes.measures import ProbeSeries
    from optbench.training.probes.sampling import Floats


class GuardedProbes:
    """`Probes` of a run whose failures end them alone.

    Args:
        workload: what is trained, on its device.
        model: its model, in training mode.
        optimizer: asked for its momentum only.
        every: steps to each look at the probe batch, on average (>= 1).

    Attributes:
        problem: why they were switched off, in one line; "" while they work.
    """

    def __init__(self, workload: Workload, model: nn.Module, optimizer: Optimizer, every: int) -> None:
        self.problem = ""
        self._time_s = 0.0
        self._probes: Probes | None = None
        begun = time.perf_counter()
        try:
            self._probes = Probes(workload, model, optimizer, every)
        except RAISED_BY_OTHERS as problem:
            self._end(problem)
            self._time_s = time.perf_counter() - begun

    @property
    def time_s(self) -> float:
        """Time spent in them, by the host's clock."""
        return self._time_s if self._probes is None else self._probes.time_s

    def before(self, t: int) -> None:
        """Look at the parameters before update `t` (from 0)."""
        if self._probes is not None:
            try:
                self._probes.before(t)
            except RAISED_BY_OTHERS as problem:
                self._end(problem)

    def gradient(self, t: int) -> None:
        """Look at the gradients of update `t`; a closure's later evaluations within a step do not count."""
        if self._probes is not None:
            try:
                self._probes.gradient(t)
            except RAISED_BY_OTHERS as problem:
                self._end(problem)

    def after(self, t: int) -> None:
        """Look at the parameters after update `t`."""
        if self._probes is not None:
            try:
                self._probes.after(t)
            except RAISED_BY_OTHERS as problem:
                self._end(problem)

    def finish(self, losses: Floats, *, ended: bool) -> tuple[list[ProbeSeries], dict[str, Any]]:
        """Return columns of the trace and its facts: `probes`, or `probes_failed` with the reason.

        Args:
            losses: the batch loss of every step up to the end or the blow-up, shape (steps,), on the host.
            ended: whether the run ended well.
        """
        if self._probes is not None:
            try:
                columns, facts = self._probes.finish(losses, ended=ended)
            except RAISED_BY_OTHERS as problem:
                self._end(problem)
            else:
                return columns, {"probes": facts}
        return [], {"probes_failed": self.problem}

    def _end(self, problem: BaseException) -> None:
        self.problem = told(problem)
        self._time_s = self.time_s
        self._probes = None
