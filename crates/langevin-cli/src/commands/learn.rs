//! The data of a training: read according to the flags, prepared for a network, and summarised in
//! one line.

use super::train::failures::of_data;
use super::train::notes;
use crate::cli::TrainArgs;
use crate::cli::train::Kind;
use crate::error::{Blame as _, Failure, Result};
use crate::io::say;
use crate::progress::thousands;
use crate::terminal::TERMINAL;
use crate::words::{fraction, plural, shown, start};
use langevin_data::{Dataset, Options, TableKind, Tabulation, TextOptions, TokenKind};
use langevin_tasks::train::{ClassCount, Preparation, TrainingData, prepare};
use langevin_tasks::{comparison, data};
use langevin_train::Recipe;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;

/// The data to learn from.
pub struct Material {
    /// All rows.
    pub all: Dataset,
    /// The options with which they were read, for the model file.
    pub reading: Option<Options>,
}

/// Reads the data that the flags name. For a training that continues from a model, they are read
/// like the model's own.
pub fn read(args: &TrainArgs, base: Option<&Recipe>) -> Result<Material> {
    let name = args.data.as_deref().unwrap_or_default();
    if let Some(how) = text_options(args, name)? {
        let path = Path::new(name);
        let all = match how.kind {
            TokenKind::Columns => {
                let mut columns = Tabulation::default().options(args.file.reading().over(Options::default())?);
                columns.categories = args.reading.categories.as_ref().map(|names| names.to_vec());
                langevin_data::open_table(path, &columns)
            }
            _ => langevin_data::open_text(path, &how),
        };
        let all = all.map_err(|error| data::failure(&error, &TERMINAL))?;
        return Ok(Material { all, reading: None });
    }
    if args.reading.categories.is_some() {
        return Err(Failure::misused("the data are read as numbers")
            .at("--categories")
            .expected("a table with --noise, such as --data table.csv --noise masked"));
    }
    let own = base.and_then(|base| base.reading.clone()).filter(|_| data::file(name).is_some());
    let file = args.file.reading();
    let options = file.over(own.unwrap_or_default())?;
    data::refuse_idle(name, &file)?;
    let read = data::open_as("--data", name, args.seed, &file, &options, &TERMINAL).map_err(|failure| {
        if is_txt(name) { failure.hint("--tokens chars reads the file as text") } else { failure }
    })?;
    data::refuse_unused(name, &file, &read)?;
    let reading = data::file(name).is_some().then(|| read.rereading(&options));
    let how = Preparation {
        base,
        chosen_columns: args.file.columns.is_some() || args.file.drop.is_some(),
        axes: options.axes,
        logarithms: args.reading.log.as_deref().unwrap_or_default(),
        whole: args.network.network == Kind::Dit || args.reading.flip || args.reading.crop.is_some(),
        conditional: args.reading.conditional,
        dequantize: args.reading.dequantize,
    };
    let prepared = prepare(read, &how, &mut |warning| say(&notes::of(&warning, name)));
    Ok(Material { all: prepared.map_err(|error| of_data(error, name))?, reading })
}

/// Returns true if the name ends in .txt and the file exists.
fn is_txt(name: &str) -> bool {
    let path = Path::new(name);
    path.exists() && path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt"))
}

/// Returns the kind of the tokens of a file, by its name.
fn kind_of(path: &Path) -> Option<TokenKind> {
    if TableKind::of(path).is_some() {
        return Some(TokenKind::Columns);
    }
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "txt" => Some(TokenKind::Chars),
        "g6" => Some(TokenKind::Graphs),
        "npy" => Some(TokenKind::Integers),
        _ => None,
    }
}

/// Returns the options for reading tokens, if the data are tokens: with --tokens or --length, a
/// file of a kind that holds tokens with --noise, or a .g6 file.
fn text_options(args: &TrainArgs, name: &str) -> Result<Option<TextOptions>> {
    let (kind, length) = (&args.reading.tokens, args.reading.length);
    let path = Path::new(name);
    // A .g6 file holds nothing but graphs, so its name says enough.
    let is_tokens = |kind: &TokenKind| *kind == TokenKind::Graphs || args.objective.noise.is_some() && path.exists();
    let by_name = kind_of(path).filter(is_tokens);
    if kind.is_none() && length.is_none() && by_name.is_none() {
        return Ok(None);
    }
    if data::file(name).is_none() && by_name.is_none() && !path.exists() {
        return Err(Failure::misused("only a file is read as text")
            .at("--tokens, --length")
            .expected("--data FILE.txt")
            .got(format!("'{name}'")));
    }
    if !path.exists() {
        return Err(Failure::missing("--data", path));
    }
    let kind = match kind {
        Some(kind) => TokenKind::parse(kind).or_misused().map_err(|failure| failure.at("--tokens"))?,
        None => by_name.unwrap_or(TokenKind::Chars),
    };
    let mut how = TextOptions::new(kind);
    how.length = length;
    Ok(Some(how))
}

/// Prints a line on the data and their preparation, and returns the same information as JSON.
pub fn say_what(name: &str, data: &TrainingData, recipe: &Recipe) -> Result<Value> {
    let (about, held) = (data.describe(recipe)?, data.held_out.as_ref());
    // A training that continues from a model, or with --no-normalize, has a given scale.
    let scale = about.scale.unwrap_or_else(|| "that of the model".to_owned());
    let mut line = format!("read {}: {}", shown(Path::new(name)), data.all.summary());
    if data.all.vocabulary().is_none() {
        line.push_str(&format!("; scale: {scale}"));
    }
    if let Some(step) = about.spacing.filter(|step| *step != 1.0) {
        line.push_str(&format!("; values {} apart", fraction(step)));
    }
    let windows = data.all.vocabulary().is_some() && data.all.about().format.starts_with("windows");
    if let Some(held) = held {
        line.push_str(&format!(
            "; {} to learn from, {} held out{}",
            thousands(data.rows.rows() as u64),
            thousands(held.rows() as u64),
            // Windows to learn from overlap, so the numbers are not in the ratio of the share.
            if windows { ": the end of the text, in windows that do not overlap as the others do" } else { "" }
        ));
    }
    line.push_str(&classes_in_words(&about.classes, held.is_some()));
    say(&line.replace("classs", "classes"));
    // Equal rows of a table are nothing unusual.
    if data.all.vocabulary().is_some_and(|vocabulary| vocabulary.table().is_none()) && !windows {
        say_repeated(data)?;
    }
    let document: Vec<Value> = about
        .classes
        .iter()
        .map(|class| json!({"name": class.name, "rows": class.rows, "held_out": class.held_out}))
        .collect();
    let mut read = comparison::document(&data.all);
    if let Some(fields) = read.as_object_mut() {
        fields.insert("scale".into(), json!(scale));
        fields.insert("spacing".into(), json!(about.spacing));
        fields.insert("held_out".into(), json!(held.map(Dataset::rows)));
        fields.insert("classes".into(), json!(document));
    }
    Ok(read)
}

/// Largest number of tokens among which repeated sequences are counted.
const COUNTED: usize = 1 << 24;

/// Says how many sequences occur more than once, and how many held-out ones are learned from too.
fn say_repeated(data: &TrainingData) -> Result<()> {
    if data.all.rows().saturating_mul(data.all.width()) > COUNTED {
        return Ok(());
    }
    let letters = |set: &Dataset| {
        let all = set.read_tokens(&(0..set.rows()).collect::<Vec<_>>()).or_failed()?;
        Ok::<_, Failure>(all.chunks_exact(set.width().max(1)).map(<[u32]>::to_vec).collect::<Vec<_>>())
    };
    let all = letters(&data.all)?;
    let distinct = all.iter().collect::<HashSet<_>>().len();
    if distinct == all.len() {
        return Ok(());
    }
    let repeated = plural((all.len() - distinct) as u64, "sequence");
    let mut words = format!("note: {repeated} of {} repeat an earlier one", thousands(all.len() as u64));
    if let Some(held) = &data.held_out {
        let learned: HashSet<Vec<u32>> = letters(&data.rows)?.into_iter().collect();
        let both = letters(held)?.iter().filter(|row| learned.contains(*row)).count();
        if both > 0 {
            words.push_str(&format!(
                ", and {} of {} held-out ones are learned from too, so figures on held-out data are too good",
                thousands(both as u64),
                thousands(held.rows() as u64)
            ));
        }
    }
    say(&words);
    Ok(())
}

/// Lists classes: `; 2 classes (learned from + held out): a 8 + 2, b 8 + 2`.
fn classes_in_words(classes: &[ClassCount], held: bool) -> String {
    /// Maximum number of classes that are listed.
    const NAMED: usize = 12;
    if classes.is_empty() {
        return String::new();
    }
    let one = |class: &ClassCount| match held {
        true => format!("{} {} + {}", start(&class.name), class.rows, class.held_out),
        false => format!("{} {}", start(&class.name), class.rows),
    };
    let shown: Vec<String> = classes.iter().take(NAMED).map(one).collect();
    let more = classes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", … {more} more") } else { String::new() };
    let how = if held { " (learned from + held out)" } else { "" };
    format!("; {}{how}: {}{more}", plural(classes.len() as u64, "class"), shown.join(", "))
}
