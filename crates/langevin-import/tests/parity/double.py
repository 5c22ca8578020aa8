"""Reruns the recorded cases of the schedulers whose own arithmetic is float32 with that arithmetic in float64.

Writes `double.jsonl` beside this file: {"id", "out"} for every case whose recorded result does not lie well within its
tolerance of this one: within nine tenths of max(1e-5, 10 ulp). In float64 are the state, alpha and sigma, the logarithms
and the weights; the noise levels stay the float32 numbers that they are, but those that the ancestral KDPM2 makes of them.
So what is listed is what float32 alone does to the original.

Run as record.py is run.
"""

import inspect
import json
import sys
import types

import numpy as np
import torch

import cases
import record

CLASSES = ["DPMSolverMultistep", "DPMSolverMultistepInverse", "DPMSolverSinglestep", "DEISMultistep", "UniPCMultistep", "SASolver",
           "KDPM2AncestralDiscrete"]


def double(cls):
    """The same class from the same source, with float64 for float32 inside its steps."""
    old = inspect.getmodule(cls)
    text = inspect.getsource(old).replace("from ..", "from diffusers.").replace("from .sch", "from diffusers.schedulers.sch")
    start = text.index("    def convert_model_output")
    text = text[:start] + text[start:].replace("torch.float32", "torch.float64")
    new = types.ModuleType(old.__name__ + "_double")
    sys.modules[new.__name__] = new
    exec(compile(text, old.__file__, "exec"), new.__dict__)
    new.randn_tensor = record.randn
    cls = getattr(new, cls.__name__)
    place = cls.set_timesteps

    def set_timesteps(self, *args, **kwargs):
        place(self, *args, **kwargs)
        self.sigmas = self.sigmas.double()

    cls.set_timesteps = set_timesteps
    return cls


def double_ancestral(cls):
    """KDPM2Ancestral with its levels made from sigma in float64: down = sigma_to^2/sigma, and the middle in ln between sigma and it."""

    def set_timesteps(self, *args, **kwargs):
        cls.set_timesteps(self, *args, **kwargs)
        self.sigmas = self.sigmas.double()
        high = self.sigmas[0 : -2 : 2]
        low = self.sigmas[2::2]
        rows = {"down": low**2 / high, "up": low * ((high - low) * (high + low)).sqrt() / high, "interpol": low}
        for name, row in rows.items():
            row = torch.cat([row, row.new_zeros(1)])
            setattr(self, "sigmas_" + name, torch.cat([row[:1], row[1:].repeat_interleave(2), row[-1:]]))

    return type(cls.__name__, (cls,), {"set_timesteps": set_timesteps})


def main():
    lines = map(json.loads, open(record.HERE / "diffusers.jsonl"))
    recorded = {line["id"]: line for line in lines if "out" in line}
    record.patch()
    out = []
    for name in CLASSES:
        predictions, options = cases.CASES[name + "Scheduler"]
        for label, settings in options:
            for prediction in predictions:
                for steps in settings.get("steps", cases.STEPS):
                    line = recorded.get(f"{name}/{prediction}/{label}/{steps}")
                    if line is None:
                        continue
                    case = record.Case(name + "Scheduler", prediction, label, settings, steps)
                    case.cls = (double_ancestral if name.startswith("KDPM2") else double)(case.cls)
                    got = np.asarray(case.go(record.Tables())).reshape(-1)
                    gap = np.abs(got - np.array(line["out"])).max()
                    if gap > 0.9 * max(1e-5, 10 * line.get("ulp", 0.0)):
                        out.append(json.dumps({"id": line["id"], "out": [float(f"{v:.12g}") for v in got]}))
                        print(line["id"], f"{gap:.2e}")
    record.write("double.jsonl", out)


if __name__ == "__main__":
    main()
