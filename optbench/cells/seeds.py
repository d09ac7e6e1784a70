"""Named streams of randomness: seed s fixes initialisation, data order and augmentation apart.

The streams are the same for every optimizer and schedule, so that comparisons are paired by seed.
"""

from __future__ import annotations

import hashlib

STREAMS = ("initialisation", "order", "augmentation", "training")


def stream_seed(seed: int, stream: str) -> int:
    """The seed of one stream of a cell.

    The initialisation stream is the seed itself, so that `torch.manual_seed(s)` before building the model by
    hand gives the very weights of the cell with seed s. The others are the first 63 bits of
    sha256("optbench/<stream>/<seed>"), which makes them independent of it and of each other.

    Args:
        seed: the cell's seed, >= 0.
        stream: one of `STREAMS`; "training" seeds the global generators that dropout and the like draw from.
    """
    if stream not in STREAMS:
        raise ValueError(f"stream must be one of {', '.join(STREAMS)}; got {stream!r}")
    if stream == "initialisation":
        return seed
    return int.from_bytes(hashlib.sha256(f"optbench/{stream}/{seed}".encode()).digest()[:8]) >> 1
