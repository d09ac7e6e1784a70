"""The parent of the process that times: no torch here, and a crash there becomes a file that says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from optbench.cells.timings import timing_path
from optbench.running.ask import ask

if TYPE_CHECKING:
    from pathlib import Path

    from optbench.running.launcher import Launcher
    from optbench.study.timing import TimingSpec

TIMING = "optbench.running.timing_worker"
"""The module that measures."""

FIRST_STEPS_LIMIT_S = 300.0
"""How long building the workload and the first steps of all optimizers may take, at most: each as long as one
of its cells, which makes more steps."""

MOST_BUDGETS = 10.0
"""Times the budget that the rest may take: rounds, warm-up and the step that measures memory."""


def time_in_child(
    timing: TimingSpec,
    data_folder: Path,
    study_folder: Path,
    seconds: float,
    timeout_s: float,
    launcher: Launcher,
    module: str = TIMING,
) -> tuple[str, dict[str, str]]:
    """Times one workload in a fresh process; its file is written whatever happens.

    Args:
        timing: what to time.
        data_folder: where prepared data lies.
        study_folder: plug-ins are importable from here.
        seconds: budget of the timed rounds (> 0).
        timeout_s: that a cell of this workload may take.
        launcher: what starts the process.
        module: whose `program` is run; for tests.

    Returns:
        Why the workload could not be timed, in one line, "" where it was; and of its optimizers by name why
        each one that could not be was not.
    """
    from optbench.cells.timing_file import read_timing  # noqa: PLC0415  (arrow, pandas)

    path = timing_path(timing)
    path.unlink(missing_ok=True)  # so that what is there afterwards is this child's
    _, how = ask(
        launcher,
        module,
        (timing, path, data_folder, study_folder, seconds),
        min(FIRST_STEPS_LIMIT_S, timeout_s * (1 + len(timing.optimizers))) + MOST_BUDGETS * seconds,
        threads=timing.threads,
        device=timing.device,
        imports=["optbench.training.timing.measure", "optbench.cells.timing_file"],
    )
    if path.exists():
        facts = read_timing(path)[1]
        return _last_line(facts["error"]), {name: _last_line(why) for name, why in facts["errors"].items()}
    return _fail(timing, path, f"the timing process {how}"), {}


def _fail(timing: TimingSpec, path: Path, error: str) -> str:
    from optbench.cells.timing_file import timing_facts, write_timing  # noqa: PLC0415  (as above)

    write_timing(path, timing_facts(timing) | {"error": error})
    return error.splitlines()[0]


def _last_line(error: str) -> str:
    """What a traceback ends with; an exception of optbench's own is a sentence, and says no class."""
    return _OF_OURS.sub("", error.splitlines()[-1]) if error else ""


_OF_OURS: Final = re.compile(r"^optbench(?:\.\w+)+: ")
