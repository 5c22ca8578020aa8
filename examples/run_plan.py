"""Runs a langevin plan (JSON, version 1) with numpy: run(plan, model, draws, inputs).

model(x, time, alpha, sigma, branch) returns the network's output (or D itself where an evaluation has no "net"); draws[k] is the noise of draw k.
"""
import functools, operator
import numpy as np


def apply(kind, args, xs):
    if kind == "clamp":
        return np.clip(xs[0], args["min"], args["max"])
    if kind == "threshold":
        s = np.clip(np.quantile(np.abs(xs[0]), args["ratio"], axis=-1, keepdims=True), 1, args["max"])
        return np.clip(xs[0], -s, s) / s
    if kind == "mul":
        return xs[0] * xs[1]
    if kind == "learned_std":
        return np.exp(0.5 * (1 + xs[0]) * np.log(args["large"]) + 0.5 * (1 - xs[0]) * np.log(args["small"]))
    raise ValueError(f"no such map: {kind}")


def run(plan, model, draws, inputs=()):
    slots = [None] * plan["slots"]
    for spec, value in zip(plan["inputs"], inputs, strict=True):
        slots[spec["slot"]] = value
    for op in plan["ops"]:
        if op["op"] == "eval":
            x, net = slots[op["from"]], op["net"] or {"scale": 1, "time": op["time"], "A": 0, "B": 1}
            scale = net["scale"]
            for out in op["out"]:
                y = model(scale * x, net["time"], scale * op["alpha"], scale * op["sigma"], out["branch"])
                slots[out["into"]] = net["A"] * x + net["B"] * y
        elif op["op"] == "combine":
            parts = [c * slots[s] for c, s in op["terms"]] + [c * draws[d] for c, d in op["noise"]]
            slots[op["into"]] = functools.reduce(operator.add, parts)
        else:
            slots[op["into"]] = apply(op["kind"], op["args"], [slots[s] for s in op["from"]])
    return slots[plan["result"]]
