"""What the code behind a cell consists of, as a whole: no room that reads, draws or drives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import optbench
from optbench.catalogue.datasets.entries import DATASETS
from optbench.catalogue.optimizers.entries import OPTIMIZERS
from optbench.catalogue.schedules.entries import SCHEDULES
from optbench.catalogue.workloads.entries import WORKLOADS
from optbench.cells import slices
from optbench.cells.identity import SPLIT, TIMING, TRAINING, TRAINING_TOGETHER
from optbench.cells.slices import NUMBERLESS, Slices

Nodes = set[tuple[str, str]]

ROOTS = (
    TRAINING,
    TRAINING_TOGETHER,
    TIMING,
    SPLIT,
    *(spec.factory for kind in (WORKLOADS, OPTIMIZERS, SCHEDULES) for spec in kind.values() if spec.factory),  # type: ignore[attr-defined]
    *(entry.reader for entry in DATASETS.values()),
)


def reached(folder: Path, *roots: str) -> Nodes:
    slices = Slices(folder)
    return slices.reached([node for root in roots for node in slices._roots(root)])


def test_rooms_of_all_that_decides_numbers(tmp_path: Path) -> None:
    nodes = reached(tmp_path, *ROOTS)
    rooms = Counter(module.split(".")[1] for module, _ in nodes)
    assert rooms["training"] > 100
    assert rooms["catalogue"] > 50
    # Beside them: the streams of seeds, and what a timing makes its workload from.
    others = {module for module, _ in nodes if module.split(".")[1] not in {"training", "catalogue"}}
    assert others == {"optbench.cells.cell", "optbench.cells.seeds", "optbench.core.specs"}


def test_a_plain_cell_uses_a_small_part_of_the_package(tmp_path: Path) -> None:
    """digits_mlp with Adam at a constant rate."""
    workload = "optbench.catalogue.workloads.vision:mlp"
    reader = "optbench.catalogue.datasets.sources:read_digits"
    nodes = reached(tmp_path, TRAINING, workload, "torch.optim:Adam", reader, SPLIT)
    root = Path(optbench.__file__).parent
    slices = Slices(tmp_path)
    every = [".".join(file.relative_to(root.parent).with_suffix("").parts) for file in root.rglob("*.py")]
    definitions = [slices.known(name.removesuffix(".__init__")).source.definitions for name in every]
    assert 0.03 < len(nodes) / sum(map(len, definitions)) < 0.1
    modules = {module.removeprefix("optbench.") for module, _ in nodes}
    assert 10 < len(modules) < 30
    for name in ("schedules.entries", "optimizers.entries", "optimizers.momentum", "workloads.text"):
        assert f"catalogue.{name}" not in modules
    assert not {module for module in modules if module.startswith(("training.batched", "training.timing"))}


@pytest.mark.parametrize("module", sorted(NUMBERLESS))
def test_what_is_left_out_would_be_reached(
    tmp_path: Path, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that no longer leaves anything out is no longer there."""
    before = reached(tmp_path, *ROOTS)
    assert not {found for found, _ in before} & NUMBERLESS
    monkeypatch.setattr(slices, "NUMBERLESS", NUMBERLESS - {module})
    assert module in {found for found, _ in reached(tmp_path, *ROOTS)}
