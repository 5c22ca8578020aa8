"""What type checkers see: the stubs are those of the module, and type errors in a program are reported."""

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


def test_a_program_is_checked(tmp_path):
    (tmp_path / "right.py").write_text(PROGRAM)
    (tmp_path / "wrong.py").write_text(PROGRAM + 'plan.nfe = 3\nlangevin.Plan(steps="ten")\nx: int = plan.times\n')
    os.environ.pop("MYPYPATH", None)
    right = mypy("mypy", "--strict", "--config-file", CONFIG, "right.py", folder=tmp_path)
    assert right.returncode == 0, right.stdout + right.stderr
    wrong = mypy("mypy", "--strict", "--config-file", CONFIG, "wrong.py", folder=tmp_path).stdout
    for word in ["read-only", "incompatible type", "Incompatible types in assignment"]:
        assert word in wrong, wrong
