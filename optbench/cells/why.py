"""Why something is made again: what differs between its identity and those of the files that lie there.

Cells, trials, choices of learning rates and timings are kept under their digests and never swept away: an
edit that is taken back finds its old ones again. So what lies beside a file tells what it was before.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.cells.look import CORRUPT, UNREADABLE, Look, look_at
from optbench.cells.paths import trace_path
from optbench.cells.search import choice_if_whole, is_finished, read_choice
from optbench.cells.timing_file import OF_A_TIMING
from optbench.cells.timings import timing_path
from optbench.cells.trace import BadTraceError, read_facts
from optbench.core import provenance
from optbench.core.errors import CorruptFileError
from optbench.core.status import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from optbench.cells.cell import CellSpec
    from optbench.cells.search import Search
    from optbench.study.timing import TimingSpec

UP_TO_DATE, AGAIN = "up to date", "made again"
"""What there is to say of a file: it is there; only others are."""

NEVER, NEVER_CHOSEN, NEVER_MEASURED = "never trained", "never chosen", "never measured"
"""The same where there is none at all: of a cell or trial, of a learning rate, of a timing."""

UNTOLD = "the earlier result is by a version of optbench that did not note what it was made from"

SAME_FILES = "code: no function was edited, but a name that is used now means another one"

TRIALS_GONE = "trials that it rests on are no longer there"

SPOILT = "what lies there is corrupt"

KEPT = "what lies there cannot be read, and stays as it is"
"""Nobody knows what it holds, so that it is made by nobody."""


@dataclass(frozen=True)
class Reason:
    """What there is to say of one cell, trial, choice or timing.

    Attributes:
        name: of the cell, of the search (`workload/optimizer/schedule`), or the timing's workload.
        state: `UP_TO_DATE`, `AGAIN`, `SPOILT`, `KEPT`, or that there never was one.
        beside: the newest other file of it; None where there is none.
        causes: what decides numbers and differs from that file, a line each.
        aside: what differs and decides no digest, a line each.
        problem: what is wrong with what lies there, in a line that names the file; "" where nothing is.
    """

    name: str
    state: str
    beside: Path | None = None
    causes: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    problem: str = ""


class Folders:
    """Folders of what was made, each listed once however many files lie in it."""

    def __init__(self) -> None:
        self._names: dict[Path, list[str]] = {}

    def others(self, path: Path) -> list[Path]:
        """The files that differ from `path` in the digest alone, in the order of their names."""
        folder, begins = path.parent, f"{path.stem.rpartition('-')[0]}-"
        if folder not in self._names:
            self._names[folder] = sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208
        return [
            folder / name
            for name in self._names[folder]
            if name.startswith(begins) and name.endswith(path.suffix) and name != path.name
        ]

    def latest(self, path: Path) -> Path | None:
        """The one of `others` that was written last; None where there is none."""
        return max(self.others(path), key=lambda other: (other.stat().st_mtime_ns, other), default=None)


def reasons(cells: Iterable[CellSpec]) -> Iterator[Reason]:
    """What there is to say of each of `cells`, or of trials."""
    folders = Folders()
    versions = provenance.versions(provenance.TRAINING_PACKAGES)
    for cell in cells:
        path = trace_path(cell)
        there = look_at(path)
        if there.problem:
            yield _spoilt(cell.name, there)
            continue
        found = newest(folders.others(path))
        if found is None:
            yield Reason(cell.name, UP_TO_DATE if there.is_whole else NEVER)
            continue
        beside, then = found
        now = there.facts or {"identity": cell.identity, "versions": versions}
        state = UP_TO_DATE if there.is_whole else AGAIN
        yield Reason(cell.name, state, beside, tuple(differences(then, now)), tuple(asides(then, now)))


def reasons_of_choices(searches: Iterable[Search]) -> Iterator[Reason]:
    """What there is to say of the choice of each of `searches`."""
    folders = Folders()
    for search in searches:
        try:
            choice = read_choice(search.path)
        except CorruptFileError as problem:
            yield _spoilt(search.name, Look(CORRUPT, str(problem)))
            continue
        except PermissionError as problem:
            told = f"{search.path} cannot be read ({problem.strerror})"
            yield _spoilt(search.name, Look(UNREADABLE, told))
            continue
        if is_finished(search):
            yield Reason(search.name, UP_TO_DATE)
        elif choice is not None:
            yield Reason(search.name, AGAIN, causes=(_why_open(choice),))
        else:
            beside = folders.latest(search.path)
            if beside is None:
                yield Reason(search.name, NEVER_CHOSEN)
                continue
            differ = differences(choice_if_whole(beside) or {}, {"identity": search.identity})
            yield Reason(search.name, AGAIN, beside, tuple(differ))


def reasons_of_timings(timings: Iterable[TimingSpec]) -> Iterator[Reason]:
    """What there is to say of each of `timings`."""
    folders = Folders()
    for timing in timings:
        path, name = timing_path(timing), timing.workload.name
        there = look_at(path, OF_A_TIMING)
        if there.problem:
            yield _spoilt(name, there)
            continue
        if there.is_whole:
            yield Reason(name, UP_TO_DATE)
            continue
        latest = folders.latest(path)
        found = newest([latest] if latest else [])
        if found is None:
            yield Reason(name, NEVER_MEASURED)
            continue
        beside, then = found
        yield Reason(name, AGAIN, beside, tuple(differences(then, {"identity": timing.identity})))


def _spoilt(name: str, there: Look) -> Reason:
    """The reason where something lies there that is not what was written, or that may not be read."""
    if there.status == UNREADABLE:
        return Reason(name, KEPT, problem=there.problem)
    return Reason(name, SPOILT, causes=(SPOILT,), problem=there.problem)


def _why_open(choice: Mapping[str, Any]) -> str:
    """Why a search that has its choice is not finished: what is wrong with the trials that it rests on."""
    looks = [look_at(Path(trial["path"])) for trial in choice["trials"]]
    problems = [look.problem for look in looks if look.problem]
    gone = any(look.status == MISSING.name for look in looks)
    return TRIALS_GONE if gone or not problems else f"it rests on a trial that is none: {problems[0]}"


def newest(paths: Iterable[Path], before: float = float("inf")) -> tuple[Path, dict[str, Any]] | None:
    """The trace that was begun last and before `before` (seconds since 1970), and its facts.

    Files that are neither traces nor timings are passed over; None where none is left.
    """
    found: list[tuple[float, Path, dict[str, Any]]] = []
    for path in paths:
        try:
            facts, times = read_facts(path)
        except (BadTraceError, OSError):
            continue
        found.append((float(times.get("started", 0.0)), path, facts))
    earlier = [one for one in found if one[0] < before]
    return max(earlier, key=lambda one: one[:2])[1:] if earlier else None


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What decides numbers and differs between the facts of two traces, choices or timings, a line each."""
    before, after = then.get("identity"), now.get("identity")
    if not before or not after:
        return [UNTOLD]
    lines = [f"settings: {line}" for line in _changes(before["settings"], after["settings"])]
    lines += [f"data: {line}" for line in _changes(before["data"] or {}, after["data"] or {})]
    modules = list(_modules(before["code"], after["code"]))
    lines += [f"code: {', '.join(modules)}"] if modules else []
    return lines or [SAME_FILES]


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


NAMES = {"schema": "layout of traces", "together": "seeds trained as one model", "sha256": "content"}
"""What is said instead of a key of an identity."""


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        # An optimizer's settings are its own: `optimizer momentum`
        name = above if above and key == "settings" else f"{above} {NAMES.get(key, key)}".strip()
        if isinstance(value, dict):
            yield from _leaves(value, name)
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            # Optimizers that are timed together, each by its name: `optimizer adam lr`
            named = {one["name"]: {k: v for k, v in one.items() if k != "name"} for one in value}
            yield from _leaves(named, name.removesuffix("s"))
            yield f"order of {name}", list(named)
        else:
            yield name, value


def _said(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "not set"
    value = values[key]
    # A function of ours is kept as `:name`, without its module.
    return value.removeprefix(":") if isinstance(value, str) and value else json.dumps(value)


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
        yield f"{_file(name)}{how}"


def _file(module: str) -> str:
    """The file of a module of an identity, ours with the package's name before it."""
    path = module.removeprefix("./").replace(".", "/")
    return f"{path}.py" if module.startswith("./") else f"optbench/{path or '__init__'}.py"


def _hashes(parts: Mapping[str, Mapping[str, str]]) -> dict[str, frozenset[str]]:
    """The hashes of each module; a module may serve several parts of a cell."""
    found: dict[str, set[str]] = {}
    for modules in parts.values():
        for name, code in modules.items():
            found.setdefault(name, set()).add(code)
    return {name: frozenset(codes) for name, codes in found.items()}


def grouped(found: Iterable[Reason]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Names of what would be made, together where the causes are the same; the largest group first.

    After a name stands what is wrong with what lies there, where something is.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for one in found:
        if one.state not in {UP_TO_DATE, KEPT}:
            name = f"{one.name}: {one.problem}" if one.problem else one.name
            groups.setdefault(one.causes or (one.state,), []).append(name)
    size = Counter({causes: len(names) for causes, names in groups.items()})
    return [(causes, groups[causes]) for causes, _ in size.most_common()]


def trained_again(
    cell: CellSpec, facts: Mapping[str, Any], times: Mapping[str, Any], folders: Folders
) -> str:
    """Why a cell's trace was made although an earlier one lies beside it; "" where none does."""
    found = newest(folders.others(trace_path(cell)), before=float(times.get("started", float("inf"))))
    return "" if found is None else "; ".join(differences(found[1], facts))
