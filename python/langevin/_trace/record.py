"""The runs of a sampler: one counts its calls, one gives its weights, and three check them."""

import contextlib
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from .._errors import ArgumentError, ShapeError, TraceError
from .noise import Noise, numpy_noise, torch_noise

# The most calls of the network, which ends samplers whose steps shrink without end.
_MOST = 10_000
# The unit roundoff of the dtypes of floating-point numbers.
_ROUNDOFF = {"float64": 2.0**-53, "float32": 2.0**-24, "bfloat16": 2.0**-8, "float16": 2.0**-11}
# The scales of the random vectors of the check: a clamp shows itself at the second.
_SCALES = (1.0, 30.0)
# Names of arguments that hold the time.
_TIMES = ("t", "time", "time_cond", "timestep", "timesteps", "sigma", "sigmas", "noise_labels", "times")


@dataclass
class Call:
    """A sampler as this module runs it: ``sample(model, x)``.

    Attributes
    ----------
    sample : callable
        Runs the sampler on a model and a start, and returns its result.
    name, source : str
        The name of the plan, and a description of the original.
    formulation : Formulation or None
        What the sampler expects of its network, if the library says.
    start : float or None
        The standard deviation of the start, if the library says.
    backend : str
        ``"torch"`` or ``"numpy"``.
    """

    sample: Callable[[Any, Any], Any]
    name: str
    source: str
    formulation: Any = None
    start: Optional[float] = None
    backend: str = "torch"


@dataclass
class Run:
    """A recorded sampler: weights are tuples (start, outputs, draws)."""

    calls: List[Tuple[float, Any]]
    result: Any
    precision: str
    roundoff: float


@dataclass
class _Trial:
    """One run of the sampler, with the vectors that it was given."""

    times: List[float] = field(default_factory=list)
    inputs: List[np.ndarray] = field(default_factory=list)
    outputs: int = 0
    draws: int = 0
    result: Any = None
    given: Dict[Tuple[str, int], np.ndarray] = field(default_factory=dict)
    noise: Any = None
    dtypes: set = field(default_factory=set)


class _Network:
    """The network of a run: it remembers its inputs and returns the vectors of the run.

    It has what samplers ask of a module: it can be moved, set to evaluation, and has no parameters.
    """

    def __init__(self, recorder: "_Recorder") -> None:
        self._recorder = recorder
        self.device = "cpu"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._recorder.called(args, kwargs)

    forward = __call__

    def eval(self) -> "_Network":
        return self

    def train(self, mode: bool = True) -> "_Network":
        return self

    def to(self, *args: Any, **kwargs: Any) -> "_Network":
        return self

    def parameters(self) -> Any:
        return iter(())


class _Recorder:
    """Runs the sampler once, on vectors that ``vector(kind, index)`` returns."""

    def __init__(self, call: Call, dtype: str, shape: Tuple[int, ...], vector: Callable[[str, int], np.ndarray]) -> None:
        self.call, self.dtype, self.shape, self.vector = call, dtype, shape, vector
        self.size = int(np.prod(shape))
        self.trial = _Trial()

    def give(self, kind: str, index: int) -> np.ndarray:
        if (kind, index) not in self.trial.given:
            self.trial.given[kind, index] = self.vector(kind, index)
        return self.trial.given[kind, index]

    def draw(self, number: int) -> np.ndarray:
        self.trial.draws = max(self.trial.draws, number + 1)
        if number >= _MOST:
            raise TraceError(f"{self.call.name} draws noise without end: more than {_MOST} draws")
        return self.give("draw", number)

    def array(self, values: np.ndarray, like: Any = None) -> Any:
        """Return an array of the backend, in the dtype of the run or of another array."""
        if self.call.backend == "torch":
            import torch
            from torch.utils._python_dispatch import _disable_current_modes

            with _disable_current_modes():
                dtype = getattr(torch, self.dtype) if like is None else like.dtype
                return torch.from_numpy(values.copy()).to(dtype).reshape(self.shape if like is None else like.shape)
        dtype = self.dtype if like is None else like.dtype
        return values.astype(dtype).reshape(self.shape if like is None else like.shape)

    @contextlib.contextmanager
    def captured(self) -> Any:
        noise = Noise(self.size, self.draw)
        self.trial.noise = noise
        with numpy_noise(noise):
            if self.call.backend == "torch":
                with torch_noise(noise):
                    yield
            else:
                yield

    def run(self) -> _Trial:
        with self.captured():
            start = self.array(self.give("start", 0))
            result = self.call.sample(_Network(self), start)
        trial = self.trial
        if not trial.outputs:
            raise ArgumentError(
                f"{self.call.name} does not call the network\nhint: the sampler must call its first argument: fn(model, x)"
            )
        trial.result = self.flat(self.sample_of(result), "the result")
        trial.dtypes |= trial.noise.dtypes
        return trial

    def sample_of(self, result: Any) -> Any:
        """Return the sample of a result: itself, its last state, or the field that holds it."""
        for name in ("prev_sample", "samples", "sample"):
            held = getattr(result, name, None)
            if held is not None and not callable(held):
                result = held
                break
        if isinstance(result, dict):
            result = next((value for value in result.values() if self.size_of(value) == self.size), result)
        if isinstance(result, (tuple, list)) and result:
            # A list of states ends with the sample; a tuple begins with it.
            result = result[-1] if isinstance(result, list) else result[0]
        # A trajectory, as ODE solvers return it.
        shape = tuple(getattr(result, "shape", ()))
        if self.size_of(result) != self.size and shape[1:] == self.shape:
            result = result[-1]
        return result

    @staticmethod
    def size_of(value: Any) -> int:
        return int(np.prod(tuple(value.shape))) if hasattr(value, "shape") else -1

    def flat(self, value: Any, what: str) -> np.ndarray:
        """Return a state as a float64 vector; it must have the size of the start and be finite."""
        if self.size_of(value) != self.size:
            got = f"shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
            raise ShapeError(
                f"{what} of {self.call.name} has the wrong shape: expected {self.shape}, got {got}\n"
                "hint: trace the sampler without guidance (one call for each step), or give shape=…"
            )
        if hasattr(value, "detach"):
            value = value.detach().to("cpu").double().numpy()
        self.trial.dtypes.add(str(getattr(value, "dtype", "float64")))
        values = np.array(value, dtype=np.float64).reshape(-1)
        if not np.isfinite(values).all():
            raise ArgumentError(f"{what} of {self.call.name} is not finite: expected numbers, got {values[~np.isfinite(values)][0]}")
        return values

    def called(self, args: Any, kwargs: Any) -> Any:
        """Answer a call of the network."""
        if self.call.backend == "torch":
            from torch.utils._python_dispatch import _disable_current_modes

            with _disable_current_modes():
                return self.answer(args, kwargs)
        return self.answer(args, kwargs)

    def answer(self, args: Any, kwargs: Any) -> Any:
        trial, number = self.trial, self.trial.outputs
        if number >= _MOST:
            raise TraceError(f"{self.call.name} has no table: it calls the network more than {_MOST} times\nhint: an adaptive sampler chooses its steps by the data")
        named = [(None, value) for value in args] + list(kwargs.items())
        states = [value for _, value in named if tuple(getattr(value, "shape", ())) == self.shape]
        states = states or [value for _, value in named if self.size_of(value) == self.size and self.size > 1]
        if not states:
            shapes = [str(tuple(value.shape)) for _, value in named if hasattr(value, "shape")] or ["no array"]
            raise ShapeError(
                f"call {number} of the network has another shape: expected {self.shape}, got {', '.join(shapes)}\n"
                "hint: trace the sampler without guidance and with a batch of one, or give shape=…"
            )
        x = states[0]
        trial.times.append(self.time(number, [(name, value) for name, value in named if value is not x]))
        trial.inputs.append(self.flat(x, f"the input of call {number}"))
        trial.outputs += 1
        out = self.array(self.give("output", number), like=x)
        if kwargs.get("return_dict") is False:
            return (out,)
        if self.call.backend == "torch":
            out.sample = out  # networks of diffusers return an object with this field
        return out

    def time(self, number: int, named: Any) -> float:
        """Return the time of a call: the first number among its arguments."""
        named = [pair for pair in named if pair[0] in _TIMES] + [pair for pair in named if pair[0] not in _TIMES]
        for _, value in named:
            if isinstance(value, (bool, str)) or value is None:
                continue
            if hasattr(value, "detach"):
                value = value.detach().to("cpu").double().numpy()
            try:
                values = np.asarray(value, dtype=np.float64).reshape(-1)
            except (TypeError, ValueError):
                continue
            if values.size == 0:
                continue
            if (values != values[0]).any():
                raise TraceError(f"{self.call.name} has no table: call {number} of the network has different times for parts of the state")
            return float(values[0])
        raise ArgumentError(f"call {number} of the network has no time: expected model(x, time), got model(x)")


def record(call: Call, dtype: str, shape: Optional[Tuple[int, ...]]) -> Run:
    """Run a sampler on basis vectors, check that it is linear, and return its weights."""
    random = np.random.default_rng(0)
    first = shape or (1, 1, 1, 8)
    counted = _Recorder(call, dtype, first, lambda kind, index: 0.3 * random.standard_normal(int(np.prod(first)))).run()
    outputs, draws = counted.outputs, counted.draws
    size = 1 + outputs + draws
    places = {"start": 0, "output": 1, "draw": 1 + outputs}
    shape = shape or (1, 1, 1, max(size, 2))
    width = int(np.prod(shape))

    def again(vector: Callable[[str, int], np.ndarray]) -> _Trial:
        try:
            trial = _Recorder(call, dtype, shape, vector).run()
        except (TraceError, ShapeError, ArgumentError):
            raise
        except Exception as error:
            raise TraceError(
                f"{call.name} fails when it is run again: {type(error).__name__}: {error}\n"
                "hint: it may keep arrays of an earlier run; give a function that starts afresh each time"
            ) from error
        if trial.outputs != outputs or trial.draws != draws:
            raise TraceError(
                f"{call.name} has no table: the number of its calls depends on the data "
                f"({outputs} calls and {draws} draws in one run, {trial.outputs} and {trial.draws} in another)\n"
                "hint: an adaptive sampler has no table; choose fixed steps"
            )
        for number, (one, other) in enumerate(zip(counted.times, trial.times)):
            if abs(one - other) > 1e-9 * (1 + abs(one)):
                raise TraceError(f"{call.name} has no table: the time of call {number} depends on the data ({one} and {other})")
        return trial

    # The basis vectors fill as many runs as the state is too small for them.
    blocks = []
    for low in range(0, size, width):

        def basis(kind: str, index: int, low: int = low) -> np.ndarray:
            vector = np.zeros(width)
            place = places[kind] + index - low
            if 0 <= place < width and places[kind] + index < size:
                vector[place] = 1.0
            return vector

        trial = again(basis)
        blocks.append(np.stack([*trial.inputs, trial.result]))
    rows = np.concatenate(blocks, axis=1)[:, :size]
    _check_repeats(call, again(basis), blocks[-1])
    precision = _precision(trial.dtypes | counted.dtypes, rows)
    for scale in _SCALES:
        _check_linear(call, rows, places, again(lambda kind, index: scale * random.standard_normal(width)), precision, scale)

    def weights(row: np.ndarray) -> Any:
        return float(row[0]), row[1 : 1 + outputs].tolist(), row[1 + outputs :].tolist()

    calls = [(time, weights(row)) for time, row in zip(counted.times, rows)]
    return Run(calls, weights(rows[-1]), precision, _ROUNDOFF[precision])


def _check_repeats(call: Call, trial: _Trial, block: np.ndarray) -> None:
    """Refuse a sampler that does something else when it is run twice on the same vectors."""
    for number, (row, expected) in enumerate(zip([*trial.inputs, trial.result], block)):
        if not np.array_equal(row, expected):
            others = f"; it also draws {trial.noise.others[0]}" if trial.noise.others else ""
            raise TraceError(
                f"{call.name} has no table: {_place(number, len(block))} differs between two runs on the same numbers{others}\n"
                "hint: its random numbers cannot be captured; create its generator inside the function, and draw noise of the shape of the state"
            )


def _check_linear(call: Call, rows: np.ndarray, places: Dict[str, int], trial: _Trial, precision: str, scale: float) -> None:
    """Refuse a sampler whose states are not the weighted sums that the basis vectors gave."""
    given = np.zeros((rows.shape[1], trial.result.size))
    for (kind, index), vector in trial.given.items():
        given[places[kind] + index] = vector
    slack = max(1e-9, 2.0**10 * _ROUNDOFF[precision])
    got = np.stack([*trial.inputs, trial.result])
    expected, size = rows @ given, np.abs(rows) @ np.abs(given)
    wrong = (np.abs(got - expected) > slack * np.maximum(size, 1e-30)).any(axis=1)
    if wrong.any():
        number, seen = int(np.flatnonzero(wrong)[0]), trial.noise.operations
        cause = f"; operations on the state: {', '.join(seen[:6])}" if seen else ""
        raise TraceError(
            f"{call.name} has no table: {_place(number, len(rows))} is not a weighted sum of the start, the outputs and the noise{cause}\n"
            "hint: switch off clipping and thresholding, and operations across elements"
        )


def _place(number: int, rows: int) -> str:
    return f"the input of call {number}" if number < rows - 1 else "the result"


def _precision(dtypes: set, rows: np.ndarray) -> str:
    """Return the least precise dtype that the sampler computed with."""
    seen = [name for name in _ROUNDOFF if name in dtypes]
    # Weights that are all numbers of float32 were computed in it, wherever it was.
    plain = rows[np.abs(rows * 1024 - np.round(rows * 1024)) > 0]
    if plain.size and np.array_equal(plain, plain.astype(np.float32)):
        seen.append("float32")
    return max(seen or ["float64"], key=lambda name: _ROUNDOFF[name])
