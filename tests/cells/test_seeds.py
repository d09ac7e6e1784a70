"""Named streams of randomness."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optbench.cells.seeds import STREAMS, stream_seed

SEEDS = st.integers(min_value=0, max_value=2**31 - 1)


def test_the_initialisation_stream_is_the_seed_itself() -> None:
    assert [stream_seed(seed, "initialisation") for seed in (0, 1, 2**31 - 1)] == [0, 1, 2**31 - 1]


@pytest.mark.parametrize(
    ("seed", "stream", "first_16_digits"),
    [
        # printf 'optbench/order/0' | sha256sum
        (0, "order", "c3cbfa6a79293595"),
        (7, "order", "afd98a4b8fbb7816"),
        (0, "augmentation", "e4b9db34a2954bd3"),
        (0, "training", "3ea8ad11a8dcb2cb"),
    ],
)
def test_the_other_streams_are_63_bits_of_a_hash(seed: int, stream: str, first_16_digits: str) -> None:
    assert stream_seed(seed, stream) == int(first_16_digits, 16) // 2


@given(st.lists(SEEDS, min_size=2, max_size=20, unique=True))
def test_streams_and_seeds_do_not_meet(seeds: list[int]) -> None:
    found = [stream_seed(seed, stream) for seed in seeds for stream in STREAMS]
    assert len(set(found)) == len(found)
    assert all(0 <= value < 2**63 for value in found)


def test_torch_takes_every_stream() -> None:
    for stream in STREAMS:
        drawn = [torch.rand(3, generator=torch.Generator().manual_seed(stream_seed(5, stream))) for _ in "ab"]
        assert torch.equal(*drawn)


def test_an_unknown_stream() -> None:
    message = r"^stream must be one of initialisation, order, augmentation, training; got 'ordre'$"
    with pytest.raises(ValueError, match=message):
        stream_seed(0, "ordre")
