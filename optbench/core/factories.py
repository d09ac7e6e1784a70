"""Functions and classes by the address `module:name` that a study file gives."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from optbench.core.errors import RAISED_BY_OTHERS, UserError, told
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable


OWN_PACKAGES: Final = frozenset({"optbench", "torch"})


def is_foreign(dotted: str) -> bool:
    """Whether `module:name` is of neither optbench nor torch: a plug-in's, or a third-party package's."""
    return dotted.partition(":")[0].split(".")[0] not in OWN_PACKAGES


def split_name(dotted: str, key: str) -> tuple[str, str]:
    """Splits `module:name`; raises UserError naming `key` where it is not of that form."""
    module, colon, name = dotted.partition(":")
    if not colon or not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise UserError(f"{key}: {shown(dotted)} is not of the form 'module:name', like 'torch.optim:SGD'")
    return module, name


def load_factory(dotted: str) -> Callable[..., Any]:
    """Imports `module:name` and returns it.

    Raises:
        UserError: the module does not import, whatever it raises instead, or the name is missing or cannot be
            called.
    """
    module, name = split_name(dotted, "factory")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"factory {dotted!r} cannot be imported: {error}") from error
    except RAISED_BY_OTHERS as error:  # whatever a module does when it is imported
        raise UserError(f"factory {dotted!r} cannot be imported: {told(error)}") from error
    if not callable(found):
        raise UserError(f"factory {dotted!r} is a {type(found).__name__}, not something that can be called")
    return found  # type: ignore[no-any-return]
