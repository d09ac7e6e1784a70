"""Closed forms of optimizers and schedules on the oracle's workloads (derived in docs/reference/oracle.md).

Plain functions of numbers. Throughout: lr is the learning rate, b the momentum, h a curvature (the loss is
h w^2 / 2), g a gradient, `rate` the factor by which |w| changes in a step in the long run. Momentum is as in
torch's SGD, v <- b v + g; w <- w - lr v, where nothing else is said.
"""

from __future__ import annotations

from cmath import sqrt as complex_sqrt
from math import acos, pi, sqrt
from typing import NamedTuple


class StepSettings(NamedTuple):
    """The best constant setting of a method on a spectrum, and its rate there."""

    lr: float
    momentum: float
    rate: float


def gd_optimal(low: float, high: float) -> StepSettings:
    """Return lr = 2 / (low + high) and its rate (k - 1) / (k + 1), k = high / low.

    Args:
        low: least curvature (> 0).
        high: largest curvature (>= low).
    """
    return StepSettings(2 / (low + high), 0.0, (high - low) / (high + low))


def heavy_ball_optimal(low: float, high: float) -> StepSettings:
    """Return Polyak's setting: rate (sqrt k - 1) / (sqrt k + 1), whose square is the momentum."""
    low, high = sqrt(low), sqrt(high)
    rate = (high - low) / (high + low)
    return StepSettings(4 / (low + high) ** 2, rate**2, rate)


def nesterov_optimal(low: float, high: float) -> StepSettings:
    """Return the best on quadratics: momentum (s - 2) / (s + 2), rate 1 - 2 / s, s = sqrt(3 k + 1)."""
    s = sqrt(3 * high / low + 1)
    return StepSettings(4 / (3 * high + low), (s - 2) / (s + 2), 1 - 2 / s)


def nesterov_standard(low: float, high: float) -> StepSettings:
    """Return the setting for every smooth convex loss, lr = 1 / high: rate 1 - 1 / sqrt k on quadratics."""
    s = sqrt(high / low)
    return StepSettings(1 / high, (s - 1) / (s + 1), 1 - 1 / s)


def two_step_rate(trace: float, determinant: float) -> float:
    """Return the larger modulus of the roots of z^2 - trace z + determinant."""
    half = complex_sqrt(trace * trace / 4 - determinant)
    return max(abs(trace / 2 + half), abs(trace / 2 - half))


def gd_rate(lr: float, h: float) -> float:
    """Return |1 - lr h|."""
    return abs(1 - lr * h)


def heavy_ball_rate(lr: float, b: float, h: float) -> float:
    """Return the larger modulus of the roots of z^2 - (1 + b - lr h) z + b."""
    return two_step_rate(1 + b - lr * h, b)


def nesterov_rate(lr: float, b: float, h: float) -> float:
    """Return the larger modulus of the roots of z^2 - (1 + b) (1 - lr h) z + b (1 - lr h)."""
    return two_step_rate((1 + b) * (1 - lr * h), b * (1 - lr * h))


def averaged_rate(lr: float, b: float, h: float) -> float:
    """Return heavy ball's rate at lr (1 - b): what v <- b v + (1 - b) g; w <- w - lr v amounts to."""
    return heavy_ball_rate(lr * (1 - b), b, h)


def frozen_adam_rate(lr: float, b: float, h: float, denominator: float) -> float:
    """Return the averaged form's rate at lr / denominator: Adam with its denominator held still."""
    return averaged_rate(lr / denominator, b, h)


def gd_limit(h: float) -> float:
    """Return 2 / h: plain descent converges below this lr and diverges above it."""
    return 2 / h


def heavy_ball_limit(b: float, h: float) -> float:
    """Return 2 (1 + b) / h."""
    return 2 * (1 + b) / h


def nesterov_limit(b: float, h: float) -> float:
    """Return 2 (1 + b) / (h (1 + 2 b)): below heavy ball's for every b > 0."""
    return 2 * (1 + b) / (h * (1 + 2 * b))


def averaged_limit(b: float, h: float) -> float:
    """Return 2 (1 + b) / ((1 - b) h)."""
    return 2 * (1 + b) / ((1 - b) * h)


def frozen_adam_limit(b: float, h: float, denominator: float) -> float:
    """Return 2 (1 + b) denominator / ((1 - b) h): 38 / lr is the curvature that Adam at b = 0.9 bears."""
    return averaged_limit(b, h) * denominator


def terminal_step(lr: float, b: float, g: float) -> float:
    """Return lr g / (1 - b): the step of heavy ball and of Nesterov under a constant gradient."""
    return lr * g / (1 - b)


def alternating_step(lr: float, b: float, g: float) -> float:
    """Return lr g / (1 + b): the size of heavy ball's steps under a gradient of alternating sign."""
    return lr * g / (1 + b)


def nesterov_alternating_step(lr: float, b: float, g: float) -> float:
    """Return lr g (1 + 2 b) / (1 + b): Nesterov damps less, since the newest gradient counts 1 + b times."""
    return lr * g * (1 + 2 * b) / (1 + b)


def averaged_alternating_step(lr: float, b: float, g: float) -> float:
    """Return lr g (1 - b) / (1 + b), the averaged form's; Adam's with g = 1, as its denominator is |g|."""
    return lr * g * (1 - b) / (1 + b)


def adam_step(lr: float, g: float, eps: float) -> float:
    """Return lr |g| / (|g| + eps): Adam's first step, and every step of its under a constant gradient."""
    return lr * abs(g) / (abs(g) + eps)


def adagrad_path(lr: float, g: float, eps: float, steps: int) -> float:
    """Return the sum of lr |g| / (|g| sqrt t + eps), t = 1 .. steps: the way under a constant gradient."""
    return sum(lr * abs(g) / (abs(g) * sqrt(t) + eps) for t in range(1, steps + 1))


def rmsprop_path(lr: float, alpha: float, g: float, eps: float, steps: int) -> float:
    """Return the sum of lr |g| / (|g| sqrt(1 - alpha^t) + eps), t = 1 .. steps: torch corrects no start."""
    return sum(lr * abs(g) / (abs(g) * sqrt(1 - alpha**t) + eps) for t in range(1, steps + 1))


def decayed(w: float, lr: float, weight_decay: float, steps: int) -> float:
    """Return w (1 - lr weight_decay)^steps: decoupled weight decay, or an L2 penalty under plain descent."""
    return float(w * (1 - lr * weight_decay) ** steps)


def cosine_sum(steps: int) -> float:
    """Return (T + 1) / 2: the sum of (1 + cos(pi t / T)) / 2, and of 1 - t / T, over t = 0 .. T - 1."""
    return (steps + 1) / 2


def exponential_sum(steps: int, final: float) -> float:
    """Return (1 - final) / (1 - final^(1 / T)), a geometric sum of T terms."""
    return float((1 - final) / (1 - final ** (1 / steps)))


def staircase_sum(lengths: tuple[int, ...], factor: float) -> float:
    """Return the sum of lengths[i] factor^i: pieces of constant lr, each `factor` times the one before."""
    return float(sum(length * factor**i for i, length in enumerate(lengths)))


def warmup_cosine_sum(steps: int, warmup: int) -> float:
    """Return (T + 1) / 2, whatever the warm-up: W / 2 of it, then (T - W + 1) / 2 of cosine."""
    return warmup / 2 + cosine_sum(steps - warmup)


def warmup_stable_decay_sum(steps: int, warmup: int, decay: int) -> float:
    """Return T - W / 2 - D / 2 + 1 / 2, where warm-up and decay don't overlap."""
    return steps - warmup / 2 - decay / 2 + 1 / 2


def one_cycle_sum(steps: int, rise: float, start: float = 1 / 25, end: float = 1 / 25e4) -> float:
    """Return the sum of a cycle of two half cosines: up from `start` to 1, then down to `end`, inclusive.

    A half cosine over n steps, both ends included, has the sum (n + 1) (first + last) / 2. The peak stands at
    step p = rise T - 1 and belongs to both.

    Args:
        steps: T.
        rise: the share of the steps that rise, in (0, 1); rise T is whole.
        start: the first value over the largest.
        end: the last value over the largest.
    """
    peak = rise * steps - 1
    return (peak + 1) * (start + 1) / 2 + (steps - peak) * (1 + end) / 2 - 1


def stationary_variance(lr: float, b: float, h: float, noise: float) -> float:
    """Return lr noise^2 (1 + b) / (h (1 - b) (2 (1 + b) - lr h)); lr noise^2 / (h (2 - lr h)) at b = 0.

    The variance that w keeps for ever when every gradient is off by N(0, noise^2).
    """
    return lr * noise**2 * (1 + b) / (h * (1 - b) * (2 * (1 + b) - lr * h))


def update_correlation(lr: float, b: float, h: float) -> float:
    """Return b - lr h / 2: the correlation of two steps in a row of noisy heavy ball (b = 0: of descent)."""
    return b - lr * h / 2


def flip_rate(correlation: float) -> float:
    """Return arccos(correlation) / pi: how often two Gaussians of zero mean differ in sign."""
    return acos(correlation) / pi


def gd_tortuosity(lr: float, h: float, steps: int) -> float:
    """Return the way over the distance of 1-D descent: 1 up to lr h = 1, then up to lr h / (2 - lr h).

    With q = 1 - lr h the steps are lr h w_0 q^t: their sizes sum up to lr h (1 - |q|^T) / (1 - |q|) and they
    themselves to 1 - q^T, in units of |w_0|.
    """
    q = 1 - lr * h
    return float(lr * h * (1 - abs(q) ** steps) / ((1 - abs(q)) * (1 - q**steps)))


def gd_overshoot(lr: float, h: float) -> float:
    """Return lr h - 1 = -g_{t+1} / g_t: 0 hits the minimum, 1 ends as high on the other side."""
    return lr * h - 1


def heavy_ball_frequency(lr: float, b: float, h: float) -> float:
    """Return the cycles a step of an underdamped heavy ball, arccos((1 + b - lr h) / (2 sqrt b)) / (2 pi).

    Its roots are sqrt(b) exp(+-i theta), whose sum 2 sqrt(b) cos(theta) is 1 + b - lr h.

    Raises:
        ValueError: it is not underdamped.
    """
    return acos((1 + b - lr * h) / (2 * sqrt(b))) / (2 * pi)
