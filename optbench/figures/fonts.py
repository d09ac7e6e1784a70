"""A small cut of DejaVu Sans, for as long as a study's figures are drawn.

Every PDF embeds the characters that it uses, and picking them out of matplotlib's own font, with its six
thousand characters and their tables of ligatures and marks that stack, took 40% of the time of drawing. From
a cut of three hundred it takes a tenth of that. Glyphs, widths and name are the same; what it lacks comes
from the whole font.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fontTools.subset import Options, Subsetter, load_font
from matplotlib.font_manager import FontEntry, FontProperties, findfont, fontManager

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE: Final = "DejaVu Sans"
CUT: Final = "DejaVu Sans, cut"
WEIGHTS: Final = (400, 700)
CHARACTERS: Final = frozenset(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100)))) | frozenset(
    "αβγδεζηθικλμνξοπρςστυφχψωΔΣ\u2009–—‘’‚‛“”…⁰⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ₀₁₂₃₄₅₆₇₈₉←↑→↓∂∇∑−√∞≈≠≤≥"
)
"""Western Latin, and the letters and signs of the field."""


@contextmanager
def cut_font(text: str = "") -> Iterator[list[str]]:
    """Make the cut known to matplotlib and forget it afterwards; gives the families to write with.

    Args:
        text: what else will be written much; its letters, of whatever script, are cut out too.
    """
    entries = _cuts("".join(sorted({letter for letter in text if letter.isalnum()} - CHARACTERS)))
    fontManager.ttflist.extend(entries)
    try:
        yield [CUT, WHOLE]
    finally:
        for entry in entries:
            fontManager.ttflist.remove(entry)


@cache
def _cuts(further: str) -> tuple[FontEntry, ...]:
    """The cut in every weight: once a process, since matplotlib keeps the files that it has found in mind."""
    folder = Path(tempfile.mkdtemp(prefix="optbench-fonts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return tuple(_cut(weight, CHARACTERS | set(further), folder / f"{weight}.ttf") for weight in WEIGHTS)


def _cut(weight: int, characters: frozenset[str], file: Path) -> FontEntry:
    options = Options(glyph_names=True, drop_tables=["FFTM", "GDEF", "GPOS", "GSUB", "MATH"])
    font = load_font(findfont(FontProperties(family=WHOLE, weight=weight)), options)
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(characters))
    subsetter.subset(font)
    font.save(file)
    font.close()
    return FontEntry(
        fname=str(file), name=CUT, style="normal", variant="normal", weight=weight, stretch="normal",
        size="scalable",
    )  # fmt: skip
