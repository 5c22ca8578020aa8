"""Solvers of torchdiffeq, ``odeint(velocity, x, times)``: a flow from noise at 0 to data at 1."""

from typing import Any, Dict, Optional, Tuple

from ..record import Call
from . import any_function


def find(fn: Any, steps: Any, args: Tuple[Any, ...], options: Dict[str, Any]) -> Optional[Call]:
    """Return a solver of torchdiffeq as a sampler."""
    if not (str(getattr(fn, "__module__", "")).startswith("torchdiffeq") and callable(fn)):
        return None
    call = any_function.find(fn, steps, args, options)
    call.formulation, call.backend = flow(), "torch"
    return call


def flow() -> Any:
    """Return the formulation of flow-matching libraries: x0 − ε, at times from 0 to 1."""
    from ... import _langevin

    return _langevin.Formulation("rectified-flow", "reverse-velocity", clock="remaining:1")
