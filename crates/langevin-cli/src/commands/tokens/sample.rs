//! `langevin sample` on a model of tokens.

use super::tables;
use crate::cli::SampleArgs;
use crate::error::{Blame as _, Failure, Result};
use crate::io::{atomic, npy, print, say};
use crate::progress::duration;
use crate::terminal::TERMINAL;
use crate::words::{brief, either_case, plural, shown};
use crate::{check, threads};
use langevin::request::GRID;
use langevin_data::{TableKind, TokenKind};
use langevin_discrete::sampler::Entry;
use langevin_discrete::{Letter, Noise, Request};
use langevin_tasks::tokens::analyze;
use langevin_tasks::tokens::sample::{self, Chosen, Draws, KeptRows, Prepared, places};
use langevin_tasks::tokens::{Model, graphs, rows};
use langevin_train::Network;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

/// Number of samples, if none is given.
const COUNT: usize = 64;
/// Largest number of characters of a plan's name that is printed: an order is a long list.
const NAME: usize = 60;

/// Flags that have an effect on models of tokens.
const FLAGS: &[&str] =
    &["count", "sampler", "steps", "eta", "grid", "plan", "from", "keep", "class", "guidance", "uncond-input"];

/// A file for sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// A table of categories, as that of the training.
    Table(TableKind),
    /// One sequence a line.
    Text,
    /// One graph a line, in graph6 or with labels.
    Graphs,
    /// A table: one column of texts, or one of numbers for each token.
    Csv,
    /// An array of letters, rows × tokens, int32.
    Npy,
}

impl Format {
    fn of(path: &Path, model: &Model) -> Result<Self> {
        if model.vocabulary().is_some_and(|vocabulary| vocabulary.table().is_some())
            && let Some(kind) = TableKind::of(path)
        {
            return Ok(Self::Table(kind));
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("txt") => Ok(Self::Text),
            Some("g6") => Ok(Self::Graphs),
            Some("csv") => Ok(Self::Csv),
            Some("npy") => Ok(Self::Npy),
            other => Err(Failure::misused("the file is no kind for tokens")
                .in_file(path)
                .expected("a name that ends in .txt, .csv or .npy, or in .g6 for graphs")
                .got(other.map_or_else(|| "no ending".to_owned(), |ending| format!("'.{ending}'")))),
        }
    }
}

/// Runs the command.
pub fn run(args: &SampleArgs, mut model: Model) -> Result<()> {
    if model.network().is_some_and(Network::is_table) {
        return tables::sample(args, model);
    }
    args.flags.only("the model is of tokens", FLAGS)?;
    let format = Format::of(&args.out, &model)?;
    if format == Format::Graphs && graphs::shape(&model).is_none() {
        return Err(Failure::misused("the samples are no graphs")
            .at("--out")
            .expected("a name that ends in .txt, .csv or .npy")
            .got("'.g6'"));
    }
    if let Model::Exact(density) = &model {
        model = of_noise(args, &density.name())?;
    }
    let classes = args.condition.condition().ask_network(model.network_mut())?;
    args.unconditional.give_tokens(&mut model)?;
    let prepared = prepare(args, &model)?;
    let length = model.space()?.length();
    if args.edit.keep.is_some() {
        prepared.check_keeps()?;
    }
    let kept = kept(args, &model, length)?;
    // Several lines are filled in once each.
    let lines = kept.as_ref().map_or(1, KeptRows::len);
    let count = args.count.unwrap_or(if lines > 1 { lines } else { COUNT });
    check::memory(count, length)?;
    model.check_rows(count)?;
    atomic::probe(&args.out)?;
    let start = Instant::now();
    let mut letters: Vec<Letter> = Vec::with_capacity(count * length);
    let mut draw = || {
        prepared.draw(Draws { count, seed: args.seed }, kept.as_ref(), &TERMINAL, &mut |part| {
            letters.extend(part);
            Ok(())
        })
    };
    match args.threads {
        None => draw()?,
        Some(threads) => threads::within(threads, draw)?,
    }
    let seconds = start.elapsed().as_secs_f64();
    let integers = model.vocabulary().is_some_and(|vocabulary| vocabulary.kind() == TokenKind::Integers);
    write(&args.out, format, &model, &letters, length)?;
    say(&format!(
        "{} of {} by {}, {} each, in {}: {}",
        plural(count as u64, "sample"),
        model.name(),
        brief(prepared.name(), NAME),
        plural(prepared.nfe() as u64, "evaluation"),
        duration(seconds),
        shown(&args.out)
    ));
    if !args.json {
        return Ok(());
    }
    print(&format!(
        "{}\n",
        serde_json::json!({
            "path": args.out.display().to_string(),
            "samples": count,
            "shape": [count, length],
            "dtype": (format == Format::Npy).then_some(if integers { "int64" } else { "int32" }),
            "model": model.name(),
            "plan": prepared.name(),
            "classes": classes,
            "nfe": prepared.nfe(),
            "seed": args.seed,
            "seconds": seconds,
        })
    ))
}

/// Returns an exact density with the noise of the flags, or with one that the sampler serves.
fn of_noise(args: &SampleArgs, name: &str) -> Result<Model> {
    let noise = match (&args.source.trained_as.noise, &args.given.plan) {
        (Some(noise), _) => either_case(noise, str::parse).or_misused()?,
        (None, Some(path)) => match super::plans::read(path)? {
            Some(plan) => plan.space().noise().clone(),
            None => Noise::Masked,
        },
        (None, None) => {
            let noise = analyze::noise_for(&request(&args.sampler, None)?)?;
            if noise != Noise::Masked {
                say(&format!("note: {} noise, since the sampler serves no masked noise", noise.name()));
            }
            noise
        }
    };
    Model::named(name, noise)
}

/// Returns the request of the flags.
pub fn request(args: &crate::cli::SamplerArgs, guidance: Option<f64>) -> Result<Request> {
    let mut request = Request::new();
    if let Some(name) = &args.sampler {
        request = request.sampler(name);
    }
    let entry = request.entry().or_misused()?;
    if let Some(name) = &args.sampler {
        note_other_meaning(name, entry);
    }
    let takes_steps = entry.knobs.iter().any(|knob| knob.key == "steps");
    match args.steps {
        Some(steps) if takes_steps => request = request.steps(steps),
        Some(_) => say("note: --steps has no effect, since the sampler takes one evaluation a token"),
        None => {}
    }
    if let Some(eta) = args.eta {
        request = request.eta(eta);
    }
    if args.grid != GRID {
        request = request.grid(args.grid.parse().or_misused()?);
    }
    Ok(guidance.into_iter().fold(request, Request::guidance))
}

/// Says which sampler of tokens a name stands for that is better known as one of numbers.
fn note_other_meaning(name: &str, entry: &Entry) {
    let own = name.split(':').next().unwrap_or_default().trim();
    if !own.eq_ignore_ascii_case(entry.name) && langevin::sampler::Entry::find(own).is_ok() {
        say(&format!("note: of tokens, '{own}' is the sampler `{}`: {}", entry.name, entry.summary));
    }
}

fn prepare<'a>(args: &SampleArgs, model: &'a Model) -> Result<Prepared<'a>> {
    let chosen = match &args.given.plan {
        Some(path) => {
            let plan = super::plans::given(path)?;
            let lint = plan.lint();
            if !lint.is_clean() {
                lint.to_string().lines().for_each(|line| say(&format!("lint: {line}")));
            }
            Chosen::Plan(plan)
        }
        None => Chosen::Request(request(&args.sampler, args.condition.guidance)?),
    };
    sample::prepare(model, chosen)
}

/// Returns the letters that the samples keep, and says which.
fn kept(args: &SampleArgs, model: &Model, length: usize) -> Result<Option<KeptRows>> {
    let (from, keep) = match (&args.edit.from, &args.edit.keep) {
        (None, None) => return Ok(None),
        (Some(from), Some(keep)) => (from, keep),
        _ => {
            return Err(Failure::misused("infilling needs a text and the places that are kept")
                .at("--from, --keep")
                .expected("both")
                .got("one"));
        }
    };
    let keep = places(keep, length)?;
    let set = rows::open_for("--from", model, &from.to_string_lossy(), &TERMINAL)?;
    let letters = set.read_tokens(&(0..set.rows()).collect::<Vec<_>>()).or_failed()?;
    let Some(vocabulary) = model.vocabulary() else { return Ok(None) };
    let rows = KeptRows::new(vocabulary, &letters, &keep);
    let kept = keep.iter().filter(|keep| **keep).count() as u64;
    let turn = if rows.len() > 1 { ", which the samples take in turn" } else { "" };
    let lines = plural(rows.len() as u64, "sequence");
    say(&format!("{} of {lines} kept{turn}", plural(kept, "place")));
    if rows.left_out() > 0 {
        say(&format!("note: {} beyond the end of a sequence drawn too", plural(rows.left_out() as u64, "place")));
    }
    Ok(Some(rows))
}

fn write(path: &Path, format: Format, model: &Model, letters: &[Letter], length: usize) -> Result<()> {
    let rows = letters.chunks_exact(length);
    let mut text = String::new();
    let known = model.vocabulary();
    match format {
        Format::Table(kind) => {
            let rows: Vec<f64> = letters.iter().map(|letter| f64::from(*letter)).collect();
            return tables::write(path, kind, model, &rows);
        }
        Format::Npy if known.is_some_and(|known| known.kind() == TokenKind::Integers) => {
            let of = |letter: &Letter| known?.letters().get(*letter as usize)?.parse().ok();
            let integers: Vec<i64> = letters.iter().map(|letter| of(letter).unwrap_or_default()).collect();
            return npy::write_integers(path, &[letters.len() / length, length], &integers);
        }
        Format::Npy => return npy::write_letters(path, &[letters.len() / length, length], letters),
        Format::Text => rows.for_each(|row| {
            text.push_str(&model.text(row));
            text.push('\n');
        }),
        Format::Graphs => return write_graphs(path, model, letters, length),
        Format::Csv if model.vocabulary().is_some() => {
            text.push_str("text\n");
            for row in rows {
                let own = model.text(row);
                match own.contains([',', '"', '\n', '\r']) || own.trim() != own {
                    // Writing to a string cannot fail.
                    true => _ = writeln!(text, "\"{}\"", own.replace('"', "\"\"")),
                    false => _ = writeln!(text, "{own}"),
                }
            }
        }
        Format::Csv => {
            let names: Vec<String> = (0..length).map(|token| format!("x{token}")).collect();
            let _ = writeln!(text, "{}", names.join(","));
            for row in rows {
                let numbers: Vec<String> = row.iter().map(Letter::to_string).collect();
                let _ = writeln!(text, "{}", numbers.join(","));
            }
        }
    }
    atomic::write(path, |out| out.write_all(text.as_bytes()))
}

/// Writes the samples that are graphs, one a line, and says how many are none.
fn write_graphs(path: &Path, model: &Model, letters: &[Letter], length: usize) -> Result<()> {
    let Some(shape) = graphs::shape(model) else { return Ok(()) };
    let all = letters.chunks_exact(length).map(|row| shape.graph(row).ok());
    let graphs: Vec<_> = all.flatten().filter(|graph| !graph.nodes().is_empty()).collect();
    let missing = letters.len() / length - graphs.len();
    if missing > 0 {
        say(&format!(
            "note: {} left out, whose tokens are no graph: they have edges at absent nodes, or no node",
            plural(missing as u64, "sample")
        ));
    }
    let text: String = graphs.iter().map(|graph| format!("{graph}\n")).collect();
    atomic::write(path, |out| out.write_all(text.as_bytes()))
}
