"""Adaptive steps and likelihoods of any model.

The programs of the compiled half request evaluations; a function or a torch module answers them.
"""

import sys
from dataclasses import dataclass, field
from typing import Any, Callable, Sequence

import numpy as np

from . import _langevin
from ._arguments import _own
from ._errors import ArgumentError, ShapeError
from ._langevin import Density, Formulation, Network, OnnxNetwork

# Arguments that cannot be read raise errors of this library.
_adaptive, _adaptive_own = _own(_langevin._adaptive), _own(_langevin._adaptive_own)
_likelihood, _likelihood_own = _own(_langevin._likelihood), _own(_langevin._likelihood_own)

# The default noise range, in σ/α.
_RANGE = (0.002, 80.0)


@dataclass(frozen=True)
class RowQuery:
    """Evaluation of the model in which every row has its own noise level.

    :func:`adaptive` and :func:`likelihood` pass it to the model as its second argument. Times and
    noise levels have as many axes as ``x``, so that they broadcast over it.

    Attributes
    ----------
    x : numpy.ndarray or torch.Tensor, shape (rows, ...)
        Input of the model, already scaled. Do not write into it.
    time : numpy.ndarray or torch.Tensor, shape (rows, 1, ...)
        Time that the model receives, for each row.
    alpha : numpy.ndarray or torch.Tensor, shape (rows, 1, ...)
        Factor of the clean data in each row.
    sigma : numpy.ndarray or torch.Tensor, shape (rows, 1, ...)
        Standard deviation of the noise in each row.
    index : int
        Number of evaluations before this one in the run.
    rows : numpy.ndarray of uint64, shape (rows,)
        Sample index of each row.
    branch : str
        Always ``"main"``: these runs have no guidance.

    Examples
    --------
    >>> import langevin
    >>> def model(x, query):  # the denoised prediction of standard normal data
    ...     return query.alpha * x / (query.alpha**2 + query.sigma**2)
    >>> langevin.adaptive(model, (3, 2), seed=1).samples.shape
    (3, 2)
    """

    x: Any
    time: Any
    alpha: Any
    sigma: Any
    index: int
    rows: np.ndarray
    branch: str = field(default="main")

    def time_like(self, x: Any) -> Any:
        """Return the time of each row, as an array or tensor like ``x``.

        Parameters
        ----------
        x : numpy.ndarray or torch.Tensor
            The array or tensor whose dtype and device are taken.

        Returns
        -------
        numpy.ndarray or torch.Tensor, shape (rows,)
            The times.
        """
        time = self.time.reshape(-1)
        if hasattr(x, "new_full"):
            # Times stay exact for networks in half precision.
            return time.to(x.device, x.dtype if x.element_size() >= 4 else time.dtype)
        return np.asarray(time, dtype=x.dtype)


@dataclass(frozen=True)
class Adapted:
    """Samples of an adaptive run and their cost; the result of :func:`adaptive`.

    Attributes
    ----------
    samples : numpy.ndarray or torch.Tensor, shape (rows, ...)
        The samples.
    evaluations : int
        Number of model evaluations on the batch.
    accepted : numpy.ndarray of uint64, shape (rows,)
        Number of accepted steps of each row.
    rejected : numpy.ndarray of uint64, shape (rows,)
        Number of rejected steps of each row, which were repeated with a smaller step size.

    Examples
    --------
    >>> import langevin
    >>> found = langevin.adaptive(langevin.Density("moons"), (3, 2), seed=1)
    >>> found.accepted.shape, bool((found.accepted > 0).all())
    ((3,), True)
    """

    samples: Any
    evaluations: int
    accepted: np.ndarray
    rejected: np.ndarray


@dataclass(frozen=True)
class Likelihood:
    """Values of −log p of data, in the coordinates that the model sees.

    The result of :func:`likelihood`. Smaller values mean more likely data.

    Attributes
    ----------
    kind : str
        ``"bound"``, an upper bound on −log p of the SDE model, or ``"density"``, −log p of the ODE
        model.
    nats : numpy.ndarray of float64, shape (rows,)
        The value of each row, in nats.
    errors : numpy.ndarray of float64, shape (rows,)
        Standard error of each value, in nats.
    evaluations : int
        Number of model evaluations on the slowest row.
    products : int
        Number of vector-Jacobian products among them.
    mean : float
        Mean over the rows, in nats.
    standard_error : float
        Standard error of the mean, in nats.
    bits_per_dim : float
        Mean in bits per element.

    Examples
    --------
    >>> import langevin
    >>> gaussian = langevin.Density("gaussian")
    >>> found = langevin.likelihood(gaussian, gaussian.sample(3), method="ode")
    >>> found.kind, bool(abs(found.nats + gaussian.log_density(gaussian.sample(3))).max() < 0.01)
    ('density', True)
    """

    kind: str
    nats: np.ndarray
    errors: np.ndarray
    evaluations: int
    products: int
    mean: float
    standard_error: float
    bits_per_dim: float


def _formulation(model: Any, network: Any) -> Any:
    """Return the formulation of a model, or ``None`` if it returns the denoised prediction."""
    own = getattr(model, "formulation", None) if isinstance(model, (Network, OnnxNetwork)) else None
    if network is not None and not isinstance(network, Formulation):
        raise ArgumentError(f"bad network: expected a langevin.Formulation, got {type(network).__name__}")
    if isinstance(model, (Density, Network, OnnxNetwork)) and network is not None:
        raise ArgumentError("a model of this library knows its formulation: expected no network, got one")
    return own or network


def _range(formulation: Any, sigma_min: Any, sigma_max: Any) -> list:
    """Return the noise range in σ/α: the given ends, else the trained range, that of a table, or 0.002 to 80."""
    known = formulation.default_range if isinstance(formulation, Formulation) else _RANGE
    return [float(known[0] if sigma_min is None else sigma_min), float(known[1] if sigma_max is None else sigma_max)]


class _Arrays:
    """A model on numpy arrays, as the answering side of a program."""

    tensors = None

    def __init__(self, model: Callable, dtype: str):
        self.model, self.dtype = model, dtype

    def input(self, x: np.ndarray) -> np.ndarray:
        # The run still needs these numbers, so a model that writes into them gets numpy's error.
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
    """Answer the questions of a program until its end, and return the result."""
    index = 0
    while (asked := program.query()) is not None:
        x, time, alpha, sigma, rows, cotangents = asked
        x = backend.input(x)
        time, alpha, sigma = (backend.column(values, x) for values in (time, alpha, sigma))
        program.supply(*backend.answer(x, RowQuery(x, time, alpha, sigma, index, rows), cotangents))
        index += 1
        # Dropping the references lets the program overwrite the state in place.
        x = asked = cotangents = None
    return program.finish()


def _backend(model: Any, shape: Sequence[int], dtype: Any, device: Any, like: Any = None) -> Any:
    """Return the answering side for a model.

    It is torch for torch modules, for tensors and dtypes of torch, and if a device is given;
    otherwise numpy.
    """
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


def is_double(backend: Any) -> bool:
    """Return true if a model computes in double precision."""
    return "float64" in str(backend.dtype if backend.tensors is None else backend.kind)


def answering(backend: Any) -> Callable[[Any, list], tuple]:
    """Return the function by which the compiled half asks a model.

    Its arguments are a :class:`Query`, or a tuple about a level for each row, and cotangents; all
    states are numpy arrays. It returns the output and the products, as arrays.
    """
    tensors = backend.tensors is not None
    to = backend.data if tensors else backend.input
    back = (lambda tensor: tensor.detach().cpu().double().numpy()) if tensors else (lambda array: array)

    def call(query: Any, cotangents: list) -> tuple:
        if isinstance(query, tuple):
            x, time, alpha, sigma, rows, index = query
            x = to(x)
            query = RowQuery(x, *(backend.column(values, x) for values in (time, alpha, sigma)), index, rows)
        else:
            x = to(query.x)
        out, products = backend.answer(x, query, [to(v) for v in cotangents])
        return back(out), [back(product) for product in products]

    return call


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
    """Draw samples with adaptive steps.

    Every row has its own step size, so a sample does not depend on its batch.

    Parameters
    ----------
    model : Density, Network, OnnxNetwork or callable
        A model of this library; a function ``model(x, query)`` of a :class:`RowQuery`; or a
        ``torch.nn.Module``, called as ``module(x, time)`` with a time for each row. The model must
        return the denoised prediction, unless ``network`` is given. Torch modules, and functions
        with a ``device``, receive and return tensors.
    shape : sequence of int
        The shape of the samples, (rows, ...).
    seed : int, default 0
        The seed, from 0 to 2**64 − 1.
    pair : {"dpm23", "dpm12", "euler-heun"}, default "dpm23"
        The pair of methods whose difference estimates the error of a step.
    network : Formulation, optional
        The formulation of the model's output. Models of this library know theirs.
    sigma_min, sigma_max : float, optional
        The noise range in sigma / alpha. The default is the trained range, or 0.002 to 80.
    rtol, atol : float, default 0.05 and 0.0078
        The relative and the absolute tolerance of a step.
    eta : float, default 0.0
        DDIM's η of the accepted steps; 0 is the ODE.
    first : int, default 0
        The index of the first sample. Sample i depends on ``seed`` and ``first + i`` only.
    dtype : str, numpy.dtype or torch.dtype, optional
        The dtype of the states of your own model: float32 by default, or float64; for tensors any
        floating-point dtype.
    device : str or torch.device, optional
        The device of the tensors. The default is that of the module's weights.
    units : {"data", "model"}, default "data"
        ``"data"`` returns samples of a :class:`Network` in the units of its training data;
        ``"model"`` returns them normalised, as the network sees them.

    Returns
    -------
    Adapted
        The samples and the number of evaluations and steps.

    Raises
    ------
    ArgumentError
        If the model cannot be called, if the noise range, a tolerance or the units are invalid, or
        if the step size becomes too small.
    UnknownNameError
        If the pair has an unknown name.
    ShapeError
        If the shape, the dtype or the model's output does not fit.

    Examples
    --------
    >>> import langevin
    >>> moons = langevin.Density("moons")
    >>> found = langevin.adaptive(moons, (3, 2), seed=1)
    >>> found.samples.shape
    (3, 2)
    >>> alone = langevin.adaptive(moons, (1, 2), seed=1, first=2)
    >>> bool((alone.samples[0] == found.samples[2]).all())
    True
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
    """Compute −log p of data under a model.

    Parameters
    ----------
    model : Density, Network, OnnxNetwork or callable
        The model, as in :func:`adaptive`.
    x : array_like or torch.Tensor of float, shape (rows, ...)
        The data, in the coordinates that the model sees. For a torch model a tensor sets the dtype
        and the device.
    method : {"bound", "ode"}, default "bound"
        ``"bound"`` computes an upper bound on −log p of the SDE model, from the model's output
        alone. ``"ode"`` computes −log p of the ODE model, and needs the model's derivative: a torch
        model or a model of this library.
    network : Formulation, optional
        The formulation of the model's output. Models of this library know theirs.
    sigma_min, sigma_max : float, optional
        The noise range in sigma / alpha. The default is the trained range, or 0.002 to 80.
    levels : int, default 64
        The number of noise levels of the bound for each row.
    divergence : str, optional
        The divergence of the ODE: ``"exact"``, or ``"hutchinson:K"`` with K probes. The default is
        exact up to 16 elements, then 8 probes.
    tolerance : float, default 1e-5
        The tolerance of a step of the ODE.
    seed : int, default 0
        The seed of the noise.
    first : int, default 0
        The index of the first row. The noise of row i depends on ``seed`` and ``first + i`` only.
    device : str or torch.device, optional
        The device of the tensors. The default is that of ``x``.

    Returns
    -------
    Likelihood
        −log p of each row in nats, its standard error, and the mean.

    Raises
    ------
    ArgumentError
        If the model cannot be called, if the method is unknown, if the noise range is invalid, or
        if ``"ode"`` is used with a function of arrays.
    ShapeError
        If ``x`` has no rows axis or does not fit the model.

    Examples
    --------
    >>> import langevin
    >>> moons = langevin.Density("moons")
    >>> data = moons.sample(100, seed=1)
    >>> near = langevin.likelihood(moons, data).mean
    >>> near < langevin.likelihood(moons, data + 2.0).mean  # shifted data are less likely
    True
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
