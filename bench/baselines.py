"""Bits per dimension of the usual densities, fitted to the split that `digits_likelihood` wrote.

    cargo run --release -p langevin-train --example digits_likelihood -- 120 /tmp/digits
    python3 bench/baselines.py /tmp/digits          # needs numpy and scikit-learn

Ridge, components and bandwidth are chosen on a fifth of the training rows; the density is then fitted to all of them. The held-out rows are looked at once.
"""
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

folder = Path(sys.argv[1])
train, test = (np.fromfile(folder / name, "<f4").reshape(-1, 64).astype(float) for name in ("train.f32", "held_out.f32"))
part = len(train) // 5
fit, look = train[part:], train[:part]


def gaussian(ridge):
    """N(mean, covariance + ridge)."""

    def scores(rows, at):
        covariance = np.cov(rows.T, bias=True) + ridge * np.eye(rows.shape[1])
        chol = np.linalg.cholesky(covariance)
        z = np.linalg.solve(chol, (at - rows.mean(0)).T)
        return -0.5 * (z**2).sum(0) - np.log(np.diag(chol)).sum() - 0.5 * rows.shape[1] * np.log(2 * np.pi)

    return scores


def fitted(model):
    return lambda rows, at: model.fit(rows).score_samples(at)


def mixture(kind, components, ridge):
    return fitted(GaussianMixture(components, covariance_type=kind, reg_covar=ridge, n_init=3, random_state=0))


families = {
    "Gaussian, full covariance": {f"ridge {r:g}": gaussian(r) for r in (0, 0.03, 0.1, 0.2, 0.4, 0.8)},
    "probabilistic PCA": {f"{q} axes": fitted(PCA(q)) for q in (8, 12, 16, 20, 24, 28, 32, 40, 48)},
    "mixture of full Gaussians": {
        f"{k} components, ridge {r:g}": mixture("full", k, r) for k in (2, 4, 8, 12, 16, 24) for r in (0.03, 0.1, 0.3)
    },
    "mixture of diagonal Gaussians": {
        f"{k} components, ridge {r:g}": mixture("diag", k, r) for k in (16, 32, 64, 96, 128) for r in (0.08, 0.2, 0.4)
    },
    "kernel density": {f"bandwidth {h:g}": fitted(KernelDensity(bandwidth=h)) for h in (0.8, 1, 1.2, 1.4, 1.6, 1.8, 2)},
}
warnings.simplefilter("ignore")
print("| model | bits/dim | nats | chosen |\n|---|---|---|---|")
for name, choices in families.items():
    chosen = max(choices, key=lambda choice: choices[choice](fit, look).mean())
    nats = -choices[chosen](train, test)
    error = nats.std(ddof=1) / len(nats) ** 0.5
    print(f"| {name} | {nats.mean() / 64 / np.log(2):.4f} | {nats.mean():.2f} ± {error:.2f} | {chosen} |")
