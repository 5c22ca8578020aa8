//! Many samplers on many grids, each with its exact error on Gaussian data.

use crate::error::{Blame as _, Result};
use crate::io::say;
use crate::progress::thousands;
use crate::words::{either_case, plural};
use langevin::{Grid, Sampler};
use langevin_analysis::Spectrum;
use langevin_analysis::analysis::{Analysis, Contribution};
use langevin_analysis::recommend::Candidate;
use serde_json::{Value, json};

/// The names of a list, `ddim,heun:churn=40,tmin=0.05,beta:0.6,0.6`: what belongs to the arguments of a name stays with it.
///
/// A piece is an argument of the name before it where it is `key=value` with no name of its own, or a number behind a name that has a colon.
pub fn split(list: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for piece in list.split(',').map(str::trim) {
        let keyed = piece.find('=').is_some_and(|at| !piece[..at].contains(':'));
        let number = piece.parse::<f64>().is_ok();
        match names.last_mut() {
            Some(name) if keyed || (number && name.contains(':')) => {
                name.push(',');
                name.push_str(piece);
            }
            _ => names.push(piece.to_owned()),
        }
    }
    names
}

/// The samplers of a list.
pub fn samplers(list: &str) -> Result<Vec<Sampler>> {
    split(list).iter().map(|name| either_case(name, |name| Sampler::parse(name, None)).or_misused()).collect()
}

/// The grids of a list, each known, as the library writes them.
pub fn grids(list: &str) -> Result<Vec<String>> {
    let known = |name: String| either_case(&name, |name| Grid::parse(name, None).map(|_| name.to_owned())).or_misused();
    split(list).into_iter().map(known).collect()
}

/// What is known of one plan.
pub struct Surveyed {
    /// The sampler and its options, or the name of the plan.
    pub sampler: String,
    /// Its grid, where it was compiled here.
    pub grid: Option<String>,
    /// The steps of that.
    pub steps: Option<usize>,
    /// The file it came from.
    pub file: Option<String>,
    /// The process of its states.
    pub process: String,
    /// Its errors.
    pub analysis: Analysis,
}

impl Surveyed {
    /// As the documents have it.
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

/// One plan of a ranking.
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

/// The sources of an error as documents have them: infinite numbers are null.
fn sources(analysis: &Analysis) -> Vec<Value> {
    let source = |(part, added): (&Contribution, Option<f64>)| {
        json!({
            "cause": part.cause.to_string(), "w2_alone": part.alone.w2, "kl_alone": part.alone.kl, "kl_part": added,
        })
    };
    analysis.contributions.iter().zip(analysis.kl_parts()).map(source).collect()
}

/// Says why KL divergences are infinite, where it is the data.
pub fn say_if_flat<'a>(data: &Spectrum, mut shown: impl Iterator<Item = &'a Analysis>) {
    let flat = data.eigenvalues().last().filter(|space| space.value == 0.0);
    if let Some(flat) = flat.filter(|_| shown.any(|analysis| analysis.total.kl == f64::INFINITY)) {
        say(&format!(
            "note: the data have no variance along {} of {}: KL is ∞ for a plan that leaves some there",
            thousands(flat.count),
            plural(data.dimension(), "dimension")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_arguments_with_their_names() {
        for (list, names) in [
            ("ddim", &["ddim"][..]),
            ("ddim,heun", &["ddim", "heun"]),
            (" ddim , heun ", &["ddim", "heun"]),
            ("karras,beta:0.6,0.6,uniform-t", &["karras", "beta:0.6,0.6", "uniform-t"]),
            ("beta:0.6, .6,karras:5", &["beta:0.6,.6", "karras:5"]),
            ("flow-shift:3,terminal=.1,lu", &["flow-shift:3,terminal=.1", "lu"]),
            ("heun:churn=40,tmin=.05,tmax=inf,ddim", &["heun:churn=40,tmin=.05,tmax=inf", "ddim"]),
            ("adams2:eta=.5,adams3:eta=1", &["adams2:eta=.5", "adams3:eta=1"]),
            ("list:inf,10,1e-1,0,karras", &["list:inf,10,1e-1,0", "karras"]),
            ("ays:sd,ays:sdxl,vp", &["ays:sd", "ays:sdxl", "vp"]),
            ("unipc:uncorrected=0+1,order=3", &["unipc:uncorrected=0+1,order=3"]),
            // A number behind a name that takes none is a mistake of its own, and so is nothing.
            ("karras,5", &["karras", "5"]),
            ("ddim,,heun,", &["ddim", "", "heun", ""]),
            ("0.5,ddim", &["0.5", "ddim"]),
            ("", &[""]),
        ] {
            assert_eq!(split(list), names, "{list}");
        }
    }

    #[test]
    fn every_name_survives_a_list() {
        let names: Vec<&str> = langevin::sampler::Entry::all().iter().map(|entry| entry.name).collect();
        assert_eq!(split(&names.join(",")), names);
        samplers(&names.join(",")).unwrap();
    }
}
