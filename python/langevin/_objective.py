"""Training objectives for torch: noise levels, noised states, targets and weights of a loss.

The coefficients of the loss are computed once for listed noise levels, in double precision. A draw
is a lookup in that list, so it runs on the device of the data and never waits for the host.
"""

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np
import torch

from . import _langevin
from ._arguments import _own
from ._errors import ArgumentError, FormatError, ModelError, ShapeError
from ._formulation import _formulation
from ._langevin import Formulation, Prediction, Process

_Objective = _own(_langevin._Objective)
_pairing = _own(_langevin._pairing)

# Number of listed noise levels of a continuous process.
_LEVELS = 1 << 14
# Constants of the learned density, those of the Rust trainer: bins of λ, the share of the levels that
# stay uniform, the memory of the sums, the rows after which a bin is trusted, the first update, and the
# batches between updates.
_BINS, _UNIFORM, _KEEP, _ENOUGH, _FIRST, _REFRESH = _langevin._Objective.learning()
# Columns of the compiled half, and the weight times the probability of the level.
_LAMBDA, _TIME, _ALPHA, _SIGMA, _IN_TIME, _IN_ALPHA, _IN_SIGMA, _DATUM, _NOISE, _FACTOR, _GAIN, _SHARE = range(12)


@dataclass(frozen=True)
class Levels:
    """Noise levels of the rows of a batch, on the process of the formulation.

    Attributes
    ----------
    time : torch.Tensor, shape (rows,)
        Time of the process.
    alpha : torch.Tensor, shape (rows,)
        Factor of the clean data.
    sigma : torch.Tensor, shape (rows,)
        Standard deviation of the noise.
    lambda_ : torch.Tensor, shape (rows,)
        Half log-SNR, λ = ln(alpha / sigma).

    Examples
    --------
    >>> import langevin, torch
    >>> batch = langevin.Objective("rectified-flow").draw(torch.zeros(4, 2))
    >>> batch.level.time.shape
    torch.Size([4])
    """

    time: torch.Tensor
    alpha: torch.Tensor
    sigma: torch.Tensor
    lambda_: torch.Tensor

    @property
    def sigma_ve(self) -> torch.Tensor:
        """Noise level sigma / alpha, shape (rows,)."""
        return self.sigma / self.alpha


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of a training step; the result of :meth:`Objective.draw`.

    Attributes
    ----------
    x : torch.Tensor, shape of the data
        Input of the network: the noised data, in the network's scaling.
    time : torch.Tensor, shape (rows,)
        Time input of the network, in its own clock.
    target : torch.Tensor, shape of the data
        Value that the network's output should have.
    weight : torch.Tensor, shape (rows,)
        Weight of the mean squared error of each row.
    index : torch.Tensor, shape (rows,)
        Index of each row's level in the objective's list of levels, the noisiest first.
    terms : torch.Tensor, shape (rows, 12)
        Coefficients of the loss: λ, time, alpha and sigma of the process; time, alpha and sigma of
        the network's input; the factors of data and noise in the target; the weight of the squared
        error of the output, the squared error in ε for each unit of it, and the weight times the
        probability of the level.

    Examples
    --------
    >>> import langevin, torch
    >>> objective = langevin.Objective("vp", predict="epsilon")
    >>> batch = objective.draw(torch.zeros(4, 2), generator=torch.Generator().manual_seed(0))
    >>> batch.x.shape, batch.time.shape, batch.weight.tolist()
    (torch.Size([4, 2]), torch.Size([4]), [1.0, 1.0, 1.0, 1.0])
    """

    x: torch.Tensor
    time: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    index: torch.Tensor
    terms: torch.Tensor

    @property
    def level(self) -> Levels:
        """Noise level of each row, on the process of the formulation."""
        return Levels(*(self.terms[:, at] for at in (_TIME, _ALPHA, _SIGMA, _LAMBDA)))


@dataclass(frozen=True)
class Explained:
    """Weight of an objective over the noise levels; the result of :meth:`Objective.explain`.

    Printing it gives the table of ``langevin objective``.

    Attributes
    ----------
    title : str
        Formulation, weight and density of the objective.
    points : numpy.ndarray of float64, shape (levels, 6)
        The columns are λ, time, sigma / alpha, the density p(λ) of the draws, the weight w(λ) of
        ‖ε − ε̂‖², and their product. The expected loss depends on the product only.
    is_bound : bool
        True if the objective is an upper bound on −log p of data, possibly with added noise.
    is_likelihood : bool
        True if it is an upper bound on −log p of the data themselves.
    verdict : str
        Both in words.
    table : str
        The points and the verdict as text.

    Examples
    --------
    >>> import langevin
    >>> langevin.Objective("vp", predict="v", weight="likelihood").explain().is_likelihood
    True
    """

    title: str
    points: np.ndarray
    is_bound: bool
    is_likelihood: bool
    verdict: str
    table: str

    def __str__(self) -> str:
        return f"{self.title}\n\n{self.table}"


class _Table:
    """The listed levels on one device, in double precision if the device has it."""

    def __init__(self, masses: np.ndarray, columns: np.ndarray, lambda_range: Tuple[float, float], device: torch.device) -> None:
        low, high = lambda_range
        places = (columns[:, _LAMBDA] - low) / (high - low) * _BINS
        bins = np.clip(np.nan_to_num(places, neginf=0.0), 0, _BINS - 1).astype(np.int64)
        counts = np.bincount(bins, minlength=_BINS)
        ends = np.cumsum(masses)
        self.dtype = torch.float32 if device.type == "mps" else torch.float64
        whole = lambda values: torch.from_numpy(np.ascontiguousarray(values)).to(device)  # noqa: E731
        real = lambda values: torch.from_numpy(np.ascontiguousarray(values)).to(self.dtype).to(device)  # noqa: E731
        share = columns[:, _FACTOR] * masses
        self.columns = {self.dtype: real(np.concatenate([columns, share[:, None]], 1))}
        self.ends = real(ends / ends[-1])
        self.bins, self.counts, self.starts = whole(bins), whole(counts), whole(np.cumsum(counts) - counts)
        # What a row adds to the sums of its bin: 1, the error in ε, and the square of its share of
        # the loss, for a squared error of 1.
        self.added = real(np.stack([np.ones(len(masses)), columns[:, _GAIN], (share * len(masses)) ** 2]))
        self.shares = real(counts / counts.sum())
        self.parts: Dict[int, torch.Tensor] = {}
        self.faded: Dict[Tuple[int, ...], torch.Tensor] = {}

    def terms(self, dtype: torch.dtype) -> torch.Tensor:
        """Return the coefficients of all levels in a dtype."""
        if dtype not in self.columns:
            self.columns[dtype] = self.columns[self.dtype].to(dtype)
        return self.columns[dtype]

    def ages(self, counts: Tuple[int, ...]) -> torch.Tensor:
        """Return the weight of each row of batches of these sizes, the oldest first."""
        if counts not in self.faded:
            fades = np.repeat(_KEEP ** np.arange(len(counts), 0, -1), counts)
            self.faded = {counts: torch.from_numpy(fades).to(self.dtype).to(self.ends.device, non_blocking=True)}
        return self.faded[counts]

    def strata(self, count: int) -> torch.Tensor:
        """Return the starts of equal parts of [0, 1]."""
        if count not in self.parts:
            self.parts = {count: torch.arange(count, device=self.ends.device, dtype=self.dtype) / count}
        return self.parts[count]


class Objective:
    """Training objective: noise levels, noised states, targets, and the weight of the loss.

    The loss is ∫ w(λ) p(λ) E‖ε − ε̂‖² dλ for every prediction, process and clock. The names and
    defaults are those of ``langevin train`` and ``langevin objective``.

    Parameters
    ----------
    formulation : Formulation, Process or str, default "rectified-flow"
        The formulation of the network, or its process; a string is a process or
        ``"process:prediction"``.
    predict : Prediction or str, optional
        The prediction of the network, if ``formulation`` is a process; ``"velocity"`` by default.
    weight : str, default "plain"
        ``"plain"``, ``"likelihood"``, ``"min-snr:5"``, ``"p2:1"``, ``"sigmoid:0"``, ``"edm:0.5"`` or
        ``"uncertainty"``, with their parameters.
    times : str, optional
        The density of the noise levels: ``"uniform-t"``, ``"uniform-lambda"``, ``"cosmap"``,
        ``"logit-normal:0,1"`` or ``"log-normal-sigma:-1.2,1.2"``. The default is uniform in the time
        of the process, and uniform in λ for ``vp`` and ``ve``, whose time is unbounded.
    adaptive : bool, default False
        ``True`` learns the density for which the loss is least noisy. The expected gradient stays
        the same.
    stratified : bool, default True
        ``True`` spreads the levels of a batch evenly over the density.
    coupling : {"transport"}, optional
        ``"transport"`` assigns the noise of a batch to its rows by optimal transport. The assignment
        is computed by the processor, so the batch is copied to it.
    steps : bool, optional
        ``True`` draws the entries of a discrete schedule only, so that times are whole numbers.
        This is the default for tables such as ``"table:linear"``.
    synchronize : bool, default True
        ``True`` adds up what is learned over the ranks of ``torch.distributed``, if it is in use.

    Attributes
    ----------
    formulation : Formulation
        The formulation, with the range of noise levels that are drawn. By default it is
        sigma / alpha from 0.002 to 80, or that of the table.

    Raises
    ------
    UnknownNameError
        If a name is unknown.
    ArgumentError
        If a parameter is out of range, or if two arguments contradict each other.

    Examples
    --------
    >>> import langevin, torch
    >>> objective = langevin.Objective("rectified-flow", predict="velocity", times="logit-normal:0,1")
    >>> net = torch.nn.Linear(2, 2)
    >>> batch = objective.draw(torch.randn(8, 2))
    >>> loss = objective.loss(net(batch.x), batch)
    >>> loss.backward()
    """

    def __init__(
        self,
        formulation: Union[Formulation, Process, str] = "rectified-flow",
        *,
        predict: Union[Prediction, str, None] = None,
        weight: str = "plain",
        times: Optional[str] = None,
        adaptive: bool = False,
        stratified: bool = True,
        coupling: Optional[str] = None,
        steps: Optional[bool] = None,
        synchronize: bool = True,
    ) -> None:
        self._inner = _Objective(_formulation(formulation, predict), weight, times)
        self.formulation: Formulation = self._inner.formulation
        if coupling not in (None, "transport"):
            raise ArgumentError(f"unknown coupling: expected 'transport' or None, got {coupling!r}")
        self.weight, self.times = weight, self._inner.times
        self.adaptive, self.stratified, self.coupling, self.synchronize = adaptive, stratified, coupling, synchronize
        self.steps = self.formulation.process.name.startswith("table") if steps is None else steps
        masses, columns = self._inner.terms(None if self.steps else _LEVELS)
        # Both kinds of lists have the noisiest level first.
        order = np.argsort(columns[:, _LAMBDA], kind="stable")
        self._terms = masses[order], columns[order]
        self._uncertain = weight.split(":")[0] == "uncertainty"
        self._tables: Dict[torch.device, _Table] = {}
        self._batches = 0
        # Levels and squared errors of the batches that are not in the sums yet.
        self._pending: List[Tuple[torch.Tensor, torch.Tensor]] = []
        # Sums of 1, of the error in ε and of its weighted square, for each bin of λ.
        self._sums: Optional[torch.Tensor] = None
        self._drawn: Optional[torch.Tensor] = None
        self._aim: Optional[Tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = None
        self._errors: Optional[torch.Tensor] = None
        self._inverse: Dict[torch.dtype, torch.Tensor] = {}

    def __repr__(self) -> str:
        options = f"adaptive={self.adaptive}" + (f", coupling='{self.coupling}'" if self.coupling else "")
        return f"Objective({self.formulation!r}, weight='{self.weight}', times='{self.times}', {options})"

    def __getstate__(self) -> Dict[str, Any]:
        # Tables and the compiled half are made again.
        kept = {name: value for name, value in self.__dict__.items() if name not in ("_inner", "_tables", "_aim", "_inverse")}
        return kept

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._inner = _Objective(self.formulation, self.weight, self.times)
        self._tables, self._aim, self._inverse = {}, None, {}

    def _on(self, device: torch.device) -> _Table:
        table = self._tables.get(device)
        if table is None:
            table = self._tables[device] = _Table(*self._terms, self._inner.lambda_range, device)
        return table

    def _choose(self, table: _Table, u: torch.Tensor) -> Tuple[torch.Tensor, Optional[torch.Tensor]]:
        """Return the index of each row's level, and the bin of λ if the density is learned."""
        if self._drawn is None or not self.adaptive:
            return torch.searchsorted(table.ends, u, right=True), None
        if self._aim is None or self._aim[0].device != u.device:
            # A bin of mass m with n levels takes m from [0, 1], and each of its levels m/n.
            drawn = self._drawn.to(u.device)
            ends = drawn.cumsum(0)
            ends = ends / ends[-1]
            rates = table.counts / drawn
            self._aim = ends, rates, table.starts + table.counts - ends * rates
            self._inverse = {}
        ends, rates, bases = self._aim
        place = torch.searchsorted(ends, u, right=True)
        index = torch.addcmul(bases.index_select(0, place), u, rates.index_select(0, place)).long().clamp_(max=len(table.ends) - 1)
        return index, place

    def _rates(self, dtype: torch.dtype) -> torch.Tensor:
        """Return the levels for each unit of probability, of each bin."""
        assert self._aim is not None
        if dtype not in self._inverse:
            self._inverse[dtype] = self._aim[1].to(dtype)
        return self._inverse[dtype]

    def draw(
        self, x0: torch.Tensor, *, noise: Optional[torch.Tensor] = None, generator: Optional[torch.Generator] = None
    ) -> Batch:
        """Draw noise levels and noise, and return the inputs and targets of a training step.

        Parameters
        ----------
        x0 : torch.Tensor, shape (rows, ...)
            The data, in the units of the network.
        noise : torch.Tensor, shape of ``x0``, optional
            Standard normal noise; by default it is drawn.
        generator : torch.Generator, optional
            The generator, on the device of ``x0``. In a training on several processes give each
            rank a generator with a seed of its own.

        Returns
        -------
        Batch
            The network's input and time, the target of its output, and the weight of each row.

        Raises
        ------
        ShapeError
            If ``x0`` has no rows, or the noise another shape.
        ArgumentError
            If the data are not floating-point numbers, or the generator is on another device.
        """
        if not isinstance(x0, torch.Tensor) or not x0.is_floating_point():
            got = x0.dtype if isinstance(x0, torch.Tensor) else type(x0).__name__
            raise ArgumentError(f"bad data (Objective.draw, x0): expected a tensor of floating-point numbers, got {got}")
        if x0.dim() < 2 or len(x0) == 0:
            raise ShapeError(f"bad shape (Objective.draw, x0): expected (rows, ...), got {tuple(x0.shape)}")
        if generator is not None and not isinstance(generator, torch.Generator):
            raise ArgumentError(f"bad generator (Objective.draw): expected a torch.Generator, got {type(generator).__name__}")
        if generator is not None and generator.device.type != x0.device.type:
            raise ArgumentError(
                f"the generator is on another device than the data (Objective.draw): expected {x0.device.type}, got {generator.device.type}\n"
                f"hint: torch.Generator(device='{x0.device.type}')"
            )
        table, count = self._on(x0.device), len(x0)
        u = torch.rand(count + 1, generator=generator, device=x0.device, dtype=table.dtype)
        # `narrow` and `select` are the cheapest views, and a step of a small network takes 3 ms.
        drawn, shift = u.narrow(0, 0, count), u.narrow(0, count, 1)
        if self.stratified:
            # Part i of the density belongs to row i, shifted by one random number for all rows.
            drawn = torch.add(table.strata(count), drawn, alpha=1 / count).add_(shift).frac_()
        index, place = self._choose(table, drawn)
        wide = x0.dtype if x0.dtype in (torch.float32, torch.float64) else torch.float32
        terms = table.terms(wide).index_select(0, index)
        # With a learned density, the weight times the probability is divided by the one drawn from.
        weight = terms.select(1, _FACTOR) if place is None else terms.select(1, _SHARE) * self._rates(wide).index_select(0, place)
        if self._uncertain and self._errors is not None:
            weight = weight / (self._errors.to(u.device)[table.bins[index]] * _BINS).to(wide)
        if noise is None:
            noise = torch.randn(x0.shape, generator=generator, device=x0.device, dtype=x0.dtype)
            if self.coupling:
                noise = _transported(x0, noise)
        elif not isinstance(noise, torch.Tensor):
            raise ArgumentError(f"bad noise (Objective.draw, noise): expected a tensor, got {type(noise).__name__}")
        elif noise.device != x0.device:
            raise ArgumentError(f"the noise is on another device than the data (Objective.draw): expected {x0.device}, got {noise.device}")
        elif noise.shape != x0.shape:
            raise ShapeError(f"bad shape (Objective.draw, noise): expected {tuple(x0.shape)}, got {tuple(noise.shape)}")
        data = x0 if x0.dtype == wide else x0.to(wide)
        noise = noise if noise.dtype == wide else noise.to(wide)
        columns = terms if x0.dim() == 2 else terms.view(count, *[1] * (x0.dim() - 2), -1)
        column = lambda at: columns.narrow(-1, at, 1)  # noqa: E731
        x = (column(_IN_ALPHA) * data).addcmul_(column(_IN_SIGMA), noise)
        target = (column(_DATUM) * data).addcmul_(column(_NOISE), noise)
        if x0.dtype != wide:
            x, target = x.to(x0.dtype), target.to(x0.dtype)
        return Batch(x, terms.select(1, _IN_TIME), target, weight, index, terms)

    def loss(self, out: torch.Tensor, batch: Batch, *, reduction: str = "mean") -> torch.Tensor:
        """Return the loss of the network's outputs.

        With ``adaptive`` or the weight ``"uncertainty"`` it also records the errors of the rows, if
        the outputs require a gradient.

        Parameters
        ----------
        out : torch.Tensor, shape of ``batch.target``
            The network's outputs.
        batch : Batch
            The batch that the outputs belong to.
        reduction : {"mean", "none"}, default "mean"
            ``"mean"`` returns the mean over the rows, ``"none"`` the loss of each row.

        Returns
        -------
        torch.Tensor, shape () or (rows,)
            The weighted mean squared error. A loss that is not finite raises an error on the
            processor; on other devices it is returned, because a check would wait for the device.

        Raises
        ------
        ShapeError
            If the outputs have another shape than the targets.
        ModelError
            If the outputs of a network on the processor are not finite.
        """
        if not isinstance(out, torch.Tensor):
            raise ArgumentError(f"bad outputs (Objective.loss, out): expected a tensor, got {type(out).__name__}")
        if out.shape != batch.target.shape:
            raise ShapeError(f"the network returned another shape (Objective.loss, out): expected {tuple(batch.target.shape)}, got {tuple(out.shape)}")
        if reduction not in ("mean", "none"):
            raise ArgumentError(f"unknown reduction: expected 'mean' or 'none', got {reduction!r}")
        wide = batch.weight.dtype
        square = torch.nn.functional.mse_loss(out.to(wide), batch.target.to(wide), reduction="none").flatten(1).mean(1)
        if (self.adaptive or self._uncertain) and out.requires_grad and torch.is_grad_enabled():
            self._learn(square.detach(), batch)
        if reduction == "none":
            return square * batch.weight
        total = torch.dot(square, batch.weight) / len(square)
        if total.device.type == "cpu" and not torch.compiler.is_compiling() and not math.isfinite(total.item()):
            raise ModelError("the loss is not finite (Objective.loss): expected finite outputs of the network, got NaN or infinite ones, or an overflow")
        return total

    @torch.compiler.disable  # its bookkeeping would be compiled anew for every batch
    def _learn(self, square: torch.Tensor, batch: Batch) -> None:
        """Record the errors of a batch, and sometimes update the learned density."""
        self._pending.append((batch.index, square))
        self._batches += 1
        if self._batches % _REFRESH == 0:
            table = self._on(square.device)
            self._gather(table)
            if self._batches >= _FIRST:
                self._refresh(table)

    def _gather(self, table: _Table) -> None:
        """Add the pending batches to the sums, the older ones with less weight."""
        pending, self._pending = self._pending, []
        device = table.ends.device
        if self._sums is None:
            self._sums = torch.zeros(3, _BINS, device=device, dtype=table.dtype)
        if not pending:
            return
        ages = table.ages(tuple(len(index) for index, _ in pending))
        index = torch.cat([index.to(device) for index, _ in pending])
        square = torch.cat([square.to(device) for _, square in pending]).to(table.dtype)
        # Errors that are not finite are ignored.
        seen = torch.stack([square.isfinite().to(table.dtype), square, square.square()]).nan_to_num_(0.0, 0.0, 0.0)
        bins = table.bins.index_select(0, index)
        if self._uncertain and self._errors is not None:
            seen[2] /= (self._errors.to(device)[bins] * _BINS).square()
        seen.mul_(table.added.index_select(1, index)).mul_(ages)
        self._sums = (self._sums.to(device) * _KEEP ** len(pending)).index_add_(1, bins, seen)

    def _refresh(self, table: _Table) -> None:
        """Update the learned density, and the errors by which the weight ``uncertainty`` divides."""
        assert self._sums is not None
        sums = self._sums
        if self.synchronize and torch.distributed.is_available() and torch.distributed.is_initialized():
            sums = sums.clone()
            torch.distributed.all_reduce(sums)
        counts = sums[0]
        means = sums[1:].sum(1, keepdim=True) / counts.sum().clamp(min=1e-30)
        trust = (counts / _ENOUGH).clamp(max=1.0)
        own = sums[1:] / torch.where(counts > 0, counts, 1.0)
        error, square = torch.where(counts > 0, trust * own + (1 - trust) * means, means)
        if self.adaptive:
            # A level of a bin with c of the n listed levels has 1/c of the bin's mass.
            root = square.sqrt() * table.shares
            total = root.sum()
            share = torch.where(total > 0, root / torch.where(total > 0, total, 1.0), table.shares)
            self._drawn, self._aim = _UNIFORM * table.shares + (1 - _UNIFORM) * share, None
        if self._uncertain:
            error = torch.maximum(error, 1e-6 * error.max())
            self._errors = torch.where(error.max() > 0, error / error.sum(), 1.0 / _BINS)

    def explain(self, points: int = 21) -> Explained:
        """Return the weight over λ, and whether the objective bounds the likelihood.

        Parameters
        ----------
        points : int, default 21
            The number of noise levels.

        Returns
        -------
        Explained
            The table and the verdict. It is that of the objective without what was learned.

        Raises
        ------
        ArgumentError
            If the number of levels is not in 2 to 10000.
        """
        if not isinstance(points, int) or not 2 <= points <= 10_000:
            raise ArgumentError(f"bad number of levels (Objective.explain, points): expected 2 to 10000, got {points}")
        numbers, is_bound, is_likelihood, verdict, table = self._inner.frame(points)
        form = self.formulation
        title = f"{form.process.name} {form.prediction.name}, weight {self.weight}, times {self.times}"
        return Explained(title, numbers, is_bound, is_likelihood, verdict, table)

    @property
    def density(self) -> Optional[np.ndarray]:
        """Learned probabilities of 64 bins of λ, the noisiest first; ``None`` before the first update."""
        return None if self._drawn is None else self._drawn.detach().cpu().double().numpy()

    def _identity(self) -> Dict[str, Any]:
        return {"formulation": self.formulation.to_json(), "weight": self.weight, "times": self.times, "steps": self.steps}

    def state_dict(self) -> Dict[str, Any]:
        """Return what was learned, for a checkpoint.

        Returns
        -------
        dict
            Tensors, and the names by which :meth:`load_state_dict` recognises the objective.
        """
        if self._pending:
            self._gather(self._on(self._pending[0][1].device))
        tensors = {"sums": self._sums, "drawn": self._drawn, "errors": self._errors}
        kept = {name: None if value is None else value.detach().clone() for name, value in tensors.items()}
        return {**self._identity(), "batches": self._batches, **kept}

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Restore what was learned.

        Parameters
        ----------
        state : dict
            The result of :meth:`state_dict` of an equal objective.

        Raises
        ------
        FormatError
            If the state is that of another objective, or damaged.
        """
        if not isinstance(state, dict):
            raise FormatError(f"bad state (Objective.load_state_dict): expected a dict, got {type(state).__name__}")
        for name, own in self._identity().items():
            if state.get(name) != own:
                raise FormatError(f"the state belongs to another objective ({name}): expected {own!r}, got {state.get(name)!r}")
        shapes = {"sums": (3, _BINS), "drawn": (_BINS,), "errors": (_BINS,)}
        for name, shape in shapes.items():
            value = state.get(name)
            if name not in state or (value is not None and (not isinstance(value, torch.Tensor) or tuple(value.shape) != shape)):
                raise FormatError(f"bad state ({name}): expected a tensor of shape {shape} or None, got {getattr(value, 'shape', value)!r}")
        if not isinstance(state.get("batches"), int):
            raise FormatError(f"bad state (batches): expected a whole number, got {state.get('batches')!r}")
        self._batches, self._pending = state["batches"], []
        self._sums, self._drawn, self._errors = (state[name] for name in shapes)
        self._aim = None


def _transported(x0: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Return the noise, assigned to the rows by optimal transport."""
    flat = lambda tensor: np.ascontiguousarray(tensor.detach().flatten(1).double().cpu().numpy())  # noqa: E731
    partners = torch.tensor(_pairing(flat(x0), flat(noise)), device=noise.device)
    return noise[partners]


def drop_labels(
    labels: torch.Tensor, null: Any, *, share: float = 0.1, generator: Optional[torch.Generator] = None
) -> torch.Tensor:
    """Replace a random share of the labels, so that the network also learns to do without them.

    Classifier-free guidance needs this.

    Parameters
    ----------
    labels : torch.Tensor, shape (rows, ...)
        The labels or embeddings of a batch.
    null : int, float or torch.Tensor
        The label that stands for none, such as the number of classes, or an embedding of the shape
        of one row.
    share : float, default 0.1
        The probability with which a row loses its label.
    generator : torch.Generator, optional
        The generator, on the device of the labels.

    Returns
    -------
    torch.Tensor, shape of the labels
        The labels.

    Raises
    ------
    ArgumentError
        If the share is not in 0 to 1.

    Examples
    --------
    >>> import langevin, torch
    >>> langevin.drop_labels(torch.tensor([3, 1, 4]), 10, share=1.0)
    tensor([10, 10, 10])
    """
    if not isinstance(labels, torch.Tensor):
        raise ArgumentError(f"bad labels (drop_labels): expected a tensor, got {type(labels).__name__}")
    if not 0.0 <= share <= 1.0:
        raise ArgumentError(f"bad share (drop_labels): expected 0 to 1, got {share}")
    dropped = torch.rand(len(labels), generator=generator, device=labels.device) < share
    mask = dropped.reshape(-1, *[1] * (labels.dim() - 1))
    return torch.where(mask, torch.as_tensor(null, dtype=labels.dtype, device=labels.device), labels)
