//! Samplers: moves + solver + grid → [`Plan`]. A sampler returns rows; it never touches a tensor.
//!
//! - the one-step family, [`Sampler::exponential`], [`Sampler::ddim`] and [`Sampler::lcm`]: one row a step, told apart by ρ alone;
//! - [`Sampler::adams`]: exponential Adams–Bashforth, D as a polynomial in λ through past values;
//! - [`Sampler::word`]: any word of the three moves, such as `(R L)*20`.
//!
//! η is h/g everywhere, but in a sampler that a community named: there it is what that community means by it, and the plan shows the effective h/g.

mod adams;
mod word;

pub use word::Word;

use crate::error::{Error, Result};
use crate::formulation::Formulation;
use crate::grid::check_falling;
use crate::moves::{Row, check_eta, ddim_rho, effective_eta, reverse_rho};
use crate::plan::{Builder, Letter, Plan};
use crate::process::{Level, Process};

/// A sampler, not yet bound to a process or a grid.
///
/// ```
/// use langevin::{Grid, Process, Sampler};
/// let process = Process::vp();
/// let levels = Grid::uniform_lambda(10).levels(&process, 0.002, 80.0)?;
/// let plan = Sampler::parse("ddim", Some(0.5))?.compile(&process, None, &levels)?;
/// // DDIM's η = ½ is not h/g = ½: the plan says what it is.
/// let eta = plan.moves()[0].eta.unwrap_or(0.0);
/// assert!((eta - 0.3301).abs() < 1e-3, "{eta}");
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// ρ from h/g.
    Exponential(f64),
    /// ρ from DDIM's η.
    Ddim(f64),
    /// ρ = 0.
    Redraw,
    /// Exponential Adams of this order with h/g.
    Adams(usize, f64),
    /// A word of moves.
    Word(Word),
}

/// The names that [`Sampler::parse`] knows.
pub(crate) const NAMES: [&str; 9] =
    ["ddim", "ddpm", "euler", "euler-ancestral", "exponential", "lcm", "adams2", "adams3", "dpmpp-2m-heun"];

impl Sampler {
    fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }

    /// One exponential step per level with h/g = `eta`: exact for constant D.
    #[must_use]
    pub fn exponential(eta: f64) -> Self {
        Self::new("exponential", Kind::Exponential(eta))
    }

    /// DDIM with its own η (0: the ODE; 1: the DDPM posterior). Source: arXiv 2010.02502.
    #[must_use]
    pub fn ddim(eta: f64) -> Self {
        Self::new("ddim", Kind::Ddim(eta))
    }

    /// All noise drawn anew at every step (LCM without its boundary scaling). Source: arXiv 2310.04378.
    #[must_use]
    pub fn lcm() -> Self {
        Self::new("lcm", Kind::Redraw)
    }

    /// Exponential Adams–Bashforth of `order` 1 to 4 with h/g = `eta`. The first steps use as many values as there are.
    ///
    /// Order 2 is DPM-Solver++(2M) in its 'heun' form. Source: arXiv 2211.01095; SA-Solver, arXiv 2309.05019.
    ///
    /// # Errors
    /// An order outside 1 to 4.
    pub fn adams(order: usize, eta: f64) -> Result<Self> {
        if (1..=4).contains(&order) {
            return Ok(Self::new(format!("adams{order}"), Kind::Adams(order, eta)));
        }
        Err(Error::argument("no such order").at("exponential Adams").expected("1 to 4").got(order.to_string()))
    }

    /// A word of moves.
    #[must_use]
    pub fn word(word: Word) -> Self {
        Self::new(word.text().to_owned(), Kind::Word(word))
    }

    /// The sampler of this name; `eta` is what its community means by it, h/g where none does.
    ///
    /// | name | is | η |
    /// |---|---|---|
    /// | `ddim` | one step, ρ² = 1 − η²(1 − e^{−2Δ}) | DDIM's, 0 by default |
    /// | `ddpm` | DDIM at η = 1: the posterior | fixed |
    /// | `euler` | DDIM at η = 0: Euler in σ, and in flow time | fixed |
    /// | `euler-ancestral` | DDIM(η), 1 by default | DDIM's |
    /// | `exponential` | one step, ρ = e^{−η²Δ} | h/g, 0 by default |
    /// | `lcm` | one step, ρ = 0 | none |
    /// | `adams2`, `dpmpp-2m-heun` | exponential Adams of order 2 | h/g, 0 by default |
    /// | `adams3` | of order 3 (2 overall, for its start has no past values) | h/g, 0 by default |
    ///
    /// # Errors
    /// An unknown name with the nearest known one, an η that is negative or not finite, or one where the sampler takes none.
    pub fn parse(name: &str, eta: Option<f64>) -> Result<Self> {
        let value = eta.map(check_eta).transpose()?;
        let fixed = |sampler: Self| match value {
            None => Ok(sampler),
            Some(eta) => Err(Error::argument(format!("sampler '{name}' takes no η"))
                .got(eta.to_string())
                .hinting("use ddim or exponential")),
        };
        let kind = match name.replace('_', "-").as_str() {
            "ddim" => Kind::Ddim(value.unwrap_or(0.0)),
            "ddpm" => return fixed(Self::new(name, Kind::Ddim(1.0))),
            "euler" => return fixed(Self::new(name, Kind::Ddim(0.0))),
            "euler-ancestral" => Kind::Ddim(value.unwrap_or(1.0)),
            "exponential" => Kind::Exponential(value.unwrap_or(0.0)),
            "lcm" => return fixed(Self::lcm()),
            "adams2" | "dpmpp-2m-heun" => Kind::Adams(2, value.unwrap_or(0.0)),
            "adams3" => Kind::Adams(3, value.unwrap_or(0.0)),
            _ => return Err(Error::unknown("sampler", name, &NAMES)),
        };
        Ok(Self::new(name, kind))
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Compiles the sampler on `levels` of `process`, noisiest first; for `network`, or (with `None`) for a model that gives D.
    ///
    /// # Errors
    /// Fewer than two levels, levels that do not fall, an η that cannot be, a level where the network cannot be read, or a word that does not fit the grid.
    pub fn compile(&self, process: &Process, network: Option<&Formulation>, levels: &[Level]) -> Result<Plan> {
        check_levels(process, levels)?;
        let mut builder = Builder::new(&self.name, process, network);
        match &self.kind {
            Kind::Word(word) => return word.compile(builder, process, levels),
            Kind::Adams(order, eta) => return adams::compile(builder, *order, check_eta(*eta)?, levels),
            _ => {}
        }
        let x = builder.start(&levels[0]);
        for pair in levels.windows(2) {
            let [from, to] = [pair[0], pair[1]];
            let rho = match self.kind {
                Kind::Ddim(eta) => ddim_rho(&from, &to, eta)?,
                Kind::Exponential(eta) => reverse_rho(&from, &to, check_eta(eta)?),
                _ => 0.0,
            };
            let eta = match self.kind {
                Kind::Exponential(eta) => Some(eta),
                // The two meanings agree here, and the logarithm of a tiny ρ would lose digits.
                Kind::Ddim(eta) if eta == 0.0 || eta == 1.0 => Some(eta),
                _ => effective_eta(&from, &to, rho),
            };
            let mark = builder.mark();
            let denoised = builder.eval(x, &from)?;
            one_step(&mut builder, x, denoised, Row::new(&from, &to, rho));
            builder.free(denoised);
            builder.note(Letter::R, eta, &from, &to, mark);
        }
        builder.finish(x)
    }
}

/// x ← a·x + b·D + c·z, with a draw only where there is noise.
fn one_step(builder: &mut Builder<'_>, x: usize, denoised: usize, row: Row) {
    let noise = if row.c == 0.0 { vec![] } else { vec![(row.c, builder.draw())] };
    builder.combine(x, vec![(row.a, x), (row.b, denoised)], noise);
}

/// Two levels or more, of this process, falling in noise.
fn check_levels(process: &Process, levels: &[Level]) -> Result<()> {
    if levels.len() < 2 {
        return Err(Error::argument("a sampler needs at least one step")
            .expected("two levels or more")
            .got(levels.len().to_string()));
    }
    for level in levels {
        let own = process.level(level.time)?;
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1e-3);
        if !near(level.alpha, own.alpha) || !near(level.sigma, own.sigma) {
            return Err(Error::argument("the levels are of another process")
                .at(format!("process {}, time {}", process.name(), level.time))
                .expected(format!("α = {}, σ = {}", own.alpha, own.sigma))
                .got(format!("α = {}, σ = {}", level.alpha, level.sigma)));
        }
    }
    check_falling(levels)
}

#[cfg(test)]
mod tests;
