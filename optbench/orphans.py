"""Processes that end with the one that started them, however that ends (layer 0: standard library only)."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
import sys
import threading

RUN = "OPTBENCH_RUN"
"""Environment variable that names the process a job belongs to: `PID@HOST`."""

PARENT = "OPTBENCH_PARENT"
"""Environment variable with the process id of the one that starts a child."""

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Has the kernel kill this process when the thread that started it ends, if that one set `PARENT`."""
    parent = os.environ.pop(PARENT, "")
    if not parent:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it was dead before the kernel knew
        os._exit(1)


def this_run() -> str:
    """What `RUN` says of jobs that belong to this process."""
    return f"{os.getpid()}@{socket.gethostname()}"


def die_with_run() -> None:
    """Ends this process when the one that `RUN` names ends; does nothing on another machine.

    Snakemake starts its jobs through a shell, so the kernel's signal for a dead parent would miss its death.
    """
    pid, _, host = os.environ.get(RUN, "").partition("@")
    if not pid or host != socket.gethostname() or not hasattr(os, "pidfd_open"):
        return
    try:
        run = os.pidfd_open(int(pid))
    except ProcessLookupError:
        os._exit(1)

    def wait() -> None:
        select.select([run], [], [])
        print("optbench: what started this job is gone; stopping", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
