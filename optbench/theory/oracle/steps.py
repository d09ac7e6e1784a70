"""Facts of single steps: steady gradients, first steps, effective learning rates, sums of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from optbench.theory.oracle import forms, runs
from optbench.theory.oracle.fact import (
    ADAGRAD_PAPER,
    ADAM_PAPER,
    ADAMW_PAPER,
    DERIVED,
    GOH,
    RMSPROP_PAPER,
    ROUNDING,
    Fact,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from optbench.theory.oracle.runs import Runs

STEADY: Final = "Steady gradients"
STEPS: Final = "First steps and effective lr"
SUMS: Final = "Sums of schedules"

_START: Final = "what is left of the start, 0.9^200 = 7e-10, and eps beside the gradient"

_CONSTANT: Final = (
    (
        "heavy_ball", "heavy ball", "lr g/(1 − b)",
        lambda r: forms.terminal_step(r.lr, r.b, r.g), GOH,
    ),
    (
        "nesterov", "Nesterov", "lr g/(1 − b)",
        lambda r: forms.terminal_step(r.lr, r.b, r.g), "Sutskever et al. 2013, PMLR 28(3), pages 1139-1147",
    ),
    (
        "averaged", "the averaged form", "lr g",
        lambda r: forms.terminal_step(r.lr, 0.0, r.g), GOH,
    ),
)  # fmt: skip
_ALTERNATING: Final = (
    (
        "heavy_ball", "heavy ball", "lr g/(1 + b)",
        lambda r: forms.alternating_step(r.lr, r.b, r.g), GOH,
    ),
    (
        "nesterov", "Nesterov", "lr g(1 + 2b)/(1 + b)",
        lambda r: forms.nesterov_alternating_step(r.lr, r.b, r.g), GOH,
    ),
    (
        "averaged", "the averaged form", "lr g(1 − b)/(1 + b)",
        lambda r: forms.averaged_alternating_step(r.lr, r.b, r.g), GOH,
    ),
    (
        "adam", "Adam", "lr(1 − b)/(1 + b)",
        lambda r: forms.averaged_alternating_step(r.lr, r.b, 1.0), ADAM_PAPER,
    ),
)  # fmt: skip


def _constant(name: str, words: str, formula: str, predict: Callable[[Runs], float], source: str) -> Fact:
    what = f"{words}'s step under a constant gradient, in the end"
    where = (f"slope/{name}/constant",)
    return Fact(
        f"terminal_{name}", STEADY, what, formula, predict, runs.last_step, where, 2e-8, _START, source
    )


def _alternating(name: str, words: str, formula: str, predict: Callable[[Runs], float], source: str) -> Fact:
    what = f"{words}'s step under an alternating gradient, in the end"
    where = (f"alternating/{name}/constant",)
    return Fact(
        f"alternating_{name}", STEADY, what, formula, predict, runs.last_step, where, 2e-8, _START, source
    )


def _adagrad(found: Runs, steps: int) -> float:
    return forms.adagrad_path(found.lr, found.g, found.setting("eps"), steps)


def _rmsprop(found: Runs, steps: int) -> float:
    return forms.rmsprop_path(found.lr, found.setting("alpha"), found.g, found.setting("eps"), steps)


def _adam(found: Runs) -> float:
    return forms.adam_step(found.lr, found.g, found.setting("eps"))


def _adamw(found: Runs) -> float:
    return found.lr * found.setting("weight_decay") * found.start + _adam(found)


def _adam_l2(found: Runs) -> float:
    return forms.adam_step(found.lr, found.setting("weight_decay") * found.start, found.setting("eps"))


def _decayed(found: Runs) -> float:
    return forms.decayed(found.start, found.lr, found.setting("weight_decay"), found.steps)


def _effective_lr(found: Runs) -> float:
    return runs.last_step(found) / found.g


_STEPS: Final = (
    (
        "first_step_adam", "Adam's first step", "lr g/(g + eps)",
        _adam, runs.first_step, "slope/adam", ADAM_PAPER,
    ),
    (
        "first_step_adagrad", "Adagrad's first step", "lr g/(g + eps)",
        lambda r: _adagrad(r, 1), runs.first_step, "slope/adagrad", ADAGRAD_PAPER,
    ),
    (
        "first_step_rmsprop", "RMSprop's first step", "lr g/(g√(1 − a) + eps)",
        lambda r: _rmsprop(r, 1), runs.first_step, "slope/rmsprop", RMSPROP_PAPER,
    ),
    (
        "first_step_adamw", "AdamW's first step: its decay and Adam's", "lr d w + lr g/(g + eps)",
        _adamw, runs.first_step, "slope/adamw", ADAMW_PAPER,
    ),
    (
        "first_step_adam_l2", "Adam's first step where an L2 penalty d is all there is", "lr d w/(d w + eps)",
        _adam_l2, runs.first_step, "plain/adam_l2", ADAMW_PAPER,
    ),
    (
        "effective_lr_adam", "Adam's step over the gradient, a constant one, after T steps", "lr/(g + eps)",
        lambda r: _adam(r) / r.g, _effective_lr, "slope/adam", ADAM_PAPER,
    ),
    (
        "effective_lr_adagrad", "Adagrad's step over the gradient, a constant one, after T steps",
        "lr/(g√T + eps)",
        lambda r: (_adagrad(r, r.steps) - _adagrad(r, r.steps - 1)) / r.g, _effective_lr,
        "slope/adagrad", ADAGRAD_PAPER,
    ),
    (
        "effective_lr_rmsprop", "RMSprop's step over the gradient, a constant one, after T steps",
        "lr/(g√(1 − a^T) + eps)",
        lambda r: (_rmsprop(r, r.steps) - _rmsprop(r, r.steps - 1)) / r.g, _effective_lr,
        "slope/rmsprop", RMSPROP_PAPER,
    ),
    (
        "way_adagrad", "Adagrad's way in T steps under a constant gradient", "Σ lr g/(g√t + eps)",
        lambda r: _adagrad(r, r.steps), runs.displacement, "slope/adagrad", ADAGRAD_PAPER,
    ),
    (
        "way_rmsprop", "RMSprop's way in T steps under a constant gradient", "Σ lr g/(g√(1 − a^t) + eps)",
        lambda r: _rmsprop(r, r.steps), runs.displacement, "slope/rmsprop", RMSPROP_PAPER,
    ),
    (
        "decay_adamw", "what AdamW's decay leaves of w after T steps without a gradient", "w(1 − lr d)^T",
        _decayed, runs.end, "plain/adamw", ADAMW_PAPER,
    ),
    (
        "decay_sgd_l2", "what an L2 penalty leaves of w after T steps of SGD without a gradient",
        "w(1 − lr d)^T", _decayed, runs.end, "plain/sgd_l2", ADAMW_PAPER,
    ),
)  # fmt: skip


def _step(
    name: str,
    what: str,
    formula: str,
    predict: Callable[[Runs], float],
    measure: Callable[[Runs], float],
    where: str,
    source: str,
) -> Fact:
    return Fact(name, STEPS, what, formula, predict, measure, (f"{where}/constant",), 1e-9, ROUNDING, source)


def _pieces(found: Runs) -> tuple[int, ...]:
    """Lengths of a step schedule's pieces."""
    length = found.horizon("step_size")
    whole, rest = divmod(found.steps, length)
    return (length,) * whole + (rest,)


def _between_milestones(found: Runs) -> tuple[int, ...]:
    """Lengths of a multi-step schedule's pieces."""
    at = found.horizons("milestones")
    return tuple(end - start for start, end in zip((0, *at), (*at, found.steps), strict=True))


def _gamma(found: Runs) -> float:
    return float(found.schedule["gamma"])


def _steps_at_full_lr(found: Runs) -> float:
    """SGD's way under a constant gradient, in steps at the cell's own learning rate."""
    return runs.displacement(found) / (found.lr * found.g)


_SCHEDULES: Final = (
    ("constant", "T", lambda r: float(r.steps), DERIVED),
    ("step", "Σ length_i c^i", lambda r: forms.staircase_sum(_pieces(r), _gamma(r)), DERIVED),
    (
        "multi_step", "Σ length_i c^i", lambda r: forms.staircase_sum(_between_milestones(r), _gamma(r)),
        "He et al. 2015, arXiv 1512.03385",
    ),
    (
        "exponential", "(1 − f)/(1 − f^(1/T))",
        lambda r: forms.exponential_sum(r.steps, float(r.schedule["final"])), DERIVED,
    ),
    ("polynomial", "(T + 1)/2", lambda r: forms.cosine_sum(r.steps), "Chen et al. 2016, arXiv 1606.00915"),
    (
        "cosine", "(T + 1)/2", lambda r: forms.cosine_sum(r.steps),
        "Loshchilov and Hutter 2016, arXiv 1608.03983",
    ),
    (
        "one_cycle", "two half cosines that share their peak",
        lambda r: forms.one_cycle_sum(r.steps, float(r.schedule["pct_start"])),
        "Smith and Topin 2017, arXiv 1708.07120",
    ),
    (
        "warmup_cosine", "(T + 1)/2", lambda r: forms.warmup_cosine_sum(r.steps, r.horizon("warmup")),
        "Goyal et al. 2017, arXiv 1706.02677",
    ),
    (
        "warmup_stable_decay", "T − W/2 − D/2 + 1/2",
        lambda r: forms.warmup_stable_decay_sum(r.steps, r.horizon("warmup"), r.horizon("decay")),
        "Hu et al. 2024, arXiv 2404.06395",
    ),
)  # fmt: skip


def _sum(name: str, formula: str, predict: Callable[[Runs], float], source: str) -> Fact:
    what = f"SGD's way under {name.replace('_', ' ')} and a constant gradient, in steps at the full lr"
    where = (f"slope/sgd/{name}",)
    return Fact(f"sum_{name}", SUMS, what, formula, predict, _steps_at_full_lr, where, 1e-9, ROUNDING, source)


FACTS: Final = (
    *(_constant(*row) for row in _CONSTANT),
    *(_alternating(*row) for row in _ALTERNATING),
    *(_step(*row) for row in _STEPS),
    *(_sum(*row) for row in _SCHEDULES),
)
