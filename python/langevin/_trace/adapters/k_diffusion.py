"""Functions of k-diffusion, ``sample_…(model, x, sigmas, …)``: the model returns D at σ."""

import inspect
from typing import Any, Dict, Optional, Tuple

from ..record import Call
from . import any_function


def find(fn: Any, steps: Any, args: Tuple[Any, ...], options: Dict[str, Any]) -> Optional[Call]:
    """Return a function of k-diffusion as a sampler."""
    inner = getattr(fn, "func", fn)
    module = str(getattr(inner, "__module__", ""))
    if not (module.startswith("k_diffusion") and callable(fn)):
        return None
    if "disable" in inspect.signature(fn).parameters:
        options = {"disable": True, **options}  # its progress bar
    call = any_function.find(fn, steps, args, options)
    from ... import _langevin

    call.formulation, call.backend = _langevin.Formulation("ve", "x0"), "torch"
    return call
