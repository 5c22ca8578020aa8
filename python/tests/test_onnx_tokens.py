"""ONNX networks that return logits of tokens: the same samples in the command line, in Python and through a function."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import langevin
from langevin import TokenModel, TokenOnnxNetwork

onnxruntime = pytest.importorskip("onnxruntime")
FILE = Path(__file__).parents[2] / "examples" / "onnx" / "language.onnx"
FLAGS = ["--onnx", str(FILE), "--noise", "masked", "--mask-id", "4", "--shape", "8"]


def command(*words, fails=0):
    done = subprocess.run([sys.executable, "-m", "langevin", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == fails, done.stderr
    return done.stderr if fails else done.stdout


@pytest.fixture(scope="module")
def network():
    return TokenOnnxNetwork(FILE, mask=4, length=8)


def through(path):
    """The file as a function, by ONNX Runtime's own interface."""
    session = onnxruntime.InferenceSession(str(path))
    return lambda tokens: session.run(None, {"input_ids": tokens})[0]


@pytest.mark.parametrize("sampler", ["halton:steps=4", "first-hitting", "ancestral:steps=5", "confidence:steps=3,gumbel=1"])
def test_samples_are_those_of_the_command_line_and_of_a_function(sampler, network, tmp_path):
    command("sample", *FLAGS, "--sampler", sampler, "-n", 70, "--seed", 3, "--out", tmp_path / "s.npy")
    samples = network.sample(70, seed=3, sampler=sampler)
    assert (samples == np.load(tmp_path / "s.npy")).all() and samples.shape == (70, 8)
    assert (network.sample(5, seed=3, sampler=sampler, first=60) == samples[60:65]).all()
    function = TokenModel(through(FILE), vocab=4, length=8)
    # The same logits to the last bits, which decide about a letter with probability 1e-6.
    assert (function.sample(70, seed=3, sampler=sampler) == samples).mean() > 0.99


def test_likelihoods_and_gaps(network, tmp_path):
    data = network.sample(30, seed=1, sampler="first-hitting")
    np.save(tmp_path / "data.npy", data)
    for flags, keywords in [([], {}), (["--exact"], {"exact": True})]:
        shown = json.loads(command("likelihood", *FLAGS, "--data", tmp_path / "data.npy", *flags, "--json"))
        found = network.likelihood(data, **keywords)
        assert found.mean == pytest.approx(shown["nats_mean"], rel=1e-12) and found.kind == shown["kind"]
    function = TokenModel(through(FILE), vocab=4, length=8)
    assert abs(function.likelihood(data, exact=True).nats - found.nats).max() < 1e-4
    command("sample", *FLAGS, "--from", tmp_path / "data.npy", "--keep", "1-3", "--sampler", "halton", "--steps", 2, "-n", 9, "--out", tmp_path / "gaps.npy")
    # The samples take the sequences of --from in turn.
    gaps = network.sample(9, start=data[:9], keep="1-3", sampler="halton", steps=2)
    assert (gaps == np.load(tmp_path / "gaps.npy")).all() and (gaps[:, :3] == data[:9, :3]).all()


def test_other_commands_take_the_file(tmp_path):
    shown = json.loads(command("info", *FLAGS, "--json"))
    assert shown["mask_id"] == 4 and shown["space"]["vocab"] == 4 and shown["inputs"] == ["input_ids (int64 [rows, length])"]
    command("sample", *FLAGS, "-n", 200, "--sampler", "first-hitting", "--out", tmp_path / "data.npy")
    found = json.loads(command("evaluate", *FLAGS, "--data", tmp_path / "data.npy", "--sampler", "first-hitting", "--json"))
    assert found["nfe"] == 8
    command("tune", *FLAGS, "--data", tmp_path / "data.npy", "--nfe", 2, "--out", tmp_path / "plan.json")
    assert langevin.Plan.load(tmp_path / "plan.json").nfe <= 2
    ranked = json.loads(command("recommend", *FLAGS, "--data", tmp_path / "data.npy", "--nfe", 2, "--out", tmp_path / "best.json", "--json"))
    ranking = TokenOnnxNetwork(FILE, mask=4, length=8).recommend(2, np.load(tmp_path / "data.npy"))
    assert [one["name"] for one in ranked["candidates"]] == [one.name for one in ranking.candidates]
    command("sample", *FLAGS, "--plan", tmp_path / "best.json", "-n", 3, "--out", tmp_path / "new.npy")


def made(path, mask, letters, rows="rows", form=None):
    """A file with three inputs, whose mask is one of the columns, and whose number of columns is open."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    table = np.random.default_rng(3).normal(size=(letters + 1, letters + 1)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["one"]),
        helper.make_node("Unsqueeze", ["sigma", "axes"], ["level"]),
        helper.make_node("Mul", ["one", "level"], ["two"]),
        helper.make_node("Cast", ["attention_mask"], ["seen"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["seen", "last"], ["weights"]),
        helper.make_node("Mul", ["two", "weights"], ["three"]),
        helper.make_node("Softmax", ["three"], ["out"], axis=-1) if form else helper.make_node("Identity", ["three"], ["out"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [value("attention_mask", TensorProto.INT64, [rows, 5]), value("ids", TensorProto.INT32, [rows, 5]), value("sigma", TensorProto.FLOAT, [rows])]
    constants = {"table": table, "axes": np.array([1, 2]), "last": np.array([2])}
    graph = helper.make_graph(nodes, "net", inputs, [value("out", TensorProto.FLOAT, [rows, 5, None])], [numpy_helper.from_array(one, name) for name, one in constants.items()])
    path.write_bytes(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    return table


@pytest.mark.parametrize("rows", ["rows", 3])
def test_levels_masks_among_the_letters_and_open_columns(tmp_path, rows):
    table = made(tmp_path / "net.onnx", 1, 3, rows)
    network = TokenOnnxNetwork(tmp_path / "net.onnx", mask=1)
    assert (network.vocab, network.length, network.mask) == (3, 5, 1)
    model = TokenModel(lambda x, sigma: table[x] * sigma[:, None, None].astype(np.float32), vocab=3, length=5, mask=1, time="noise")
    plan = network.plan("ancestral", steps=4)
    samples = network.sample(40, seed=2, sampler=plan)
    assert (samples == model.sample(40, seed=2, sampler=plan)).all() and set(np.unique(samples)) <= {0, 2, 3}
    assert abs(network.predict([[1, 0, 1, 2, 3]], 0.25) - model.predict([[1, 0, 1, 2, 3]], 0.25)).max() < 1e-6
    # Uniform noise: every column is a letter.
    uniform = TokenOnnxNetwork(tmp_path / "net.onnx", noise="uniform")
    own = TokenModel(lambda x, sigma: table[x] * sigma[:, None, None].astype(np.float32), vocab=4, length=5, noise="uniform", time="noise")
    assert (uniform.sample(20, seed=5, steps=3) == own.sample(20, seed=5, steps=3)).all()


@pytest.mark.parametrize(
    "task, kind, words",
    [
        (lambda _: TokenOnnxNetwork(FILE, length=8), langevin.ArgumentError, r"which token is the mask.*expected mask=N"),
        (lambda _: TokenOnnxNetwork(FILE, mask=4), langevin.ArgumentError, r"leaves the number of tokens open.*expected length=64"),
        (lambda _: TokenOnnxNetwork(FILE, mask=4, length=8, output="logit"), langevin.ArgumentError, "did you mean 'logits'"),
        (lambda _: TokenOnnxNetwork(FILE, mask=4, length=8, inputs={"ids": [1]}), langevin.ArgumentError, "no such input"),
        (lambda _: TokenOnnxNetwork(FILE, mask=4, length=8, noise="maskd"), langevin.UnknownNameError, "masked"),
        (lambda _: TokenOnnxNetwork(FILE, mask=4, length=8, prediction="posteror"), langevin.UnknownNameError, "posterior"),
        (lambda _: TokenOnnxNetwork(FILE.with_name("digits.onnx"), mask=4, length=8), langevin.ArgumentError, "no input of the network takes tokens"),
        (lambda _: TokenOnnxNetwork(FILE.with_name("none.onnx"), mask=4, length=8), langevin.ModelError, "none.onnx"),
        (lambda _: TokenOnnxNetwork(FILE, mask=4, length=8).sample(2, guidance=2.0), langevin.ModelError, "unconditional branch"),
        (lambda p: (made(p, 1, 3, form="softmax"), TokenOnnxNetwork(p, mask=1).sample(2)), langevin.ArgumentError, "network returns probabilities"),
    ],
)
def test_a_mistake_is_one_error_that_names_it(task, kind, words, tmp_path):
    with pytest.raises(kind, match="(?s)" + words):
        task(tmp_path / "net.onnx")


def test_the_command_line_names_its_flags(tmp_path):
    for words, expected in [
        (["info", "--onnx", FILE, "--noise", "masked", "--shape", "8"], "--mask-id"),
        (["info", "--onnx", FILE, "--noise", "masked", "--mask-id", "4"], "--shape"),
        (["info", "--onnx", FILE, "--noise", "mask", "--mask-id", "4"], "masked"),
        (["info", *FLAGS, "--process", "vp"], "--process"),
        (["info", "--onnx", FILE], "--noise"),
        (["sample", "--exact", "moons", "--noise", "masked", "--out", tmp_path / "x.npy"], "the model has its own noise"),
        (["diagnose", *FLAGS, "--data", "moons"], "model is of tokens"),
        (["recommend", "--onnx", FILE, "--nfe", "2"], "--process"),
        (["recommend", *FLAGS, "--nfe", "2", "--process", "vp"], "--process"),
    ]:
        assert expected in command(*words, fails=2), words
