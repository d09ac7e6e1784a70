"""Study files made of their parts."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from optbench.cells.matrix import cells_of
from optbench.core.errors import UserError
from optbench.study.resolve import read_study
from optbench.study.study import Study

PLUGIN = '''
"""Two optimizers and two workloads."""
import torch
from torch.optim import SGD as Plain

class Signum(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.9, *, weight_decay=0.0):
        super().__init__(params, {"lr": lr})

def open_ended(params, lr, **more):
    return Plain(params, lr=lr)

def line(points=10, alpha=2.0):
    """A workload."""

def digits(data, width=3):
    """A workload on a data set."""

def without(*, width=3):
    """A workload with nothing in front."""

def named(steps=3, label="", device="cpu"):
    """A workload whose arguments are called like keys."""

def searching(params, lr, search=3, closure=None):
    return Plain(params, lr=lr)
'''


def study(folder: Path, text: str) -> Study:
    file = folder / "study.yaml"
    file.write_text(dedent(text), encoding="utf-8")
    return read_study(file)


def with_(**parts: str) -> str:
    keys = {"study": "s", "workloads": "{ravine: {spread: 0.1}}", "optimizers": "[sgd]", **parts}
    return "".join(f"{key}: {value}\n" for key, value in keys.items())


def mistake(folder: Path, text: str) -> str:
    with pytest.raises(UserError) as raised:
        cells_of(study(folder, text))
    message = str(raised.value)
    assert message.splitlines() == [message]
    assert message.isprintable()
    file = f"{folder / 'study.yaml'}: "
    assert message.startswith(file)
    return without_place(message.removeprefix(file))


def without_place(message: str) -> str:
    """A message without the place in the file: tests/study/test_places.py has a look at that."""
    return re.sub(r"\bline \d+, column \d+: ", "", message, count=1)
