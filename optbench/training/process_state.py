"""What torch, numpy and Python let one see of the state of a whole process.

Cells of a plug-in that follow each other in one process are only as alone as the plug-in leaves it. Two
states that are equal do not prove that nothing has changed, only that nothing has of what can change
another's numbers by accident: switches, hooks, patched functions, what is inherited from the environment.
"""

from __future__ import annotations

import decimal
import gc
import inspect
import locale
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers

PATCHABLE = (torch, torch.Tensor, torch.nn.Module, torch.nn.functional, torch.optim, torch.autograd)
"""Whose functions a plug-in may have put its own in place of, and those of every optimizer of torch."""


def process_state() -> dict[str, object]:
    """The state by name; values can be compared, and are equal where nothing has changed."""
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": str(torch.get_default_device()),
        "gradients are recorded": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
        "autocast": [
            (torch.is_autocast_enabled(device), str(torch.get_autocast_dtype(device)))
            for device in ("cpu", "cuda")
        ],
        "precision of matrix products": torch.get_float32_matmul_precision(),
        "TF32": (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32),
        "cuDNN": (torch.backends.cudnn.enabled, torch.backends.cudnn.benchmark),
        "oneDNN": torch.backends.mkldnn.enabled,
        "deterministic mode": torch.get_deterministic_debug_mode(),
        "denormal numbers": float(torch.tensor(2e-39, dtype=torch.float32, device="cpu") * 0.5) == 0,
        "threads of torch": torch.get_num_threads(),
        "hooks of every optimizer": _hooks(optimizers),
        "hooks of every module": _hooks(modules),
        "functions of torch": _functions(),
        "numpy's errors": np.geterr(),
        "numpy's printing": {k: str(v) for k, v in np.get_printoptions().items()},
        "the environment": dict(os.environ),
        "the working folder": _folder(),
        "umask": _umask(),
        "signal handlers": [str(signal.getsignal(number)) for number in signal.valid_signals()],
        "warnings filters": [str(one) for one in warnings.filters],
        "the start method of processes": multiprocessing.get_start_method(allow_none=True),
        "the recursion limit": sys.getrecursionlimit(),
        "tracing": (str(sys.gettrace()), str(sys.getprofile()), threading.gettrace()),
        "garbage collection": (gc.isenabled(), gc.get_threshold()),
        "decimal's context": str(decimal.getcontext()),
        "the locale": locale.setlocale(locale.LC_ALL),
        "the module search path": list(sys.path),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "standard streams": [id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "open files": _open_files(),
    }


def changes(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """The names of what differs between two states of a process."""
    return [name for name, value in before.items() if after[name] != value]


def _hooks(module: ModuleType) -> dict[str, list[str]]:
    """Hooks that torch keeps for all of a kind, in its modules' dictionaries that are called `_global_*`."""
    return {
        name: [str(hook) for hook in hooks.values()]
        for name, hooks in vars(module).items()
        if name.startswith("_global_") and isinstance(hooks, dict)
    }


def _functions() -> dict[str, int]:
    """Which object each function of torch's namespaces is."""
    classes = [one for one in vars(torch.optim).values() if isinstance(one, type)]
    return {
        f"{kind}.{name}": id(_under_profiler(value))
        for kind, owner in ((getattr(one, "__name__", ""), one) for one in (*PATCHABLE, *classes))
        for name, value in list(vars(owner).items())
        if inspect.isroutine(value)
    }


def _under_profiler(function: Any) -> object:  # noqa: ANN401  (wrappers have attributes of their own)
    """The step of an optimizer's class without what torch wraps it in when the first one is made."""
    while inspect.isfunction(function) and function.__code__.co_filename == optimizers.__file__:
        if not hasattr(function, "__wrapped__"):
            break
        function = function.__wrapped__
    return function


def _folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _open_files() -> list[str]:
    """Descriptors and what is behind them (Linux; elsewhere none are known)."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir() if sys.platform == "linux" else ():
        with suppress(OSError):  # the one that lists them
            found.append(f"{descriptor.name} {descriptor.readlink()}")
    return sorted(found)
