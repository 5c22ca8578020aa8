//! What makes a training smaller, or its steps shorter.

use langevin_train::{NetworkSpec, Recipe};

/// Tokens of a picture that a transformer goes through in reasonable time, and the side of pictures that
/// any network does.
const TOKENS: usize = 1024;
const SIDE: usize = 64;

/// A change of a training that makes it smaller or faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// Pictures are read at this size.
    Size(usize),
    /// A part of each picture of this side, drawn anew at every visit.
    Crop(usize),
    /// Larger patches of the transformer, of this side.
    Patch(usize),
    /// A transformer with patches of this side in place of the perceptron.
    Transformer(usize),
    /// A network of fewer units or layers.
    SmallerNetwork,
    /// A smaller batch, of so many rows.
    Batch(usize),
}

/// What makes a training fit, and its steps shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ways {
    /// Of another network or smaller pictures.
    pub network: Vec<Way>,
    /// Of those and a smaller batch.
    pub memory: Vec<Way>,
    /// Of the same network on smaller pictures or in smaller batches: another kind of network may be slower.
    pub step: Vec<Way>,
}

impl Ways {
    /// Returns the ways for samples of this shape; `sized` says whether pictures can be read smaller.
    ///
    /// ```
    /// use langevin_tasks::train::{Way, Ways};
    /// use langevin_train::{Budget, Recipe};
    /// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
    /// assert_eq!(Ways::of(&recipe, &[3], false).step, [Way::SmallerNetwork, Way::Batch(64)]);
    /// ```
    #[must_use]
    pub fn of(recipe: &Recipe, shape: &[usize], sized: bool) -> Self {
        let (mut ways, mut other) = (Vec::new(), None);
        let patch = match &recipe.network {
            NetworkSpec::Dit(config) => Some(config.patch),
            _ => None,
        };
        if let Some([height, width]) = sides(shape) {
            let side = SIDE.min(height.min(width) / 2).next_multiple_of(8);
            if side < height.max(width) {
                ways.extend(sized.then_some(Way::Size(side)));
                ways.push(Way::Crop(side));
            }
            // The smallest patch that leaves few tokens and divides the picture.
            let fits = |patch: &usize| {
                height.is_multiple_of(*patch)
                    && width.is_multiple_of(*patch)
                    && height / patch * (width / patch) <= TOKENS
            };
            if let Some(larger) = (1..8).map(|power| 1 << power).find(|p| fits(p) && patch.is_none_or(|own| *p > own)) {
                match patch {
                    Some(_) => ways.push(Way::Patch(larger)),
                    None => other = Some(Way::Transformer(larger)),
                }
            }
        } else {
            ways.push(Way::SmallerNetwork);
        }
        let batch = (recipe.batch > 32).then_some(Way::Batch(recipe.batch / 4));
        let with = |more: [Option<Way>; 2]| ways.iter().copied().chain(more.into_iter().flatten()).collect();
        Self { network: with([other, None]), memory: with([other, batch]), step: with([batch, None]) }
    }
}

/// Height and width of pictures.
fn sides(shape: &[usize]) -> Option<[usize; 2]> {
    match *shape {
        [height, width] => Some([height, width]),
        [channels, height, width] if channels <= 4 && width > 4 => Some([height, width]),
        [height, width, _] => Some([height, width]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin_train::Budget;

    #[test]
    fn the_ways_are_for_the_data_and_the_network() {
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
        let ways = Ways::of(&recipe, &[512, 512, 3], true);
        assert_eq!(ways.network, [Way::Size(64), Way::Crop(64), Way::Transformer(16)]);
        assert_eq!(ways.memory, [Way::Size(64), Way::Crop(64), Way::Transformer(16), Way::Batch(64)]);
        assert_eq!(ways.step, [Way::Size(64), Way::Crop(64), Way::Batch(64)]);
        // Of an array nothing smaller can be read; a larger patch than it has must divide the picture.
        recipe.network = langevin_train::DitConfig::new(2, 8, 1, 1).into();
        assert_eq!(Ways::of(&recipe, &[3, 40, 24], false).network, [Way::Crop(16), Way::Patch(4)]);
        recipe.batch = 8;
        assert_eq!(Ways::of(&recipe, &[3], false).step, [Way::SmallerNetwork]);
    }
}
