"""Audit of a loss function: its effective weight over the noise levels, measured by probing it."""

import contextlib
import json
import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch

from ._errors import ArgumentError, Error, ModelError
from ._formulation import _formulation
from ._langevin import Formulation, Process
from ._probe import _gradient, _targets, _weights
from ._objective import _DATUM, _FACTOR, _GAIN, _IN_ALPHA, _IN_SIGMA, _IN_TIME, _LAMBDA, _NOISE, _TIME, Objective, _Objective

# The largest logarithmic deviation of a weight, and the largest deviation of a cumulative
# probability, at which a known one is named.
_NAMED = 1e-3
# Parameters of the weights, with the ranges in which they are sought.
_FAMILIES = {"min-snr": (1e-3, 1e3), "p2": (1e-2, 1e1), "sigmoid": (-20.0, 20.0), "edm": (1e-3, 1e3)}
# Processes whose time ends at 1, some of them before pure noise.
_ENDING = ("vp-linear", "vp-cosine", "sub-vp", "rectified-flow")
# Known predictions that a loss may train in place of the declared one.
_PREDICTIONS = ("x0", "epsilon", "score", "v", "velocity", "reverse-velocity", "edm", "edm-v")


@dataclass(frozen=True)
class Audit:
    """Effective weight of a loss over the noise levels; the result of :func:`audit_loss`.

    Attributes
    ----------
    formulation : Formulation
        The formulation, with the prediction that was found.
    weight : str or None
        Name of the weight of ``langevin.Objective`` that the loss has, up to a constant factor, such
        as ``"min-snr:5"``; ``None`` if it is none of them.
    times : str or None
        Name of the density of the noise levels, such as ``"logit-normal:0,1"``; ``None`` if it is
        none of them.
    weight_error, times_error : float
        The largest relative deviation from the named weight, and the largest deviation of a
        cumulative probability from the named density; infinite without a name.
    equals : dict of str to float
        All weights that the loss has, with their deviations. Two weights can be the same function on
        one formulation and density.
    factor : float
        The constant factor between the loss and the mean of the weighted squared error.
    prediction : str
        The prediction whose target the loss uses.
    coupled : bool
        True if the loss assigns noise to data, as OT-CFM does.
    is_bound, is_likelihood : bool or None
        True if the loss is an upper bound on −log p of data with added noise, or of the data
        themselves; ``None`` if the density has no name, or the noise is coupled.
    points : numpy.ndarray of float64, shape (levels, 6)
        λ, time, sigma / alpha, p(λ), w(λ) and their product at probed levels, the noisiest first.
        p is not a number if the density has no name. The weight w is that of ‖ε − ε̂‖², with the
        median 1.
    findings : list of str
        What differs from the declared formulation and the expected weight or density.

    Examples
    --------
    >>> import langevin, torch
    >>> def loss(net, x1):
    ...     t = torch.rand(len(x1), 1, 1, 1)
    ...     noise = torch.randn_like(x1)
    ...     x = (1 - t) * x1 + t * noise
    ...     return (net(x, t.flatten()) - (noise - x1)).square().mean()
    >>> audit = langevin.audit_loss(loss, "rectified-flow:velocity")
    >>> audit.weight, audit.times, audit.findings
    ('plain', 'uniform-t', [])
    """

    formulation: Formulation
    weight: Optional[str]
    times: Optional[str]
    weight_error: float
    times_error: float
    equals: Dict[str, float]
    factor: float
    prediction: str
    coupled: bool
    is_bound: Optional[bool]
    is_likelihood: Optional[bool]
    points: np.ndarray
    findings: List[str] = field(default_factory=list)

    @property
    def objective(self) -> Optional[Objective]:
        """Objective of this library with the same loss, up to a factor; ``None`` if there is none."""
        if self.weight is None or self.times is None:
            return None
        return Objective(self.formulation, weight=self.weight, times=self.times, coupling="transport" if self.coupled else None)

    def __str__(self) -> str:
        form = self.formulation
        name = lambda text, error, what: f"{text} (largest deviation {error:.1e})" if text else f"no known {what}"  # noqa: E731
        lines = [
            f"loss of {form.process.name} {self.prediction}",
            f"weight      {name(self.weight, self.weight_error, 'weight')}",
            f"times       {name(self.times, self.times_error, 'density')}",
        ]
        also = [other for other in self.equals if other != self.weight]
        if also:
            lines.append(f"the same as {', '.join(also)}")
        if self.coupled:
            lines.append("coupling    the noise is assigned to the data")
        lines += ["", f"{'λ':>9}  {'time':>10}  {'σ/α':>10}  {'p(λ)':>10}  {'w(λ)':>10}  {'w·p':>10}"]
        for row in self.points[:: max(1, len(self.points) // 12)]:
            lines.append(f"{row[0]:9.4f}  " + "  ".join(f"{value:10.4e}" for value in row[1:]))
        verdict = {
            (True, True): "It is a bound on the likelihood of the data.",
            (True, False): "It is a bound on the likelihood of data with added noise: w·p nowhere rises with λ.",
            (False, False): "It is no bound on a likelihood: w·p rises with λ somewhere.",
        }.get((bool(self.is_bound), bool(self.is_likelihood)), "")
        unknown = "With coupled noise the loss is no bound." if self.coupled else "Whether it bounds a likelihood is unknown, because the density has no name."
        lines += ["", unknown if self.is_bound is None else verdict]
        return "\n".join(lines + [f"finding: {text}" for text in self.findings])


def audit_loss(
    fn: Callable[..., Any],
    formulation: Union[Formulation, Process, str],
    *,
    predict: Optional[str] = None,
    weight: Optional[str] = None,
    times: Optional[str] = None,
    shape: Sequence[int] = (3, 8, 8),
    rows: int = 512,
    seed: int = 0,
    dtype: str = "float64",
) -> Audit:
    """Measure the effective weight of a loss function over the noise levels, by probing it.

    The loss is called with a network that returns chosen outputs. Its gradient with respect to these
    outputs gives the weight and the target of every row exactly, for every loss that is a weighted
    squared error. Nothing is trained.

    Parameters
    ----------
    fn : callable
        A function ``fn(net, data)`` that draws times and noise with torch's global generator, calls
        ``net(x, time)`` once with all rows, and returns the loss. Further arguments of the network
        are ignored. A ``lambda`` adapts any other form.
    formulation : Formulation, Process or str
        The formulation that the network is trained for; a string is a process or
        ``"process:prediction"``.
    predict : str, optional
        The prediction, if ``formulation`` is a process.
    weight, times : str, optional
        The weight and the density that the loss is meant to have, as for :class:`Objective`. A
        difference is a finding.
    shape : sequence of int, default (3, 8, 8)
        The shape of one row of the data that the loss is called with.
    rows : int, default 512
        The number of rows, 16 or more.
    seed : int, default 0
        The seed of the data and of torch's generator.
    dtype : {"float64", "float32"}, default "float64"
        The precision. Use ``"float32"`` for a loss that needs it.

    Returns
    -------
    Audit
        The weight and the density with their names, and whether the loss bounds the likelihood.

    Raises
    ------
    ModelError
        If the loss calls its network several times or without a time, uses random numbers that do
        not repeat, or is no squared error with one weight for each row (Huber, perceptual losses).
    ArgumentError
        If an argument is invalid, or if a time is not one of the formulation.

    Examples
    --------
    >>> import langevin, torch
    >>> alpha_bar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    >>> def min_snr(net, x0):
    ...     t = torch.randint(0, 1000, (len(x0),))
    ...     bar = alpha_bar[t][:, None, None, None]
    ...     noise = torch.randn_like(x0)
    ...     out = net(bar.sqrt() * x0 + (1 - bar).sqrt() * noise, t)
    ...     weight = 5.0  # should be min(SNR, 5) / SNR
    ...     return weight * (out - noise).square().mean()
    >>> audit = langevin.audit_loss(min_snr, "table:linear:epsilon", weight="min-snr:5")
    >>> print(audit.findings[0].split(":5: ")[1][:14])
    it is constant
    """
    form = _formulation(formulation, predict)
    if dtype not in ("float64", "float32"):
        raise ArgumentError(f"bad dtype (audit_loss): expected 'float64' or 'float32', got {dtype!r}")
    if not callable(fn):
        raise ArgumentError(f"the loss cannot be called (audit_loss, fn): expected fn(net, data), got {type(fn).__name__}")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if not isinstance(rows, int) or rows < 16:
        raise ArgumentError(f"too few rows (audit_loss): expected 16 or more, got {rows}")
    if math.prod(shape) < 5 or not shape:
        raise ArgumentError(f"bad shape (audit_loss): expected 5 or more elements, got {shape}")
    double = dtype == "float64"
    generator = torch.Generator().manual_seed(seed + 1)
    data = torch.randn((rows, *shape), generator=generator, dtype=torch.float64).to(torch.float64 if double else torch.float32)
    first, second, third = (_gradient(fn, data, seed, double, height) for height in (0.0, 1.0, -2.0))
    for other in (second, third):
        if not (np.array_equal(first["x"], other["x"]) and np.array_equal(first["time"], other["time"])):
            raise ModelError(
                "the loss draws other numbers each time (audit_loss): expected the global generator of torch or numpy, which the audit seeds\n"
                "hint: create generators inside the function, from torch.initial_seed()"
            )
    precision = 1e-9 if double else 2e-3
    weights = _weights(first, second, third, precision)
    levels = _levels(form, first["time"])
    target = _targets(first, weights)
    prediction, coupled, findings = _prediction(form, levels, first, target, weights, data.double().numpy(), 1e-6 if double else 1e-3)
    if prediction != form.prediction.name:
        form = _with(form, prediction)
        levels = _levels(form, first["time"])
    measured = weights * data.numel() / np.maximum(levels["gain"], 1e-300)
    return _named(form, levels, measured, first["drawn"], prediction, coupled, findings, weight, times)


def _levels(form: Formulation, times: np.ndarray) -> Dict[str, np.ndarray]:
    """Return the coefficients of the loss at the recorded times, and 1 as weight of the output."""
    try:
        columns, _ = _of(form, "plain", "uniform-lambda").terms_at(times.tolist())
    except Error as error:
        raise ArgumentError(
            f"a time of the loss is not one of the formulation (audit_loss): {str(error).splitlines()[0]}\n"
            "hint: the time that the network receives may have another clock: langevin.Formulation(…, clock=…)"
        ) from None
    names = {"lambda": _LAMBDA, "time": _TIME, "alpha": _IN_ALPHA, "sigma": _IN_SIGMA, "datum": _DATUM, "noise": _NOISE, "gain": _GAIN}
    return {**{name: columns[:, at] for name, at in names.items()}, "clock": times}


def _of(form: Formulation, weight: str, times: Optional[str]) -> Any:
    """Return the compiled objective, whose range holds nearly all levels of a process."""
    return _Objective(_ranged(form), weight, times)


def _ranged(form: Formulation) -> Formulation:
    """Return a formulation whose range holds nearly all levels of its process."""
    document = json.loads(form.to_json())
    if form.process.name.startswith("table"):
        document["lambda_range"] = None
    elif document.get("lambda_range") is None:
        low = -12.0
        with contextlib.suppress(Error):
            # Processes on [0, 1] may end before pure noise.
            end = form.process.level(1.0).lambda_
            low = max(low, end) if form.process.name in _ENDING and math.isfinite(end) else low
        document["lambda_range"] = {"min": low, "max": 12.0}
    return Formulation.from_json(json.dumps(document))


def _with(form: Formulation, prediction: str) -> Formulation:
    """Return a formulation with another prediction."""
    from ._langevin import Prediction

    document = json.loads(form.to_json())
    document["prediction"] = json.loads(Formulation("vp", Prediction(prediction)).to_json())["prediction"]
    return Formulation.from_json(json.dumps(document))


def _prediction(
    form: Formulation, levels: Dict[str, np.ndarray], run: Dict[str, Any], target: np.ndarray, weights: np.ndarray, data: np.ndarray, precision: float
) -> Tuple[str, bool, List[str]]:
    """Return the prediction whose target the loss uses, and whether the noise is coupled."""
    declared = form.prediction.name
    rows = len(weights)
    x, data = run["x"].reshape(rows, -1), data.reshape(rows, -1)
    # Rows with moderate levels, at which both parts of a state and a target are well determined.
    weighted = np.flatnonzero(weights != 0.0)
    chosen = weighted[np.argsort(np.abs(levels["lambda"][weighted]), kind="stable")][:48]
    nearest_level = float(np.abs(levels["lambda"][chosen[0]]))
    if nearest_level > 4.0:
        raise ModelError(
            f"no level of the loss has comparable parts of data and noise, so its target cannot be checked (audit_loss): expected some |λ| < 4, got {nearest_level:.1f} or more\n"
            "hint: the time that the network receives may have another clock: langevin.Formulation(…, clock=…); more rows may help"
        )
    chosen = chosen[np.abs(levels["lambda"][chosen]) < 4.0]
    for prediction in [declared, *(name for name in _PREDICTIONS if name != declared)]:
        try:
            own = levels if prediction == declared else _levels(_with(form, prediction), levels["clock"][chosen])
        except Error:
            continue
        take = (lambda name: own[name][chosen][:, None]) if prediction == declared else (lambda name: own[name][:, None])
        alpha, sigma, datum, noise = (take(name) for name in ("alpha", "sigma", "datum", "noise"))
        size = alpha * noise - sigma * datum
        clean = (noise * x[chosen] - sigma * target[chosen]) / size
        distance = np.abs(clean[:, None, :] - data[None, :, :]).max(2)
        nearest = distance.argmin(1)
        if distance.min(1).max() < precision * 50:
            drawn = (alpha * target[chosen] - datum * x[chosen]) / size
            # Noise that does not depend on the data has products with them of mean 0.
            products = (clean * drawn).sum() / math.sqrt(float((clean**2).sum()))
            coupled = bool(abs(products) > 6.0)
            findings = [] if prediction == declared else [f"the target is that of {prediction}, not of {declared}"]
            spread = float(np.sqrt((drawn**2).mean()))
            if abs(spread - 1.0) > 5.0 / math.sqrt(2.0 * drawn.size):
                findings.append(f"the noise has the standard deviation {spread:.4f}, not 1: the levels are not those of the formulation")
            return prediction, coupled, findings
    raise ModelError(
        f"neither the input nor the target of the loss fits the formulation (audit_loss): expected {form.process.name} {declared}, and no other prediction fits\n"
        "hint: the process, the clock or the scaling of the data inside the loss may differ; langevin.Formulation(…, clock=…, input_sigma_data=…) declares them"
    )


def _named(
    form: Formulation,
    levels: Dict[str, np.ndarray],
    measured: np.ndarray,
    drawn: List[Tuple[str, torch.Tensor]],
    prediction: str,
    coupled: bool,
    findings: List[str],
    weight: Optional[str],
    times: Optional[str],
) -> Audit:
    """Name the weight and the density, and judge the product."""
    # Gains and weights vanish at pure noise, which some tables contain.
    kept = np.isfinite(levels["lambda"]) & (levels["gain"] > 0)
    order = np.flatnonzero(kept)[np.argsort(levels["lambda"][kept], kind="stable")]
    lam, clock = levels["lambda"][order], levels["clock"][order]
    value = measured[order]
    findings = list(findings)
    if (value < 0).any():
        findings.append("the weight is negative at some levels")
    if (value == 0).any():
        zeros = lam[value == 0]
        findings.append(f"the weight is 0 for {len(zeros)} of {len(lam)} rows, λ from {zeros.min():.3f} to {zeros.max():.3f}")
    density_name, density_error, exact, partial = _density(form, lam, levels["time"][order], drawn, order, len(levels["lambda"]), times)
    findings += partial
    distinct = len(np.unique(np.round(lam, 9)))
    # Fewer levels than parameters and one say nothing about a weight.
    few = distinct < min(4, len(lam))
    if few:
        findings.append(f"only {distinct} noise levels are drawn, which do not show a weight")
    density = np.full(len(lam), math.nan)
    if density_name:
        _, density = _of(form, "plain", density_name).terms_at(clock.tolist())
    equals = {} if few else _known(form, clock, value, density)
    name = min(equals, key=lambda one: (equals[one] > 1e-6, list(equals).index(one))) if equals else None
    middle = float(np.median(value))
    scaled = value / middle if middle > 0 else value
    factor = middle
    if name:
        reference = _weight(form, name, clock, density)
        factor = float(np.exp(np.median(np.log(value / reference))))
    product = scaled * density
    is_bound: Optional[bool] = None
    is_likelihood: Optional[bool] = None
    # Ranks tell a density up to the noise of the sample, which is too little for a verdict.
    if density_name and exact and not coupled and not partial and not few:
        slack = 10 * max(equals[name], 1e-9) if name else 1e-6
        is_bound = bool((product[1:] <= product[:-1] * (1 + slack)).all())
        is_likelihood = is_bound and bool((product[1:] >= product[:-1] * (1 - slack)).all())
    if weight == "likelihood" and not density_name:
        findings.append("the density has no name, so the weight cannot be compared with likelihood")
    elif weight is not None and not few:
        reference = _weight(form, weight, clock, density)
        off = _deviation(value, reference)
        if off > _NAMED:
            spread = lambda values: float(values.max() / max(values.min(), 1e-300))  # noqa: E731
            gains = value * levels["gain"][order]
            if spread(gains) < 1 + 1e-6:
                what = f"it is constant, where {weight} varies by a factor of {spread(reference * levels['gain'][order]):.0e} over the probed levels"
            else:
                worst = int(np.argmax(np.abs(_centred(value, reference))))
                ratio = math.exp(_centred(value, reference)[worst])
                what = f"at time {clock[worst]:.6g} it is {ratio:.4g} times as large, relative to the other levels"
            findings.append(f"the weight is {name or 'no known one'}, not {weight}: {what}")
    if times is not None and (density_name is None or not _same(form, times, density_name)):
        findings.append(f"the noise levels are drawn from {density_name or 'no known density'}, not from {times}")
    middle_levels = np.exp(-lam)
    points = np.stack([lam, levels["time"][order], middle_levels, density, scaled, product], 1)
    return Audit(
        form, name, density_name, equals.get(name or "", math.inf), density_error, equals, factor, prediction, coupled, is_bound, is_likelihood, points, findings
    )


def _same(form: Formulation, one: str, other: str) -> bool:
    """Return true if two names are the same density, up to rounding."""
    if one == other:
        return True
    points = [_of(form, "plain", name).frame(41)[0][:, 3] for name in (one, other)]
    return bool(np.allclose(*points, rtol=1e-5, atol=1e-9))


def _centred(value: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the logarithm of a ratio, less its median."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(value / reference)
    return np.nan_to_num(logs - np.median(logs[np.isfinite(logs)]) if np.isfinite(logs).any() else logs, nan=math.inf, posinf=math.inf, neginf=-math.inf)


def _deviation(value: np.ndarray, reference: np.ndarray) -> float:
    """Return the largest deviation of a ratio from a constant, as a logarithm."""
    return float(np.abs(_centred(value, reference)).max())


def _weight(form: Formulation, name: str, clock: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Return the weight of ‖ε − ε̂‖² of a known name."""
    if name == "likelihood":
        if form.process.name.startswith("table") and np.array_equal(clock, np.round(clock)) and form.level(float(clock[0])).time == clock[0]:
            # On whole steps it is the length in λ for each entry.
            terms = _of(form, name, "uniform-t").terms(None)[1]
            lengths = dict(zip(terms[:, _IN_TIME], terms[:, _FACTOR] / terms[:, _GAIN]))
            return np.array([lengths.get(one, math.nan) for one in clock])
        return 1.0 / density
    if name == "uncertainty":
        raise ArgumentError("the weight 'uncertainty' depends on what was learned (audit_loss): expected another weight")
    columns, _ = _of(form, name, "uniform-lambda").terms_at(clock.tolist())
    return columns[:, _FACTOR] / columns[:, _GAIN]


def _known(form: Formulation, clock: np.ndarray, value: np.ndarray, density: np.ndarray) -> Dict[str, float]:
    """Return the known weights that equal the measured one up to a factor, with their deviations."""
    if (value <= 0).any():
        return {}
    equals: Dict[str, float] = {}
    off = _deviation(value, _weight(form, "plain", clock, density))
    if off < _NAMED:
        equals["plain"] = off
    for family, (low, high) in _FAMILIES.items():
        parameter, off = _fitted(form, family, low, high, clock, value)
        # The ends of the search are limits of a family, in which it is another weight.
        inside = low < 0 and abs(parameter) < 0.9 * high or low > 0 and 1.1 * low < parameter < 0.9 * high
        if off < _NAMED and inside:
            equals[f"{family}:{parameter:g}"] = off
    if np.isfinite(density).all() and (density > 0).all():
        off = _deviation(value, _weight(form, "likelihood", clock, density))
        if off < _NAMED:
            equals["likelihood"] = off
    # A flat limit of a family is no weight of its own.
    if "plain" in equals and len(equals) > 1:
        equals = {name: off for name, off in equals.items() if name in ("plain", "likelihood") or off < 1e-9}
    return equals


def _fitted(form: Formulation, family: str, low: float, high: float, clock: np.ndarray, value: np.ndarray) -> Tuple[float, float]:
    """Return the parameter of a family with the least deviation, and the deviation."""
    logarithmic = low > 0
    to = (lambda u: math.exp(u)) if logarithmic else (lambda u: u)
    ends = (math.log(low), math.log(high)) if logarithmic else (low, high)

    def off(u: float) -> float:
        return _deviation(value, _weight(form, f"{family}:{to(u)!r}", clock, value))

    grid = np.linspace(*ends, 41)
    best = int(np.argmin([off(float(u)) for u in grid]))
    a, b = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    for _ in range(60):
        left, right = b - golden * (b - a), a + golden * (b - a)
        if off(left) <= off(right):
            b = right
        else:
            a = left
    found = to(0.5 * (a + b))
    # A round number is what was meant, if it is as good.
    for digits in (1, 2, 3, 4, 6):
        rounded = float(f"{found:.{digits}g}") if found else 0.0
        if low <= rounded <= high:
            exact = _deviation(value, _weight(form, f"{family}:{rounded!r}", clock, value))
            if exact < 1e-6:
                return rounded, exact
    return found, off(0.5 * (a + b))


def _density(
    form: Formulation, lam: np.ndarray, time: np.ndarray, drawn: List[Tuple[str, torch.Tensor]], order: np.ndarray, rows: int, wanted: Optional[str]
) -> Tuple[Optional[str], float, bool, List[str]]:
    """Name the density of the levels: the name, its deviation, whether it is exact, and findings.

    A level that is a monotone function of one uniform or normal number has a known probability. Then
    the density is that of which the cumulative probability is this number. Otherwise the ranks of
    the levels are compared with the densities without parameters, and with the one that is wanted,
    up to the noise of the sample.
    """
    numbers = [(kind, values.numpy()[order]) for kind, values in drawn if len(values) == rows]
    table = form.process.name.startswith("table")
    if table and np.array_equal(time, np.round(time)):
        return _whole(form, time, numbers)
    if len(np.unique(lam)) < 8:
        return None, math.inf, False, []
    normal = NormalDist()
    places = {"uniform-t": time, "uniform-lambda": lam, "cosmap": np.arctan(np.exp(-lam))}
    sources = [(kind, values) for kind, values in numbers if not kind.startswith("integer") and _monotone(values, lam)]
    if not sources:
        limit = 1.63 / math.sqrt(len(lam))
        # From the noisiest level on; the noise of the largest deviation is about 1/√n.
        share = (np.argsort(np.argsort(lam, kind="stable"), kind="stable") + 0.5) / len(lam)
        for name in [*([wanted] if wanted else []), *places]:
            try:
                off = float(np.abs(_cumulative(form, name, lam) - share).max())
            except Error:
                continue
            if off < limit:
                return name, off, False, []
        return None, math.inf, False, []
    kind, values = sources[0]
    share = values if kind == "uniform" else np.array([normal.cdf(float(z)) for z in values])
    score = values if kind == "normal" else np.array([normal.inv_cdf(min(max(float(u), 1e-300), 1 - 1e-16)) for u in values])
    found: Dict[str, float] = {}
    ends: Dict[str, Tuple[float, float]] = {}
    for name, place in places.items():
        slope, base = np.polyfit(place, share, 1)
        found[name] = float(np.abs(slope * place + base - share).max())
        low, high = sorted(((0.0 - base) / slope, (1.0 - base) / slope)) if slope else (0.0, 0.0)
        ends[name] = (float(low), float(high))
    slope, base = np.polyfit(score, -lam, 1)
    deviation, mean = abs(float(slope)), float(base)
    predicted = np.array([normal.cdf(float(np.sign(slope) * (-one - mean) / deviation)) for one in lam])
    off = float(np.abs(predicted - share).max())
    for digits in (1, 2, 3, 4, 6):
        rounded = [float(f"{one:.{digits}f}") for one in (mean, deviation)]
        if rounded[1] > 0 and max(abs(rounded[0] - mean), abs(rounded[1] - deviation)) < 1e-6:
            mean, deviation = rounded
            break
    family = "log-normal-sigma" if form.process.name.startswith("ve") else "logit-normal"
    found[f"{family}:{mean + 0.0:.6g},{deviation:.6g}"] = off
    # The same density may have several names, of which uniform time is the plainest.
    name = min(found, key=lambda one: (found[one] > 1e-9, found[one] if found[one] > 1e-9 else 0.0))
    if found[name] > _NAMED:
        return None, math.inf, False, []
    return name, found[name], True, _partial(form, name, ends.get(name))


def _partial(form: Formulation, name: str, ends: Optional[Tuple[float, float]]) -> List[str]:
    """Return a finding if the levels cover a part of the process, or of the declared range, only."""
    if ends is None:
        return []
    declared = form.sigma_range
    last = form.process.level(1.0).time if form.process.name in _ENDING else math.inf
    if declared is not None:
        levels = [form.process.level_at_sigma_ve(ratio) for ratio in declared]
        of = {"uniform-t": lambda level: level.time, "uniform-lambda": lambda level: level.lambda_, "cosmap": lambda level: math.atan(level.sigma_ve)}[name]
        low, high = sorted(of(level) for level in levels)
        where = f"the declared range ({low:.4g} to {high:.4g})"
    elif name == "uniform-t" and math.isfinite(last):
        low, high, where = 0.0, last, f"the process (0 to {last:g})"
    elif name == "cosmap":
        low, high, where = 0.0, 0.5 * math.pi, "the process (0 to π/2)"
    else:
        return []
    slack = 0.02 * (high - low)
    if abs(ends[0] - low) < slack and abs(ends[1] - high) < slack:
        return []
    what = {"uniform-t": "times", "uniform-lambda": "λ", "cosmap": "angles"}[name]
    # Without the rounding of the fit.
    low_end, high_end = (round(end, 9) + 0.0 for end in ends)
    return [f"{what} are drawn from {low_end:.4g} to {high_end:.4g}, not from the whole of {where}"]


def _whole(form: Formulation, time: np.ndarray, numbers: List[Tuple[str, np.ndarray]]) -> Tuple[Optional[str], float, bool, List[str]]:
    """Name the density of whole times on a table."""
    columns = _of(form, "plain", "uniform-t").terms(None)[1]
    known = columns[:, _TIME]
    last = int(known.max())
    for kind, values in numbers:
        if kind.startswith("integer") and np.array_equal(values, time):
            low, high = (int(end) for end in kind.split(":")[1:])
            findings = [] if (low, high) == (0, last + 1) else [f"times are drawn from {low} to {high - 1}, not from the whole of the table (0 to {last})"]
            return "uniform-t", 0.0, True, findings
    # Ranks, as in the continuous case.
    share = (np.argsort(np.argsort(time, kind="stable"), kind="stable") + 0.5) / len(time)
    off = float(np.abs((time + 0.5) / (last + 1) - share).max())
    if off >= 1.63 / math.sqrt(len(time)):
        return None, math.inf, False, []
    step = int(np.gcd.reduce((time - time.min()).astype(np.int64))) if len(time) else 1
    findings = [f"only every {step}th entry of the table is drawn"] if step > 1 else []
    return "uniform-t", off, False, findings


def _cumulative(form: Formulation, name: str, lam: np.ndarray) -> np.ndarray:
    """Return the probability of noisier levels than each, by the trapezium rule."""
    points = _of(form, "plain", name).frame(4001)[0]
    places, density = points[:, 0], points[:, 3]
    parts = 0.5 * (density[1:] + density[:-1]) * np.diff(places)
    total = np.concatenate([[0.0], np.cumsum(parts)])
    return np.interp(lam, places, total / total[-1])


def _monotone(numbers: np.ndarray, lam: np.ndarray) -> bool:
    """Return true if the levels, sorted by λ, are a monotone function of the numbers."""
    steps = np.diff(numbers)
    return bool((steps >= 0).all() or (steps <= 0).all())
