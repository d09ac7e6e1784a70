"""The slice of definitions that a cell's digest covers: all that a name leads to, and nothing else."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from optbench.cells.slices import Slices
from optbench.cells.source import _at_the_top, _definition

PACKAGE = {
    "__init__": "",
    "loop": """
        from optbench.parts import clip, SCALE as scale
        from optbench.parts import decorated as wrapped
        from optbench import shapes
        import torch

        RATES = [0.1, 0.2]
        RATES += [0.4]

        def train(model, rate=RATES[0]):
            def inner(x):
                return clip(x) * scale
            return inner(shapes.area(model)), torch.relu(model)

        def unused():
            return wrapped
    """,
    "parts": """
        from math import sqrt as root

        LIMIT = 3.0
        SCALE = 2.0
        OTHER = 5.0

        def clip(x):
            return min(root(x), LIMIT)

        def decorated(f):
            return f
    """,
    "shapes": """
        from optbench.deep import side

        def area(model):
            return side(model) ** 2

        def volume(model):
            return side(model) ** 3
    """,
    "deep": """
        class Model:
            '''Says so.'''
            sides = 4

            @staticmethod
            def of(model):
                return Model.sides

        def side(model):
            return Model.of(model)
    """,
}
"""A package by our name, found before the real one."""


@pytest.fixture(autouse=True)
def found_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def write(folder: Path, **modules: str) -> Path:
    from textwrap import dedent

    for name, text in modules.items():
        file = folder / "optbench" / f"{name.replace('__of__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    return folder


def code(folder: Path, address: str = "optbench.loop:train") -> str:
    return Slices(folder / "study").code(address).sha256


def after(folder: Path, module: str, before: str, text: str) -> str:
    """The hash once `before` reads `text` in a module."""
    assert PACKAGE[module].count(before) == 1, before
    write(folder, **{module: PACKAGE[module].replace(before, text)})
    return code(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, **PACKAGE)


@pytest.mark.parametrize(
    ("module", "before", "text"),
    [
        pytest.param("loop", "return inner(", "return 2 * inner(", id="the function itself"),
        pytest.param("loop", "clip(x) * scale", "clip(x) + scale", id="a function inside"),
        pytest.param("loop", "RATES = [0.1", "RATES = [0.3", id="a default"),
        pytest.param("loop", "RATES += [0.4]", "RATES += [0.5]", id="a second statement of a value"),
        pytest.param("loop", "SCALE as scale", "OTHER as scale", id="what an alias stands for"),
        pytest.param("loop", "import torch", "import numpy as torch", id="what a foreign name stands for"),
        pytest.param("parts", "SCALE = 2.0", "SCALE = 2.5", id="a value under another name"),
        pytest.param("parts", "LIMIT = 3.0", "LIMIT = 4.0", id="a value two steps away"),
        pytest.param("parts", "sqrt as root", "cbrt as root", id="a foreign function"),
        pytest.param("shapes", "side(model) ** 2", "side(model) ** 4", id="an attribute of a module"),
        pytest.param("deep", "sides = 4", "sides = 5", id="the body of a class"),
        pytest.param("deep", "@staticmethod", "@classmethod", id="a decorator"),
        pytest.param("deep", "class Model:", "print(1)\n        class Model:", id="a statement that runs"),
        pytest.param(
            "deep", "class Model:", "if 1 > 0:\n            X = 1\n        class Model:", id="a condition"
        ),
        pytest.param("deep", "def side", "Model.sides = 6\n\n        def side", id="a class changed later"),
    ],
)
def test_what_a_name_leads_to_counts(folder: Path, module: str, before: str, text: str) -> None:
    first = code(folder)
    assert after(folder, module, before, text) != first


@pytest.mark.parametrize(
    ("module", "before", "text"),
    [
        pytest.param("loop", "return wrapped", "return 2", id="a function that nothing calls"),
        pytest.param("loop", "import torch", "import torch\n        import math", id="an unused import"),
        pytest.param("parts", "OTHER = 5.0", "OTHER = 6.0", id="a value that nothing uses"),
        pytest.param("parts", "OTHER = 5.0", "OTHER = 5.0\n        MORE = 1", id="one more value"),
        pytest.param("shapes", "side(model) ** 3", "side(model) ** 5", id="another function of the module"),
        pytest.param("deep", "Says so.", "Says more.", id="a docstring"),
        pytest.param("deep", "def side(model)", "def side(model: int) -> int", id="annotations"),
        pytest.param("deep", "class Model:", "import os\n        class Model:", id="an import"),
        pytest.param(
            "shapes",
            "def volume",
            "if __name__ == '__main__':\n            print(1)\n        def volume",
            id="what runs as a script alone",
        ),
    ],
)
def test_what_no_name_leads_to_does_not(folder: Path, module: str, before: str, text: str) -> None:
    first = code(folder)
    assert after(folder, module, before, text) == first


def test_two_imports_that_change_places(tmp_path: Path) -> None:
    files = {
        "__init__": "",
        "one": "K = 1\ndef f():\n    return K\n",
        "two": "K = 2\ndef f():\n    return K\n",  # the same text, another number
    }
    loop = (
        "from optbench.{} import f\nfrom optbench.{} import f as g\ndef train():\n    return f() - 2 * g()\n"
    )
    write(tmp_path, **files, loop=loop.format("one", "two"))
    first = code(tmp_path)
    write(tmp_path, loop=loop.format("two", "one"))
    assert code(tmp_path) != first
    inside = "def train():\n    from optbench.one import f as {}, K as {}\n    return a() + b\n"
    write(tmp_path, loop=inside.format("a", "b"))
    first = code(tmp_path)
    write(tmp_path, loop=inside.format("b", "a"))
    assert code(tmp_path) != first


def test_star_imports_take_the_whole_module(tmp_path: Path) -> None:
    write(
        tmp_path,
        __init__="",
        parts="A = 1\nB = 1\n",
        loop="from optbench.parts import *\ndef train():\n    return A\n",
    )
    first = code(tmp_path)
    write(tmp_path, parts="A = 2\nB = 1\n")
    second = code(tmp_path)
    write(tmp_path, parts="A = 2\nB = 2\n")
    assert len({first, second, code(tmp_path)}) == 3


def test_a_module_that_is_handed_on_counts_as_a_whole(tmp_path: Path) -> None:
    write(
        tmp_path,
        __init__="",
        parts="A = 1\n",
        loop="from optbench import parts\ndef train():\n    return vars(parts)\n",
    )
    first = code(tmp_path)
    write(tmp_path, parts="A = 2\n")
    assert code(tmp_path) != first


def test_a_package_that_hands_a_name_on(tmp_path: Path) -> None:
    files = {
        "__init__": "",
        "rooms__of____init__": "from optbench.rooms.one import f\n",
        "rooms__of__one": "def f():\n    return 1\n",
        "rooms__of__two": "def f():\n    return 2\n",
        "loop": "from optbench.rooms import f\ndef train():\n    return f()\n",
    }
    write(tmp_path, **files)
    first = code(tmp_path)
    assert set(Slices(tmp_path / "study").code("optbench.loop:train").modules) == {"loop", "rooms.one"}
    write(tmp_path, **{"rooms__of____init__": "from optbench.rooms.two import f\n"})
    assert code(tmp_path) != first
    # What a package runs when it is imported counts for everything in it.
    write(tmp_path, **{"rooms__of____init__": "from optbench.rooms.one import f\nprint(1)\n"})
    assert code(tmp_path) != first


def test_functions_that_call_each_other(tmp_path: Path) -> None:
    text = "def train():\n    return other()\n\ndef other():\n    return train() or {}\n"
    write(tmp_path, __init__="", loop=text.format(1))
    first = code(tmp_path)
    write(tmp_path, loop=text.format(2))
    assert code(tmp_path) != first


def test_a_name_put_together_at_run_time_is_not_seen(tmp_path: Path) -> None:
    """A limit, not a wish: code that decides numbers names what it uses."""
    loop = "from optbench import other\ndef train():\n    return getattr(other.package, 'par' + 'ts').A\n"
    write(tmp_path, __init__="", other="import optbench as package\n", parts="A = 1\n", loop=loop)
    first = code(tmp_path)
    write(tmp_path, parts="A = 2\n")
    assert code(tmp_path) == first


def uses(text: str, name: str = "f") -> set[str]:
    bound, statements = _at_the_top(ast.parse(text).body)
    return set(_definition(statements[name], bound.keys() | statements.keys()).uses)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\ndef f(): return a", {"a"}),
        ("a = 1\ndef f(a): return a", set()),
        ("a = 1\ndef f():\n    a = 2\n    return a", set()),
        ("a = 1\ndef f():\n    for a in []: pass\n    return a", set()),
        ("a = 1\ndef f():\n    with open('x') as a: return a", set()),
        ("a = 1\ndef f():\n    try: pass\n    except E as a: return a", set()),
        ("a = 1\ndef f():\n    def a(): pass\n    return a", set()),
        ("a = 1\ndef f(x):\n    match x:\n        case [a]: return a", set()),
        ("a = 1\ndef f(x):\n    match x:\n        case {**a}: return a", set()),
        ("a = 1\ndef f():\n    global a\n    a = 2", {"a"}),
        ("a = 1\ndef f(b=a): return b", {"a"}),
        ("a = 1\ndef f(a=a): return a", {"a"}),
        ("a = 1\ndef f(*a, **b): return a, b", set()),
        ("a = 1\n@a\ndef f(a): return a", {"a"}),
        ("a = 1\ndef f(): return [a for a in []]", set()),
        ("a = 1\ndef f(): return [a for a in a]", {"a"}),
        ("a = 1\ndef f(): return [b for b in [] if a]", {"a"}),
        ("a = 1\ndef f(): return [(a := b) for b in []]", set()),
        ("a = 1\ndef f(): return lambda a: a", set()),
        ("a = 1\ndef f(): return lambda b=a: b", {"a"}),
        ("a = 1\ndef f(a):\n    def g(): return a\n    return g", set()),
        ("a = 1\ndef f():\n    def g(a): return a\n    return a", {"a"}),
        # The body of a class sees its own names and then the module's: both are taken to be meant.
        ("a = 1\nclass f:\n    a = a", {"a"}),
        ("a = 1\nclass f:\n    a = 2", set()),
        ("a = 1\nclass f:\n    a += 2", {"a"}),
        ("a = 1\nclass f(a): pass", {"a"}),
        ("a = 1\nclass f:\n    a = 2\n    def g(self): return a", {"a"}),
        ("import a\ndef f(): return a.b.c(a.d)", {"a.b.c", "a.d"}),
        ("import a.b\ndef f(): return a.b.c", {"a.b.c"}),
        ("import a\ndef f(): return a().b", {"a"}),
        ("from . import a\ndef f():\n    from .b import c as d\n    return d", {"d=.b:c"}),
        ("def f():\n    import a.b\n    import a.b as c", {"a=a.b:", "c=a.b:"}),
        ("a = 1\nf = [a]", {"a"}),
        ("a, f = 1, 2", set()),
        ("a = 1\nf: a = 2", set()),
    ],
)
def test_the_names_of_its_module_that_a_definition_uses(text: str, expected: set[str]) -> None:
    assert uses(text) == expected
