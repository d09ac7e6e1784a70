"""The textbook's workloads, optimizers and schedules, as specs to find cells by."""

from __future__ import annotations

from dataclasses import replace

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.core.specs import DatasetSpec, OptimizerSpec, ScheduleSpec, WorkloadSpec
from optbench.theory.textbook.evidence import CONSTANT, Need

RAVINE = WORKLOADS["ravine"]
SLOPE = WORKLOADS["slope"]
WELL = WORKLOADS["double_well"]
SADDLE = replace(WORKLOADS["saddle"], overrides={"steps": 200})
LINE = WORKLOADS["linear_regression"]
BOWL = replace(
    WORKLOADS["quadratic_noisy"], settings={"condition": 4.0, "noise": 0.1}, overrides={"steps": 100}
)
MNIST = WORKLOADS["mnist_mlp"]
MNIST_5K = replace(
    WORKLOADS["mnist5k_mlp"],
    dataset=DatasetSpec("mnist5k"),
    settings={"hidden": [200]},
    overrides={"batch_size": 64, "epochs": 5},
)
NETWORK = (MNIST, MNIST_5K)
"""The articles' network: on full MNIST where that can be had, else on 5,000 of its images."""
DIGITS_LONG = replace(WORKLOADS["digits_mlp"], overrides={"batch_size": 32, "epochs": 100})
REGIMES = {size: WORKLOADS[f"digits_{size}"] for size in ("one", "32", "64", "128", "256", "full")}
"""Batch regimes by their size, ascending."""

SGD = OPTIMIZERS["sgd"]
HEAVY_BALL = OPTIMIZERS["heavy_ball"]
HEAVY_BALL_STEP = OPTIMIZERS["heavy_ball_step"]
HEAVY_BALL_AVERAGED = OPTIMIZERS["heavy_ball_averaged"]
ADAGRAD = OPTIMIZERS["adagrad"]
RMSPROP = OPTIMIZERS["rmsprop"]
ADAM = OPTIMIZERS["adam"]

STEP_30 = replace(SCHEDULES["step"], settings={"step_size": "30 epochs", "gamma": 0.1})
PLATEAU = SCHEDULES["plateau"]


def heavy_ball(momentum: float) -> OptimizerSpec:
    """Torch's heavy ball with another momentum."""
    return replace(HEAVY_BALL, settings={"momentum": momentum})


def need(
    workload: WorkloadSpec | tuple[WorkloadSpec, ...],
    optimizer: OptimizerSpec,
    lr: float,
    schedule: ScheduleSpec = CONSTANT,
) -> Need:
    """A need of one workload, or of the first of several that has run."""
    return Need(workload if isinstance(workload, tuple) else (workload,), optimizer, lr, schedule)
