//! What may change of a run when it goes on, and how a change is refused.

use crate::cli::config::Effective;
use crate::error::Failure;
use langevin_train::Recipe;
use serde_json::{Map, Value, json};

/// The fields of a recipe with the flags that set them; the first whose path begins as that of a difference does names it.
const FIELDS: [(&str, &str); 37] = [
    ("formulation.process", "process"),
    ("formulation.prediction", "predict"),
    ("formulation", "process"),
    ("weight_decay", "weight-decay"),
    ("weight", "weight"),
    ("times", "times"),
    ("adaptive", "adaptive"),
    ("dequantize", "dequantize"),
    ("normalization", "no-normalize"),
    ("coupling", "coupling"),
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
];

/// The flags of the optimiser that may change, and those that no recipe knows of.
const MAY: [&str; 7] = ["lr", "warmup", "decay", "weight-decay", "clip", "steps", "minutes"];
const BESIDE: [&str; 8] =
    ["threads", "device", "memory", "log-every", "save-every", "averages-every", "samples-every", "out"];

/// The flags in which two recipes differ, each once.
fn differing(one: &Recipe, other: &Recipe) -> Vec<&'static str> {
    let mut paths = Vec::new();
    // How the data are read is no setting of its own: other columns are other data.
    let written = |recipe: &Recipe| {
        let recipe = Recipe::clone(recipe);
        serde_json::to_value(recipe.without_reading()).unwrap_or_default()
    };
    compare("", &written(one), &written(other), &mut paths);
    // Sizes of another kind of network say nothing more.
    if paths.iter().any(|path| path == "network.kind") {
        paths.retain(|path| !path.starts_with("network.") || path == "network.kind");
    }
    let mut flags = Vec::new();
    for path in paths {
        let flag = FIELDS.iter().find(|(field, _)| path == *field || path.starts_with(&format!("{field}.")));
        let flag = flag.map_or("config", |(_, flag)| *flag);
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    flags
}

fn compare(place: &str, one: &Value, other: &Value, paths: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let inner = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&inner, &of(a), &of(b), paths);
            }
        }
        _ if one != other => paths.push(place.to_owned()),
        _ => {}
    }
}

/// What a run had and what it is asked to have.
pub struct Change<'a> {
    /// The configuration of the run as it is in its directory, and that of this command.
    pub kept: &'a toml::Table,
    pub now: &'a Effective,
}

impl Change<'_> {
    /// Both values of a flag; `None` where nothing held.
    fn values(&self, flag: &str) -> [Option<toml::Value>; 2] {
        // A heading of a configuration is no key.
        let inner = || self.kept.values().filter_map(toml::Value::as_table).find_map(|table| table.get(flag));
        let now = self.now.value(flag).and_then(|value| format!("x = {value}").parse::<toml::Table>().ok());
        let kept = self.kept.get(flag).filter(|value| !value.is_table()).or_else(inner).cloned();
        [kept, now.and_then(|mut table| table.remove("x"))]
    }

    /// Refuses what cannot change between the recipe of a run and that of this command; otherwise what does change, as the log has it.
    pub fn check(&self, own: &Recipe, wanted: &Recipe) -> Result<Option<Map<String, Value>>, Failure> {
        // A run has begun: what it began from is the run's.
        let [began, asked] = self.values("from");
        if began != asked {
            return Err(Failure::misused("a run that goes on begins from no other model")
                .at("--from, --resume")
                .expected(began.map_or_else(|| "no --from".to_owned(), |value| value.to_string()))
                .got(asked.map_or_else(|| "none".to_owned(), |value| value.to_string()))
                .hint("leave out --from, or begin another run from that model with --run"));
        }
        let flags = differing(own, wanted);
        let refused: Vec<&str> = flags.iter().copied().filter(|flag| !MAY.contains(flag)).collect();
        if let Some(first) = refused.first() {
            let place = match refused.len() {
                1 => format!("--{first}"),
                _ => refused.iter().map(|flag| format!("--{flag}")).collect::<Vec<_>>().join(", "),
            };
            let side = |which: usize| refused.iter().map(|flag| self.word(flag, which)).collect::<Vec<_>>().join(", ");
            return Err(Failure::misused("this cannot be changed of a run")
                .at(place)
                .expected(format!("{}, as in this run", side(0)))
                .got(side(1))
                .hint(format!(
                    "leave {} out to go on (--lr, --warmup, --decay, --weight-decay, --clip and --steps may change), or begin another run with --run",
                    if refused.len() == 1 { "it" } else { "them" }
                )));
        }
        let mut changed = Map::new();
        for flag in flags.iter().copied().chain(BESIDE) {
            let [old, new] = self.values(flag).map(|value| json!(value));
            if old != new {
                changed.insert(flag.to_owned(), json!([old, new]));
            }
        }
        Ok((!changed.is_empty()).then_some(changed))
    }

    /// A value for people.
    fn word(&self, flag: &str, which: usize) -> String {
        match &self.values(flag)[which] {
            Some(toml::Value::Boolean(_)) => "on".to_owned(),
            Some(toml::Value::String(text)) => format!("'{text}'"),
            Some(value) => value.to_string(),
            None if ["adaptive", "dequantize", "no-normalize", "flip", "plain", "conditional"].contains(&flag) => {
                "off".to_owned()
            }
            None => "none".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin_train::{Budget, DitConfig};

    /// Every field of a recipe has a flag that its difference is named by.
    #[test]
    fn every_field_has_a_flag() {
        let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(1));
        (recipe.crop, recipe.normalization) = (Some((1, 1)), Some(langevin_train::Normalization::identity()));
        recipe.held_out = Some(langevin_train::HeldOut { share: 0.1, seed: 0 });
        let mut written = vec![serde_json::to_value(&recipe).unwrap()];
        recipe.network = DitConfig::new(2, 8, 1, 1).into();
        written.push(serde_json::to_value(&recipe).unwrap());
        for value in written {
            let mut paths = Vec::new();
            compare("", &value, &json!({}), &mut paths);
            for path in paths {
                let known = FIELDS.iter().any(|(field, _)| path == *field || path.starts_with(&format!("{field}.")));
                assert!(known || path == "network", "{path}");
            }
        }
    }
}
