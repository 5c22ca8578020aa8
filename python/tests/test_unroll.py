"""A plan unrolled around an ONNX network is one graph, which returns the samples of `langevin sample`."""

import os

import numpy as np
import pytest
from test_onnx import FILE, FLAGS, command, graph, onnxruntime, port, saved, velocity

import langevin

onnx = pytest.importorskip("onnx")
SEED = 2**33 + 7
EPSILON = langevin.Formulation("table:linear", "epsilon")


def normals(draws, rows, shape, first=0):
    """The noise of langevin: `draws` draws for each row."""
    names = {}
    exec(langevin.Plan("ddpm", steps=2).emit("numpy"), names)
    width = int(np.prod(shape))
    draw = [names["normal"](SEED, range(first, first + rows), draw, width).reshape(rows, *shape) for draw in range(draws)]
    return np.stack(draw) if draws > 1 else draw[0]


def samples(file, rows, shape, first=0, **inputs):
    """The samples of an unrolled file, from langevin's noise; the file is checked first."""
    content = file if isinstance(file, bytes) else file.read_bytes()
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(content)
    assert [output.name for output in session.get_outputs()] == ["samples"]
    for port in session.get_inputs():
        if port.name == "noise":
            draws = port.shape[0] if len(port.shape) == len(shape) + 2 else 1
            double = port.type == "tensor(double)"
            inputs["noise"] = normals(draws, rows, shape, first).astype(np.float64 if double else np.float32)
    return session.run(None, inputs)[0]


def unrolled(tmp_path, *flags):
    out = tmp_path / "unrolled.onnx"
    done = command("plan", *flags, "--emit", "onnx", "--out", str(out))
    return out, done.stderr


def sampled(tmp_path, *flags, count=5):
    out = tmp_path / "s.npy"
    command("sample", *flags, "-n", str(count), "--seed", str(SEED), "--out", str(out))
    return np.load(out)


def close(found, expected, tolerance=1e-6):
    assert found.shape == expected.shape
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    assert difference < tolerance, difference


@pytest.mark.parametrize("sampler", [
    "--sampler ddim --steps 4", "--sampler dpmpp-2m --steps 20", "--sampler heun --steps 7", "--sampler unipc --steps 12",
    "--sampler ddpm --steps 10", "--sampler dpmpp-sde --steps 5", "--sampler dpmpp-3m-sde --steps 8",
    "--sampler ddim --steps 10 --grid trailing", "--moves (R L(0.5))*6",
])
def test_the_graph_returns_the_samples_of_the_command(tmp_path, sampler):
    flags = ["--moves", sampler[8:]] if sampler.startswith("--moves") else sampler.split()
    file, stderr = unrolled(tmp_path, *FLAGS, *flags)
    assert "inputs: noise (float32 [" in stderr and "output: samples (float32 [rows, 1, 8, 8])" in stderr
    expected = sampled(tmp_path, *FLAGS, *flags)
    # The samples are single precision, 6e-8, and so is the network, whose rounding the batch changes.
    close(samples(file, 5, (1, 8, 8)), expected)
    # The number of rows is open.
    close(samples(file, 2, (1, 8, 8), first=1), expected[1:3])


def test_weights_are_kept_once(tmp_path):
    file, _ = unrolled(tmp_path, *FLAGS, "--steps", "20")
    model = onnx.load(file)
    assert file.stat().st_size < FILE.stat().st_size + 120_000
    own = onnx.load(FILE)
    kept = {tensor.name: tensor for tensor in model.graph.initializer}
    assert all(kept[tensor.name] == tensor for tensor in own.graph.initializer)
    assert sum(node.op_type == "Gemm" for node in model.graph.node) == 20 * sum(node.op_type == "Gemm" for node in own.graph.node)
    assert model.opset_import == own.opset_import


@pytest.mark.parametrize("flags", [["--normalization", "8,8"], ["--trained-range", "0.02,40"]])
def test_flags_of_the_network(tmp_path, flags):
    file, _ = unrolled(tmp_path, *FLAGS, "--sampler", "ddim", "--steps", "6", *flags)
    close(samples(file, 5, (1, 8, 8)), sampled(tmp_path, *FLAGS, "--sampler", "ddim", "--steps", "6", *flags))


@pytest.mark.parametrize("flags", ["--clamp -0.9,0.8", "--threshold 0.9,2", "--threshold 1,5", "--threshold 0.001,1"])
def test_bounded_predictions(tmp_path, flags):
    saved = ["--sampler", "ddim", "--steps", "6", "--sigma-min", "0.02", *flags.split(), "--out", str(tmp_path / "plan.json")]
    command("plan", *FLAGS[2:], *saved)
    plan = langevin.Plan.load(tmp_path / "plan.json")
    expected = plan.run(langevin.OnnxNetwork(FILE, EPSILON), (5, 1, 8, 8), seed=SEED, dtype="float64")
    close(samples(plan.to_onnx(FILE), 5, (1, 8, 8)), expected)
    assert np.abs(expected).max() <= 1 + 1e-12


@pytest.mark.parametrize("kind", ["FLOAT", "FLOAT16", "DOUBLE", "INT32", "INT64"])
@pytest.mark.parametrize("shape", [[], [1], ["rows"], ["rows", 1], ["rows", 1, 1, 1], [1, 1]])
def test_times_of_every_type_and_shape(tmp_path, kind, shape):
    file = tmp_path / "g.onnx"
    graph(file, kind, shape)
    flags = ["--onnx", str(file), "--process", "table:linear", "--predict", "epsilon", "--sampler", "ddim", "--grid", "trailing", "--steps", "10"]
    out, _ = unrolled(tmp_path, *flags)
    close(samples(out, 3, (3,)), sampled(tmp_path, *flags, count=3))


def test_a_time_between_two_integers_is_refused(tmp_path):
    file = tmp_path / "g.onnx"
    graph(file, "INT64", ["rows"])
    flags = ["--onnx", str(file), "--process", "table:linear", "--predict", "epsilon", "--emit", "onnx", "--out", str(tmp_path / "u.onnx")]
    assert "whole numbers for time" in command("plan", *flags, "--steps", "5", fails=1).stderr


@pytest.mark.parametrize("x, time, out", [
    ("FLOAT16", "FLOAT16", "FLOAT16"), ("FLOAT", "FLOAT16", "FLOAT"), ("BFLOAT16", "FLOAT", "FLOAT"), ("DOUBLE", "DOUBLE", "DOUBLE"),
    ("FLOAT16", "DOUBLE", "DOUBLE"),
])
def test_networks_of_every_precision(tmp_path, x, time, out):
    flags = ["--onnx", str(velocity(tmp_path / "g.onnx", x, time, out, ["rows"])), "--process", "rectified-flow", "--predict", "velocity", "--steps", "8"]
    file, stderr = unrolled(tmp_path, *flags)
    double = "DOUBLE" in (x, out)
    assert ("samples (float64 [rows, 2])" if double else "samples (float32 [rows, 2])") in stderr
    # A rounding to half precision may fall on the other side of a tie.
    rough = 0.02 if "BFLOAT16" in (x, out) else 0.002 if "FLOAT16" in (x, out) else 1e-6
    close(samples(file, 50, (2,)), sampled(tmp_path, *flags, count=50), rough)


def conditional(path, rows="rows", **changes):
    """v = tanh(c_label·s·x·w + t·b + shift), with a branch that reads tensors from outside, a loop, a local function, constants
    as nodes, and an output without use."""
    helper, types = onnx.helper, onnx.TensorProto
    tensor = onnx.numpy_helper.from_array

    def inner(op, name):
        nodes = [helper.make_node("Constant", [], ["two"], value=tensor(np.array(2, np.float32))), helper.make_node(op, ["time", "two"], [name])]
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(name, types.FLOAT, None)])

    body = helper.make_graph(
        [
            helper.make_node("Add", ["sum_in", "gain"], ["sum_out"]),
            helper.make_node("Identity", ["cond_in"], ["cond_out"]),
        ],
        "body",
        [port("i", "INT64", []), port("cond_in", "BOOL", []), helper.make_tensor_value_info("sum_in", types.FLOAT, None)],
        [port("cond_out", "BOOL", []), helper.make_tensor_value_info("sum_out", types.FLOAT, None)],
    )
    scaled = helper.make_function("own", "Scaled", ["a", "b"], ["c"], [helper.make_node("Mul", ["a", "b"], ["c"])], [helper.make_opsetid("", 17)])
    nodes = [
        helper.make_node("Gather", ["table", "class_labels"], ["gain"], name="class"),
        helper.make_node("Constant", [], ["column"], value=tensor(np.array([-1, 1], np.int64))),
        helper.make_node("Reshape", ["t", "column"], ["time"]),
        helper.make_node("If", ["yes"], ["doubled"], then_branch=inner("Mul", "then"), else_branch=inner("Div", "else")),
        helper.make_node("Mul", ["time", "zero"], ["nothing"]),
        helper.make_node("Loop", ["three", "yes", "nothing"], ["looped"], body=body),
        helper.make_node("Scaled", ["x", "looped"], ["gained"], domain="own"),
        helper.make_node("Add", ["gained", "doubled"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["v"], name="last"),
        helper.make_node("Exp", ["sum"], ["unused"]),
    ]
    constants = [
        tensor(np.array([[0.1, -0.2], [0.3, 0.1], [-0.2, 0.2]], np.float32), "table"), tensor(np.array(True), "yes"),
        tensor(np.array(3, np.int64), "three"), tensor(np.array(0, np.float32), "zero"),
    ]
    inputs = [port("x", "FLOAT", [rows, 2]), port("class_labels", "INT64", [rows]), port("t", "FLOAT", [rows])]
    outputs = [port("unused", "FLOAT", [rows, 2]), port("v", "FLOAT", [rows, 2])]
    made = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, constants), functions=[scaled], ir_version=8,
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("own", 1)],
    )
    onnx.helper.set_model_props(made, {"author": "somebody"})
    onnx.save(made, path)
    return path


LABELS = np.array([0, 1, 2, 1])
FLOW = ["--process", "rectified-flow", "--predict", "velocity", "--output", "v", "--steps", "6"]


@pytest.mark.parametrize("rows", ["rows", 4])
def test_classes_branches_loops_and_functions(tmp_path, rows):
    net = conditional(tmp_path / "net.onnx", rows)
    np.save(tmp_path / "labels.npy", LABELS)
    file, stderr = unrolled(tmp_path, "--onnx", str(net), *FLOW)
    assert f"inputs: noise (float32 [{rows}, 2]), class_labels (int64 [{rows}])" in stderr
    expected = sampled(tmp_path, "--onnx", str(net), *FLOW, "--input", f"class_labels={tmp_path / 'labels.npy'}", count=4)
    close(samples(file, 4, (2,), class_labels=LABELS), expected)
    model = onnx.load(file)
    count = lambda op: sum(node.op_type == op for node in model.graph.node)
    # The class does not depend on the step, and one output is not read.
    assert count("Tanh") == 6 and count("Exp") == 0 and sum(node.name == "class" for node in model.graph.node) == 1
    assert [function.name for function in model.functions] == ["Scaled"] and model.metadata_props[0].value == "somebody"


def test_guidance_has_inputs_for_both_branches(tmp_path):
    net = conditional(tmp_path / "net.onnx")
    np.save(tmp_path / "labels.npy", LABELS)
    np.save(tmp_path / "none.npy", np.array([0]))
    guided = ["--onnx", str(net), *FLOW, "--guidance", "2.5"]
    file, stderr = unrolled(tmp_path, *guided)
    assert "class_labels_unconditional (int64 [rows])" in stderr
    given = ["--input", f"class_labels={tmp_path / 'labels.npy'}", "--uncond-input", f"class_labels={tmp_path / 'none.npy'}"]
    expected = sampled(tmp_path, *guided, *given, count=4)
    close(samples(file, 4, (2,), class_labels=LABELS, class_labels_unconditional=np.zeros(4, np.int64)), expected)
    refused = command("plan", *FLAGS, "--guidance", "2", "--emit", "onnx", "--out", str(tmp_path / "u.onnx"), fails=2)
    assert "no condition to leave out" in refused.stderr


def test_in_python_a_plan_is_converted(tmp_path):
    network = langevin.OnnxNetwork(FILE, EPSILON)
    plan = langevin.Plan("dpmpp-2m", "rectified-flow", steps=8, network=langevin.Formulation("rectified-flow", "velocity"), sigma_min=0.02)
    expected = plan.run(network, (4, 1, 8, 8), seed=SEED, dtype="float64")
    close(samples(plan.to_onnx(FILE, formulation=EPSILON), 4, (1, 8, 8)), expected)
    # The command reads a saved plan.
    plan.save(tmp_path / "plan.json")
    file, stderr = unrolled(tmp_path, str(tmp_path / "plan.json"), *FLAGS)
    assert "the plan was made for" in stderr or "converted" in stderr, stderr
    close(samples(file, 4, (1, 8, 8)), expected)


def test_inputs_of_a_plan(tmp_path):
    plan = langevin.Plan("repaint", steps=4, network=EPSILON, sigma_min=0.02)
    assert [name for name in plan.inputs] == ["image", "mask"]
    image, mask = np.linspace(-1, 1, 3 * 64).reshape(3, 1, 8, 8), (np.arange(3 * 64) % 3 == 0).reshape(3, 1, 8, 8)
    image, mask = image.astype(np.float32), mask.astype(np.float32)
    network = langevin.OnnxNetwork(FILE, EPSILON)
    expected = plan.run(network, (3, 1, 8, 8), seed=SEED, inputs=[np.float64(image), np.float64(mask)], dtype="float64")
    close(samples(plan.to_onnx(FILE), 3, (1, 8, 8), image=image, mask=mask), expected)


def test_scaled_states_and_clocks(tmp_path):
    flags = ["--onnx", str(velocity(tmp_path / "g.onnx", "FLOAT", "FLOAT", "FLOAT", ["rows"])), "--process", "ve", "--predict", "edm"]
    flags += ["--clock", "quarter-log-sigma", "--input-sigma-data", "0.5", "--sampler", "heun", "--steps", "5", "--sigma-max", "10"]
    file, _ = unrolled(tmp_path, *flags)
    close(samples(file, 6, (2,)), sampled(tmp_path, *flags, count=6))


def test_names_that_the_network_uses_are_left_to_it(tmp_path):
    steps = [("Mul", ["x", "samples"], ["noise"]), ("Add", ["noise", "langevin/0"], ["out"])]
    constants = [("samples", np.array(0.5, np.float32)), ("langevin/0", np.array(0.1, np.float32))]
    inputs = [port("x", "FLOAT", ["rows", 2]), port("t", "FLOAT", ["rows"])]
    net = saved(tmp_path / "net.onnx", steps, inputs, [port("out", "FLOAT", ["rows", 2])], constants)
    plan = langevin.Plan("ddim", steps=3, network=langevin.Formulation("rectified-flow", "velocity"))
    session = onnxruntime.InferenceSession(plan.to_onnx(net))
    assert [session.get_inputs()[0].name, session.get_outputs()[0].name] == ["noise_", "samples_"]
    expected = plan.run(langevin.OnnxNetwork(net, plan.network), (3, 2), seed=SEED, dtype="float64")
    close(session.run(None, {"noise_": normals(1, 3, (2,)).astype(np.float32)})[0], expected)


@pytest.mark.parametrize("opset", [8, 9, 11, 13, 18, 21])
def test_files_of_every_age(tmp_path, opset):
    """Constants are inputs as well, as in files of version 3, and a node draws its own noise."""
    helper, types = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Mul", ["x", "half"], ["small"]),
        helper.make_node("RandomNormalLike", ["half"], ["noise"], scale=1e-9),
        helper.make_node("Add", ["small", "noise"], ["out"]),
    ]
    inputs = [port("x", "FLOAT", ["rows", 2]), port("t", "FLOAT", ["rows"]), port("half", "FLOAT", [1])]
    constants = [helper.make_tensor("half", types.FLOAT, [1], [0.5])]
    made = helper.make_graph(nodes, "g", inputs, [port("out", "FLOAT", ["rows", 2])], constants)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if opset < 10 else 10), tmp_path / "net.onnx")
    flow = langevin.Formulation("rectified-flow", "velocity")
    plan = langevin.Plan("heun", steps=3, network=flow)
    file = plan.to_onnx(tmp_path / "net.onnx")
    model = onnx.load_model_from_string(file)
    assert sum(node.op_type == "RandomNormalLike" for node in model.graph.node) == plan.nfe
    session = onnxruntime.InferenceSession(file)
    assert [port.name for port in session.get_inputs()] == ["noise_"]
    expected = plan.run(lambda x, query: 0.5 * x, (4, 2), seed=SEED, dtype="float64")
    close(session.run(None, {"noise_": normals(1, 4, (2,)).astype(np.float32)})[0], expected)


def test_weights_in_a_file_of_their_own(tmp_path):
    folder = tmp_path / "net"
    folder.mkdir()
    onnx.save(onnx.load(FILE), folder / "net.onnx", save_as_external_data=True, location="net.bin", size_threshold=1024)
    flags = ["--onnx", str(folder / "net.onnx"), *FLAGS[2:], "--sampler", "ddim", "--steps", "4", "--emit", "onnx", "--out"]
    refused = command("plan", *flags, str(tmp_path / "u.onnx"), fails=2)
    assert "beside 'net.bin'" in refused.stderr and not (tmp_path / "u.onnx").exists()
    assert "beside 'net.bin'" in command("plan", *flags, str(folder / "net.bin"), fails=2).stderr
    command("plan", *flags, str(folder / "u.onnx"))
    session = onnxruntime.InferenceSession(folder / "u.onnx")
    found = session.run(None, {"noise": normals(1, 5, (1, 8, 8)).astype(np.float32)})[0]
    close(found, sampled(tmp_path, *FLAGS, "--sampler", "ddim", "--steps", "4"))


@pytest.mark.parametrize("flags, code, text", [
    ([*FLAGS, "--input", "class"], 2, "no such input (--input class)"),
    ([*FLAGS, "--input", "sample"], 2, "two inputs without a value"),
    ([*FLAGS, "--output", "epsilom"], 2, "did you mean 'epsilon'?"),
    ([*FLAGS, "--steps", "40000", "--grid", "uniform-lambda"], 2, "at most 1048576 nodes"),
    ([*FLAGS, "--clock", "seconds"], 2, "unknown clock"),
    ([*FLAGS[:2], "--process", "vp"], 2, "expected --predict"),
    (FLAGS[2:], 2, "expected --onnx FILE"),
    (["--onnx", "missing.onnx", *FLAGS[2:]], 2, "no such file (--onnx missing.onnx)"),
])
def test_what_is_refused_is_named(tmp_path, flags, code, text):
    done = command("plan", *flags, "--emit", "onnx", "--out", str(tmp_path / "u.onnx"), fails=code)
    assert text in done.stderr and not (tmp_path / "u.onnx").exists(), done.stderr


@pytest.mark.parametrize("change, error, text", [
    ({"inputs": ["clas"]}, langevin.ArgumentError, 'no such input (inputs["clas"])'),
    ({"output": "E"}, langevin.ArgumentError, 'output="E"'),
    ({"network": "missing.onnx"}, langevin.ModelError, "missing.onnx"),
    ({"network": os.devnull}, langevin.ModelError, "no network"),
    ({"normalisation": (0, 1)}, langevin.KeywordError, "did you mean 'normalization'?"),
])
def test_mistakes_in_python_are_clear(change, error, text):
    plan = langevin.Plan("ddim", steps=2, network=EPSILON)
    with pytest.raises(error) as found:
        plan.to_onnx(**{"network": FILE, **change})
    assert text in str(found.value) and "--" not in str(found.value), str(found.value)


def test_emit_names_the_method_for_networks():
    with pytest.raises(langevin.ArgumentError, match="to_onnx"):
        langevin.Plan("ddim").emit("onnx")
    with pytest.raises(langevin.UnknownNameError, match="onnx"):
        langevin.Plan("ddim").emit("onxx")


def test_wrong_graphs_are_refused(tmp_path):
    plan = langevin.Plan("ddim", steps=2, network=EPSILON)
    inputs, outputs = [port("x", "FLOAT", ["rows", 2]), port("t", "FLOAT", ["rows"])], [port("out", "FLOAT", ["rows", 2])]
    swapped = saved(tmp_path / "swapped.onnx", [("Neg", ["y"], ["out"]), ("Neg", ["x"], ["y"])], inputs, outputs)
    with pytest.raises(langevin.ModelError, match=r"not defined before it .*node 0 \(Neg\)"):
        plan.to_onnx(swapped)
    twice = saved(tmp_path / "twice.onnx", [("Neg", ["x"], ["out"]), ("Abs", ["x"], ["out"])], inputs, outputs)
    with pytest.raises(langevin.ModelError, match="defined twice"):
        plan.to_onnx(twice)
    old = onnx.load(swapped)
    old.opset_import[0].version = 7
    onnx.save(old, tmp_path / "old.onnx")
    with pytest.raises(langevin.ModelError, match="operator set is too old"):
        plan.to_onnx(tmp_path / "old.onnx")
    wide = saved(tmp_path / "wide.onnx", [("Concat", ["x", "x"], ["out"], {"axis": 1})], inputs, [port("out", "FLOAT", ["rows", 4])])
    with pytest.raises(langevin.ModelError, match="a learned variance"):
        plan.to_onnx(wide)
    open_shape = saved(tmp_path / "open.onnx", [("Neg", ["x"], ["out"])], [port("x", "FLOAT", ["rows", "n"]), inputs[1]], [port("out", "FLOAT", None)])
    assert plan.to_onnx(open_shape)
    command("plan", *FLAGS[2:], "--threshold", "0.9,2", "--out", str(tmp_path / "plan.json"))
    with pytest.raises(langevin.ArgumentError, match="a threshold needs the shape of a sample"):
        langevin.Plan.load(tmp_path / "plan.json").to_onnx(open_shape)
    content = FILE.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(langevin.ModelError, match="cannot be read"):
        plan.to_onnx(tmp_path / "cut.onnx")
