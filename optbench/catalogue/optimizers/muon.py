"""Muon for a whole model: torch's Muon moves the matrices, torch's AdamW everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.optim import AdamW, Muon, Optimizer

from optbench.catalogue.optimizers.protocol import check, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

MATRIX_NDIM = 2


class MuonWithAdamW(Optimizer):
    """Muon (https://kellerjordan.github.io/posts/muon/) on 2-D parameters, AdamW on all others, one lr.

    Muon orthogonalises a matrix's momentum, which has no meaning for biases, gains or convolutions of four
    dimensions. One learning rate can serve both halves because the matrix updates are scaled to the root
    mean square of AdamW's, 0.2 sqrt(max(rows, columns)) (Liu et al. 2025, arXiv 2502.16982).
    Every 2-D parameter goes to Muon, embeddings and output layers too, which its authors would leave to
    AdamW: parameters arrive here without their names. Its Newton-Schulz iteration runs in bfloat16 whatever
    the parameters' type, so its directions carry two or three significant digits.

    Args:
        params: parameters (no groups), at least one of two dimensions.
        lr: learning rate of both halves, > 0.
        momentum: of Muon, in [0, 1).
        betas: of AdamW, each in [0, 1).
        weight_decay: decoupled, of both halves, >= 0.
        nesterov: whether Muon looks ahead.
        ns_steps: Newton-Schulz iterations, 1 to 99.
        adjust_lr_fn: torch's name of the scaling of the matrix updates; with any other than
            `match_rms_adamw` the halves need learning rates of their own, which this class does not offer.

    Raises:
        ValueError: there is no matrix, or an argument is out of its range.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.01,
        nesterov: bool = True,
        ns_steps: int = 5,
        adjust_lr_fn: str = "match_rms_adamw",
    ) -> None:
        check("lr", lr, "> 0")
        check("momentum", momentum, "in [0, 1)")
        params = list(params)
        matrices = [p for p in params if p.ndim == MATRIX_NDIM]
        others = [p for p in params if p.ndim != MATRIX_NDIM]
        if not matrices:
            shapes = ", ".join(str(tuple(p.shape)) for p in params[:4]) or "nothing"
            raise ValueError(f"Muon needs at least one parameter of two dimensions; this model has {shapes}")
        groups = Muon(
            matrices,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            ns_steps=ns_steps,
            adjust_lr_fn=adjust_lr_fn,
        ).param_groups
        if others:
            groups += AdamW(others, lr=lr, betas=betas, weight_decay=weight_decay).param_groups
        # Only what both halves share is a default: a scheduler that looks for `momentum` or `betas` there
        # to cycle them must be told that there is no single one.
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay})
        self._share()

    def _share(self) -> None:
        """Let both halves work on this optimizer's own groups and state: one copy of each."""
        muon = [group for group in self.param_groups if "ns_steps" in group]
        adamw = [group for group in self.param_groups if "ns_steps" not in group]
        self._parts: list[Optimizer] = [Muon(_bare(muon))]
        if adamw:
            self._parts.append(AdamW(_bare(adamw)))
        for part, groups in zip(self._parts, (muon, adamw), strict=False):
            part.param_groups = groups
            part.state = self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Reached by load_state_dict, copy and pickle, each of which replaces the groups and the state.
        super().__setstate__(state)
        self._share()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group while constructing; later the split is fixed.

        Raises:
            NotImplementedError: the optimizer is already in use.
        """
        if hasattr(self, "_parts"):
            raise NotImplementedError("MuonWithAdamW takes all its parameters when it is made")
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Make one step of both halves; return the closure's loss, or None without one."""
        loss = evaluate(closure)
        for part in self._parts:
            part.step()
        return loss


def _bare(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"params": group["params"]} for group in groups]
