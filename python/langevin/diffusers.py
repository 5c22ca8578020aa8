"""A scheduler for diffusers: any sampler of this library on any scheduler's config.

It works in unmodified pipelines::

    from langevin.diffusers import LangevinScheduler
    pipe.scheduler = LangevinScheduler.from_config(pipe.scheduler, sampler="unipc")

Noise levels, times and the network's prediction are those of the config. The steps are those of
``sampler`` or, without one, of the config's own class. One ``step`` is one evaluation of the
network, so a sampler with two evaluations per step has twice as many timesteps.

The noise of a stochastic sampler is a function of a seed for each image, drawn from the
``generator`` or from torch's own. An image with its own generator is the same in a batch of any
size.

:class:`DiscreteScheduler` is the scheduler for pipelines of tokens.
"""

import inspect
from collections import OrderedDict
from typing import Any, Optional, Union

import diffusers
import numpy as np
import torch
from diffusers import ConfigMixin, SchedulerMixin
from diffusers.schedulers.scheduling_utils import SchedulerOutput

from ._configs import _class_of, _document, _seed_of
from ._discrete import OF_TOKENS, DiscreteScheduler
from ._discrete_step import DiscreteOutput
from ._errors import ArgumentError
from ._langevin import Plan, Ranking, recommend
from ._torch import Run

__all__ = ["DiscreteOutput", "DiscreteScheduler", "LangevinScheduler", "LangevinWuerstchenScheduler"]

# Arguments with which pipelines call step() of an original to request its default behaviour.
_NEUTRAL = {"eta": 0.0, "use_clipped_model_output": False, "s_churn": 0.0, "s_tmin": 0.0, "s_tmax": float("inf"), "s_noise": 1.0}
# Attributes that only the original has: they are read from it.
_TWIN = ("alphas", "alphas_cumprod", "betas", "final_alpha_cumprod", "get_velocity", "one", "sigma_max", "sigma_min", "sigma_data", "sqrt_alphas_cumprod", "schedule", "add_noise_to_input", "_get_conditioning_c_in")


# Schedulers whose timesteps include that of the result, which pipelines leave out.
_ENDED = ("SCMScheduler", "DDPMWuerstchenScheduler")


def _shown(value: Any) -> str:
    """Return a short text for a value in an error message."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return f"an array of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 80 else text[:80] + "…"


def _same(a: Any, b: Any) -> bool:
    """Return whether two settings are equal; arrays equal only themselves."""
    return a is b or (not isinstance(a, (torch.Tensor, np.ndarray)) and a == b)


class _Pair(tuple):
    """Pair ``(prev_sample, pred_original_sample)`` whose second entry is computed on access."""

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
    """Result of a step, built in a fifth of the time of a dataclass.

    For small states, building the original class would cost almost as much as the step.

    Attributes
    ----------
    prev_sample : torch.Tensor
        State at the next evaluation, or the result.
    """

    prev_sample: torch.Tensor

    def __init__(self, state: torch.Tensor, predict: Any) -> None:
        OrderedDict.__setitem__(self, "prev_sample", state)
        object.__setattr__(self, "prev_sample", state)
        object.__setattr__(self, "_predict", predict)

    def __post_init__(self) -> None: ...

    @property
    def pred_original_sample(self) -> torch.Tensor:
        """Denoised prediction of this evaluation, computed on access."""
        return self._predict()  # type: ignore[attr-defined]


def _runs(counts: list) -> str:
    """Return a list of counts as text with runs: [1, 2, 2, 2, 1] becomes ``"1, 2×3, 1"``."""
    words: list = []
    for count in counts:
        if words and words[-1][0] == count:
            words[-1][1] += 1
        else:
            words.append([count, 1])
    return ", ".join(str(count) if times == 1 else f"{count}×{times}" for count, times in words)


class LangevinScheduler(SchedulerMixin, ConfigMixin):
    """Scheduler of diffusers whose steps are the rows of a :class:`langevin.Plan`.

    :meth:`from_config` is the usual way to build it.

    Parameters
    ----------
    config : mapping or SchedulerMixin, optional
        The config of a scheduler of diffusers, with its class under ``_class_name``, or the
        scheduler itself. The default is that of a ``DDIMScheduler``.
    sampler : str, optional
        A name of :func:`langevin.samplers`. The default is the method of the config's own class.
    settings : dict, optional
        Arguments of the original's ``step`` or ``set_timesteps`` (``eta``, ``s_churn``, …).
    consistent : bool, default False
        Fix known bugs of the original and keep everything else.

    Attributes
    ----------
    timesteps : torch.Tensor, shape (evaluations,)
        Time of each evaluation, int64 or float32 as in the original.
    sigmas : torch.Tensor of float32, shape (evaluations + 1,)
        Noise level of each evaluation, as the original counts it, and a final 0.
    order : int
        Number of evaluations per step.
    num_inference_steps : int or None
        Step count of the run.

    Raises
    ------
    langevin.UnknownNameError
        If the scheduler class or the sampler is unknown.
    langevin.ArgumentError
        If the config names no class that its fields could identify, or if a field is out of range.

    Examples
    --------
    >>> import diffusers, torch
    >>> from langevin.diffusers import LangevinScheduler
    >>> original = diffusers.DDIMScheduler(clip_sample=False)
    >>> scheduler = LangevinScheduler.from_config(original, sampler="dpmpp-2m")
    >>> scheduler.set_timesteps(5)
    >>> x = torch.randn(1, 3, 8, 8) * scheduler.init_noise_sigma
    >>> for t in scheduler.timesteps:
    ...     output = torch.zeros_like(x)  # the network's output for scale_model_input(x, t)
    ...     x = scheduler.step(output, t, x).prev_sample
    >>> x.shape
    torch.Size([1, 3, 8, 8])
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
        if original["_class_name"] in OF_TOKENS:
            raise ArgumentError(f"the scheduler draws tokens: expected one of numbers, got {original['_class_name']}\nhint: DiscreteScheduler is for tokens")
        self.original = {key: value for key, value in original.items() if not key.startswith("langevin_")}
        self._twin = self._original()
        self._parameters = dict(inspect.signature(type(self._twin).step).parameters) if self._twin is not None else {}
        # Pipelines read fields that a config may leave to the defaults of its class.
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
        """Build a scheduler from the config of another one, or from that scheduler itself.

        Parameters
        ----------
        config : mapping or SchedulerMixin
            The config, or the scheduler. A scheduler also tells its class.
        return_unused_kwargs : bool, default False
            Return a pair with an empty dict, as diffusers expects.
        **options
            ``sampler``, ``settings`` and ``consistent`` of :class:`LangevinScheduler`; all other
            keywords change fields of the config.

        Returns
        -------
        LangevinScheduler or (LangevinScheduler, dict)
            The scheduler. For a ``DDPMWuerstchenScheduler`` it is a
            :class:`LangevinWuerstchenScheduler`.

        Raises
        ------
        langevin.UnknownNameError
            If the scheduler class or the sampler is unknown.
        langevin.ArgumentError
            If the config is not a mapping, or if a field is out of range.

        Examples
        --------
        >>> import diffusers
        >>> from langevin.diffusers import LangevinScheduler
        >>> original = diffusers.DDIMScheduler()
        >>> scheduler = LangevinScheduler.from_config(original, sampler="unipc", clip_sample=False)
        >>> scheduler.config.clip_sample
        False
        """
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
        # Keywords that are not options of this class are fields of the config, as in diffusers.
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
        """Return the original scheduler, for calls outside a run.

        It is ``None`` if the installed diffusers has no such class.
        """
        logger = diffusers.utils.logging.get_logger("diffusers.configuration_utils")
        level = logger.level
        try:
            # The plan warns of ignored fields too, so the original's message would be a duplicate.
            logger.setLevel("ERROR")
            return getattr(diffusers, self.original["_class_name"]).from_config(self.original)
        except Exception:
            return None
        finally:
            logger.setLevel(level)

    def _probe(self) -> None:
        """Compile a trial plan, so that invalid names and fields are rejected now.

        Errors about steps and ``mu``, which only a pipeline knows, are left to
        :meth:`set_timesteps`.
        """
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
        # Before set_timesteps there is no run; the trial plan only answers questions about the
        # config.
        self._call, self._probed, self._plan = {}, self._plan, None
        self._reset()

    @property
    def plan(self) -> Plan:
        """Plan of the run that :meth:`set_timesteps` set up; before it, a trial plan.

        The trial plan has ten steps, or fewer if the config has no plan of ten.
        """
        plan = self._plan or self._probed
        if plan is None:
            raise ArgumentError("there is no plan yet: the config leaves its steps to the pipeline\nhint: call set_timesteps first")
        return plan

    def _compile(self, **call: Any) -> None:
        """Compile the plan of a run from the given arguments, without those that are ``None``."""
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
        """Return whether the original's timesteps are whole numbers."""
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
        """Set times and noise levels from the plan, or from the original before there is a plan."""
        self._host_times: list = []
        self._device_times: Any = None
        self._untouched: Any = (None, 0)
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
        times = times.to(torch.int64 if whole else torch.float32)
        # Questions about times are answered on the host, so that no step waits for the device.
        self._host_times = times.tolist()
        self.timesteps = self._device_times = times.to(device)
        # The original counts noise levels in sigma / alpha, or in sigma for flows.
        flow = "flow" in self.original["_class_name"].lower() or self.config.get("use_flow_sigmas")
        with np.errstate(divide="ignore"):
            sigmas = torch.from_numpy(self._plan.sigmas / (1.0 if flow else self._plan.alphas))
        self.sigmas = torch.cat([sigmas, torch.zeros(1, dtype=sigmas.dtype)]).float().to(device)
        # Some pipelines write into the noise levels; the copy detects it.
        self._own_sigmas, self._untouched = self.sigmas.clone(), (self.sigmas, self.sigmas._version)

    def _reset(self) -> None:
        """Forget the current run."""
        # The next run reuses its arrays: fresh memory costs more than a step.
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
        """Return the plan without its first steps; ``None`` if nothing is left."""
        try:
            return self._compiled(start_at=steps)
        except ArgumentError as error:
            if "nothing is left" in str(error):
                return None
            raise

    def _stride(self) -> int:
        """Return the number of evaluations per step if all steps but the last agree, else 1."""
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
        """Return the plan that begins with the given evaluation of the whole plan."""
        whole = self.plan
        if index == 0:
            return whole
        # The number of evaluations before a step rises with the step, so bisection finds the step.
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
        """Standard deviation of the noise that a run starts from."""
        if self._plan is None and self._twin is not None:
            return float(getattr(self._twin, "init_noise_sigma", 1.0))
        return self.plan.start_sigma

    @property
    def step_index(self) -> Optional[int]:
        """Index of the next evaluation; ``None`` before the first."""
        return self._index

    @property
    def begin_index(self) -> Optional[int]:
        """Index of the first evaluation of the run; ``None`` unless a pipeline set it."""
        return self._begin

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Leave out the evaluations before an index; called by image-to-image pipelines.

        Parameters
        ----------
        begin_index : int, default 0
            The index of the first evaluation.
        """
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
        """Compile the plan of a run.

        Give a number of steps, or the times or noise levels themselves.

        Parameters
        ----------
        num_inference_steps : int, optional
            The step count.
        device : str or torch.device, optional
            The device of :attr:`timesteps` and :attr:`sigmas`.
        timesteps : sequence of float, optional
            The times of the steps.
        sigmas : sequence of float, optional
            The noise levels of the steps.
        mu : float, optional
            The shift of a config with dynamic shifting. Other configs ignore it, as in diffusers.
        **settings
            Further arguments of the original's ``set_timesteps``, such as
            ``original_inference_steps``.

        Raises
        ------
        langevin.ArgumentError
            If the scheduler cannot take these steps, times or noise levels.

        Examples
        --------
        >>> from langevin.diffusers import LangevinScheduler
        >>> scheduler = LangevinScheduler({"_class_name": "DDIMScheduler"}, sampler="heun")
        >>> scheduler.set_timesteps(4)
        >>> scheduler.plan.nfe, len(scheduler.timesteps)  # Heun evaluates twice per step
        (7, 7)
        """
        as_list = lambda values: None if values is None else [float(value) for value in values]  # noqa: E731
        timesteps, sigmas = as_list(timesteps), as_list(sigmas)
        if timesteps is not None or sigmas is not None:
            num_inference_steps = None
        if not self.config.get("use_dynamic_shifting"):
            mu = None
        # `None` is a meaningful value of intermediate_timesteps.
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
        """Return the index of the evaluation at a time.

        If several evaluations are at this time, the one that begins a step is returned.

        Parameters
        ----------
        timestep : float or torch.Tensor, shape ()
            The time.
        schedule_timesteps : torch.Tensor, optional
            The times to search. The default is :attr:`timesteps`.

        Returns
        -------
        int
            The index of the evaluation.

        Raises
        ------
        langevin.ArgumentError
            If no evaluation is at this time.

        Examples
        --------
        >>> from langevin.diffusers import LangevinScheduler
        >>> scheduler = LangevinScheduler({"_class_name": "DDIMScheduler"})
        >>> scheduler.set_timesteps(4)
        >>> scheduler.index_for_timestep(scheduler.timesteps[2])
        2
        """
        times = self.timesteps if schedule_timesteps is None else schedule_timesteps
        if times is None:
            listed = []
        else:
            listed = self._host_times if times is self._device_times else times.tolist()
        time = self._time(timestep) if listed else float(timestep)
        found = [index for index, own in enumerate(listed) if abs(own - time) <= 1e-6 * max(1.0, abs(time))]
        if not found:
            near = min(listed, key=lambda own: abs(own - time), default=None)
            raise ArgumentError(
                f"no such timestep: expected one of scheduler.timesteps, the nearest of which is {near}, got {time}\nhint: call set_timesteps first"
            )
        return next((index for index in found if index % self.order == 0), found[0])

    def _place(self, timestep: Any) -> Optional[int]:
        """Return the place of a time that is an element of :attr:`timesteps`, without reading it."""
        times = self._device_times
        if not isinstance(timestep, torch.Tensor) or timestep.numel() != 1 or self.timesteps is not times:
            return None
        if timestep.untyped_storage()._cdata != times.untyped_storage()._cdata:
            return None
        return timestep.storage_offset() - times.storage_offset()

    def _time(self, timestep: Any) -> float:
        """Return a time as a number; only a tensor of the caller's own is read from its device."""
        place = self._place(timestep)
        return float(timestep) if place is None else float(self._host_times[place])

    def _now(self, timestep: Any) -> int:
        """Return the index of the current evaluation; the first call of a run determines it."""
        if self._plan is None:
            raise ArgumentError("the steps are not set: expected set_timesteps before the first step\nhint: scheduler.set_timesteps(20)")
        if self._index is None:
            self._index = self._begin if self._begin is not None else self.index_for_timestep(timestep)
        return self._index

    def scale_model_input(self, sample: torch.Tensor, timestep: Any = None) -> torch.Tensor:
        """Scale a state to the network's input at the current evaluation.

        Parameters
        ----------
        sample : torch.Tensor
            The state.
        timestep : float or torch.Tensor, shape (), optional
            The time of the evaluation, which finds the first evaluation of a run.

        Returns
        -------
        torch.Tensor
            The network's input, of the shape of the state.

        Raises
        ------
        langevin.ArgumentError
            If the steps are not set, or if no evaluation is at this time.
        """
        index = self._now(timestep)
        scale = self._scales[index]
        return sample if scale == 1.0 else sample * float(scale)

    def _refuse_changed_sigmas(self) -> None:
        """Raise an ``ArgumentError`` if a pipeline changed the noise levels after compilation.

        One change is supported: a last level that repeats the one before it, so that the last step
        leaves the state unchanged.
        """
        own, version = self._untouched
        if self.sigmas is None or (self.sigmas is own and own._version == version) or torch.equal(self.sigmas, self._own_sigmas):
            return
        # The last step then has no length, so it returns its state.
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
        """Start the run of the plan from the pipeline's first state."""
        self._refuse_changed_sigmas()
        shape = tuple(sample.shape)
        kind = sample.dtype if sample.dtype in (torch.float32, torch.float64) else torch.float32
        plan = self._rest(self._index)
        # The pipeline has drawn the start noise already, so it replaces the plan's own.
        state = sample.to(kind)
        start = state if not plan.inputs and plan.draws else None
        seeds = self._draw_seeds(generator, shape[0])
        self._run = Run(plan, sample.device, kind, shape, seeds, [state] * len(plan.inputs), start=start, memory=self._memory)
        # A plan may move its start before the first evaluation, but the network saw the unmoved
        # sample: step() therefore puts the sample in its place.
        self._run.advance()

    def _draw_seeds(self, generator: Any, count: int) -> Any:
        """Return the seed of the run, or a list of seeds if each image has its own generator."""
        if self.plan.draws <= 1:
            return [0] * count
        draw = _seed_of
        if isinstance(generator, (list, tuple)):
            return [draw(own) for own in generator]
        seed = draw(generator)
        # With a single generator, all images share one seed, and image i is its sample i.
        return seed

    def _apply(self, settings: dict) -> None:
        """Apply further arguments of ``step`` to the plan; only the first step may change them."""
        if settings.get("per_token_timesteps") is not None:
            raise ArgumentError(
                f"a plan has one noise level for all of a state: expected per_token_timesteps=None, got {_shown(settings['per_token_timesteps'])}\n"
                "hint: pipelines with a time for each token need the original scheduler"
            )
        following = settings.pop("prev_timestep", None)
        if following is not None and self._index + 1 < len(self._scales):
            own = float(self._host_times[self._index + 1])
            if abs(own - self._time(following)) > 1e-6 * max(1.0, abs(own)):
                raise ArgumentError(f"a plan goes from each of its times to the next: expected prev_timestep={own}, got {_shown(following)}")
        parameters, changed = self._parameters, {}
        for key, value in settings.items():
            default = parameters[key].default if key in parameters else _NEUTRAL.get(key)
            current = self._settings.get(key, _NEUTRAL.get(key) if self.config.langevin_sampler else default)
            if value is None or _same(value, current):
                continue
            # Pipelines pass eta to every scheduler, and schedulers without it ignore it.
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
        """Advance the run by one evaluation of the network.

        Parameters
        ----------
        model_output : torch.Tensor, shape of the states
            The network's output. A second half of channels, the learned variance of some networks,
            is ignored.
        timestep : float or torch.Tensor, shape ()
            The time of the evaluation, which finds the first evaluation of a run.
        sample : torch.Tensor
            The state that was evaluated.
        eta : float, optional
            The original's η. The value of the first step counts for the run.
        generator : torch.Generator or list of torch.Generator, optional
            The source of the run's seed, or of a seed for each image.
        return_dict : bool, default True
            Return an object with fields; ``False`` returns a pair.
        **settings
            Further arguments of the original's ``step``; those of the first step count for the run.

        Returns
        -------
        SchedulerOutput or tuple
            ``prev_sample``, the state at the next evaluation or the result, and
            ``pred_original_sample``, the denoised prediction.

        Raises
        ------
        langevin.ArgumentError
            If the steps are not set, if the run is over, or if the plan cannot follow a setting.
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
        # The run holds the state of the last step already, unless the pipeline wrote into it.
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
        """Return the denoised prediction of an evaluation, clipped as in the plan."""
        if index + 1 == plan.nfe and self.original["_class_name"] in ("LCMScheduler", "TCDScheduler", "SCMScheduler") and self.config.langevin_sampler is None:
            # The originals of consistency models return the result here.
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
        """Return noisy states alpha · x0 + sigma · noise.

        Parameters
        ----------
        original_samples : torch.Tensor, shape (rows, ...)
            Clean data x0.
        noise : torch.Tensor, shape (rows, ...)
            Standard normal noise.
        timesteps : torch.Tensor, shape (rows,) or (1,)
            The time of each row, or one for all rows.

        Returns
        -------
        torch.Tensor, shape (rows, ...)
            The states, in the coordinates of the scheduler.

        Examples
        --------
        >>> import torch
        >>> from langevin.diffusers import LangevinScheduler
        >>> scheduler = LangevinScheduler({"_class_name": "FlowMatchEulerDiscreteScheduler"})
        >>> scheduler.set_timesteps(4)
        >>> x0, noise = torch.zeros(1, 2), torch.ones(1, 2)
        >>> state = scheduler.add_noise(x0, noise, scheduler.timesteps[1:2])
        >>> torch.allclose(state, scheduler.sigmas[1])  # a state of zero data is sigma · noise
        True
        """
        if self._plan is None and hasattr(self._twin, "add_noise"):
            # Training scripts add noise without setting steps.
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
        """Return noisy states, as :meth:`add_noise` does; called by pipelines of flow matching.

        Parameters
        ----------
        sample : torch.Tensor, shape (rows, ...)
            Clean data x0.
        timestep : torch.Tensor, shape (rows,) or (1,)
            The time of each row, or one for all rows.
        noise : torch.Tensor, shape (rows, ...)
            Standard normal noise.

        Returns
        -------
        torch.Tensor, shape (rows, ...)
            The states.
        """
        if self._plan is None and hasattr(self._twin, "scale_noise"):
            return self._twin.scale_noise(sample, timestep, noise)
        return self.add_noise(sample, noise, timestep)

    def recommend(self, data: Any, nfe: int, **options: Any) -> Ranking:
        """Rank samplers by their exact error on this config's times and noise levels.

        ``from_config(scheduler.config, sampler=ranking.best.sampler)`` builds the scheduler of the
        best sampler.

        Parameters
        ----------
        data : array_like, torch.Tensor or str
            Rows of data, shape (rows, ...), in the network's own coordinates, or any other data of
            :func:`langevin.recommend`. The error is that on Gaussian data with this covariance.
        nfe : int
            The budget: the largest number of network evaluations for one sample.
        **options
            Further arguments of :func:`langevin.recommend`, such as ``samplers`` or ``by``.

        Returns
        -------
        langevin.Ranking
            The samplers, best first.

        Raises
        ------
        langevin.Error
            The errors of :func:`langevin.recommend`.

        Examples
        --------
        >>> from langevin.diffusers import LangevinScheduler
        >>> scheduler = LangevinScheduler({"_class_name": "DDIMScheduler", "clip_sample": False})
        >>> ranking = scheduler.recommend("power:2:d=8", nfe=5, samplers=["ddim", "dpmpp-2m"])
        >>> ranking.best.sampler
        'dpmpp-2m'
        """
        if isinstance(data, torch.Tensor):
            data = data.detach().cpu().double().numpy()
        if isinstance(data, np.ndarray) and data.ndim > 2:
            data = data.reshape(len(data), -1)
        return recommend(data, nfe, config=self.original, mu=self._call.get("mu"), **options)

    def __getstate__(self) -> dict:
        # Copies and pickles are of the scheduler alone: a run and its memory stay with the
        # original.
        return {**self.__dict__, "_run": None, "_memory": None, "_index": None, "_last": None}

    def __len__(self) -> int:
        """Return the number of training timesteps."""
        return self.config.get("num_train_timesteps", 1000)


class LangevinWuerstchenScheduler(LangevinScheduler, diffusers.DDPMWuerstchenScheduler):  # type: ignore[misc]
    """A :class:`LangevinScheduler` that is also a ``DDPMWuerstchenScheduler``.

    The Würstchen pipelines check for that class. :meth:`LangevinScheduler.from_config` returns it
    for such a config.
    """
