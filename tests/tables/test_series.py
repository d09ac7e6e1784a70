"""Measures of a series of losses, against closed forms and the definitions taken one loss at a time."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from lab.traces import trace
from optbench.cells.trace import curves_of
from optbench.tables.metrics import measures_of, run_measures
from optbench.tables.series import dominant_frequency, residual_amplitude, spikes

T = np.arange(256)


@pytest.mark.parametrize("spread", [0.01, 0.3])
def test_the_residual_amplitude_of_white_noise_is_its_deviation(spread):
    draw = np.random.default_rng(1)
    decay = np.exp(-0.0001 * np.arange(50_000))
    assert residual_amplitude(decay * np.exp(spread * draw.standard_normal(50_000))) == pytest.approx(
        spread, rel=0.03
    )


def test_the_residual_amplitude_of_a_trend_is_nearly_zero():
    assert residual_amplitude(np.exp(-0.05 * T)) == pytest.approx(0.0, abs=1e-12)
    assert residual_amplitude(1 / (1.0 + np.arange(100))) < 2e-4
    # Early oscillation that dies out does not count.
    losses = np.exp(-0.01 * T)
    losses[:100:2] *= 1.5
    assert residual_amplitude(losses) == pytest.approx(0.0, abs=1e-12)


def test_the_residual_amplitude_of_an_alternation():
    # log L = 0.1, -0.1, ...: of four neighbours two are high and two low, so the residual is 0.1 each time.
    alternating = np.exp(0.1 * (-1.0) ** np.arange(100))
    assert residual_amplitude(alternating) == pytest.approx(0.1302)


@pytest.mark.parametrize(
    "losses", [[1.0] * 8, [1.0] * 20 + [0.0], [1.0] * 20 + [-1.0], [1.0] * 20 + [np.inf]]
)
def test_the_residual_amplitude_needs_positive_losses(losses):
    assert np.isnan(residual_amplitude(np.array(losses)))


@pytest.mark.parametrize("frequency", [0.02, 0.1234, 0.31, 0.5])
def test_a_sinusoid_has_its_frequency(frequency):
    draw = np.random.default_rng(0)
    swing = np.cos(2 * pi * frequency * T + 0.3) * 1e-8
    series = np.stack([swing + 1e-9 * draw.standard_normal(256) + 1e-9 * T + 5 for _ in range(4)])
    assert dominant_frequency(series) == pytest.approx(frequency, abs=0.001)


def test_the_epochs_own_frequency_is_masked():
    epoch = 16
    sawtooth = (T % epoch) / epoch
    assert (dominant_frequency(sawtooth[None]) * epoch) % 1 == pytest.approx(0.0, abs=0.01)
    assert np.isnan(dominant_frequency(sawtooth[None], epoch))
    hidden = np.stack([sawtooth + 0.02 * np.sin(2 * pi * 0.21 * T)] * 2)
    assert dominant_frequency(hidden, epoch) == pytest.approx(0.21, abs=0.002)


def test_fewer_than_four_epochs_are_cut_to_one():
    epoch = 100
    sawtooth = (T % epoch) / epoch + 0.1 * np.sin(2 * pi * 0.3 * T)
    assert dominant_frequency(sawtooth[None], epoch) == pytest.approx(0.3, abs=0.01)


def test_many_series_at_a_time_are_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for all gives what one call each gives, to the last bit, whatever the others are."""
    draw = np.random.default_rng(0)
    losses = np.exp(0.3 * draw.standard_normal((7, 200)) - 0.01 * np.arange(200))
    losses[1, 150] = 40.0  # a spike
    losses[2, 90:95] = np.inf
    losses[3, 10] = -1.0
    losses[4] = 0.5
    losses[5, 100:] *= np.tile([1.0, 3.0], 50)
    paths = np.cumsum(draw.standard_normal((7, 3, 200)), axis=-1)
    paths[0] += 30 * np.sin(2 * np.pi * 0.21 * np.arange(200))
    paths[1] += 30 * np.sin(2 * np.pi * 0.34 * np.arange(200))
    paths[1, 1] = 2.0  # stands still
    paths[2] = 0.0
    paths[3, 0, 7] = np.nan
    paths[4, 2] = 1e300 * np.sin(2 * np.pi * 0.1 * np.arange(200))
    for measure, series, settings in (
        (residual_amplitude, losses, ()),
        (spikes, losses, ()),
        (dominant_frequency, paths, (1,)),
        (dominant_frequency, paths, (20,)),
    ):
        apart = np.array([measure(one, *settings) for one in series])
        assert np.isnan(apart).any() or measure is spikes
        assert len(np.unique(apart[np.isfinite(apart)])) > 1
        assert measure(series, *settings).tobytes() == apart.tobytes()
        assert measure(series[:, None], *settings).tobytes() == apart.tobytes()
    whole = spikes(losses)
    monkeypatch.setattr("optbench.tables.series.MOST_NUMBERS", 64 * 200 * 3)  # three of them at a time
    assert spikes(losses).tobytes() == whole.tobytes()


def test_runs_of_any_length_are_measured_together() -> None:
    """Each run has the measures that it has alone: only series of one shape are measured in one call."""
    draw = np.random.default_rng(1)
    traces = [
        trace({("train", "loss"): list(np.exp(draw.standard_normal(n))), ("train", "batch_loss"): batch})
        for n in (12, 40, 12, 0, 40)
        for batch in (list(np.exp(draw.standard_normal(n + 60))), [])
    ]
    together = measures_of([(one.facts, curves_of(one.table())) for one in traces])
    assert len({row["residual_amplitude"] for row in together if row["residual_amplitude"] > 0}) == 8
    for one, row in zip(traces, together, strict=True):
        np.testing.assert_array_equal(list(row.values()), list(run_measures(one).values()))


def test_white_noise_and_drift_have_no_dominant_frequency():
    draw = np.random.default_rng(3)
    walks = [np.cumsum(draw.standard_normal((8, 257)), axis=1) for _ in range(200)]
    assert np.isfinite([dominant_frequency(walk) for walk in walks]).mean() < 0.02
    assert np.isnan(dominant_frequency(np.exp(-0.02 * T)[None]))
    assert np.isnan(dominant_frequency((3.0 * T)[None]))
    assert np.isnan(dominant_frequency(np.zeros((3, 256))))
    assert np.isnan(dominant_frequency(np.ones((3, 4))))
    assert np.isnan(dominant_frequency(np.full((3, 256), np.inf)))


def test_spikes_are_counted_against_the_losses_before_them():
    draw = np.random.default_rng(5)
    calm = 1.0 + 0.1 * draw.standard_normal(1064)
    assert spikes(calm) == 0.0
    calm[[200, 500, 501, 502, 900]] = 3.0  # three leaps: those in a row are one
    assert spikes(calm) == 3.0
    calm[700] = np.nan
    assert spikes(calm) == 4.0
    assert spikes(np.exp(-0.01 * T)) == 0.0
    assert spikes(np.ones(100)) == 0.0
    assert np.isnan(spikes(calm[:64]))
    assert np.isfinite(spikes(np.full(100, np.inf)))


@pytest.mark.parametrize("heavy", [0.0, 0.1, 1.0])
def test_spikes_are_those_of_the_definition_taken_one_loss_at_a_time(heavy):
    draw = np.random.default_rng(7)
    losses = np.exp(draw.standard_normal(600) * (0.02 + heavy * (draw.random(600) < 0.1)))
    losses[300:340:7] = np.inf
    jumps = []
    for step in range(64, len(losses)):
        before = np.sort(losses[step - 64 : step])
        spread = np.sort(np.abs(before - before[32]))[32]
        jumps.append(losses[step] > before[32] + max(6 * 1.4826 * spread, 1e-6 * before[32]))
    jumps = np.array(jumps) | np.isinf(losses[64:])
    first = jumps & ~np.concatenate([[False], jumps[:-1]])
    assert spikes(losses) == pytest.approx(1000 * first.sum() / len(jumps))


def test_swings_from_one_end_of_the_floats_to_the_other_have_the_frequency_of_any_others() -> None:
    path = np.where(np.arange(120) % 4 < 2, 1.0, -1.0) + 0.01 * np.sin(np.arange(120))
    found = [dominant_frequency((size * path)[None]) for size in (1.0, 1.7e308, 1e-300)]
    assert found[0] == pytest.approx(0.25, abs=0.01)
    assert found[1] == pytest.approx(found[0])
    assert found[2] == pytest.approx(found[0])
    assert spikes(np.append(np.tile([-1.7e308, 1.7e308], 45), 1.0)) == 0
