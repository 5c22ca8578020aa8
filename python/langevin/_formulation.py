"""Formulations as users write them."""

from typing import Any

from ._errors import ArgumentError
from ._langevin import Formulation, Process


def _formulation(formulation: Any, predict: Any = None) -> Formulation:
    """Return a formulation from one, a process, or a name such as ``process:prediction``."""
    if isinstance(formulation, Formulation):
        if predict is not None:
            raise ArgumentError("the formulation has a prediction already (predict): expected a process, or no predict=")
        return formulation
    if isinstance(formulation, str):
        process, _, prediction = formulation.rpartition(":")
        if process and process != "table":
            if predict is not None:
                raise ArgumentError(f"two predictions: expected one, got '{prediction}' and predict='{predict}'")
            return Formulation(process, prediction)
    elif not isinstance(formulation, Process):
        raise ArgumentError(f"bad formulation: expected a Formulation, a Process or a name, got {type(formulation).__name__}")
    try:
        return Formulation(formulation, "velocity" if predict is None else predict)
    except TypeError:
        raise ArgumentError(f"bad prediction (predict): expected a langevin.Prediction or its name, got {type(predict).__name__}") from None
