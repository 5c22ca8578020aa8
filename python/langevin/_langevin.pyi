# Written by scripts/stubs.
"""
Compiled half of the package langevin; import :mod:`langevin` instead.
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
from pathlib import Path
from typing import Any, Final, SupportsFloat, SupportsIndex, final

__all__ = ["__version__", "Candidate", "Comparison", "Density", "Formulation", "InputLevel", "Level", "Network", "OnnxNetwork", "Plan", "Prediction", "Process", "Query", "Ranking", "Reading", "Stepper", "TableNetwork", "TokenComparison", "TokenPlan", "TokenStepper", "Tuned", "_Judge", "_Objective", "_Program", "_TokenModel", "_adaptive", "_adaptive_own", "_kernel_seconds", "_likelihood", "_likelihood_own", "_pairing", "_trace", "_tune", "analyze", "cli", "recommend", "samplers"]

__version__: Final[str]

@final
class Candidate:
    """
    Plan of a :class:`Ranking`, with its exact error.

    Examples
    --------
    >>> import langevin
    >>> found = langevin.recommend("power:2:d=8", nfe=5, samplers=["ddim"], grids=["karras"])
    >>> found.best.sampler, found.best.grid, found.best.nfe
    ('ddim', 'karras', 5)
    """
    def __repr__(self, /) -> str: ...
    @property
    def also(self, /) -> list[str]:
        """
        Names of other samplers that compile to the same table.
        """
    @property
    def grid(self, /) -> str:
        """
        Name of the grid.
        """
    @property
    def kl(self, /) -> float:
        """
        KL divergence of the data from the samples, in nats; it may be infinite.
        """
    @property
    def nfe(self, /) -> int:
        """
        Number of network evaluations (NFE).
        """
    @property
    def plan(self, /) -> Plan:
        """
        Plan itself, ready to run.
        """
    @property
    def sampler(self, /) -> str:
        """
        Name of the sampler, with its options.
        """
    @property
    def sources(self, /) -> dict:
        """
        Error by source, as in :func:`analyze`.

        The dict is empty except for the best plan and the usual choices.
        """
    @property
    def steps(self, /) -> int:
        """
        Step count.
        """
    @property
    def typical(self, /) -> float:
        """
        Error by which plans are ranked: the root mean square over neighbouring step counts.

        By default these are the step counts within a quarter of the plan's own; the argument
        ``neighbours`` of :func:`recommend` sets the share.
        """
    @property
    def w2(self, /) -> float:
        """
        Wasserstein distance between the samples and the data, in the units of the data.
        """

@final
class Comparison:
    """
    Result of comparing two plans.

    Examples
    --------
    >>> import langevin
    >>> one, other = langevin.Plan("dpmpp-2m", steps=5), langevin.Plan("adams2", steps=5)
    >>> found = one.compare(other)
    >>> found.same, found.difference > 0.01
    (False, True)
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def difference(self, /) -> float:
        """
        Largest difference of two weights; infinite if the plans cannot be matched.
        """
    @property
    def first(self, /) -> str | None:
        """
        First entry that differs by more than the tolerance, in words; ``None`` if there is none.
        """
    @property
    def lambda_difference(self, /) -> float:
        """
        Largest difference of two levels, in λ.
        """
    @property
    def mismatch(self, /) -> str | None:
        """
        Reason why the plans cannot be matched; ``None`` if they can.
        """
    @property
    def place(self, /) -> str | None:
        """
        Entry with the largest difference, in words; ``None`` if there is no difference.
        """
    @property
    def relative_difference(self, /) -> float:
        """
        Largest difference relative to the largest weight of its state, where that exceeds 1.
        """
    @property
    def same(self, /) -> bool:
        """
        ``True`` if all weights and levels agree within the tolerance.
        """
    @property
    def tolerance(self, /) -> float:
        """
        Difference below which two weights count as equal.
        """

@final
class Density:
    """
    Density known in closed form at every noise level: a model that needs no network.

    Densities are immutable; they compare equal by their names, hash and pickle.

    Parameters
    ----------
    name : str
        One of ``Density.NAMES``, such as ``"moons"``.

    Raises
    ------
    UnknownNameError
        If no density has this name.
    ArgumentError
        If the name is not a string.

    Examples
    --------
    >>> import langevin
    >>> moons = langevin.Density("moons")
    >>> langevin.Plan("dpmpp-2m", "vp", steps=10).run(moons, (3, 2), seed=1).shape
    (3, 2)
    """
    NAMES: Final[list[str]]
    """
    Names of all densities.
    """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __new__(cls, /, name: str) -> Density: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def denoise(self, /, x: "numpy.typing.ArrayLike", level: Level) -> "numpy.typing.NDArray[numpy.float64]":
        """
        Return the denoised prediction E[x0 | x] of states at a noise level.

        Parameters
        ----------
        x : array_like of float, shape (..., dim)
            The states, x = alpha · x0 + sigma · noise.
        level : Level
            The noise level of the states.

        Returns
        -------
        numpy.ndarray of float64, shape (..., dim)
            The exact denoised prediction.

        Raises
        ------
        ShapeError
            If the last axis is not ``dim`` long.

        Examples
        --------
        >>> import langevin
        >>> level = langevin.Process("ve").level(1.0)
        >>> langevin.Density("gaussian").denoise([[0.5, -0.25]], level).round(4)
        array([[ 0.5 , -0.25]])
        """
    @property
    def dim(self, /) -> int:
        """
        Number of elements of a point.
        """
    def log_density(self, /, x: "numpy.typing.ArrayLike", level: Level | None = None) -> "numpy.typing.NDArray[numpy.float64]":
        """
        Return log p(x) of points at a noise level.

        Parameters
        ----------
        x : array_like of float, shape (..., dim)
            The points.
        level : Level, optional
            The noise level. The default is clean data.

        Returns
        -------
        numpy.ndarray of float64, shape (...)
            The log-density of each point, in nats.

        Raises
        ------
        ShapeError
            If the last axis is not ``dim`` long.

        Examples
        --------
        >>> import langevin
        >>> gaussian = langevin.Density("gaussian")
        >>> gaussian.log_density([[0.5, -0.25]]).round(4)
        array([-0.8548])
        """
    @property
    def name(self, /) -> str:
        """
        Name of the density.
        """
    def sample(self, /, count: SupportsIndex, seed: SupportsIndex = 0, *, first: SupportsIndex = 0) -> "numpy.typing.NDArray[numpy.float64]":
        """
        Draw points of clean data.

        Point i depends on ``seed`` and ``first + i`` only, not on ``count``.

        Parameters
        ----------
        count : int
            The number of points.
        seed : int, default 0
            The seed, from 0 to 2**64 − 1.
        first : int, default 0
            The index of the first point.

        Returns
        -------
        numpy.ndarray of float64, shape (count, dim)
            The points.

        Raises
        ------
        ArgumentError
            If a number is negative or does not fit in 64 bits.
        MemoryError
            If the points do not fit in memory.

        Examples
        --------
        >>> import langevin
        >>> moons = langevin.Density("moons")
        >>> bool((moons.sample(3, seed=1)[2] == moons.sample(1, seed=1, first=2)[0]).all())
        True
        """

@final
class Formulation:
    """
    Formulation of a network: process, prediction, clock, input scaling and trained noise range.

    Formulations are immutable; they compare equal by their documents, hash and pickle.

    Parameters
    ----------
    process : Process or str
        The process whose states the network was trained on.
    prediction : Prediction or str
        The quantity that the network's output estimates.
    clock : str, default "time"
        The number that the network receives as its time, at time t of its process:

        - ``"time"``: t
        - ``"scaled:1000"``: 1000 t
        - ``"remaining:1000"``: 1000 (1 − t)
        - ``"lambda"``: the half log-SNR λ
        - ``"quarter-log-sigma"``: ¼ ln(sigma / alpha), EDM's c_noise
        - ``"log-sigma:0.25"``: 0.25 ln(sigma / alpha)
        - ``"angle"``: (2/π) atan(sigma / alpha)

        The factors may have other values.
    input_sigma_data : float, optional
        Standard deviation of the data for which the network's input is scaled to unit variance
        (EDM's c_in on ``ve``). The input is not scaled by default.
    sigma_min, sigma_max : float, optional
        Trained noise range in sigma / alpha; give both or neither.

    Raises
    ------
    UnknownNameError
        If the process, prediction or clock has an unknown name.
    ArgumentError
        If only one end of the noise range is given, if the range is empty, or if an argument
        cannot be read.

    Examples
    --------
    >>> import langevin
    >>> edm = langevin.Formulation("ve", "edm", clock="quarter-log-sigma", input_sigma_data=0.5)
    >>> edm.prediction.name
    'edm'
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(cls, /, process: Process | str, prediction: Prediction | str, *, clock: str = ..., input_sigma_data: SupportsFloat | SupportsIndex | None = None, sigma_min: SupportsFloat | SupportsIndex | None = None, sigma_max: SupportsFloat | SupportsIndex | None = None) -> Formulation: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def default_range(self, /) -> tuple[float, float]:
        """
        Default noise range ``(sigma_min, sigma_max)``, in sigma / alpha.

        It is the trained range, or that of the process's table, or 0.002 to 80.
        """
    def denoised(self, /, level: Level) -> Reading:
        """
        Return the coefficients that turn the network's output into the denoised prediction.

        The denoised prediction is D = a x + b network(scale · x, time).

        Parameters
        ----------
        level : Level
            The level of the state x, on any process.

        Returns
        -------
        Reading
            The coefficients scale, time, a and b.

        Raises
        ------
        ArgumentError
            If the level is outside the trained range, or if the network's process does not reach
            it.
        SingularError
            If the output does not determine the denoised prediction at this level.

        Examples
        --------
        >>> import langevin
        >>> flow = langevin.Formulation("rectified-flow", "velocity")
        >>> flow.denoised(flow.process.level(0.25)).b
        -0.25
        """
    @staticmethod
    def from_json(text: str) -> Formulation:
        """
        Build a formulation from its JSON document.

        Parameters
        ----------
        text : str
            A document written by :meth:`to_json`.

        Returns
        -------
        Formulation
            The formulation, equal to the one that was written.

        Raises
        ------
        FormatError
            If the text is not the document of a formulation.
        """
    def level(self, /, time: SupportsFloat | SupportsIndex) -> Level:
        """
        Return the level at which the network receives a given time.

        Parameters
        ----------
        time : float
            Time, in the clock of the network.

        Returns
        -------
        Level
            The level of the network's own process, at the time of that process's clock.

        Raises
        ------
        ArgumentError
            If the process does not reach this time.

        Examples
        --------
        >>> import langevin
        >>> network = langevin.Formulation("vp", "epsilon", clock="scaled:1000")
        >>> network.level(500.0).time
        0.5
        """
    @property
    def prediction(self, /) -> Prediction:
        """
        Quantity that the network's output estimates.
        """
    @property
    def process(self, /) -> Process:
        """
        Process whose states the network was trained on.
        """
    def read_from(self, /, other: Formulation, level: Level) -> Reading:
        """
        Return the coefficients that compute this formulation's output from another network.

        The output of this formulation is a x + b other(scale · x, time). The identity is exact.

        Parameters
        ----------
        other : Formulation
            The formulation of the network that is evaluated.
        level : Level
            The level of the state x, on the process of this formulation.

        Returns
        -------
        Reading
            The coefficients scale, time, a and b.

        Raises
        ------
        ArgumentError
            If the level is outside the other network's trained range, or if its process does not
            reach it.
        SingularError
            If the other output does not determine this one at this level.

        Examples
        --------
        >>> import langevin
        >>> epsilon, score = (langevin.Formulation("vp", name) for name in ("epsilon", "score"))
        >>> level = langevin.Process("vp").level(1.0)
        >>> reading = score.read_from(epsilon, level)  # the score is −epsilon / sigma
        >>> reading.a, round(reading.b * level.sigma, 12)
        (0.0, -1.0)
        """
    def readings_from(self, /, other: Formulation, times: "numpy.typing.ArrayLike") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Return the coefficients of :meth:`read_from` for many times.

        The state of each row is the input of a network of this formulation, with its input scaling.

        Parameters
        ----------
        other : Formulation
            The formulation of the network that is evaluated.
        times : array_like of float, shape (times,)
            Times, in the clock of this formulation's network.

        Returns
        -------
        numpy.ndarray of float64, shape (times, 4)
            The columns are scale, time, a and b of :class:`Reading`.

        Raises
        ------
        ArgumentError
            If a time is not reached, or if its level is outside the other network's trained range.
        SingularError
            If the other output does not determine this one at a time.

        Examples
        --------
        >>> import langevin
        >>> velocity = langevin.Formulation("rectified-flow", "velocity")
        >>> data = langevin.Formulation("rectified-flow", "x0")
        >>> data.readings_from(velocity, [0.25, 0.5])
        array([[ 1.  ,  0.25,  1.  , -0.25],
               [ 1.  ,  0.5 ,  1.  , -0.5 ]])
        """
    def seen(self, /, level: Level) -> InputLevel:
        """
        Return a level as the network sees it.

        Parameters
        ----------
        level : Level
            A level of any process; the network's own level of equal sigma / alpha is taken.

        Returns
        -------
        InputLevel
            The time in the network's clock, and the alpha and sigma of its scaled input.

        Raises
        ------
        ArgumentError
            If the network's process does not reach this noise level.

        Examples
        --------
        >>> import langevin
        >>> network = langevin.Formulation("vp-linear", "epsilon", clock="scaled:1000")
        >>> network.seen(langevin.Process("vp-linear").level(0.5)).time
        500.0
        """
    @property
    def sigma_range(self, /) -> tuple[float, float] | None:
        """
        Trained noise range ``(sigma_min, sigma_max)`` in sigma / alpha; ``None`` if unlimited.
        """
    def to_json(self, /) -> str:
        """
        Return the formulation as a JSON document.

        Returns
        -------
        str
            The document, whose numbers read back bit for bit.

        Examples
        --------
        >>> import langevin
        >>> network = langevin.Formulation("vp", "v")
        >>> langevin.Formulation.from_json(network.to_json()) == network
        True
        """

@final
class InputLevel:
    """
    Noise level as a network sees it: the time in the network's clock, and its scaled input.

    The input of the network is ``alpha * x0 + sigma * noise``. :meth:`Formulation.seen` computes an
    input level from a :class:`Level`. Input levels compare equal by their numbers, hash and pickle.

    Parameters
    ----------
    time : float
        Time, in the clock of the network.
    alpha : float
        Factor of the clean data in the input.
    sigma : float
        Standard deviation of the noise in the input.

    Raises
    ------
    ArgumentError
        If an argument is not a number.

    Examples
    --------
    >>> import langevin
    >>> network = langevin.Formulation("vp", "epsilon", clock="scaled:1000")
    >>> network.seen(langevin.Process("vp").level(0.5)).time
    500.0
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
        Factor of the clean data in the input.
        """
    @property
    def sigma(self, /) -> float:
        """
        Standard deviation of the noise in the input.
        """
    def state(self, /) -> Level:
        """
        Return the level of a state that equals the input.

        Returns
        -------
        Level
            A level with the same time, alpha and sigma. It belongs to any process that has this
            alpha and sigma.

        Examples
        --------
        >>> import langevin
        >>> langevin.InputLevel(500.0, 0.6, 0.8).state() == langevin.Level(500.0, 0.6, 0.8)
        True
        """
    @property
    def time(self, /) -> float:
        """
        Time, in the clock of the network.
        """

@final
class Level:
    """
    Noise level of a process, at which a state is ``x = alpha * x0 + sigma * noise``.

    Levels are immutable. They compare equal by their three numbers, hash and pickle.

    Parameters
    ----------
    time : float
        Time, in the clock of the process.
    alpha : float
        Factor of the clean data in the state.
    sigma : float
        Standard deviation of the noise in the state.

    Raises
    ------
    ArgumentError
        If an argument is not a number.

    Examples
    --------
    >>> import langevin
    >>> level = langevin.Level(time=1.0, alpha=0.6, sigma=0.8)
    >>> round(level.sigma_ve, 3), round(level.lambda_, 3)
    (1.333, -0.288)
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
        Factor of the clean data in the state.
        """
    @property
    def lambda_(self, /) -> float:
        """
        Half log-SNR, λ = ln(alpha / sigma).
        """
    @property
    def sigma(self, /) -> float:
        """
        Standard deviation of the noise in the state.
        """
    @property
    def sigma_ve(self, /) -> float:
        """
        Noise level sigma / alpha, which does not depend on the clock.
        """
    @property
    def time(self, /) -> float:
        """
        Time, in the clock of the process.
        """

@final
class Network:
    """
    Network trained with ``langevin train``.

    A network is a model for :meth:`Plan.run`, :func:`adaptive` and :func:`likelihood`. The method
    :meth:`sample` draws samples without an explicit plan.

    Parameters
    ----------
    path : str or os.PathLike
        The model file, such as ``"model.safetensors"``.
    class_labels : str, int or sequence, optional
        The classes of the samples, by name or number; several are taken in turn. Without them the
        samples have no class.

    Raises
    ------
    ArgumentError
        If the file does not exist, or if the network does not know a class.
    FormatError
        If the file is not a model file.

    Examples
    --------
    With a model of ``langevin train --data moons --out model.safetensors``:

    >>> import langevin
    >>> network = langevin.Network("model.safetensors")
    >>> network.shape, network.sample(100, seed=0).shape
    ([2], (100, 2))

    With a model of ``langevin train --data digits --conditional --out digits.safetensors``:

    >>> sevens = langevin.Network("digits.safetensors", class_labels=7)
    >>> sevens.classes[7], sevens.sample(4, seed=0).shape
    ('7', (4, 8, 8))
    """
    def __new__(cls, /, path: str | PathLike[str], *, class_labels: "str | int | collections.abc.Sequence[str | int] | None" = None) -> Network: ...
    def __repr__(self, /) -> str: ...
    @property
    def classes(self, /) -> list[str]:
        """
        Names of the classes; empty for a network that was trained without classes.
        """
    def denormalize(self, /, samples: "numpy.typing.ArrayLike") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Convert samples from normalised units to the units of the training data.

        Parameters
        ----------
        samples : array_like of float, shape (rows, ...)
            Samples, as the network sees them.

        Returns
        -------
        numpy.ndarray of float64, shape (rows, ...)
            The samples, with the normalisation of the training undone.

        Raises
        ------
        ShapeError
            If the samples do not have the shape of the network's data.

        Examples
        --------
        The origin in normalised units is the mean of the training rows:

        >>> import langevin
        >>> network = langevin.Network("model.safetensors")
        >>> network.denormalize([[0.0, 0.0]]).shape
        (1, 2)
        """
    @property
    def formulation(self, /) -> Formulation:
        """
        Formulation that the network was trained in.
        """
    @staticmethod
    def load(path: str | PathLike[str], *, formulation: Formulation | None = None, shape: SupportsGetItem[int, SupportsIndex] | None = None, inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, uncond_inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, output: str | None = None, class_labels: "str | int | collections.abc.Sequence[str | int] | None" = None, **unknown: "typing.NoReturn") -> "typing.Any":
        """
        Read a model file or open an ONNX file.

        A path that ends in ``.onnx``, or any path given with a ``formulation``, is opened as an
        ONNX file. The keywords are for ONNX files, see :class:`OnnxNetwork`; ``class_labels`` alone
        is for model files.

        Parameters
        ----------
        path : str or os.PathLike
            The file.
        formulation : Formulation, optional
            The formulation of the network in an ONNX file, which does not record it.
        shape : sequence of int, optional
            The shape of one sample, if the ONNX file leaves it open.
        inputs : mapping of str to array_like, optional
            The values of further inputs by name.
        uncond_inputs : mapping of str to array_like, optional
            The values that differ on the unconditional branch of guidance.
        output : str, optional
            The name of the output to read.
        class_labels : str, int or sequence, optional
            The classes of the samples of a model file; see :class:`Network`.

        Returns
        -------
        Network, OnnxNetwork, TokenNetwork or TableNetwork
            The network; a :class:`TokenNetwork` if the model file is of tokens, graphs or a table
            of categories, and a :class:`TableNetwork` if it is of numbers and categories.

        Raises
        ------
        ArgumentError
            If the file does not exist, if an ONNX file is given without a formulation, or if a
            keyword for ONNX files is given for a model file.
        FormatError
            If the file is not a model file.
        ModelError
            If the ONNX file cannot be read.

        Examples
        --------
        >>> import langevin
        >>> langevin.Network.load("model.safetensors").formulation.process.name
        'rectified-flow'
        """
    @property
    def parameters(self, /) -> int:
        """
        Number of weights.
        """
    def predict(self, /, x: "numpy.typing.ArrayLike", level: "Level | None" = None, *, first: SupportsIndex = 0) -> "numpy.typing.NDArray[numpy.float32]":
        """
        Return the network's raw output for states at a noise level.

        The output is the quantity that the network was trained to predict, in normalised units. To
        draw samples use :meth:`sample`.

        Parameters
        ----------
        x : array_like of float, shape (rows, ...)
            The states, in normalised units.
        level : Level
            The noise level, on the network's own process.
        first : int, default 0
            The index of the sample in row 0.

        Returns
        -------
        numpy.ndarray of float32, shape (rows, ...)
            The output, of the shape of ``x``.

        Raises
        ------
        ShapeError
            If ``x`` has the wrong shape, or if no level is given.

        Examples
        --------
        >>> import langevin
        >>> network = langevin.Network("model.safetensors")
        >>> level = network.formulation.process.level(0.5)
        >>> network.predict([[0.0, 0.0], [1.0, 1.0]], level).shape
        (2, 2)
        """
    def sample(self, /, count: SupportsIndex, seed: SupportsIndex = 0, *, sampler: str | None = None, steps: SupportsIndex | None = None, grid: str | None = None, first: SupportsIndex = 0, units: str = "data", threads: SupportsIndex | None = None, **unknown: "typing.NoReturn") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Draw samples.

        Sample i depends on ``seed`` and ``first + i`` only, not on ``count`` or ``threads``. To
        choose the noise range or guidance, compile a :class:`Plan` and use :meth:`Plan.run`.

        Parameters
        ----------
        count : int
            The number of samples.
        seed : int, default 0
            The seed, from 0 to 2**64 − 1.
        sampler : str, optional
            A name of :func:`samplers`, with its options. The default is that of :class:`Plan`.
        steps : int, optional
            The step count. The default is that of :class:`Plan`.
        grid : str, optional
            The name of the grid. The default is that of :class:`Plan`.
        first : int, default 0
            The index of the first sample.
        units : {"data", "model"}, default "data"
            ``"data"`` returns samples in the units of the training data; ``"model"`` returns them
            normalised, as the network sees them.
        threads : int, optional
            The number of threads. The default is the number of cores.

        Returns
        -------
        numpy.ndarray of float64, shape (count, ...)
            The samples, each of the shape :attr:`shape`.

        Raises
        ------
        UnknownNameError
            If the sampler or the grid has an unknown name.
        ArgumentError
            If the step count, the units or another argument is out of range.
        KeywordError
            If a keyword is unknown.

        Examples
        --------
        >>> import langevin
        >>> network = langevin.Network("model.safetensors")
        >>> normalised = network.sample(3, seed=1, steps=5, units="model")
        >>> samples = network.sample(3, seed=1, steps=5)
        >>> bool(abs(samples - network.denormalize(normalised)).max() < 1e-12)
        True
        """
    @property
    def shape(self, /) -> list[int]:
        """
        Shape of one sample.
        """

@final
class OnnxNetwork:
    """
    Network in an ONNX file, evaluated by ONNX Runtime.

    An ONNX network is a model for :meth:`Plan.run`. It gives the same numbers as
    ``langevin sample --onnx``.

    Parameters
    ----------
    path : str or os.PathLike
        The ONNX file.
    formulation : Formulation
        The formulation of the network, which an ONNX file does not record.
    shape : sequence of int, optional
        The shape of one sample, if the file leaves it open.
    inputs : mapping of str to array_like, optional
        The values of further inputs by name. Each array has one row for all samples or one row for
        each sample; row i belongs to sample i.
    uncond_inputs : mapping of str to array_like, optional
        The values that differ on the unconditional branch, for plans with ``guidance``.
    output : str, optional
        The name of the output to read. By default the output with the shape of the states is read.

    Raises
    ------
    ArgumentError
        If the formulation is missing, or if an argument does not fit the graph.
    ShapeError
        If ``inputs`` or ``uncond_inputs`` is not a mapping to arrays of numbers.
    ModelError
        If the file or ONNX Runtime cannot be loaded.

    Examples
    --------
    With ``digits.onnx`` of the repository's ``examples/onnx``:

    >>> import langevin
    >>> epsilon = langevin.Formulation("table:linear", "epsilon")
    >>> network = langevin.OnnxNetwork("digits.onnx", epsilon)
    >>> plan = langevin.Plan("dpmpp-2m", steps=5, network=epsilon)
    >>> plan.run(network, (4, *network.shape), seed=0).shape
    (4, 1, 8, 8)
    """
    def __new__(cls, /, path: str | PathLike[str], formulation: Formulation | None = None, *, shape: SupportsGetItem[int, SupportsIndex] | None = None, inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, uncond_inputs: "collections.abc.Mapping[str, typing.Any] | None" = None, output: str | None = None, **unknown: "typing.NoReturn") -> OnnxNetwork: ...
    def __repr__(self, /) -> str: ...
    @property
    def formulation(self, /) -> Formulation:
        """
        Formulation of the network, as given by the caller.
        """
    @property
    def inputs(self, /) -> list[str]:
        """
        Inputs of the graph, each with its type and shape.
        """
    @property
    def output(self, /) -> str:
        """
        Output of the graph that is read, with its type and shape.
        """
    def predict(self, /, x: "numpy.typing.ArrayLike", level: Level, *, first: SupportsIndex = 0, branch: str = "main") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Return the network's raw output for states at a noise level.

        Parameters
        ----------
        x : array_like of float, shape (rows, ...)
            The states.
        level : Level
            The noise level, on the network's own process.
        first : int, default 0
            The index of the sample in row 0. Row i is sample ``first + i``, which selects the row
            of further inputs.
        branch : {"main", "unconditional"}, default "main"
            The branch of guidance.

        Returns
        -------
        numpy.ndarray of float64, shape (rows, ...)
            The output, of the shape of ``x``.

        Raises
        ------
        ArgumentError
            If the branch is unknown.
        ShapeError
            If ``x`` has the wrong shape.
        ModelError
            If ONNX Runtime fails.

        Examples
        --------
        >>> import langevin, numpy
        >>> epsilon = langevin.Formulation("table:linear", "epsilon")
        >>> network = langevin.OnnxNetwork("digits.onnx", epsilon)
        >>> level = epsilon.process.level(500.0)
        >>> network.predict(numpy.zeros((2, 1, 8, 8)), level).shape
        (2, 1, 8, 8)
        """
    @property
    def shape(self, /) -> list[int]:
        """
        Shape of one sample.
        """

@final
class Plan:
    """
    Sampler compiled to a table of numbers.

    A plan is immutable. It prints as a table; iterating over it gives the noise level of each
    evaluation, and its length is the number of evaluations. The command line has the same defaults.

    Parameters
    ----------
    sampler : str, optional
        A name of :func:`samplers`, with its options (``"dpmpp-2m"``, ``"heun:churn=40"``);
        the default is ``"dpmpp-2m"``, and with ``eta`` alone ``"ddim"``.
    process : Process or str, optional
        The process of the states; the default is that of ``network``, or ``"rectified-flow"``.
    steps : int, optional
        The step count of the grid; the default is 20, or that of a list of noise levels.
    grid : str or sequence of float, optional
        The name of a grid (``"karras"``, the default, ``"uniform-lambda"``, …), or the noise levels
        sigma / alpha from first to last, as in ``[80, 10, 1, 0]``.
    network : Formulation, optional
        The formulation of the model. Without it the model must return the denoised prediction.
    eta : float, optional
        The sampler's own stochasticity η; the default is the sampler's.
    sigma_min, sigma_max : float, optional
        The noise range in sigma / alpha. The defaults are 0.002 and 80, limited to the range of the
        process and to the network's trained range.
    guidance : float, optional
        The weight w of guidance, which replaces D by w (D − D_uncond) + D_uncond.

    Raises
    ------
    UnknownNameError
        If the sampler, process or grid has an unknown name.
    ArgumentError
        If an argument cannot be read, if the step count is out of range, if the noise range is
        empty, or if the sampler takes no η.
    KeywordError
        If a keyword is unknown.

    Warns
    -----
    UserWarning
        If ``sigma_min`` or ``sigma_max`` is clipped to the network's trained range.

    Examples
    --------
    >>> import langevin
    >>> plan = langevin.Plan("heun", "vp", steps=4)
    >>> plan.nfe  # the last step of Heun costs one evaluation
    7
    >>> print(langevin.Plan("ddim", "rectified-flow", grid=[9, 1, 0]), end="")
    ddim on rectified-flow, given D: 2 moves, 2 evaluations, 1 draw
        move     h/g      time        to        λ      to  row
       start                                               x ← 0.900000·z0
    0      R  0.0000  0.900000  0.500000  -2.1972  0.0000  x ← 0.555556·x + 0.444444·D0
    1      R  0.0000  0.500000  0.000000   0.0000       ∞  x ← 1.000000·D1
    """
    def __getitem__(self, index: SupportsIndex, /) -> Level:
        """
        Return the noise level of one evaluation; negative indices count from the end.
        """
    def __iter__(self, /) -> Iterator:
        """
        Return an iterator over the noise levels of the evaluations.
        """
    def __len__(self, /) -> int:
        """
        Return the number of network evaluations.
        """
    def __new__(cls, /, sampler: str | None = None, process: Process | str | None = None, steps: SupportsIndex | None = None, *, grid: "str | collections.abc.Sequence[float] | None" = None, network: Formulation | None = None, eta: SupportsFloat | SupportsIndex | None = None, sigma_min: SupportsFloat | SupportsIndex | None = None, sigma_max: SupportsFloat | SupportsIndex | None = None, guidance: SupportsFloat | SupportsIndex | None = None, **unknown: "typing.NoReturn") -> Plan: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str:
        """
        Return the table as HTML, for notebooks.
        """
    @property
    def alphas(self, /) -> NDArray[float64]:
        """
        Factor alpha of the clean data at each evaluation: float64, shape (nfe,).
        """
    def analyze(self, /, data: "numpy.typing.ArrayLike | str | Network", *, score_error: SupportsFloat | SupportsIndex = 0.0, raw: "bool | None" = None) -> "dict[str, typing.Any]":
        """
        Compute the exact error of the plan on Gaussian data, as :func:`analyze` does.

        Parameters
        ----------
        data : array_like, str or Network
            The covariance of the data: eigenvalues, rows of data, a spectrum by name, or a network.
        score_error : float, default 0.0
            The relative error of the network's ε.
        raw : bool, optional
            ``True`` takes rows in their own units.

        Returns
        -------
        dict
            The errors, as :func:`analyze` returns them.

        Raises
        ------
        Error
            If :func:`analyze` does.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.Plan("ddim", "vp", steps=10)
        >>> plan.analyze([1.0, 0.1]) == langevin.analyze(plan, [1.0, 0.1])
        True
        """
    @property
    def clips(self, /) -> list[tuple[str, float, float]]:
        """
        Clips of the denoised prediction; empty for a linear plan.

        Each kind has one tuple: ``("clamp", low, high)`` or ``("threshold", ratio, most)``.
        """
    def compare(self, /, other: Plan, tolerance: SupportsFloat | SupportsIndex | None = None) -> Comparison:
        """
        Compare the plan with another one.

        Both are written as weights over inputs, denoised predictions and draws, in coordinates that
        all processes share. Names, networks and slots play no part.

        Parameters
        ----------
        other : Plan
            The plan to compare with.
        tolerance : float, optional
            The relative precision of the coefficients, from 0 to 0.01; the default is the larger of
            the two plans' own (:attr:`origin`).

        Returns
        -------
        Comparison
            The largest differences, or the reason why the plans cannot be matched.

        Raises
        ------
        ArgumentError
            If a plan clips the denoised prediction, or if it is too large to unroll.

        Examples
        --------
        >>> import langevin
        >>> ddim, euler, heun = (langevin.Plan(name, steps=5) for name in ("ddim", "euler", "heun"))
        >>> ddim.compare(euler).same, ddim.compare(heun).mismatch
        (True, '5 evaluations against 9')
        """
    @property
    def draws(self, /) -> int:
        """
        Number of noise draws; the first is usually the start.
        """
    def emit(self, /, language: str) -> str:
        """
        Return a program without dependencies that runs the plan.

        It has the noise generator and the rows of the plan, takes the network as a function, and
        returns the samples of this library, bit for bit in double precision.

        Parameters
        ----------
        language : {"c", "js", "rust", "swift", "numpy"}
            The language of the program.

        Returns
        -------
        str
            The program, one file.

        Raises
        ------
        UnknownNameError
            If the language is unknown.
        ArgumentError
            If the plan has an operation that only the program that wrote it knows, or for an ONNX
            file, which :meth:`to_onnx` writes.

        Examples
        --------
        >>> import langevin
        >>> program = langevin.Plan("ddim", steps=4).emit("numpy")
        >>> names = {}
        >>> exec(program, names)
        >>> names["sample"](lambda x, *_: 0 * x, seed=1, indices=[0, 1], width=3).shape
        (2, 3)
        """
    def for_network(self, /, formulation: Formulation) -> Plan:
        """
        Return the plan for a network of another formulation.

        The states, the noise and the samples stay the same: only the coefficients by which the
        network's output is read are computed again, exactly.

        Parameters
        ----------
        formulation : Formulation
            The formulation of the network.

        Returns
        -------
        Plan
            The plan, which expects this network.

        Raises
        ------
        ArgumentError
            If the network's process does not reach a noise level of the plan.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.Plan("ddim", "vp", steps=3)
        >>> plan.for_network(langevin.Formulation("rectified-flow", "velocity")).nfe
        3
        """
    @staticmethod
    def from_diffusers(config: Any, steps: SupportsIndex | None = None, *, sampler: str | None = None, timesteps: SupportsGetItem[int, SupportsFloat | SupportsIndex] | None = None, sigmas: SupportsGetItem[int, SupportsFloat | SupportsIndex] | None = None, mu: SupportsFloat | SupportsIndex | None = None, settings: Any | None = None, start_at: SupportsIndex | None = None, image: bool = False, consistent: bool = False, image_seq_len: SupportsIndex | None = None, strict: bool = False, **unknown: "typing.NoReturn") -> Plan:
        """
        Compile the plan that a scheduler of diffusers follows.

        With ``sampler`` the plan is that of the sampler on the scheduler's times, noise levels and
        network. Give one of ``steps``, ``timesteps`` and ``sigmas``.

        Parameters
        ----------
        config : mapping or str
            The config of the scheduler, with its class under ``_class_name``, as a mapping or JSON.
        steps : int, optional
            The number of inference steps.
        sampler : str, optional
            A name of :func:`samplers`. The default is the scheduler's own method.
        timesteps : sequence of float, optional
            The times of the steps, as in ``set_timesteps(timesteps=…)``.
        sigmas : sequence of float, optional
            The noise levels of the steps, as in ``set_timesteps(sigmas=…)``.
        mu : float, optional
            The shift of a config with dynamic shifting.
        settings : mapping or str, optional
            Arguments of the original's ``step`` or ``set_timesteps`` (``eta``, ``s_churn``, …).
        start_at : int, optional
            The number of leading steps that are left out; the plan then starts from an input.
        image : bool, default False
            With ``start_at``, start from a clean image instead of a noisy state.
        consistent : bool, default False
            Fix known bugs of the original and keep everything else.
        image_seq_len : int, optional
            The number of tokens of the image, from which pipelines compute ``mu`` and the levels.
        strict : bool, default False
            Reject fields that no scheduler has. By default they are ignored with a warning.

        Returns
        -------
        Plan
            The plan.

        Raises
        ------
        UnknownNameError
            If the scheduler class or the sampler is unknown.
        ArgumentError
            If a field or an argument is out of range or has no plan.
        FormatError
            If the config is not a JSON object.
        KeywordError
            If a keyword is unknown.

        Examples
        --------
        >>> import langevin
        >>> config = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear"}
        >>> langevin.Plan.from_diffusers(config, steps=4).nfe
        4
        >>> langevin.Plan.from_diffusers(config, steps=4, sampler="dpmpp-2m").name
        'dpmpp-2m'
        """
    @staticmethod
    def from_json(text: str) -> "typing.Any":
        """
        Build a plan from its JSON document.

        Parameters
        ----------
        text : str
            A document written by :meth:`to_json` or by the command line.

        Returns
        -------
        Plan or TokenPlan
            The plan; a :class:`TokenPlan` if the document is one of tokens.

        Raises
        ------
        FormatError
            If the text is not the document of a plan.
        """
    @property
    def input_scales(self, /) -> NDArray[float64]:
        """
        Factor of the network's input at each evaluation: float64, shape (nfe,).
        """
    @property
    def inputs(self, /) -> list[str]:
        """
        Names of the states that the caller supplies; empty for a plan that starts from noise.
        """
    def is_same(self, /, other: Plan, tolerance: SupportsFloat | SupportsIndex | None = None) -> bool:
        """
        Return whether another plan computes the same result from the same network.

        Parameters
        ----------
        other : Plan
            The plan to compare with.
        tolerance : float, optional
            The largest difference that counts as equal; the default is 1e-9, or the plans' own
            precision (:attr:`origin`) if that is less.

        Returns
        -------
        bool
            ``True`` if the plans agree within the tolerance.

        Raises
        ------
        ArgumentError
            If the plans cannot be matched, because their inputs or their numbers of evaluations
            differ.

        Examples
        --------
        >>> import langevin
        >>> ddim = langevin.Plan("ddim", "vp", steps=5)
        >>> ddim.is_same(langevin.Plan("euler", "vp", steps=5))
        True
        """
    def level_at_network_time(self, /, time: SupportsFloat | SupportsIndex) -> Level:
        """
        Return the level, in the plan's coordinates, at which the network receives a given time.

        Parameters
        ----------
        time : float
            Time, in the clock of the network.

        Returns
        -------
        Level
            The level of an evaluation at this time, or else the level of the plan's process.

        Raises
        ------
        ArgumentError
            If the process does not reach this time.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.Plan("ddim", "vp", steps=5)
        >>> plan.level_at_network_time(plan.network_times[2]) == plan[2]
        True
        """
    @property
    def levels(self, /) -> list[Level]:
        """
        Noise level of each evaluation, in order.
        """
    def lint(self, /, tolerance: SupportsFloat | SupportsIndex | None = None) -> list[str]:
        """
        Check that the plan keeps the marginal distribution of every step.

        A plan without moves is checked at its evaluations: the state of each must have its level.

        Parameters
        ----------
        tolerance : float, optional
            The relative precision of the coefficients, from 0 to 0.01; the default is that of
            :attr:`origin`, or 0.

        Returns
        -------
        list of str
            The findings, one line each; empty if the plan is clean.

        Raises
        ------
        ArgumentError
            If the plan clips the denoised prediction, or if it is too large to unroll.

        Examples
        --------
        >>> import langevin
        >>> langevin.Plan("ddim:eta=1", "vp", steps=5).lint()
        []
        """
    @staticmethod
    def load(path: str | PathLike[str]) -> "typing.Any":
        """
        Read a plan from a JSON file.

        Parameters
        ----------
        path : str or os.PathLike
            A file written by :meth:`save` or by the command line.

        Returns
        -------
        Plan or TokenPlan
            The plan; a :class:`TokenPlan` if the file holds one of tokens.

        Raises
        ------
        ArgumentError
            If the file cannot be read.
        FormatError
            If the file is not the document of a plan.
        """
    @property
    def name(self, /) -> str:
        """
        Name of the sampler.
        """
    @property
    def network(self, /) -> Formulation | None:
        """
        Formulation of the model; ``None`` if the model returns the denoised prediction.
        """
    @property
    def network_times(self, /) -> NDArray[float64]:
        """
        Time that the network receives at each evaluation: float64, shape (nfe,).
        """
    @property
    def nfe(self, /) -> int:
        """
        Number of network evaluations (NFE).

        With guidance an evaluation calls the model on both branches and counts once.
        """
    def notes(self, /, tolerance: SupportsFloat | SupportsIndex | None = None) -> list[str]:
        """
        Return remarks that are no faults: an unusual start, noise that is left, idle steps.

        Parameters
        ----------
        tolerance : float, optional
            The relative precision of the coefficients, as in :meth:`lint`.

        Returns
        -------
        list of str
            The remarks, one line each.

        Raises
        ------
        ArgumentError
            If the plan clips the denoised prediction, or if it is too large to unroll.

        Examples
        --------
        >>> import langevin
        >>> langevin.Plan("ddim", "ve", grid=[9, 1]).notes()
        ['the result is still noisy: σ/α = 1.000000e0']
        """
    @property
    def origin(self, /) -> tuple[str, float] | None:
        """
        Origin of the coefficients, ``(source, tolerance)``.

        It is ``None`` for plans that this library computed. Otherwise the coefficients are exact to
        the relative ``tolerance``, which :meth:`lint` and :meth:`is_same` take into account.
        """
    def parameters(self, /) -> NDArray[float64]:
        """
        Return the coefficients of all rows as one array.

        They are in the order of the instructions; each row has those of its states first, then
        those of its draws. Noise levels and conversions of the network are not among them.

        Returns
        -------
        numpy.ndarray of float64
            The coefficients.

        Examples
        --------
        >>> import langevin
        >>> langevin.Plan("ddim", "rectified-flow", grid="times:0.5,0").parameters()
        array([0.5, 1. ])
        """
    @property
    def readings(self, /) -> list[Reading]:
        """
        Coefficients that turn the network's output into the denoised prediction, by evaluation.
        """
    def run(self, /, model: "Density | Network | OnnxNetwork | collections.abc.Callable[..., typing.Any]", shape: SupportsGetItem[int, SupportsIndex], seed: "int | collections.abc.Sequence[int] | None" = ..., *, first: SupportsIndex = 0, dtype: "str | None" = None, inputs: "collections.abc.Sequence[typing.Any] | None" = None, start: "typing.Any" = None, grad: bool = False, backend: "str | None" = None, device: "typing.Any" = None, callback: "collections.abc.Callable[[typing.Any], object] | None" = None, progress: bool = False, threads: SupportsIndex | None = None, units: str = "data", **unknown: "typing.NoReturn") -> "typing.Any":
        """
        Run the plan on a model and return the samples.

        The model must return the denoised prediction D = E[x0 | x], unless the plan knows its
        network: ``Plan(…, network=Formulation("vp", "epsilon"))`` takes that network's own output,
        here epsilon. Sample i depends on the seed and on i only, not on the batch or the threads.

        Parameters
        ----------
        model : Density, Network, OnnxNetwork or callable
            A model of this library; a function ``model(x, query)`` that returns an array of the
            shape of ``x``, where ``query`` has the fields of :class:`Query`; or a
            ``torch.nn.Module``. A module is called as ``module(x, time)`` with a time for each row,
            or as ``module(x, query)`` if its second argument is named ``query``. If
            ``module(x, time)`` returns a tuple or an object with ``.sample``, the first entry or
            ``.sample`` is taken.
        shape : sequence of int
            The shape of the result, (rows, ...).
        seed : int or sequence of int, optional
            One seed, 0 by default, or a list with one for each row. ``None`` draws a new seed.
        first : int, default 0
            The index of the first sample.
        dtype : str, optional
            The dtype of the states. The default is ``"float64"`` for models of this library, which
            gives the bits of the command line, and ``"float32"`` for others. Tensors may have any
            floating-point dtype.
        inputs : sequence of array_like, optional
            The states that the plan takes from the caller, in the order of :attr:`inputs`.
        start : array_like of float, of the given shape, optional
            A start state that replaces the noise that the plan would draw.
        grad : bool, default False
            Keep the history of tensors, so that the result can be differentiated with respect to
            the model's weights, ``start`` and ``inputs``.
        backend : {"numpy", "torch"}, optional
            The kind of array that the model receives and returns. The default is ``"torch"`` for a
            ``torch.nn.Module``, for tensors, and with ``device`` or ``grad``.
        device : str or torch.device, optional
            The device of the tensors. The default is that of ``inputs`` or ``start``, else the CPU.
        callback : callable, optional
            A function that is called with a :class:`Step` after every evaluation.
        progress : bool, default False
            Show a progress bar.
        threads : int, optional
            The number of threads. It does not change the result.
        units : {"data", "model"}, default "data"
            ``"data"`` returns samples of a :class:`Network` in the units of its training data;
            ``"model"`` returns them normalised, as the network sees them.

        Returns
        -------
        numpy.ndarray or torch.Tensor, of the given shape
            The samples, one for each row.

        Raises
        ------
        ArgumentError
            If the model cannot be called, if it writes into its input, if the samples are not
            finite, or if an argument is out of range.
        ShapeError
            If the shape, the dtype or the model's output does not fit.
        KeywordError
            If a keyword is unknown.
        Exception
            Any exception of the model or the callback, unchanged.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.Plan("ddim", "vp", steps=5)
        >>> plan.run(langevin.Density("moons"), (3, 2), seed=1).shape
        (3, 2)
        >>> def model(x, query):  # the denoised prediction of standard normal data
        ...     return query.alpha * x / (query.alpha**2 + query.sigma**2)
        >>> plan.run(model, (3, 2), seed=1).dtype
        dtype('float32')
        """
    def save(self, /, path: str | PathLike[str]) -> None:
        """
        Write the plan to a JSON file, which ``langevin sample --plan`` and :meth:`load` read.

        Parameters
        ----------
        path : str or os.PathLike
            The file to write.

        Raises
        ------
        ArgumentError
            If the file cannot be written.

        Examples
        --------
        >>> import langevin, os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "plan.json")
        ...     langevin.Plan("ddim", "vp", steps=5).save(path)
        ...     langevin.Plan.load(path).nfe
        5
        """
    @property
    def sigmas(self, /) -> NDArray[float64]:
        """
        Standard deviation sigma of the noise at each evaluation: float64, shape (nfe,).
        """
    def start(self, /, shape: SupportsGetItem[int, SupportsIndex], seed: "int | collections.abc.Sequence[int] | None" = ..., *, first: SupportsIndex = 0, dtype: str = "float32", inputs: SupportsGetItem[int, Any] | None = None, start: "typing.Any" = None, tensors: "typing.Any" = None, threads: SupportsIndex | None = None, memory: Stepper | None = None, **unknown: "typing.NoReturn") -> Stepper:
        """
        Start a run that the caller drives step by step.

        Parameters
        ----------
        shape : sequence of int
            The shape of the states, (rows, ...).
        seed : int or sequence of int, optional
            With one seed, 0 by default, row i is sample ``first + i`` of that seed. With a list,
            row i is sample ``first`` of its own seed. ``None`` draws a new seed.
        first : int, default 0
            The index of the first sample.
        dtype : {"float32", "float64"}, default "float32"
            The dtype of the states.
        inputs : sequence of array_like, optional
            The states that the plan takes from the caller, in the order of :attr:`inputs`.
        start : numpy.ndarray of float, shape of the run, optional
            A start state that replaces the noise that the plan would draw.
        tensors : object, optional
            The tensor operations of a torch run; for internal use.
        threads : int, optional
            The number of threads that share passes over large states. It does not change the
            result.
        memory : Stepper, optional
            An earlier run, whose arrays are reused once nothing else holds them.

        Returns
        -------
        Stepper
            The run, before its first evaluation.

        Raises
        ------
        ShapeError
            If the shape, the dtype, an input, the start or the number of seeds does not fit.
        ArgumentError
            If the number of inputs does not fit, or if an argument cannot be read.
        KeywordError
            If a keyword is unknown.

        Examples
        --------
        >>> import langevin
        >>> run = langevin.Plan("ddim", "vp", steps=1).start((3, 2), seed=1)
        >>> query = run.query()
        >>> run.supply(0 * query.x)  # a model that predicts zero
        >>> float(abs(run.finish()).max())
        0.0
        """
    @property
    def start_sigma(self, /) -> float:
        """
        Standard deviation of the noise that the plan starts from.

        For a plan that starts from a state it is the sigma of the first evaluation.
        """
    @property
    def times(self, /) -> NDArray[float64]:
        """
        Time of each evaluation, in the clock of the process: float64, shape (nfe,).
        """
    def to_csv(self, /) -> str:
        """
        Return the instructions of the plan as CSV.

        Returns
        -------
        str
            A header line, then a line for each evaluation and for each term of the other
            instructions.

        Examples
        --------
        >>> import langevin
        >>> langevin.Plan("ddim", "vp", steps=5).to_csv().splitlines()[0]
        'op,kind,into,time,alpha,sigma,coefficient,source'
        """
    def to_json(self, /) -> str:
        """
        Return the plan as a JSON document.

        Returns
        -------
        str
            The document, whose numbers read back bit for bit.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.Plan("ddim", "vp", steps=5)
        >>> langevin.Plan.from_json(plan.to_json()).is_same(plan)
        True
        """
    def to_onnx(self, /, network: str | PathLike[str], *, formulation: Formulation | None = None, inputs: SupportsGetItem[int, str] | None = None, output: str | None = None, normalization: tuple[SupportsFloat | SupportsIndex, SupportsFloat | SupportsIndex] | None = None, **unknown: "typing.NoReturn") -> "bytes":
        """
        Return one ONNX file that holds the plan and its network, from noise to samples.

        The loop of the plan is unrolled: the weights are kept once, and the nodes of the network
        are copied for every evaluation. The input ``noise`` takes standard normal numbers of the
        shape of the samples; a plan with several draws has them along a new first axis. The
        output is ``samples``. Further inputs of the network and the inputs of the plan are inputs
        of the file; a guided plan also takes each further input with ``_unconditional``.

        Parameters
        ----------
        network : str or os.PathLike
            The ONNX file of the network. Weights that it keeps in other files stay there, and the
            new file must lie in the same folder.
        formulation : Formulation, optional
            The formulation of the network, if it differs from that of the plan. The plan is
            converted exactly.
        inputs : sequence of str, optional
            The names of the network's further inputs. By default they are found by the names and
            shapes of all inputs.
        output : str, optional
            The name of the output to read. By default the output with the shape of the states is
            read.
        normalization : tuple of float, optional
            Shift and scale of the data: datum = shift + scale·x.

        Returns
        -------
        bytes
            The ONNX file.

        Raises
        ------
        ArgumentError
            If an argument does not fit the network, if the plan has an operation that ONNX cannot
            express, or if the file would be too large.
        ModelError
            If the file is not a network.

        Examples
        --------
        With ``digits.onnx`` of the repository's ``examples/onnx``:

        >>> import langevin, pathlib
        >>> epsilon = langevin.Formulation("table:linear", "epsilon")
        >>> plan = langevin.Plan("dpmpp-2m", steps=5, network=epsilon)
        >>> pathlib.Path("sampler.onnx").write_bytes(plan.to_onnx("digits.onnx")) > 500_000
        True
        """
    def unclipped(self, /) -> Plan:
        """
        Return the plan without its clips of the denoised prediction.

        The two plans agree wherever the denoised prediction is within its bounds.

        Returns
        -------
        Plan
            A linear plan, which :func:`analyze` accepts.

        Examples
        --------
        >>> import langevin
        >>> config = {"_class_name": "DDIMScheduler"}
        >>> plan = langevin.Plan.from_diffusers(config, steps=4)
        >>> plan.clips, plan.unclipped().clips
        ([('clamp', -1.0, 1.0)], [])
        """
    def weights(self, /) -> "dict[str, numpy.typing.NDArray[numpy.float64]]":
        """
        Return the result of the plan as one weighted sum.

        Returns
        -------
        dict of str to numpy.ndarray of float64
            The weights of all inputs (``"inputs"``), of all denoised predictions (``"evals"``) and
            of all noise draws (``"draws"``). With guidance ``"evals"`` has both branches.

        Raises
        ------
        ArgumentError
            If the plan clips the denoised prediction, or if it is too large to unroll.

        Examples
        --------
        >>> import langevin
        >>> weights = langevin.Plan("ddim", "vp", steps=3).weights()
        >>> weights["evals"]  # the last prediction is the result
        array([0., 0., 1.])
        """
    def with_parameters(self, /, parameters: SupportsGetItem[int, SupportsFloat | SupportsIndex]) -> Plan:
        """
        Return the plan with other coefficients.

        Parameters
        ----------
        parameters : array_like of float
            The coefficients, in the order of :meth:`parameters`.

        Returns
        -------
        Plan
            The changed plan.

        Raises
        ------
        ArgumentError
            If their number differs, or if one is not finite.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.Plan("dpmpp-2m", steps=4)
        >>> changed = plan.with_parameters(plan.parameters() * 1.01)
        >>> len(plan.lint()), len(changed.lint()) > 0
        (0, True)
        """

@final
class Prediction:
    """
    Prediction (parameterization) of a network: the quantity that its output estimates.

    Predictions are immutable; they compare equal, hash and pickle.

    Parameters
    ----------
    name : str
        ``"x0"``, ``"epsilon"``, ``"score"``, ``"v"``, ``"velocity"`` or ``"edm"``. The names of
        diffusers, ``"sample"``, ``"v_prediction"`` and ``"flow_prediction"``, are accepted too.

    Raises
    ------
    UnknownNameError
        If no prediction has this name.
    ArgumentError
        If the name is not a string.

    Examples
    --------
    >>> import langevin
    >>> langevin.Prediction("v_prediction").name
    'v'
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
        Build a prediction from its JSON document.

        Parameters
        ----------
        text : str
            A document written by :meth:`to_json`.

        Returns
        -------
        Prediction
            The prediction, equal to the one that was written.

        Raises
        ------
        FormatError
            If the text is not the document of a prediction.
        """
    @property
    def name(self, /) -> str:
        """
        Name of the prediction.
        """
    def to_json(self, /) -> str:
        """
        Return the prediction as a JSON document.

        Returns
        -------
        str
            The document.

        Examples
        --------
        >>> import langevin
        >>> langevin.Prediction("epsilon").to_json()
        '{"kind":"epsilon"}'
        """

@final
class Process:
    """
    Diffusion process: a noise schedule alpha, sigma over time.

    Exactly one of the three arguments must be given. Processes are immutable; they compare equal by
    their documents, hash and pickle.

    Parameters
    ----------
    name : str, optional
        ``"vp"``, ``"vp-linear"``, ``"vp-cosine"``, ``"ve"``, ``"rectified-flow"``, ``"sub-vp"``, or
        a table such as ``"table:scaled-linear"``.
    betas : array_like of float, shape (times,), optional
        The β of a discrete schedule, one for each training time: a list, an array or a tensor.
    alphas_cumprod : array_like of float, shape (times,), optional
        The cumulative products ᾱ of a discrete schedule, one for each training time.

    Raises
    ------
    UnknownNameError
        If no process has this name.
    ArgumentError
        If none or several of the arguments are given, or if a β or ᾱ is out of range.

    Examples
    --------
    >>> import langevin
    >>> langevin.Process("rectified-flow").level(0.25).alpha
    0.75
    >>> langevin.Process(betas=[0.1, 0.2]).name
    'table:list'
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
        Build a process from its JSON document.

        Parameters
        ----------
        text : str
            A document written by :meth:`to_json`.

        Returns
        -------
        Process
            The process, equal to the one that was written.

        Raises
        ------
        FormatError
            If the text is not the document of a process.
        """
    def level(self, /, time: SupportsFloat | SupportsIndex) -> Level:
        """
        Return the level at a time.

        Parameters
        ----------
        time : float
            Time, in the clock of the process.

        Returns
        -------
        Level
            The level at this time.

        Raises
        ------
        ArgumentError
            If the process does not reach this time.

        Examples
        --------
        >>> import langevin
        >>> level = langevin.Process("vp").level(1.0)
        >>> round(level.alpha**2 + level.sigma**2, 12)
        1.0
        """
    def level_at_lambda(self, /, value: SupportsFloat | SupportsIndex) -> Level:
        """
        Return the level at a half log-SNR λ = ln(alpha / sigma).

        Parameters
        ----------
        value : float
            The half log-SNR λ.

        Returns
        -------
        Level
            The level of this process with that λ.

        Raises
        ------
        ArgumentError
            If the process does not reach this λ.

        Examples
        --------
        >>> import langevin
        >>> langevin.Process("ve").level_at_lambda(0.0).sigma
        1.0
        """
    def level_at_sigma_ve(self, /, ratio: SupportsFloat | SupportsIndex) -> Level:
        """
        Return the level at a noise level sigma / alpha.

        Parameters
        ----------
        ratio : float
            The noise level sigma / alpha.

        Returns
        -------
        Level
            The level of this process with that ratio.

        Raises
        ------
        ArgumentError
            If the process does not reach this noise level.

        Examples
        --------
        >>> import langevin
        >>> langevin.Process("rectified-flow").level_at_sigma_ve(1.0).time
        0.5
        """
    @property
    def name(self, /) -> str:
        """
        Name of the process.
        """
    def to_json(self, /) -> str:
        """
        Return the process as a JSON document.

        Returns
        -------
        str
            The document, whose numbers read back bit for bit.

        Examples
        --------
        >>> import langevin
        >>> process = langevin.Process("table:scaled-linear")
        >>> langevin.Process.from_json(process.to_json()) == process
        True
        """

@final
class Query:
    """
    Evaluation of the model that a plan requests: the input, its noise level and its rows.

    :meth:`Stepper.query` returns queries, and :meth:`Plan.run` passes them to the model as its
    second argument.

    Examples
    --------
    >>> import langevin
    >>> run = langevin.Plan("ddim", "vp", steps=2).start((3, 2))
    >>> query = run.query()
    >>> query.index, query.branch, query.x.shape
    (0, 'main', (3, 2))
    """
    def __repr__(self, /) -> str: ...
    @property
    def alpha(self, /) -> float:
        """
        Factor of the clean data in ``x``.
        """
    @property
    def branch(self, /) -> str:
        """
        Branch of guidance: ``"main"`` or ``"unconditional"``.
        """
    @property
    def index(self, /) -> int:
        """
        Number of model calls before this one in the run.
        """
    @property
    def rows(self, /) -> NDArray[uint64]:
        """
        Sample index of each row: uint64, shape (rows,).
        """
    @property
    def sigma(self, /) -> float:
        """
        Standard deviation of the noise in ``x``.
        """
    @property
    def time(self, /) -> float:
        """
        Time that the model receives, in the clock of the network.
        """
    def time_like(self, /, x: Any) -> Any:
        """
        Return the time once for each row, as an array or tensor like ``x``.

        Parameters
        ----------
        x : numpy.ndarray or torch.Tensor, shape (rows, ...)
            The array or tensor whose row count, dtype and device are taken.

        Returns
        -------
        numpy.ndarray or torch.Tensor, shape (rows,)
            The time, repeated.

        Examples
        --------
        >>> import langevin
        >>> query = langevin.Plan("ddim", "vp", steps=2).start((3, 2)).query()
        >>> query.time_like(query.x).shape
        (3,)
        """
    @property
    def x(self, /) -> Any:
        """
        Input of the model, already scaled: an array of the run's shape. Do not write into it.
        """

@final
class Ranking:
    """
    Plans from best to worst, found by :func:`recommend`.

    A ranking prints as a table of the ten best plans, followed by the reasons for the first.

    Examples
    --------
    >>> import langevin
    >>> ranking = langevin.recommend(
    ...     "power:2:d=8", nfe=5, samplers=["ddim", "dpmpp-2m"], grids=["karras"]
    ... )
    >>> [candidate.sampler for candidate in ranking.candidates]
    ['dpmpp-2m', 'ddim']
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def best(self, /) -> Candidate:
        """
        Best plan.
        """
    @property
    def candidates(self, /) -> list[Candidate]:
        """
        Distinct plans, best first.
        """
    @property
    def gain(self, /) -> float:
        """
        Largest factor by which the best plan can amplify an error of the network.

        It is the sum of the absolute weights of the denoised predictions in the result: 1 if the
        result is an average of them, NaN if the plan is too large to compute it.
        """
    @property
    def measured(self, /) -> dict | None:
        """
        Result of trying the first plans on the network; ``None`` without ``measure``.

        The dict has these keys:

        - ``"trials"``: a list of dicts with ``"rank"``, ``"sampler"``, ``"grid"``, ``"steps"``,
          ``"predicted"`` and ``"rms"``. The last is the root mean square distance per element to a
          fine reference run from the same noise.
        - ``"skipped"``: the ranks of plans that draw noise after the start.
        - ``"samples"``: the number of samples of each plan.
        - ``"reference_nfe"``: the number of evaluations of the reference.
        - ``"reference_error"``: the distance between the reference and one with half its
          evaluations. Smaller differences between plans are not significant.
        """
    @property
    def plans(self, /) -> int:
        """
        Number of plans that were analysed.
        """
    @property
    def tuned(self, /) -> Tuned | None:
        """
        Plan fitted to the network, with its evidence; ``None`` without ``tune=True``.
        """
    @property
    def usual(self, /) -> list[Candidate]:
        """
        Usual choices within the same budget of evaluations, if they fit it.
        """
    @property
    def why(self, /) -> list[str]:
        """
        Reasons why the first plan is the best, one sentence or more in each entry.
        """

@final
class Reading:
    """
    Coefficients that read a network at one level: ``a * x + b * network(scale * x, time)``.

    :meth:`Formulation.denoised` and :meth:`Formulation.read_from` compute readings.

    Examples
    --------
    >>> import langevin
    >>> flow = langevin.Formulation("rectified-flow", "velocity")
    >>> reading = flow.denoised(langevin.Process("rectified-flow").level(0.25))
    >>> reading.a, reading.b  # the denoised prediction is x − t · velocity
    (1.0, -0.25)
    """
    def __repr__(self, /) -> str: ...
    @property
    def a(self, /) -> float:
        """
        Factor of the unscaled state.
        """
    @property
    def b(self, /) -> float:
        """
        Factor of the network's output.
        """
    @property
    def scale(self, /) -> float:
        """
        Factor of the state before it enters the network.
        """
    @property
    def time(self, /) -> float:
        """
        Time that is passed to the network.
        """

@final
class Stepper:
    """
    Run of a plan that the caller drives: the caller evaluates the model.

    :meth:`Plan.start` creates it. Call :meth:`query` and answer with :meth:`supply` until the query
    is ``None``, then call :meth:`finish`. Methods raise an :class:`ArgumentError` once the run is
    finished.

    Examples
    --------
    >>> import langevin
    >>> moons = langevin.Density("moons")
    >>> run = langevin.Plan("ddim", "vp", steps=5).start((3, 2), seed=1, dtype="float64")
    >>> while (query := run.query()) is not None:
    ...     level = langevin.Level(query.time, query.alpha, query.sigma)
    ...     run.supply(moons.denoise(query.x, level))
    >>> run.finish().shape
    (3, 2)
    """
    def advance(self, /) -> bool:
        """
        Execute the plan up to the next model evaluation, without scaling the model's input.

        This is for callers that read :attr:`state` and scale the input themselves.

        Returns
        -------
        bool
            ``True`` if an evaluation is pending, ``False`` at the end of the plan.

        Raises
        ------
        ArgumentError
            If the run is finished.
        """
    @property
    def denoised(self, /) -> Any | None:
        """
        Denoised prediction of the last answer; available until the next query.
        """
    def finish(self, /) -> Any:
        """
        Return the result and end the run.

        Returns
        -------
        numpy.ndarray or torch.Tensor, shape of the run
            The result, which the caller owns.

        Raises
        ------
        ArgumentError
            If a query is unanswered, or if the run is finished already.
        """
    def query(self, /) -> Query | None:
        """
        Execute the plan up to the next model evaluation and return it.

        A second call without an answer in between returns the same evaluation.

        Returns
        -------
        Query or None
            The evaluation to answer with :meth:`supply`; ``None`` at the end of the plan.

        Raises
        ------
        ArgumentError
            If the run is finished.
        """
    def replace(self, /, x: Any) -> None:
        """
        Replace the state of the pending query.

        Parameters
        ----------
        x : numpy.ndarray or torch.Tensor of float, shape of the run
            The new state, before the input scaling.

        Raises
        ------
        ShapeError
            If the state has the wrong shape, or a dtype that is not floating-point.
        ArgumentError
            If no query is pending.
        """
    @property
    def state(self, /) -> Any | None:
        """
        State of the pending query before its input scaling; ``None`` if no query is pending.
        """
    def step(self, /, output: Any, state: Any | None = None) -> Any | None:
        """
        Answer the pending query and return the state of the next one, or the result.

        The call equals ``replace(state)`` if a state is given, then ``supply(output)`` and
        ``advance()``. It finishes the run at the end of the plan.

        Parameters
        ----------
        output : numpy.ndarray or torch.Tensor of float, shape of the run
            The model's output.
        state : numpy.ndarray or torch.Tensor of float, shape of the run, optional
            A state that replaces the one of the pending query.

        Returns
        -------
        numpy.ndarray or torch.Tensor, shape of the run
            The state at the next evaluation, before its input scaling; at the end, the result.

        Raises
        ------
        ShapeError
            If an array has the wrong shape, or a dtype that is not floating-point.
        ArgumentError
            If no query is pending.

        Examples
        --------
        >>> import langevin
        >>> run = langevin.Plan("ddim", "vp", steps=2).start((3, 2))
        >>> run.advance()
        True
        >>> run.step(0 * run.state).shape  # a model that predicts zero
        (3, 2)
        >>> float(abs(run.step(0 * run.state)).max())
        0.0
        """
    def supply(self, /, output: Any) -> None:
        """
        Answer the pending query with the model's output.

        Parameters
        ----------
        output : numpy.ndarray or torch.Tensor of float, shape of the run
            The model's output for ``query.x``.

        Raises
        ------
        ShapeError
            If the output has another shape, or a dtype that is not floating-point.
        ArgumentError
            If no query is pending.
        """

@final
class TableNetwork:
    """
    Network on rows of numbers and categories that was trained with ``langevin train``.

    Samples are those of ``langevin sample``. A table of categories alone is a model of tokens,
    which :class:`TokenNetwork` opens; :meth:`Network.load` opens either.

    Parameters
    ----------
    path : str or os.PathLike
        The model file, such as ``"table.safetensors"``.
    class_labels : str, int or sequence, optional
        The classes of the samples, by name or number; several are taken in turn. Without them the
        samples have no class.

    Raises
    ------
    ArgumentError
        If the file does not exist, holds a model of another kind, or does not know a class.
    FormatError
        If the file is not a model file.

    Examples
    --------
    With a model of ``langevin train --data table.csv --noise masked --out table.safetensors``:

    >>> import langevin
    >>> network = langevin.TableNetwork("table.safetensors")
    >>> network.columns
    {'kind': ['daisy', 'rose'], 'length': None}
    >>> rows = network.sample(100, seed=0, steps=4)
    >>> rows["kind"].shape, rows["length"].dtype
    ((100,), dtype('float64'))
    """
    def __new__(cls, /, path: str | PathLike[str], *, class_labels: "str | int | collections.abc.Sequence[str | int] | None" = None) -> TableNetwork: ...
    def __reduce__(self, /) -> tuple[Any, tuple[Path]]: ...
    def __repr__(self, /) -> str: ...
    @property
    def classes(self, /) -> list[str]:
        """
        Names of the classes; empty for a network that was trained without classes.
        """
    @property
    def columns(self, /) -> dict:
        """
        Categories of each column; ``None`` for a column of numbers.

        Columns without a name are called ``x0``, ``x1``, ….
        """
    def evaluate(self, /, data: str | PathLike[str], *, count: SupportsIndex | None = None, seed: SupportsIndex = 0, sampler: str | None = None, steps: SupportsIndex | None = None, grid: str | None = None, **unknown: "typing.NoReturn") -> "typing.Any":
        """
        Compare samples with the rows of a file.

        Parameters
        ----------
        data : str or os.PathLike
            A table with the columns of the training. If it is the training data, the rows that were
            held out are compared.
        count : int, optional
            The number of samples. The default is that of the rows, at most 2000.
        seed : int, default 0
            The seed of the samples.
        sampler : str, optional
            The sampler of the numbers.
        steps : int, optional
            The step count.
        grid : str, optional
            The name of the grid.

        Returns
        -------
        Report
            ``plan``, ``nfe``, ``count`` and ``measures``, a dict of triples: the values of the
            samples, of a Gaussian copula, and of real rows. It prints as ``langevin evaluate``
            does.

        Raises
        ------
        ArgumentError
            If the file does not exist, has other columns, or has fewer than 8 complete rows.

        Examples
        --------
        >>> import langevin
        >>> network = langevin.TableNetwork("table.safetensors")
        >>> report = network.evaluate("table.csv", steps=4)
        >>> report["nfe"], len(report["measures"])
        (4, 5)
        """
    @property
    def formulation(self, /) -> Formulation:
        """
        Formulation of the numbers.
        """
    @property
    def parameters(self, /) -> int:
        """
        Number of weights.
        """
    def sample(self, /, count: SupportsIndex, seed: SupportsIndex = 0, *, sampler: str | None = None, steps: SupportsIndex | None = None, grid: str | None = None, first: SupportsIndex = 0, **unknown: "typing.NoReturn") -> "dict[str, numpy.typing.NDArray[typing.Any]]":
        """
        Draw rows.

        Numbers and categories are drawn together: the categories by the ancestral sampler at the
        noise levels of the numbers. Row i depends on ``seed`` and ``first + i`` only.

        Parameters
        ----------
        count : int
            The number of rows.
        seed : int, default 0
            The seed, from 0 to 2**64 − 1.
        sampler : str, optional
            The sampler of the numbers, a name of :func:`samplers` with one evaluation a step. The
            default is that of :class:`Plan`.
        steps : int, optional
            The step count. The default is that of :class:`Plan`.
        grid : str, optional
            The name of the grid. The default is that of :class:`Plan`.
        first : int, default 0
            The index of the first row.

        Returns
        -------
        dict of str to numpy.ndarray, each of shape (count,)
            The columns in the order of the training file: numbers as float64, categories as str.
            ``pandas.DataFrame`` takes it as it is.

        Raises
        ------
        UnknownNameError
            If the sampler or the grid has an unknown name.
        ArgumentError
            If the sampler evaluates the network twice at a level, or if an argument is out of
            range.
        KeywordError
            If a keyword is unknown.

        Examples
        --------
        >>> import langevin
        >>> network = langevin.TableNetwork("table.safetensors")
        >>> rows, alone = network.sample(3, steps=4), network.sample(1, steps=4, first=2)
        >>> bool(rows["length"][2] == alone["length"][0])
        True
        """

@final
class TokenComparison:
    """
    Result of comparing two plans of tokens.

    Examples
    --------
    >>> import langevin
    >>> plan = langevin.TokenPlan("ancestral", vocab=3, length=4, steps=2)
    >>> print(plan.compare(plan), end="")
    the same plan, with the same samples
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def draws(self, /) -> bool:
        """
        ``True`` if equal plans have equal samples, because they number their draws alike.
        """
    @property
    def first(self, /) -> str | None:
        """
        First difference, in words; ``None`` if there is none.
        """
    @property
    def same(self, /) -> bool:
        """
        ``True`` if the plans have the same instructions with the same numbers.
        """

@final
class TokenPlan:
    """
    Sampler of tokens compiled to a table.

    A plan is immutable. It prints as a table, and its length is the number of network evaluations.
    The command line has the same samplers and defaults; ``langevin explain NAME`` describes one.

    Parameters
    ----------
    sampler : str, default "ancestral"
        A name of ``samplers("tokens")``, with its options (``"first-hitting"``,
        ``"entropy-bound:bound=0.5"``).
    vocab : int
        The number of letters of clean data, without the mask.
    length : int
        The number of tokens of a sequence.
    noise : str or sequence of float, default "masked"
        ``"masked"``, ``"uniform"``, or the probabilities from which noised tokens are drawn. Under
        masked noise letter ``vocab`` is the mask.
    steps : int, optional
        The number of steps; the default is 32.
    grid : str or sequence of float, optional
        ``"even"``, ``"cosine"``, or the survivals of the steps from 0 to 1.
    temperature : float, optional
        Letters are drawn from the predictions to the power 1/temperature.
    top_k : int, optional
        Letters are drawn from this many most probable ones.
    top_p : float, optional
        Letters are drawn from the most probable ones up to this sum.
    guidance : float, optional
        The weight of classifier-free guidance.
    **options
        Further options of the sampler: ``order="halton"`` or a list of places, ``sizes=[1, 3]``,
        ``bound=0.5``, ``gumbel=4.5``, ``anneal=True``, ``eta``, ``rho``, ….

    Raises
    ------
    UnknownNameError
        If the sampler or the noise has an unknown name.
    ArgumentError
        If an option is out of range, if the sampler has no such option, or if it does not serve the
        noise.
    KeywordError
        If a keyword is unknown.

    Examples
    --------
    >>> import langevin
    >>> plan = langevin.TokenPlan("halton", vocab=27, length=12, steps=3)
    >>> plan.nfe, plan.sizes
    (3, [4, 4, 4])
    >>> print(langevin.TokenPlan("first-hitting", vocab=3, length=1), end="")
    first-hitting: 1 tokens of 3 letters, masked noise, 1 network evaluation
     0  fill    s0 = letter 3 everywhere
     1  eval    s1 = D of s0 at survival 0
     2  draw    s2 = letters of s1, draw 0
     3  select  s0 = s0 with 1 tokens of s2 at random, draw 1
    """
    def __len__(self, /) -> int:
        """
        Return the number of network evaluations.
        """
    def __new__(cls, /, sampler: str | None = None, *, vocab: SupportsIndex, length: SupportsIndex, noise: "str | collections.abc.Sequence[float] | None" = None, steps: "int | None" = None, grid: "str | collections.abc.Sequence[float] | None" = None, temperature: "float | None" = None, top_k: "int | None" = None, top_p: "float | None" = None, guidance: "float | None" = None, **options: "typing.Any") -> TokenPlan: ...
    def __reduce__(self, /) -> tuple[Any, tuple[str]]: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_html_(self, /) -> str:
        """
        Return the table as HTML, for notebooks.
        """
    @property
    def alphas(self, /) -> NDArray[float64]:
        """
        Survival α at each evaluation, the share of clean tokens: float64.
        """
    def analyze(self, /, density: "typing.Any") -> "dict[str, typing.Any]":
        """
        Compute the exact error of the plan on a density that is known exactly.

        All random choices are enumerated, so the figures have no sampling noise.

        Parameters
        ----------
        density : TokenDensity or str
            A density of at most 4096 sequences, or its name, such as ``"chain:3x5"``.

        Returns
        -------
        dict
            ``nfe``, ``kl`` (KL from the density to the samples, in nats), ``total_variation``, and
            ``violates``, the lint rules that the plan violates.

        Raises
        ------
        UnknownNameError
            If the density has an unknown name.
        ArgumentError
            If the density has other sequences than the plan, or too many.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.TokenPlan("ancestral", vocab=3, length=5, steps=4)
        >>> round(plan.analyze("chain:3x5")["kl"], 4)
        0.0265
        """
    def compare(self, /, other: TokenPlan) -> TokenComparison:
        """
        Compare the plan with another one, instruction by instruction.

        Names, slots and the numbers of draws play no part.

        Parameters
        ----------
        other : TokenPlan
            The plan to compare with.

        Returns
        -------
        TokenComparison
            The first difference, if there is one.

        Examples
        --------
        >>> import langevin
        >>> names = ("ancestral", "row:rho=1", "row:rho=0.9")
        >>> one, two, three = (langevin.TokenPlan(n, vocab=3, length=4, steps=2) for n in names)
        >>> one.compare(two).same, one.compare(three).same
        (True, False)
        """
    @property
    def draws(self, /) -> int:
        """
        Number of draws, each with one uniform number for each token.
        """
    @staticmethod
    def from_json(text: str) -> TokenPlan:
        """
        Build a plan from its JSON document.

        Parameters
        ----------
        text : str
            A document written by :meth:`to_json` or by the command line.

        Returns
        -------
        TokenPlan
            The plan.

        Raises
        ------
        FormatError
            If the text is not the document of a plan of tokens.
        """
    def is_same(self, /, other: TokenPlan) -> bool:
        """
        Return whether another plan has the same instructions with the same numbers.

        Parameters
        ----------
        other : TokenPlan
            The plan to compare with.

        Returns
        -------
        bool
            ``True`` if the plans are the same.
        """
    def law(self, /, model: "typing.Any") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Return the exact probabilities of all samples of the plan on a model.

        Parameters
        ----------
        model : TokenDensity, TokenNetwork, TokenModel or str
            The model, or the name of a density.

        Returns
        -------
        numpy.ndarray of float64, shape (vocab, ..., vocab)
            The probability of each sequence, with one axis for each token.

        Raises
        ------
        ArgumentError
            If there are more than 4096 sequences, or if the plan has no exact law.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.TokenPlan("first-hitting", vocab=2, length=3)
        >>> chain = langevin.TokenDensity("chain:2x3")
        >>> bool(abs(plan.law(chain) - chain.probabilities()).max() < 1e-12)
        True
        """
    @property
    def length(self, /) -> int:
        """
        Number of tokens of a sequence.
        """
    def lint(self, /) -> list[str]:
        """
        Check the plan for steps that bias its samples.

        Returns
        -------
        list of str
            The findings, one line for each rule; empty if the plan is clean.

        Examples
        --------
        >>> import langevin
        >>> found = langevin.TokenPlan("confidence", vocab=3, length=4, steps=2).lint()
        >>> found[0].partition(" ")[0]
        'drawn-token'
        """
    @staticmethod
    def load(path: str | PathLike[str]) -> TokenPlan:
        """
        Read a plan from a JSON file.

        Parameters
        ----------
        path : str or os.PathLike
            A file written by :meth:`save` or by the command line.

        Returns
        -------
        TokenPlan
            The plan.

        Raises
        ------
        ArgumentError
            If the file cannot be read.
        FormatError
            If the file is not the document of a plan of tokens.
        """
    @property
    def mask(self, /) -> int | None:
        """
        Letter of the mask; ``None`` for noise without a mask.
        """
    @property
    def name(self, /) -> str:
        """
        Name of the sampler, with its options.
        """
    @property
    def nfe(self, /) -> int:
        """
        Number of network evaluations of a sample; with guidance both branches count.
        """
    @property
    def noise(self, /) -> str | list[float]:
        """
        Noise: its name, or the probabilities of a prior.
        """
    def run(self, /, model: "typing.Any", count: SupportsIndex, seed: "int | None" = ..., *, first: SupportsIndex = 0, start: "typing.Any" = None, keep: "typing.Any" = None, **unknown: "typing.NoReturn") -> "typing.Any":
        """
        Run the plan on a model and return the samples.

        Sample i depends on the seed and on i only, not on the number of samples.

        Parameters
        ----------
        model : TokenModel, TokenNetwork, TokenDensity or callable
            The model. A function of tokens, shape (rows, length), returns logits, shape
            (rows, length, vocab); :class:`TokenModel` describes networks of other kinds.
        count : int
            The number of samples.
        seed : int, optional
            The seed, 0 by default. ``None`` draws a new one.
        first : int, default 0
            The index of the first sample.
        start : array_like of int, shape (length,) or (count, length), optional
            Tokens that are kept.
        keep : array_like of bool, shape (length,) or (count, length), optional
            The places that are kept; by default those of ``start`` that are not masked.

        Returns
        -------
        numpy.ndarray or torch.Tensor of int64, shape (count, length)
            The samples; a tensor if the network works on tensors.

        Raises
        ------
        ArgumentError
            If the model is for other sequences, or if an output is no prediction.
        ShapeError
            If the model's output or an array has the wrong shape.
        Exception
            Any exception of the network, unchanged.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.TokenPlan("halton", vocab=3, length=5, steps=3)
        >>> plan.run(langevin.TokenDensity("chain:3x5"), 2, seed=1).shape
        (2, 5)
        """
    def save(self, /, path: str | PathLike[str]) -> None:
        """
        Write the plan to a JSON file, which ``langevin sample --plan`` and :meth:`load` read.

        Parameters
        ----------
        path : str or os.PathLike
            The file to write.

        Raises
        ------
        ArgumentError
            If the file cannot be written.
        """
    @property
    def sizes(self, /) -> list[int] | None:
        """
        Number of tokens that each step unmasks; ``None`` if it depends on the sample.
        """
    def start(self, /, count: SupportsIndex, seed: "int | None" = ..., *, first: SupportsIndex = 0, start: "typing.Any" = None, keep: "typing.Any" = None, mask: SupportsIndex | None = None, **unknown: "typing.NoReturn") -> TokenStepper:
        """
        Start a run that the caller drives step by step.

        Parameters
        ----------
        count : int
            The number of samples.
        seed : int, optional
            The seed, 0 by default. ``None`` draws a new one.
        first : int, default 0
            The index of the first sample. Sample i depends on ``seed`` and ``first + i`` only.
        start : array_like of int, shape (length,) or (count, length), optional
            Tokens that are kept.
        keep : array_like of bool, shape (length,) or (count, length), optional
            The places that are kept; by default those of ``start`` that are not masked.
        mask : int, optional
            The identifier of the mask, ``vocab`` by default. If it is less, the letters are all
            other identifiers from 0 to ``vocab``.

        Returns
        -------
        TokenStepper
            The run, before its first evaluation.

        Raises
        ------
        ArgumentError
            If a kept token is no letter, or if the noise has no mask to be named.
        ShapeError
            If ``start`` or ``keep`` does not fit.
        """
    def to_json(self, /) -> str:
        """
        Return the plan as a JSON document.

        Returns
        -------
        str
            The document, whose numbers read back bit for bit.

        Examples
        --------
        >>> import langevin
        >>> plan = langevin.TokenPlan("ancestral", vocab=3, length=5, steps=4)
        >>> langevin.TokenPlan.from_json(plan.to_json()).is_same(plan)
        True
        """
    @property
    def vocab(self, /) -> int:
        """
        Number of letters of clean data.
        """

@final
class TokenStepper:
    """
    Run of a plan of tokens that the caller drives, one evaluation at a time.

    :meth:`TokenPlan.start` returns it. The loop is :meth:`query`, the network, :meth:`supply`,
    until :meth:`query` returns ``None``.

    Examples
    --------
    >>> import langevin, numpy
    >>> run = langevin.TokenPlan("ancestral", vocab=3, length=4, steps=2).start(5, seed=1)
    >>> while (query := run.query()) is not None:
    ...     run.supply(numpy.zeros((5, 4, 3)), output="logits")
    >>> run.finish().shape
    (5, 4)
    """
    @property
    def drawn(self, /) -> Any | None:
        """
        Letters that were drawn after the last answered evaluation, also those that were not taken.

        ``None`` before :meth:`query`, and for samplers that draw no letters.
        """
    def finish(self, /) -> "numpy.typing.NDArray[numpy.int64]":
        """
        Return the samples and end the run.

        Returns
        -------
        numpy.ndarray of int64, shape (rows, length)
            The samples.

        Raises
        ------
        ArgumentError
            If evaluations are left, or if the run is finished.
        """
    def query(self, /) -> "typing.Any":
        """
        Return the next evaluation of the network, or ``None`` at the end.

        Returns
        -------
        TokenQuery or None
            The tokens, the survival and the rows.

        Raises
        ------
        ArgumentError
            If the run is finished.
        """
    def record(self, /, draw: SupportsIndex, uniforms: "numpy.typing.ArrayLike") -> None:
        """
        Replace the random numbers of one draw, for example by those of another program.

        Parameters
        ----------
        draw : int
            The number of the draw in the plan.
        uniforms : array_like of float, shape (rows, length)
            Numbers between 0 and 1, one for each token.

        Raises
        ------
        ArgumentError
            If a number is not between 0 and 1.
        ShapeError
            If the shape does not fit.
        """
    def replace(self, /, tokens: "numpy.typing.ArrayLike") -> None:
        """
        Replace the tokens of the pending evaluation.

        Parameters
        ----------
        tokens : array_like of int, shape (rows, length)
            The tokens, with the mask.

        Raises
        ------
        ArgumentError
            If a token is unknown, or if no evaluation is pending.
        ShapeError
            If the shape does not fit.
        """
    def supply(self, /, predictions: "typing.Any", *, output: str = "probabilities", prediction: str = "posterior", **unknown: "typing.NoReturn") -> None:
        """
        Answer the pending evaluation.

        Parameters
        ----------
        predictions : numpy.ndarray or torch.Tensor of float, shape (rows, length, vocab)
            The network's output for the tokens of the query; a column for the mask is ignored.
        output : {"probabilities", "logits"}, default "probabilities"
            The form of the numbers.
        prediction : {"posterior", "leave-one-out", "score"}, default "posterior"
            What the network predicts.

        Raises
        ------
        ArgumentError
            If a number is no probability or logit, or if no evaluation is pending.
        ShapeError
            If the shape does not fit.
        """

@final
class Tuned:
    """
    A plan fitted to one model, with the evidence that it is better than all known plans.

    The result of :func:`tune`. It prints as the tables of ``langevin tune``.

    Examples
    --------
    >>> import langevin
    >>> found = langevin.tune(langevin.Density("moons"), 4, process="vp", samples=32, test=64)
    >>> found.improves, found.plan.nfe, found.ratio < 1
    (True, 4, True)
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def error(self, /) -> float:
        """
        Root mean square distance of the tuned plan's samples from the fine solution.

        It is measured on samples that the fit has not seen, in the units of the model.
        """
    @property
    def hurried(self, /) -> bool:
        """
        ``True`` if the time ran out before the fits ended.
        """
    @property
    def improves(self, /) -> bool:
        """
        ``True`` if the interval lies below 1 and the samples are not farther from data.
        """
    @property
    def interval(self, /) -> tuple[float, float]:
        """
        95 % bootstrap interval of the ratio.
        """
    @property
    def known(self, /) -> Plan:
        """
        Best of all known plans with as many evaluations, on the samples of the test.
        """
    @property
    def known_error(self, /) -> float:
        """
        Root mean square distance of the best known plan's samples from the fine solution.
        """
    @property
    def plan(self, /) -> Plan:
        """
        Plan to use: the tuned plan, or the best known one if the improvement is not certain.
        """
    @property
    def ratio(self, /) -> float:
        """
        Error of the tuned plan divided by that of the best known plan.
        """
    def to_dict(self, /) -> "dict[str, typing.Any]":
        """
        Return all figures, with the keys of ``langevin tune --json``.

        Returns
        -------
        dict
            ``"error"``, ``"known"``, ``"ratio"``, ``"interval"``, ``"improves"``, ``"fine"``,
            ``"wall"``, ``"to_data"`` (``None`` without data), ``"transfers"``, ``"seeds"``,
            ``"samples"``, ``"evaluations"`` and others.

        Examples
        --------
        >>> import langevin
        >>> moons = langevin.Density("moons")
        >>> found = langevin.tune(moons, 3, process="vp", samples=32, test=64)
        >>> found.to_dict()["seeds"]  # of the fit, and of the test
        [0, 1]
        """

@final
class _Judge:
    """
    A model in Python with its rows, for `langevin.Model`.

    ``call`` answers the questions of a task; ``shape`` is that of one sample. ``differentiable`` is
    false for functions of arrays.
    """
    def __new__(cls, /, call: Any, shape: SupportsGetItem[int, SupportsIndex], network: Formulation | None, double: bool, differentiable: bool, name: str) -> _Judge: ...
    def diagnose(self, /, request: tuple[str, SupportsIndex] | None, plan: Plan | None, rows: Incomplete, samples: SupportsIndex, count: SupportsIndex, seed: SupportsIndex, bar: Any | None) -> tuple[str, str]:
        """
        Return the document of ``langevin diagnose --json``, and its text.
        """
    def encode(self, /, plan: Plan, rows: Incomplete, bar: Any | None) -> "tuple[typing.Any, typing.Any, typing.Any]":
        """
        Return the noise of each row at unit variance, the reconstructed rows, and their errors.
        """
    def evaluate(self, /, plan: Plan, rows: Incomplete, trained: Incomplete | None, count: SupportsIndex | None, seed: SupportsIndex, bar: Any | None) -> tuple[str, str]:
        """
        Return the measurements of ``langevin evaluate --json`` as a document, and its table.
        """

@final
class _Objective:
    """
    A weight and a time density on a formulation, for `langevin.Objective`.
    """
    def __new__(cls, /, formulation: Formulation, weight: str, times: str | None = None) -> _Objective:
        """
        Create an objective. A formulation without a range gets that of its table, or the default.
        """
    @property
    def formulation(self, /) -> Formulation:
        """
        Formulation with its range.
        """
    def frame(self, /, count: SupportsIndex) -> tuple[Any, bool, bool, str, str]:
        """
        Return λ, time, σ/α, p, w and w·p on even λ; whether it bounds a likelihood, that of the
        data, both in words, and the table of `langevin objective`.
        """
    @property
    def lambda_range(self, /) -> tuple[float, float]:
        """
        Noisiest and cleanest λ.
        """
    @staticmethod
    def learning() -> tuple[int, float, float, float, int, int]:
        """
        Constants of the learned density: bins, uniform share, memory, rows that are enough, the
        first update, and the batches between updates.
        """
    def terms(self, /, count: SupportsIndex | None = None) -> tuple[Any, Any]:
        """
        Return the probabilities of listed levels, and the coefficients of the loss there.

        With ``count`` the levels are even in λ, the noisiest first; without it they are the steps
        of the process's table.
        """
    def terms_at(self, /, times: SupportsGetItem[int, SupportsFloat | SupportsIndex]) -> tuple[Any, Any]:
        """
        Return the coefficients of the loss at times of the network's clock, and p(λ) there.
        """
    @property
    def times(self, /) -> str:
        """
        Name of the time density.
        """

@final
class _Program:
    """
    Program whose model the caller evaluates; used by ``langevin._drive``.
    """
    def finish(self, /) -> "dict[str, typing.Any]":
        """
        Return the result and end the run.

        Returns
        -------
        dict
            The fields of :class:`Adapted` or :class:`Likelihood`.
        """
    def query(self, /) -> "typing.Any":
        """
        Return the next question, or ``None`` at the end.

        Returns
        -------
        tuple or None
            The input x; time, alpha, sigma (float64) and sample index (uint64) of each row, shape
            (rows,); and the list of cotangents.
        """
    def supply(self, /, output: Any, products: SupportsGetItem[int, Any]) -> None:
        """
        Answer the pending question.

        Parameters
        ----------
        output : numpy.ndarray or torch.Tensor
            The model's output, of the shape of x.
        products : sequence of numpy.ndarray or torch.Tensor
            The vector-Jacobian product for each cotangent.
        """

@final
class _TokenModel:
    """
    Model of tokens; used by ``langevin._tokens``.
    """
    def analyze(self, /, plan: TokenPlan) -> "dict[str, typing.Any]":
        """
        Return the exact error of a plan on a density.
        """
    @staticmethod
    def called(call: Any, vocab: SupportsIndex, length: SupportsIndex, noise: "str | collections.abc.Sequence[float] | None", prediction: str, logits: bool, mask: SupportsIndex | None, forbidden: SupportsGetItem[int, SupportsIndex], batch: SupportsIndex | None) -> _TokenModel:
        """
        Return a network in Python as a model.
        """
    @property
    def classes(self, /) -> list[str]:
        """
        Names of the classes.
        """
    def columns(self, /, tokens: "numpy.typing.ArrayLike") -> "dict[str, numpy.typing.NDArray[typing.Any]]":
        """
        Return the columns of rows of a table of categories.
        """
    def data(self, /, count: SupportsIndex, seed: SupportsIndex, first: SupportsIndex) -> "numpy.typing.NDArray[numpy.int64]":
        """
        Draw sequences of a density.
        """
    def decode(self, /, tokens: "numpy.typing.ArrayLike") -> list[str]:
        """
        Return the texts of tokens.
        """
    def encode(self, /, texts: "collections.abc.Sequence[str]") -> "numpy.typing.NDArray[numpy.int64]":
        """
        Return the tokens of texts.
        """
    @property
    def entropy(self, /) -> float | None:
        """
        Entropy of a density in nats, if it is known.
        """
    def evaluate(self, /, train: "numpy.typing.ArrayLike", real: "numpy.typing.ArrayLike", drawn: "numpy.typing.ArrayLike") -> tuple[list[tuple[str, float, float | None]], str]:
        """
        Measure samples beside real sequences.
        """
    def law(self, /, plan: "TokenPlan | None") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Return the probabilities of all sequences of letters under a plan, shape (vocab,) · length.
        """
    @property
    def length(self, /) -> int:
        """
        Number of tokens of a sequence.
        """
    @property
    def letters(self, /) -> list[str] | None:
        """
        Texts of the letters.
        """
    def likelihood(self, /, tokens: "numpy.typing.ArrayLike", exact: bool, rounds: SupportsIndex, seed: SupportsIndex, first: SupportsIndex) -> "dict[str, typing.Any]":
        """
        Measure −log p of sequences.
        """
    def log_probability(self, /, tokens: "numpy.typing.ArrayLike") -> "numpy.typing.NDArray[numpy.float64]":
        """
        Return ln p of sequences of a density.
        """
    @property
    def mask(self, /) -> int | None:
        """
        Identifier of the mask; ``None`` for noise without a mask.
        """
    @property
    def name(self, /) -> str | None:
        """
        Name of the density or of the training data.
        """
    @staticmethod
    def named(name: str, noise: "str | collections.abc.Sequence[float] | None" = None) -> _TokenModel:
        """
        Return the density with a name.
        """
    @staticmethod
    def network(path: str | PathLike[str], class_labels: "typing.Any" = None) -> _TokenModel:
        """
        Read a model file of tokens.
        """
    @property
    def noise(self, /) -> str | list[float]:
        """
        Noise: its name, or the probabilities of a prior.
        """
    @staticmethod
    def onnx(path: str | PathLike[str], noise: "str | collections.abc.Sequence[float] | None", prediction: str, mask: SupportsIndex | None, length: SupportsIndex | None, inputs: "typing.Any", uncond_inputs: "typing.Any", output: str | None) -> _TokenModel:
        """
        Open an ONNX file.
        """
    @property
    def parameters(self, /) -> int | None:
        """
        Number of weights.
        """
    @property
    def ports(self, /) -> tuple[list[str], str] | None:
        """
        Inputs and output of an ONNX file.
        """
    def predict(self, /, tokens: "numpy.typing.ArrayLike", alpha: SupportsFloat | SupportsIndex, first: SupportsIndex, branch: str) -> "numpy.typing.NDArray[numpy.float64]":
        """
        Return the leave-one-out denoiser of tokens at a survival.
        """
    def recommend(self, /, nfe: SupportsIndex, tokens: "typing.Any", seed: SupportsIndex, tuned: bool) -> "dict[str, typing.Any]":
        """
        Rank orders and sizes, or search among groups of places.
        """
    def sample(self, /, plan: TokenPlan, count: SupportsIndex, seed: SupportsIndex, first: SupportsIndex, start: "typing.Any", keep: "typing.Any") -> "numpy.typing.NDArray[numpy.int64]":
        """
        Draw samples by a plan.
        """
    @property
    def vocab(self, /) -> int:
        """
        Number of letters.
        """

def _adaptive(shape: SupportsGetItem[int, SupportsIndex], seed: SupportsIndex, first: SupportsIndex, pair: str, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex], network: Formulation | None, rtol: SupportsFloat | SupportsIndex, atol: SupportsFloat | SupportsIndex, eta: SupportsFloat | SupportsIndex, dtype: str, tensors: Any | None) -> _Program:
    """
    Start an adaptive run; used by ``langevin._drive``.
    """

def _adaptive_own(model: Any, shape: SupportsGetItem[int, SupportsIndex], seed: SupportsIndex, first: SupportsIndex, pair: str, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex], rtol: SupportsFloat | SupportsIndex, atol: SupportsFloat | SupportsIndex, eta: SupportsFloat | SupportsIndex) -> "dict[str, typing.Any]":
    """
    Draw adaptive samples of a model of this library, without the interpreter.

    Used by ``langevin._drive``.
    """

def _kernel_seconds(elements: SupportsIndex, steps: SupportsIndex) -> float:
    """
    Time one first-order step of the fused kernel on plain memory, for ``bench/python``.

    Parameters
    ----------
    elements : int
        The number of float32 elements of the state.
    steps : int
        The number of steps over which the time is averaged.

    Returns
    -------
    float
        Seconds for each step, without an executor.
    """

def _likelihood(x: Any, shape: SupportsGetItem[int, SupportsIndex], seed: SupportsIndex, first: SupportsIndex, method: str, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex], network: Formulation | None, levels: SupportsIndex, divergence: str | None, tolerance: SupportsFloat | SupportsIndex, dtype: str, tensors: Any | None) -> _Program:
    """
    Start a likelihood; used by ``langevin._drive``.
    """

def _likelihood_own(model: Any, x: Incomplete, seed: SupportsIndex, first: SupportsIndex, method: str, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex], levels: SupportsIndex, divergence: str | None, tolerance: SupportsFloat | SupportsIndex) -> "dict[str, typing.Any]":
    """
    Compute the likelihood under a model of this library, without the interpreter.

    Used by ``langevin._drive``.
    """

def _pairing(data: Incomplete, noise: Incomplete) -> list[int]:
    """
    Return partners by optimal transport: row i of ``data`` belongs with row ``partners[i]`` of
    ``noise``.
    """

def _trace(name: str, source: str, network: Formulation, calls: SupportsGetItem[int, tuple[SupportsFloat | SupportsIndex, tuple[SupportsFloat | SupportsIndex, SupportsGetItem[int, SupportsFloat | SupportsIndex], SupportsGetItem[int, SupportsFloat | SupportsIndex]]]], result: tuple[SupportsFloat | SupportsIndex, SupportsGetItem[int, SupportsFloat | SupportsIndex], SupportsGetItem[int, SupportsFloat | SupportsIndex]], start: SupportsFloat | SupportsIndex | None, roundoff: SupportsFloat | SupportsIndex) -> Plan:
    """
    Build the plan of a recorded sampler; for internal use.

    Parameters
    ----------
    name, source : str
        The name of the plan, and where its numbers come from.
    network : Formulation
        The formulation of the network that the sampler calls.
    calls : list of (float, weights)
        The time and the input of every call of the network.
    result : weights
        The weights of the result.
    start : float or None
        The standard deviation of the start.
    roundoff : float
        The unit roundoff of the sampler's arithmetic.

    Returns
    -------
    Plan
        The plan.
    """

def _tune(model: Any, shape: SupportsGetItem[int, SupportsIndex] | None, double: bool, network: Formulation | None, read_as: str | None, nfe: SupportsIndex, method: str, data: Incomplete | None, guidance: SupportsFloat | SupportsIndex | None, guidance_interval: SupportsLenAndGetItem[SupportsFloat | SupportsIndex] | None, range: SupportsLenAndGetItem[SupportsFloat | SupportsIndex | None], counts: SupportsLenAndGetItem[SupportsIndex | None], seed: SupportsIndex, minutes: SupportsFloat | SupportsIndex | None, threads: SupportsIndex | None, bar: Any | None) -> Tuned:
    """
    Tune a plan; used by ``langevin._tune``.
    """

def analyze(plan: Plan, data: "numpy.typing.ArrayLike | str | Network", *, score_error: SupportsFloat | SupportsIndex = 0.0, raw: "bool | None" = None, **unknown: "typing.NoReturn") -> "dict[str, typing.Any]":
    """
    Return the exact error of a linear plan on Gaussian data, without sampling.

    A plan that clips the denoised prediction has no exact error: see :meth:`Plan.unclipped`.

    Parameters
    ----------
    plan : Plan
        The plan to analyse.
    data : array_like, str or Network
        The covariance of the data: its eigenvalues, shape (dim,); rows of data, shape (rows, dim)
        or (rows, ...); a spectrum by name, as ``"power:2:d=3072"``; or a :class:`Network`, whose
        training data are taken.
    score_error : float, default 0.0
        The relative error δ of the network: its ε is 1 + δ times the exact one.
    raw : bool, optional
        ``True`` takes rows in their own units. ``False`` scales them as ``langevin train`` does,
        each column to mean 0 and standard deviation 1. The default is ``False``, or ``True`` for a
        plan that knows its network.

    Returns
    -------
    dict
        ``"w2"``, the Wasserstein distance between samples and data; ``"kl"``, the KL divergence in
        nats; ``"nfe"``; ``"dimension"``; and ``"sources"``. The last has ``"w2"`` and ``"kl"`` for
        each of ``"start"``, ``"truncation"``, ``"discretisation"`` and ``"score"`` alone.

    Raises
    ------
    ArgumentError
        If the plan clips the denoised prediction, or if the data are not finite.
    ShapeError
        If the data are a single number, or raw rows of more than two axes.
    UnknownNameError
        If the spectrum has an unknown name.
    KeywordError
        If a keyword is unknown.

    Examples
    --------
    >>> import langevin
    >>> coarse, fine = (langevin.Plan("ddim", "vp", steps=steps) for steps in (10, 40))
    >>> spectrum = [1.0, 0.5, 0.1]  # variances along three axes
    >>> langevin.analyze(fine, spectrum)["w2"] < langevin.analyze(coarse, spectrum)["w2"]
    True
    """

def cli(arguments: SupportsGetItem[int, str]) -> int:
    """
    Run the command line.

    Parameters
    ----------
    arguments : sequence of str
        The program's name, then its arguments.

    Returns
    -------
    int
        The exit status; 0 means success.
    """

def recommend(data: "numpy.typing.ArrayLike | str | Network", nfe: "int | None" = None, process: Process | str | None = None, *, network: "Formulation | Network | None" = None, config: "collections.abc.Mapping[str, typing.Any] | str | None" = None, mu: SupportsFloat | SupportsIndex | None = None, samplers: SupportsGetItem[int, str] | None = None, grids: SupportsGetItem[int, str] | None = None, by: str = "w2", score_error: SupportsFloat | SupportsIndex = 0.0, sigma_min: SupportsFloat | SupportsIndex | None = None, sigma_max: SupportsFloat | SupportsIndex | None = None, raw: "bool | None" = None, neighbours: SupportsFloat | SupportsIndex = 0.25, measure: SupportsIndex | None = None, tune: bool = False, seed: SupportsIndex = 0, **unknown: "typing.NoReturn") -> Ranking:
    """
    Rank samplers and grids by their exact error on Gaussian data, within a budget.

    Nothing is sampled, unless ``measure`` is given. Plans are ranked by the root mean square of
    their errors over neighbouring step counts, since the error at one step count may be small by
    luck.

    Parameters
    ----------
    data : array_like, str or Network
        The covariance of the data, as in :func:`analyze`: eigenvalues, rows, or a spectrum by name.
        A :class:`Network` also supplies its process and noise range.
    nfe : int
        The budget: the largest number of network evaluations for one sample.
    process : Process or str, optional
        The process of the states. The default is that of ``network``, or ``"vp"``.
    network : Formulation or Network, optional
        The formulation of the network, or the network itself.
    config : mapping or str, optional
        The config of a diffusers scheduler, whose times and noise levels are the grid. It excludes
        ``process``, ``network``, ``grids``, ``sigma_min`` and ``sigma_max``.
    mu : float, optional
        The shift of a config with dynamic shifting.
    samplers : sequence of str, optional
        The samplers to rank. The default is every sampler that the library marks as recommended.
    grids : sequence of str, optional
        The grids to try. The default is a list of general grids, such as ``"karras"`` and
        ``"uniform-lambda"``.
    by : {"w2", "kl"}, default "w2"
        The error to rank by.
    score_error : float, default 0.0
        The relative error δ of the network. A plan is rated by the worse of two networks, whose ε
        is 1 + δ and 1 − δ times the exact one: no network is exact, and some plans amplify its
        error.
    sigma_min, sigma_max : float, optional
        The noise range in sigma / alpha.
    raw : bool, optional
        ``True`` takes rows in their own units. By default rows are scaled as ``langevin train``
        does, each column to mean 0 and standard deviation 1. With a :class:`Network` they are
        scaled to its units. With a :class:`Formulation` or a ``config`` they are taken as they are.
    neighbours : float, default 0.25
        The range of neighbouring step counts, as a share of the plan's own step count.
    measure : int, optional
        The number of plans to try on the :class:`Network`. The first deterministic plans draw
        samples, and the one that ends nearest to a fine reference becomes the best.
    tune : bool, default False
        ``True`` also fits a plan to the :class:`Network`, as :func:`tune` does: ``Ranking.tuned``.
    seed : int, default 0
        The seed of these samples.

    Returns
    -------
    Ranking
        The plans, best first.

    Raises
    ------
    ArgumentError
        If ``nfe`` is missing or out of range, if arguments exclude each other, or if ``measure`` or
        ``tune`` is given without a :class:`Network`.
    ShapeError
        If the data have the wrong shape.
    UnknownNameError
        If a sampler, grid, process or spectrum has an unknown name.
    KeywordError
        If a keyword is unknown.

    Warns
    -----
    UserWarning
        If ``sigma_min`` or ``sigma_max`` is clipped to the network's trained range.

    Examples
    --------
    >>> import langevin
    >>> names, grids = ["ddim", "dpmpp-2m"], ["karras", "uniform-lambda"]
    >>> ranking = langevin.recommend("power:2:d=16", nfe=5, samplers=names, grids=grids)
    >>> ranking.best.sampler, ranking.best.grid, ranking.best.nfe
    ('dpmpp-2m', 'uniform-lambda', 5)
    """

def samplers(kind: str = "numbers") -> list[str]:
    """
    Return the names of all samplers.

    Each name can be given to :class:`Plan` or :class:`TokenPlan` as ``sampler``. Many samplers take
    options after a colon, as in ``"heun:churn=40"``.

    Parameters
    ----------
    kind : {"numbers", "tokens"}, default "numbers"
        The data that the samplers are for.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    UnknownNameError
        If the kind is unknown.

    Examples
    --------
    >>> import langevin
    >>> "dpmpp-2m" in langevin.samplers(), "first-hitting" in langevin.samplers("tokens")
    (True, True)
    """
