"""Networks of other libraries as torch modules that predict x0 at a noise level sigma / alpha.

These libraries have schedules of their own. An adapter finds the time of a noise level by bisection,
scales the state, and returns the denoised prediction.
"""

import math
from typing import Any, Callable, Tuple

import torch

from ._errors import ArgumentError

# Halvings of the time interval: below the spacing of double precision.
_HALVINGS = 60


class _Scheduled(torch.nn.Module):
    """A network on a schedule alpha(t), sigma(t), as a denoiser of x0 + sigma ε.

    Parameters
    ----------
    network : torch.nn.Module
        The network, kept for its weights.
    schedule : callable
        Returns alpha and sigma of times, float64, shape (rows,).
    ends : tuple of float
        The first time (clean) and the last one (noisy).
    """

    def __init__(self, network: torch.nn.Module, schedule: Callable[[torch.Tensor], Tuple[torch.Tensor, torch.Tensor]], ends: Tuple[float, float]) -> None:
        super().__init__()
        self.network, self.schedule, self.ends = network, schedule, ends

    def ratio(self, time: torch.Tensor) -> torch.Tensor:
        """Return sigma / alpha, infinite at pure noise."""
        alpha, sigma = self.schedule(time)
        return torch.where(alpha > 0, sigma / torch.where(alpha > 0, alpha, 1.0), math.inf)

    def range(self) -> Tuple[float, float]:
        """Return the noise levels that the schedule has, at least 1e-4 and at most 1e4."""
        low, high = (float(self.ratio(torch.tensor([end], dtype=torch.float64, device=self.device))) for end in self.ends)
        if not (0 <= low < high):
            raise ArgumentError(f"the schedule does not add noise: expected sigma / alpha to rise with the time, got {low:g} to {high:g}")
        return max(low, 1e-4), min(high, 1e4)

    @property
    def device(self) -> torch.device:
        weights = next(self.network.parameters(), None)
        return torch.device("cpu") if weights is None else weights.device

    def prepare(self, value: Any) -> Any:
        """Return a condition with an axis of rows."""
        shape = getattr(self.network, "condition_shape", None)
        if shape is not None and isinstance(value, torch.Tensor) and value.dim() == len(shape):
            return value[None]
        return value

    def time(self, ratio: torch.Tensor) -> torch.Tensor:
        """Return the time of each noise level."""
        ratio = ratio.double()
        low, high = (torch.full_like(ratio, end) for end in self.ends)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            above = self.ratio(middle) > ratio
            low, high = torch.where(above, low, middle), torch.where(above, middle, high)
        return 0.5 * (low + high)

    def forward(self, x: torch.Tensor, ratio: torch.Tensor, *values: Any, **named: Any) -> torch.Tensor:
        time = self.time(ratio)
        alpha, sigma = (one.to(x.dtype).reshape(-1, *[1] * (x.dim() - 1)) for one in self.schedule(time))
        return self.denoise(alpha * x, time.to(x.dtype), alpha, sigma, *values, **named)

    def denoise(self, x: torch.Tensor, time: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor, *values: Any, **named: Any) -> torch.Tensor:
        raise NotImplementedError


class Azula(_Scheduled):
    """A ``Denoiser`` of azula: called with a state and its time, it returns a posterior with ``.mean``."""

    def __init__(self, denoiser: torch.nn.Module) -> None:
        schedule = getattr(denoiser, "schedule", None)
        if not callable(schedule):
            raise ArgumentError(f"this is no denoiser of azula: expected a module with a schedule, got {type(denoiser).__name__}")
        super().__init__(denoiser, schedule, (0.0, 1.0))

    def denoise(self, x: torch.Tensor, time: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor, *values: Any, **named: Any) -> torch.Tensor:
        posterior = self.network(x, time, *values, **named)
        return posterior.mean


class SbiScore(_Scheduled):
    """A score estimator of sbi (NPSE): ``estimator.score(input, condition, t)``."""

    def __init__(self, estimator: torch.nn.Module) -> None:
        def schedule(time: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
            flat = lambda values: values.reshape(len(time), -1)[:, 0].double()  # noqa: E731
            return flat(estimator.mean_t_fn(time)), flat(estimator.std_fn(time))

        super().__init__(estimator, schedule, (float(getattr(estimator, "t_min", 1e-5)), float(getattr(estimator, "t_max", 1.0))))

    def denoise(self, x: torch.Tensor, time: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor, *values: Any, **named: Any) -> torch.Tensor:
        score = self.network.score(x, _condition(values, named), time)
        return (x + sigma.square() * score) / alpha


class SbiFlow(_Scheduled):
    """A flow estimator of sbi (FMPE): the velocity noise − data at (1 − t) data + (t + s) noise."""

    def __init__(self, estimator: torch.nn.Module) -> None:
        self_noise = float(getattr(estimator, "noise_scale", 0.0))
        super().__init__(estimator, lambda time: (1 - time, time + self_noise), (0.0, 1.0))
        self.noise = self_noise

    def denoise(self, x: torch.Tensor, time: torch.Tensor, alpha: torch.Tensor, sigma: torch.Tensor, *values: Any, **named: Any) -> torch.Tensor:
        velocity = self.network(x, _condition(values, named), time)
        # x = (1 − t) data + (t + s) noise and velocity = noise − data, solved for the data.
        return (x - sigma * velocity) / (1 + self.noise)


def _condition(values: tuple, named: dict) -> Any:
    """Return the observation that an estimator of sbi is conditioned on."""
    both = [*values, *named.values()]
    if len(both) != 1:
        raise ArgumentError(f"an estimator of sbi has one condition: expected model.given(x_o), got {len(both)} values")
    return both[0]


def of_sbi(estimator: Any) -> _Scheduled:
    """Return the adapter of an estimator of sbi."""
    if getattr(estimator, "compose_enabled", False):
        raise ArgumentError("the estimator standardises its parameters outside the network: expected compose_enabled=False")
    if hasattr(estimator, "noise_scale") and not hasattr(estimator, "weight_fn"):
        return SbiFlow(estimator)
    if hasattr(estimator, "mean_t_fn") and hasattr(estimator, "std_fn") and hasattr(estimator, "score"):
        return SbiScore(estimator)
    raise ArgumentError(
        f"this is no estimator of sbi: expected one of NPSE or FMPE, as train() returns it, got {type(estimator).__name__}\n"
        "hint: an estimator of NPE has log_prob and sample itself"
    )
