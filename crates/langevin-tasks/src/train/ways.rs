//! Changes that make a training smaller or its steps faster.

use langevin_train::{NetworkSpec, Recipe};

/// Number of tokens of a picture that a transformer handles in reasonable time, and the side length
/// of pictures that any network handles.
const TOKENS: usize = 1024;
const SIDE: usize = 64;

/// A change that makes a training smaller or faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Way {
    /// Reading pictures at this size.
    Size(usize),
    /// Training on random crops of this side length, drawn anew at every visit.
    Crop(usize),
    /// Larger patches of the transformer, with this side length.
    Patch(usize),
    /// A transformer with patches of this side length in place of the perceptron.
    Transformer(usize),
    /// A network with fewer units or layers.
    SmallerNetwork,
    /// A smaller batch with this number of rows.
    Batch(usize),
}

/// Changes that make a training fit in memory, or its steps faster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ways {
    /// Changes of the network or of the picture size.
    pub network: Vec<Way>,
    /// Changes of the network or of the picture size, and a smaller batch.
    pub memory: Vec<Way>,
    /// Changes that keep the kind of network, which could otherwise be slower: smaller pictures or
    /// batches.
    pub step: Vec<Way>,
}

impl Ways {
    /// Returns the changes for samples of this shape. `sized` is true if pictures can be read at a
    /// smaller size.
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
            // The smallest patch that divides the picture and leaves few tokens.
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

/// Returns height and width of pictures.
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
        // Arrays cannot be read at a smaller size, and a larger patch must divide the picture.
        recipe.network = langevin_train::DitConfig::new(2, 8, 1, 1).into();
        assert_eq!(Ways::of(&recipe, &[3, 40, 24], false).network, [Way::Crop(16), Way::Patch(4)]);
        recipe.batch = 8;
        assert_eq!(Ways::of(&recipe, &[3], false).step, [Way::SmallerNetwork]);
    }
}
