//! The exact error of plans of tokens on densities that can be enumerated.

use super::{Model, graphs};
use crate::error::{Blame as _, Error, Result};
use langevin_discrete::exact::{Density, GraphLaw, probabilities};
use langevin_discrete::plan::Law;
use langevin_discrete::{Noise, Plan, Request, StateSpace};

/// The exact error of one plan.
///
/// ```
/// use langevin_discrete::{Noise, Request};
/// use langevin_tasks::tokens::{Model, analyze};
/// let model = Model::named("chain:3x4", Noise::Masked)?;
/// let plan = Request::new().steps(2).plan(model.space()?).unwrap();
/// let row = analyze::error(&model, &plan)?;
/// assert!(row.nfe == 2 && row.kl > 0.0 && row.violates.is_empty());
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Name of the plan.
    pub name: String,
    /// Network evaluations.
    pub nfe: usize,
    /// KL(p‖q) from the density p to the law q of the samples, in nats; infinite if q misses a
    /// sequence.
    pub kl: f64,
    /// Total variation between the two laws.
    pub total_variation: f64,
    /// Probability that a sample is a sequence that the density has.
    pub support: f64,
    /// Names of the lint rules that the plan violates.
    pub violates: Vec<&'static str>,
}

/// Computes the exact law of a plan on an exact density, and its distance from the density.
///
/// # Errors
/// Returns an error if the model is a network, if there are more than 4096 sequences, or if the
/// plan has no exact law.
pub fn error(model: &Model, plan: &Plan) -> Result<Row> {
    let Some(density) = model.density() else {
        return Err(Error::misused("the law of a network's samples cannot be compared with its data exactly")
            .expected("an exact density, such as chain:3x5"));
    };
    row(density, plan, &Law::of(plan, density).or_failed()?)
}

/// Computes the exact law of a network's samples, and its distance from a density of the same
/// sequences.
///
/// `plan` is the sampler; `None` is one token at a time in random order. For this order, graphs of
/// up to 6 nodes are counted by classes of graphs that differ in the numbers of their nodes alone,
/// which takes 25,506 evaluations for 6 nodes and a network that treats all nodes alike.
///
/// ```
/// use langevin_discrete::Noise;
/// use langevin_tasks::tokens::{Model, analyze};
/// // The density stands for a network that is exact.
/// let model = Model::named("connected:5", Noise::Masked)?;
/// let row = analyze::distance(&model, &Model::named("connected:5", Noise::Masked)?, None)?;
/// assert!(row.kl < 1e-10 && (row.support - 1.0).abs() < 1e-12);
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the density is of other sequences, there are more than 4096 of them (masks
/// included) and they are no such graphs, or the plan has no exact law.
pub fn distance(model: &Model, density: &Model, plan: Option<&Plan>) -> Result<Row> {
    let Some(density) = density.density() else {
        return Err(Error::misused("a network is compared with an exact density")
            .at("‹exact›")
            .expected("a density, such as connected:6"));
    };
    let (space, own) = (model.space()?, density.space());
    if space != own {
        return Err(Error::misused("the density is of other sequences than the model")
            .at("‹exact›")
            .expected(space.to_string())
            .got(format!("{}: {own}", density.name())));
    }
    let denoiser = model.denoiser()?;
    if plan.is_none() && graphs::shape(model).is_some() {
        return of_graphs(density, &GraphLaw::of(&*denoiser).or_failed()?);
    }
    let single = Request::new().sampler(SINGLE);
    let plan = plan.map_or_else(|| single.plan(space).or_misused(), |plan| Ok(plan.clone()))?;
    row(density, &plan, &Law::of(&plan, &*denoiser).or_failed()?)
}

/// Name of the sampler that draws one token at a time in random order.
const SINGLE: &str = "first-hitting";

/// Returns the distances of the law of a plan's samples from a density.
fn row(density: &dyn Density, plan: &Plan, law: &Law) -> Result<Row> {
    let own = probabilities(density).or_failed()?;
    let kl = law.kl(&own).or_failed()?;
    let pairs = || own.iter().zip(law.probabilities());
    Ok(Row {
        name: plan.name().to_owned(),
        nfe: plan.nfe(),
        kl: if kl.abs() < 1e-14 { 0.0 } else { kl },
        total_variation: 0.5 * pairs().map(|(p, q)| (p - q).abs()).sum::<f64>(),
        support: pairs().filter(|(p, _)| **p > 0.0).map(|(_, q)| q).sum(),
        violates: plan.lint().rules().into_iter().map(|rule| rule.name()).collect(),
    })
}

/// Returns the distances of the law of graphs, one token at a time, from a density that treats all
/// nodes alike.
fn of_graphs(density: &dyn Density, law: &GraphLaw) -> Result<Row> {
    let p = |graph: &[langevin_discrete::Letter]| density.log_probability(graph).exp();
    let off = law.classes().iter().map(|class| (class.size as f64 * p(&class.graph) - class.probability).abs());
    Ok(Row {
        name: SINGLE.to_owned(),
        nfe: density.space().length(),
        kl: law.kl(density).or_failed()?,
        total_variation: 0.5 * off.sum::<f64>(),
        support: law.share(|graph| p(graph) > 0.0),
        violates: vec![],
    })
}

/// Returns the noise that a sampler needs: masked noise if it serves it, and uniform noise
/// otherwise.
///
/// # Errors
/// Returns an error if the sampler is unknown.
pub fn noise_for(request: &Request) -> Result<Noise> {
    let entry = request.entry().or_misused()?;
    let masked = StateSpace::new(Noise::Masked, 2, 2).or_failed()?;
    Ok(if entry.noises.serve(&masked) { Noise::Masked } else { Noise::Uniform })
}
