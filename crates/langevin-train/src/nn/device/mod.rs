//! Devices that evaluate networks.

#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::net::Net;
use crate::error::{Error, Result};
use std::fmt;

/// Device that evaluates a network: the processor or a GPU.
///
/// A device evaluates networks and their gradients. Everything else, from the noise to the
/// optimiser, runs on the processor. GPUs need the feature `gpu`, which reaches them through
/// Vulkan, Metal or DirectX 12.
///
/// A GPU adds in another order than the processor. The last bits therefore differ from those of the
/// processor, and they may differ between drivers.
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
    /// Opens a device by name.
    ///
    /// - `cpu`: the processor.
    /// - `gpu`: the fastest GPU that is found.
    /// - `gpu:N`: discrete GPU number N, counted from 0.
    ///
    /// # Errors
    /// Returns an error if the name is unknown, if the device is missing, or if the crate was built
    /// without the feature `gpu`.
    ///
    /// # Examples
    /// ```
    /// use langevin_train::Device;
    /// assert_eq!(Device::open("cpu")?.to_string(), "cpu");
    /// assert!(Device::open("tpu").unwrap_err().is_argument());
    /// # Ok::<(), langevin_train::Error>(())
    /// ```
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

    /// Returns true if the device is the processor.
    ///
    /// ```
    /// assert!(langevin_train::Device::default().is_cpu());
    /// ```
    #[must_use]
    pub fn is_cpu(&self) -> bool {
        #[cfg(feature = "gpu")]
        return self.gpu.is_none();
        #[cfg(not(feature = "gpu"))]
        true
    }

    /// Returns the network, evaluated on this device.
    #[cfg(feature = "gpu")]
    pub(crate) fn place<N: Net + gpu::Body + 'static>(&self, net: N) -> Box<dyn Net> {
        match &self.gpu {
            None => Box::new(net),
            Some(gpu) => Box::new(gpu::Placed::new(net, gpu)),
        }
    }

    /// Returns the network, evaluated on this device.
    #[cfg(not(feature = "gpu"))]
    pub(crate) fn place<N: Net + 'static>(&self, net: N) -> Box<dyn Net> {
        Box::new(net)
    }
}

/// Writes the name of the device as the driver reports it.
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
