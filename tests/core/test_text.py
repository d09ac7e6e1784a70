r"""What is shown of text that others wrote: valid UTF-8, valid XML, no cursor moved, nothing lost."""

import sys
import unicodedata
from xml.etree import ElementTree

import pytest

from optbench.core.text import escaped, unshowable

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
