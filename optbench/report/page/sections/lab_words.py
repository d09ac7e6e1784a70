"""What the labs of the lesson say, by the key that the page's script asks for."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LAB_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lr_words": "Learning rate",
        "b_words": "Momentum b",
        "k_words": "Condition number k",
        "share_words": "Step, of the largest",
        "effective_words": "Effective rate lr/(1 − b)",
        "noise_words": "Noise",
        "decay_words": "Decay after this share",
        "one_step": "One step across",
        "zigzag": "Zig-zag",
        "best_plain": "The best rate",
        "too_large": "Too large",
        "best_step": "The best step",
        "half_step": "Half the largest",
        "largest_step": "The largest step",
        "plain": "Plain descent",
        "ball": "Heavy ball",
        "best_pair": "The best pair",
        "too_much": "Too much momentum",
        "reset_k": "The ravine's k",
        "no_noise": "Hardly any noise",
        "much_noise": "Much noise",
        "fast": "Faster than descent may",
        "early_decay": "Decay too early",
        "low_peak": "A low peak",
        "high_peak": "A high peak",
        "path": "Path over the loss",
        "loss": "loss",
        "along": "along",
        "across": "across",
        "steps": "steps",
        "curvature": "curvature h",
        "factor": "factor a step",
        "beyond": "diverges",
        "loss_and_parts": "The loss and its two parts",
        "factor_title": "What a step leaves of each direction",
        "parts_title": "What each direction has of the loss",
        "loss_title": "Loss against steps",
        "map_title": "Rate by learning rate and momentum",
        "expected_title": "The loss to expect",
        "rate_title": "The learning rate",
        "two_title": "The two parts of it, with momentum",
        "left_of_start": "left of the start",
        "of_noise": "of noise",
        "this_pair": "this pair",
        "plain_best": "plain, best",
        "best_line": "best pair",
        "plain_descent": "plain descent",
        "with_decay": "with decay",
        "constant": "Constant",
        "step": "Step decay",
        "cosine": "Cosine",
        "warmup_cosine": "Warm-up, cosine",
        "none": "none, it diverges",
        "digit": "about {steps} steps for each decimal digit",
        "diverges": "it diverges",
        "descent_said": (
            "Factor a step: {along} along the valley, {across} across it. The one farther "
            "from 0 decides: {digit}."
        ),
        "directions_said": (
            "The shallowest direction keeps {slow} of itself a step, the steepest {steep}: "
            "{digit}. At the best step it is {best}."
        ),
        "momentum_said": (
            "Factor a step: {along} along the valley, {across} across it. The slower one "
            "decides: {digit}. The best pair is lr {best_lr}, b {best_b} (circle)."
        ),
        "noise_said": (
            "The heavy ball's own lr is {lr}. Floors: {plain} for plain descent at the "
            "effective rate, {ball} for the heavy ball."
        ),
        "schedules_said": "{name} ends at {loss}: {start} left of the start, {noise} of noise.",
    }
)
"""In braces what the script puts there."""
