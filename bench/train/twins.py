"""The networks of the workloads in PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn


def mlp(width):
    return nn.Sequential(
        nn.Linear(66, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2)
    )


class Rotary(nn.Module):
    """Turns element i and its partner in the other half of a head by position / 10000^(2i/d)."""

    def __init__(self, tokens, head):
        super().__init__()
        angles = torch.arange(tokens)[:, None] * 10_000.0 ** (-torch.arange(head // 2) / (head // 2))
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, x):
        a, b = x.chunk(2, -1)
        return torch.cat([a * self.cos - b * self.sin, a * self.sin + b * self.cos], -1)


class Attention(nn.Module):
    def __init__(self, width, heads, rotary=nn.Identity()):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.gain, self.rotary = nn.Parameter(torch.ones(width // heads)), rotary

    def forward(self, x):
        rows, tokens, width = x.shape
        q, k, v = self.qkv(x).view(rows, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = (self.rotary(F.rms_norm(part, part.shape[-1:])) for part in (q, k))
        out = F.scaled_dot_product_attention(q * self.gain, k, v)
        return self.proj(out.transpose(1, 2).reshape(rows, tokens, width))


class Block(nn.Module):
    def __init__(self, width, heads, rotary=nn.Identity()):
        super().__init__()
        self.modulation, self.attention = nn.Linear(width, 6 * width), Attention(width, heads, rotary)
        self.hidden, self.back = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, h, c):
        norm = lambda x, shift, scale: F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift
        s1, r1, g1, s2, r2, g2 = self.modulation(c)[:, None].chunk(6, -1)
        h = h + g1 * self.attention(norm(h, s1, r1))
        return h + g2 * self.back(F.gelu(self.hidden(norm(h, s2, r2)), approximate="tanh"))


class Dit(nn.Module):
    """The transformer of the documentation, for one channel."""

    def __init__(self, side=32, patch=4, width=192, depth=6, heads=6, features=17):
        super().__init__()
        self.patch, self.tokens = patch, (side // patch) ** 2
        self.cut = nn.Linear(patch * patch, width)
        self.register_buffer("position", torch.randn(self.tokens, width))
        self.first, self.second = nn.Linear(features, width, bias=False), nn.Linear(width, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.modulation, self.paste = nn.Linear(width, 2 * width), nn.Linear(width, patch * patch)

    def forward(self, x, f):
        rows, side, p = x.shape[0], x.shape[1], self.patch
        n = side // p
        h = self.cut(x.view(rows, n, p, n, p).permute(0, 1, 3, 2, 4).reshape(rows, n * n, p * p)) + self.position
        c = F.silu(self.second(F.silu(self.first(f))))
        for block in self.blocks:
            h = block(h, c)
        shift, scale = self.modulation(c)[:, None].chunk(2, -1)
        out = self.paste(F.layer_norm(h, h.shape[-1:]) * (1 + scale) + shift)
        return out.view(rows, n, n, p, p).permute(0, 1, 3, 2, 4).reshape(rows, side, side)


class Sequence(nn.Module):
    """The transformer for masked tokens, which does not see the noise level."""

    def __init__(self, length, width, depth, heads, vocab=27, near=4, pairs=3):
        super().__init__()
        self.token, self.position = nn.Embedding(vocab + 1, width), nn.Parameter(torch.randn(length, width))
        # Neighbours at each distance. The last row of a table, that of the places outside, stays zero.
        self.shifts = [shift for shift in range(-near, near + 1) if shift]
        self.near = nn.ModuleList(nn.Embedding(vocab + 2, width, padding_idx=vocab + 1) for _ in self.shifts)
        # Pairs of adjacent letters at each distance, and the letters on both sides.
        self.outside = vocab + 1
        self.pair_shifts = range(-pairs, pairs)
        self.pairs = nn.ModuleList(nn.Embedding((vocab + 2) ** 2, width) for _ in range(2 * pairs + 1))
        self.condition = nn.Parameter(torch.ones(width))
        rotary = Rotary(length, width // heads)
        self.blocks = nn.ModuleList(Block(width, heads, rotary) for _ in range(depth))
        self.modulation, self.out = nn.Linear(width, 2 * width), nn.Linear(width, vocab)

    def forward(self, x):
        h, length = self.token(x) + self.position, x.shape[1]
        reach = len(self.shifts) // 2
        padded = F.pad(x, (reach, reach), value=self.outside)
        for shift, table in zip(self.shifts, self.near):
            h = h + table(padded[:, reach + shift : reach + shift + length])
        adjacent = padded[:, :-1] * (self.outside + 1) + padded[:, 1:]
        for shift, table in zip(self.pair_shifts, self.pairs):
            h = h + table(adjacent[:, reach + shift : reach + shift + length])
        sides = padded[:, :-2] * (self.outside + 1) + padded[:, 2:]
        h = h + self.pairs[-1](sides[:, reach - 1 : reach - 1 + length])
        c = F.silu(self.condition).expand(x.shape[0], -1)
        for block in self.blocks:
            h = block(h, c)
        shift, scale = self.modulation(c)[:, None].chunk(2, -1)
        return self.out(F.layer_norm(h, h.shape[-1:]) * (1 + scale) + shift)


def masked(network, rows, length, vocab=27):
    """A step of masked diffusion on one fixed batch: the cross-entropy at the masks, weighted by their number."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    clean = torch.randint(vocab, (rows, length))
    masks = torch.arange(rows) * length // rows + 1
    hidden = torch.rand(rows, length).argsort(1).argsort(1) < masks[:, None]
    x, weights = torch.where(hidden, vocab, clean), hidden / masks[:, None] / rows

    def repeat():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(network(x).flatten(0, 1), clean.flatten(), reduction="none")
        (loss * weights.flatten()).sum().backward()
        optimizer.step()

    return repeat


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
    if kind in ("names", "text"):
        length, width, depth, heads = (12, 64, 4, 4) if kind == "names" else (128, 128, 4, 4)
        return masked(Sequence(length, width, depth, heads), int(numbers[0]), length)
    if kind == "mlp":
        width, rows = map(int, numbers)
        network, inputs, target = mlp(width), (torch.randn(rows, 66),), torch.randn(rows, 2)
    else:
        rows = int(numbers[0])
        network, inputs, target = Dit(), (torch.randn(rows, 32, 32), torch.randn(rows, 17)), torch.randn(rows, 32, 32)
    return training(network, *inputs, target=target) if trains else inference(network, *inputs)
