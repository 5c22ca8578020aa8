//! `train --from MODEL`: what holds of the model, and what may be another.

use crate::cli::config::Effective;
use crate::error::{Blame as _, Failure, Result};
use crate::terminal::TERMINAL;
use crate::words::plural;
use langevin_data::Dataset;
use langevin_train::{Budget, Network, NetworkSpec, Recipe};
use serde_json::{Value, json};
use std::path::Path;

/// The flags that are the model's, with the field of a recipe that each sets: given, they must be what the model has.
const FIXED: [(&str, &str); 12] = [
    ("process", "/formulation/process"),
    ("predict", "/formulation/prediction"),
    ("dequantize", "/dequantize"),
    ("no-normalize", "/normalization"),
    ("network", "/network/kind"),
    ("width", "/network/width"),
    ("depth", "/network/depth"),
    ("fourier", "/network/fourier"),
    ("waves", "/network/waves"),
    ("activation", "/network/activation"),
    ("patch", "/network/patch"),
    ("heads", "/network/heads"),
];
/// The flags of the loss: the model's unless they are given.
const LOSS: [&str; 3] = ["weight", "times", "coupling"];

/// What a training begins with.
pub struct Base {
    /// The model; of a run that goes on only its recipe is needed.
    pub network: Option<Network>,
    recipe: Recipe,
}

impl Base {
    /// A model file.
    pub fn open(path: &Path) -> Result<Self> {
        let network = langevin_tasks::source::network("--from", path, &TERMINAL)?;
        let recipe = Recipe::of(&network, Budget::Steps(1));
        Ok(Self { network: Some(network), recipe })
    }

    /// The recipe of a run that began with a model.
    pub fn of_run(recipe: Recipe) -> Self {
        Self { network: None, recipe }
    }

    /// What it was trained by.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Makes a recipe that of the model, but for what may be another; refuses flags that say otherwise.
    pub fn apply(&self, recipe: &mut Recipe, effective: &mut Effective, plain: bool) -> Result<()> {
        let written = |recipe: &Recipe| serde_json::to_value(recipe).or_failed();
        let (own, asked) = (written(&self.recipe)?, written(recipe)?);
        let given: Vec<_> = FIXED.iter().filter(|(flag, _)| effective.is_given(flag)).collect();
        for (flag, field) in given {
            let of = |value: &Value| value.pointer(field).cloned().unwrap_or_default();
            // A size is asked for even where the kind of network that is asked for has none.
            let number = effective.value(flag).and_then(|value| value.parse::<u64>().ok());
            let (own, asked) = (of(&own), number.map_or_else(|| of(&asked), |number| json!(number)));
            if own != asked && !(own.is_null() && asked == json!(0)) {
                let own = match *flag {
                    "process" => self.recipe.formulation.process.name(),
                    "predict" => self.recipe.formulation.prediction.name().to_owned(),
                    _ => word(flag, &own),
                };
                return Err(refused(flag, &own, effective));
            }
        }
        let own_plain = matches!(&self.recipe.network, NetworkSpec::Mlp(config) if config.plain);
        if plain && !own_plain {
            return Err(refused("plain", "off", effective));
        }
        let own_classes = match &self.recipe.network {
            NetworkSpec::Mlp(config) => config.classes,
            NetworkSpec::Dit(config) => config.classes,
            _ => 0,
        };
        if own_classes == 0 && effective.is_given("conditional") {
            return Err(refused("conditional", "no classes", effective));
        }
        if effective.is_given("log") {
            return Err(Failure::misused("which columns are learned as logarithms is the model's")
                .at("--log, --from")
                .hint("leave out --log, or train a new model without --from"));
        }
        recipe.formulation = self.recipe.formulation.clone();
        recipe.frame = self.recipe.frame.clone();
        recipe.normalization = self.recipe.normalization.clone();
        (recipe.dequantize, recipe.network) = (self.recipe.dequantize, self.recipe.network.clone());
        for flag in LOSS.into_iter().filter(|flag| !effective.is_given(flag)) {
            match flag {
                "weight" => recipe.weight = self.recipe.weight,
                "times" => recipe.times = self.recipe.times.clone(),
                _ => recipe.coupling = self.recipe.coupling,
            }
        }
        // What is the model's is not kept, or a run would be asked for its defaults.
        for flag in
            FIXED.iter().map(|(flag, _)| *flag).chain(LOSS).filter(|flag| !effective.is_given(flag)).collect::<Vec<_>>()
        {
            effective.set(flag, None);
        }
        if !effective.is_given("lr") {
            recipe.learning_rate = langevin_train::FINE_TUNING_RATE;
            effective.set("lr", Some(recipe.learning_rate.to_string()));
        }
        Ok(())
    }

    /// Refuses data of another shape or of other classes than the model's.
    pub fn check(&self, data: &Dataset, shape: &[usize]) -> Result<()> {
        let Some(network) = &self.network else { return Ok(()) };
        if shape != network.shape() {
            let failure = Failure::misused("the data are not of the model's shape")
                .at("--data, --from")
                .expected(words(network.shape()))
                .got(words(shape));
            return Err(failure.hint(match shape.len() {
                1 => "give data of the same columns (--label-column names one that is a label), or train a new model without --from",
                _ => "--crop H,W or --size H,W takes the model's part of larger pictures; or train a new model without --from",
            }));
        }
        let classes = network.classes();
        if classes.is_empty() || (data.labels().is_some() && data.classes() == classes) {
            return Ok(());
        }
        let got = if data.labels().is_some() { list(data.classes()) } else { "none".to_owned() };
        Err(Failure::misused("the data have not the classes of the model")
            .at("--data, --from")
            .expected(list(classes))
            .got(got)
            .hint("--label-column names the column of the labels; a model of other classes is trained without --from"))
    }
}

fn refused(flag: &str, own: &str, effective: &Effective) -> Failure {
    let asked = effective.value(flag).map_or_else(|| "none".to_owned(), |value| value.trim_matches('"').to_owned());
    let asked = if asked == "true" { "on".to_owned() } else { asked };
    Failure::misused("the model is another")
        .at(format!("--{flag}, --from"))
        .expected(format!("{own}, as in the model"))
        .got(asked)
        .hint(format!("leave out --{flag}, or train a new model without --from"))
}

/// A value of a recipe for people.
fn word(flag: &str, value: &Value) -> String {
    match (flag, value) {
        ("no-normalize", _) | (_, Value::Bool(false)) => "off".to_owned(),
        (_, Value::Bool(true)) => "on".to_owned(),
        ("activation", Value::Null) => "silu".to_owned(),
        (_, Value::Null) => "none".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Object(map)) => map
            .values()
            .find_map(Value::as_str)
            .or_else(|| map.keys().next().map(String::as_str))
            .map_or_else(|| value.to_string(), str::to_owned),
        _ => value.to_string(),
    }
}

/// A shape for people.
fn words(shape: &[usize]) -> String {
    match shape {
        [columns] => plural(*columns as u64, "column"),
        _ => format!("pictures of {}", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")),
    }
}

/// Names for people, the first of many.
fn list(names: &[String]) -> String {
    const MOST: usize = 12;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{}: {shown}{more}",
        if names.len() == 1 { "1 class".to_owned() } else { format!("{} classes", names.len()) }
    )
}
