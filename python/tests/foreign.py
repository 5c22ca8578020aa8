"""Samplers with the faults of other projects, written here from the descriptions of these faults.

Each pair is a function and its correction. ``docs/trace.md`` lists where the faults were reported.
"""

import math

import torch


def _table(steps=1000):
    """DDPM's scaled-linear table of ᾱ."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, steps, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0)


def vp_sde(model, x, steps=400, factor=1.0, low=1e-3):
    """Euler–Maruyama on the reverse SDE of β(t) = 0.1 + 19.9 t; ``factor`` scales g²."""
    times = torch.linspace(1, low, steps + 1, dtype=torch.float64)
    for now, then in zip(times[:-1], times[1:]):
        beta, step = 0.1 + 19.9 * now, now - then
        score = model(x, now)
        x = x + step * (0.5 * beta * x + factor * beta * score) + (factor * beta * step).sqrt() * torch.randn_like(x)
    return x


def half_diffusion(model, x):
    """The diffusion of the VP process without its factor 2."""
    return vp_sde(model, x, factor=0.5)


def flow_sde(model, x, steps=400, drift=True):
    """Euler on a flow, with noise √(t dt); the drift −½ dt ε̂ belongs to it."""
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    for now, then in zip(times[:-1], times[1:]):
        step, velocity = now - then, model(x, now)
        noise = x + (1 - now) * velocity  # ε of x = (1 − t) x₀ + t ε and u = ε − x₀
        x = x - step * velocity
        if then > 0:
            x = x - (0.5 * step * noise if drift else 0.0) + (now * step).sqrt() * torch.randn_like(x)
    return x


def flow_noise_without_drift(model, x):
    """Noise is added, and the drift that belongs to it is not."""
    return flow_sde(model, x, drift=False)


def ddim(model, x, times, stride=None):
    """DDIM on the table; with ``stride`` each step goes that many entries down, wherever the next time is."""
    bars = _table()
    for index, now in enumerate(times):
        then = times[index + 1] if index + 1 < len(times) else -1
        if stride is not None:
            then = max(now - stride, 0)
        bar, to = bars[now], bars[then] if then >= 0 else torch.tensor(1.0, dtype=torch.float64)
        noise = model(x, now)
        clean = (x - (1 - bar).sqrt() * noise) / bar.sqrt()
        x = to.sqrt() * clean + (1 - to).sqrt() * noise
    return x


LINSPACE = [round(999 - 999 * i / 7) for i in range(8)]


def ddim_with_a_fixed_stride(model, x):
    """A stride of N // n entries on times that are spaced otherwise."""
    return ddim(model, x, LINSPACE, stride=1000 // 8)


def ddim_of_stride_zero(model, x):
    """More steps than entries: N // n is 0, all times are 0 and every step is the identity."""
    return ddim(model, x, [0] * 8, stride=0)


def heun(model, x, sigmas, last_is_euler=True):
    """Heun's method in σ; the model returns D."""
    for now, then in zip(sigmas[:-1], sigmas[1:]):
        slope = (x - model(x, now)) / now
        ahead = x + (then - now) * slope
        if then == 0 and last_is_euler:
            x = ahead
        else:
            x = x + (then - now) * 0.5 * (slope + (ahead - model(ahead, then)) / max(then, 1e-5))
    return x


def heun_with_a_last_heun_step(model, x):
    """The last step, to σ = 0, is one of Heun as well."""
    return heun(model, x, [14.6, 5.0, 1.2, 0.2, 0.0], last_is_euler=False)


def dpmpp_2m_sde(model, x, sigmas, root=True):
    """DPM-Solver++(2M) SDE, η = 1, midpoint; ``root=False`` leaves out the square root of the noise."""
    before, last = None, None
    for now, then in zip(sigmas[:-1], sigmas[1:]):
        denoised = model(x, now)
        if then == 0:
            return denoised
        step = math.log(now / then)
        weight = -math.expm1(-2 * step)
        x = then / now * math.exp(-step) * x + weight * denoised
        if before is not None:
            x = x + 0.5 * weight * step / last * (denoised - before)
        x = x + then * (math.sqrt(weight) if root else weight) * torch.randn_like(x)
        before, last = denoised, step
    return x


def sde_noise_without_its_root(model, x):
    """The noise of an SDE step has the variance in place of the standard deviation: pictures stay coherent."""
    return dpmpp_2m_sde(model, x, [14.6, 5.0, 1.2, 0.2, 0.0], root=False)


def two_stages(model, x, sigmas, overwritten=False):
    """DPM++(2S); ``overwritten`` uses the second D where the first belongs, in a term that cancels it."""
    for now, then in zip(sigmas[:-1], sigmas[1:]):
        first = model(x, now)
        if then == 0:
            return first
        middle = math.sqrt(now * then)
        ahead = middle / now * x + (1 - middle / now) * first
        second = model(ahead, middle)
        x = then / now * (x + (first - second if overwritten else 0)) + (1 - then / now) * second
    return x


def flow_euler(model, x, sigmas):
    """Euler on a flow with the given noise levels."""
    for now, then in zip(sigmas[:-1], sigmas[1:]):
        x = x + (then - now) * model(x, now)
    return x
