"""Modules of the user's own beside the study file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.study_files import PLUGIN, mistake, study, with_
from optbench.cells.matrix import cells_of


def test_a_module_that_is_not_there(folder: Path) -> None:
    places = f"in {folder} or among the installed packages"
    assert (
        mistake(folder, with_(optimizers="{x: {factory: 'my_lap:Signum', lr: 1}}"))
        == f"optimizers.x.factory: there is no module 'my_lap' {places}; did you mean 'my_lab'?"
    )
    assert (
        mistake(folder, with_(optimizers="{x: {factory: 'torch.no_such:f', lr: 1}}"))
        == f"optimizers.x.factory: there is no module 'torch.no_such' {places}"
    )


@pytest.mark.parametrize("module", ["null", "latin"])
def test_a_module_that_is_no_text(folder: Path, module: str) -> None:
    message = mistake(folder, with_(optimizers=f"{{x: {{factory: '{module}:f', lr: 1}}}}"))
    assert message.startswith(f"optimizers.x.factory: {module}.py")


def test_factories_of_the_users_own(folder: Path) -> None:
    found = study(
        folder,
        with_(
            workloads="{mine: {factory: 'my_lab:line', points: 4, alpha: 3.5},"
            " seen: {factory: 'my_lab:digits', dataset: digits, width: 9}}",
            optimizers="{mine: {factory: 'my_lab:Signum', lr: 0.01, momentum: 1.5, label: Mine},"
            " plain: {factory: 'my_lab:Plain', lr: 1}, open: {factory: 'my_lab:open_ended', lr: 1, any: [1]},"
            " sgd: {factory: 'torch.optim:SGD', lr: 0.05}}",
            schedules="{mine: {factory: 'torch.optim.lr_scheduler:StepLR', step_size: 30%}}",
        ),
    )
    mine = found.optimizers["mine"]
    # Ranges are known for torch's factories and ours; what momentum another one takes is its own business.
    assert (mine.factory, mine.lr, mine.settings, mine.label) == (
        "my_lab:Signum",
        0.01,
        {"momentum": 1.5},
        "Mine",
    )
    assert found.optimizers["sgd"].lr == 0.05
    assert found.workloads["mine"].settings == {"points": 4, "alpha": 3.5}
    assert found.workloads["seen"].dataset is not None
    assert found.workloads["seen"].dataset.name == "digits"
    assert found.schedules["mine"].settings == {"step_size": "30%"}
    assert found.folder == folder.resolve()
    assert len({cell.digest for cell in cells_of(found)}) == len(cells_of(found)) == 2 * 4 * 6


def test_a_plug_in_in_a_package_and_in_namespaces(folder: Path) -> None:
    (folder / "bench" / "inner" / "deep").mkdir(parents=True)  # no __init__: namespace packages
    (folder / "bench" / "inner" / "deep" / "opt.py").write_text(PLUGIN)
    found = study(folder, with_(optimizers="{x: {factory: 'bench.inner.deep.opt:Signum', lr: 1}}"))
    assert len(cells_of(found)) == 6
