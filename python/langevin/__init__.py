"""Every diffusion model is one Langevin equation, split.

A sampler is a table of numbers, the :class:`Plan`. Compile one, print it, analyse it exactly, and run it on any model: a function on numpy arrays or torch tensors, a
:class:`Network` trained with ``langevin train``, or a :class:`Density` known in closed form.

>>> import langevin
>>> plan = langevin.Plan("dpmpp-2m", "vp", steps=10)
>>> plan.nfe
10
>>> plan.run(langevin.Density("moons"), (3, 2), seed=1).shape
(3, 2)
"""

from typing import TYPE_CHECKING, Any

from . import _arguments, _langevin
from ._errors import ArgumentError, Error, FormatError, KeywordError, ModelError, UnknownNameError, ShapeError, SingularError
from ._langevin import (
    Candidate,
    Density,
    Formulation,
    InputLevel,
    Level,
    Network,
    OnnxNetwork,
    Plan,
    Prediction,
    Process,
    Query,
    Ranking,
    Reading,
    Stepper,
    __version__,
    analyze,
    recommend,
    samplers,
)
from ._drive import Adapted, Likelihood, RowQuery, adaptive, likelihood
from ._run import Step

_arguments.guard(_langevin, ["analyze", "recommend"], [Density, Formulation, InputLevel, Level, Network, OnnxNetwork, Plan, Process, Ranking, Stepper])
analyze, recommend = _langevin.analyze, _langevin.recommend

__all__ = [
    "Adapted",
    "ArgumentError",
    "Candidate",
    "Density",
    "Error",
    "FormatError",
    "Formulation",
    "InputLevel",
    "KeywordError",
    "Level",
    "Likelihood",
    "ModelError",
    "Network",
    "OnnxNetwork",
    "Plan",
    "Prediction",
    "Process",
    "Query",
    "Ranking",
    "Reading",
    "RowQuery",
    "ShapeError",
    "SingularError",
    "Step",
    "Stepper",
    "UnknownNameError",
    "__version__",
    "adaptive",
    "analyze",
    "convert",
    "likelihood",
    "recommend",
    "samplers",
]


if TYPE_CHECKING:
    from ._convert import convert


def __getattr__(name: str) -> Any:
    # torch is optional, and slow to import.
    if name == "convert":
        from ._convert import convert

        return convert
    raise AttributeError(f"module 'langevin' has no attribute '{name}'")


def __dir__() -> list:
    return sorted(__all__)
