"""What type checkers see: the stubs are those of the module, and type errors in a program are reported."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("mypy")
HERE = pathlib.Path(__file__).resolve().parent
CONFIG = HERE.parent / "pyproject.toml"


def mypy(module, *arguments, folder=HERE):
    return subprocess.run([sys.executable, "-m", module, *map(str, arguments)], cwd=folder, capture_output=True, text=True)


def test_the_stubs_are_those_of_the_module(tmp_path):
    found = mypy("mypy.stubtest", "--mypy-config-file", CONFIG, "langevin._langevin", folder=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


PROGRAM = """
import numpy as np
import langevin

plan = langevin.Plan("dpmpp-2m", "vp", steps=10)
times: np.ndarray = plan.times
found = langevin.analyze(plan, np.ones(4))
best: langevin.Candidate = langevin.recommend([1.0, 2.0], nfe=5).best
samples = plan.run(langevin.Density("moons"), (3, 2), seed=1)
try:
    langevin.Process("vpp")
except langevin.UnknownNameError as error:
    print(error)
"""

# The parts that need torch.
TORCH_PROGRAM = """
import langevin
import torch

net = torch.nn.Linear(2, 2)
objective = langevin.Objective("rectified-flow", predict="velocity", adaptive=True)
batch: langevin.Batch = objective.draw(torch.zeros(4, 2))
loss: torch.Tensor = objective.loss(net(batch.x), batch)
model = langevin.Model(net, "rectified-flow:velocity", shape=(2,))
samples: torch.Tensor = model.given(torch.zeros(1)).sample("ddim", 4, steps=3)
density: torch.Tensor = model.log_prob(samples)
report: langevin.Report = model.evaluate(samples)
bits: float = model.bound(samples).bits_per_dim
name = langevin.audit_loss(lambda net, x: net(x, 0.5), "vp:x0").weight
if name is not None:
    print(name.upper())
"""


def test_a_program_is_checked(tmp_path):
    (tmp_path / "right.py").write_text(PROGRAM)
    (tmp_path / "with_torch.py").write_text(TORCH_PROGRAM)
    if importlib.util.find_spec("torch"):
        found = mypy("mypy", "--strict", "--config-file", CONFIG, "with_torch.py", folder=tmp_path)
        assert found.returncode == 0, found.stdout + found.stderr
    (tmp_path / "wrong.py").write_text(PROGRAM + 'plan.nfe = 3\nlangevin.Plan(steps="ten")\nx: int = plan.times\n')
    os.environ.pop("MYPYPATH", None)
    right = mypy("mypy", "--strict", "--config-file", CONFIG, "right.py", folder=tmp_path)
    assert right.returncode == 0, right.stdout + right.stderr
    wrong = mypy("mypy", "--strict", "--config-file", CONFIG, "wrong.py", folder=tmp_path).stdout
    for word in ["read-only", "incompatible type", "Incompatible types in assignment"]:
        assert word in wrong, wrong
