"""The capture of random numbers: every normal draw of the state's size becomes a basis vector."""

import contextlib
from typing import Any, Callable, Dict, Iterator, List

import numpy as np

# Functions of torch that draw normal numbers.
_NORMAL = ("randn", "randn_like", "normal_", "normal", "normal_functional")
# Functions of torch that draw other random numbers.
_OTHER = ("rand", "rand_like", "uniform_", "uniform", "bernoulli", "bernoulli_", "randint", "randint_like", "random_", "multinomial", "poisson", "exponential_", "randperm", "log_normal_", "cauchy_", "geometric_")
# Functions that are not linear in a state, by which a departure is explained.
_NONLINEAR = (
    "clamp", "clamp_", "clamp_min", "clamp_max", "clamp_min_", "clamp_max_", "hardtanh", "abs", "maximum", "minimum", "max", "min", "amax", "amin", "aminmax", "tanh",
    "sigmoid", "sort", "kthvalue", "quantile", "linalg_vector_norm", "norm", "mean", "sum", "std", "var", "where", "exp", "log", "pow", "sqrt", "rsqrt",
    "sign", "round", "floor", "ceil", "nan_to_num", "isfinite", "isnan", "gt", "lt", "ge", "le", "_local_scalar_dense", "softmax", "_softmax",
)  # fmt: skip


class Noise:
    """What the sampler did while it ran: its draws, and operations that may explain a failure.

    Parameters
    ----------
    size : int
        The number of elements of the state.
    give : callable
        Returns the vector of a draw by its number, as a float64 array of that size.
    """

    def __init__(self, size: int, give: Callable[[int], np.ndarray]) -> None:
        self.size = size
        self._give = give
        self._numbers: Dict[Any, int] = {}
        self.others: List[str] = []
        self.operations: List[str] = []
        self.dtypes: set = set()

    def draw(self, state: Any) -> np.ndarray:
        """Return the vector of a draw from a generator in this state.

        A generator that is set to an earlier state repeats its draw. Brownian trees do so when they
        come back to a node that they have forgotten.
        """
        return self._give(self._numbers.setdefault(state, len(self._numbers)))

    def saw(self, operation: str) -> None:
        """Remember an operation that is not linear."""
        if operation not in self.operations[-8:]:
            self.operations.append(operation)


@contextlib.contextmanager
def torch_noise(noise: Noise) -> Iterator[None]:
    """Replace the normal draws of torch while the context is open."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

    def sized(value: Any) -> bool:
        return isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel() == noise.size

    class Capture(TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            name = function.__name__.split(".")[0]
            tensors = [value for value in args if isinstance(value, torch.Tensor)]
            noise.dtypes.update(str(value.dtype)[6:] for value in tensors if value.is_floating_point())
            if name in _NORMAL:
                generator = kwargs.get("generator")
                with _disable_current_modes():
                    state = torch.get_rng_state() if generator is None else generator.get_state()
                    key = state.numpy().tobytes()
                out = function(*args, **kwargs)
                if out.numel() != noise.size:
                    noise.others.append(f"{name} of shape {tuple(out.shape)}")
                    return out
                with _disable_current_modes():
                    vector = torch.from_numpy(noise.draw(key)).to(out.device, out.dtype).reshape(out.shape)
                    if name in ("normal_", "normal", "normal_functional"):
                        mean, deviation = self.moments(name, args, kwargs)
                        vector = vector * deviation + mean
                    if name == "normal_":
                        args[0].copy_(vector)
                        return args[0]
                    return vector.clone()
            if name in _OTHER:
                noise.others.append(name)
            elif name in _NONLINEAR and any(sized(value) for value in tensors):
                noise.saw("item()" if name == "_local_scalar_dense" else name)
            elif name in ("mul", "mul_", "div", "div_", "dot", "mm", "bmm", "matmul") and sum(sized(value) for value in tensors) > 1:
                noise.saw(f"{name} of two states")
            return function(*args, **kwargs)

        @staticmethod
        def moments(name: str, args: Any, kwargs: Any) -> Any:
            given = args if name == "normal" else args[1:]
            mean = given[0] if given else kwargs.get("mean", 0.0)
            deviation = given[1] if len(given) > 1 else kwargs.get("std", 1.0)
            return mean, deviation

    with torch.no_grad(), Capture():
        yield


@contextlib.contextmanager
def numpy_noise(noise: Noise) -> Iterator[None]:
    """Replace the normal draws of numpy while the context is open.

    Generators that were created before cannot be replaced; the runs then differ, and the caller
    refuses the sampler.
    """

    def replaced(out: Any, state: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
        """Return the vector that replaces the drawn numbers ``out``; others are kept."""
        if np.size(out) != noise.size:
            noise.others.append(f"normal numbers of shape {np.shape(out)}")
            return out
        vector = noise.draw(repr(state)).reshape(np.shape(out))
        return (vector * scale + loc).astype(np.asarray(out).dtype)

    class Generator(np.random.Generator):
        def standard_normal(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
            state = self.bit_generator.state
            drawn = replaced(super().standard_normal(size, dtype, out), state)
            if out is None:
                return drawn
            out[...] = drawn
            return out

        def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
            state = self.bit_generator.state
            return replaced(super().normal(loc, scale, size), state, loc, scale)

    class RandomState(np.random.RandomState):
        def standard_normal(self, size: Any = None) -> Any:
            state = self.get_state()
            return replaced(super().standard_normal(size), state)

        def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
            state = self.get_state()
            return replaced(super().normal(loc, scale, size), state, loc, scale)

        def randn(self, *shape: int) -> Any:
            state = self.get_state()
            return replaced(super().randn(*shape), state)

    def of_module(name: str) -> Callable[..., Any]:
        def draw(*args: Any, **kwargs: Any) -> Any:
            state = old["get_state"]()
            moments = dict(zip(("loc", "scale"), args), **kwargs) if name == "normal" else {}
            return replaced(old[name](*args, **kwargs), state, moments.get("loc", 0.0), moments.get("scale", 1.0))

        return draw

    real = np.random
    functions = ("randn", "standard_normal", "normal")
    old = {name: getattr(real, name) for name in (*functions, "default_rng", "RandomState", "Generator", "get_state")}
    new = {
        "default_rng": lambda seed=None: Generator(old["default_rng"](seed).bit_generator),
        "RandomState": RandomState,
        "Generator": Generator,
        **{name: of_module(name) for name in functions},
    }
    try:
        for name, value in new.items():
            setattr(real, name, value)
        yield
    finally:
        for name in new:
            setattr(real, name, old[name])
