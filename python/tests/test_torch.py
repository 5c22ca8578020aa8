"""Torch: runs on tensors, and modules of one formulation as models of another."""

import numpy as np
import pytest

import langevin

torch = pytest.importorskip("torch")


def plan():
    return langevin.Plan("dpmpp-2m-sde", "vp", steps=6)


class Half(torch.nn.Module):
    def forward(self, x, query):
        return 0.5 * x


def test_tensors_and_arrays_are_the_same_run():
    tensors = plan().run(Half(), (5, 3), seed=2)
    assert isinstance(tensors, torch.Tensor) and tensors.dtype == torch.float32
    arrays = plan().run(lambda x, query: x * np.float32(0.5), (5, 3), seed=2)
    assert np.array_equal(tensors.numpy(), arrays)


def test_tensors_that_numpy_cannot_see_are_combined_by_torch():
    from langevin._torch import Run, Tensors

    exact = plan().run(Half(), (5, 3), seed=2, dtype="float64")
    run = Run(plan(), "cpu", torch.float64, (5, 3), 2)
    run.shared = False
    run.stepper = plan().start((5, 3), 2, tensors=Tensors((5, 3), torch.float64, torch.device("cpu")))
    while (query := run.query()) is not None:
        run.supply(0.5 * query.x)
    assert torch.allclose(run.finish(), exact, atol=1e-12)


def test_a_view_that_the_user_keeps_is_not_written_over():
    kept = []

    class Keeps(torch.nn.Module):
        def forward(self, x, query):
            kept.append((x.view(-1), x.clone().view(-1)))
            return 0.1 * x

    langevin.Plan("ddim", "vp", steps=10).run(Keeps(), (4, 2))
    assert len(kept) == 10
    for view, copy in kept:
        assert torch.equal(view, copy)


class Velocity(torch.nn.Module):
    """A small network of a state and the flow's time."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.SiLU(), torch.nn.Linear(16, 2))

    def forward(self, x, t):
        return self.layers(torch.cat([x, t.reshape(-1, 1).expand(len(x), 1).to(x)], 1))


FLOW = langevin.Formulation("rectified-flow", "velocity")
EPSILON = langevin.Formulation("vp-linear", "epsilon", clock="scaled:1000")


def test_there_and_back_is_the_same_network():
    model = Velocity().double()
    there = langevin.convert(model, from_=FLOW, to=EPSILON)
    back = langevin.convert(there, from_=EPSILON, to=FLOW)
    x = torch.randn(7, 2, dtype=torch.float64)
    for s in (0.1, 0.5, 0.9):
        time = torch.full((7,), s, dtype=torch.float64)
        assert torch.allclose(back(x, time), model(x, time), atol=1e-9)


def test_a_conversion_is_differentiable():
    model = langevin.convert(Velocity().double(), from_=FLOW, to=EPSILON)
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    t = torch.tensor([100.0, 400.0, 900.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: model(x, t), (x,))
    model(x, t).sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_the_exact_velocity_becomes_the_exact_noise():
    """N(0, 0.7): D = 0.7 α x/v, v = 0.7 α² + σ², in every formulation."""
    levels = langevin.Process("vp-linear")

    def velocity(x, t):
        alpha, sigma = 1 - t, t
        denoised = 0.7 * alpha * x / (0.7 * alpha**2 + sigma**2)
        return (x - denoised) / sigma

    model = langevin.convert(velocity, from_=FLOW, to=EPSILON)
    x = torch.randn(5, 1, dtype=torch.float64)
    for t in (50, 500, 950):
        level = levels.level(t / 1000)
        v = 0.7 * level.alpha**2 + level.sigma**2
        exact = level.sigma * x / v
        assert torch.allclose(model(x, torch.tensor(float(t), dtype=torch.float64)), exact, atol=1e-6)
