r"""What is shown of text that others wrote: valid UTF-8, valid XML, no cursor moved, nothing lost."""

import sys
import unicodedata
from xml.etree import ElementTree

import pytest

from optbench.core.text import cut, escaped, listed, shown, unshowable

EVERY = [chr(number) for number in range(sys.maxunicode + 1)]
BIDIRECTIONAL = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("café 学习率 🚀", "café 学习率 🚀"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\x00b\x7f", "a\\x00b\\x7f"),
        ("\ud800", "\\ud800"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("\U0001ffff", "\\U0001ffff"),
        ("one\ttwo\nthree\r", "one\\ttwo\\nthree\\r"),
    ],
)
def test_text_is_shown_with_escapes(text, shown):
    assert escaped(text) == shown


def test_lines_and_tabs_stay_where_a_text_has_lines():
    assert escaped("one\ttwo\nthree\r", lines=True) == "one\ttwo\nthree\\r"
    assert unshowable("one\ttwo\n", lines=True) == ""


@pytest.mark.parametrize("lines", [True, False])
def test_every_character_comes_out_as_utf8_and_xml(lines):
    shown = "".join(escaped(one, lines=lines) for one in EVERY)
    shown.encode()
    text = shown.replace("&", "&amp;").replace("<", "&lt;")
    assert ElementTree.fromstring(f"<a>{text}</a>").text == shown  # noqa: S314  (our own text)


def test_every_control_character_surrogate_and_override_is_an_escape():
    for one in EVERY:
        is_text = unicodedata.category(one) not in {"Cc", "Cs", "Zl", "Zp"}
        is_text &= unicodedata.bidirectional(one) not in BIDIRECTIONAL
        if not is_text:
            assert escaped(one) == unshowable(one) != "", hex(ord(one))


def test_a_value_is_repeated_with_its_end_cut() -> None:
    assert shown("a'b\n\u202e") == '"a\'b\\n\\u202e"'
    assert shown([1, None]) == "[1, None]"
    assert shown("x" * 78) == f"'{'x' * 78}'"
    assert shown("x" * 79) == f"'{'x' * 79}..."
    assert cut("x" * 80) == "x" * 80
    assert cut("x" * 81) == f"{'x' * 80}..."


def test_the_tail_of_a_long_list_is_counted() -> None:
    assert listed([]) == ""
    assert listed(["a", "b"]) == "a, b"
    names = [f"name{n:03}" for n in range(200)]
    line = listed(names)
    *few, last = line.split(", ")
    assert len(line) < 820
    assert last == f"name{len(few):03} and {200 - len(few) - 1} more"
    assert few == names[: len(few)]
    assert listed(["x" * 1000, "y"]).endswith(" and 1 more")
