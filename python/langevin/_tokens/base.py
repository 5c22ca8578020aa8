"""Methods that all models of tokens have."""

import contextlib
import secrets
from typing import Any, List, Optional, Union

import numpy as np

from .. import _arguments, _langevin
from .._errors import ArgumentError
from .._langevin import TokenPlan
from .._report import Report
from .arrays import _array
from .results import TokenCandidate, TokenLikelihood, TokenRanking, TokenTuned

_arguments.guard(_langevin, [], [_langevin._TokenModel])
_Core = _langevin._TokenModel

Seed = Optional[int]


class _Tokens:
    """Methods that all models of tokens have."""

    _core: Any

    @property
    def vocab(self) -> int:
        """Number of letters of clean data, without the mask."""
        return int(self._core.vocab)

    @property
    def length(self) -> int:
        """Number of tokens of a sequence."""
        return int(self._core.length)

    @property
    def noise(self) -> Union[str, List[float]]:
        """Noise: ``"masked"``, ``"uniform"``, or the probabilities of a prior."""
        noise: Union[str, List[float]] = self._core.noise
        return noise

    @property
    def mask(self) -> Optional[int]:
        """Identifier of the mask; ``None`` for noise without a mask."""
        mask: Optional[int] = self._core.mask
        return mask

    def _tokens(self, data: Any) -> Any:
        """Return data as tokens; texts are encoded."""
        return data

    def _result(self, tokens: np.ndarray) -> Any:
        """Return samples in the kind of array that the network works on."""
        return tokens

    def _active(self) -> Any:
        return contextlib.nullcontext()

    def plan(self, sampler: Union[TokenPlan, str, None] = None, **options: Any) -> TokenPlan:
        """Return a plan for this model.

        Parameters
        ----------
        sampler : TokenPlan or str, optional
            A plan, which is returned as it is, or the name of a sampler; the default is
            ``"ancestral"``.
        **options
            Options of :class:`TokenPlan`, such as ``steps=16`` or ``order="halton"``.

        Returns
        -------
        TokenPlan
            The plan.

        Raises
        ------
        ArgumentError
            If a plan is given together with options, or if an option is out of range.

        Examples
        --------
        >>> import langevin
        >>> langevin.TokenDensity("chain:3x5").plan("halton", steps=2).nfe
        2
        """
        if isinstance(sampler, TokenPlan):
            if options:
                raise ArgumentError(f"a plan decides everything about its steps: expected no further arguments, got {', '.join(options)}")
            return sampler
        for name in ("vocab", "length", "noise"):
            if name in options:
                raise ArgumentError(f"the model decides this ({name}): expected options of the sampler, got {name}")
        return TokenPlan(sampler, vocab=self.vocab, length=self.length, noise=self.noise, **options)

    def _draw(self, plan: TokenPlan, count: int, seed: Seed, first: int, start: Any, keep: Any) -> Any:
        seed = secrets.randbits(63) if seed is None else seed
        start = None if start is None else self._tokens(start)
        with self._active():
            return self._result(self._core.sample(plan, count, seed, first, start, keep))

    def sample(
        self,
        count: int,
        seed: Seed = 0,
        *,
        sampler: Union[TokenPlan, str, None] = None,
        first: int = 0,
        start: Any = None,
        keep: Any = None,
        **options: Any,
    ) -> Any:
        """Draw samples.

        Sample i depends on ``seed`` and ``first + i`` only: not on the number of samples or the
        batch, as long as the network's output for a row does not.

        Parameters
        ----------
        count : int
            The number of samples.
        seed : int, optional
            The seed, 0 by default. ``None`` draws a new one.
        sampler : TokenPlan or str, optional
            A plan, or the name of a sampler; the default is ``"ancestral"`` in 32 steps.
        first : int, default 0
            The index of the first sample.
        start : array_like of int or str, shape (length,) or (count, length), optional
            Tokens of which some are kept, to fill in gaps.
        keep : array_like of bool or str, shape (length,) or (count, length), optional
            The places that are kept, or a list of places from 1 such as ``"1-3,7"``. By default all
            tokens of ``start`` that are not masked.
        **options
            Options of :class:`TokenPlan`, such as ``steps=16`` or ``temperature=0.8``.

        Returns
        -------
        numpy.ndarray or torch.Tensor of int64, shape (count, length)
            The samples; a tensor if the network works on tensors.

        Raises
        ------
        UnknownNameError
            If the sampler has an unknown name.
        ArgumentError
            If an option is out of range, or if an output of the network is no prediction.
        ShapeError
            If an output of the network, ``start`` or ``keep`` has the wrong shape.

        Examples
        --------
        >>> import langevin, numpy
        >>> model = langevin.TokenModel(lambda x: numpy.zeros((*x.shape, 4)), vocab=4, length=6)
        >>> samples = model.sample(3, seed=1, sampler="halton", steps=2)
        >>> alone = model.sample(1, seed=1, sampler="halton", steps=2, first=2)
        >>> bool((samples[2] == alone[0]).all())
        True
        >>> model.sample(2, start=[0, 1, 4, 4, 4, 4])[:, :2].tolist()  # 4 is the mask
        [[0, 1], [0, 1]]
        """
        return self._draw(self.plan(sampler, **options), count, seed, first, start, keep)

    def predict(self, tokens: Any, alpha: float, *, first: int = 0, branch: str = "main") -> np.ndarray:
        """Return the leave-one-out denoiser: the law of each clean token given all other tokens.

        Under masked noise it is 1 at the letter of a token that is not masked.

        Parameters
        ----------
        tokens : array_like of int, shape (rows, length)
            The noised tokens.
        alpha : float
            The survival, from 0 to 1.
        first : int, default 0
            The index of the sample in row 0.
        branch : {"main", "unconditional"}, default "main"
            The branch of guidance.

        Returns
        -------
        numpy.ndarray of float64, shape (rows, length, vocab)
            The probabilities of the letters.

        Raises
        ------
        ArgumentError
            If the survival is out of range, a token unknown, or an output no prediction.
        ShapeError
            If the tokens or the network's output have the wrong shape.

        Examples
        --------
        >>> import langevin
        >>> chain = langevin.TokenDensity("chain:3x5")
        >>> chain.predict([[0, 3, 3, 1, 3]], 0.4)[0, 0]
        array([1., 0., 0.])
        """
        if branch not in ("main", "unconditional"):
            raise ArgumentError(f"unknown branch: expected 'main' or 'unconditional', got {branch!r}")
        with self._active():
            found: np.ndarray = self._core.predict(self._tokens(tokens), alpha, first, branch)
        return found

    def likelihood(self, data: Any, *, exact: bool = False, rounds: int = 1, seed: int = 0, first: int = 0) -> TokenLikelihood:
        """Compute −log p of sequences: an upper bound, or the exact value.

        Under masked noise the bound is the sum of the information profile, and needs no noise
        schedule.

        Parameters
        ----------
        data : array_like of int, or sequence of str, shape (rows, length)
            The sequences. Models with a vocabulary take texts.
        exact : bool, default False
            ``True`` sums over all orders of unmasking, which takes 2**length evaluations, for
            sequences of at most 16 tokens under masked noise.
        rounds : int, default 1
            Independent estimates of the bound of each sequence.
        seed : int, default 0
            The seed of the estimates.
        first : int, default 0
            The index of the first sequence.

        Returns
        -------
        TokenLikelihood
            −log p of each sequence in nats, and the mean.

        Raises
        ------
        ArgumentError
            If the sequences are too long for an exact value, or hold a token that is no letter.
        ShapeError
            If the sequences have the wrong shape.

        Examples
        --------
        >>> import langevin
        >>> chain = langevin.TokenDensity("chain:3x5")
        >>> data = chain.sample(4)
        >>> exact = chain.likelihood(data, exact=True)
        >>> bool(abs(exact.nats + chain.log_probability(data)).max() < 1e-12)
        True
        """
        with self._active():
            return TokenLikelihood(**self._core.likelihood(self._tokens(data), exact, rounds, seed, first))

    def evaluate(
        self,
        data: Any,
        *,
        train: Any = None,
        count: Optional[int] = None,
        seed: int = 0,
        sampler: Union[TokenPlan, str, None] = None,
        **options: Any,
    ) -> Report:
        """Compare samples with data: spelling, variety, repetitions and copies.

        Parameters
        ----------
        data : array_like of int, or sequence of str, shape (rows, length)
            Sequences that the model was not trained on.
        train : array_like of int, or sequence of str, optional
            The training data. Without them the first half of ``data`` takes their place.
        count : int, optional
            The number of samples. The default is that of the sequences, at most 5000.
        seed : int, default 0
            The seed of the samples.
        sampler : TokenPlan or str, optional
            A plan, or the name of a sampler.
        **options
            Options of :class:`TokenPlan`.

        Returns
        -------
        Report
            ``plan``, ``nfe``, ``count`` and ``measures``, a dict of pairs of the samples' value and
            that of the real sequences.

        Raises
        ------
        ArgumentError
            If there are fewer than four sequences.

        Examples
        --------
        >>> import langevin
        >>> chain = langevin.TokenDensity("chain:3x5")
        >>> report = chain.evaluate(chain.sample(400), steps=4)
        >>> report["nfe"], len(report["measures"])
        (4, 5)
        """
        real = np.asarray(_array(self._tokens(data)))
        if train is None:
            train, real = real[: len(real) // 2], real[len(real) // 2 :]
        train = np.asarray(_array(self._tokens(train)))
        if min(len(train), len(real)) < 2:
            raise ArgumentError(f"too few sequences to compare with (data): expected 4 or more, got {len(real)}")
        count = min(len(real), 5000) if count is None else count
        plan = self.plan(sampler, **options)
        drawn = _array(self._draw(plan, count, seed, 0, None, None))
        measures, text = self._core.evaluate(train, real[:count], drawn)
        report = Report(plan=plan.name, nfe=plan.nfe, count=count, measures={name: (samples, data) for name, samples, data in measures})
        report.text = text
        return report

    def recommend(self, nfe: int, data: Any = None, *, seed: int = 0) -> TokenRanking:
        """Rank orders and sizes of at most a number of evaluations.

        Parameters
        ----------
        nfe : int
            The largest number of network evaluations of a sample.
        data : array_like of int, or sequence of str, shape (rows, length), optional
            Sequences that the model was not trained on; a few hundred suffice. An exact density
            needs none.
        seed : int, default 0
            The seed of all random choices.

        Returns
        -------
        TokenRanking
            The plans, best first, which prints as a table.

        Raises
        ------
        ArgumentError
            If the noise has no mask, if ``nfe`` is 0, or without data.

        Examples
        --------
        >>> import langevin
        >>> chain = langevin.TokenDensity("chain:3x5")
        >>> chain.recommend(4).best.excess[0] < 1e-12  # places far apart are exact
        True
        """
        with self._active():
            found = self._core.recommend(nfe, None if data is None else self._tokens(data), seed, False)
        return TokenRanking([TokenCandidate(**one) for one in found["candidates"]], found["text"])

    def tune(self, nfe: int, data: Any = None, *, seed: int = 0) -> TokenTuned:
        """Search among groups of places for a plan that is better than the recommended one.

        Parameters
        ----------
        nfe : int
            The largest number of network evaluations of a sample.
        data : array_like of int, or sequence of str, shape (rows, length), optional
            Sequences that the model was not trained on. An exact density needs none.
        seed : int, default 0
            The seed of all random choices.

        Returns
        -------
        TokenTuned
            The plan and its excess before and after.

        Raises
        ------
        ArgumentError
            If the noise has no mask, if ``nfe`` is 0, or without data.

        Examples
        --------
        >>> import langevin
        >>> tuned = langevin.TokenDensity("chain:3x6").tune(2)
        >>> tuned.after[0] <= tuned.before[0]
        True
        """
        with self._active():
            return TokenTuned(**self._core.recommend(nfe, None if data is None else self._tokens(data), seed, True))
