"""Schedulers of diffusers, with the loop of their pipelines."""

import inspect
from typing import Any, Dict, Optional, Tuple

from ..._errors import ArgumentError
from ..record import Call
from .any_function import version


def find(fn: Any, steps: Any, args: Tuple[Any, ...], options: Dict[str, Any]) -> Optional[Call]:
    """Return a scheduler as a sampler: an object with ``set_timesteps`` and ``step``."""
    if isinstance(fn, type) or not (hasattr(fn, "set_timesteps") and hasattr(fn, "step") and hasattr(fn, "config")):
        return None
    name = type(fn).__name__
    if args:
        raise ArgumentError(f"{name} takes no args: expected steps= and options=")
    setting, stepping = _split(fn, options)
    takes = inspect.signature(fn.step).parameters
    for image in ("original_image", "mask"):
        if image in takes and image not in options:
            raise ArgumentError(f"{name} edits an image, and has no table without it: expected {image} among the options")
    if steps is None and not setting:
        raise ArgumentError(f"{name} needs a number of steps: expected steps=, got none")

    def sample(model: Any, x: Any) -> Any:
        # A scheduler keeps outputs of earlier steps, so every run has its own.
        scheduler = type(fn).from_config(fn.config)  # type: ignore[attr-defined]
        scheduler.set_timesteps(**({} if steps is None else {"num_inference_steps": steps}), **setting)
        x = x * float(getattr(scheduler, "init_noise_sigma", 1.0))
        times, before = list(scheduler.timesteps), None
        # The timesteps of SCM and of flow-map schedulers end with that of the result.
        for number, t in enumerate(times[:-1] if name == "SCMScheduler" else times):
            scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
            out = model(scaled, t)
            more = dict(stepping)
            if "prev_timestep" in takes and number + 1 < len(times):
                more.setdefault("prev_timestep", times[number + 1])
            if "old_pred_original_sample" in takes:
                x, before = scheduler.step(out, before, t, times[number - 1] if number else None, x, return_dict=False, **more)
            else:
                x = scheduler.step(out, t, x, return_dict=False, **more)[0]
        return x

    return Call(
        sample=sample,
        name=name,
        source=f"{name} of diffusers {version('diffusers')}",
        formulation=_formulation(fn, steps, setting),
        # Inverse schedulers go from data to noise.
        start=0.0 if "Inverse" in name else 1.0,
    )


def _split(scheduler: Any, options: Dict[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Return the options of ``set_timesteps`` and those of ``step``."""
    known = [set(inspect.signature(method).parameters) for method in (scheduler.set_timesteps, scheduler.step)]
    for key in options:
        if not any(key in names for names in known):
            raise ArgumentError(f"{type(scheduler).__name__} has no option '{key}': expected arguments of set_timesteps or step")
    return {key: value for key, value in options.items() if key in known[0]}, {key: value for key, value in options.items() if key not in known[0]}


def _formulation(scheduler: Any, steps: Any, setting: Dict[str, Any]) -> Any:
    """Return what the network of a scheduler predicts, by its config."""
    from ... import _langevin

    config = {**scheduler.config, "_class_name": type(scheduler).__name__}
    call = {key: value for key, value in setting.items() if key in ("timesteps", "sigmas", "mu")}
    try:
        return _langevin.Plan.from_diffusers(config, steps, **call).network
    except _langevin.Error if hasattr(_langevin, "Error") else ValueError:
        return None  # a class that the import does not know: the caller gives the formulation
