"""Samples of mixed tables beside a Gaussian copula: how well nearest neighbours tell them from held-out rows.

    cargo build --release -p langevin-cli
    python3 bench/tables.py target/release/langevin [law wine cancer penguins] [--splits N] [--steps N] [--keep FOLDER]

needs numpy, and scikit-learn for wine and breast cancer. Penguins (Horst, Hill & Gorman 2020, CC0) are read from the
file `--penguins`, for example https://github.com/mwaskom/seaborn-data/raw/master/penguins.csv. Each split trains a
model of its own on half the rows and compares as many samples with the other half; the copula and the training rows
are measured beside it by `langevin evaluate`. The law of `law` is known: see `law` below.
"""

import argparse
import csv
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

# Steps of training, rows of a step and splits of each table.
TABLES = {"law": (4_000, 256, 1), "wine": (600, 64, 10), "cancer": (2_000, 64, 5), "penguins": (600, 64, 10)}
# Rows of the table whose law is known.
ROWS = 20_000


def law(count, seed=0):
    """Rows of a mixed table with a known law, in which every column depends on others and no pair is jointly normal.

    kind   a, b, c with probabilities .5, .3, .2
    x      a: N(0, 1);  b: ±2 with equal probability, plus N(0, ½²);  c: e^N(0, ½²)
    y      a: x² + N(0, .3²);  b: −x + N(0, ½²);  c: N(0, x²)
    count  Poisson with mean e^(1 + x/2), x clipped to [−2, 2]
    flag   yes with probability 1/(1 + e^(−2y))
    grade  1 low, 2 fair, 3 good, 4 high: x + N(0, ½²) between −1, 0 and 1
    """
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, count, p=[0.5, 0.3, 0.2])
    normal = rng.standard_normal((4, count))
    x = np.choose(kind, [normal[0], rng.choice([-2, 2], count) + 0.5 * normal[0], np.exp(0.5 * normal[0])])
    y = np.choose(kind, [x**2 + 0.3 * normal[1], -x + 0.5 * normal[1], x * normal[1]])
    number = rng.poisson(np.exp(1 + 0.5 * np.clip(x, -2, 2)))
    flag = rng.random(count) < 1 / (1 + np.exp(-2 * y))
    grade = np.searchsorted([-1, 0, 1], x + 0.5 * normal[2])
    yield ["kind", "x", "y", "count", "flag", "grade"]
    for i in range(count):
        name = ["low", "fair", "good", "high"][grade[i]]
        yield ["abc"[kind[i]], f"{x[i]:.4f}", f"{y[i]:.4f}", int(number[i]), "yes" if flag[i] else "no", name]


def classic(load):
    data = load()
    yield [*(name.replace(" ", "_") for name in data.feature_names), "class"]
    for row, label in zip(data.data, data.target):
        yield [*(repr(float(value)) for value in row), data.target_names[label]]


def rows(name, arguments):
    if name == "law":
        return law(ROWS)
    if name == "penguins":
        if not arguments.penguins:
            sys.exit("penguins: pass --penguins FILE")
        with open(arguments.penguins, newline="") as file:
            return list(csv.reader(file))
    from sklearn import datasets

    return classic({"wine": datasets.load_wine, "cancer": datasets.load_breast_cancer}[name])


def langevin(arguments, *words):
    done = subprocess.run([arguments.binary, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"langevin {' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout


def measure(name, folder, arguments):
    """Returns measure → samples, copula and real, on average over splits, with the standard error of the first two."""
    path = folder / f"{name}.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows(name, arguments))
    steps, batch, splits = TABLES[name]
    found = {}
    for split in range(arguments.splits or splits):
        model = folder / f"{name}-{split}.safetensors"
        langevin(arguments, "train", "--data", path, "--noise", "masked", "--hold-out", 0.5, "--seed", split,
                 "--steps", arguments.steps or steps, "--batch", batch, "--out", model, *arguments.train)
        answer = langevin(arguments, "evaluate", model, "--data", path, "--seed", split, "--json", *arguments.evaluate)
        for one in json.loads(answer)["measures"]:
            found.setdefault(one["name"], []).append([one["samples"], one["copula"], one["real"]])
        if arguments.verbose:
            print(name, split, {key: values[-1] for key, values in found.items()}, flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help=", ".join(TABLES))
    parser.add_argument("--splits", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--penguins", metavar="FILE")
    parser.add_argument("--keep", metavar="FOLDER", help="keep tables and models")
    parser.add_argument("--train", default=[], type=str.split, metavar="FLAGS", help="further flags of train")
    parser.add_argument("--evaluate", default=[], type=str.split, metavar="FLAGS", help="further flags of evaluate")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    names = arguments.names or [name for name in TABLES if name != "penguins" or arguments.penguins]
    if unknown := [name for name in names if name not in TABLES]:
        parser.error(f"no such table: {unknown[0]}; known: {', '.join(TABLES)}")
    print("| table | measure | samples | copula | real |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.keep or temporary)
        folder.mkdir(exist_ok=True)
        for name in names:
            for key, values in measure(name, folder, arguments).items():
                cells = []
                for column in zip(*values):
                    error = statistics.stdev(column) / math.sqrt(len(column)) if len(column) > 1 else None
                    cells.append(f"{statistics.mean(column):.3f}" + (f" ± {error:.3f}" if error is not None else ""))
                print(f"| {name} | {key} | {' | '.join(cells)} |", flush=True)


main()
