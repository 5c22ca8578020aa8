"""Training steps and evaluations of langevin beside PyTorch eager, taking turns in one run.

    python bench/train/compare.py [WORKLOAD ...] [--rounds N] [--threads T]

PyTorch's side is forward, mean squared error (cross-entropy of tokens), backward and AdamW on one fixed batch. langevin's side is a whole step of `train`: the rows of the data, their noise and
levels, forward, loss, backward, clipping, AdamW and the weight average. Ratios are medians over the rounds of langevin's median time to PyTorch's in the same round. The share is that of the rate at which the same library
multiplies two matrices of 2048 x 2048 in the same rounds: the operations of the workload's matrix products in its time, everything else included. Without PyTorch only that is measured.
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
    "names-256": 20,
    "text-32": 5,
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


def operations(name):
    return float(subprocess.run([str(BINARY), "--operations", name], capture_output=True, text=True, check=True).stdout)


def compare(name, rounds, threads, has_torch):
    peers = {"ours": Peer([str(BINARY), name], threads), "product": Peer([str(BINARY), "product"], threads)}
    counts = {"ours": WORKLOADS[name], "product": 3, "theirs": WORKLOADS[name]}
    if has_torch:
        peers["theirs"] = Peer([sys.executable, __file__, "--serve", name], threads)
    times = {key: [] for key in peers}
    for turn in range(rounds + 1):
        order = list(peers) if turn % 2 else list(peers)[::-1]
        for key in order:
            median = statistics.median(peers[key].seconds(counts[key]))
            # The threads of a pool spin for a while after their work.
            time.sleep(0.25)
            if turn > 0:  # the first warms up
                times[key].append(median)
    rate = [operations("product") / seconds for seconds in times["product"]]
    shares = [operations(name) / seconds / peak for seconds, peak in zip(times["ours"], rate)]
    memory = {key: peer.peak() for key, peer in peers.items()}
    line = f"{name:20}  {statistics.median(times['ours']) * 1e3:9.3f} ms"
    if has_torch:
        ratios = [ours / theirs for ours, theirs in zip(times["ours"], times["theirs"])]
        line += f"  {statistics.median(times['theirs']) * 1e3:9.3f} ms  {statistics.median(ratios):5.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        line += f"  {memory['ours']:7.0f} MiB {memory['theirs']:7.0f} MiB"
    line += f"  {100 * statistics.median(shares):5.0f} % of {statistics.median(rate) / 1e9:.0f} GFLOP/s"
    print(line, flush=True)


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
        torch = None
        print("there is no PyTorch here (pip install torch): langevin is measured alone")
    build = ["cargo", "build", "--release", "--quiet", "--package", "langevin-bench", "--example", "train_steps"]
    subprocess.run(build, cwd=ROOT, check=True)
    if torch:
        print(f"{torch.__version__=} threads={arguments.threads}; medians, ratio (least-most of the rounds), largest memory, share of the product's rate")
        print(f"{'workload':20}  {'langevin':>12}  {'PyTorch':>12}  {'ratio':>17}  {'langevin':>11} {'PyTorch':>11}  share of the rate")
    for name in arguments.workloads:
        compare(name, arguments.rounds, arguments.threads, torch is not None)


if __name__ == "__main__":
    main()
