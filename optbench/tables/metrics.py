"""Numbers of one run, from its trace (never torch). docs/reference/tables.md explains each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optbench.cells.trace import curves_of
from optbench.core.status import OK
from optbench.tables.series import dominant_frequency, residual_amplitude, spikes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from optbench.cells.trace import Curve, Curves, Trace

    Floats = NDArray[np.float64]
    Run = tuple[Mapping[str, Any], Curves]

NAN = float("nan")

RUNGS = 20
"""Targets on a workload's ladder."""

SMALLEST_GAP = 1e-16
"""Share of the first gap below which a gap counts as this: closer than float64 tells two losses apart."""

FEWEST_POINTS = 8
"""Points that the fit of a linear rate needs."""

SMALLEST = float(np.finfo(float).smallest_subnormal)

SINGLE_ROUNDING = 1e-6
"""Share of the optimum below which a gap is rounding: losses are evaluated in float32 as a rule."""


class Measure(NamedTuple):
    """One column of the run table: all that tables and page know of it but for how it is computed.

    Attributes:
        name: of the column.
        unit: "" for pure numbers.
        direction: whether `lower` or `higher` is better, or `none`: it describes and does not judge.
        page: the table of the page that shows it, "" for none.
        head: of its column there.
        place: of that column, from the left.
    """

    name: str
    unit: str
    direction: Literal["lower", "higher", "none"]
    page: Literal["", "results", "oscillation"] = ""
    head: str = ""
    place: int = 0


MEASURES = (
    Measure("final_train_loss", "loss", "lower", "results", "Final training loss", 3),
    Measure("final_val_loss", "loss", "lower", "results", "Final validation loss", 1),
    Measure("best_val_loss", "loss", "lower", "results", "Best validation loss", 2),
    Measure("final_val_accuracy", "", "higher", "results", "Final validation accuracy", 4),
    Measure("final_test_loss", "loss", "lower", "results", "Test loss", 5),
    Measure("final_test_accuracy", "", "higher", "results", "Test accuracy", 6),
    Measure("steps_to_target", "steps", "lower", "results", "Steps to target", 7),
    Measure("targets_reached", "", "higher"),
    Measure("mean_log_gap", "decades", "lower"),
    Measure("linear_rate", "per step", "lower"),
    Measure("generalization_gap", "loss", "none"),
    Measure("update_cosine", "", "none", "oscillation", "Update cosine (−1 to 1)", 1),
    Measure("update_cosine_excess", "", "none", "oscillation", "Excess over momentum (cosine)", 2),
    Measure("gradient_cosine", "", "none", "oscillation", "Gradient cosine (−1 to 1)", 3),
    Measure("sign_flip_rate", "", "none", "oscillation", "Sign-flip rate (share of coordinates)", 4),
    Measure("tortuosity", "", "none", "oscillation", "Tortuosity (path / distance)", 5),
    Measure("overshoot", "", "none", "oscillation", "Overshoot (slope after / before)", 6),
    Measure("loss_rise", "", "none", "oscillation", "Loss rise (rises / whole fall)", 7),
    Measure("residual_amplitude", "", "none", "oscillation", "Residual amplitude (log loss)", 8),
    Measure("dominant_frequency", "cycles per step", "none"),
    Measure("spikes_per_1000_steps", "per 1,000 steps", "none"),
)
"""Measures of a run, in the order of the run table's columns."""

MEASURE_NAMES = tuple(measure.name for measure in MEASURES)


def shown_in(page: str) -> tuple[Measure, ...]:
    """The measures that a table of the page shows, from the left."""
    return tuple(sorted((m for m in MEASURES if m.page == page), key=lambda measure: measure.place))


def run_measures(trace: Trace) -> dict[str, float]:
    """The measures of one run, `measures_of` its trace."""
    return measures_of([(trace.facts, curves_of(trace.table()))])[0]


def measures_of(runs: Sequence[Run]) -> list[dict[str, float]]:
    """The measures of runs by name, in the order of `MEASURES`; NaN where a run has none.

    A run that did not end well has no final values: what stands at its last evaluation is not the outcome of
    its budget. Its best validation loss, the targets it reached and how it moved are measured up to its end.

    Args:
        runs: what the trace of each says of it, and what it recorded by (split, metric).
    """
    rows = []
    for (trace_facts, curves), oscillation in zip(runs, _oscillation(runs), strict=True):
        facts = trace_facts.get("workload_facts", {})
        ended = trace_facts["status"] == OK.name
        found = {
            **_final_values(curves, facts, ended=ended),
            **_progress(curves, facts, ended=ended),
            **_movement(trace_facts.get("probes")),
            **oscillation,
        }
        rows.append({name: found[name] for name in MEASURE_NAMES})
    return rows


def first_crossing(steps: NDArray[np.int32], losses: Floats, target: float) -> float:
    """The first evaluated step at which the loss is at or below `target`; NaN (censored) where none is.

    Args:
        steps: shape (n,), increasing.
        losses: shape (n,); a NaN or infinite loss is not a crossing.
        target: the loss that counts as reached.
    """
    reached = np.flatnonzero(losses <= target)
    return float(steps[reached[0]]) if len(reached) else NAN


def ladder(first: float, target: float | None, optimum: float | None) -> Floats:
    """Targets from easy to hard, shape (20,), made of the workload alone; empty where it gives no end.

    The gaps above a base are spaced evenly in the logarithm: the base is the optimum, or 0; the first gap is
    that of the loss before training (which is not a rung), the last a tenth of the target's, or without a
    target a millionth of the first.

    Args:
        first: the loss before training; one for all optimizers with the same seed.
        target: the workload's target, or None.
        optimum: the least possible loss where it is known, or None.
    """
    base = optimum if optimum is not None else 0.0
    top = first - base
    if target is None and optimum is None:
        return np.empty(0)
    bottom = (target - base) / 10 if target is not None else 1e-6 * top
    if not (np.isfinite(top) and 0 < bottom < top):
        return np.empty(0)
    return np.asarray(base + top * (bottom / top) ** (np.arange(1, RUNGS + 1) / RUNGS))


def mean_log_gap(losses: Floats, optimum: float) -> float:
    """Mean over the evaluations of log10((L - L*) / (L_0 - L*)); the start counts as the 0 that it is.

    A gap within rounding of the optimum counts as the rounding, `SINGLE_ROUNDING` of |L*|.

    Args:
        losses: evaluated training losses, the first before training; NaN where one is not finite or the first
            is not above the optimum.
        optimum: L*.
    """
    gaps = _gaps(losses, optimum)
    if not len(gaps) or not np.isfinite(gaps).all() or gaps[0] <= 0:
        return NAN
    least = max(SINGLE_ROUNDING * abs(optimum), SMALLEST_GAP * gaps[0], SMALLEST)
    gaps = np.maximum(gaps, least)
    with np.errstate(over="ignore"):
        shares = gaps / gaps[0]
    if np.isfinite(shares).all():
        return float(np.log10(shares).mean())
    return float((np.log10(gaps) - np.log10(gaps[0])).mean())  # a rise through more decades than a float has


def linear_rate(steps: NDArray[np.int32], losses: Floats, optimum: float) -> float:
    """Factor of L - L* a step: least squares through its logarithm over the second half of the run.

    On a quadratic it is the square of the factor by which the distance shrinks. 1 means no progress: a noisy
    run at its stationary loss shows 1, with the rate of its approach forgotten, and so does a run that starts
    at its optimum and stays there.

    Args:
        steps: shape (n,), increasing.
        losses: evaluated training losses. A run that comes within rounding of the optimum is measured over
            the second half of its way there, one that starts there and leaves over the second half of the
            run. NaN with fewer than 8 points.
        optimum: L*.
    """
    gaps = _gaps(losses, optimum)
    above = np.isfinite(gaps) & (gaps > max(SINGLE_ROUNDING * abs(optimum), np.finfo(float).tiny))
    way = len(above) if above.all() else int(np.argmin(above))
    half = way // 2
    if len(gaps) and np.isfinite(gaps).all() and not above[0]:  # there was no way to go
        half, way = len(gaps) // 2, len(gaps)
        if way - half >= FEWEST_POINTS and not above[half:].all():
            return 1.0
    if way - half < FEWEST_POINTS:
        return NAN
    x, y = steps[half:way].astype(float), np.log(gaps[half:way])
    x = x - x.mean()
    with np.errstate(over="ignore"):  # a rise from the least to the largest float in few steps
        return float(np.exp((x * (y - y.mean())).sum() / (x * x).sum()))


def _gaps(losses: Floats, optimum: float) -> Floats:
    """L - L*; infinite where the two lie farther apart than the largest float."""
    with np.errstate(over="ignore", invalid="ignore"):
        return losses - optimum


_NONE: Curve = (np.empty(0, np.int32), np.empty(0))


def _final_values(curves: Curves, facts: dict[str, Any], *, ended: bool) -> dict[str, float]:
    def last(split: str, metric: str) -> float:
        values = curves.get((split, metric), _NONE)[1]
        return float(values[-1]) if ended and len(values) else NAN

    train, validation = last("train", "loss"), last("validation", "loss")
    seen = curves.get(("validation", "loss"), _NONE)[1]
    finite = seen[np.isfinite(seen)]
    return {
        "final_train_loss": train,
        "final_val_loss": validation,
        "best_val_loss": float(finite.min()) if len(finite) else NAN,
        "final_val_accuracy": last("validation", "accuracy"),
        "final_test_loss": last("test", "loss"),
        "final_test_accuracy": last("test", "accuracy"),
        # Where the validation split is the training data the difference is 0 and says nothing.
        "generalization_gap": validation - train if facts.get("n_validation") else NAN,
    }


def _progress(curves: Curves, facts: dict[str, Any], *, ended: bool) -> dict[str, float]:
    """How fast the run came how far, against the workload's target and optimum."""
    target, optimum = facts.get("target"), facts.get("optimum")
    steps, validation = curves.get(("validation", "loss"), _NONE)
    train_steps, train = curves.get(("train", "loss"), _NONE)
    # The optimum is that of the training loss: no bound for the loss of a separate validation split.
    base = None if facts.get("n_validation") else optimum
    rungs = ladder(float(validation[0]), target, base) if len(validation) else np.empty(0)
    finite = validation[np.isfinite(validation)]
    reached = float((finite.min() <= rungs).mean()) if len(rungs) and len(finite) else NAN
    return {
        "steps_to_target": NAN if target is None else first_crossing(steps, validation, target),
        "targets_reached": reached,
        "mean_log_gap": mean_log_gap(train, optimum) if ended and optimum is not None else NAN,
        "linear_rate": linear_rate(train_steps, train, optimum) if ended and optimum is not None else NAN,
    }


def _movement(probes: dict[str, Any] | None) -> dict[str, float]:
    """How the run moved in weight space, from the sums of its probes."""
    sums = (probes or {}).get("sums", {})

    def ratio(above: str, below: str) -> float:
        a, b = sums.get(above), sums.get(below)
        return float(a / b) if a is not None and b else NAN

    cosine = ratio("update_dot", "update_square")
    return {
        "update_cosine": cosine,
        "update_cosine_excess": cosine - ratio("momentum_square", "update_square"),
        "gradient_cosine": ratio("gradient_dot", "gradient_norms"),
        "sign_flip_rate": ratio("flips", "flippable"),
        "tortuosity": ratio("path", "distance"),
        "overshoot": -ratio("slope_after", "slope_before"),
        "loss_rise": ratio("rise", "fall"),
    }


def _oscillation(runs: Sequence[Run]) -> Iterator[dict[str, float]]:
    """Measures of recorded series: the loss without sampling noise, and the watched coordinates."""
    losses, batches, coordinates, epochs = [], [], [], []
    for trace_facts, curves in runs:
        facts = trace_facts.get("workload_facts", {})
        batches.append(curves.get(("train", "batch_loss"), _NONE)[1])
        loss = curves.get(("train", "loss"), _NONE)[1]
        losses.append(batches[-1] if facts.get("descends_its_loss") else loss)
        watched = [values for name, (_, values) in curves.items() if is_coordinate(*name)]
        coordinates.append(np.stack(watched) if watched else np.empty((0, 0)))
        epochs.append(int(facts.get("steps_per_epoch", 1)))
    found = (
        _of_alike(residual_amplitude, losses),
        _of_alike(spikes, batches),
        _of_alike(dominant_frequency, coordinates, epochs),
    )
    for amplitude, jumps, frequency in zip(*found, strict=True):
        yield {
            "residual_amplitude": amplitude,
            "spikes_per_1000_steps": jumps,
            "dominant_frequency": frequency,
        }


def _of_alike(
    measure: Callable[..., Floats], series: Sequence[Floats], *settings: Sequence[int]
) -> list[float]:
    """What `measure` gives for every series, from one call for all that have the same shape and settings."""
    alike: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for place, one in enumerate(series):
        alike.setdefault((one.shape, tuple(values[place] for values in settings)), []).append(place)
    found = np.empty(len(series))
    for (_, given), places in alike.items():
        found[places] = measure(np.stack([series[place] for place in places]), *given)
    return found.tolist()


def is_coordinate(split: str, metric: str) -> bool:
    """Whether a curve is the path of a single coordinate."""
    return split == "probe" and metric.startswith("coordinate_")
