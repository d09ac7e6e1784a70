"""The built-in learning-rate schedules as data: what stands behind each name that a study may list.

Horizons are written against the budget (`"30%"`), so that a schedule means the same in a cell of 100 steps
and in one of 100,000; `optbench.catalogue.schedules.make.resolve` turns them into steps. All but `plateau`
move once per optimizer step.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from optbench.core.specs import ScheduleSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPECS = (
    ScheduleSpec(name="constant", label="Constant"),
    # A tenth every 30 of 100 epochs, the textbook's decay as a share of the budget
    ScheduleSpec(
        name="step",
        factory="torch.optim.lr_scheduler:StepLR",
        settings={"step_size": "30%", "gamma": 0.1},
        label="Step decay",
    ),
    # He et al. 2015, arXiv 1512.03385, section 4.2: a tenth at half and at three quarters of the budget
    ScheduleSpec(
        name="multi_step",
        factory="torch.optim.lr_scheduler:MultiStepLR",
        settings={"milestones": ["50%", "75%"], "gamma": 0.1},
        label="Multi-step decay",
    ),
    # torch's ExponentialLR with the gamma that reaches lr / 100 at the end of the budget
    ScheduleSpec(
        name="exponential",
        factory="optbench.catalogue.schedules.exponential:exponential",
        settings={"total": "100%", "final": 0.01},
        label="Exponential decay",
    ),
    # Linear to zero at power 1; Chen et al. 2016, arXiv 1606.00915, take 0.9
    ScheduleSpec(
        name="polynomial",
        factory="torch.optim.lr_scheduler:PolynomialLR",
        settings={"total_iters": "100%", "power": 1.0},
        label="Polynomial decay",
    ),
    # Loshchilov and Hutter 2016, arXiv 1608.03983, without restarts
    ScheduleSpec(
        name="cosine",
        factory="torch.optim.lr_scheduler:CosineAnnealingLR",
        settings={"T_max": "100%"},
        label="Cosine",
    ),
    # Smith and Topin 2017, arXiv 1708.07120. They move momentum against the learning rate; here it stays,
    # because a schedule that changes two things at once could not be compared with the others, and because
    # it then serves optimizers that have no momentum. `cycle_momentum: true` brings it back for the rest.
    ScheduleSpec(
        name="one_cycle",
        factory="torch.optim.lr_scheduler:OneCycleLR",
        settings={"max_lr": "lr", "total_steps": "100%", "pct_start": 0.3, "cycle_momentum": False},
        label="One cycle",
    ),
    # Goyal et al. 2017, arXiv 1706.02677 (warm-up); Loshchilov and Hutter 2016 (cosine)
    ScheduleSpec(
        name="warmup_cosine",
        factory="optbench.catalogue.schedules.warmup_cosine:warmup_cosine",
        settings={"warmup": "10%", "total": "100%"},
        label="Warm-up + cosine",
    ),
    # Hu et al. 2024, arXiv 2404.06395; linear cool-down over a fifth: Haegele et al. 2024, arXiv 2405.18392
    ScheduleSpec(
        name="warmup_stable_decay",
        factory="optbench.catalogue.schedules.warmup_stable_decay:warmup_stable_decay",
        settings={"warmup": "5%", "decay": "20%", "total": "100%"},
        label="Warm-up, stable, decay",
    ),
    # Driven by the validation loss: patience counts evaluations, not steps
    ScheduleSpec(
        name="plateau",
        factory="torch.optim.lr_scheduler:ReduceLROnPlateau",
        settings={"factor": 0.1, "patience": 10, "threshold": 1.0e-4, "threshold_mode": "rel"},
        label="Reduce on plateau",
    ),
)

SCHEDULES: Mapping[str, ScheduleSpec] = MappingProxyType({spec.name: spec for spec in _SPECS})
"""Name -> built-in schedule, in the order in which the page lists them."""
