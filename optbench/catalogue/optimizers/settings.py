"""Calling a factory with a study's settings, and naming the setting that it refuses."""

from __future__ import annotations

import re
from functools import lru_cache
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING

import torch

from optbench.core.errors import RAISED_BY_OTHERS, UserError, nearest, told, words_of
from optbench.core.text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NO_REFUSALS = (MemoryError, torch.OutOfMemoryError)
"""What says nothing of the settings: `optbench.training.kernels.explain` has a sentence for each."""

_FRONT = {"workloads": "the data set", "optimizers": "the parameters", "schedules": "the optimizer"}

_known_signature = lru_cache(signature)


def signature_of(factory: Callable[..., object]) -> Signature:
    """Return `inspect.signature(factory)`, looked up once: it takes as long as making an optimizer does.

    Raises:
        TypeError: it cannot be read.
        ValueError: it cannot be read.
    """
    try:
        return _known_signature(factory)
    except TypeError:  # the factory has no hash, or no signature either
        return signature(factory)


def call_factory(
    factory: Callable[..., object],
    subjects: Sequence[object],
    settings: Mapping[str, object],
    *,
    path: str,
    given: Mapping[str, object] | None = None,
) -> object:
    """Return `factory(*subjects, **given, **settings)`.

    Args:
        factory: a class or function; where its signature can be read, it is checked before the call.
        subjects: what it gets in front: the parameters for an optimizer, the optimizer for a schedule, the
            data for a workload that is on a data set.
        settings: keyword arguments that the study chose.
        path: where the settings stand in the study file, such as `optimizers.adamw`.
        given: keyword arguments that the program supplies, which a study's settings may not name.

    Raises:
        UserError: the factory has no such setting, lacks one, or refuses a value, whatever it raises; the
            message begins with the path of the setting where it can be told.
        MemoryError: there is too little of it.
    """
    given = given or {}
    _check_names(factory, len(subjects), settings, given, path)
    try:
        return factory(*subjects, **given, **settings)
    except _NO_REFUSALS:
        raise
    except RAISED_BY_OTHERS as error:
        key = _refused_key(factory, subjects, settings, given, words_of(error))
        where = f"{path}.{key} = {shown(settings[key])}" if key is not None else path
        # A ValueError is how a factory refuses a value, and says so; others tell little without their names.
        words = told(error)
        if isinstance(error, ValueError):
            words = words.removeprefix(f"{type(error).__name__}: ")
        raise UserError(f"{where}: {words}") from error


def _check_names(
    factory: Callable[..., object],
    in_front: int,
    settings: Mapping[str, object],
    given: Mapping[str, object],
    path: str,
) -> None:
    try:
        every = list(signature_of(factory).parameters.values())
    except (TypeError, ValueError):  # some compiled callables have none: then the call itself must tell
        return
    kind = path.partition(".")[0]
    places = [p for p in every if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    if len(places) < in_front and not any(p.kind is Parameter.VAR_POSITIONAL for p in every):
        raise UserError(f"{path}: its factory takes no argument in front, where it would get {_FRONT[kind]}")
    parameters = every[in_front:]
    named = [p for p in parameters if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)]
    allowed = [p.name for p in named if p.name not in given]
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    for key in settings:
        if key in given or (key not in allowed and not open_ended):
            choice = ", ".join(allowed) or "none"
            raise UserError(
                f"{path}.{key} is not a setting of its factory{nearest(key, allowed)} (allowed: {choice})"
            )
    for parameter in named:
        if parameter.default is Parameter.empty and parameter.name not in {**given, **settings}:
            raise UserError(f"{path}.{parameter.name} is missing; the factory has no default for it")


def _refused_key(
    factory: Callable[..., object],
    subjects: Sequence[object],
    settings: Mapping[str, object],
    given: Mapping[str, object],
    message: str,
) -> str | None:
    # Factories word their refusals in their own ways ("Invalid beta parameter at index 1"), so the key is
    # found by experiment: it is the one without which the call succeeds. Where the default would be refused
    # as well, it is the only one that the message mentions.
    for key in settings:
        try:
            factory(*subjects, **given, **{name: value for name, value in settings.items() if name != key})
        except RAISED_BY_OTHERS:
            continue
        return key
    mentioned = [key for key in settings if re.search(rf"\b{re.escape(key)}\b", message)]
    return mentioned[0] if len(mentioned) == 1 else None
