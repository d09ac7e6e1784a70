"""The parent of the process that times: no torch here, and a crash there becomes a file that says so."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING

from optbench.cells.timings import timing_path
from optbench.core.processes import PARENT
from optbench.running.child import LOG_TAIL

if TYPE_CHECKING:
    from pathlib import Path

    from optbench.study.timing import TimingSpec

TIMING = "optbench.running.timing_worker"
"""The module that measures, run with `python -m`."""

FIRST_STEPS_LIMIT_S = 300.0
"""How long importing torch, building the workload and the first steps of all optimizers may take."""

MOST_BUDGETS = 10.0
"""Times the budget that the rest may take: rounds, warm-up and the step that measures memory."""


def time_in_child(
    timing: TimingSpec, data_folder: Path, study_folder: Path, seconds: float, module: str = TIMING
) -> str:
    """Times one workload in a fresh process; its file is written whatever happens.

    Args:
        timing: what to time.
        data_folder: where prepared data lies.
        study_folder: plug-ins are importable from here.
        seconds: budget of the timed rounds (> 0).
        module: run with `python -m`; for tests.

    Returns:
        Why the workload could not be timed, in one line; "" where it was.
    """
    from optbench.cells.timing_file import read_timing  # noqa: PLC0415  (arrow, pandas)

    path = timing_path(timing)
    path.unlink(missing_ok=True)  # so that what is there afterwards is this child's
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(timing.threads),
        "MKL_NUM_THREADS": str(timing.threads),
        # cuBLAS is deterministic only with a fixed workspace, and training runs with this one.
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "PYTHONHASHSEED": "0",
        PARENT: str(os.getpid()),
    }
    request = pickle.dumps((timing, path, data_folder, study_folder, seconds))
    limit_s = FIRST_STEPS_LIMIT_S + MOST_BUDGETS * seconds
    with tempfile.TemporaryFile() as log:
        try:
            done = subprocess.run(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-m", module],
                input=request,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                timeout=limit_s,
                check=False,
            )
            code = done.returncode
            how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit status {code}"
            how = f"the timing process ended with {how}"
        except subprocess.TimeoutExpired:
            how = f"the timing process did not end within {limit_s:g} s"
        if path.exists():
            return _last_line(read_timing(path)[1]["error"])
        tail = _tail(log)
    return _fail(timing, path, how + (f"\n{tail}" if tail else ""))


def _tail(log: IO[bytes]) -> str:
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - LOG_TAIL))
    return log.read().decode(errors="replace").strip()


def _fail(timing: TimingSpec, path: Path, error: str) -> str:
    from optbench.cells.timing_file import timing_facts, write_timing  # noqa: PLC0415  (as above)

    write_timing(path, timing_facts(timing) | {"error": error})
    return error.splitlines()[0]


def _last_line(error: str) -> str:
    return error.splitlines()[-1] if error else ""
