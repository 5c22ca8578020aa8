"""Runs the recorded schedulers again with float64 coefficients, and writes down where that changes the outcome.

The schedulers keep float32 tables and compute their coefficients from them in float32. Here the tables keep their
float32 values, and everything computed from them is float64. Where a case then ends more than a third of its tolerance
away, float32 arithmetic and not the method is what the recording shows; `float64.jsonl` holds the outcome of those.
With names, only the classes whose names contain one are run, and nothing is written.

    python rerun.py [name ...]
"""

import json
import sys

import numpy as np
import torch

import record
from record import Case, Draws, Tables


def wide(scheduler):
    """Every float32 tensor of the scheduler as float64, and what it made of them once more."""
    for name, value in vars(scheduler).items():
        if isinstance(value, torch.Tensor) and value.dtype == torch.float32 and name != "timesteps":
            setattr(scheduler, name, value.double())
    if hasattr(scheduler, "sigmas_interpol"):
        low = scheduler.sigmas[2::2].clone()
        high = scheduler.sigmas[:1].tolist() + scheduler.sigmas[2:-2:2].tolist()
        high = torch.tensor(high, dtype=torch.float64)[: len(low)]
        if hasattr(scheduler, "sigmas_down"):
            up = (low**2 * (high**2 - low**2) / high**2) ** 0.5
            down = low**2 / high
            middle = (high * down) ** 0.5
            one = torch.cat
            twice = lambda v: v.repeat_interleave(2)
            scheduler.sigmas_up[: 2 * len(up) - 1] = one([up[:1], twice(up[1:])])
            scheduler.sigmas_down[: 2 * len(up) - 1] = one([down[:1], twice(down[1:])])
            scheduler.sigmas_interpol[: 2 * len(up) - 1] = one([middle[:1], twice(middle[1:])])
        else:
            middle = (high * low) ** 0.5
            scheduler.sigmas_interpol[1 : 1 + 2 * len(middle)] = middle.repeat_interleave(2)
    return scheduler


class Wide(Case):
    def build(self, tables):
        scheduler = super().build(tables)
        self.scale = getattr(scheduler, "init_noise_sigma", 1.0)
        return wide(scheduler)

    def first(self, scheduler, nudge):
        if self.start_at is None:
            self.line["init_scale"] = float(self.scale)
            return Draws.take() * self.scale, 0
        return super().first(scheduler, nudge)


narrow = torch.Tensor.to


def to(self, *args, **kwargs):
    """As `Tensor.to`, but float64 stays float64."""
    asked = [a for a in args if isinstance(a, torch.dtype)] + [v for k, v in kwargs.items() if k == "dtype"]
    if self.dtype == torch.float64 and torch.float32 in asked:
        args = [a for a in args if not isinstance(a, torch.dtype)]
        kwargs = {k: v for k, v in kwargs.items() if k != "dtype"}
        return narrow(self, *args, **kwargs) if args or kwargs else self
    return narrow(self, *args, **kwargs)


def all_cases(only):
    record.Case = Wide
    done = Wide.record
    Wide.record = lambda self, tables: self
    yield from record.record_diffusers(Tables(), only)
    Wide.record = done


def main(only):
    record.patch()
    folder = record.HERE
    recorded = [json.loads(line) for line in (folder / "diffusers.jsonl").read_text().splitlines()]
    recorded = {line["id"]: line for line in recorded if "id" in line}
    lines, counts = [], {}
    for case in all_cases(only):
        old = recorded[case.line["id"]]
        if "out" not in old:
            continue
        tables = Tables()
        try:
            built = case.build(tables)
            case.build = lambda _: built
            torch.Tensor.to = to
            with np.errstate(all="ignore"):
                out = case.go(tables).reshape(-1)
        except Exception as error:
            print(old["id"], error)
            continue
        finally:
            torch.Tensor.to = narrow
        gap = np.abs(out - np.array(old["out"])).max()
        tolerance = max(1e-5, 10 * old.get("ulp", 0.0))
        row = counts.setdefault(old["class"], [0, 0, 0.0])
        row[0] += 1
        row[2] = max(row[2], gap / tolerance)
        if gap > tolerance / 3:
            row[1] += 1
            lines.append(json.dumps({"id": old["id"], "gap": float(f"{gap:.3g}"), **record.result(out)}))
    for name, row in counts.items():
        print(name, *row)
    if not only:
        record.write("float64.jsonl", lines)


if __name__ == "__main__":
    main(sys.argv[1:])
