"""The heavy ball on a quadratic: its rate in closed form beside the rate that a run shows."""

from __future__ import annotations

import math
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from optbench.tables.curves import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

CURVATURES: Final[Mapping[str, tuple[float, ...]]] = MappingProxyType({"ravine": (1 / 8, 18.0)})
"""Second derivatives of the quadratic landscapes, by their key in
`optbench.catalogue.workloads.landscapes.LANDSCAPES`."""

_AS_IT_IS: Final[Callable[[float], float]] = lambda momentum: 1.0  # noqa: E731, ARG005

FORMS: Final[Mapping[str, Callable[[float], float]]] = MappingProxyType(
    {
        "torch.optim:SGD": _AS_IT_IS,
        "torch.optim.sgd:SGD": _AS_IT_IS,
        "optbench.catalogue.optimizers.momentum:HeavyBallGradient": _AS_IT_IS,
        "optbench.catalogue.optimizers.momentum:HeavyBallStep": _AS_IT_IS,
        "optbench.catalogue.optimizers.momentum:HeavyBallAveraged": lambda momentum: 1 - momentum,
    }
)
"""By factory: what turns its learning rate at a given momentum into that of the gradient form."""

DEFAULT_MOMENTUM: Final = MappingProxyType({"torch.optim:SGD": 0.0, "torch.optim.sgd:SGD": 0.0})
"""Momentum of a factory that is given none; the written-out forms have 0.9."""

UNDERFLOW: Final = 1e-250
"""Losses below are left out of a slope: they are rounding."""


class RateRow(NamedTuple):
    """One run of a heavy ball on a quadratic landscape, at a constant learning rate.

    `lr` is that of the gradient form. `predicted` is the spectral radius of the iteration; `measured` the
    factor a step by which the distance to the minimum changed over the second half of the recorded run.
    """

    cell: str
    workload: str
    optimizer: str
    lr: float
    momentum: float
    status: str
    predicted: float
    measured: float


def spectral_radius(lr: ArrayLike, momentum: ArrayLike, curvature: ArrayLike) -> NDArray[np.float64]:
    """Return the factor a step by which the heavy ball's distance to the minimum of h x^2/2 shrinks, at last.

    x_{t+1} = (1 + b - lr h) x_t - b x_{t-1} has the characteristic equation z^2 - (1 + b - lr h) z + b = 0.
    Its larger root in size is sqrt(b) where the roots are complex, b > (1 - sqrt(lr h))^2, else
    (|s| + sqrt(s^2 - 4 b)) / 2 with s = 1 + b - lr h. Below 1 the iteration converges.

    Args:
        lr: learning rate, > 0, of the gradient form v <- b v + g; w <- w - lr v.
        momentum: b, in [0, 1).
        curvature: h, > 0.

    Source: Polyak 1964, doi 10.1016/0041-5553(64)90137-5; Goh 2017, doi 10.23915/distill.00006.
    """
    b = np.asarray(momentum, float)
    with np.errstate(over="ignore"):  # a rate so large that a factor or its square is no float: it diverges
        s = 1 + b - np.asarray(lr, float) * np.asarray(curvature, float)
        under = s**2 - 4 * b
    return np.asarray(
        np.where(under < 0, np.sqrt(b), (np.abs(s) + np.sqrt(np.maximum(under, 0))) / 2),
        dtype=np.float64,
    )


def exact_rate(lr: ArrayLike, momentum: ArrayLike, curvatures: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the slowest coordinate's factor: the largest `spectral_radius` over the curvatures."""
    return np.asarray(np.max([spectral_radius(lr, momentum, h) for h in curvatures], axis=0))


def largest_stable_lr(momentum: ArrayLike, curvatures: tuple[float, ...]) -> NDArray[np.float64]:
    """Return 2 (1 + b) / h for the largest curvature h: below it, for b < 1, every coordinate converges."""
    return np.asarray(2 * (1 + np.asarray(momentum, float)) / max(curvatures))


def measured_rate(steps: ArrayLike, losses: ArrayLike) -> float:
    """Return exp(slope / 2) of the line through (step, log loss) over the second half of a run.

    The loss goes as the square of the distance. NaN with fewer than 4 losses to fit.

    Args:
        steps: shape (n,), increasing.
        losses: shape (n,); those that are not finite or below `UNDERFLOW` are left out.
    """
    t, loss = np.asarray(steps, float), np.asarray(losses, float)
    known = np.isfinite(loss) & (loss > UNDERFLOW)
    t, loss = t[known], loss[known]
    t, loss = t[len(t) // 2 :], loss[len(loss) // 2 :]
    if len(t) < 4:  # noqa: PLR2004 - a line through fewer says nothing
        return math.nan
    slope = float(np.polyfit(t - t[0], np.log(loss), 1)[0]) / 2
    return math.exp(slope) if slope < math.log(sys.float_info.max) else math.inf


def rate_rows(runs: pd.DataFrame, curves: pd.DataFrame, facts: Mapping[str, Any]) -> Iterator[RateRow]:
    """The runs of heavy balls (and of plain descent, b = 0) on the quadratic landscapes of a study.

    Args:
        runs: the run table.
        curves: cell, step, value of the training loss.
        facts: study.json: which landscape a workload has, what an optimizer is, which schedule is constant.
    """
    lines = lines_of(curves, ("cell",))
    for run in runs.itertuples():
        curvatures = CURVATURES.get(str(_fact(facts, "workloads", run.workload).get("landscape")))
        schedule = _fact(facts, "schedules", run.schedule)
        if curvatures is None or not schedule or schedule.get("factory"):
            continue
        form = _form(_fact(facts, "optimizers", run.optimizer))
        if form is None:
            continue
        momentum, scale = form
        lr = float(run.lr) * scale  # type: ignore[arg-type]
        part = lines.get(str(run.cell))
        shown = math.nan if part is None else measured_rate(*part)
        yield RateRow(
            str(run.cell), str(run.workload), str(run.optimizer), lr, momentum, str(run.status),
            float(exact_rate(lr, momentum, curvatures)), shown,
        )  # fmt: skip


def _fact(facts: Mapping[str, Any], kind: str, name: object) -> Mapping[str, Any]:
    return (facts.get(kind) or {}).get(str(name)) or {}


def _form(optimizer: Mapping[str, Any]) -> tuple[float, float] | None:
    """(momentum, what its lr is multiplied by), or None where it is no plain heavy ball."""
    factory = str(optimizer.get("factory") or "")
    settings = dict(optimizer.get("settings") or {})
    momentum = settings.pop("momentum", DEFAULT_MOMENTUM.get(factory, 0.9))
    if factory not in FORMS or any(settings.values()) or not isinstance(momentum, (int, float)):
        return None
    return float(momentum), FORMS[factory](float(momentum))
