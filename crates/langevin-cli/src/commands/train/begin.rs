//! The starting point of a training: a model (`--from`), or a run that was started from one.

use super::changes::flag_of;
use super::failures;
use crate::cli::{TrainArgs, config::Effective};
use crate::error::Result;
use crate::terminal::TERMINAL;
use langevin_tasks::source;
use langevin_tasks::train::{Base, Choice, FROM_MODEL, FROM_MODEL_UNLESS_CHOSEN, Kept};
use langevin_train::Recipe;

/// Returns the model that `--from` names, or the recipe of a resumed run.
pub fn base(args: &TrainArgs, kept: &Kept<'_>) -> Result<Option<Base>> {
    Ok(match (&args.from, kept.saved_recipe()) {
        (None, _) => None,
        (Some(_), Some(own)) => Some(Base::of_run(own)),
        (Some(path), None) => Some(Base::of_model(source::network("--from", path, &TERMINAL)?)),
    })
}

/// Replaces the recipe by that of the model, except for the fields that may differ. Refuses flags
/// that contradict the model.
pub fn apply(base: &Base, recipe: &mut Recipe, effective: &mut Effective) -> Result<()> {
    let chosen = |field: &str| {
        let flag = flag_of(field);
        // A size is checked even if the requested kind of network does not have it.
        let size = || effective.value(flag).and_then(|value| value.parse::<u64>().ok());
        effective.is_given(flag).then(|| size().map_or(Choice::AsInRecipe, Choice::Size))
    };
    base.apply(recipe, &chosen).map_err(|error| failures::of_base(error, base, effective))?;
    // Fields that the model determines are not stored. Otherwise the run would later be compared
    // with the defaults of the flags.
    for flag in FROM_MODEL.into_iter().chain(FROM_MODEL_UNLESS_CHOSEN).map(flag_of) {
        if !effective.is_given(flag) {
            effective.set(flag, None);
        }
    }
    if !effective.is_given("lr") {
        effective.set("lr", Some(recipe.learning_rate.to_string()));
    }
    Ok(())
}

/// Returns true if a run is resumed with data of another name.
pub fn has_other_data(args: &TrainArgs, kept: &Kept<'_>) -> bool {
    let configuration = kept.configuration();
    let own = configuration.get("data").and_then(|name| name.as_str());
    own.is_some() && own != args.data.as_deref()
}
