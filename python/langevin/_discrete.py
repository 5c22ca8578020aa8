"""A scheduler for the pipelines of diffusers that draw tokens."""

from typing import Any, Dict, List, Optional, Tuple, Union

import diffusers
import torch
from diffusers import ConfigMixin, SchedulerMixin

from . import _discrete_plans as plans
from ._configs import _class_of, _document, _seed_of
from ._discrete_step import DiscreteOutput, _Call, _filtered
from ._errors import ArgumentError, ShapeError, UnknownNameError
from ._langevin import TokenPlan, TokenStepper

# The schedulers, their noise, and the fields of their results as a tuple.
_BLOCKS = ("prev_sample", "transfer_index", "editing_transfer_index", "sampled_tokens", "sampled_probs", "pred_logits")
_KNOWN = {
    "AmusedScheduler": ("masked", ("prev_sample", "pred_original_sample")),
    "BlockRefinementScheduler": ("masked", _BLOCKS),
    "DiscreteDDIMScheduler": ("uniform", ("prev_sample", "sampled_tokens", "sampled_probs", "pred_logits")),
    "EntropyBoundScheduler": ("uniform", ("prev_sample", "transfer_index", "sampled_tokens", "sampled_probs", "pred_logits")),
}
# All schedulers of tokens, also those without a plan.
OF_TOKENS = (*_KNOWN, "VQDiffusionScheduler")
# Fields of configs that older versions of diffusers lack, with their defaults.
_DEFAULTS: Dict[str, Dict[str, Any]] = {
    "AmusedScheduler": {"masking_schedule": "cosine"},
    "BlockRefinementScheduler": {"block_length": 32, "threshold": 0.95, "editing_threshold": None, "minimal_topk": 1},
    "DiscreteDDIMScheduler": {"corrector_steps": 0},
    "EntropyBoundScheduler": {"entropy_bound": 0.1, "t_max": 0.8, "t_min": 0.4},
}
# Lengths at which the evaluations of a sampler are counted if the length is unknown.
_TRIALS = (1024, 2048)


class DiscreteScheduler(SchedulerMixin, ConfigMixin):
    """Scheduler of diffusers for tokens, whose steps are the rows of a :class:`langevin.TokenPlan`.

    It takes the place of an ``AmusedScheduler``, ``BlockRefinementScheduler``,
    ``DiscreteDDIMScheduler`` or ``EntropyBoundScheduler``. Without ``sampler`` the steps are those
    of the original. The random numbers are those of this library: a function of a seed for each
    image or text. The logits and tokens of a step are read on the host.

    The orders of ``AmusedScheduler`` and ``BlockRefinementScheduler`` look at the drawn letters, so
    their samples repeat what is probable at any number of steps: ``plan.lint()`` reports
    ``drawn-token``. ``sampler="entropy"`` or ``"halton"`` are orders without this bias.

    Parameters
    ----------
    config : mapping or SchedulerMixin
        The config of a scheduler of diffusers, with its class under ``_class_name``, or the
        scheduler itself.
    sampler : str, optional
        A name of ``langevin.samplers("tokens")`` with its options. The default is the method of the
        config's own class.
    length : int, optional
        The number of tokens, for samplers whose evaluations depend on it.

    Attributes
    ----------
    timesteps : torch.Tensor of int64, shape (evaluations,)
        Number of each evaluation, which falls for an ``AmusedScheduler`` and rises for all others.
    order : int
        1: a step is one evaluation.
    num_inference_steps : int or None
        Step count of the run.

    Raises
    ------
    langevin.UnknownNameError
        If the scheduler class or the sampler is unknown.
    langevin.ArgumentError
        If the scheduler is none of tokens, or if no plan has its steps.

    Examples
    --------
    >>> import diffusers, torch
    >>> from langevin.diffusers import DiscreteScheduler
    >>> original = diffusers.AmusedScheduler(mask_token_id=8)
    >>> scheduler = DiscreteScheduler.from_config(original, sampler="halton")
    >>> scheduler.set_timesteps(4)
    >>> x = torch.full((2, 16), 8)
    >>> for t in scheduler.timesteps:
    ...     logits = torch.zeros(2, 16, 8)  # the network's output for x
    ...     x = scheduler.step(logits, t, x).prev_sample
    >>> bool((x < 8).all())
    True
    """

    config_name: Any = "scheduler_config.json"
    config: Any
    order = 1

    def __init__(self, config: Any, sampler: Optional[str] = None, length: Optional[int] = None) -> None:
        original = _document(config)
        name = original.get("_class_name") or _class_of(original)
        if name == "VQDiffusionScheduler":
            raise ArgumentError(
                "the noise of a VQDiffusionScheduler is masks and uniform letters together: expected masked or uniform noise, which plans of tokens have"
            )
        if name not in _KNOWN:
            kind = "a scheduler of numbers" if hasattr(diffusers, name) else "an unknown one"
            hint = "\nhint: LangevinScheduler is for numbers" if hasattr(diffusers, name) else ""
            raise (ArgumentError if hint else UnknownNameError)(f"this is no scheduler of tokens: expected {', '.join(_KNOWN)}, got {name}, {kind}{hint}")
        self.original = {"_class_name": name, **{key: value for key, value in original.items() if not key.startswith(("_", "langevin_"))}}
        self._twin = self._original()
        fields = {**_DEFAULTS[name], **(dict(self._twin.config) if self._twin is not None else {}), **self.original}
        self.register_to_config(
            **{key: value for key, value in fields.items() if not key.startswith("_")},
            langevin_original=name,
            langevin_sampler=sampler,
            langevin_length=length,
        )
        self._noise, self._fields = _KNOWN[name]
        self.num_inference_steps: Optional[int] = None
        self.timesteps: Optional[torch.Tensor] = None
        self._times: List[int] = []
        self._temperatures: Optional[List[float]] = None
        self._block: Optional[int] = None
        self._plan: Optional[TokenPlan] = None
        self._runs: Optional[List[Optional[TokenStepper]]] = None
        self._index = -1
        self._refuse_unplanned()
        if sampler is not None:
            self._evaluations(1)

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
            ``sampler`` and ``length`` of :class:`DiscreteScheduler`; all other keywords change
            fields of the config, as in ``threshold=1.0``.

        Returns
        -------
        DiscreteScheduler or (DiscreteScheduler, dict)
            The scheduler.

        Raises
        ------
        langevin.UnknownNameError
            If the scheduler class or the sampler is unknown.
        langevin.ArgumentError
            If the scheduler is none of tokens, or if no plan has its steps.

        Examples
        --------
        >>> import diffusers
        >>> from langevin.diffusers import DiscreteScheduler
        >>> original = diffusers.AmusedScheduler(mask_token_id=8)
        >>> DiscreteScheduler.from_config(original, masking_schedule="linear").config.mask_token_id
        8
        """
        config = _document(config)
        name = config.get("langevin_original") or config.get("_class_name") or _class_of(config)
        if config.get("langevin_original"):
            options.setdefault("sampler", config.get("langevin_sampler"))
            options.setdefault("length", config.get("langevin_length"))
        fields = {key: value for key, value in config.items() if not key.startswith(("_", "langevin_"))}
        fields.update({key: options.pop(key) for key in list(options) if key not in ("sampler", "length")})
        scheduler = cls({"_class_name": name, **fields}, **options)
        return (scheduler, {}) if return_unused_kwargs else scheduler

    def __getattr__(self, name: str) -> Any:
        # Pipelines of blocks call helpers of the original.
        twin = self.__dict__.get("_twin")
        if twin is not None and name in ("check_block_should_continue", "check_eos_finished", "get_num_transfer_tokens"):
            return getattr(twin, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def _original(self) -> Any:
        """Return the original scheduler; ``None`` if the installed diffusers has no such class."""
        kind = getattr(diffusers, self.original["_class_name"], None)
        return None if kind is None else kind.from_config(self.original)

    def _refuse_unplanned(self) -> None:
        """Refuse steps of the original that no plan has."""
        if self.config.get("corrector_steps") and self._name == "DiscreteDDIMScheduler":
            raise ArgumentError(
                f"corrector sweeps are steps of their own: expected corrector_steps=0, got {self.config.corrector_steps}\n"
                "hint: sampler='gibbs' has such sweeps as evaluations of its plan"
            )

    @property
    def _name(self) -> str:
        return str(self.original["_class_name"])

    @property
    def plan(self) -> TokenPlan:
        """Plan of the last run, which the first step compiles for its tokens."""
        if self._plan is None:
            raise ArgumentError("there is no plan yet: the first step tells the number of letters and tokens\nhint: call step first")
        return self._plan

    @property
    def init_noise_sigma(self) -> float:
        """1: tokens have no scale."""
        return 1.0

    def scale_model_input(self, sample: torch.Tensor, timestep: Any = None) -> torch.Tensor:
        """Return the tokens as they are.

        Parameters
        ----------
        sample : torch.Tensor
            The tokens.
        timestep : int or torch.Tensor, optional
            Ignored.

        Returns
        -------
        torch.Tensor
            The tokens.
        """
        return sample

    def _compiled(self, vocab: int, length: int, steps: int, **options: Any) -> TokenPlan:
        """Compile the plan of the named sampler; samplers without steps ignore their number."""
        sampler = self.config.langevin_sampler
        try:
            return TokenPlan(sampler, vocab=vocab, length=length, noise=self._noise, steps=steps, **options)
        except ArgumentError as error:
            if "steps" not in str(error):
                raise
            return TokenPlan(sampler, vocab=vocab, length=length, noise=self._noise, **options)

    def _evaluations(self, steps: int) -> int:
        """Return the number of evaluations of a run."""
        if self.config.langevin_sampler is None:
            return steps
        length = self.config.langevin_length or self._block
        counts = {self._compiled(2, one, steps).nfe for one in ((length,) if length else _TRIALS)}
        if len(counts) > 1:
            raise ArgumentError(
                f"the evaluations of '{self.config.langevin_sampler}' depend on the number of tokens: expected length=, got none\n"
                "hint: DiscreteScheduler.from_config(scheduler, sampler=…, length=256)"
            )
        return counts.pop()

    def set_timesteps(
        self,
        num_inference_steps: int,
        temperature: Union[float, Tuple[float, float], List[float]] = (2, 0),
        device: Union[str, torch.device, None] = None,
        block_length: Optional[int] = None,
    ) -> None:
        """Set the steps of the next runs.

        Parameters
        ----------
        num_inference_steps : int
            The step count.
        temperature : float or pair of float, default (2, 0)
            The first and the last temperature of the Gumbel noise on the scores of an
            ``AmusedScheduler``; a number ends at 0.01. A named sampler has its own (``gumbel``).
        device : str or torch.device, optional
            The device of :attr:`timesteps`.
        block_length : int, optional
            The number of tokens of a block. The default is that of the config.

        Raises
        ------
        langevin.ArgumentError
            If the step count is 0, or if the evaluations of the sampler depend on an unknown length.

        Examples
        --------
        >>> from langevin.diffusers import DiscreteScheduler
        >>> config = {"_class_name": "AmusedScheduler", "mask_token_id": 8}
        >>> scheduler = DiscreteScheduler(config, sampler="theta-trapezoidal")
        >>> scheduler.set_timesteps(4)
        >>> len(scheduler.timesteps)  # two evaluations a step, and one for the rest
        9
        """
        if num_inference_steps < 1:
            raise ArgumentError(f"too few steps (num_inference_steps): expected 1 or more, got {num_inference_steps}")
        self._block = block_length or self.config.get("block_length")
        count = self._evaluations(num_inference_steps)
        amused = self._name == "AmusedScheduler"
        if count != num_inference_steps and not amused:
            raise ArgumentError(
                f"pipelines of {self._name} count their own steps: expected a sampler with one evaluation a step, "
                f"got {count} of '{self.config.langevin_sampler}' in {num_inference_steps} steps"
            )
        times = torch.arange(count, dtype=torch.int64)
        times = times.flip(0) if amused else times
        self._times, self.timesteps, self.num_inference_steps = times.tolist(), times.to(device), num_inference_steps
        first, last = temperature if isinstance(temperature, (tuple, list)) else (temperature, 0.01)
        self._temperatures = torch.linspace(first, last, num_inference_steps).tolist()
        self._runs, self._index = None, -1

    def _place(self, timestep: Any) -> int:
        """Return the index of an evaluation."""
        if self.timesteps is None:
            raise ArgumentError("the steps are not set: expected set_timesteps before the first step\nhint: scheduler.set_timesteps(12)")
        time = int(timestep)
        if time not in self._times:
            raise ArgumentError(f"no such timestep: expected one of scheduler.timesteps, 0 to {len(self._times) - 1}, got {time}")
        return self._times.index(time)

    def _make(self, index: int, vocab: int, masked: int, length: int, call: _Call) -> TokenPlan:
        """Compile the plan of a run from evaluation ``index`` on."""
        steps, config = self.num_inference_steps or 1, self.config
        if config.langevin_sampler is not None:
            if index:
                raise ArgumentError(
                    f"a run of '{config.langevin_sampler}' begins with its first evaluation: expected timestep {self._times[0]}, got {self._times[index]}\n"
                    "hint: without sampler= a run may begin later, as in pipelines from image to image"
                )
            options = {} if not call.temperature else {"temperature": call.temperature}
            options.update({key: value for key, value in (("top_k", call.top_k), ("top_p", call.top_p)) if value})
            if call.temperature == 0.0:
                options = {"top_k": 1}
            return self._compiled(vocab, length, steps, **options)
        if self._name == "AmusedScheduler":
            sizes = plans.amused_sizes(config.masking_schedule, steps, length, masked, index, call.share)
            return plans.by_confidence("amused", vocab, length, sizes, (self._temperatures or [])[index:])
        if self._name == "BlockRefinementScheduler":
            if call.threshold < 1.0:
                raise ArgumentError(
                    f"a step that keeps a number of tokens or all probable ones, whichever is more, is no row of a plan: expected threshold=1.0, got {call.threshold}\n"
                    "hint: sampler='threshold:above=0.95' keeps all probable ones, and threshold=1.0 the numbers alone"
                )
            block = self._block or length
            base, more = divmod(block, steps)
            sizes = [base + (step < more) for step in range(index, steps)]
            return plans.by_confidence("block-refinement", vocab, length, sizes, greedy=call.temperature == 0.0)
        if index:
            raise ArgumentError(f"a run begins with its first evaluation: expected timestep 0, got {index}")
        if self._name == "EntropyBoundScheduler":
            return plans.by_entropy("entropy-bound", vocab, length, steps, call.bound)
        return TokenPlan("ancestral", vocab=vocab, length=length, noise="uniform", steps=steps)

    def _begin(self, index: int, columns: int, sample: torch.Tensor, generator: Any, call: _Call) -> None:
        """Start the runs of all rows at an evaluation."""
        rows, length = sample.shape
        # The mask is never drawn, so a column for it is no letter.
        vocab = columns - 1 if call.mask is not None and call.mask < columns else columns
        if isinstance(generator, (list, tuple)):
            if len(generator) != rows:
                raise ArgumentError(f"the generators do not fit the samples: expected one, or {rows}, got {len(generator)}")
            ids = [(_seed_of(own), 0) for own in generator]
        else:
            seed = _seed_of(generator)
            ids = [(seed, row) for row in range(rows)]
        tokens = sample.cpu().numpy()
        compiled: dict = {}
        self._runs = []
        for row, (seed, first) in enumerate(ids):
            masked = length if call.mask is None else int((tokens[row] == call.mask).sum())
            plan = compiled.get(masked)
            if plan is None:
                plan = compiled[masked] = self._make(index, vocab, masked, length, call)
            start = None if call.mask is None else tokens[row]
            self._runs.append(plan.start(1, seed, first=first, start=start, mask=call.mask))
            self._plan = plan

    def _shaped(self, logits: torch.Tensor, index: int, call: _Call) -> torch.Tensor:
        """Return the logits of the original's own method, with its temperature and filters."""
        if self.config.langevin_sampler is not None or self._name == "AmusedScheduler":
            return logits
        if self._name == "EntropyBoundScheduler":
            share = ((self.num_inference_steps or 1) - index) / (self.num_inference_steps or 1)
            return logits / (self.config.t_min + (self.config.t_max - self.config.t_min) * share)
        if call.temperature == 0.0:
            if self._name == "BlockRefinementScheduler":
                return logits  # the plan draws the most probable letters, by their own probabilities
            best = logits.argmax(-1, keepdim=True)
            return torch.full_like(logits, float("-inf")).scatter_(-1, best, 0.0)
        return _filtered(logits / call.temperature if call.temperature is not None else logits, call.top_k, call.top_p)

    def step(
        self,
        model_output: torch.Tensor,
        timestep: Any,
        sample: torch.Tensor,
        starting_mask_ratio: float = 1.0,
        generator: Any = None,
        return_dict: bool = True,
        *,
        mask_token_id: Optional[int] = None,
        temperature: Optional[float] = None,
        top_p: Optional[float] = None,
        top_k: Optional[int] = None,
        threshold: Optional[float] = None,
        entropy_bound: Optional[float] = None,
        editing_threshold: Optional[float] = None,
        **settings: Any,
    ) -> Any:
        """Answer an evaluation and return the tokens at the next one.

        A run begins with its first timestep, or with the first call after
        :meth:`set_timesteps`. The values of that call count for the whole run.

        Parameters
        ----------
        model_output : torch.Tensor of float, shape (rows, length, vocab) or (rows, vocab, ...)
            The logits; the second form is for images of tokens.
        timestep : int or torch.Tensor, shape ()
            An entry of :attr:`timesteps`.
        sample : torch.Tensor of int, shape (rows, length) or (rows, height, width)
            The tokens that were evaluated. Under masked noise tokens that are not masked are kept.
        starting_mask_ratio : float, default 1.0
            Share of the masks of a full run that an ``AmusedScheduler`` keeps after each step.
        generator : torch.Generator or list of torch.Generator, optional
            The source of the run's seed, or of a seed for each row.
        return_dict : bool, default True
            Return an object with fields; ``False`` returns the tuple of the original.
        mask_token_id : int, optional
            The identifier of the mask. The default is that of the config.
        temperature : float, optional
            The temperature of the drawn letters; 0 draws the most probable ones. The default is that
            of the original: 0 for blocks and for ``DiscreteDDIMScheduler``.
        top_p : float, optional
            Letters are drawn from the most probable ones up to this sum.
        top_k : int, optional
            Letters are drawn from this many most probable ones.
        threshold : float, optional
            Of a ``BlockRefinementScheduler``: 1.0, since a plan has no such rule.
        entropy_bound : float, optional
            The bound of an ``EntropyBoundScheduler`` in nats.
        editing_threshold : float, optional
            Of a ``BlockRefinementScheduler``: none, since known tokens are kept.
        **settings
            Further arguments of pipelines, which have no effect.

        Returns
        -------
        DiscreteOutput or tuple
            ``prev_sample`` and the other fields of the original's result.

        Raises
        ------
        langevin.ArgumentError
            If the steps are not set, or if no plan has the steps that are wanted.
        langevin.ShapeError
            If logits and tokens do not fit each other.
        """
        # Pipelines of blocks ask once more when no mask is left.
        over = self._runs is not None and self._name != "AmusedScheduler" and int(timestep) >= len(self._times)
        index = self._index if over else self._place(timestep)
        shape = sample.shape
        if sample.dim() == 3 and model_output.dim() == 4:
            model_output = model_output.flatten(2).transpose(1, 2)
            sample = sample.flatten(1)
        if model_output.dim() != 3 or sample.dim() != 2 or model_output.shape[:2] != sample.shape:
            raise ShapeError(f"logits and tokens do not fit: expected (rows, length, vocab) and (rows, length), got {tuple(model_output.shape)} and {tuple(shape)}")
        call = self._call(mask_token_id, starting_mask_ratio, temperature, top_k, top_p, threshold, entropy_bound, editing_threshold, settings)
        if over:
            pass
        elif self._runs is None or index <= self._index or len(self._runs) != len(sample):
            self._begin(index, model_output.shape[-1], sample, generator, call)
        elif index != self._index + 1:
            raise ArgumentError(f"a step is missing: expected timestep {self._times[self._index + 1]}, got {self._times[index]}")
        self._index = index
        logits = self._shaped(model_output.float(), index, call)
        prev, drawn = self._advance(logits, sample)
        return self._result(prev.view(shape), drawn.view(shape), sample.view(shape), logits, call, return_dict)

    def _call(self, mask: Any, share: float, temperature: Any, top_k: Any, top_p: Any, threshold: Any, bound: Any, editing: Any, settings: dict) -> _Call:
        """Check the arguments of a step, and fill in the defaults of the config."""
        config = self.config
        mask = config.get("mask_token_id") if mask is None else mask
        if self._noise == "masked" and mask is None:
            raise ArgumentError(
                f"the mask of a {self._name} is unknown: expected mask_token_id=, got none\n"
                "hint: for networks on uniform noise take the config of a DiscreteDDIMScheduler"
            )
        editing = config.get("editing_threshold") if editing is None else editing
        if editing is not None and editing > 0.0:
            raise ArgumentError(f"a plan edits no known tokens: expected editing_threshold=None, got {editing}")
        if temperature is None and config.langevin_sampler is None and self._name in ("BlockRefinementScheduler", "DiscreteDDIMScheduler"):
            temperature = 0.0
        if settings.get("sampling_method") == "greedy":
            temperature = 0.0
        return _Call(
            mask=None if self._noise == "uniform" else int(mask),
            share=float(share),
            temperature=None if temperature is None else float(temperature),
            top_k=top_k or None,
            top_p=top_p if top_p is not None and top_p < 1.0 else None,
            threshold=float(config.get("threshold", 1.0) if threshold is None else threshold),
            bound=float(config.get("entropy_bound", 0.0) if bound is None else bound),
        )

    def _advance(self, logits: torch.Tensor, sample: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Answer the pending evaluation of every row; return the next tokens and the drawn ones."""
        tokens, numbers = sample.cpu().numpy(), logits.detach().cpu().numpy()
        prev, drawn = tokens.copy(), tokens.copy()
        runs = self._runs or []
        for row, run in enumerate(runs):
            if run is None:
                continue  # fewer tokens than steps: the run is over before its last timestep
            query = run.query()
            if (query.x[0] != tokens[row]).any():
                run.replace(tokens[row : row + 1])
            run.supply(numbers[row : row + 1], output="logits")
            query = run.query()
            letters = run.drawn
            drawn[row] = numbers[row].argmax(-1) if letters is None else letters[0]
            if query is None:
                prev[row], runs[row] = run.finish()[0], None
            else:
                prev[row] = query.x[0]
        back = lambda array: torch.from_numpy(array).to(sample)  # noqa: E731
        return back(prev), back(drawn)

    def _result(self, prev: torch.Tensor, drawn: torch.Tensor, sample: torch.Tensor, logits: torch.Tensor, call: _Call, return_dict: bool) -> Any:
        """Return the result of a step in the form of the original."""
        changed = prev != sample
        letters = drawn if call.mask is None else torch.where(sample == call.mask, drawn, sample)
        found = torch.softmax(logits, -1).gather(-1, drawn.reshape(*logits.shape[:2], 1).clamp(max=logits.shape[-1] - 1))
        output = DiscreteOutput(prev, letters, changed, torch.zeros_like(changed), drawn, found.view(drawn.shape), logits)
        return output if return_dict else tuple(output[name] for name in self._fields)

    def add_noise(self, sample: torch.Tensor, timesteps: Any, generator: Any = None) -> torch.Tensor:
        """Return tokens with the masks that an ``AmusedScheduler`` has before a step.

        Parameters
        ----------
        sample : torch.Tensor of int, shape (rows, ...)
            Clean tokens.
        timesteps : int or torch.Tensor, shape ()
            An entry of :attr:`timesteps`.
        generator : torch.Generator, optional
            The source of the random numbers.

        Returns
        -------
        torch.Tensor of int, shape (rows, ...)
            The tokens, some of them masked.

        Raises
        ------
        langevin.ArgumentError
            If the scheduler has no such noise, or if the steps are not set.
        """
        if not hasattr(self._twin, "add_noise"):
            raise ArgumentError(f"a {self._name} adds no noise: expected an AmusedScheduler")
        self._place(timesteps)
        self._twin.timesteps = self.timesteps
        return self._twin.add_noise(sample, timesteps, generator)

    def __getstate__(self) -> dict:
        # A copy has no run.
        return {**self.__dict__, "_runs": None, "_index": -1}
