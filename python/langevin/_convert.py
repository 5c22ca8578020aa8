"""Conversion of a torch module from one formulation to another."""

from functools import lru_cache
from typing import Any, Callable, Union

import torch

from ._errors import ArgumentError, ShapeError
from ._langevin import Formulation


@lru_cache(maxsize=256)
def _formulation(document: str) -> Formulation:
    """Return the formulation of a JSON document, cached."""
    return Formulation.from_json(document)


# A single operation of torch, so that `torch.compile` keeps a converted module in one graph.
@torch.library.custom_op("langevin::readings", mutates_args=())
def _readings(times: torch.Tensor, from_: str, to: str) -> torch.Tensor:
    """Return the coefficients scale, time, a and b for each time: float64, shape (times, 4)."""
    table = _formulation(to).readings_from(_formulation(from_), times.double().cpu().numpy())
    return torch.from_numpy(table)


@_readings.register_fake
def _(times: torch.Tensor, from_: str, to: str) -> torch.Tensor:
    return torch.empty((times.numel(), 4), dtype=torch.float64, device="cpu")


class Converted(torch.nn.Module):
    """Torch module of one formulation, read as a module of another.

    The output is a x + b module(k x, t'), which is exact and differentiable. The module is called
    like the original, ``converted(x, t, …)``, with states and times of the new formulation. Further
    arguments are passed on. :func:`convert` builds it.

    Parameters
    ----------
    module : torch.nn.Module
        The module, whose weights are shared.
    from_ : Formulation
        The formulation that the module was trained in.
    to : Formulation
        The formulation of the converted module.

    Attributes
    ----------
    module : torch.nn.Module
        The original module.
    from_, to_ : Formulation
        The two formulations.
    """

    def __init__(self, module: torch.nn.Module, from_: Formulation, to: Formulation) -> None:
        super().__init__()
        self.module, self.from_, self.to_ = module, from_, to
        self._documents = (from_.to_json(), to.to_json())

    def __getattr__(self, name: str) -> Any:
        # Pipelines read attributes of the network, such as its config and dtype.
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)

    def readings(self, t: Any, x: torch.Tensor) -> torch.Tensor:
        """Return the coefficients with which each row is read.

        Parameters
        ----------
        t : float or torch.Tensor, shape () or (rows,)
            Times, in the clock of the new formulation.
        x : torch.Tensor, shape (rows, ...)
            The states.

        Returns
        -------
        torch.Tensor of float64, shape (1, 4) or (rows, 4)
            The columns are scale, time, a and b of :class:`langevin.Reading`.

        Raises
        ------
        ShapeError
            If the number of times is neither 1 nor the number of rows.
        """
        times = torch.as_tensor(t, dtype=torch.float64).detach().reshape(-1)
        if times.numel() not in (1, x.shape[0]):
            raise ShapeError(f"the times do not fit the batch: expected 1 or {x.shape[0]}, got {times.numel()}")
        return _readings(times, *self._documents)

    def forward(self, x: torch.Tensor, t: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the output in the new formulation.

        Parameters
        ----------
        x : torch.Tensor of float, shape (rows, ...)
            States of the new formulation.
        t : float or torch.Tensor, shape () or (rows,)
            Times, in the clock of the new formulation.
        *args, **kwargs
            Further arguments of the original module.

        Returns
        -------
        torch.Tensor, tuple or object
            The module's result, with the tensor, the first entry or ``.sample`` converted.

        Raises
        ------
        ShapeError
            If the number of times is neither 1 nor the number of rows.
        ArgumentError
            If the module returns anything else.
        """
        table = self.readings(t, x)

        def column(i: int) -> torch.Tensor:
            return table[:, i].to(x.device, x.dtype).reshape(-1, *[1] * (x.dim() - 1))

        time = table[:, 1].to(x.device, torch.float64 if x.dtype == torch.float64 else torch.float32)
        if torch.as_tensor(t).dim() == 0:
            time = time[0]
        out = self.module(column(0) * x, time, *args, **kwargs)
        convert = lambda out: column(2) * x + column(3) * out  # noqa: E731
        if isinstance(out, torch.Tensor):
            return convert(out)
        if isinstance(out, tuple):
            return (convert(out[0]), *out[1:])
        if hasattr(out, "sample"):
            return type(out)(**{**out, "sample": convert(out.sample)})
        raise ArgumentError(f"the module's output is not understood: expected a tensor, a tuple or something with .sample, got {type(out).__name__}")


def convert(module: Union[torch.nn.Module, Callable[..., Any]], *, from_: Formulation, to: Formulation) -> Converted:
    """Convert a torch module of one formulation to a module of another.

    The conversion is exact and differentiable, and it shares the module's weights.

    Parameters
    ----------
    module : torch.nn.Module or callable
        The network, called as ``module(x, t, …)``.
    from_ : Formulation
        The formulation that the network was trained in.
    to : Formulation
        The formulation of the converted module.

    Returns
    -------
    torch.nn.Module
        A module that is called as ``model(x, t, …)``, with states and times of ``to``.

    Raises
    ------
    ArgumentError
        If the module cannot be called.

    Examples
    --------
    >>> import torch, langevin
    >>> velocity = langevin.Formulation("rectified-flow", "velocity")
    >>> data = langevin.Formulation("rectified-flow", "x0")
    >>> flow = lambda x, t: torch.ones_like(x)  # a network that predicts the velocity 1
    >>> model = langevin.convert(flow, from_=velocity, to=data)
    >>> model(torch.zeros(2, 3), 0.25)[0]  # x0 = x − t · velocity
    tensor([-0.2500, -0.2500, -0.2500])
    """
    if not isinstance(module, torch.nn.Module):
        if not callable(module):
            raise ArgumentError(f"the module cannot be called: expected torch.nn.Module or a function, got {type(module).__name__}")
        module = _Function(module)
    return Converted(module, from_, to)


class _Function(torch.nn.Module):
    """A function as a torch module without weights."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)
