"""The study file: its keys with their types, ranges and meaning, and reading it with one-line errors.

`optbench.config` turns what comes out of here into specs. The JSON schema for editors
(workflow/schemas/study.schema.json) is generated from these classes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable  # noqa: TC003  (pydantic reads the annotations)
from pathlib import Path  # noqa: TC003
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from optbench.errors import UserError, nearest

Seed = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
Count = Annotated[int, Field(ge=1, strict=True)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=60)]


def _list_of_seeds(given: object) -> object:
    """A number n means the seeds 0..n-1; a list must hold every seed once."""
    if isinstance(given, int) and not isinstance(given, bool):
        if given < 1:
            raise ValueError(f"must be a number of seeds >= 1 or a list of seeds; got {given}")
        return list(range(given))
    if not isinstance(given, list) or not given:
        raise ValueError(f"must be a number of seeds >= 1 or a list of seeds; got {given!r}")
    twice = [seed for seed, count in Counter(map(str, given)).items() if count > 1]
    if twice:
        raise ValueError(f"seed {twice[0]} stands twice; every seed must be there once")
    return given


def _mapping_of_entries(given: object) -> object:
    """A list of names means the built-ins of those names, unchanged."""
    if isinstance(given, list):
        twice = [name for name, count in Counter(map(str, given)).items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} stands twice; every name must be there once")
        given = {str(name): None for name in given}
    if not isinstance(given, dict) or not given:
        raise ValueError("must be a list of names or a mapping of them, with at least one")
    return given


def _rate_or_rates(given: object) -> object:
    """One learning rate means that rate for every optimizer of the block."""
    return given if isinstance(given, dict | None) else {"*": given}


def _batch_size(given: object) -> object:
    if given is None or given == "full" or (isinstance(given, int) and not isinstance(given, bool) and given >= 1):
        return given
    raise ValueError(f"must be a whole number >= 1 or 'full'; got {given!r}")


Seeds = Annotated[list[Seed], BeforeValidator(_list_of_seeds, json_schema_input_type=Count | list[Seed])]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(BaseModel):
    """Keys that are not named here go to the factory as keyword arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)

    factory: str | None = Field(None, description="module:name, importable from the study file's folder")
    like: str | None = Field(None, description="the built-in whose factory and settings are the start")
    label: str | None = Field(None, description="the name shown in the page")

    @property
    def settings(self) -> dict[str, Any]:
        """The keyword arguments of the factory."""
        return dict(self.model_extra or {})


class WorkloadEntry(Entry):
    """A workload: a built-in with changes, or a factory that returns a Workload."""

    dataset: str | None = Field(None, description="data set handed to the factory as its first argument")
    batch_size: Annotated[
        int | str | None, BeforeValidator(_batch_size, json_schema_input_type=Count | Literal["full"] | None)
    ] = Field(None, description="examples a step, or full")
    steps: Count | None = Field(None, description="budget in optimizer steps")
    epochs: Count | None = Field(None, description="budget in passes over the training data")
    eval_every: Count | None = Field(None, description="steps between evaluations")
    target: float | None = Field(None, description="validation loss that counts as reached")

    @property
    def overrides(self) -> dict[str, Any]:
        """The fields of the Workload that this entry sets."""
        fields = ("batch_size", "steps", "epochs", "eval_every", "target")
        return {name: getattr(self, name) for name in fields if getattr(self, name) is not None}


class OptimizerEntry(Entry):
    """An optimizer: a built-in with changes, or any torch.optim.Optimizer by its dotted name."""

    lr: Positive | None = Field(None, description="learning rate")


class ScheduleEntry(Entry):
    """A schedule: a built-in with changes, or any torch.optim.lr_scheduler by its dotted name.

    Settings may be "30%" (of the budget, in steps), "30 epochs" (in steps) or "lr" (the cell's own).
    """


class DatasetEntry(_Strict):
    """Where a data set's raw files are."""

    root: str | None = Field(None, description="folder that holds the publisher's files")
    download: bool = Field(True, description="fetch the files from the publisher where there is no root")


class Block(_Strict):
    """One block of the matrix: every combination of the lists it names; a list left out means all."""

    workloads: list[str] | None = Field(None, min_length=1)
    optimizers: list[str] | None = Field(None, min_length=1)
    schedules: list[str] | None = Field(None, min_length=1)
    seeds: Seeds | None = Field(None, description="seeds of this block, if not the study's")
    lr: Annotated[
        dict[str, Positive] | None,
        BeforeValidator(_rate_or_rates, json_schema_input_type=Positive | dict[str, Positive]),
    ] = Field(None, description="learning rate of this block: one for all, or one an optimizer")


class StudyFile(_Strict):
    """A study: which cells to train, and on what."""

    study: str = Field(
        description="name of the study: results/<study>, reports/<study>",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=60,
    )
    title: str = Field("", description="title of the page")
    question: str = Field("", description="the question that the page answers, shown at its top")
    seeds: Seeds = Field(
        default_factory=lambda: list(range(6)),
        description="evaluation seeds: a number n for 0..n-1, or a list",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU where there is one")
    threads: Count = Field(1, description="threads of one cell; they decide the order of sums, hence the bits")
    timeout_s: Positive = Field(3600.0, description="wall-clock limit of one cell in seconds")
    cells_per_job: Annotated[int, Field(ge=1, le=500, strict=True)] | None = Field(
        None, description="cells that one Snakemake job trains in one warm process; left out: by the cores"
    )
    data_folder: str = Field("data", description="where prepared data sets lie")
    datasets: dict[str, DatasetEntry] = Field(default_factory=dict, description="raw files of your own")
    workloads: Annotated[
        dict[Name, WorkloadEntry | None],
        BeforeValidator(
            _mapping_of_entries, json_schema_input_type=list[Name] | dict[Name, WorkloadEntry | None]
        ),
    ] = Field(description="names of built-ins, or a mapping that changes or adds workloads")
    optimizers: Annotated[
        dict[Name, OptimizerEntry | None],
        BeforeValidator(
            _mapping_of_entries, json_schema_input_type=list[Name] | dict[Name, OptimizerEntry | None]
        ),
    ] = Field(description="names of built-ins, or a mapping that changes or adds optimizers")
    schedules: Annotated[
        dict[Name, ScheduleEntry | None],
        BeforeValidator(
            _mapping_of_entries, json_schema_input_type=list[Name] | dict[Name, ScheduleEntry | None]
        ),
    ] = Field(
        default_factory=lambda: {"constant": None},
        description="names of built-ins, or a mapping that changes or adds schedules",
    )
    matrix: list[Block] | None = Field(
        None, min_length=1, description="which combinations to run; left out: every one"
    )


class _Loader(yaml.SafeLoader):
    """YAML with numbers as YAML 1.2 writes them (1e-3 is a number) and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                line = key_node.start_mark.line + 1
                raise UserError(f"line {line}: the key {key_node.value!r} stands twice")
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def read_study_file(file: Path) -> tuple[StudyFile, str]:
    """Reads and validates `file`; returns what it says and its text.

    Raises:
        UserError: one line that names the key, the value and what is allowed.
    """
    try:
        text = file.read_text(encoding="utf-8")
        raw = yaml.load(text, _Loader)  # noqa: S506  (a SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the study file cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{where}not YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(raw, dict):
        raise UserError("a study file is a mapping that begins with 'study: NAME'")
    try:
        return StudyFile.model_validate(raw), text
    except ValidationError as error:
        raise UserError(_one_line(error)) from None


def _one_line(error: ValidationError) -> str:
    """The first thing that pydantic found, as `key: what is wrong`."""
    found = error.errors()[0]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found["loc"])[1:]
    if found["type"] == "extra_forbidden":
        kind = {"matrix": Block, "datasets": DatasetEntry}.get(str(found["loc"][0]), StudyFile)
        allowed = sorted(kind.model_fields)
        return f"unknown key {where!r}{nearest(str(found['loc'][-1]), allowed)} (allowed: {', '.join(allowed)})"
    if found["type"] == "missing":
        return f"the key {where!r} is missing"
    message = found["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    got = "" if "; got " in message or isinstance(found["input"], dict | list) else f"; got {found['input']!r}"
    return f"{where}: {message[0].lower()}{message[1:]}{got}"
