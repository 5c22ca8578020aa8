//! What a model with classes is asked for.

use crate::error::{Blame as _, Error, Result};
use crate::source::Source;
use langevin::Request;
use langevin::error::nearest;

/// The branch without a class, by name.
const NONE: &str = "none";

/// The number of a class that is given by its name or its number.
fn number(text: &str, names: &[String]) -> Result<u32> {
    let named = names.iter().position(|name| name == text);
    let number = named.or_else(|| text.parse().ok().filter(|number| *number < names.len()));
    number.map(|number| number as u32).ok_or_else(|| {
        let shown = if names.len() <= 20 { names.join(", ") } else { format!("0 to {}", names.len() - 1) };
        let failure = Error::misused("unknown class").at("‹class›").expected(shown).got(format!("'{text}'"));
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        match nearest(text, &known) {
            Some(near) if text != NONE => failure.hint(format!("did you mean '{near}'?")),
            _ => failure.hint("leave out ‹class› for samples of no class"),
        }
    })
}

/// Classes, and guidance towards them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// Classes by name or number, which the samples take in turn; empty: samples of no class.
    pub class: Vec<String>,
    /// The weight of guidance.
    pub guidance: Option<f64>,
    /// Weights of guidance at each of which the same samples are drawn.
    pub guidance_sweep: Vec<f64>,
    /// The noise levels, in σ/α, within which is guided.
    pub guidance_interval: Option<[f64; 2]>,
}

impl Condition {
    /// Asks the model for the classes, and returns their numbers.
    ///
    /// # Errors
    /// Returns an error for a model without classes, and for an unknown class.
    pub fn ask(&self, source: &mut Source<'_>) -> Result<Vec<u32>> {
        if self.class.is_empty() {
            return Ok(Vec::new());
        }
        let Source::Network(network) = source else {
            return Err(Error::misused("only a trained network has classes").at("‹class›"));
        };
        let names = network.classes().to_vec();
        if names.is_empty() {
            return Err(Error::misused("the model has no classes")
                .at("‹class›")
                .hint("train it with ‹conditional› on data with labels"));
        }
        let labels: Vec<u32> = self.class.iter().map(|text| number(text, &names)).collect::<Result<_>>()?;
        network.set_labels(labels.clone()).or_failed()?;
        Ok(labels)
    }

    /// Returns the names of the classes, each once; empty if all classes of the model are among them, or none.
    ///
    /// # Errors
    /// Returns an error for an unknown class.
    pub fn some_of(&self, names: &[String]) -> Result<Vec<String>> {
        let mut found: Vec<String> = Vec::new();
        for text in &self.class {
            let name = names.get(number(text, names)? as usize).cloned().unwrap_or_default();
            if !found.contains(&name) {
                found.push(name);
            }
        }
        Ok(if found.len() == names.len() { Vec::new() } else { found })
    }

    /// Returns the condition at each weight of guidance that is asked for: one, or those of the sweep.
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        match &self.guidance_sweep[..] {
            [] => vec![self.clone()],
            weights => weights.iter().map(|weight| Self { guidance: Some(*weight), ..self.clone() }).collect(),
        }
    }

    /// Returns the request with the guidance.
    #[must_use]
    pub fn guide(&self, request: Request) -> Request {
        match (self.guidance, self.guidance_interval) {
            (None, _) => request,
            (Some(weight), None) => request.guidance(weight),
            (Some(weight), Some(levels)) => request.guidance_within(weight, levels),
        }
    }
}
