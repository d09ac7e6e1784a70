"""Names and values of a study file that cannot be, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from optbench.core.errors import UserError, unknown
from optbench.core.factories import is_foreign
from optbench.core.files import slug
from optbench.core.text import shown
from optbench.study.file import TO_FACTORY
from optbench.study.labels import is_blank
from optbench.study.places import key_path
from optbench.study.plugins import keyword_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from optbench.core.specs import Setting, Spec
    from optbench.study.file import Entry


LONGEST_SLUG = 200
"""Bytes of a name as a path: file systems stop at 255, and a trace adds its own part."""


class Range(NamedTuple):
    """Bounds of a hyperparameter; `open_low` and `open_high` leave a bound itself out."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: object) -> bool:
        """Whether `value` is a number within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        if self.high == float("inf"):
            return f"{'>' if self.open_low else '>='} {self.low:g}"
        low, high = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"in {low}{self.low:g}, {self.high:g}{high}"


HYPERPARAMETERS: Mapping[str, Range] = {
    "momentum": Range(0, 1, open_high=True),
    "betas": Range(0, 1, open_high=True),
    "alpha": Range(0, 1),
    "rho": Range(0, 1),
    "dampening": Range(0, 1),
    "weight_decay": Range(0, float("inf")),
    "eps": Range(0, float("inf")),
    "gamma": Range(0, float("inf"), open_low=True),
    "factor": Range(0, 1, open_low=True),
}
"""What the usual hyperparameters may be, in torch's factories and ours; others have their own rules."""


PAIRS = frozenset({"betas"})
"""Those that are two numbers."""

PAIR = 2


def _check_path_part(kind: str, name: str) -> None:
    """Raises UserError for a name that cannot be part of a path."""
    if is_blank(name):
        raise UserError(f"{key_path([kind, name])}: a name must not be blank; got {shown(name)}")
    if not name.isprintable():
        raise UserError(f"{kind}.{name!r}: a name becomes a path: its characters must be printable")
    if len(slug(name)) > LONGEST_SLUG:
        raise UserError(
            f"{kind}.{name}: a name becomes a path: it must have at most {LONGEST_SLUG} bytes there; "
            f"it has {len(slug(name))}"
        )


def _check_names(key: str, spec: Spec, entry: Entry, folder: Path, supplied: int = 1) -> None:
    """Raises UserError for a setting that the factory's source shows it does not take, or would not get.

    Args:
        key: where the entry stands.
        spec: what became of it.
        entry: the entry; its own keys are what a misspelt setting may have meant.
        folder: the study file's folder.
        supplied: arguments in front that the program gives to the factory.
    """
    names = keyword_names(spec.factory, folder, supplied) if spec.factory else set()
    if names is None:
        return
    for name in entry.settings:
        if name not in names:
            raise unknown(f"{key}.{name}", name, names | set(type(entry).model_fields))
    own = entry.model_fields_set & set(type(entry).model_fields) - TO_FACTORY
    for name in sorted(own & names):
        raise UserError(
            f"{key}.{name} is a key of optbench's own and is not handed to the factory, whose argument of "
            "that name cannot be set; give the argument another name"
        )


def _check_ranges(key: str, factory: str, settings: Mapping[str, Setting]) -> None:
    if is_foreign(factory):
        return
    for name, value in settings.items():
        allowed = HYPERPARAMETERS.get(name)
        if allowed is None:
            continue
        if name in PAIRS and not (isinstance(value, list) and len(value) == PAIR):
            raise UserError(f"{key}.{name} must be a list of two numbers {allowed}; got {shown(value)}")
        for place, number in enumerate(value if isinstance(value, list) else [value]):
            if number is None and name == "eps" and isinstance(value, list):
                continue  # the first of Adafactor's two may be left out
            if not allowed.holds(number):
                at = f"[{place}]" if isinstance(value, list) else ""
                raise UserError(f"{key}.{name}{at} must be {allowed}; got {shown(number)}")
