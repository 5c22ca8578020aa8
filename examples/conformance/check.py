"""Runs every conformance vector of this folder with ../run_plan.py: the result must have the same bits. Exit 1 if one differs."""
import json
import pathlib
import sys

import numpy as np

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent))
from run_plan import run  # noqa: E402

try:
    import jsonschema

    schema = json.loads((here.parent.parent / "docs" / "plan.schema.json").read_text(encoding="utf-8"))
except ImportError:
    schema = None

failed = 0
for path in sorted(here.glob("*.json")):
    vector = json.loads(path.read_text(encoding="utf-8"))
    if schema:
        jsonschema.validate(vector["plan"], schema)

    def model(x, time, alpha, sigma, branch):
        gain, bias = vector["model"][branch]
        return gain * x + bias

    arrays = lambda name: [np.array(value) for value in vector[name]]  # noqa: E731
    got = run(vector["plan"], model, arrays("draws"), arrays("inputs"))
    # Maps through quantiles and logarithms may differ in the last bits; linear plans may not.
    same = np.array_equal(got, vector["expected"]) if vector["exact"] else np.allclose(got, vector["expected"], rtol=1e-14, atol=0)
    failed += not same
    print(f"{'ok  ' if same else 'FAIL'} {path.name}")
print(f"{failed} failed, schema {'checked' if schema else 'not checked'}")
sys.exit(failed > 0)
