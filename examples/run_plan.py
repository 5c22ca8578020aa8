"""Runs a langevin plan (JSON, version 1) with numpy: run(plan, model, draws, inputs).

model(x, time, alpha, sigma, branch) returns the network's output (or D itself where an evaluation has no "net"); draws[k] is the noise of draw k.
"""
import functools, operator
import numpy as np


def apply(kind, args, xs):
    if kind == "clamp":
        return np.clip(xs[0], args["min"], args["max"])
    if kind == "threshold":
        rows = xs[0].reshape(len(xs[0]), -1)
        s = np.clip(np.quantile(np.abs(rows), args["ratio"], axis=1, keepdims=True), 1, args["max"])
        return (np.clip(rows, -s, s) / s).reshape(xs[0].shape)
    if kind == "mul":
        return xs[0] * xs[1]
    if kind == "learned_std":
        return np.exp(0.5 * (1 + xs[0]) * np.log(args["large"]) + 0.5 * (1 - xs[0]) * np.log(args["small"]))
    raise ValueError(f"no such map: {kind}")


def run(plan, model, draws, inputs=()):
    assert plan["version"] == 1, f"plan version {plan['version']}, expected 1"
    slots = [None] * plan["slots"]
    for spec, value in zip(plan["inputs"], inputs, strict=True):
        slots[spec["slot"]] = value
    for op in plan["ops"]:
        if op["op"] == "eval":
            x, net = slots[op["from"]], op["net"]
            s, time = (net["scale"], net["time"]) if net else (1.0, op["time"])
            for out in op["out"]:
                y = model(s * x, time, s * op["alpha"], s * op["sigma"], out["branch"])
                slots[out["into"]] = net["A"] * x + net["B"] * y if net else y
        elif op["op"] == "combine":
            parts = [c * slots[s] for c, s in op["terms"]] + [c * draws[d] for c, d in op["noise"]]
            slots[op["into"]] = functools.reduce(operator.add, parts)
        else:
            slots[op["into"]] = apply(op["kind"], op["args"], [slots[s] for s in op["from"]])
    return slots[plan["result"]]
