"""Tasks of plans of tokens, which the compiled half calls."""

from typing import Any, Dict

import numpy as np

from .._errors import ArgumentError
from .._langevin import TokenPlan
from .base import Seed, _Tokens
from .density import TokenDensity
from .model import TokenModel


def _density(density: Any, noise: Any) -> _Tokens:
    if isinstance(density, str):
        return TokenDensity(density, noise)
    if not isinstance(density, _Tokens):
        raise ArgumentError(f"this is no model of tokens: expected a TokenDensity or its name, got {type(density).__name__}")
    return density


def _analyze(plan: TokenPlan, density: Any) -> Dict[str, Any]:
    """Compute the exact error; :meth:`TokenPlan.analyze` documents it."""
    found: Dict[str, Any] = _density(density, plan.noise)._core.analyze(plan)
    return found


def _law(plan: TokenPlan, model: Any) -> np.ndarray:
    """Compute exact probabilities; :meth:`TokenPlan.law` documents it."""
    model = _density(model, plan.noise)
    with model._active():
        found: np.ndarray = model._core.law(plan)
    return found


def _run(plan: TokenPlan, model: Any, count: int, seed: Seed, *, first: int, start: Any, keep: Any) -> Any:
    """Run a plan; :meth:`TokenPlan.run` documents the arguments."""
    if not isinstance(model, _Tokens):
        model = TokenModel(model, vocab=plan.vocab, length=plan.length, noise=plan.noise)
    return model._draw(plan, count, seed, first, start, keep)
