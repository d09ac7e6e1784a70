"""What a study's `tuning` means for its matrix: who is tuned, and beside which default."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from optbench.core.errors import UserError
from optbench.core.specs import TuningSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optbench.core.specs import OptimizerSpec
    from optbench.study.file import TuningEntry
    from optbench.study.study import ResolvedBlock

DEFAULT = ".default"
"""What the name of an optimizer at its own learning rate ends in, beside its tuned twin."""


def resolve_tuning(
    given: TuningEntry | None, optimizers: Mapping[str, OptimizerSpec], blocks: Sequence[ResolvedBlock]
) -> TuningSpec | None:
    """The tuning that a study asks for, or None.

    Args:
        given: the study file's `tuning`.
        optimizers: by name.
        blocks: the matrix; None stands for a learning rate that is tuned.

    Raises:
        UserError: a tuning seed is an evaluation seed, nothing is left to tune, an optimizer has settings to
            search that nothing searches, or more combinations of them than there are candidates a decade.
    """
    searched = {name: spec for name, spec in optimizers.items() if spec.search}
    if given is None:
        for name in searched:
            raise UserError(f"optimizers.{name}.search: nothing is searched while 'tuning' is off")
        return None
    evaluation = {seed for block in blocks for seed in block.seeds}
    if shared := evaluation & set(given.seeds):
        raise UserError(
            f"tuning.seeds: {min(shared)} is an evaluation seed; the seeds that choose a learning rate must "
            "not be those that judge it (give a list of others)"
        )
    if given.low > given.high:
        raise UserError(f"tuning.low must be at most tuning.high, {given.high:g}; got {given.low:g}")
    tuned = {name for block in blocks for name, lr in block.lr.items() if lr is None}
    if not tuned:
        raise UserError("tuning: every block of the matrix gives its learning rates; none is left to tune")
    for name, spec in searched.items():
        if name not in tuned:
            raise UserError(
                f"optimizers.{name}.search: every block of the matrix gives {name} its learning rate"
            )
        count = prod(len(values) for values in spec.search.values())
        if count > given.per_decade:
            raise UserError(
                f"optimizers.{name}.search: {count} combinations share the candidates of a decade, so "
                f"tuning.per_decade must be >= {count}; got {given.per_decade}"
            )
    return TuningSpec(tuple(given.seeds), given.low, given.high, given.per_decade, given.widen, given.race)


def with_defaults(
    optimizers: Mapping[str, OptimizerSpec], blocks: Sequence[ResolvedBlock]
) -> tuple[dict[str, OptimizerSpec], tuple[ResolvedBlock, ...]]:
    """Optimizers and blocks with a twin `NAME.default` beside every optimizer that is tuned.

    Raises:
        UserError: a twin's name is taken.
    """
    tuned = {name for block in blocks for name, lr in block.lr.items() if lr is None}
    found: dict[str, OptimizerSpec] = {}
    for name, spec in optimizers.items():
        found[name] = spec
        if name in tuned:
            twin = name + DEFAULT
            if twin in optimizers:
                raise UserError(f"optimizers.{twin}: the ruleset 'default' needs this name for {name}'s twin")
            found[twin] = replace(
                spec, name=twin, label=f"{spec.label or name} (default lr)", search={}, default_of=name
            )
    return found, tuple(_with_twins(block, found) for block in blocks)


def _with_twins(block: ResolvedBlock, optimizers: Mapping[str, OptimizerSpec]) -> ResolvedBlock:
    lr: dict[str, float | None] = {}
    for name, rate in block.lr.items():
        lr[name] = rate
        if rate is None:
            lr[name + DEFAULT] = optimizers[name + DEFAULT].lr
    return replace(block, optimizers=tuple(lr), lr=lr)
