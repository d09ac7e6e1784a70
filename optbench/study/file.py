"""The study file: its keys with their types, ranges and meaning, and reading it with one-line errors.

`optbench.study.resolve` turns what comes out of here into specs. The JSON schema for editors is generated
from these
classes: `python -m optbench.study.file > workflow/schemas/study.schema.json`.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)

from optbench.core.errors import UserError, nearest
from optbench.core.specs import PROBE_EVERY, ExecutionSpec
from optbench.core.text import cut, shown, unshowable
from optbench.study.document import read_text, read_yaml
from optbench.study.labels import is_blank
from optbench.study.places import NOTHING, Node, key_path
from optbench.study.scalars import kind_of
from optbench.study.timing import MOST_SECONDS, SECONDS

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_SEEDS = 10_000
"""A number of seeds above this is taken for one seed that was meant."""

FIRST_TUNING_SEED = 1000
"""A number n of tuning seeds means this one and the n - 1 after it."""

LONGEST_NAME = 60

MOST = 10**12
"""Above every number of steps, epochs or bytes, and far below what no longer is a whole number elsewhere."""

MOST_THREADS = 4096

LOOKS = (8, 10, 12, 15, 19, 24, 30)
"""Seeds at the looks of a race, where a study says nothing else."""

FEWEST_SEEDS = 6
"""With fewer pairs no test of the page is made."""

PERCENT = r"^(\d+(?:\.\d*)?|\.\d+) ?%$"
"""A share in percent."""

LR_LIMITS = (1e-12, 1e12)
"""Of a grid of learning rates, which may grow by ten decades on either side."""

NAMES = "must be a list of names or a mapping of them, with at least one"


def _is_count(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= MOST


def _list_of_seeds(given: object) -> object:
    """A number n means the seeds 0..n-1; a list must hold every seed once."""
    if isinstance(given, int) and _is_count(given) and given <= MOST_SEEDS:
        return list(range(given))
    if not isinstance(given, list) or not given:
        raise ValueError(
            f"must be a number of seeds, 1 to {MOST_SEEDS}, or a list of seeds; got {shown(given)}"
        )
    _each_once("seed", given)
    return given


def _looks(given: object) -> object:
    """Numbers of seeds that grow from look to look."""
    if not isinstance(given, list) or not given or not all(_is_count(n) for n in given):
        raise ValueError(f"must be a list of numbers of seeds, such as {list(LOOKS)}; got {shown(given)}")
    if given[0] < FEWEST_SEEDS or any(b <= a for a, b in pairwise(given)) or given[-1] > MOST_SEEDS:
        raise ValueError(
            f"must grow, from {FEWEST_SEEDS} seeds or more to at most {MOST_SEEDS}; got {shown(given)}"
        )
    return given


def _share(given: object) -> object:
    """A share may be given in percent: `1%` for 0.01."""
    if isinstance(given, str) and (found := re.fullmatch(PERCENT, given)):
        return float(found[1]) / 100
    return given


def _list_of_extensions(given: object) -> object:
    """One extension may stand for a list of one."""
    return [given] if isinstance(given, dict) else given


def _kind_of_seeds(given: object) -> str:
    return "race" if isinstance(given, dict | RaceEntry) else "seeds"


def _list_of_tuning_seeds(given: object) -> object:
    """A number n means n seeds from `FIRST_TUNING_SEED` on, where evaluation seeds rarely reach."""
    if isinstance(given, int) and _is_count(given) and given <= MOST_SEEDS:
        return list(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + given))
    return _list_of_seeds(given)


def _each_once(what: str, given: list[Any]) -> None:
    twice = [item for item, count in Counter(map(str, given)).items() if count > 1]
    if twice:
        item = cut(twice[0])
        raise ValueError(f"{what} {item} stands twice; every {what} must be there once")


def _list_of_names(given: list[str]) -> list[str]:
    _each_once("name", given)
    return given


def _mapping_of_entries(given: object) -> object:
    """A list of names means the built-ins of those names, unchanged."""
    if not isinstance(given, list | dict) or not given:
        raise ValueError(f"{NAMES}; got {shown(given)}")
    if isinstance(given, list):
        odd = [name for name in given if not isinstance(name, str)]
        if odd:
            raise ValueError(f"{NAMES}; got a list with {shown(odd[0])}")
        return dict.fromkeys(_list_of_names(given))
    return given


def _rate_or_rates(given: object) -> object:
    """One learning rate means that rate for every optimizer of the block."""
    return given if isinstance(given, dict | None) else {"*": given}


def _timing(given: object) -> object:
    """True means with the usual budget, false not at all."""
    if isinstance(given, bool):
        return {} if given else None
    if isinstance(given, dict):
        return given
    raise ValueError(f"must be true, false or {{seconds: ...}}; got {shown(given)}")


def _probes(given: object) -> object:
    """True means at the usual interval, false not at all."""
    if isinstance(given, bool):
        return {} if given else None
    if isinstance(given, dict):
        return given
    raise ValueError(f"must be true, false or {{every: ...}}; got {shown(given)}")


def _single_line(given: str) -> str:
    if unshowable(given):
        raise ValueError(f"must be one line; got {shown(given)}")
    return given


def _seen(given: str) -> str:
    """A text that is left out is as none; one of blanks is a slip of the pen."""
    if given and is_blank(given):
        raise ValueError(f"must not be blank; got {shown(given)}")
    return given


def _metric(given: object) -> object:
    """A name alone is the function's."""
    return {"factory": given} if isinstance(given, str) else given


def _column(given: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", given):
        raise ValueError(f"must be of the letters a to z, digits and '_', a letter first; got {shown(given)}")
    return given


def _tuning(given: object) -> object:
    """True means with the usual grid, false (YAML's `off`) not at all."""
    if isinstance(given, bool):
        return {} if given else None
    if isinstance(given, dict):
        return given
    raise ValueError(
        f"must be off, on or a mapping such as {{seeds: 3, low: 1e-4, high: 1}}; got {shown(given)}"
    )


def _rulesets(given: object) -> object:
    if not isinstance(given, list) or "tuned" not in given:
        raise ValueError(
            "must be [tuned] or [tuned, default] (for the default alone, leave tuning off); "
            f"got {shown(given)}"
        )
    _each_once("ruleset", given)
    return given


def _lists_of_values(given: object) -> object:
    """One value may stand for a list of one."""
    if not isinstance(given, dict) or not given:
        raise ValueError(f"must be a mapping from settings to lists of values; got {shown(given)}")
    lists = {name: values if isinstance(values, list) else [values] for name, values in given.items()}
    for name, values in lists.items():
        if not values:
            raise ValueError(f"{name} must hold at least one value")
        _each_once("value", values)
    return lists


def _batch_size(given: object) -> object:
    if given is None or given == "full" or _is_count(given):
        return given
    raise ValueError(f"must be a whole number >= 1 or 'full'; got {shown(given)}")


Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
Count = Annotated[int, Field(ge=1, le=MOST, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=MOST_SECONDS, allow_inf_nan=False, strict=True)]
GridEnd = Annotated[float, Field(ge=LR_LIMITS[0], le=LR_LIMITS[1], allow_inf_nan=False, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Percent = Annotated[str, Field(pattern=PERCENT)]
UpToAll = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
BelowAll = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False, strict=True)]
Chance = Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False, strict=True)]
Share = Annotated[UpToAll, BeforeValidator(_share, json_schema_input_type=UpToAll | Percent)]
Threshold = Annotated[BelowAll, BeforeValidator(_share, json_schema_input_type=BelowAll | Percent)]
Error = Annotated[Chance, BeforeValidator(_share, json_schema_input_type=Chance | Percent)]
Line = Annotated[str, AfterValidator(_single_line)]
Label = Annotated[Line, AfterValidator(_seen)]
Text = Annotated[str, AfterValidator(_seen)]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Column = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_column)]
Names = Annotated[list[Name], Field(min_length=1), AfterValidator(_list_of_names)]
Seeds = Annotated[
    list[Seed],
    BeforeValidator(
        _list_of_seeds, json_schema_input_type=Annotated[Count, Field(le=MOST_SEEDS)] | list[Seed]
    ),
]
TuningSeeds = Annotated[
    list[Seed],
    BeforeValidator(
        _list_of_tuning_seeds, json_schema_input_type=Annotated[Count, Field(le=MOST_SEEDS)] | list[Seed]
    ),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(BaseModel):
    """Keys that are not named here go to the factory as keyword arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    factory: str | None = Field(
        None, description="module:name of your own, importable from the study file's folder"
    )
    like: str | None = Field(None, description="the built-in whose factory and settings are the start")
    label: Label | None = Field(None, description="the name shown in the page")

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of the factory."""
        return dict(self.model_extra or {})


OVERRIDES = ("batch_size", "drop_last", "steps", "epochs", "eval_every", "target")
"""Keys of a workload that are fields of the Workload; its factory gets those that it has an argument for."""

TO_FACTORY = frozenset({"lr", *OVERRIDES})
"""Keys of an entry that a factory gets as arguments of the same names."""


class WorkloadEntry(Entry):
    """A workload: a built-in with changes, or a factory that returns a Workload.

    Keys that are not named here go to the factory as keyword arguments.
    """

    dataset: str | None = Field(
        None, description="built-in data set, handed to the factory as its first argument"
    )
    batch_size: Annotated[
        int | str | None,
        BeforeValidator(_batch_size, json_schema_input_type=Count | Literal["full"] | None),
    ] = Field(None, description="examples a step, or full")
    drop_last: Annotated[bool, Field(strict=True)] | None = Field(
        None, description="leave out an epoch's last batch where it is shorter than the others"
    )
    steps: Count | None = Field(None, description="budget in optimizer steps; not together with epochs")
    epochs: Count | None = Field(
        None, description="budget in passes over the training data; not together with steps"
    )
    eval_every: Count | None = Field(None, description="steps between evaluations")
    target: Annotated[float, Field(allow_inf_nan=False, strict=True)] | None = Field(
        None, description="validation loss that counts as reached"
    )
    device: Literal["cpu", "cuda"] | None = Field(None, description="where it is trained, if not the study's")
    timeout_s: Seconds | None = Field(None, description="seconds that a cell may take, if not the study's")
    memory_mb: Count = Field(2000, description="memory that a job of a cluster asks for")

    @property
    def overrides(self) -> dict[str, Any]:
        """The fields of the Workload that this entry sets."""
        return {name: getattr(self, name) for name in OVERRIDES if getattr(self, name) is not None}


class OptimizerEntry(Entry):
    """An optimizer: a built-in with changes, or any torch.optim.Optimizer by its dotted name.

    Keys that are not named here go to the factory as keyword arguments.
    """

    lr: Positive | None = Field(
        None, description="learning rate, where no block of the matrix gives another; an own factory needs it"
    )
    search: Annotated[
        dict[str, list[Any]] | None,
        BeforeValidator(_lists_of_values, json_schema_input_type=dict[str, list[Any]]),
    ] = Field(
        None,
        description="settings that tuning searches beside the learning rate, each with the values to try",
    )
    closure: Annotated[bool, Field(strict=True)] = Field(
        False, description="its step needs a closure that evaluates loss and gradients anew (SAM)"
    )
    create_graph: Annotated[bool, Field(strict=True)] = Field(
        False, description="its step differentiates the gradients, which must keep their graph (AdaHessian)"
    )


class ScheduleEntry(Entry):
    """A schedule: a built-in with changes, or any torch.optim.lr_scheduler by its dotted name.

    Keys that are not named here go to the factory as keyword arguments. They may be "30%" (of the budget, in
    steps), "30 epochs" (in steps) or "lr" (the cell's own).
    """


class DatasetEntry(_Strict):
    """Where a data set's raw files are."""

    root: Line | None = Field(
        None, description="folder that holds the publisher's files, relative to the study file's"
    )
    download: Annotated[bool, Field(strict=True)] = Field(
        True, description="fetch the files from the publisher where there is no root"
    )


class TimingEntry(_Strict):
    """How long the timing stage may take."""

    seconds: Seconds = Field(SECONDS, description="seconds of one workload")


class ProbesEntry(_Strict):
    """How often the probes look at the probe batch."""

    every: Count = Field(PROBE_EVERY, description="steps to each look at the probe batch, on average")


class ExecutionEntry(_Strict):
    """How cells are trained: it changes the speed, and of their numbers the last digits."""

    seeds: Literal["alone", "batched"] = Field(
        "alone",
        description="batched: the seeds of a configuration as one model, where optimizer and workload allow",
    )
    at_most: Annotated[int, Field(ge=2, le=MOST_SEEDS, strict=True)] = Field(
        ExecutionSpec.at_most, description="seeds of one batched model at most"
    )
    step: Literal["eager", "graph"] = Field(
        "eager", description="graph: steps replayed from a CUDA graph, where device and optimizer allow"
    )


class MetricEntry(_Strict):
    """A measure of your own, from a cell's curve."""

    factory: str = Field(description="module:name of a function that takes a curve and returns a number")
    direction: Literal["lower", "higher", "none"] = Field(
        "none", description="which is better; none: it describes and does not judge"
    )
    label: Label | None = Field(None, description="the name shown in the page")


class TuningEntry(_Strict):
    """How learning rates are searched, alike for every (workload, optimizer, schedule)."""

    seeds: TuningSeeds = Field(
        default_factory=lambda: list(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + 3)),
        description=f"tuning seeds: a number n for {FIRST_TUNING_SEED}..{FIRST_TUNING_SEED}+n-1, or a list; "
        "none may be an evaluation seed; left out: 3",
    )
    low: GridEnd = Field(1e-4, description="lowest learning rate of the first grid")
    high: GridEnd = Field(1.0, description="highest learning rate of the first grid")
    per_decade: Annotated[int, Field(ge=1, le=1000, strict=True)] = Field(
        3, description="candidates a decade, over all the settings that are searched together"
    )
    widen: Annotated[int, Field(ge=0, le=10, strict=True)] = Field(
        2, description="decades by which the grid may grow on either side while the best lies on its edge"
    )
    race: Annotated[bool, Field(strict=True)] = Field(
        False,
        description="whether a rate that can no longer be chosen leaves the search before its last seed; the "
        "choices are the same",
    )
    rulesets: Annotated[
        list[Literal["tuned", "default"]],
        BeforeValidator(_rulesets, json_schema_input_type=list[Literal["tuned", "default"]]),
    ] = Field(
        ["tuned"],
        description="tuned alone, or also every optimizer at its own learning rate, as NAME.default",
    )


class ReportEntry(_Strict):
    """What is declared before the tests, and how figures are written."""

    threshold: Threshold = Field(
        0.01, description="the least relative difference that the page calls better or worse"
    )
    reference: Name | None = Field(
        None, description="optimizer to which all ratios are taken; left out: sgd, or the first"
    )
    error: Error = Field(
        0.05, description="chance of any false claim among all that the page does not call exploratory"
    )
    equal_within: Share = Field(0.1, description="the largest relative margin that the page calls equal")
    rates: Line = Field(
        "",
        description="where the learning rates that the study gives come from, in a line, such as "
        "`searched on other seeds, 3 a decade`; left out: the page says that they are untuned",
    )
    language: Literal["en", "zh"] = Field(
        "en", description="of the page's fixed words, findings and lesson; tables and figures are in English"
    )
    seed: Seed = Field(0, description="of the resampling in the statistics")
    pdf: Annotated[bool, Field(strict=True)] = Field(
        False, description="write every figure as PDF too, beside the SVG that the page holds"
    )


class RaceEntry(_Strict):
    """Seeds that are added only where it is not decided which combination is better."""

    until: Literal["decided"] = Field(description="decided: the looks that follow are a race")
    looks: Annotated[list[Count], BeforeValidator(_looks, json_schema_input_type=list[Count])] = Field(
        list(LOOKS), description="seeds at each look; the first are run everywhere"
    )
    budget: Count | None = Field(
        None, description="cells that the race may cost; left out: what its looks take at most"
    )
    equal_within: Share | None = Field(
        None,
        description="contenders closer than this are equal, and need no more; left out: report.threshold",
    )


class ExtensionEntry(_Strict):
    """A further look at a study or race that was finished."""

    seeds: Annotated[Count, Field(le=MOST_SEEDS)] = Field(description="seeds in all, at this look")
    error: Error = Field(0.01, description="chance of a false claim at this look, on top of report.error")


class MatrixBlock(_Strict):
    """One block of the matrix: every combination of the lists it names; a list left out means all."""

    workloads: Names | None = Field(None, description="workloads of this block; left out: all")
    optimizers: Names | None = Field(None, description="optimizers of this block; left out: all")
    schedules: Names | None = Field(None, description="schedules of this block; left out: all")
    seeds: Seeds | None = Field(None, description="seeds of this block; left out: the study's")
    lr: Annotated[
        dict[str, Positive] | None,
        BeforeValidator(_rate_or_rates, json_schema_input_type=Positive | dict[str, Positive] | None),
    ] = Field(None, description="learning rate of this block: one for all, or a mapping from optimizers")


def _constant_alone() -> dict[str, ScheduleEntry | None]:
    return {"constant": None}


class StudyFile(_Strict):
    """A study: which cells to train, and on what."""

    study: str = Field(
        description="name of the study: results/<study>, reports/<study>",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=LONGEST_NAME,
    )
    title: Text = Field("", description="title of the page; left out: the study's name")
    question: Text = Field("", description="the question that the page answers, shown at its top")
    seeds: Annotated[
        Annotated[Seeds, Tag("seeds")] | Annotated[RaceEntry, Tag("race")], Discriminator(_kind_of_seeds)
    ] = Field(
        default_factory=lambda: list(range(6)),
        description="evaluation seeds: a number n for 0..n-1, a list, or {until: decided}; left out: 6",
    )
    extend: Annotated[
        list[ExtensionEntry],
        BeforeValidator(_list_of_extensions, json_schema_input_type=ExtensionEntry | list[ExtensionEntry]),
    ] = Field(default_factory=list, description="further looks that were declared after the seeds were run")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU where there is one")
    threads: Annotated[Count, Field(le=MOST_THREADS)] = Field(
        1, description="threads of one cell; they decide the order of sums, hence the bits"
    )
    timeout_s: Seconds = Field(3600.0, description="wall-clock limit of one cell in seconds")
    cells_per_job: Annotated[int, Field(ge=1, le=500, strict=True)] | None = Field(
        None, description="cells that one Snakemake job trains in one warm process; left out: by the cores"
    )
    data_folder: Line = Field(
        "data", description="where prepared data sets lie, relative to the folder that optbench runs in"
    )
    datasets: dict[str, DatasetEntry] = Field(default_factory=dict, description="raw files of your own")
    workloads: Annotated[
        dict[Name, WorkloadEntry | None],
        BeforeValidator(_mapping_of_entries, json_schema_input_type=Names | dict[Name, WorkloadEntry | None]),
    ] = Field(description="names of built-ins, or a mapping that changes or adds workloads")
    optimizers: Annotated[
        dict[Name, OptimizerEntry | None],
        BeforeValidator(
            _mapping_of_entries, json_schema_input_type=Names | dict[Name, OptimizerEntry | None]
        ),
    ] = Field(description="names of built-ins, or a mapping that changes or adds optimizers")
    schedules: Annotated[
        dict[Name, ScheduleEntry | None],
        BeforeValidator(_mapping_of_entries, json_schema_input_type=Names | dict[Name, ScheduleEntry | None]),
    ] = Field(
        default_factory=_constant_alone,
        description="names of built-ins, or a mapping that changes or adds schedules; left out: constant",
    )
    probes: Annotated[
        ProbesEntry | None, BeforeValidator(_probes, json_schema_input_type=bool | ProbesEntry)
    ] = Field(
        default_factory=ProbesEntry,
        description="measure oscillation inside the training loop: true, false or {every: ...}",
    )
    timing: Annotated[
        TimingEntry | None, BeforeValidator(_timing, json_schema_input_type=bool | TimingEntry)
    ] = Field(
        default_factory=TimingEntry,
        description="time steps apart from the cells, on a quiet machine: true, false or {seconds: ...}",
    )
    execution: ExecutionEntry = Field(
        default_factory=ExecutionEntry,
        description="how cells are trained: one at a time, or the seeds of a configuration together",
    )
    metrics: dict[
        Column, Annotated[MetricEntry, BeforeValidator(_metric, json_schema_input_type=str | MetricEntry)]
    ] = Field(default_factory=dict, description="measures of your own: columns of the run table")
    oracle: Annotated[bool, Field(strict=True)] = Field(
        False,
        description="compare with closed forms (docs/reference/oracle.md), and fail where the tables differ",
    )
    tuning: Annotated[
        TuningEntry | None,
        BeforeValidator(_tuning, json_schema_input_type=bool | Literal["off", "on"] | TuningEntry),
    ] = Field(
        None,
        description="search the learning rates that no block of the matrix gives; off: each optimizer's own",
    )
    report: ReportEntry = Field(
        default_factory=ReportEntry, description="the rules of the page's comparisons, declared beforehand"
    )
    matrix: list[MatrixBlock] | None = Field(
        None, min_length=1, description="which combinations to run; left out: every one"
    )


def read_study_file(file: Path) -> tuple[StudyFile, str, Node]:
    """Reads and validates `file`; returns what it says, its text, and where each key stands in it.

    Raises:
        UserError: one line that names the place, the key, the value and what is allowed.
    """
    text = read_text(file)
    document = read_yaml(text)
    if not isinstance(document.value, dict):
        got = shown(document.value) if text.strip() else "an empty file"
        raise UserError(f"a study file is a mapping that begins with 'study: NAME'; got {got}")
    try:
        return StudyFile.model_validate(document.value), text, document
    except ValidationError as error:
        errors = error.errors()
        # A misspelt key is one that is unknown and one that is missing: the former has the place.
        first = errors[0] if errors[0]["type"] != "missing" else min(errors, key=_is_missing)
        raise UserError(_one_line(first, document)) from None


def _is_missing(found: ErrorDetails) -> bool:
    return found["type"] != "extra_forbidden"


WORDS = {
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "too_short": "must hold at least one",
    "string_type": "must be text",
    "string_unicode": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": f"must have at most {LONGEST_NAME} characters",
    "string_pattern_mismatch": "must begin with a letter or digit and hold only these and '.', '_', '-'",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "finite_number": "must be a finite number",
}
"""Plainer words for what pydantic finds, by its name for it."""


TAGS = {("seeds", "seeds"), ("seeds", "race")}
"""What pydantic puts into a path below a key, beside the key itself."""


def _one_line(found: ErrorDetails, document: Node) -> str:
    """What pydantic found, as `line 4, column 1: key: what is wrong; got value`."""
    loc = list(found["loc"])
    if tuple(loc[:2]) in TAGS:
        del loc[1]
    path, of_key = loc, False
    # What pydantic and `_rate_or_rates` put into a path; a file may have keys that are called so too.
    if path[-1] == "*" and not document.has(path):
        path = path[:-1]
    if path[-1] == "[key]" and not document.has(path):
        path, of_key = path[:-2], True
    place, node = document.find(loc)
    at = f"{place}: " if place else ""
    where = key_path(path)
    if found["type"] == "extra_forbidden":
        kinds: dict[str, type[BaseModel]] = {
            "matrix": MatrixBlock,
            "datasets": DatasetEntry,
            "execution": ExecutionEntry,
            "metrics": MetricEntry,
            "probes": ProbesEntry,
            "report": ReportEntry,
            "seeds": RaceEntry,
            "extend": ExtensionEntry,
            "timing": TimingEntry,
            "tuning": TuningEntry,
        }
        kind = kinds.get(str(path[0]), StudyFile) if len(path) > 1 else StudyFile
        allowed = sorted(kind.model_fields)
        close = nearest(str(path[-1]), allowed)
        return f"{at}unknown key {where!r}{close} (allowed: {', '.join(allowed)})"
    if found["type"] == "missing":
        return f"{at}the key {where!r} is missing"
    message = WORDS.get(found["type"], found["msg"])
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    subject = "a name " if of_key else ""
    got = "" if "; " in message else f"; got {shown(found['input'])}"
    return f"{at}{where}: {subject}{message}{got}{_to_quote(found, node)}"


def _to_quote(found: ErrorDetails, node: Node) -> str:
    """What YAML made of a word where text is wanted: `no` is false, `1e5` a number."""
    names = NAMES in found["msg"]
    wanted = [node] if found["type"] == "string_type" else []
    for one in [part for _, part in node.parts.values()] if names else wanted:
        if one.plain not in {"", NOTHING} and not isinstance(one.value, str | list | dict):
            return f" ({one.plain} is {kind_of(one.value)} to YAML: put it into quotes)"
    return ""


def json_schema() -> str:
    """The JSON schema of a study file, as text that ends with a newline."""
    schema = StudyFile.model_json_schema()
    schema |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "optbench study"}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())
