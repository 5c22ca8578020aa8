//! Noise levels y = σ/α of a table and the grids over them, with the precision of the originals.
//!
//! | what | formula |
//! |---|---|
//! | at an entry | $y_k = \sqrt{(1-\bar\alpha_k)/\bar\alpha_k}$ |
//! | at a real time | linear in the index between entries |
//! | the time of a level | linear in ln y between entries, kept within the table |
//! | karras | $(y_{max}^{1/\rho} + u (y_{min}^{1/\rho} - y_{max}^{1/\rho}))^\rho$, u from 0 to 1 |
//! | exponential | even in ln y |
//! | beta | $y_{min} + (y_{max} - y_{min}) q(1-u)$, q the quantile of Beta(0.6, 0.6) |

use super::Call;
use super::config::Config;
use super::table::{count, linspace, power, single, spacing};
use crate::error::{Error, Result};
use crate::math::{exp, ln};

/// Spacings of times, the default first.
pub(super) const LINSPACE: &[&str] = &["linspace", "leading", "trailing"];

/// y at every entry, in float32.
pub(super) fn table(alphas_cumprod: &[f64]) -> Vec<f64> {
    let at = |bar: &f64| {
        let bar = *bar as f32;
        f64::from(((1.0 - bar) / bar).sqrt())
    };
    alphas_cumprod.iter().map(at).collect()
}

/// y at a real time, as numpy interpolates.
pub(super) fn at_time(table: &[f64], time: f64) -> f64 {
    let last = table.len() - 1;
    if time >= last as f64 || table.len() == 1 {
        return table[last];
    }
    let low = time.max(0.0).floor() as usize;
    let part = time.max(0.0) - low as f64;
    (table[low + 1] - table[low]) * part + table[low]
}

/// The time of a level: with float32 in between where the level itself is float32.
pub(super) fn time_of(table: &[f64], level: f64, in_single: bool) -> f64 {
    let logs = |k: usize| single(ln(table[k]));
    let log = ln(level.max(1e-10));
    let log = if in_single { single(log) } else { log };
    if table.len() < 2 {
        return 0.0;
    }
    // The last entry that is not above the level; the logarithms rise.
    let below = (0..table.len()).rev().find(|k| log - logs(*k) >= 0.0).unwrap_or(0);
    let low = below.min(table.len() - 2);
    let (from, to) = (logs(low), logs(low + 1));
    let part = if in_single {
        f64::from((from as f32 - log as f32) / (from as f32 - to as f32))
    } else {
        (from - log) / (from - to)
    };
    let part = part.clamp(0.0, 1.0);
    (1.0 - part) * low as f64 + part * (low + 1) as f64
}

/// The shapes that a config can ask for in place of the table's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Table,
    Karras,
    Exponential,
    Beta,
}

impl Shape {
    /// Reads the three switches.
    pub(super) fn read(config: &Config) -> Result<Self> {
        let switches = [
            ("use_karras_sigmas", Self::Karras),
            ("use_exponential_sigmas", Self::Exponential),
            ("use_beta_sigmas", Self::Beta),
        ];
        let mut shape = Self::Table;
        for (name, own) in switches {
            if config.flag(name, false)? {
                if shape != Self::Table {
                    return Err(Error::format("two grids at once")
                        .at(name)
                        .expected("one of use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas"));
                }
                shape = own;
            }
        }
        Ok(shape)
    }

    /// The grid from `max` to `min`, in float64.
    pub(super) fn grid(self, max: f64, min: f64, steps: usize) -> Result<Vec<f64>> {
        if !(0.0 < min && min <= max && max.is_finite()) {
            return Err(Error::format("bad range of noise levels")
                .at("sigma_min, sigma_max")
                .expected("0 < sigma_min ≤ sigma_max < ∞")
                .got(format!("{min} and {max}")));
        }
        Ok(match self {
            Self::Table => linspace(max, min, steps),
            Self::Karras => karras(&linspace(0.0, 1.0, steps), max, min, 7.0),
            Self::Exponential => linspace(ln(max), ln(min), steps).into_iter().map(exp).collect(),
            Self::Beta => linspace(0.0, 1.0, steps)
                .into_iter()
                .map(|u| Ok(min + beta_quantile(1.0 - u)? * (max - min)))
                .collect::<Result<_>>()?,
        })
    }
}

/// Karras's levels at the shares `ramp` of the way.
pub(super) fn karras(ramp: &[f64], max: f64, min: f64, rho: f64) -> Vec<f64> {
    let (from, to) = (power(max, 1.0 / rho), power(min, 1.0 / rho));
    ramp.iter().map(|u| power(from + u * (to - from), rho)).collect()
}

/// The quantile of Beta(0.6, 0.6).
fn beta_quantile(share: f64) -> Result<f64> {
    let _ = share;
    Err(Error::argument("beta sigmas are not supported"))
}

/// Times by the spacing of the classes that go by noise levels: not rounded where they are evenly spaced.
pub(super) fn times(config: &Config, call: &Call, train: usize) -> Result<Vec<f64>> {
    let steps = count(call, train)?;
    let spaced = spacing(config, train, steps, LINSPACE)?;
    Ok(match config.word("timestep_spacing", LINSPACE)? {
        "linspace" => linspace(0.0, train as f64 - 1.0, steps).into_iter().rev().collect(),
        _ => spaced,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_goes_to_its_level_and_back() {
        let bars: Vec<f64> = (0..100).map(|k| single(0.99 - 0.0098 * k as f64)).collect();
        let table = table(&bars);
        for time in [0.0, 7.0, 31.0, 98.0, 99.0] {
            assert!((time_of(&table, at_time(&table, time), false) - time).abs() < 1e-3);
        }
        // Beyond the table the time stays at its end.
        assert_eq!(time_of(&table, 1e9, false), 99.0);
        assert_eq!(time_of(&table, 1e-9, false), 0.0);
        let middle = at_time(&table, 40.25);
        assert!(table[40] < middle && middle < table[41]);
    }

    #[test]
    fn grids_have_their_ends() {
        for shape in [Shape::Karras, Shape::Exponential] {
            let grid = shape.grid(14.6, 0.03, 9).unwrap();
            assert!((grid[0] - 14.6).abs() < 1e-12 && (grid[8] - 0.03).abs() < 1e-14, "{shape:?}");
            assert_eq!(shape.grid(14.6, 0.03, 1).unwrap().len(), 1);
        }
        assert!(Shape::Karras.grid(1.0, 0.0, 3).is_err());
    }
}
