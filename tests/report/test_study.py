"""What figures and page read alike."""

from __future__ import annotations

from optbench.figures import thin

# --- small parts ---------------------------------------------------------------------------------------


def test_thin_keeps_the_ends_and_about_forty():
    kept = thin(range(0, 20_001, 5))
    assert (kept[0], kept[-1]) == (0, 20_000)
    assert 30 <= len(kept) <= 42
    assert set(kept) <= set(range(0, 20_001, 5))
    assert thin([3, 1, 2]) == [1, 2, 3]
