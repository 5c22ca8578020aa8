//! The data of a training: read, made ready for a model, and said in one line.

use crate::cli::TrainArgs;
use crate::cli::train::Kind;
use crate::error::{Blame as _, Failure, Result};
use crate::io::say;
use crate::progress::thousands;
use crate::terminal::TERMINAL;
use crate::words::{fraction, plural, shown, start};
use langevin_data::{Dataset, Options, Statistics, flag_value};
use langevin_tasks::rows::beyond;
use langevin_tasks::watch::COARSE;
use langevin_tasks::{comparison, data};
use langevin_train::{Normalization, Recipe, Trainer};
use serde_json::{Value, json};
use std::path::Path;

/// Rows of which values that would fall together are looked for.
const LOOKED_AT: usize = 10_000;

/// What is learned from.
pub struct Material {
    /// All rows.
    pub all: Dataset,
    /// How they were read, for the model file.
    pub reading: Option<Options>,
}

/// Reads the data that the flags name; for a training that goes on from a model, as its own were read.
pub fn read(args: &TrainArgs, base: Option<&Recipe>) -> Result<Material> {
    let name = args.data.as_deref().unwrap_or_default();
    let own = base.and_then(|base| base.reading.clone()).filter(|_| data::file(name).is_some());
    let file = args.file.reading();
    let options = file.over(own.unwrap_or_default())?;
    data::refuse_idle(name, &file)?;
    let mut all = data::open_as("--data", name, args.seed, &file, &options, &TERMINAL)?;
    data::refuse_unused(name, &file, &all)?;
    if base.is_some() && args.file.columns.is_none() && args.file.drop.is_none() {
        refuse_more(&all)?;
    }
    for skipped in all.skipped().iter().take(1) {
        let count = plural(all.skipped().len() as u64, "picture");
        say(&format!("note: {count} left out, the first: {}: {}", shown(&skipped.path), skipped.why));
    }
    if all.rows() < 2 {
        return Err(Failure::failed("too few rows to learn from")
            .at(name)
            .expected("2 or more")
            .got(all.rows().to_string()));
    }
    if is_constant(&all)? {
        if all.shape().len() == 1 {
            return Err(Failure::failed("all rows are the same: there is nothing to learn")
                .at(start(name))
                .expected("values that differ")
                .got(plural(all.rows() as u64, "row")));
        }
        say("note: all rows are the same: samples will scatter around them");
    }
    let reading = data::file(name).is_some().then(|| all.rereading(&options));
    let wrong = |error: langevin_data::Error| data::failure(&error, &TERMINAL);
    match base {
        Some(Recipe { frame: Some(frame), .. }) => all = all.framed(frame).map_err(wrong)?,
        // A model without a frame knows rows as they are.
        Some(_) => {}
        None => {
            all = all.channels_last(options.axes).map_err(wrong)?;
            if takes_out(args, &all)? {
                all = all.without_constants().map_err(wrong)?;
            }
            all = all.with_logarithms(args.reading.log.as_deref().unwrap_or_default()).map_err(wrong)?;
        }
    }
    if args.reading.conditional && all.labels().is_none() {
        return Err(Failure::misused("the data have no classes")
            .at("--conditional")
            .expected("a folder of folders, --labels ARRAY of a .npz file, or --label-column COLUMN of a table")
            .got(start(name)));
    }
    if args.reading.dequantize && all.lattice().or_failed()?.is_none() {
        say(&format!(
            "note: no even spacing was found in the values of {}: --dequantize adds a number from [0, 1) to each all the same",
            start(name)
        ));
    }
    Ok(Material { all, reading })
}

/// Returns whether all rows are the same.
fn is_constant(all: &Dataset) -> Result<bool> {
    let first = all.head(1).values_wide().or_failed()?;
    // Most data are told by their second row.
    for rows in [2, all.rows()] {
        let some = all.head(rows).values_wide().or_failed()?;
        if some.chunks_exact(all.width()).any(|row| row != first) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses columns that the model which a training goes on from does not know, unless they are left out on purpose.
fn refuse_more(all: &Dataset) -> Result<()> {
    let more: Vec<&str> =
        all.about().omitted.iter().filter(|one| one.why == "not asked for").map(|one| one.what.as_str()).collect();
    if more.is_empty() {
        return Ok(());
    }
    let names = all.frame().names.join(", ");
    let own = if names.is_empty() { plural(all.frame().width() as u64, "column") } else { names.clone() };
    let failure = Failure::misused("the data have columns that the model does not know")
        .at("--data, --from")
        .expected(own)
        .got(format!("{} besides", more.join(", ")));
    Err(match names.is_empty() {
        true => failure.hint("leave them out with --drop"),
        false => failure.hint(format!("--columns {} takes those of the model", flag_value(&all.frame().names))),
    })
}

/// Whether elements of one value are no part of the model: of tables, and of arrays that are no pictures where the network can do without them.
fn takes_out(args: &TrainArgs, all: &Dataset) -> Result<bool> {
    if all.shape().len() == 1 {
        return Ok(true);
    }
    let whole = args.network.network == Kind::Dit || args.reading.flip || args.reading.crop.is_some();
    Ok(!whole && !all.is_levels() && matches!(all.statistics().or_failed()?, Statistics::Columns { .. }))
}

/// Says in one line what was read and what is made of it, and gives the same as a document.
pub fn say_what(name: &str, all: &Dataset, parts: [Option<&Dataset>; 2], recipe: &Recipe) -> Result<Value> {
    let [rows, held] = parts;
    let rows = rows.unwrap_or(all);
    let map = match &recipe.normalization {
        Some(given) => given.clone(),
        None => Normalization::fit(rows).or_failed()?,
    };
    // What a training goes on from, or --no-normalize, brings its own scale.
    let scale = match recipe.frame.is_some()
        || recipe.normalization.as_ref().is_some_and(|map| *map != Normalization::identity())
    {
        true => "that of the model".to_owned(),
        false => map.describe(rows.shape()),
    };
    let mut line = format!("read {}: {}; scale: {scale}", shown(Path::new(name)), all.summary());
    let lattice = all.lattice().or_failed()?;
    let spacing = lattice.as_ref().and_then(langevin_data::Lattice::common);
    if let Some(step) = spacing.filter(|step| *step != 1.0) {
        line.push_str(&format!("; values {} apart", fraction(step)));
    }
    if let Some(held) = held {
        line.push_str(&format!(
            "; {} to learn from, {} held out",
            thousands(rows.rows() as u64),
            thousands(held.rows() as u64)
        ));
    }
    let classes = counts(rows, held);
    if !classes.is_empty() {
        let shown: Vec<String> = classes
            .iter()
            .take(12)
            .map(|(class, own, held_out)| match held {
                Some(_) => format!("{} {own} + {held_out}", start(class)),
                None => format!("{} {own}", start(class)),
            })
            .collect();
        let more = classes.len().saturating_sub(12);
        let more = if more > 0 { format!(", … {more} more") } else { String::new() };
        let how = if held.is_some() { " (learned from + held out)" } else { "" };
        line.push_str(&format!("; {}{how}: {}{more}", plural(classes.len() as u64, "class"), shown.join(", ")));
    }
    say(&line.replace("classs", "classes"));
    let document: Vec<Value> = classes
        .iter()
        .map(|(class, own, held_out)| json!({"name": class, "rows": own, "held_out": held_out}))
        .collect();
    let mut read = comparison::document(all);
    if let Some(fields) = read.as_object_mut() {
        fields.insert("scale".into(), json!(scale));
        fields.insert("spacing".into(), json!(spacing));
        fields.insert("held_out".into(), json!(held.map(Dataset::rows)));
        fields.insert("classes".into(), json!(document));
    }
    Ok(read)
}

/// Says what may go wrong with these rows, once the training is accepted.
pub fn warn(all: &Dataset, rows: &Dataset, trainer: &Trainer) -> Result<()> {
    let map = trainer.normalization();
    let some = rows.head(LOOKED_AT);
    let blurred = map.blurred(&some.values_wide().or_failed()?, some.width());
    let names = |elements: &[usize]| {
        let places = all.frame().places();
        let shown: Vec<String> = elements.iter().take(8).map(|element| all.frame().column(places[*element])).collect();
        let more = if elements.len() > 8 { ", …" } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    if !blurred.is_empty() && all.shape().len() == 1 {
        say(&format!(
            "note: some values of {} differ by less than a network can tell, about one part in ten million of their spread: subtract what they share, or leave such a column out with --drop",
            names(&blurred)
        ));
    }
    let far = beyond(&some, map)?;
    if !far.is_empty() {
        say(&format!(
            "note: {} on the scale of the training, where noise has deviation 1: {}",
            far.join(", "),
            match *map != Normalization::identity() {
                true => "the data are in other units than those of the model, or others altogether",
                false => "leave out --no-normalize, or scale the data first",
            }
        ));
    }
    if !trainer.recipe().dequantize
        && let Some(lattice) = all.lattice().or_failed()?
    {
        let coarse: Vec<usize> =
            (0..all.width()).filter(|element| lattice.step(*element) > COARSE * map.scale_of(*element)).collect();
        if !coarse.is_empty() {
            let which = if all.shape().len() == 1 { format!(" of {}", names(&coarse)) } else { String::new() };
            let step = lattice.common().map_or_else(String::new, |step| format!(" of {}", fraction(step)));
            say(&format!(
                "note: the values{which} come in steps{step}, which have no density: for likelihoods and a held-out bound add --dequantize"
            ));
        }
    }
    let tails = rows.heavy_tails().or_failed()?;
    if !tails.is_empty() {
        let values = some.values_wide().or_failed()?;
        let positive = |element: usize| values.iter().skip(element).step_by(some.width()).all(|value| *value > 0.0);
        let named: Vec<String> = tails
            .iter()
            .take(8)
            .map(|tail| format!("{} (up to {:.0} standard deviations)", rows.column_name(tail.column), tail.farthest))
            .collect();
        let all = tails.iter().all(|tail| positive(tail.column));
        let way = if all { "learn their logarithms with --log" } else { "transform such columns first" };
        say(&format!("note: heavy tails in {}: a network hardly learns them as they are; {way}", named.join(", ")));
    }
    if rows.rows() <= rows.width() && rows.shape().len() == 1 {
        say(&format!(
            "note: {} for {}: hardly enough to learn how the columns hang together",
            plural(rows.rows() as u64, "row"),
            plural(rows.width() as u64, "column")
        ));
    } else if rows.rows() < FEW {
        say(&format!("note: {} to learn from: a network will memorise them", plural(rows.rows() as u64, "row")));
    }
    Ok(())
}

/// Rows that say little, whatever they are.
const FEW: usize = 20;

/// Each class, its rows to learn from and those held out.
fn counts(rows: &Dataset, held: Option<&Dataset>) -> Vec<(String, usize, usize)> {
    let count = |set: &Dataset, class: usize| {
        set.labels().map_or(0, |labels| labels.iter().filter(|label| **label as usize == class).count())
    };
    let classes = rows.classes().iter().enumerate();
    classes.map(|(i, class)| (class.clone(), count(rows, i), held.map_or(0, |held| count(held, i)))).collect()
}
