"""What a plug-in puts in place of functions is there for its cells alone."""

from __future__ import annotations

import builtins
import os
import pickle

import pytest

from optbench.core import processes
from optbench.running.kept import functions_of_now, put_back


def test_functions_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaced, removed and added ones: the first two are as they were, and as they had become again."""
    before = functions_of_now()
    waitpid, load, leave = os.waitpid, pickle.load, processes.leave
    for module, name in ((os, "waitpid"), (pickle, "load"), (processes, "leave"), (builtins, "sorted")):
        monkeypatch.setattr(module, name, getattr(module, name))  # so that the test puts them back, too
    os.waitpid = pickle.load = processes.leave = print
    del builtins.sorted
    theirs = put_back(before)
    assert (os.waitpid, pickle.load, processes.leave) == (waitpid, load, leave)
    assert sorted([2, 1]) == [1, 2]
    put_back(theirs)
    assert os.waitpid is pickle.load is processes.leave is print
    assert not hasattr(builtins, "sorted")
    put_back(before)
    assert sorted([2, 1]) == [1, 2]
