"""How numbers read: one rule, checked against a table that was written by hand."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import pytest

import optbench
from optbench.core.words import (
    NONE,
    as_number,
    change,
    changes,
    count,
    in_powers,
    interval,
    named,
    number,
    percent,
    power,
    probability,
    shortened,
)

INF, NAN = math.inf, math.nan
THIN = "\u2009"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        # nothing, nought and what has no end
        (None, 4, NONE), (NAN, 4, NONE), (0, 4, "0"), (-0.0, 4, "0"), (INF, 4, "∞"), (-INF, 4, "−∞"),
        # significant digits; zeros at the end go
        (0.12345678, 4, "0.1235"), (0.5, 4, "0.5"), (1.5, 4, "1.5"), (-1.5, 4, "−1.5"), (12.3456, 3, "12.3"),
        (0.94, 1, "0.9"), (123.4, 2, "123"), (2.004, 3, "2"),
        # whole numbers below a million are written out
        (7, 1, "7"), (1234, 3, f"1{THIN}234"), (12345, 4, f"12{THIN}345"), (999999, 2, f"999{THIN}999"),
        (1234.5, 4, f"1{THIN}234"), (99999.5, 4, f"100{THIN}000"), (123456.7, 3, f"123{THIN}457"),
        # what is shown decides how it is shown
        (9999.6, 4, f"10{THIN}000"), (999.6, 3, f"1{THIN}000"), (0.00099996, 4, "0.001"),
        (999999.9, 4, "1×10⁶"),
        # powers of ten
        (2.86818e-5, 4, "2.868×10⁻⁵"), (1e-4, 4, "1×10⁻⁴"), (-2e-7, 4, "−2×10⁻⁷"), (1e6, 4, "1×10⁶"),
        (1e30, 4, "1×10³⁰"), (2.4e-9, 1, "2×10⁻⁹"), (0.001, 4, "0.001"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, digits: int, text: str):
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.500"), (1.0, "1.00"), (100.0, "100"), (1234.0, f"1{THIN}234"), (-0.25, "−0.250"),
     (2e-5, "2.00×10⁻⁵"), (0.0, "0"), (99.96, "100")],
)  # fmt: skip
def test_padded_numbers_keep_their_zeros(value: float, text: str):
    assert number(value, 3, padded=True) == text


def test_words_for_what_is_no_number():
    assert number(NAN, none="not measured") == number(None, none="not measured") == "not measured"
    assert number(-INF, infinite="diverged") == number(INF, infinite="diverged") == "diverged"
    assert number(2.0, none="not measured", infinite="diverged") == "2"


def test_values_of_findings():
    assert [as_number(value) for value in (None, "inf", "-inf", 0.4, 2)] == [
        "unknown",
        "∞",
        "−∞",
        "0.400",
        "2.00",
    ]


def test_intervals():
    assert interval(1, 2) == "[1, 2]"
    assert interval(0.12345, 2, digits=3) == "[0.123, 2]"
    assert interval(1, INF) == interval(1, NAN) == "[1, ∞)"
    assert interval(NAN, 2, higher_is_worse=False) == "(−∞, 2]"
    assert interval(NAN, NAN) == interval(INF, INF) == ""


def test_shares_chances_counts_and_powers():
    assert [percent(s) for s in (0.8542, 1, 0, 5e-5, 0.123456)] == [
        "85.4%",
        "100%",
        "0%",
        "below 0.01%",
        "12.3%",
    ]
    assert [percent(s, 2) for s in (0.8542, 0.996, 0.05)] == ["85%", "100%", "5%"]
    assert [probability(p) for p in (0.0005, 0.0078125, 0.5, 1)] == [
        "p < 0.001",
        "p = 0.0078",
        "p = 0.5",
        "p = 1",
    ]
    assert [count(n, "seed") for n in (1, 2, 10000)] == ["1 seed", "2 seeds", f"10{THIN}000 seeds"]
    assert (power(-5), power(12, sign="")) == ("×10⁻⁵", "10¹²")


FORMATTERS = {
    "core/words.py": "the formatter",
    "report/figures/scales.py": "ticks",
    "report/figures/axes.py": "numbers for the page's script",
    "report/page/sections/across.py": "numbers for the page's script",
    "findings/analysis.py": "rounds what a table holds",
    "cells/search.py": "makes a round rate",
    "running/progress.py": "a line that is overtaken by the next one",
}


def test_nobody_else_rounds_for_people():
    """No other module formats to a number of digits; `:g` repeats a setting as it was given."""
    package = Path(optbench.__file__).parent
    found = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
                spec = ast.unparse(node.format_spec)
                if re.search(r"\.\S*[efg%]|,", spec):
                    found.add(file.relative_to(package).as_posix())
    assert found == set(FORMATTERS)


def test_labels_are_one_line_of_what_can_be_shown() -> None:
    assert named("Adam \u00b7 \u4f18\u5316\u5668") == "Adam \u00b7 \u4f18\u5316\u5668"
    assert named("a\nb\x1b\ud800") == "a\\nb\\x1b\\ud800"
    assert named("x" * 1_000_000, most=5) == "xxxx\u2026"


def test_a_long_text_keeps_both_ends_and_says_how_much_it_left_out() -> None:
    assert shortened("a\tb\n\x00", 10, "elsewhere") == "a\tb\n\\x00"
    assert (
        shortened("ab" + "-" * 96 + "cd", 4, "t has them") == "ab\n[96 characters left out: t has them]\ncd"
    )


def test_a_negative_zero_is_zero() -> None:
    assert interval(-0.0, 0.0) == "[0, 0]"
    assert f"{number(-0.0, 3)} {interval(-0.0, -0.0, digits=3)}" == "0 [0, 0]"
    assert (as_number(-0.0), percent(-0.0)) == ("0", "0%")


def test_a_ratio_of_losses_in_words():
    """Percent where a factor is near 1, else the factor; by hand."""
    assert [change(r) for r in (0.75, 1.2, 1.0, 0.05, 3.0, "inf")] == [
        "25% lower",
        "20% higher",
        "0% lower",
        "0.0500 times",
        "3.00 times",
        "∞ times",
    ]
    assert (change(0.75, than=True), change(3.0, than=True)) == ("25% lower than", "3.00 times")


def test_the_ends_of_an_interval_of_ratios_in_words():
    """The end nearer to equality first; both directions where equality lies between; factors as they are."""
    assert changes(0.73, 0.79) == "21% to 27% lower"
    assert changes(1.05, 1.2) == "5% to 20% higher"
    assert changes(0.98, 1.01) == "2% lower to 1% higher"
    assert changes(0.001, 0.5) == "[0.00100, 0.500]"
    assert changes(0.9, "inf") == "[0.900, ∞]"


def test_a_number_by_one_digit_and_a_power_of_ten():
    assert [in_powers(n) for n in (3.1e-7, 2e5, 9.6, 5e-324)] == ["3×10⁻⁷", "2×10⁵", "1×10¹", "5×10⁻³²⁴"]
