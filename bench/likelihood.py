"""Time and value of likelihoods of the same network: this library's command against torch and torchdiffeq, in one run.

    cargo build --release -p langevin-cli
    target/release/langevin train --data digits --dequantize --hold-out 0.2 --weight likelihood --adaptive --minutes 1 --out /tmp/digits.safetensors
    python3 bench/likelihood.py target/release/langevin /tmp/digits.safetensors [ROWS] [REPEATS]     # needs numpy, torch, torchdiffeq

The torch side reads the weights from the model file and writes the network out again, so that equal numbers say that both are right. Both integrate dz/dl = z − D, l = ln σ/α, with
Dormand–Prince of the same tolerance, two threads, in single precision. torchdiffeq has one step for the whole batch; here every row has its own.
"""
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torchdiffeq import odeint

binary, model = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
repeats = int(sys.argv[4]) if len(sys.argv) > 4 else 3
torch.set_num_threads(2)

raw = Path(model).read_bytes()
length = int.from_bytes(raw[:8], "little")
header = json.loads(raw[8 : 8 + length])
document = json.loads(header.pop("__metadata__")["langevin"])
weights = {}
for name, entry in header.items():
    if entry["dtype"] == "F32":
        first, last = entry["data_offsets"]
        weights[name] = torch.tensor(np.frombuffer(raw[8 + length :][first:last], "<f4").reshape(entry["shape"]).copy())
spec, formulation = document["network"], document["formulation"]
assert "rectified" in json.dumps(formulation["process"]) and not spec.get("waves"), "a rectified flow without waves is what is written out below"
depth, cosines = spec["depth"], spec["fourier"]
normalization = document["normalization"]
shift, scale = (torch.tensor(normalization[name], dtype=torch.float64) for name in ("shift", "scale"))
dim = math.prod(document["data"]["shape"])


def perceptron(x, f):
    h = x @ weights["in.x"] + f @ weights["in.t"]
    for block in range(depth):
        h = h + torch.nn.functional.silu(h @ weights[f"block.{block}.h"] + f @ weights[f"block.{block}.t"])
    return h @ weights["out.h"] + f @ weights["out.t"]


def denoised(z, y):
    """D(z) for z = x + y ε, out of the velocity ε − x of rectified flow: x_t = z/(1 + y), s = y/(1 + y), D = x_t − s u."""
    s = y / (1 + y)
    alpha = 1 - s
    angle = math.pi * math.sqrt(s) / (math.sqrt(alpha) + math.sqrt(s))
    f = torch.cos(angle * torch.arange(cosines + 1)).expand(len(z), -1)
    x = alpha * z
    # out = k MLP(x/√(α² + σ²)); the velocity has k² = 2 on data of unit variance.
    return x - s * math.sqrt(2) * perceptron(x / math.hypot(alpha, s), f)


def slope(probes):
    """(z − D, d − tr ∂D/∂z), the trace from these cotangents; None: all unit vectors."""

    def field(l, state):
        z, _ = state
        y = math.exp(float(l))
        d, back = torch.func.vjp(lambda z: denoised(z, y), z)
        if probes is None:
            eye = torch.eye(dim)[:, None, :].expand(dim, len(z), dim)
            trace = torch.einsum("krk->r", torch.func.vmap(back)(eye)[0])
        else:
            trace = (torch.func.vmap(back)(probes)[0] * probes).sum(-1).mean(0)
        return z - d, dim - trace

    return field


def density(x, low, high, tolerance, probes):
    z = (x - shift) / scale
    volume = float((scale.log() * torch.ones(dim)).sum())
    z = z.float()
    start, calls = time.perf_counter(), [0]
    field = slope(probes)

    def counted(l, state):
        calls[0] += 1
        return field(l, state)

    with torch.no_grad():
        times = torch.tensor([math.log(low), math.log(high)])
        z, logs = odeint(counted, (z, torch.zeros(len(z))), times, rtol=tolerance, atol=tolerance, method="dopri5")
    seconds = time.perf_counter() - start
    z, logs = z[-1].double(), logs[-1].double()
    nats = 0.5 * (z**2).sum(1) / high**2 + dim * math.log(high) + 0.5 * dim * math.log(2 * math.pi) - logs
    return nats + volume, seconds, calls[0]


digits = Path(__file__).parent.parent / "crates/langevin-train/data/digits.bin"
pictures = np.fromfile(digits, np.uint8)[: 1797 * 64].reshape(1797, 64)[:count]
rows = (pictures + np.random.default_rng(0).random(pictures.shape)).astype(np.float32)
folder = Path(tempfile.mkdtemp())
np.save(folder / "rows.npy", rows)
out = folder / "nats.npy"


def ours(*flags):
    command = [binary, "likelihood", model, "--data", str(folder / "rows.npy"), "--json", "--threads", "2", "--out", str(out), *flags]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return np.load(out)[:, 0], found


print(f"torch {torch.__version__}, {count} digits, {repeats} runs of each, medians\n")
print("| | s for 1,000 digits | evaluations | mean nats |\n|---|---|---|---|")
scaled = 1000 / count


def line(name, seconds, evaluations, nats):
    print(f"| {name} | {np.median(seconds) * scaled:.2f} | {evaluations} | {nats:.3f} |", flush=True)


runs = [ours("--method", "bound") for _ in range(repeats)]
line("bound, 64 levels a datum", [found["seconds"] for _, found in runs], runs[0][1]["nfe"], runs[0][0].mean())
for name, flag, k, tolerance in [("exact divergence", "exact", None, 1e-5), ("8 probes", "hutchinson:8", 8, 1e-5), ("1 probe", "hutchinson:1", 1, 1e-5)]:
    pairs = []
    for repeat in range(repeats):
        mine = ours("--method", "ode", "--divergence", flag, "--tolerance", str(tolerance))
        _, found = mine
        generator = torch.Generator().manual_seed(repeat)
        probes = None if k is None else torch.randint(0, 2, (k, count, dim), generator=generator).float() * 2 - 1
        theirs = density(torch.tensor(rows).double(), found["sigma_min"], found["sigma_max"], tolerance, probes)
        pairs.append((mine, theirs))
    (nats, found), (other, _, calls) = pairs[0]
    line(f"ODE, {name}", [mine[1]["seconds"] for mine, _ in pairs], f"at most {found['nfe']}", nats.mean())
    line(f"torchdiffeq, {name}", [theirs[1] for _, theirs in pairs], calls, float(other.mean()))
    ratio = np.median([mine[1]["seconds"] / theirs[1] for mine, theirs in pairs])
    print(f"| ratio of times; largest difference of a datum | {ratio:.2f} | | {np.abs(nats - other.numpy()).max():.4f} |")
