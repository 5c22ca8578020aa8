//! The table of betas that a config describes, with the precision of the originals.

use super::fields::{Fields, out_of_range};
use super::numbers::{linspace_single, single};
use crate::quirks::{self, Quirk};
use langevin::error::Result;
use langevin::formulation::{Clock, Formulation};
use langevin::math::{cos, exp, ln};
use langevin::prediction::Prediction;
use langevin::process::{Betas, Process, Tabulated};

/// The fields of a noise schedule.
#[derive(Clone, Debug)]
pub(super) struct BetaTable {
    /// Number of entries N.
    pub(super) count: usize,
    /// The table as a schedule of langevin, for the network's process.
    pub(super) betas: Betas,
    /// True if the config names the cosine table.
    pub(super) cosine: bool,
    pub(super) zero_snr: bool,
    /// β in float32.
    pub(super) values: Vec<f64>,
}

/// Default values of a class's schedule fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    pub(super) start: f64,
    pub(super) end: f64,
    pub(super) schedules: &'static [&'static str],
    /// True if the class has the field `rescale_betas_zero_snr`.
    pub(super) zero_snr: bool,
}

/// The betas of DDPM.
pub(super) const LINEAR: Defaults =
    Defaults { start: 1e-4, end: 0.02, schedules: &["linear", "scaled_linear", "squaredcos_cap_v2"], zero_snr: false };

impl BetaTable {
    pub(super) fn parse(fields: &Fields<'_>, defaults: Defaults) -> Result<Self> {
        let count = train_count(fields)?;
        let (start, end) = (fields.number("beta_start", defaults.start)?, fields.number("beta_end", defaults.end)?);
        let kind = fields.word("beta_schedule", defaults.schedules)?;
        let zero_snr = if defaults.zero_snr { fields.flag("rescale_betas_zero_snr", false)? } else { false };
        let cap = |f: fn(f64) -> f64| -> Vec<f64> {
            let share = |k: usize| k as f64 / count as f64;
            (0..count).map(|k| (1.0 - f(share(k + 1)) / f(share(k))).min(0.999)).map(single).collect()
        };
        let given = fields.numbers("trained_betas")?;
        let listed = given.is_some();
        let (betas, values) = if let Some(list) = given {
            (Betas::List { values: list.clone() }, list.into_iter().map(single).collect())
        } else {
            match kind {
                "linear" => (Betas::Linear { start, end }, linspace_single(start, end, count)),
                "scaled_linear" => {
                    let roots = linspace_single(start.sqrt(), end.sqrt(), count);
                    (Betas::ScaledLinear { start, end }, roots.into_iter().map(|root| single(root * root)).collect())
                }
                "squaredcos_cap_v2" => {
                    (Betas::squared_cosine(), cap(|t| cos((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).powi(2)))
                }
                "laplace" => (
                    Betas::laplace(),
                    cap(|t| {
                        let side = if 0.5 - t < 0.0 { -1.0 } else { 1.0 };
                        let snr = exp(-0.5 * side * ln(1.0 - 2.0 * (0.5 - t).abs() + 1e-6));
                        (snr / (1.0 + snr)).sqrt()
                    }),
                ),
                "exp" => (Betas::exp(), cap(|t| exp(-12.0 * t))),
                _ => {
                    let logistic = |x: f64| single(1.0 / (1.0 + exp(-x)));
                    let scale = (end as f32) - (start as f32);
                    let beta = |x: f64| f64::from(logistic(x) as f32 * scale + start as f32);
                    (Betas::Sigmoid { start, end }, linspace_single(-6.0, 6.0, count).into_iter().map(beta).collect())
                }
            }
        };
        check(&values, listed)?;
        Ok(Self { count, betas, cosine: kind == "squaredcos_cap_v2", zero_snr, values })
    }

    /// Returns ᾱ in float32. The running product is kept in float64, as in torch.
    pub(super) fn alphas_cumprod(&self) -> Vec<f64> {
        let product = |betas: &[f64]| -> Vec<f64> {
            let mut whole = 1.0;
            betas
                .iter()
                .map(|beta| {
                    whole *= f64::from(1.0 - *beta as f32);
                    single(whole)
                })
                .collect()
        };
        let plain = product(&self.values);
        if !self.zero_snr {
            return plain;
        }
        // All operations are in float32. The roots are shifted and scaled so that the last one is
        // 0, then converted back to β and its product.
        let roots: Vec<f32> = plain.iter().map(|bar| (*bar as f32).sqrt()).collect();
        let (first, last) = (roots[0], roots[roots.len() - 1]);
        let bars: Vec<f32> = roots.iter().map(|root| (root - last) * (first / (first - last))).map(|r| r * r).collect();
        let ratio = |k: usize| if k == 0 { bars[0] } else { bars[k] / bars[k - 1] };
        let betas: Vec<f64> = (0..bars.len()).map(|k| f64::from(1.0 - ratio(k))).collect();
        product(&betas)
    }

    /// Returns ᾱ for classes whose levels are σ/α. With zero terminal SNR the last entry is 2^{−24}
    /// in place of 0.
    pub(super) fn nonzero_alphas_cumprod(&self) -> Vec<f64> {
        let mut bars = self.alphas_cumprod();
        if self.zero_snr
            && let Some(last) = bars.last_mut()
        {
            *last = (-24.0_f64).exp2();
        }
        bars
    }

    /// Returns the number of entries.
    pub(super) fn entries(&self) -> usize {
        if let Betas::List { values } = &self.betas { values.len() } else { self.count }
    }

    /// Returns the process on which the network was trained.
    fn process(&self) -> Result<Process> {
        let table = Tabulated::new(self.betas.clone(), self.entries())?;
        Ok(Process::tabulated(if self.zero_snr { table.with_zero_terminal_snr()? } else { table }))
    }

    /// Returns the formulation of the saved network, whose input is a state of unit variance and
    /// whose time is an index of the table.
    pub(super) fn network(&self, prediction: Prediction) -> Result<Formulation> {
        Ok(Formulation::new(self.process()?, prediction).with_clock(Clock::Time))
    }
}

/// The plan compiler refuses ε-prediction at α = 0 for every class.
const _: &Quirk = &quirks::ZERO_SNR_NOISE;

/// Reads `num_train_timesteps`, N.
pub(super) fn train_count(fields: &Fields<'_>) -> Result<usize> {
    match fields.whole("num_train_timesteps", 1000)? {
        count if (1..=MOST_ENTRIES).contains(&count) => Ok(count),
        count => Err(out_of_range("num_train_timesteps", "1 to 100000", count.to_string())),
    }
}

/// Maximum number of entries of a table; a larger number is a mistake.
const MOST_ENTRIES: usize = 100_000;

/// Checks the betas before anything is computed from them. Every table of times, levels and
/// products requires at least one entry, and values that do not lead to 0/0.
fn check(betas: &[f64], listed: bool) -> Result<()> {
    let field = if listed { "trained_betas" } else { "beta_start, beta_end" };
    let wrong = |place: String, expected: String, got: String| Err(out_of_range(&place, expected, got));
    if betas.is_empty() || betas.len() > MOST_ENTRIES {
        return wrong(field.to_owned(), format!("1 to {MOST_ENTRIES} numbers"), betas.len().to_string());
    }
    match betas.iter().position(|beta| !(*beta >= 0.0 && *beta <= 1.0)) {
        None => Ok(()),
        Some(entry) => {
            wrong(format!("{field}, entry {entry}"), "a number from 0 to 1".to_owned(), betas[entry].to_string())
        }
    }
}
