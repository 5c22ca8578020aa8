"""A small ε-network for the 8×8 digits, trained in PyTorch and exported as digits.onnx: a network that langevin did not train.

    pip install torch onnx onnxscript numpy
    python examples/onnx/train.py crates/langevin-train/data/digits.bin examples/onnx/digits.onnx

It is trained as most are: a VP process of 1000 discrete steps (the linear betas of DDPM), the loss of ε, a time from 0 to 999.
"""

import math
import sys

import numpy as np
import torch

STEPS, BATCH, WIDTH = 20_000, 256, 192


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = torch.nn.Linear(64 + 32, WIDTH)
        self.inner = torch.nn.ModuleList(torch.nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.leave = torch.nn.Linear(WIDTH, 64)
        self.register_buffer("rates", 0.1 * torch.exp(-math.log(1000) * torch.arange(16) / 16))

    def forward(self, x, t):
        angles = t[:, None] * self.rates
        h = torch.nn.functional.silu(self.enter(torch.cat([x.flatten(1), angles.sin(), angles.cos()], 1)))
        for layer in self.inner:
            h = h + torch.nn.functional.silu(layer(h))
        # Where there is much noise, ε is nearly x.
        return x + self.leave(h).reshape(x.shape)


def main(data, out):
    torch.manual_seed(0)
    bytes_ = np.fromfile(data, np.uint8)[: 1797 * 64]
    pictures = torch.tensor(bytes_, dtype=torch.float32).reshape(-1, 1, 8, 8) / 8 - 1
    alphas = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), 0)
    network = Network()
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    total = 0.0
    for step in range(STEPS):
        x0 = pictures[torch.randint(len(pictures), (BATCH,))]
        t, noise = torch.randint(1000, (BATCH,)), torch.randn(BATCH, 1, 8, 8)
        a = alphas[t].reshape(-1, 1, 1, 1)
        loss = (network(a.sqrt() * x0 + (1 - a).sqrt() * noise, t.float()) - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        total += loss.item()
        if (step + 1) % 2000 == 0:
            print(f"step {step + 1}: loss {total / 2000:.4f}", flush=True)
            total = 0.0
    torch.onnx.export(
        average.module.eval(), (torch.zeros(2, 1, 8, 8), torch.zeros(2)), out, dynamo=True, external_data=False,
        input_names=["sample", "timestep"], output_names=["epsilon"],
        dynamic_shapes={"x": {0: "rows"}, "t": {0: "rows"}},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
