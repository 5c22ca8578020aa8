//! The paper, claim by claim: each measured on densities known in closed form, and judged.
//!
//! A claim is a sentence, a source, and a measurement: one figure, which must not exceed its bound. Nothing here is a proof; but a formula of this crate that is wrong
//! makes at least one figure exceed its bound.
//!
//! | numbers | about |
//! |---|---|
//! | 1–4 | the Langevin step |
//! | 5–10 | the processes, and the maps between them |
//! | 11–16 | the splits |
//! | 17–23 | the reverse half, and duality |
//! | 24–32 | likelihood |
//! | 33–36 | what goes beyond the paper |
//! | 37–41 | errata |
//!
//! The data are the mixture ³⁄₁₀ N(−2, 0.3²) + ⁷⁄₁₀ N(1, 0.5²) on the line, where every expectation is a quadrature ([`exact::named`](langevin_analysis::exact::named)`("mixture")`), and Gaussians.
//!
//! Source: Zheng & Lan, arXiv 2604.10465, by section; the others are named where they are used.

mod beyond;
mod duality;
mod errata;
mod langevin_step;
mod likelihood;
mod line;
mod processes;
mod splits;

use langevin::error::{Error, Result};

/// What a measurement may be given from outside.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Extra<'a> {
    /// Pictures, row after row, and the elements of each, whose paths are measured beside the mixture's; without them that part is left out.
    pub pictures: Option<(&'a [f64], usize)>,
}

impl<'a> Extra<'a> {
    /// With these pictures, rows of `width` elements.
    #[must_use]
    pub fn with_pictures(pictures: &'a [f64], width: usize) -> Self {
        Self { pictures: Some((pictures, width)) }
    }
}

/// One claim.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Claim {
    /// Its number.
    pub number: u32,
    /// The claim in one sentence.
    pub claim: &'static str,
    /// Where it is made.
    pub source: &'static str,
    measure: fn(&Extra<'_>) -> Result<Measured>,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.claim)
    }
}

/// What a measurement found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// What was computed, in words.
    pub computed: String,
    /// The figure.
    pub figure: f64,
    /// What it must not exceed.
    pub bound: f64,
}

impl Measured {
    fn new(computed: impl Into<String>, figure: f64, bound: f64) -> Self {
        Self { computed: computed.into(), figure, bound }
    }

    /// The verdict. What is not a number passes nothing.
    #[must_use]
    pub fn pass(&self) -> bool {
        self.figure <= self.bound
    }
}

impl Claim {
    /// Measures it.
    ///
    /// ```
    /// use langevin_theory::verify;
    /// let identity = verify::claims().into_iter().find(|claim| claim.number == 1).unwrap();
    /// let found = identity.measure(&verify::Extra::default())?;
    /// assert!(found.pass(), "{} > {}", found.figure, found.bound);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Whatever the formulas meet: itself a sign that one of them is wrong.
    pub fn measure(&self, extra: &Extra<'_>) -> Result<Measured> {
        (self.measure)(extra)
    }

    /// Measures it; a formula that meets an error does not hold.
    #[must_use]
    pub fn judge(&self, extra: &Extra<'_>) -> Measured {
        self.measure(extra).unwrap_or_else(|error| Measured::new(error.to_string(), f64::INFINITY, 0.0))
    }
}

/// All claims, by number.
#[must_use]
pub fn claims() -> Vec<Claim> {
    [
        langevin_step::CLAIMS,
        processes::CLAIMS,
        splits::CLAIMS,
        duality::CLAIMS,
        likelihood::CLAIMS,
        beyond::CLAIMS,
        errata::CLAIMS,
    ]
    .concat()
}

/// The claims of a list such as `1-4,17,33`; of an empty one, all.
///
/// ```
/// use langevin_theory::verify;
/// assert_eq!(verify::select("5-7,41")?.len(), 4);
/// assert!(verify::select("42").is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// What is no list of numbers, or a number that no claim has.
pub fn select(list: &str) -> Result<Vec<Claim>> {
    let all = claims();
    let last = all.last().map_or(0, |claim| claim.number);
    if list.trim().is_empty() {
        return Ok(all);
    }
    let mut wanted = Vec::new();
    for part in list.split(',') {
        let part = part.trim();
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| (1..=last).contains(number));
        match (number(from), number(to)) {
            (Some(from), Some(to)) if from <= to => wanted.extend(from..=to),
            _ => {
                return Err(Error::argument("no such claims")
                    .expected(format!("numbers from 1 to {last}, as in 1-4,17"))
                    .got(format!("'{part}'")));
            }
        }
    }
    Ok(all.into_iter().filter(|claim| wanted.contains(&claim.number)).collect())
}

/// The largest of some figures; what is not a number wins.
fn worst(figures: impl IntoIterator<Item = f64>) -> f64 {
    figures.into_iter().fold(0.0, |worst, figure| if figure.is_nan() || figure > worst { figure } else { worst })
}

/// How far a is from b, relative to b.
fn off(a: f64, b: f64) -> f64 {
    (a - b).abs() / b.abs().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;
