"""Labels: what a reader could not see, or could not tell from another's, is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.study_files import mistake, study, with_
from optbench.core.text import shown
from optbench.study.labels import check_labels, is_blank


def alike(kind: str, second: str, label: str, first: str) -> str:
    return (
        f"{kind}.{second}: its label {shown(label)} looks like that of {kind}.{first}, and the page could "
        "not tell them apart; give one of them another 'label'"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mine", "Mine"),
        ("Mine", " Mine "),
        ("My own", "My  own"),
        ("My own", "My\u00a0own"),
        ("caf\u00e9", "cafe\u0301"),  # one letter, or a letter with its accent
        ("Adam", "\uff21dam"),  # a wide letter
        ("x" * 119 + "ab", "x" * 119 + "cd"),  # as they are cut
        ("\u2764", "\u2764\ufe0f"),
    ],
)
@pytest.mark.parametrize("kind", ["workloads", "optimizers", "schedules"])
def test_two_that_look_alike_are_refused(folder: Path, kind: str, one: str, other: str) -> None:
    like, more = {
        "workloads": ("ravine", ""),
        "optimizers": ("sgd", ", lr: 1"),
        "schedules": ("cosine", ""),
    }[kind]
    entries = f'{{a: {{like: {like}, label: "{one}"{more}}}, b: {{like: {like}, label: "{other}"{more}}}}}'
    assert mistake(folder, with_(**{kind: entries})) == alike(kind, "b", other, "a")


def test_a_label_may_not_be_that_of_a_built_in_either(folder: Path) -> None:
    said = mistake(folder, with_(optimizers="{sgd: {}, mine: {like: adam, label: SGD}}"))
    assert said == alike("optimizers", "mine", "SGD", "sgd")


def test_measures_of_ones_own_have_labels_too(folder: Path) -> None:
    entries = "{one: {factory: 'my_lab:named', label: M}, two: {factory: 'my_lab:named', label: M}}"
    assert mistake(folder, with_(metrics=entries)) == alike("metrics", "two", "M", "one")


def test_others_are_taken(folder: Path) -> None:
    check_labels("optimizers", {"a": "Adam", "b": "adam", "c": "A dam", "d": "Adam 2"})
    check_labels("optimizers", {})
    study(folder, with_(optimizers="{sgd: {}, mine: {like: sgd}}"))


@pytest.mark.parametrize("blank", [" ", "\u00a0\u3000", "\u2800"])
def test_what_is_not_seen_is_no_name(folder: Path, blank: str) -> None:
    assert is_blank(blank)
    for part, entry, key in (
        ("optimizers", f'{{sgd: {{label: "{blank}"}}}}', "optimizers.sgd.label"),
        ("title", f'"{blank}"', "title"),
        ("question", f'"{blank}"', "question"),
        ("metrics", f"{{one: {{factory: 'my_lab:named', label: \"{blank}\"}}}}", "metrics.one.label"),
    ):
        assert f"{key}: must not be blank; got " in mistake(folder, with_(**{part: entry}))
    assert "must not be blank" in mistake(folder, with_(optimizers=f'{{"{blank}": {{like: sgd}}}}'))


def test_what_is_seen_is_no_blank() -> None:
    assert not is_blank(" a ")
    assert not is_blank("-")
