"""Plans fitted to a model: a density, a function, a torch module, an ONNX network."""

import json
from pathlib import Path

import numpy as np
import pytest

import langevin

FILE = Path(__file__).parents[2] / "examples" / "onnx" / "digits.onnx"
MOONS = langevin.Density("moons")
FEW = {"samples": 24, "test": 48}


def moons(x, query):
    return MOONS.denoise(x, langevin.Level(query.time, query.alpha, query.sigma))


def test_a_function_gives_the_plan_of_the_same_density():
    own = langevin.tune(MOONS, 3, process="vp", **FEW)
    function = langevin.tune(moons, 3, shape=(2,), process="vp", dtype="float64", **FEW)
    assert own.improves and own.ratio < 1 and own.interval[0] <= own.ratio <= own.interval[1]
    # To the bit: the numbers do not depend on who evaluates the model.
    assert np.array_equal(own.plan.parameters(), function.plan.parameters())
    assert own.error == function.error and own.plan.lint() == []
    assert own.to_dict()["to_data"]["worse"] is False and function.to_dict()["to_data"] is None


def test_the_evidence_is_about_samples_that_the_fit_has_not_seen():
    found = langevin.tune(MOONS, 4, process="vp", seed=5, **FEW)
    figures = found.to_dict()
    assert figures["seeds"] == [5, 6] and figures["samples"] == [24, 48]
    fine = langevin.Plan("dpmpp-3s", "vp", steps=60, grid="uniform-lambda")
    error = lambda plan: float(np.sqrt(((plan.run(MOONS, (200, 2), seed=9, dtype="float64") - fine.run(MOONS, (200, 2), seed=9, dtype="float64")) ** 2).mean()))  # noqa: E731
    # A third seed, and a fine solution of its own.
    assert error(found.plan) < error(found.known)
    assert error(found.known) == pytest.approx(found.known_error, rel=0.5)
    assert "known" in str(found) and repr(found).startswith("Tuned(nfe=4")
    source, _ = found.plan.origin
    assert source.startswith("a fit (all) from")


def test_data_give_the_shape_and_the_distance():
    data = MOONS.sample(300, seed=3)
    found = langevin.tune(moons, 3, data, process="vp", **FEW)
    assert found.to_dict()["to_data"]["rows"] == 300


def test_guidance_asks_both_branches():
    asked = set()

    def model(x, query):
        asked.add(query.branch)
        shift = 0.5 if query.branch == "main" else 0.0
        return (query.alpha * x + query.sigma**2 * shift) / (query.alpha**2 + query.sigma**2)

    found = langevin.tune(model, 3, shape=(2,), process="vp", guidance=2.0, **FEW)
    # Guidance at high noise levels alone: fewer calls of the second branch.
    part = langevin.tune(model, 3, shape=(2,), process="vp", guidance=2.0, guidance_interval=(1.0, 100.0), **FEW)
    outputs = lambda plan: sum(len(op["out"]) for op in json.loads(plan.to_json())["ops"] if op["op"] == "eval")  # noqa: E731
    assert outputs(found.plan) == 6 > outputs(part.plan)
    assert asked == {"main", "unconditional"} and found.plan.nfe == 3
    assert [one["what"] for one in found.to_dict()["transfers"]][-2:] == ["guidance 1", "guidance 3"]


def test_a_torch_module_is_tuned_in_its_own_formulation():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Sequential(torch.nn.Linear(3, 32), torch.nn.SiLU(), torch.nn.Linear(32, 2))

        def forward(self, x, time):
            assert x.dtype == torch.float64 and not torch.is_grad_enabled()
            return self.body(torch.cat([x, time[:, None] / 1000], 1)) + x

    net = Net().double().eval()
    formulation = langevin.Formulation("table:linear", "epsilon")
    found = langevin.tune(net, 4, shape=(2,), network=formulation, dtype=torch.float64, **FEW)
    assert found.improves and found.plan.run(net, (3, 2), seed=1, dtype="float64", backend="torch").shape == (3, 2)
    data = torch.randn(64, 2)
    assert langevin.tune(net, 3, data, network=formulation, dtype=torch.float64, **FEW).to_dict()["to_data"]["rows"] == 64


def test_an_onnx_network_is_tuned():
    pytest.importorskip("onnxruntime")
    network = langevin.OnnxNetwork(FILE, langevin.Formulation("table:linear", "epsilon"))
    found = langevin.tune(network, 3, samples=16, test=32)
    assert found.plan.lint() == [] and found.plan.run(network, (2, *network.shape)).shape == (2, 1, 8, 8)


def test_an_improvement_that_is_not_certain_gives_the_known_plan():
    found = langevin.tune(MOONS, 4, process="vp", method="bound", **FEW)
    assert not found.improves and found.plan.is_same(found.known)
    assert "not certain" in str(found)


@pytest.mark.parametrize(
    ("error", "text", "call"),
    [
        (langevin.ArgumentError, "a path is no model", lambda: langevin.tune("digits.onnx", 4)),
        (langevin.ArgumentError, "the shape of a sample is unknown", lambda: langevin.tune(moons, 4)),
        (langevin.ArgumentError, "nothing can be tuned with one evaluation", lambda: langevin.tune(moons, 1, shape=(2,))),
        (langevin.ShapeError, r"expected \[256, 2\], got \[1, 2\]", lambda: langevin.tune(lambda x, query: x[:1], 4, shape=(2,))),
        (langevin.ShapeError, "the model's output is no array", lambda: langevin.tune(lambda x, query: None, 4, shape=(2,))),
        (langevin.ArgumentError, "the fine solution is not finite", lambda: langevin.tune(lambda x, query: x * np.nan, 4, shape=(2,))),
        (ZeroDivisionError, "division by zero", lambda: langevin.tune(lambda x, query: 1 / 0, 4, shape=(2,))),
        (
            langevin.ArgumentError,
            "two answers to one question",
            lambda: langevin.tune(lambda x, query: moons(x, query) + np.random.default_rng().normal(size=x.shape), 4, shape=(2,), process="vp", **FEW),
        ),
        (
            langevin.ArgumentError,
            "the fine solution has not converged",
            lambda: langevin.tune(lambda x, query: np.sign(np.sin(1e7 * query.time)) * np.ones_like(x), 4, shape=(2,), process="vp", **FEW),
        ),
        (langevin.UnknownNameError, "did you mean 'all'", lambda: langevin.tune(moons, 4, shape=(2,), method="alle")),
        (langevin.ShapeError, r"expected \(2,\), got \(3,\)", lambda: langevin.tune(MOONS, 4, shape=(3,))),
        (langevin.ShapeError, "the data do not fit the model", lambda: langevin.tune(moons, 4, np.zeros((5, 3)), shape=(2,))),
        (langevin.ArgumentError, "do not fit in memory", lambda: langevin.tune(moons, 4, shape=(2,), samples=10**12)),
        (langevin.ArgumentError, "out of range", lambda: langevin.tune(moons, -4, shape=(2,))),
        (langevin.ArgumentError, "cannot be called", lambda: langevin.tune(3, 4, shape=(2,))),
        (langevin.ArgumentError, "bad process", lambda: langevin.tune(moons, 4, shape=(2,), process=3)),
    ],
)
def test_what_is_wrong_is_said_in_one_error(error, text, call):
    with pytest.raises(error, match=text):
        call()
