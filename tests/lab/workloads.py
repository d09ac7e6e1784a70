"""Workloads built and trained by a plain loop."""

import importlib
from dataclasses import replace

import torch

from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.datasets.load import Data
from optbench.catalogue.workloads.entries import WORKLOADS

OFFLINE = [
    name for name, spec in WORKLOADS.items() if spec.dataset is None or DATASETS[spec.dataset.name].sha256
]


def build(spec, data):
    """What a study's worker does: call the factory, then set the overridden fields."""
    module, _, name = spec.factory.partition(":")
    factory = getattr(importlib.import_module(module), name)
    workload = factory(*([data] if spec.dataset else []), **spec.settings)
    fields = {key: None if value == "full" else value for key, value in spec.overrides.items()}
    fields |= {"epochs": None} if "steps" in fields else {"steps": None} if "epochs" in fields else {}
    return replace(workload, **fields)


def train(workload, optimizer, steps, seed=0):
    """Train on full batches; return the validation-free loss before each step and after the last."""
    torch.manual_seed(seed)
    model = workload.model()
    made = optimizer(model.parameters())
    losses = []
    for step in range(steps + 1):
        loss = workload.loss(model, workload.train)
        losses.append(float(loss.detach()))
        if step < steps:
            made.zero_grad()
            loss.backward()
            made.step()
    return losses, model


def images(n=40, shape=(8, 8), n_classes=10):
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8)
    half = (x, torch.arange(n) % n_classes)
    return Data(train=half, validation=half, test=half, sha256="", n_classes=n_classes)
