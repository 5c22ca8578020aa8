"""A network that langevin did not train: the ONNX file of examples/onnx, in the command line and beside diffusers."""

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
    levels = langevin.Plan("ddim", "table:linear", 10, grid="trailing", network=network, sigma_max=157.4)
    expected = levels.run(lambda x, query: (x * query.time / 1000).astype(x.dtype), (70, 3), seed=3, dtype="float64")
    # Ten times single precision, whose rounding grows as the noise is divided by alpha, 0.0063 at the start: 6e-8/0.0063 is 1e-5.
    assert np.allclose(np.load(out), expected, rtol=1e-5, atol=1e-4 * np.abs(expected).max())
    if kind == "INT64":
        done = subprocess.run([sys.executable, "-m", "langevin", "sample", *flags, "--steps", "5", "-n", "2", "--out", str(out)], capture_output=True, text=True)
        assert done.returncode == 1 and "whole numbers for time" in done.stderr
