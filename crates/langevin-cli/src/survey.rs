//! Samplers on several grids, with their exact errors on Gaussian data.

use langevin_analysis::analysis::{Analysis, Contribution};
use langevin_analysis::recommend::Candidate;
use serde_json::{Value, json};

/// A plan with its errors.
pub struct Surveyed {
    /// The sampler with its options, or the name of the plan.
    pub sampler: String,
    /// The grid, if the plan was compiled here.
    pub grid: Option<String>,
    /// The number of steps, if the plan was compiled here.
    pub steps: Option<usize>,
    /// The file of the plan.
    pub file: Option<String>,
    /// The process of the states.
    pub process: String,
    /// The errors.
    pub analysis: Analysis,
}

impl Surveyed {
    /// Returns the plan as JSON.
    pub fn document(&self) -> Value {
        let Analysis { nfe, total, .. } = &self.analysis;
        let mut document = json!({
            "sampler": self.sampler, "grid": self.grid, "steps": self.steps, "nfe": nfe, "w2": total.w2, "kl": total.kl,
            "sources": sources(&self.analysis),
        });
        if let (Some(file), Some(document)) = (&self.file, document.as_object_mut()) {
            document.insert("plan".into(), json!(file));
            document.insert("process".into(), json!(self.process));
        }
        document
    }
}

/// Returns a plan of a ranking.
pub fn row(candidate: &Candidate) -> Surveyed {
    Surveyed {
        sampler: candidate.sampler.spec().to_owned(),
        grid: Some(candidate.grid.clone()),
        steps: Some(candidate.steps),
        file: None,
        process: String::new(),
        analysis: candidate.analysis.clone(),
    }
}

/// Returns the sources of an error as JSON; infinite numbers are null.
fn sources(analysis: &Analysis) -> Vec<Value> {
    let source = |(part, added): (&Contribution, Option<f64>)| {
        json!({
            "cause": part.cause.to_string(), "w2_alone": part.alone.w2, "kl_alone": part.alone.kl, "kl_part": added,
        })
    };
    analysis.contributions.iter().zip(analysis.kl_parts()).map(source).collect()
}
