"""Which software on which machine made a number (layer 0: standard library only)."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "optbench",
    "torch",
    "torchvision",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "matplotlib",
    "snakemake",
)
"""The packages whose versions a page names."""

TRAINING_PACKAGES = ("optbench", "torch", "numpy")
"""The packages whose versions stand in every trace: they decide its numbers."""


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of the installed ones among `packages`."""
    found = {"python": platform.python_version()}
    for package in packages:
        if (version := _version(package)) is not None:
            found[package] = version
    return found


@lru_cache
def _version(package: str) -> str | None:
    """Its installed version, None without one; asked for at every cell, and milliseconds to find."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def machine() -> dict[str, str | int]:
    """Processor, its architecture, cores, memory in GiB and operating system of this machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu_model(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**30),
        "system": f"{platform.system()} {platform.release()}",
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"


@lru_cache(maxsize=1)
def commit() -> tuple[str, bool]:
    """The commit of the checkout that this package runs from and whether it has changes; "" outside one."""
    here = Path(__file__).resolve().parent
    try:
        sha = _git(here, "rev-parse", "HEAD")
        dirty = bool(_git(here, "status", "--porcelain", "--untracked-files=no", "--", str(here)))
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return sha, dirty


def _git(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(  # noqa: S603  (fixed program and arguments)
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()
