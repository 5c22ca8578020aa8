"""A scheduler for diffusers: any sampler of this library on any scheduler's config, in unmodified pipelines.

    from langevin.diffusers import LangevinScheduler
    pipe.scheduler = LangevinScheduler.from_config(pipe.scheduler.config, sampler="unipc")

Noise levels, times and the meaning of the network's output are those of the config; the steps are those of ``sampler``, or, without one, of the config's own class. One ``step`` is one evaluation of the
network, so a sampler of two evaluations a step has twice the timesteps.

The noise of a stochastic sampler is a function of a seed for each image, drawn from the ``generator`` (or torch's own): image i is the same in a batch of any size where it has a generator of its own.
"""

import inspect
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Optional, Union

import diffusers
import numpy as np
import torch
from diffusers import ConfigMixin, SchedulerMixin
from diffusers.schedulers.scheduling_utils import SchedulerOutput

from ._errors import ArgumentError
from ._langevin import Plan, Ranking, recommend
from ._torch import Run

__all__ = ["LangevinScheduler"]

# What pipelines hand to step() of an original where they want nothing of it; a plan was told at the start.
_NEUTRAL = {"eta": 0.0, "use_clipped_model_output": False, "s_churn": 0.0, "s_tmin": 0.0, "s_tmax": float("inf"), "s_noise": 1.0, "variance_noise": None}


def _class_of(config: Any) -> str:
    """The scheduler whose config this is, told by its fields: a scheduler that was made in Python does not say its class."""
    fields = {key for key in config if not key.startswith("_")}
    found = []
    for name in dir(diffusers):
        if name.endswith("Scheduler"):
            kind = getattr(diffusers, name)
            if isinstance(kind, type) and set(inspect.signature(kind).parameters) - {"kwargs"} == fields:
                found.append(name)
    # A class and its parallel twin are one.
    found = [name for name in found if name.replace("Parallel", "") == name or name.replace("Parallel", "") not in found]
    if len(found) == 1:
        return found[0]
    got = f"the fields of {' and '.join(found)}" if found else f"{len(fields)} fields that no scheduler has alone"
    raise ArgumentError(f"the config names no scheduler: expected _class_name, got {got}\nhint: add it, as in {{**config, '_class_name': 'DDIMScheduler'}}")


@dataclass
class _Output(SchedulerOutput):
    """What a step returns, made in a fifth of the time: a step of a small state takes little more."""

    def __post_init__(self) -> None:
        OrderedDict.__setitem__(self, "prev_sample", self.prev_sample)


class LangevinScheduler(SchedulerMixin, ConfigMixin):
    """A scheduler whose steps are the rows of a :class:`langevin.Plan`.

    Args:
        config: the config of a scheduler of diffusers, with its class under ``_class_name``.
        sampler: a name of ``langevin.samplers()``; ``None``: what the config's own class does.
        settings: what the original's ``step`` or ``set_timesteps`` would be given (``eta``, ``s_churn``, …).
        consistent: mends what is known to be wrong in the original.
    """

    config_name: Any = "scheduler_config.json"
    config: Any
    order = 1

    def __init__(
        self,
        config: Optional[dict] = None,
        sampler: Optional[str] = None,
        settings: Optional[dict] = None,
        consistent: bool = False,
    ) -> None:
        original = dict(config or {"_class_name": "DDIMScheduler"})
        if "_class_name" not in original:
            original["_class_name"] = _class_of(original)
        self.original = {key: value for key, value in original.items() if not key.startswith("langevin_")}
        self.register_to_config(
            **{key: value for key, value in self.original.items() if not key.startswith("_")},
            langevin_original=self.original["_class_name"],
            langevin_sampler=sampler,
            langevin_settings=dict(settings or {}),
            langevin_consistent=consistent,
        )
        self.plan: Plan
        self._run: Any = None
        self.num_inference_steps: Optional[int] = None
        self._whole = self._counts()
        # Pipelines look at the order before they set the steps.
        self._compile(steps=10)
        self.timesteps, self.sigmas = self._times("cpu"), self._sigmas("cpu")
        self.order = max(1, self.plan.nfe // 10)
        self._reset()

    @classmethod
    def from_config(cls, config: Any = None, return_unused_kwargs: bool = False, **options: Any) -> Any:
        """A scheduler on another one's config; ``options`` are those of the class."""
        config = dict(config)
        name = config.get("langevin_original") or config.get("_class_name") or _class_of(config)
        if config.get("langevin_original"):
            options.setdefault("sampler", config.get("langevin_sampler"))
            options.setdefault("settings", config.get("langevin_settings"))
            options.setdefault("consistent", config.get("langevin_consistent", False))
        known = set(inspect.signature(cls.__init__).parameters) - {"self", "config"}
        unused = {key: options.pop(key) for key in list(options) if key not in known}
        # What is no option of this class is a field of the config, as in diffusers.
        fields = {key: value for key, value in config.items() if not key.startswith(("_", "langevin_"))}
        fields.update(unused)
        scheduler = cls({"_class_name": name, **fields}, **options)
        return (scheduler, {}) if return_unused_kwargs else scheduler

    def _compile(self, **call: Any):
        call = {key: value for key, value in call.items() if value is not None}
        self._call = call
        self.plan = self._plan()

    def _plan(self, start_at: Optional[int] = None) -> Plan:
        return Plan.from_diffusers(
            self.original,
            sampler=self.config.langevin_sampler,
            settings=self.config.langevin_settings,
            consistent=self.config.langevin_consistent,
            start_at=start_at,
            **self._call,
        )

    def _times(self, device):
        times = torch.from_numpy(self.plan.network_times)
        whole = self._whole and not torch.any(times != times.round())
        return times.to(torch.int64 if whole else torch.float32).to(device)

    def _counts(self):
        """Whether the original's timesteps are whole numbers."""
        try:
            scheduler = getattr(diffusers, self.original["_class_name"]).from_config(self.original)
            scheduler.set_timesteps(2)
            return not torch.is_floating_point(scheduler.timesteps)
        except Exception:
            return False

    def _sigmas(self, device):
        with np.errstate(divide="ignore"):
            sigmas = torch.from_numpy(self.plan.sigmas / self.plan.alphas)
        return torch.cat([sigmas, torch.zeros(1, dtype=sigmas.dtype)]).float().to(device)

    def _reset(self) -> None:
        # Its arrays serve the next run: fresh memory costs more than a step.
        self._memory: Any = self._run and self._run.stepper
        self._run = None
        self._index: Any = None
        self._begin: Optional[int] = None
        self._last: Any = None
        self._scales = self.plan.input_scales

    @property
    def init_noise_sigma(self) -> float:
        """The standard deviation of the start."""
        return self.plan.start_sigma

    @property
    def step_index(self) -> Optional[int]:
        """Which evaluation comes next; ``None`` before the first."""
        return self._index

    @property
    def begin_index(self) -> Optional[int]:
        """The first evaluation that is made."""
        return self._begin

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Leaves the evaluations before this one out: what image-to-image pipelines call."""
        self._begin = begin_index

    def set_timesteps(
        self,
        num_inference_steps: Optional[int] = None,
        device: Union[str, torch.device, None] = None,
        timesteps: Optional[list] = None,
        sigmas: Optional[list] = None,
        mu: Optional[float] = None,
    ) -> None:
        """Compiles the plan of a run: a number of steps, or the times or noise levels themselves."""
        as_list = lambda values: None if values is None else [float(value) for value in values]  # noqa: E731
        timesteps, sigmas = as_list(timesteps), as_list(sigmas)
        if timesteps is not None or sigmas is not None:
            num_inference_steps = None
        self._compile(steps=num_inference_steps, timesteps=timesteps, sigmas=sigmas, mu=mu)
        self.timesteps, self.sigmas = self._times(device), self._sigmas(device)
        count = num_inference_steps or len(sigmas or timesteps or ())
        self.num_inference_steps = count
        self.order = max(1, self.plan.nfe // count)
        self._reset()

    def index_for_timestep(self, timestep: Any, schedule_timesteps: Optional[torch.Tensor] = None) -> int:
        """The first evaluation at this time."""
        times = self.timesteps if schedule_timesteps is None else schedule_timesteps
        time = float(timestep)
        found = [index for index, own in enumerate(times.tolist()) if abs(own - time) <= 1e-6 * max(1.0, abs(time))]
        if not found:
            raise ArgumentError(f"no such timestep: expected one of {times.tolist()}, got {time}\nhint: call set_timesteps first")
        # Second of two where there are two, as in diffusers: the start of an image is the later one.
        return found[0]

    def _now(self, timestep) -> int:
        if self._index is None:
            self._index = self._begin if self._begin is not None else self.index_for_timestep(timestep)
        return self._index

    def scale_model_input(self, sample: torch.Tensor, timestep: Any = None) -> torch.Tensor:
        """The state times what the network's input is multiplied by at this evaluation."""
        scale = self._scales[self._now(timestep)]
        return sample if scale == 1.0 else sample * float(scale)

    def _start(self, sample: torch.Tensor, generator):
        shape = tuple(sample.shape)
        kind = sample.dtype if sample.dtype in (torch.float32, torch.float64) else torch.float32
        first = self._index // self.order
        if self._index % self.order:
            raise ArgumentError(
                f"a run cannot begin inside a step: expected a multiple of {self.order}, got evaluation {self._index}"
            )
        plan = self.plan if first == 0 else self._plan(start_at=first)
        # The pipeline drew the noise that a plan would begin with.
        state = sample.to(kind)
        start = state if not plan.inputs and plan.draws else None
        seeds = self._draw_seeds(generator, shape[0])
        self._run = Run(plan, sample.device, kind, shape, seeds, [state] * len(plan.inputs), start=start, memory=self._memory)
        # A plan may take its start further before it asks; the network has seen the sample as it was, which step() therefore puts in its place.
        self._run.advance()

    def _draw_seeds(self, generator, count):
        if self.plan.draws <= 1:
            return [0] * count
        draw = lambda own: int(torch.randint(0, 2**62, (1,), generator=own, device=own.device if own else None))  # noqa: E731
        if isinstance(generator, (list, tuple)):
            return [draw(own) for own in generator]
        seed = draw(generator)
        # One seed for all: image i is row i.
        return seed

    def step(
        self,
        model_output: torch.Tensor,
        timestep: Any,
        sample: torch.Tensor,
        generator: Any = None,
        return_dict: bool = True,
        **settings: Any,
    ) -> Any:
        """The state at the next evaluation, or the result, from the network's output at this one.

        ``model_output`` and ``sample`` have the shape of the states. ``settings`` are what an original's ``step`` takes (``eta``, …): refused where they are not what the scheduler was made with.
        """
        for key, value in settings.items():
            if value is not None and value != self.config.langevin_settings.get(key, _NEUTRAL.get(key)):
                raise ArgumentError(
                    f"a plan is made before its first step: expected {key} of the scheduler, got {value}\n"
                    f"hint: LangevinScheduler.from_config(config, settings={{'{key}': {value}}}), or a sampler with options, as in sampler='ddim:eta=0.5'"
                )
        index = self._now(timestep)
        if index >= len(self._scales):
            raise ArgumentError(f"the run is over: expected at most {self.plan.nfe} steps\nhint: call set_timesteps to begin another")
        if self._run is None:
            self._start(sample, generator)
        state = self._run.step(model_output, None if sample is self._last else sample)
        self._last = state if state.dtype == sample.dtype else state.to(sample.dtype)
        self._index += 1
        return _Output(self._last) if return_dict else (self._last,)

    def add_noise(self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """alpha x0 + sigma noise, in the coordinates of the states, at these timesteps, one for each sample."""
        times = torch.as_tensor(timesteps).reshape(-1).tolist()
        known = {time: self.plan.level_at_network_time(float(time)) for time in set(times)}
        levels = torch.tensor([[known[time].alpha, known[time].sigma] for time in times], dtype=torch.float64)
        if len(times) == 1:
            levels = levels.expand(len(original_samples), 2)
        levels = levels.to(original_samples.device, original_samples.dtype)
        alpha, sigma = (levels[:, i].reshape(-1, *[1] * (original_samples.dim() - 1)) for i in (0, 1))
        return alpha * original_samples + sigma * noise

    def scale_noise(self, sample: torch.Tensor, timestep: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """:meth:`add_noise` as the pipelines of flow matching call it."""
        return self.add_noise(sample, noise, timestep)

    def recommend(self, data: Any, nfe: int, **options: Any) -> Ranking:
        """The sampler with the smallest exact error on this config's times and noise levels, in at most ``nfe`` evaluations, on Gaussian data like ``data``: rows (rows, …) in the network's own
        coordinates, or what else :func:`langevin.recommend` takes.

        ``from_config(scheduler.config, sampler=ranking.best.sampler)`` is the scheduler of the winner.
        """
        if isinstance(data, torch.Tensor):
            data = data.detach().cpu().double().numpy()
        if isinstance(data, np.ndarray) and data.ndim > 2:
            data = data.reshape(len(data), -1)
        return recommend(data, nfe, config=self.original, mu=self._call.get("mu"), **options)

    def __getstate__(self) -> dict:
        # A copy is of the scheduler; a run, with its memory, stays where it is.
        return {**self.__dict__, "_run": None, "_memory": None, "_index": None, "_last": None}

    def __len__(self) -> int:
        return self.config.get("num_train_timesteps", 1000)
