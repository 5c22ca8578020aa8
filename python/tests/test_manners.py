"""What a user of Python expects of any library: modules that run, objects that pickle, errors with a way out."""

import copy
import inspect
import json
import pickle

import numpy as np
import pytest

import langevin


def zero(x, query):
    return np.zeros_like(x)


OBJECTS = [
    langevin.Level(0.5, 0.8, 0.6),
    langevin.InputLevel(0.5, 0.8, 0.6),
    langevin.Process("vp"),
    langevin.Process(betas=[0.01, 0.02, 0.4]),
    langevin.Prediction("v"),
    langevin.Formulation("rectified-flow", "velocity", clock="scaled:1000", sigma_min=0.01, sigma_max=50.0),
    langevin.Density("moons"),
]


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: type(one).__name__)
def test_objects_pickle_copy_and_hash(one):
    for again in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
        assert again == one and hash(again) == hash(one)
    assert len({one, copy.copy(one)}) == 1


def test_a_plan_is_a_table(tmp_path):
    plan = langevin.Plan("dpmpp-2m", "vp", steps=7)
    assert len(plan) == 7 and [level.sigma for level in plan] == plan.sigmas.tolist()
    assert plan[0] == plan.levels[0] and plan[-1] == plan.levels[-1]
    with pytest.raises(IndexError):
        plan[7]
    plan.save(tmp_path / "plan.json")
    assert langevin.Plan.load(tmp_path / "plan.json").to_json() == plan.to_json()
    with pytest.raises(langevin.Error, match="cannot be read"):
        langevin.Plan.load(tmp_path / "none.json")
    html = plan._repr_html_()
    assert html.startswith("<pre>") and "dpmpp-2m" in html and "<table" not in str(plan)


def test_a_grid_is_a_name_or_a_list():
    named = langevin.Plan("ddim", "ve", grid="list:80,10,1,0")
    for levels in ([80, 10, 1, 0], (80.0, 10.0, 1.0, 0.0), np.array([80.0, 10.0, 1.0, 0.0])):
        assert langevin.Plan("ddim", "ve", grid=levels).to_json() == named.to_json()


def test_a_process_of_betas():
    betas = np.linspace(1e-4, 0.02, 1000)
    named, own = langevin.Process("table:linear"), langevin.Process(betas=betas)
    bars = langevin.Process(alphas_cumprod=np.cumprod(1 - betas))
    for time in (0.0, 10.0, 999.0):
        assert own.level(time).alpha == pytest.approx(named.level(time).alpha, rel=1e-6)
        assert bars.level(time).alpha == pytest.approx(named.level(time).alpha, rel=1e-6)
    with pytest.raises(langevin.Error, match="expected one of them"):
        langevin.Process()
    with pytest.raises(langevin.Error, match="expected a list or an array"):
        langevin.Process(betas="linear")


@pytest.mark.parametrize(("theirs", "ours"), [("v_prediction", "v"), ("sample", "x0"), ("flow_prediction", "velocity"), ("epsilon", "epsilon")])
def test_names_of_diffusers_are_known(theirs, ours):
    assert langevin.Prediction(theirs) == langevin.Prediction(ours)


def test_no_seed_is_a_new_seed():
    plan = langevin.Plan("ddim", "vp", steps=3)
    moons = langevin.Density("moons")
    assert not np.array_equal(plan.run(moons, (4, 2), seed=None), plan.run(moons, (4, 2), seed=None))
    assert np.array_equal(plan.run(moons, (4, 2)), plan.run(moons, (4, 2), seed=0))
    assert not np.array_equal(plan.run(zero, (4, 2), None, callback=lambda step: None), plan.run(zero, (4, 2), 0)) or plan.draws == 1
    a, b = (plan.start((4, 2), None).query().x.copy() for _ in range(2))
    assert not np.array_equal(a, b)


def test_the_state_to_begin_with():
    plan = langevin.Plan("ddim", "vp", steps=3)
    start = np.full((2, 2), 0.5, np.float32)
    seen = []
    plan.run(lambda x, query: seen.append(x.copy()) or np.zeros_like(x), (2, 2), start=start)
    assert np.array_equal(seen[0], start)
    moved = plan.run(langevin.Density("moons"), (2, 2), start=start)
    assert np.isfinite(moved).all()


def test_a_model_that_writes_into_its_input():
    plan = langevin.Plan("dpmpp-2m", "vp", steps=4)

    def careless(x, query):
        x *= 0.5
        return x

    with pytest.raises(langevin.Error, match="writes into its input x"):
        plan.run(careless, (2, 2))
    torch = pytest.importorskip("torch")
    with pytest.raises(langevin.Error, match="writes into its input x"):
        plan.run(lambda x, query: x.mul_(0.5), (2, 2), backend="torch")
    assert torch.isfinite(plan.run(lambda x, query: 0.5 * x, (2, 2), backend="torch")).all()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64", "no-such"])
def test_states_are_floating_point(backend, dtype):
    if backend == "torch":
        pytest.importorskip("torch")
    with pytest.raises(langevin.Error, match="dtype"):
        langevin.Plan("ddim", "vp", steps=2).run(zero, (2, 2), dtype=dtype, backend=backend)


def test_a_plan_without_moves_is_linted():
    document = json.loads(langevin.Plan("dpmpp-2m", "vp", steps=5).to_json())
    document["moves"] = []
    assert langevin.Plan.from_json(json.dumps(document)).lint() == []
    ops = [op for op in document["ops"] if op.get("terms")]
    ops[2]["terms"][0][0] *= 1.3
    assert any("evaluation" in line for line in langevin.Plan.from_json(json.dumps(document)).lint())


def test_plans_that_cannot_be_compared():
    plan = langevin.Plan("ddim", "vp", steps=5)
    assert plan.is_same(langevin.Plan("euler", "rectified-flow", steps=5)) and not plan.is_same(langevin.Plan("adams2", "vp", steps=5))
    with pytest.raises(langevin.Error, match="not comparable"):
        plan.is_same(langevin.Plan("ddim", "vp", steps=6))


def test_arguments_that_cannot_be_read():
    plan, moons = langevin.Plan("ddim", "vp", steps=3), langevin.Density("moons")
    for call, words in [
        (lambda: plan.run(moons, (2, 2), seed=-1), "Plan.run, seed.*got -1"),
        (lambda: plan.run(moons, (2, 2), first=2**70), "Plan.run, first"),
        (lambda: plan.run(moons, (2, "a")), "Plan.run"),
        (lambda: moons.sample(2.5), "Density.sample"),
        (lambda: langevin.Plan.from_diffusers({"_class_name": "DDIMScheduler"}, steps=-3), "steps.*got -3"),
        (lambda: langevin.recommend("power:2:d=4", -1), "recommend, nfe.*got -1"),
        (lambda: plan.level_at_network_time("late"), "level_at_network_time"),
        (lambda: langevin.Plan("ddim", "vp", steps=-1), r"\(steps\).*got -1"),
        (lambda: langevin.Plan("ddim", "vp", steps=2.5), r"\(steps\).*got 2.5"),
        (lambda: langevin.Plan(7, "vp"), r"\(sampler\).*got 7"),
        (lambda: langevin.Plan("ddim", "vp", sigma_max="80"), r"\(sigma_max\).*got '80'"),
        (lambda: langevin.Level("now", 1.0, 0.0), r"\(time\).*got 'now'"),
        (lambda: langevin.Formulation("vp", "v", clock=3), r"\(clock\).*got 3"),
        (lambda: langevin.Density(3), r"\(name\).*got 3"),
    ]:
        with pytest.raises(langevin.ArgumentError, match=words) as found:
            call()
        assert "\n" not in str(found.value)
    # What a model raises is the model's.
    with pytest.raises(TypeError) as found:
        plan.run(lambda x, query: 1 + "a", (2, 2))
    assert not isinstance(found.value, langevin.Error)
    assert "denoised" in langevin.Plan.run.__doc__ and "seed" in inspect.signature(langevin.Plan.run).parameters


def test_everything_is_listed():
    assert set(langevin.__all__) <= set(dir(langevin)) and "convert" in dir(langevin)


class TestTorch:
    """The same for modules of torch."""

    @pytest.fixture(autouse=True)
    def torch(self):
        return pytest.importorskip("torch")

    @pytest.fixture
    def module(self, torch):
        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = torch.nn.Parameter(torch.tensor(0.5))

            def forward(self, x, t):
                assert t.shape == (len(x),) and t.dtype == x.dtype
                return self.scale * x * torch.cos(t)[:, None]

        return Module()

    def test_a_module_of_state_and_time_runs(self, torch, module):
        plan = langevin.Plan("ddim", "vp", steps=4, network=langevin.Formulation("vp", "epsilon"))
        ours = plan.run(module, (3, 2))
        function = lambda x, query: module(x, torch.full((len(x),), query.time))  # noqa: E731
        assert torch.equal(ours, plan.run(function, (3, 2), backend="torch"))
        for wrap in (lambda out: (out, None), lambda out: type("Output", (), {"sample": out})()):

            class Wrapped(torch.nn.Module):
                def forward(self, x, timestep):
                    return wrap(module(x, timestep))  # noqa: B023

            assert torch.equal(plan.run(Wrapped(), (3, 2)), ours)
        converted = langevin.convert(module, from_=langevin.Formulation("vp", "epsilon"), to=langevin.Formulation("vp", "v"))
        v = langevin.Plan("ddim", "vp", steps=4, network=langevin.Formulation("vp", "v"))
        assert torch.allclose(v.run(converted, (3, 2)), ours, atol=1e-5)

    def test_gradients_go_through_a_run(self, torch, module):
        plan = langevin.Plan("dpmpp-2m", "vp", steps=3, network=langevin.Formulation("vp", "epsilon"))
        start = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
        module = module.double()

        def total(start):
            return plan.run(module, (2, 2), start=start, dtype="float64", grad=True).square().sum()

        loss = total(start)
        loss.backward()
        assert module.scale.grad is not None and torch.isfinite(module.scale.grad)
        step = 1e-6
        with torch.no_grad():
            moved = start.detach().clone()
            moved[0, 1] += step
            slope = (total(moved) - loss) / step
        assert float(start.grad[0, 1]) == pytest.approx(float(slope), rel=1e-4)
        assert not plan.run(module, (2, 2), start=start.detach(), dtype="float64").requires_grad
        with pytest.raises(langevin.Error, match="only tensors have gradients"):
            plan.run(zero, (2, 2), grad=True, backend="numpy")

    def test_converted_modules_copy_save_and_pickle(self, torch, tmp_path):
        net = torch.nn.Bilinear(2, 1, 2)

        converted = langevin.convert(net, from_=langevin.Formulation("rectified-flow", "velocity"), to=langevin.Formulation("vp-linear", "epsilon"))
        # The torch module is called with one time for all rows, or one for each.
        x = torch.randn(5, 2)
        want = converted.readings(0.4, x)
        for again in (copy.deepcopy(converted), pickle.loads(pickle.dumps(converted))):
            assert torch.equal(again.readings(0.4, x), want)
            assert [name for name, _ in again.named_parameters()] == [name for name, _ in converted.named_parameters()]
        torch.save(converted, tmp_path / "module.pt")
        again = torch.load(tmp_path / "module.pt", weights_only=False)
        assert torch.equal(again.readings(0.4, x), want)
        torch.save(converted.state_dict(), tmp_path / "weights.pt")
        converted.load_state_dict(torch.load(tmp_path / "weights.pt"))

    def test_converted_modules_take_a_time_for_each_row_and_compile(self, torch, module):
        from_, to = langevin.Formulation("rectified-flow", "velocity"), langevin.Formulation("vp-linear", "epsilon", clock="scaled:1000")

        class Net(torch.nn.Module):
            def forward(self, x, t):
                return torch.sin(x) * t.reshape(-1, 1)

        converted = langevin.convert(Net(), from_=from_, to=to)
        x, t = torch.randn(6, 3), torch.tensor([10.0, 200.0, 200.0, 999.0, 500.0, 3.0])
        each = torch.cat([converted(x[i : i + 1], t[i : i + 1]) for i in range(6)])
        assert torch.allclose(converted(x, t), each, atol=1e-6)
        table = to.readings_from(from_, t.numpy())
        for row, time in zip(table, t.tolist()):
            reading = to.read_from(from_, to.seen(to.level(time)).state())
            assert row.tolist() == [reading.scale, reading.time, reading.a, reading.b]
        compiled = torch.compile(converted, fullgraph=True, backend="eager")
        assert torch.allclose(compiled(x, t), converted(x, t), atol=1e-6)


def test_configs_as_people_have_them():
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_uniform_sigmas": False, "shfit": 3.0}
    with pytest.warns(UserWarning, match="ignored, as diffusers does: shfit \\(did you mean 'shift'\\?\\), use_uniform_sigmas"):
        plan = langevin.Plan.from_diffusers(config, steps=4)
    assert plan.is_same(langevin.Plan.from_diffusers({"_class_name": "FlowMatchEulerDiscreteScheduler"}, steps=4))
    with pytest.raises(langevin.Error, match="no scheduler has these fields"):
        langevin.Plan.from_diffusers(config, steps=4, strict=True)
    # Another sampler on the config passes over the same fields, whatever variance the network has learned.
    learned = {"_class_name": "DDPMScheduler", "variance_type": "learned_range", "beta_strat": 0.1}
    with pytest.warns(UserWarning, match="beta_strat \\(did you mean 'beta_start'"):
        langevin.Plan.from_diffusers(learned, steps=4, sampler="unipc")
    flux = {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True, "base_image_seq_len": 256, "max_image_seq_len": 6400}
    tokens = langevin.Plan.from_diffusers(flux, steps=4, image_seq_len=4096)
    given = langevin.Plan.from_diffusers(flux, mu=0.90625, sigmas=[1.0, 0.75, 0.5, 0.25])
    assert tokens.is_same(given, 1e-6)
    with pytest.raises(langevin.Error, match="image_seq_len"):
        langevin.Plan.from_diffusers(flux, steps=4)
