//! The built-in schedules, one file each, with their names and their form in documents.
//!
//! A new schedule needs five lines here: its module, its variant of [`ProcessSpec`], the name of
//! that variant, its entry in [`Process::NAMES`], and its construction from a name and from a
//! document.

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

/// The JSON form of a process: `{"kind": "vp-linear", "beta_min": 0.1, "beta_max": 20.0}`.
///
/// # Examples
///
/// ```
/// use langevin::Process;
/// use langevin::process::ProcessSpec;
/// let text = r#"{"kind": "vp-linear", "beta_min": 0.1, "beta_max": 20.0}"#;
/// let spec: ProcessSpec = serde_json::from_str(text).unwrap();
/// assert_eq!(Process::from_spec(&spec)?, Process::vp_linear());
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ProcessSpec {
    /// The process [`Vp`].
    Vp,
    /// The process [`VpLinear`].
    VpLinear {
        /// β(0).
        beta_min: f64,
        /// β(1).
        beta_max: f64,
    },
    /// The process [`VpCosine`].
    VpCosine,
    /// The process [`Ve`].
    Ve,
    /// The process [`RectifiedFlow`].
    RectifiedFlow,
    /// The process [`SubVp`].
    SubVp {
        /// β(0).
        beta_min: f64,
        /// β(1).
        beta_max: f64,
    },
    /// The process [`Tabulated`].
    Tabulated {
        /// The rule for β.
        betas: Betas,
        /// The number of entries.
        count: usize,
        /// `true` if the table is rescaled to end without signal.
        #[serde(default)]
        zero_terminal_snr: bool,
        /// The interpolation between the entries.
        #[serde(default)]
        between: Between,
    },
    /// A process that only the program which wrote the document knows.
    Custom {
        /// The name of the process, for human readers.
        name: String,
    },
}

impl ProcessSpec {
    /// Returns the name of the process. [`Process::parse`] reads it back if the parameters are the
    /// usual ones.
    ///
    /// The name of a custom process is its own name, which `parse` does not know.
    ///
    /// # Examples
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

/// The tables that [`Process::parse`] knows. [`Process::NAMES`] lists the same ones.
const TABLES: [&str; 6] = ["linear", "scaled-linear", "squared-cosine", "sigmoid", "laplace", "exp"];

/// The options that may follow the name of a table.
const OPTIONS: [&str; 2] = ["zero-snr", "log-alpha"];

impl Process {
    /// The names that [`parse`](Self::parse) knows, in display order.
    ///
    /// The name of a table may be followed by `:zero-snr` and `:log-alpha`.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// for name in Process::NAMES {
    ///     assert_eq!(Process::parse(name)?.name(), *name);
    /// }
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Parses the name of a process: one of [`NAMES`](Self::NAMES), or an alias such as `rf`,
    /// `flow` or `cosine`.
    ///
    /// A table has 1000 entries with the usual parameters of its [`Betas`]. The option `:zero-snr`
    /// rescales it to end without signal; `:log-alpha` chooses the second interpolation [`Between`]
    /// the entries.
    ///
    /// # Errors
    /// Returns an error if the name is unknown. The hint is the nearest known name.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// let process = Process::parse("table:scaled-linear:zero-snr")?;
    /// assert_eq!(process.level(999.0)?.alpha, 0.0);
    /// let error = Process::parse("table:lineer").unwrap_err();
    /// assert_eq!(error.hint(), Some("did you mean 'linear'?"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Builds the process that a document describes.
    ///
    /// # Errors
    /// Returns an error if the process is a custom one, which only the program that wrote the
    /// document has, or if the parameters do not define a process.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::Process;
    /// use langevin::process::ProcessSpec;
    /// assert_eq!(Process::from_spec(&ProcessSpec::Ve)?, Process::ve());
    /// let custom = ProcessSpec::Custom { name: "quadratic".into() };
    /// assert!(Process::from_spec(&custom).unwrap_err().is_unknown_name());
    /// # Ok::<(), langevin::Error>(())
    /// ```
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

    /// Returns the name of the process. [`parse`](Self::parse) reads it back if the parameters are
    /// the usual ones.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(langevin::Process::rectified_flow().name(), "rectified-flow");
    /// ```
    #[must_use]
    pub fn name(&self) -> String {
        self.spec().name()
    }
}

/// Parses the part of a name after `table:`.
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
