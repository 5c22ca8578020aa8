"""A network that langevin did not train: the ONNX file of examples/onnx, in the command line and beside diffusers."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import langevin

onnxruntime = pytest.importorskip("onnxruntime")
FILE = Path(__file__).parents[2] / "examples" / "onnx" / "digits.onnx"
FLAGS = ["--onnx", str(FILE), "--process", "table:linear", "--predict", "epsilon"]
CONFIG = {"beta_schedule": "linear", "timestep_spacing": "trailing"}


@pytest.fixture(scope="module")
def network():
    session = onnxruntime.InferenceSession(str(FILE))

    def predict(x, time):
        times = np.full(len(x), time, np.float32)
        return session.run(None, {"sample": np.asarray(x, np.float32), "timestep": times})[0]

    return predict


def command(*words, fails=None):
    done = subprocess.run([sys.executable, "-m", "langevin", *words], capture_output=True, text=True)
    assert done.returncode == (fails or 0), done.stderr
    return done


def sampled(tmp_path, *flags, name="s.npy"):
    out = tmp_path / name
    command("sample", *FLAGS, *flags, "--seed", "3", "--out", str(out))
    return np.load(out)


def through(scheduler, network, plan, count):
    """The loop of a pipeline, from the same noise as the plan's."""
    torch = pytest.importorskip("torch")
    start = plan.start((count, 1, 8, 8), 3, dtype="float64").query().x
    scheduler.set_timesteps(plan.nfe)
    x = torch.from_numpy(start).float()
    for t in scheduler.timesteps:
        x = scheduler.step(torch.from_numpy(network(x.numpy(), float(t))), t, x).prev_sample
    return x.numpy()


def test_ddim_of_diffusers_gives_the_same_pictures(network, tmp_path):
    diffusers = pytest.importorskip("diffusers")
    original = diffusers.DDIMScheduler(**CONFIG, clip_sample=False)
    plan = langevin.Plan.from_diffusers({**CONFIG, "_class_name": "DDIMScheduler", "clip_sample": False}, 20)
    theirs = through(original, network, plan, 16)
    mine = sampled(tmp_path, "--sampler", "ddim", "--grid", "trailing", "--steps", "20", "-n", "16")
    # The original starts from noise of deviation 1, the command at sigma of the last level, 0.99998.
    assert np.abs(mine - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_dpm_solver_of_diffusers_gives_the_same_pictures(network):
    diffusers = pytest.importorskip("diffusers")
    plan = langevin.Plan.from_diffusers({**CONFIG, "_class_name": "DPMSolverMultistepScheduler"}, 20)
    theirs = through(diffusers.DPMSolverMultistepScheduler(**CONFIG), network, plan, 16)
    mine = plan.run(lambda x, query: network(x, query.time).astype(x.dtype), (16, 1, 8, 8), seed=3, dtype="float64")
    # The original keeps its states in single precision.
    assert np.abs(mine - theirs).max() < 1e-5 * np.abs(theirs).max()


def test_it_is_read_as_every_process(tmp_path):
    """One ODE in three clocks: the same picture from the same noise, with enough steps."""
    flags = ["--sampler", "dpmpp-2m", "--grid", "uniform-lambda", "--steps", "100", "--sigma-min", "0.02", "--sigma-max", "80", "-n", "8"]
    read = {process: sampled(tmp_path, "--as", process, *flags) for process in ("vp", "ve", "rectified-flow")}
    size = np.abs(read["vp"]).max()
    # The exponential solvers do not see the clock; what is left is the network's single precision.
    for process in ("ve", "rectified-flow"):
        assert np.abs(read[process] - read["vp"]).max() < 1e-5 * size, process


def test_a_picture_does_not_depend_on_its_batch(tmp_path):
    many = sampled(tmp_path, "--sampler", "ddim", "--steps", "5", "-n", "150", "--threads", "2")
    few = sampled(tmp_path, "--sampler", "ddim", "--steps", "5", "-n", "70", "--batch", "7", "--threads", "1", name="few.npy")
    assert np.array_equal(many[:70], few)


def test_every_command_that_takes_a_model(tmp_path):
    assert "epsilon" in command("info", *FLAGS).stdout
    bound = command("likelihood", *FLAGS, "--normalization", "8,8", "--data", "digits", "-n", "50").stdout
    assert "bits/dim" in bound
    command("diagnose", *FLAGS, "--normalization", "8,8", "--data", "digits", "-n", "64", "--steps", "10")
    data = ["--data", "digits"]
    assert "--onnx" in command("recommend", *FLAGS, *data, "--nfe", "6", "--out", str(tmp_path / "plan.json")).stdout
    command("analyze", *FLAGS, *data)


@pytest.mark.parametrize("words, text", [
    (["info", "--onnx", "nowhere.onnx", "--process", "vp", "--predict", "epsilon"], "no such file"),
    (["info", "--onnx", str(FILE), "--process", "vp", "--predict", "epsilom"], "did you mean"),
    (["info", *FLAGS, "--clock", "seconds"], "unknown clock"),
    (["info", *FLAGS, "--shape", "3,3"], "does not fit"),
    (["likelihood", *FLAGS, "--data", "digits", "--method", "ode"], "--method bound"),
])
def test_mistakes_are_clear(words, text):
    done = subprocess.run([sys.executable, "-m", "langevin", *words], capture_output=True, text=True)
    assert done.returncode in (1, 2) and text in done.stderr, done.stderr


def test_a_missing_library_is_one_hint(monkeypatch):
    monkeypatch.setenv("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")
    done = subprocess.run([sys.executable, "-m", "langevin", "info", *FLAGS], capture_output=True, text=True)
    assert done.returncode == 1 and "pip install onnxruntime" in done.stderr


def graph(path, kind, shape):
    """out = x · t/1000, with a time of this type and shape."""
    onnx = pytest.importorskip("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Cast", ["t"], ["real"], to=types.FLOAT),
        helper.make_node("Reshape", ["real", "column"], ["times"]),
        helper.make_node("Mul", ["x", "times"], ["product"]),
        helper.make_node("Div", ["product", "thousand"], ["out"]),
    ]
    constants = [helper.make_tensor("column", types.INT64, [2], [-1, 1]), helper.make_tensor("thousand", types.FLOAT, [], [1000.0])]
    inputs = [helper.make_tensor_value_info("x", types.FLOAT, ["rows", 3]), helper.make_tensor_value_info("t", getattr(types, kind), shape)]
    outputs = [helper.make_tensor_value_info("out", types.FLOAT, ["rows", 3])]
    made = helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, constants), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, path)


@pytest.mark.parametrize("kind, shape", [("FLOAT", ["rows"]), ("FLOAT", []), ("FLOAT", [1]), ("INT64", ["rows"]), ("INT64", []), ("DOUBLE", ["rows"])])
def test_times_of_every_kind(tmp_path, kind, shape):
    file, out = tmp_path / "g.onnx", tmp_path / "g.npy"
    graph(file, kind, shape)
    flags = ["--onnx", str(file), "--process", "table:linear", "--predict", "epsilon"]
    command("sample", *flags, "--sampler", "ddim", "--grid", "trailing", "--steps", "10", "-n", "70", "--seed", "3", "--out", str(out))
    network = langevin.Formulation("table:linear", "epsilon")
    levels = langevin.Plan("ddim", "table:linear", 10, grid="trailing", network=network)
    expected = levels.run(lambda x, query: (x * query.time / 1000).astype(x.dtype), (70, 3), seed=3, dtype="float64")
    # Ten times single precision, whose rounding grows as the noise is divided by alpha, 0.0063 at the start: 6e-8/0.0063 is 1e-5.
    assert np.allclose(np.load(out), expected, rtol=1e-5, atol=1e-4 * np.abs(expected).max())
    if kind == "INT64":
        done = subprocess.run([sys.executable, "-m", "langevin", "sample", *flags, "--steps", "5", "-n", "2", "--out", str(out)], capture_output=True, text=True)
        assert done.returncode == 1 and "whole numbers for time" in done.stderr


def port(name, kind, shape):
    onnx = pytest.importorskip("onnx")
    return onnx.helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind), shape)


def saved(path, steps, inputs, outputs, constants=()):
    """An ONNX file of these steps: (operator, inputs, outputs), with the attributes of the operator behind them."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    nodes = [helper.make_node(operator, ins, outs, **(rest[0] if rest else {})) for operator, ins, outs, *rest in steps]
    constants = [onnx.numpy_helper.from_array(value, name) for name, value in constants]
    made = helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, constants), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, path)
    return path


def velocity(path, x, time, out, shape):
    """The exact velocity of N(0, I) for rectified flow, x (2 t - 1) / (t² + (1 - t)²), with these types of states, time and output, and this shape of the time."""
    types = pytest.importorskip("onnx").TensorProto
    steps = [
        ("Cast", ["x"], ["states"], {"to": types.FLOAT}),
        ("Cast", ["t"], ["real"], {"to": types.FLOAT}),
        ("Reshape", ["real", "column"], ["time"]),
        ("Sub", ["one", "time"], ["rest"]),
        ("Sub", ["time", "rest"], ["slope"]),
        ("Mul", ["time", "time"], ["square"]),
        ("Mul", ["rest", "rest"], ["other"]),
        ("Add", ["square", "other"], ["variance"]),
        ("Div", ["slope", "variance"], ["factor"]),
        ("Mul", ["states", "factor"], ["v"]),
        ("Cast", ["v"], ["out"], {"to": getattr(types, out)}),
    ]
    constants = [("column", np.array([-1, 1], np.int64)), ("one", np.array(1, np.float32))]
    return saved(path, steps, [port("x", x, ["rows", 2]), port("t", time, shape)], [port("out", out, ["rows", 2])], constants)


FLOW = ["--process", "rectified-flow", "--predict", "velocity", "--steps", "40", "--seed", "1"]


@pytest.mark.parametrize("x, time, out", [
    ("FLOAT16", "FLOAT16", "FLOAT16"),
    ("FLOAT16", "FLOAT", "FLOAT16"),
    ("FLOAT", "FLOAT", "FLOAT16"),
    ("FLOAT", "FLOAT16", "FLOAT"),
    ("BFLOAT16", "BFLOAT16", "BFLOAT16"),
    ("BFLOAT16", "FLOAT", "FLOAT"),
    ("DOUBLE", "DOUBLE", "DOUBLE"),
    ("FLOAT16", "DOUBLE", "DOUBLE"),
])
def test_networks_of_every_precision(tmp_path, x, time, out):
    """Casts at the border: the samples are those of single precision, to the rounding of the type."""
    answers = {}
    for name, kinds in {"own": (x, time, out), "single": ("FLOAT", "FLOAT", "FLOAT")}.items():
        file = velocity(tmp_path / f"{name}.onnx", *kinds, ["rows"])
        command("sample", "--onnx", str(file), *FLOW, "-n", "200", "--out", str(tmp_path / "s.npy"))
        answers[name] = np.load(tmp_path / "s.npy")
    rough = 0.05 if "BFLOAT16" in (x, time, out) else 0.005 if "FLOAT16" in (x, time, out) else 1e-5
    assert np.abs(answers["own"] - answers["single"]).max() < rough * np.abs(answers["single"]).max()
    assert abs(answers["own"].std() - 1) < 0.1 and abs(answers["own"].mean()) < 0.15


@pytest.mark.parametrize("shape", [[], [1], ["rows"], ["rows", 1], ["rows", 1, 1, 1], [1, 1]])
@pytest.mark.parametrize("kind", ["FLOAT", "FLOAT16", "DOUBLE", "INT32", "INT64"])
def test_times_of_every_type_and_shape(tmp_path, kind, shape):
    file, out = tmp_path / "g.onnx", tmp_path / "g.npy"
    graph(file, kind, shape)
    flags = ["--onnx", str(file), "--process", "table:linear", "--predict", "epsilon"]
    command("sample", *flags, "--sampler", "ddim", "--grid", "trailing", "--steps", "10", "-n", "70", "--seed", "3", "--out", str(out))
    reference = tmp_path / "reference.onnx"
    graph(reference, "FLOAT", ["rows"])
    flags[1] = str(reference)
    command("sample", *flags, "--sampler", "ddim", "--grid", "trailing", "--steps", "10", "-n", "70", "--seed", "3", "--out", str(tmp_path / "r.npy"))
    assert np.array_equal(np.load(out), np.load(tmp_path / "r.npy"))


@pytest.mark.parametrize("x, time, shape, text", [
    ("INT32", "FLOAT", ["rows"], "input x): expected float16, bfloat16, float32 or float64 [rows, …], got int32 [rows, 2]"),
    ("FLOAT", "UINT8", ["rows"], "input t): expected float16, bfloat16, float32, float64, int32 or int64, got uint8 [rows]"),
    ("FLOAT", "FLOAT", [5], "expected one number, or one for each row of the states, got float32 [5] beside states of float32 [rows, 2]"),
    ("FLOAT", "FLOAT", ["rows", 3], "no input of the network takes the time"),
])
def test_what_is_refused_is_named(tmp_path, x, time, shape, text):
    file = velocity(tmp_path / "g.onnx", x, time, "FLOAT", shape)
    done = command("info", "--onnx", str(file), *FLOW[:4], fails=1)
    assert text in done.stderr, done.stderr


def conditional(path, rows="rows"):
    """D is the condition plus 1000 times the class and the scale, whatever the states are; a second output has another shape."""
    types = pytest.importorskip("onnx").TensorProto
    steps = [
        ("Cast", ["class_labels"], ["real"], {"to": types.FLOAT}),
        ("Reshape", ["real", "column"], ["label"]),
        ("Mul", ["label", "thousand"], ["large"]),
        ("Cast", ["cond"], ["wide"], {"to": types.FLOAT}),
        ("Add", ["wide", "large"], ["both"]),
        ("Add", ["both", "scale"], ["sum"]),
        ("Mul", ["sample", "zero"], ["none"]),
        ("Add", ["sum", "none"], ["D"]),
        ("Reshape", ["timestep", "column"], ["aux"]),
    ]
    constants = [("column", np.array([-1, 1], np.int64)), ("thousand", np.array(1000, np.float32)), ("zero", np.array(0, np.float32))]
    inputs = [
        port("sample", "FLOAT", [rows, 2]), port("timestep", "FLOAT", [rows]), port("cond", "FLOAT16", [rows, 2]),
        port("class_labels", "INT64", [rows]), port("scale", "FLOAT", [1]),
    ]
    return saved(path, steps, inputs, [port("aux", "FLOAT", [rows, 1]), port("D", "FLOAT", [rows, 2])], constants)


COND, LABELS = np.array([[1.5, -2], [3, 4], [5, 6], [7, 8], [9, 10.5]]), np.arange(5)


@pytest.fixture
def conditions(tmp_path):
    """The flags of a conditional network in which every sample has a row, with the files in this folder."""
    np.save(tmp_path / "cond.npy", COND)
    np.save(tmp_path / "one.npy", COND[:1])
    np.savez(tmp_path / "labels.npz", labels=LABELS.astype(np.float32), other=LABELS)
    np.save(tmp_path / "scale.npy", np.array(0.25))
    flags = ["--onnx", str(conditional(tmp_path / "net.onnx")), "--process", "rectified-flow", "--predict", "x0"]
    return [*flags, "--input", f"class_labels={tmp_path / 'labels.npz'}:labels", "--input", f"scale={tmp_path / 'scale.npy'}"]


def test_every_sample_has_its_row_of_a_further_input(tmp_path, conditions):
    wanted = COND + 1000 * LABELS[:, None] + 0.25
    out = str(tmp_path / "s.npy")
    for flags in [[], ["--batch", "2"], ["--batch", "1", "--threads", "1"], ["--threads", "3"], ["--adaptive", "dpm12"]]:
        command("sample", *conditions, "--input", f"cond={tmp_path / 'cond.npy'}", "-n", "5", *flags, "--out", out)
        assert np.allclose(np.load(out), wanted, atol=1e-3), flags
    command("sample", *conditions, "--input", f"cond={tmp_path / 'one.npy'}", "-n", "5", "--out", out)
    assert np.allclose(np.load(out), COND[:1] + 1000 * LABELS[:, None] + 0.25, atol=1e-3)
    # A network that takes two rows a call: samples stay with their rows.
    conditions[1] = str(conditional(tmp_path / "two.onnx", 2))
    command("sample", *conditions, "--input", f"cond={tmp_path / 'cond.npy'}", "-n", "5", "--out", out)
    assert np.allclose(np.load(out), wanted, atol=1e-3)


def test_guidance_between_two_values_of_an_input(tmp_path, conditions):
    np.save(tmp_path / "none.npy", np.zeros(2))
    cond = [*conditions, "--input", f"cond={tmp_path / 'cond.npy'}"]
    uncond = ["--uncond-input", f"cond={tmp_path / 'none.npy'}"]
    out = str(tmp_path / "s.npy")
    # D_u + 3 (D_c - D_u), where only cond is another one.
    command("sample", *cond, *uncond, "--guidance", "3", "-n", "5", "--out", out)
    assert np.allclose(np.load(out), 3 * COND + 1000 * LABELS[:, None] + 0.25, atol=1e-2)
    assert "--uncond-input" in command("sample", *cond, "--guidance", "3", "-n", "5", "--out", out, fails=2).stderr
    assert "--guidance W" in command("sample", *cond, *uncond, "-n", "5", "--out", out, fails=2).stderr
    wrong = ["--uncond-input", f"sample={tmp_path / 'none.npy'}", "--guidance", "3"]
    assert "no such input (--uncond-input sample)" in command("sample", *cond, *wrong, "-n", "5", "--out", out, fails=2).stderr


def test_further_inputs_in_every_command(tmp_path, conditions):
    flags = [*conditions, "--input", f"cond={tmp_path / 'cond.npy'}"]
    rows = tmp_path / "rows.npy"
    np.save(rows, COND + np.arange(10).reshape(5, 2) ** 2 % 7)
    data = ["--data", str(rows)]
    command("likelihood", *flags, *data, "--levels", "2")
    command("evaluate", *flags, *data, "--steps", "2")
    command("invert", *flags, "--from", str(rows), "--steps", "2", "--out", str(tmp_path / "noise.npy"))
    between = command("invert", *flags, "--from", str(rows), "--steps", "2", "--between", "3", "--out", str(tmp_path / "noise.npy"), fails=2)
    assert "--between, --input" in between.stderr
    assert "has too few rows" in command("diagnose", *flags, *data, "-n", "50", "--steps", "3", fails=2).stderr
    assert "cond (float16 [rows, 2])" in command("info", *flags).stdout
    command("analyze", *flags, *data)
    one = [*conditions[:6], "--input", f"cond={tmp_path / 'one.npy'}", "--input", f"scale={tmp_path / 'scale.npy'}"]
    np.save(tmp_path / "zero.npy", np.array(0))
    one += ["--input", f"class_labels={tmp_path / 'zero.npy'}"]
    command("diagnose", *one, *data, "-n", "50", "--steps", "3")
    found = command("recommend", *one, *data, "--nfe", "4", "--measure", "2").stdout
    assert f"--input cond={tmp_path / 'one.npy'}" in found


@pytest.mark.parametrize("change, text", [
    (["cond"], "expected NAME=FILE.npy"),
    (["cond=nowhere.npy"], "no such file (--input cond nowhere.npy)"),
    (["con=cond.npy"], "did you mean 'cond'?"),
    (["cond=labels.npz"], "the archive has several arrays"),
    (["cond=labels.npz:labls"], "did you mean 'labels'?"),
    (["cond=three.npy"], "expected float16 [rows, 2], a row for all samples or a row for each, got float64 [1, 3]"),
    (["cond=large.npy"], "expected float16 [rows, 2], numbers up to 6.5504e4, got float64 [2] with the value 100000"),
    (["cond=text.npy"], "not of plain numbers"),
    (["cond=cond.npy", "cond=cond.npy"], "two values"),
    (["cond=few.npy"], "expected 1 row for all samples, or a row for each of 5 or more, got 2 rows"),
    (["cond=cond.npy", "sample=cond.npy"], "an input for the states and one for their time"),
    ([], "expected --input NAME=FILE.npy for cond, got a network with the inputs sample (float32 [rows, 2]), timestep (float32 [rows]), cond (float16 [rows, 2]), class_labels (int64 [rows]), scale (float32 [1])"),
    ([], "give --input cond=FILE.npy: one row"),
])
def test_wrong_values_of_an_input(tmp_path, conditions, change, text, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("three.npy", np.zeros((1, 3)))
    np.save("large.npy", np.full(2, 1e5))
    np.save("text.npy", np.array([["a", "b"]]))
    np.save("few.npy", COND[:2])
    words = [word for value in change for word in ("--input", value)]
    done = subprocess.run([sys.executable, "-m", "langevin", "sample", *conditions, *words, "-n", "5", "--out", "s.npy"], capture_output=True, text=True)
    assert done.returncode in (1, 2) and text in done.stderr, done.stderr
    assert not Path("s.npy").exists()


def test_labels_are_whole_numbers(tmp_path, conditions):
    np.save(tmp_path / "half.npy", np.array([0.5]))
    words = [*conditions[:6], "--input", f"cond={tmp_path / 'cond.npy'}", "--input", f"scale={tmp_path / 'scale.npy'}"]
    done = command("info", *words, "--input", f"class_labels={tmp_path / 'half.npy'}", fails=2)
    assert "expected int64 [rows], whole numbers" in done.stderr and "got float64 [1] with the value 0.5" in done.stderr


def test_the_output_is_the_one_of_the_shape_of_the_states(tmp_path, conditions):
    flags = [*conditions, "--input", f"cond={tmp_path / 'cond.npy'}"]
    assert "D (float32 [rows, 2])" in command("info", *flags).stdout
    assert "D (float32 [rows, 2])" in command("info", *flags, "--output", "D").stdout
    assert "no such output (--output E)" in command("info", *flags, "--output", "E", fails=2).stderr
    assert "another shape" in command("info", *flags, "--output", "aux", fails=1).stderr
    # Two outputs of the shape of the states.
    steps = [("Reshape", ["t", "column"], ["time"]), ("Mul", ["x", "time"], ["one"]), ("Sub", ["x", "one"], ["two"])]
    inputs, outputs = [port("x", "FLOAT", ["rows", 2]), port("t", "FLOAT", ["rows"])], [port(name, "FLOAT", ["rows", 2]) for name in ("one", "two")]
    file = str(saved(tmp_path / "both.onnx", steps, inputs, outputs, [("column", np.array([-1, 1], np.int64))]))
    flags = ["--onnx", file, "--process", "rectified-flow", "--predict", "x0"]
    error = command("info", *flags, fails=2).stderr
    assert "expected --output NAME, got the outputs one (float32 [rows, 2]), two (float32 [rows, 2])" in error
    assert "two (float32" in command("info", *flags, "--output", "two").stdout


def opened(tmp_path, **changes):
    inputs = {"cond": COND, "class_labels": LABELS, "scale": 0.25}
    return langevin.Network.load(tmp_path / "net.onnx", **{"formulation": langevin.Formulation("rectified-flow", "x0"), "inputs": inputs, **changes})


def test_in_python_a_network_gives_the_numbers_of_the_command(tmp_path, conditions):
    network = opened(tmp_path)
    plan = langevin.Plan("dpmpp-2m", steps=20, network=network.formulation)
    command("sample", *conditions, "--input", f"cond={tmp_path / 'cond.npy'}", "-n", "5", "--seed", "3", "--out", str(tmp_path / "s.npy"))
    assert np.array_equal(plan.run(network, (5, 2), seed=3), np.load(tmp_path / "s.npy"))
    # In Python's own loop, and of later samples alone.
    assert np.array_equal(plan.run(network, (5, 2), seed=3, callback=lambda step: None), np.load(tmp_path / "s.npy"))
    assert np.array_equal(plan.run(network, (2, 2), seed=3, first=3), np.load(tmp_path / "s.npy")[3:])
    assert plan.run(network, (5, 2), seed=3, dtype="float32").dtype == np.float32
    guided = langevin.Plan("ddim", steps=4, network=network.formulation, guidance=3)
    with pytest.raises(langevin.ModelError, match="uncond_inputs="):
        guided.run(network, (5, 2), seed=3)
    found = guided.run(opened(tmp_path, uncond_inputs={"cond": np.zeros(2)}), (5, 2), seed=3)
    assert np.allclose(found, 3 * COND + 1000 * LABELS[:, None] + 0.25, atol=1e-2)
    assert network.shape == [2] and network.output == "D (float32 [rows, 2])" and "cond (float16 [rows, 2])" in network.inputs


def test_in_python_digits_are_those_of_the_command(tmp_path):
    network = langevin.OnnxNetwork(FILE, langevin.Formulation("table:linear", "epsilon"))
    plan = langevin.Plan("ddim", steps=5, grid="trailing", network=network.formulation)
    command("sample", *FLAGS, "--sampler", "ddim", "--grid", "trailing", "--steps", "5", "-n", "70", "--seed", "3", "--out", str(tmp_path / "s.npy"))
    assert np.allclose(plan.run(network, (70, 1, 8, 8), seed=3), np.load(tmp_path / "s.npy"), atol=1e-5)


@pytest.mark.parametrize("changes, error, text", [
    ({"inputs": None}, langevin.ArgumentError, 'inputs={"cond": array, "class_labels": array, "scale": array}'),
    ({"inputs": {"con": COND}}, langevin.ArgumentError, "did you mean 'cond'?"),
    ({"inputs": {"cond": COND[:, :1], "class_labels": LABELS, "scale": 0.25}}, langevin.ArgumentError, r'inputs["cond"]): expected float16 [rows, 2], a row for all samples or a row for each, got float64 [5, 1]'),
    ({"inputs": {"cond": np.array([["a", "b"]]), "class_labels": LABELS, "scale": 0.25}}, langevin.ShapeError, 'inputs["cond"]'),
    ({"inputs": [COND]}, langevin.ShapeError, "arrays by the names"),
    ({"output": "E"}, langevin.ArgumentError, 'no such output (output="E")'),
    ({"shape": (3,)}, langevin.ArgumentError, "the shape does not fit the network"),
    ({"formulation": None}, langevin.ArgumentError, "formulation=langevin.Formulation"),
    ({"ouput": "D"}, langevin.KeywordError, "did you mean 'output'?"),
])
def test_mistakes_in_python_are_clear(tmp_path, conditions, changes, error, text):
    with pytest.raises(error) as found:
        opened(tmp_path, **changes)
    assert text in str(found.value) and "--" not in str(found.value), str(found.value)


def test_too_few_rows_in_python(tmp_path, conditions):
    network = opened(tmp_path)
    plan = langevin.Plan("ddim", steps=2, network=network.formulation)
    with pytest.raises(langevin.ModelError, match="too few rows"):
        plan.run(network, (6, 2), seed=0)
    with pytest.raises(langevin.ShapeError):
        plan.run(network, (5, 3), seed=0)


def test_a_model_file_takes_none_of_these(tmp_path):
    with pytest.raises(langevin.ArgumentError, match="inputs has no effect here"):
        langevin.Network.load(tmp_path / "m.safetensors", inputs={"cond": COND})


def test_python_without_the_library_says_what_to_install(tmp_path, conditions):
    program = "import langevin; langevin.Network.load(__import__('sys').argv[1], formulation=langevin.Formulation('vp', 'epsilon'))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(FILE)], capture_output=True, text=True,
        env={**os.environ, "ORT_DYLIB_PATH": "/nowhere/libonnxruntime.so"},
    )
    assert done.returncode == 1 and "ModelError" in done.stderr and "pip install onnxruntime" in done.stderr, done.stderr
