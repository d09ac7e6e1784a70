"""How quiet the machine is: what others used of it, its clocks, and a fixed kernel's own spread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE = frozenset({"idle", "iowait", "guest", "guest_nice"})
"""Kinds of processor time that are no work, or (guests) counted in another kind already."""


@dataclass(frozen=True)
class MachineReading:
    """The machine at one moment.

    Attributes:
        at_s: a monotonic clock, seconds.
        load: load average over one minute, or None where there is none.
        busy_s: seconds that all processors together have worked since the machine started; a hypervisor's
            theft counts, for it is time that nobody here had.
        own_s: seconds of processor time that this process has used.
        clocks_mhz: the processors' present clock rates; empty where the system does not tell.
    """

    at_s: float
    load: float | None
    busy_s: float
    own_s: float
    clocks_mhz: tuple[float, ...]


def read_machine() -> MachineReading:
    """Reads the machine now."""
    spent = psutil.cpu_times()._asdict()
    own = psutil.Process().cpu_times()
    return MachineReading(
        at_s=time.monotonic(),
        load=_load(),
        busy_s=sum(value for kind, value in spent.items() if kind not in IDLE),
        own_s=own.user + own.system,
        clocks_mhz=_clocks(),
    )


def _load() -> float | None:
    try:
        return psutil.getloadavg()[0]
    except OSError:
        return None


def _clocks() -> tuple[float, ...]:
    # Many virtual machines tell nothing, each in its own way.
    try:
        read = psutil.cpu_freq(percpu=True)
    except (OSError, NotImplementedError, RuntimeError):
        return ()
    return tuple(float(one.current) for one in read or () if one.current)


def machine_facts(before: MachineReading, after: MachineReading) -> dict[str, Any]:
    """What lay on the machine between two readings.

    Returns:
        load_before and load_after; other_cpus, how many processors others kept busy on average; cpus, how
        many there are; clock_min_mhz and clock_max_mhz over processors and both readings, None where unknown.
    """
    wall = after.at_s - before.at_s
    others = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    clocks = before.clocks_mhz + after.clocks_mhz
    return {
        "load_before": before.load,
        "load_after": after.load,
        "other_cpus": max(others / wall, 0.0) if wall > 0 else None,
        "cpus": psutil.cpu_count() or 1,
        "clock_min_mhz": min(clocks, default=None),
        "clock_max_mhz": max(clocks, default=None),
    }


def fixed_kernel(device: torch.device) -> Callable[[], None]:
    """A piece of work that is the same every time: matrix products, about a millisecond.

    What its times spread is the machine's doing, whatever is measured beside it.
    """
    size, products = (128, 24) if device.type == "cpu" else (2048, 4)
    matrix = torch.full((size, size), 1 / size, device=device)

    def work() -> None:
        product = matrix
        for _ in range(products):
            product = product @ matrix

    return work
