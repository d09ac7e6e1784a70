"""Sentences: each template has one, which follows from the finding's own fields, and each is needed."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

import optbench.findings
from lab.fabricate import Fake, fabricate
from lab.findings import FAKE
from optbench.findings.finding import make, template_of
from optbench.findings.write import SENTENCES, sentence

STUDIES = {
    "everything measured": FAKE,
    "nothing to compare": Fake(
        workloads=("digits",), optimizers=("sgd",), schedules=("constant",), seeds=2, evaluations=6
    ),
    "a race": Fake(workloads=("digits",), seeds=8, evaluations=6, race=(6, 8)),
    "no run ended": Fake(workloads=("digits",), optimizers=("sgd", "adam"), seeds=1, status="error"),
}


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("sentences") / "results"
    made = {name: fabricate(folder / str(i), fake) for i, (name, fake) in enumerate(STUDIES.items())}
    return {
        name: json.loads((results / "tables" / "findings.json").read_text(encoding="utf-8"))
        for name, results in made.items()
    }


def speakers() -> dict[str, list[str]]:
    """The modules in which a function says a template."""
    found: dict[str, list[str]] = {}
    for module in pkgutil.iter_modules(optbench.findings.__path__, "optbench.findings."):
        for name, function in vars(importlib.import_module(module.name)).items():
            if name.startswith("_say_") and function.__module__ == module.name:
                found.setdefault(name.removeprefix("_say_"), []).append(module.name)
    return found


def test_every_template_has_one_sentence_and_every_sentence_is_collected() -> None:
    found = speakers()
    assert {template: modules for template, modules in found.items() if len(modules) > 1} == {}
    assert set(found) == set(SENTENCES)
    assert all(template_of(say) == template for template, say in SENTENCES.items())


@pytest.mark.parametrize("name", STUDIES)
def test_a_claim_follows_from_what_findings_json_holds_of_it(findings: Any, name: str) -> None:
    assert findings[name]
    for finding in findings[name]:
        claim = finding.pop("claim")
        assert sentence(finding) == claim
        finding["claim"] = claim


def test_fabricated_studies_need_every_sentence(findings: Any) -> None:
    used = {finding["template"] for study in findings.values() for finding in study}
    assert used == set(SENTENCES)


def test_a_finding_is_said_by_the_function_that_it_is_made_with() -> None:
    def _say_twice(f: Any, w: Any) -> str:
        return f"{w['a']} is {f['effect']} twice over {f['n']} seeds"

    say: Callable[..., str] = _say_twice
    made = make(
        "x", "verdict", {"a": "Adam"}, {"effect": 2.0, "pairs": 7}, say=say, figure="verdict/", rows=[]
    )
    assert made["template"] == "twice"
    assert made["claim"] == "Adam is 2.0 twice over 7 seeds"
    assert (made["low"], made["p_adjusted"], made["verdict"]) == (None, None, "")


def test_a_template_without_a_sentence_is_an_error() -> None:
    with pytest.raises(KeyError, match="gossip"):
        sentence({"template": "gossip", "words": {}})
