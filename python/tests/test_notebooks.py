"""The example notebooks, run as scripts: with little training, since what they say of it is not what is tested."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "examples/notebooks"
NEEDS = {"tour": ["matplotlib"], "pipeline": ["matplotlib", "sklearn", "torch", "diffusers"]}


@pytest.mark.parametrize("name", NEEDS)
def test_a_notebook_runs(name, tmp_path):
    for module in NEEDS[name]:
        pytest.importorskip(module)
    cells = json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    # Of another name than the modules it imports.
    script = tmp_path / f"notebook_{name}.py"
    script.write_text("\n\n".join(code))
    environment = {**os.environ, "MPLBACKEND": "Agg", "NOTEBOOK_STEPS": "20", "NOTEBOOK_COUNT": "32"}
    run = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert all(cell["outputs"] for cell in cells if cell["cell_type"] == "code" and "print(" in "".join(cell["source"]))


def test_every_notebook_is_tested():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NEEDS)
