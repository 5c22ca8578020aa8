//! Coupling of noise and data within a batch.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Coupling between the noise of a batch and its data.
///
/// ```
/// use langevin_train::Coupling;
/// assert_eq!(Coupling::default(), Coupling::Independent);
/// assert_eq!(Coupling::parse("transport")?, Coupling::Transport);
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Coupling {
    /// Independent noise: every formulation of the network is exact.
    #[default]
    Independent,
    /// Noise assigned to the data of the batch by the shortest assignment (minibatch optimal
    /// transport).
    ///
    /// The ODE becomes straighter, and it remains one ODE under every time parametrisation. The
    /// noise is no longer independent of the datum, so the network is not a score. SDEs and
    /// likelihood bounds are therefore not valid for it.
    ///
    /// Source: Tong et al., arXiv 2302.00482; Pooladian et al., arXiv 2304.14772.
    Transport,
}

impl Coupling {
    pub(crate) fn is_independent(&self) -> bool {
        *self == Self::Independent
    }

    /// Parses `independent` or `transport`.
    ///
    /// # Errors
    /// Returns an error if the name is unknown; the error suggests the nearest name.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::Coupling;
    /// let error = Coupling::parse("transprot").unwrap_err();
    /// assert_eq!(error.hint(), Some("did you mean 'transport'?"));
    /// ```
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "independent" => Ok(Self::Independent),
            "transport" => Ok(Self::Transport),
            _ => {
                let error = Error::argument("unknown coupling").expected("independent or transport");
                let error = error.got(format!("'{name}'"));
                Err(match langevin::error::nearest(name, &["independent", "transport"]) {
                    Some(near) => error.hinting(format!("did you mean '{near}'?")),
                    None => error,
                })
            }
        }
    }
}
