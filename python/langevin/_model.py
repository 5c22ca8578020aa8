"""One network in torch, and everything that can be asked of it."""

import contextlib
import itertools
import json
import math
from dataclasses import dataclass
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import torch

from . import _langevin
from ._adapters import Azula, _Scheduled, of_sbi
from ._arguments import _own
from ._convert import _Function, convert
from ._drive import Adapted, Likelihood, adaptive, answering, is_double, likelihood
from ._errors import ArgumentError, Error, ShapeError
from ._formulation import _formulation
from ._langevin import Formulation, Level, Plan, Process, Ranking, Tuned, recommend
from ._report import Report
from ._torch import Answers, _kind
from ._tune import _Progress, tune

_Judge = _own(_langevin._Judge)

# Columns up to which the divergence is exact.
_EXACT = 16


@dataclass(frozen=True)
class Encoded:
    """Noise that belongs to data under the ODE of a model; the result of :meth:`Model.encode`.

    Attributes
    ----------
    noise : torch.Tensor, shape (rows, ...)
        The noise of each row, at unit variance.
    rows : torch.Tensor, shape (rows, ...)
        The rows that the plan makes of the noise.
    errors : torch.Tensor, shape (rows,)
        Root mean square difference between each row and what comes back.

    Examples
    --------
    >>> import langevin, torch
    >>> model = langevin.Model(lambda x, t: torch.zeros_like(x), "vp:x0", shape=(2,))
    >>> model.encode(torch.ones(3, 2), steps=10).noise.shape
    torch.Size([3, 2])
    """

    noise: torch.Tensor
    rows: torch.Tensor
    errors: torch.Tensor


class _Conditioned(torch.nn.Module):
    """A module whose further arguments are fixed, row by row.

    The second parameter of ``forward`` is named ``query``, so the module receives the noise level,
    the branch of guidance and the indices of the rows.
    """

    def __init__(self, module: torch.nn.Module, given: Tuple[tuple, dict], without: Optional[Tuple[tuple, dict]]) -> None:
        super().__init__()
        self.module, self.given, self.without = module, given, without

    def forward(self, x: torch.Tensor, query: Any) -> torch.Tensor:
        branch = getattr(query, "branch", "main")
        values = self.given
        if branch == "unconditional":
            if self.without is None:
                raise ArgumentError(
                    "the plan has guidance, and the model no values without the condition: expected model.given(…).without(…)\n"
                    "hint: without(null_labels), as in training"
                )
            values = self.without
        index = torch.as_tensor(np.asarray(query.rows).astype(np.int64), device=x.device)
        positional = [_chosen(value, index, x) for value in values[0]]
        named = {name: _chosen(value, index, x) for name, value in values[1].items()}
        return _tensor(self.module(x, query.time_like(x), *positional, **named))


def _chosen(value: Any, index: torch.Tensor, x: torch.Tensor) -> Any:
    """Return the rows of a condition that belong to the rows of a batch."""
    if isinstance(value, dict):
        return {name: _chosen(one, index, x) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_chosen(one, index, x) for one in value)
    if not isinstance(value, torch.Tensor) or value.dim() == 0:
        return value
    value = value.to(x.device)
    if value.shape[0] == 1:
        return value.expand(len(index), *value.shape[1:])
    most = int(index.max()) if len(index) else 0
    if most >= len(value):
        raise ShapeError(f"a condition has too few rows: expected one for all samples, or one for each of at least {most + 1}, got {len(value)}")
    return value[index]


def _most_rows(value: Any) -> int:
    """Return the largest number of rows of the tensors in a condition."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return max((_most_rows(one) for one in value), default=0)
    return len(value) if isinstance(value, torch.Tensor) and value.dim() > 0 else 0


def _wide(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype of times: half precision has no whole numbers above 2048."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def _tensor(out: Any) -> torch.Tensor:
    """Return the tensor of a network's output: itself, ``.sample``, or the first of a tuple."""
    out = out[0] if isinstance(out, tuple) else getattr(out, "sample", out)
    if not isinstance(out, torch.Tensor):
        raise ShapeError(f"the model's output is no tensor: expected torch.Tensor, got {type(out).__name__}")
    return out


def _of_config(document: Dict[str, Any]) -> Formulation:
    """Return the formulation of the network of a scheduler's config.

    It does not depend on the steps, of which some schedulers need several.
    """
    shift = {"mu": 1.0} if document.get("use_dynamic_shifting") else {}
    refused: Optional[Error] = None
    for steps in (10, 4, 2, 1):
        try:
            found = Plan.from_diffusers(document, steps=steps, **shift).network
        except Error as error:
            refused = refused or error
            continue
        if found is not None:
            return found
    if refused is not None:
        raise refused
    raise ArgumentError(f"the scheduler has no network of its own: expected one that predicts epsilon, v, x0 or a velocity, got {document['_class_name']}")


class Model:
    """A torch network with its formulation.

    Every method works on the device of the module's weights. Samples and data are in the units that
    the network sees. Dropout and batch statistics are off while a method runs, unless it is called
    with ``grad=True``. Times are single or double precision, also for networks in half precision.

    Parameters
    ----------
    net : torch.nn.Module or callable
        The network, called as ``net(x, time)`` with a time for each row. It returns a tensor, an
        object with ``.sample``, or a tuple.
    formulation : Formulation, Process or str, default "rectified-flow:velocity"
        What the network was trained to be; a string is ``"process:prediction"``.
    shape : sequence of int, optional
        The shape of one sample. Methods that receive data or a whole shape do not need it.
    device : str or torch.device, optional
        The device. The default is that of the module's weights, or the CPU.
    dtype : torch.dtype, optional
        The dtype that the network receives. The default is that of the module's weights, or float32.

    Attributes
    ----------
    formulation : Formulation
        The formulation.
    module : torch.nn.Module
        The network.

    Raises
    ------
    ArgumentError
        If the network cannot be called, or the formulation cannot be read.
    UnknownNameError
        If the process or the prediction has an unknown name.

    Examples
    --------
    The velocity of standard normal data on a rectified flow, as a network without weights:

    >>> import langevin, torch
    >>> def net(x, t):
    ...     t = t[:, None]
    ...     return (2 * t - 1) / (t**2 + (1 - t) ** 2) * x
    >>> model = langevin.Model(net, "rectified-flow:velocity", shape=(2,), dtype=torch.float64)
    >>> model.sample("dpmpp-2m", 5, steps=10, seed=1).shape
    torch.Size([5, 2])
    >>> x = torch.zeros(1, 2, dtype=torch.float64)
    >>> round(float(model.log_prob(x)), 3)  # −ln(2π)
    -1.838
    """

    def __init__(
        self,
        net: Any,
        formulation: Union[Formulation, Process, str] = "rectified-flow:velocity",
        *,
        shape: Optional[Sequence[int]] = None,
        device: Any = None,
        dtype: Optional[torch.dtype] = None,
    ) -> None:
        if isinstance(net, Model):
            raise ArgumentError("this is a model already (Model, net): expected a torch.nn.Module or a function of (x, time)")
        if not callable(net) or isinstance(net, (_langevin.Network, _langevin.OnnxNetwork, _langevin.Density)):
            raise ArgumentError(
                f"bad network (Model, net): expected a torch.nn.Module or a function of (x, time), got {type(net).__name__}\n"
                "hint: models of this library are arguments of plan.run, likelihood, recommend and tune themselves"
            )
        self.formulation = _formulation(formulation)
        self.module: torch.nn.Module = net if isinstance(net, torch.nn.Module) else _Function(net)
        self.shape = None if shape is None else tuple(int(axis) for axis in ((shape,) if isinstance(shape, int) else shape))
        try:
            self._device = None if device is None else torch.device(device)
        except (RuntimeError, TypeError):
            raise ArgumentError(f"unknown device (Model, device): expected one of torch, such as 'cpu' or 'cuda', got {device!r}") from None
        self._dtype = None if dtype is None else _kind(dtype)
        self._given: Tuple[tuple, dict] = ((), {})
        self._without: Optional[Tuple[tuple, dict]] = None

    def _weights(self) -> Optional[torch.Tensor]:
        every = itertools.chain(self.module.parameters(), self.module.buffers())
        return next((one for one in every if one.is_floating_point()), None)

    @property
    def device(self) -> torch.device:
        """Device of the model: the given one, that of the module's weights, or the CPU."""
        weights = self._weights()
        return self._device or (torch.device("cpu") if weights is None else weights.device)

    @property
    def dtype(self) -> torch.dtype:
        """Dtype that the network receives: the given one, that of the module's weights, or float32."""
        weights = self._weights()
        return self._dtype or (torch.float32 if weights is None else weights.dtype)

    def __repr__(self) -> str:
        shape = "" if self.shape is None else f", shape={self.shape}"
        return f"Model({type(self.module).__name__}, {self.formulation!r}{shape})"

    @classmethod
    def from_diffusers(cls, unet: torch.nn.Module, scheduler: Any, *, shape: Optional[Sequence[int]] = None) -> "Model":
        """Return a network of diffusers with the formulation of its scheduler.

        Parameters
        ----------
        unet : torch.nn.Module
            The network, such as a ``UNet2DModel`` or a ``Transformer2DModel``.
        scheduler : object or dict
            The scheduler of diffusers that the network was trained with, or its config.
        shape : sequence of int, optional
            The shape of one sample. The default is read from the network's config if it has one.

        Returns
        -------
        Model
            The model. Conditions of the network are given with :meth:`given`.

        Raises
        ------
        FormatError
            If the scheduler's config cannot be read.

        Examples
        --------
        >>> import diffusers, langevin
        >>> unet = diffusers.UNet2DModel(sample_size=8, block_out_channels=(32,), layers_per_block=1,
        ...     down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",))
        >>> model = langevin.Model.from_diffusers(unet, diffusers.DDPMScheduler())
        >>> model.shape, model.formulation.prediction.name
        ((3, 8, 8), 'epsilon')
        """
        config = scheduler if isinstance(scheduler, dict) else getattr(scheduler, "config", None)
        if not isinstance(config, Mapping) or isinstance(scheduler, type):
            raise ArgumentError(f"bad scheduler (Model.from_diffusers): expected a scheduler of diffusers or its config, got {scheduler!r:.60}")
        document = dict(config)
        if config is not scheduler:
            document.setdefault("_class_name", type(scheduler).__name__)
        if "_class_name" not in document:
            raise ArgumentError("the config does not say its class (Model.from_diffusers): expected the scheduler itself, or a config with _class_name")
        formulation = _of_config(document)
        if shape is None:
            own = getattr(unet, "config", {})
            size, channels = own.get("sample_size"), own.get("in_channels")
            if size is not None and channels is not None:
                shape = (channels, *(size if isinstance(size, (tuple, list)) else (size, size)))
        return cls(unet, formulation, shape=shape)

    @classmethod
    def from_azula(cls, denoiser: torch.nn.Module, *, shape: Optional[Sequence[int]] = None) -> "Model":
        """Return a denoiser of azula, on its own schedule.

        Parameters
        ----------
        denoiser : torch.nn.Module
            A ``Denoiser`` of azula: a module with a ``schedule``, called with a state and its time.
        shape : sequence of int, optional
            The shape of one sample.

        Returns
        -------
        Model
            The model, as the denoised prediction on ``"ve"``.

        Raises
        ------
        ArgumentError
            If the denoiser has no schedule, or one that does not add noise.
        """
        return cls._scheduled(Azula(denoiser), shape)

    @classmethod
    def from_sbi(cls, estimator: torch.nn.Module, *, shape: Optional[Sequence[int]] = None) -> "Model":
        """Return an estimator of sbi: a score estimator (NPSE) or a flow estimator (FMPE).

        Parameters
        ----------
        estimator : torch.nn.Module
            The estimator that ``inference.train()`` of sbi returns.
        shape : sequence of int, optional
            The shape of the parameters. The default is that of the estimator.

        Returns
        -------
        Model
            The model, as the denoised prediction on ``"ve"``. Give it an observation with
            ``model.given(x_o)``.

        Raises
        ------
        ArgumentError
            If the estimator is of another kind.
        """
        return cls._scheduled(of_sbi(estimator), getattr(estimator, "input_shape", None) if shape is None else shape)

    @classmethod
    def _scheduled(cls, module: _Scheduled, shape: Optional[Sequence[int]]) -> "Model":
        low, high = module.range()
        return cls(module, Formulation("ve", "x0", sigma_min=low, sigma_max=high), shape=shape)

    def _copy(self, **changes: Any) -> "Model":
        other = object.__new__(Model)
        other.__dict__.update(self.__dict__)
        other.__dict__.update(changes)
        return other

    def to(self, formulation: Union[Formulation, Process, str]) -> "Model":
        """Return the same network, read in another formulation.

        The conversion is exact, and the weights are shared.

        Parameters
        ----------
        formulation : Formulation, Process or str
            The formulation; a string is ``"process:prediction"``.

        Returns
        -------
        Model
            A model whose module takes states and times of the new formulation.

        Raises
        ------
        UnknownNameError
            If the process or the prediction has an unknown name.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t: x, "rectified-flow:velocity")
        >>> model.to("vp:score").formulation.prediction.name
        'score'
        """
        to = _formulation(formulation)
        known = self.formulation.sigma_range
        if known is not None and to.sigma_range is None:
            document = {**json.loads(to.to_json()), "lambda_range": {"min": -math.log(known[1]), "max": -math.log(known[0])}}
            to = Formulation.from_json(json.dumps(document))
        return self._copy(module=convert(self.module, from_=self.formulation, to=to), formulation=to)

    def given(self, *values: Any, **named: Any) -> "Model":
        """Return the model under a condition.

        Parameters
        ----------
        *values, **named
            Further arguments of the network. A tensor has one row for all samples, or one for each:
            row i belongs to sample i. Other values are passed on as they are.

        Returns
        -------
        Model
            A model that calls its network with these values.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t, y: x + y[:, None], "vp:x0", shape=(2,))
        >>> model.given(torch.tensor([1.0])).sample("ddim", 3, steps=4).shape
        torch.Size([3, 2])
        """
        prepare = getattr(self.module, "prepare", lambda value: value)
        return self._copy(_given=(tuple(map(prepare, values)), {name: prepare(value) for name, value in named.items()}))

    def without(self, *values: Any, **named: Any) -> "Model":
        """Return the model with the arguments that stand for no condition, for guidance.

        Parameters
        ----------
        *values, **named
            The arguments of the network on the unconditional branch of a plan, as for
            :meth:`given`.

        Returns
        -------
        Model
            A model for plans with ``guidance=``.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t, y: x * y[:, None], "vp:x0", shape=(2,))
        >>> model = model.given(torch.tensor([0.5])).without(torch.tensor([0.0]))
        >>> model.sample("ddim", 3, steps=4, guidance=2.0).shape
        torch.Size([3, 2])
        """
        return self._copy(_without=(values, named))

    @property
    def _called(self) -> torch.nn.Module:
        """The module that answers the questions of a run."""
        if self._given == ((), {}) and self._without is None:
            return self.module
        return _Conditioned(self.module, self._given, self._without)

    def __call__(self, x: torch.Tensor, time: Any) -> torch.Tensor:
        """Return the network's output.

        Parameters
        ----------
        x : torch.Tensor, shape (rows, ...)
            The input of the network.
        time : float or torch.Tensor, shape () or (rows,)
            The time, in the clock of the network.

        Returns
        -------
        torch.Tensor, shape of ``x``
            The output, under the condition of :meth:`given`.
        """
        times = torch.as_tensor(time, dtype=_wide(self.dtype), device=x.device)
        if times.dim() > 1 or times.numel() not in (1, len(x)):
            raise ShapeError(f"the times do not fit the batch: expected 1 or {len(x)}, got a tensor of shape {tuple(times.shape)}")
        times = times.expand(len(x))
        index = torch.arange(len(x), device=x.device)
        values = [_chosen(value, index, x) for value in self._given[0]]
        named = {name: _chosen(value, index, x) for name, value in self._given[1].items()}
        return _tensor(self.module(x, times, *values, **named))

    def denoise(self, x: torch.Tensor, level: Union[Level, float, torch.Tensor]) -> torch.Tensor:
        """Return the denoised prediction D = E[x0 | x].

        Gradients flow through it.

        Parameters
        ----------
        x : torch.Tensor, shape (rows, ...)
            States of the process of the formulation, before the input scaling of the network.
        level : Level, float or torch.Tensor, shape (rows,)
            The noise level, or sigma / alpha for all rows or for each row.

        Returns
        -------
        torch.Tensor, shape of ``x``
            The denoised prediction.

        Raises
        ------
        ArgumentError
            If the level is outside the trained range, or if the process does not reach it.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t: torch.zeros_like(x), "vp:epsilon")
        >>> x, level = torch.ones(1, 2), langevin.Process("vp").level(1.0)
        >>> bool(torch.allclose(model.denoise(x, level), x / level.alpha))
        True
        """
        at = self.formulation.process.level_at_sigma_ve
        if isinstance(level, torch.Tensor) and level.dim() > 0:
            levels = [at(float(ratio)) for ratio in level.detach().cpu().double().reshape(-1)]
            if len(levels) != len(x):
                raise ShapeError(f"the levels do not fit the batch: expected {len(x)}, got {len(levels)}")
        else:
            levels = [level if isinstance(level, Level) else at(float(level))]
        readings = [self.formulation.denoised(one) for one in levels]
        table = torch.tensor([[one.scale, one.a, one.b] for one in readings], dtype=torch.float64).to(x.device, x.dtype)
        scale, a, b = table.reshape(len(levels), *[1] * (x.dim() - 1), 3).unbind(-1)
        times = torch.tensor([one.time for one in readings], dtype=torch.float64).to(x.device, _wide(x.dtype)).expand(len(x))
        return a * x + b * self(scale * x, times)

    def plan(self, sampler: Union[Plan, str] = "dpmpp-2m", **options: Any) -> Plan:
        """Return a plan for this network.

        Parameters
        ----------
        sampler : Plan or str, default "dpmpp-2m"
            A plan, which is converted to this network, or the name of a sampler.
        **options
            Arguments of :class:`Plan`, such as ``steps=20``, ``grid="karras"`` or ``guidance=2.0``.

        Returns
        -------
        Plan
            The plan.

        Raises
        ------
        ArgumentError
            If a plan is given together with options, or if it does not fit the network.

        Examples
        --------
        >>> import langevin
        >>> langevin.Model(lambda x, t: x).plan("heun", steps=5).nfe
        9
        """
        if isinstance(sampler, Plan):
            if options:
                raise ArgumentError(f"a plan decides everything about its steps: expected no further arguments, got {', '.join(options)}")
            return sampler if sampler.network == self.formulation else sampler.for_network(self.formulation)
        options.setdefault("steps", 20)
        return Plan(sampler, network=self.formulation, **options)

    @contextlib.contextmanager
    def _evaluating(self, grad: bool = False) -> Iterator[None]:
        """Switch dropout and batch statistics off for the time of a task, unless gradients are asked for."""
        training = [] if grad else [one for one in self.module.modules() if one.training]
        for one in training:
            one.training = False
        try:
            yield
        finally:
            for one in training:
                one.training = True

    def _bar(self, progress: Optional[bool]) -> bool:
        import langevin

        return bool(langevin.progress) if progress is None else progress

    def _full(self, shape: Union[int, Sequence[int]]) -> Tuple[int, ...]:
        if not isinstance(shape, (int, np.integer)):
            return tuple(int(axis) for axis in shape)
        shape = int(shape)
        if self.shape is None:
            raise ArgumentError("the shape of a sample is unknown: expected the whole shape, as in (16, 3, 32, 32), or langevin.Model(…, shape=(3, 32, 32))")
        return (shape, *self.shape)

    def sample(
        self,
        plan: Union[Plan, str] = "dpmpp-2m",
        shape: Union[int, Sequence[int], None] = None,
        seed: Union[int, Sequence[int], None] = 0,
        *,
        first: int = 0,
        start: Optional[torch.Tensor] = None,
        inputs: Optional[Sequence[torch.Tensor]] = None,
        grad: bool = False,
        progress: Optional[bool] = None,
        **options: Any,
    ) -> torch.Tensor:
        """Draw samples.

        Parameters
        ----------
        plan : Plan or str, default "dpmpp-2m"
            A plan, which is converted to this network, or the name of a sampler.
        shape : int or sequence of int
            The number of samples, or their whole shape (rows, ...).
        seed : int, sequence of int or None, default 0
            The seed of the noise, or one for each row; ``None`` draws a new one.
        first : int, default 0
            The index of the first sample. Sample i depends on ``seed`` and ``first + i`` only.
        start : torch.Tensor, optional
            The state to begin with, in place of noise.
        inputs : sequence of torch.Tensor, optional
            The states that the plan takes from the caller.
        grad : bool, default False
            Keep the history of tensors, for gradients in weights, ``start`` and ``inputs``.
        progress : bool, optional
            Show a progress bar. The default is ``langevin.progress``.
        **options
            Arguments of :class:`Plan` for a named sampler, such as ``steps=20``.

        Returns
        -------
        torch.Tensor, shape (rows, ...)
            The samples, on the device of the model.

        Raises
        ------
        ArgumentError
            If the samples are not finite, or an argument is invalid.
        ShapeError
            If the shape is unknown, or the network returns another one.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t: torch.zeros_like(x), "ve:x0", shape=(2,))
        >>> model.sample("ddim", 3, steps=4)
        tensor([[0., 0.],
                [0., 0.],
                [0., 0.]])
        """
        if shape is None:
            raise ArgumentError("the number of samples is missing (Model.sample, shape): expected a number, or a whole shape")
        full = self._full(shape)
        compiled = self.plan(plan, **options)
        with self._evaluating(grad):
            return compiled.run(
                self._called, full, seed, first=first, dtype=str(self.dtype)[6:], inputs=inputs, start=start, grad=grad, backend="torch",
                device=self.device, progress=self._bar(progress),
            )  # fmt: skip

    def adaptive(self, shape: Union[int, Sequence[int]], seed: int = 0, **options: Any) -> Adapted:
        """Draw samples with a step size for each row.

        Parameters
        ----------
        shape : int or sequence of int
            The number of samples, or their whole shape.
        seed : int, default 0
            The seed of the noise.
        **options
            Arguments of :func:`adaptive`, such as ``rtol=0.02``.

        Returns
        -------
        Adapted
            The samples and their cost.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t: torch.zeros_like(x), "ve:x0", shape=(2,))
        >>> model.adaptive(3).samples.shape
        torch.Size([3, 2])
        """
        with self._evaluating():
            return adaptive(self._called, self._full(shape), seed, network=self.formulation, dtype=self.dtype, device=self.device, **options)

    def _data(self, x: Any) -> torch.Tensor:
        x = torch.as_tensor(x)
        if not x.is_floating_point():
            x = x.to(self.dtype)
        if x.dim() < 2 or len(x) == 0:
            raise ShapeError(f"bad shape of the data: expected (rows, ...), got {tuple(x.shape)}")
        if self.shape is not None and tuple(x.shape[1:]) != self.shape:
            raise ShapeError(f"the data do not fit the model: expected rows of shape {self.shape}, got {tuple(x.shape[1:])}")
        return x.to(self.device, self.dtype)

    def likelihood(self, x: torch.Tensor, *, method: str = "ode", **options: Any) -> Likelihood:
        """Compute −log p of data: the density of the ODE, or a bound of the SDE.

        Parameters
        ----------
        x : torch.Tensor, shape (rows, ...)
            The data, in the units of the network.
        method : {"ode", "bound"}, default "ode"
            ``"ode"`` computes the density, ``"bound"`` an upper bound on −log p.
        **options
            Arguments of :func:`likelihood`, such as ``divergence``, ``tolerance`` and ``seed``.

        Returns
        -------
        Likelihood
            −log p of each row in nats, its standard error, and the mean.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t: torch.zeros_like(x), "ve:x0", dtype=torch.float64)
        >>> model.likelihood(torch.zeros(3, 2), method="bound").nats.shape
        (3,)
        """
        with self._evaluating():
            return likelihood(self._called, self._data(x), method=method, network=self.formulation, **options)

    def log_prob(self, x: torch.Tensor, *, grad: bool = False, steps: int = 64, probes: Optional[int] = None, seed: int = 0, tolerance: float = 1e-5) -> torch.Tensor:
        """Return log p of data under the ODE of the model, in nats.

        Parameters
        ----------
        x : torch.Tensor, shape (rows, ...)
            The data, in the units of the network.
        grad : bool, default False
            Record the computation, so that the result can be differentiated with respect to ``x``
            and the weights. It then uses a fixed number of steps.
        steps : int, default 64
            The number of Runge–Kutta steps with ``grad``, of four evaluations each.
        probes : int, optional
            The number of random probes of the divergence. The default is exact for at most 16
            elements, and 8 probes otherwise.
        seed : int, default 0
            The seed of the probes.
        tolerance : float, default 1e-5
            The tolerance of a step without ``grad``. Every row then has its own step size.

        Returns
        -------
        torch.Tensor, shape (rows,)
            log p of each row.

        Raises
        ------
        ShapeError
            If the data have no rows, or another shape than the model.

        Examples
        --------
        >>> import langevin, torch
        >>> def net(x, t):  # the velocity of standard normal data
        ...     t = t[:, None]
        ...     return (2 * t - 1) / (t**2 + (1 - t) ** 2) * x
        >>> model = langevin.Model(net, "rectified-flow:velocity", dtype=torch.float64)
        >>> x = torch.tensor([[1.0, -2.0]], dtype=torch.float64, requires_grad=True)
        >>> (score,) = torch.autograd.grad(model.log_prob(x, grad=True).sum(), x)
        >>> score.round(decimals=3)
        tensor([[-1.,  2.]], dtype=torch.float64)
        """
        if probes is not None and probes < 1:
            raise ArgumentError(f"bad number of probes (Model.log_prob): expected 1 or more, got {probes}")
        data = self._data(x)
        if grad:
            if not 1 <= steps <= 100_000:
                raise ArgumentError(f"bad number of steps (Model.log_prob): expected 1 to 100000, got {steps}")
            return self._differentiable(data, steps, probes, seed)
        divergence = None if probes is None else f"hutchinson:{probes}"
        with self._evaluating():
            nats = likelihood(self._called, data, method="ode", network=self.formulation, divergence=divergence, seed=seed, tolerance=tolerance).nats
        return torch.from_numpy(-nats).to(self.device, self.dtype)

    def _differentiable(self, x: torch.Tensor, steps: int, probes: Optional[int], seed: int) -> torch.Tensor:
        """Return log p by Runge–Kutta steps of equal length in ln(sigma / alpha)."""
        low, high = self.formulation.default_range
        # The caller's tensor stays as it is.
        x = x if x.requires_grad else x.detach().clone().requires_grad_()
        width = x[0].numel()
        count = probes if probes is not None else (0 if width <= _EXACT else 8)
        directions: Sequence[torch.Tensor]
        if count == 0:
            directions = [torch.eye(width, device=x.device, dtype=x.dtype)[i].reshape(1, *x.shape[1:]).expand_as(x) for i in range(width)]
        else:
            generator = torch.Generator().manual_seed(seed)
            signs = torch.randint(0, 2, (count, *x.shape), generator=generator).to(x.device, x.dtype) * 2 - 1
            directions = list(signs)

        def rates(z: torch.Tensor, at: float) -> Tuple[torch.Tensor, torch.Tensor]:
            """Return dz/dℓ = z − D and the divergence of it, ℓ = ln(sigma / alpha)."""
            level = self.formulation.process.level_at_sigma_ve(math.exp(at))
            denoised = self.denoise(level.alpha * z, level)
            trace = torch.zeros(len(z), device=z.device, dtype=z.dtype)
            for v in directions:
                (product,) = torch.autograd.grad(denoised, z, v, create_graph=True, allow_unused=True) if denoised.requires_grad else (None,)
                if product is not None:
                    trace = trace + (product * v).flatten(1).sum(1)
            return z - denoised, width - trace / max(count, 1)

        with torch.enable_grad():
            z, gathered = x, torch.zeros(len(x), device=x.device, dtype=x.dtype)
            step = (math.log(high) - math.log(low)) / steps
            for i in range(steps):
                at = math.log(low) + i * step
                a, da = rates(z, at)
                b, db = rates(z + 0.5 * step * a, at + 0.5 * step)
                c, dc = rates(z + 0.5 * step * b, at + 0.5 * step)
                # The end of the last step is the end of the range, without the rounding of the sum.
                d, dd = rates(z + step * c, at + step if i + 1 < steps else math.log(high))
                z = z + step / 6 * (a + 2 * b + 2 * c + d)
                gathered = gathered + step / 6 * (da + 2 * db + 2 * dc + dd)
            prior = -0.5 * (z / high).square().flatten(1).sum(1) - width * (math.log(high) + 0.5 * math.log(2 * math.pi))
            return prior + gathered

    def bound(self, x: torch.Tensor, **options: Any) -> Likelihood:
        """Compute an upper bound on −log p of data under the SDE of the model.

        It needs no derivative of the network.

        Parameters
        ----------
        x : torch.Tensor, shape (rows, ...)
            The data, in the units of the network.
        **options
            Arguments of :func:`likelihood`, such as ``levels`` and ``seed``.

        Returns
        -------
        Likelihood
            The bound of each row in nats, its standard error, and the mean.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t: torch.zeros_like(x), "ve:x0")
        >>> model.bound(torch.zeros(3, 2)).kind
        'bound'
        """
        return self.likelihood(x, method="bound", **options)

    def _judge(self, x: torch.Tensor) -> Any:
        shape = [int(axis) for axis in x.shape[1:]]
        backend = Answers(self._called, (1, *shape), self.dtype, self.device, None, True)
        return _Judge(answering(backend), shape, self.formulation, is_double(backend), True, type(self.module).__name__)

    def _rows(self, x: Any) -> Tuple[torch.Tensor, np.ndarray]:
        data = self._data(x)
        return data, np.ascontiguousarray(data.detach().cpu().double().numpy())

    def encode(self, x: torch.Tensor, plan: Union[Plan, str] = "ddim", *, progress: Optional[bool] = None, **options: Any) -> Encoded:
        """Encode data as noise along the ODE, and reconstruct them.

        Parameters
        ----------
        x : torch.Tensor, shape (rows, ...)
            The data, in the units of the network.
        plan : Plan or str, default "ddim"
            The plan from noise to data, whose noise levels the way up uses in reverse.
        progress : bool, optional
            Show a progress bar. The default is ``langevin.progress``.
        **options
            Arguments of :class:`Plan` for a named sampler, such as ``steps=50``.

        Returns
        -------
        Encoded
            The noise, the rows that come back, and the error of each row.

        Raises
        ------
        ArgumentError
            If the plan has no way up, for example because it adds noise.
        """
        data, rows = self._rows(x)
        compiled = self.plan(plan, **options)
        if compiled.draws > 1:
            raise ArgumentError(f"the plan adds noise, so the rows do not come back (Model.encode): expected a deterministic sampler, such as ddim, got {compiled.name}")
        noise, back, errors = self._run(lambda bar: self._judge(data).encode(compiled, rows, bar), progress)
        return Encoded(*(torch.from_numpy(values).to(self.device, self.dtype) for values in (noise, back, errors)))

    def _run(self, task: Any, progress: Optional[bool]) -> Any:
        bar = _Progress() if self._bar(progress) else None
        try:
            with self._evaluating():
                return task(bar)
        finally:
            if bar:
                bar.close()

    @staticmethod
    def _report(document: str, text: str) -> Report:
        report = Report(json.loads(document))
        report.text = text
        return report

    def evaluate(
        self,
        rows: torch.Tensor,
        plan: Union[Plan, str] = "dpmpp-2m",
        *,
        train: Optional[torch.Tensor] = None,
        count: Optional[int] = None,
        seed: int = 0,
        progress: Optional[bool] = None,
        **options: Any,
    ) -> Report:
        """Compare samples with rows of data, as ``langevin evaluate`` does.

        Parameters
        ----------
        rows : torch.Tensor, shape (rows, ...)
            Data that the network was not trained on, in its units.
        plan : Plan or str, default "dpmpp-2m"
            The plan of the samples, or the name of a sampler.
        train : torch.Tensor, shape (rows, ...), optional
            Training rows, with which copies are found.
        count : int, optional
            The number of samples, and of rows that are compared. The default is all rows, up to
            4096.
        seed : int, default 0
            The seed of the samples and of the choice of rows.
        progress : bool, optional
            Show a progress bar. The default is ``langevin.progress``.
        **options
            Arguments of :class:`Plan` for a named sampler, such as ``steps=20``.

        Returns
        -------
        Report
            The distances, the two-sample accuracy and the share of copies.

        Raises
        ------
        ArgumentError
            If there are too few rows, or the plan does not fit.
        ShapeError
            If the rows do not fit the model.
        """
        data, values = self._rows(rows)
        trained = None if train is None else self._rows(train)[1]
        compiled = self.plan(plan, **options)
        return self._report(*self._run(lambda bar: self._judge(data).evaluate(compiled, values, trained, count, seed, bar), progress))

    def diagnose(
        self,
        rows: torch.Tensor,
        plan: Union[Plan, str] = "dpmpp-2m",
        *,
        steps: Optional[int] = None,
        samples: int = 1024,
        count: int = 256,
        seed: int = 0,
        progress: Optional[bool] = None,
    ) -> Report:
        """Find the cause of the error of samples, as ``langevin diagnose`` does.

        Parameters
        ----------
        rows : torch.Tensor, shape (rows, ...)
            Data, in the units of the network.
        plan : Plan or str, default "dpmpp-2m"
            The plan whose samples are diagnosed, or the name of a sampler, which is also compared
            with twice its steps.
        steps : int, optional
            The number of steps of a named sampler; 20 by default.
        samples : int, default 1024
            The number of samples.
        count : int, default 256
            The number of rows whose likelihoods are measured.
        seed : int, default 0
            The seed of the samples.
        progress : bool, optional
            Show a progress bar. The default is ``langevin.progress``.

        Returns
        -------
        Report
            The share of each cause, and what to do about it.

        Raises
        ------
        ArgumentError
            If the plan is not linear, or an argument is out of range.
        ShapeError
            If the rows do not fit the model.
        """
        data, values = self._rows(rows)
        named = None if isinstance(plan, Plan) else (plan, 20 if steps is None else steps)
        if isinstance(plan, Plan) and steps is not None:
            raise ArgumentError("a plan decides everything about its steps: expected no steps=")
        given = self.plan(plan) if isinstance(plan, Plan) else None
        if _most_rows((self._given, self._without)) > 1:
            raise ArgumentError(
                "the rows of a diagnosis are taken in random order, so they have one condition (Model.diagnose): expected model.given(y) with one row, got several"
            )
        return self._report(*self._run(lambda bar: self._judge(data).diagnose(named, given, values, samples, count, seed, bar), progress))

    def recommend(self, rows: torch.Tensor, nfe: int = 10, **options: Any) -> Ranking:
        """Rank all samplers and grids for this network by their exact error on Gaussian data.

        The network is not called: the error is that on the Gaussian with the moments of the rows.

        Parameters
        ----------
        rows : torch.Tensor, shape (rows, ...)
            Data, in the units of the network.
        nfe : int, default 10
            The number of evaluations of the network for one sample.
        **options
            Arguments of :func:`recommend`.

        Returns
        -------
        Ranking
            The candidates, the best one first. :meth:`tune` measures them on the network.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t: x, "rectified-flow:velocity")
        >>> model.recommend(torch.randn(100, 2), nfe=5).best.nfe <= 5
        True
        """
        values = self._rows(rows)[1]
        return recommend(values.reshape(len(values), -1), nfe=nfe, network=self.formulation, **options)

    def tune(self, nfe: int, rows: Optional[torch.Tensor] = None, *, progress: Optional[bool] = None, **options: Any) -> Tuned:
        """Fit the noise levels and weights of a plan to this network.

        Parameters
        ----------
        nfe : int
            The number of evaluations of the network for one sample.
        rows : torch.Tensor, shape (rows, ...), optional
            Data to compare samples with, in the units of the network.
        progress : bool, optional
            Show a progress bar. The default is ``langevin.progress``.
        **options
            Arguments of :func:`tune`, such as ``samples`` and ``seed``.

        Returns
        -------
        Tuned
            The plan, and the evidence that it is better than the known ones.

        Raises
        ------
        ArgumentError
            If the shape is unknown, or an argument is invalid.
        """
        data = None if rows is None else self._rows(rows)[1]
        if data is None and self.shape is None:
            raise ArgumentError("the shape of a sample is unknown (Model.tune): expected rows, or langevin.Model(…, shape=(3, 32, 32))")
        shape = self.shape if data is None else data.shape[1:]
        with self._evaluating():
            return tune(
                self._called, nfe, data, shape=shape, network=self.formulation, dtype=self.dtype, device=self.device, progress=self._bar(progress), **options
            )

    def distribution(self, shape: Optional[Sequence[int]] = None, **options: Any) -> "Distribution":
        """Return the model as an object with ``sample`` and ``log_prob``, as libraries of flows have.

        Parameters
        ----------
        shape : sequence of int, optional
            The shape of one sample. The default is that of the model.
        **options
            Arguments of :meth:`sample`, such as ``plan="heun"`` and ``steps=40``.

        Returns
        -------
        Distribution
            The object.

        Examples
        --------
        >>> import langevin, torch
        >>> model = langevin.Model(lambda x, t: torch.zeros_like(x), "ve:x0", shape=(2,))
        >>> model.distribution(steps=4).sample((3,)).shape
        torch.Size([3, 2])
        """
        event = self.shape if shape is None else tuple(shape)
        if event is None:
            raise ArgumentError("the shape of a sample is unknown (Model.distribution): expected shape=(…)")
        return Distribution(self, event, options)


class Distribution:
    """Samples and log-densities of a model, with the methods of ``torch.distributions``.

    :meth:`Model.distribution` returns it.

    Parameters
    ----------
    model : Model
        The model.
    event_shape : sequence of int
        The shape of one sample.
    options : mapping
        Arguments of :meth:`Model.sample`.

    Examples
    --------
    >>> import langevin, torch
    >>> model = langevin.Model(lambda x, t: torch.zeros_like(x), "ve:x0", shape=(2,))
    >>> model.distribution().event_shape
    torch.Size([2])
    """

    def __init__(self, model: Model, event_shape: Sequence[int], options: Mapping[str, Any]) -> None:
        self.model, self.event_shape, self.options = model, torch.Size(event_shape), dict(options)

    def sample(self, shape: Sequence[int] = ()) -> torch.Tensor:
        """Draw samples, with a seed of torch's generator.

        Parameters
        ----------
        shape : sequence of int, default ()
            The shape of the batch of samples.

        Returns
        -------
        torch.Tensor, shape (*shape, *event_shape)
            The samples.
        """
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        options = {"seed": int(torch.randint(0, 2**62, ())), **self.options}
        drawn = self.model.sample(options.pop("plan", "dpmpp-2m"), (math.prod(shape), *self.event_shape), **options)
        return drawn.reshape(*shape, *self.event_shape)

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return log p of data, in nats.

        Parameters
        ----------
        x : torch.Tensor, shape (..., *event_shape)
            The data. If they require a gradient, the result has one.

        Returns
        -------
        torch.Tensor, shape (...)
            log p of each row.
        """
        if x.shape[x.dim() - len(self.event_shape) :] != self.event_shape:
            raise ShapeError(f"the data do not fit the model: expected (..., {', '.join(map(str, self.event_shape))}), got {tuple(x.shape)}")
        batch = x.shape[: x.dim() - len(self.event_shape)]
        flat = x.reshape(-1, *self.event_shape)
        return self.model.log_prob(flat, grad=x.requires_grad and torch.is_grad_enabled()).reshape(batch)
