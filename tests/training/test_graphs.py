"""Steps from a CUDA graph: what is captured and when, through a stand-in for the GPU; and on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import StepLR

from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.optimizers.lion import Lion
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells.cell import CellSpec
from optbench.training.batched import group as group_module
from optbench.training.batched.train import train_together
from optbench.training.graphs import EAGER_STEPS, GraphedStep, NoGraphError, refuse_graph
from optbench.training.loop import train_cell

NOWHERE = Path("there-is-no-data")
GPU = torch.device("cuda")
Work = Callable[[], Tensor | None]


def parameters() -> list[nn.Parameter]:
    return [nn.Parameter(torch.ones(3)), nn.Parameter(torch.zeros(1))]


class Recorder:
    """Stands for the GPU: what is captured is done anew at every replay."""

    def __init__(self) -> None:
        self.captured: list[Work] = []
        self.replayed = 0

    def __call__(self, work: Work) -> Work:
        self.captured.append(work)

        def replay() -> Tensor | None:
            self.replayed += 1
            return work()

        return replay


def loss(params: list[nn.Parameter], batch: tuple[Tensor, ...]) -> Tensor:
    return ((batch[0] @ params[0] + params[1] - 2) ** 2).mean()


def batches() -> list[tuple[Tensor, ...]]:
    """Epochs of four batches, the last one shorter."""
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(n, 3, generator=generator),) for _ in range(6) for n in (8, 8, 8, 5)]


def test_replayed_steps_are_the_eager_ones() -> None:
    eager, graphed = parameters(), parameters()
    plain = torch.optim.SGD(eager, lr=0.05, momentum=0.9)
    card = Recorder()
    step = GraphedStep(torch.optim.SGD(graphed, lr=0.05, momentum=0.9), partial(loss, graphed), card)
    looks = []
    for batch in batches():
        plain.zero_grad()
        before = loss(eager, batch)
        before.backward()
        before_step = [p.detach().clone() for p in eager]
        plain.step()

        def look(before_step=before_step) -> None:
            assert all(torch.equal(p.grad, q.grad) for p, q in zip(graphed, eager, strict=True))
            assert all(torch.equal(p, q) for p, q in zip(graphed, before_step, strict=True))
            looks.append(1)

        assert torch.equal(step(batch, look), before.detach())
        assert all(torch.equal(p, q) for p, q in zip(graphed, eager, strict=True))
    # Slope and update of each of two shapes; each shape's first steps are eager.
    assert len(card.captured) == 2 * 2
    assert card.replayed == 2 * (len(looks) - 2 * EAGER_STEPS)
    assert len(looks) == len(batches())


class Capturable(torch.optim.Optimizer):
    """Plain descent with a capturable form: its rate must then be a tensor."""

    def __init__(self, params: list[nn.Parameter], lr: float) -> None:
        super().__init__(params, {"lr": lr, "capturable": False})
        self.rates: list[float] = []

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            assert group["capturable"]
            assert isinstance(group["lr"], Tensor)
            self.rates.append(float(group["lr"]))
            with torch.no_grad():
                for p in group["params"]:
                    p.sub_(group["lr"] * p.grad)


def test_a_capturable_optimizer_follows_its_schedule_by_a_tensor() -> None:
    params = parameters()
    optimizer = Capturable(params, lr=0.5)
    schedule = StepLR(optimizer, step_size=2, gamma=0.5)
    step = GraphedStep(optimizer, partial(loss, params), Recorder())
    for batch in batches()[:8]:
        step(batch, lambda: None)
        assert isinstance(optimizer.param_groups[0]["lr"], float)
        schedule.step()
    assert optimizer.rates == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625]


FROZEN = "a graph would freeze the learning rate of SGD, which the schedule moves"


@pytest.mark.parametrize(
    ("make", "scheduled", "device", "why"),
    [
        (torch.optim.Adam, True, GPU, ""),
        (torch.optim.SGD, False, GPU, ""),
        (Lion, False, GPU, ""),
        (torch.optim.SGD, True, GPU, FROZEN),
        (torch.optim.Adagrad, False, GPU, "Adagrad has no capturable form"),
        (torch.optim.LBFGS, False, GPU, "LBFGS evaluates the loss itself, as often as it needs"),
        (torch.optim.Adam, False, torch.device("cpu"), "a CUDA graph needs a GPU, and it is trained on cpu"),
    ],
)
def test_what_may_be_captured(make, scheduled, device, why):
    optimizer = make(parameters(), lr=0.1)
    schedule = StepLR(optimizer, 5) if scheduled else None
    if not why:
        refuse_graph(optimizer, schedule, device)
        return
    with pytest.raises(NoGraphError) as error:
        refuse_graph(optimizer, schedule, device)
    assert str(error.value) == why


def cell(seed: int = 0, optimizer: str = "adam", device: str = "cpu", schedule: str = "constant") -> CellSpec:
    spec = OPTIMIZERS[optimizer]
    workload = replace(WORKLOADS["linear_regression"], overrides={"epochs": 30, "batch_size": 300})
    return CellSpec(
        *("s", workload, spec, SCHEDULES[schedule]),
        **{"lr": spec.lr, "seed": seed, "device": device, "threads": 1, "timeout_s": 60.0},
        **{"probe_every": 3, "together": (0, 1), "step": "graph"},
    )


def test_without_a_card_it_is_eager_and_says_why() -> None:
    why = "a CUDA graph needs a GPU, and it is trained on cpu"
    alone = train_cell(cell(), NOWHERE, "it is odd")
    assert alone.facts["execution"] == {"seeds": "alone", "step": "eager", "why": f"it is odd; {why}"}
    together = train_together([cell(0), cell(1)], NOWHERE)[1]
    execution = {"seeds": "batched", "together": [0, 1], "step": "eager", "why": why}
    assert together.facts["execution"] == execution


def test_a_stack_is_trained_from_a_graph_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [cell(seed, "heavy_ball") for seed in (0, 1)]
    eager = train_together(cells, NOWHERE)
    card = Recorder()
    monkeypatch.setattr(group_module, "refuse_graph", lambda *_: None)
    monkeypatch.setattr(group_module, "GraphedStep", partial(GraphedStep, capture=card))
    graphed = train_together(cells, NOWHERE)
    assert card.replayed
    assert graphed[0].facts["execution"]["step"] == "graph"
    for one, other in zip(eager, graphed, strict=True):
        assert one.value.tobytes() == other.value.tobytes()
        assert one.facts["probes"] == other.facts["probes"]


def test_what_cannot_be_captured_after_all_starts_again_eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(work: Work) -> Work:
        raise NoGraphError("its step cannot be captured: it looked at the host")

    monkeypatch.setattr(group_module, "refuse_graph", lambda *_: None)
    monkeypatch.setattr(group_module, "GraphedStep", partial(GraphedStep, capture=refuse))
    again = train_together([cell(0, "heavy_ball")], NOWHERE)[0]
    assert again.facts["execution"]["why"] == "its step cannot be captured: it looked at the host"
    assert (again.facts["status"], again.facts["execution"]["seeds"]) == ("ok", "batched")


ON_GPU = [
    *((name, "constant") for name in ("sgd", "heavy_ball", "lion")),
    *((name, "cosine") for name in ("adam", "adamw", "adamax", "nadam", "radam", "rmsprop", "adadelta")),
]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("seeds", ["alone", "batched"])
@pytest.mark.parametrize(("optimizer", "schedule"), ON_GPU)
def test_on_a_gpu_graphed_and_eager_steps_agree(seeds: str, optimizer: str, schedule: str) -> None:
    cells = [cell(seed, optimizer, "cuda", schedule) for seed in (0, 1)]

    def train(step: str) -> list[np.ndarray]:
        asked = [replace(one, step=step) for one in cells]
        traces = (
            train_together(asked, NOWHERE)
            if seeds == "batched"
            else [train_cell(one, NOWHERE) for one in asked]
        )
        for trace in traces:
            execution = trace.facts["execution"]
            assert (execution["seeds"], execution["step"], execution["why"]) == (seeds, step, "")
        return [trace.series("validation", "loss")[1] for trace in traces]

    for eager, graphed in zip(train("eager"), train("graph"), strict=True):
        np.testing.assert_allclose(graphed, eager, rtol=1e-5)
