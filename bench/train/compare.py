"""Training steps and evaluations of langevin beside PyTorch eager, taking turns in one run.

    python bench/train/compare.py [WORKLOAD ...] [--rounds N] [--threads T]

PyTorch's side is forward, mean squared error, backward and AdamW on one fixed batch. langevin's side is a whole step of `train`: the rows of the data, their noise and
levels, forward, loss, backward, clipping, AdamW and the weight average. Ratios are medians over the rounds of langevin's median time to PyTorch's in the same round.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "target" / "release" / "examples" / "train_steps"
# Repetitions of a round: about a tenth of a second to a second.
WORKLOADS = {
    "mlp-256-512": 60,
    "mlp-256-4096": 15,
    "mlp-128-256": 150,
    "mlp-256-4096-infer": 40,
    "dit-32": 3,
    "dit-16-infer": 5,
}


class Peer:
    """A process that repeats a workload when asked."""

    def __init__(self, command, threads):
        environment = dict(os.environ, RAYON_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def seconds(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]

    def peak(self):
        self.process.stdin.close()
        line = self.process.stdout.readline()
        self.process.wait()
        return float(line)


def serve(name):
    """PyTorch's side."""
    import torch
    import twins

    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    repeat = twins.workload(name)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            begun = time.perf_counter()
            repeat()
            seconds.append(time.perf_counter() - begun)
        print(*seconds, flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


def compare(name, rounds, threads):
    ours = Peer([str(BINARY), name], threads)
    theirs = Peer([sys.executable, __file__, "--serve", name], threads)
    count = WORKLOADS[name]
    ratios, medians = [], []
    for turn in range(rounds + 1):
        pair = []
        for peer in (ours, theirs) if turn % 2 else (theirs, ours):
            pair.append((peer, statistics.median(peer.seconds(count))))
            # The threads of a pool spin for a while after their work.
            time.sleep(0.25)
        times = dict(pair)
        if turn > 0:  # the first warms up
            medians.append((times[ours], times[theirs]))
            ratios.append(times[ours] / times[theirs])
    mine, other = (statistics.median(column) * 1e3 for column in zip(*medians))
    memory = (ours.peak(), theirs.peak())
    low, high = min(ratios), max(ratios)
    print(
        f"{name:20}  {mine:9.3f} ms  {other:9.3f} ms  {statistics.median(ratios):5.2f} ({low:.2f}-{high:.2f})"
        f"  {memory[0]:7.0f} MiB {memory[1]:7.0f} MiB",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.serve)
    try:
        import torch
    except ImportError:
        print("skipped: there is no PyTorch here (pip install torch)")
        return
    build = ["cargo", "build", "--release", "--quiet", "--package", "langevin-bench", "--example", "train_steps"]
    subprocess.run(build, cwd=ROOT, check=True)
    print(f"{torch.__version__=} threads={arguments.threads}; medians, ratio (least-most of the rounds), largest memory")
    print(f"{'workload':20}  {'langevin':>12}  {'PyTorch':>12}  {'ratio':>17}  {'langevin':>11} {'PyTorch':>11}")
    for name in arguments.workloads:
        compare(name, arguments.rounds, arguments.threads)


if __name__ == "__main__":
    main()
