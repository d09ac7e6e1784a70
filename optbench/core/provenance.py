"""Which software on which machine made a number (standard library only).

Every fact of provenance is one entry of `PROVENANCE`: traces, timings, study.json, the page, `show`,
`verify` and `compare` go through that table, so that a new one is an entry here, and its getter.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbench.core.files import PACKAGE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable

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
    try:
        sha = _git("rev-parse", "HEAD")
        dirty = bool(_git("status", "--porcelain", "--untracked-files=no", "--", str(PACKAGE_FOLDER)))
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return sha, dirty


def _git(*arguments: str) -> str:
    answer = subprocess.run(  # noqa: S603  (fixed program and arguments)
        ["git", "-C", str(PACKAGE_FOLDER), *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()


def _state(facts: Mapping[str, Any]) -> str:
    sha = str(facts.get("commit") or "")
    return f"{sha[:12]}{' with uncommitted changes' if facts.get('dirty') else ''}" if sha else ""


@dataclass(frozen=True)
class ProvenanceFact:
    """One thing that says where a number comes from.

    Attributes:
        name: its key in traces, timings and study.json.
        get: what obtains it in the process that makes the number; None where the caller knows it and hands
            it over: what the cell was asked for, or what only torch can tell.
        label: its name in the page's list of how the study was run, "" where it does not stand there.
        shown: its text there, from all facts; None for the value itself.
        kinds: what several different values are called ("machines") where numbers can differ by them, so
            that traces which are not alike are told of; "" where they cannot.
    """

    name: str
    get: Callable[[], Any] | None = None
    label: str = ""
    shown: Callable[[Mapping[str, Any]], str] | None = None
    kinds: str = ""

    def text(self, facts: Mapping[str, Any]) -> str:
        """What the page says of it; "" where nothing is known.

        Args:
            facts: all facts of one origin by name.
        """
        if self.shown is not None:
            return self.shown(facts)
        value = facts.get(self.name)
        return "" if value is None else str(value)


PROVENANCE = (
    ProvenanceFact("versions", lambda: versions(TRAINING_PACKAGES), kinds="versions of the software"),
    ProvenanceFact("machine", machine, kinds="machines"),
    ProvenanceFact("commit", lambda: commit()[0], label="commit", shown=_state, kinds="commits of optbench"),
    ProvenanceFact("dirty", lambda: commit()[1]),
    ProvenanceFact("threads", label="threads a cell"),
    ProvenanceFact("device", label="device"),
    ProvenanceFact("gpu", label="GPU", kinds="GPUs"),
    ProvenanceFact("kernels", kinds="sets of torch's kernels (libraries, instruction sets)"),
)
"""All of them, in the order of the page. Versions and machine are lists of their own there."""


def current_origin() -> dict[str, Any]:
    """What this process can tell of where it makes numbers, by name."""
    return {fact.name: fact.get() for fact in PROVENANCE if fact.get is not None}


def origin_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Where a trace comes from, by name, from all that it says of itself; None for what it does not know."""
    return {fact.name: facts.get(fact.name) for fact in PROVENANCE}


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[ProvenanceFact]:
    """The facts in which two origins differ and by which numbers can differ.

    What one of them does not know, because an earlier version of optbench did not record it, is no
    difference.
    """
    return [f for f in PROVENANCE if f.kinds and not _agree(one.get(f.name), other.get(f.name))]


def _agree(one: object, other: object) -> bool:
    """Whether two values are the same as far as both are known."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(_agree(one[key], other[key]) for key in one.keys() & other.keys())
    return one is None or other is None or one == other
