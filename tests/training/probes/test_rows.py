"""Products of weights and gradients against an independent sum."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from optbench.training.probes.rows import LARGE, Rows


@pytest.mark.parametrize("size", [5, 1500, LARGE, LARGE + 1])
def test_rows_give_the_products_of_an_independent_sum(size):
    generator = torch.Generator().manual_seed(2)
    parts = [nn.Parameter(torch.randn(size - 2, generator=generator)), nn.Parameter(torch.randn(2, 1))]
    rows = Rows(parts, slopes=True)
    places, gradients, recorded = [], [], [*range(40), *range(45, 52)]
    with torch.no_grad():
        for t in range(52):
            if t in recorded and t - 1 not in recorded:
                rows.start()
            places.append(torch.cat([p.reshape(-1) for p in parts]).double().numpy())
            for p in parts:
                p.grad = torch.randn(p.shape, generator=generator)
            if t % 3 == 0:
                parts[1].grad = None
            flat = [np.zeros(p.numel()) if p.grad is None else p.grad.reshape(-1).numpy() for p in parts]
            gradients.append(np.concatenate(flat))
            if t in recorded:
                rows.gradient()
            for p in parts:
                p.sub_(torch.randn(p.shape, generator=generator), alpha=0.1)
            if t in recorded:
                rows.step()
    places.append(torch.cat([p.detach().reshape(-1) for p in parts]).double().numpy())
    table, turns = rows.finish()
    moves = np.array([b - a for a, b in pairwise(places)])
    g = np.array(gradients, dtype=float)
    for column, t in enumerate(recorded):
        linked = t - 1 in recorded
        wanted = [
            moves[t] @ moves[t - 1] * linked,
            moves[t] @ moves[t],
            g[t] @ g[t - 1] * linked,
            g[t] @ g[t],
            g[t] @ moves[t],
            g[t] @ moves[t - 1] * linked,
        ]
        np.testing.assert_allclose(table[:, column], wanted, rtol=1e-4, atol=2e-3)
        if linked:
            followed = slice(None, None, rows.spacing)
            both = np.sign(moves[t][followed]) * np.sign(moves[t - 1][followed])
            assert turns[:, column].tolist() == [(both < 0).sum(), (both != 0).sum()]
    assert rows.flips <= 2048


def test_sparse_and_complex_parameters_are_measured():
    table = nn.Embedding(10, 3, sparse=True)
    rows = Rows(list(table.parameters()), slopes=False)
    number = nn.Parameter(torch.ones(3, dtype=torch.complex64))
    complex_rows = Rows([number], slopes=False)
    table(torch.tensor([1, 2])).sum().backward()
    number.grad = torch.full((3,), 1j)
    with torch.no_grad():
        for one in (rows, complex_rows):
            one.start()
            one.gradient()
        table.weight += 1
        number += 2j
        rows.step()
        complex_rows.step()
    assert rows.finish().table[:4, 0].tolist() == pytest.approx([0, 30, 0, 6])
    assert complex_rows.finish().table[:4, 0].tolist() == pytest.approx([0, 12, 0, 3])
