"""Plans of the discrete schedulers of diffusers, whose steps have no name of their own.

Each is the document of a :class:`TokenPlan`, written instruction by instruction.
"""

import json
from typing import Any, Dict, List, Optional, Sequence

import torch

from ._langevin import TokenPlan


def _plan(name: str, noise: str, vocab: int, length: int, ops: List[Dict[str, Any]], slots: int) -> TokenPlan:
    """Return the plan of instructions whose result is slot 0."""
    used = [op["draw"] for op in ops if "draw" in op] + [op["noise"][1] for op in ops if "noise" in op]
    document = {
        "kind": "tokens", "version": 1, "name": name, "space": {"noise": noise, "vocab": vocab, "length": length},
        "nfe": sum(op["op"] == "eval" for op in ops), "slots": slots, "draws": max(used, default=-1) + 1, "result": 0, "ops": ops,
    }  # fmt: skip
    return TokenPlan.from_json(json.dumps(document))


def _eval(alpha: float) -> Dict[str, Any]:
    return {"op": "eval", "from": 0, "alpha": alpha, "out": [{"branch": "main", "into": 1}], "net": None}


def by_confidence(
    name: str, vocab: int, length: int, sizes: Sequence[int], temperatures: Optional[Sequence[float]] = None, greedy: bool = False
) -> TokenPlan:
    """Return the plan that unmasks the places whose drawn letters are most probable.

    Step j takes ``sizes[j]`` places, also none; the last step takes the rest. ``temperatures`` are
    those of the Gumbel noise on the scores. ``greedy`` draws the most probable letter everywhere.
    """
    ops: List[Dict[str, Any]] = [{"op": "fill", "into": 0, "letter": vocab}]
    draws = known = 0
    for step, size in enumerate(sizes):
        last = step + 1 == len(sizes)
        ops.append(_eval(min(known, length - 1) / length))
        if greedy:
            ops.append({"op": "blend", "into": 3, "terms": [[1.0, 1]], "top_k": 1})
        ops.append({"op": "draw", "into": 2, "from": 3 if greedy else 1, "draw": draws})
        draws += 1
        select = {"op": "select", "into": 0, "yes": 2, "no": 0, "by": "confidence", "belief": 1, "count": length if last else int(size)}
        if temperatures is not None and temperatures[step] > 0.0 and not last:
            select["noise"] = [float(temperatures[step]), draws]
            draws += 1
        ops.append(select)
        known += int(size)
    return _plan(name, "masked", vocab, length, ops, 4 if greedy else 3)


def by_entropy(name: str, vocab: int, length: int, steps: int, bound: float) -> TokenPlan:
    """Return the plan that keeps the drawn letters of smallest entropy and redraws all others.

    Every step decides about all places anew. The network is read at survival 0, where its
    prediction is D, because it knows neither the noise level nor which tokens were kept.
    """
    ops: List[Dict[str, Any]] = [{"op": "fill", "into": 0, "draw": 0}]
    for step in range(steps):
        ops += [
            _eval(0.0),
            {"op": "draw", "into": 2, "from": 1, "draw": 2 * step + 1},
            {"op": "fill", "into": 3, "draw": 2 * step + 2},
            {"op": "select", "into": 0, "yes": 2, "no": 3, "by": "entropy", "belief": 1, "bound": bound},
        ]
    return _plan(name, "uniform", vocab, length, ops, 4)


def amused_sizes(schedule: str, steps: int, length: int, masked: int, first: int, share: float) -> List[int]:
    """Return the tokens that each step of an ``AmusedScheduler`` unmasks, from step ``first`` on.

    ``masked`` is the number of masked tokens before it, and ``share`` the scheduler's
    ``starting_mask_ratio``. After a step, the scheduler leaves floor(length · share · ratio) masks,
    at least one, and fewer than before it if more than one is left.
    """
    sizes, left = [], masked
    for step in range(first, steps - 1):
        # In single precision and one number at a time, as the original rounds.
        ratio = torch.tensor([[step + 1]]) / steps
        ratio = share * (torch.cos(ratio * torch.pi / 2) if schedule == "cosine" else 1 - ratio)
        rest = max(1, min(left - 1, int((length * ratio).floor())))
        sizes.append(max(0, left - rest))
        left = min(left, rest)
    return [*sizes, left]
