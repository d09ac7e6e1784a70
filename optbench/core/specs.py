"""What a study is made of, as plain frozen values (standard library only).

These are the words of the whole package. A study file is read into them once (`optbench.study.resolve`), the
matrix of cells is made of them (`optbench.cells.matrix`) and everything downstream receives them as
arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar: TypeAlias = str | int | float | bool | None
Setting: TypeAlias = "Scalar | list[Setting] | dict[str, Setting]"
"""A value that YAML can write and that a factory takes as a keyword argument."""


PROBE_EVERY = 15
"""Steps to each look at the probe batch, on average, where a study says nothing else."""


@dataclass(frozen=True)
class DatasetSpec:
    """Where a data set comes from.

    Attributes:
        name: the key in `data/<name>/`.
        root: a folder of the user's that holds the raw files, or None for the embedded or downloaded ones.
        download: whether the raw files may be fetched from their publisher.
        fingerprint: sha256 of the raw files where `root` is given, else "" (the published hash holds).
    """

    name: str
    root: str | None = None
    download: bool = True
    fingerprint: str = ""


@dataclass(frozen=True)
class WorkloadSpec:
    """A workload as a study names it: model + data + loss + budget + target.

    Attributes:
        name: how the study calls it.
        factory: `module:name` of a function that returns a `Workload`.
        settings: keyword arguments of the factory.
        overrides: fields of the returned `Workload` that the study sets (batch_size, drop_last,
            steps, epochs, eval_every, target); the factory gets those that it has an argument for.
        dataset: the data set handed to the factory as its first argument, or None.
        label: the name in the page.
        device: `cpu` or `cuda`, "" for the study's.
        timeout_s: wall-clock limit of a cell in seconds, None for the study's.
        memory_mb: memory that a job of a cluster asks for.
    """

    name: str
    factory: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    overrides: Mapping[str, Setting] = field(default_factory=dict)
    dataset: DatasetSpec | None = None
    label: str = ""
    device: str = ""
    timeout_s: float | None = None
    memory_mb: int = 2000


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimizer as a study names it.

    Attributes:
        name: how the study calls it.
        factory: `module:name` of a class or function called as `factory(params, lr=lr, **settings)`.
        lr: its own learning rate, used where none is tuned and no block of the matrix gives another.
        settings: the other keyword arguments.
        label: the name in the page.
        search: settings that a tuning searches beside the learning rate, each with the values to try.
        default_of: the optimizer that this one repeats at its own learning rate where the study tunes it
            (the ruleset `default`), or "".
        closure: whether its step is given a closure besides the gradients, though its signature does not
            require one.
        create_graph: whether the gradients keep their graph, for a step that differentiates them.
    """

    name: str
    factory: str
    lr: float
    settings: Mapping[str, Setting] = field(default_factory=dict)
    label: str = ""
    search: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)
    default_of: str = ""
    closure: bool = False
    create_graph: bool = False


@dataclass(frozen=True)
class ScheduleSpec:
    """A learning-rate schedule as a study names it.

    Attributes:
        name: how the study calls it.
        factory: `module:name` called as `factory(optimizer, **settings)`; "" means a constant lr.
        settings: keyword arguments; `"30%"` is a share of the budget in steps, `"30 epochs"` that many
            epochs in steps and `"lr"` the cell's learning rate (see
        `optbench.catalogue.schedules.make.resolve`).
        label: the name in the page.
    """

    name: str
    factory: str = ""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True)
class MetricSpec:
    """A measure of the user's own, taken from a cell's curve when the tables are made.

    Attributes:
        name: the column of the run table.
        factory: `module:name` of a function called as `name(curve)`.
        direction: whether `lower` or `higher` is better, or `none`: it describes and does not judge.
        label: the name in the page.
    """

    name: str
    factory: str
    direction: str = "none"
    label: str = ""


@dataclass(frozen=True)
class TuningSpec:
    """How a learning rate is searched: the same for every optimizer of a study.

    Attributes:
        seeds: every candidate is tried with each of them; none is an evaluation seed.
        low: the lowest rate of the first grid (> 0).
        high: its highest rate (>= low).
        per_decade: candidates a decade (>= 1), over all the settings that are searched together.
        widen: decades by which the grid may grow on either side while the best candidate lies on its edge.
        race: whether a candidate that can no longer be chosen is tried with no further seed.
        together: seeds of a candidate that are trained as one model at most; 1: each alone.
    """

    seeds: tuple[int, ...]
    low: float
    high: float
    per_decade: int
    widen: int
    race: bool = False
    together: int = 1


@dataclass(frozen=True)
class RaceSpec:
    """How a study adds seeds until its questions are decided.

    Attributes:
        looks: seeds at each look, ascending; the first run everywhere, further ones where it is open.
        equal_within: relative margin within which contenders are equal, so that their workload stops; None
            for the page's threshold.
        budget: cells that the race may cost at most, None for as many as its looks take.
        extended: further looks that were added later, (seeds, chance of a false claim at this look) each.
    """

    looks: tuple[int, ...]
    equal_within: float | None = None
    budget: int | None = None
    extended: tuple[tuple[int, float], ...] = ()

    @property
    def every_look(self) -> tuple[int, ...]:
        """Seeds at each look, those that were added later included."""
        return (*self.looks, *(n for n, _ in self.extended))

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> RaceSpec | None:
        """The race that study.json declares, None where each combination has all its seeds."""
        given = facts.get("race")
        if given is None:
            return None
        extended = tuple((int(n), float(error)) for n, error in given["extended"])
        return cls(tuple(given["looks"]), given["equal_within"], given["budget"], extended)


@dataclass(frozen=True)
class ExecutionSpec:
    """How a study's cells are to be trained: it decides the last bits of their numbers.

    Attributes:
        seeds: `alone`, or `batched`: the seeds of a configuration as one model where that is possible.
        at_most: seeds of one batched model at most (>= 2).
        step: `eager`, or `graph`: steps replayed from a CUDA graph where that is possible.
    """

    seeds: str = "alone"
    at_most: int = 32
    step: str = "eager"

    @property
    def together(self) -> int:
        """Seeds that are trained as one model at most; 1: each alone."""
        return self.at_most if self.seeds == "batched" else 1


Spec: TypeAlias = WorkloadSpec | OptimizerSpec | ScheduleSpec
S = TypeVar("S", WorkloadSpec, OptimizerSpec, ScheduleSpec)
