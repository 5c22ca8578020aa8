//! The built-in data set.

use super::Dataset;
use super::store::Store;
use crate::about::About;
use crate::labels::Labels;
use crate::rows::Floats;

/// 1797 × 64 pixels, then 1797 labels; see data/README.md.
static DIGITS: &[u8] = include_bytes!("../../data/digits.bin");
const DIGIT_ROWS: usize = 1797;

impl Dataset {
    /// Returns 1797 handwritten digits of 8×8 pixels, values 0 to 16, with their labels.
    ///
    /// Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning
    /// Repository, 1998, DOI 10.24432/C50P49, CC BY 4.0.
    ///
    /// ```
    /// let digits = langevin_data::Dataset::digits();
    /// assert_eq!((digits.rows(), digits.shape()), (1797, &[8, 8][..]));
    /// assert_eq!(digits.classes().len(), 10);
    /// ```
    #[must_use]
    pub fn digits() -> Self {
        let (pixels, labels) = DIGITS.split_at(DIGIT_ROWS * 64);
        let labels = Labels {
            of: labels.iter().map(|label| u32::from(*label)).collect(),
            classes: (0..10).map(|digit| digit.to_string()).collect(),
        };
        let values = pixels.iter().map(|pixel| f32::from(*pixel)).collect();
        let data = Self::of("digits", &[8, 8], Store::of(Floats::new(values, 64)), Some(labels));
        data.with_about(About::new("built in", "whole numbers from 0 to 16").labelled("the digits"), vec![])
    }
}
