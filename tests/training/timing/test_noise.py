"""What else the machine was busy with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optbench.training.timing.noise import MachineReading, machine_facts, read_machine


def test_what_others_use_is_what_is_busy_without_us():
    before = MachineReading(at_s=10, load=1.0, busy_s=100, own_s=5, clocks_mhz=(2000.0, 3000.0))
    after = MachineReading(at_s=12, load=3.0, busy_s=105, own_s=7, clocks_mhz=(2500.0,))
    facts = machine_facts(before, after)
    assert facts["other_cpus"] == pytest.approx(1.5)
    assert (facts["load_before"], facts["load_after"]) == (1.0, 3.0)
    assert (facts["clock_min_mhz"], facts["clock_max_mhz"]) == (2000.0, 3000.0)
    blind = machine_facts(replace(before, clocks_mhz=(), load=None), replace(after, clocks_mhz=()))
    assert blind["clock_min_mhz"] is None
    assert blind["load_before"] is None
    now = read_machine()
    assert now.busy_s >= now.own_s > 0
