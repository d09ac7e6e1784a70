"""Lion by hand."""

from __future__ import annotations

import torch
from torch import nn

from lab.optimizers import follow
from optbench.catalogue.optimizers.lion import Lion

# --- Lion -----------------------------------------------------------------------------------------------


def test_lion_by_hand() -> None:
    # lr 0.1, b1 0.9, b2 0.99, weight decay 0.5; gradients 2, -0.1, -1 from w = 1:
    #   b1 m + (1 - b1) g   0.2 -> +       0.018 - 0.01 -> +        0.01692 - 0.1 -> -
    #   w (1 - 0.05) -+ 0.1 0.85           0.7075                   0.772125
    #   m                   0.02           0.0188                   0.008612
    w = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = Lion([w], lr=0.1, betas=(0.9, 0.99), weight_decay=0.5)
    gradients = [[torch.tensor([g], dtype=torch.float64)] for g in (2.0, -0.1, -1.0)]
    path = follow(optimizer, [w], gradients)
    torch.testing.assert_close(path.flatten(), torch.tensor([0.85, 0.7075, 0.772125], dtype=torch.float64))
    torch.testing.assert_close(optimizer.state[w]["momentum"], torch.tensor([0.008612], dtype=torch.float64))


def test_lion_moves_each_coordinate_by_lr_and_leaves_one_without_signal() -> None:
    w = nn.Parameter(torch.zeros(3))
    follow(Lion([w], lr=0.25), [w], [[torch.tensor([1e-6, -1e6, 0.0])]])
    assert w.tolist() == [-0.25, 0.25, 0.0]
