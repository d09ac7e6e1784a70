"""What stands in the project's pages: their blocks of code and their commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from lab.checkout import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("reports/*.md")])
FENCE = re.compile(r"^ *```(?P<kind>\w+)\n(?P<text>.*?)^ *```$", re.M | re.S)
OURS = "optbench|snakemake|make|pip|python"
INDENTED = re.compile(rf"^ {{4,}}(?P<text>(?:{OURS}|export|git|podman|uv) .*)$", re.M)
INLINE = re.compile(rf"`(?P<text>(?:{OURS}) [^`\n]*)`")
BETWEEN = {"&&", "||", "|", ";", "&"}


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def without_fences(page: Path) -> str:
    return FENCE.sub("", read(page))


def fences(page: Path, *kinds: str) -> list[str]:
    """The blocks of these kinds, without the indentation of the list that they stand in."""
    return [dedent(block["text"]) for block in FENCE.finditer(read(page)) if block["kind"] in kinds]


def commands(page: Path) -> Iterator[str]:
    """Each command of a page by itself: shell blocks, indented lines and code within a sentence."""
    lines = [
        line for block in fences(page, "sh", "bash") for line in re.sub(r"\\\n", " ", block).splitlines()
    ]
    outside = without_fences(page)
    lines += [match["text"] for pattern in (INDENTED, INLINE) for match in pattern.finditer(outside)]
    for line in lines:
        command: list[str] = []
        for word in [*shlex.split(line, comments=True), "&&"]:
            if word in BETWEEN:
                if command:
                    yield shlex.join(command)
                command = []
            else:
                command.append(word)
