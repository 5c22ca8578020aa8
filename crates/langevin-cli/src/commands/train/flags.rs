//! The flags of `train` as a recipe.

use crate::cli::TrainArgs;
use crate::cli::config::Effective;
use crate::cli::train::{Kind, OptimizerArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::words::either_case;
use langevin::grid::{SIGMAS, usual_range};
use langevin::objective::{TimeDensity, Weight};
use langevin::{Formulation, LambdaRange, Prediction, Process};
use langevin_data::Vocabulary;
use langevin_tasks::train::STEPS;
use langevin_train::{
    Budget, Coupling, DitConfig, HeldOut, MlpConfig, NetworkSpec, Normalization, OptimizerKind, Recipe,
};
use langevin_train::{GraphConfig, SequenceConfig, TableConfig, TokenNoise};
use std::time::Duration;

/// Default length of an attention head.
const HEAD: usize = 32;

/// Returns the number of heads that share a width: one per `head` elements, or the next smaller
/// number that divides the width.
fn heads(width: usize, head: usize) -> usize {
    (1..=(width / head).max(1)).rev().find(|heads| width.is_multiple_of(*heads)).unwrap_or(1)
}

/// Returns the network of the flags, for data with this number of classes.
pub fn network(args: &TrainArgs, classes: usize) -> Result<NetworkSpec> {
    let shape = &args.network;
    Ok(match shape.network {
        Kind::Mlp => {
            let mut config = MlpConfig::new(shape.width.unwrap_or(256), shape.depth.unwrap_or(3));
            (config.fourier, config.waves) = (shape.fourier, shape.waves.unwrap_or(0));
            (config.activation, config.plain, config.classes) = (shape.activation, shape.plain, classes);
            config.into()
        }
        Kind::Dit => {
            let width = shape.width.unwrap_or(192);
            let heads = shape.heads.unwrap_or(heads(width, HEAD));
            let mut config = DitConfig::new(shape.patch, width, shape.depth.unwrap_or(6), heads);
            (config.fourier, config.classes) = (shape.fourier, classes);
            config.into()
        }
        // The letters of the data determine this network, so it is built once they are read.
        Kind::Sequence => SequenceConfig::new(2, 3, shape.width.unwrap_or(64), 1, 1).into(),
    })
}

/// Flags of numbers, which have no meaning for tokens.
pub const OF_NUMBERS: [&str; 12] = [
    "process",
    "predict",
    "weight",
    "times",
    "adaptive",
    "coupling",
    "dequantize",
    "no-normalize",
    "log",
    "waves",
    "activation",
    "patch",
];

/// Changes the recipe to one for rows of `length` tokens of this vocabulary, with classes or not.
pub fn of_tokens(
    args: &TrainArgs,
    effective: &Effective,
    vocabulary: &Vocabulary,
    length: usize,
    classes: usize,
    recipe: &mut Recipe,
) -> Result<()> {
    if let Some(flag) = OF_NUMBERS.into_iter().find(|flag| effective.is_given(flag)) {
        return Err(Failure::misused("the data are tokens, and the flag is for numbers")
            .at(format!("--{flag}"))
            .expected("flags for tokens: --noise, --width, --depth, --heads, and those of the optimiser")
            .hint(format!("leave out --{flag}")));
    }
    let shape = &args.network;
    if effective.is_given("network") && shape.network != Kind::Sequence {
        return Err(Failure::misused("the network is for numbers, and the data are tokens")
            .at("--network")
            .expected("sequence")
            .hint("leave out --network"));
    }
    let noise = args.objective.noise.as_deref().unwrap_or("masked");
    recipe.tokens = Some(either_case(noise, TokenNoise::parse).or_misused()?);
    if let Some(graphs) = vocabulary.graph_shape() {
        let width = shape.width.unwrap_or(32);
        let heads = shape.heads.unwrap_or(heads(width, 8));
        let mut config = GraphConfig::new(graphs, width, shape.depth.unwrap_or(3), heads);
        let noise = recipe.tokens.unwrap_or_default();
        config.letters = noise.letters(vocabulary.len());
        (config.classes, config.fourier) = (classes, noise.fourier());
        recipe.network = config.into();
        return Ok(());
    }
    let width = shape.width.unwrap_or(64);
    let heads = shape.heads.unwrap_or(heads(width, 16));
    if let Some(schema) = vocabulary.table() {
        let mut config = TableConfig::new(schema, width, shape.depth.unwrap_or(3), heads);
        config.classes = classes;
        if effective.is_given("fourier") {
            config.fourier = shape.fourier;
        }
        recipe.network = config.into();
        return Ok(());
    }
    let (noise, vocab) = (recipe.tokens.unwrap_or_default(), vocabulary.len());
    let mut config = SequenceConfig::new(vocab, noise.letters(vocab), width, shape.depth.unwrap_or(4), heads);
    (config.classes, config.fourier) = (classes, noise.fourier());
    if effective.is_given("fourier") {
        config.fourier = shape.fourier;
    }
    recipe.network = config.into();
    recipe.train_sequences(length);
    optimizer(&args.optimizer, recipe);
    Ok(())
}

/// Sets what the flags say about the optimiser's values whose default depends on the data.
fn optimizer(args: &OptimizerArgs, recipe: &mut Recipe) {
    if let Some(kind) = args.optimizer {
        (recipe.optimizer, recipe.learning_rate) = (kind, kind.learning_rate());
    }
    recipe.learning_rate = args.lr.unwrap_or(recipe.learning_rate);
    recipe.batch = args.batch.unwrap_or(recipe.batch);
    recipe.dropout = args.dropout.unwrap_or(recipe.dropout);
}

/// Refuses flags of the optimiser that are for transformers, with a network that is none.
pub fn check_optimizer(recipe: &Recipe) -> Result<()> {
    if !matches!(recipe.network, NetworkSpec::Mlp(_)) {
        return Ok(());
    }
    let refuse = |flag: &str, got: String| {
        Err(Failure::misused("the option is for transformers, and the network is a perceptron")
            .at(format!("--{flag}"))
            .expected("--network dit, or data of tokens")
            .got(got)
            .hint(format!("leave out --{flag}")))
    };
    match recipe.optimizer {
        OptimizerKind::Muon => refuse("optimizer", recipe.optimizer.name().to_owned()),
        _ if recipe.dropout > 0.0 => refuse("dropout", recipe.dropout.to_string()),
        _ => Ok(()),
    }
}

/// Returns the flags of the optimiser whose default depends on the data, with the recipe's values.
pub fn of_optimizer(recipe: &Recipe) -> [(&'static str, String); 4] {
    let (name, rate) = (recipe.optimizer.name(), recipe.learning_rate);
    let (batch, dropout) = (recipe.batch.to_string(), recipe.dropout.to_string());
    [("batch", batch), ("optimizer", name.to_owned()), ("lr", rate.to_string()), ("dropout", dropout)]
}

/// Returns the recipe of the flags.
pub fn recipe(args: &TrainArgs, classes: usize) -> Result<Recipe> {
    let (objective, reading) = (&args.objective, &args.reading);
    let process = either_case(&objective.process, Process::parse).or_misused()?;
    let prediction = either_case(&objective.predict, Prediction::parse).or_misused()?;
    // The range is limited by the process; that of Stable Diffusion ends at 14.6.
    let range = LambdaRange::from_sigma_ve(SIGMAS[0], usual_range(&process)[1]).or_failed()?;
    let budget = match args.minutes {
        Some(minutes) => Budget::Time(Duration::from_secs_f64(60.0 * minutes)),
        None => Budget::Steps(args.steps.unwrap_or(STEPS)),
    };
    let mut recipe = Recipe::new(Formulation::new(process, prediction).with_range(range), budget);
    recipe.weight = either_case(&objective.weight, Weight::parse).or_misused()?;
    if let Some(times) = &objective.times {
        recipe.times = either_case(times, TimeDensity::parse).or_misused()?;
    }
    recipe.adaptive = objective.adaptive;
    recipe.coupling = either_case(&objective.coupling, Coupling::parse).or_misused()?;
    recipe.dequantize = reading.dequantize;
    recipe.normalization = reading.no_normalize.then(Normalization::identity);
    recipe.held_out = reading.hold_out.map(|share| HeldOut { share, seed: args.seed });
    (recipe.crop, recipe.flip, recipe.label_dropout) = (reading.crop, reading.flip, reading.label_dropout);
    recipe.network = network(args, classes)?;
    optimizer(&args.optimizer, &mut recipe);
    (recipe.warmup, recipe.decay) = (args.optimizer.warmup, args.optimizer.decay);
    (recipe.ema, recipe.clip) = (args.optimizer.ema, args.optimizer.clip);
    recipe.averages = args.keeping.averages_every.is_some();
    recipe.seed = args.seed;
    Ok(recipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_heads_divide_every_width() {
        assert_eq!([64, 33, 48, 17, 4].map(|width| heads(width, 16)), [4, 1, 3, 1, 1]);
        assert!((4..300).all(|width| width % heads(width, 16) == 0));
    }
}
