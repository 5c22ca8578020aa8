"""What several tests use."""

import importlib
import json
import pkgutil

import pytest

import langevin


@pytest.fixture
def without_noise(monkeypatch):
    """Originals and plans that draw no noise on their way, so that stochastic samplers can be compared number by number."""
    torch = pytest.importorskip("torch")
    schedulers = pytest.importorskip("diffusers.schedulers")
    from langevin.diffusers import LangevinScheduler

    for found in pkgutil.iter_modules(schedulers.__path__):
        try:
            module = importlib.import_module(f"diffusers.schedulers.{found.name}")
        except ImportError:
            continue
        if hasattr(module, "randn_tensor"):
            monkeypatch.setattr(module, "randn_tensor", lambda shape, *_, dtype=None, **__: torch.zeros(shape, dtype=dtype))
        if hasattr(module, "BrownianTreeNoiseSampler"):
            monkeypatch.setattr(module.BrownianTreeNoiseSampler, "__call__", lambda *_: torch.zeros(()))

    compiled = LangevinScheduler._compiled

    def quiet(self, *args, **kwargs):
        plan = json.loads(compiled(self, *args, **kwargs).to_json())
        for op in plan["ops"]:
            if op.get("terms"):
                op["noise"] = []
        return langevin.Plan.from_json(json.dumps(plan))

    monkeypatch.setattr(LangevinScheduler, "_compiled", quiet)
