"""The study file: what each key takes, one line for each mistake, and the schema for editors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from lab.checkout import ROOT
from lab.study_files import without_place
from optbench.core.errors import UserError
from optbench.study.file import StudyFile, json_schema, read_study_file

BASE = "study: s\nworkloads: [ravine]\noptimizers: [sgd]\n"
STUDY_KEYS = ", ".join(sorted(StudyFile.model_fields))
SCHEMA = ROOT / "workflow" / "schemas" / "study.schema.json"


def read(folder: Path, text: str) -> StudyFile:
    file = folder / "study.yaml"
    file.write_text(dedent(text), encoding="utf-8")
    return read_study_file(file)[0]


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(UserError) as raised:
        read(folder, text)
    message = str(raised.value)
    assert message.splitlines() == [message]
    assert message.isprintable()
    return without_place(message)


SEEDS = "seeds: must be a number of seeds, 1 to 10000, or a list of seeds"
NAMES = "must be a list of names or a mapping of them, with at least one"
MAPPING = "a study file is a mapping that begins with 'study: NAME'"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        # keys
        ("sedes: 3", f"unknown key 'sedes'; did you mean 'seeds'? (allowed: {STUDY_KEYS})"),
        ("qqq: 3", f"unknown key 'qqq' (allowed: {STUDY_KEYS})"),
        (
            "matrix: [{optimzers: [sgd]}]",
            "unknown key 'matrix[0].optimzers'; did you mean 'optimizers'? "
            "(allowed: lr, optimizers, schedules, seeds, workloads)",
        ),
        (
            "datasets: {mnist: {rot: here}}",
            "unknown key 'datasets.mnist.rot'; did you mean 'root'? (allowed: download, root)",
        ),
        ("study: t", "the key 'study' stands twice, first on line 1, column 1"),
        (
            "datasets:\n  mnist: {}\n  mnist: {}",
            "datasets: the key 'mnist' stands twice, first on line 5, column 3",
        ),
        # seeds
        ("seeds: 0", f"{SEEDS}; got 0"),
        ("seeds: -2", f"{SEEDS}; got -2"),
        ("seeds: []", f"{SEEDS}; got []"),
        ("seeds: many", f"{SEEDS}; got 'many'"),
        ("seeds: true", f"{SEEDS}; got True"),
        ("seeds: 123456789", f"{SEEDS}; got 123456789"),
        ("seeds: [1, 2, 1]", "seeds: seed 1 stands twice; every seed must be there once"),
        ("seeds: [0, -1]", "seeds[1]: must be greater than or equal to 0; got -1"),
        ("seeds: [0, 1.5]", "seeds[1]: must be a whole number; got 1.5"),
        ("seeds: [0, true]", "seeds[1]: must be a whole number; got True"),
        ("seeds: [2147483648]", "seeds[0]: must be less than 2147483648; got 2147483648"),
        ("matrix: [{seeds: [3, 3]}]", "matrix[0].seeds: seed 3 stands twice; every seed must be there once"),
        # types and ranges
        ("device: gpu", "device: must be 'auto', 'cpu' or 'cuda'; got 'gpu'"),
        ("threads: 0", "threads: must be greater than or equal to 1; got 0"),
        ("threads: 1.5", "threads: must be a whole number; got 1.5"),
        ("threads: '2'", "threads: must be a whole number; got '2'"),
        ("threads: true", "threads: must be a whole number; got True"),
        ("timeout_s: 0", "timeout_s: must be greater than 0; got 0"),
        ("threads: 5000", "threads: must be less than or equal to 4096; got 5000"),
        ("timeout_s: 1.0e+9", "timeout_s: must be less than or equal to 100000000; got 1000000000.0"),
        ("timeout_s: .inf", "timeout_s: must be a finite number; got inf"),
        ("timeout_s: an hour", "timeout_s: must be a number; got 'an hour'"),
        ("cells_per_job: 501", "cells_per_job: must be less than or equal to 500; got 501"),
        ("title: [a]", "title: must be text; got ['a']"),
        ("title: no", "title: must be text; got False (no is false to YAML: put it into quotes)"),
        ("title: ~", "title: must be text; got None (~ is null to YAML: put it into quotes)"),
        ("question:", "question: must be text; got None"),
        (
            "report: {reference: on}",
            "report.reference: must be text; got True (on is true to YAML: put it into quotes)",
        ),
        (
            "schedules: [constant, off]",
            f"schedules: {NAMES}; got a list with False (off is false to YAML: put it into quotes)",
        ),
        (
            "matrix: [{schedules: [no]}]",
            "matrix[0].schedules[0]: must be text; got False (no is false to YAML: put it into quotes)",
        ),
        (
            'schedules: {constant: {label: "a\\nb"}}',
            "schedules.constant.label: must be one line; got 'a\\nb'",
        ),
        ("data_folder: |\n  data", "data_folder: must be one line; got 'data\\n'"),
        (f"study_: {'x' * 10000}", f"unknown key 'study_'; did you mean 'study'? (allowed: {STUDY_KEYS})"),
        ("data_folder: 3", "data_folder: must be text; got 3 (3 is a number to YAML: put it into quotes)"),
        (
            "report: {reference: 1e5}",
            "report.reference: must be text; got 100000.0 (1e5 is a number to YAML: put it into quotes)",
        ),
        (
            "schedules: [constant, 2]",
            f"schedules: {NAMES}; got a list with 2 (2 is a number to YAML: put it into quotes)",
        ),
        ("datasets: [mnist]", "datasets: must be a mapping of keys to values; got ['mnist']"),
        ("datasets: {mnist: here}", "datasets.mnist: must be a mapping of keys to values; got 'here'"),
        ("datasets: {mnist: {download: 3}}", "datasets.mnist.download: must be true or false; got 3"),
        ("probes: 3", "probes: must be true, false or {every: ...}; got 3"),
        ("probes: {evry: 3}", "unknown key 'probes.evry'; did you mean 'every'? (allowed: every)"),
        ("probes: {every: 0}", "probes.every: must be greater than or equal to 1; got 0"),
        ("timing: 3", "timing: must be true, false or {seconds: ...}; got 3"),
        ("timing:", "timing: must be true, false or {seconds: ...}; got None"),
        ("timing: {second: 3}", "unknown key 'timing.second'; did you mean 'seconds'? (allowed: seconds)"),
        ("timing: {seconds: 0}", "timing.seconds: must be greater than 0; got 0"),
        (
            "tuning: 3",
            "tuning: must be off, on or a mapping such as {seeds: 3, low: 1e-4, high: 1}; got 3",
        ),
        ("tuning: {seeds: 0}", f"tuning.{SEEDS}; got 0"),
        ("tuning: {seeds: [1, 1]}", "tuning.seeds: seed 1 stands twice; every seed must be there once"),
        ("tuning: {low: 0}", "tuning.low: must be greater than or equal to 0.000000000001; got 0"),
        (
            "tuning: {high: 1e+13}",
            "tuning.high: must be less than or equal to 1000000000000; got 10000000000000.0",
        ),
        ("tuning: {per_decade: 0}", "tuning.per_decade: must be greater than or equal to 1; got 0"),
        ("tuning: {widen: -1}", "tuning.widen: must be greater than or equal to 0; got -1"),
        (
            "tuning: {per_decad: 3}",
            "unknown key 'tuning.per_decad'; did you mean 'per_decade'? "
            "(allowed: high, low, per_decade, race, rulesets, seeds, widen)",
        ),
        (
            "tuning: {rulesets: [default]}",
            "tuning.rulesets: must be [tuned] or [tuned, default] (for the default alone, leave tuning off); "
            "got ['default']",
        ),
        ("tuning: {rulesets: [tuned, off]}", "tuning.rulesets[1]: must be 'tuned' or 'default'; got False"),
        ("schedules: []", f"schedules: {NAMES}; got []"),
        ("schedules: {}", f"schedules: {NAMES}; got {{}}"),
        ("schedules: cosine", f"schedules: {NAMES}; got 'cosine'"),
        ("schedules: [cosine, cosine]", "schedules: name cosine stands twice; every name must be there once"),
        ("schedules: [{cosine: {}}]", f"schedules: {NAMES}; got a list with {{'cosine': {{}}}}"),
        ("schedules: {cosine: 3}", "schedules.cosine: must be a mapping of keys to values; got 3"),
        (
            "schedules: {cosine: {factory: 3}}",
            "schedules.cosine.factory: must be text; got 3 (3 is a number to YAML: put it into quotes)",
        ),
        ("schedules: {'': {like: cosine}}", "schedules: a name must not be empty; got ''"),
        (
            "schedules: {3: {like: cosine}}",
            "schedules: a key must be text; 3 is a number to YAML: put it into quotes",
        ),
        (
            f"schedules: {{{'x' * 61}: {{}}}}",
            f"schedules: a name must have at most 60 characters; got '{'x' * 61}'",
        ),
        ('schedules: {"a\\ud800": {}}', "schedules: the character \\ud800 is not allowed"),
        # the matrix
        ("matrix: []", "matrix: must hold at least one; got []"),
        ("matrix: {}", "matrix: must be a list; got {}"),
        ("matrix: [ravine]", "matrix[0]: must be a mapping of keys to values; got 'ravine'"),
        ("matrix: [{optimizers: []}]", "matrix[0].optimizers: must hold at least one; got []"),
        (
            "matrix: [{}, {optimizers: [sgd, sgd]}]",
            "matrix[1].optimizers: name sgd stands twice; every name must be there once",
        ),
        ("matrix: [{lr: 0}]", "matrix[0].lr: must be greater than 0; got 0"),
        ("matrix: [{lr: fast}]", "matrix[0].lr: must be a number; got 'fast'"),
        ("matrix: [{lr: {sgd: -1}}]", "matrix[0].lr.sgd: must be greater than 0; got -1"),
        ("matrix: [{lr: {sgd: .nan}}]", "matrix[0].lr.sgd: must be a finite number; got nan"),
    ],
)
def test_a_mistake_below_a_sound_study_is_one_line(tmp_path: Path, line: str, message: str) -> None:
    assert mistake(tmp_path, BASE + line + "\n") == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"{MAPPING}; got an empty file"),
        ("[1, 2]", f"{MAPPING}; got [1, 2]"),
        ("ravine", f"{MAPPING}; got 'ravine'"),
        ("study: [", "not YAML: expected the node content, but found '<stream end>'"),
        ("study: a\n---\nstudy: b\n", "another document begins here; a study file is one"),
        ("? [a, b]\n: 1\n", "a key must be text; got a list"),
        (
            "study: !!python/name:os.system\n",
            "study: the tag !!python/name:os.system is none of a study file's "
            "(allowed: !!bool, !!float, !!int, !!null, !!map, !!seq, !!str)",
        ),
        ("workloads: [ravine]\noptimizers: [sgd]\n", "the key 'study' is missing"),
        ("study: s\noptimizers: [sgd]\n", "the key 'workloads' is missing"),
        (
            "study: s\nworklaods: [ravine]\noptimizers: [sgd]\n",
            f"unknown key 'worklaods'; did you mean 'workloads'? (allowed: {STUDY_KEYS})",
        ),
        (
            BASE.replace("study: s", "study: ../up"),
            "study: must begin with a letter or digit and hold only these and '.', '_', '-'; got '../up'",
        ),
        (
            BASE.replace("study: s", "study: .hidden"),
            "study: must begin with a letter or digit and hold only these and '.', '_', '-'; got '.hidden'",
        ),
        (
            BASE.replace("study: s", "study: 2024"),
            "study: must be text; got 2024 (2024 is a number to YAML: put it into quotes)",
        ),
        (BASE.replace("[sgd]", "{sgd: {lr: -0.1}}"), "optimizers.sgd.lr: must be greater than 0; got -0.1"),
        (BASE.replace("[sgd]", "{sgd: {lr: 0}}"), "optimizers.sgd.lr: must be greater than 0; got 0"),
        (BASE.replace("[sgd]", "{sgd: {lr: true}}"), "optimizers.sgd.lr: must be a number; got True"),
        (BASE.replace("[sgd]", "{sgd: {lr: '0.1'}}"), "optimizers.sgd.lr: must be a number; got '0.1'"),
        (BASE.replace("[sgd]", "{sgd: {lr: .inf}}"), "optimizers.sgd.lr: must be a finite number; got inf"),
        (
            BASE.replace("[ravine]", "{ravine: {batch_size: half}}"),
            "workloads.ravine.batch_size: must be a whole number >= 1 or 'full'; got 'half'",
        ),
        (
            BASE.replace("[ravine]", "{ravine: {batch_size: 0}}"),
            "workloads.ravine.batch_size: must be a whole number >= 1 or 'full'; got 0",
        ),
        (
            BASE.replace("[ravine]", "{ravine: {steps: 0}}"),
            "workloads.ravine.steps: must be greater than or equal to 1; got 0",
        ),
        (
            BASE.replace("[ravine]", "{ravine: {target: low}}"),
            "workloads.ravine.target: must be a number; got 'low'",
        ),
        (
            BASE.replace("[ravine]", '{"a\\xa0b": {steps: 0}}'),
            "workloads.'a\\xa0b'.steps: must be greater than or equal to 1; got 0",
        ),
    ],
)
def test_a_mistaken_study_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    assert mistake(tmp_path, text) == message


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    message = mistake(tmp_path, BASE + f"title: [{'x' * 5000}]\n")
    assert message.startswith("title: must be text; got ['xxx")
    assert len(message) < 200


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^the study file cannot be read: .*No such file"):
        read_study_file(tmp_path / "none.yaml")
    with pytest.raises(UserError, match=r"^the study file cannot be read: .*directory"):
        read_study_file(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("study: ü\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"^line 1, column 8: the byte 0xfc is not UTF-8"):
        read_study_file(tmp_path / "latin.yaml")
    (tmp_path / "null.yaml").write_bytes(b"study: \0\n")
    with pytest.raises(UserError, match=r"^line 1, column 8: the character \\x00 is not allowed \("):
        read_study_file(tmp_path / "null.yaml")


def test_a_list_of_names_is_a_mapping_to_nothing(tmp_path: Path) -> None:
    given = read(tmp_path, BASE)
    assert given == read(tmp_path, "study: s\nworkloads: {ravine: }\noptimizers: {sgd: }\n")
    assert given.schedules == {"constant": None}
    assert given.seeds == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("written", "value"),
    [("1e-3", 1e-3), ("1E+2", 100.0), ("5.e-1", 0.5), (".5e0", 0.5), ("1.0e-3", 1e-3), ("2", 2.0)],
)
def test_numbers_are_read_as_yaml_1_2_writes_them(tmp_path: Path, written: str, value: float) -> None:
    given = read(tmp_path, BASE.replace("[sgd]", f"{{sgd: {{lr: {written}, eps: {written}}}}}"))
    entry = given.optimizers["sgd"]
    assert entry is not None
    assert entry.lr == value
    assert entry.settings == {"eps": value}
    assert isinstance(entry.settings["eps"], int | float)


def test_seeds(tmp_path: Path) -> None:
    assert read(tmp_path, BASE + "seeds: 3\n").seeds == [0, 1, 2]
    assert read(tmp_path, BASE + "seeds: [7, 3]\n").seeds == [7, 3]
    blocks = read(tmp_path, BASE + "matrix: [{seeds: 2}, {seeds: [9]}, {}]\n").matrix
    assert blocks is not None
    assert [block.seeds for block in blocks] == [[0, 1], [9], None]


def test_one_rate_of_a_block_is_for_all(tmp_path: Path) -> None:
    blocks = read(tmp_path, BASE + "matrix: [{lr: 0.5}, {lr: {sgd: 0.25}}, {lr: }]\n").matrix
    assert blocks is not None
    assert [block.lr for block in blocks] == [{"*": 0.5}, {"sgd": 0.25}, None]


def test_probes(tmp_path: Path) -> None:
    every = []
    for line in ("", "probes: true\n", "probes: {}\n", "probes: {every: 1}\n", "probes: off\n"):
        probes = read(tmp_path, BASE + line).probes
        every.append(probes.every if probes else 0)
    assert every == [15, 15, 15, 1, 0]


def test_timing(tmp_path: Path) -> None:
    seconds = []
    for line in ("", "timing: true\n", "timing: {}\n", "timing: {seconds: 9}\n", "timing: off\n"):
        timing = read(tmp_path, BASE + line).timing
        seconds.append(timing.seconds if timing else None)
    assert seconds == [2.5, 2.5, 2.5, 9, None]


def test_tuning(tmp_path: Path) -> None:
    given = [read(tmp_path, BASE + line).tuning for line in ("", "tuning: off\n", "tuning: no\n")]
    assert given == [None, None, None]
    usual, few, own = (
        read(tmp_path, BASE + line).tuning
        for line in ("tuning: on\n", "tuning: {seeds: 2}\n", "tuning: {seeds: [5], high: 10}\n")
    )
    assert usual is not None
    assert few is not None
    assert own is not None
    assert (usual.seeds, usual.low, usual.high) == ([1000, 1001, 1002], 1e-4, 1.0)
    assert (usual.per_decade, usual.widen, usual.rulesets) == (3, 2, ["tuned"])
    assert (few.seeds, own.seeds, own.high) == ([1000, 1001], [5], 10)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("3", "optimizers.sgd.search: must be a mapping from settings to lists of values; got 3"),
        ("{}", "optimizers.sgd.search: must be a mapping from settings to lists of values; got {}"),
        (
            "{momentum: []}",
            "optimizers.sgd.search: momentum must hold at least one value; got {'momentum': []}",
        ),
        (
            "{momentum: [0, 0]}",
            "optimizers.sgd.search: value 0 stands twice; every value must be there once",
        ),
    ],
)
def test_a_mistake_in_what_is_searched(tmp_path: Path, written: str, message: str) -> None:
    assert mistake(tmp_path, BASE.replace("[sgd]", f"{{sgd: {{search: {written}}}}}")) == message


def test_aliases_and_merge_keys_are_yaml(tmp_path: Path) -> None:
    given = read(
        tmp_path,
        """
        study: s
        workloads: [ravine]
        optimizers:
          adam: &a {lr: 0.1, eps: 1e-6}
          adamw: {<<: *a, lr: 0.2}
        """,
    )
    entry = given.optimizers["adamw"]
    assert entry is not None
    assert (entry.lr, entry.settings) == (0.2, {"eps": 1e-6})


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    kinds = {"StudyFile": schema, **schema["$defs"]}
    return {
        f"{kind}.{key}": value
        for kind, part in kinds.items()
        for key, value in part.get("properties", {}).items()
    }


def test_every_key_has_a_description() -> None:
    found = properties(json.loads(json_schema()))
    assert len(found) > 30
    assert [key for key, value in found.items() if not value.get("description")] == []


def test_every_key_stands_in_the_documentation(project: Path) -> None:
    text = (project / "docs" / "reference" / "study-file.md").read_text(encoding="utf-8")
    keys = {key.partition(".")[2] for key in properties(json.loads(json_schema()))}
    assert sorted(key for key in keys if f"`{key}`" not in text) == []


def test_the_schema_is_current() -> None:
    printed = subprocess.run(
        [sys.executable, "-W", "error", "-m", "optbench.study.file"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout == json_schema()
    assert SCHEMA.read_text(encoding="utf-8") == json_schema(), (
        "python -m optbench.study.file > workflow/schemas/study.schema.json"
    )


def test_the_schema_agrees_with_what_is_read(project: Path, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(json.loads(json_schema()))
    check.check_schema(check.schema)
    shipped = sorted((project / "config").glob("*.yaml"))
    assert shipped
    for file in shipped:
        check.validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    wide = BASE + "seeds: [4]\nmatrix: [{lr: {sgd: 0.5}, seeds: 2}, {lr: 0.1}]\nschedules: {constant: }\n"
    check.validate(yaml.safe_load(wide))
    read(tmp_path, wide)
    for line in ("seeds: 0", "sedes: 1", "device: gpu", "matrix: []", "threads: 1.5", "schedules: []"):
        assert not check.is_valid(yaml.safe_load(f"{BASE}{line}\n")), line
