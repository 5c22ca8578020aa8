"""Runs a langevin plan of tokens (JSON, version 1) with numpy: run(plan, net, rows) returns rows × d letters.
net(x, alpha, branch) returns the leave-one-out denoiser D, rows × d × V numbers; rows is a list of (seed, index)."""
import numpy as np
total, norm, entropy = lambda z: z.cumsum(-1)[..., -1:], lambda z: z / total(z), lambda p: total(-p * np.log(np.where(p > 0, p, 1)))[..., 0]
at, before = lambda z, i: np.take_along_axis(z, i, -1), lambda z: np.insert(z.cumsum(-1), 0, 0, -1)[..., :-1]
pick = lambda w, u: np.minimum((u[..., None] * total(w) >= w.cumsum(-1)).sum(-1), w.shape[-1] - 1 - (w[..., ::-1] > 0).argmax(-1))
def uniforms(rows, draw, d, U=np.uint64):  # Philox4x32-10, 52 bits of two words
    (seed, index), e, low = (np.array(word, U)[:, None] for word in zip(*rows)), np.arange(d, dtype=U), U(0xFFFFFFFF)
    c = np.broadcast_arrays(e // U(2), U(draw), index & low, index >> U(32))
    for k in range(10):
        a, b, key = U(0xD2511F53) * c[0], U(0xCD9E8D57) * c[2], [seed + U(k * 0x9E3779B9), (seed >> U(32)) + U(k * 0xBB67AE85)]
        c = [(b >> U(32)) ^ c[1] ^ key[0] & low, b & low, (a >> U(32)) ^ c[3] ^ key[1] & low, a & low]
    return ((np.where(e % U(2), c[3], c[1]) << U(20) | np.where(e % U(2), c[2], c[0]) >> U(12)).astype(float) + 0.5) * 2.0**-52
def blend(op, s, u, rows, pi, mask):
    x, a, how, log = s[op.get("x", 0)], op.get("alpha", 0), op.get("as"), op.get("how") == "log"
    z = sum(c * (np.log(np.maximum(s[b], 1e-300)) if log else s[b]) for c, b in op["terms"])
    z = norm((sum((c > 0) * s[b] for c, b in op["terms"]) > 0) * np.exp(z - z.max(-1, keepdims=True))) if log else np.maximum(z, 0)
    if op.keys() & {"temperature", "top_k", "top_p"}:
        z = (z / z.max(-1, keepdims=True)) ** (1 / op["temperature"]) if "temperature" in op else z
        order = np.argsort(-z, -1, kind="stable")
        z = np.where(np.argsort(order, -1) < op.get("top_k", z.shape[-1]), z, 0)
        z = norm(np.where(at(before(at(z, order)), np.argsort(order, -1)) < op.get("top_p", 2) * total(z), z, 0))
    law = a * (wide := np.pad(z, [(0, 0), (0, 0), (0, len(pi) - z.shape[-1])])) + (1 - a) * pi
    if how in (None, "conditional"): return law if how else z
    one, own = np.arange(len(pi)) == x[..., None], pi[x][..., None]
    if how == "posterior": return z * (np.where(one, a, 0) + (1 - a) * own)[..., :z.shape[-1]]
    q, r, e = np.where(pi > 0, pi / (a or 1), 0), own * np.where(pi > 0, law / (a or 1), wide) / at(law, x[..., None]), op["eta"] ** 2
    return np.where(one, 0, np.maximum(np.maximum(r - q, 0.5 * (1 + e) * r - 0.5 * (1 - e) * q), 0))
def jump(op, s, u, rows, pi, mask):
    x, a, clean = s[op["from"]], op.get("alpha"), s[op.get("clean", 0)]
    if "rates" in op:
        jumps = -np.expm1(-op["h"] * total(s[op["rates"]])[..., 0])
        return np.where(u < jumps, pick(s[op["rates"]], u / np.maximum(jumps, 1e-300)), x)
    noised = np.where(x == clean, (1 - a) * pi[x] / np.maximum(a + (1 - a) * pi[x], 1e-300), 1)
    to, keep = noised * op["unmask"] + (1 - noised) * (1 - op["remask"]), noised * op["keep"]
    return np.where(u < to, clean, np.where(u < to + keep, x, pick(pi, (u - to - keep) / np.maximum(1 - to - keep, 1e-300))))
def select(op, s, u, rows, pi, mask):
    yes, no, b, place = s[op["yes"]], s[op["no"]], s[op.get("belief", 0)], np.arange(s[op["no"]].shape[1])
    ok = ((no == mask) | (mask is None)) & (place >= op.get("among", [0])[0]) & (place < op.get("among", [len(place)])[-1])
    p = at(b, np.minimum(yes, b.shape[-1] - 1)[..., None])[..., 0] if "belief" in op else None
    score = {"random": lambda: u, "order": lambda: 0.0 * no - np.argsort(op["order"]), "entropy": lambda: -entropy(b),
             "margin": lambda: np.diff(np.sort(b, -1)[..., -2:])[..., 0], "confidence": lambda: np.log(p)}[op["by"]]()
    noise = -op["noise"][0] * np.log(-np.log(uniforms(rows, op["noise"][1], len(place)))) if "noise" in op else 0
    order, n = np.lexsort((-(score + noise), ~ok)), op.get("count")
    if "bound" in op: n = (before(at(entropy(b), order)) <= op["bound"]).sum(-1, keepdims=True)
    if "above" in op: n = np.maximum(np.logical_and.accumulate(at((p >= op["above"]) & ok, order), -1).sum(-1, keepdims=True), 1)
    return np.where(ok & (np.argsort(order, -1) < n), yes, no)
def run(plan, net, rows):
    assert (plan["kind"], plan["version"]) == ("tokens", 1), "not a plan of tokens, version 1"
    noise, V, d, s = plan["space"]["noise"], plan["space"]["vocab"], plan["space"]["length"], [None] * plan["slots"]
    pi, mask = (np.eye(V + 1)[V], V) if noise == "masked" else (np.full(V, 1 / V) if noise == "uniform" else np.array(noise["prior"]), None)
    for op in plan["ops"]:
        u = uniforms(rows, op["draw"], d) if "draw" in op else None
        for out in op.get("out", []):  # a masked network knows nothing of a token that it sees
            D, x = net(s[op["from"]], op["alpha"], out["branch"]), s[op["from"]][..., None]
            s[out["into"]] = D if mask is None else np.where(x == mask, norm(D), x == np.arange(V))
        if "letter" in op: s[op["into"]] = np.full((len(rows), d), op["letter"])
        elif op["op"] in ("fill", "draw"): s[op["into"]] = pick(s[op["from"]] if "from" in op else pi, u)
        elif op["op"] != "eval": s[op["into"]] = {"blend": blend, "jump": jump, "select": select}[op["op"]](op, s, u, rows, pi, mask)
    return s[plan["result"]]
