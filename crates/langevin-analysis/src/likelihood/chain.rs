//! The n-step chain: a sampler with the exact denoiser *is* a variational autoencoder of n layers, whose encoder is fixed.
//!
//! Its bound is that of endless steps but for
//!
//! $$\mathrm{excess} = \sum_i \tfrac12(\mathrm{SNR}_{i+1} - \mathrm{SNR}_i) \mathrm{mmse}(\lambda_i) - \int \tfrac12 \mathrm{mmse} d\mathrm{SNR},
//!   \qquad \mathrm{SNR} = e^{2\lambda},$$
//!
//! with $\lambda_i < \lambda_{i+1}$: on each step the denoised prediction is that of its noisy end. It is the divergence of the path of the data from that of the model.
//!
//! | function | what |
//! |---|---|
//! | [`path_integral`] | ∫ mmse·SNR dλ, the path term of the bound |
//! | [`chain_bound`] | the same of n steps |
//! | [`chain_excess`] | their difference |
//! | [`optimal_chain`] | the steps, of those on a grid, that make it least |
//!
//! Source: Kingma et al., "Variational diffusion models", arXiv 2107.00630, for the bound; Watson et al., arXiv 2106.03802, for the best steps.

use langevin::error::{Error, Result};
use langevin::math::exp;
use langevin::math::integral;

/// Panels of the integral.
const PANELS: usize = 64;
/// More cells than this make the search for the best steps too long.
const MAX_CELLS: usize = 1 << 13;

/// ∫ mmse(λ) e^{2λ} dλ from `lambdas[0]` to the last: ∫ E‖ε − ε̂‖² dλ with the exact denoiser, in nats. `mmse` is E‖x₀ − D‖².
///
/// ```
/// use langevin_analysis::likelihood::path_integral;
/// // N(0, c): mmse = cσ²/(α²c + σ²), so the integrand is c·SNR/(1 + c·SNR), and the integral ½ ln(1 + c·SNR) between the ends.
/// let c = 0.7;
/// let found = path_integral(&|l| c / (1.0 + c * (2.0 * l).exp()), -4.6, 4.6);
/// let exact = 0.5 * ((1.0 + c * 9.2_f64.exp()).ln() - (1.0 + c * (-9.2_f64).exp()).ln());
/// assert!((found - exact).abs() < 1e-12);
/// ```
#[must_use]
pub fn path_integral(mmse: &dyn Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    integral(from, to, PANELS, |lambda| mmse(lambda) * exp(2.0 * lambda))
}

/// Σ ½(SNR_{i+1} − SNR_i) mmse(λ_i) over steps between `lambdas`, which rise: the path term of the chain's bound, in nats.
///
/// # Errors
/// Fewer than two levels, or levels that do not rise.
pub fn chain_bound(mmse: &dyn Fn(f64) -> f64, lambdas: &[f64]) -> Result<f64> {
    let rises = |pair: &[f64]| pair[0] < pair[1] && pair[0].is_finite() && pair[1].is_finite();
    if lambdas.len() < 2 || !lambdas.windows(2).all(rises) {
        return Err(Error::argument("the levels of a chain must rise in λ")
            .expected("at least two finite levels, noisiest first")
            .got(format!("{} levels", lambdas.len())));
    }
    Ok(lambdas.windows(2).map(|pair| step_cost(mmse(pair[0]), pair[0], pair[1])).sum())
}

/// What a chain's bound is above that of endless steps, in nats.
///
/// # Errors
/// As [`chain_bound`].
pub fn chain_excess(mmse: &dyn Fn(f64) -> f64, lambdas: &[f64]) -> Result<f64> {
    let total = chain_bound(mmse, lambdas)?;
    Ok(total - path_integral(mmse, lambdas[0], lambdas[lambdas.len() - 1]))
}

/// The best chain of `steps` steps from `from` to `to` whose levels lie on a grid of `cells` equal cells in λ, found by dynamic programming; its levels, noisiest first.
///
/// # Errors
/// More steps than cells, no step, or more cells than 8192.
pub fn optimal_chain(mmse: &dyn Fn(f64) -> f64, from: f64, to: f64, steps: usize, cells: usize) -> Result<Vec<f64>> {
    if !(1..=cells).contains(&steps) || cells > MAX_CELLS || !(from < to && from.is_finite() && to.is_finite()) {
        return Err(Error::argument("no such chain")
            .expected(format!("a range of λ, and 1 ≤ steps ≤ cells ≤ {MAX_CELLS}"))
            .got(format!("{steps} steps on {cells} cells from {from} to {to}")));
    }
    let lambdas: Vec<f64> = (0..=cells).map(|i| from + (to - from) * i as f64 / cells as f64).collect();
    let errors: Vec<f64> = lambdas.iter().map(|lambda| mmse(*lambda)).collect();
    // best[j]: the least cost from `from` to level j in so many steps; back[n][j]: the level before it.
    let mut best: Vec<f64> = vec![f64::INFINITY; cells + 1];
    best[0] = 0.0;
    let mut back: Vec<Vec<u32>> = Vec::with_capacity(steps);
    for _ in 0..steps {
        let mut next = vec![f64::INFINITY; cells + 1];
        let mut came = vec![0; cells + 1];
        for i in 0..cells {
            if best[i] == f64::INFINITY {
                continue;
            }
            for j in i + 1..=cells {
                let cost = best[i] + step_cost(errors[i], lambdas[i], lambdas[j]);
                if cost < next[j] {
                    (next[j], came[j]) = (cost, i as u32);
                }
            }
        }
        best = next;
        back.push(came);
    }
    let mut at = cells;
    let mut chain = vec![lambdas[at]];
    for came in back.iter().rev() {
        at = came[at] as usize;
        chain.push(lambdas[at]);
    }
    chain.reverse();
    Ok(chain)
}

/// ½(SNR_clean − SNR_noisy) mmse(noisy).
fn step_cost(mmse: f64, noisy: f64, clean: f64) -> f64 {
    0.5 * (exp(2.0 * clean) - exp(2.0 * noisy)) * mmse
}
