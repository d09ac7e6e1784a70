"""The Chinese sentences: one a template, with the numbers and the names of the English one."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from findings.test_sentences import STUDIES
from lab.fabricate import fabricate
from optbench.findings import chinese
from optbench.findings.verdicts import BETTER, EQUAL, undecided_within
from optbench.findings.write import SENTENCES

NUMBER = re.compile(r"[−+]?\d[\d\u2009]*(?:\.\d+)?(?:×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?%?|∞")


def numbers(text: str) -> Counter[str]:
    return Counter(NUMBER.findall(text))


def test_every_template_is_said() -> None:
    assert set(chinese.SENTENCES) == set(SENTENCES)


@pytest.mark.parametrize("name", STUDIES)
def test_a_sentence_has_the_numbers_and_names_of_the_english_one(name: str, tmp_path: Any) -> None:
    results = fabricate(tmp_path / "results" / "s", STUDIES[name])
    for finding in json.loads((results / "tables/findings.json").read_text(encoding="utf-8")):
        said = chinese.sentence(finding)
        assert numbers(said) == numbers(finding["claim"]), (said, finding["claim"])
        assert said.endswith("。")
        assert "None" not in said
        words = finding["words"]
        for key in ("a", "b", "workload", "optimizer", "schedule", "base", "name", "against"):
            if isinstance(words.get(key), str) and words[key] in finding["claim"]:
                assert words[key] in said, (key, said)


def test_verdicts_keep_their_margin_and_their_seeds() -> None:
    assert chinese.verdict(BETTER) == "更好"
    assert chinese.verdict(f"{EQUAL}4.2%") == "在 4.2% 内相等"
    assert chinese.verdict(undecided_within(30)) == "30 个种子之内尚未判定"
    assert chinese.verdict("a word that is new") == "a word that is new"


def test_a_row_at_a_glance_says_what_the_recommendation_says(tmp_path: Any) -> None:
    results = fabricate(tmp_path / "results" / "s", STUDIES["everything measured"])
    found = json.loads((results / "tables/findings.json").read_text(encoding="utf-8"))
    for finding in (one for one in found if one["template"] == "recommendation"):
        use, at, against, as_good = chinese.glance(finding)
        said = numbers(" ".join(" ".join(part) for part in (use, at, against, as_good)))
        assert finding["words"]["a"] in "".join(use)
        # Of more than two that are as good the rest is counted, and in the sentence of more than four.
        assert set(said) - {
            "2",
            str(len(finding["words"]["as_good"])),
            str(len(finding["words"]["as_good"]) - 1),
        } <= set(numbers(finding["claim"])) | set(numbers(use[0]))
    assert chinese.glance(None)[0][0] == "没有运行有有限的损失"
