"""Measures of curves against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from optbench.theory.textbook import measure


def test_measures_against_numbers_worked_by_hand() -> None:
    assert measure.rise([4.0, 2.0, 3.0, 0.0]) == 0.25
    assert measure.rise([1.0, float("nan")]) == np.inf
    assert measure.rise([1.0, 2.0]) == np.inf
    assert measure.largest_gap([1.0, 2.0], [1.0, 1.5]) == 0.25
    assert measure.largest_rise(np.array([4.0, 2.0, 3.0, 1.0])) == 0.5
    assert measure.largest_rise(np.array([4.0, np.nan, 2.0])) == 0
    path = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [3.0, 1.0]])
    assert measure.reversals(path).tolist() == [0.0, 1.0]
    assert measure.gain(path, np.full((4, 2), 2.0), 0.5).tolist() == [1.0, 1.0]
    assert measure.effective_lr(path, np.full((4, 2), 2.0)).tolist() == [[0.5, 0.5]] * 3
    assert measure.roughness(np.array([0.0, 2.0, 1.0])) == 1.5
    assert measure.last_fifth(np.arange(10.0)).tolist() == [8.0, 9.0]


def test_the_signal_is_the_textbooks() -> None:
    signal = measure.textbook_signal()
    assert len(signal) == 30
    assert (signal == np.random.RandomState(666).randint(5, 40, 30)).all()
    smooth = measure.average(0.9, signal)
    expected = signal[0]
    for t in range(1, 30):
        expected = 0.9 * expected + 0.1 * signal[t]
    assert smooth[-1] == pytest.approx(expected)
