//! Trains on the handwritten digits, samples, and measures whether the samples are new.
//!
//! `cargo run --release -p langevin-train --example digits -- [seconds] [out.pgm]`

use langevin::{Grid, Model, Query, SampleId, Sampler, Sampling};
use langevin_analysis::metrics::{nearest_distances, quantile, sliced_wasserstein};
use langevin_train::{Budget, Dataset, Network, Recipe, train};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let seconds: f64 = arguments.get(1).map_or(Ok(60.0), |text| text.parse())?;
    let (data, held) = Dataset::digits().split(0.2, 0);
    let recipe = Recipe::new(Recipe::default_formulation(), Budget::Time(Duration::from_secs_f64(seconds)));
    let mut next = 0.0;
    let network = train(&data, &recipe, &mut |progress| {
        if progress.fraction >= next {
            next = progress.fraction + 0.1;
            let held_out = progress.snapshot().and_then(|network| loss(&network, &held)).unwrap_or(f64::NAN);
            println!(
                "step {:6}  {:5.1} s  loss {:.4}  held-out {held_out:.4}  {:.0} rows/s",
                progress.step,
                progress.elapsed.as_secs_f64(),
                progress.loss,
                progress.samples_per_second
            );
        }
        ControlFlow::Continue(())
    })?;
    println!(
        "{} weights; training loss of the average {:.4}, held-out {:.4}",
        network.parameters(),
        loss(&network, &data)?,
        loss(&network, &held)?
    );

    let formulation = network.formulation();
    let grid = Grid::uniform_time(40);
    let plan = Sampler::ddim(0.0).compile(
        &formulation.process,
        Some(formulation),
        &grid.levels(&formulation.process, 0.002, 80.0)?,
    )?;
    let begun = Instant::now();
    let mut samples: Vec<f64> =
        Sampling::new(360, 64).seed(1).threads(2).run::<f32>(&plan, &network)?.into_iter().map(f64::from).collect();
    println!("360 samples of 40 steps in {:.2} s", begun.elapsed().as_secs_f64());
    network.denormalize(&mut samples);

    let rows = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>();
    let (train_rows, held_rows) = (rows(&data.values()?), rows(&held.values()?));
    let summary = |name: &str, from: &[f64], to: &[f64]| -> langevin::Result<()> {
        let distances = nearest_distances(from, to, 64, false)?;
        let at = |ratio: f64| quantile(&distances, ratio);
        println!(
            "nearest {name}: 1 % {:.2}, 10 % {:.2}, median {:.2}, 90 % {:.2}",
            at(0.01)?,
            at(0.1)?,
            at(0.5)?,
            at(0.9)?
        );
        Ok(())
    };
    summary("training picture of a sample          ", &samples, &train_rows)?;
    summary("training picture of a held-out picture", &held_rows, &train_rows)?;
    let distance = |a: &[f64], b: &[f64]| sliced_wasserstein(a, b, 64, 500, 0);
    println!(
        "sliced W2: samples to held-out {:.3}, training to held-out {:.3}",
        distance(&samples, &held_rows)?,
        distance(&train_rows, &held_rows)?
    );
    if let Some(path) = arguments.get(2) {
        std::fs::write(path, contact_sheet(&samples, 20, 10))?;
    }
    Ok(())
}

/// Computes the plain loss on a data set with fixed draws.
fn loss(network: &Network, data: &Dataset) -> Result<f64, langevin_train::Error> {
    let process = &network.formulation().process;
    let rows = data.rows();
    let mut sum = 0.0;
    for draw in 0..20u32 {
        let level = process.level((f64::from(draw) + 0.5) / 20.0)?;
        let ids: Vec<SampleId> = (0..rows as u64).map(|index| SampleId { seed: 99, index }).collect();
        let mut noise = vec![0.0f32; rows * 64];
        langevin::noise::fill_normals(&ids, draw, 64, &mut noise);
        let mut clean = data.values()?;
        network.normalization().normalize(&mut clean, 64);
        let x: Vec<f32> =
            clean.iter().zip(&noise).map(|(x0, z)| level.alpha as f32 * x0 + level.sigma as f32 * z).collect();
        let out = network.predict(&x, &Query::new(level, &ids))?;
        sum += out
            .iter()
            .zip(clean.iter().zip(&noise))
            .map(|(out, (x0, z))| f64::from(out - (z - x0)).powi(2))
            .sum::<f64>();
    }
    Ok(sum / (20 * rows * 64) as f64)
}

/// Returns a gray image of `across` × `down` samples, enlarged to 6 × 6 pixels for each pixel.
fn contact_sheet(samples: &[f64], across: usize, down: usize) -> Vec<u8> {
    let (cell, zoom) = (9, 6);
    let (w, h) = (across * cell * zoom, down * cell * zoom);
    let mut picture = format!("P5\n{w} {h}\n255\n").into_bytes();
    for y in 0..h {
        for x in 0..w {
            let (i, j) = (y / zoom, x / zoom);
            let (row, column) = (i % cell, j % cell);
            let sample = i / cell * across + j / cell;
            let value = if row < 8 && column < 8 { samples[sample * 64 + row * 8 + column] } else { 4.0 };
            picture.push((value / 16.0 * 255.0).clamp(0.0, 255.0) as u8);
        }
    }
    picture
}
