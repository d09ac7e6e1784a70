"""Digests of values and of code: they change with what decides a number, and with nothing else."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

import optbench
from optbench.cells.identity import TRAINING, TRAINING_TOGETHER, digest
from optbench.cells.slices import NUMBERLESS, Slices
from optbench.cells.source import _write
from optbench.core.errors import UserError

PLUGIN = '''
"""An optimizer."""
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from beside import SCALE

if TYPE_CHECKING:
    from only_types import Params


class Mine(torch.optim.Optimizer):
    """Moves."""

    rate: float = 0.5
    """Its rate."""

    def __init__(self, params: Params, lr: float = 0.1) -> None:
        """Starts."""
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        factor: float = SCALE * 2
        return factor + len("text")
'''

SAME = {
    "comment": ("import torch\n", "import torch  # the library\n"),
    "docstring": ('"""Moves."""', '"""Moves a lot,\n\n    and says so."""'),
    "no docstring": ('        """Starts."""\n', ""),
    "module docstring": ('"""An optimizer."""\n', ""),
    "attribute's description": ('    """Its rate."""\n', ""),
    "annotation of an argument": ("params: Params, lr: float = 0.1", "params, lr: int = 0.1"),
    "annotation of a result": (") -> None:", "):"),
    "annotation of a local name": ("factor: float = SCALE", "factor = SCALE"),
    "annotation of a field": ("rate: float = 0.5", "rate: int = 0.5"),
    "import for annotations": (
        "    from only_types import Params\n",
        "    from only_types import Params, More\n",
    ),
    "no import for annotations": ("if TYPE_CHECKING:\n    from only_types import Params\n", ""),
    "future import": ("from __future__ import annotations\n", ""),
    "layout": (
        "factor: float = SCALE * 2",
        "factor: float = (\n            SCALE\n            * 2\n        )",
    ),
    "quotes": ('"text"', "'text'"),
    "blank lines": ("class Mine", "\n\n\nclass Mine"),
}

CHANGED = {
    "number": ("SCALE * 2", "SCALE * 3"),
    "kind of number": ("SCALE * 2", "SCALE * 2.0"),
    "operator": ("factor + len", "factor - len"),
    "default": ("lr: float = 0.1", "lr: float = 0.2"),
    "string that is used": ('"text"', '"texts"'),
    "import": ("import torch\n", "import torch\nimport math\n"),
    "base class": ("torch.optim.Optimizer", "torch.optim.SGD"),
    "field of the class": ("rate: float = 0.5", "rate = 0.5"),  # a dataclass tells the two apart
    "order of statements": (
        "    rate: float = 0.5\n",
        "    rate: float = 0.5\n    other: float = 0.5\n",
    ),
}


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    return folder


def code(folder: Path, *addresses: str) -> str:
    """The hash of what `addresses` lead to, read anew; of the plug-in's optimizer where none is given."""
    return Slices(folder).code(*(addresses or ("plugin:Mine",))).sha256


def modules(folder: Path, address: str) -> set[str]:
    """The modules that an address leads to."""
    return set(Slices(folder).code(address).modules)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(
        tmp_path, plugin=PLUGIN, beside="from further import BASE\nSCALE = BASE\n", further="BASE = 1\n"
    )


def edited(before: str, after: str) -> str:
    assert PLUGIN.count(before) == 1, before
    return PLUGIN.replace(before, after)


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME)
def test_an_edit_that_decides_no_number_changes_nothing(folder: Path, edit: tuple[str, str]) -> None:
    before = code(folder)
    write(folder, plugin=edited(*edit))
    assert code(folder) == before


@pytest.mark.parametrize("edit", CHANGED.values(), ids=CHANGED)
def test_an_edit_of_the_mathematics_changes_the_digest(folder: Path, edit: tuple[str, str]) -> None:
    before = code(folder)
    write(folder, plugin=edited(*edit))
    assert code(folder) != before
    write(folder, plugin=PLUGIN)
    assert code(folder) == before


@pytest.mark.parametrize("module", ["beside", "further"])
def test_modules_beside_a_plug_in_are_its_code(folder: Path, module: str) -> None:
    before = code(folder)
    text = (folder / f"{module}.py").read_text()
    write(folder, **{module: f"# a comment\n{text}"})
    assert code(folder) == before
    write(folder, **{module: f"{text}MORE = 1\n"})
    assert code(folder) != before


@pytest.mark.parametrize(
    "imports",
    [
        "import attic.core",
        "from attic import core",
        "from attic.core import VALUE",
        "def f():\n    import attic.core",
    ],
)
def test_every_way_to_import_is_followed(tmp_path: Path, imports: str) -> None:
    write(
        tmp_path,
        plugin=imports,
        **{"attic/__init__": "", "attic/core": "from .deep import VALUE", "attic/deep": ""},
    )
    write(tmp_path, **{"attic/deep": "VALUE = 1"})
    before = code(tmp_path)
    write(tmp_path, **{"attic/deep": "VALUE = 2"})
    after = code(tmp_path)
    write(tmp_path, **{"attic/__init__": "import os"})
    assert len({before, after, code(tmp_path)}) == 3


def test_relative_imports_from_further_up(tmp_path: Path) -> None:
    write(tmp_path, **{"attic/__init__": "", "attic/a/__init__": "", "attic/b": "X = 1"})
    write(
        tmp_path,
        **{
            "attic/a/opt": "from ..b import X\nfrom .. import c\nfrom . import d",
            "attic/c": "",
            "attic/a/d": "",
        },
    )
    assert modules(tmp_path, "attic.a.opt:X") == {
        "./attic",
        "./attic.a",
        "./attic.a.opt",
        "./attic.a.d",
        "./attic.b",
        "./attic.c",
    }


def test_installed_packages_and_strangers_are_not_followed(folder: Path) -> None:
    write(folder, stranger="X = 1\n")
    assert modules(folder, "plugin:Mine") == {"./plugin", "./beside", "./further"}
    assert modules(folder, "torch.optim:SGD") == set()


def test_an_environment_below_the_studys_folder_is_not_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / ".venv" / "lib" / "site-packages"
    write(site, third_party_thing="VALUE = 1")
    write(tmp_path, plugin="import third_party_thing\n")
    monkeypatch.syspath_prepend(str(site))
    before = code(tmp_path)
    assert modules(tmp_path, "plugin:Mine") == {"./plugin"}
    write(site, third_party_thing="VALUE = 2")
    assert code(tmp_path) == before


def test_a_module_beside_that_does_not_parse_is_one_line(folder: Path) -> None:
    write(folder, further="BASE = (\n")
    with pytest.raises(UserError, match=r"^further\.py line 1: '\(' was never closed$"):
        code(folder)


def test_the_training_loop_and_what_it_needs_are_hashed(tmp_path: Path) -> None:
    found = Slices(tmp_path).code(TRAINING).modules
    assert {
        "training.loop",
        "cells.seeds",
        "catalogue.schedules.make",
        "catalogue.datasets.load",
        "catalogue.optimizers.make",
        "training.probes.run",
        "training.record",
        "catalogue.workloads.workload",
    } <= set(found)
    # Reading, drawing and driving decide no number of a cell, nor does any single optimizer.
    for room in ("cli", "study", "running", "tables", "theory", "findings", "report", "stats"):
        assert not {module for module in found if module.split(".")[0] == room}, room
    assert not set(found) & {"cells.matrix", "cells.trace"}
    assert not set(found) & {"catalogue.optimizers.lion", "catalogue.optimizers.momentum"}
    assert "training.batched.train" in Slices(tmp_path).code(TRAINING_TOGETHER).modules


def test_what_is_left_out_is_there_and_left_out(tmp_path: Path) -> None:
    package = Path(optbench.__file__).parent
    for module in NUMBERLESS:
        assert package.parent.joinpath(*module.split(".")).with_suffix(".py").is_file(), module
    found = (
        Slices(tmp_path).code(TRAINING, TRAINING_TOGETHER, "optbench.training.timing.measure:measure").modules
    )
    assert not set(found) & {module.partition(".")[2] for module in NUMBERLESS}


def canonical(tree: ast.Module) -> str:
    text: list[str] = []
    _write(tree, text, [])
    return "".join(text)


def test_the_canonical_tree_knows_no_version_of_python() -> None:
    source = "class A[T]: ...\n" if sys.version_info >= (3, 12) else "class A: ...\n"
    plain, newer = ast.parse("class A: ...\n\ndef f(a): return lambda b, *c, d=1: a\n"), ast.parse(source)
    assert canonical(newer) == canonical(ast.parse("class A: ...\n"))
    # A later Python gives old nodes new fields, empty where the syntax is old.
    later = ast.parse("class A: ...\n\ndef f(a): return lambda b, *c, d=1: a\n")
    for node in ast.walk(later):
        node._fields = (*node._fields, "new_list", "new_value")  # type: ignore[misc]
        node.new_list, node.new_value = [], None  # type: ignore[attr-defined]
    assert canonical(later) == canonical(plain)


def test_the_canonical_tree_is_the_same_text_everywhere() -> None:
    text = canonical(ast.parse('"""Doc."""\ndef f(a: int) -> int:\n    return a + 1  # one\n'))
    assert text == (
        "Module(body=[FunctionDef(name='f',args=arguments(args=[arg(arg='a',)])"
        "body=[Return(value=BinOp(left=Name(id='a',ctx=Load())op=Add()right=Constant(value=1,)))])])"
    )


def test_eight_digits_that_do_not_depend_on_the_order_of_keys() -> None:
    # sha256 of {"a":[1,null,"x"],"b":0.5}
    assert digest({"b": 0.5, "a": [1, None, "x"]}) == digest({"a": [1, None, "x"], "b": 0.5}) == "54d8abf3"
    assert digest({"a": 1}) != digest({"a": 1.0})
    assert digest([float("inf")]) != digest([float("nan")])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(VALUES)
def test_any_setting_has_a_digest(value: object) -> None:
    found = digest(value)
    assert len(found) == 8
    assert set(found) <= set("0123456789abcdef")
