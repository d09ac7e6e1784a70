"""Numbers, counts and lists as the words of a finding's sentence (layer 2b)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NAMES: Final = 3
"""Names that a sentence lists; beyond, their tail is counted."""


def figure_of(value: float | str | None) -> str:
    """A number with three significant digits; `inf` and `-inf` are how JSON holds infinities."""
    if value is None:
        return "unknown"
    value = float(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if not size:
        return "0"
    if not 1e-3 <= size < 1e5:  # noqa: PLR2004 - where powers of ten read better
        text = f"{value:.2e}"
    elif size >= 100:  # noqa: PLR2004 - three digits before the point
        text = f"{value:.0f}"
    else:
        text = f"{value:#.3g}".rstrip(".")
    return text.replace("-", "−") if text.startswith("-") else text


def probability(p: float) -> str:
    """An adjusted p value: two significant digits, or that it is below 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"  # noqa: PLR2004 - the usual floor of printed p values


def percent(share: float) -> str:
    """A share in percent, three significant digits at most: `85.4%`, `100%`, `below 0.01%`."""
    tiny = 0 < share < 1e-4  # noqa: PLR2004 - a hundredth of a percent
    return "below 0.01%" if tiny else f"{100 * share:.3g}%"


def count(n: float, noun: str) -> str:
    """`1 seed`, `2 seeds`, thousands marked by a thin space."""
    return f"{n:,.0f}".replace(",", "\u2009") + f" {noun}{'' if n == 1 else 's'}"


def listing(words: Sequence[str], most: int = 4) -> str:
    """`a, b and c`; the tail counted where there are more than `most`."""
    if len(words) > most:
        return f"{', '.join(words[: most - 1])} and {len(words) - most + 1} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
