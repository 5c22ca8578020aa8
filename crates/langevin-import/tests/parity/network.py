"""The exact denoiser of a Gaussian mixture, and the networks built on it.

Data: x0 ~ sum_k w_k N(m_k, c_k I) in two dimensions. Seen as x = alpha x0 + sigma eps, its denoiser is

    D(x) = sum_k r_k(x) (alpha c_k x + sigma^2 m_k) / (alpha^2 c_k + sigma^2),
    r_k(x) proportional to w_k N(x; alpha m_k, (alpha^2 c_k + sigma^2) I).

A network is a function of (input, time) alone, in float64, as a trained one would be. `Network` says for each kind
how the time becomes (alpha, sigma), and what is returned.
"""

import math

import numpy as np

WEIGHTS = np.array([0.3, 0.7])
MEANS = np.array([[-1.2, 0.4], [0.8, -0.6]])
DEVIATIONS = np.array([0.25, 0.4])


def denoise(x, alpha, sigma):
    """D of the rows of x (any shape whose last axis is 2)."""
    flat = x.reshape(-1, 2)
    spread = alpha**2 * DEVIATIONS**2 + sigma**2
    square = ((flat[:, None, :] - alpha * MEANS) ** 2).sum(-1)
    logit = np.log(WEIGHTS) - np.log(spread) - square / (2 * spread)
    share = np.exp(logit - logit.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    clean = (alpha * DEVIATIONS[:, None] ** 2 * flat[:, None, :] + sigma**2 * MEANS) / spread[:, None]
    return (share[:, :, None] * clean).sum(1).reshape(x.shape)


def betas(schedule, start, end, count=1000):
    """The betas of a named schedule, in float64."""
    if schedule == "linear":
        return np.linspace(start, end, count)
    if schedule == "scaled_linear":
        return np.linspace(start**0.5, end**0.5, count) ** 2
    if schedule == "sigmoid":
        return (end - start) / (1 + np.exp(-np.linspace(-6, 6, count))) + start

    def laplace(u):
        level = -0.5 * math.copysign(1, 0.5 - u) * math.log(1 - 2 * abs(0.5 - u) + 1e-6)
        return math.sqrt(math.exp(level) / (1 + math.exp(level)))

    bar = {
        "squaredcos_cap_v2": lambda u: math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2,
        "laplace": laplace,
        "exp": lambda u: math.exp(-12 * u),
    }[schedule]
    return np.array([min(1 - bar((k + 1) / count) / bar(k / count), 0.999) for k in range(count)])


def alphas_cumprod(config):
    """The network's own table of a scheduler's config: its formula evaluated in float64.

    With a zero terminal signal the last entry is exactly 0.
    """
    count = config.get("num_train_timesteps", 1000)
    bar = np.cumprod(1 - betas(config["beta_schedule"], config.get("beta_start"), config.get("beta_end"), count))
    shift = config.get("snr_shift_scale", 1.0)
    bar = bar / (shift + (1 - shift) * bar)
    if config.get("rescale_betas_zero_snr"):
        root = np.sqrt(bar)
        bar = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
    return bar


def level_of_table(bar, t):
    """(alpha, sigma) at a time: the node itself, between nodes ln(sigma/alpha) is linear in the index."""
    t = min(max(t, 0.0), len(bar) - 1.0)
    low = min(int(t), len(bar) - 2)
    part = t - low
    if part in (0.0, 1.0):
        node = bar[low + int(part)]
        return math.sqrt(node), math.sqrt(1 - node)
    if bar[low + 1] == 0:
        alpha = (1 - part) * math.sqrt(bar[low])
        return alpha, math.sqrt(1 - alpha**2)
    ends = [0.5 * math.log((1 - bar[k]) / bar[k]) for k in (low, low + 1)]
    ratio = math.exp((1 - part) * ends[0] + part * ends[1])
    return 1 / math.hypot(1, ratio), ratio / math.hypot(1, ratio)


class Network:
    """kind: how a time is read; output: what is returned for D and eps = (x - alpha D)/sigma.

    kind            (alpha, sigma) of a time t                                 input
    table           `level_of_table`                                           alpha x0 + sigma eps
    log_sigma       sigma/alpha = exp(4 t), alpha^2 + sigma^2 = 1              alpha x0 + sigma eps
    trigflow        alpha = cos t, sigma = sin t                               alpha x0 + sigma eps
    flow            sigma = t/1000, alpha = 1 - sigma                          alpha x0 + sigma eps
    flow_inverted   alpha = t/1000, sigma = 1 - alpha                          alpha x0 + sigma eps
    angle           alpha = cos(pi t/2), sigma = sin(pi t/2)                   alpha x0 + sigma eps
    wuerstchen      alpha^2 = clamp of the shifted cosine, in float64          alpha x0 + sigma eps
    edm             alpha = 1, sigma = exp(4 t)                                c_in x, x = x0 + sigma eps
    edm_atan        alpha = 1, sigma = tan(pi t/2)                             c_in x, x = x0 + sigma eps
    edm_log         alpha = 1, sigma = exp(t/250)                              c_in x, x = x0 + sigma eps

    Outputs: epsilon eps; sample D; v_prediction and trigflow alpha eps - sigma D; flow_prediction eps - D, computed as
    (x - (alpha + sigma) D)/sigma = (x - D)/sigma; for flow_inverted its negative. For the edm kinds F with
    D = c_skip x + c_out F, c_out positive for epsilon and negative for v_prediction.
    """

    def __init__(self, kind, output, config, bar=None):
        self.kind, self.output, self.config, self.bar = kind, output, config, bar

    def level(self, t):
        if self.kind == "table":
            return level_of_table(self.bar, t)
        if self.kind == "log_sigma":
            ratio = math.exp(4 * t)
            return 1 / math.hypot(1, ratio), ratio / math.hypot(1, ratio)
        if self.kind == "flow":
            return 1 - t / 1000, t / 1000
        if self.kind == "flow_inverted":
            return t / 1000, 1 - t / 1000
        if self.kind == "angle":
            return math.cos(t * math.pi / 2), math.sin(t * math.pi / 2)
        if self.kind == "wuerstchen":
            scaler, s = self.config["scaler"], self.config["s"]
            u = 1 - (1 - t) ** scaler if scaler > 1 else t**scaler
            bar = (math.cos((u + s) / (1 + s) * math.pi / 2) / math.cos(s / (1 + s) * math.pi / 2)) ** 2
            bar = min(max(bar, 1e-4), 0.9999)
            return math.sqrt(bar), math.sqrt(1 - bar)
        if self.kind == "trigflow":
            return math.cos(t), math.sin(t)
        return 1.0, {"edm": lambda: math.exp(4 * t), "edm_log": lambda: math.exp(t / 250)}.get(
            self.kind, lambda: math.tan(t * math.pi / 2))()

    def __call__(self, x, t):
        alpha, sigma = self.level(t)
        if self.kind in ("edm", "edm_atan", "edm_log"):
            data = self.config["sigma_data"]
            norm = math.hypot(sigma, data)
            x = x * norm
            out = sigma * data / norm * (1 if self.output == "epsilon" else -1)
            return (denoise(x, alpha, sigma) - data**2 / norm**2 * x) / out
        clean = denoise(x, alpha, sigma)
        with np.errstate(all="ignore"):
            if self.output == "flow_prediction":
                return (x - clean) / sigma * (-1 if self.kind == "flow_inverted" else 1)
            noise = (x - alpha * clean) / sigma
        return {"epsilon": noise, "sample": clean, "v_prediction": alpha * noise - sigma * clean,
                "trigflow": alpha * noise - sigma * clean}[self.output]
