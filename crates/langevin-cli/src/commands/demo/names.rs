//! `langevin demo names`: masked diffusion on first names, beside n-grams and autoregression.

use super::{QUICK, learn, size};
use crate::cli::DemoArgs;
use crate::error::{Blame as _, Result};
use crate::interrupt;
use crate::io::atomic::{self, Staged};
use crate::io::{print, say};
use crate::progress::{Display, duration};
use crate::words::{plural, shown};
use langevin::SampleId;
use langevin::drive::Program as _;
use langevin_discrete::plan::{Kept, State};
use langevin_discrete::sampler::{self, Order, even, even_sizes};
use langevin_discrete::{Denoiser as _, Letter, NGram, Plan, StateSpace, likelihood};
use langevin_report::names::{Drawn, Likelihood, Names, Strip};
use langevin_report::{Cell, Table};
use langevin_tasks::train::Affordable;
use langevin_train::{Budget, Dataset, HeldOut, Network, NetworkSpec, Recipe, SequenceConfig, TokenNetwork};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Instant;

/// Share of the names that is held out.
const HELD_OUT: f64 = 0.1;
/// Time and largest number of steps of the two trainings. The held-out loss of the twin is smallest
/// after about 800 steps.
const MASKED: Affordable = Affordable { seconds: 100.0, most: 4000 };
const TWIN: Affordable = Affordable { seconds: 40.0, most: 800 };
/// Number of names that each sampler draws, and of those on the page.
const DRAWN: u64 = 1000;
const SHOWN: usize = 48;
/// Number of names with an exact likelihood, 4096 evaluations each.
const EXACT: usize = 24;
/// Number of names that are shown on their way.
const STRIPS: usize = 6;
/// Network evaluations of the samplers with few steps.
const FEW: usize = 4;
/// Orders of the n-gram models.
const ORDERS: [usize; 3] = [2, 3, 4];

/// Runs the command; the output directory was checked.
pub fn run(args: &DemoArgs, out: &Path, start: Instant) -> Result<()> {
    let (train, held_out) = Dataset::names().split(HELD_OUT, args.seed);
    let mut recipe = recipe(&train, args.seed)?;
    let mut networks = Vec::new();
    for (causal, within) in [(false, MASKED), (true, TWIN)] {
        if let NetworkSpec::Sequence(config) = &mut recipe.network
            && causal
        {
            *config = config.autoregressive();
        }
        let steps = match args.steps {
            Some(steps) => steps,
            None if args.quick => QUICK,
            None => size::steps(&train, &recipe, within)?,
        };
        recipe.budget = Budget::Steps(steps);
        networks.push(learn(&train, &recipe)?);
    }
    let [network, twin] = <[Network; 2]>::try_from(networks).unwrap_or_else(|_| unreachable!("two were trained"));
    let sets = Sets::of(&train, &held_out, args.quick)?;
    let page = collect(args, &network, &twin, &sets)?;
    write(out, &network, &twin, &page)?;
    print(&tables(&page))?;
    let place = shown(&out.join("report.html"));
    say(&format!("done in {}: open {place}", duration(start.elapsed().as_secs_f64())));
    Ok(())
}

/// Returns the recipe of both networks, except for their numbers of steps.
fn recipe(data: &Dataset, seed: u64) -> Result<Recipe> {
    let mut recipe = Recipe::of_tokens(data, Budget::Steps(QUICK)).or_failed()?;
    let vocab = data.vocabulary().map_or(0, langevin_data::Vocabulary::len);
    recipe.network = SequenceConfig::new(vocab, vocab + 1, 64, 3, 4).into();
    recipe.seed = seed;
    recipe.held_out = Some(HeldOut { share: HELD_OUT, seed });
    Ok(recipe)
}

/// The letters of the training names and of the held-out names.
struct Sets {
    train: Vec<Letter>,
    held_out: Vec<Letter>,
    known: HashSet<Vec<Letter>>,
    length: usize,
    /// Number of names that are drawn, and of those with an exact likelihood.
    drawn: u64,
    exact: usize,
}

impl Sets {
    fn of(train: &Dataset, held_out: &Dataset, quick: bool) -> Result<Self> {
        let all = |data: &Dataset| data.read_tokens(&(0..data.rows()).collect::<Vec<_>>()).or_failed();
        let (train, mut held_out, length) = (all(train)?, all(held_out)?, train.width());
        let (drawn, exact) = if quick { (100, 2) } else { (DRAWN, EXACT) };
        if quick {
            held_out.truncate(200 * length);
        }
        let known = train.chunks_exact(length).map(<[Letter]>::to_vec).collect();
        Ok(Self { train, held_out, known, length, drawn, exact })
    }
}

fn ids(seed: u64, count: u64) -> Vec<SampleId> {
    (0..count).map(|index| SampleId { seed, index }).collect()
}

/// Returns the mean and its standard error.
fn mean(values: &[f64]) -> [f64; 2] {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    [mean, (square / (count * (count - 1.0).max(1.0))).sqrt()]
}

fn collect(args: &DemoArgs, network: &Network, twin: &Network, sets: &Sets) -> Result<Names> {
    let model = network.tokens().or_failed()?;
    let mut display = Display::sampling();
    display.show(0.0, "likelihoods");
    let few = &sets.held_out[..sets.exact * sets.length];
    let rows = ids(!args.seed, (sets.held_out.len() / sets.length) as u64);
    let profile = likelihood::profile(&model, &sets.held_out, &rows, 1).or_failed()?;
    interrupt::check()?;
    display.show(0.2, "exact likelihoods");
    let exact = likelihood::exact(&model, few).or_failed()?;
    interrupt::check()?;
    let mut likelihoods = Vec::new();
    for order in ORDERS {
        let gram = NGram::fit(model.space(), &sets.train, order).or_failed()?;
        let [nats, error] = mean(&gram.nats(&sets.held_out).or_failed()?);
        likelihoods.push(Likelihood {
            name: format!("{order}-gram"),
            note: format!("counts of {}, Witten–Bell", plural(order as u64, "letter")),
            nats,
            error,
            is_bound: false,
            exact: Some(mean(&gram.nats(few).or_failed()?)[0]),
        });
    }
    let bound = profile.bound();
    likelihoods.push(Likelihood {
        name: "masked diffusion".into(),
        note: "any order".into(),
        nats: bound.nats,
        error: bound.standard_error,
        is_bound: true,
        exact: Some(mean(&exact)[0]),
    });
    let [nats, error] = mean(&twin.autoregressive_nats(&sets.held_out).or_failed()?);
    likelihoods.push(Likelihood {
        name: "autoregressive twin".into(),
        note: "left to right".into(),
        nats,
        error,
        is_bound: false,
        exact: Some(mean(&twin.autoregressive_nats(few).or_failed()?)[0]),
    });
    let values = profile.values();
    let mut drawn = Vec::new();
    let samplers = samplers(model.space(), &values)?;
    for (number, (name, note, plan)) in samplers.iter().enumerate() {
        display.show(0.4 + 0.6 * number as f64 / samplers.len() as f64, name);
        let tokens = plan.run(&model, &ids(args.seed, sets.drawn)).or_failed()?;
        drawn.push(judge(name, note, Some(plan.nfe()), &tokens, &model, twin, sets)?);
        interrupt::check()?;
    }
    let real = &sets.held_out[..(sets.drawn as usize * sets.length).min(sets.held_out.len())];
    drawn.push(judge("real names", "held out", None, real, &model, twin, sets)?);
    let strips = strips(&samplers[0].2, &model, args.seed)?;
    display.finish();
    let (own, other) = (&network.metadata().training, &twin.metadata().training);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let steps = if args.quick { " --quick".to_owned() } else { String::new() };
    let seed = if args.seed == 0 { String::new() } else { format!(" --seed {}", args.seed) };
    Ok(Names {
        likelihoods,
        exact_names: sets.exact,
        held_out: sets.held_out.len() / sets.length,
        train: sets.train.len() / sets.length,
        drawn,
        count: sets.drawn as usize,
        strips,
        profile: values,
        losses: own.losses.clone(),
        trained: [(own.steps, own.seconds), (other.steps, other.seconds)],
        parameters: network.parameters(),
        seed: args.seed,
        machine: plural(cores as u64, "core"),
        command: format!("langevin demo names{steps}{seed}"),
        version: env!("CARGO_PKG_VERSION").into(),
    })
}

/// Returns the samplers of the page: name, note and plan.
fn samplers(space: &StateSpace, profile: &[f64]) -> Result<Vec<(&'static str, String, Plan)>> {
    let length = space.length();
    let [ones, few] = [vec![1; length], even_sizes(length, FEW)];
    let best = likelihood::best_sizes(profile, FEW);
    let listed = |sizes: &[usize]| sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let plans = [
        ("one at a time", "random order".to_owned(), sampler::sizes(space, &ones, &Order::Random)),
        ("entropy", "smallest entropy first".to_owned(), sampler::sizes(space, &ones, &Order::Entropy)),
        ("confidence", "most probable letter first".to_owned(), sampler::sizes(space, &ones, &Order::Confidence(0.0))),
        ("ancestral", "even levels".to_owned(), sampler::ancestral(space, &even(FEW))),
        ("even sizes", format!("groups of {}", listed(&few)), sampler::sizes(space, &few, &Order::Random)),
        ("best sizes", format!("groups of {}", listed(&best)), sampler::sizes(space, &best, &Order::Random)),
        (
            "far apart",
            format!("groups of {}, places far apart", listed(&best)),
            sampler::sizes(space, &best, &Order::Fixed(sampler::bit_reversed(length))),
        ),
    ];
    plans.into_iter().map(|(name, note, plan)| Ok((name, note, plan.or_failed()?))).collect()
}

fn judge(
    name: &str,
    note: &str,
    nfe: Option<usize>,
    tokens: &[Letter],
    model: &TokenNetwork<'_>,
    twin: &Network,
    sets: &Sets,
) -> Result<Drawn> {
    let rows: Vec<&[Letter]> = tokens.chunks_exact(sets.length).collect();
    let mut count: HashMap<&[Letter], usize> = HashMap::new();
    rows.iter().for_each(|row| *count.entry(row).or_default() += 1);
    let share = |number: usize| number as f64 / rows.len() as f64;
    Ok(Drawn {
        name: name.to_owned(),
        note: note.to_owned(),
        nfe,
        nats: mean(&twin.autoregressive_nats(tokens).or_failed()?)[0],
        distinct: share(rows.iter().filter(|row| count[**row] == 1).count()),
        copies: share(rows.iter().filter(|row| sets.known.contains(**row)).count()),
        names: rows.iter().take(SHOWN).map(|row| model.vocabulary().decode(row)).collect(),
    })
}

/// Records some names on their way through a plan.
fn strips(plan: &Plan, model: &TokenNetwork<'_>, seed: u64) -> Result<Vec<Strip>> {
    let rows = ids(seed, STRIPS as u64);
    let (length, mut strips) = (plan.space().length(), vec![Vec::new(); rows.len()]);
    let letters = model.vocabulary().letters();
    let letter = |token: &Letter| letters.get(*token as usize).map(|text| text.chars().next().unwrap_or(' '));
    let mut keep = |tokens: &[Letter]| {
        for (strip, row) in strips.iter_mut().zip(tokens.chunks_exact(length)) {
            strip.push(row.iter().map(letter).collect());
        }
    };
    let mut run = plan.start(&rows, Kept::default()).or_failed()?;
    loop {
        let Some(question) = run.query().or_failed()? else { break };
        let State::Tokens(tokens) = question.x else { break };
        let tokens = tokens.clone();
        let beliefs = model.leave_one_out(&tokens, &question.query).or_failed()?;
        keep(&tokens);
        run.supply_leave_one_out(beliefs).or_failed()?;
    }
    keep(&run.finish().or_failed()?);
    Ok(strips)
}

/// Writes all files into a directory that appears only when it is complete.
fn write(out: &Path, network: &Network, twin: &Network, page: &Names) -> Result<()> {
    let staged = Staged::directory(out)?;
    for (name, network) in [("model.safetensors", network), ("autoregressive.safetensors", twin)] {
        let bytes = network.to_bytes().or_failed()?;
        atomic::write(&staged.path().join(name), |out| out.write_all(&bytes))?;
    }
    let names: String =
        page.drawn.first().into_iter().flat_map(|drawn| &drawn.names).map(|n| format!("{n}\n")).collect();
    atomic::write(&staged.path().join("names.txt"), |out| out.write_all(names.as_bytes()))?;
    let html = page.html();
    atomic::write(&staged.path().join("report.html"), |out| out.write_all(html.as_bytes()))?;
    interrupt::check()?;
    staged.commit()
}

/// Returns the tables for the terminal.
fn tables(page: &Names) -> String {
    let exact = format!("{} exactly", page.exact_names);
    let mut likelihoods = Table::new(["model".to_owned(), "nats a name".to_owned(), "±".to_owned(), exact]);
    for row in &page.likelihoods {
        let sign = if row.is_bound { "≤ " } else { "" };
        likelihoods.push([
            Cell::from(row.name.as_str()),
            Cell::Text(format!("{sign}{:.2}", row.nats)),
            Cell::Text(format!("{:.2}", row.error)),
            row.exact.map_or(Cell::Missing, |exact| Cell::Text(format!("{exact:.2}"))),
        ]);
    }
    let mut drawn = Table::new(["sampler", "NFE", "nats a name", "distinct", "copies", "for example"]);
    for row in &page.drawn {
        drawn.push([
            Cell::from(row.name.as_str()),
            row.nfe.map_or(Cell::Missing, Cell::from),
            Cell::Text(format!("{:.2}", row.nats)),
            Cell::Text(format!("{:.1} %", 100.0 * row.distinct)),
            Cell::Text(format!("{:.1} %", 100.0 * row.copies)),
            Cell::Text(row.names.iter().take(4).cloned().collect::<Vec<_>>().join(" ")),
        ]);
    }
    format!(
        "{}\n{}\nLikelihood: of {} held-out names; smaller is better. Masked diffusion: a bound, and the exact value of {} names.\n\
         Samplers: {} names each, judged by the autoregressive twin. Distinct: drawn once. Copies: among the training names.\n",
        likelihoods.text(),
        drawn.text(),
        page.held_out,
        page.exact_names,
        page.count,
    )
}
