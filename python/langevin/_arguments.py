"""Errors of arguments that the compiled half cannot read, in the words of this library."""

import functools
import inspect
from typing import Any, Callable

from ._errors import ArgumentError, Error

# What one word of the machine holds.
_MOST = 2**64 - 1


def _culprit(function: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
    """The first whole number that no machine word holds, by its name."""
    try:
        bound = inspect.signature(function).bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = kwargs
    for name, value in bound.items():
        if isinstance(value, int) and not 0 <= value <= _MOST:
            return name, value
    return None


def _own(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with errors of ours in the place of raw ``TypeError`` and ``OverflowError``; what a model raises stays as it is."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (TypeError, OverflowError) as error:
            # Frames below this one are those of a model or a callback.
            below = error.__traceback__ and error.__traceback__.tb_next
            if isinstance(error, Error) or below is not None:
                raise
            place = getattr(function, "__qualname__", "").removeprefix("_").removesuffix("_own")
            culprit = _culprit(function, args, kwargs)
            if culprit:
                name, value = culprit
                raise ArgumentError(f"a whole number is out of range ({place}, {name}): expected 0 to 2**64 - 1, got {value}") from None
            text = str(error).split("\n")[0]
            raise ArgumentError(f"an argument cannot be read ({place}): {text}") from None

    return call


def guard(module: Any, functions: list, classes: list) -> None:
    """Puts guarded functions and methods into a module and its classes."""
    for name in functions:
        setattr(module, name, _own(getattr(module, name)))
    for kind in classes:
        for name, entry in list(vars(kind).items()):
            if name.startswith("_"):
                continue
            if isinstance(entry, staticmethod):
                setattr(kind, name, staticmethod(_own(entry.__func__)))
            elif callable(entry):
                setattr(kind, name, _own(entry))
