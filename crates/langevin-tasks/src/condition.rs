//! Classes and guidance: the condition on which samples are drawn.

use crate::error::{Blame as _, Error, Result};
use crate::source::Source;
use langevin::Request;
use langevin::error::nearest;
use langevin_train::Network;

/// Name of the branch without a class.
const NONE: &str = "none";

/// Returns the number of a class, given by name or by number.
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

/// Classes of the samples and guidance towards them.
///
/// # Examples
///
/// ```
/// use langevin_tasks::condition::Condition;
/// let class = vec!["3".to_owned()];
/// let condition = Condition { class, guidance: Some(2.0), ..Condition::default() };
/// assert_eq!(condition.each(), [condition.clone()]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Condition {
    /// Classes by name or number. The samples take them in turn; an empty list draws samples
    /// without a class.
    pub class: Vec<String>,
    /// Guidance weight.
    pub guidance: Option<f64>,
    /// Guidance weights. The same samples are drawn once for each weight.
    pub guidance_sweep: Vec<f64>,
    /// Noise levels `[min, max]`, in σ/α, between which guidance is applied.
    pub guidance_interval: Option<[f64; 2]>,
}

impl Condition {
    /// Sets the classes on the model and returns their numbers.
    ///
    /// # Errors
    /// Returns an error if the model has no classes, or if a class is unknown.
    pub fn ask(&self, source: &mut Source<'_>) -> Result<Vec<u32>> {
        self.ask_network(match source {
            Source::Network(network) => Some(network),
            _ => None,
        })
    }

    /// Sets the classes on a trained network and returns their numbers; `None` is another model.
    ///
    /// # Errors
    /// Returns an error if there are classes and the model has none, or if a class is unknown.
    pub fn ask_network(&self, network: Option<&mut Network>) -> Result<Vec<u32>> {
        if self.class.is_empty() {
            return Ok(Vec::new());
        }
        let Some(network) = network else {
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

    /// Returns the names of the selected classes without duplicates. The list is empty if no class
    /// is selected or if all classes of the model are.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin_tasks::condition::Condition;
    /// let names = ["cat".to_owned(), "dog".to_owned()];
    /// let of = |class: &[&str]| Condition {
    ///     class: class.iter().map(|name| name.to_string()).collect(),
    ///     ..Condition::default()
    /// };
    /// assert_eq!(of(&["dog", "1"]).some_of(&names)?, ["dog"]);
    /// assert!(of(&["dog", "cat"]).some_of(&names)?.is_empty());
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a class is unknown.
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

    /// Returns one condition for each guidance weight of the sweep, or this condition alone if
    /// there is no sweep.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin_tasks::condition::Condition;
    /// let sweep = Condition { guidance_sweep: vec![1.0, 2.0], ..Condition::default() };
    /// assert_eq!(sweep.each()[1].guidance, Some(2.0));
    /// ```
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        match &self.guidance_sweep[..] {
            [] => vec![self.clone()],
            weights => weights.iter().map(|weight| Self { guidance: Some(*weight), ..self.clone() }).collect(),
        }
    }

    /// Returns the request with the guidance weight and interval of this condition.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::condition::Condition;
    /// let condition = Condition { guidance: Some(2.0), ..Condition::default() };
    /// assert!(condition.guide(Request::new()).plan()?.is_guided());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn guide(&self, request: Request) -> Request {
        match (self.guidance, self.guidance_interval) {
            (None, _) => request,
            (Some(weight), None) => request.guidance(weight),
            (Some(weight), Some(levels)) => request.guidance_within(weight, levels),
        }
    }
}
