"""Models of tokens: any network in Python, model files, and exact densities."""

import contextlib
import inspect
import itertools
import os
import secrets
import sys
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from . import _arguments, _langevin
from ._errors import ArgumentError, ShapeError
from ._langevin import TokenPlan
from ._report import Report

_arguments.guard(_langevin, [], [_langevin._TokenModel])
_Core = _langevin._TokenModel

Seed = Optional[int]


@dataclass(frozen=True)
class TokenQuery:
    """Evaluation of a network on tokens: the tokens, their survivals and their rows.

    :meth:`TokenStepper.query` returns queries. A network of :class:`TokenModel` whose second
    argument is named ``query`` receives them too.

    Attributes
    ----------
    x : numpy.ndarray or torch.Tensor of int64, shape (rows, length)
        The tokens. Do not write into them.
    alpha : numpy.ndarray or torch.Tensor, shape (rows,)
        The survival of each row: the share of its tokens that are clean, between 0 and 1.
    index : int
        Number of instructions or calls before this one.
    rows : numpy.ndarray of uint64, shape (rows,)
        Sample index of each row.
    branch : str
        Branch of guidance: ``"main"`` or ``"unconditional"``.

    Examples
    --------
    >>> import langevin
    >>> query = langevin.TokenPlan(vocab=3, length=4, steps=2).start(5).query()
    >>> query.x[0], query.alpha[0]
    (array([3, 3, 3, 3]), np.float64(0.0))
    """

    x: Any
    alpha: Any
    index: int
    rows: np.ndarray
    branch: str = "main"


@dataclass(frozen=True)
class TokenLikelihood:
    """Values of −log p of sequences; the result of ``likelihood`` of a model of tokens.

    Attributes
    ----------
    kind : str
        ``"bound"``, estimates of an upper bound on −log p, or ``"exact"``.
    nats : numpy.ndarray of float64, shape (rows,)
        The value of each sequence, in nats.
    profile : numpy.ndarray of float64, shape (length,), or None
        The nats of one more token when 0, 1, … tokens are known; for a bound under masked noise.
    evaluations : int
        Number of network evaluations of a sequence.
    mean : float
        Mean over the sequences, in nats.
    standard_error : float
        Standard error of the mean, in nats.
    bits_per_token : float
        Mean in bits per token.
    perplexity : float
        Exponential of the mean nats per token.

    Examples
    --------
    >>> import langevin
    >>> chain = langevin.TokenDensity("chain:3x5")
    >>> found = chain.likelihood(chain.sample(10), exact=True)
    >>> found.kind, found.evaluations
    ('exact', 32)
    """

    kind: str
    nats: np.ndarray
    profile: Optional[np.ndarray]
    evaluations: int
    mean: float
    standard_error: float
    bits_per_token: float
    perplexity: float


@dataclass(frozen=True)
class TokenCandidate:
    """Plan of a :class:`TokenRanking` with its errors.

    Attributes
    ----------
    name : str
        The order, and how the sizes were chosen.
    plan : TokenPlan
        The plan.
    sizes : list of int
        Tokens of each step; empty if the number depends on the sample.
    excess : tuple or None
        KL from the data to the samples, in nats a sequence, and its standard error (``None`` if
        exact). ``None`` for a plan that looks at drawn letters.
    pair_kl : tuple or None
        The same for pairs of neighbours, if the data are a Markov chain.
    reason : str
        The reason for its place.
    """

    name: str
    plan: TokenPlan
    sizes: List[int]
    excess: Optional[Tuple[float, Optional[float]]]
    pair_kl: Optional[Tuple[float, Optional[float]]]
    reason: str


@dataclass(frozen=True)
class TokenRanking:
    """Plans from the smallest excess to the largest; it prints as a table with reasons.

    Attributes
    ----------
    candidates : list of TokenCandidate
        The plans, best first.
    text : str
        The table, as ``langevin recommend`` prints it.

    Examples
    --------
    >>> import langevin
    >>> ranking = langevin.TokenDensity("chain:3x6").recommend(2)
    >>> ranking.best.plan.nfe
    2
    """

    candidates: List[TokenCandidate]
    text: str

    @property
    def best(self) -> TokenCandidate:
        """Plan with the smallest excess."""
        return self.candidates[0]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class TokenTuned:
    """Plan of groups of places that a search has found; the result of ``tune``.

    Attributes
    ----------
    plan : TokenPlan
        The plan.
    before, after : tuple
        Excess of the recommended plan and of this one: nats a sequence, and the standard error
        (``None`` if exact).
    interval : tuple of float
        95 % interval of the difference on sequences that the search has not seen.
    changed : bool
        ``False`` if no plan was better than the recommended one, which is then returned.
    text : str
        The result, as ``langevin tune`` prints it.
    """

    plan: TokenPlan
    before: Tuple[float, Optional[float]]
    after: Tuple[float, Optional[float]]
    interval: Tuple[float, float]
    changed: bool
    text: str

    def __str__(self) -> str:
        return self.text


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


class TokenModel(_Tokens):
    """Any network on tokens, as a model that can be sampled and measured.

    The network is a ``torch.nn.Module`` or a function of tokens, an int64 array or tensor of shape
    (rows, length). It returns numbers of shape (rows, length, vocab), as an array, a tensor, an
    object with ``.logits`` or a tuple whose first entry they are. A masked language model may have
    one more column for the mask, which is ignored: the mask is never drawn.

    A network on levels is called with a second argument for each row (``time=``). If the second
    parameter is named ``query``, it receives a :class:`TokenQuery`.

    Parameters
    ----------
    net : torch.nn.Module or callable
        The network.
    vocab : int
        V, the number of letters of clean data, without the mask.
    length : int
        The number of tokens of a sequence.
    noise : str or sequence of float, default "masked"
        ``"masked"``, ``"uniform"``, or the probabilities from which noised tokens are drawn.
    prediction : {"posterior", "leave-one-out", "score"}, default "posterior"
        What the network predicts: the law of a clean token given all tokens, or given all others,
        or the ratios of probabilities. Under masked noise the first two are the same.
    output : {"logits", "probabilities"}, default "logits"
        The form of the output. The logits of a score are its logarithms.
    mask : int, optional
        The identifier of the mask, V by default. If it is less than V, the letters are all other
        identifiers from 0 to V.
    time : str or callable, optional
        The second argument of a network on levels: ``"survival"`` is α, the share of clean tokens,
        ``"noise"`` is 1 − α, and a function maps an array of α. By default there is none.
    forbid : sequence of int, default ()
        Identifiers of letters that are never drawn, such as those of special tokens.
    batch : int, optional
        The largest number of rows of one call. The default is at most 512, and less for large
        outputs. It does not change the samples.
    device : str or torch.device, optional
        The device of the tensors. The default is that of the module's weights; a function without a
        device receives numpy arrays.

    Raises
    ------
    UnknownNameError
        If the noise or the prediction has an unknown name.
    ArgumentError
        If the network cannot be called, or if another argument is out of range.

    Examples
    --------
    A masked language model over 4 letters, whose logits prefer the letter of the left neighbour:

    >>> import langevin, numpy
    >>> def net(tokens):
    ...     left = numpy.roll(tokens, 1, axis=1)[..., None]
    ...     return 2.0 * (left == numpy.arange(4))
    >>> model = langevin.TokenModel(net, vocab=4, length=8)
    >>> model.sample(3, seed=0, sampler="first-hitting").shape
    (3, 8)
    >>> model.likelihood([[1, 1, 1, 1, 2, 2, 2, 2]], exact=True).kind
    'exact'
    """

    def __init__(
        self,
        net: Any,
        *,
        vocab: int,
        length: int,
        noise: Union[str, Sequence[float]] = "masked",
        prediction: str = "posterior",
        output: str = "logits",
        mask: Optional[int] = None,
        time: Union[str, Callable[[np.ndarray], Any], None] = None,
        forbid: Sequence[int] = (),
        batch: Optional[int] = None,
        device: Any = None,
    ) -> None:
        if not callable(net) or isinstance(net, _Tokens):
            raise ArgumentError(
                f"bad network (TokenModel, net): expected a torch.nn.Module or a function of tokens, got {type(net).__name__}\n"
                "hint: models of this library are sampled by their own method sample"
            )
        if output not in ("logits", "probabilities"):
            raise ArgumentError(f"unknown output (TokenModel): expected 'logits' or 'probabilities', got {output!r}")
        if not (time is None or callable(time) or time in ("survival", "noise")):
            raise ArgumentError(f"unknown time (TokenModel): expected 'survival', 'noise' or a function of the survival, got {time!r}")
        self.module, self.time = net, time
        self._settings: Dict[str, Any] = dict(
            vocab=vocab, length=length, noise=noise, prediction=prediction, output=output, mask=mask, time=time, forbid=tuple(forbid), batch=batch, device=device
        )
        self._takes_query, required = _second(net)
        if required > 1 and time is None and not self._takes_query:
            raise ArgumentError(
                f"the network has {required} arguments (TokenModel, net): expected a function of tokens\n"
                "hint: time='survival' or time='noise' for a network on levels; fix other arguments with a lambda"
            )
        torch = sys.modules.get("torch")
        self._is_module = bool(torch and isinstance(net, torch.nn.Module))
        self._device = device
        if device is not None:
            import torch as loaded

            try:
                self._device = loaded.device(device)
            except (RuntimeError, TypeError):
                raise ArgumentError(f"unknown device (TokenModel, device): expected one of torch, such as 'cpu' or 'cuda', got {device!r}") from None
        prior = noise if isinstance(noise, str) else [float(one) for one in noise]
        self._core = _Core.called(self._call, vocab, length, prior, prediction, output == "logits", mask, [int(one) for one in forbid], batch)

    def with_length(self, length: int) -> "TokenModel":
        """Return the same network for sequences of another length.

        Parameters
        ----------
        length : int
            The number of tokens of a sequence.

        Returns
        -------
        TokenModel
            The model.

        Examples
        --------
        >>> import langevin, numpy
        >>> model = langevin.TokenModel(lambda x: numpy.zeros((*x.shape, 4)), vocab=4, length=6)
        >>> model.with_length(9).sample(2).shape
        (2, 9)
        """
        return TokenModel(self.module, **{**self._settings, "length": length})

    def __repr__(self) -> str:
        noise = self.noise if isinstance(self.noise, str) else "prior"
        return f"TokenModel({type(self.module).__name__}, {self.length} tokens of {self.vocab} letters, {noise} noise)"

    def _place(self) -> Any:
        """Return the device of the tensors, or ``None`` for arrays."""
        if self._device is not None or not self._is_module:
            return self._device
        import torch

        weights = next(itertools.chain(self.module.parameters(), self.module.buffers()), None)
        return torch.device("cpu") if weights is None else weights.device

    @contextlib.contextmanager
    def _active(self) -> Iterator[None]:
        """Switch dropout, batch statistics and gradients off for the time of a task."""
        torch = sys.modules.get("torch")
        if torch is None:
            yield
            return
        training = [one for one in self.module.modules() if one.training] if self._is_module else []
        for one in training:
            one.training = False
        try:
            with torch.no_grad():
                yield
        finally:
            for one in training:
                one.training = True

    def _result(self, tokens: np.ndarray) -> Any:
        place = self._place()
        if place is None:
            return tokens
        import torch

        return torch.from_numpy(tokens).to(place)

    def _call(self, tokens: np.ndarray, alpha: np.ndarray, rows: np.ndarray, branch: str, index: int) -> np.ndarray:
        """Answer one question of the compiled half."""
        place, x, level = self._place(), tokens, alpha
        if place is not None:
            import torch

            x = torch.from_numpy(tokens).to(place)  # type: ignore[assignment]
        if self._takes_query and self.time is None:
            return _floats(self.module(x, TokenQuery(x, level, index, rows, branch)))
        if self.time is None:
            return _floats(self.module(x))
        values = self.time(level) if callable(self.time) else level if self.time == "survival" else 1.0 - level
        if place is not None:
            weights = next((one for one in self.module.parameters() if one.is_floating_point()), None) if self._is_module else None
            kind = torch.float64 if weights is not None and weights.dtype == torch.float64 else torch.float32
            values = torch.as_tensor(np.asarray(_array(values))).to(place, kind)
        return _floats(self.module(x, values))


def _second(net: Any) -> Tuple[bool, int]:
    """Return whether the second parameter is named query, and the number of required parameters."""
    function = getattr(net, "forward", net)
    try:
        parameters = [one for one in inspect.signature(function).parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        return False, 1
    required = sum(one.default is one.empty for one in parameters)
    return len(parameters) > 1 and parameters[1].name == "query", required


def _array(values: Any) -> Any:
    """Return a tensor as an array, and anything else as it is."""
    if hasattr(values, "detach"):
        return values.detach().cpu().numpy()
    return values


def _floats(output: Any) -> np.ndarray:
    """Return the output of a network as an array of float32 or float64."""
    output = getattr(output, "logits", output)
    if isinstance(output, tuple) and output:
        output = output[0]
    if hasattr(output, "detach"):
        output = output.detach()
        if output.is_floating_point() and output.element_size() < 4:
            output = output.float()
        output = output.cpu().numpy()
    try:
        found = np.asarray(output)
    except ValueError:
        found = np.asarray(None)
    if found.dtype.kind not in "fiub":
        raise ShapeError(
            f"the network's output is no array (TokenModel): expected numbers of shape (rows, length, vocab), got {type(output).__name__}"
        )
    return np.ascontiguousarray(found, dtype=found.dtype if found.dtype in (np.float32, np.float64) else np.float64)


class TokenNetwork(_Tokens):
    """Network on tokens that was trained with ``langevin train``.

    Samples are the bits of ``langevin sample``. Texts can be given in place of tokens.

    Parameters
    ----------
    path : str or os.PathLike
        The model file, such as ``"tokens.safetensors"``.

    Raises
    ------
    ArgumentError
        If the file does not exist, or holds a model of numbers.
    FormatError
        If the file is not a model file.

    Examples
    --------
    With a model of ``langevin train --data names --out tokens.safetensors``:

    >>> import langevin
    >>> network = langevin.TokenNetwork("tokens.safetensors")
    >>> samples = network.sample(3, seed=0, sampler="first-hitting")
    >>> samples.shape, len(network.decode(samples))
    ((3, 12), 3)
    >>> network.likelihood(["anna", "otto"]).nats.shape
    (2,)
    >>> mar = network.sample(2, start="marianne", keep="1-3", sampler="first-hitting")
    >>> [name[:3] for name in network.decode(mar)]
    ['mar', 'mar']
    """

    def __init__(self, path: Union[str, "os.PathLike[str]"]) -> None:
        self._core, self._path = _Core.network(path), os.fspath(path)

    @property
    def letters(self) -> List[str]:
        """Texts of the letters."""
        letters: List[str] = self._core.letters
        return letters

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return int(self._core.parameters)

    def encode(self, texts: Union[str, Sequence[str]]) -> np.ndarray:
        """Return the tokens of texts, padded to the length of the network.

        Parameters
        ----------
        texts : str or sequence of str
            The texts.

        Returns
        -------
        numpy.ndarray of int64, shape (rows, length)
            The tokens; one row for a single text.

        Raises
        ------
        ArgumentError
            If a text has an unknown letter, or is too long.
        """
        found: np.ndarray = self._core.encode([texts] if isinstance(texts, str) else list(texts))
        return found

    def decode(self, tokens: Any) -> List[str]:
        """Return the texts of tokens, without padding; a mask is shown as ``_``.

        Parameters
        ----------
        tokens : array_like of int, shape (rows, length)
            The tokens.

        Returns
        -------
        list of str
            The texts.

        Raises
        ------
        ArgumentError
            If a token is unknown.
        ShapeError
            If the tokens have the wrong shape.
        """
        found: List[str] = self._core.decode(tokens)
        return found

    def _tokens(self, data: Any) -> Any:
        if isinstance(data, str) or (isinstance(data, (list, tuple)) and data and all(isinstance(one, str) for one in data)):
            return self.encode(data)
        return data

    def __repr__(self) -> str:
        noise = self.noise if isinstance(self.noise, str) else "prior"
        return f"TokenNetwork({self.length} tokens of {self.vocab} letters, {noise} noise, {self.parameters} weights)"

    def __reduce__(self) -> Any:
        return TokenNetwork, (self._path,)


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


def _density(density: Any, noise: Any) -> _Tokens:
    if isinstance(density, str):
        return TokenDensity(density, noise)
    if not isinstance(density, _Tokens):
        raise ArgumentError(f"this is no model of tokens: expected a TokenDensity or its name, got {type(density).__name__}")
    return density


def _analyze(plan: TokenPlan, density: Any) -> Dict[str, Any]:
    """Compute the exact error; :meth:`TokenPlan.analyze` documents it."""
    found: Dict[str, Any] = _density(density, plan.noise)._core.analyze(plan)
    return found


def _law(plan: TokenPlan, model: Any) -> np.ndarray:
    """Compute exact probabilities; :meth:`TokenPlan.law` documents it."""
    model = _density(model, plan.noise)
    with model._active():
        found: np.ndarray = model._core.law(plan)
    return found


def _run(plan: TokenPlan, model: Any, count: int, seed: Seed, *, first: int, start: Any, keep: Any) -> Any:
    """Run a plan; :meth:`TokenPlan.run` documents the arguments."""
    if not isinstance(model, _Tokens):
        model = TokenModel(model, vocab=plan.vocab, length=plan.length, noise=plan.noise)
    return model._draw(plan, count, seed, first, start, keep)
