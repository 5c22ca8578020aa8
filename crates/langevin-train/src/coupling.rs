//! How noise and data are paired.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// How the noise of a batch is coupled to its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Coupling {
    /// Not at all: every formulation of the network is exact.
    #[default]
    Independent,
    /// Each datum of the batch with the noise that the shortest assignment gives it (Tong et al., arXiv
    /// 2302.00482; Pooladian et al., arXiv 2304.14772). The ODE is straighter, and still one ODE in every
    /// clock; but the noise is then no longer independent of the datum, so the network is no score, and SDEs
    /// and likelihood bounds do not hold.
    Transport,
}

impl Coupling {
    pub(crate) fn is_independent(&self) -> bool {
        *self == Self::Independent
    }

    /// `independent` or `transport`.
    ///
    /// # Errors
    /// An unknown name.
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
