//! Verifies the paper claim by claim, on densities known in closed form.
//!
//! A claim is a sentence, a source, and a measurement: one figure, which must not exceed its bound.
//! A measurement is not a proof. But a wrong formula in this project makes at least one figure
//! exceed its bound.
//!
//! | numbers | topic |
//! |---|---|
//! | 1–4 | the Langevin step |
//! | 5–10 | the processes, and the maps between them |
//! | 11–16 | the splits |
//! | 17–23 | the reverse half, and duality |
//! | 24–32 | likelihood |
//! | 33–36 | results beyond the paper |
//! | 37–41 | errata |
//! | 101 and up, written D1 and up | discrete data ([`discrete`]) |
//!
//! The data are Gaussians and the mixture ³⁄₁₀ N(−2, 0.3²) + ⁷⁄₁₀ N(1, 0.5²) on the line
//! ([`exact::named`](langevin_analysis::exact::named)`("mixture")`), for which every expectation is
//! a quadrature.
//!
//! Source: Zheng & Lan, arXiv 2604.10465, by section; other sources are named where they are used.

mod beyond;
mod discrete;
mod duality;
mod errata;
mod langevin_step;
mod likelihood;
mod line;
mod processes;
mod splits;

use langevin::error::{Error, Result};

/// Optional input of a measurement.
///
/// # Examples
/// ```
/// use langevin_theory::verify::Extra;
/// // Two pictures of three elements each.
/// let pictures = [0.0, 0.5, 1.0, 1.0, 0.5, 0.0];
/// assert_eq!(Extra::with_pictures(&pictures, 3).pictures.map(|(_, width)| width), Some(3));
/// assert!(Extra::default().pictures.is_none());
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Extra<'a> {
    /// Pictures, row after row, and the number of elements of each.
    ///
    /// Claim 20 measures their paths beside those of the mixture. Without pictures this part is
    /// left out.
    pub pictures: Option<(&'a [f64], usize)>,
}

impl<'a> Extra<'a> {
    /// Creates the input with pictures, in rows of `width` elements.
    #[must_use]
    pub fn with_pictures(pictures: &'a [f64], width: usize) -> Self {
        Self { pictures: Some((pictures, width)) }
    }
}

/// A claim of the paper with its measurement.
///
/// # Examples
/// ```
/// use langevin_theory::verify;
/// let claims = verify::claims();
/// assert_eq!((claims.len(), claims[0].number, claims[0].source), (41, 1, "§2"));
/// println!("{:?}", claims[0]); // its number and its sentence
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Claim {
    /// The number of the claim. Claims on discrete data are numbered from 101.
    pub number: u32,
    /// The claim in one sentence.
    pub claim: &'static str,
    /// The place where the claim is made.
    pub source: &'static str,
    measure: fn(&Extra<'_>) -> Result<Measured>,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.label(), self.claim)
    }
}

/// The result of a measurement.
///
/// # Examples
/// ```
/// use langevin_theory::verify::{Extra, select};
/// let found = select("11")?[0].measure(&Extra::default())?;
/// assert!(found.figure <= found.bound);
/// println!("{}: {:.1e}", found.computed, found.figure);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// A description of the computation.
    pub computed: String,
    /// The measured figure.
    pub figure: f64,
    /// The bound that the figure must not exceed.
    pub bound: f64,
}

impl Measured {
    fn new(computed: impl Into<String>, figure: f64, bound: f64) -> Self {
        Self { computed: computed.into(), figure, bound }
    }

    /// Returns `true` if the figure does not exceed its bound. A NaN does not pass.
    #[must_use]
    pub fn pass(&self) -> bool {
        self.figure <= self.bound
    }
}

/// The number that comes before the first claim on discrete data.
const DISCRETE: u32 = 100;

impl Claim {
    /// Returns the number as it is written: `7`, or `D7` for claim 107, the seventh on discrete
    /// data.
    ///
    /// # Examples
    /// ```
    /// use langevin_theory::verify;
    /// assert_eq!(verify::claims()[6].label(), "7");
    /// assert_eq!(verify::discrete()[6].label(), "D7");
    /// ```
    #[must_use]
    pub fn label(&self) -> String {
        match self.number.checked_sub(DISCRETE) {
            Some(number) if number > 0 => format!("D{number}"),
            _ => self.number.to_string(),
        }
    }

    /// Measures the claim.
    ///
    /// # Errors
    /// Returns an error if a formula fails, which itself indicates that a formula is wrong.
    ///
    /// # Examples
    /// ```
    /// use langevin_theory::verify;
    /// let identity = verify::claims().into_iter().find(|claim| claim.number == 1).unwrap();
    /// let found = identity.measure(&verify::Extra::default())?;
    /// assert!(found.pass(), "{} > {}", found.figure, found.bound);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    pub fn measure(&self, extra: &Extra<'_>) -> Result<Measured> {
        (self.measure)(extra)
    }

    /// Measures the claim, and treats an error as a failed measurement with an infinite figure.
    ///
    /// # Examples
    /// ```
    /// use langevin_theory::verify::{self, Extra};
    /// let found = verify::claims()[6].judge(&Extra::default());
    /// assert!(found.pass() && found.figure <= found.bound, "{}", found.computed);
    /// ```
    #[must_use]
    pub fn judge(&self, extra: &Extra<'_>) -> Measured {
        self.measure(extra).unwrap_or_else(|error| Measured::new(error.to_string(), f64::INFINITY, 0.0))
    }
}

/// Returns all claims of the paper and those that follow from it, sorted by number.
///
/// # Examples
/// ```
/// let numbers: Vec<u32> = langevin_theory::verify::claims().iter().map(|c| c.number).collect();
/// assert_eq!(numbers, (1..=41).collect::<Vec<_>>());
/// ```
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

/// Returns all claims on discrete data, sorted by number.
///
/// They say which statements of the paper hold for tokens instead of real numbers, and which do
/// not.
///
/// # Examples
/// ```
/// use langevin_theory::verify::{self, Extra};
/// let claims = verify::discrete();
/// assert_eq!((claims[0].number, claims[0].label()), (101, "D1".to_owned()));
/// assert!(claims[0].judge(&Extra::default()).pass());
/// ```
#[must_use]
pub fn discrete() -> Vec<Claim> {
    discrete::claims()
}

/// Returns the claims of a list such as `1-4,17,33` or `D1-D4,D7`.
///
/// `discrete` stands for all claims on discrete data. An empty list stands for all claims of
/// [`claims`].
///
/// # Errors
/// Returns an error if the text is not a list of numbers, or if a number belongs to no claim.
///
/// # Examples
/// ```
/// use langevin_theory::verify;
/// assert_eq!(verify::select("5-7,41")?.len(), 4);
/// assert_eq!(verify::select("D3")?[0].label(), "D3");
/// assert_eq!(verify::select("discrete")?.len(), verify::discrete().len());
/// assert!(verify::select("42").is_err());
/// # Ok::<(), langevin::Error>(())
/// ```
pub fn select(list: &str) -> Result<Vec<Claim>> {
    if list.trim().is_empty() {
        return Ok(claims());
    }
    let [paper, tokens] = [claims(), discrete()].map(|claims| claims.last().map_or(0, |claim| claim.number));
    let number = |text: &str| {
        let text = text.trim();
        let (digits, before) = match text.strip_prefix(['D', 'd']) {
            Some(digits) => (digits, DISCRETE),
            None => (text, 0),
        };
        let number = digits.parse::<u32>().ok()?.checked_add(before)?;
        let known = (1..=paper).contains(&number) || (DISCRETE + 1..=tokens).contains(&number);
        (known && (before == 0 || number > DISCRETE)).then_some(number)
    };
    let mut wanted = Vec::new();
    for part in list.split(',') {
        let part = part.trim();
        if part == "discrete" {
            wanted.extend(DISCRETE + 1..=tokens);
            continue;
        }
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        match (number(from), number(to)) {
            (Some(from), Some(to)) if from <= to && (from > DISCRETE) == (to > DISCRETE) => wanted.extend(from..=to),
            _ => {
                return Err(Error::argument("no such claims")
                    .expected(format!(
                        "numbers from 1 to {paper}, as in 1-4,17, or from D1 to D{}, or discrete",
                        tokens - DISCRETE
                    ))
                    .got(format!("'{part}'")));
            }
        }
    }
    Ok([claims(), discrete()].concat().into_iter().filter(|claim| wanted.contains(&claim.number)).collect())
}

/// Returns the largest of several figures; a NaN takes precedence.
fn worst(figures: impl IntoIterator<Item = f64>) -> f64 {
    figures.into_iter().fold(0.0, |worst, figure| if figure.is_nan() || figure > worst { figure } else { worst })
}

/// Returns the relative difference of a from b.
fn off(a: f64, b: f64) -> f64 {
    (a - b).abs() / b.abs().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;
