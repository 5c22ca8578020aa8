//! The recipe fields that may change when a run is resumed.

use langevin_train::Recipe;
use serde_json::{Map, Value};

/// Fields that may change: the budget and the parameters of the optimiser.
const MAY: [&str; 7] = ["learning_rate", "warmup", "decay", "weight_decay", "dropout", "clip", "budget"];

/// Returns the fields in which two recipes differ, as paths such as `network.width`.
///
/// The reading options are not compared, because other columns are other data. For two networks of
/// different kinds only `network.kind` is returned.
///
/// ```
/// use langevin_tasks::train::differences;
/// use langevin_train::{Budget, Recipe};
/// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(10));
/// let mut other = recipe.clone();
/// (other.batch, other.learning_rate) = (7, 1e-4);
/// assert_eq!(differences(&recipe, &other), ["batch", "learning_rate"]);
/// ```
#[must_use]
pub fn differences(one: &Recipe, other: &Recipe) -> Vec<String> {
    let mut paths = Vec::new();
    let written = |recipe: &Recipe| serde_json::to_value(recipe.clone().without_reading()).unwrap_or_default();
    compare("", &written(one), &written(other), &mut paths);
    // The sizes of different kinds of networks cannot be compared.
    if paths.iter().any(|path| path == "network.kind") {
        paths.retain(|path| !path.starts_with("network.") || path == "network.kind");
    }
    paths
}

/// Returns the paths of all fields that are set in a recipe.
///
/// ```
/// use langevin_train::{Budget, Recipe};
/// let recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(10));
/// assert!(langevin_tasks::train::fields(&recipe).contains(&"network.width".to_owned()));
/// ```
#[must_use]
pub fn fields(recipe: &Recipe) -> Vec<String> {
    let mut paths = Vec::new();
    leaves("", &serde_json::to_value(recipe).unwrap_or_default(), &mut paths);
    paths
}

/// Returns true if a field of a recipe may change when a run is resumed. These fields are the
/// budget, the learning rate with its warm-up and decay, the weight decay, dropout, and clipping.
///
/// ```
/// use langevin_tasks::train::may_change;
/// assert!(may_change("budget.steps") && may_change("learning_rate"));
/// assert!(!may_change("network.width"));
/// ```
#[must_use]
pub fn may_change(field: &str) -> bool {
    let first = field.split_once('.').map_or(field, |(first, _)| first);
    MAY.contains(&first)
}

fn leaves(place: &str, value: &Value, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(&within(place, key), value, paths)),
        _ => paths.push(place.to_owned()),
    }
}

/// Returns the path of a key within a path.
fn within(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn compare(place: &str, one: &Value, other: &Value, paths: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                compare(&within(place, key), &of(a), &of(b), paths);
            }
        }
        _ if one != other => paths.push(place.to_owned()),
        _ => {}
    }
}
