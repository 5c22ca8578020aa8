"""Records functions of k-diffusion on basis vectors: one line of JSON for each.

    python record.py FOLDER > k_diffusion.jsonl

FOLDER is an unpacked wheel of k-diffusion 0.1.1 (`pip download k-diffusion --no-deps`). Only its file sampling.py is
loaded, with torchdiffeq, torchsde and scipy installed; the package itself imports more.
"""

import json
import sys
import types

import torch

from langevin._trace import adapters
from langevin._trace.record import record


def load(folder):
    package = types.ModuleType("k_diffusion")
    package.__path__ = [f"{folder}/k_diffusion"]
    utils = types.ModuleType("k_diffusion.utils")
    utils.append_dims = lambda x, count: x[(...,) + (None,) * (count - x.ndim)]
    sys.modules["k_diffusion"], sys.modules["k_diffusion.utils"] = package, utils
    package.utils = utils
    import k_diffusion.sampling

    return k_diffusion.sampling


def main():
    sampling = load(sys.argv[1])
    sigmas = sampling.get_sigmas_karras(6, 0.03, 14.6).double()
    plain = ["euler", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde"]
    cases = [(name, {}) for name in plain] + [("heun", {"s_churn": 5.0}), ("euler_ancestral", {"eta": 0.5, "s_noise": 1.0})]
    for name, options in cases:
        write(sampling, name, (sigmas,), options, options, sigmas)
    ends = torch.tensor([14.6, 0.03], dtype=torch.float64)
    levels = torch.logspace(ends[0].log10(), ends[1].log10(), 10, dtype=torch.float64)
    write(sampling, "dpm_fast", (0.03, 14.6), {"n": 9}, {}, levels)


def write(sampling, name, args, options, ours, sigmas):
    call = adapters.find(getattr(sampling, "sample_" + name), None, args, dict(options))
    run = record(call, "float64", None)
    line = dict(name=name, options=ours, sigmas=sigmas.tolist(), roundoff=run.roundoff, calls=run.calls, result=run.result)
    print(json.dumps(line))


main()
