"""The GPUs that this process may use, each for one training process at a time."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import time
from pathlib import Path
from typing import IO

WAIT_S = 0.5
"""Seconds between two looks for a GPU that is free."""


def gpus() -> list[str]:
    """The GPUs: those that CUDA_VISIBLE_DEVICES names (SLURM sets it), else all of this machine."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu.strip() for gpu in named.split(",") if gpu.strip() not in {"", "-1", "NoDevFiles"}]
    found = (re.fullmatch(r"nvidia(\d+)", path.name) for path in Path("/dev").glob("nvidia*"))
    return sorted((match[1] for match in found if match), key=int)


def hold_gpu(names: list[str]) -> tuple[str, IO[str]]:
    """Waits for a GPU that no other training process of this user holds on this machine.

    Args:
        names: the GPUs to choose from, at least one.

    Returns:
        The GPU, and a file: the GPU is held until it is closed or this process ends, however it ends.
    """
    folder = Path(tempfile.gettempdir()) / f"optbench-cards-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        for name in names:
            holder = (folder / re.sub(r"\W", "_", name)).open("a", encoding="utf-8")
            try:
                fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder.close()
                continue
            return name, holder
        time.sleep(WAIT_S)
