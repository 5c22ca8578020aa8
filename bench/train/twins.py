"""The networks of the workloads in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn


def mlp(width):
    return nn.Sequential(
        nn.Linear(66, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2)
    )


def training(network, *inputs, target):
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)

    def repeat():
        optimizer.zero_grad(set_to_none=True)
        F.mse_loss(network(*inputs), target).backward()
        optimizer.step()

    return repeat


def inference(network, *inputs):
    def repeat():
        with torch.inference_mode():
            network(*inputs)

    return repeat


def workload(name):
    kind, *numbers = name.removesuffix("-infer").split("-")
    trains = not name.endswith("-infer")
    if kind == "mlp":
        width, rows = map(int, numbers)
        network, inputs, target = mlp(width), (torch.randn(rows, 66),), torch.randn(rows, 2)
    return training(network, *inputs, target=target) if trains else inference(network, *inputs)
