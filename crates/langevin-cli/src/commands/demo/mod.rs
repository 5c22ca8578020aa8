//! `langevin demo`: one network, read as the four rows of the paper.

mod measure;
mod names;
mod rows;
mod size;

use crate::cli::{DemoArgs, Shown};
use crate::error::{Blame as _, Failure, Result};
use crate::interrupt;
use crate::io::atomic::{self, Staged};
use crate::io::npy::{self, Width};
use crate::io::png::{Picture, Tile};
use crate::io::{print, say};
use crate::progress::{Display, duration, thousands};
use crate::request;
use crate::words::{plural, shown};
use langevin::grid::SIGMAS;
use langevin::moves::Rates;
use langevin::text::{Column, columns};
use langevin_report::demo::{Demo, Pictures, Reading, Triangle};
use langevin_train::{Budget, Dataset, DitConfig, HeldOut, Network, Recipe};
use measure::Measures;
use rows::{READINGS, Sampled};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

/// Number of training steps with `--quick`.
const QUICK: u64 = 60;
/// Number of sampling steps, without and with `--quick`.
const GRID: [usize; 2] = [50, 20];
/// Share of the digits that is held out for comparison.
const HELD_OUT: f64 = 0.2;
/// Number of pictures of each row on the page.
const SHOWN: usize = 64;
/// Range of pixel values.
const PIXELS: [f64; 2] = [0.0, 16.0];

/// Runs the command.
pub fn run(args: &DemoArgs) -> Result<()> {
    let start = Instant::now();
    let out = args.folder();
    if out.exists() && !out.is_dir() {
        return Err(Failure::failed("cannot write the output").in_file(&out).expected("a directory").got("a file"));
    }
    interrupt::listen()?;
    // An output that cannot be written is reported before the training.
    drop(Staged::directory(&out)?);
    if args.data == Shown::Names {
        return names::run(args, &out, start);
    }

    let (train, held_out) = Dataset::digits().split(HELD_OUT, args.seed);
    let quick = usize::from(args.quick);
    let mut recipe = recipe(args.seed);
    recipe.held_out = Some(HeldOut { share: HELD_OUT, seed: args.seed });
    let steps = match args.steps {
        Some(steps) => steps,
        None if args.quick => QUICK,
        None => size::steps(&train, &recipe, size::DIGITS)?,
    };
    recipe.budget = Budget::Steps(steps);
    let network = learn(&train, &recipe)?;
    let sampled = rows::sample_all(&network, GRID[quick], held_out.rows(), args.seed)?;
    let measures = Measures::new(&train, &held_out)?;
    let data = collect(args, &network, [&train, &held_out], &sampled, &measures)?;
    write(&out, &network, &sampled, &data)?;
    print(&table(&data))?;
    let page = shown(&out.join("report.html"));
    say(&format!("done in {}: open {page}", duration(start.elapsed().as_secs_f64())));
    if let (Some(reading), Some(sampled)) = (READINGS.last(), sampled.last()) {
        let model = request::quoted(&out.join("model.safetensors").display().to_string());
        request::say_command(&sampled.plan, &model, &out.join(format!("plan-{}.json", reading.slug)));
    }
    Ok(())
}

/// Returns the recipe of the training, except for its number of steps.
fn recipe(seed: u64) -> Recipe {
    let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(QUICK));
    recipe.seed = seed;
    // A small transformer gives cleaner digits than a perceptron in the same time.
    recipe.network = DitConfig::new(2, 96, 3, 3).into();
    (recipe.batch, recipe.weight_decay) = (128, 0.3);
    recipe
}

/// Trains the network that all rows share.
fn learn(data: &Dataset, recipe: &Recipe) -> Result<Network> {
    let mut display = Display::training();
    let network = langevin_train::train(data, recipe, &mut |progress| {
        let speed = thousands(progress.samples_per_second as u64);
        display
            .show(progress.fraction, &format!("step {}  loss {:.4}  {speed} samples/s", progress.step, progress.loss));
        if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .or_failed()?;
    display.finish();
    interrupt::check()?;
    Ok(network)
}

fn pictures(values: &[f64], shape: &[usize], most: usize) -> Pictures {
    let (height, width) = (shape[0], shape[1]);
    let count = (values.len() / (height * width)).min(most);
    Pictures { count, height, width, values: values[..count * height * width].to_vec() }
}

fn collect(
    args: &DemoArgs,
    network: &Network,
    [train, held_out]: [&Dataset; 2],
    sampled: &[Sampled],
    measures: &Measures,
) -> Result<Demo> {
    let mut rows = Vec::new();
    for (reading, sampled) in READINGS.iter().zip(sampled) {
        let distances = measures.of(&sampled.samples)?;
        let level = sampled.process.level_at_sigma_ve(1.0).or_failed()?;
        let [forward, reverse, langevin] = [
            Rates::forward(&sampled.process, &level),
            Rates::reverse(&sampled.process, &level, reading.eta),
            Rates::langevin(&sampled.process, &level, reading.eta),
        ]
        .map(|rates| rates.map(|rates| [rates.x, rates.score, rates.power]));
        rows.push(Reading {
            title: reading.title.into(),
            process: sampled.process.name(),
            prediction: reading.prediction.into(),
            eta: reading.eta,
            nfe: sampled.plan.nfe(),
            seconds: sampled.seconds,
            sliced_w2: distances.sliced,
            energy: distances.energy,
            copies: measures.copies(&sampled.samples)?,
            samples: pictures(&sampled.samples, network.shape(), SHOWN),
            strips: sampled.strips.iter().map(|strip| pictures(strip, network.shape(), usize::MAX)).collect(),
            strip_sigmas: sampled.strip_sigmas.clone(),
            triangle: Triangle {
                time: level.time,
                forward: forward.or_failed()?,
                reverse: reverse.or_failed()?,
                langevin: langevin.or_failed()?,
            },
        });
    }
    let training = &network.metadata().training;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut command = String::from("langevin demo");
    match args.quick {
        true => command += " --quick",
        // Writing to a string cannot fail.
        false => _ = write!(command, " --steps {}", training.steps),
    }
    if args.seed != 0 {
        let _ = write!(command, " --seed {}", args.seed);
    }
    Ok(Demo {
        data: pictures(&measure::wide(held_out)?, network.shape(), SHOWN),
        train_rows: train.rows(),
        held_out_rows: held_out.rows(),
        rows,
        floor_sliced_w2: measures.floor.sliced,
        floor_energy: measures.floor.energy,
        held_out_copies: measure::COPY_SHARE,
        ode_difference: ode_difference(sampled),
        losses: training.losses.clone(),
        steps: training.steps,
        train_seconds: training.seconds,
        parameters: network.parameters(),
        sigma_min: SIGMAS[0],
        sigma_max: SIGMAS[1],
        seed: args.seed,
        machine: plural(cores as u64, "core"),
        command,
        version: env!("CARGO_PKG_VERSION").into(),
    })
}

/// Returns the largest difference of a pixel between any two rows without noise.
fn ode_difference(sampled: &[Sampled]) -> f64 {
    let odes: Vec<&Sampled> =
        READINGS.iter().zip(sampled).filter(|(reading, _)| reading.eta == 0.0).map(|(_, sampled)| sampled).collect();
    let mut largest = 0.0_f64;
    for (number, one) in odes.iter().enumerate() {
        for other in &odes[..number] {
            largest = one.samples.iter().zip(&other.samples).fold(largest, |most, (a, b)| most.max((a - b).abs()));
        }
    }
    largest
}

/// Writes all files into a directory that appears only when it is complete.
fn write(out: &Path, network: &Network, sampled: &[Sampled], data: &Demo) -> Result<()> {
    let staged = Staged::directory(out)?;
    let place = |name: &str| staged.path().join(name);
    let model = network.to_bytes().or_failed()?;
    atomic::write(&place("model.safetensors"), |out| out.write_all(&model))?;
    for (reading, sampled) in READINGS.iter().zip(sampled) {
        let [height, width] = [network.shape()[0], network.shape()[1]];
        let count = sampled.samples.len() / network.width();
        let name = |kind: &str, ending: &str| place(&format!("{kind}-{}.{ending}", reading.slug));
        npy::write(&name("samples", "npy"), &[count, height, width], &sampled.samples, Width::F64)?;
        let shown = &sampled.samples[..count.min(SHOWN) * height * width];
        if let Some(tile) = Tile::of(&[height, width]) {
            Picture::sheet(shown, tile, PIXELS)?.write(&name("samples", "png"))?;
        }
        let json = sampled.plan.to_json();
        atomic::write(&name("plan", "json"), |out| out.write_all(json.as_bytes()))?;
    }
    let page = data.html();
    atomic::write(&place("report.html"), |out| out.write_all(page.as_bytes()))?;
    interrupt::check()?;
    staged.commit()
}

/// Returns the table of results for the terminal.
fn table(data: &Demo) -> String {
    let right = |least| Column::Right(least);
    let layout = [Column::Left(14), Column::Left(31), right(4), right(7), right(9), right(9), right(7)];
    let mut rows =
        vec![["row", "the network read as", "NFE", "seconds", "sliced W2", "energy", "copies"].map(String::from)];
    for row in &data.rows {
        rows.push([
            row.title.clone(),
            format!("{}:{} h/g={}", row.process, row.prediction, row.eta),
            row.nfe.to_string(),
            format!("{:.2}", row.seconds),
            format!("{:.4}", row.sliced_w2),
            format!("{:.4}", row.energy),
            format!("{:.1} %", 100.0 * row.copies),
        ]);
    }
    let copies = format!("{:.1} %", 100.0 * data.held_out_copies);
    let [sliced, energy] = [data.floor_sliced_w2, data.floor_energy].map(|floor| format!("{floor:.4}"));
    rows.push(["real data".into(), "the floor".into(), String::new(), String::new(), sliced, energy, copies]);
    let count = data.held_out_rows;
    format!(
        "{}\nDistances: {count} samples against the {count} digits held out, in pixel units (0 to 16). The floor: {count} training digits in their place, mean of {} draws.\n\
         Copies: samples nearer to a training digit than 99 % of the held-out digits are.\n\
         Largest difference of a pixel between the three ODE rows: {:.2e}, {:.1e} of the range.\n",
        columns(&rows, &layout),
        measure::floor_sets(data.train_rows, count),
        data.ode_difference,
        data.ode_difference / (PIXELS[1] - PIXELS[0]),
    )
}
