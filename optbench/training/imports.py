"""What a plug-in draws when it is imported: the same in every process, and of no consequence for others.

Data that a module makes when it is imported come from the global generators as often as not. Which other
modules were imported before, and what these drew, depends on the cell: two optimizers would be compared on
different data. So every module of others is executed with freshly seeded generators, which are put back to
where they were afterwards.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, SourceFileLoader, SourcelessFileLoader
from typing import TYPE_CHECKING

from optbench.training.generators import FIXED_SEED, generators_kept, seed_global_generators

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

LOADERS = (SourceFileLoader, SourcelessFileLoader, ExtensionFileLoader)
"""Kinds of loaders of which every module has one of its own."""

LEFT_ALONE = frozenset({"optbench", "torch", "numpy", *sys.stdlib_module_names})
"""Packages that draw nothing when they are imported."""


class SeededFinder(MetaPathFinder):
    """Finds what the other finders find, and has it executed with seeded generators."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the first of the other finders has; see the base class."""
        if fullname.partition(".")[0] in LEFT_ALONE:
            return None
        for finder in [one for one in sys.meta_path if one is not self]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if isinstance(spec.loader, LOADERS):
                    spec.loader.exec_module = partial(_execute, spec.loader.exec_module)  # type: ignore[method-assign]
                return spec
        return None


def _execute(execute: Callable[[ModuleType], None], module: ModuleType) -> None:
    with generators_kept():
        seed_global_generators(FIXED_SEED)
        execute(module)


def seed_imports() -> None:
    """Have every module of others seeded that this process imports from now on."""
    if not any(isinstance(one, SeededFinder) for one in sys.meta_path):
        sys.meta_path.insert(0, SeededFinder())
