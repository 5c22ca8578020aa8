"""Runs a langevin plan of tokens (JSON, version 1) with numpy: run(plan, net, rows) returns rows × d letters.

net(x, alpha, branch) returns the leave-one-out denoiser D, rows × d × V; rows is a list of (seed, index).
"""  # ruff: noqa: E701, E731
import numpy as np
U = np.uint64
total = lambda z: z.cumsum(-1)[..., -1:]  # sums run in the order of the letters
entropy = lambda p: total(-p * np.log(np.where(p > 0, p, 1)))[..., 0]
pick = lambda w, u: np.minimum((u[..., None] * total(w) >= w.cumsum(-1)).sum(-1), w.shape[-1] - 1 - (w[..., ::-1] > 0).argmax(-1))
at, before = lambda z, i: np.take_along_axis(z, i, -1), lambda z: np.insert(z.cumsum(-1), 0, 0, -1)[..., :-1]
def uniforms(rows, draw, d):  # Philox4x32-10, 52 bits of two words
    (seed, index), e, low = (np.array(word, U)[:, None] for word in zip(*rows)), np.arange(d, dtype=U), U(0xFFFFFFFF)
    k, c = [seed & low, seed >> U(32)], np.broadcast_arrays(e // U(2), U(draw), index & low, index >> U(32))
    for _ in range(10):
        a, b = U(0xD2511F53) * c[0], U(0xCD9E8D57) * c[2]
        c = [(b >> U(32)) ^ c[1] ^ k[0], b & low, (a >> U(32)) ^ c[3] ^ k[1], a & low]
        k = [(k[0] + U(0x9E3779B9)) & low, (k[1] + U(0xBB67AE85)) & low]
    lo, hi = (np.where(e % U(2), c[j + 2], c[j]) for j in (0, 1))
    return ((hi << U(20) | lo >> U(12)).astype(float) + 0.5) * 2.0**-52
def shape(op, z):
    if not op.keys() & {"temperature", "top_k", "top_p"}: return z
    if "temperature" in op: z = (z / z.max(-1, keepdims=True)) ** (1 / op["temperature"])
    order = np.argsort(-z, -1, kind="stable")
    z = np.where(np.argsort(order, -1) < op.get("top_k", z.shape[-1]), z, 0)
    z = np.where(at(before(at(z, order)), np.argsort(order, -1)) < op.get("top_p", 2) * total(z), z, 0)
    return z / total(z)
def blend(op, s, pi):
    x, a, how, log = s[op.get("x", 0)], op.get("alpha", 0), op.get("as"), op.get("how") == "log"
    z = sum(c * (np.log(np.maximum(s[b], 1e-300)) if log else s[b]) for c, b in op["terms"])
    if log: z = np.where(sum((c > 0) * s[b] for c, b in op["terms"]) > 0, np.exp(z - z.max(-1, keepdims=True)), 0)
    z = shape(op, z / total(z) if log else np.maximum(z, 0))
    if how is None: return z
    law = a * np.pad(z, [(0, 0), (0, 0), (0, len(pi) - z.shape[-1])]) + (1 - a) * pi
    if how == "conditional": return law
    V, one = z.shape[-1], np.arange(len(pi)) == x[..., None]
    if how == "posterior": return z * (np.where(one, a, 0) + ((1 - a) * pi[x])[..., None])[..., :V]
    q, scaled = np.where(pi > 0, pi / (a or 1), 0), np.where(pi > 0, law / (a or 1), np.pad(z, [(0, 0), (0, 0), (0, len(pi) - V)]))
    r, e = pi[x][..., None] * scaled / at(law, x[..., None]), op["eta"] ** 2
    return np.where(one, 0, np.maximum(np.maximum(r - q, 0.5 * (1 + e) * r - 0.5 * (1 - e) * q), 0))
def jump(op, s, x, u, pi):
    if "rates" in op:
        jumps = -np.expm1(-op["h"] * total(s[op["rates"]])[..., 0])
        return np.where(u < jumps, pick(s[op["rates"]], u / np.maximum(jumps, 1e-300)), x)
    noise, clean = (1 - op["alpha"]) * pi[x], s[op["clean"]]
    nu = np.where(x == clean, np.where(noise > 0, noise / (op["alpha"] + noise + (noise <= 0)), 0), 1)
    to, keep = nu * op["unmask"] + (1 - nu) * (1 - op["remask"]), nu * op["keep"]
    return np.where(u < to, clean, np.where(u < to + keep, x, pick(pi, (u - to - keep) / np.maximum(1 - to - keep, 1e-300))))
def select(op, s, rows, mask):
    yes, no, b, (first, end) = s[op["yes"]], s[op["no"]], s[op.get("belief", 0)], op.get("among", (0, s[op["no"]].shape[1]))
    ok = ((no == mask) | (mask is None)) & (np.arange(no.shape[1]) >= first) & (np.arange(no.shape[1]) < end)
    p = at(b, np.minimum(yes, b.shape[-1] - 1)[..., None])[..., 0] if "belief" in op else None
    score = {"random": lambda: uniforms(rows, op["draw"], no.shape[1]), "order": lambda: 0.0 * no - np.argsort(op["order"]),
             "entropy": lambda: -entropy(b), "margin": lambda: np.diff(np.sort(b, -1)[..., -2:])[..., 0], "confidence": lambda: np.log(p)}[op["by"]]()
    if "noise" in op: score = score - op["noise"][0] * np.log(-np.log(uniforms(rows, op["noise"][1], no.shape[1])))
    order, n = np.lexsort((-score, ~ok)), op.get("count")
    if "bound" in op: n = (before(at(entropy(b), order)) <= op["bound"]).sum(-1, keepdims=True)
    if "above" in op: n = np.maximum(np.logical_and.accumulate(at((p >= op["above"]) & ok, order), -1).sum(-1, keepdims=True), 1)
    return np.where(ok & (np.argsort(order, -1) < n), yes, no)
def run(plan, net, rows):
    assert (plan["kind"], plan["version"]) == ("tokens", 1), "not a plan of tokens, version 1"
    noise, V, d, s = plan["space"]["noise"], plan["space"]["vocab"], plan["space"]["length"], [None] * plan["slots"]
    pi, mask = (np.eye(V + 1)[V], V) if noise == "masked" else (np.full(V, 1 / V) if noise == "uniform" else np.array(noise["prior"]), None)
    for op in plan["ops"]:
        u, x = uniforms(rows, op["draw"], d) if "draw" in op else None, s[op.get("from", 0)]
        if op["op"] == "eval":
            for out in op["out"]:
                D = net(x, op["alpha"], out["branch"])  # a masked network knows nothing of a token that it sees
                s[out["into"]] = D if mask is None else np.where((x == mask)[..., None], D / total(D), np.eye(V + 1)[x][..., :V])
        elif op["op"] == "fill": s[op["into"]] = np.full((len(rows), d), op["letter"]) if "letter" in op else pick(pi, u)
        elif op["op"] == "blend": s[op["into"]] = blend(op, s, pi)
        elif op["op"] == "draw": s[op["into"]] = pick(s[op["from"]], u)
        elif op["op"] == "jump": s[op["into"]] = jump(op, s, x, u, pi)
        else: s[op["into"]] = select(op, s, rows, mask)
    return s[plan["result"]]
