"""Checks what a study names, each trust domain in a process of its own: no torch here.

What a plug-in does to the process that tries it makes no other look wrong, and one that crashes its process
or never comes back is a finding like any other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from optbench.cells.domains import foreign, trust_domain
from optbench.core.words import told_of_pairs
from optbench.running.ask import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from optbench.cells.cell import CellSpec
    from optbench.running.launcher import Launcher

CHECKER = "optbench.running.check_worker"
"""The module that checks."""

LIMIT_S = 300.0
"""How long the check of one trust domain may take, at most."""

SHORTEST_S, CELLS = 30.0, 3
"""Seconds that it may take beside the time limit of so many cells: one that never returns is not waited for
much longer than in training."""


@dataclass
class Checked:
    """What was found.

    Attributes:
        problems: what makes cells fail or their comparison wrong, one sentence each.
        warnings: what is worth knowing and does no harm, one sentence each.
        refusals: combinations whose seeds cannot be trained as one model, by the reason.
    """

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    refusals: dict[str, list[str]] = field(default_factory=dict)
    _pairs: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @property
    def accused(self) -> set[str]:
        """Keys of what is unsound by itself."""
        return {key for problem in self.problems for key in problem.partition(": ")[0].split(", ")}

    def finish(self) -> Checked:
        """This, with a sentence for each thing that goes wrong with others."""
        for (key, words), others in self._pairs.items():
            self.add_problem(told_of_pairs(key, words, others))
        self._pairs.clear()
        return self

    def add_problem(self, sentence: str) -> None:
        """Adds what is wrong, unless it has been told."""
        if sentence not in self.problems:
            self.problems.append(sentence)

    def add(self, answer: dict[str, Any]) -> None:
        """Adds what was found in one domain, each sentence once."""
        for kind, mine in (("problems", self.problems), ("warnings", self.warnings)):
            mine += [sentence for sentence in answer[kind] if sentence not in mine]
        for key, words, others in answer["pairs"]:
            self._pairs.setdefault((key, words), []).extend(others)
        for reason, names in answer["refusals"].items():
            self.refusals.setdefault(reason, []).extend(names)


def check_apart(
    cells: Sequence[CellSpec],
    data_folder: Path,
    study_folder: Path,
    launcher: Launcher,
    limit_s: float | None = None,
    on_domain: Callable[[int, int], None] | None = None,
) -> Checked:
    """What is wrong with what cells name, each thing once.

    Args:
        cells: with their learning rates.
        data_folder: where prepared data lies.
        study_folder: plug-ins are importable from here.
        launcher: what starts the processes.
        limit_s: seconds that the check of one domain may take; left out, what suits its cells' own limit.
        on_domain: is told of each domain before it is checked: its number, from 1, and how many there are.
    """
    domains: dict[frozenset[str], list[CellSpec]] = {}
    for cell in cells:
        domains.setdefault(trust_domain(cell), []).append(cell)
    checked = Checked()
    looked_at: set[str] = set()
    returned: set[str] = set()
    begun: dict[str, dict[str, str]] = {}
    # What is of nobody else first: it is tried where it is alone.
    for number, domain in enumerate(sorted(domains, key=len), start=1):
        if on_domain is not None:
            on_domain(number, len(domains))
        here = domains[domain]
        keys = dict(_parts(here))
        # What has been tried in a smaller domain is not accused in one with another's code in it.
        ours = {factory for factory in keys.values() if not foreign(factory)} - looked_at
        looked_at |= ours
        limit = limit_s or min(LIMIT_S, SHORTEST_S + CELLS * max(cell.timeout_s for cell in here))
        ask_for = partial(_asked, launcher, limit, here[0].threads)
        accused = checked.accused
        answer, how = ask_for((here, ours | domain, accused, data_folder, study_folder))
        if answer is None:
            # What has come back from a process of its own is not what has ended this one.
            suspects = [key for key, factory in keys.items() if foreign(factory)]
            blamed = [key for key in suspects if keys[key] not in returned] or suspects or sorted(keys)
            lines = how.splitlines()
            why = ": ".join(dict.fromkeys([lines[0], lines[-1]]))
            checked.add_problem(f"{', '.join(blamed)}: the process that checks it {why}")
            continue
        returned |= domain
        checked.add(answer)
        known = set(begun)
        _compare(answer, begun, checked)
        if not answer["fingerprints"].keys() <= known:  # none of another process is there
            again, _ = ask_for((here, frozenset(), accused, data_folder, study_folder))
            _compare(again or answer, begun, checked)
    return checked.finish()


def _asked(
    launcher: Launcher, limit_s: float, threads: int, request: tuple[object, ...]
) -> tuple[dict[str, Any] | None, str]:
    """What a process that checks says, and how it ended.

    It leaves its answer in a file too: a plug-in that closes every descriptor closes the channel, which does
    no harm.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "answer.json"
        answer, how = ask(
            launcher,
            CHECKER,
            (*request, file),
            limit_s,
            threads=threads,
            device="cpu",
            is_answer=_is_answer,
        )
        if answer is None and file.exists():
            found = json.loads(file.read_text(encoding="utf-8"))
            answer = found if _is_answer(found) else None
    return answer, how


def _compare(answer: dict[str, Any], begun: dict[str, dict[str, str]], checked: Checked) -> None:
    """Notes workloads that start from something else in this process than in an earlier one.

    Args:
        answer: of this process.
        begun: what was seen in earlier ones, which grows.
        checked: where it is noted, unless there is something wrong with the workload anyway.
    """
    accused = checked.accused
    for name, found in answer["fingerprints"].items():
        before = begun.setdefault(name, found)
        differing = [what for what in found if found[what] != before.get(what)]
        if differing and f"workloads.{name}" not in accused:
            checked.problems.append(
                f"workloads.{name}: its {differing[0]} differ from one process to another: what its module "
                "draws when it is imported needs a generator with a fixed seed"
            )


def _is_answer(said: object) -> bool:
    """Whether it is one of `check_worker`: a plug-in may have spoilt it."""
    if not isinstance(said, dict) or not _are_hashes(said.get("fingerprints")):
        return False
    if said.keys() == {"fingerprints"}:
        return True
    refusals, pairs = said.get("refusals"), said.get("pairs")
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        return False
    sentences = [said.get("problems"), said.get("warnings")]
    sentences += list(refusals.values()) if isinstance(refusals, dict) else [None]
    return all(isinstance(some, list) and all(isinstance(one, str) for one in some) for some in sentences)


def _is_pair(said: object) -> bool:
    match said:
        case [str(), str(), [str(), *others]]:
            return all(isinstance(one, str) for one in others)
    return False


def _are_hashes(said: object) -> bool:
    return isinstance(said, dict) and all(
        isinstance(one, dict) and all(isinstance(value, str) for value in one.values())
        for one in said.values()
    )


def _parts(cells: Sequence[CellSpec]) -> Iterator[tuple[str, str]]:
    """Key and factory of everything that cells are made of."""
    for cell in cells:
        yield f"workloads.{cell.workload.name}", cell.workload.factory
        yield f"optimizers.{cell.optimizer.name}", cell.optimizer.factory
        yield f"schedules.{cell.schedule.name}", cell.schedule.factory
