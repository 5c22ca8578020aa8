"""Plans fitted to one model: the model may be a torch module, an ONNX network or any function."""

from pathlib import Path
from typing import Any, Callable, Optional, Sequence, Union

import numpy as np

from . import _langevin
from ._arguments import _own
from ._drive import _backend, _formulation, answering, is_double
from ._errors import ArgumentError, ShapeError
from ._langevin import Density, Formulation, Network, OnnxNetwork, Process, Tuned
from ._run import _Bar

_tune = _own(_langevin._tune)


class _Progress:
    """A progress bar that is set to a number, for a total that is known at the first call."""

    def __init__(self) -> None:
        self.bar: Optional[_Bar] = None

    def __call__(self, done: int, total: int) -> None:
        self.bar = self.bar or _Bar(total)
        self.bar.advance(done - self.bar.done)

    def close(self) -> None:
        if self.bar:
            self.bar.close()


def _shape(model: Any) -> tuple:
    """Return the shape of a sample of a model of this library."""
    return (model.dim,) if isinstance(model, Density) else tuple(model.shape)


def _numpy(data: Any) -> np.ndarray:
    """Return rows of data as an array of float64."""
    if hasattr(data, "detach"):
        data = data.detach().cpu().double().numpy()
    return np.ascontiguousarray(data, dtype="float64")


def tune(
    model: "Density | Network | OnnxNetwork | Callable[..., Any]",
    nfe: int,
    data: Any = None,
    *,
    shape: Optional[Sequence[int]] = None,
    network: Optional[Formulation] = None,
    process: Union[Process, str, None] = None,
    method: str = "all",
    guidance: Optional[float] = None,
    guidance_interval: Optional[Sequence[float]] = None,
    sigma_min: Optional[float] = None,
    sigma_max: Optional[float] = None,
    samples: Optional[int] = None,
    test: Optional[int] = None,
    seed: int = 0,
    minutes: Optional[float] = None,
    dtype: Any = None,
    device: Any = None,
    threads: Optional[int] = None,
    progress: bool = False,
) -> Tuned:
    """Fit the noise levels and weights of a plan to a model, and test it against all known plans.

    A fine plan follows the model's ODE from given noise. The error of a plan is the root mean
    square distance between its samples and that solution. The result is tested on noise that the
    fit has not seen. Gradients of the model are not needed.

    Parameters
    ----------
    model : Density, Network, OnnxNetwork or callable
        A model of this library; a function ``model(x, query)`` of a :class:`Query`; or a
        ``torch.nn.Module``, called as ``module(x, time)`` with a time for each row. The model must
        return the denoised prediction, unless ``network`` is given. Torch modules, and functions
        with a ``device``, receive and return tensors.
    nfe : int
        The number of network evaluations for one sample, 2 or more.
    data : array_like or torch.Tensor, shape (rows, ...), optional
        Data to compare samples with, in the units of the model; for a :class:`Network` in those of
        its training data. At most 1000 rows are used. A :class:`Density`, and a network that was
        trained on built-in data, supply their own.
    shape : sequence of int, optional
        The shape of one sample. A function or module needs it, unless ``data`` are given.
    network : Formulation, optional
        The formulation of the model's output. Models of this library know theirs.
    process : Process or str, optional
        The process of the plan, or ``"process:prediction"``, if it is not the model's own.
    method : {"all", "coefficients", "times", "steps", "bound"}, default "all"
        The parameters that are fitted: noise levels and weights; weights; noise levels; noise
        levels from a fine trajectory; or noise levels from a bound that needs no model.
    guidance : float, optional
        The guidance weight of the plan. The model is then also called with
        ``query.branch == "unconditional"``.
    guidance_interval : sequence of float, optional
        The noise levels (min, max), in sigma / alpha, between which guidance is applied.
    sigma_min, sigma_max : float, optional
        The noise range in sigma / alpha.
    samples, test : int, optional
        The number of samples of the fit, and of the test.
    seed : int, default 0
        The seed of the samples of the fit; those of the test have the next one.
    minutes : float, optional
        The time after which the fits end, with the best plan so far.
    dtype : str, numpy.dtype or torch.dtype, optional
        The dtype that the model receives: float32 by default, or float64; for tensors any
        floating-point dtype.
    device : str or torch.device, optional
        The device of the tensors. The default is that of the module's weights.
    threads : int, optional
        The number of threads for a model of this library; the default is the number of cores. The
        result does not depend on it.
    progress : bool, default False
        ``True`` shows a progress bar.

    Returns
    -------
    Tuned
        The plan, and the evidence that it is better than the known ones.

    Raises
    ------
    ArgumentError
        If an argument is invalid, if the model answers the same question differently (switch off
        dropout with ``eval()``), or if the fine solution does not converge.
    ShapeError
        If the model's output or the data have the wrong shape.
    UnknownNameError
        If the method or the process has an unknown name.

    Examples
    --------
    >>> import langevin
    >>> found = langevin.tune(langevin.Density("moons"), 4, process="vp", samples=32, test=64)
    >>> found.improves, found.plan.nfe
    (True, 4)
    >>> samples = found.plan.run(langevin.Density("moons"), (3, 2), seed=1)

    A function, here the denoised prediction of standard normal data in 2 dimensions:

    >>> def model(x, query):
    ...     return query.alpha * x / (query.alpha**2 + query.sigma**2)
    >>> found = langevin.tune(model, 3, shape=(2,), process="vp", samples=32, test=64)
    >>> found.plan.lint()
    []
    """
    if isinstance(model, (str, Path)):
        raise ArgumentError(
            f"a path is no model (tune): expected langevin.Network(path) or langevin.OnnxNetwork(path, formulation), got {str(model)!r}"
        )
    if process is not None and not isinstance(process, (Process, str)):
        raise ArgumentError(f"bad process: expected a langevin.Process or its name, got {type(process).__name__}")
    _formulation(model, network)
    read_as = process.name if isinstance(process, Process) else process
    rows = None if data is None else _numpy(data)
    sample, called, double = None, model, False
    if not isinstance(model, (Density, Network, OnnxNetwork)):
        if shape is None and rows is None:
            raise ArgumentError("the shape of a sample is unknown (tune): expected shape=(…) or data\nhint: shape=(3, 32, 32) for pictures in torch's layout")
        sample = [int(axis) for axis in (rows.shape[1:] if shape is None else shape)]
        called, double = _answering(model, sample, dtype, device)
    elif shape is not None and tuple(shape) != _shape(model):
        raise ShapeError(f"the shape does not fit the model (tune): expected {_shape(model)}, got {tuple(shape)}")
    interval = None if guidance_interval is None else [float(level) for level in guidance_interval]
    bar = _Progress() if progress else None
    try:
        return _tune(
            called, sample, double, network, read_as, nfe, method, rows, guidance, interval, [sigma_min, sigma_max], [samples, test], seed, minutes, threads, bar
        )
    finally:
        if bar:
            bar.close()


def _answering(model: Any, sample: Sequence[int], dtype: Any, device: Any) -> tuple:
    """Return a model as a function of a query, and whether it receives double precision."""
    backend = _backend(model, (1, *sample), dtype, device)
    return answering(backend), is_double(backend)
