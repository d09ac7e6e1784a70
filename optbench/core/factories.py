"""Functions and classes by the address `module:name` that a study file gives."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from optbench.core.errors import UserError, told
from optbench.core.text import shown
from optbench.core.words import a_kind

if TYPE_CHECKING:
    from collections.abc import Callable


OWN_PACKAGES: Final = frozenset({"optbench", "torch"})
"""Whose modules a file beside the study never stands for."""

OWN: Final = "optbench.catalogue."
"""Where optbench's own optimizers, schedules and workloads are."""

OF_TORCH: Final = ("torch.optim", "torch.optim.")
"""Where torch's optimizers and schedules are: its module, and how the names of those below begin."""


def is_foreign(dotted: str) -> bool:
    """Whether `module:name` is none of optbench's catalogue and no class of torch.optim.

    It is a plug-in's, a third-party package's, or something else of optbench or torch that is not made to be
    named in a study: what loads code of others (`torch.hub:load`), or changes the whole process
    (`torch:set_default_dtype`, `torch.optim.optimizer:register_optimizer_step_pre_hook`).
    """
    module, _, name = dotted.partition(":")
    if module.startswith(OWN):
        return False
    return not ((module == OF_TORCH[0] or module.startswith(OF_TORCH[1])) and name[:1].isupper())


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
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a module does when it is imported
        raise UserError(f"factory {dotted!r} cannot be imported: {told(error)}") from error
    if not callable(found):
        raise UserError(f"factory {dotted!r} is {a_kind(found)}, not something that can be called")
    return found  # type: ignore[no-any-return]
