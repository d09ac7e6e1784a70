"""Everything that this package asks of torch beyond what torch documents, each with what is done without it.

The rest of the package names no private member of torch. Where one is missing, or is not what it was, the
plain way is taken: the same numbers, somewhat slower.

- `torch._dynamo`: the first step of any optimizer imports PyTorch's compiler, with sympy and nine hundred
  modules behind it, to call `graph_break`, which does nothing outside a compiled function, and `disable`,
  which then has nothing to disable. A process that trains for a few seconds pays two for that.
  `defer_compiler` puts a module in its place that answers these two; whatever else is asked of it,
  `torch.compile` say, imports the real one, and from then on that one is there. Without it, the compiler is
  imported as torch does.
- `torch._foreach_copy_`: copies many tensors in one call. Without it, each by a `copy_` of its own.
- `_BatchNorm`, `_DropoutNd`: the parents of torch's layers of either kind, and of a user's own. Without them,
  torch's layers by name.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    Copy: TypeAlias = Callable[[Sequence[Tensor], Sequence[Tensor | None]], object]

COMPILER: Final = "torch._dynamo"
DETERMINISTIC_ERROR: Final = 2
"""The mode of `set_deterministic` in which a kernel that is not deterministic is an error."""

BATCH_NORMS: Final[tuple[type[nn.Module], ...]] = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.LazyBatchNorm1d,
    nn.LazyBatchNorm2d,
    nn.LazyBatchNorm3d,
)
DROPOUTS: Final[tuple[type[nn.Module], ...]] = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)


def is_batch_norm(module: nn.Module) -> bool:
    """Return whether a layer normalises by its batch and keeps running averages, as torch's do."""
    parent: type[nn.Module] | None = getattr(nn.modules.batchnorm, "_BatchNorm", None)
    return isinstance(module, BATCH_NORMS if parent is None else (parent, *BATCH_NORMS))


def is_dropout(module: nn.Module) -> bool:
    """Return whether a layer draws which of its entries are left out, as torch's do."""
    parent: type[nn.Module] | None = getattr(nn.modules.dropout, "_DropoutNd", None)
    return isinstance(module, DROPOUTS if parent is None else (parent, *DROPOUTS))


def copier() -> Copy:
    """Return a function that copies each of the second tensors into its neighbour among the first.

    To be called without gradients. It raises TypeError or RuntimeError where one of the second is None or
    sparse; what was copied before it stays.
    """
    together: Copy | None = getattr(torch, "_foreach_copy_", None)
    return together if together is not None and _copies(together) else copy_each


def copy_each(targets: Sequence[Tensor], sources: Sequence[Tensor | None]) -> None:
    """Copy each of `sources` into its neighbour among `targets`, one call each.

    Raises:
        TypeError: a source is None.
        RuntimeError: a source is sparse, or its shape is another.
    """
    for target, source in zip(targets, sources, strict=True):
        target.copy_(source)  # type: ignore[arg-type]


def _copies(copy: Copy) -> bool:
    """Whether `copy` does with two tensors, one of them of another type, what is asked of it."""
    targets = [torch.zeros(2, dtype=torch.float64) for _ in range(2)]
    sources = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0], dtype=torch.float64)]
    try:
        copy(targets, sources)
    except (TypeError, RuntimeError, AttributeError):
        return False
    return all(map(torch.equal, targets, [source.double() for source in sources]))


def defer_compiler() -> None:
    """Keep this process from importing `torch._dynamo` before something needs it; once is enough.

    Nothing is done where torch has no such package, or has imported it already.
    """
    if COMPILER in sys.modules:
        return
    spec = importlib.util.find_spec(COMPILER)
    if spec is not None and spec.submodule_search_locations is not None:
        stand_in = _StandIn(COMPILER)
        sys.modules[COMPILER] = stand_in
        torch._dynamo = stand_in
        sys.meta_path.insert(0, _Finder(stand_in))


def set_deterministic(mode: int) -> None:
    """Set which kernels may run, and tell the compiler where it is there.

    `torch.use_deterministic_algorithms` does the same, but imports the compiler to tell it.

    Args:
        mode: as `torch.get_deterministic_debug_mode` returns it: 0, 1 to warn of kernels that are not
            deterministic, 2 (`DETERMINISTIC_ERROR`) to refuse them.
    """
    if isinstance(sys.modules.get(COMPILER), _StandIn):
        torch.set_deterministic_debug_mode(mode)
    else:
        torch.use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


class _StandIn(ModuleType):
    """Stands where `torch._dynamo` would."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []  # it is a package; `_Finder` finds what is in it
        self._lock = threading.RLock()

    @staticmethod
    def graph_break() -> None:
        """Nothing is compiled here."""

    def disable(self, fn: Callable[..., Any] | None = None, *args: Any, **settings: Any) -> Any:  # noqa: ANN401
        """Return `fn`, which is run as it is until the real module is there and disables it."""
        if fn is None:
            return self.real().disable(fn, *args, **settings)
        disabled: Callable[..., Any] | None = None

        @wraps(fn)
        def deferred(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            nonlocal disabled
            if sys.modules[COMPILER] is self:
                return fn(*given, **named)
            if disabled is None:
                disabled = sys.modules[COMPILER].disable(fn, *args, **settings)
            return disabled(*given, **named)

        return deferred

    def real(self) -> ModuleType:
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
        return getattr(self.real(), name)


class _Finder(MetaPathFinder, Loader):
    """Finds the modules inside `torch._dynamo` behind the stand-in, by importing it: then they are there."""

    def __init__(self, stand_in: _StandIn) -> None:
        self._stand_in = stand_in
        self._own: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002  (importlib gives it)
    ) -> ModuleSpec | None:
        """Answers where the import came upon the stand-in; all others go their usual way."""
        if path is not self._stand_in.__path__:
            return None
        self._stand_in.real()
        self._own[fullname] = importlib.import_module(fullname).__spec__
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module that is there, so that there is one of it."""
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; importlib has put the spec from here into it meanwhile."""
        module.__spec__ = self._own.pop(module.__name__)
