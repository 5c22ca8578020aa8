"""The network of digits.onnx, sampled by diffusers and by langevin from the same noise: the largest difference of a pixel.

    pip install ./python onnxruntime torch diffusers
    python examples/onnx/beside_diffusers.py examples/onnx/digits.onnx

Two comparisons for each scheduler: with its plan (what it does) and, where the sampler has a name here, with the same sampler in the clocks of three processes.
"""

import sys

import diffusers
import numpy as np
import onnxruntime
import torch

import langevin

COUNT, SEED, STEPS = 64, 3, 20
SHAPE = (COUNT, 1, 8, 8)
CONFIG = {"beta_schedule": "linear", "timestep_spacing": "trailing"}
NETWORK = langevin.Formulation("table:linear", "epsilon")
SCHEDULERS = [
    ("DDIMScheduler", {"clip_sample": False}),
    ("DPMSolverMultistepScheduler", {}),
    ("UniPCMultistepScheduler", {}),
    ("EulerDiscreteScheduler", {}),
    ("HeunDiscreteScheduler", {}),
]
session = onnxruntime.InferenceSession(sys.argv[1])


def network(x, time):
    return session.run(None, {"sample": np.asarray(x, np.float32), "timestep": np.full(len(x), time, np.float32)})[0]


def model(x, query):
    return network(x, query.time).astype(x.dtype)


print("| scheduler of diffusers | NFE | largest difference | of the range |\n|---|---|---|---|")
for name, options in SCHEDULERS:
    plan = langevin.Plan.from_diffusers({**CONFIG, **options, "_class_name": name}, STEPS)
    scheduler = getattr(diffusers, name)(**CONFIG, **options)
    scheduler.set_timesteps(STEPS)
    stepper = plan.start(SHAPE, SEED, dtype="float64")
    stepper.advance()
    x = torch.from_numpy(stepper.state).float()
    for t in scheduler.timesteps:
        out = network(scheduler.scale_model_input(x, t).numpy(), float(t))
        x = scheduler.step(torch.from_numpy(out), t, x).prev_sample
    theirs, mine = x.numpy(), plan.run(model, SHAPE, SEED, dtype="float64")
    difference = np.abs(theirs - mine).max()
    print(f"| {name} | {plan.nfe} | {difference:.1e} | {difference / np.ptp(theirs):.1e} |")

print("\n| read as | sampler | NFE | largest difference to VP | of the range |\n|---|---|---|---|---|")
read = {}
for process in ("vp", "ve", "rectified-flow"):
    plan = langevin.Plan("dpmpp-2m", process, 50, grid="uniform-lambda", network=NETWORK, sigma_min=0.02, sigma_max=80.0)
    read[process] = plan.run(model, SHAPE, SEED, dtype="float64")
    difference = np.abs(read[process] - read["vp"]).max()
    print(f"| {process} | dpmpp-2m | {plan.nfe} | {difference:.1e} | {difference / np.ptp(read['vp']):.1e} |")
