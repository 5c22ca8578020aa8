//! Schedules of ComfyUI and A1111 over a table of noise levels.

use langevin::error::{Error, Result};
use langevin::grid::beta_quantile;
use langevin::math::{exp, ln};
use langevin::process::Process;
use std::fmt;

/// A schedule of ComfyUI or A1111, over the table of noise levels of a process.
///
/// ```
/// use langevin_import::k::SigmaSchedule;
/// assert_eq!(SigmaSchedule::parse("SGM Uniform"), Some(SigmaSchedule::SgmUniform));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigmaSchedule {
    /// Evenly spaced entries of the table, counted from its end.
    Simple,
    /// Levels at evenly spaced times, including both ends.
    Normal,
    /// Levels at evenly spaced times, without the last.
    SgmUniform,
    /// Evenly spaced entries of the table, counted from its beginning.
    DdimUniform,
    /// Entries at quantiles of Beta(0.6, 0.6).
    Beta,
    /// Levels that fall linearly by a fortieth of the largest σ over half the steps, and
    /// quadratically after that.
    LinearQuadratic,
    /// The tangent of evenly spaced angles between the arctangents of the ends. ComfyUI's variant
    /// reaches the smallest level one step earlier and ends at 0.
    KlOptimal,
    /// The variant of A1111, which ends at the smallest level.
    KlOptimalA1111,
}

impl SigmaSchedule {
    /// Parses the name of a schedule. Case is ignored, and words may be separated by `_`, `-` or
    /// spaces.
    ///
    /// ```
    /// use langevin_import::k::SigmaSchedule;
    /// assert_eq!(SigmaSchedule::parse("ddim-uniform"), Some(SigmaSchedule::DdimUniform));
    /// assert_eq!(SigmaSchedule::parse("karras"), None);
    /// ```
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name.trim().to_lowercase().replace(['-', ' '], "_").as_str() {
            "simple" => Some(Self::Simple),
            "normal" => Some(Self::Normal),
            "sgm_uniform" => Some(Self::SgmUniform),
            "ddim_uniform" => Some(Self::DdimUniform),
            "beta" => Some(Self::Beta),
            "linear_quadratic" => Some(Self::LinearQuadratic),
            "kl_optimal" => Some(Self::KlOptimal),
            "kl_optimal_a1111" => Some(Self::KlOptimalA1111),
            _ => None,
        }
    }

    /// Returns the levels σ/α over the table of a process. They fall and end at 0, except those of
    /// A1111's KL Optimal.
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin_import::k::SigmaSchedule;
    /// let levels = SigmaSchedule::KlOptimal.levels(&Process::parse("table:scaled-linear")?, 6)?;
    /// assert_eq!((levels.len(), levels[6]), (7, 0.0));
    /// assert!((levels[0] - 14.6146).abs() < 1e-3 && (levels[5] - 0.0292).abs() < 1e-4);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the process has no table, or if the number of steps is 0 or exceeds the
    /// number of entries.
    pub fn levels(self, process: &Process, steps: usize) -> Result<Vec<f64>> {
        let Some(bars) = process.alpha_bars() else {
            return Err(Error::argument(format!("{self}: it needs a table"))
                .at("process")
                .expected("the process of a table of betas, table:scaled-linear for Stable Diffusion")
                .got(process.name().to_string()));
        };
        let count = bars.len();
        if steps == 0 || steps > count {
            return Err(Error::argument("the table has too few entries")
                .at("steps")
                .expected(format!("1 to {count}"))
                .got(steps.to_string()));
        }
        let sigma = |index: usize| ((1.0 - bars[index]) / bars[index]).sqrt();
        // Between the entries ln σ is linear in the time.
        let at = |time: f64| {
            let low = (time.floor().max(0.0) as usize).min(count - 1);
            let (share, high) = (time - low as f64, (low + 1).min(count - 1));
            if share <= 0.0 { sigma(low) } else { exp((1.0 - share) * ln(sigma(low)) + share * ln(sigma(high))) }
        };
        let (max, min, n) = (sigma(count - 1), sigma(0), steps as f64);
        let even = |i: usize, of: f64| (count - 1) as f64 * (1.0 - i as f64 / of);
        let mut levels: Vec<f64> = match self {
            Self::Simple => (0..steps).map(|i| sigma(count - 1 - i * count / steps)).collect(),
            Self::Normal => (0..steps).map(|i| at(even(i, (n - 1.0).max(1.0)))).collect(),
            Self::SgmUniform => (0..steps).map(|i| at(even(i, n))).collect(),
            Self::DdimUniform => {
                let stride = (count / steps).max(1);
                let mut entries: Vec<usize> = (1..count).step_by(stride).collect();
                entries.reverse();
                entries.into_iter().map(sigma).collect()
            }
            Self::Beta => {
                let place = |i: usize| beta_quantile(steps - i, steps, 0.6, 0.6) * (count - 1) as f64;
                let mut entries: Vec<usize> = (0..steps).map(|i| place(i).round_ties_even() as usize).collect();
                entries.dedup();
                entries.into_iter().map(sigma).collect()
            }
            Self::LinearQuadratic => {
                let (threshold, linear) = (0.025, steps / 2);
                let rest = (steps - linear) as f64;
                // The quadratic part continues the line with its slope and reaches 1 at the last
                // step.
                let slope = if linear > 0 { threshold / linear as f64 } else { 0.0 };
                let start = if linear > 0 { threshold } else { 0.0 };
                let bend = (1.0 - start - slope * rest) / (rest * rest);
                let noise = |i: usize| {
                    let over = i.saturating_sub(linear) as f64;
                    if i < linear { slope * i as f64 } else { start + slope * over + bend * over * over }
                };
                (0..steps).map(|i| max * (1.0 - noise(i))).collect()
            }
            Self::KlOptimal | Self::KlOptimalA1111 => {
                let of = if self == Self::KlOptimal { (n - 1.0).max(1.0) } else { n };
                let points = if self == Self::KlOptimal { steps } else { steps + 1 };
                let (high, low) = (libm::atan(max), libm::atan(min));
                (0..points).map(|i| libm::tan(high + i as f64 / of * (low - high))).collect()
            }
        };
        if self != Self::KlOptimalA1111 {
            levels.push(0.0);
        }
        Ok(levels)
    }
}

impl fmt::Display for SigmaSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "the schedule simple of ComfyUI",
            Self::Normal => "the schedule normal of ComfyUI",
            Self::SgmUniform => "the schedule sgm_uniform of ComfyUI",
            Self::DdimUniform => "the schedule ddim_uniform of ComfyUI",
            Self::Beta => "the schedule beta of ComfyUI and A1111",
            Self::LinearQuadratic => "the schedule linear_quadratic of ComfyUI",
            Self::KlOptimal => {
                "the schedule kl_optimal of ComfyUI, which ends in 0; A1111's is kl_optimal_a1111, which ends at the smallest level"
            }
            Self::KlOptimalA1111 => "the schedule KL Optimal of A1111, which ends at the smallest level",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of Stable Diffusion; the entries were computed by hand from the definitions.
    #[test]
    fn schedules_over_a_table() {
        let process = Process::parse("table:scaled-linear").unwrap();
        let bars = process.alpha_bars().unwrap();
        let sigma = |index: usize| ((1.0 - bars[index]) / bars[index]).sqrt();
        let levels = |schedule: SigmaSchedule| schedule.levels(&process, 6).unwrap();
        let near = |found: Vec<f64>, expected: Vec<f64>| {
            assert_eq!(found.len(), expected.len(), "{found:?}");
            found
                .iter()
                .zip(&expected)
                .for_each(|(a, b)| assert!((a - b).abs() <= 1e-9 * b.max(1.0), "{found:?} {expected:?}"));
        };
        let ended = |indices: &[usize]| indices.iter().map(|i| sigma(*i)).chain([0.0]).collect::<Vec<_>>();
        near(levels(SigmaSchedule::Simple), ended(&[999, 833, 666, 499, 333, 166]));
        near(levels(SigmaSchedule::DdimUniform), ended(&[997, 831, 665, 499, 333, 167, 1]));
        let normal = levels(SigmaSchedule::Normal);
        assert!((normal[0] - 14.6146).abs() < 1e-3 && (normal[5] - sigma(0)).abs() < 1e-12 && normal[6] == 0.0);
        let sgm = levels(SigmaSchedule::SgmUniform);
        assert!((sgm[0] - normal[0]).abs() < 1e-12 && sgm[5] > 2.0 * sigma(0) && sgm[6] == 0.0);
        let line = levels(SigmaSchedule::LinearQuadratic);
        assert!((line[1] / line[0] - (1.0 - 0.025 / 3.0)).abs() < 1e-12 && (line[3] / line[0] - 0.975).abs() < 1e-12);
        let ours = levels(SigmaSchedule::KlOptimalA1111);
        assert!(ours.len() == 7 && (ours[6] - sigma(0)).abs() < 1e-12 && (ours[0] - sigma(999)).abs() < 1e-9);
        for name in ["simple", "normal", "sgm_uniform", "SGM Uniform", "ddim-uniform", "beta", "kl_optimal"] {
            let schedule = SigmaSchedule::parse(name).unwrap();
            for steps in [1, 2, 20, 1000] {
                let found = schedule.levels(&process, steps).unwrap();
                assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "{name} {steps}: {found:?}");
            }
            assert!(schedule.levels(&Process::ve(), 6).unwrap_err().to_string().contains("needs a table"));
            assert!(schedule.levels(&process, 0).is_err() && schedule.levels(&process, 1001).is_err());
        }
    }
}
