"""One torch module and everything that can be asked of it, against exact densities and against the command line."""

import json
import math
import subprocess
import sys

import langevin
import numpy as np
import pytest

torch = pytest.importorskip("torch")

MEANS = torch.tensor([[1.5, 0.0], [-1.5, 1.0]], dtype=torch.float64)
SPREAD = 0.5


def denoised(x, alpha, sigma):
    """The posterior mean of a mixture of two Gaussians."""
    c = (alpha * SPREAD) ** 2 + sigma**2
    off = x[:, None, :] - alpha[:, None, None] * MEANS.to(x)
    share = torch.softmax(-0.5 * off.square().sum(2) / c[:, None], 1)
    means = MEANS.to(x) + (alpha * SPREAD**2 / c)[:, None, None] * off
    return (share[:, :, None] * means).sum(1)


class Flow(torch.nn.Module):
    """The velocity of the mixture on a rectified flow, with a weight that is 1."""

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x, time):
        x = self.gain * x
        return (x - denoised(x, 1 - time, time)) / time[:, None]


def log_density(x):
    off = x[:, None, :] - MEANS
    return torch.logsumexp(-0.5 * off.square().sum(2) / SPREAD**2 - math.log(2), 1) - math.log(2 * math.pi * SPREAD**2)


def rows(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(0, 2, (count,), generator=generator)
    return MEANS[which] + SPREAD * torch.randn(count, 2, generator=generator, dtype=torch.float64)


@pytest.fixture
def model():
    return langevin.Model(Flow(), "rectified-flow:velocity", shape=(2,))


FORMULATIONS = ["rectified-flow:velocity", "vp:score", "ve:epsilon", "vp-cosine:v", "ve:x0"]


@pytest.mark.parametrize("form", FORMULATIONS)
def test_every_reading_is_the_same_model(model, form):
    read = model.to(form)
    x = rows(20)
    level = read.formulation.process.level_at_sigma_ve(0.7)
    noise = torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    state = level.alpha * x + level.sigma * noise
    alpha, sigma = (torch.full((20,), one, dtype=torch.float64) for one in (level.alpha, level.sigma))
    assert torch.allclose(read.denoise(state, level), denoised(state, alpha, sigma), atol=1e-9)
    # A number, and one for each row.
    assert torch.equal(read.denoise(state, 0.7), read.denoise(state, level))
    assert torch.allclose(read.denoise(state, torch.full((20,), 0.7)), read.denoise(state, level), atol=1e-6)
    samples = [one.sample("dpmpp-2m", 8, seed=3, steps=12) for one in (model, read)]
    assert torch.allclose(*samples, atol=1e-7)
    assert torch.allclose(model.log_prob(x[:4]), read.log_prob(x[:4]), atol=2e-3)


def test_likelihoods_are_those_of_the_density(model):
    x = rows(64)
    exact = log_density(x)
    # The model starts from N(0, 80²), and the noised data have the means of the mixture: a row with noise z has the error
    # z·m/80, which is at most 0.05 for |z| < 3.
    assert (model.log_prob(x) - exact).abs().max() < 0.05
    assert abs(float((model.log_prob(x) - exact).mean())) < 5e-3
    bound = model.bound(x, seed=2)
    assert abs(bound.mean + float(exact.mean())) < 4 * bound.standard_error + 0.05
    assert model.likelihood(x, method="ode").kind == "density"
    # Hutchinson's estimate is unbiased.
    estimated = model.log_prob(x, probes=64, seed=1)
    assert abs(float((estimated - exact).mean())) < 0.1


def test_gradients_of_the_log_density(model):
    x = rows(6).requires_grad_()
    exact = torch.autograd.grad(log_density(x).sum(), x)[0]
    value = model.log_prob(x, grad=True)
    assert (value - log_density(x)).abs().max() < 0.05
    # The same steps as without gradients, to their tolerances.
    assert (value - model.log_prob(x.detach())).abs().max() < 1e-3
    (found, of_gain) = torch.autograd.grad(value.sum(), [x, model.module.gain])
    assert (found - exact).abs().max() < 0.02
    # The derivative in a weight, against a difference.
    h = 1e-3
    values = []
    for gain in (1 - h, 1 + h):
        model.module.gain.data.fill_(gain)
        values.append(float(model.log_prob(x.detach(), grad=True).sum().detach()))
    assert float(of_gain) == pytest.approx((values[1] - values[0]) / (2 * h), rel=1e-3)


def test_encoding_goes_there_and_back(model):
    x = rows(16)
    found = model.encode(x, steps=200)
    assert found.errors.max() < 0.05 and (found.rows - x).abs().max() < 0.2
    # The noise is that of the ODE: samples from it are the data.
    plan = model.plan("ddim", steps=200)
    again = model.sample(plan, (16, 2), start=found.noise * plan_start(plan))
    assert torch.allclose(again, found.rows, atol=1e-6)
    with pytest.raises(langevin.Error):
        model.encode(x, "ddpm", steps=10)


def plan_start(plan):
    """The standard deviation of the noise that a plan starts from."""
    return next(float(row["noise"][0][0]) for row in json.loads(plan.to_json())["ops"] if row["op"] == "combine")


def test_evaluation_and_diagnosis(model):
    report = model.evaluate(rows(400), steps=20, seed=4)
    assert 0.4 < report["two_sample_accuracy"] < 0.6 and report["nfe"] == 20 and report["rows"] == 400
    assert "two-sample accuracy" in str(report) and report["floor"] is not None
    with_train = model.evaluate(rows(400), train=rows(400, seed=9), steps=20)
    assert 0 <= with_train["copies"] < 0.05
    few = model.diagnose(rows(300), "ddim", steps=4, samples=256, count=32)
    assert few["causes"][0]["cause"] == "discretisation" and few["likelihoods"] is not None
    assert "discretisation" in str(few)
    plan = model.tune(4, samples=32, test=64).plan
    tuned = model.diagnose(rows(300), plan, samples=256, count=32)
    assert tuned["nfe"] == 4


def test_a_wrong_network_is_found(model):
    model.module.gain.data.fill_(1.3)
    report = model.diagnose(rows(300), steps=40, samples=256, count=64)
    assert report["causes"][0]["cause"] == "score"


def test_recommendation_and_tuning(model):
    ranking = model.recommend(rows(200), nfe=6)
    assert ranking.best.nfe <= 6
    x = model.sample(ranking.best.plan, 10, seed=1)
    assert x.shape == (10, 2) and x.dtype == torch.float64
    found = model.tune(4, rows(200), samples=48, test=96)
    assert found.improves and found.plan.network == model.formulation
    assert torch.isfinite(model.sample(found.plan, 5)).all()


def test_conditions_are_passed_on():
    def net(x, time, y, scale=1.0):
        alpha, sigma = 1 - time, time
        mean = scale * y[:, None]
        # The denoised prediction of N(mean, 0.01), as a velocity.
        c = alpha**2 * 0.01 + sigma**2
        d = mean + (alpha * 0.01 / c)[:, None] * (x - alpha[:, None] * mean)
        return (x - d) / sigma[:, None]

    model = langevin.Model(net, "rectified-flow:velocity", shape=(3,), dtype=torch.float64)
    y = torch.tensor([-4.0, 0.0, 4.0, 8.0], dtype=torch.float64)
    samples = model.given(y).sample("dpmpp-2m", 4, steps=20)
    assert (samples.mean(1) - y).abs().max() < 0.3
    assert (model.given(y, scale=0.5).sample("dpmpp-2m", 4, steps=20).mean(1) - 0.5 * y).abs().max() < 0.3
    # One row for all samples; row i belongs to sample i in any batch.
    assert (model.given(y[3:]).sample("dpmpp-2m", 4, steps=20).mean(1) - 8).abs().max() < 0.3
    part = model.given(y).sample("dpmpp-2m", 2, steps=20, first=2)
    assert torch.allclose(part, samples[2:], atol=1e-12)
    # Likelihoods and evaluations under the condition.
    x = y[:, None] + 0.1 * torch.randn(4, 3, dtype=torch.float64)
    assert (model.given(y).log_prob(x) > model.given(y.flip(0)).log_prob(x)).all()
    assert model.given(y[:1]).evaluate(-4 + 0.1 * torch.randn(40, 3, dtype=torch.float64), steps=10)["two_sample_accuracy"] < 0.75
    # Guidance.
    guided = model.given(y).without(torch.zeros(1, dtype=torch.float64)).sample("ddim", 4, steps=20, guidance=1.5)
    assert (guided.mean(1) - 1.5 * y).abs().max() < 1.0
    with pytest.raises(langevin.ArgumentError, match="without"):
        model.given(y).sample("ddim", 4, steps=4, guidance=2.0)
    with pytest.raises(langevin.ShapeError, match="too few rows"):
        model.given(y).sample("ddim", 9, steps=4)


def test_the_interface_of_flows(model):
    distribution = model.distribution(steps=30)
    torch.manual_seed(0)
    samples = distribution.sample((50, 4))
    assert samples.shape == (50, 4, 2) and distribution.event_shape == (2,)
    assert distribution.log_prob(samples).shape == (50, 4)
    assert abs(float(distribution.log_prob(samples).mean() - log_density(samples.reshape(-1, 2)).mean())) < 0.05
    x = rows(2).requires_grad_()
    assert torch.autograd.grad(distribution.log_prob(x).sum(), x)[0].shape == (2, 2)
    assert distribution.sample(3).shape == (3, 2)
    with pytest.raises(langevin.ShapeError):
        distribution.log_prob(torch.zeros(3, 5))


def test_a_network_of_diffusers_brings_its_formulation():
    diffusers = pytest.importorskip("diffusers")
    unet = diffusers.UNet2DModel(sample_size=8, block_out_channels=(32,), layers_per_block=1, down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",))
    scheduler = diffusers.DDIMScheduler(beta_schedule="scaled_linear", prediction_type="v_prediction", clip_sample=False)
    model = langevin.Model.from_diffusers(unet, scheduler)
    assert model.shape == (3, 8, 8)
    assert (model.formulation.process.name, model.formulation.prediction.name) == ("table:scaled-linear", "v")
    with torch.no_grad():
        samples = model.sample("ddim", 2, steps=4, grid="trailing")
    assert samples.shape == (2, 3, 8, 8)
    assert np.isfinite(model.bound(samples, levels=4).nats).all()
    conditional = diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(32,), layers_per_block=1, cross_attention_dim=8, down_block_types=("CrossAttnDownBlock2D",), up_block_types=("CrossAttnUpBlock2D",)
    )
    text = torch.randn(2, 5, 8)
    model = langevin.Model.from_diffusers(conditional, scheduler).given(encoder_hidden_states=text).without(encoder_hidden_states=torch.zeros(1, 5, 8))
    assert model.sample("ddim", 2, steps=2, grid="trailing", guidance=2.0).shape == (2, 4, 8, 8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """One network as a torch module and as an ONNX file, and rows of data."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    torch.manual_seed(0)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.enter, self.leave = torch.nn.Linear(3, 32), torch.nn.Linear(32, 2)

        def forward(self, x, t):
            return self.leave(torch.tanh(self.enter(torch.cat([x, t[:, None]], 1))))

    net = Net()
    folder = tmp_path_factory.mktemp("model")
    weight = lambda name, tensor: numpy_helper.from_array(tensor.detach().numpy().T.copy() if tensor.dim() == 2 else tensor.detach().numpy(), name)  # noqa: E731
    nodes = [
        helper.make_node("Unsqueeze", ["t", "axis"], ["column"]),
        helper.make_node("Concat", ["x", "column"], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "w1"], ["a"]),
        helper.make_node("Add", ["a", "b1"], ["b"]),
        helper.make_node("Tanh", ["b"], ["h"]),
        helper.make_node("MatMul", ["h", "w2"], ["c"]),
        helper.make_node("Add", ["c", "b2"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2]), helper.make_tensor_value_info("t", TensorProto.FLOAT, ["rows"])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["rows", 2])],
        [
            weight("w1", net.enter.weight), weight("b1", net.enter.bias), weight("w2", net.leave.weight), weight("b2", net.leave.bias),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
        ],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "net.onnx")
    data = rows(200).numpy()
    np.save(folder / "rows.npy", data)
    return langevin.Model(net, "rectified-flow:velocity", shape=(2,)), folder, torch.from_numpy(data)


def command(folder, *words):
    flags = ["--onnx", "net.onnx", "--process", "rectified-flow", "--predict", "velocity"]
    words = [sys.executable, "-m", "langevin", words[0], *flags, *words[1:], "--json"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_numbers_are_those_of_the_command_line(exported):
    """The network is in single precision, so samples agree to about 1e-6."""
    model, folder, data = exported
    theirs = command(folder, "evaluate", "--data", "rows.npy", "--sampler", "dpmpp-2m", "--steps", "10", "--seed", "3")
    ours = model.evaluate(data, steps=10, seed=3)
    for name in ("wasserstein", "sliced_wasserstein", "energy_distance", "two_sample_accuracy"):
        assert ours[name] == pytest.approx(theirs[name], rel=1e-4), name
        assert ours["floor"][name] == pytest.approx(theirs["floor"][name], rel=1e-6), name
    theirs = command(folder, "likelihood", "--data", "rows.npy", "--method", "bound", "--seed", "5")
    ours = model.bound(data, seed=5)
    # The command takes the rows in random order, so the noise of the estimate differs.
    noise = math.sqrt(2 * float((ours.errors**2).sum())) / len(data)
    assert abs(ours.mean - theirs["nats_mean"]) < 4 * noise
    theirs = command(folder, "diagnose", "--data", "rows.npy", "--sampler", "ddim", "--steps", "5", "-n", "128", "--rows", "32", "--seed", "1")
    ours = model.diagnose(data, "ddim", steps=5, samples=128, count=32, seed=1)
    assert ours["coupled"]["rms"] == pytest.approx(theirs["coupled"]["rms"], rel=1e-4)
    assert ours["gaussian"]["w2"] == pytest.approx(theirs["gaussian"]["w2"], rel=1e-9)
    theirs = command(folder, "invert", "--from", "rows.npy", "--sampler", "ddim", "--steps", "30", "--out", "noise.npy")
    ours = model.encode(data, "ddim", steps=30)
    assert np.allclose(ours.noise.numpy(), np.load(folder / "noise.npy"), atol=1e-4)
    assert np.allclose(ours.errors.numpy(), theirs["errors"], atol=1e-4)
    theirs = command(folder, "tune", "--nfe", "3", "--samples", "32", "--test", "64", "--seed", "2", "--out", "three.json")
    ours = model.tune(3, samples=32, test=64, seed=2)
    assert ours.to_dict()["known"]["error"] == pytest.approx(theirs["known"]["error"], rel=1e-3)


def test_progress_obeys_the_module(model, capsys):
    pytest.importorskip("tqdm")
    try:
        langevin.progress = True
        model.sample("ddim", 2, steps=3)
        model.evaluate(rows(20), steps=3)
        shown = capsys.readouterr().err
        langevin.progress = False
        model.sample("ddim", 2, steps=3)
        assert capsys.readouterr().err == ""
        model.sample("ddim", 2, steps=3, progress=True)
    finally:
        langevin.progress = False
    assert shown


def test_bad_arguments(model):
    x = rows(10)
    nan = langevin.Model(lambda x, t: x * math.nan, "rectified-flow:velocity", shape=(2,))
    other = langevin.Model(lambda x, t: x[:, :1], "rectified-flow:velocity", shape=(2,))
    numbers = langevin.Model(lambda x, t: 3.0, "rectified-flow:velocity", shape=(2,))
    bare = langevin.Model(lambda x, t: x, "rectified-flow:velocity")
    cases = [
        (langevin.ArgumentError, "model already", lambda: langevin.Model(model)),
        (langevin.ArgumentError, "bad network", lambda: langevin.Model(3)),
        (langevin.ArgumentError, "bad network", lambda: langevin.Model(langevin.Density("moons"))),
        (langevin.UnknownNameError, "process", lambda: langevin.Model(Flow(), "flows:velocity")),
        (langevin.ArgumentError, "number of samples", lambda: model.sample("ddim")),
        (langevin.ArgumentError, "shape of a sample is unknown", lambda: bare.sample("ddim", 3)),
        (langevin.ArgumentError, "shape of a sample is unknown", lambda: bare.tune(4)),
        (langevin.ArgumentError, "decides everything", lambda: model.sample(model.plan("ddim"), 3, steps=4)),
        (langevin.ShapeError, "do not fit the model", lambda: model.log_prob(torch.zeros(3, 5))),
        (langevin.ShapeError, r"\(rows, ...\)", lambda: model.bound(torch.zeros(3))),
        (langevin.ShapeError, "do not fit the batch", lambda: model.denoise(x, torch.ones(3))),
        (langevin.ArgumentError, "not finite", lambda: nan.sample("ddim", 2, steps=3)),
        (langevin.Error, "", lambda: nan.log_prob(x.float())),
        (langevin.Error, "", lambda: nan.evaluate(x.float(), steps=3)),
        (langevin.Error, "", lambda: nan.diagnose(x.float(), steps=3, samples=16, count=8)),
        (langevin.ShapeError, "", lambda: other.sample("ddim", 2, steps=3)),
        (langevin.ShapeError, "wrong shape", lambda: other.evaluate(x.float(), steps=3)),
        (langevin.ShapeError, "", lambda: numbers.sample("ddim", 2, steps=3)),
        (langevin.Error, "too few", lambda: model.evaluate(x[:2], steps=3)),
        (langevin.UnknownNameError, "", lambda: model.sample("ddmi", 3)),
    ]
    for kind, text, call in cases:
        with pytest.raises(kind, match=text):
            call()


MEAN, VARIANCE = torch.tensor([1.0, -2.0], dtype=torch.float64), torch.tensor([0.25, 1.5], dtype=torch.float64)


def posterior(x, alpha, sigma, shift=0.0):
    """The denoised prediction of N(MEAN + shift, VARIANCE)."""
    mean = MEAN + shift
    return mean + alpha * VARIANCE / (alpha**2 * VARIANCE + sigma**2) * (x - alpha * mean)


def gaussian(x, shift=0.0):
    return -0.5 * ((x - MEAN - shift) ** 2 / VARIANCE + torch.log(2 * math.pi * VARIANCE)).sum(1)


class Weighted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones((), dtype=torch.float64))


def test_a_denoiser_of_azula():
    """A stand-in with the interface of azula 0.11: a schedule, and a call that returns a posterior."""

    class Denoiser(Weighted):
        def schedule(self, t):
            alpha = torch.exp(math.log(1e-3) * t**2)
            return alpha, torch.sqrt(1 - alpha**2 + 1e-6)

        def forward(self, x, t, **named):
            alpha, sigma = (one[:, None] for one in self.schedule(t))
            return type("Posterior", (), {"mean": self.weight * posterior(x, alpha, sigma, named.get("shift", 0.0))})()

    model = langevin.Model.from_azula(Denoiser(), shape=(2,))
    low, high = model.formulation.sigma_range
    assert low == pytest.approx(1e-3, rel=1e-6) and high == pytest.approx(1e3, rel=1e-6)
    x = MEAN + VARIANCE.sqrt() * torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert (model.log_prob(x) - gaussian(x)).abs().max() < 0.02
    assert (model.given(shift=2.0).sample("dpmpp-2m", 500, steps=20).mean(0) - MEAN - 2).abs().max() < 0.3
    with pytest.raises(langevin.ArgumentError, match="azula"):
        langevin.Model.from_azula(Weighted())


def test_estimators_of_sbi():
    """Stand-ins with the interfaces of sbi 0.27: a score estimator with its kernel, and a flow estimator."""

    class Score(Weighted):
        input_shape, t_min, t_max, weight_fn = torch.Size([2]), 1e-4, 1.0, None

        def mean_t_fn(self, t):
            return torch.ones_like(t)[:, None]

        def std_fn(self, t):
            return (1e-3 * (1e5**t))[:, None]

        def score(self, input, condition, t):
            alpha, sigma = self.mean_t_fn(t), self.std_fn(t)
            return self.weight * (alpha * posterior(input, alpha, sigma, condition[:, :1]) - input) / sigma**2

    class Flow(Weighted):
        input_shape, noise_scale = torch.Size([2]), 1e-3

        def forward(self, input, condition, time):
            alpha, sigma = (1 - time)[:, None], (time + self.noise_scale)[:, None]
            clean = posterior(input, alpha, sigma, condition[:, :1])
            return self.weight * ((input - alpha * clean) / sigma - clean)

    x = MEAN + 0.5 + VARIANCE.sqrt() * torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    observed = torch.tensor([[0.5, 0.0, 0.0]], dtype=torch.float64)
    for estimator in (Score(), Flow()):
        model = langevin.Model.from_sbi(estimator)
        assert model.shape == (2,)
        conditioned = model.given(observed)
        assert (conditioned.log_prob(x) - gaussian(x, 0.5)).abs().max() < 0.1
        assert (conditioned.sample("dpmpp-2m", 500, steps=20).mean(0) - MEAN - 0.5).abs().max() < 0.3
        with pytest.raises(langevin.ArgumentError, match="one condition"):
            model.sample("ddim", 2, steps=2)
    with pytest.raises(langevin.ArgumentError, match="no estimator of sbi"):
        langevin.Model.from_sbi(Weighted())


def still(x, t):
    return torch.zeros_like(x)


@pytest.mark.parametrize("form", ["table:scaled-linear:epsilon", "table:linear:epsilon", langevin.Formulation(langevin.Process(betas=[0.1, 0.2, 0.3]), "v")])
def test_networks_on_a_table_are_asked_within_it(form):
    times = []

    def net(x, t):
        times.extend(t.detach().tolist())
        return torch.zeros_like(x)

    model = langevin.Model(net, form, shape=(2,), dtype=torch.float64)
    x = torch.zeros(3, 2, dtype=torch.float64)
    model.log_prob(x)
    model.log_prob(x, grad=True, steps=4)
    model.bound(x, levels=4)
    model.adaptive(2)
    last = {"table:linear:epsilon": 999, "table:scaled-linear:epsilon": 999}.get(form, 2)
    assert min(times) > -1e-6 and max(times) < last + 1e-6
    assert np.allclose(langevin.Objective(form).formulation.sigma_range, model.formulation.default_range)


def test_rows_of_a_diagnosis_have_one_condition():
    model = langevin.Model(lambda x, t, y: x * 0 + y[:, None], "vp:x0", shape=(2,))
    with pytest.raises(langevin.ArgumentError, match="one condition"):
        model.given(torch.zeros(40)).diagnose(torch.randn(40, 2), samples=16, count=8)
    assert model.given(torch.zeros(1)).diagnose(torch.randn(40, 2), samples=16, count=8)["rows"] <= 40


def test_inference_mode(model):
    with torch.inference_mode():
        assert model.sample("ddim", 2, steps=2).shape == (2, 2)
        assert model.bound(rows(3)).nats.shape == (3,)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_times_of_networks_in_half_precision_are_exact(dtype):
    times = []

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x, t):
            times.append(float(t[0]))
            return x * self.weight

    model = langevin.Model(Net().to(dtype), "table:linear:epsilon", shape=(2,))
    samples = model.sample("ddim", 1, steps=10, grid="trailing")
    assert samples.dtype == dtype and times == [999.0 - 100 * i for i in range(10)]
    model.denoise(samples, model.formulation.level(999.0))
    assert times[-1] == pytest.approx(999.0, abs=1e-3)


def test_the_callers_tensor_stays_as_it_is(model):
    x = rows(3)
    value = model.log_prob(x, grad=True, steps=8)
    assert not x.requires_grad and value.requires_grad
    for bad in (lambda: model.log_prob(torch.zeros(3, 5), grad=True), lambda: model.log_prob(x, grad=True, steps=0), lambda: model.log_prob(x, probes=0)):
        with pytest.raises(langevin.Error):
            bad()


def test_schedulers_of_every_kind_bring_their_formulation():
    diffusers = pytest.importorskip("diffusers")
    net = torch.nn.Identity()
    for scheduler in (diffusers.PNDMScheduler(), diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), diffusers.EDMEulerScheduler()):
        model = langevin.Model.from_diffusers(net, scheduler, shape=(3,))
        assert model.formulation == langevin.Model.from_diffusers(net, {**scheduler.config, "_class_name": type(scheduler).__name__}, shape=(3,)).formulation
    for bad in (None, "ddim", diffusers.DDIMScheduler, 3, diffusers.DDIMScheduler().config):
        with pytest.raises(langevin.ArgumentError):
            langevin.Model.from_diffusers(net, bad)


def test_conversion_keeps_the_precision(model):
    seen = []
    base = model.module

    def net(x, t):
        seen.append(t.dtype)
        return base(x, t)

    read = langevin.Model(net, "rectified-flow:velocity", shape=(2,), dtype=torch.float64).to("vp:score")
    x = rows(4)
    assert (read.log_prob(x, tolerance=1e-8) - model.log_prob(x, tolerance=1e-8)).abs().max() < 1e-10
    assert set(seen) == {torch.float64}


def test_dropout_is_off_while_a_method_runs():
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 2)).double()

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, t):
            return self.net(x)

    model = langevin.Model(Net(), "rectified-flow:velocity", shape=(2,))
    x, before = rows(4), net[2].running_mean.clone()
    assert torch.equal(model.log_prob(x), model.log_prob(x))
    assert torch.equal(model.sample("ddim", 3, steps=3), model.sample("ddim", 3, steps=3))
    assert torch.equal(before, net[2].running_mean) and all(part.training for part in net)


def test_conditions_in_dicts_have_rows():
    def net(x, t, added):
        return x * 0 + added["y"][:, None] + added["rest"][0][:, None]

    model = langevin.Model(net, "vp:x0", shape=(2,))
    y = torch.arange(4.0)
    samples = model.given({"y": y, "rest": [y]}).sample("ddim", 2, steps=3, first=2)
    assert torch.allclose(samples, 2 * y[2:, None].expand(2, 2))


def test_guided_plans_everywhere():
    def net(x, t, y):
        return x * 0 + y[:, None]

    model = langevin.Model(net, "vp:x0", shape=(2,), dtype=torch.float64).given(torch.ones(1)).without(torch.zeros(1))
    plan = model.plan("ddim", steps=4, guidance=2.0)
    assert torch.allclose(model.sample(plan, 3), torch.full((3, 2), 2.0, dtype=torch.float64))
    assert model.evaluate(torch.randn(40, 2), plan)["nfe"] == plan.nfe
    assert model.diagnose(torch.randn(40, 2), plan, samples=16, count=8)["nfe"] == plan.nfe


def test_a_model_follows_its_module(model):
    model.module.float()
    assert model.dtype == torch.float32 and model.sample("ddim", 2, steps=2).dtype == torch.float32


def test_one_observation_of_sbi():
    class Flow(Weighted):
        input_shape, condition_shape, noise_scale = torch.Size([2]), torch.Size([2]), 0.0

        def forward(self, input, condition, time):
            assert condition.shape == (len(input), 2)
            alpha, sigma = (1 - time)[:, None], time[:, None]
            clean = posterior(input, alpha, sigma, condition)
            return self.weight * ((input - alpha * clean) / sigma - clean)

    model = langevin.Model.from_sbi(Flow())
    x, observed = rows(3), torch.tensor([0.5, -1.0], dtype=torch.float64)
    assert torch.equal(model.given(observed).log_prob(x), model.given(observed[None]).log_prob(x))


def test_formulations_and_objectives_pickle():
    import copy
    import pickle

    form = langevin.Formulation("vp", "v")
    assert pickle.loads(pickle.dumps(form)) == form
    objective = langevin.Objective(form, adaptive=True)
    for step in range(40):
        batch = objective.draw(torch.zeros(16, 2))
        objective.loss((batch.target + 1).requires_grad_(), batch)
    for other in (copy.deepcopy(objective), pickle.loads(pickle.dumps(objective))):
        draws = [one.draw(torch.zeros(4, 2), generator=torch.Generator().manual_seed(0)) for one in (objective, other)]
        assert torch.equal(draws[0].time, draws[1].time) and torch.equal(draws[0].weight, draws[1].weight)
    # torch may be imported first.
    program = "import torch, langevin, pickle; pickle.loads(pickle.dumps(langevin.Formulation('vp', 'v')))"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
