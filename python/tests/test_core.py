"""The library's own types: names, levels, plans, densities, errors."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import langevin


def test_levels_of_a_process():
    level = langevin.Process("vp").level(1.0)
    assert level.alpha**2 + level.sigma**2 == pytest.approx(1.0, abs=1e-15)
    assert langevin.Process("ve").level_at_lambda(level.lambda_).sigma == pytest.approx(level.sigma_ve)


def test_a_formulation_reads_another_exactly():
    velocity = langevin.Formulation("rectified-flow", "velocity")
    score = langevin.Formulation("vp", "score")
    level = langevin.Process("vp").level(0.7)
    reading = score.read_from(velocity, level)
    # For x = alpha x0 + sigma e the velocity is e − x0 and the score −e/sigma.
    x0, noise = 0.3, -1.2
    x = level.alpha * x0 + level.sigma * noise
    assert reading.a * x + reading.b * (noise - x0) == pytest.approx(-noise / level.sigma, rel=1e-12)


def test_a_plan_is_a_table_of_numbers():
    plan = langevin.Plan("ddim", "vp", steps=5)
    assert plan.nfe == len(plan.times) == len(plan.alphas) == 5
    assert np.allclose(plan.alphas**2 + plan.sigmas**2, 1)
    assert plan.lint() == [] and "ddim" in str(plan)
    assert plan.is_same(langevin.Plan.from_json(plan.to_json()))
    assert pickle.loads(pickle.dumps(plan)).to_json() == plan.to_json()
    weights = plan.weights()
    assert weights["evals"].shape == (5,)


def test_gaussian_data_are_analysed_exactly():
    found = langevin.analyze(langevin.Plan("ddim", "vp", steps=20), np.array([1.0, 0.5, 0.1]))
    assert found["w2"] > 0 and set(found["sources"]) == {"start", "truncation", "discretisation", "score"}
    finer = langevin.analyze(langevin.Plan("ddim", "vp", steps=40), np.array([1.0, 0.5, 0.1]))
    assert finer["w2"] < found["w2"]


def test_a_density_is_a_model():
    density = langevin.Density("gaussian")
    points = density.sample(20_000, seed=3)
    # Mean (0.5, −0.25), covariance (1, 0.6; 0.6, 0.5): five standard errors.
    assert np.allclose(points.mean(0), [0.5, -0.25], atol=5 / 20_000**0.5)
    x = points[:4]
    residual = x - [0.5, -0.25]
    inverse = np.linalg.inv([[1, 0.6], [0.6, 0.5]])
    exact = -0.5 * np.einsum("ni,ij,nj->n", residual, inverse, residual) - np.log(2 * np.pi) - 0.5 * np.log(0.14)
    assert np.allclose(density.log_density(x), exact, atol=1e-12)


@pytest.mark.parametrize("call", [
    lambda: langevin.Process("vpp"),
    lambda: langevin.Prediction("epsilom"),
    lambda: langevin.Plan("ddmi", "vp"),
    lambda: langevin.Plan("ddim", "vp", grid="karas"),
    lambda: langevin.Density("mons"),
])
def test_an_unknown_name_has_a_hint(call):
    with pytest.raises(langevin.UnknownNameError, match="did you mean"):
        call()


def test_errors_are_one_tree():
    for kind in (langevin.ArgumentError, langevin.UnknownNameError, langevin.ShapeError, langevin.ModelError):
        assert issubclass(kind, langevin.Error) and issubclass(kind, ValueError)
    with pytest.raises(langevin.Error):
        langevin.Plan("ddim", "vp", steps=0)
    with pytest.raises(langevin.FormatError):
        langevin.Plan.from_json("{}")


@pytest.mark.parametrize("delta", [0.0, 0.02])
def test_recommend_is_the_command_line_s(tmp_path, delta):
    spectrum = "power:1:d=8"
    ranking = langevin.recommend(spectrum, 9, "vp", samplers=["ddim", "heun", "dpmpp-2m"], grids=["karras", "uniform-lambda"], score_error=delta)
    command = f"recommend --spectrum {spectrum} --nfe 9 --sampler ddim,heun,dpmpp-2m --grid karras,uniform-lambda --score-error {delta} --json --out {tmp_path}/p.json"
    out = subprocess.run([sys.executable, "-m", "langevin", *command.split()], capture_output=True, text=True, check=True)
    document = json.loads(out.stdout)
    assert [(one.sampler, one.grid, one.steps, one.w2, one.kl) for one in ranking.candidates] == [
        (one["sampler"], one["grid"], one["steps"], one["w2"], one["kl"]) for one in document["results"]
    ]
    assert ranking.why == document["why"] and ranking.plans == document["plans"]
    assert (tmp_path / "p.json").read_text() == ranking.best.plan.to_json()
    assert ranking.best.sampler in str(ranking) and ranking.best.nfe <= 9
    assert set(ranking.best.sources) == {"start", "truncation", "discretisation", "score"}


def test_recommend_for_a_network_and_for_rows():
    network = langevin.Formulation("ve", "epsilon", sigma_min=0.05, sigma_max=20.0)
    rows = np.random.default_rng(0).normal(size=(200, 6)) * np.arange(1, 7)
    best = langevin.recommend(rows, 10, network=network, by="kl").best
    assert best.plan.network == network and best.plan.sigmas.max() <= 20.0 * (1 + 1e-9)
    assert best.kl == langevin.analyze(best.plan, rows)["kl"]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"by": "w3"}, "'w2' or 'kl'"),
        ({"samplers": ["ddmi"]}, "did you mean 'ddim'"),
        ({"grids": ["karas"]}, "did you mean 'karras'"),
        ({"samplers": ["ddim-inversion"]}, "nothing fits"),
        ({"config": {"_class_name": "DDIMScheduler"}, "grids": ["karras"]}, "a config brings its own"),
        ({"config": {"_class_name": "DDIMSchedule"}}, "did you mean"),
    ],
)
def test_recommend_refuses(options, words):
    with pytest.raises(langevin.Error, match=words):
        langevin.recommend("power:1:d=4", 5, **options)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A network of three columns of very different units, trained for a moment."""
    folder = tmp_path_factory.mktemp("table")
    rows = np.random.default_rng(1).normal(size=(300, 3)) * [1.0, 1000.0, 1e-3] + [0.0, 5e4, 1.0]
    np.savetxt(folder / "rows.csv", rows, delimiter=",", header="a,b,c", comments="")
    command = ["train", "--data", folder / "rows.csv", "--steps", "30", "--width", "16", "--out", folder / "m.safetensors"]
    subprocess.run([sys.executable, "-m", "langevin", *map(str, command)], check=True, capture_output=True)
    return folder, rows


def test_recommend_scales_rows_as_a_training_does(table):
    folder, rows = table
    units = [1.0, 1e6, 1e-3]
    one, other = (langevin.recommend(x, 10) for x in (rows, (rows + 10.0) * units))
    assert [(a.sampler, a.grid) for a in one.candidates[:5]] == [(a.sampler, a.grid) for a in other.candidates[:5]]
    # Standardised in f64, the rows have the same covariance to single precision of the scale.
    assert one.best.w2 == pytest.approx(other.best.w2, rel=1e-4)
    standard = (rows - rows.mean(0)) / rows.std(0)
    assert one.best.w2 == pytest.approx(langevin.analyze(one.best.plan, standard, raw=True)["w2"], rel=1e-5)
    assert one.best.w2 == pytest.approx(langevin.analyze(one.best.plan, rows)["w2"], rel=1e-12)
    # Raw, the widest column is all there is, and no start reaches it.
    raw = langevin.recommend(rows * [1, 1e3, 1], 10, raw=True)
    assert any("says little" in why for why in raw.why) and not any("says little" in why for why in one.why)
    # The command line says the same.
    command = ["recommend", "--data", folder / "rows.csv", "--nfe", "10", "--json"]
    out = subprocess.run([sys.executable, "-m", "langevin", *map(str, command)], capture_output=True, text=True, check=True)
    theirs = json.loads(out.stdout)["results"]
    assert [(a.sampler, a.grid) for a in one.candidates[:5]] == [(a["sampler"], a["grid"]) for a in theirs[:5]]
    assert one.best.typical == pytest.approx(theirs[0]["typical"], rel=1e-4)


def test_recommend_for_a_network_of_ours(table):
    folder, rows = table
    network = langevin.Network(folder / "m.safetensors")
    own = langevin.recommend(network, 8)
    given = langevin.recommend(rows, 8, network=network)
    assert own.best.plan.network == network.formulation and own.best.w2 == pytest.approx(given.best.w2, rel=1e-4)
    tried = langevin.recommend(network, 8, measure=3)
    found = tried.measured
    assert own.measured is None and len(found["trials"]) == 3
    nearest = min(found["trials"], key=lambda trial: trial["rms"])
    assert (tried.best.sampler, tried.best.grid) == (nearest["sampler"], nearest["grid"])
    assert found["reference_error"] < nearest["rms"]
    tuned = langevin.recommend(network, 4, tune=True).tuned
    assert tried.tuned is None and tuned.plan.nfe == 4 and tuned.plan.network == network.formulation


def test_samples_of_a_network_are_data(table):
    folder, rows = table
    network = langevin.Network(str(folder / "m.safetensors"))
    plan = langevin.Plan("dpmpp-2m", steps=8, network=network.formulation)
    data = plan.run(network, (200, 3), 4)
    model = plan.run(network, (200, 3), 4, units="model")
    assert np.array_equal(network.denormalize(model), data)
    # Barely trained: the mean of the second column is near 50,000, far from 0.
    assert abs(data[:, 1].mean() - 5e4) < 5e3 and abs(model[:, 1].mean()) < 5
    # A run with a callback is the same run.
    slow = plan.run(network, (200, 3), 4, callback=lambda step: None)
    assert np.allclose(slow, data, rtol=1e-4)
    out = folder / "s.npy"
    command = ["sample", folder / "m.safetensors", "--steps", "20", "-n", "50", "--seed", "3", "--out", out]
    subprocess.run([sys.executable, "-m", "langevin", *map(str, command)], check=True, capture_output=True)
    assert np.array_equal(network.sample(50, 3), np.load(out))


def test_a_network_draws_its_classes(tmp_path):
    def command(*arguments):
        subprocess.run([sys.executable, "-m", "langevin", *map(str, arguments)], cwd=tmp_path, check=True, capture_output=True)

    small = ["--steps", 30, "--width", 16, "--depth", 1]
    command("train", "--data", "digits", "--conditional", *small, "--out", "m.safetensors")
    command("sample", "m.safetensors", "--class", "7", "-n", 8, "--seed", 3, "--out", "s.npy")
    sevens = langevin.Network(tmp_path / "m.safetensors", class_labels=7)
    assert sevens.classes == [str(digit) for digit in range(10)]
    assert np.array_equal(sevens.sample(8, 3), np.load(tmp_path / "s.npy"))
    # Guidance has the class on one branch and none on the other.
    command("sample", "m.safetensors", "--class", "7", "--guidance", 2, "--sampler", "ddim", "--steps", 4, "-n", 8, "--out", "g.npy")
    plan = langevin.Plan("ddim", steps=4, guidance=2.0, network=sevens.formulation)
    assert np.array_equal(plan.run(sevens, (8, *sevens.shape)), np.load(tmp_path / "g.npy"))
    with pytest.raises(langevin.ArgumentError, match=r"unknown class \(class_labels\): expected 0, 1"):
        langevin.Network.load(tmp_path / "m.safetensors", class_labels="ten")
    with pytest.raises(langevin.ArgumentError, match="class_labels has no effect here"):
        langevin.Network.load(tmp_path / "m.onnx", class_labels=1)


def test_a_network_says_how_it_is_used(table):
    network = langevin.Network.load(table[0] / "m.safetensors")
    for call in (lambda: network.predict(np.zeros((2, 3))), lambda: network.predict(np.zeros((2, 3)), 0.5)):
        with pytest.raises(langevin.Error, match=r"process\.level\(time\)"):
            call()
    level = network.formulation.process.level(0.5)
    assert network.predict(np.zeros((2, 3)), level).shape == (2, 3)
    with pytest.raises(langevin.Error, match="recommend\\(data, nfe=10\\)"):
        langevin.recommend(network)
    with pytest.raises(langevin.Error, match="no model to try plans on"):
        langevin.recommend("power:1:d=4", 5, measure=2)
    with pytest.raises(langevin.Error, match=r"no model to try plans on \(tune\)"):
        langevin.recommend("power:1:d=4", 5, tune=True)
    with pytest.raises(langevin.Error, match="expected a Formulation or a Network, got str"):
        langevin.recommend("power:1:d=4", 5, network="vp")
    with pytest.raises(langevin.Error, match="returns the denoised prediction"):
        langevin.Plan("ddim", "vp").run("no model", (2, 2))
    assert "denoised prediction" in langevin.Plan.run.__doc__


@pytest.mark.parametrize("call, near", [
    (lambda: langevin.Plan("dpmpp-2m", "vp", stesp=20), "steps"),
    (lambda: langevin.Plan("ddim", "vp").run(langevin.Density("moons"), (2, 2), sedd=1), "seed"),
    (lambda: langevin.Plan("ddim", "vp").start((2, 2), dtpye="float64"), "dtype"),
    (lambda: langevin.recommend("power:1:d=4", nef=5), "nfe"),
    (lambda: langevin.analyze(langevin.Plan("ddim", "vp"), [1.0], score_eror=0.1), "score_error"),
    (lambda: langevin.Plan.from_diffusers({"_class_name": "DDIMScheduler"}, step=5), "steps"),
])
def test_a_misspelt_keyword_has_a_hint(call, near):
    for kind in (langevin.KeywordError, langevin.Error, TypeError):
        with pytest.raises(kind, match=f"did you mean '{near}'"):
            call()


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpmpp-2m", "dpmpp-sde", "heun"])
def test_an_emitted_program_returns_the_same_bits(sampler):
    plan, names = langevin.Plan(sampler, "vp", steps=5, sigma_min=0.01, sigma_max=20), {}
    exec(plan.emit("numpy"), names)
    seed = 2**33 + 7
    got = names["sample"](lambda x, time, alpha, sigma, unconditional: 0.5 * x, seed, range(3), 5)
    assert np.array_equal(got, plan.run(lambda x, query: 0.5 * x, (3, 5), seed=seed, dtype="float64"))
