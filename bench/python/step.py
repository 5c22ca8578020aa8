"""A scheduler's step of diffusers against the same of `LangevinScheduler`, and a plan's run against the kernel alone: ratios of medians in one interleaved run.

    pip install ./python torch diffusers && python bench/python/step.py
"""

import time

import diffusers
import numpy as np
import torch

import langevin
from langevin.diffusers import LangevinScheduler

torch.set_num_threads(2)
STEPS = 30


def one(scheduler, shape):
    """Seconds of a step alone, without the network and the scaling of its input."""
    scheduler.set_timesteps(STEPS)
    x, out = torch.randn(shape), torch.randn(shape)
    total = 0.0
    for t in scheduler.timesteps:
        if hasattr(scheduler, "scale_model_input"):
            scheduler.scale_model_input(x, t)
        start = time.perf_counter()
        x = scheduler.step(out, t, x).prev_sample
        total += time.perf_counter() - start
    return total / len(scheduler.timesteps)


def warm(scheduler, shape):
    """The second of two runs: the first finds the caches as another scheduler left them."""
    one(scheduler, shape)
    return one(scheduler, shape)


PAIRS = [
    ("first order", diffusers.DDIMScheduler(clip_sample=False), None),
    ("first order", diffusers.EulerDiscreteScheduler(), None),
    ("first order", diffusers.FlowMatchEulerDiscreteScheduler(), None),
    ("multistep", diffusers.DPMSolverMultistepScheduler(), None),
    ("multistep", diffusers.UniPCMultistepScheduler(), None),
    ("multistep", diffusers.DEISMultistepScheduler(), None),
]
print(f"diffusers {diffusers.__version__}, torch {torch.__version__}, float32, 2 threads, medians of 40\n")
print("| latents | order | scheduler | diffusers, µs | langevin, µs | ratio |\n|---|---|---|---|---|---|")
for shape in [(4, 4, 128, 128), (1, 16, 128, 128)]:
    ours = [LangevinScheduler.from_config({**one.config, "_class_name": type(one).__name__}, sampler=sampler) for _, one, sampler in PAIRS]
    # All side by side in every round: what else the machine does meets all alike.
    rounds = [[(warm(original, shape), warm(own, shape)) for (_, original, _), own in zip(PAIRS, ours)] for _ in range(40)]
    medians = 1e6 * np.median(rounds, axis=0)
    for (order, original, _), (theirs, mine) in zip(PAIRS, medians):
        print(f"| {'×'.join(map(str, shape))} | {order} | {type(original).__name__} | {theirs:.0f} | {mine:.0f} | {mine / theirs:.2f} |")
    for order in ("first order", "multistep"):
        fastest, slowest = (pick([pair[side] for (kind, *_), pair in zip(PAIRS, medians) if kind == order]) for side, pick in ((0, min), (1, max)))
        print(f"| | {order} | slowest of ours against fastest of theirs | {fastest:.0f} | {slowest:.0f} | {slowest / fastest:.2f} |", flush=True)

# A run on a million floats: what a step costs beside the fused kernel in plain memory, with no executor. The start and the end, which have their own passes, fall out of the difference of two runs.
shape = (1, 1_000_000)
answer = np.random.default_rng(0).standard_normal(shape, np.float32)
few, many = (langevin.Plan("ddim", "vp", steps=steps, network=langevin.Formulation("vp", "epsilon")) for steps in (20, 120))


def seconds(plan):
    start = time.perf_counter()
    plan.run(lambda x, query: answer, shape, threads=1)
    return time.perf_counter() - start


runs = [((seconds(many) - seconds(few)) / 100, langevin._langevin._kernel_seconds(1_000_000, 100)) for _ in range(30)]
mine, alone = (1e6 * float(np.median(column)) for column in zip(*runs))
print(f"\nplan.run, 1 M floats: {mine:.0f} µs a step; its fused kernel alone {alone:.0f} µs; ratio {mine / alone:.2f}")
