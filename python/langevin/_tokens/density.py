"""Densities on sequences of tokens that are known exactly."""

import secrets
from typing import Any, Optional, Sequence, Union

import numpy as np

from .base import Seed, _Core, _Tokens


class TokenDensity(_Tokens):
    """Density on sequences of tokens that is known exactly: a model that needs no network.

    Parameters
    ----------
    name : str
        Such as ``"chain:3x5"``, a Markov chain of 3 letters and 5 tokens; ``"ising:8"``,
        ``"hmm:3x5"``, ``"tree:3x7"``, ``"shidoku"``, ``"connected:4"``, ``"blocks:5:2"``.
    noise : str or sequence of float, default "masked"
        ``"masked"``, ``"uniform"``, or the probabilities from which noised tokens are drawn.

    Raises
    ------
    UnknownNameError
        If no density has this name.
    ArgumentError
        If the numbers do not fit the name.

    Examples
    --------
    >>> import langevin
    >>> chain = langevin.TokenDensity("chain:3x5")
    >>> plan = langevin.TokenPlan("confidence", vocab=3, length=5, steps=5)
    >>> round(plan.analyze(chain)["kl"], 2)  # the order by confidence is biased
    2.13
    """

    def __init__(self, name: str, noise: Union[str, Sequence[float]] = "masked") -> None:
        self._core = _Core.named(name, noise if isinstance(noise, str) else [float(one) for one in noise])

    @property
    def name(self) -> str:
        """Name of the density."""
        return str(self._core.name)

    @property
    def entropy(self) -> Optional[float]:
        """Entropy in nats a sequence; ``None`` if it is unknown."""
        entropy: Optional[float] = self._core.entropy
        return entropy

    def sample(self, count: int, seed: Seed = 0, *, first: int = 0) -> np.ndarray:  # type: ignore[override]
        """Draw sequences of the density itself, without a sampler.

        :meth:`TokenPlan.run` draws samples of a plan.

        Parameters
        ----------
        count : int
            The number of sequences.
        seed : int, optional
            The seed, 0 by default. ``None`` draws a new one.
        first : int, default 0
            The index of the first sequence.

        Returns
        -------
        numpy.ndarray of int64, shape (count, length)
            The sequences.

        Examples
        --------
        >>> import langevin
        >>> langevin.TokenDensity("shidoku").sample(2).shape
        (2, 16)
        """
        found: np.ndarray = self._core.data(count, secrets.randbits(63) if seed is None else seed, first)
        return found

    def log_probability(self, tokens: Any) -> np.ndarray:
        """Return ln p of sequences.

        Parameters
        ----------
        tokens : array_like of int, shape (rows, length)
            The sequences.

        Returns
        -------
        numpy.ndarray of float64, shape (rows,)
            The values; −inf for impossible sequences.

        Raises
        ------
        ArgumentError
            If a token is unknown.
        """
        found: np.ndarray = self._core.log_probability(tokens)
        return found

    def probabilities(self) -> np.ndarray:
        """Return the probabilities of all sequences.

        Returns
        -------
        numpy.ndarray of float64, shape (vocab, ..., vocab)
            The probabilities, with one axis for each token.

        Raises
        ------
        ArgumentError
            If there are more than 4096 sequences, the mask counted as a letter.

        Examples
        --------
        >>> import langevin
        >>> float(langevin.TokenDensity("chain:2x3").probabilities().sum().round(12))
        1.0
        """
        found: np.ndarray = self._core.law(None)
        return found

    def __repr__(self) -> str:
        return f"TokenDensity({self.name!r})"

    def __reduce__(self) -> Any:
        return TokenDensity, (self.name, self.noise)
