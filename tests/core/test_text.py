r"""What is shown of text that others wrote: valid UTF-8, valid XML, no cursor moved, nothing lost."""

import sys
import unicodedata
from xml.etree import ElementTree

import pytest

from optbench.core.text import cut, escaped, listed, shown, unshowable

EVERY = [chr(number) for number in range(sys.maxunicode + 1)]
BIDIRECTIONAL = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}

SEEN = set(map(chr, (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)))
"""Format characters that are drawn: number signs and the like (Prepended_Concatenation_Mark)."""


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
        ("\ufeffAdam", "\\ufeffAdam"),
        ("Ad\u200bam", "Ad\\u200bam"),
        ("so\u00adft", "so\\xadft"),
        ("Adam\U000e0041", "Adam\\U000e0041"),  # a letter that is not seen
        ("Adam\u3164", "Adam\\u3164"),  # a letter that is blank
        ("Adam\ufe0f", "Adam\\ufe0f"),
        ("one\ttwo\nthree\r", "one\\ttwo\\nthree\\r"),
    ],
)
def test_text_is_shown_with_escapes(text, shown):
    assert escaped(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # Persian: two parts of a word that do not join
        "क्\u200dष",  # Hindi: a half letter
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
        "\u2764\ufe0f\u200d\U0001f525",  # a heart on fire
        "\U0001f469\U0001f3fd\u200d\U0001f52c",  # a scientist with a skin tone
        "1\ufe0f\u20e3",  # a key cap
        "\u845b\U000e0100",  # the form of a character in a name
        "\u0601\u0661",  # an Arabic number sign, which is seen
    ],
)
def test_what_writes_words_and_emoji_stays(text):
    assert escaped(text) == text
    assert unshowable(text) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200db", "a\\u200db"),
        ("\u0645\u200c", "\u0645\\u200c"),  # it parts nothing
        ("\u0645\u200c\u200c\u062e", "\u0645\\u200c\\u200c\u062e"),
        ("\u4f18\u200d\u5316", "\u4f18\\u200d\u5316"),
        ("\u2764\ufe0f\ufe0f", "\u2764\ufe0f\\ufe0f"),
        ("a\ufe0f\u200d\U0001f525", "a\\ufe0f\\u200d\U0001f525"),
        ("\u200b\ufe0f", "\\u200b\\ufe0f"),
    ],
)
def test_the_same_characters_elsewhere_are_escapes(text, shown):
    assert escaped(text) == escaped(escaped(text)) == shown


def test_lines_and_tabs_stay_where_a_text_has_lines():
    assert escaped("one\ttwo\nthree\r", lines=True) == "one\ttwo\nthree\\r"
    assert unshowable("one\ttwo\n", lines=True) == ""


@pytest.mark.parametrize("lines", [True, False])
def test_every_character_comes_out_as_utf8_and_xml(lines):
    shown = "".join(escaped(one, lines=lines) for one in EVERY)
    shown.encode()
    text = shown.replace("&", "&amp;").replace("<", "&lt;")
    assert ElementTree.fromstring(f"<a>{text}</a>").text == shown  # noqa: S314  (our own text)


def test_every_character_that_acts_or_is_not_seen_is_an_escape():
    for one in EVERY:
        is_text = unicodedata.category(one) not in {"Cc", "Cs", "Zl", "Zp", "Cf"} or one in SEEN
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
