//! Noise levels σ/α from a table of ᾱ: at given times, on the grids by which σ is placed, and their
//! conversion to times. Operations are in float32 where those of the originals are.
//!
//! $\sigma_i = \sqrt{(1-\bar\alpha_i)/\bar\alpha_i}$. Between the entries σ is linear in the index,
//! but the inverse is linear in ln σ, so the two maps are not inverse to each other.

use super::fields::Fields;
use super::numbers::{linspace, round, single};
use crate::quirks::{self, Quirk};
use langevin::error::{Error, Result};
use langevin::grid::beta_quantile;
use langevin::math::{exp, ln, pow};

/// The table of σ.
#[derive(Clone, Debug)]
pub(super) struct Sigmas {
    values: Vec<f64>,
    logs: Vec<f64>,
    /// λ of the entries.
    lambdas: Vec<f64>,
}

/// See [`Sigmas::time`].
const _: &Quirk = &quirks::FIRST_TIME_BITS;

impl Sigmas {
    pub(super) fn new(alphas_cumprod: &[f64]) -> Self {
        let part = |bar: &f64| (1.0 - *bar as f32, *bar as f32);
        let value = |bar: &f64| {
            let (noise, signal) = part(bar);
            f64::from((noise / signal).sqrt())
        };
        let lambda = |bar: &f64| {
            let (noise, signal) = part(bar);
            let log = |x: f32| ln(f64::from(x.sqrt())) as f32;
            f64::from(log(signal) - log(noise))
        };
        let values: Vec<f64> = alphas_cumprod.iter().map(value).collect();
        let logs = values.iter().map(|sigma| single(ln(*sigma))).collect();
        Self { values, logs, lambdas: alphas_cumprod.iter().map(lambda).collect() }
    }

    /// Returns the number of entries.
    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    /// Returns σ of the cleanest entry.
    pub(super) fn min(&self) -> f64 {
        self.values[0]
    }

    /// Returns σ of the noisiest entry.
    pub(super) fn max(&self) -> f64 {
        self.values[self.count() - 1]
    }

    /// Returns ln σ of the noisiest and the cleanest entry, in float32.
    fn log_range(&self) -> (f64, f64) {
        (self.logs[self.count() - 1], self.logs[0])
    }

    /// Returns the number of entries whose λ is at least `lambda_min`.
    pub(super) fn above(&self, lambda_min: f64) -> usize {
        self.lambdas
            .iter()
            .rev()
            .position(|lambda| *lambda >= single(lambda_min))
            .map_or(0, |noisier| self.count() - noisier)
    }

    /// Returns σ at a time, by linear interpolation between the entries and the nearest entry
    /// beyond them.
    pub(super) fn at(&self, time: f64) -> f64 {
        let last = (self.count() - 1) as f64;
        let time = time.clamp(0.0, last);
        let low = (time.floor() as usize).min(self.count().saturating_sub(2));
        let high = (low + 1).min(self.count() - 1);
        self.values[low] + (time - low as f64) * (self.values[high] - self.values[low])
    }

    /// Returns the time at which the table has this σ, by interpolation that is linear in ln σ. The
    /// computation is in float64 with a table in float32, like that of NumPy 2. For σ of the last
    /// entry the result is therefore slightly below the last index, and a class that truncates
    /// times uses the index before. (NumPy 1 rounds ln σ to float32 here and returns the last
    /// index.)
    ///
    /// Whether the result is the index itself depends on the last bit of √ and ln in float32. Those
    /// of torch and NumPy are off by one or two bits for a tenth of the entries, depending on the
    /// machine. Here both are rounded correctly.
    pub(super) fn time(&self, sigma: f64) -> f64 {
        let log = ln(sigma.max(1e-10));
        let below = (0..self.count()).rev().find(|i| self.logs[*i] <= log).unwrap_or(0);
        let low = below.min(self.count().saturating_sub(2));
        if self.count() < 2 {
            return 0.0;
        }
        let share = ((self.logs[low] - log) / single(self.logs[low] - self.logs[low + 1])).clamp(0.0, 1.0);
        (1.0 - share) * low as f64 + share * (low + 1) as f64
    }
}

/// The placement of σ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placing {
    /// At times of the table.
    Table,
    /// Karras's power law, ρ = 7.
    Karras,
    /// Even in ln σ.
    Exponential,
    /// Even in ln σ, by the name of Lu.
    Lu,
    /// Quantiles of Beta(0.6, 0.6).
    Beta,
}

impl Placing {
    /// Returns the field of a config that selects the placement.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Table => "the times of the table",
            Self::Karras => "use_karras_sigmas",
            Self::Exponential => "use_exponential_sigmas",
            Self::Lu => "use_lu_lambdas",
            Self::Beta => "use_beta_sigmas",
        }
    }

    /// Parses `use_karras_sigmas` and the related fields. `lu` is true if the class has
    /// `use_lu_lambdas`.
    pub(super) fn parse(fields: &Fields<'_>, lu: bool) -> Result<Self> {
        let flags = [
            ("use_karras_sigmas", Self::Karras),
            ("use_exponential_sigmas", Self::Exponential),
            ("use_beta_sigmas", Self::Beta),
            ("use_lu_lambdas", Self::Lu),
        ];
        let mut on = Vec::new();
        for (key, placing) in &flags[..if lu { 4 } else { 3 }] {
            if fields.flag(key, false)? {
                on.push((key, *placing));
            }
        }
        match on[..] {
            [] => Ok(Self::Table),
            [(_, placing)] => Ok(placing),
            _ => Err(Error::format("σ can be placed in one way only")
                .at(on.iter().map(|(key, _)| **key).collect::<Vec<_>>().join(", "))
                .expected("one of them true")
                .got(format!("{} of them", on.len()))),
        }
    }

    /// Returns the ends of a grid: `first` and `last`, or the levels of the config.
    pub(super) fn ends(self, bounds: Bounds, first: f64, last: f64) -> Result<(f64, f64)> {
        if matches!(self, Self::Table | Self::Lu) {
            return Ok((first, last));
        }
        let (first, last) = (bounds.max.unwrap_or(first), bounds.min.unwrap_or(last));
        if first > 0.0 && last > 0.0 && first.is_finite() && last.is_finite() {
            return Ok((first, last));
        }
        Err(bad_range(first, last))
    }

    /// Returns `count` values from `max` to `min`; none for times of the table.
    pub(super) fn values(self, count: usize, max: f64, min: f64) -> Vec<f64> {
        match self {
            Self::Table => vec![],
            Self::Karras => {
                let (from, to) = (pow(max, 1.0 / 7.0), pow(min, 1.0 / 7.0));
                linspace(0.0, 1.0, count).into_iter().map(|u| pow(from + u * (to - from), 7.0)).collect()
            }
            Self::Exponential | Self::Lu => linspace(ln(max), ln(min), count).into_iter().map(exp).collect(),
            Self::Beta => {
                let quantile =
                    |i: usize| if count == 1 { 1.0 } else { beta_quantile(count - 1 - i, count - 1, 0.6, 0.6) };
                (0..count).map(|i| min + quantile(i) * (max - min)).collect()
            }
        }
    }

    /// Returns `count` values over the whole table, or between the levels of the config.
    pub(super) fn over(self, bounds: Bounds, sigmas: &Sigmas, count: usize) -> Result<Vec<f64>> {
        if self == Self::Lu {
            let (from, to) = sigmas.log_range();
            return Ok(linspace(0.0, 1.0, count).into_iter().map(|u| exp(from + u * (to - from))).collect());
        }
        let (max, min) = self.ends(bounds, sigmas.max(), sigmas.min())?;
        if min > max {
            return Err(bad_range(max, min));
        }
        Ok(self.values(count, max, min))
    }
}

/// The fields `sigma_max` and `sigma_min`, between which a grid is built if a config has them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    pub(super) max: Option<f64>,
    pub(super) min: Option<f64>,
}

impl Bounds {
    /// Reads the bounds of a grid. diffusers uses them if a config has them, even if the class does
    /// not define the fields. Times of the table have no bounds.
    pub(super) fn parse(fields: &Fields<'_>, placing: Placing) -> Result<Self> {
        if matches!(placing, Placing::Table | Placing::Lu) {
            return Ok(Self::default());
        }
        Ok(Self { max: fields.maybe_number("sigma_max")?, min: fields.maybe_number("sigma_min")? })
    }
}

/// Returns the error for a range of levels that contains no grid.
pub(super) fn bad_range(max: f64, min: f64) -> Error {
    Error::format("bad range of noise levels")
        .at("sigma_min, sigma_max")
        .expected("0 < sigma_min ≤ sigma_max < ∞")
        .got(format!("{min} and {max}"))
}

/// Computes the shift of flow time, $s' = ks/(1+(k-1)s)$.
pub(super) fn shift(k: f64, s: f64) -> f64 {
    k * s / (1.0 + (k - 1.0) * s)
}

/// The conversion of a real time before it is passed to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cast {
    Round,
    Truncate,
    Keep,
}

impl Cast {
    pub(super) fn apply(self, time: f64) -> f64 {
        match self {
            Self::Round => round(time),
            Self::Truncate => time.trunc(),
            Self::Keep => time,
        }
    }
}
