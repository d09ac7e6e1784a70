"""The palette, and who wears which of it: six hues, then dashes and markers.

Figures are drawn in the colours of `LIGHT`. Each of them has a twin in `DARK` and a CSS variable of the
same key, so `themed` can hand the choice to the page. The six hues were searched for contrast (at least 3:1
against white, 4:1 against the dark page) and for the least difference any pair keeps under protanopia,
deuteranopia and tritanopia; `tests/report/test_palette.py` computes both again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LIGHT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hue-0": "#023481",
        "hue-1": "#d76f04",
        "hue-2": "#5a9a68",
        "hue-3": "#bc72ac",
        "hue-4": "#9568f3",
        "hue-5": "#5b3f01",
        "ink": "#1b1d22",
        "muted": "#5a5f6b",
        "grid": "#e3e5ea",
        "contour": "#b9bec9",
        "paper": "#ffffff",
    }
)
"""Every colour that a figure may use, on a white page."""

DARK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "hue-0": "#9ed5fd",
        "hue-1": "#e88519",
        "hue-2": "#398b50",
        "hue-3": "#ab6b96",
        "hue-4": "#9e7eec",
        "hue-5": "#eadd8e",
        "ink": "#eceef2",
        "muted": "#a6acb8",
        "grid": "#2c3038",
        "contour": "#565d6b",
        "paper": "#15171c",
    }
)
"""The same keys on the dark page."""

HUES: Final = 6
DASHES: Final[tuple[tuple[float, ...], ...]] = ((), (5.0, 2.0), (1.4, 1.6), (6.0, 1.8, 1.4, 1.8))
"""On-off lengths in points; the empty one is a solid line."""

MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*", "<", "p")


@dataclass(frozen=True)
class Style:
    """How one name is drawn in every figure.

    Attributes:
        index: the name's position in its study; figures carry it, so the page can highlight a name.
        color: a colour of `LIGHT`.
        dashes: on-off lengths in points, empty for solid.
        marker: a matplotlib marker.
    """

    index: int
    color: str
    dashes: tuple[float, ...]
    marker: str

    @property
    def linestyle(self) -> str | tuple[float, tuple[float, ...]]:
        """The dashes as matplotlib takes them."""
        return (0.0, self.dashes) if self.dashes else "-"


def assign_styles(names: Iterable[str]) -> dict[str, Style]:
    """Return one style a name, in the order given: hues first, then dashes, the marker shifting along.

    The first ten names have a marker of their own, so that they tell apart without colour too; the first 24
    differ in hue or dash; further ones repeat a line but not, up to 240, a line with its marker. Duplicate
    names share one style.
    """
    styles: dict[str, Style] = {}
    for name in names:
        if name in styles:
            continue
        index = len(styles)
        turn = index // HUES
        styles[name] = Style(
            index=index,
            color=LIGHT[f"hue-{index % HUES}"],
            dashes=DASHES[turn % len(DASHES)],
            marker=MARKERS[(index + index // math.lcm(HUES * len(DASHES), len(MARKERS))) % len(MARKERS)],
        )
    return styles


def themed(svg: str) -> str:
    """Return a fragment whose colours are CSS variables, `var(--hue-0)` and so on, for the page to set."""
    for key, color in LIGHT.items():
        svg = svg.replace(f'"{color}"', f'"var(--{key})"')
    return svg.replace('xmlns="http://www.w3.org/2000/svg" ', "", 1)
