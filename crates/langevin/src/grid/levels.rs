//! The levels of a process that a spacing selects.

use super::{Grid, MAX_STEPS, Spacing, Timesteps, ays, bad, beta, timesteps};
use crate::error::{Error, Result};
use crate::math::{exp, expm1, ln, pow};
use crate::process::{Level, Process};

/// The default noise range `[σ_min, σ_max]`, in σ/α. Most networks are trained on this range.
pub const SIGMAS: [f64; 2] = [0.002, 80.0];

/// Returns the default noise range on a process, in σ/α.
///
/// It is [`SIGMAS`], but not cleaner than a table's first entry, and not noisier than a process's
/// end.
///
/// ```
/// use langevin::{Process, grid::usual_range};
/// assert_eq!(usual_range(&Process::ve()), [0.002, 80.0]);
/// assert!(usual_range(&Process::parse("table:linear")?)[0] > 0.01);
/// # Ok::<(), langevin::Error>(())
/// ```
#[must_use]
pub fn usual_range(process: &Process) -> [f64; 2] {
    let (_, last) = process.schedule().domain();
    let end = if last.is_finite() {
        process.level(last).map_or(f64::INFINITY, |level| level.sigma_ve())
    } else {
        f64::INFINITY
    };
    let first = process.alpha_bars().and_then(|bars| bars.first()).map_or(SIGMAS[0], |bar| ((1.0 - bar) / bar).sqrt());
    [first.max(SIGMAS[0]), SIGMAS[1].min(end)]
}

impl Grid {
    /// Returns whether the grid has its own noise levels on `process`, so that σ_min and σ_max are
    /// not used.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let table = Process::parse("table:linear")?;
    /// let grid = Grid::trailing(8);
    /// assert!(grid.brings_levels(&table) && !grid.brings_levels(&Process::vp()));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn brings_levels(&self, process: &Process) -> bool {
        match self.spacing {
            Spacing::Vp | Spacing::Ays(_) | Spacing::List(_) | Spacing::Times(_) => true,
            Spacing::Timesteps(_) => process.alpha_bars().is_some(),
            _ => false,
        }
    }

    /// Returns the levels on `process`, from the noisiest to the cleanest: one more than the number
    /// of steps.
    ///
    /// `sigma_min` and `sigma_max` are noise levels in σ/α.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// let (grid, cosine) = (Grid::karras(5), Process::vp_cosine());
    /// let levels = grid.levels(&cosine, 0.01, 50.0)?;
    /// assert_eq!(levels.len(), 6);
    /// // The noise levels are the same on every process.
    /// let others = grid.levels(&Process::rectified_flow(), 0.01, 50.0)?;
    /// let pairs = levels.iter().zip(&others);
    /// assert!(pairs.take(5).all(|(a, b)| (a.sigma_ve() / b.sigma_ve() - 1.0).abs() < 1e-9));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if:
    ///
    /// - the number of steps is not in 1..=100,000;
    /// - the range is empty, or the process does not reach it;
    /// - the grid takes entries of a table, and has more steps than the table has entries;
    /// - the levels do not fall. A list may do this, and so may many steps in a range so small that
    ///   two levels are one number.
    pub fn levels(&self, process: &Process, sigma_min: f64, sigma_max: f64) -> Result<Vec<Level>> {
        if self.steps == 0 || self.steps > MAX_STEPS {
            return Err(Error::argument("bad number of steps")
                .expected(format!("1 to {MAX_STEPS}"))
                .got(self.steps.to_string()));
        }
        let from_noise = matches!(self.spacing, Spacing::FlowShift { .. });
        let range = 0.0 < sigma_min && sigma_min <= sigma_max && (sigma_max.is_finite() || from_noise);
        if !range && !self.brings_levels(process) {
            return Err(Error::argument("bad range of noise levels")
                .expected("0 < sigma_min ≤ sigma_max < ∞")
                .got(format!("{sigma_min} and {sigma_max}")));
        }
        let mut levels = self.noise_levels(process, sigma_min, sigma_max)?;
        if self.clean_end {
            levels.push(process.level_at_sigma_ve(0.0)?);
        }
        check_falling(&levels).map_err(|error| match self.spacing {
            Spacing::List(_) | Spacing::Times(_) => error,
            _ => error.hinting("take fewer steps, or a wider range of noise levels"),
        })?;
        Ok(levels)
    }

    /// Returns the levels without the clean end.
    fn noise_levels(&self, process: &Process, sigma_min: f64, sigma_max: f64) -> Result<Vec<Level>> {
        let nodes = self.steps + usize::from(!self.clean_end);
        let last = nodes - 1;
        let share = |i: usize| if last == 0 { 0.0 } else { i as f64 / last as f64 };
        // The ends are exact; only the levels between them are interpolated.
        let between = |i: usize, from: f64, to: f64| match i {
            0 => from,
            i if i == last => to,
            i => from + share(i) * (to - from),
        };
        let at = |sigma: &dyn Fn(usize) -> f64| {
            let sigma = |i| match i {
                0 => sigma_max,
                i if i == last => sigma_min,
                i => sigma(i),
            };
            (0..nodes).map(|i| number(process, i, sigma(i))).collect::<Result<Vec<_>>>()
        };
        let times =
            || Ok::<_, Error>((process.level_at_sigma_ve(sigma_max)?.time, process.level_at_sigma_ve(sigma_min)?.time));
        match &self.spacing {
            Spacing::Karras { rho } => {
                let (from, to) = (pow(sigma_max, 1.0 / rho), pow(sigma_min, 1.0 / rho));
                at(&|i| pow(between(i, from, to), *rho))
            }
            Spacing::PolyExponential { rho } => {
                let (from, to) = (ln(sigma_max), ln(sigma_min));
                if *rho == 1.0 {
                    return at(&|i| exp(between(i, from, to)));
                }
                at(&|i| exp(to + pow(1.0 - share(i), *rho) * (from - to)))
            }
            Spacing::Beta { a, b } => {
                at(&|i| sigma_min + beta::quantile(last - i, last, *a, *b) * (sigma_max - sigma_min))
            }
            Spacing::UniformTime => {
                let (from, to) = times()?;
                (0..nodes).map(|i| process.level(between(i, from, to))).collect()
            }
            Spacing::Timesteps(spacing) => match (process.alpha_bars(), *spacing) {
                (Some(bars), spacing) => {
                    let indices = timesteps::indices(spacing, nodes, bars.len())?;
                    indices.into_iter().map(|index| process.level(index as f64)).collect()
                }
                (None, Timesteps::Linspace) => {
                    let (from, to) = times()?;
                    (0..nodes).map(|i| process.level(between(i, from, to))).collect()
                }
                (None, Timesteps::Leading { offset: 0 }) => {
                    timesteps::check_leading(nodes)?;
                    let (from, to) = times()?;
                    let part = |i: usize| (last - i) as f64 / nodes as f64;
                    (0..nodes).map(|i| process.level(to + part(i) * (from - to))).collect()
                }
                (None, Timesteps::Leading { offset }) => {
                    Err(Error::argument("the offset counts the entries of a table")
                        .at(format!("grid 'leading:{offset}', process {}", process.name()))
                        .expected("leading")
                        .got(format!("leading:{offset}")))
                }
                (None, Timesteps::Trailing) => {
                    let (from, to) = times()?;
                    (0..nodes).map(|i| process.level(from + i as f64 / nodes as f64 * (to - from))).collect()
                }
            },
            Spacing::FlowShift { shift, terminal } => {
                let sigmas = flow(nodes, sigma_max, *shift, *terminal)?;
                sigmas.into_iter().enumerate().map(|(i, sigma)| number(process, i, sigma)).collect()
            }
            Spacing::Vp => {
                let sigma = |i| {
                    let t = between(i, 1.0, 1e-3);
                    expm1(t * (0.1 + 9.95 * t)).sqrt()
                };
                (0..nodes).map(|i| process.level_at_sigma_ve(sigma(i))).collect()
            }
            Spacing::Ays(family) => {
                let end = process.schedule().domain().1;
                let limit = if end.is_finite() { process.level(end)?.sigma_ve() } else { f64::INFINITY };
                let rounded = |sigma: f64| if sigma - ays::ROUNDING <= limit { sigma.min(limit) } else { sigma };
                let steps = self.steps;
                (0..nodes).map(|i| process.level_at_sigma_ve(rounded(family.sigma(i, steps)))).collect()
            }
            Spacing::List(sigmas) => sigmas.iter().map(|sigma| process.level_at_sigma_ve(*sigma)).collect(),
            Spacing::Times(times) => times.iter().map(|time| process.level(*time)).collect(),
        }
    }
}

/// Returns the level of node `i` at this σ/α, or an error if σ/α is NaN.
///
/// Powers of extreme exponents are 0 or ∞, and their differences are NaN.
fn number(process: &Process, i: usize, sigma: f64) -> Result<Level> {
    if sigma.is_nan() {
        return Err(Error::argument("the grid gives no noise level")
            .at(format!("node {i}"))
            .expected("a number")
            .got("NaN")
            .hinting("its parameters are too extreme for double precision"));
    }
    process.level_at_sigma_ve(sigma)
}

/// Returns σ/α of the `nodes` noise levels of a shifted flow grid from `start`.
fn flow(nodes: usize, start: f64, shift: f64, terminal: Option<f64>) -> Result<Vec<f64>> {
    // A shift multiplies σ/α = s/(1−s) by k. s and 1 − s of the unshifted start are computed
    // without cancellation.
    let ratio = start / shift;
    let (s, rest) = if ratio.is_infinite() { (1.0, 0.0) } else { (ratio / (1.0 + ratio), 1.0 / (1.0 + ratio)) };
    let sigma = |i: usize| match i {
        0 => start,
        i => {
            let gone = i as f64 / nodes as f64;
            shift * (s * (1.0 - gone)) / (rest + s * gone)
        }
    };
    let sigmas = (0..nodes).map(sigma);
    let (Some(terminal), true) = (terminal, nodes > 1) else {
        return Ok(sigmas.collect());
    };
    let time = |sigma: f64| if sigma.is_infinite() { 1.0 } else { sigma / (1.0 + sigma) };
    let (first, end) = (time(start), time(sigma(nodes - 1)));
    if terminal >= first {
        return Err(
            bad("terminal", "a flow time below the start's", terminal.to_string()).at(format!("start at s = {first}"))
        );
    }
    let stretch = (first - terminal) / (first - end);
    let stretched = |(i, sigma): (usize, f64)| {
        let s = if i + 1 == nodes { terminal } else { first - (first - time(sigma)) * stretch };
        if i == 0 { start } else { s / (1.0 - s) }
    };
    Ok(sigmas.enumerate().map(stretched).collect())
}

/// Checks that every level is cleaner than the level before it.
pub(crate) fn check_falling(levels: &[Level]) -> Result<()> {
    for (i, pair) in levels.windows(2).enumerate() {
        let (before, after) = (pair[0].sigma_ve(), pair[1].sigma_ve());
        if after.partial_cmp(&before).is_none_or(std::cmp::Ordering::is_ge) {
            return Err(Error::argument("the noise levels of a grid must fall")
                .at(format!("step {i}"))
                .expected(format!("σ/α below {before}"))
                .got(after.to_string()));
        }
    }
    Ok(())
}
