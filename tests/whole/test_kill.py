"""Kill anything, any time: what is finished stays, and the same command goes on."""

from __future__ import annotations

from pathlib import Path

from lab.kill_anytime import disturb


def test_kills_at_thirty_random_moments_lose_nothing(tmp_path: Path) -> None:
    kills = disturb(tmp_path, seed=6, workers=24, runs=4, snakemakes=2)
    assert len(kills) == 30
