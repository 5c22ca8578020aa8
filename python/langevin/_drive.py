"""Adaptive steps and likelihoods of any model: the library's programs ask, a function or a torch module answers."""

import sys
from dataclasses import dataclass, field
from typing import Any, Callable, Sequence

import numpy as np

from . import _langevin
from ._arguments import _own
from ._errors import ArgumentError, ShapeError
from ._langevin import Density, Formulation, Network, OnnxNetwork

# Arguments that cannot be read are errors of this library.
_adaptive, _adaptive_own = _own(_langevin._adaptive), _own(_langevin._adaptive_own)
_likelihood, _likelihood_own = _own(_langevin._likelihood), _own(_langevin._likelihood_own)

_RANGE = (0.002, 80.0)


@dataclass(frozen=True)
class RowQuery:
    """What a model is asked when every row has its own noise level.

    ``time``, ``alpha`` and ``sigma`` have one number for each row and the number of axes of ``x``, so that they
    multiply it: shape (rows, 1, …).
    """

    x: Any
    """The input of the model, already scaled."""
    time: Any
    """What the model is given for time, for each row."""
    alpha: Any
    """How much of the datum is in each row."""
    sigma: Any
    """The standard deviation of the noise in each row."""
    index: int
    """Which evaluation it is, from 0."""
    rows: np.ndarray
    """The global number of each row."""
    branch: str = field(default="main")
    """Always ``main``."""

    def time_like(self, x: Any) -> Any:
        """The time for each row, as an array or a tensor like ``x``: shape (rows,)."""
        time = self.time.reshape(-1)
        return time.to(x) if hasattr(x, "new_full") else np.asarray(time, dtype=x.dtype)


@dataclass(frozen=True)
class Adapted:
    """The samples of an adaptive run, and what they took."""

    samples: Any
    """An array or a tensor whose first axis is the rows."""
    evaluations: int
    """Evaluations of the model on the batch."""
    accepted: np.ndarray
    """Accepted steps of each row."""
    rejected: np.ndarray
    """Steps of each row that were taken again."""


@dataclass(frozen=True)
class Likelihood:
    """−log p of some data, in nats, in the coordinates that the model sees."""

    kind: str
    """``bound``, an upper bound on −log p of the SDE model; or ``density``, −log p of the ODE model."""
    nats: np.ndarray
    """The figure of each row."""
    errors: np.ndarray
    """The standard error of each figure."""
    evaluations: int
    """Evaluations of the model on the slowest row."""
    products: int
    """Products with the Jacobian among them."""
    mean: float
    """The mean over the rows."""
    standard_error: float
    """The standard error of the mean."""
    bits_per_dim: float
    """The mean in bits for each element."""


def _formulation(model: Any, network: Any) -> Any:
    """The formulation of a model's output; ``None``: the denoised prediction."""
    own = getattr(model, "formulation", None) if isinstance(model, (Network, OnnxNetwork)) else None
    if network is not None and not isinstance(network, Formulation):
        raise ArgumentError(f"bad network: expected a langevin.Formulation, got {type(network).__name__}")
    if isinstance(model, (Density, Network, OnnxNetwork)) and network is not None:
        raise ArgumentError("a model of this library knows its formulation: expected no network, got one")
    return own or network


def _range(formulation: Any, sigma_min: Any, sigma_max: Any) -> list:
    """The noise levels in σ/α: those given, else those that the network was trained on, else 0.002 and 80."""
    known = getattr(formulation, "sigma_range", None) or _RANGE
    return [float(known[0] if sigma_min is None else sigma_min), float(known[1] if sigma_max is None else sigma_max)]


class _Arrays:
    """A model on numpy arrays."""

    tensors = None

    def __init__(self, model: Callable, dtype: str):
        self.model, self.dtype = model, dtype

    def input(self, x: np.ndarray) -> np.ndarray:
        # The run goes on with these numbers: a model that writes into them gets numpy's error.
        x = x.view()
        x.flags.writeable = False
        return x

    def column(self, values: np.ndarray, x: Any) -> np.ndarray:
        return values.reshape(-1, *[1] * (x.ndim - 1))

    def answer(self, x: Any, query: RowQuery, cotangents: list) -> tuple:
        if cotangents:
            raise ArgumentError(
                "a density needs the model's derivative, which a function of arrays does not have: expected a torch model, got numpy\n"
                'hint: method="bound" needs the model\'s output alone; torch tensors for x make the model one of torch'
            )
        try:
            return self.model(x, query), []
        except ValueError as error:
            if "read-only" in str(error):
                raise ArgumentError("the model writes into its input x, which the run goes on with: expected a model that copies x first") from error
            raise


def _drive(program: Any, backend: Any) -> dict:
    """Asks and answers until there is nothing left to ask."""
    index = 0
    while (asked := program.query()) is not None:
        x, time, alpha, sigma, rows, cotangents = asked
        x = backend.input(x)
        time, alpha, sigma = (backend.column(values, x) for values in (time, alpha, sigma))
        program.supply(*backend.answer(x, RowQuery(x, time, alpha, sigma, index, rows), cotangents))
        index += 1
        # Nobody holds the state now, so that it may be written over.
        x = asked = cotangents = None
    return program.finish()


def _backend(model: Any, shape: Sequence[int], dtype: Any, device: Any, like: Any = None) -> Any:
    """Who answers for a model: torch, for its modules and tensors and where a device is given; else numpy."""
    if not callable(model):
        raise ArgumentError(
            f"the model cannot be called: expected a function of (x, query), a torch.nn.Module or a model of this library, got {type(model).__name__}"
        )
    torch = sys.modules.get("torch")
    is_module = bool(torch and isinstance(model, torch.nn.Module))
    is_tensor = bool(torch and (isinstance(like, torch.Tensor) or isinstance(dtype, torch.dtype)))
    if is_module or is_tensor or device is not None:
        from ._torch import Answers

        return Answers(model, shape, dtype, device, like, is_module)
    try:
        return _Arrays(model, "float32" if dtype is None else str(np.dtype(dtype)))
    except TypeError:
        raise ShapeError(f"bad dtype: expected 'float32' or 'float64', got {dtype!r}") from None


def adaptive(
    model: "Density | Network | OnnxNetwork | Callable[..., Any]",
    shape: Sequence[int],
    seed: int = 0,
    *,
    pair: str = "dpm23",
    network: "Formulation | None" = None,
    sigma_min: "float | None" = None,
    sigma_max: "float | None" = None,
    rtol: float = 0.05,
    atol: float = 0.0078,
    eta: float = 0.0,
    first: int = 0,
    dtype: Any = None,
    device: Any = None,
    units: str = "data",
) -> Adapted:
    """Draws samples with adaptive steps: every row has its own step size, so a sample does not depend on its batch.

    ``model`` is a :class:`Density`, a :class:`Network`, an :class:`OnnxNetwork`, a function ``model(x, query)`` of a
    :class:`RowQuery`, or a ``torch.nn.Module`` called as ``module(x, time)`` with a time for each row. It returns the
    denoised prediction, unless ``network`` says what its output means. ``pair`` is ``dpm12``, ``dpm23`` or
    ``euler-heun``; ``rtol`` and ``atol`` are the tolerances of a step. Modules, and functions with a ``device``, get
    and give tensors. The noise levels ``sigma_min`` and ``sigma_max`` are in σ/α; without them they are those that the
    network was trained on, or 0.002 and 80. Samples of a :class:`Network` are in the units of its data, unless
    ``units="model"``.

    >>> import langevin
    >>> langevin.adaptive(langevin.Density("moons"), (3, 2), seed=1).samples.shape
    (3, 2)
    """
    if units not in ("data", "model"):
        raise ArgumentError(f"bad units: expected 'data' or 'model', got {units!r}")
    levels = _range(_formulation(model, network), sigma_min, sigma_max)
    shape = [int(axis) for axis in shape]
    if isinstance(model, (Density, Network, OnnxNetwork)):
        found = _adaptive_own(model, shape, seed, first, pair, levels, rtol, atol, eta)
        if isinstance(model, Network) and units == "data":
            found["samples"] = model.denormalize(found["samples"])
        return Adapted(**found)
    backend = _backend(model, shape, dtype, device)
    program = _adaptive(shape, seed, first, pair, levels, network, rtol, atol, eta, backend.dtype, backend.tensors)
    return Adapted(**_drive(program, backend))


def likelihood(
    model: "Density | Network | OnnxNetwork | Callable[..., Any]",
    x: Any,
    *,
    method: str = "bound",
    network: "Formulation | None" = None,
    sigma_min: "float | None" = None,
    sigma_max: "float | None" = None,
    levels: int = 64,
    divergence: "str | None" = None,
    tolerance: float = 1e-5,
    seed: int = 0,
    first: int = 0,
    device: Any = None,
) -> Likelihood:
    """−log p of data under a model: ``method="bound"``, an upper bound of the SDE model, or ``"ode"``, the density of the ODE model.

    ``model`` is what :func:`adaptive` takes. ``x`` has shape (rows, …), in the coordinates that the model sees: an
    array, or a tensor for a torch model, whose device and dtype are taken. ``method="ode"`` needs the model's
    derivative: a torch model or one of this library. ``levels`` are the noise levels of the bound for each row.
    ``divergence`` is ``exact`` or ``hutchinson:K``; without it, exact up to 16 elements, then 8 probes. ``tolerance``
    is that of a step of the ODE. The noise of row i depends on ``seed`` and on ``first + i`` alone.

    >>> import langevin
    >>> data = langevin.Density("gaussian")
    >>> langevin.likelihood(data, data.sample(3), method="ode").nats.shape
    (3,)
    """
    known = _range(_formulation(model, network), sigma_min, sigma_max)
    if isinstance(model, (Density, Network, OnnxNetwork)):
        data = np.ascontiguousarray(x, dtype="float64")
        return Likelihood(**_likelihood_own(model, data, seed, first, method, known, levels, divergence, tolerance))
    if not hasattr(x, "shape") or len(x.shape) == 0:
        raise ShapeError("bad shape: expected an array or a tensor of rows, as (rows, …)")
    shape = list(x.shape)
    backend = _backend(model, shape, getattr(x, "dtype", None), device, x)
    data = backend.data(x) if backend.tensors is not None else np.asarray(x, dtype=backend.dtype)
    program = _likelihood(data, shape, seed, first, method, known, network, levels, divergence, tolerance, backend.dtype, backend.tensors)
    return Likelihood(**_drive(program, backend))
