"""Which factories are optbench's and torch's own, and what an import may raise."""

from __future__ import annotations

from pathlib import Path

import pytest

from optbench.core.errors import UserError
from optbench.core.factories import is_foreign, load_factory


@pytest.mark.parametrize(
    ("dotted", "foreign"),
    [
        ("torch.optim:SGD", False),
        ("torch.optim.adam:Adam", False),
        ("torch.optim.lr_scheduler:StepLR", False),
        ("torch.optim.swa_utils:SWALR", False),
        ("optbench.catalogue.optimizers.lion:Lion", False),
        ("optbench.catalogue.workloads.landscapes:ravine", False),
        ("torch.hub:load", True),
        ("torch:set_float32_matmul_precision", True),
        ("torch:Generator", True),
        ("torch.autograd:set_detect_anomaly", True),
        ("torch.optim.optimizer:register_optimizer_step_pre_hook", True),
        ("torch.optimizers:SGD", True),
        ("torch_optimizer:Yogi", True),
        ("optbench.training.generators:seed_global_generators", True),
        ("optbench_plugin:Mine", True),
        ("plugin:Mine", True),
    ],
)
def test_only_the_catalogue_and_classes_of_torch_optim_are_own(dotted: str, foreign: bool) -> None:
    assert is_foreign(dotted) is foreign


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("SystemExit(4)", "SystemExit: 4"),
        ("type('Stop', (BaseException,), {})('no')", "Stop: no"),
        ("GeneratorExit()", "GeneratorExit"),
        ("RuntimeError('no')", "RuntimeError: no"),
    ],
)
def test_whatever_an_import_raises_is_one_line(
    raised: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raising_module.py").write_text(f"raise {raised}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError) as caught:
        load_factory("raising_module:Mine")
    assert str(caught.value) == f"factory 'raising_module:Mine' cannot be imported: {told}"
