"""Records what the schedulers of diffusers and the samplers of k-diffusion compute on an exactly known network.

Writes `tables.jsonl`, `diffusers.jsonl`, `k_diffusion.jsonl` and `noise.json` beside this file. `README.md` says how
to run it and what the fields are; `network.py` holds the network, `cases.py` the options.
"""

import copy
import inspect
import json
import math
import pkgutil
import sys
import warnings
from importlib import import_module
from pathlib import Path

import diffusers
import k_diffusion.sampling as kd
import numpy as np
import torch

import cases
from network import DEVIATIONS, MEANS, WEIGHTS, Network, alphas_cumprod, denoise

warnings.filterwarnings("ignore")
diffusers.logging.set_verbosity(50)
torch.set_num_threads(1)
HERE = Path(__file__).parent
SHAPE = (4, 1, 1, 2)  # dynamic thresholding needs a third axis
POOL = np.array([float(f"{v:.8e}") for v in np.random.default_rng(0).standard_normal(200 * 8)]).reshape(200, 4, 2)
KNOWN = np.array([[-1.2, 0.4], [0.8, -0.6], [0.5, -0.5], [0.0, 0.25]])
SHAKEN = ("alphas_cumprod", "alphas", "betas", "final_alpha_cumprod", "initial_alpha_cumprod", "sigmas", "sigmas_interpol",
          "sigmas_up", "sigmas_down", "s")
MORE_TABLES = {"KDPM2": ("sigmas_interpol", "sigmas_up", "sigmas_down"), "IPNDM": ("alphas", "betas")}
MASK = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


# Noise.


class Draws:
    """The source of all noise: draw k of a run is POOL[k mod 200]."""

    used = 0
    intervals = []

    @classmethod
    def start(cls):
        cls.used, cls.intervals = 0, []

    @classmethod
    def take(cls, shape=SHAPE, dtype=torch.float64):
        cls.used += 1
        return torch.tensor(POOL[(cls.used - 1) % len(POOL)]).reshape(tuple(shape)).to(dtype or torch.float64)


class Intervals:
    """Stands for a Brownian path: each interval asked for gets the next draw, of unit variance."""

    def __init__(self, *_, **__):
        pass

    def __call__(self, sigma, sigma_next):
        Draws.intervals.append([sigma, sigma_next])
        return Draws.take()


def randn(shape, *rest, dtype=None, **_):
    return Draws.take(shape, dtype)


def randn_like(x, **_):
    return Draws.take(x.shape, x.dtype)


def patch():
    for info in pkgutil.iter_modules(diffusers.schedulers.__path__):
        if info.name.startswith("scheduling_") and "flax" not in info.name:
            module = import_module(f"diffusers.schedulers.{info.name}")
            for name, stand_in in (("randn_tensor", randn), ("BrownianTreeNoiseSampler", Intervals)):
                if hasattr(module, name):
                    setattr(module, name, stand_in)
    torch.randn, torch.randn_like = randn, randn_like
    kd.BrownianTreeNoiseSampler = Intervals


# Writing.


def plain(value):
    """A JSON value: float32 by its shortest digits, non-finite numbers as strings."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, torch.Tensor):
        return plain(value.detach().cpu().numpy())
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.reshape(-1)] if value.ndim else plain(value[()])
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.integer, np.bool_)):
        return value.item()
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return float(str(value)) if isinstance(value, np.float32) else float(value)
    return value


class Tables:
    """Values that many cases share, each written once and named by an id."""

    def __init__(self):
        self.ids, self.lines, self.counts = {}, [], {}

    def id(self, kind, value):
        if isinstance(value, (torch.Tensor, np.ndarray)):
            array = np.asarray(value)
            body = {"kind": kind, "dtype": str(array.dtype), "values": plain(array.reshape(-1))}
        else:
            body = {"kind": kind, **value}
        key = json.dumps(body)
        if key not in self.ids:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.ids[key] = f"{kind}{self.counts[kind]}"
            self.lines.append(json.dumps({"id": self.ids[key], **body}))
        return self.ids[key]


def write(name, lines):
    (HERE / name).write_text("".join(line + "\n" for line in lines))


def result(out):
    """`out`, rounded to 12 digits, or the mark of a non-finite one."""
    out = np.asarray(out, dtype=np.float64).reshape(-1)
    if not np.isfinite(out).all():
        return {"nonfinite": True}
    return {"out": [float(f"{v:.12g}") for v in out]}


def complaint(error):
    return {"error": f"{type(error).__name__}: {str(error).strip()}"[:160]}


# diffusers.


def kind_of(name, config):
    if name.startswith("FlowMatch"):
        return "flow_inverted" if config.get("invert_sigmas") else "flow"
    special = {"EDM": "edm", "Cosine": "edm_atan", "IPNDM": "angle", "DDPMWuerstchen": "wuerstchen", "CMStochastic": "edm_log",
               "SCM": "trigflow", "LTX": "flow"}
    for start, kind in special.items():
        if name.startswith(start):
            return kind
    if config.get("use_flow_sigmas"):
        return "flow"
    if config.get("timestep_type") == "continuous" and config["prediction_type"] == "v_prediction":
        return "log_sigma"
    return "table"


def adapt(name, call):
    """The arguments of set_timesteps, lists in the form the class wants."""
    if "sigmas" in call and name == "EDMEulerScheduler":
        return dict(call, sigmas=torch.tensor(call["sigmas"], dtype=torch.float64))
    return dict(call, sigmas=np.array(call["sigmas"])) if "sigmas" in call and name.startswith("UniPC") else call


def next_up(x):
    """How far the next float32 above x is."""
    near = np.asarray(x, dtype=np.float32)
    return np.nextafter(near, np.float32(np.inf)).astype(np.float64) - near


def shake(scheduler, salt):
    """Moves each entry of the tables by one unit in its last place of float32; equal values move alike, 0 and 1 stay."""
    for name in SHAKEN:
        table = getattr(scheduler, name, None)
        if isinstance(table, torch.Tensor):
            values = table.numpy().astype(np.float32)
            bits = (values.view(np.uint32).astype(np.uint64) * np.uint64(salt)) & np.uint64(0xFFFFFFFF)
            moved = np.nextafter(values, np.where(bits >> np.uint64(31), np.float32(np.inf), np.float32(-np.inf)))
            moved = np.where((values == 0) | (values == 1), values, moved)
            setattr(scheduler, name, torch.tensor(moved.astype(table.numpy().dtype)))


class Case:
    """One run. `go` fills `line`, the record, and returns the final state.

    Further runs tell how far the original's float32 can be trusted: `nudge="start"` moves the start by one ulp; a
    number is a seed with which every table entry, every output of the network and every state moves by one ulp.
    """

    built = {}

    def __init__(self, name, prediction, label, settings, steps):
        settings = {k: v(steps) if callable(v) else v for k, v in settings.items()}
        self.name, self.prediction, self.steps = name, prediction, steps
        self.cls = getattr(diffusers, name)
        self.config = {k: v for k, v in settings.items() if k not in cases.RUN}
        if "prediction_type" in inspect.signature(self.cls.__init__).parameters:
            self.config["prediction_type"] = prediction
        self.call, self.step = settings.get("call", {}), settings.get("step", {})
        self.tau, self.start_at = settings.get("tau"), settings.get("start_at")
        self.line = {"id": f"{name.removesuffix('Scheduler')}/{prediction}/{label}/{steps}", "class": name,
                     "prediction": prediction, "steps": steps}

    def build(self, tables):
        key = self.name + repr(self.config)
        if key not in self.built:
            # The fields of FlowMatchEuler that this class keeps for it are no arguments of its own.
            make = self.cls.from_config if self.name.startswith("LTX") else lambda config: self.cls(**config)
            self.built[key] = make(self.config)
        scheduler = copy.deepcopy(self.built[key])
        saved = plain(json.loads(scheduler.to_json_string()))
        if self.tau is not None:
            scheduler.tau_func = lambda t: self.tau
        config = dict(scheduler.config)
        kind = kind_of(self.name, config)
        if kind == "table" and ("bar", key) not in self.built:
            self.built["bar", key] = alphas_cumprod(config)
        bar = self.built.get(("bar", key))
        self.network = Network(kind, self.prediction, config, bar)
        given = {"set": dict(self.step)} if self.step else {}
        if self.tau is not None:
            given["set"] = dict(given.get("set", {}), tau=self.tau)
        if self.name.startswith("RePaint"):
            given["set"] = dict(known=plain(KNOWN), mask=plain(MASK))
        if kind == "table":
            both = {"betas": tables.id("betas", scheduler.betas), "alphas_cumprod": tables.id(
                "alphas_cumprod", scheduler.alphas_cumprod), "network": tables.id("network", bar)}
            given["betas_table"] = tables.id("table", both)
        self.line.update(config=tables.id("config", {"value": saved}), network=kind, **({"call": self.call} if self.call else {}), **given)
        fixed = {"timesteps", "sigmas"} & set(self.call) and "FlowMatch" not in self.name
        count = {} if fixed and self.name not in ("EDMEulerScheduler", "SCMScheduler") else {"num_inference_steps": self.steps}
        scheduler.set_timesteps(**count, **adapt(self.name, self.call))
        after = plain(json.loads(scheduler.to_json_string()))
        if after != saved:
            self.line["config_after"] = tables.id("config", {"value": after})
        self.line["timesteps"] = tables.id("times", scheduler.timesteps)
        if self.cls.__name__ not in ("IPNDMScheduler",) and isinstance(getattr(scheduler, "sigmas", None), torch.Tensor):
            self.line["sigmas"] = tables.id("sigmas", scheduler.sigmas)
        for start, names in MORE_TABLES.items():
            if self.name.startswith(start):
                self.line["more"] = {k: tables.id("sigmas", getattr(scheduler, k)) for k in names if hasattr(scheduler, k)}
        return scheduler

    def first(self, scheduler, nudge):
        """The state before the first call, and the index of the first time."""
        scale = getattr(scheduler, "init_noise_sigma", 1.0)
        self.line["init_scale"] = plain(scale)
        noise, index = Draws.take(), 0
        if self.start_at is None:
            x = noise * scale
        else:
            index = self.start_at * scheduler.order
            if hasattr(scheduler, "set_begin_index"):
                scheduler.set_begin_index(index)
            clean, time = 0.5 * Draws.take(), scheduler.timesteps[index : index + 1]
            x = (scheduler.scale_noise(clean, time, noise) if hasattr(scheduler, "scale_noise")
                 else scheduler.add_noise(clean, noise, time))
            self.line.update(start_at=self.start_at, first_time=index, init=plain(x))
        return x + torch.tensor(next_up(x.numpy())) if nudge == "start" else x, index

    def go(self, tables, nudge=None):
        Draws.start()
        scheduler = self.build(tables)
        signs = np.random.default_rng(nudge) if isinstance(nudge, int) else None
        if signs:
            shake(scheduler, nudge)

        def blur(x, size):
            return x + torch.tensor(next_up(size.numpy()) * signs.choice([-1, 1], x.shape)) if signs else x

        x, index = self.first(scheduler, nudge)
        times, asked = scheduler.timesteps, []

        def advance(x, t, unit=1.0, **extra):
            given = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
            asked.append(t)
            out = torch.tensor(self.network(given.double().numpy(), float(t))).to(x.dtype)
            whole = {"model_output": blur(out, out) * unit, "timestep": t, "sample": x * unit, "return_dict": False, **extra}
            new, *rest = scheduler.step(**whole)
            return (blur(new / unit, x), *rest)

        if self.name.startswith("CogVideoXDPM"):
            clean = None
            for i, t in enumerate(times):
                x, clean = advance(x, t, old_pred_original_sample=clean, timestep_back=times[i - 1] if i else None)
        elif self.name.startswith("RePaint"):
            parts = dict(original_image=torch.tensor(KNOWN).reshape(SHAPE), mask=torch.tensor(MASK).reshape(SHAPE))
            last = times[0] + 1
            for t in times:
                x = advance(x, t, **parts)[0] if t < last else scheduler.undo_step(x, last)
                last = t
        elif self.name.startswith("DDPMWuerstchen"):
            for t in times[:-1]:
                x = advance(x, t, timestep=t.expand(4))[0]
        elif self.name.startswith("SCM"):
            unit = scheduler.config.sigma_data
            for t in times[:-1]:
                x = advance(x, t, unit=unit)[0]
        elif self.name.startswith("LTX") and len(times) == len(scheduler.sigmas):
            for t in times[:-1]:
                x = advance(x, t)[0]
        else:
            for i in range(index, len(times)):
                extra = self.step
                if self.name.startswith("UnCLIP"):
                    extra = dict(prev_timestep=times[i + 1] if i + 1 < len(times) else None) | extra
                x = advance(x, times[i], **extra)[0]
        self.line.update(model_times=tables.id("times", torch.stack(asked)), draws=Draws.used)
        if Draws.intervals:
            self.line["intervals"] = plain(Draws.intervals)
        rounds = "sample = sample.to(torch.float32)" in inspect.getsource(self.cls.step)
        self.line["dtype"] = "float32" if rounds else str(x.dtype).removeprefix("torch.")
        return x.numpy()

    def record(self, tables):
        try:
            with np.errstate(all="ignore"):
                out = self.go(tables)
                self.line.update(result(out))
                if "out" in self.line:
                    kept = copy.deepcopy(self.line)
                    moves = [np.abs(self.go(tables, nudge) - out).max() for nudge in ("start", 0x9E3779B1, 0x85EBCA6B)]
                    self.line = kept | {"ulp": float(f"{max(filter(math.isfinite, moves), default=0.0):.3g}")}
        except Exception as error:
            self.line.update(complaint(error))
        return self.line


def record_diffusers(tables, only, chosen=cases.CASES):
    for name, (predictions, options) in chosen.items():
        if only and not any(part in name for part in only):
            continue
        for label, settings in options:
            is_flow = settings.get("use_flow_sigmas", False)
            for prediction in settings.get("only", predictions):
                if "only" not in settings and "use_flow_sigmas" not in settings and len(predictions) == 4:
                    if (prediction == cases.F) != is_flow:
                        continue
                for steps in settings.get("steps", cases.STEPS):
                    yield Case(name, prediction, label, settings, steps).record(tables)


# k-diffusion, in float64 throughout.

KD_GRIDS = {
    "karras": lambda n: kd.get_sigmas_karras(n, 0.03, 14.6), "exponential": lambda n: kd.get_sigmas_exponential(n, 0.03, 14.6),
    "polyexponential": lambda n: kd.get_sigmas_polyexponential(n, 0.03, 14.6, rho=1.5), "vp": kd.get_sigmas_vp}
CHURN = [{}, dict(s_churn=4.0, s_noise=1.003), dict(s_churn=20.0, s_tmin=0.1, s_tmax=5.0)]
ETA = [{}, dict(eta=0.5), dict(eta=0.0), dict(eta=1.0, s_noise=0.9)]
ENDS = dict(sigma_min=0.03, sigma_max=14.6)
KD = {
    "sample_euler": CHURN, "sample_euler_ancestral": ETA, "sample_heun": CHURN, "sample_dpm_2": CHURN,
    "sample_dpm_2_ancestral": ETA, "sample_lms": [{}, dict(order=1), dict(order=2), dict(order=3)],
    "sample_dpmpp_2s_ancestral": ETA, "sample_dpmpp_sde": ETA + [dict(r=0.3)], "sample_dpmpp_2m": [{}],
    "sample_dpmpp_2m_sde": ETA + [dict(solver_type="heun"), dict(solver_type="heun", eta=0.5)],
    "sample_dpmpp_3m_sde": ETA, "sample_dpm_fast": [{}, dict(eta=0.5), dict(eta=1.0, s_noise=0.9)],
    "sample_dpm_adaptive": [{}, dict(order=2), dict(rtol=0.01, atol=0.001), dict(eta=0.5), dict(
        pcoeff=0.2, icoeff=0.7, dcoeff=0.1, h_init=0.2), dict(order=2, accept_safety=0.9, eta=1.0, s_noise=0.9)],
}


def record_k(sampler, grid, steps, options, tables):
    label = "-".join(f"{k}={v}" for k, v in options.items()) or "default"
    line = {"id": f"{sampler}/{grid or 'ends'}/{label}/{steps or 'adaptive'}", "sampler": sampler, "steps": steps, "set": options}
    torch.set_default_dtype(torch.float64)
    function, outs = getattr(kd, sampler), []
    try:
        if grid:
            sigmas = KD_GRIDS[grid](steps)
            line.update(grid=grid, sigmas=tables.id("sigmas", sigmas))
            top, given = sigmas[0], {"sigmas": sigmas}
        else:
            line.update(ENDS)
            top, given = ENDS["sigma_max"], dict(ENDS, **({"n": steps} if steps else {}))
        for nudge in (0.0, 1.0):
            Draws.start()
            x, asked = Draws.take() * top, []
            x = x + nudge * torch.tensor(next_up(x.numpy()))

            def model(x, sigma):
                asked.append(sigma.reshape(-1)[0])
                return torch.tensor(denoise(x.numpy(), 1.0, float(asked[-1])))

            with np.errstate(all="ignore"):
                more = {"return_info": True} if "adaptive" in sampler else {}
                has_noise = "noise_sampler" in inspect.signature(function).parameters
                noise = {"noise_sampler": Intervals()} if has_noise else {}
                out = function(model, x, **given, disable=True, **noise, **options, **more)
            if more:
                out, info = out
            if not nudge:
                line.update(init_scale=plain(top), model_times=tables.id("times", torch.stack(asked)), draws=Draws.used,
                            **({"intervals": plain(Draws.intervals)} if Draws.intervals else {}),
                            **({"info": info} if more else {}), dtype="float64")
            outs.append(out.numpy())
        line.update(result(outs[0]), ulp=float(f"{np.abs(outs[1] - outs[0]).max():.3g}"))
    except Exception as error:
        line.update(complaint(error))
    torch.set_default_dtype(torch.float32)
    return line


def record_all_k(tables):
    for sampler, sets in KD.items():
        for options in sets:
            if sampler == "sample_dpm_adaptive":
                yield record_k(sampler, None, None, options, tables)
                continue
            for grid in [None] if sampler == "sample_dpm_fast" else KD_GRIDS if not options else ["karras"]:
                for steps in cases.STEPS:
                    yield record_k(sampler, grid, steps, options, tables)


def summary(lines):
    counts = {}
    for line in lines:
        row = counts.setdefault((line.get("class") or line["sampler"], line.get("prediction", "")), [0, 0, 0])
        row[0] += 1
        row[1] += "error" in line
        row[2] += "nonfinite" in line
    for (name, prediction), (total, errors, bad) in counts.items():
        print(f"{name:40} {prediction:16} {total:5} cases {errors:4} raise {bad:4} non-finite")
    print(f"{sum(row[0] for row in counts.values())} cases")


def main(only):
    patch()
    tables = Tables()
    lines = list(record_diffusers(tables, only))
    more = [] if only else list(record_all_k(tables))
    lines += record_diffusers(tables, only, cases.LATER)
    summary(lines + more)
    if only:
        return
    mixture = {"weights": plain(WEIGHTS), "means": MEANS.tolist(), "deviations": plain(DEVIATIONS)}
    version = {"diffusers": diffusers.__version__, "torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    head = {"header": True, "mixture": mixture, "batch": [4, 2], "pool": len(POOL), "versions": version}
    write("noise.json", [json.dumps(POOL.reshape(len(POOL), -1).tolist())])
    write("tables.jsonl", tables.lines)
    write("diffusers.jsonl", [json.dumps(head)] + [json.dumps(plain(line)) for line in lines])
    write("k_diffusion.jsonl", [json.dumps(head)] + [json.dumps(plain(line)) for line in more])


if __name__ == "__main__":
    main(sys.argv[1:])
