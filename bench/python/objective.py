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


def cost(repeats=15, steps=100, rows=512):
    """Time steps with a loss that is written by hand, and with an objective, in turn."""
    data = torch.from_numpy(langevin.Density("moons").sample(rows, seed=0)).float()
    times = {"by hand": [], "objective": [], "learned times": []}
    makers = {
        "objective": langevin.Objective(FORM),
        "learned times": langevin.Objective(FORM, weight="likelihood", adaptive=True),
    }
    nets = {name: Flat() for name in times}
    optimizers = {name: torch.optim.AdamW(net.parameters(), 1e-3) for name, net in nets.items()}
    for repeat in range(repeats + 1):
        for name, net in nets.items():
            start = time.perf_counter()
            for _ in range(steps):
                if name == "by hand":
                    t = torch.rand(rows)
                    noise = torch.randn_like(data)
                    x = (1 - t)[:, None] * data + t[:, None] * noise
                    loss = (net(x, t) - (noise - data)).square().mean()
                else:
                    batch = makers[name].draw(data)
                    loss = makers[name].loss(net(batch.x, batch.time), batch)
                optimizers[name].zero_grad()
                loss.backward()
                optimizers[name].step()
            if repeat:
                times[name].append((time.perf_counter() - start) / steps * 1e3)
    print(f"\n| a step of {rows} rows | ms | times by hand |\n|---|---|---|")
    for name, values in times.items():
        ratios = sorted(one / other for one, other in zip(values, times["by hand"]))
        print(f"| {name} | {statistics.median(values):.2f} | {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}) |")
    print()


if __name__ == "__main__":
    cost()
    study()
