"""Guards that turn argument errors of the compiled half into :class:`langevin.ArgumentError`."""

import functools
import inspect
from typing import Any, Callable

from ._errors import ArgumentError, Error

# The largest unsigned 64-bit integer.
_MOST = 2**64 - 1


def _culprit(function: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
    """Return the name and value of the first integer that does not fit in 64 bits, or ``None``."""
    try:
        bound = inspect.signature(function).bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = kwargs
    for name, value in bound.items():
        if isinstance(value, int) and not 0 <= value <= _MOST:
            return name, value
    return None


def _own(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that it raises ``ArgumentError`` for arguments that it cannot read.

    A ``TypeError`` or ``OverflowError`` of the function itself is replaced. Exceptions that a model
    or a callback raises inside it are left unchanged.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (TypeError, OverflowError) as error:
            # A traceback with further frames comes from a model or a callback, not from arguments.
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

    # Without a module, pickle looks for the function in all modules that are loaded.
    call.__module__ = getattr(function, "__module__", None) or "langevin"
    return call


def guard(module: Any, functions: list, classes: list) -> None:
    """Replace functions of a module, and public methods of classes, by guarded ones.

    Parameters
    ----------
    module : module
        The compiled module.
    functions : list of str
        Names of functions of the module.
    classes : list of type
        Classes whose public methods are guarded.
    """
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
