"""Optimizers: hand-written ones, one idea a module, and how a spec becomes one.

`momentum` (heavy ball in its three written forms), `lion`, `matrices` (Muon beside AdamW). Everything else
is `torch.optim`'s or the user's, by dotted name.
"""

from optbench.optimizers.construct import clear_gradients, evaluated_weights, make_optimizer, needs_closure

__all__ = ["clear_gradients", "evaluated_weights", "make_optimizer", "needs_closure"]
