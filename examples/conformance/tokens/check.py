"""Runs every conformance vector of this folder with ../../run_tokens.py: the tokens must be equal. Exit 1 if one differs."""
import itertools
import json
import pathlib
import sys

import numpy as np

here = pathlib.Path(__file__).parent
root = here.parent.parent.parent
sys.path.insert(0, str(root / "examples"))
from run_tokens import run  # noqa: E402

try:
    import jsonschema

    schema = json.loads((root / "docs" / "tokens-plan.schema.json").read_text(encoding="utf-8"))
except ImportError:
    schema = None


def table(space, laws):
    """The exact network of a law on all sequences of each branch, given as a list of probabilities."""
    vocab, d, noise = space["vocab"], space["length"], space["noise"]
    pi = np.full(vocab, 1 / vocab) if noise == "uniform" else np.array(noise["prior"]) if noise != "masked" else None

    def net(x, alpha, branch):
        letters = np.arange(vocab)
        if pi is None:  # a mask says nothing of its letter
            seen = ((x[..., None] == letters) | (x[..., None] == vocab)).astype(float)
        else:
            seen = np.where(x[..., None] == letters, alpha, 0) + ((1 - alpha) * pi[x])[..., None]
        out = np.zeros((*x.shape, vocab))
        for p, clean in zip(laws[branch], itertools.product(range(vocab), repeat=d)):
            for place in range(d):
                weight = np.ones(len(x))
                for other in range(d):
                    if other != place:
                        weight = weight * seen[:, other, clean[other]]
                out[:, place, clean[place]] += p * weight
        sums = out.cumsum(-1)[..., -1:]
        return np.where(sums > 0, out / np.where(sums > 0, sums, 1), 1 / vocab)

    return net


failed = 0
for path in sorted(here.glob("*.json")):
    vector = json.loads(path.read_text(encoding="utf-8"))
    if schema:
        jsonschema.validate(vector["plan"], schema)
    got = run(vector["plan"], table(vector["plan"]["space"], vector["model"]), vector["rows"])
    same = np.array_equal(got, vector["expected"])
    failed += not same
    print(f"{'ok  ' if same else 'FAIL'} {path.name}")
print(f"{failed} failed, schema {'checked' if schema else 'not checked'}")
sys.exit(failed > 0)
