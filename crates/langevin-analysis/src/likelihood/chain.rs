//! Likelihood bounds of chains with n steps.
//!
//! A sampler of n steps with the exact denoiser *is* a variational autoencoder of n layers with a
//! fixed encoder. Its bound exceeds the bound of infinitely many steps by
//!
//! $$\mathrm{excess}
//!   = \sum_i \tfrac12(\mathrm{SNR}_{i+1} - \mathrm{SNR}_i) \mathrm{mmse}(\lambda_i) -
//!   \int \tfrac12 \mathrm{mmse} d\mathrm{SNR}, \qquad \mathrm{SNR} = e^{2\lambda},$$
//!
//! with $\lambda_i < \lambda_{i+1}$: each step uses the denoised prediction of its noisy end. The
//! excess is the KL divergence between the paths of the data and the paths of the model.
//!
//! | function | result |
//! |---|---|
//! | [`path_integral`] | ∫ mmse·SNR dλ, the path term of the bound for infinitely many steps |
//! | [`chain_bound`] | the path term of the bound for n steps |
//! | [`chain_excess`] | the difference of the two |
//! | [`optimal_chain`] | the levels on a grid that make the excess smallest |
//!
//! Source: Kingma et al., "Variational diffusion models", arXiv 2107.00630, for the bound; Watson
//! et al., arXiv 2106.03802, for the best steps.

use langevin::error::{Error, Result};
use langevin::math::exp;
use langevin::math::integral;

/// The number of panels of the integral.
const PANELS: usize = 64;
/// The largest number of cells: the search takes time quadratic in it.
const MAX_CELLS: usize = 1 << 13;

/// Returns ∫ mmse(λ) e^{2λ} dλ between two values of λ, in nats.
///
/// This is ∫ E‖ε − ε̂‖² dλ for the exact denoiser. `mmse` must return E‖x₀ − D‖² at λ.
///
/// # Examples
/// ```
/// use langevin_analysis::likelihood::path_integral;
/// // N(0, c) has mmse = cσ²/(α²c + σ²), so the integrand is c·SNR/(1 + c·SNR). Its integral is
/// // ½ ln(1 + c·SNR) between the ends.
/// let c = 0.7;
/// let found = path_integral(&|l| c / (1.0 + c * (2.0 * l).exp()), -4.6, 4.6);
/// let exact = 0.5 * ((1.0 + c * 9.2_f64.exp()).ln() - (1.0 + c * (-9.2_f64).exp()).ln());
/// assert!((found - exact).abs() < 1e-12);
/// ```
#[must_use]
pub fn path_integral(mmse: &dyn Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    integral(from, to, PANELS, |lambda| mmse(lambda) * exp(2.0 * lambda))
}

/// Returns Σ ½(SNR_{i+1} − SNR_i) mmse(λ_i) over the steps between `lambdas`, in nats.
///
/// This is the path term of the chain's bound. `lambdas` must rise: the noisiest level comes first.
///
/// # Errors
/// Returns an error if there are fewer than two levels, or if the levels do not rise.
///
/// # Examples
/// ```
/// use langevin_analysis::likelihood::chain_bound;
/// let mmse = |l: f64| 1.0 / (1.0 + (2.0 * l).exp());
/// // One step from λ = 0 to ½ ln 3: ½(3 − 1)·mmse(0).
/// assert!((chain_bound(&mmse, &[0.0, 0.5 * 3.0_f64.ln()])? - 0.5).abs() < 1e-15);
/// assert!(chain_bound(&mmse, &[1.0, 0.0]).is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn chain_bound(mmse: &dyn Fn(f64) -> f64, lambdas: &[f64]) -> Result<f64> {
    let rises = |pair: &[f64]| pair[0] < pair[1] && pair[0].is_finite() && pair[1].is_finite();
    if lambdas.len() < 2 || !lambdas.windows(2).all(rises) {
        return Err(Error::argument("the levels of a chain must rise in λ")
            .expected("at least two finite levels, noisiest first")
            .got(format!("{} levels", lambdas.len())));
    }
    Ok(lambdas.windows(2).map(|pair| step_cost(mmse(pair[0]), pair[0], pair[1])).sum())
}

/// Returns the excess of the chain's bound over the bound of infinitely many steps, in nats.
///
/// # Errors
/// Returns an error under the conditions of [`chain_bound`].
///
/// # Examples
/// ```
/// use langevin_analysis::likelihood::chain_excess;
/// let mmse = |l: f64| 1.0 / (1.0 + (2.0 * l).exp());
/// let chain = |n: usize| (0..=n).map(|i| -3.0 + 6.0 * i as f64 / n as f64).collect::<Vec<_>>();
/// // The excess falls as 1/n.
/// let (few, many) = (chain_excess(&mmse, &chain(50))?, chain_excess(&mmse, &chain(100))?);
/// assert!(many > 0.0 && (few / many - 2.0).abs() < 0.1);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn chain_excess(mmse: &dyn Fn(f64) -> f64, lambdas: &[f64]) -> Result<f64> {
    let total = chain_bound(mmse, lambdas)?;
    Ok(total - path_integral(mmse, lambdas[0], lambdas[lambdas.len() - 1]))
}

/// Returns the best chain of `steps` steps between two values of λ, noisiest level first.
///
/// The levels lie on a grid of `cells` equal cells in λ. Dynamic programming finds the chain whose
/// bound is smallest.
///
/// # Errors
/// Returns an error if `steps` is 0 or exceeds `cells`, if `cells` exceeds 8192, or if the range is
/// empty.
///
/// # Examples
/// ```
/// use langevin_analysis::likelihood::{chain_bound, optimal_chain};
/// let mmse = |l: f64| 1.0 / (1.0 + (2.0 * l).exp());
/// let best = optimal_chain(&mmse, -3.0, 3.0, 4, 60)?;
/// assert_eq!((best.len(), best[0], best[4]), (5, -3.0, 3.0));
/// let uniform = [-3.0, -1.5, 0.0, 1.5, 3.0];
/// assert!(chain_bound(&mmse, &best)? < chain_bound(&mmse, &uniform)?);
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn optimal_chain(mmse: &dyn Fn(f64) -> f64, from: f64, to: f64, steps: usize, cells: usize) -> Result<Vec<f64>> {
    if !(1..=cells).contains(&steps) || cells > MAX_CELLS || !(from < to && from.is_finite() && to.is_finite()) {
        return Err(Error::argument("no such chain")
            .expected(format!("a range of λ, and 1 ≤ steps ≤ cells ≤ {MAX_CELLS}"))
            .got(format!("{steps} steps on {cells} cells from {from} to {to}")));
    }
    let lambdas: Vec<f64> = (0..=cells).map(|i| from + (to - from) * i as f64 / cells as f64).collect();
    let errors: Vec<f64> = lambdas.iter().map(|lambda| mmse(*lambda)).collect();
    // `best[j]` is the least cost from `from` to level j with the steps so far. `back[n][j]` is the
    // level before j on that path.
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

/// Returns ½(SNR_clean − SNR_noisy) mmse(noisy), the cost of one step.
fn step_cost(mmse: f64, noisy: f64, clean: f64) -> f64 {
    0.5 * (exp(2.0 * clean) - exp(2.0 * noisy)) * mmse
}
