"""Facts of motion on quadratics: rates, limits of stability, stationary noise, one dimension."""

from __future__ import annotations

from math import copysign
from typing import TYPE_CHECKING, Final, NamedTuple

from optbench.theory.oracle import forms, runs
from optbench.theory.oracle.fact import (
    COHEN,
    COHEN_ADAPTIVE,
    DERIVED,
    LECUN,
    LESSARD,
    LIU,
    ODONOGHUE,
    ROUNDING,
    SHEPPARD,
    Fact,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from optbench.theory.oracle.runs import Runs

RATES: Final = "Best linear rates"
LIMITS: Final = "Limits of stability"
NOISE: Final = "Stationary noise"
ONE: Final = "One dimension"


class Best(NamedTuple):
    """A method at its best: names of fact and optimizer, words, formula, form, tolerance and its reason."""

    name: str
    optimizer: str
    words: str
    formula: str
    form: Callable[[float, float], forms.StepSettings]
    tolerance: float
    reason: str


_DOUBLE: Final = "a double root: the distance goes like t rate^t, which adds log(2)/500 = 0.14%"
_BEST: Final = (
    Best("gd", "sgd_best", "SGD at lr 2/(low + high)", "(k − 1)/(k + 1)", forms.gd_optimal, 1e-9, ROUNDING),
    Best(
        "heavy_ball", "heavy_ball_best", "heavy ball at Polyak's setting", "(√k − 1)/(√k + 1)",
        forms.heavy_ball_optimal, 3e-3, _DOUBLE,
    ),
    Best(
        "nesterov", "nesterov_best", "Nesterov at the setting best for quadratics", "1 − 2/√(3k + 1)",
        forms.nesterov_optimal, 3e-3, _DOUBLE,
    ),
    Best(
        "nesterov_standard", "nesterov_standard", "Nesterov at lr 1/high", "1 − 1/√k",
        forms.nesterov_standard, 3e-3, _DOUBLE,
    ),
)  # fmt: skip


def _rate(best: Best) -> Fact:
    def predict(found: Runs) -> float:
        return best.form(*found.ends).rate

    where = (f"valley/{best.optimizer}/constant",)
    what = f"{best.words}: factor of the distance a step"
    return Fact(
        f"rate_{best.name}", RATES, what, best.formula, predict, runs.fitted_rate, where,
        best.tolerance, best.reason, LESSARD,
    )  # fmt: skip


class Family(NamedTuple):
    """A method with a limit: its name, words, formula and form of the limit, formula and form of the rate."""

    name: str
    words: str
    limit_formula: str
    limit: Callable[[Runs], float]
    rate_formula: str
    rate: Callable[[Runs], float]
    source: str
    workload: str = "parabola"
    half_width: float = 1e-2
    rate_tolerance: float = 1e-6


_FAMILIES: Final = (
    Family(
        "sgd", "SGD",
        "2/h", lambda r: forms.gd_limit(r.h),
        "|1 − lr h|", lambda r: forms.gd_rate(r.lr, r.h), COHEN,
    ),
    Family(
        "heavy_ball", "heavy ball",
        "2(1 + b)/h", lambda r: forms.heavy_ball_limit(r.b, r.h),
        "root of z² − (1 + b − lr h) z + b", lambda r: forms.heavy_ball_rate(r.lr, r.b, r.h), COHEN,
    ),
    Family(
        "nesterov", "Nesterov",
        "2(1 + b)/(h(1 + 2b))", lambda r: forms.nesterov_limit(r.b, r.h),
        "root of z² − (1 + b)(1 − lr h) z + b(1 − lr h)", lambda r: forms.nesterov_rate(r.lr, r.b, r.h),
        COHEN,
    ),
    Family(
        "averaged", "the averaged form",
        "2(1 + b)/((1 − b)h)", lambda r: forms.averaged_limit(r.b, r.h),
        "heavy ball's at lr (1 − b)", lambda r: forms.averaged_rate(r.lr, r.b, r.h), COHEN_ADAPTIVE,
    ),
    Family(
        "adam_frozen", "Adam with its denominator frozen at d",
        "2(1 + b)d/((1 − b)h)", lambda r: forms.frozen_adam_limit(r.b, r.h, r.setting("eps")),
        "the averaged form's at lr/d", lambda r: forms.frozen_adam_rate(r.lr, r.b, r.h, r.setting("eps")),
        COHEN_ADAPTIVE, "parabola_tiny", 5e-4, 1e-5,
    ),
)  # fmt: skip


def _near_limit(family: Family, side: str) -> str:
    """The combination just below or above a family's limit."""
    return f"{family.workload}/{family.name}_{side}/constant"


def _limit(family: Family) -> tuple[Fact, ...]:
    below, above = _near_limit(family, "below"), _near_limit(family, "above")
    limit = Fact(
        f"limit_{family.name}", LIMITS, f"largest stable lr of {family.words}, from a run to either side",
        family.limit_formula, family.limit, runs.crossing, (below, above),
        family.half_width, "half the distance between the two runs", family.source,
    )  # fmt: skip
    beside = (
        Fact(
            f"{family.name}_{side}", LIMITS, f"{family.words} just {side} its limit {does}: factor a step",
            family.rate_formula, family.rate, runs.observed_rate, (where,),
            family.rate_tolerance, "what is left of the smaller root", family.source,
        )
        for side, where, does in (("below", below, "converges"), ("above", above, "diverges"))
    )  # fmt: skip
    return limit, *beside


def _ending(side: str, number: float) -> Fact:
    def predict(_: Runs) -> float:
        return number

    what = f"runs just {side} a limit that are recorded as diverged"
    where = tuple(_near_limit(family, side) for family in _FAMILIES)
    return Fact(
        f"diverged_{side}", LIMITS, what, f"{number:g}", predict, runs.diverged, where, 0.0, "a count", COHEN
    )


class NoiseTolerances(NamedTuple):
    """Tolerances of what chance decides, as shares: of variance, cosine, its excess over momentum, flips."""

    variance: float
    cosine: float
    excess: float
    flips: float


def _noise(optimizer: str, words: str, allowed: NoiseTolerances) -> tuple[Fact, ...]:
    where = (f"noisy/{optimizer}/constant",)
    reason = "four standard errors and the start at rest (docs/reference/oracle.md)"
    return (
        Fact(
            f"variance_{optimizer}", NOISE, f"{words}: variance of a coordinate in the long run",
            "lr s²(1 + b)/(h(1 − b)(2(1 + b) − lr h))",
            lambda r: forms.stationary_variance(r.lr, r.b, r.h, float(r.workload["noise"])),
            runs.settled_variance, where, allowed.variance, reason, LIU,
        ),
        Fact(
            f"update_cosine_{optimizer}", NOISE, f"{words}: correlation of two updates in a row",
            "b − lr h/2", lambda r: forms.update_correlation(r.lr, r.b, r.h),
            runs.column("update_cosine"), where, allowed.cosine, reason, DERIVED,
        ),
        Fact(
            f"update_cosine_excess_{optimizer}", NOISE, f"{words}: the same beyond what momentum alone gives",
            "−lr h/2", lambda r: forms.update_correlation(r.lr, 0.0, r.h),
            runs.column("update_cosine_excess"), where, allowed.excess, reason, DERIVED,
        ),
        Fact(
            f"sign_flip_rate_{optimizer}", NOISE, f"{words}: share of coordinates that turn back in a step",
            "arccos(b − lr h/2)/π", lambda r: forms.flip_rate(forms.update_correlation(r.lr, r.b, r.h)),
            runs.column("sign_flip_rate"), where, allowed.flips, reason, SHEPPARD,
        ),
    )  # fmt: skip


def _one_dimension(name: str, words: str) -> tuple[Fact, ...]:
    def fact(
        column: str, what: str, formula: str, predict: Callable[[Runs], float], source: str = DERIVED
    ) -> Fact:
        where = (f"parabola_short/{name}/constant",)
        measure = runs.column(column)
        what = f"{words}: {what}"
        return Fact(f"{column}_{name}", ONE, what, formula, predict, measure, where, 1e-9, ROUNDING, source)

    return (
        fact(
            "tortuosity", "way over distance", "lr h(1 − |q|^T)/((1 − |q|)(1 − q^T)), q = 1 − lr h",
            lambda r: forms.gd_tortuosity(r.lr, r.h, r.steps),
        ),
        fact(
            "overshoot", "slope at a step's end, turned, over the slope at its start", "lr h − 1",
            lambda r: forms.gd_overshoot(r.lr, r.h), LECUN,
        ),
        fact(
            "update_cosine", "correlation of two updates in a row", "1 − lr h",
            lambda r: -forms.gd_overshoot(r.lr, r.h),
        ),
        fact(
            "gradient_cosine", "cosine of two gradients in a row", "sign of 1 − lr h",
            lambda r: -copysign(1.0, forms.gd_overshoot(r.lr, r.h)),
        ),
        fact(
            "sign_flip_rate", "share of steps that turn back", "1 if lr h > 1, else 0",
            lambda r: float(forms.gd_overshoot(r.lr, r.h) > 0),
        ),
        fact("loss_rise", "rises of the loss over its fall", "0 below lr h = 2", lambda _: 0.0, LECUN),
    )  # fmt: skip


def _frequency(how: str, words: str, measure: Callable[[Runs], float], tolerance: float, reason: str) -> Fact:
    return Fact(
        f"frequency_{how}", ONE, f"underdamped heavy ball: cycles a step, {words}",
        "arccos((1 + b − lr h)/(2√b))/(2π)", lambda r: forms.heavy_ball_frequency(r.lr, r.b, r.h),
        measure, ("parabola_swing/heavy_ball_swinging/constant",), tolerance, reason, ODONOGHUE,
    )  # fmt: skip


FACTS: Final = (
    *(_rate(best) for best in _BEST),
    *(fact for family in _FAMILIES for fact in _limit(family)),
    _ending("below", 0.0),
    _ending("above", float(len(_FAMILIES))),
    *_noise("sgd", "noisy SGD", NoiseTolerances(0.01, 0.012, 0.012, 0.002)),
    *_noise("heavy_ball", "noisy heavy ball", NoiseTolerances(0.018, 0.004, 0.012, 0.007)),
    *_one_dimension("sgd_creeping", "SGD that creeps up to the minimum"),
    *_one_dimension("sgd_zigzag", "SGD that jumps over the minimum"),
    _frequency(
        "crossings",
        "by its changes of sign",
        runs.crossings_frequency,
        1e-3,
        "between two steps the path is taken as straight",
    ),
    _frequency(
        "dominant",
        "by its spectrum",
        runs.column("dominant_frequency"),
        1e-2,
        "an eighth of the spectrum's spacing, 1/255 of a cycle a step; the swing dies out",
    ),
)
