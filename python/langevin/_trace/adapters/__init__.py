"""The calling conventions of other libraries, one file for each.

An adapter has a function ``find(fn, steps, args, options)`` that returns a ``Call``, or ``None`` if
``fn`` is not of its library. The last one takes any function.
"""

from typing import Any, Dict, Tuple

from ..record import Call
from . import any_function, diffusers, flow_matching, k_diffusion, torchdiffeq

_ALL = (diffusers, k_diffusion, torchdiffeq, flow_matching, any_function)


def find(fn: Any, steps: Any, args: Tuple[Any, ...], options: Dict[str, Any]) -> Call:
    """Return the sampler as ``record`` runs it."""
    for adapter in _ALL:
        call = adapter.find(fn, steps, args, options)
        if call is not None:
            return call
    raise AssertionError("the last adapter takes everything")
