"""Probes of a loss function: its network's input, its random numbers, and the gradient in the output."""

import contextlib
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import numpy as np
import torch

from ._errors import ModelError

# Names of keyword arguments that are times; other numbers, such as labels, may come first.
_TIMES = ("t", "time", "times", "timestep", "timesteps", "sigma", "sigmas", "noise_level", "noise_levels", "noise_labels", "log_snr", "gamma")


class _Probe(torch.nn.Module):
    """A network that returns given outputs, and records how it was called."""

    def __init__(self, rows: int, output: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.rows, self.output = rows, output
        self.scale = torch.nn.Parameter(torch.zeros(()))
        self.calls: List[Tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        given = [value for value in [*args, *kwargs.values()] if isinstance(value, (torch.Tensor, float, int)) and not isinstance(value, bool)]
        states = [value for value in given if isinstance(value, torch.Tensor) and value.is_floating_point() and value.dim() > 1 and value.numel() > 4 * self.rows]
        if not states:
            raise ModelError("the loss calls its network without a state (audit_loss): expected net(x, time), x with the shape of the data")
        x = states[0].detach()
        numbers = lambda value: torch.as_tensor(value).detach().double().reshape(-1)  # noqa: E731
        fits = lambda value: isinstance(value, (torch.Tensor, float, int)) and not isinstance(value, bool) and value is not states[0] and numbers(value).numel() in (1, len(x))  # noqa: E731
        named = [value for name, value in kwargs.items() if name in _TIMES and fits(value)]
        others = [value for value in [*args, *kwargs.values()] if fits(value)]
        times = [numbers(value) for value in named or others]
        if not times:
            raise ModelError("the loss calls its network without a time (audit_loss): expected net(x, time) with one time, or one for each row")
        out = self.output(x).requires_grad_()
        self.calls.append((x, times[0].expand(len(x)).clone(), out))
        out.sample = out  # type: ignore[attr-defined]
        return (out,) if kwargs.get("return_dict") is False else out


@contextlib.contextmanager
def _recorded(rows: int) -> Iterator[List[Tuple[str, torch.Tensor]]]:
    """Record the numbers of torch that are drawn once for each row."""
    from torch.utils._python_dispatch import TorchDispatchMode

    drawn: List[Tuple[str, torch.Tensor]] = []

    def of_call(name: str, args: Any, kwargs: Any) -> Optional[Tuple[str, float, float]]:
        """Return the kind of the numbers, and the two parameters of their distribution."""
        given = [value for value in args if isinstance(value, (int, float))]
        pair = lambda first, second, names: tuple(float(kwargs.get(key, value)) for key, value in zip(names, (given + [first, second][len(given):])[:2]))  # noqa: E731
        if name in ("rand", "rand_like"):
            return "uniform", 0.0, 1.0
        if name in ("randn", "randn_like"):
            return "normal", 0.0, 1.0
        if name in ("uniform_", "uniform"):
            return ("uniform", *pair(0.0, 1.0, ("from", "to")))
        if name in ("normal_", "normal", "normal_functional") and not (name == "normal" and any(isinstance(value, torch.Tensor) for value in args)):
            return ("normal", *pair(0.0, 1.0, ("mean", "std")))
        if name in ("randint", "randint_like", "random_"):
            ends = given[:2] if len(given) > 1 else [0, *given]
            return ("integer", float(ends[0]), float(ends[1])) if len(ends) == 2 else None
        return None

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = function(*args, **(kwargs or {}))
            found = of_call(function.__name__.split(".")[0], args, kwargs or {})
            if found and isinstance(out, torch.Tensor) and out.numel() == rows:
                kind, first, second = found
                numbers = out.detach().double().reshape(-1).clone()
                if kind == "uniform" and second > first:
                    numbers = (numbers - first) / (second - first)
                elif kind == "normal" and second > 0:
                    numbers = (numbers - first) / second
                drawn.append((kind if kind != "integer" else f"integer:{first:.0f}:{second:.0f}", numbers))
            return out

    with Record():
        yield drawn


def _quiet(fn: Callable[..., Any], probe: _Probe, data: torch.Tensor, seed: int, double: bool) -> Tuple[torch.Tensor, List[Tuple[str, torch.Tensor]]]:
    """Return the loss of the probe with the random numbers of a seed."""
    default = torch.get_default_dtype()
    numpy_state = np.random.get_state()
    try:
        if double:
            torch.set_default_dtype(torch.float64)
        with torch.random.fork_rng(devices=[]), torch.enable_grad(), _recorded(len(data)) as drawn:
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)
            loss = fn(probe, data.clone())
    finally:
        torch.set_default_dtype(default)
        np.random.set_state(numpy_state)
    if isinstance(loss, (tuple, list)) and loss:
        loss = loss[0]
    if isinstance(loss, dict):
        loss = loss.get("loss", next(iter(loss.values()), None))
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        raise ModelError(f"the loss has no gradient (audit_loss): expected fn(net, data) to return a tensor that depends on the network's output, got {type(loss).__name__}")
    if len(probe.calls) != 1:
        raise ModelError(f"the loss calls its network {len(probe.calls)} times (audit_loss): expected one call, with all rows")
    # Losses of single rows are as good as their mean.
    return loss.mean() if loss.dim() else loss, drawn


def _gradient(fn: Callable[..., Any], data: torch.Tensor, seed: int, double: bool, height: float) -> Dict[str, Any]:
    """Return the inputs of the network, and the gradient of the loss at outputs of a given size."""
    generator = torch.Generator().manual_seed(17)
    direction = torch.randn(data.shape, generator=generator, dtype=torch.float64)

    def output(x: torch.Tensor) -> torch.Tensor:
        if x.shape != data.shape:
            raise ModelError(f"the loss calls its network with another shape (audit_loss): expected {tuple(data.shape)}, got {tuple(x.shape)}")
        return (height * direction).to(x.dtype)

    probe = _Probe(len(data), output)
    loss, drawn = _quiet(fn, probe, data, seed, double)
    x, time, out = probe.calls[0]
    (slope,) = torch.autograd.grad(loss, out, allow_unused=True)
    if slope is None:
        raise ModelError("the loss does not depend on the output of its network (audit_loss)")
    as_array = lambda tensor: tensor.detach().double().numpy()  # noqa: E731
    return {"x": as_array(x), "time": as_array(time), "out": as_array(out), "slope": as_array(slope), "drawn": drawn}


def _weights(first: Dict[str, Any], second: Dict[str, Any], third: Dict[str, Any], precision: float) -> np.ndarray:
    """Return the weight of each row: half the slope of the gradient in the output."""
    rows = len(first["x"])
    flat = lambda run, name: run[name].reshape(rows, -1)  # noqa: E731
    steps = [flat(run, "out") - flat(first, "out") for run in (second, third)]
    rises = [flat(run, "slope") - flat(first, "slope") for run in (second, third)]
    if not all(np.isfinite(rise).all() for rise in rises):
        raise ModelError("the gradient of the loss is not finite (audit_loss)")
    weights = [0.5 * (rise * step).sum(1) / (step * step).sum(1) for rise, step in zip(rises, steps)]
    scale = np.abs(weights[0]).max()
    if scale == 0.0:
        raise ModelError("the loss does not depend on the output of its network (audit_loss)")
    for rise, step in zip(rises, steps):
        off = np.abs(rise - 2.0 * weights[0][:, None] * step).max(1)
        slack = precision * (np.abs(2.0 * weights[0][:, None] * step).max(1) + np.abs(flat(first, "slope")).max(1))
        if (off > slack + 1e-14 * scale).any():
            raise ModelError(
                "the loss is no squared error with one weight for each row (audit_loss): its gradient is not linear in the network's output, or mixes rows or elements\n"
                "hint: a loss that computes in single precision needs dtype=\"float32\"; Huber and perceptual losses have no weight over noise levels"
            )
    return weights[0]


def _targets(run: Dict[str, Any], weights: np.ndarray) -> np.ndarray:
    """Return the output at which the loss of each row is least."""
    rows = len(weights)
    safe = np.where(weights == 0.0, 1.0, weights)[:, None]
    return run["out"].reshape(rows, -1) - run["slope"].reshape(rows, -1) / (2.0 * safe)
