//! The schedules, a file each, and what they are called: as names, and as documents.
//!
//! A schedule of another file has five lines here: its module, its kind in [`ProcessSpec`] with its
//! name, its place in [`Process::NAMES`], and its construction from a name and from a document.

mod betas;
mod linear_beta;
mod rectified_flow;
mod sub_vp;
mod table;
mod ve;
mod vp;

pub use betas::Betas;
pub use rectified_flow::RectifiedFlow;
pub use sub_vp::SubVp;
pub use table::{Between, Tabulated};
pub use ve::Ve;
pub use vp::{Vp, VpCosine, VpLinear};

use super::Process;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

/// A process as it stands in JSON: `{"kind": "vp-linear", "beta_min": 0.1, "beta_max": 20.0}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ProcessSpec {
    /// [`Vp`].
    Vp,
    /// [`VpLinear`].
    VpLinear {
        /// β(0).
        beta_min: f64,
        /// β(1).
        beta_max: f64,
    },
    /// [`VpCosine`].
    VpCosine,
    /// [`Ve`].
    Ve,
    /// [`RectifiedFlow`].
    RectifiedFlow,
    /// [`SubVp`].
    SubVp {
        /// β(0).
        beta_min: f64,
        /// β(1).
        beta_max: f64,
    },
    /// [`Tabulated`].
    Tabulated {
        /// The rule for β.
        betas: Betas,
        /// The number of entries.
        count: usize,
        /// Whether it is rescaled to end without signal.
        #[serde(default)]
        zero_terminal_snr: bool,
        /// The convention between the entries.
        #[serde(default)]
        between: Between,
    },
    /// A process that only the program that made the document knows.
    Custom {
        /// Its name, for people.
        name: String,
    },
}

impl ProcessSpec {
    /// Returns the name of the process, as [`Process::parse`] reads it if the parameters are the usual
    /// ones; of a custom process, its own name.
    ///
    /// ```
    /// use langevin::process::ProcessSpec;
    /// assert_eq!(ProcessSpec::SubVp { beta_min: 0.1, beta_max: 20.0 }.name(), "sub-vp");
    /// assert_eq!(ProcessSpec::Custom { name: "quadratic".into() }.name(), "quadratic");
    /// ```
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Vp => "vp".into(),
            Self::VpLinear { .. } => "vp-linear".into(),
            Self::VpCosine => "vp-cosine".into(),
            Self::Ve => "ve".into(),
            Self::RectifiedFlow => "rectified-flow".into(),
            Self::SubVp { .. } => "sub-vp".into(),
            Self::Tabulated { betas, zero_terminal_snr, between, .. } => {
                let zero = if *zero_terminal_snr { ":zero-snr" } else { "" };
                let between = if *between == Between::LogAlpha { ":log-alpha" } else { "" };
                format!("table:{}{zero}{between}", betas.name())
            }
            Self::Custom { name } => name.clone(),
        }
    }
}

/// The tables [`Process::parse`] knows: those of [`Process::NAMES`].
const TABLES: [&str; 6] = ["linear", "scaled-linear", "squared-cosine", "sigmoid", "laplace", "exp"];

/// The options of a table's name.
const OPTIONS: [&str; 2] = ["zero-snr", "log-alpha"];

impl Process {
    /// The names [`parse`](Self::parse) knows, in the order in which they are shown; a table's may be followed by `:zero-snr` and `:log-alpha`.
    pub const NAMES: &[&str] = &[
        "vp",
        "vp-linear",
        "vp-cosine",
        "ve",
        "rectified-flow",
        "sub-vp",
        "table:linear",
        "table:scaled-linear",
        "table:squared-cosine",
        "table:sigmoid",
        "table:laplace",
        "table:exp",
    ];

    /// The process of this name, one of [`NAMES`](Self::NAMES); also `rf`, `flow` and `cosine`.
    ///
    /// A table has 1000 entries with the usual parameters of its [`Betas`]. `:zero-snr` rescales it to end without signal, `:log-alpha` chooses the other convention
    /// [`Between`] its entries.
    ///
    /// ```
    /// use langevin::Process;
    /// let process = Process::parse("table:scaled-linear:zero-snr")?;
    /// assert_eq!(process.level(999.0)?.alpha, 0.0);
    /// assert_eq!(Process::parse("table:lineer").unwrap_err().hint(), Some("did you mean 'linear'?"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// An unknown name, with the nearest known one.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "vp" => Ok(Self::vp()),
            "vp-linear" => Ok(Self::vp_linear()),
            "vp-cosine" | "cosine" => Ok(Self::vp_cosine()),
            "ve" | "ve-karras" => Ok(Self::ve()),
            "rectified-flow" | "rf" | "flow" => Ok(Self::rectified_flow()),
            "sub-vp" => Ok(Self::sub_vp()),
            _ => match name.split_once(':') {
                Some(("table", rest)) => parse_table(rest).map_err(|error| error.at(format!("process '{name}'"))),
                _ => Err(Error::unknown("process", name, Self::NAMES)),
            },
        }
    }

    /// The process that a document names.
    ///
    /// # Errors
    /// A custom process (only the program that wrote the document has it), or parameters that define none.
    pub fn from_spec(spec: &ProcessSpec) -> Result<Self> {
        match spec {
            ProcessSpec::Vp => Ok(Self::vp()),
            ProcessSpec::VpLinear { beta_min, beta_max } => Ok(Self::of(VpLinear::new(*beta_min, *beta_max)?)),
            ProcessSpec::VpCosine => Ok(Self::vp_cosine()),
            ProcessSpec::Ve => Ok(Self::ve()),
            ProcessSpec::RectifiedFlow => Ok(Self::rectified_flow()),
            ProcessSpec::SubVp { beta_min, beta_max } => Ok(Self::of(SubVp::new(*beta_min, *beta_max)?)),
            ProcessSpec::Tabulated { betas, count, zero_terminal_snr, between } => {
                Ok(Self::of(Tabulated::build(betas.clone(), *count, *zero_terminal_snr, *between)?))
            }
            ProcessSpec::Custom { name } => Err(Error::new(Kind::Name, "a custom process cannot be read back")
                .got(format!("'{name}'"))
                .hinting("build it in the program that defines it")),
        }
    }

    /// The name, as [`parse`](Self::parse) reads it where the parameters are the usual ones.
    #[must_use]
    pub fn name(&self) -> String {
        self.spec().name()
    }
}

/// What stands behind `table:`.
fn parse_table(text: &str) -> Result<Process> {
    let mut parts = text.split(':');
    let kind = parts.next().unwrap_or_default();
    let betas = match kind.replace('_', "-").as_str() {
        "linear" => Betas::linear(),
        "scaled-linear" => Betas::scaled_linear(),
        "squared-cosine" | "squaredcos-cap-v2" => Betas::squared_cosine(),
        "sigmoid" => Betas::sigmoid(),
        "laplace" => Betas::laplace(),
        "exp" => Betas::exp(),
        _ => return Err(Error::unknown("table", kind, &TABLES)),
    };
    let (mut zero_terminal_snr, mut between) = (false, Between::default());
    for option in parts {
        match option {
            "zero-snr" => zero_terminal_snr = true,
            "log-alpha" => between = Between::LogAlpha,
            _ => return Err(Error::unknown("option of a table", option, &OPTIONS)),
        }
    }
    Tabulated::build(betas, 1000, zero_terminal_snr, between).map(Process::of)
}
