"""The verdicts: what a comparison can come to, in words, and how the page's budget of error is shared.

Standard library only: the page reads them without what computes.
"""

from __future__ import annotations

from typing import Final

SHARES: Final = {"comparisons": 0.65, "main effects": 0.1, "equality": 0.1}
"""What of the budget goes to the pairs of combinations, to the pooled main effects, and to `equal within`.

What is left of it, 15%, is kept back: the noise of real seeds has tails that are not those of the normal
distribution, and far out, where a correction for hundreds of pairs looks, a t test errs two or three times
as often as it says (docs/why/error-rate.md). In a race the last is spent over its looks, and
main effects are tested once, at the first."""

RACED: Final = 0.46
"""What of the budget the looks of a race may spend on its pairs together: less than a single look may, for
many tests look further out, where the noise of real seeds is least normal."""

MODERATED_T: Final = "moderated paired t, Holm"
STUDENT_T: Final = "paired t, Holm"
NOT_TESTED: Final = "none"
EXACT: Final = "none: exact, nothing is drawn"

BETTER: Final = "better"
WORSE: Final = "worse"
BETTER_EXACT: Final = "better (exact)"
WORSE_EXACT: Final = "worse (exact)"
BELOW: Final = "detected, below the threshold"
UNDECIDED: Final = "undecided"
INSUFFICIENT: Final = "insufficient data"
EQUAL: Final = "equal within "
"""What a verdict of equality starts with; the margin follows, as in `equal within 4.2%`."""

IN: Final = "in"
DROPPED: Final = "dropped"
LEFT_EQUAL: Final = "equal"
FUTILE: Final = "futile"
WINNER: Final = "winner"
"""What a combination is after a look of a race: trained on, worse than another, one of several that are equal
or of which more seeds will hardly tell the best, or the only one left."""

RESOLVED: Final = (BETTER, WORSE, BETTER_EXACT, WORSE_EXACT)
"""Verdicts that one is better than the other."""

FAVOURABLE: Final = (BETTER, BETTER_EXACT)
UNFAVOURABLE: Final = (WORSE, WORSE_EXACT)

MIRROR: Final = {BETTER: WORSE, WORSE: BETTER, BETTER_EXACT: WORSE_EXACT, WORSE_EXACT: BETTER_EXACT}


def mirrored(verdict: str) -> str:
    """The verdict on b against a, from the one on a against b."""
    return MIRROR.get(verdict, verdict)


def undecided_within(seeds: int) -> str:
    """The verdict on two that were in a race to its end: not known which is better, and never `equal`."""
    return f"{UNDECIDED} within {seeds} seeds"


def kind_of(verdict: str) -> str:
    """The verdict without its margin or its seeds: `equal` for all that are equal within some margin."""
    if verdict.startswith(EQUAL):
        return "equal"
    return UNDECIDED if verdict.startswith(UNDECIDED) else verdict
