"""Numbers, intervals, counts and lists as people read them: in the page, in findings, in terminals.

One rule for how a number is written, so that one value looks alike everywhere. Terminals get the same text as
the page; numbers for programs stand in the tables. Ticks of an axis are matplotlib's business.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from optbench.core.text import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NAMES: Final = 3
"""Names that a sentence lists; beyond, their tail is counted."""

LONGEST_LABEL: Final = 120
"""Characters of a label that are shown."""

NONE: Final = "–"
"""What stands where there is no value."""

SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_PLAIN: Final = (1e-3, 1e6)


def a_kind(value: object) -> str:
    """Return the name of a value's type with its article: `an int`, `a list`, `None`."""
    if value is None:
        return "None"
    name = escaped(type(value).__name__)
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def told_of_pairs(key: str, words: str, others: Sequence[str]) -> str:
    """Return the sentence for what goes wrong between one thing and some others."""
    names = list(dict.fromkeys(others))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{key}: with {names[0]}{more}: {words}"


def number(
    value: float | None, digits: int = 3, *, padded: bool = False, none: str = NONE, infinite: str = ""
) -> str:
    """Return a number with `digits` significant ones: `0.123`, `12 345`, `2.87×10⁻⁵`, `−∞`, or a dash.

    Whole numbers below a million and the part before the point are written out, thousands marked by a thin
    space; powers of ten below 0.001 and from a million on; a true minus sign.

    Args:
        value: the number; None and NaN are no value.
        digits: significant ones (>= 1).
        padded: whether zeros at the end are kept, as beside the ends of an interval: `0.500`.
        none: what stands for no value.
        infinite: what stands for either infinity; "" for `∞` and `−∞`.
    """
    if value is None or math.isnan(value):
        return none
    if math.isinf(value):
        return infinite or ("∞" if value > 0 else "−∞")
    value = float(value)
    if not value:
        return "0"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    # What is shown decides how: 9999.6 in four digits is ten thousand.
    size = abs(value if value.is_integer() else float(f"{mantissa}e{exponent}"))
    if not _PLAIN[0] <= size < _PLAIN[1]:
        text = f"{_trimmed(mantissa, padded=padded)}{power(int(exponent))}"
    elif size >= 10 ** (digits - 1) or (value.is_integer() and not padded):
        text = f"{value:,.0f}".replace(",", "\u2009")
    else:
        text = _trimmed(f"{value:#.{digits}g}", padded=padded)
    return text.replace("-", "−") if text.startswith("-") else text


def _trimmed(text: str, *, padded: bool) -> str:
    return text.rstrip(".") if padded or "." not in text else text.rstrip("0").rstrip(".")


def power(exponent: int, sign: str = "×") -> str:
    """`×10⁻⁵`; without `sign` the order of magnitude alone, `10⁻⁵`."""
    return f"{sign}10{str(exponent).translate(SUPERSCRIPTS)}"


def in_powers(value: float) -> str:
    """A finite number above 0 by one digit and a power of ten, whatever its size: `3×10⁻⁷`."""
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}{power(int(exponent))}"


def interval(low: float, high: float, *, higher_is_worse: bool = True, digits: int = 3) -> str:
    """Return `[low, high]` with `digits` significant digits, and with an open end where nothing bounds it.

    Returns "" where there is no interval, or where both ends are the same infinity. A NaN end
    beside a known one means unbounded towards the worse side.
    """
    if (math.isnan(low) and math.isnan(high)) or (math.isinf(low) and low == high):
        return ""
    if higher_is_worse and math.isnan(high):
        high = math.inf
    if not higher_is_worse and math.isnan(low):
        low = -math.inf
    left = f"[{number(low, digits)}" if math.isfinite(low) else f"({number(low)}"
    right = f"{number(high, digits)}]" if math.isfinite(high) else f"{number(high)})"
    return f"{left}, {right}"


def as_number(value: float | str | None) -> str:
    """A number of findings.json, three significant digits; `inf` and `-inf` are JSON's infinities."""
    return number(None if value is None else float(value), 3, padded=True, none="unknown")


def probability(p: float) -> str:
    """An adjusted p value: two significant digits, or that it is below 0.001."""
    return "p < 0.001" if p < 0.001 else f"p = {number(p, 2)}"  # noqa: PLR2004 - the usual floor of printed p values


def percent(share: float, digits: int = 3) -> str:
    """A share in percent, `digits` significant ones at most: `85.4%`, `100%`, `below 0.01%`."""
    tiny = 0 < share < 1e-4  # noqa: PLR2004 - a hundredth of a percent
    return "below 0.01%" if tiny else f"{number(100 * share, digits)}%"


PLAIN_FACTORS: Final = (0.1, 2.0)
"""Ratios between these are said in percent, others as factors."""


def change(ratio: float | str, *, than: bool = False) -> str:
    """What a ratio of two losses says of the first: `25% lower`, `0.003 times`.

    Args:
        ratio: a number of findings.json.
        than: whether "than that of" and the like follows: `25% lower than`.
    """
    value = float(ratio)
    if not PLAIN_FACTORS[0] < value < PLAIN_FACTORS[1]:
        return f"{as_number(ratio)} times"
    said = f"{percent(abs(1 - value), 2)} {'lower' if value <= 1 else 'higher'}"
    return f"{said} than" if than else said


def changes(low: float | str, high: float | str) -> str:
    """The same of the ends of an interval: `21% to 27% lower`, `2% lower to 1% higher`, `[0.001, 0.003]`."""
    first, last = float(low), float(high)
    if not all(PLAIN_FACTORS[0] < end < PLAIN_FACTORS[1] for end in (first, last)):
        return f"[{as_number(low)}, {as_number(high)}]"
    if (first <= 1) != (last <= 1):
        return f"{change(low)} to {change(high)}"
    near, far = (high, low) if last <= 1 else (low, high)
    return f"{percent(abs(1 - float(near)), 2)} to {change(far)}"


def named(text: str, most: int = LONGEST_LABEL) -> str:
    """A label or title as one line that can be shown anywhere, at most `most` characters of it."""
    line = escaped(text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"


def shortened(text: str, most: int, rest: str) -> str:
    """A text of lines that can be shown; of a longer one than `most` characters both ends.

    Args:
        text: any.
        most: characters that are kept.
        rest: where the whole text is, for the line that stands for the middle.
    """
    if len(text) > most:
        left_out = f"\n[{number(len(text) - most)} characters left out: {rest}]\n"
        text = text[: most // 2] + left_out + text[-(most - most // 2) :]
    return escaped(text, lines=True)


def count(n: float, noun: str) -> str:
    """`1 seed`, `2 seeds`, thousands marked by a thin space."""
    return f"{number(round(n))} {noun}{'' if n == 1 else 's'}"


def listing(words: Sequence[str], most: int = 4) -> str:
    """`a, b and c`; the tail counted where there are more than `most`."""
    if len(words) > most:
        return f"{', '.join(words[: most - 1])} and {len(words) - most + 1} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
