"""Writes language.onnx, a small masked language model with random weights.

It has four letters and the mask 4. The logits of a token depend on it and on its two neighbours.
Needs numpy and onnx.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LETTERS, MASK, WIDTH = 4, 4, 8


def model():
    """Return the model: an embedding, a convolution over three tokens, and the axes in order."""
    random = np.random.default_rng(0)
    weights = {
        "embedding": random.normal(size=(MASK + 1, WIDTH)),
        "kernel": random.normal(size=(LETTERS, WIDTH, 3)) / np.sqrt(WIDTH),
        "bias": random.normal(size=LETTERS) / 4,
    }
    nodes = [
        helper.make_node("Gather", ["embedding", "input_ids"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["channels"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["channels", "kernel", "bias"], ["columns"], kernel_shape=[3], pads=[1, 1]),
        helper.make_node("Transpose", ["columns"], ["logits"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "language",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["rows", "length"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", "length", LETTERS])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    return helper.make_model(graph, producer_name="language.py", ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


if __name__ == "__main__":
    made = model()
    onnx.checker.check_model(made)
    pathlib.Path(__file__).with_name("language.onnx").write_bytes(made.SerializeToString())
