"""Normals per second of numpy and, where it is installed, of torch, on one core: the peers of `cargo bench -p langevin-bench --bench noise`."""
import time

import numpy as np

N = 1 << 20


def best(call, repeats=60):
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return N / min(times) / 1e6


rng = np.random.default_rng(0)
print(f"numpy {np.__version__} standard_normal(float32): {best(lambda: rng.standard_normal(N, dtype=np.float32)):.0f} M/s")
try:
    import torch
except ImportError:
    print("torch is not installed")
else:
    torch.set_num_threads(1)
    out = torch.empty(N)
    print(f"torch {torch.__version__} randn: {best(lambda: torch.randn(N)):.0f} M/s, in place: {best(lambda: out.normal_()):.0f} M/s")
