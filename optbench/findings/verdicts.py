"""The verdicts: what a comparison can come to, in words, and how the page's budget of error is shared.

Standard library only: the page reads them without what computes.
"""

from __future__ import annotations

from typing import Final

SHARES: Final = {"comparisons": 0.7, "main effects": 0.2, "equality": 0.1}
"""What of the budget goes to the pairs of combinations, to the pooled main effects, and to `equal within`."""

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

RESOLVED: Final = (BETTER, WORSE, BETTER_EXACT, WORSE_EXACT)
"""Verdicts that one is better than the other."""

FAVOURABLE: Final = (BETTER, BETTER_EXACT)
UNFAVOURABLE: Final = (WORSE, WORSE_EXACT)

MIRROR: Final = {BETTER: WORSE, WORSE: BETTER, BETTER_EXACT: WORSE_EXACT, WORSE_EXACT: BETTER_EXACT}


def mirrored(verdict: str) -> str:
    """The verdict on b against a, from the one on a against b."""
    return MIRROR.get(verdict, verdict)


def kind_of(verdict: str) -> str:
    """The verdict without its margin: `equal` for all that are equal within some margin."""
    return "equal" if verdict.startswith(EQUAL) else verdict
