"""PyTorch without its compiler, for as long as nobody asks for it.

The first step of any optimizer imports `torch._dynamo`, with sympy and nine hundred modules behind it: to
call `graph_break`, which does nothing outside a compiled function, and `disable`, which then has nothing to
disable. A process that trains for a few seconds pays two for that. `leave_compiler_asleep` puts a module in
its place that answers these two; whatever else is asked of it, `torch.compile` say, imports the real one, and
from then on that one is there. No number changes.
"""

from __future__ import annotations

import importlib
import sys
import threading
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMPILER: Final = "torch._dynamo"
ERROR: Final = 2
"""The mode of `set_deterministic` in which a kernel that is not deterministic is an error."""


def leave_compiler_asleep() -> None:
    """Keep this process from importing `torch._dynamo` before something needs it; once is enough."""
    if COMPILER not in sys.modules:
        sleeper = _Sleeper(COMPILER)
        sys.modules[COMPILER] = sleeper
        torch._dynamo = sleeper
        sys.meta_path.insert(0, _Waker(sleeper))


def set_deterministic(mode: int) -> None:
    """Set which kernels may run, and tell the compiler where it is there.

    `torch.use_deterministic_algorithms` does the same, but imports the compiler to tell it.

    Args:
        mode: as `torch.get_deterministic_debug_mode` returns it: 0, 1 to warn of kernels that are not
            deterministic, 2 (`ERROR`) to refuse them.
    """
    torch.set_deterministic_debug_mode(mode)
    if not isinstance(sys.modules.get(COMPILER), _Sleeper | None):
        torch.use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


class _Sleeper(ModuleType):
    """Stands where `torch._dynamo` would."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []  # it is a package; `_Waker` finds what is in it
        self._lock = threading.RLock()

    @staticmethod
    def graph_break() -> None:
        """Nothing is compiled here."""

    def disable(self, fn: Callable[..., Any] | None = None, *args: Any, **settings: Any) -> Any:  # noqa: ANN401
        """Return `fn`, which is run as it is until the real module is there and disables it."""
        if fn is None:
            return self.wake().disable(fn, *args, **settings)
        real: Callable[..., Any] | None = None

        @wraps(fn)
        def asleep(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            nonlocal real
            if sys.modules[COMPILER] is self:
                return fn(*given, **named)
            if real is None:
                real = sys.modules[COMPILER].disable(fn, *args, **settings)
            return real(*given, **named)

        return asleep

    def wake(self) -> ModuleType:
        """Return the real module, imported now."""
        with self._lock:
            if sys.modules.get(COMPILER) is self:
                del sys.modules[COMPILER]
                del torch._dynamo
                importlib.import_module(COMPILER)
                set_deterministic(torch.get_deterministic_debug_mode())
        return sys.modules[COMPILER]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        # Such names are asked of every module there is, by inspect and by warnings, which mean nothing by it.
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.wake(), name)


class _Waker(MetaPathFinder, Loader):
    """Finds the modules inside `torch._dynamo` while it sleeps, by importing it: then they are there."""

    def __init__(self, sleeper: _Sleeper) -> None:
        self._sleeper = sleeper
        self._own: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002  (importlib gives it)
    ) -> ModuleSpec | None:
        """Answers where the import came upon the sleeper; all others go their usual way."""
        if path is not self._sleeper.__path__:
            return None
        self._sleeper.wake()
        self._own[fullname] = importlib.import_module(fullname).__spec__
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module that is there, so that there is one of it."""
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; importlib has put the spec from here into it meanwhile."""
        module.__spec__ = self._own.pop(module.__name__)
