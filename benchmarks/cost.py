"""What a process takes, its children included."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds, seconds of processor, most bytes that one process held."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def cost_of(*words: str | Path) -> Cost:
    """Runs a command of this environment and returns what it took, children included.

    Raises:
        SystemExit: it failed; what it printed comes with it.
    """
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryFile() as log:
        begun = time.perf_counter()
        child = os.posix_spawn(
            str(BIN / words[0]),
            [str(word) for word in words],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)],
        )
        _, status, usage = os.wait4(child, 0)
        wall_s = time.perf_counter() - begun
        if status:
            log.seek(0)
            raise SystemExit(f"{' '.join(map(str, words))} failed:\n{log.read().decode(errors='replace')}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def lay_out(folder: Path) -> None:
    """Makes `folder` one that `snakemake` runs in, by links to this checkout."""
    for name in ("Snakefile", "workflow", "profiles"):
        (folder / name).symlink_to(ROOT / name)
