"""Colours can be told apart, by formulas of their own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lab.figures import contrast, linear_rgb
from optbench.figures import assign_styles
from optbench.report.palette import DARK, HUES, LIGHT

# Machado, Oliveira, Fernandes 2009 (doi:10.1109/TVCG.2009.113), severity 1.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039],
    ],
}  # fmt: skip


def lab(rgb):
    to_xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.072175],
        [0.0193339, 0.119192, 0.9503041],
    ]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_hues_stand_out_from_the_page(theme):
    for index in range(HUES):
        assert contrast(theme[f"hue-{index}"], theme["paper"]) >= 3
    assert contrast(theme["ink"], theme["paper"]) >= 7
    assert contrast(theme["muted"], theme["paper"]) >= 4.5


@pytest.mark.parametrize("sight", BLINDNESS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_hues_differ_for_the_colour_blind(theme, sight):
    seen = [lab(BLINDNESS[sight] @ linear_rgb(theme[f"hue-{i}"])) for i in range(HUES)]
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(a - b) >= 25


def test_every_colour_is_unique_and_has_a_twin():
    assert len(set(LIGHT.values())) == len(LIGHT)
    assert LIGHT.keys() == DARK.keys()


def test_styles_are_distinct_and_stable():
    names = [f"o{i}" for i in range(24)]
    styles = assign_styles([*names, "o3"])
    assert list(styles) == names
    assert len({(s.color, s.dashes) for s in styles.values()}) == 24
    assert [s.index for s in styles.values()] == list(range(24))
    assert len({s.marker for s in list(styles.values())[:10]}) == 10
    many = assign_styles(f"o{i}" for i in range(240)).values()
    assert len({(s.color, s.dashes, s.marker) for s in many}) == 240
    assert assign_styles(["a", "b"])["a"] == assign_styles(["a"])["a"]
