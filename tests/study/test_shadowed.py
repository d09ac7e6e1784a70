"""Files beside the study that are called as modules of Python's or of installed packages are."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
import yaml

import optbench
from lab.study_files import PLUGIN, mistake, study, with_
from optbench.cells.matrix import cells_of

OWN = "is a module of Python's own"


def installed(package) -> str:
    return f"{package.__name__!r} is installed, {package.__file__}"


def named(module: str, name: str = "Signum") -> str:
    return with_(optimizers=f"{{x: {{factory: '{module}:{name}', lr: 1}}}}")


@pytest.mark.parametrize(
    ("module", "owner"),
    [
        ("types", f"'types' {OWN}"),
        ("random", f"'random' {OWN}"),
        ("select", f"'select' {OWN}"),
        ("sys", f"'sys' {OWN}"),
        ("__main__", f"'__main__' {OWN}"),
        ("yaml", installed(yaml)),
        ("torch", installed(torch)),
        ("numpy", installed(numpy)),
        ("optbench", installed(optbench)),
        ("numpy.mine", installed(numpy)),
        ("types.mine", f"'types' {OWN}"),
    ],
)
@pytest.mark.parametrize("package", [False, True])
def test_a_plug_in_of_a_taken_name_is_told(folder: Path, module: str, owner: str, package: bool) -> None:
    here = folder.joinpath(*module.split("."))
    file = here / "__init__.py" if package else here.with_suffix(".py")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PLUGIN)
    assert mistake(folder, named(module)) == (
        f"optimizers.x.factory: {file} cannot be imported as {module!r}: {owner}; rename the file"
    )


@pytest.mark.parametrize("text", [PLUGIN, "raise RuntimeError\n", "def f(:\n", ""])
def test_what_is_not_meant_may_be_there(folder: Path, text: str) -> None:
    for name in ("types", "random", "torch", "numpy", "optbench", "torch_optimizer", "math"):
        (folder / f"{name}.py").write_text(text)
    optimizers = (
        "{sgd: null, adam: {lr: 1}, own: {factory: 'torch.optim:SGD', lr: 1},"
        " odd: {factory: 'types:SimpleNamespace', lr: 1}, x: {factory: 'my_lab:Signum', lr: 1}}"
    )
    found = study(folder, with_(optimizers=optimizers))
    assert len(cells_of(found)) == 5 * 6


def test_a_folder_called_torch_does_not_take_torchs_optimizers(folder: Path) -> None:
    (folder / "torch" / "optim").mkdir(parents=True)
    (folder / "torch" / "__init__.py").write_text("")
    (folder / "torch" / "optim" / "__init__.py").write_text("class SGD: ...\nclass Mine: ...\n")
    assert len(cells_of(study(folder, named("torch.optim", "SGD")))) == 6
    file = folder / "torch" / "optim" / "__init__.py"
    assert mistake(folder, named("torch.optim", "Mine")) == (
        f"optimizers.x.factory: {file} cannot be imported as 'torch.optim': {installed(torch)}; "
        "rename the file"
    )


USES = "class Signum: ...\n"


@pytest.mark.parametrize(
    "line",
    [
        "from types import helper",
        "from types import *\nprint(helper)",
        "import types\nx = types.helper(1)",
        "import types as t\ndef f():\n    return t.helper",
        "def f():\n    from types import helper",
        "try:\n    from types import helper\nexcept ImportError:\n    helper = None",
        "import second\n",
    ],
)
def test_an_import_that_needs_the_file_is_told(folder: Path, line: str) -> None:
    (folder / "types.py").write_text("def helper(x): ...\n")
    (folder / "second.py").write_text("from types import helper\n")
    (folder / "mine.py").write_text(f"{USES}{line}\n")
    message = mistake(folder, named("mine"))
    assert message.startswith(f"optimizers.x.factory: {'second' if 'second' in line else 'mine'}.py line ")
    assert message.endswith(
        f" needs 'helper' of {folder / 'types.py'}, which cannot be imported as 'types': 'types' {OWN};"
        " rename that file"
    )


@pytest.mark.parametrize(
    "line",
    [
        "import types\nx = types.SimpleNamespace",
        "from types import SimpleNamespace",
        "import types",
        "from types import *",
        "import select\nx = select.select",  # a module without Python source
        "import numpy as np\nx = np.array, np.linalg.norm, np.nowhere",
        "import torch\nx = torch.tensor, torch.nn.functional.relu, torch.optim.SGD",
        "from torch import Tensor, nn",
        "import os.path\nx = os.path.join",
        "import own\nx = own.helper",
        "from own import helper",
    ],
)
def test_an_import_that_means_python_or_a_package_is_sound(folder: Path, line: str) -> None:
    names = "helper = array = tensor = norm = Tensor = nn = path = select = SimpleNamespace = 1\n"
    for name in ("types", "select", "numpy", "torch", "os", "own"):
        (folder / f"{name}.py").write_text(names)
    (folder / "mine.py").write_text(f"{USES}{line}\n")
    assert len(cells_of(study(folder, named("mine")))) == 6


def test_a_module_of_a_package_that_is_installed_too(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package called `utils` is installed, another one lies beside the study."""
    site = tmp_path_factory.mktemp("site")
    (site / "utils").mkdir()
    (site / "utils" / "__init__.py").write_text("both = 1\n")
    monkeypatch.setattr("sys.path", [*__import__("sys").path, str(site)])
    (folder / "utils").mkdir()
    (folder / "utils" / "deep.py").write_text("both = helper = 1\n")
    (folder / "mine.py").write_text(f"{USES}from utils import both\n")
    assert len(cells_of(study(folder, named("mine")))) == 6
    for line in ("from utils import deep", "import utils.deep", "from utils.deep import helper"):
        (folder / "mine.py").write_text(f"{USES}{line}\n")
        message = mistake(folder, named("mine"))
        assert message.startswith("optimizers.x.factory: mine.py line 2 needs ")
        assert f"of {folder / 'utils' / 'deep.py'}, which cannot be imported as 'utils" in message
        assert message.endswith(f"'utils' is installed, {site / 'utils' / '__init__.py'}; rename that file")
