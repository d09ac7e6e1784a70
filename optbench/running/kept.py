"""Modules that manage cells' processes, kept as they were before code of others was imported.

A plug-in that puts a function of its own in place of `os.waitpid` or `pickle.load` means it for its cells,
whose processes get it. The process that reads requests and waits for those goes on with what was there.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import gc
import io
import json
import mmap
import os
import pathlib
import pickle
import posix
import select
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

OF_PYTHON = (
    *(builtins, contextlib, ctypes, gc, io, json, json.encoder, mmap, os, pathlib, pickle, posix, select),
    *(signal, threading, time),
)
OF_OPTBENCH = ("optbench.running.", "optbench.core.", "optbench.cells.domains", "optbench.study.plugins")

ABSENT = object()

Functions = dict["ModuleType", dict[str, object]]


def functions_of_now() -> Functions:
    """What the names of the managing modules stand for."""
    ours = [module for name, module in list(sys.modules.items()) if name.startswith(OF_OPTBENCH)]
    return {module: dict(vars(module)) for module in (*OF_PYTHON, *ours)}


def put_back(before: Functions) -> Functions:
    """Gives the names of `before` their values again; returns what they stood for until now."""
    replaced: Functions = {}
    for module, names in before.items():
        now = vars(module)
        changed = {name for name, value in names.items() if now.get(name, ABSENT) is not value}
        replaced[module] = {name: now.get(name, ABSENT) for name in changed}
        for name in changed:
            if names[name] is ABSENT:
                del now[name]
            else:
                now[name] = names[name]
    return replaced
