"""Adaptive steps and likelihoods of models in Python: the numbers of the library's own, and of closed forms."""

import math

import numpy as np
import pytest

import langevin

DENSITY = langevin.Density("mixture")


def by_rows(x, query):
    """The mixture as a function of arrays, evaluated row by row."""
    levels = zip(query.time.ravel(), query.alpha.ravel(), query.sigma.ravel())
    return np.concatenate([DENSITY.denoise(row[None], langevin.Level(*level)) for row, level in zip(x, levels)])


def test_a_function_has_the_bits_of_the_library():
    shape = (7, DENSITY.dim)
    for pair in ["dpm12", "dpm23", "euler-heun"]:
        ours = langevin.adaptive(DENSITY, shape, seed=3, pair=pair, eta=0.5)
        theirs = langevin.adaptive(by_rows, shape, seed=3, pair=pair, eta=0.5, dtype="float64")
        assert np.array_equal(ours.samples, theirs.samples) and ours.evaluations == theirs.evaluations
        assert np.array_equal(ours.accepted, theirs.accepted) and np.array_equal(ours.rejected, theirs.rejected)
    x = DENSITY.sample(9, seed=1)
    ours, theirs = (langevin.likelihood(model, x, levels=8, seed=2, first=5) for model in (DENSITY, by_rows))
    assert np.array_equal(ours.nats, theirs.nats) and np.array_equal(ours.errors, theirs.errors)
    assert ours.kind == "bound" and ours.evaluations == 8 and ours.mean == theirs.mean


def test_a_sample_does_not_depend_on_its_batch():
    width = DENSITY.dim
    whole = langevin.adaptive(by_rows, (6, width), seed=1).samples
    part = langevin.adaptive(by_rows, (2, width), seed=1, first=3).samples
    assert whole.dtype == np.float32 and np.array_equal(whole[3:5], part)


def test_networks_are_read_as_their_formulation_says():
    epsilon = langevin.Formulation("ve", "epsilon")
    given = langevin.adaptive(DENSITY, (4, DENSITY.dim), seed=1).samples
    noise = lambda x, query: (x - by_rows(x, query)) / query.sigma  # noqa: E731
    read = langevin.adaptive(noise, (4, DENSITY.dim), seed=1, network=epsilon, dtype="float64").samples
    assert np.allclose(given, read, atol=1e-9)


def test_what_cannot_be_is_refused():
    x = DENSITY.sample(2)
    cases = [
        (lambda: langevin.likelihood(by_rows, x, method="ode"), "derivative"),
        (lambda: langevin.likelihood(by_rows, x, method="both"), "'bound' or 'ode'"),
        (lambda: langevin.likelihood(DENSITY, x, network=langevin.Formulation("ve", "x0")), "knows its formulation"),
        (lambda: langevin.likelihood(DENSITY, np.ones((2, 7))), "do not fit the model"),
        (lambda: langevin.likelihood(by_rows, np.full((2, DENSITY.dim), np.nan)), "not finite"),
        (lambda: langevin.likelihood(None, x), "cannot be called"),
        (lambda: langevin.likelihood(lambda x, query: x[:1], x), "wrong shape"),
        (lambda: langevin.adaptive(by_rows, (2, DENSITY.dim), pair="dpm"), "dpm12"),
        (lambda: langevin.adaptive(by_rows, (2, DENSITY.dim), sigma_min=9.0, sigma_max=1.0), "sigma_min < sigma_max"),
        (lambda: langevin.adaptive(by_rows, (2, DENSITY.dim), units="mine"), "bad units"),
        (lambda: langevin.adaptive(by_rows, (2, DENSITY.dim), seed=-1), "adaptive, seed"),
        (lambda: langevin.adaptive(DENSITY, (2, DENSITY.dim), first=2**70), "adaptive, first"),
        (lambda: langevin.adaptive(by_rows, (2, DENSITY.dim), dtype="no-such"), "bad dtype"),
        (lambda: langevin.adaptive(by_rows, (2, DENSITY.dim), dtype="int64"), "bad dtype"),
        (lambda: langevin.likelihood(by_rows, 1.0), "bad shape"),
        (lambda: langevin.likelihood(by_rows, x, network="vp"), "langevin.Formulation"),
        (lambda: langevin.likelihood(lambda x, query: x.__imul__(0.5), x), "writes into its input"),
    ]
    for call, words in cases:
        with pytest.raises(langevin.Error, match=words):
            call()

    def fails(x, query):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        langevin.adaptive(fails, (2, 1))


class TestTorch:
    """N(MEAN, VARIANCE) in torch, whose likelihood is known."""

    MEAN, VARIANCE, RANGE = 0.5, 0.7, (0.01, 20.0)

    @pytest.fixture(autouse=True)
    def torch(self):
        return pytest.importorskip("torch")

    def denoised(self, x, query):
        gain = self.VARIANCE * query.alpha / (self.VARIANCE * query.alpha**2 + query.sigma**2)
        return self.MEAN + gain * (x - query.alpha * self.MEAN)

    @pytest.fixture
    def module(self, torch):
        """ε of the same density, as a network of the state and a time for each row."""

        class Epsilon(torch.nn.Module):
            def __init__(self, mean, variance):
                super().__init__()
                self.mean, self.variance = torch.nn.Parameter(torch.tensor(mean)), variance

            def forward(self, x, time):
                assert time.shape == (len(x),)
                sigma = time[:, None]
                return sigma * (x - self.mean) / (self.variance + sigma**2)

        return Epsilon(self.MEAN, self.VARIANCE)

    def exact(self, x):
        """−log p of the ODE model, which starts from N(0, σ_max²)."""
        low, high = self.RANGE
        grow = math.sqrt((self.VARIANCE + high**2) / (self.VARIANCE + low**2))
        z = self.MEAN + grow * (x - self.MEAN)
        return (0.5 * z**2 / high**2 + 0.5 * math.log(2 * math.pi * high**2) - math.log(grow)).sum(axis=1)

    def x(self, rows=6, width=3):
        return np.random.default_rng(0).normal(self.MEAN, math.sqrt(self.VARIANCE), (rows, width))

    def ode(self, model, x, **more):
        low, high = self.RANGE
        return langevin.likelihood(model, x, method="ode", sigma_min=low, sigma_max=high, **more)

    def test_the_density_is_the_closed_form(self, torch, module):
        x = self.x()
        found = self.ode(self.denoised, torch.from_numpy(x), tolerance=1e-9)
        assert found.kind == "density" and np.allclose(found.nats, self.exact(x), atol=1e-6)
        assert found.products == 3 * found.evaluations
        single = self.ode(module, torch.from_numpy(x).float(), network=langevin.Formulation("ve", "epsilon"))
        assert np.allclose(single.nats, self.exact(x), atol=2e-3)
        # The gradients of the weights are the user's.
        assert module.mean.grad is None

    def test_rows_do_not_depend_on_their_batch(self, torch):
        x = torch.from_numpy(self.x(rows=8) * torch.logspace(-1, 1, 8, dtype=torch.float64)[:, None].numpy())
        whole, alone = self.ode(self.denoised, x), self.ode(self.denoised, x[5:6], first=5)
        assert np.allclose(whole.nats[5], alone.nats[0], atol=1e-9)

    def test_probes_estimate_the_same(self, torch):
        x = self.x(width=20)
        found = self.ode(self.denoised, torch.from_numpy(x))
        # The Jacobian is diagonal, so that signs find its trace exactly.
        assert found.products == 8 * found.evaluations and np.allclose(found.nats, self.exact(x), atol=1e-2)

    def test_tensors_and_arrays_have_one_bound(self, torch, module):
        x = self.x()
        arrays = langevin.likelihood(self.denoised, x, levels=16)
        tensors = langevin.likelihood(self.denoised, torch.from_numpy(x), levels=16)
        assert np.allclose(arrays.nats, tensors.nats, atol=1e-9)
        single = langevin.likelihood(module, torch.from_numpy(x).float(), levels=16, network=langevin.Formulation("ve", "epsilon"))
        assert np.allclose(arrays.nats, single.nats, atol=2e-2)

    def test_tensors_and_arrays_are_one_adaptive_run(self, torch, module):
        arrays = langevin.adaptive(self.denoised, (5, 3), seed=2, dtype="float64")
        tensors = langevin.adaptive(self.denoised, (5, 3), seed=2, dtype="float64", device="cpu")
        assert isinstance(tensors.samples, torch.Tensor) and tensors.samples.dtype == torch.float64
        assert np.allclose(arrays.samples, tensors.samples.numpy(), atol=1e-9)
        assert np.array_equal(arrays.accepted, tensors.accepted)
        single = langevin.adaptive(module, (5, 3), seed=2, network=langevin.Formulation("ve", "epsilon"))
        assert single.samples.dtype == torch.float32 and np.allclose(arrays.samples, single.samples.numpy(), atol=1e-2)

    def test_models_of_torch_are_held_to_their_shape(self, torch):
        x = torch.zeros(2, 3)
        for model, words in [(lambda x, query: x[:1], "wrong shape"), (lambda x, query: 1.0, "no tensor"), (lambda x, query: x.mul_(2), "writes into its input")]:
            with pytest.raises(langevin.Error, match=words):
                langevin.likelihood(model, x)
        # A model without a gradient has a Jacobian of zeros.
        assert np.isfinite(self.ode(lambda x, query: torch.zeros_like(x), torch.zeros(2, 3)).nats).all()
