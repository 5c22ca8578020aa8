//! Messages for a training that was refused or failed, in terms of flags.

use super::changes::flag_of;
use super::ways::{any_of, size};
use crate::cli::{TrainArgs, config::Effective};
use crate::error::Failure;
use crate::rundir::MODEL;
use crate::terminal::TERMINAL;
use crate::words::{plural, start};
use langevin_data::flag_value;
use langevin_tasks::data;
use langevin_tasks::train::{Base, Kept, TrainError, Ways};
use serde_json::Value;
use std::path::Path;

/// Information that the messages need.
pub struct Failures<'a> {
    pub args: &'a TrainArgs,
    pub kept: &'a Kept<'a>,
    pub ways: &'a Ways,
}

impl Failures<'_> {
    /// Returns the failure of a training.
    pub fn of(&self, error: TrainError) -> Failure {
        let hint_of = |hint: Option<&str>| hint.map_or_else(String::new, |hint| format!("{hint}; "));
        match error {
            TrainError::Memory { needed, free } => Failure::misused("the training does not fit in memory")
                .expected(format!("at most {}, which are free", size(free)))
                .got(format!("some {} for the weights, their moments and gradients", size(needed)))
                .hint(format!("try {}", any_of(&self.ways.memory))),
            TrainError::TooLarge { what } => Failure::misused(what).hint(format!("try {}", any_of(&self.ways.network))),
            TrainError::OtherData(error) => {
                let run = self.args.output.resume.as_deref().unwrap_or_else(|| Path::new("RUN"));
                Failure::failed(error.to_string()).hint(format!(
                    "a run goes on with its own data; to train on these, begin another from its model: train --from {} --data {} --run ANOTHER",
                    run.join(MODEL).display(),
                    self.args.data.as_deref().unwrap_or("DATA")
                ))
            }
            TrainError::NothingLearned => self.nothing_learned(),
            TrainError::Diverged { what, hint, network, state, lower } => {
                let lower = format!("--lr {lower:.1e}");
                let hint = hint_of(hint.as_deref());
                Failure::failed(what).hint(match (network, self.run()) {
                    (Some(_), _) => format!("{hint}try {lower}; the last good model is in {}", self.model()),
                    (None, Some(run)) if state => {
                        format!("{hint}go on from the last good state: --resume {} {lower}", run.display())
                    }
                    (None, _) => format!("{hint}nothing good was learned, and no model is written: try {lower}"),
                })
            }
            TrainError::Broken { what, hint } => Failure::failed(what).hint(hint_of(hint.as_deref()) + &self.left()),
            other => other.to_error(),
        }
    }

    fn run(&self) -> Option<&Path> {
        self.args.output.run.as_deref().or(self.args.output.resume.as_deref())
    }

    fn model(&self) -> String {
        self.kept.models().first().map_or_else(String::new, |model| model.display().to_string())
    }

    /// Describes where the result so far is stored.
    pub fn left(&self) -> String {
        match self.run() {
            Some(run) => format!("go on with --resume {}", run.display()),
            None => format!("what has been learned is in {}", self.model()),
        }
    }

    /// Returns the failure of a training that ended before its first step.
    fn nothing_learned(&self) -> Failure {
        match self.run() {
            Some(run) => Failure::interrupted("interrupted within the first step: nothing was learned")
                .hint(format!("begin again with --resume {}", run.display())),
            None => {
                Failure::interrupted("interrupted within the first step: nothing was learned, and nothing is written")
            }
        }
    }
}

/// Returns the failure of data that cannot be trained on; `name` is the value of --data.
pub fn of_data(error: TrainError, name: &str) -> Failure {
    match error {
        TrainError::MoreColumns { more, names, width } => {
            let own = if names.is_empty() { plural(width as u64, "column") } else { names.join(", ") };
            let failure = Failure::misused("the data have columns that the model does not know")
                .at("--data, --from")
                .expected(own)
                .got(format!("{} besides", more.join(", ")));
            match names.is_empty() {
                true => failure.hint("leave them out with --drop"),
                false => failure.hint(format!("--columns {} takes those of the model", flag_value(&names))),
            }
        }
        TrainError::TooFewRows(rows) => {
            Failure::failed("too few rows to learn from").at(name).expected("2 or more").got(rows.to_string())
        }
        TrainError::AllSame(rows) => Failure::failed("all rows are the same: there is nothing to learn")
            .at(start(name))
            .expected("values that differ")
            .got(plural(rows as u64, "row")),
        TrainError::NoClasses => Failure::misused("the data have no classes")
            .at("--conditional")
            .expected("a folder of folders, --labels ARRAY of a .npz file, or --label-column COLUMN of a table")
            .got(start(name)),
        TrainError::Data(error) => data::failure(&error, &TERMINAL),
        TrainError::Shape { expected, got } => {
            let failure = Failure::misused("the data are not of the model's shape")
                .at("--data, --from")
                .expected(shape(&expected))
                .got(shape(&got));
            failure.hint(match got.len() {
                1 => "give data of the same columns (--label-column names one that is a label), or train a new model without --from",
                _ => "--crop H,W or --size H,W takes the model's part of larger pictures; or train a new model without --from",
            })
        }
        TrainError::Classes { expected, got } => Failure::misused("the data have not the classes of the model")
            .at("--data, --from")
            .expected(list(&expected))
            .got(got.map_or_else(|| "none".to_owned(), |got| list(&got)))
            .hint("--label-column names the column of the labels; a model of other classes is trained without --from"),
        other => other.to_error(),
    }
}

/// Returns the failure of a flag that contradicts the model.
pub fn of_base(error: TrainError, base: &Base, effective: &Effective) -> Failure {
    let TrainError::Conflict { field, own } = error else { return error.to_error() };
    let flag = flag_of(field);
    let formulation = &base.recipe().formulation;
    let own = match flag {
        "log" => {
            return Failure::misused("which columns are learned as logarithms is the model's")
                .at("--log, --from")
                .hint("leave out --log, or train a new model without --from");
        }
        "process" => formulation.process.name(),
        "predict" => formulation.prediction.name().to_owned(),
        "conditional" => "no classes".to_owned(),
        _ => word(flag, &own),
    };
    let asked = effective.value(flag).map_or_else(|| "none".to_owned(), |value| value.trim_matches('"').to_owned());
    let asked = if asked == "true" { "on".to_owned() } else { asked };
    Failure::misused("the model is another")
        .at(format!("--{flag}, --from"))
        .expected(format!("{own}, as in the model"))
        .got(asked)
        .hint(format!("leave out --{flag}, or train a new model without --from"))
}

/// Formats a value of a recipe.
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

/// Formats a shape.
fn shape(shape: &[usize]) -> String {
    match shape {
        [columns] => plural(*columns as u64, "column"),
        _ => format!("pictures of {}", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ")),
    }
}

/// Formats a list of names; a long list is shortened.
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
