//! Where a network is evaluated.

#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::net::Net;
use crate::error::{Error, Result};
use std::fmt;

/// Where a network is evaluated: this processor, or a graphics card.
///
/// A device evaluates networks and their gradients; everything else, from the noise to the optimiser, stays
/// with the processor. Cards need the feature `gpu`, which reaches them through Vulkan, Metal or DirectX 12.
/// On a card the sums are taken in another order, so the last bits differ from those of the processor and may
/// differ from one driver to the next.
///
/// ```
/// use langevin_train::Device;
/// assert!(Device::open("cpu")?.is_cpu());
/// assert!(Device::open("abacus").unwrap_err().to_string().contains("cpu, gpu"));
/// # Ok::<(), langevin_train::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Device {
    #[cfg(feature = "gpu")]
    gpu: Option<gpu::Gpu>,
}

impl Device {
    /// A device by its name: `cpu`; `gpu`, the fastest card that is found; `gpu:N`, discrete card N from 0.
    ///
    /// # Errors
    /// Another name, a device that is not there, or a build without the feature `gpu`.
    pub fn open(name: &str) -> Result<Self> {
        let index = match name.split_once(':') {
            None if name == "cpu" => return Ok(Self::default()),
            None if name == "gpu" => None,
            Some(("gpu", index)) if index.parse::<u8>().is_ok() => index.parse().ok(),
            _ => {
                return Err(Error::argument("no such device").at("device").expected("cpu, gpu or gpu:N").got(name));
            }
        };
        Self::card(name, index)
    }

    #[cfg(feature = "gpu")]
    fn card(name: &str, index: Option<u8>) -> Result<Self> {
        Ok(Self { gpu: Some(gpu::Gpu::open(name, index)?) })
    }

    #[cfg(not(feature = "gpu"))]
    fn card(name: &str, _: Option<u8>) -> Result<Self> {
        Err(Error::device("this build reaches no graphics card")
            .at("device")
            .expected("cpu")
            .got(name)
            .hinting("build with the feature gpu: cargo install --path crates/langevin-cli --features gpu"))
    }

    /// Whether it is this processor.
    #[must_use]
    pub fn is_cpu(&self) -> bool {
        #[cfg(feature = "gpu")]
        return self.gpu.is_none();
        #[cfg(not(feature = "gpu"))]
        true
    }

    /// A network, to be evaluated here.
    #[cfg(feature = "gpu")]
    pub(crate) fn place<N: Net + gpu::Body + 'static>(&self, net: N) -> Box<dyn Net> {
        match &self.gpu {
            None => Box::new(net),
            Some(gpu) => Box::new(gpu::Placed::new(net, gpu)),
        }
    }

    /// A network, to be evaluated here.
    #[cfg(not(feature = "gpu"))]
    pub(crate) fn place<N: Net + 'static>(&self, net: N) -> Box<dyn Net> {
        Box::new(net)
    }
}

/// Its name, as the driver has it.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "gpu")]
        if let Some(gpu) = &self.gpu {
            return f.write_str(gpu.name());
        }
        f.write_str("cpu")
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({self})")
    }
}
