//! The changes of a resumed run, in terms of flags.

use crate::cli::config::Effective;
use crate::error::Failure;
use langevin_tasks::train::Change;
use serde_json::{Map, Value, json};

/// Fields of a recipe with the flags that set them. The first entry whose path is a prefix of the
/// field's path applies.
const FIELDS: [(&str, &str); 41] = [
    ("formulation.process", "process"),
    ("formulation.prediction", "predict"),
    ("formulation", "process"),
    ("weight_decay", "weight-decay"),
    ("dropout", "dropout"),
    ("weight", "weight"),
    ("times", "times"),
    ("adaptive", "adaptive"),
    ("dequantize", "dequantize"),
    ("normalization", "no-normalize"),
    ("coupling", "coupling"),
    ("tokens", "noise"),
    ("crop", "crop"),
    ("flip", "flip"),
    ("label_dropout", "label-dropout"),
    ("held_out.seed", "seed"),
    ("held_out", "hold-out"),
    ("network.kind", "network"),
    ("network.width", "width"),
    ("network.depth", "depth"),
    ("network.fourier", "fourier"),
    ("network.waves", "waves"),
    ("network.activation", "activation"),
    ("network.plain", "plain"),
    ("network.patch", "patch"),
    ("network.heads", "heads"),
    ("network.classes", "conditional"),
    ("batch", "batch"),
    ("optimizer", "optimizer"),
    ("learning_rate", "lr"),
    ("warmup", "warmup"),
    ("decay", "decay"),
    ("ema", "ema"),
    ("averages", "averages-every"),
    ("clip", "clip"),
    ("seed", "seed"),
    ("budget.steps", "steps"),
    ("budget.time", "minutes"),
    ("budget", "steps"),
    ("stratified", "times"),
    ("frame", "log"),
];

/// Flags that do not belong to the recipe.
const BESIDE: [&str; 8] =
    ["threads", "device", "memory", "log-every", "save-every", "averages-every", "samples-every", "out"];

/// Returns the flag that sets a field of a recipe.
pub fn flag_of(field: &str) -> &'static str {
    let is_of = |path: &str| field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    FIELDS.iter().find(|(path, _)| is_of(path)).map_or("config", |(_, flag)| *flag)
}

/// Boolean flags, which are off if they are absent.
const SWITCHES: [&str; 6] = ["adaptive", "dequantize", "no-normalize", "flip", "plain", "conditional"];

/// The values of a run and the requested values, by flag.
struct Values<'a> {
    /// The configuration stored in the run's directory, and that of this command.
    kept: &'a toml::Table,
    now: &'a Effective,
}

/// Refuses changes that a resumed run does not allow. Otherwise returns the changes for the log.
pub fn check(change: &Change<'_>, now: &Effective) -> Result<Option<Map<String, Value>>, Failure> {
    let values = Values { kept: change.configuration, now };
    values.check_start()?;
    let refused = flags(change.refused());
    if !refused.is_empty() {
        return Err(values.refuse(&refused));
    }
    let mut changed = Map::new();
    for flag in flags(change.fields.iter().map(String::as_str)).into_iter().chain(BESIDE) {
        let [old, new] = values.of(flag).map(|value| json!(value));
        if old != new {
            changed.insert(flag.to_owned(), json!([old, new]));
        }
    }
    Ok((!changed.is_empty()).then_some(changed))
}

/// Returns the flags of fields without duplicates.
fn flags<'a>(fields: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let mut flags = Vec::new();
    for flag in fields.map(flag_of) {
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    flags
}

impl Values<'_> {
    /// Returns the stored and the requested value of a flag; `None` for an absent value.
    fn of(&self, flag: &str) -> [Option<toml::Value>; 2] {
        // A heading of a configuration is not a key.
        let inner = || self.kept.values().filter_map(toml::Value::as_table).find_map(|table| table.get(flag));
        let now = self.now.value(flag).and_then(|value| format!("x = {value}").parse::<toml::Table>().ok());
        let kept = self.kept.get(flag).filter(|value| !value.is_table()).or_else(inner).cloned();
        [kept, now.and_then(|mut table| table.remove("x"))]
    }

    /// Refuses a different starting point, which cannot change once the run has begun.
    fn check_start(&self) -> Result<(), Failure> {
        let [began, asked] = self.of("from");
        if began == asked {
            return Ok(());
        }
        Err(Failure::misused("a run that goes on begins from no other model")
            .at("--from, --resume")
            .expected(began.map_or_else(|| "no --from".to_owned(), |value| value.to_string()))
            .got(asked.map_or_else(|| "none".to_owned(), |value| value.to_string()))
            .hint("leave out --from, or begin another run from that model with --run"))
    }

    fn refuse(&self, refused: &[&str]) -> Failure {
        let place = refused.iter().map(|flag| format!("--{flag}")).collect::<Vec<_>>().join(", ");
        let side = |which: usize| refused.iter().map(|flag| self.word(flag, which)).collect::<Vec<_>>().join(", ");
        Failure::misused("this cannot be changed of a run")
            .at(place)
            .expected(format!("{}, as in this run", side(0)))
            .got(side(1))
            .hint(format!(
                "leave {} out to go on (--lr, --warmup, --decay, --weight-decay, --dropout, --clip and --steps may change), or begin another run with --run",
                if refused.len() == 1 { "it" } else { "them" }
            ))
    }

    /// Formats a value for a message.
    fn word(&self, flag: &str, which: usize) -> String {
        match &self.of(flag)[which] {
            Some(toml::Value::Boolean(_)) => "on".to_owned(),
            Some(toml::Value::String(text)) => format!("'{text}'"),
            Some(value) => value.to_string(),
            None if SWITCHES.contains(&flag) => "off".to_owned(),
            None => "none".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin_tasks::train::fields;
    use langevin_train::{Budget, DitConfig, HeldOut, Normalization, Recipe};

    /// Every field of a recipe has a flag that names it in messages.
    #[test]
    fn every_field_has_a_flag() {
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
        (recipe.crop, recipe.normalization) = (Some((1, 1)), Some(Normalization::identity()));
        recipe.held_out = Some(HeldOut { share: 0.1, seed: 0 });
        let mut written = fields(&recipe);
        recipe.network = DitConfig::new(2, 8, 1, 1).into();
        written.extend(fields(&recipe));
        for field in written {
            assert_ne!(flag_of(&field), "config", "{field}");
        }
    }
}
