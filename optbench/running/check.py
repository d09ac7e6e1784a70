"""Checks what a study names, each trust domain in a process of its own: no torch here.

What a plug-in does to the process that tries it makes no other look wrong, and one that crashes its process
or never comes back is a finding like any other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from optbench.cells.domains import foreign, trust_domain
from optbench.running.ask import ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optbench.cells.cell import CellSpec
    from optbench.running.launcher import Launcher

CHECKER = "optbench.running.check_worker"
"""The module that checks."""

ANSWERED = frozenset({"problems", "warnings", "refusals"})
"""Keys of an answer; one that a plug-in has spoilt lacks them."""

LIMIT_S = 300.0
"""How long the check of one trust domain may take."""


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

    def add(self, answer: dict[str, Any]) -> None:
        """Adds what was found in one domain, each sentence once."""
        for kind, mine in (("problems", self.problems), ("warnings", self.warnings)):
            mine += [sentence for sentence in answer[kind] if sentence not in mine]
        for reason, names in answer["refusals"].items():
            self.refusals.setdefault(reason, []).extend(names)


def check_apart(
    cells: Sequence[CellSpec],
    data_folder: Path,
    study_folder: Path,
    launcher: Launcher,
    limit_s: float = LIMIT_S,
) -> Checked:
    """What is wrong with what cells name, each thing once.

    Args:
        cells: with their learning rates.
        data_folder: where prepared data lies.
        study_folder: plug-ins are importable from here.
        launcher: what starts the processes.
        limit_s: seconds that the check of one domain may take.
    """
    domains: dict[frozenset[str], list[CellSpec]] = {}
    for cell in cells:
        domains.setdefault(trust_domain(cell), []).append(cell)
    checked = Checked()
    looked_at: set[str] = set()
    for domain in sorted(domains, key=len):  # what is of nobody else first: it is tried where it is alone
        here = domains[domain]
        keys = dict(_parts(here))
        # What has been tried in a smaller domain is not accused in one with another's code in it.
        ours = {factory for factory in keys.values() if not foreign(factory)} - looked_at
        looked_at |= ours
        with TemporaryDirectory() as folder:
            file = Path(folder) / "answer.json"
            request = here, ours | domain, data_folder, study_folder, file
            answer, how = ask(launcher, CHECKER, request, limit_s, threads=here[0].threads, device="cpu")
            if answer is None and file.exists():  # a plug-in has closed the channel, which does no harm
                answer = json.loads(file.read_text(encoding="utf-8"))
        if answer is None or not answer.keys() >= ANSWERED:
            blamed = [key for key, factory in keys.items() if foreign(factory)] or sorted(keys)
            lines = how.splitlines()
            why = (
                ": ".join(dict.fromkeys([lines[0], lines[-1]]))
                if answer is None
                else "cannot say what it found"
            )
            checked.problems.append(f"{', '.join(blamed)}: the process that checks it {why}")
        else:
            checked.add(answer)
    return checked


def _parts(cells: Sequence[CellSpec]) -> Iterator[tuple[str, str]]:
    """Key and factory of everything that cells are made of."""
    for cell in cells:
        yield f"workloads.{cell.workload.name}", cell.workload.factory
        yield f"optimizers.{cell.optimizer.name}", cell.optimizer.factory
        yield f"schedules.{cell.schedule.name}", cell.schedule.factory
