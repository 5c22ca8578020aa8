"""The solver class of flow_matching, ``ODESolver``: ``ODESolver(velocity).sample(x_init=…, …)``."""

from typing import Any, Dict, Optional, Tuple

from ..record import Call
from . import any_function
from .torchdiffeq import flow


def find(fn: Any, steps: Any, args: Tuple[Any, ...], options: Dict[str, Any]) -> Optional[Call]:
    """Return the class of the solver as a sampler; the options are those of its ``sample``."""
    if not (isinstance(fn, type) and fn.__module__.startswith("flow_matching") and hasattr(fn, "sample")):
        return None
    call = any_function.find(lambda model, x: fn(model).sample(x, *args, **options), steps, (), {})
    call.name, call.source = fn.__name__, any_function.origin(fn)
    call.formulation, call.backend = flow(), "torch"
    return call
