//! The mathematics of diffusion.

mod kernel;
pub mod noise;

pub use kernel::Element;

/// What the benches reach into.
#[doc(hidden)]
pub mod bench_support {
    use crate::kernel::{self, Element};
    use crate::noise::SampleId;

    /// `out = own·out + Σ a x`.
    pub fn combine<T: Element>(out: &mut [T], own: Option<T>, terms: &[(T, &[T])]) {
        kernel::combine(out, own, terms);
    }

    /// `out = own·out + Σ a x + Σ c z`.
    pub fn combine_noise<T: Element>(
        out: &mut [T],
        width: usize,
        own: Option<T>,
        terms: &[(T, &[T])],
        noise: &[(T, u32)],
        rows: &[SampleId],
    ) {
        kernel::combine_noise(out, width, own, terms, noise, rows);
    }
}
