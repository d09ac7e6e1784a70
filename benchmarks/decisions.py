"""How often a page errs and how often it answers, from `optbench collect` on: studies of known truth.

    python benchmarks/decisions.py [--studies 20] [--jobs 2] [--only 'real/10']

Traces are made up (benchmarks/fabricated.py), the stages make tables of them (the first studies of each case
by the public commands to the findings, the others from `collect` as far as verdicts are made), and what is
counted are the verdicts that stand there (benchmarks/known_truth.py): those inside the page's budget of
error, and any.

Null studies have 3 workloads, 4 optimizers and 2 schedules, and all runs of a workload have the same true
loss: whatever is called better or worse is false. Their noise is one of benchmarks/noise.py's. Power is
measured on 2 workloads and 8 optimizers under 2 schedules with real noise: half of the combinations, drawn
anew for each study, have a true loss of r times that of the other half.

Each study has a seed of its own. What is counted is kept in results/decisions/ under a name that holds a hash
of the code that decides, study by study: a run that was stopped goes on, and more studies may be asked for
later. `--only` takes patterns of cases such as 'gaussian/6', '*/10' and 'power-0.9/*'.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from known_truth import DIFFERENT, Case, decided
from noise import KINDS, TABLE
from optbench.core.files import PACKAGE_FOLDER
from optbench.stats import wilson_interval
from results import record_table

HERE = Path(__file__).resolve().parent
COUNTS = HERE.parent / "results" / "decisions"

ASSERTED = ("gaussian", "lognormal", "real")
"""Noise on which the page's budget must hold; the other kinds are told beside it."""

STUDIES = {6: 500, 8: 500, 10: 500, 20: 500}
"""Null studies of each kind by their number of seeds."""

MORE = {"real/8": 1500}
"""Cases of which more are counted: the first 500 of this one erred more often than its neighbours did."""

FEWER = 200
"""At most so many of the kinds that are told beside."""

RATIOS = (0.98, 0.95, 0.9, 0.8)
POWER = {6: 60, 8: 60, 10: 60}
"""Studies of each true ratio by their number of seeds."""

MOST = 0.075
"""What the upper end of the interval of a budget of 5% must not exceed."""

DECIDING = ("core", "cells", "study", "stats", "tables", "findings")
"""Packages whose code a count depends on."""

CASES = {
    case.name: (case, MORE.get(case.name, studies))
    for case, studies in [
        *(
            (Case(kind, n), studies if kind in ASSERTED else min(studies, FEWER))
            for kind in KINDS
            for n, studies in STUDIES.items()
        ),
        *((Case("real", n, ratio), studies) for ratio in RATIOS for n, studies in POWER.items()),
    ]
}
"""All of them by name, with the studies that are meant of each."""

Counted = Mapping[str, Any]
"""A study as `decided` counts it."""

Counts = Mapping[str, Sequence[Counted]]
"""The studies of each case."""


# --------------------------------------------------------------------------------------------- counting


def code_hash() -> str:
    """Eight digits over all that decides what is counted."""
    files = [file for name in DECIDING for file in sorted((PACKAGE_FOLDER / name).rglob("*.py"))]
    files += [HERE / name for name in ("fabricated.py", "known_truth.py", "noise.py")] + [TABLE]
    found = hashlib.sha256()
    for file in files:
        found.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()[:8]


def known(file: Path) -> list[Counted]:
    """What was counted before, a study once, in order; a last line that was cut short is cut off."""
    content = file.read_bytes() if file.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(file, len(whole))
    found = {one["study"]: one for one in map(json.loads, whole.splitlines())}
    return [found[study] for study in sorted(found)]


def tasks_left(studies: int | None, only: Sequence[str], counts: Counts) -> Iterator[tuple[str, int]]:
    """Studies that are not counted yet, of the cases that match one of `only`."""
    for name, (_, meant) in CASES.items():
        if any(fnmatchcase(name, pattern) for pattern in only):
            there = {one["study"] for one in counts[name]}
            wanted = range(meant if studies is None else studies)
            yield from ((name, study) for study in wanted if study not in there)


def _settle(folder: str) -> None:
    """Gives a process a folder of its own: studies of one shape overwrite each other's traces."""
    own = Path(folder) / str(os.getpid())
    own.mkdir()
    os.chdir(own)


def _counted(task: tuple[str, int]) -> tuple[str, Counted]:
    name, study = task
    return name, decided(CASES[name][0], study)


def count_all(tasks: Sequence[tuple[str, int]], files: Mapping[str, Path], jobs: int) -> None:
    """Decides studies of cases in processes side by side and keeps what is counted as it comes."""
    # Many small products: the threads of linear algebra would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    memory = Path("/dev/shm")  # noqa: S108 - in a new folder there, so that no disk is waited for
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        multiprocessing.get_context("spawn").Pool(jobs, _settle, (folder,)) as pool,
    ):
        for done, (name, counted) in enumerate(pool.imap_unordered(_counted, tasks), start=1):
            with files[name].open("ab") as file:
                file.write(json.dumps(counted, sort_keys=True).encode() + b"\n")
            if done % 50 == 0 or done == len(tasks):
                print(f"{done} of {len(tasks)} studies, {name} now", flush=True)


# ---------------------------------------------------------------------------------------------- telling


def _is_called(counted: Counted, places: Sequence[str], is_claim: Callable[[str], bool]) -> bool:
    """Whether some verdict of these places is a claim."""
    return any(is_claim(verdict) for place in places for verdict in counted["verdicts"][place])


CLAIMS: Mapping[str, Callable[[Counted], bool]] = {
    "budget": lambda one: _is_called(one, ("inside",), DIFFERENT.__contains__),
    "budget, with `detected`": lambda one: _is_called(
        one, ("inside",), lambda verdict: verdict in DIFFERENT or verdict.startswith("detected")
    ),
    "anywhere": lambda one: _is_called(one, ("inside", "outside"), DIFFERENT.__contains__),
}
"""What is false in a null study, by the name of its row."""


def share(found: int, of: int) -> str:
    """Percent with its 95% interval by Wilson; nothing of nothing."""
    if not of:
        return ""
    one = wilson_interval(found, of)
    return f"{100 * found / of:.1f} ({100 * one.low:.1f} to {100 * one.high:.1f})"


def null_table(counts: Counts) -> None:
    """Records how many null studies say that anything differs."""
    lines = [
        [
            kind if where == "budget" else "",
            where,
            *(share(sum(map(is_false, one)), len(one)) for one in _of_kind(counts, kind)),
        ]
        for kind in KINDS
        for where, is_false in CLAIMS.items()
    ]
    asserted = [one for kind in ASSERTED for one in _of_kind(counts, kind) if one]
    ends = [wilson_interval(sum(map(CLAIMS["budget"], one)), len(one)).high for one in asserted]
    highest = f"{100 * max(ends):.1f}" if ends else "not known"
    note = (
        "Percent of null studies with any `better` or `worse`, exact or not, and Wilson's 95% interval of "
        "it: inside the page's budget, there with `detected, below the threshold` too, and anywhere in "
        f"the tables. Studies of each kind: {_sizes(counts, KINDS, STUDIES)}. The upper end for "
        f"{', '.join(ASSERTED[:-1])} and {ASSERTED[-1]} noise should be at most {100 * MOST:g}; the highest "
        f"is {highest}."
    )
    heads = ["noise", "claims", *(f"n = {n}" for n in STUDIES)]
    record_table("decisions-null", heads, lines, note, {"highest": highest})


def _of_kind(counts: Counts, kind: str) -> list[Sequence[Counted]]:
    """The null studies of a kind of noise, for each number of seeds."""
    return [counts[Case(kind, n).name] for n in STUDIES]


def power_table(counts: Counts) -> None:
    """Records how many of the true differences are called, and which way."""
    lines = [
        [f"{ratio:g}", *(_power(counts[Case("real", n, ratio).name]) for n in POWER)] for ratio in RATIOS
    ]
    kinds = [f"power-{ratio:g}" for ratio in RATIOS]
    note = (
        "Percent of the truly different pairs within workloads that are called the right way / the wrong "
        "way; percent of the studies with a false claim on any pair (the wrong way, a truly equal pair "
        "called different, or a different one equal within less than it differs). All inside the page's "
        "budget. "
        f"Studies of each ratio: {_sizes(counts, kinds, POWER)}."
    )
    record_table("decisions-power", ["true ratio", *(f"n = {n}" for n in POWER)], lines, note)


def _power(counted: Sequence[Counted]) -> str:
    if not counted:
        return ""
    pairs = [one["pairs"] for one in counted]
    different, right, wrong = (sum(one[what] for one in pairs) for what in ("different", "right", "wrong"))
    if not different:
        return "none compared"
    false = sum(one["wrong"] + one["false"] + one["not_equal"] > 0 for one in pairs) / len(pairs)
    return f"{100 * right / different:.0f} / {100 * wrong / different:.2g}; {100 * false:.1f}"


def _sizes(counts: Counts, kinds: Iterable[str], seeds: Iterable[int]) -> str:
    """How many studies there are: `500 of 6 seeds, 0 to 200 of 8 seeds`."""
    found = {n: Counter(len(counts[f"{kind}/{n}"]) for kind in kinds) for n in seeds}
    return ", ".join(
        f"{min(sizes)}{f' to {max(sizes)}' if len(sizes) > 1 else ''} of {n} seeds"
        for n, sizes in found.items()
    )


def main() -> None:
    """Counts and records."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, help="Of every case; 0: tell what is counted.")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=["*"], metavar="CASE", help="'*' alone: all.")
    parser.add_argument("--counts", type=Path, default=COUNTS, help="Where what is counted is kept.")
    given = parser.parse_args()
    folder = given.counts.resolve() / code_hash()
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{name.replace('/', '-')}.jsonl" for name in CASES}
    counts = {name: known(file) for name, file in files.items()}
    count_all(list(tasks_left(given.studies, given.only, counts)), files, given.jobs)
    counts = {name: known(file) for name, file in files.items()}
    null_table(counts)
    power_table(counts)


if __name__ == "__main__":
    main()
