"""Losses of the literature, written from their formulas, and what the audit finds in them."""

import math

import langevin
import numpy as np
import pytest

torch = pytest.importorskip("torch")

LINEAR = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)


def column(values):
    return values[:, None, None, None]


def ddpm(weight):
    """Equation 14 of arXiv 2006.11239, with a weight as a function of the SNR."""

    def loss(net, x0):
        t = torch.randint(0, 1000, (len(x0),))
        bar = LINEAR[t]
        noise = torch.randn_like(x0)
        out = net(column(bar.sqrt()) * x0 + column((1 - bar).sqrt()) * noise, t)
        return (column(weight(bar / (1 - bar)) * torch.ones_like(bar)) * (out - noise).square()).mean()

    return loss


def v_prediction(net, x0):
    """arXiv 2202.00512, SNR + 1 weighting: cosine schedule, v = αε − σx0."""
    t = torch.rand(len(x0))
    alpha, sigma = column(torch.cos(0.5 * math.pi * t)), column(torch.sin(0.5 * math.pi * t))
    noise = torch.randn_like(x0)
    return (net(alpha * x0 + sigma * noise, t) - (alpha * noise - sigma * x0)).square().mean()


def edm(mean, std, uncertainty=None):
    """arXiv 2206.00364, table 1, and 2312.02696, equation 21: the network is the denoiser."""

    def loss(net, x0):
        sigma = (mean + std * torch.randn(len(x0), 1, 1, 1)).exp()
        denoised = net(x0 + sigma * torch.randn_like(x0), sigma)
        weight = (sigma**2 + 0.25) / (0.5 * sigma) ** 2
        if uncertainty is None:
            return (weight * (denoised - x0).square()).mean()
        u = uncertainty(sigma)
        return (weight / u.exp() * (denoised - x0).square() + u).mean()

    return loss


def flow(draw):
    """Conditional flow matching, arXiv 2210.02747 and 2403.03206: x = (1 − t) x0 + t ε."""

    def loss(net, x0):
        t = draw(len(x0))
        noise = torch.randn_like(x0)
        x = (1 - column(t)) * x0 + column(t) * noise
        return (net(x, t) - (noise - x0)).square().mean()

    return loss


def cfm(couple):
    """arXiv 2302.00482: noise at time 0, data at time 1, without or with a coupling."""

    def loss(net, x1):
        x0 = torch.randn_like(x1)
        if couple:
            from scipy.optimize import linear_sum_assignment

            cost = torch.cdist(x0.flatten(1), x1.flatten(1)) ** 2
            rows, columns = linear_sum_assignment(cost.numpy())
            x0, x1 = x0[rows], x1[columns]
        t = torch.rand(len(x1))
        x = (1 - column(t)) * x0 + column(t) * x1
        return (net(x, t) - (x1 - x0)).square().mean()

    return loss


def vdm(net, x0):
    """arXiv 2107.00630, equation 17: γ is linear in time, and the network receives γ."""
    t = torch.rand(len(x0))
    gamma = -13.3 + 18.3 * t
    alpha, sigma = torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt()
    noise = torch.randn_like(x0)
    out = net(column(alpha) * x0 + column(sigma) * noise, gamma)
    return 0.5 * 18.3 * (out - noise).square().flatten(1).sum(1).mean()


def sigmoid(net, x0):
    """arXiv 2303.00848: sigmoid(b − log SNR), b = 2, on a cosine schedule."""
    t = torch.rand(len(x0))
    alpha, sigma = torch.cos(0.5 * math.pi * t), torch.sin(0.5 * math.pi * t)
    noise = torch.randn_like(x0)
    out = net(column(alpha) * x0 + column(sigma) * noise, t)
    weight = torch.sigmoid(2.0 - 2 * (alpha / sigma).log())
    return (column(weight) * (out - noise).square()).mean()


def logit_normal(count):
    return torch.sigmoid(torch.randn(count))


def cosmap(count):
    """Section 3.1 of arXiv 2403.03206, with noise at time 1."""
    u = torch.rand(count)
    return 1 - 1 / (torch.tan(0.5 * math.pi * u) + 1)


DENOISER = "ve:x0"
# Loss, formulation, names, w of ‖ε − ε̂‖² as a function of σ/α, and whether it is a bound on the
# likelihood of noised data, or of the data.
LOSSES = {
    "DDPM": (ddpm(lambda snr: 1.0), "table:linear:epsilon", "plain", "uniform-t", lambda r: r**0, (False, False)),
    "v": (v_prediction, "vp-cosine:v", "plain", "uniform-t", lambda r: 1 + r**2, (True, False)),
    "min-SNR": (ddpm(lambda snr: snr.clamp(max=5) / snr), "table:linear:epsilon", "min-snr:5", "uniform-t", lambda r: np.minimum(5 * r**2, 1), None),
    "P2": (ddpm(lambda snr: 1 / (1 + snr)), "table:linear:epsilon", "p2:1", "uniform-t", lambda r: r**2 / (1 + r**2), None),
    "EDM": (edm(-1.2, 1.2), DENOISER, "edm:0.5", "log-normal-sigma:-1.2,1.2", lambda r: 1 + 4 * r**2, (False, False)),
    "EDM2": (edm(-0.4, 1.0, lambda s: 0 * s), DENOISER, "edm:0.5", "log-normal-sigma:-0.4,1", lambda r: 1 + 4 * r**2, (False, False)),
    "SD3 logit-normal": (flow(logit_normal), "rectified-flow:velocity", "plain", "logit-normal:0,1", lambda r: (1 + r) ** 2, (False, False)),
    "SD3 CosMap": (flow(cosmap), "rectified-flow:velocity", "plain", "cosmap", lambda r: (1 + r) ** 2, (True, False)),
    "I-CFM": (cfm(False), ("rectified-flow", "reverse-velocity", "remaining:1"), "plain", "uniform-t", lambda r: (1 + r) ** 2, (True, False)),
    "OT-CFM": (cfm(True), ("rectified-flow", "reverse-velocity", "remaining:1"), "plain", "uniform-t", lambda r: (1 + r) ** 2, None),
    "VDM": (vdm, ("vp", "epsilon", "log-sigma:2"), "plain", "uniform-lambda", lambda r: r**0, (True, True)),
    "sigmoid": (sigmoid, "vp-cosine:epsilon", "sigmoid:2", "uniform-t", lambda r: 1 / (1 + np.exp(-2.0) / r**2), None),
}


def formulation(spec):
    return spec if isinstance(spec, str) else langevin.Formulation(*spec[:2], clock=spec[2])


@pytest.mark.parametrize("name", LOSSES)
def test_published_losses(name):
    loss, spec, weight, times, formula, bound = LOSSES[name]
    if name == "OT-CFM":
        pytest.importorskip("scipy")
    audit = langevin.audit_loss(loss, formulation(spec), weight=weight, times=times, rows=256)
    print(audit)
    assert (audit.weight, audit.times, audit.findings) == (weight, times, [])
    assert audit.weight_error <= 1e-6 and audit.times_error <= 1e-6
    ratio = audit.points[:, 2]
    measured, paper = audit.points[:, 4], formula(ratio)
    assert np.abs(measured / paper / np.median(measured / paper) - 1).max() <= 1e-6
    assert audit.coupled == (name == "OT-CFM")
    if name == "OT-CFM":
        assert audit.is_bound is None
    elif bound:
        assert (audit.is_bound, audit.is_likelihood) == bound


def test_learned_uncertainty_is_divided_out():
    """The weight of EDM2 is that of EDM over e^u."""
    u = lambda sigma: 0.3 * sigma.log() + 0.1 * sigma.log() ** 2  # noqa: E731
    audit = langevin.audit_loss(edm(-0.4, 1.0, u), DENOISER)
    ratio = torch.from_numpy(audit.points[:, 2])
    paper = ((1 + 4 * ratio**2) / u(ratio).exp()).numpy()
    measured = audit.points[:, 4]
    assert audit.weight is None
    assert np.abs(measured / paper / np.median(measured / paper) - 1).max() <= 1e-6


def test_a_constant_weight_is_named():
    audit = langevin.audit_loss(ddpm(lambda snr: 5.0), "table:linear:epsilon", weight="min-snr:5")
    assert audit.weight == "plain"
    assert "the weight is plain, not min-snr:5: it is constant" in audit.findings[0]
    # The factor 5 is found, too.
    assert audit.factor == pytest.approx(5.0, rel=1e-9)


def test_a_wrong_place_is_named():
    """min-SNR of a v-network divides by SNR + 1, not by SNR."""
    audit = langevin.audit_loss(ddpm(lambda snr: snr.clamp(max=5) / (snr + 1)), "table:linear:epsilon", weight="min-snr:5")
    assert audit.weight is None and "at time" in audit.findings[0]


def test_another_target_is_named():
    def loss(net, x0):
        t = torch.rand(len(x0))
        noise = torch.randn_like(x0)
        return (net((1 - column(t)) * x0 + column(t) * noise, t) - noise).square().mean()

    audit = langevin.audit_loss(loss, "rectified-flow:velocity")
    assert audit.prediction == "epsilon" and audit.findings == ["the target is that of epsilon, not of velocity"]
    assert audit.weight == "plain" and audit.formulation.prediction.name == "epsilon"


def test_other_times_are_named():
    audit = langevin.audit_loss(flow(logit_normal), "rectified-flow:velocity", times="uniform-t")
    assert audit.findings == ["the noise levels are drawn from logit-normal:0,1, not from uniform-t"]
    # Stratified times are no function of one number each; their ranks are compared.
    stratified = lambda count: ((torch.arange(count) + torch.rand(count)) / count)[torch.randperm(count)]  # noqa: E731
    assert langevin.audit_loss(flow(stratified), "rectified-flow:velocity").times == "uniform-t"
    # And a density that has no name has no verdict.
    audit = langevin.audit_loss(flow(lambda count: torch.rand(count) ** 2), "rectified-flow:velocity")
    assert audit.times is None and audit.is_bound is None and "unknown" in str(audit)


@pytest.mark.parametrize(
    "form, options",
    [
        ("rectified-flow:velocity", {}),
        ("rectified-flow:velocity", {"weight": "likelihood", "times": "cosmap"}),
        ("vp:v", {"weight": "min-snr:5"}),
        ("table:scaled-linear:epsilon", {"weight": "p2:0.5"}),
        ("vp-cosine:x0", {"weight": "sigmoid:-1", "times": "logit-normal:0.5,0.9"}),
        ("ve:edm", {"weight": "edm:0.5", "times": "log-normal-sigma:-1.2,1.2"}),
    ],
)
def test_our_own_losses(form, options):
    """The objective of this library is what it says, to the precision of its list of levels."""
    objective = langevin.Objective(form, **options)

    def loss(net, x0):
        batch = objective.draw(x0)
        return objective.loss(net(batch.x, batch.time), batch)

    audit = langevin.audit_loss(loss, form, weight=options.get("weight"), rows=1024)
    wanted = options.get("weight", "plain")
    assert wanted in audit.equals or (wanted == "likelihood" and audit.times is None), audit
    assert not audit.findings


def test_bad_losses_are_refused():
    form = "rectified-flow:velocity"
    good = flow(lambda count: torch.rand(count))
    huber = lambda net, x0: torch.nn.functional.huber_loss(net(0.5 * x0 + 0.5 * torch.randn_like(x0), torch.full((len(x0),), 0.5)), x0)  # noqa: E731
    with pytest.raises(langevin.ModelError, match="no squared error"):
        langevin.audit_loss(huber, form)
    with pytest.raises(langevin.ModelError, match="2 times"):
        langevin.audit_loss(lambda net, x0: good(net, x0) + good(net, x0), form)
    with pytest.raises(langevin.ModelError, match="without a time"):
        langevin.audit_loss(lambda net, x0: net(x0).square().mean(), form)
    with pytest.raises(langevin.ModelError, match="no gradient"):
        langevin.audit_loss(lambda net, x0: 1.0, form)
    own = torch.Generator()
    with pytest.raises(langevin.ModelError, match="other numbers each time"):
        langevin.audit_loss(flow(lambda count: torch.rand(count, generator=own)), form)
    with pytest.raises(langevin.ArgumentError, match="another clock"):
        langevin.audit_loss(flow(lambda count: 1000 * torch.rand(count)), form)
    with pytest.raises(langevin.ModelError, match="another shape"):
        langevin.audit_loss(lambda net, x0: net(torch.cat([x0, x0]), torch.rand(2 * len(x0))).mean(), form)
    with pytest.raises(langevin.ModelError, match="neither the input nor the target"):
        langevin.audit_loss(lambda net, x0: good(net, 2 * x0), "vp:epsilon")
    with pytest.raises(langevin.ArgumentError):
        langevin.audit_loss(good, form, rows=3)
    for arguments in ({"shape": ()}, {"rows": 64.0}, {"dtype": "float16"}):
        with pytest.raises(langevin.ArgumentError):
            langevin.audit_loss(good, form, **arguments)
    with pytest.raises(langevin.ArgumentError, match="cannot be called"):
        langevin.audit_loss(3, form)
    with pytest.raises(langevin.ModelError, match="no gradient"):
        langevin.audit_loss(lambda net, x0: [], form)

    def flat(net, x0):
        t, noise = torch.rand(len(x0), 1), torch.randn_like(x0)
        return (net((1 - t) * x0 + t * noise, t) - (noise - x0)).square().mean()

    assert langevin.audit_loss(flat, form, shape=8).times == "uniform-t"
    with pytest.raises(langevin.UnknownNameError):
        langevin.audit_loss(good, "flows:velocity")


def on_table(draw, weight=lambda snr: 1.0, call=lambda net, x, t: net(x, t)):
    """The loss of DDPM with times of one's own."""

    def loss(net, x0):
        t = draw(len(x0))
        bar = LINEAR[t]
        noise = torch.randn_like(x0)
        out = call(net, column(bar.sqrt()) * x0 + column((1 - bar).sqrt()) * noise, t)
        return (column(weight(bar / (1 - bar)) * torch.ones_like(bar)) * (out - noise).square()).mean()

    return loss


EPSILON, VELOCITY = "table:linear:epsilon", "rectified-flow:velocity"


def test_times_that_cover_a_part_are_found():
    cases = [
        (on_table(lambda n: torch.randint(0, 500, (n,))), EPSILON, "from 0 to 499"),
        (on_table(lambda n: 10 * torch.randint(0, 100, (n,))), EPSILON, "every 10th entry"),
        (flow(lambda n: 0.5 * torch.rand(n)), VELOCITY, "from 0 to 0.5"),
    ]
    for loss, form, text in cases:
        audit = langevin.audit_loss(loss, form, weight="plain", times="uniform-t")
        assert len(audit.findings) == 1 and text in audit.findings[0] and audit.is_bound is None, audit.findings
    # A declared range is the whole.
    form = langevin.Formulation("rectified-flow", "velocity", sigma_min=1e-9, sigma_max=1.0)
    assert langevin.audit_loss(flow(lambda n: 0.5 * torch.rand(n)), form, times="uniform-t").findings == []


def test_another_clock_is_not_judged():
    loss = on_table(lambda n: torch.randint(0, 1000, (n,)), call=lambda net, x, t: net(x, t / 1000))
    with pytest.raises(langevin.ModelError, match="another clock"):
        langevin.audit_loss(loss, EPSILON)


def test_labels_are_no_times():
    loss = on_table(lambda n: torch.randint(0, 1000, (n,)), call=lambda net, x, t: net(x, class_labels=torch.randint(0, 10, (len(x),)), timestep=t))
    audit = langevin.audit_loss(loss, EPSILON, weight="plain", times="uniform-t")
    assert audit.findings == [] and audit.times_error == 0.0


def test_random_numbers_of_every_kind():
    sd3 = flow(lambda n: torch.sigmoid(torch.normal(0.0, 1.0, (n,))))
    assert langevin.audit_loss(sd3, VELOCITY, times="logit-normal:0,1").findings == []
    shifted = flow(lambda n: torch.sigmoid(torch.empty(n).normal_(0.5, 2.0)))
    assert langevin.audit_loss(shifted, VELOCITY).times == "logit-normal:0.5,2"
    assert langevin.audit_loss(shifted, VELOCITY, times="logit-normal:0,1").findings
    stretched = flow(lambda n: 0.5 + 0.5 * torch.empty(n).uniform_(-1, 1))
    audit = langevin.audit_loss(stretched, VELOCITY, times="uniform-t")
    assert audit.times_error < 1e-9 and audit.findings == []
    # Numbers of numpy are compared by ranks with what is expected.
    numpy_times = flow(lambda n: torch.sigmoid(torch.from_numpy(np.random.randn(n))))
    assert langevin.audit_loss(numpy_times, VELOCITY, times="logit-normal:0,1").findings == []
    assert langevin.audit_loss(numpy_times, VELOCITY, times="uniform-t").findings
    # A density that has no name gets none.
    beta = flow(lambda n: torch.distributions.Beta(torch.tensor(2.0), torch.tensor(5.0)).sample((n,)))
    assert langevin.audit_loss(beta, VELOCITY).times is None


@pytest.mark.parametrize("options", [{"times": "logit-normal:0,1"}, {"stratified": False}, {"times": "cosmap"}])
def test_our_own_times_by_ranks(options):
    objective = langevin.Objective("rectified-flow", **options)

    def loss(net, x0):
        batch = objective.draw(x0)
        return objective.loss(net(batch.x, batch.time), batch)

    audit = langevin.audit_loss(loss, objective.formulation, weight="plain", times=options.get("times", "uniform-t"))
    assert audit.findings == [] and audit.is_bound is None


def test_one_level_shows_no_weight():
    audit = langevin.audit_loss(on_table(lambda n: torch.randint(0, 1000, (1,)).expand(n), lambda snr: snr), EPSILON, weight="plain")
    assert audit.weight is None and "only 1 noise levels" in " ".join(audit.findings)


def test_a_shuffle_is_no_coupling():
    shuffled = lambda net, x: flow(torch.rand)(net, x[torch.randperm(len(x))])  # noqa: E731
    audit = langevin.audit_loss(shuffled, VELOCITY, times="uniform-t")
    assert not audit.coupled and audit.is_bound is True


def test_limits_of_a_family_have_no_name():
    """The weight σ² of a score network: 1/SNR of ‖ε − ε̂‖² is no sigmoid with an infinite bias."""

    def loss(net, x0):
        sigma = (-1.2 + 1.2 * torch.randn(len(x0))).exp()
        return (net(x0 + column(sigma) * torch.randn_like(x0), sigma) - x0).square().mean()

    audit = langevin.audit_loss(loss, DENOISER)
    assert audit.weight == "plain" and set(audit.equals) == {"plain"}


def test_the_likelihood_weight_of_a_table():
    objective = langevin.Objective(EPSILON, weight="likelihood")

    def loss(net, x0):
        batch = objective.draw(x0)
        return objective.loss(net(batch.x, batch.time), batch)

    audit = langevin.audit_loss(loss, EPSILON, weight="likelihood", times="uniform-t", rows=1024)
    assert audit.findings == [] and "likelihood" in audit.equals


def test_tables_of_any_length():
    betas = [0.05, 0.1, 0.2, 0.3, 0.4]
    bars = torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), 0)

    def loss(net, x0):
        t = torch.randint(0, 5, (len(x0),))
        noise = torch.randn_like(x0)
        return (net(column(bars[t].sqrt()) * x0 + column((1 - bars[t]).sqrt()) * noise, t) - noise).square().mean()

    form = langevin.Formulation(langevin.Process(betas=betas), "epsilon")
    audit = langevin.audit_loss(loss, form, weight="plain", times="uniform-t")
    assert audit.findings == [] and audit.times == "uniform-t"
