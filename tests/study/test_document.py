"""A study file's YAML: plain values with their places, and one line for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lab.checkout import ROOT
from optbench.core.errors import UserError
from optbench.study.document import LARGEST_FILE, read_text, read_yaml

SHIPPED = [*sorted((ROOT / "config").glob("*.yaml")), ROOT / "optbench" / "study" / "starter" / "study.yaml"]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_study_means_to_us_what_it_means_to_others(file: Path) -> None:
    text = read_text(file)
    value, others = read_yaml(text).value, yaml.safe_load(text)
    assert (value, list(value)) == (others, list(others))  # type: ignore[call-overload]


TAGS = "(allowed: !!bool, !!float, !!int, !!null, !!map, !!seq, !!str)"
FIVE_THOUSAND = "9" * 5000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # scalars
        (
            "title: 2001-99-99",
            "line 1, column 8: title: 2001-99-99 is a date to some readers of YAML and text to others: "
            "put it into quotes",
        ),
        ("a: !!int abc", "line 1, column 4: a: the tag !!int needs a decimal whole number; got 'abc'"),
        ("a: !!int 1.5", "line 1, column 4: a: the tag !!int needs a decimal whole number; got '1.5'"),
        ("a: !!float x", "line 1, column 4: a: the tag !!float needs a decimal number; got 'x'"),
        ("a: !!bool foo", "line 1, column 4: a: the tag !!bool needs true or false; got 'foo'"),
        ("a: !!null 0", "line 1, column 4: a: the tag !!null needs null; got '0'"),
        (
            f"a:\n  - {FIVE_THOUSAND}",
            f"line 2, column 5: a[0]: {FIVE_THOUSAND[:80]}... is beyond the whole numbers, "
            "-9223372036854775808 to 9223372036854775807",
        ),
        (
            "seeds: [010, 011]",
            "line 1, column 9: seeds[0]: 010 is octal to some readers of YAML and decimal to others: "
            "write a decimal number, or put text into quotes",
        ),
        # tags
        ("a: !!set {b: }", f"line 1, column 4: a: the tag !!set is none of a study file's {TAGS}"),
        ("a: !!omap [b: 1]", f"line 1, column 4: a: the tag !!omap is none of a study file's {TAGS}"),
        ("a: !!pairs [b: 1]", f"line 1, column 4: a: the tag !!pairs is none of a study file's {TAGS}"),
        ("a: !!binary aGk=", f"line 1, column 4: a: the tag !!binary is none of a study file's {TAGS}"),
        (
            "a: !!timestamp 2001-01-01",
            f"line 1, column 4: a: the tag !!timestamp is none of a study file's {TAGS}",
        ),
        ("a: !mine b", f"line 1, column 4: a: the tag !mine is none of a study file's {TAGS}"),
        ("a: !!map [1]", f"line 1, column 4: a: the tag !!map is none of a study file's {TAGS}"),
        ("a: !!str [1]", f"line 1, column 4: a: the tag !!str is none of a study file's {TAGS}"),
        ("a: !!int {}", f"line 1, column 4: a: the tag !!int is none of a study file's {TAGS}"),
        (
            "!!python/object/apply:os.getcwd []",
            f"line 1, column 1: the tag !!python/object/apply:os.getcwd is none of a study file's {TAGS}",
        ),
        # keys
        (
            "o:\n  no: {lr: 1}",
            "line 2, column 3: o: a key must be text; no is false to YAML: put it into quotes",
        ),
        ("o: {ON: 1}", "line 1, column 5: o: a key must be text; ON is true to YAML: put it into quotes"),
        ("o: {~: 1}", "line 1, column 5: o: a key must be text; ~ is null to YAML: put it into quotes"),
        (
            "o:\n  ? \n  : 1",
            "line 2, column 4: o: a key must be text; nothing is null to YAML: put it into quotes",
        ),
        (
            "o: {1.5: 1}",
            "line 1, column 5: o: a key must be text; 1.5 is a number to YAML: put it into quotes",
        ),
        (
            "o: {.nan: 1}",
            "line 1, column 5: o: a key must be text; .nan is a number to YAML: put it into quotes",
        ),
        (
            "2001-01-01: 1",
            "line 1, column 1: 2001-01-01 is a date to some readers of YAML and text to others: "
            "put it into quotes",
        ),
        ("? [a, b]\n: 1", "line 1, column 3: a key must be text; got a list"),
        ("? {a: b}\n: 1", "line 1, column 3: a key must be text; got a mapping"),
        ("a: &b [1]\nc: {*b : 1}", "line 2, column 5: c: a key must be text; got a list"),
        (
            "a: {b: 1,\n  c: 1, b: 2}",
            "line 2, column 9: a: the key 'b' stands twice, first on line 1, column 5",
        ),
        ("b: 1\n'b': 2", "line 2, column 1: the key 'b' stands twice, first on line 1, column 1"),
        ("'a\\nb': 1".replace("'", '"'), "line 1, column 1: the character \\n is not allowed in a key"),
        (
            f"a: {{{'k' * 201}: 1}}",
            f"line 1, column 5: a: a key has at most 200 characters; got '{'k' * 79}...",
        ),
        # anchors, aliases, merges
        (
            "sgd: &a {lr: 0.1, x: *a}",
            "line 1, column 22: sgd.x: the alias 'a' stands inside of what it stands for",
        ),
        ("- &a [*a]", "line 1, column 7: [0][0]: the alias 'a' stands inside of what it stands for"),
        ("a: *b", "line 1, column 4: a: the alias 'b' has no anchor before it"),
        ("a: &b 1\nc: &b 2", "line 2, column 4: c: the anchor 'b' stands twice"),
        ("a: {<<: 3}", "line 1, column 9: a.<<: must be a mapping or a list of mappings to merge"),
        ("a: {<<: [{}, 3]}", "line 1, column 9: a.<<: must be a mapping or a list of mappings to merge"),
        (
            "b: &b {c: 1}\na: {<<: *b, <<: *b}",
            "line 2, column 13: a: the key '<<' stands twice; a list merges several",
        ),
        # characters
        ('a: "\\0"', "line 1, column 4: a: the character \\x00 is not allowed"),
        ('a: "x\\x1b[1m"', "line 1, column 4: a: the character \\x1b is not allowed"),
        ('a: ["\\ud800"]', "line 1, column 5: a[0]: the character \\ud800 is not allowed"),
        ("a: x\u202ey", "line 1, column 4: a: the character \\u202e is not allowed"),
        (
            f"a: 1\n{'k' * 10_000}: 3\nb: 2",
            f"line 2, column 1: a key has at most 200 characters; got '{'k' * 79}...",
        ),
        ("a: 1\nno colon\nb: 2", "line 2, column 1: not YAML: could not find expected ':'"),
        ("a: x\ufeffy", "line 1, column 4: a: the character \\ufeff is not allowed"),
        ("a: x\u200by", "line 1, column 4: a: the character \\u200b is not allowed"),
        ("a: x\U000e0041", "line 1, column 4: a: the character \\U000e0041 is not allowed"),
        ("x\u00ady: 1", "line 1, column 1: the character \\xad is not allowed"),
        ("x\u2066y: a", "line 1, column 1: the character \\u2066 is not allowed"),
        # no YAML
        ("a: [", "line 1, column 5: not YAML: expected the node content, but found '<stream end>'"),
        (
            "a: 1\n\tb: 2",
            "line 2, column 1: not YAML: found character '\\t' that cannot start any token; "
            "indent with spaces, not with tabs",
        ),
        ("a: b: c", "line 1, column 5: not YAML: mapping values are not allowed here"),
        ("a: 'b", "line 1, column 6: not YAML: found unexpected end of stream"),
        ('a: "\\q"', "line 1, column 6: not YAML: found unknown escape character 'q'"),
        ("a: `b`", "line 1, column 4: not YAML: found character '`' that cannot start any token"),
        ("a: {% b %}", "line 1, column 5: not YAML: found character '%' that cannot start any token"),
        ("a: 1\n---\nb: 1", "line 2, column 1: another document begins here; a study file is one"),
        (
            "%YAML 2.0\n---\na: 1",
            "line 1, column 1: not YAML: found incompatible YAML document (version 1.* is required)",
        ),
        ("a: !q!b c", "line 1, column 4: not YAML: found undefined tag handle '!q!'"),
        # PyYAML raises a bare ValueError for both
        ('a: "\\U00110000"', "line 1, column 7: not YAML: an escape or a version that does not exist"),
        (
            f"%YAML 1.{FIVE_THOUSAND}\n---\na: 1",
            "line 1, column 9: not YAML: an escape or a version that does not exist",
        ),
    ],
)
def test_everything_else_is_one_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        read_yaml(text)
    assert str(raised.value) == message
    assert len(message) < 300


@pytest.mark.parametrize("levels", [51, 700, 100_000])
@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")])
def test_levels(levels: int, begin: str, end: str) -> None:
    with pytest.raises(UserError, match=r"line 1, column \d+: (more than 50 levels|a key must be text)"):
        read_yaml(begin * levels + "x" + end * levels)


def test_fifty_levels_are_read() -> None:
    value = read_yaml("[" * 50 + "x" + "]" * 50).value
    for _ in range(50):
        (value,) = value  # type: ignore[misc]
    assert value == "x"


def test_aliases_that_stand_for_more_and_more_are_counted() -> None:
    """A few of them, each of ten of those before: a million values in seven lines."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 7)]
    with pytest.raises(UserError, match=r"^line 6, column \d+: a5\[\d\]: more than 200000 values, those"):
        read_yaml("\n".join(lines))
    # 1 + 2 x 1 of a0, then 1 + 10 times the one before
    node = read_yaml("\n".join(lines[:4]))
    assert [part.size for _, part in node.parts.values()] == [2, 21, 211, 2111]
    assert node.size == 1 + 2 + 21 + 211 + 2111


def test_tags_that_say_what_stands_there() -> None:
    numbers = "a: !!str 010, b: !!int 3, c: !!float 3, d: !!bool yes"
    text = f"{{{numbers}, e: !!null , f: !!map {{}}, g: !!seq [], h: ! 7}}"
    value = read_yaml(text).value
    assert value == {"a": "010", "b": 3, "c": 3.0, "d": True, "e": None, "f": {}, "g": [], "h": "7"}
    assert isinstance(value["c"], float)  # type: ignore[index]


def test_quotes_and_blocks_are_text() -> None:
    text = "a: 'no'\nb: \"010\"\nc: |\n  1\n  2\nd: >-\n  2001-01-01\n'3': x\n'<<': y\n"
    assert read_yaml(text).value == {
        "a": "no",
        "b": "010",
        "c": "1\n2\n",
        "d": "2001-01-01",
        "3": "x",
        "<<": "y",
    }


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3, z: 4}\n",
        "a: &a {x: 1, y: 2}\nb: {y: 3, z: 4, <<: *a}\n",
        "a: &a {x: 1, y: 2}\nc: &c {y: 5, w: 6}\nb: {<<: [*a, *c], z: 4}\n",
        "a: &a {x: 1, y: 2}\nc: &c {y: 5, w: 6}\nb: {z: 4, <<: [*c, *a]}\n",
        "a: &a {<<: {x: 1}}\nb: {<<: *a}\n",
        "a: &a b\n? *a\n: &c [1, *a]\nd: *c\n",
        "a: {b, c}\n",
        "? a\n? b\n",
        "a:\n- 1\n-\n  - 2\n",
        "--- # one\na: 1\n...\n",
        "%TAG ! tag:yaml.org,2002:\n---\na: !int 3\n",
    ],
)
def test_merges_and_aliases_mean_what_they_mean_to_others(text: str) -> None:
    value, others = read_yaml(text).value, yaml.safe_load(text)
    assert value == others
    assert str(value) == str(others)  # the order of the keys too


def test_an_empty_document_is_null() -> None:
    for text in ("", "# nothing\n", "---\n", "--- ~\n"):
        assert read_yaml(text).value is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xef\xbb\xbfa: 1\n", "a: 1\n"),
        (b"a: 1\r\nb: 2\rc: 3\n", "a: 1\nb: 2\nc: 3\n"),
        ("a: Wörter 学 🙂\n".encode(), "a: Wörter 学 🙂\n"),
        (b"a:\tx\n", "a:\tx\n"),
    ],
)
def test_the_text_of_a_file(tmp_path: Path, raw: bytes, text: str) -> None:
    (tmp_path / "s.yaml").write_bytes(raw)
    assert read_text(tmp_path / "s.yaml") == text


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("a: 1\n".encode("utf-16"), "the study file is not UTF-8 but UTF-16 or UTF-32: save it as UTF-8"),
        ("a: 1\n".encode("utf-32"), "the study file is not UTF-8 but UTF-16 or UTF-32: save it as UTF-8"),
        (
            "a: 1\n".encode("utf-16-le"),
            "line 1, column 2: the character \\x00 is not allowed (is the file UTF-16, or no text at all?)",
        ),
        (b"a: 1\nb: \xfc\n", "line 2, column 4: the byte 0xfc is not UTF-8: save the file as UTF-8"),
        (
            "ä: 1\nü: ".encode() + b"\xff",
            "line 2, column 4: the byte 0xff is not UTF-8: save the file as UTF-8",
        ),
        (
            b"\xef\xbb\xbfa: 1\nb: \xc3\xbc\xff",
            "line 2, column 5: the byte 0xff is not UTF-8: save the file as UTF-8",
        ),
        (b"\x7fELF\x02\x01", "line 1, column 1: the character \\x7f is not allowed"),
        (b"a: 1 # \x1b[31m\n", "line 1, column 8: the character \\x1b is not allowed"),
        ("a: 1\nb: x\u2028y\n".encode(), "line 2, column 5: the character \\u2028 is not allowed"),
        ("a: x\x85y\n".encode(), "line 1, column 5: the character \\x85 is not allowed"),
        (b"#" * (LARGEST_FILE + 1), "the study file has more than 1000000 bytes: is it another file?"),
    ],
)
def test_a_file_that_is_no_text(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "s.yaml").write_bytes(raw)
    with pytest.raises(UserError) as raised:
        read_text(tmp_path / "s.yaml")
    assert str(raised.value) == message
