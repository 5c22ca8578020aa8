"""`langevin.trace`: samplers of others as plans."""

import math
import time

import numpy as np
import pytest

import langevin

torch = pytest.importorskip("torch")
import foreign  # noqa: E402

SIGMAS = [14.6, 5.0, 1.2, 0.2, 0.0]
EPSILON = langevin.Formulation("table:scaled-linear", "epsilon")


def euler(model, x, sigmas=SIGMAS):
    for now, then in zip(sigmas[:-1], sigmas[1:]):
        x = x + (then - now) * (x - model(x, now)) / now
    return x


def test_a_traced_sampler_is_a_plan_like_any_other(tmp_path):
    plan = langevin.trace(euler, "ve:x0")
    assert (plan.name, plan.nfe, plan.draws, plan.lint()) == ("euler", 4, 1, [])
    own = langevin.Plan("euler", "ve", grid=SIGMAS)
    assert plan.is_same(own) and plan.compare(own).relative_difference < 1e-14
    assert plan.origin[0] == "test_trace.euler, traced in float64" and plan.origin[1] < 1e-13
    plan.save(tmp_path / "plan.json")
    again = langevin.Plan.load(tmp_path / "plan.json")
    assert again.origin == plan.origin and np.array_equal(again.parameters(), plan.parameters())
    density = langevin.Density("moons")
    assert np.abs(plan.run(density, (5, 2), seed=1) - own.run(density, (5, 2), seed=1)).max() < 1e-12
    assert plan.analyze([1.0, 0.1])["w2"] == pytest.approx(own.analyze([1.0, 0.1])["w2"], rel=1e-9)


@pytest.mark.parametrize("backend", ["torch", "numpy"])
def test_arrays_of_both_kinds(backend):
    def sampler(model, x):
        assert isinstance(x, torch.Tensor if backend == "torch" else np.ndarray)
        return euler(model, x)

    assert langevin.trace(sampler, "ve:x0", backend=backend).is_same(langevin.Plan("euler", "ve", grid=SIGMAS))


def ancestral(model, x, draw, sigmas=SIGMAS):
    for now, then in zip(sigmas[:-1], sigmas[1:]):
        denoised = model(x, now)
        up = math.sqrt(then**2 * (now**2 - then**2) / now**2)
        down = math.sqrt(then**2 - up**2)
        x = down / now * x + (1 - down / now) * denoised
        if then > 0:
            x = x + up * draw(x)
    return x


GENERATOR = torch.Generator()
DRAWS = {
    "randn": lambda x: torch.randn(x.shape),
    "randn_like": torch.randn_like,
    "normal_": lambda x: torch.empty_like(x).normal_(),
    "normal": lambda x: torch.normal(torch.zeros_like(x), 1.0),
    "normal of a size": lambda x: torch.normal(0.0, 1.0, tuple(x.shape)),
    "generator": lambda x: torch.randn(x.shape, generator=GENERATOR, dtype=torch.float32),
    "scaled": lambda x: torch.empty_like(x).normal_(0.0, 2.0) / 2,
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
def test_noise_is_captured_however_torch_draws_it(draw):
    plan = langevin.trace(ancestral, "ve:x0", args=(draw,))
    assert plan.is_same(langevin.Plan("euler-ancestral", "ve", grid=SIGMAS)), plan


NUMPY = {
    "default_rng": lambda: (lambda rng: lambda x: rng.standard_normal(x.shape))(np.random.default_rng(0)),
    "normal of a generator": lambda: (lambda rng: lambda x: rng.normal(0.0, 1.0, x.shape))(np.random.default_rng()),
    "randn": lambda: lambda x: np.random.randn(*x.shape),
    "np.random.normal": lambda: lambda x: np.random.normal(size=x.shape),
    "standard_normal": lambda: lambda x: np.random.standard_normal(x.shape),
    "RandomState": lambda: (lambda rng: lambda x: rng.randn(*x.shape))(np.random.RandomState(0)),
}


@pytest.mark.parametrize("make", NUMPY.values(), ids=NUMPY.keys())
def test_noise_is_captured_however_numpy_draws_it(make):
    old = np.random.randn, np.random.default_rng
    plan = langevin.trace(lambda model, x: ancestral(model, x, make()), "ve:x0", backend="numpy")
    assert plan.is_same(langevin.Plan("euler-ancestral", "ve", grid=SIGMAS)), plan
    assert (np.random.randn, np.random.default_rng) == old  # nothing stays replaced


def test_a_brownian_tree_becomes_one_draw_for_each_increment():
    torchsde = pytest.importorskip("torchsde")

    def sampler(model, x):
        tree = torchsde.BrownianTree(t0=SIGMAS[-2] / 2, w0=torch.zeros_like(x), t1=SIGMAS[0], entropy=3)
        return ancestral(model, x, iter_noise(tree, x))

    def iter_noise(tree, x):
        places = iter(zip(SIGMAS[:-2], SIGMAS[1:-1]))

        def draw(_):
            high, low = next(places)
            return tree(low, high) / math.sqrt(high - low)

        return draw

    plan = langevin.trace(sampler, "ve:x0")
    assert "draws reduced to" in plan.origin[0] and plan.draws == 4
    assert plan.compare(langevin.Plan("euler-ancestral", "ve", grid=SIGMAS)).same, plan


def clamped(model, x):
    return euler(lambda x, t: model(x, t).clamp(-1, 1), x)


def thresholded(model, x):
    def denoised(x, t):
        out = model(x, t)
        return out / torch.quantile(out.abs().flatten(1), 0.995, dim=1).clamp(min=1).view(-1, 1, 1, 1)

    return euler(denoised, x)


def adaptive(model, x):
    sigma = 14.6
    while sigma > 0.1:
        step = sigma * (0.3 if float((x - model(x, sigma)).abs().max()) > 20 else 0.7)
        x, sigma = x + (step - sigma) * (x - model(x, sigma)) / sigma, step
    return x


def wandering(model, x):
    for sigma in SIGMAS[:-1]:
        x = model(x, sigma + 1e-3 * float(x.abs().sum()))
    return x


def mixing(model, x):
    return euler(lambda x, t: model(x, t) - model(x, t).mean(), x)


def squared(model, x):
    return model(x * x, 1.0)


OUTSIDE = np.random.default_rng(0)


@pytest.mark.parametrize(
    "sampler, said",
    [
        (clamped, "the input of call 1 is not a weighted sum of the start, the outputs and the noise; operations on the state: clamp"),
        (thresholded, "the input of call 1 is not a weighted sum"),
        (adaptive, "number of its calls depends on the data"),
        (wandering, "the time of call 0 depends on the data"),
        (mixing, "is not a weighted sum"),
        (squared, "mul of two states"),
        (lambda model, x: ancestral(model, x, lambda x: torch.from_numpy(OUTSIDE.standard_normal(tuple(x.shape)))), "differs between two runs"),
        (lambda model, x: model(x, 1.0 + torch.arange(x.numel())), "different times for parts of the state"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(sampler, said):
    with pytest.raises(langevin.TraceError, match="has no table") as error:
        langevin.trace(sampler, "ve:x0", backend="torch")
    assert said in str(error.value), error.value


KEPT = []


def keeping(model, x):
    KEPT.append(x)
    return model(x + KEPT[0], 1.0)


@pytest.mark.parametrize(
    "sampler, kind, said",
    [
        (lambda model, x: x, langevin.ArgumentError, "does not call the network"),
        (lambda model, x: model(torch.cat([x, x]), 1.0), langevin.ShapeError, "call 0 of the network has another shape"),
        (lambda model, x: model(x, 1.0)[:, :, :, :1], langevin.ShapeError, "the result of sampler has the wrong shape"),
        (lambda model, x: model(x / 0, 1.0), langevin.ArgumentError, "the input of call 0 of sampler is not finite"),
        (lambda model, x: model(x, 1.0) * float("nan"), langevin.ArgumentError, "the result of sampler is not finite"),
        (lambda model, x: model(x), langevin.ArgumentError, "call 0 of the network has no time"),
        (lambda model, x: model(x, -3.0), langevin.Error, "call 0"),
        (keeping, langevin.TraceError, "fails when it is run again"),
        (7, langevin.ArgumentError, "this is no sampler"),
    ],
)
def test_bad_samplers_get_one_clear_error(sampler, kind, said):
    with pytest.raises(kind) as error:
        langevin.trace(sampler, "ve:x0", backend="torch")
    assert said in str(error.value), error.value


def test_errors_of_the_sampler_and_bad_arguments_are_passed_on():
    with pytest.raises(ZeroDivisionError):
        langevin.trace(lambda model, x: 1 / 0, "ve:x0")
    for arguments in [dict(formulation="x0"), dict(formulation="ve:x1"), dict(), dict(formulation="ve:x0", dtype="int8"), dict(formulation="ve:x0", backend="jax"), dict(formulation="ve:x0", steps=5), dict(formulation="ve:x0", start=-1.0)]:
        with pytest.raises(langevin.Error):
            langevin.trace(euler, **arguments)


def test_the_precision_is_that_of_the_least_precise_numbers():
    single = [float(np.float32(sigma)) for sigma in SIGMAS]
    tensors = torch.tensor(SIGMAS, dtype=torch.float32)

    def sampler(model, x):
        return euler(model, x, tensors)

    plan = langevin.trace(sampler, "ve:x0")
    assert "float32" in plan.origin[0] and 1e-6 < plan.origin[1] < 1e-4
    assert plan.lint() == [] and plan.compare(langevin.Plan("euler", "ve", grid=single)).same
    # With the precision of float64 the same plan has findings: its numbers are those of float32.
    assert plan.lint(tolerance=0.0) != []


def test_one_state_shape_and_many_vectors():
    shapes = []

    def sampler(model, x):
        shapes.append(tuple(x.shape))
        return euler(model, x)

    plan = langevin.trace(sampler, "ve:x0", shape=(1, 3))
    assert set(shapes) == {(1, 3)} and plan.is_same(langevin.Plan("euler", "ve", grid=SIGMAS))


def test_fifty_steps_take_at_most_two_seconds():
    # The bound is generous: it takes about 0.1 s.
    sigmas = langevin.Plan("euler", "ve", steps=50).sigmas.tolist() + [0.0]
    best = math.inf
    for _ in range(3):
        begin = time.perf_counter()
        plan = langevin.trace(euler, "ve:x0", args=(sigmas,))
        best = min(best, time.perf_counter() - begin)
    assert plan.nfe == 50 and best < 2.0, best


# The faults of other projects. Discretisations of an SDE by Euler–Maruyama are exact only in the limit, so they are
# judged in 400 steps to 1 %: their corrections pass.
FAULTS = [
    (foreign.half_diffusion, foreign.vp_sde, langevin.Formulation("vp-linear", "score"), 0.01),
    (foreign.flow_noise_without_drift, foreign.flow_sde, "rectified-flow:velocity", 0.01),
    (foreign.ddim_with_a_fixed_stride, lambda model, x: foreign.ddim(model, x, foreign.LINSPACE), EPSILON, None),
    (foreign.ddim_of_stride_zero, None, EPSILON, None),
    (foreign.heun_with_a_last_heun_step, lambda model, x: foreign.heun(model, x, SIGMAS), "ve:x0", None),
    (foreign.sde_noise_without_its_root, lambda model, x: foreign.dpmpp_2m_sde(model, x, SIGMAS), "ve:x0", None),
]


# The first row that is wrong.
FIRST = {
    "half_diffusion": "evaluation 1 ",
    "flow_noise_without_drift": "evaluation 8 ",
    "ddim_with_a_fixed_stride": "evaluation 1 ",
    "ddim_of_stride_zero": "instruction ",
    "heun_with_a_last_heun_step": "the result is still noisy",
    "sde_noise_without_its_root": "evaluation 1 ",
}


@pytest.mark.parametrize("fault, right, formulation, tolerance", FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_lint_names_public_faults_and_passes_their_corrections(fault, right, formulation, tolerance):
    plan = langevin.trace(fault, formulation)
    found, first = plan.lint(tolerance) or plan.notes(tolerance), FIRST[fault.__name__]
    assert found and found[0].startswith(first), found
    if right is not None:
        plan = langevin.trace(right, formulation)
        assert plan.lint(tolerance) == []
        assert "noisy" not in first or plan.notes() == []


def test_faults_that_keep_the_marginals_are_found_by_comparison():
    """A lint cannot see these: with a constant D they are exact, and their noise levels are possible ones."""
    right = langevin.trace(lambda model, x: foreign.two_stages(model, x, SIGMAS), "ve:x0")
    wrong = langevin.trace(lambda model, x: foreign.two_stages(model, x, SIGMAS, overwritten=True), "ve:x0")
    assert wrong.lint() == [] and right.is_same(langevin.Plan("dpmpp-2s", "ve", grid=SIGMAS))
    assert "in the state of evaluation 2" in wrong.compare(right).first
    shifted = [3 * s / (1 + 2 * s) for s in np.linspace(1, 0, 9)]
    coarse = shifted[:-3] + [0.082, 0.0]
    right = langevin.trace(foreign.flow_euler, "rectified-flow:velocity", args=(shifted,))
    wrong = langevin.trace(foreign.flow_euler, "rectified-flow:velocity", args=(coarse,))
    assert wrong.lint() == [] and "evaluations" in wrong.compare(right).mismatch


def test_nothing_of_a_plan_is_executed():
    plan = langevin.trace(euler, "ve:x0")
    text = plan.to_json().replace('"euler"', '"__import__(\'os\').system(\'false\')"', 1)
    assert langevin.Plan.from_json(text).name.startswith("__import__")
    with pytest.raises(langevin.FormatError):
        langevin.Plan.from_json(text.replace('"version":1', '"version":1,"__reduce__":"x"'))
