"""Samplers for diffusion models as tables of numbers, with exact errors and likelihoods.

Every diffusion model is one Langevin equation. A sampler splits it into moves: forward moves add
noise, reverse moves remove it, and Langevin moves keep the noise level.

A compiled sampler is a table of numbers, the :class:`Plan`. Print it, compute its exact error,
and run it on any model: a function of numpy arrays, a torch module, a :class:`Network` trained with
``langevin train``, or a :class:`Density` known in closed form.

==========================  =======================================================================
Name                        Purpose
==========================  =======================================================================
:class:`Plan`               a sampler compiled to a table, which runs on any model
:func:`samplers`            the names of all samplers
:func:`analyze`             the exact error of a plan on Gaussian data
:func:`recommend`           samplers and grids, ranked by that error within a budget
:func:`tune`                a plan fitted to one model, and the evidence that it is better
:func:`adaptive`            samples with a step size for each row
:func:`likelihood`          −log p of data under a model
:func:`trace`               the plan of a sampler of another library or program
:func:`convert`             a torch module of one formulation as a module of another
:class:`Model`              a torch module: samples, likelihoods, encoding, evaluation, diagnosis
:class:`Objective`          the noise levels, targets and weights of a training in torch
:func:`audit_loss`          the weight over noise levels of somebody else's loss
:class:`Formulation`        what a network was trained to predict, on which process and clock
:class:`Process`            a noise schedule; :class:`Level` is one of its noise levels
:class:`Network`            a model file of ``langevin train``; :class:`OnnxNetwork` an ONNX file
:class:`Density`            a density in closed form, which is a model without a network
:class:`TokenPlan`          a sampler of tokens (text, categories) compiled to a table
:class:`TokenModel`         a network on tokens in Python
:class:`TokenNetwork`       a model file of tokens; :class:`TokenOnnxNetwork` an ONNX file of logits
:class:`TokenDensity`       a density on sequences of tokens that is known exactly
:class:`TableNetwork`       a model file of rows of numbers and categories
:mod:`langevin.diffusers`   a scheduler for the pipelines of diffusers
==========================  =======================================================================

``langevin.progress = True`` shows progress bars in all methods of :class:`Model`.

All errors are an :class:`Error`, which is a ``ValueError``. Exceptions of the caller's own code are
passed on unchanged.

Examples
--------
>>> import langevin
>>> plan = langevin.Plan("dpmpp-2m", "vp", steps=10)
>>> plan.nfe
10
>>> plan.run(langevin.Density("moons"), (3, 2), seed=1).shape
(3, 2)
"""

from typing import TYPE_CHECKING, Any

from . import _arguments, _langevin
from ._errors import ArgumentError, Error, FormatError, KeywordError, ModelError, UnknownNameError, ShapeError, SingularError, TraceError
from ._langevin import (
    Candidate,
    Comparison,
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
    TableNetwork,
    TokenComparison,
    TokenPlan,
    TokenStepper,
    Tuned,
    __version__,
    analyze,
    recommend,
    samplers,
)
from ._drive import Adapted, Likelihood, RowQuery, adaptive, likelihood
from ._report import Report
from ._run import Step
from ._tokens import TokenCandidate, TokenDensity, TokenLikelihood, TokenModel, TokenNetwork, TokenOnnxNetwork, TokenQuery, TokenRanking, TokenTuned
from ._trace import trace
from ._tune import tune

_arguments.guard(_langevin, ["analyze", "recommend", "samplers"], [Density, Formulation, InputLevel, Level, Network, OnnxNetwork, Plan, Process, Ranking, Stepper, TableNetwork, TokenPlan, TokenStepper, Tuned])
analyze, recommend, samplers = _langevin.analyze, _langevin.recommend, _langevin.samplers

__all__ = [
    "Adapted",
    "ArgumentError",
    "Audit",
    "Batch",
    "Candidate",
    "Comparison",
    "Density",
    "Distribution",
    "Encoded",
    "Error",
    "Explained",
    "FormatError",
    "Formulation",
    "InputLevel",
    "KeywordError",
    "Level",
    "Levels",
    "Likelihood",
    "Model",
    "ModelError",
    "Network",
    "Objective",
    "OnnxNetwork",
    "Plan",
    "Prediction",
    "Process",
    "Query",
    "Ranking",
    "Reading",
    "Report",
    "RowQuery",
    "ShapeError",
    "SingularError",
    "Step",
    "Stepper",
    "TableNetwork",
    "TokenCandidate",
    "TokenComparison",
    "TokenDensity",
    "TokenLikelihood",
    "TokenModel",
    "TokenNetwork",
    "TokenOnnxNetwork",
    "TokenPlan",
    "TokenQuery",
    "TokenRanking",
    "TokenStepper",
    "TokenTuned",
    "TraceError",
    "Tuned",
    "UnknownNameError",
    "__version__",
    "adaptive",
    "analyze",
    "audit_loss",
    "convert",
    "drop_labels",
    "likelihood",
    "recommend",
    "samplers",
    "trace",
    "tune",
]


if TYPE_CHECKING:
    from ._audit import Audit, audit_loss
    from ._convert import convert
    from ._model import Distribution, Encoded, Model
    from ._objective import Batch, Explained, Levels, Objective, drop_labels

#: If ``True``, the methods of :class:`Model` show progress bars, unless ``progress=`` says otherwise.
progress: bool = False

# Names that need torch, which is optional and slow to import, and their modules.
_TORCH = {
    "Audit": "_audit",
    "Batch": "_objective",
    "Distribution": "_model",
    "Encoded": "_model",
    "Model": "_model",
    "Explained": "_objective",
    "Levels": "_objective",
    "Objective": "_objective",
    "audit_loss": "_audit",
    "convert": "_convert",
    "drop_labels": "_objective",
}


def __getattr__(name: str) -> Any:
    if name in _TORCH:
        from importlib import import_module

        return getattr(import_module(f".{_TORCH[name]}", __name__), name)
    raise AttributeError(f"module 'langevin' has no attribute '{name}'")


def __dir__() -> list:
    return sorted(__all__)
