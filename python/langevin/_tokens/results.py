"""Results of the tasks on models of tokens."""

from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

import numpy as np

from .._langevin import TokenPlan


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
