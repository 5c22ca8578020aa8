//! Samples of a network during its training, for pictures.

use crate::error::{Blame as _, Result};
use crate::tables;
use crate::tokens::sample::Draws;
use langevin::{Request, SampleId, Sampling};
use langevin_discrete::{Denoiser as _, Letter};
use langevin_train::Network;

/// Draws `count` samples from a network with the default plan. They are returned row after row in
/// the units of the data. The noise depends only on the seed, so that two calls show the progress
/// of the training between them. The samples take the classes in turn. The labels that this sets on
/// the network remain set.
///
/// ```
/// use langevin_train::{Budget, Dataset, MlpConfig, Recipe};
/// let data = Dataset::new("line", vec![0.0, 1.0, 2.0, 3.0], &[1])?;
/// let mut recipe = Recipe::new(Recipe::default_formulation(), Budget::Steps(3));
/// recipe.network = MlpConfig::new(8, 1).into();
/// let mut go_on = |_: &langevin_train::Progress<'_>| std::ops::ControlFlow::Continue(());
/// let mut network = langevin_train::train(&data, &recipe, &mut go_on)?;
/// assert_eq!(langevin_tasks::train::draw(&mut network, 0, 5, 1)?.len(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the network cannot be evaluated.
pub fn draw(network: &mut Network, seed: u64, count: usize, threads: usize) -> Result<Vec<f64>> {
    let classes = network.classes().len() as u32;
    network.set_labels((0..classes).collect()).or_failed()?;
    let plan = Request::new().network(network.formulation().clone()).plan().or_failed()?;
    let mut samples = Sampling::new(count, network.width())
        .seed(seed)
        .chunk(count.div_ceil(threads).max(1))
        .threads(threads)
        .run(&plan, &*network)
        .or_failed()?;
    network.denormalize(&mut samples);
    Ok(samples)
}

/// Draws `count` samples from a network on tokens with the default plan, rows × d letters. The
/// noise depends only on the seed. The samples take the classes in turn. The labels that this sets
/// on the network remain set.
///
/// ```
/// use langevin_train::{Budget, Dataset, Recipe};
/// let names = Dataset::names().head(100);
/// let mut recipe = Recipe::of_tokens(&names, Budget::Steps(2))?;
/// recipe.batch = 8;
/// let mut go_on = |_: &langevin_train::Progress<'_>| std::ops::ControlFlow::Continue(());
/// let mut network = langevin_train::train(&names, &recipe, &mut go_on)?;
/// assert_eq!(langevin_tasks::train::draw_tokens(&mut network, 0, 5)?.len(), 5 * 12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Returns an error if the network is one of numbers, or cannot be evaluated.
pub fn draw_tokens(network: &mut Network, seed: u64, count: usize) -> Result<Vec<Letter>> {
    let classes = network.classes().len() as u32;
    network.set_labels((0..classes).collect()).or_failed()?;
    let rows: Vec<SampleId> = (0..count as u64).map(|index| SampleId { seed, index }).collect();
    let model = network.tokens().or_misused()?;
    let plan = langevin_discrete::Request::new().plan(model.space()).or_failed()?;
    plan.run(&model, &rows).or_failed()
}

/// Draws rows of numbers and categories, by the default samplers, as lines of cells: `ash, 1.92`.
///
/// # Errors
/// Returns an error if the network is not of numbers and categories, or cannot be evaluated.
pub fn draw_table(network: &mut Network, seed: u64, count: usize) -> Result<Vec<String>> {
    let classes = network.classes().len() as u32;
    network.set_labels((0..classes).collect()).or_failed()?;
    let prepared = tables::sample::prepare(network, langevin::Request::new(), langevin_discrete::Request::new())?;
    let rows = prepared.draw(Draws { count, seed }, &())?;
    let schema = tables::schema(network)?;
    Ok(rows.chunks_exact(schema.columns().len()).map(|row| tables::line(schema, row)).collect())
}
