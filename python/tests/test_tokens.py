"""Plans and models of tokens: the same samples as the command line, from any network in Python."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import langevin
from langevin import TokenDensity, TokenModel, TokenNetwork, TokenPlan

CHAIN = TokenDensity("chain:3x5")
MASKED = ["ancestral", "euler", "row:rho=0.9", "remask", "forward-backward", "psi", "theta-trapezoidal", "first-hitting", "sizes", "cosine",
          "halton", "confidence:gumbel=0.5,anneal=true", "margin", "entropy", "entropy-bound", "threshold", "blocks"]  # fmt: skip


def command(*arguments, folder=None):
    done = subprocess.run([sys.executable, "-m", "langevin", *map(str, arguments)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a small network on names."""
    folder = tmp_path_factory.mktemp("tokens")
    command("train", "--data", "names", "--noise", "masked", "--steps", 3, "--batch", 16, "--width", 16, "--depth", 1, "--out", "tokens.safetensors", folder=folder)
    return folder


@pytest.fixture(scope="module")
def network(folder):
    return TokenNetwork(folder / "tokens.safetensors")


def exact(model, sigma=0.5):
    """The exact prediction of a density as a function of tokens, at a survival that masked noise does not see."""
    return lambda tokens: model.predict(tokens, sigma)


# Plans


@pytest.mark.parametrize("sampler", MASKED)
def test_a_plan_has_the_samples_of_the_command_line(sampler, tmp_path):
    command("sample", "--exact", "chain:3x5", "--sampler", sampler, "-n", 40, "--seed", 7, "--out", tmp_path / "out.npy")
    plan = TokenPlan(sampler, vocab=3, length=5)
    samples = plan.run(CHAIN, 40, seed=7)
    assert samples.dtype == np.int64 and samples.shape == (40, 5)
    assert (samples == np.load(tmp_path / "out.npy")).all()
    # The same prediction through a function in Python, in batches of another size.
    model = TokenModel(exact(CHAIN), vocab=3, length=5, output="probabilities", batch=7)
    assert (model.sample(40, seed=7, sampler=plan) == samples).all()


def test_every_sampler_of_the_listing_compiles():
    names = langevin.samplers("tokens")
    assert "gibbs" in names and "dpmpp-2m" not in names and "dpmpp-2m" in langevin.samplers()
    for name in names:
        noise = "uniform" if name == "gibbs" else "masked"
        plan = TokenPlan(name, vocab=3, length=5, noise=noise)
        assert plan.nfe == len(plan) > 0 and plan.noise == noise


def test_documents_read_back_in_either_class(tmp_path):
    plan = TokenPlan("sizes", vocab=3, length=5, sizes=[1, 4], order=[4, 0, 1, 2, 3], temperature=0.7)
    plan.save(tmp_path / "plan.json")
    for back in [TokenPlan.from_json(plan.to_json()), TokenPlan.load(tmp_path / "plan.json"), langevin.Plan.load(tmp_path / "plan.json"),
                 langevin.Plan.from_json(plan.to_json()), pickle.loads(pickle.dumps(plan))]:  # fmt: skip
        assert type(back) is TokenPlan and back.to_json() == plan.to_json() and str(back) == str(plan)
    continuous = langevin.Plan("ddim", steps=3)
    assert type(langevin.Plan.from_json(continuous.to_json())) is langevin.Plan
    assert type(pickle.loads(pickle.dumps(continuous))) is langevin.Plan
    with pytest.raises(langevin.FormatError):
        TokenPlan.from_json(continuous.to_json())


def test_options_are_those_of_the_command_line():
    plan = TokenPlan("confidence", vocab=3, length=8, steps=4, gumbel=4.5, anneal=True, grid="cosine", top_k=2)
    assert plan.is_same(TokenPlan("maskgit:steps=4,gumbel=4.5,anneal=true,grid=cosine,top-k=2", vocab=3, length=8))
    listed = TokenPlan("ancestral", vocab=3, length=8, grid=[0, 0.25, 1])
    assert listed.alphas.tolist() == [0, 0.25] and listed.sizes is None
    assert TokenPlan("first-hitting", vocab=3, length=3).sizes == [1, 1, 1]
    assert TokenPlan("ancestral", vocab=2, length=3, noise=[0.25, 0.75]).noise == [0.25, 0.75]
    assert TokenPlan(vocab=2, length=3).mask == 2 and TokenPlan(vocab=2, length=3, noise="uniform").mask is None


def test_plans_are_compared_and_linted():
    one, two = (TokenPlan(name, vocab=3, length=5, steps=4) for name in ("ancestral", "row:rho=0.9"))
    found = one.compare(two)
    assert not found.same and "different" in str(found) and found.first
    assert one.lint() == [] and "drawn-token" in TokenPlan("confidence", vocab=3, length=5, steps=2).lint()[0]


def test_laws_and_errors_are_exact():
    # docs/discrete.md has the figures.
    figures = {"ancestral": 0.0265, "sizes": 0.0046, "entropy": 0.0857, "confidence": 1.5427}
    for name, kl in figures.items():
        found = TokenPlan(name, vocab=3, length=5, steps=4).analyze("chain:3x5")
        assert found["kl"] == pytest.approx(kl, abs=5e-5) and found["nfe"] == 4
    plan = TokenPlan("sizes", vocab=3, length=5, steps=4)
    law = plan.law(CHAIN)
    p = CHAIN.probabilities()
    assert law.shape == (3,) * 5 and law.sum() == pytest.approx(1, abs=1e-12)
    assert (p * np.log(p / law)).sum() == pytest.approx(plan.analyze(CHAIN)["kl"], abs=1e-12)
    # The law of a network in Python, and the share of samples: 4 standard errors.
    same = plan.law(TokenModel(exact(CHAIN), vocab=3, length=5, output="probabilities"))
    assert abs(same - law).max() < 1e-12
    samples = plan.run(CHAIN, 20_000, seed=3)
    share, q = (samples[:, 2] == 1).mean(), law.sum((0, 1, 3, 4))[1]
    assert abs(share - q) < 4 * np.sqrt(q * (1 - q) / 20_000)


# Networks in Python


def test_samples_depend_on_seed_and_index_alone():
    calls = []

    def net(tokens):
        calls.append(len(tokens))
        return CHAIN.predict(tokens, 0.5)

    def model(batch):
        return TokenModel(net, vocab=3, length=5, output="probabilities", batch=batch)

    whole = model(None).sample(50, seed=4, sampler="confidence", gumbel=1.0, steps=3)
    assert calls == [50, 50, 50]
    assert (model(7).sample(50, seed=4, sampler="confidence", gumbel=1.0, steps=3) == whole).all()
    assert (model(7).sample(20, seed=4, first=30, sampler="confidence", gumbel=1.0, steps=3) == whole[30:]).all()
    assert (model(None).sample(50, seed=5) != model(None).sample(50, seed=4)).any()
    assert (model(None).sample(9, seed=None) >= 0).all()


class Output:
    def __init__(self, logits):
        self.logits = logits


def test_outputs_of_every_form_are_the_same():
    d = exact(CHAIN)
    # An order that looks at predictions could break ties between equal entropies by a last bit.
    plan = TokenPlan("halton", vocab=3, length=5, steps=3)

    def logits(tokens):
        with np.errstate(divide="ignore"):
            return np.log(d(tokens)) + 3.0

    # Logits of the mask that would win are ignored.
    wide = lambda tokens: np.concatenate([logits(tokens), np.full((*tokens.shape, 1), 50.0)], -1)  # noqa: E731
    half = lambda tokens: np.concatenate([0.995 * d(tokens), np.full((*tokens.shape, 1), 0.005)], -1)  # noqa: E731
    expected = TokenModel(d, vocab=3, length=5, output="probabilities").sample(200, seed=1, sampler=plan)
    for net, output in [(logits, "logits"), (wide, "logits"), (lambda x: Output(logits(x)), "logits"), (lambda x: (logits(x), None), "logits"), (half, "probabilities")]:
        assert (TokenModel(net, vocab=3, length=5, output=output).sample(200, seed=1, sampler=plan) == expected).all()
    assert (plan.run(logits, 200, seed=1) == expected).all()
    # Logits in single precision: 600 draws differ with a chance of about 1e-7 each.
    assert (TokenModel(lambda x: logits(x).astype(np.float32), vocab=3, length=5).sample(200, seed=1, sampler=plan) == expected).all()


@pytest.mark.parametrize("mask", [0, 1, 3, 9])
def test_the_mask_may_have_any_identifier(mask):
    plan = TokenPlan("ancestral", vocab=3, length=5, steps=3)
    letters = [one for one in range(4) if one != mask][:3]
    inner = TokenModel(exact(CHAIN), vocab=3, length=5, output="probabilities")
    table = np.full(max(mask, 3) + 1, -1)
    table[letters], table[mask] = [0, 1, 2], 3

    def net(tokens):
        assert set(np.unique(tokens)) <= {*letters, mask}
        return inner.predict(table[tokens], 0.5) if mask >= 3 else with_column(inner.predict(table[tokens], 0.5))

    def with_column(d):
        return np.insert(d, mask, 0.0, axis=-1)

    model = TokenModel(net, vocab=3, length=5, output="probabilities", mask=mask)
    assert model.mask == mask
    samples = model.sample(50, seed=2, sampler=plan)
    assert (table[samples] == inner.sample(50, seed=2, sampler=plan)).all()
    filled = model.sample(4, start=[letters[2], mask, mask, mask, letters[0]])
    assert (filled[:, 0] == letters[2]).all() and (filled[:, 4] == letters[0]).all()
    assert model.likelihood(samples, exact=True).mean == pytest.approx(inner.likelihood(table[samples], exact=True).mean)


def test_forbidden_letters_are_never_drawn():
    net = lambda tokens: np.tile([0.0, 5.0, 0.0], (*tokens.shape, 1))  # noqa: E731
    samples = TokenModel(net, vocab=3, length=5, forbid=[1]).sample(100)
    assert set(np.unique(samples)) == {0, 2}


@pytest.mark.parametrize("noise", ["uniform", [0.5, 0.3, 0.2]])
@pytest.mark.parametrize("prediction", ["posterior", "leave-one-out", "score"])
def test_levels_and_parameterizations(noise, prediction):
    chain = TokenDensity("chain:3x5", noise)
    pi = np.full(3, 1 / 3) if noise == "uniform" else np.asarray(noise)
    seen = []

    def net(tokens, query):
        seen.append(query.alpha[0])
        assert query.branch == "main" and len(query.rows) == len(tokens) == len(query.alpha)
        d = chain.predict(tokens, float(query.alpha[0]))
        a = query.alpha[:, None, None]
        if prediction == "leave-one-out":
            return d
        if prediction == "posterior":
            p = d * (a * (tokens[..., None] == np.arange(3)) + (1 - a) * pi[tokens][..., None])
            return p / p.sum(-1, keepdims=True)
        law = a * d + (1 - a) * pi
        return law / np.take_along_axis(law, tokens[..., None], -1)

    model = TokenModel(net, vocab=3, length=5, noise=noise, prediction=prediction, output="probabilities")
    # A score says nothing at survival 0, so the first level is left out.
    plan = TokenPlan("ancestral", vocab=3, length=5, noise=noise, steps=4)
    if prediction == "score":
        with pytest.raises(langevin.SingularError, match="survival above 0"):
            model.sample(2, sampler=plan)
        return
    # 5000 draws whose probabilities differ in the last digits.
    assert (model.sample(250, seed=3, sampler=plan) == plan.run(chain, 250, seed=3)).all()
    assert seen[:4] == [0, 0.25, 0.5, 0.75]


def test_a_network_on_levels_receives_its_time():
    seen = {}

    def net(tokens, time):
        seen.setdefault(tokens.shape, time)
        return np.zeros((*tokens.shape, 3))

    def at(time):
        seen.clear()
        TokenModel(net, vocab=3, length=5, time=time).predict(np.full((2, 5), 3), 0.25)
        return seen[2, 5].tolist()

    assert at("survival") == [0.25] * 2 and at("noise") == [0.75] * 2
    assert at(lambda alpha: -np.log(alpha)) == pytest.approx([-np.log(0.25)] * 2)


def test_guidance_asks_both_branches():
    branches = []

    def net(tokens, query):
        branches.append(query.branch)
        return np.tile([0.0, 1.0 if query.branch == "main" else 0.0, 0.0], (*tokens.shape, 1))

    model = TokenModel(net, vocab=3, length=5)
    model.sample(4, steps=1, guidance=2.0)
    assert branches == ["main", "unconditional"]
    # ln D guided = 2 ln D − ln D_uncond, so the logit of letter 1 doubles.
    p = TokenPlan("sizes:steps=1", vocab=3, length=1, guidance=2.0).law(model.with_length(1))
    assert p == pytest.approx(np.exp([0, 2, 0]) / (2 + np.exp(2)), abs=1e-12)


def test_gaps_are_filled():
    start = np.array([2, 3, 3, 3, 1])
    samples = TokenModel(exact(CHAIN), vocab=3, length=5, output="probabilities").sample(2000, seed=1, start=start, sampler="first-hitting")
    assert (samples[:, [0, 4]] == [2, 1]).all()
    # The law of the second token given both ends, within 4 standard errors.
    p = CHAIN.probabilities()[2, :, :, :, 1]
    q = p.sum((1, 2)) / p.sum()
    share = np.bincount(samples[:, 1], minlength=3) / 2000
    assert (abs(share - q) < 4 * np.sqrt(q * (1 - q) / 2000)).all()
    plan = TokenPlan("first-hitting", vocab=3, length=5)
    assert (plan.run(CHAIN, 2000, seed=1, start=start) == samples).all()
    rows = np.tile(np.arange(2)[:, None], (1, 5))
    keep = np.array([[True, False, False, False, False], [False, False, False, False, True]])
    both = plan.run(CHAIN, 2, start=rows, keep=keep)
    assert both[0, 0] == 0 and both[1, 4] == 1
    assert (plan.run(CHAIN, 9, start=[0, 1, 2, 0, 1], keep="2-3,5")[:, [1, 2, 4]] == [1, 2, 1]).all()


def test_a_run_by_hand_is_the_run():
    plan = TokenPlan("confidence", vocab=3, length=5, steps=3, gumbel=1.0)
    run = plan.start(10, seed=6)
    levels = []
    while (query := run.query()) is not None:
        levels.append(query.alpha[0])
        run.supply(CHAIN.predict(query.x, query.alpha[0]))
    assert (run.finish() == plan.run(CHAIN, 10, seed=6)).all()
    assert levels == plan.alphas.tolist()
    with pytest.raises(langevin.ArgumentError, match="finished"):
        run.query()


def test_a_run_takes_tokens_and_random_numbers_of_others():
    plan = TokenPlan("sizes", vocab=3, length=5, sizes=[2, 3], order="left")
    run = plan.start(1)
    run.record(0, np.full((1, 5), 0.999))  # the last letter everywhere
    run.supply(np.zeros((1, 5, 3)), output="logits") if run.query() else None
    assert run.query().x.tolist() == [[2, 2, 3, 3, 3]]
    run.replace([[0, 1, 3, 3, 3]])
    run.record(1, np.full((1, 5), 0.001))
    run.supply(np.zeros((1, 5, 3)), output="logits")
    assert run.finish().tolist() == [[0, 1, 0, 0, 0]]
    with pytest.raises(langevin.ArgumentError, match="between 0 and 1"):
        plan.start(1).record(0, np.ones((1, 5)))


# Model files


def test_a_model_file_has_the_samples_of_the_command_line(network, folder):
    for name in ("out.npy", "out.txt"):
        command("sample", "tokens.safetensors", "-n", 20, "--seed", 5, "--sampler", "entropy", "--steps", 4, "--out", name, folder=folder)
    samples = network.sample(20, seed=5, sampler="entropy", steps=4)
    assert (samples == np.load(folder / "out.npy")).all()
    assert network.decode(samples) == (folder / "out.txt").read_text().splitlines()
    # The same network as a function in Python, with the bits of the file.
    model = TokenModel(lambda x: network.predict(x, 0.5), vocab=network.vocab, length=network.length, output="probabilities", batch=3)
    assert (model.sample(20, seed=5, sampler="entropy", steps=4) == samples).all()
    assert len(network.letters) == network.vocab and network.parameters > 0
    assert (pickle.loads(pickle.dumps(network)).sample(2) == network.sample(2)).all()


def test_gaps_of_a_text_are_filled(network, folder):
    (folder / "start.txt").write_text("marianne\n")
    command("sample", "tokens.safetensors", "--from", "start.txt", "--keep", "1-3", "-n", 5, "--sampler", "first-hitting", "--out", "mar.txt", folder=folder)
    names = network.decode(network.sample(5, start="marianne", keep="1-3", sampler="first-hitting"))
    assert names == (folder / "mar.txt").read_text().splitlines() and all(name.startswith("mar") for name in names)


def test_likelihoods_are_those_of_the_command_line(network, folder):
    data = ["anna", "otto", "eve", "bob"]
    (folder / "data.txt").write_text("\n".join(data) + "\n")
    for flags, keywords in [([], {}), (["--levels", 3], {"rounds": 3}), (["--exact"], {"exact": True})]:
        shown = json.loads(command("likelihood", "tokens.safetensors", "--data", "data.txt", *flags, "--json", folder=folder))
        found = network.likelihood(data, **keywords)
        assert found.mean == pytest.approx(shown["nats_mean"], rel=1e-15) and found.kind == shown["kind"]
        assert found.bits_per_token == pytest.approx(shown["bits_per_token"], rel=1e-15)
        assert found.evaluations == shown["nfe"] and len(found.nats) == 4


def test_files_are_opened_by_their_kind(network, folder):
    path = folder / "tokens.safetensors"
    assert isinstance(langevin.Network.load(path), TokenNetwork)
    with pytest.raises(langevin.ArgumentError, match="TokenNetwork"):
        langevin.Network(path)
    command("train", "--data", "moons", "--steps", 3, "--width", 8, "--depth", 1, "--out", "moons.safetensors", folder=folder)
    with pytest.raises(langevin.ArgumentError, match="langevin.Network"):
        TokenNetwork(folder / "moons.safetensors")
    with pytest.raises(langevin.ArgumentError, match="TokenDensity"):
        langevin.Density("chain:3x5")
    assert network.encode("anna").shape == (1, network.length)
    with pytest.raises(langevin.ArgumentError, match="not in the vocabulary"):
        network.encode("Ä")


SMALL = ["--noise", "masked", "--steps", 3, "--batch", 16, "--width", 16, "--depth", 1]


def test_graphs_are_tokens(folder):
    # All graphs of three nodes in graph6.
    (folder / "graphs.g6").write_text("B?\nBG\nBW\nBw\n" * 12)
    command("train", "--data", "graphs.g6", *SMALL, "--out", "graphs.safetensors", folder=folder)
    graphs = langevin.Network.load(folder / "graphs.safetensors")
    assert isinstance(graphs, TokenNetwork) and graphs.vocab == 2 and graphs.length == 3
    command("sample", "graphs.safetensors", "-n", 9, "--seed", 2, "--sampler", "first-hitting", "--out", "out.g6", folder=folder)
    samples = graphs.sample(9, seed=2, sampler="first-hitting")
    assert graphs.decode(samples) == (folder / "out.g6").read_text().split() and (graphs.encode(graphs.decode(samples)) == samples).all()
    assert graphs.likelihood(["Bw", "B?"], exact=True).evaluations == 8
    with pytest.raises(langevin.ArgumentError, match="no columns|not of a table"):
        graphs.table(samples)


def rows_of(path):
    """The columns of a file of comma-separated values, by their names."""
    names, *rows = [line.split(",") for line in path.read_text().splitlines()]
    return {name: np.array(column) for name, column in zip(names, zip(*rows))}


def test_tables_are_columns(folder):
    rows = [f"{['rose', 'daisy'][i % 2]},{20 * (i % 2) + i / 8},{i % 3}" for i in range(80)]
    (folder / "mixed.csv").write_text("kind,length,petals\n" + "\n".join(rows) + "\n")
    command("train", "--data", "mixed.csv", *SMALL, "--out", "mixed.safetensors", folder=folder)
    network = langevin.Network.load(folder / "mixed.safetensors")
    assert isinstance(network, langevin.TableNetwork) and network.parameters > 0 and "1 column of numbers" in repr(network)
    assert network.columns == {"kind": ["daisy", "rose"], "length": None, "petals": ["0", "1", "2"]}
    for flags, keywords in [([], {}), (["--steps", 3, "--sampler", "ddim"], {"steps": 3, "sampler": "ddim"})]:
        command("sample", "mixed.safetensors", "-n", 30, "--seed", 4, *flags, "--out", "mixed-out.csv", folder=folder)
        written, samples = rows_of(folder / "mixed-out.csv"), network.sample(30, seed=4, **keywords)
        assert list(samples) == ["kind", "length", "petals"]
        assert (samples["kind"] == written["kind"]).all() and (samples["petals"] == written["petals"]).all()
        assert (samples["length"] == written["length"].astype(float)).all() and samples["length"].dtype == np.float64
    part = network.sample(5, seed=4, first=25, steps=3, sampler="ddim")
    assert all((part[name] == samples[name][25:]).all() for name in samples)
    report = network.evaluate(folder / "mixed.csv", steps=3)
    shown = json.loads(command("evaluate", "mixed.safetensors", "--data", "mixed.csv", "--steps", 3, "--json", folder=folder))
    assert report["measures"] == {one["name"]: (one["samples"], one["copula"], one["real"]) for one in shown["measures"]}
    assert "copula" in str(report) and report["nfe"] == shown["nfe"] == 3
    assert (pickle.loads(pickle.dumps(network)).sample(2, steps=2)["kind"] == network.sample(2, steps=2)["kind"]).all()
    assert network.formulation.process.name
    for task, kind, words in [
        (lambda: TokenNetwork(folder / "mixed.safetensors"), langevin.ArgumentError, "TableNetwork"),
        (lambda: langevin.Network(folder / "mixed.safetensors"), langevin.ArgumentError, "TableNetwork"),
        (lambda: langevin.TableNetwork(folder / "tokens.safetensors"), langevin.ArgumentError, "Network.load"),
        (lambda: network.sample(2, sampler="heun"), langevin.ArgumentError, "falling noise levels"),
        (lambda: network.sample(2, stesp=3), langevin.KeywordError, "steps"),
        (lambda: network.sample(2, sampler="ddmi"), langevin.UnknownNameError, "ddim"),
        (lambda: network.evaluate(folder / "none.csv"), langevin.ArgumentError, "no such file"),
    ]:
        with pytest.raises(kind, match=words):
            task()


def test_categories_are_tokens_and_columns(folder):
    (folder / "flags.csv").write_text("colour,stripes\n" + "".join(f"{['red', 'blue'][i % 2]},{['one', 'two', 'three'][i % 3]}\n" for i in range(60)))
    command("train", "--data", "flags.csv", *SMALL, "--out", "flags.safetensors", folder=folder)
    network = langevin.Network.load(folder / "flags.safetensors")
    assert isinstance(network, TokenNetwork) and network.length == 2
    command("sample", "flags.safetensors", "-n", 12, "--seed", 1, "--sampler", "first-hitting", "--out", "flags-out.csv", folder=folder)
    written, samples = rows_of(folder / "flags-out.csv"), network.sample(12, seed=1, sampler="first-hitting")
    found = network.table(samples)
    assert all((found[name] == written[name]).all() for name in written) and list(found) == list(written)
    assert network.decode(samples)[0] == f"{found['colour'][0]}, {found['stripes'][0]}"
    assert network.likelihood(["red, two"], exact=True).nats[0] > 0


def test_classes_are_those_of_the_command_line(folder):
    rows = [f"{['rose', 'daisy'][i % 2]},{['one', 'two', 'three'][i % 2 + (i % 4 == 3)]},{20 * (i % 2) + i / 8}\n" for i in range(80)]
    (folder / "classes.csv").write_text("kind,petals,length\n" + "".join(rows))
    small = ["--noise", "masked", "--steps", 60, "--batch", 16, "--width", 16, "--depth", 1]
    categories = lambda network: network.table(network.sample(40, seed=2))["petals"]
    numbers = lambda network: network.sample(40, seed=2)["length"].astype(str)
    for name, drop, column, drawn in [("categories", ["--drop", "length"], "petals", categories), ("both", [], "length", numbers)]:
        path = folder / f"{name}.safetensors"
        command("train", "--data", "classes.csv", "--label-column", "kind", "--conditional", *drop, *small, "--out", path, folder=folder)
        command("sample", path, "-n", 40, "--seed", 2, "--class", "rose", "--class", "daisy", "--out", "classes-out.csv", folder=folder)
        written = rows_of(folder / "classes-out.csv")[column]
        if column == "length":
            written = written.astype(float).astype(str)
        network = langevin.Network.load(path, class_labels=["rose", "daisy"])
        assert sorted(network.classes) == ["daisy", "rose"] and (drawn(network) == written).all()
        labels = [network.classes.index(label) for label in ("rose", "daisy")]
        for same in (type(network)(path, class_labels=labels), pickle.loads(pickle.dumps(network))):
            assert (drawn(same) == written).all()
        # The classes are taken in turn.
        other = drawn(langevin.Network.load(path, class_labels="daisy"))
        assert (other != written).any() and (other[1::2] == written[1::2]).all()
        with pytest.raises(langevin.ArgumentError, match=r"unknown class \(class_labels\).*'rosy'\n.*'rose'"):
            type(network)(path, class_labels="rosy")
    for labels in (0.5, [[1]], [None]):
        with pytest.raises(langevin.ArgumentError, match="class_labels"):
            TokenNetwork(folder / "categories.safetensors", class_labels=labels)
    with pytest.raises(langevin.ArgumentError, match="has no classes"):
        TokenNetwork(folder / "tokens.safetensors", class_labels=0)


# Measures


def test_likelihoods_of_a_network_in_python():
    model = TokenModel(exact(CHAIN), vocab=3, length=5, output="probabilities", batch=100)
    data = CHAIN.sample(300, seed=1)
    exactly = model.likelihood(data, exact=True)
    assert abs(exactly.nats + CHAIN.log_probability(data)).max() < 1e-12
    bound, own = model.likelihood(data, seed=2), CHAIN.likelihood(data, seed=2)
    assert abs(bound.nats - own.nats).max() < 1e-12 and len(bound.profile) == 5
    # The bound of an exact model is tight on average.
    assert abs(bound.mean - exactly.mean) < 4 * (bound.nats - exactly.nats).std() / np.sqrt(300)
    uniform = TokenDensity("chain:3x5", "uniform")
    of_levels = TokenModel(lambda x, query: np.stack([uniform.predict(row[None], a)[0] for row, a in zip(x, query.alpha)]), vocab=3, length=5, noise="uniform",
                           prediction="leave-one-out", output="probabilities")  # fmt: skip
    assert abs(of_levels.likelihood(data[:5]).nats - uniform.likelihood(data[:5]).nats).max() < 1e-10


def test_plans_are_recommended():
    ranking = CHAIN.recommend(4)
    assert ranking.best.excess == (0.0, None) and "halton" in str(ranking)
    held_out = CHAIN.sample(64, seed=9)
    model = TokenModel(exact(CHAIN), vocab=3, length=5, output="probabilities")
    measured = model.recommend(4, held_out)
    assert measured.best.plan.nfe <= 4 and measured.best.excess[1] is not None
    with pytest.raises(langevin.ArgumentError, match="held-out"):
        model.recommend(4)
    tuned = CHAIN.tune(3)
    assert tuned.after[0] <= tuned.before[0] and tuned.plan.nfe == 3 and "excess" in str(tuned)


def test_samples_are_compared_with_data():
    data = CHAIN.sample(600, seed=1)
    good = CHAIN.evaluate(data, sampler="first-hitting")
    bad = CHAIN.evaluate(data, sampler="confidence", steps=5)
    name = "4-gram, nats a sequence"
    assert bad["measures"][name][0] < good["measures"][name][0] - 0.5  # repetition
    assert "entropy of pairs" in str(good) and good["count"] == 300 and good["nfe"] == 5


# Errors


def model_of(value, **settings):
    return TokenModel(lambda tokens: value(tokens) if callable(value) else value, vocab=3, length=5, **settings)


D = np.full((2, 5, 3), 1 / 3)


@pytest.mark.parametrize(
    "task, kind, words",
    [
        (lambda: model_of(D * np.nan).sample(2), langevin.ArgumentError, "row 0, token 0.*got NaN"),
        (lambda: model_of(D).sample(2), langevin.ArgumentError, "'probabilities'"),
        (lambda: model_of(2 * D, output="probabilities").sample(2), langevin.ArgumentError, "sum within 0.01 of 1, got 2"),
        (lambda: model_of(-D, output="probabilities").sample(2), langevin.ArgumentError, "none below 0, got -0.33"),
        (lambda: model_of(np.zeros((2, 5, 5))).sample(2), langevin.ShapeError, r"\(2, 5, 3 or 4\), got \[2, 5, 5\]"),
        (lambda: model_of(np.zeros((2, 4, 3))).sample(2), langevin.ShapeError, r"got \[2, 4, 3\]"),
        (lambda: model_of(np.zeros(2)).sample(2), langevin.ShapeError, r"got \[2\]"),
        (lambda: model_of(None).sample(2), langevin.ShapeError, "got NoneType"),
        (lambda: model_of(np.full((2, 5, 3), -np.inf)).sample(2), langevin.ArgumentError, "no letter has a positive probability"),
        (lambda: model_of(D, forbid=[5]), langevin.ArgumentError, "forbid"),
        (lambda: model_of(D, mask=1).likelihood([[0, 2, 3, 4, 0]]), langevin.ArgumentError, "unknown letter.*token 3"),
        (lambda: model_of(D, mask=1).predict([[0, 2, 3, 4, 0]], 0.5), langevin.ArgumentError, "unknown letter.*token 3"),
        (lambda: model_of(D, mask=-1), langevin.ArgumentError, "mask.*got -1"),
        (lambda: model_of(D, mask=2**40), langevin.ArgumentError, "mask"),
        (lambda: model_of(D, mask=3, noise="uniform"), langevin.ArgumentError, "masked noise only"),
        (lambda: model_of(D, noise="maskd"), langevin.UnknownNameError, "masked"),
        (lambda: model_of(D, prediction="posteror"), langevin.UnknownNameError, "posterior"),
        (lambda: model_of(D, output="probs"), langevin.ArgumentError, "'logits' or 'probabilities'"),
        (lambda: model_of(D, time="sigma"), langevin.ArgumentError, "'survival', 'noise'"),
        (lambda: model_of(D, batch=0), langevin.ArgumentError, "batch"),
        (lambda: TokenModel(lambda x, t: D, vocab=3, length=5), langevin.ArgumentError, "time='survival'"),
        (lambda: TokenModel(3, vocab=3, length=5), langevin.ArgumentError, "got int"),
        (lambda: TokenModel(lambda x: D, vocab=0, length=5), langevin.ArgumentError, "vocab"),
        (lambda: CHAIN.likelihood([[0, 1, 2, 3, 0]]), langevin.ArgumentError, "masked.*token 3"),
        (lambda: CHAIN.likelihood([[0, 1, 7, 2, 0]]), langevin.ArgumentError, "token 2.*0 to 2, got 7"),
        (lambda: CHAIN.likelihood([[0, 1]]), langevin.ShapeError, r"\(rows, 5\)"),
        (lambda: CHAIN.likelihood([[0, 1, 2, 0, 0.5]]), langevin.ShapeError, "whole numbers"),
        (lambda: TokenDensity("chain:3x20").likelihood(np.zeros((1, 20), int), exact=True), langevin.ArgumentError, "at most 16"),
        (lambda: TokenDensity("chain:3x20").probabilities(), langevin.ArgumentError, "4096"),
        (lambda: CHAIN.predict([[3] * 5], 1.5), langevin.ArgumentError, "0 to 1"),
        (lambda: TokenDensity("chian:3x5"), langevin.UnknownNameError, "chain"),
        (lambda: TokenPlan("haltn", vocab=3, length=5), langevin.UnknownNameError, "halton"),
        (lambda: TokenPlan("halton", vocab=3, length=5, stesp=3), langevin.KeywordError, "steps"),
        (lambda: TokenPlan("halton", vocab=3, length=5, rho=0.5), langevin.ArgumentError, "no option"),
        (lambda: TokenPlan("gibbs", vocab=3, length=5), langevin.ArgumentError, "masked"),
        (lambda: TokenPlan("sizes", vocab=3, length=5, sizes={}), langevin.ArgumentError, "sizes"),
        (lambda: TokenPlan("halton", vocab=3, length=6).run(CHAIN, 2), langevin.ArgumentError, "other sequences"),
        (lambda: CHAIN.plan(TokenPlan(vocab=3, length=5), steps=3), langevin.ArgumentError, "decides"),
        (lambda: CHAIN.plan(vocab=4), langevin.ArgumentError, "decides"),
        (lambda: langevin.samplers("words"), langevin.UnknownNameError, "tokens"),
        (lambda: model_of(D).sample(2, start=[0, 9, 3, 3, 3]), langevin.ArgumentError, "token 1"),
        (lambda: model_of(D).sample(2, start=[0, 3]), langevin.ShapeError, r"\(rows, 5\)"),
        (lambda: model_of(D).sample(2, start=np.zeros((3, 5), int)), langevin.ShapeError, "1 or 2, got 3"),
        (lambda: model_of(D).sample(2, start=[0, 3, 3, 3, 3], keep=[1, 0, 0, 0, 0]), langevin.ShapeError, "bool"),
        (lambda: model_of(D).sample(2, start=[0, 3, 3, 3, 3], keep=[True] * 5), langevin.ArgumentError, "token 1"),
        (lambda: model_of(D).sample(2, keep=[True] * 5), langevin.ArgumentError, "nothing to keep"),
        (lambda: model_of(D, noise="uniform").sample(2, start=[0] * 5), langevin.ArgumentError, "keep"),
        (lambda: TokenPlan(vocab=3, length=5).start(2).finish(), langevin.ShapeError, "pending"),
        (lambda: TokenPlan(vocab=3, length=5).start(2).supply(D, output="log"), langevin.ArgumentError, "'logits'"),
    ],
)
def test_a_mistake_is_one_error_that_names_it(task, kind, words):
    with pytest.raises(kind, match="(?s)" + words):
        task()


def test_exceptions_of_the_network_are_its_own():
    def net(tokens):
        raise RuntimeError("out of memory")

    for task in [lambda: model_of(net).sample(2), lambda: model_of(net).likelihood([[0] * 5]), lambda: model_of(net).predict([[3] * 5], 0.5)]:
        with pytest.raises(RuntimeError, match="^out of memory$"):
            task()


# Torch


def test_modules_work_on_tensors():
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.embed, self.drop, self.mix = torch.nn.Embedding(4, 16), torch.nn.Dropout(0.5), torch.nn.Linear(80, 20)

        def forward(self, tokens, attention_mask=None):
            assert tokens.dtype == torch.int64 and not torch.is_grad_enabled() and not self.training
            return Output(self.mix(self.drop(self.embed(tokens)).flatten(1)).reshape(len(tokens), 5, 4))

    net = Net().train()
    model = TokenModel(net, vocab=3, length=5)
    samples = model.sample(30, seed=2, sampler="halton", steps=3)
    assert isinstance(samples, torch.Tensor) and samples.dtype == torch.int64 and net.training
    assert torch.equal(model.sample(30, seed=2, sampler="halton", steps=3), samples)
    # A function of arrays that calls the same module.
    net.eval()
    by_array = TokenModel(lambda x: net(torch.from_numpy(x)).logits, vocab=3, length=5)
    assert (by_array.sample(30, seed=2, sampler="halton", steps=3) == samples.numpy()).all()
    assert model.likelihood(samples).mean == pytest.approx(by_array.likelihood(samples.numpy()).mean, rel=1e-12)
    by_tensor = TokenModel(lambda x: net(x).logits.to(torch.bfloat16), vocab=3, length=5, device="cpu")
    assert isinstance(by_tensor.sample(3, start=torch.tensor([0, 1, 3, 3, 3])), torch.Tensor)
    with pytest.raises(langevin.ArgumentError, match="unknown device"):
        TokenModel(net, vocab=3, length=5, device="gpu9")


def test_masked_language_models_of_transformers():
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, max_position_embeddings=12)
    bert = transformers.BertForMaskedLM(config).train()
    # Identifiers 0, 1 and 2 are special, and 4 is the mask.
    model = TokenModel(bert, vocab=19, length=6, mask=4, forbid=[0, 1, 2, 4])
    text = torch.tensor([7, 8, 4, 4, 9, 10])
    samples = model.sample(300, seed=1, start=text, sampler="first-hitting")
    assert isinstance(samples, torch.Tensor) and (samples[:, [0, 1, 4, 5]] == text[[0, 1, 4, 5]]).all()
    assert not torch.isin(samples, torch.tensor([0, 1, 2, 4])).any() and bert.training
    with torch.no_grad():
        p = bert.eval()(text[None]).logits[0, 2].double()
    p[[0, 1, 2, 4]] = -torch.inf
    # The first of the two gaps is filled in first for half of the samples.
    found = model.predict(text[None], 0.5)[0, 2]
    assert abs(found - np.delete(p.softmax(-1).numpy(), 4)).max() < 1e-6
    bound, exact = model.likelihood(samples[:20]), model.likelihood(samples[:20], exact=True)
    assert len(bound.profile) == 6 and exact.evaluations == 64 and abs(bound.mean - exact.mean) < 1


def test_a_module_on_levels_receives_tensors():
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def forward(self, tokens, sigma):
            assert isinstance(sigma, torch.Tensor) and sigma.dtype == torch.float32 and sigma.shape == tokens.shape[:1]
            return torch.zeros(*tokens.shape, 3) + sigma[:, None, None] * torch.tensor([1.0, 0.0, 0.0])

    assert TokenModel(Net(), vocab=3, length=5, time="noise").sample(4, steps=2).shape == (4, 5)
