"""Trainings in PyTorch with langevin.Objective: learned times against uniform times, and the cost of a draw and a loss.

    python bench/python/objective.py [SEEDS]        # needs torch and scikit-learn; about 8 minutes for 5 seeds on 2 cores

The network is a perceptron of 256 x 3 on the 8x8 digits (1,438 of them; the bound is that of 256 others), the loss the
likelihood loss of a velocity, with sigma / alpha from 0.01 to 80, as in docs/objective.md. Levels are not stratified.
"""

import copy
import pathlib
import statistics
import sys
import time

import langevin
import numpy as np
import torch
from sklearn.datasets import load_digits

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "train"))
from twins import mlp  # noqa: E402

SEEDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
STEPS, LOOK, ROWS = 3000, 150, 256
FORM = langevin.Formulation("rectified-flow", "velocity", sigma_min=0.01, sigma_max=80.0)
torch.set_num_threads(2)


class Net(torch.nn.Module):
    """A residual perceptron that receives the noise level in every layer."""

    def __init__(self, width=64, hidden=256, depth=3):
        super().__init__()
        self.enter = torch.nn.Linear(width, hidden)
        self.level = torch.nn.Linear(32, hidden)
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(hidden, hidden) for _ in range(depth))
        self.leave = torch.nn.Linear(hidden, width)
        torch.nn.init.zeros_(self.leave.weight)
        self.register_buffer("frequencies", torch.arange(1, 17) * 0.5)

    def forward(self, x, t):
        t = t.to(x).clamp(1e-4, 1 - 1e-4)
        angle = torch.atan2(t, 1 - t)[:, None] * 2 * self.frequencies
        condition = self.level(torch.cat([angle.sin(), angle.cos()], 1))
        # The state at unit variance.
        h = self.enter(x / (t**2 + (1 - t) ** 2).sqrt()[:, None])
        for block in self.blocks:
            h = h + block(torch.nn.functional.silu(h + condition))
        return self.leave(torch.nn.functional.silu(h))


def digits(seed):
    """Return training and held-out digits: pixels with uniform noise, shifted and scaled as a whole."""
    pixels = load_digits().data
    order = np.random.default_rng(seed).permutation(len(pixels))
    noise = np.random.default_rng(seed + 1).random(pixels.shape)
    rows = torch.from_numpy(((pixels + noise)[order] - 5.38) / 6.02).float()
    return rows[359:], rows[:ROWS]


def bound(net, rows):
    """Return the bound of held-out rows, in nats, with the same noise at every look."""
    with torch.no_grad():
        return langevin.likelihood(net, rows, method="bound", network=FORM, sigma_min=0.01, sigma_max=80.0, seed=9).mean


def train(seed, adaptive):
    """Return the held-out bounds of a training."""
    torch.manual_seed(seed)
    data, test = digits(0)
    net = Net()
    average = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, betas=(0.9, 0.99), weight_decay=0.01)
    objective = langevin.Objective(FORM, weight="likelihood", times="uniform-t", adaptive=adaptive, stratified=False)
    generator = torch.Generator().manual_seed(seed)
    bounds = []
    for step in range(1, STEPS + 1):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(step / 100, 1.0) * 0.5 * (1 + np.cos(np.pi * step / STEPS))
        batch = objective.draw(data[torch.randint(len(data), (256,), generator=generator)], generator=generator)
        loss = objective.loss(net(batch.x, batch.time), batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), net.parameters()):
                slow.lerp_(fast, 1 - min(0.995, step / (step + 10)))
        if step % LOOK == 0:
            bounds.append(bound(average, test))
    return bounds


def study():
    runs = {adaptive: [train(seed, adaptive) for seed in range(SEEDS)] for adaptive in (False, True)}
    goal = max(run[-1] for each in runs.values() for run in each)
    print(f"held-out bound to reach: {goal:.2f} nats (the worst final bound)\n")
    print("| levels drawn | steps to the bound | bound after 3,000 steps |\n|---|---|---|")
    reached = {}
    error = lambda values: statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0  # noqa: E731
    for adaptive, each in runs.items():
        steps = reached[adaptive] = [next(i for i, value in enumerate(run) if value <= goal) * LOOK + LOOK for run in each]
        last = [run[-1] for run in each]
        print(f"| {'learned' if adaptive else 'uniform in time'} | {statistics.mean(steps):.0f} ± {error(steps):.0f} | {statistics.mean(last):.2f} ± {error(last):.2f} |")
    print(f"\nshare of the steps: {statistics.mean(reached[True]) / statistics.mean(reached[False]):.2f}")


class Flat(torch.nn.Module):
    """The perceptron 66 -> 256 x 3 -> 2 of bench/train, with 64 features of the time."""

    def __init__(self):
        super().__init__()
        self.layers = mlp(256)
        self.register_buffer("frequencies", torch.arange(1, 33) * torch.pi)

    def forward(self, x, t):
        angle = t[:, None] * self.frequencies
        return self.layers(torch.cat([x, angle.sin(), angle.cos()], 1))


def cost(repeats=9, steps=200, rows=512):
    """Time the parts of training steps, with a loss written by hand and with objectives, in turn.

    The overhead is what drawing, the loss and its backward pass take more than those by hand. The network's forward pass
    and the optimiser are the same and are timed to know a whole step.
    """
    data = torch.from_numpy(langevin.Density("moons").sample(rows, seed=0)).float()
    makers = {
        "by hand": None,
        "objective": langevin.Objective(FORM),
        "learned times": langevin.Objective(FORM, weight="likelihood", adaptive=True),
    }
    nets = {name: Flat() for name in makers}
    optimizers = {name: torch.optim.AdamW(net.parameters(), 1e-3) for name, net in nets.items()}
    found = {name: [] for name in makers}
    clock = time.perf_counter
    for repeat in range(repeats + 1):
        for name, net in nets.items():
            spent = [0.0] * 5
            for _ in range(steps):
                marks = [clock()]
                if name == "by hand":
                    t = torch.rand(rows)
                    noise = torch.randn_like(data)
                    x, target = (1 - t)[:, None] * data + t[:, None] * noise, noise - data
                    marks.append(clock())
                    out = net(x, t)
                    marks.append(clock())
                    loss = (out - target).square().mean()
                else:
                    batch = makers[name].draw(data)
                    marks.append(clock())
                    out = net(batch.x, batch.time)
                    marks.append(clock())
                    loss = makers[name].loss(out, batch)
                marks.append(clock())
                optimizers[name].zero_grad()
                loss.backward()
                marks.append(clock())
                optimizers[name].step()
                marks.append(clock())
                spent = [sum_ + (b - a) for sum_, a, b in zip(spent, marks, marks[1:])]
            if repeat:
                found[name].append([1e6 * one / steps for one in spent])
    print(f"a step of {rows} rows, medians of {repeats} runs of {steps} steps, in µs\n")
    print("| | draw | loss | backward | whole step | overhead of draw and loss | overhead of the whole step |\n|---|---|---|---|---|---|---|")
    usual = {name: np.median(np.array(values), 0) for name, values in found.items()}
    hand, whole = usual["by hand"], float(np.median([sum(one) for one in found["by hand"]]))
    for name, parts in usual.items():
        more = parts[0] + parts[2] - hand[0] - hand[2]
        step = float(np.median([sum(one) / sum(other) for one, other in zip(found[name], found["by hand"])]))
        total = float(np.median([sum(one) for one in found[name]]))
        print(f"| {name} | {parts[0]:.0f} | {parts[2]:.0f} | {parts[3]:.0f} | {total:.0f} | {100 * more / whole:.1f} % | {100 * (step - 1):.1f} % |")
    print()


if __name__ == "__main__":
    cost()
    study()
