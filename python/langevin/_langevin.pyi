# Written by scripts/stubs.
"""
The Python module.
"""

import collections.abc
import numpy
import numpy.typing
import typing
from _typeshed import Incomplete, SupportsGetItem, SupportsLenAndGetItem
from collections.abc import Iterator
from numpy import float64, uint64
from numpy.typing import NDArray
from os import PathLike
from typing import Any, Final, SupportsFloat, SupportsIndex, final

__all__ = ["__version__", "Candidate", "Density", "Formulation", "InputLevel", "Level", "Network", "OnnxNetwork", "Plan", "Prediction", "Process", "Query", "Ranking", "Reading", "Stepper", "_Program", "_adaptive", "_adaptive_own", "_kernel_seconds", "_likelihood", "_likelihood_own", "analyze", "cli", "recommend", "samplers"]

__version__: Final[str]

@final
class Candidate:
    """
    One plan of a :class:`Ranking`.
    """
    def __repr__(self, /) -> str: ...
    @property
    def also(self, /) -> list[str]:
        """
        The names of the samplers that have the same table.
        """
    @property
    def grid(self, /) -> str:
        """
        The name of its grid.
        """
    @property
    def kl(self, /) -> float:
        """
        The KL divergence of the data from its samples, in nats; it may be infinite.
        """
    @property
    def nfe(self, /) -> int:
        """
        Its number of network evaluations.
        """
    @property
    def plan(self, /) -> Plan:
        """
        Its table.
        """
    @property
    def sampler(self, /) -> str:
        """
        The sampler's name, with its options.
        """
    @property
    def sources(self, /) -> dict:
        """
        The sources of its error as :func:`analyze` has them; empty but for the best and the usual choices.
        """
    @property
    def steps(self, /) -> int:
        """
        Its number of steps.
        """
    @property
    def typical(self, /) -> float:
        """
        What it is ranked by: its error, typical for step counts within a quarter of its own (the root mean square).
        """
    @property
    def w2(self, /) -> float:
        """
        The Wasserstein distance of its samples from the data, in the units of the data.
        """

@final
class Density:
    """
    A density known in closed form, at every noise level: a model without a network. The names are in ``Density.NAMES``.
    """
    NAMES: Final[list[str]]
    """
    Every name.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, name: str) -> Density: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def denoise(self, /, x: "numpy.typing.ArrayLike", level: Level) -> "numpy.typing.NDArray[numpy.float64]":
        """
        The denoised prediction E[x0 | x] of states of shape (…, dim) at a noise level.
        """
    @property
    def dim(self, /) -> int:
        """
        The elements of a point.
        """
    def log_density(self, /, x: "numpy.typing.ArrayLike", level: Level | None = None) -> "numpy.typing.NDArray[numpy.float64]":
        """
        log p(x) of points of shape (…, dim), at a noise level (clean data where none is given): an array of shape (…).
        """
    @property
    def name(self, /) -> str:
        """
        Its name.
        """
    def sample(self, /, count: SupportsIndex, seed: SupportsIndex = 0, *, first: SupportsIndex = 0) -> "numpy.typing.NDArray[numpy.float64]":
        """
        Draws points: an array of shape (count, dim).
        """

@final
class Formulation:
    """
    What a network was trained to be: a process, a prediction, the number it is given for time, what its input is multiplied by, and the noise levels
    (in sigma / alpha) it was trained on.

    ``clock`` is ``time``, ``scaled:1000``, ``remaining:1000``, ``lambda``, ``quarter-log-sigma``, ``log-sigma:0.25`` or ``angle``. With ``input_sigma_data`` the
    input has unit variance for data of that standard deviation (EDM's c_in on ``ve``).
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, process: Process | str, prediction: Prediction | str, *, clock: str = ..., input_sigma_data: SupportsFloat | SupportsIndex | None = None, sigma_min: SupportsFloat | SupportsIndex | None = None, sigma_max: SupportsFloat | SupportsIndex | None = None) -> Formulation: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def denoised(self, /, level: Level) -> Reading:
        """
        How to read the denoised prediction off this network at a level of any process.
        """
    @staticmethod
    def from_json(text: str) -> Formulation:
        """
        The formulation of a document of ``to_json``.
        """
    def level(self, /, time: SupportsFloat | SupportsIndex) -> Level:
        """
        The level of its own process at which the network is given this number for time.
        """
    @property
    def prediction(self, /) -> Prediction:
        """
        The prediction.
        """
    @property
    def process(self, /) -> Process:
        """
        The process.
        """
    def read_from(self, /, other: Formulation, level: Level) -> Reading:
        """
        How to read this formulation's output off a network of another one, at a level of this process.
        """
    def readings_from(self, /, other: Formulation, times: "numpy.typing.ArrayLike") -> "numpy.typing.NDArray[numpy.float64]":
        """
        How to read this formulation's output off a network of another one at many times of this one's clock: an array of shape (times, 4), columns scale, time, a, b as in
        :class:`Reading`.
        """
    def seen(self, /, level: Level) -> InputLevel:
        """
        Return what the network is told of a level: the time in its clock, and the alpha and sigma of its scaled input.
        """
    @property
    def sigma_range(self, /) -> tuple[float, float] | None:
        """
        The trained noise levels in sigma / alpha, or ``None``.
        """
    def to_json(self, /) -> str:
        """
        The formulation as a JSON document.
        """

@final
class InputLevel:
    """
    What a network is told of a :class:`Level`: the time in the network's own clock, and the coefficients of its scaled input,
    ``x = alpha * x0 + sigma * noise``.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, time: SupportsFloat | SupportsIndex, alpha: SupportsFloat | SupportsIndex, sigma: SupportsFloat | SupportsIndex) -> InputLevel: ...
    def __reduce__(self, /) -> tuple[Any, tuple[float, float, float]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def alpha(self, /) -> float:
        """
        The factor of the datum in the input.
        """
    @property
    def sigma(self, /) -> float:
        """
        The standard deviation of the noise in the input.
        """
    def state(self, /) -> Level:
        """
        Return the place of the input, taken as a state: the same alpha and sigma, on whatever process has them.
        """
    @property
    def time(self, /) -> float:
        """
        The time, in the clock of the network.
        """

@final
class Level:
    """
    A place on a process: ``x = alpha * x0 + sigma * noise``.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, time: SupportsFloat | SupportsIndex, alpha: SupportsFloat | SupportsIndex, sigma: SupportsFloat | SupportsIndex) -> Level: ...
    def __reduce__(self, /) -> tuple[Any, tuple[float, float, float]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def alpha(self, /) -> float:
        """
        How much of the datum is in the state.
        """
    @property
    def lambda_(self, /) -> float:
        """
        λ = ln(alpha / sigma), the half log-SNR.
        """
    @property
    def sigma(self, /) -> float:
        """
        The standard deviation of the noise in the state.
        """
    @property
    def sigma_ve(self, /) -> float:
        """
        sigma / alpha: the noise level in no clock.
        """
    @property
    def time(self, /) -> float:
        """
        The time, in the clock of the process.
        """

@final
class Network:
    """
    A network trained with ``langevin train``: ``Network("model.safetensors")`` reads its file.

    It is a model for :meth:`Plan.run`, and :meth:`sample` draws from it with no plan at all.
    """
    def __new__(cls, /, path: str | PathLike[str]) -> Network: ...
    def __repr__(self, /) -> str: ...
    def denormalize(self, /, samples: "numpy.typing.ArrayLike") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Samples to data: undoes the normalisation of the training. Takes and returns an array of shape (rows, …).
        """
    @property
    def formulation(self, /) -> Formulation:
        """
        What it was trained to be.
        """
    @staticmethod
    def load(path: str | PathLike[str], *, formulation: Formulation | None = None, shape: SupportsGetItem[int, SupportsIndex] | None = None, inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, uncond_inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, output: str | None = None, **unknown: "typing.NoReturn") -> "Network | OnnxNetwork":
        """
        Reads a model file, as ``Network(path)`` does. With a ``formulation`` it opens an ONNX file and returns an :class:`OnnxNetwork`; the other arguments are for ONNX files alone.
        """
    @property
    def parameters(self, /) -> int:
        """
        The number of weights.
        """
    def predict(self, /, x: "numpy.typing.ArrayLike", level: "Level | None" = None, *, first: SupportsIndex = 0) -> "numpy.typing.NDArray[numpy.float32]":
        """
        The output for states of shape (rows, …) at a level of its own process: what the network was trained to predict, in the units that it sees. For samples use :meth:`sample`.
        """
    def sample(self, /, count: SupportsIndex, seed: SupportsIndex = 0, *, sampler: str | None = None, steps: SupportsIndex | None = None, grid: str | None = None, first: SupportsIndex = 0, units: str = "data", threads: SupportsIndex | None = None, **unknown: "typing.NoReturn") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Draws samples, in the units of the data: an array of shape (count, …). ``units="model"`` leaves them in those that the network sees. ``sampler``, ``steps`` and ``grid`` have the defaults of :class:`Plan`. For control over the noise levels use :meth:`Plan.run`.
        """
    @property
    def shape(self, /) -> list[int]:
        """
        The shape of one sample.
        """

@final
class OnnxNetwork:
    """
    A network in an ONNX file, evaluated by ONNX Runtime: ``OnnxNetwork("unet.onnx", langevin.Formulation("table:scaled-linear", "epsilon"))``.

    It is a model for :meth:`Plan.run` and gives the numbers of ``langevin sample --onnx``.

    - ``shape``: the shape of one sample, for files that leave it open.
    - ``inputs``: the values of further inputs by name. Each has one row for all samples, or a row for each sample; row i belongs to sample i.
    - ``uncond_inputs``: the values that differ on the unconditional branch, for plans with ``guidance``.
    - ``output``: the name of the output to read; without it, the output with the shape of the states is read.
    """
    def __new__(cls, /, path: str | PathLike[str], formulation: Formulation | None = None, *, shape: SupportsGetItem[int, SupportsIndex] | None = None, inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, uncond_inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, output: str | None = None, **unknown: "typing.NoReturn") -> OnnxNetwork: ...
    def __repr__(self, /) -> str: ...
    @property
    def formulation(self, /) -> Formulation:
        """
        The formulation that the caller gave.
        """
    @property
    def inputs(self, /) -> list[str]:
        """
        Each input of the graph with its type and shape.
        """
    @property
    def output(self, /) -> str:
        """
        The output that is read, with its type and shape.
        """
    def predict(self, /, x: "numpy.typing.ArrayLike", level: Level, *, first: SupportsIndex = 0, branch: str = "main") -> "numpy.typing.NDArray[numpy.float64]":
        """
        The output for states of shape (rows, …) at a level of its own process. Row i is sample ``first + i``, which decides the row of further inputs; ``branch`` is ``"main"`` or ``"unconditional"``.
        """
    @property
    def shape(self, /) -> list[int]:
        """
        The shape of one sample.
        """

@final
class Plan:
    """
    A sampler compiled to a table of numbers.

    ``sampler`` is any name of ``langevin.samplers()``, with its options (``"dpmpp-2m"``, ``"heun:churn=40"``); the default is ``"dpmpp-2m"``, and with ``eta`` alone ``"ddim"``.
    ``process`` is the process of the states; the default is that of ``network``, or ``"rectified-flow"``. ``steps`` is the step count of the grid; the default is 20, or that of a list.
    ``grid`` says where the steps go (``"karras"``, the default, ``"uniform-lambda"``, …), or is a list of noise levels sigma / alpha, ``[80, 10, 1, 0]``.
    ``network`` is the :class:`Formulation` of the model; without one, the model gives the denoised prediction itself.
    ``sigma_min`` and ``sigma_max`` are noise levels in sigma / alpha; the defaults are 0.002 and 80, as far as the process goes and the network was trained.
    ``guidance`` mixes two branches, w (D − D_uncond) + D_uncond. The command line has the same defaults.
    """
    def __getitem__(self, index: SupportsIndex, /) -> Level:
        """
        The level of one evaluation.
        """
    def __iter__(self, /) -> Iterator:
        """
        The levels at which the network is evaluated, in their order.
        """
    def __len__(self, /) -> int:
        """
        The number of network evaluations.
        """
    def __new__(cls, /, sampler: str | None = None, process: Process | str | None = None, steps: SupportsIndex | None = None, *, grid: "str | collections.abc.Sequence[float] | None" = None, network: Formulation | None = None, eta: SupportsFloat | SupportsIndex | None = None, sigma_min: SupportsFloat | SupportsIndex | None = None, sigma_max: SupportsFloat | SupportsIndex | None = None, guidance: SupportsFloat | SupportsIndex | None = None, **unknown: "typing.NoReturn") -> Plan: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str:
        """
        The table, for notebooks.
        """
    @property
    def alphas(self, /) -> NDArray[float64]:
        """
        alpha at each evaluation.
        """
    @property
    def clips(self, /) -> list[tuple[str, float, float]]:
        """
        What clips the denoised prediction, one tuple for each kind: ``("clamp", low, high)`` or ``("threshold", ratio, most)``; none for a linear plan.
        """
    @property
    def draws(self, /) -> int:
        """
        The number of noise draws; the first is usually the start.
        """
    @staticmethod
    def from_diffusers(config: Any, steps: SupportsIndex | None = None, *, sampler: str | None = None, timesteps: SupportsGetItem[int, SupportsFloat | SupportsIndex] | None = None, sigmas: SupportsGetItem[int, SupportsFloat | SupportsIndex] | None = None, mu: SupportsFloat | SupportsIndex | None = None, settings: Any | None = None, start_at: SupportsIndex | None = None, image: bool = False, consistent: bool = False, image_seq_len: SupportsIndex | None = None, strict: bool = False, **unknown: "typing.NoReturn") -> Plan:
        """
        The plan that a scheduler of diffusers follows: ``config`` is its config, a mapping or JSON text. With ``sampler``, the plan of that sampler on its times, noise levels and network.

        One of ``steps``, ``timesteps`` and ``sigmas`` says where the steps go; ``settings`` has what ``step`` or ``set_timesteps`` are given (``eta``, ``s_churn``, …). ``consistent`` mends what is known
        to be wrong in the original. ``image_seq_len``, the tokens of the picture, makes ``mu`` and the levels as pipelines do. Fields that no scheduler has are passed over with a warning, and refused
        with ``strict``.
        """
    @staticmethod
    def from_json(text: str) -> Plan:
        """
        The plan of a JSON document.
        """
    @property
    def input_scales(self, /) -> NDArray[float64]:
        """
        What the network's input is multiplied by at each evaluation.
        """
    @property
    def inputs(self, /) -> list[str]:
        """
        The names of the states that the caller gives; none for a plan that starts from noise.
        """
    def is_same(self, /, other: Plan, tolerance: SupportsFloat | SupportsIndex = 1e-9) -> bool:
        """
        Whether another plan computes the same from the same network, to a tolerance.

        Plans that cannot be matched, with other inputs or other numbers of evaluations, are an :class:`ArgumentError` that says why.
        """
    def level_at_network_time(self, /, time: SupportsFloat | SupportsIndex) -> Level:
        """
        The level, in the plan's coordinates, at which the network is given this number for time.
        """
    @property
    def levels(self, /) -> list[Level]:
        """
        The levels at which the network is evaluated.
        """
    def lint(self, /) -> list[str]:
        """
        What the lint finds, a line each; an empty list for a plan that keeps the marginal of every step. Of a plan without moves, the state of each evaluation is held to its level.
        """
    @staticmethod
    def load(path: str | PathLike[str]) -> Plan:
        """
        Reads the plan of a JSON document.
        """
    @property
    def name(self, /) -> str:
        """
        The sampler's name.
        """
    @property
    def network(self, /) -> Formulation | None:
        """
        What the model is: its formulation, or ``None`` for one that gives the denoised prediction.
        """
    @property
    def network_times(self, /) -> NDArray[float64]:
        """
        What the network is given for time at each evaluation.
        """
    @property
    def nfe(self, /) -> int:
        """
        The number of network evaluations.
        """
    @property
    def readings(self, /) -> list[Reading]:
        """
        How the denoised prediction is read off the network's output at each evaluation.
        """
    def run(self, /, model: "Density | Network | OnnxNetwork | collections.abc.Callable[..., typing.Any]", shape: SupportsGetItem[int, SupportsIndex], seed: "int | collections.abc.Sequence[int] | None" = ..., *, first: SupportsIndex = 0, dtype: "str | None" = None, inputs: "collections.abc.Sequence[typing.Any] | None" = None, start: "typing.Any" = None, grad: bool = False, backend: "str | None" = None, device: "typing.Any" = None, callback: "collections.abc.Callable[[typing.Any], object] | None" = None, progress: bool = False, threads: SupportsIndex | None = None, units: str = "data", **unknown: "typing.NoReturn") -> "typing.Any":
        """
        Runs the plan to its end: an array (or tensor) of ``shape``, whose first axis is the rows.

        ``model`` is a :class:`Density`, a :class:`Network`, an :class:`OnnxNetwork`, any function ``model(x, query)`` that returns an array of the shape of ``x``, or a ``torch.nn.Module`` that is called as ``module(x, time)``
        with a time for each row, unless its second argument is called ``query``; of what it returns, ``.sample`` or the first of a tuple is taken. The model must return the denoised prediction
        D = E[x0 | x], unless the plan knows its network: ``Plan(…, network=Formulation("vp", "epsilon"))`` takes that network's own output, here epsilon. ``query`` says ``time``, ``alpha``, ``sigma``, ``branch``,
        ``index`` and ``rows``. With ``backend="torch"`` (the default for a ``torch.nn.Module``) it gets and gives tensors on ``device``. ``callback(step)`` is called after every
        evaluation, ``progress=True`` shows a bar. ``dtype`` is that of the states: ``float64`` for models of this library, which gives the bits of the command line, and ``float32`` for others. Sample i depends on the seed and on i, and on nothing else;
        ``seed`` may be a list, one for each row, or ``None`` for one that nobody has used. ``start`` is the state to begin with in the place of noise. With ``grad=True`` tensors keep their
        history, so that the result can be differentiated in the weights of the model, in ``start`` and in ``inputs``.
        Samples of a :class:`Network` are in the units of its data; ``units="model"`` leaves them in those that the network sees.
        """
    def save(self, /, path: str | PathLike[str]) -> None:
        """
        Writes the plan as a JSON document, which ``langevin sample --plan`` and :meth:`load` read.
        """
    @property
    def sigmas(self, /) -> NDArray[float64]:
        """
        sigma at each evaluation.
        """
    def start(self, /, shape: SupportsGetItem[int, SupportsIndex], seed: "int | collections.abc.Sequence[int] | None" = ..., *, first: SupportsIndex = 0, dtype: str = "float32", inputs: SupportsGetItem[int, Any] | None = None, start: "typing.Any" = None, tensors: "typing.Any" = None, threads: SupportsIndex | None = None, memory: Stepper | None = None, **unknown: "typing.NoReturn") -> Stepper:
        """
        Starts a run with control in the caller's hands: see :class:`Stepper`.

        ``shape`` is (rows, …). Row i is sample ``first + i`` of ``seed``, or, where ``seed`` is a list, sample 0 of the seed of its own.
        ``start`` is the state to begin with in the place of the noise that the plan would draw. ``threads`` share the passes over large states; they change no bit. ``memory`` is an earlier run, whose arrays are used again once nobody
        holds them.
        """
    @property
    def start_sigma(self, /) -> float:
        """
        The standard deviation of the noise that the plan starts from; of the first evaluation's noise where it starts from a state.
        """
    @property
    def times(self, /) -> NDArray[float64]:
        """
        The time of each evaluation, in the clock of the process.
        """
    def to_csv(self, /) -> str:
        """
        The plan as CSV, a line for each instruction.
        """
    def to_json(self, /) -> str:
        """
        The plan as a JSON document, whose numbers read back bit for bit.
        """
    def unclipped(self, /) -> Plan:
        """
        The plan without what clamps the denoised prediction: the same where that is within its bounds, and linear.
        """
    def weights(self, /) -> "dict[str, numpy.typing.NDArray[numpy.float64]]":
        """
        The result as one weighted sum: arrays of the weights of every input, every denoised prediction and every noise draw.
        """

@final
class Prediction:
    """
    What the output of a network means: ``x0``, ``epsilon``, ``score``, ``v``, ``velocity`` or ``edm``; diffusers' names ``sample``, ``v_prediction`` and ``flow_prediction`` are
    known too.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, name: str) -> Prediction: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    @staticmethod
    def from_json(text: str) -> Prediction:
        """
        The prediction of a document of ``to_json``.
        """
    @property
    def name(self, /) -> str:
        """
        Its name.
        """
    def to_json(self, /) -> str:
        """
        The prediction as a JSON document.
        """

@final
class Process:
    """
    A diffusion process: ``vp``, ``vp-linear``, ``vp-cosine``, ``ve``, ``rectified-flow``, ``sub-vp``, or a table such as ``table:scaled-linear``.

    ``Process(betas=[…])`` is the table of these β, ``Process(alphas_cumprod=[…])`` that of these ᾱ: a list, an array or a tensor, one number for each time of the training.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, name: str | None = None, *, betas: "numpy.typing.ArrayLike | None" = None, alphas_cumprod: "numpy.typing.ArrayLike | None" = None) -> Process: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    @staticmethod
    def from_json(text: str) -> Process:
        """
        The process of a document of ``to_json``.
        """
    def level(self, /, time: SupportsFloat | SupportsIndex) -> Level:
        """
        The level at a time of its clock.
        """
    def level_at_lambda(self, /, value: SupportsFloat | SupportsIndex) -> Level:
        """
        The level where λ has this value.
        """
    def level_at_sigma_ve(self, /, ratio: SupportsFloat | SupportsIndex) -> Level:
        """
        The level where sigma / alpha has this value.
        """
    @property
    def name(self, /) -> str:
        """
        Its name.
        """
    def to_json(self, /) -> str:
        """
        The process as a JSON document.
        """

@final
class Query:
    """
    What a plan asks of the model: the input, where it stands, and whose rows they are.
    """
    def __repr__(self, /) -> str: ...
    @property
    def alpha(self, /) -> float:
        """
        How much of the datum is in ``x``.
        """
    @property
    def branch(self, /) -> str:
        """
        ``main``, or ``unconditional`` for the other branch of guidance.
        """
    @property
    def index(self, /) -> int:
        """
        Which evaluation it is, from 0.
        """
    @property
    def rows(self, /) -> NDArray[uint64]:
        """
        The global number of each row.
        """
    @property
    def sigma(self, /) -> float:
        """
        The standard deviation of the noise in ``x``.
        """
    @property
    def time(self, /) -> float:
        """
        What the model is given for time.
        """
    def time_like(self, /, x: Any) -> Any:
        """
        The time for each row, as an array or a tensor like ``x``: shape (rows,).
        """
    @property
    def x(self, /) -> Any:
        """
        The input of the model, already scaled: an array of the run's shape. Do not write into it.
        """

@final
class Ranking:
    """
    Samplers from the best to the worst, as :func:`recommend` found them. Printed, it is the table of the ten best and why the first is the first.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def best(self, /) -> Candidate:
        """
        The best.
        """
    @property
    def candidates(self, /) -> list[Candidate]:
        """
        All different plans, the best first.
        """
    @property
    def gain(self, /) -> float:
        """
        The sum of the absolute weights of the best plan's denoised predictions in its result: how much an error of the network may come to, 1 for an average.
        """
    @property
    def measured(self, /) -> dict | None:
        """
        With ``measure``: ``trials`` (a list of dicts with ``rank``, ``sampler``, ``grid``, ``steps``, ``predicted`` and ``rms``, the root mean square distance for each element to a fine
        reference from the same noise), ``skipped`` (ranks of plans that draw noise on their way), ``samples``, ``reference_nfe`` and ``reference_error``. Otherwise ``None``.
        """
    @property
    def plans(self, /) -> int:
        """
        How many plans were analysed.
        """
    @property
    def usual(self, /) -> list[Candidate]:
        """
        The usual choices within as many evaluations, where they fit.
        """
    @property
    def why(self, /) -> list[str]:
        """
        Why the best is the best, in sentences.
        """

@final
class Reading:
    """
    How to read a network at one level of another process: ``a * x + b * network(scale * x, time)``.
    """
    def __repr__(self, /) -> str: ...
    @property
    def a(self, /) -> float:
        """
        The factor of the unscaled state.
        """
    @property
    def b(self, /) -> float:
        """
        The factor of the output.
        """
    @property
    def scale(self, /) -> float:
        """
        What the state is multiplied by before it enters the network.
        """
    @property
    def time(self, /) -> float:
        """
        What the network is given for time.
        """

@final
class Stepper:
    """
    A run of a plan with control in the caller's hands: ask ``query()``, answer ``supply(output)``, until the query is ``None``; then ``finish()``.

    Made by ``Plan.start``.
    """
    def advance(self, /) -> bool:
        """
        Executes up to the next evaluation, without scaling the model's input: for callers that scale it themselves. ``False`` at the end.
        """
    @property
    def denoised(self, /) -> Any | None:
        """
        The denoised prediction of the last answer, until the next query.
        """
    def finish(self, /) -> Any:
        """
        The result: an array of the run's shape, the caller's own. The run is over.
        """
    def query(self, /) -> Query | None:
        """
        Executes up to the next evaluation and asks for it; ``None`` at the end. Asking again without answering asks the same.
        """
    def replace(self, /, x: Any) -> None:
        """
        Puts another state in the place of the one that the open query asks about, before its input scaling.
        """
    @property
    def state(self, /) -> Any | None:
        """
        The state that the open query asks about, before its input scaling.
        """
    def step(self, /, output: Any, state: Any | None = None) -> Any | None:
        """
        ``replace(state)``, where a state is given, then ``supply(output)`` and ``advance()``: the state at the next evaluation, or the result where there is none.
        """
    def supply(self, /, output: Any) -> None:
        """
        Answers the last query with the model's output: an array of the run's shape.
        """

@final
class _Program:
    """
    A program with control in the caller's hands: for ``langevin._drive``.
    """
    def finish(self, /) -> "dict[str, typing.Any]":
        """
        The result.
        """
    def query(self, /) -> "typing.Any":
        """
        The next question: x, time, alpha, sigma and number of each row, and the cotangents; ``None`` at the end.
        """
    def supply(self, /, output: Any, products: SupportsGetItem[int, Any]) -> None:
        """
        Answers the last question with the model's output and its products with the cotangents.
        """

def _adaptive(shape: SupportsGetItem[int, SupportsIndex], seed: SupportsIndex, first: SupportsIndex, pair: str, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex], network: Formulation | None, rtol: SupportsFloat | SupportsIndex, atol: SupportsFloat | SupportsIndex, eta: SupportsFloat | SupportsIndex, dtype: str, tensors: Any | None) -> _Program:
    """
    Starts an adaptive run: for ``langevin._drive``.
    """

def _adaptive_own(model: Any, shape: SupportsGetItem[int, SupportsIndex], seed: SupportsIndex, first: SupportsIndex, pair: str, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex], rtol: SupportsFloat | SupportsIndex, atol: SupportsFloat | SupportsIndex, eta: SupportsFloat | SupportsIndex) -> "dict[str, typing.Any]":
    """
    Adaptive samples of a model of this library, without the interpreter: for ``langevin._drive``.
    """

def _kernel_seconds(elements: SupportsIndex, steps: SupportsIndex) -> float:
    """
    Seconds that one step of first order takes the library's fused kernel on so many floats in plain memory, with no executor: for `bench/python`.
    """

def _likelihood(x: Any, shape: SupportsGetItem[int, SupportsIndex], seed: SupportsIndex, first: SupportsIndex, method: str, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex], network: Formulation | None, levels: SupportsIndex, divergence: str | None, tolerance: SupportsFloat | SupportsIndex, dtype: str, tensors: Any | None) -> _Program:
    """
    Starts a likelihood: for ``langevin._drive``.
    """

def _likelihood_own(model: Any, x: Incomplete, seed: SupportsIndex, first: SupportsIndex, method: str, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex], levels: SupportsIndex, divergence: str | None, tolerance: SupportsFloat | SupportsIndex) -> "dict[str, typing.Any]":
    """
    The likelihood under a model of this library, without the interpreter: for ``langevin._drive``.
    """

def analyze(plan: Plan, data: "numpy.typing.ArrayLike | str | Network", *, score_error: SupportsFloat | SupportsIndex = 0.0, raw: "bool | None" = None, **unknown: "typing.NoReturn") -> "dict[str, typing.Any]":
    """
    The exact error of a linear plan on Gaussian data, with no sampling: a dict with ``w2``, ``kl`` (nats), ``nfe``, ``dimension`` and ``sources``, which has both for each of ``start``, ``truncation``,
    ``discretisation`` and ``score``.

    ``data`` is an array of eigenvalues of the covariance, shape (dim,), rows of data, shape (rows, dim), or a spectrum by name (``"power:2:d=3072"``). ``score_error`` is δ: the network's ε is
    1 + δ times the exact one. Rows are scaled as ``langevin train`` scales them (each column to mean 0 and standard deviation 1), with ``raw=True``, and for a plan
    that knows its network, they are taken as they are. A plan that clamps has no exact error: see :meth:`Plan.unclipped`.
    """

def cli(arguments: SupportsGetItem[int, str]) -> int:
    """
    Runs the command line with these arguments, the program's name first, and gives its exit status.
    """

def recommend(data: "numpy.typing.ArrayLike | str | Network", nfe: "int | None" = None, process: Process | str | None = None, *, network: "Formulation | Network | None" = None, config: "collections.abc.Mapping[str, typing.Any] | str | None" = None, mu: SupportsFloat | SupportsIndex | None = None, samplers: SupportsGetItem[int, str] | None = None, grids: SupportsGetItem[int, str] | None = None, by: str = "w2", score_error: SupportsFloat | SupportsIndex = 0.0, sigma_min: SupportsFloat | SupportsIndex | None = None, sigma_max: SupportsFloat | SupportsIndex | None = None, raw: "bool | None" = None, neighbours: SupportsFloat | SupportsIndex = 0.25, measure: SupportsIndex | None = None, seed: SupportsIndex = 0, **unknown: "typing.NoReturn") -> Ranking:
    """
    The sampler and the grid with the smallest exact error on Gaussian data like yours, in at most ``nfe`` evaluations of the network: a :class:`Ranking`. Nothing is sampled.

    ``data`` is what :func:`analyze` takes: eigenvalues, rows, or a spectrum by name; or a :class:`Network`, whose process, noise levels and data are taken. Rows are scaled as ``langevin train`` scales
    them: each column to mean 0 and standard deviation 1. Rows are taken as they are with ``raw=True``, and where ``network`` is a :class:`Formulation` or a ``config`` is given, which see data in units of their own; a
    :class:`Network` brings its scale. ``process`` is that of the states (``"vp"`` without one, or that of ``network``). With ``config``, the config of a
    diffusers scheduler, its times and noise levels are the grid, and ``mu`` is its shift. ``samplers`` and ``grids`` are lists of names; ``by`` is ``"w2"`` or ``"kl"``. With ``score_error`` = δ a
    plan is as good as it is for the worse of two networks, whose ε is 1 + δ and 1 − δ times the exact one: no network is exact, and some plans amplify its error.
    Plans are ranked by the root mean square of their errors over step counts within ``neighbours`` of their own, as a share, since the error at one step count may be small by luck. ``measure=5`` draws samples of the
    :class:`Network` with the first five deterministic plans, and makes the one that ends nearest to a fine reference the best.
    """

def samplers() -> list[str]:
    """
    Every name that `Plan(sampler, …)` knows.
    """
