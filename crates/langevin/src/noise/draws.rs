//! The registry of noise draws: the ranges of draw numbers and their users.
//!
//! Noise is a function of (seed, sample, draw, element). If two parts of a program use the same
//! draw of the same sample, they get the same numbers, and their results are silently correlated.
//! [`ALL`] therefore lists every range of draws of the workspace in ascending order, and the build
//! fails if two of them overlap. A new user of noise adds its range here.
//!
//! The numbers are part of the interface: changing one changes every result made from it.
//!
//! # Examples
//!
//! ```
//! use langevin::noise::{SampleId, draws, fill_normals};
//! let (row, draw) = (SampleId { seed: 1, index: 0 }, draws::TRAINING_NOISE.first());
//! let mut z = [0.0; 4];
//! fill_normals(&[row], draw, 4, &mut z);
//! // Plans count their draws from 0, so training noise never equals the noise of a sampler.
//! assert!(!draws::PLANS.contains(draw));
//! ```

/// A range of draw numbers and its user.
///
/// # Examples
///
/// ```
/// use langevin::noise::draws;
/// // The ranges of the workspace are in ascending order and do not overlap.
/// assert!(draws::ALL.windows(2).all(|pair| pair[0].last() < pair[1].first()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    user: &'static str,
    first: u32,
    last: u32,
}

impl Draws {
    /// Returns the purpose of the range.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(langevin::noise::draws::INITIAL_WEIGHTS.user(), "initial weights");
    /// ```
    #[must_use]
    pub const fn user(&self) -> &'static str {
        self.user
    }

    /// Returns the first draw of the range. Most users have one draw only.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(langevin::noise::draws::PLANS.first(), 0);
    /// ```
    #[must_use]
    pub const fn first(&self) -> u32 {
        self.first
    }

    /// Returns the last draw of the range.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::noise::draws;
    /// assert_eq!(draws::DATA_ORDER.last(), draws::DATA_ORDER.first());
    /// ```
    #[must_use]
    pub const fn last(&self) -> u32 {
        self.last
    }

    /// Returns draw number `k` of the range, counted from 0.
    ///
    /// The caller keeps `k` within the range. A debug build asserts it.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::noise::draws;
    /// assert_eq!(draws::LIKELIHOOD_PROBES.nth(7), draws::LIKELIHOOD_PROBES.first() + 7);
    /// ```
    #[must_use]
    pub const fn nth(&self, k: u32) -> u32 {
        debug_assert!(k <= self.last - self.first, "a draw beyond the range of its user");
        self.first.wrapping_add(k)
    }

    /// Returns `true` if `draw` is in the range.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::noise::draws;
    /// assert!(draws::PLANS.contains(3));
    /// assert!(!draws::PLANS.contains(draws::INITIAL_WEIGHTS.first()));
    /// ```
    #[must_use]
    pub const fn contains(&self, draw: u32) -> bool {
        self.first <= draw && draw <= self.last
    }
}

/// Defines the constants and [`ALL`] from one list, so that no range can be missing from it.
macro_rules! registry {
    ($($(#[$doc:meta])* $name:ident = $first:literal ..= $last:literal, $user:literal;)*) => {
        $($(#[$doc])* pub const $name: Draws = Draws { user: $user, first: $first, last: $last };)*

        /// All ranges, in ascending order.
        pub const ALL: &[Draws] = &[$($name),*];
    };
}

registry! {
    /// Draws of a [`Plan`](crate::Plan), numbered from 0, and of adaptive steps
    /// ([`Adaptive`](crate::adaptive::Adaptive)).
    ///
    /// In adaptive steps, draw 0 is the start and draw k belongs to accepted step k.
    PLANS = 0 ..= 0x3fff_ffff, "plans and adaptive steps";
    /// Random signs of Hutchinson's divergence estimator, one draw per probe (`likelihood::Ode`).
    LIKELIHOOD_PROBES = 0x4000_0000 ..= 0x40ff_ffff, "probes of the divergence";
    /// Uniforms that place the noise levels of the likelihood bound within their strata
    /// (`likelihood::Bound`). Element k belongs to level k.
    BOUND_LEVELS = 0x4100_0000 ..= 0x4100_0000, "noise levels of the likelihood bound";
    /// Noise of the likelihood bound, one draw per noise level (`likelihood::Bound`).
    BOUND_NOISE = 0x4200_0000 ..= 0x42ff_ffff, "noise of the likelihood bound";
    /// Uniforms that choose the tokens a likelihood bound reveals, one draw per round and number of
    /// tokens (`langevin-discrete`).
    TOKEN_BOUND = 0x4300_0000 ..= 0x43ff_ffff, "revealed tokens of the likelihood bound";
    /// Uniforms that place the levels of a likelihood bound on tokens within their strata
    /// (`langevin-discrete`). Element k belongs to level k.
    TOKEN_BOUND_LEVELS = 0x4400_0000 ..= 0x4400_0000, "levels of the likelihood bound on tokens";
    /// Uniforms that redraw the tokens of a likelihood bound under noise without a mask, one draw
    /// per level (`langevin-discrete`).
    TOKEN_BOUND_NOISE = 0x4500_0000 ..= 0x45ff_ffff, "redrawn tokens of the likelihood bound";
    /// Uniforms that shuffle the rows of a diagnosis, one draw per order (`diagnose`).
    DIAGNOSE_ORDER = 0x5000_0000 ..= 0x50ff_ffff, "row orders of a diagnosis";
    /// Noise at which the residual of a score is measured, one draw per noise level (`diagnose`).
    DIAGNOSE_RESIDUAL = 0x5100_0000 ..= 0x51ff_ffff, "noise of a diagnosis' residuals";
    /// Uniforms that choose the samples of a bootstrap interval.
    TUNE_BOOTSTRAP = 0x6000_0000 ..= 0x6000_0000, "bootstrap intervals of tuning";
    /// Uniforms that dequantise the data of the examples and studies of `langevin-train`.
    STUDY_DEQUANTISATION = 0x7000_0000 ..= 0x7000_0000, "dequantisation in studies";
    /// Normals with which the Gaussian copula beside a model of a table draws (`langevin-tasks`).
    BASELINE_SAMPLES = 0x7100_0000 ..= 0x7100_0000, "a copula beside a model of tables";
    /// Uniforms that dequantise rows whose likelihood the command line measures.
    LIKELIHOOD_DEQUANTISATION = 0x7fff_0000 ..= 0x7fff_0000, "dequantisation for a likelihood";
    /// Uniforms whose order is a permutation of rows, for splits and the order of training
    /// (`langevin-data`).
    DATA_ORDER = 0x8000_0000 ..= 0x8000_0000, "the order of data rows";
    /// Normals of a network's initial weights (`langevin-train`). The sample index is the number of
    /// the parameter block.
    INITIAL_WEIGHTS = 0x8000_0001 ..= 0x8000_0001, "initial weights";
    /// Noise that training adds to a row (`langevin-train`).
    TRAINING_NOISE = 0x8000_0002 ..= 0x8000_0002, "noise of training";
    /// Uniforms that choose the noise level of a training row (`langevin-train`).
    TRAINING_LEVEL = 0x8000_0003 ..= 0x8000_0003, "noise levels of training";
    /// Uniforms that dequantise a training row (`langevin-train`).
    TRAINING_DEQUANTISATION = 0x8000_0004 ..= 0x8000_0004, "dequantisation in training";
    /// Noise of the autoencoder's encoder (`langevin-train`).
    ENCODER_NOISE = 0x8000_0005 ..= 0x8000_0005, "noise of the autoencoder";
    /// Uniforms that drop the label of a training row (`langevin-train`).
    LABEL_DROPOUT = 0x8000_0006 ..= 0x8000_0006, "label dropout";
    /// Uniforms that crop and flip a training image (`langevin-train`, `langevin-data`).
    AUGMENTATION = 0x8000_0007 ..= 0x8000_0007, "augmentation of pictures";
    /// Uniforms that noise the tokens of a training row (`langevin-train`): draw 0 chooses the
    /// number of masks or the level, draw 1 the noised tokens and their letters.
    TRAINING_TOKENS = 0x8000_0008 ..= 0x8000_0009, "noised tokens of training";
    /// Uniforms whose bits are the keys of a training row's dropout (`langevin-train`).
    DROPOUT = 0x8000_000a ..= 0x8000_000a, "dropout";
    /// Normals of the random directions of a sliced distance (`metrics`). The sample index is the
    /// number of the direction.
    SLICED_DIRECTIONS = 0xffff_fffd ..= 0xffff_fffd, "directions of sliced distances";
    /// Uniforms with which the exact densities choose a component or a point on a curve (`exact`).
    EXACT_UNIFORMS = 0xffff_fffe ..= 0xffff_fffe, "uniforms of exact densities";
    /// Normals with which the exact densities draw a sample (`exact`).
    EXACT_NORMALS = 0xffff_ffff ..= 0xffff_ffff, "normals of exact densities";
}

/// Returns `true` if no range is empty and each begins after the end of the one before.
const fn ascending(all: &[Draws]) -> bool {
    let mut k = 0;
    while k < all.len() {
        if all[k].first > all[k].last || (k > 0 && all[k - 1].last >= all[k].first) {
            return false;
        }
        k += 1;
    }
    true
}

const _: () = assert!(ascending(ALL), "two ranges of noise draws overlap, or are out of order");

#[cfg(test)]
mod tests;
