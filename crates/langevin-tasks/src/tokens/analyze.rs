//! The exact error of plans of tokens on densities that can be enumerated.

use super::Model;
use crate::error::{Blame as _, Error, Result};
use langevin_discrete::exact::probabilities;
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
    let law = Law::of(plan, density).or_failed()?;
    let own = probabilities(density).or_failed()?;
    let kl = law.kl(&own).or_failed()?;
    let off = own.iter().zip(law.probabilities()).map(|(p, q)| (p - q).abs()).sum::<f64>();
    Ok(Row {
        name: plan.name().to_owned(),
        nfe: plan.nfe(),
        kl: if kl.abs() < 1e-14 { 0.0 } else { kl },
        total_variation: 0.5 * off,
        violates: plan.lint().rules().into_iter().map(|rule| rule.name()).collect(),
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
