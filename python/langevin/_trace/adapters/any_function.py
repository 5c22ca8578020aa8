"""Any function ``fn(model, x, *args, **options)``."""

from types import ModuleType
from typing import Any, Dict, Optional, Tuple

from ..._errors import ArgumentError
from ..record import Call


def named(fn: Any) -> str:
    """Return the name of a function, for a plan and for errors."""
    inner = getattr(fn, "func", fn)  # functools.partial
    name = getattr(inner, "__name__", type(inner).__name__)
    return "sampler" if name == "<lambda>" else name


def origin(fn: Any) -> str:
    """Return the module and the name of a function, with the version of its package."""
    inner = getattr(fn, "func", fn)
    module = getattr(inner, "__module__", None) or ""
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    package = module.partition(".")[0]
    text = f"{module}.{name}" if module not in ("", "__main__", "builtins") else name
    return f"{text} of {package} {number}" if (number := version(package)) else text


def version(package: str) -> Optional[str]:
    """Return the version of an installed package."""
    from importlib import metadata

    try:
        return metadata.version(package.replace("_", "-"))
    except (metadata.PackageNotFoundError, ValueError):
        return None


def _uses_torch(fn: Any) -> bool:
    """Return whether torch is imported in the module of a function."""
    inner = getattr(fn, "func", fn)
    inner = getattr(inner, "__func__", inner)
    scope = getattr(inner, "__globals__", None) or getattr(getattr(type(inner), "__call__", None), "__globals__", {})
    values = [value for name, value in scope.items() if not name.startswith("__")]
    return any((value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", ""))).partition(".")[0] == "torch" for value in values)


def find(fn: Any, steps: Any, args: Tuple[Any, ...], options: Dict[str, Any]) -> Call:
    """Return a function as a sampler; anything else is an error."""
    if not callable(fn):
        raise ArgumentError(f"this is no sampler: expected a function fn(model, x) or a scheduler of diffusers, got {type(fn).__name__}")
    if steps is not None:
        raise ArgumentError("steps= is for schedulers: expected a scheduler of diffusers, got a function\nhint: give the function its own arguments, with args=(…) and options={…}")
    return Call(
        sample=lambda model, x: fn(model, x, *args, **options),
        name=named(fn),
        source=origin(fn),
        backend="torch" if _uses_torch(fn) else "numpy",
    )
