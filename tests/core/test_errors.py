"""Exceptions of others in a line and as a traceback, whatever they do when they are asked."""

from __future__ import annotations

import pytest

from optbench.core.errors import LONGEST_LINE, LONGEST_TRACEBACK, UserError, told, traced, words_of


class RaisingError(ValueError):
    def __init__(self, problem):
        super().__init__("never seen")
        self.problem = problem

    def __str__(self):
        raise self.problem


class OddError(SyntaxError):
    """Lies about its parts, which a traceback shows."""

    lineno = property(lambda self: 1 / 0)


@pytest.mark.parametrize("problem", [RuntimeError("x"), SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_one_that_raises_when_it_is_asked_has_its_name(problem):
    assert words_of(RaisingError(problem)) == ""
    assert told(RaisingError(problem)) == "RaisingError"
    assert "RaisingError" in traced(RaisingError(problem))


def test_one_that_lies_about_its_parts_has_its_words():
    assert traced(OddError("no\nsense")).endswith("OddError: no sense")


def test_a_line_is_one_short_line_of_text():
    assert told(ValueError("a\n b\tc\x1b[2J\ud800")) == "ValueError: a b c\\x1b[2J\\ud800"
    assert told(ValueError()) == "ValueError"
    assert told(UserError("optimizers.sgd.lr must be > 0")) == "optimizers.sgd.lr must be > 0"
    long = told(ValueError("x" * 10_000))
    assert long == f"ValueError: {'x' * LONGEST_LINE}..."


def test_a_traceback_is_text_with_its_lines():
    with pytest.raises(ValueError, match="first") as found:
        raise ValueError("first\nsecond\x00\udcff")
    text = traced(found.value)
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.endswith("ValueError: first\nsecond\\x00\\udcff")


def test_of_a_very_long_traceback_both_ends_are_kept():
    text = traced(ValueError("a" + "x" * 100_000 + "z"))
    assert text.startswith("ValueError: ax")
    assert text.endswith("xz")
    assert "characters left out]" in text
    assert len(text) < LONGEST_TRACEBACK + 100
