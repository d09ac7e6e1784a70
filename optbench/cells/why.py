"""Why a cell is trained again: what differs between its identity and those of the traces that lie there.

Traces are never swept away: an edit that is taken back finds its old ones again. So what lies beside a cell's
trace tells what it was before.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optbench.cells.paths import is_complete, trace_path
from optbench.cells.trace import BadTraceError, read_facts
from optbench.core import provenance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from optbench.cells.cell import CellSpec

UP_TO_DATE, NEVER, AGAIN = "up to date", "never trained", "trained again"
"""What there is to say of a cell: its trace is there; there is none at all; only others are."""

UNTOLD = "an earlier version of optbench made that trace, which does not say of what"

ELSEWHERE = "code: the same pieces, put together otherwise"


@dataclass(frozen=True)
class Reason:
    """What there is to say of one cell.

    Attributes:
        cell: the cell.
        state: `UP_TO_DATE`, `NEVER` or `AGAIN`.
        beside: the newest other trace of it; None where there is none.
        causes: what decides numbers and differs from that trace, a line each.
        aside: what differs and decides no digest, a line each.
    """

    cell: CellSpec
    state: str
    beside: Path | None = None
    causes: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


class Folders:
    """Folders of traces, each listed once however many cells lie in it."""

    def __init__(self) -> None:
        self._names: dict[Path, list[str]] = {}

    def others(self, cell: CellSpec) -> list[Path]:
        """The traces of a cell under other digests than its own, in the order of their names."""
        path = trace_path(cell)
        folder, begins = path.parent, f"{path.stem.rpartition('-')[0]}-"
        if folder not in self._names:
            self._names[folder] = sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208
        return [
            folder / name
            for name in self._names[folder]
            if name.startswith(begins) and name.endswith(".parquet") and name != path.name
        ]


def reasons(cells: Iterable[CellSpec]) -> Iterator[Reason]:
    """What there is to say of each of `cells`."""
    folders = Folders()
    for cell in cells:
        there = is_complete(trace_path(cell))
        found = newest(folders.others(cell))
        if found is None:
            yield Reason(cell, UP_TO_DATE if there else NEVER)
            continue
        beside, then = found
        now: Mapping[str, Any] = {
            "identity": cell.identity,
            "versions": provenance.versions(provenance.TRAINING_PACKAGES),
        }
        if there:
            now, _ = read_facts(trace_path(cell))
        state = UP_TO_DATE if there else AGAIN
        yield Reason(cell, state, beside, tuple(differences(then, now)), tuple(asides(then, now)))


def newest(paths: Iterable[Path], before: float = float("inf")) -> tuple[Path, dict[str, Any]] | None:
    """The trace that was begun last and before `before` (seconds since 1970), and its facts.

    Files that are no traces are passed over; None where none is left.
    """
    found: list[tuple[float, Path, dict[str, Any]]] = []
    for path in paths:
        try:
            facts, times = read_facts(path)
        except BadTraceError:
            continue
        found.append((float(times.get("started", 0.0)), path, facts))
    earlier = [one for one in found if one[0] < before]
    return max(earlier, key=lambda one: one[:2])[1:] if earlier else None


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What decides numbers and differs between the facts of two traces, a line each."""
    before, after = then.get("identity"), now.get("identity")
    if not before or not after:
        return [UNTOLD]
    lines = [f"settings: {line}" for line in _changes(before["settings"], after["settings"])]
    lines += [f"data: {line}" for line in _changes(before["data"] or {}, after["data"] or {})]
    modules = list(_modules(before["code"], after["code"]))
    lines += [f"code: {', '.join(modules)}"] if modules else []
    return lines or [ELSEWHERE]


def asides(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between the facts of two traces and decides no digest, a line each."""
    changes = list(_changes(then.get("versions") or {}, now.get("versions") or {}))
    return [f"versions (decide no digest): {', '.join(changes)}"] if changes else []


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """`optimizer momentum 0.9 -> 0.95` for every value that differs."""
    before, after = dict(_leaves(then)), dict(_leaves(now))
    for key in [*before, *(key for key in after if key not in before)]:
        one, other = _said(before, key), _said(after, key)
        if one != other:
            yield f"{key} {one} -> {other}"


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        # An optimizer's settings are its own: `optimizer momentum`
        name = above if above and key == "settings" else f"{above} {key}".strip()
        if isinstance(value, dict):
            yield from _leaves(value, name)
        else:
            yield name, value


def _said(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "not set"
    value = values[key]
    return value if isinstance(value, str) and value else json.dumps(value)


def _modules(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The files whose code differs. One that has only moved does not."""
    before, after = _hashes(then), _hashes(now)
    gone = {name: code for name, code in before.items() if after.get(name) != code}
    new = {name: code for name, code in after.items() if before.get(name) != code}
    for name, code in list(new.items()):
        twin = next((other for other in gone if gone[other] == code), None)
        if twin is not None:
            del new[name], gone[twin]
    for name in sorted(gone.keys() | new.keys()):
        how = "" if name in before and name in after else " (new)" if name in after else " (no longer used)"
        yield f"{name.removeprefix('./').replace('.', '/')}.py{how}"


def _hashes(parts: Mapping[str, Mapping[str, str]]) -> dict[str, frozenset[str]]:
    """The hashes of each module; a module may serve several parts of a cell."""
    found: dict[str, set[str]] = {}
    for modules in parts.values():
        for name, code in modules.items():
            found.setdefault(name, set()).add(code)
    return {name: frozenset(codes) for name, codes in found.items()}


def grouped(found: Iterable[Reason]) -> list[tuple[tuple[str, ...], list[CellSpec]]]:
    """The cells that would be trained, together where their causes are the same; the largest group first."""
    groups: dict[tuple[str, ...], list[CellSpec]] = {}
    for one in found:
        if one.state != UP_TO_DATE:
            groups.setdefault(one.causes or (one.state,), []).append(one.cell)
    size = Counter({causes: len(cells) for causes, cells in groups.items()})
    return [(causes, groups[causes]) for causes, _ in size.most_common()]


def trained_again(
    cell: CellSpec, facts: Mapping[str, Any], times: Mapping[str, Any], folders: Folders
) -> str:
    """Why a cell's trace was made although an earlier one lies beside it; "" where none does."""
    found = newest(folders.others(cell), before=float(times.get("started", float("inf"))))
    return "" if found is None else "; ".join(differences(found[1], facts))
