"""Arguments and results of a step of :class:`langevin.diffusers.DiscreteScheduler`."""

from dataclasses import dataclass
from typing import Optional

import torch
from diffusers.utils import BaseOutput


@dataclass
class DiscreteOutput(BaseOutput):
    """Result of a step of :class:`DiscreteScheduler`, with the fields of all originals.

    Attributes
    ----------
    prev_sample : torch.Tensor of int, shape (rows, ...)
        The tokens at the next evaluation, or the result.
    pred_original_sample : torch.Tensor of int, shape (rows, ...)
        The letters that were drawn for masked tokens, beside the known ones. Under uniform noise
        the drawn letters of all tokens.
    transfer_index : torch.Tensor of bool, shape (rows, ...)
        The tokens that changed in this step.
    editing_transfer_index : torch.Tensor of bool, shape (rows, ...)
        ``False``: no known token is edited.
    sampled_tokens : torch.Tensor of int, shape (rows, ...)
        The letters that were drawn.
    sampled_probs : torch.Tensor of float, shape (rows, ...)
        Their probabilities.
    pred_logits : torch.Tensor of float, shape (rows, length, vocab)
        The logits that letters were drawn from.
    """

    prev_sample: torch.Tensor
    pred_original_sample: torch.Tensor
    transfer_index: torch.Tensor
    editing_transfer_index: torch.Tensor
    sampled_tokens: torch.Tensor
    sampled_probs: torch.Tensor
    pred_logits: torch.Tensor


@dataclass(frozen=True)
class _Call:
    """Arguments of ``step`` that count for a run."""

    mask: Optional[int]
    share: float
    temperature: Optional[float]
    top_k: Optional[int]
    top_p: Optional[float]
    threshold: float
    bound: float


def _filtered(logits: torch.Tensor, top_k: Optional[int], top_p: Optional[float]) -> torch.Tensor:
    """Return logits with −∞ for letters that are not among the most probable ones."""
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k, -1).values[..., -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    if top_p is not None:
        values, order = logits.sort(-1, descending=True)
        shares = values.softmax(-1)
        before = shares.cumsum(-1) - shares
        # The letter that crosses the limit is kept.
        logits = logits.masked_fill(torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before > top_p), float("-inf"))
    return logits


