"""A scheduler for diffusers: any sampler of this library on any scheduler's config, in unmodified pipelines.

    from langevin.diffusers import LangevinScheduler
    pipe.scheduler = LangevinScheduler.from_config(pipe.scheduler.config, sampler="unipc")

Noise levels, times and the meaning of the network's output are those of the config; the steps are those of ``sampler``, or, without one, of the config's own class. One ``step`` is one evaluation of the
network, so a sampler of two evaluations a step has twice the timesteps.

The noise of a stochastic sampler is a function of a seed for each image, drawn from the ``generator`` (or torch's own): image i is the same in a batch of any size where it has a generator of its own.
"""

import inspect
from collections import OrderedDict
from typing import Any, Optional, Union

import diffusers
import numpy as np
import torch
from diffusers import ConfigMixin, SchedulerMixin
from diffusers.schedulers.scheduling_utils import SchedulerOutput

from ._errors import ArgumentError
from ._langevin import Plan, Ranking, recommend
from ._torch import Run

__all__ = ["LangevinScheduler", "LangevinWuerstchenScheduler"]

# What pipelines hand to step() of an original where they want nothing of it.
_NEUTRAL = {"eta": 0.0, "use_clipped_model_output": False, "s_churn": 0.0, "s_tmin": 0.0, "s_tmax": float("inf"), "s_noise": 1.0}
# What the original has and a plan needs not: read there.
_TWIN = ("alphas", "alphas_cumprod", "betas", "final_alpha_cumprod", "get_velocity", "one", "sigma_max", "sigma_min", "sigma_data", "sqrt_alphas_cumprod", "schedule", "add_noise_to_input", "_get_conditioning_c_in")


# Their timesteps end with that of the result, which pipelines leave out.
_ENDED = ("SCMScheduler", "DDPMWuerstchenScheduler")


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
    raise ArgumentError(
        f"the config names no scheduler: expected _class_name, got {got}\n"
        "hint: give the scheduler itself, from_config(pipe.scheduler), or add its class, as in {**config, '_class_name': 'DDIMScheduler'}"
    )


def _document(config: Any) -> dict:
    """The fields of a config, with its class: of a mapping, or of a scheduler of diffusers, whose config does not say it."""
    if isinstance(config, SchedulerMixin):
        return {**config.config, "_class_name": type(config).__name__}  # type: ignore[attr-defined]
    try:
        return dict(config)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"this is no config: expected a mapping or a scheduler of diffusers, got {type(config).__name__}"
        ) from None


def _shown(value: Any) -> str:
    """A value in an error: short, whatever it is."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return f"an array of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"


def _same(a: Any, b: Any) -> bool:
    """Whether two settings are equal; arrays are equal to nothing."""
    return a is b or (not isinstance(a, (torch.Tensor, np.ndarray)) and a == b)


class _Pair(tuple):
    """``(prev_sample, pred_original_sample)``, of which the second is computed when it is asked for."""

    _predict: Any

    def __new__(cls, state: torch.Tensor, predict: Any) -> "_Pair":
        pair = super().__new__(cls, (state, None))
        pair._predict = predict
        return pair

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(0) if index in (0, -2) and not isinstance(index, slice) else tuple(self)[index]

    def __iter__(self) -> Any:
        yield super().__getitem__(0)
        yield self._predict()


class _Output(SchedulerOutput):
    """What a step returns, made in a fifth of the time: a step of a small state takes little more."""

    prev_sample: torch.Tensor

    def __init__(self, state: torch.Tensor, predict: Any) -> None:
        OrderedDict.__setitem__(self, "prev_sample", state)
        object.__setattr__(self, "prev_sample", state)
        object.__setattr__(self, "_predict", predict)

    def __post_init__(self) -> None: ...

    @property
    def pred_original_sample(self) -> torch.Tensor:
        """The denoised prediction of this evaluation."""
        return self._predict()  # type: ignore[attr-defined]


def _runs(counts: list) -> str:
    """1, 2×6, 1 of [1, 2, 2, 2, 2, 2, 2, 1]."""
    words: list = []
    for count in counts:
        if words and words[-1][0] == count:
            words[-1][1] += 1
        else:
            words.append([count, 1])
    return ", ".join(str(count) if times == 1 else f"{count}×{times}" for count, times in words)


class LangevinScheduler(SchedulerMixin, ConfigMixin):
    """A scheduler whose steps are the rows of a :class:`langevin.Plan`.

    Args:
        config: the config of a scheduler of diffusers, with its class under ``_class_name``, or that scheduler.
        sampler: a name of ``langevin.samplers()``; ``None``: what the config's own class does.
        settings: what the original's ``step`` or ``set_timesteps`` would be given (``eta``, ``s_churn``, …).
        consistent: mends what is known to be wrong in the original.
    """

    config_name: Any = "scheduler_config.json"
    config: Any

    def __init__(
        self,
        config: Any = None,
        sampler: Optional[str] = None,
        settings: Optional[dict] = None,
        consistent: bool = False,
    ) -> None:
        original = _document({"_class_name": "DDIMScheduler"} if config is None else config)
        if "_class_name" not in original:
            original["_class_name"] = _class_of(original)
        self.original = {key: value for key, value in original.items() if not key.startswith("langevin_")}
        self._twin = self._original()
        self._parameters = dict(inspect.signature(type(self._twin).step).parameters) if self._twin is not None else {}
        # Pipelines read fields that a config may leave to its class.
        defaults = dict(self._twin.config) if self._twin is not None else {}
        self.register_to_config(
            **{key: value for key, value in {**defaults, **self.original}.items() if not key.startswith("_")},
            langevin_original=self.original["_class_name"],
            langevin_sampler=sampler,
            langevin_settings=dict(settings or {}),
            langevin_consistent=consistent,
        )
        self._settings = dict(settings or {})
        self._call: dict = {}
        self._plan: Optional[Plan] = None
        self.order = getattr(self._twin, "order", 1) if sampler is None else 1
        self.num_inference_steps: Optional[int] = None
        self._whole = self._counts()
        self._set_times(None)
        self._reset()
        self._probe()

    @classmethod
    def from_config(cls, config: Any = None, return_unused_kwargs: bool = False, **options: Any) -> Any:
        """A scheduler on another one's config, or on that scheduler itself; ``options`` are those of the class, and fields of the config to change."""
        config = _document(config)
        name = config.get("langevin_original") or config.get("_class_name") or _class_of(config)
        if config.get("langevin_original"):
            options.setdefault("sampler", config.get("langevin_sampler"))
            options.setdefault("settings", config.get("langevin_settings"))
            options.setdefault("consistent", config.get("langevin_consistent", False))
        if cls is LangevinScheduler and name == "DDPMWuerstchenScheduler":
            cls = LangevinWuerstchenScheduler
        known = set(inspect.signature(LangevinScheduler.__init__).parameters) - {"self", "config"}
        unused = {key: options.pop(key) for key in list(options) if key not in known}
        # What is no option of this class is a field of the config, as in diffusers.
        fields = {key: value for key, value in config.items() if not key.startswith(("_", "langevin_"))}
        fields.update(unused)
        scheduler = cls({"_class_name": name, **fields}, **options)
        return (scheduler, {}) if return_unused_kwargs else scheduler

    def __getattr__(self, name: str) -> Any:
        # Training scripts and some pipelines read tables of the original.
        if name in _TWIN and self.__dict__.get("_twin") is not None:
            return getattr(self._twin, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def _original(self) -> Any:
        """The scheduler of diffusers itself, for what is asked outside a run; ``None`` where this diffusers has no such class."""
        logger = diffusers.utils.logging.get_logger("diffusers.configuration_utils")
        level = logger.level
        try:
            # What it says of fields that it passes over, the plan says too.
            logger.setLevel("ERROR")
            return getattr(diffusers, self.original["_class_name"]).from_config(self.original)
        except Exception:
            return None
        finally:
            logger.setLevel(level)

    def _probe(self) -> None:
        """Names and fields that cannot be are refused now; what only a pipeline knows (steps, mu) is left to set_timesteps."""
        for steps in (10, 4, 1):
            try:
                self._compile(steps=steps, mu=1.0 if self.config.get("use_dynamic_shifting") else None)
                break
            except ArgumentError as error:
                postponed = error
        else:
            self._call, self._plan = {}, None
            if "steps" not in str(postponed) and "sigmas" not in str(postponed):
                raise postponed
        if self._twin is None and self._plan is not None:
            self._set_times(None)
        # Until the steps are set there is no plan of a run.
        self._call, self._probed, self._plan = {}, self._plan, None
        self._reset()

    @property
    def plan(self) -> Plan:
        """The plan of the run that ``set_timesteps`` asked for; before, one of ten steps."""
        plan = self._plan or self._probed
        if plan is None:
            raise ArgumentError("there is no plan yet: the config leaves its steps to the pipeline\nhint: call set_timesteps first")
        return plan

    def _compile(self, **call: Any) -> None:
        self._call = {key: value for key, value in call.items() if value is not None}
        self._plan = self._compiled()

    def _compiled(self, start_at: Optional[int] = None) -> Plan:
        return Plan.from_diffusers(
            self.original,
            sampler=self.config.langevin_sampler,
            settings=self._settings,
            consistent=self.config.langevin_consistent,
            start_at=start_at,
            **self._call,
        )

    def _counts(self) -> bool:
        """Whether the original's timesteps are whole numbers."""
        twin = self._original()
        for options in ({}, {"mu": 1.0}, {"sigmas": [1.0, 0.5]}):
            try:
                twin.set_timesteps(**{"num_inference_steps": 2, **options})
                break
            except Exception:
                continue
        times = getattr(twin, "timesteps", None)
        return times is not None and not torch.is_floating_point(torch.as_tensor(times))

    def _set_times(self, device: Any) -> None:
        """Times and noise levels of the plan; of the original where there is none yet."""
        if self._plan is None and self._twin is not None:
            self.timesteps, self.sigmas = getattr(self._twin, "timesteps", None), getattr(self._twin, "sigmas", None)
            return
        if self._plan is None:
            self.timesteps = self.sigmas = None
            return
        times = torch.from_numpy(self._plan.network_times)
        whole = self._whole and not torch.any(times != times.round())
        if self.original["_class_name"] in _ENDED:
            times = torch.cat([times, times.new_zeros(1)])
        self.timesteps = times.to(torch.int64 if whole else torch.float32).to(device)
        # Noise levels as the original counts them: sigma / alpha, on a flow sigma.
        flow = "flow" in self.original["_class_name"].lower() or self.config.get("use_flow_sigmas")
        with np.errstate(divide="ignore"):
            sigmas = torch.from_numpy(self._plan.sigmas / (1.0 if flow else self._plan.alphas))
        self.sigmas = torch.cat([sigmas, torch.zeros(1, dtype=sigmas.dtype)]).float().to(device)
        # Some pipelines write into them.
        self._own_sigmas = self.sigmas.clone()

    def _reset(self) -> None:
        # Its arrays serve the next run: fresh memory costs more than a step.
        run = self.__dict__.get("_run")
        self._memory: Any = run and run.stepper
        self._run: Any = None
        self._index: Any = None
        self._begin: Optional[int] = None
        self._last: Any = None
        self._version = 0
        self._stands = False
        self._scales: Any = None if self._plan is None else self._plan.input_scales

    def _left_out(self, steps: int) -> Optional[Plan]:
        """The plan without its first steps; ``None`` where nothing is left."""
        try:
            return self._compiled(start_at=steps)
        except ArgumentError as error:
            if "nothing is left" in str(error):
                return None
            raise

    def _stride(self) -> int:
        """How many evaluations a step takes, where all but the last take as many; 1 where they do not."""
        plan, steps = self.plan, self.num_inference_steps or 1
        if plan.nfe == steps or steps < 2:
            return max(1, plan.nfe // steps)
        try:
            begins = [plan.nfe - rest.nfe for rest in map(self._left_out, (1, 2, steps - 1)) if rest is not None]
        except ArgumentError:
            return 1
        even = all(begin == begins[0] * step for begin, step in zip(begins, (1, 2, steps - 1)))
        return begins[0] if begins and even else 1

    def _rest(self, index: int) -> Plan:
        """The plan that begins with this evaluation of the whole one."""
        whole = self.plan
        if index == 0:
            return whole
        # Evaluations before a step rise with its number.
        low, high = 0, index + 1
        while low + 1 < high:
            middle = (low + high) // 2
            rest = self._left_out(middle)
            before = whole.nfe if rest is None else whole.nfe - rest.nfe
            if rest is not None and before == index and middle * self.order == index:
                times = np.abs(rest.network_times - whole.network_times[index:])
                if np.max(times) <= 1e-6 * (1 + np.max(np.abs(rest.network_times))):
                    return rest
            low, high = (middle, high) if before < index else (low, middle)
        counts: list = []
        last = 0
        for step in range(1, whole.nfe + 1):
            rest = self._left_out(step)
            begin = whole.nfe if rest is None else whole.nfe - rest.nfe
            counts, last = [*counts, begin - last], begin
            if rest is None:
                break
        raise ArgumentError(
            f"a run of '{whole.name}' cannot begin at evaluation {index}: expected {self.order} for each step, as a pipeline counts, got steps of {_runs(counts)} evaluations\n"
            "hint: where part of a run is left out, take a sampler whose steps take one evaluation each, as in sampler='dpmpp-2m'"
        )

    @property
    def init_noise_sigma(self) -> float:
        """The standard deviation of the start."""
        if self._plan is None and self._twin is not None:
            return float(getattr(self._twin, "init_noise_sigma", 1.0))
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
        **settings: Any,
    ) -> None:
        """Compiles the plan of a run: a number of steps, or the times or noise levels themselves.

        ``settings`` are what else the original takes here (``original_inference_steps``, …). A ``mu`` that the config does not use is passed over, as in diffusers.
        """
        as_list = lambda values: None if values is None else [float(value) for value in values]  # noqa: E731
        timesteps, sigmas = as_list(timesteps), as_list(sigmas)
        if timesteps is not None or sigmas is not None:
            num_inference_steps = None
        if not self.config.get("use_dynamic_shifting"):
            mu = None
        # To this one, none is a value.
        given = {key: value for key, value in settings.items() if value is not None or key == "intermediate_timesteps"}
        self._settings = {**self.config.langevin_settings, **given}
        self._compile(
            steps=None if num_inference_steps is None else int(num_inference_steps),
            timesteps=timesteps,
            sigmas=sigmas,
            mu=None if mu is None else float(mu),
        )
        self._set_times(device)
        self.num_inference_steps = num_inference_steps or len(sigmas or timesteps or ())
        if self.config.langevin_sampler is not None or self._twin is None:
            self.order = self._stride()
        self._reset()

    def index_for_timestep(self, timestep: Any, schedule_timesteps: Optional[torch.Tensor] = None) -> int:
        """The evaluation at this time; of several the one with which a step begins."""
        times = self.timesteps if schedule_timesteps is None else schedule_timesteps
        time = float(timestep)
        listed = [] if times is None else times.tolist()
        found = [index for index, own in enumerate(listed) if abs(own - time) <= 1e-6 * max(1.0, abs(time))]
        if not found:
            near = min(listed, key=lambda own: abs(own - time), default=None)
            raise ArgumentError(
                f"no such timestep: expected one of scheduler.timesteps, the nearest of which is {near}, got {time}\nhint: call set_timesteps first"
            )
        return next((index for index in found if index % self.order == 0), found[0])

    def _now(self, timestep: Any) -> int:
        if self._plan is None:
            raise ArgumentError("the steps are not set: expected set_timesteps before the first step\nhint: scheduler.set_timesteps(20)")
        if self._index is None:
            self._index = self._begin if self._begin is not None else self.index_for_timestep(timestep)
        return self._index

    def scale_model_input(self, sample: torch.Tensor, timestep: Any = None) -> torch.Tensor:
        """The state times what the network's input is multiplied by at this evaluation."""
        index = self._now(timestep)
        scale = self._scales[index]
        return sample if scale == 1.0 else sample * float(scale)

    def _refuse_changed_sigmas(self) -> None:
        """A plan is made before its first step: noise levels that a pipeline writes over afterwards are in it only where they do what it can do."""
        if self.sigmas is None or torch.equal(self.sigmas, self._own_sigmas):
            return
        # The last step goes nowhere: what is left of it is the state itself.
        self._stands = torch.equal(self.sigmas[:-1], self._own_sigmas[:-1]) and bool(self.sigmas[-1] == self.sigmas[-2])
        if not (self._stands and self.original["_class_name"] == "FlowMatchEulerDiscreteScheduler"):
            raise ArgumentError(
                "scheduler.sigmas were changed after set_timesteps: expected the levels of the plan\nhint: give them to set_timesteps(sigmas=…)"
            )

    @property
    def _step_index(self) -> Optional[int]:
        return self._index

    @_step_index.setter
    def _step_index(self, index: Optional[int]) -> None:
        if index is not None and index != self._index:
            raise ArgumentError(
                f"a plan makes each step once: expected step index {self._index}, got {index}\nhint: a pipeline that steps twice at one time needs the original scheduler"
            )

    def _start(self, sample: torch.Tensor, generator: Any) -> None:
        self._refuse_changed_sigmas()
        shape = tuple(sample.shape)
        kind = sample.dtype if sample.dtype in (torch.float32, torch.float64) else torch.float32
        plan = self._rest(self._index)
        # The pipeline drew the noise that a plan would begin with.
        state = sample.to(kind)
        start = state if not plan.inputs and plan.draws else None
        seeds = self._draw_seeds(generator, shape[0])
        self._run = Run(plan, sample.device, kind, shape, seeds, [state] * len(plan.inputs), start=start, memory=self._memory)
        # A plan may take its start further before it asks; the network has seen the sample as it was, which step() therefore puts in its place.
        self._run.advance()

    def _draw_seeds(self, generator: Any, count: int) -> Any:
        if self.plan.draws <= 1:
            return [0] * count
        draw = lambda own: int(torch.randint(0, 2**62, (1,), generator=own, device=own.device if own else None))  # noqa: E731
        if isinstance(generator, (list, tuple)):
            return [draw(own) for own in generator]
        seed = draw(generator)
        # One seed for all: image i is row i.
        return seed

    def _apply(self, settings: dict) -> None:
        """What ``step`` is given beside states: taken into the plan before its first step, where the original has it."""
        if settings.get("per_token_timesteps") is not None:
            raise ArgumentError(
                f"a plan has one noise level for all of a state: expected per_token_timesteps=None, got {_shown(settings['per_token_timesteps'])}\n"
                "hint: pipelines with a time for each token need the original scheduler"
            )
        following = settings.pop("prev_timestep", None)
        if following is not None and self._index + 1 < len(self._scales):
            own = float(self.timesteps[self._index + 1])  # type: ignore[index]
            if abs(own - float(following)) > 1e-6 * max(1.0, abs(own)):
                raise ArgumentError(f"a plan goes from each of its times to the next: expected prev_timestep={own}, got {_shown(following)}")
        parameters, changed = self._parameters, {}
        for key, value in settings.items():
            default = parameters[key].default if key in parameters else _NEUTRAL.get(key)
            current = self._settings.get(key, _NEUTRAL.get(key) if self.config.langevin_sampler else default)
            if value is None or _same(value, current):
                continue
            # Pipelines offer eta to every scheduler, and those without it pass it over.
            if key == "eta" and "eta" not in parameters:
                continue
            changed[key] = value
        if not changed:
            return
        key, value = next(iter(changed.items()))
        if self._run is None and self.config.langevin_sampler is None and isinstance(value, (bool, int, float)):
            self._settings.update(changed)
            self._plan = self._compiled()
            self._scales = self._plan.input_scales
            return
        number = isinstance(value, (bool, int, float))
        hint = f"LangevinScheduler.from_config(config, settings={{'{key}': {value}}}), or a sampler with options, as in sampler='ddim:eta=0.5'"
        raise ArgumentError(
            f"a plan is made before its first step: expected {key} of the scheduler, got {_shown(value)}" + (f"\nhint: {hint}" if number else "")
        )

    def step(
        self,
        model_output: torch.Tensor,
        timestep: Any,
        sample: torch.Tensor,
        eta: Optional[float] = None,
        generator: Any = None,
        return_dict: bool = True,
        **settings: Any,
    ) -> Any:
        """The state at the next evaluation, or the result, from the network's output at this one.

        ``model_output`` and ``sample`` have the shape of the states; a second half of channels, the variance that some networks learned, is left out. ``eta`` and ``settings`` are what an
        original's ``step`` takes: those of the first step count for the run. The result has ``prev_sample`` and ``pred_original_sample``; with ``return_dict=False`` it is a pair of them.
        """
        index = self._now(timestep)
        if index >= len(self._scales):
            raise ArgumentError(f"the run is over: expected at most {self.plan.nfe} steps\nhint: call set_timesteps to begin another")
        if eta is not None or settings:
            self._apply({"eta": eta, **settings})
        if model_output.dim() > 1 and model_output.shape[1] == 2 * sample.shape[1] and str(self.config.get("variance_type")).startswith("learned"):
            model_output = model_output[:, : sample.shape[1]]
        if self._run is None:
            self._start(sample, generator)
        # The state of the last step, unless somebody wrote into it, is there already.
        known = sample is self._last and sample._version == self._version
        state = self._run.step(model_output, None if known else sample)
        self._last = state if state.dtype == sample.dtype else state.to(sample.dtype)
        self._version = self._last._version
        self._index += 1
        if self._stands and self._index == len(self._scales):
            self._last = sample
        result, plan = self._last, self.plan
        predict = lambda: self._denoised(plan, index, model_output, sample, result)  # noqa: E731
        return _Output(result, predict) if return_dict else _Pair(result, predict)

    def _denoised(self, plan: Plan, index: int, out: torch.Tensor, sample: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
        """The denoised prediction of an evaluation, clipped as the plan clips it."""
        if index + 1 == plan.nfe and self.original["_class_name"] in ("LCMScheduler", "TCDScheduler", "SCMScheduler") and self.config.langevin_sampler is None:
            # Consistency models mean the result by it.
            return result
        reading = plan.readings[index]
        denoised = reading.a * sample + reading.b * out
        for name, *numbers in plan.clips[:1]:
            if name == "clamp":
                return denoised.clamp(*numbers)
            rows = denoised.reshape(len(denoised), -1)
            s = torch.quantile(rows.abs().double(), numbers[0], dim=1, keepdim=True).clamp(1.0, numbers[1]).to(rows)
            denoised = (rows.clamp(-s, s) / s).reshape(denoised.shape)
        return denoised

    def add_noise(self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """alpha x0 + sigma noise, in the coordinates of the states, at these timesteps, one for each sample."""
        if self._plan is None and hasattr(self._twin, "add_noise"):
            # A training script sets no steps.
            return self._twin.add_noise(original_samples, noise, timesteps)
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
        if self._plan is None and hasattr(self._twin, "scale_noise"):
            return self._twin.scale_noise(sample, timestep, noise)
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


class LangevinWuerstchenScheduler(LangevinScheduler, diffusers.DDPMWuerstchenScheduler):  # type: ignore[misc]
    """:class:`LangevinScheduler` on the config of a ``DDPMWuerstchenScheduler``, for whose class its pipelines ask."""
