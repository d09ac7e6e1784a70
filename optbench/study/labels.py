"""Labels of a study: each is seen, and no two of a kind look alike, so that a sentence says who is meant."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from optbench.core.errors import UserError
from optbench.core.text import shown
from optbench.core.words import named

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLANK = re.compile(r"[\s\u2800]*")  # U+2800 is the Braille pattern without a dot

_NO_ROOM = re.compile("[\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def is_blank(text: str) -> bool:
    """Whether nothing of a text is seen."""
    return _BLANK.fullmatch(text) is not None


def check_labels(kind: str, labels: Mapping[str, str]) -> None:
    """Raises UserError for a label that looks like that of another entry of its kind.

    What is compared is what a reader sees: a long label as it is cut, in Unicode's form NFKC, with its blanks
    as one, joiners and variation selectors left out. Letters of other alphabets that look alike are not told
    apart, and capital letters are others than small ones.

    Args:
        kind: where the entries stand in the study file.
        labels: by the entry's name.
    """
    seen: dict[str, str] = {}
    for name, label in labels.items():
        looks = _NO_ROOM.sub("", unicodedata.normalize("NFKC", named(" ".join(label.split()))))
        if looks in seen:
            raise UserError(
                f"{kind}.{name}: its label {shown(label)} looks like that of {kind}.{seen[looks]}, and the "
                "page could not tell them apart; give one of them another 'label'"
            )
        seen[looks] = name
