"""What a scalar without quotes means, against YAML 1.1 (PyYAML) and 1.2 (written out by hand)."""

from __future__ import annotations

import math
from datetime import date, datetime

import pytest
import yaml

from optbench.study.scalars import plain_value

SAME = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
    "0": 0,
    "-7": -7,
    "+12": 12,
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775808": -(2**63),
    "0.5": 0.5,
    ".5": 0.5,
    "5.": 5.0,
    "-0.0": -0.0,
    "1.0e-3": 0.001,
    "1.5e+300": 1.5e300,
    "0.0e-5": 0.0,
    "5.0e-324": 5e-324,
    ".inf": math.inf,
    "+.INF": math.inf,
    "-.Inf": -math.inf,
    # text
    **{word: word for word in ("sgd", "y", "n", "nO", "tRue", "1.2.3", "1e", "e1", "+", "-", ".", "1-1-1")},
    **{word: word for word in ("0xg", "0b2", "_1", "x_1", "1:", "1:60", "2001-1-1", "12-31", "==", "<", "١")},
}


@pytest.mark.parametrize("written", SAME)
def test_what_every_reader_of_yaml_agrees_about(written: str) -> None:
    value = plain_value(written)
    assert (value, type(value)) == (SAME[written], type(SAME[written]))
    if written:
        again = yaml.safe_load(f"[{written}]")[0] if written not in {"-", "1:"} else written
        assert (again, type(again)) == (value, type(value))


def test_nan() -> None:
    for written in (".nan", ".NaN", ".NAN"):
        assert math.isnan(float(plain_value(written) or 0))
    assert plain_value("nan") == "nan"


@pytest.mark.parametrize(
    ("written", "value"), [("1e-3", 1e-3), ("1E+2", 100.0), ("5.e-1", 0.5), ("2e5", 2e5)]
)
def test_exponents_as_yaml_1_2_has_them(written: str, value: float) -> None:
    assert plain_value(written) == value
    assert isinstance(plain_value(written), float)


OCTAL = (
    "is octal to some readers of YAML and decimal to others: write a decimal number, or put text into quotes"
)
NUMBER = (
    "is a number to some readers of YAML and text to others: write a decimal number, or put text into quotes"
)
SIXTY = (
    "is a number of base 60 to some readers of YAML and text to others: "
    "write a decimal number, or put text into quotes"
)
DATE = "is a date to some readers of YAML and text to others: put it into quotes"
DEFAULT = "is a default value to some readers of YAML and text to others: put it into quotes"


@pytest.mark.parametrize(
    ("written", "message", "yaml_1_1"),
    [
        ("010", OCTAL, 8),
        ("011", OCTAL, 9),
        ("-017", OCTAL, -15),
        ("00", OCTAL, 0),
        ("09", OCTAL, "09"),
        ("0_7", OCTAL, 7),
        ("0b101", NUMBER, 5),
        ("0o17", NUMBER, "0o17"),
        ("0x1F", NUMBER, 31),
        ("-0x_f", NUMBER, -15),
        ("1_000", NUMBER, 1000),
        ("1_000.5", NUMBER, 1000.5),
        (".5_0", NUMBER, 0.5),
        ("1_0e5", NUMBER, "1_0e5"),
        ("1:30", SIXTY, 90),
        ("190:20:30", SIXTY, 685230),
        ("1:30.5", SIXTY, 90.5),
        ("2001-01-01", DATE, date(2001, 1, 1)),
        ("2001-1-1 1:02:03", DATE, datetime(2001, 1, 1, 1, 2, 3)),
    ],
)
def test_what_readers_of_yaml_differ_about_is_refused(written: str, message: str, yaml_1_1: object) -> None:
    assert yaml.safe_load(written) == yaml_1_1
    with pytest.raises(ValueError, match=r"^") as raised:
        plain_value(written)
    assert str(raised.value) == f"{written} {message}"


@pytest.mark.parametrize("written", ["2001-99-99", "2001-01-01T99:99:99"])
def test_a_date_that_is_none(written: str) -> None:
    with pytest.raises(ValueError, match=f"^{written} {DATE}$"):
        plain_value(written)


def test_the_sign_of_a_default_value() -> None:
    with pytest.raises(ValueError, match=f"^= {DEFAULT}$"):
        plain_value("=")


WHOLE = "is beyond the whole numbers, -9223372036854775808 to 9223372036854775807"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("9223372036854775808", f"{WHOLE}; where a number need not be whole, write 9.22337e+18"),
        ("-1" + "0" * 30, f"{WHOLE}; where a number need not be whole, write -1e+30"),
        ("1e400", "is beyond what a number can hold, 5e-324 to 1.8e+308"),
        ("-1.0e309", "is beyond what a number can hold, 5e-324 to 1.8e+308"),
        ("1e-400", "is beyond what a number can hold, 5e-324 to 1.8e+308"),
    ],
)
def test_a_number_that_no_number_can_hold(written: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^") as raised:
        plain_value(written)
    assert str(raised.value) == f"{written} {message}"


@pytest.mark.parametrize(
    "written", ["9" * 5000, "0." + "9" * 5000 + "e999", "0x" + "f" * 5000, "1_" * 5000 + "1"]
)
def test_thousands_of_digits(written: str) -> None:
    with pytest.raises(ValueError, match=r"^") as raised:
        plain_value(written)
    assert len(str(raised.value)) < 250
    assert str(raised.value).startswith(f"{written[:80]}...")
