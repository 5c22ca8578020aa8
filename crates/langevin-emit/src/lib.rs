//! Plans as programs without dependencies: C, JavaScript, Rust, Swift and numpy.
//!
//! [`emit`] writes one file for one plan: the noise generator, the maps that the plan needs, and a
//! line for each row. The caller supplies the network as a function. The program returns the same
//! samples as langevin, bit for bit in double precision: it does the same operations in the same
//! order, and its elementary functions are written out.
//!
//! ```
//! use langevin::Request;
//! use langevin_emit::{Language, emit};
//! let plan = Request::new().sampler("dpmpp-2m").steps(5).plan()?;
//! for language in Language::ALL {
//!     let program = emit(&plan, language)?;
//!     assert!(program.contains("dpmpp-2m") && program.lines().count() <= 300);
//! }
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! # Modules
//!
//! | module | contents |
//! |---|---|
//! | `program` | the statements of a plan, and the parts of the program that it needs |
//! | `c`, `javascript`, `rust`, `swift`, `numpy` | one language each |
#![forbid(unsafe_code)]

mod c;
mod javascript;
mod numpy;
mod program;
mod rust;
mod swift;

use langevin::Plan;
use langevin::error::{Error, Result};
use program::Program;

/// The examples of the README are run as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// A language that plans can be written in.
///
/// ```
/// use langevin_emit::Language;
/// assert_eq!(Language::parse("js")?, Language::JavaScript);
/// assert_eq!(Language::parse("num-py").unwrap_err().hint(), Some("did you mean 'numpy'?"));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// C99.
    C,
    /// JavaScript, as a module.
    JavaScript,
    /// Rust, as a module of its own.
    Rust,
    /// Swift.
    Swift,
    /// Python with numpy.
    Numpy,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 5] = [Self::C, Self::JavaScript, Self::Rust, Self::Swift, Self::Numpy];

    /// Parses the name of a language: `c`, `js`, `rust`, `swift` or `numpy`.
    ///
    /// # Errors
    /// Returns an error if the name is unknown. The hint is the nearest known name.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.name() == name)
            .ok_or_else(|| Error::unknown("language", name, &Self::ALL.map(Self::name)))
    }

    /// Returns the name that [`parse`](Self::parse) reads.
    ///
    /// ```
    /// assert_eq!(langevin_emit::Language::Numpy.name(), "numpy");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::JavaScript => "js",
            Self::Rust => "rust",
            Self::Swift => "swift",
            Self::Numpy => "numpy",
        }
    }
}

/// The kinds of file that a plan can be written as.
///
/// ```
/// use langevin_emit::{Language, Target};
/// assert_eq!(Target::parse("c")?, Target::Program(Language::C));
/// assert_eq!(Target::parse("onnx")?, Target::Onnx);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A program, which [`emit`] writes.
    Program(Language),
    /// An ONNX file that holds the network too, which the crate `langevin-onnx` writes.
    Onnx,
}

impl Target {
    /// Parses the name of a language, or `onnx`.
    ///
    /// # Errors
    /// Returns an error if the name is unknown. The hint is the nearest known name.
    pub fn parse(name: &str) -> Result<Self> {
        let known: Vec<&str> = Language::ALL.into_iter().map(Language::name).chain([ONNX]).collect();
        match name {
            ONNX => Ok(Self::Onnx),
            _ => Language::parse(name).map(Self::Program).map_err(|_| Error::unknown("language", name, &known)),
        }
    }
}

/// The name of [`Target::Onnx`].
const ONNX: &str = "onnx";

/// Returns the program of a plan in a language.
///
/// # Errors
/// Returns an error if the plan has a hook, which only the program that wrote it knows.
pub fn emit(plan: &Plan, language: Language) -> Result<String> {
    let program = Program::new(plan)?;
    Ok(match language {
        Language::C => c::write(&program),
        Language::JavaScript => javascript::write(&program),
        Language::Rust => rust::write(&program),
        Language::Swift => swift::write(&program),
        Language::Numpy => numpy::write(&program),
    })
}
