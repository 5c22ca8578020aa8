//! `langevin vs-vae`: a fair comparison of diffusion models with the variational autoencoder.

mod tables;

use crate::cli::VsVaeArgs;
use crate::error::{Blame as _, Result};
use crate::interrupt;
use crate::io::{print, say};
use crate::progress::{Display, duration};
use langevin::objective::{TimeDensity, Weight};
use langevin::{LambdaRange, SampleId};
use langevin_analysis::exact::{Density as _, two_gaussians};
use langevin_analysis::metrics::Estimate;
use langevin_theory::duality::{self, LAMBDA, Layers, LinearVae, Terms, Truth, even_levels};
use langevin_train::{Budget, Dataset, MlpConfig, Normalization, Recipe, Vae, VaeConfig};
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Variance of the Gaussian in the first part. The variance of the decoder is half of it, one of
/// the many exact choices.
const VARIANCE: f64 = 0.7;
const DECODER: f64 = 0.35;
/// Number of draws of the mixture that each pair of networks is trained on.
const ROWS: u64 = 1 << 16;
/// Width of the diffusion network. The autoencoder has the same depth, and a width that makes it
/// equally large.
const WIDTH: usize = 64;
const DEPTH: usize = 2;
/// Numbers of steps of the chains in the first and the last part.
const CHAINS: [usize; 5] = [4, 8, 16, 32, 64];
const LAYERS: [usize; 6] = [4, 8, 16, 32, 64, 128];
const QUICK: usize = 3;

/// All measurements.
#[derive(Debug, Serialize)]
struct Report {
    gaussian: OnGaussian,
    trained: Trained,
    layers: Vec<Layers>,
}

/// Both models on N(0, `variance`), in closed form.
#[derive(Debug, Serialize)]
struct OnGaussian {
    variance: f64,
    linear_vae: LinearVae,
    linear_vae_terms: Terms,
    chains: Vec<Chain>,
}

#[derive(Debug, Serialize)]
struct Chain {
    steps: usize,
    terms: Terms,
}

/// Both models trained on the mixture.
#[derive(Debug, Serialize)]
struct Trained {
    seeds: u64,
    /// Seconds per training.
    seconds: f64,
    /// Number of training rows, drawn anew for each seed.
    rows: u64,
    entropy: f64,
    vae: Model,
    /// The diffusion model with this number of steps.
    diffusion: Model,
    steps: usize,
    /// E[−ELBO] in the limit of infinitely many steps, for the same networks.
    endless: Vec<f64>,
    endless_mean: Estimate,
    /// The terms of the exact denoiser, on data with mean 0 and variance 1, as the networks see
    /// them. They are a lower bound for any training.
    exact: Terms,
    exact_endless: f64,
}

/// One kind of model, trained from each seed.
#[derive(Debug, Serialize)]
struct Model {
    parameters: usize,
    width: usize,
    depth: usize,
    training_steps: Vec<u64>,
    runs: Vec<Terms>,
    mean: Means,
}

/// Means of the terms.
#[derive(Debug, Serialize)]
struct Means {
    bound: Estimate,
    divergence: Estimate,
    posterior_gap: Estimate,
    prior_gap: Estimate,
}

impl Means {
    fn of(runs: &[Terms]) -> Self {
        let mean = |term: fn(&Terms) -> f64| Estimate::of(&runs.iter().map(term).collect::<Vec<_>>());
        Self {
            bound: mean(|terms| terms.bound),
            divergence: mean(|terms| terms.divergence),
            posterior_gap: mean(|terms| terms.posterior_gap),
            prior_gap: mean(|terms| terms.prior_gap),
        }
    }
}

/// Runs the command.
pub fn run(args: &VsVaeArgs) -> Result<()> {
    interrupt::listen()?;
    let start = Instant::now();
    let gaussian = on_gaussian(if args.quick { &CHAINS[..QUICK] } else { &CHAINS })?;
    let trained = trained(args)?;
    let truth = Truth::new(two_gaussians()).or_failed()?;
    let layers = duality::layers(&truth, if args.quick { &LAYERS[..QUICK] } else { &LAYERS }).or_failed()?;
    interrupt::check()?;
    let report = Report { gaussian, trained, layers };
    if args.json {
        let document = serde_json::to_value(&report).or_failed()?;
        return print(&format!("{document}\n"));
    }
    print(&tables::text(&report))?;
    say(&format!("took {}", duration(start.elapsed().as_secs_f64())));
    Ok(())
}

fn on_gaussian(steps: &[usize]) -> Result<OnGaussian> {
    let linear_vae = LinearVae::exact(VARIANCE, DECODER).or_failed()?;
    let chain = |steps: &usize| -> Result<Chain> {
        let levels = even_levels(*steps).or_failed()?;
        Ok(Chain { steps: *steps, terms: duality::gaussian_chain(VARIANCE, &levels).or_failed()? })
    };
    Ok(OnGaussian {
        variance: VARIANCE,
        linear_vae,
        linear_vae_terms: linear_vae.terms(VARIANCE).or_failed()?,
        chains: steps.iter().map(chain).collect::<Result<_>>()?,
    })
}

/// Returns the recipe of both networks of a seed.
fn recipe(seed: u64, seconds: f64) -> Recipe {
    // The range and the weight are those of the path, so that the training minimises the bound that
    // is measured.
    let formulation = Recipe::default_formulation().with_range(LambdaRange { min: -LAMBDA, max: LAMBDA });
    let mut recipe = Recipe::new(formulation, Budget::Time(Duration::from_secs_f64(seconds)));
    (recipe.weight, recipe.times, recipe.adaptive) = (Weight::Likelihood, TimeDensity::UniformLambda, true);
    recipe.network = MlpConfig::new(WIDTH, DEPTH).into();
    recipe.seed = seed;
    recipe
}

/// Trains both models from every seed and measures them. The trainings run one after another, so
/// that each has the machine to itself.
fn trained(args: &VsVaeArgs) -> Result<Trained> {
    let seeds = args.seeds.unwrap_or(if args.quick { 2 } else { 5 });
    let seconds = args.seconds.unwrap_or(if args.quick { 1.0 } else { 8.0 });
    let mixture = two_gaussians();
    let truth = Truth::new(mixture.clone()).or_failed()?;
    let standard = truth.standardized().or_failed()?;
    let levels = even_levels(args.steps).or_failed()?;
    let (mut vaes, mut chains, mut endless) = (Vec::new(), Vec::new(), Vec::new());
    let (mut vae_steps, mut chain_steps) = (Vec::new(), Vec::new());
    let (mut parameters, mut config) = (0, VaeConfig::new(1, 1));
    let mut display = Display::training();
    for seed in 0..seeds {
        let rows: Vec<SampleId> = (0..ROWS).map(|index| SampleId { seed, index }).collect();
        let values = mixture.sample(&rows).iter().map(|x| *x as f32).collect();
        let data = Dataset::new("mixture", values, &[1]).or_failed()?;
        let recipe = recipe(seed, seconds);
        // Shows the share of the whole work; each seed has two trainings.
        let mut show = |half: f64, name: &str, loss: f64| {
            let fraction = (seed as f64 + 0.5 * half) / seeds as f64;
            display.show(fraction, &format!("seed {seed}  {name}  loss {loss:.4}"));
            if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let network =
            langevin_train::train(&data, &recipe, &mut |progress| show(progress.fraction, "diffusion", progress.loss))
                .or_failed()?;
        parameters = network.parameters();
        config = VaeConfig::matching(parameters, DEPTH);
        let vae: Vae = langevin_train::train_vae(&data, &recipe, config, &mut |progress| {
            show(1.0 + progress.fraction, "VAE", progress.loss)
        })
        .or_failed()?;
        interrupt::check()?;
        let seen = |map: &Normalization| truth.seen_as(map.shift[0], map.scale[0]).or_failed();
        let of_network = seen(network.normalization())?;
        vaes.push(duality::autoencoder(&seen(vae.normalization())?, &vae).or_failed()?);
        chains.push(duality::chain(&of_network, &network, &levels).or_failed()?);
        endless.push(duality::endless(&of_network, &network, -LAMBDA, LAMBDA).or_failed()?);
        vae_steps.push(vae.steps());
        chain_steps.push(network.metadata().training.steps);
        interrupt::check()?;
    }
    display.finish();
    let model = |parameters, width, training_steps, runs: Vec<Terms>| Model {
        parameters,
        width,
        depth: DEPTH,
        training_steps,
        mean: Means::of(&runs),
        runs,
    };
    Ok(Trained {
        seeds,
        seconds,
        rows: ROWS,
        entropy: truth.entropy(),
        vae: model(config.parameters(), config.width, vae_steps, vaes),
        diffusion: model(parameters, WIDTH, chain_steps, chains),
        steps: args.steps,
        endless_mean: Estimate::of(&endless),
        endless,
        exact: duality::chain(&standard, standard.exact(), &levels).or_failed()?,
        exact_endless: duality::endless(&standard, standard.exact(), -LAMBDA, LAMBDA).or_failed()?,
    })
}
