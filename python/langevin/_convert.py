"""A torch module trained in one formulation as a model of another."""

from functools import lru_cache
from typing import Any, Callable, Union

import torch

from ._errors import ArgumentError, ShapeError
from ._langevin import Formulation


@lru_cache(maxsize=256)
def _formulation(document: str) -> Formulation:
    return Formulation.from_json(document)


# One operation of torch, so that a converted module compiles as one graph.
@torch.library.custom_op("langevin::readings", mutates_args=())
def _readings(times: torch.Tensor, from_: str, to: str) -> torch.Tensor:
    table = _formulation(to).readings_from(_formulation(from_), times.double().cpu().numpy())
    return torch.from_numpy(table)


@_readings.register_fake
def _(times: torch.Tensor, from_: str, to: str) -> torch.Tensor:
    return torch.empty((times.numel(), 4), dtype=torch.float64, device="cpu")


class Converted(torch.nn.Module):
    """``module`` read as another formulation, exactly: output = a x + b module(k x, t'), gradients included.

    It is called as the module is, ``converted(x, t, …)``, with states and times of the new formulation; what else it is given it hands on.
    """

    def __init__(self, module: torch.nn.Module, from_: Formulation, to: Formulation) -> None:
        super().__init__()
        self.module, self.from_, self.to_ = module, from_, to
        self._documents = (from_.to_json(), to.to_json())

    def __getattr__(self, name: str) -> Any:
        # Pipelines ask a network for its config, dtype and the like.
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)

    def readings(self, t: Any, x: torch.Tensor) -> torch.Tensor:
        """What each row is read with: shape (1 or rows, 4), columns scale, time, a, b."""
        times = torch.as_tensor(t, dtype=torch.float64).detach().reshape(-1)
        if times.numel() not in (1, x.shape[0]):
            raise ShapeError(f"the times do not fit the batch: expected 1 or {x.shape[0]}, got {times.numel()}")
        return _readings(times, *self._documents)

    def forward(self, x: torch.Tensor, t: Any, *args: Any, **kwargs: Any) -> Any:
        table = self.readings(t, x)

        def column(i: int) -> torch.Tensor:
            return table[:, i].to(x.device, x.dtype).reshape(-1, *[1] * (x.dim() - 1))

        time = table[:, 1].to(x.device, torch.get_default_dtype())
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
    """``module``, trained as ``from_``, as a model of ``to``: a torch module ``(x, t) → output`` that is exact, differentiable, and shares the weights.

    >>> import torch, langevin
    >>> velocity = langevin.Formulation("rectified-flow", "velocity")
    >>> epsilon = langevin.Formulation("vp-linear", "epsilon", clock="scaled:1000")
    >>> model = langevin.convert(lambda x, t: torch.zeros_like(x), from_=velocity, to=epsilon)
    """
    if not isinstance(module, torch.nn.Module):
        if not callable(module):
            raise ArgumentError(f"the module cannot be called: expected torch.nn.Module or a function, got {type(module).__name__}")
        module = _Function(module)
    return Converted(module, from_, to)


class _Function(torch.nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)
