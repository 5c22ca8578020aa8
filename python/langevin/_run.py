"""Runs of a plan with a model in Python, on numpy arrays or torch tensors."""

import contextlib
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._errors import ArgumentError, ShapeError
from ._langevin import Density, Level, Network, OnnxNetwork
from ._module import of_module


@dataclass(frozen=True)
class Step:
    """State of a run after an evaluation, passed to the callback of :meth:`Plan.run`.

    Attributes
    ----------
    index : int
        Number of model calls before this one.
    count : int
        Number of evaluations of the plan, :attr:`Plan.nfe`.
    time : float
        Time that the model received.
    alpha : float
        Factor of the clean data in the input.
    sigma : float
        Standard deviation of the noise in the input.
    x : numpy.ndarray or torch.Tensor, shape of the run
        The model's input. Copy it to keep it.
    denoised : numpy.ndarray or torch.Tensor, shape of the run
        The denoised prediction. Copy it to keep it.

    Examples
    --------
    >>> import langevin
    >>> steps = []
    >>> plan = langevin.Plan("ddim", "vp", steps=3)
    >>> samples = plan.run(langevin.Density("moons"), (3, 2), callback=steps.append)
    >>> [(step.index, step.count) for step in steps]
    [(0, 3), (1, 3), (2, 3)]
    """

    index: int
    count: int
    time: float
    alpha: float
    sigma: float
    x: Any
    denoised: Any


class _Numpy:
    """A run on arrays, with the interface of :class:`langevin._torch.Run`."""

    def __init__(self, stepper):
        self.stepper = stepper
        self.query, self.supply, self.finish = stepper.query, stepper.supply, stepper.finish

    def input(self, query):
        # The run still needs these numbers, so a model that writes into them gets numpy's error.
        x = query.x.view()
        x.flags.writeable = False
        return x

    def asked(self, x):
        """Return nothing: a read-only input needs no check after the model's call."""
        return None

    def refuse_written(self, x, before): ...

    @property
    def denoised(self):
        return self.stepper.denoised


def _own(model, dtype):
    """Return a model of this library as a function of arrays."""
    if isinstance(model, Density):
        return lambda x, query: model.denoise(x, Level(query.time, query.alpha, query.sigma)).astype(dtype)
    level = lambda query: Level(query.time, query.alpha, query.sigma)  # noqa: E731
    if isinstance(model, OnnxNetwork):
        return lambda x, query: model.predict(x, level(query), first=int(query.rows[0]), branch=query.branch).astype(dtype)
    return lambda x, query: model.predict(x, level(query), first=int(query.rows[0])).astype(dtype)


def run(
    plan, model, shape, seed, *, first, dtype, inputs, backend, device, callback, progress, threads, units="data", start=None, grad=False
):
    """Run a plan with a model in Python; :meth:`Plan.run` documents the arguments."""
    try:
        dtype = dtype if isinstance(dtype, str) else str(np.dtype(dtype)) if not str(dtype).startswith("torch.") else str(dtype)[6:]
    except TypeError:
        raise ShapeError(f"bad dtype: expected 'float32' or 'float64', got {dtype!r}") from None
    network = model if isinstance(model, Network) and units == "data" else None
    if isinstance(model, (Density, Network, OnnxNetwork)):
        model = _own(model, dtype)
    if not callable(model):
        raise ArgumentError(
            f"the model cannot be called: expected a function of (x, query) that returns the denoised prediction, got {type(model).__name__}"
        )
    torch = sys.modules.get("torch")
    is_module = bool(torch and isinstance(model, torch.nn.Module))
    given = [*(inputs or ()), *([] if start is None else [start])]
    has_tensors = bool(torch and any(isinstance(one, torch.Tensor) for one in given))
    if backend is None:
        backend = "torch" if device is not None or is_module or has_tensors or grad else "numpy"
    if is_module:
        model = of_module(model)
    shape, recording = tuple(shape), contextlib.nullcontext()
    if backend == "torch":
        import torch

        from ._torch import Run

        kind = getattr(torch, dtype, None)
        if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
            raise ShapeError(f"bad dtype: expected 'float32', 'float64' or another floating-point type of torch, got '{dtype}'")
        if device is None:
            device = next((one.device for one in given if isinstance(one, torch.Tensor)), "cpu")
        execution = Run(plan, torch.device(device), kind, shape, seed, inputs or (), first, threads, start=start, grad=grad)
        recording = torch.enable_grad() if grad else torch.no_grad()
    elif grad:
        raise ArgumentError(f"only tensors have gradients: expected backend='torch' with grad=True, got '{backend}'")
    elif backend == "numpy":
        execution = _Numpy(plan.start(shape, seed, first=first, dtype=dtype, inputs=inputs, start=start, threads=threads))
    else:
        raise ArgumentError(f"unknown backend: expected 'numpy' or 'torch', got '{backend}'")
    bar = _Bar(plan.nfe) if progress else None
    try:
        with recording:
            while (query := execution.query()) is not None:
                x = execution.input(query)
                before = execution.asked(x)
                try:
                    out = model(x, query)
                except ValueError as error:
                    if "read-only" in str(error):
                        raise ArgumentError("the model writes into its input x, which the run goes on with: expected a model that copies x first") from error
                    raise
                execution.refuse_written(x, before)
                execution.supply(out)
                if callback is not None:
                    callback(Step(query.index, plan.nfe, query.time, query.alpha, query.sigma, x, execution.denoised))
                if bar:
                    bar.advance()
                # Dropping the references lets the run overwrite the state in place.
                x = query = out = None
    finally:
        if bar:
            bar.close()
    result = execution.finish()
    _check_finite(result, torch if backend == "torch" else np)
    if network is not None:
        data = network.denormalize(result.detach().cpu().numpy() if backend == "torch" else result)
        result = torch.as_tensor(data).to(result) if backend == "torch" else data.astype(result.dtype)
    return result


def _check_finite(result, library):
    """Raise an ``ArgumentError`` if a sample is not finite."""
    finite = library.isfinite(result)
    if bool(finite.all()):
        return
    rows = [row for row in range(len(result)) if not bool(finite[row].all())]
    raise ArgumentError(
        f"the samples are not finite (row {rows[0]}): {len(rows)} of {len(result)} rows\nhint: look at the model's outputs with callback="
    )


class _Bar:
    """A progress bar: tqdm's if it is installed, else a line of the terminal that is rewritten."""

    def __init__(self, total):
        self.total, self.done = total, 0
        try:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total)
        except ImportError:
            self.bar = None

    def advance(self, count=1):
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif sys.stderr.isatty():
            print(f"\r{self.done} of {self.total}", end="", file=sys.stderr, flush=True)

    def close(self):
        if self.bar is not None:
            self.bar.close()
        elif sys.stderr.isatty():
            print(file=sys.stderr)
