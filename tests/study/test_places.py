"""Where the values of a study file stand, and how messages write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.study_files import with_
from optbench.core.errors import UserError
from optbench.study.document import read_yaml
from optbench.study.places import Place, key_path
from optbench.study.resolve import read_study


def test_places() -> None:
    node = read_yaml("a:\n  b: [1, {c: x}]\nd: &d {e: 1}\nf: *d\ng: {<<: *d}\n")
    places = {
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "b", 0): (2, 7),
        ("a", "b", 1): (2, 10),
        ("a", "b", 1, "c"): (2, 11),
        ("f",): (4, 1),
        ("f", "e"): (3, 8),
        ("g", "e"): (3, 8),
    }
    assert {path: node.find(path)[0] for path in places} == places
    assert node.find(("a", "no", 3))[0] == (1, 1)
    assert node.find(("no",)) == (None, node)
    assert node.find(("a", "b", 0))[1].plain == "1"
    assert node.find(("a", "b", 1, "c"))[1].plain == ""


def test_the_key_that_a_message_begins_with() -> None:
    node = read_yaml("o:\n  sgd: {lr: 1}\n  sgd.x: {lr: 1}\n  'a b': [1, 2]\n  sgd_2: {}\n")
    for message, line in (
        ("o.sgd.lr: no", 2),
        ("o.sgd.x.lr: no", 3),
        ("o.sgd_2: no", 5),
        ("o.a b[1] is", 4),
        ("o.sgd_3: no", 1),
        ("o.sgd2: no", 1),
        ("o is", 1),
    ):
        place = node.place_in(message)
        assert place is not None
        assert place.line == line, message
    assert node.place_in("others: no") is None
    assert node.place_in("the key 'o' is") is None


def test_a_path_as_messages_write_it() -> None:
    assert key_path(("matrix", 0, "lr", "sgd")) == "matrix[0].lr.sgd"
    assert key_path(("o", "a\xa0b")) == "o.'a\\xa0b'"
    assert key_path((0, "a")) == "[0].a"


def test_a_place_is_counted_from_one() -> None:
    assert str(Place(3, 7)) == "line 3, column 7"


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        # what the types of the keys refuse
        (
            with_(optimizers="{adam: , sgd: {lr: -1}}"),
            "line 3, column 28: optimizers.sgd.lr: must be greater",
        ),
        (with_(seeds="[0, -1]"), "line 4, column 12: seeds[1]: must be greater"),
        (with_(matrix="[{lr: 0}]"), "line 4, column 11: matrix[0].lr: must be greater"),
        (with_(matrix="[{lr: {'*': 0}}]"), "line 4, column 16: matrix[0].lr.*: must be greater"),
        (with_(workloads="{'': }"), "line 2, column 13: workloads: a name must not be empty"),
        (with_(sedes="3"), "line 4, column 1: unknown key 'sedes'; did you mean 'seeds'?"),
        (with_(probes="{evry: 3}"), "line 4, column 10: unknown key 'probes.evry'; did you mean 'every'?"),
        (with_(metrics="{m: {label: x}}"), "line 4, column 11: the key 'metrics.m.factory' is missing"),
        # keys that are called like what pydantic puts into its paths
        (with_(**{"'*'": "3"}), "line 4, column 1: unknown key '*' (allowed: "),
        (with_(**{"'[key]'": "3"}), "line 4, column 1: unknown key '[key]' (allowed: "),
        (with_(optimizers="{'[key]': {lr: 0}}"), "line 3, column 24: optimizers.[key].lr: must be greater"),
        # what the resolution refuses
        (with_(optimizers="[sdg]"), "line 3, column 1: optimizers: unknown name 'sdg'"),
        (with_(optimizers="{sgd: , adam: {eps: -1}}"), "line 3, column 28: optimizers.adam.eps must be >= 0"),
        (
            with_(optimizers="{sgd: , adamw: {betas: [0, 1]}}"),
            "line 3, column 40: optimizers.adamw.betas[1] must be in [0, 1)",
        ),
        (with_(matrix="[{}, {schedules: [cosin]}]"), "line 4, column 15: matrix[1].schedules: unknown name"),
        (with_(tuning="{low: 2}"), "line 4, column 10: tuning.low must be at most"),
        # a name that is missing has no place
        ("workloads: [ravine]\n", "the key 'study' is missing"),
    ],
)
def test_a_mistake_has_its_place(tmp_path: Path, text: str, begins: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    with pytest.raises(UserError) as raised:
        read_study(file)
    assert str(raised.value).removeprefix(f"{file}: ").startswith(begins)
