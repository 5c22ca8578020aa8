"""Configs and generators of diffusers, as its schedulers here read them."""

import hashlib
import inspect
from typing import Any, Optional

import diffusers
import torch
from diffusers import SchedulerMixin

from ._errors import ArgumentError


def _class_of(config: Any) -> str:
    """Return the name of the scheduler class with exactly these fields.

    The config of a scheduler that was built in Python does not name its class.
    """
    fields = {key for key in config if not key.startswith("_")}
    found = []
    for name in dir(diffusers):
        if name.endswith("Scheduler"):
            kind = getattr(diffusers, name)
            if isinstance(kind, type) and set(inspect.signature(kind).parameters) - {"kwargs"} == fields:
                found.append(name)
    # A class and its parallel variant have the same fields and count as one.
    found = [name for name in found if name.replace("Parallel", "") == name or name.replace("Parallel", "") not in found]
    if len(found) == 1:
        return found[0]
    got = f"the fields of {' and '.join(found)}" if found else f"{len(fields)} fields that no scheduler has alone"
    raise ArgumentError(
        f"the config names no scheduler: expected _class_name, got {got}\n"
        "hint: give the scheduler itself, from_config(pipe.scheduler), or add its class, as in {**config, '_class_name': 'DDIMScheduler'}"
    )


def _document(config: Any) -> dict:
    """Return the fields of a config, a mapping or a scheduler; a scheduler's class is added."""
    if isinstance(config, SchedulerMixin):
        return {**config.config, "_class_name": type(config).__name__}  # type: ignore[attr-defined]
    try:
        return dict(config)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"this is no config: expected a mapping or a scheduler of diffusers, got {type(config).__name__}"
        ) from None


def _seed_of(generator: Optional[torch.Generator]) -> int:
    """Draw a seed from a generator, or from torch's own.

    A generator of another device is not read: its state, which the host knows, gives the seed, and
    a draw that is not read moves it on.
    """
    if generator is None or generator.device.type == "cpu":
        return int(torch.randint(0, 2**62, (1,), generator=generator))
    digest = hashlib.blake2b(generator.get_state().numpy().tobytes(), digest_size=8).digest()
    torch.randint(0, 2**62, (1,), generator=generator, device=generator.device)
    return int.from_bytes(digest, "little") >> 2
