//! Many samplers on many grids, each with its exact error on Gaussian data.

use crate::cli::{RangeArgs, SamplerArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::say;
use crate::progress::thousands;
use crate::schedule::Range;
use crate::words::{either_case, plural};
use langevin::analysis::{Analysis, Contribution};
use langevin::{Formulation, Grid, LambdaRange, Plan, Process, Sampler, Spectrum};
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

/// The grids of a list, each known.
pub fn grids(list: &str) -> Result<Vec<String>> {
    let names = split(list);
    for name in &names {
        either_case(name, |name| Grid::parse(name, None)).or_misused()?;
    }
    Ok(names)
}

/// Whether a grid brings its own number of steps.
pub fn is_list(grid: &str) -> bool {
    grid.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("list"))
}

/// What plans are compiled for.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// The process of the states.
    pub process: &'a Process,
    /// The network, or none for a model that gives D.
    pub network: Option<&'a Formulation>,
    /// What it was trained on.
    pub trained: Option<LambdaRange>,
    /// The noise levels that were asked for.
    pub range: &'a RangeArgs,
}

impl Field<'_> {
    /// The range of a grid.
    pub fn range(&self, grid: &str, steps: Option<usize>) -> Result<Range> {
        let RangeArgs { sigma_min, sigma_max } = *self.range;
        let flags =
            SamplerArgs { sampler: None, moves: None, eta: None, steps, grid: grid.to_owned(), sigma_min, sigma_max };
        flags.range(self.process, self.trained)
    }

    /// The number of steps, and the plan of that many; `None` for a grid that brings its own.
    pub fn plan(&self, sampler: &Sampler, grid: &str, steps: Option<usize>) -> Result<(usize, Plan)> {
        let range = self.range(grid, steps)?;
        let grid = either_case(grid, |grid| Grid::parse(grid, steps)).or_misused()?;
        let levels = grid.levels(self.process, range.min, range.max).or_misused()?;
        Ok((grid.steps(), sampler.compile(self.process, self.network, &levels).or_misused()?))
    }

    /// The plan of as many steps as fit into `budget` evaluations; `None` where not even one does.
    pub fn fitting(&self, sampler: &Sampler, grid: &str, budget: usize) -> Result<Option<(usize, Plan)>> {
        if is_list(grid) {
            return self.plan(sampler, grid, None).map(|(steps, plan)| (plan.nfe() <= budget).then_some((steps, plan)));
        }
        let mut steps = budget;
        let mut first = None;
        while steps > 0 {
            match self.plan(sampler, grid, Some(steps)) {
                Ok((_, plan)) if plan.nfe() <= budget => {
                    let mut best = (steps, plan);
                    // The estimate below may have left out a few.
                    while best.0 < budget
                        && let Ok((steps, plan)) = self.plan(sampler, grid, Some(best.0 + 1))
                        && plan.nfe() <= budget
                    {
                        best = (steps, plan);
                    }
                    return Ok(Some(best));
                }
                // Evaluations grow about as steps do.
                Ok((_, plan)) => steps = (steps * budget / plan.nfe()).min(steps - 1),
                Err(failure) => {
                    first = first.or(Some(failure));
                    steps = steps.min(64) / 2;
                }
            }
        }
        first.map_or(Ok(None), Err)
    }
}

/// What is known of one plan.
pub struct Row {
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

impl Row {
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

/// The sources of an error as documents have them: infinite numbers are null.
fn sources(analysis: &Analysis) -> Vec<Value> {
    let source = |(part, added): (&Contribution, Option<f64>)| {
        json!({
            "cause": part.cause.to_string(), "w2_alone": part.alone.w2, "kl_alone": part.alone.kl, "kl_part": added,
        })
    };
    analysis.contributions.iter().zip(analysis.kl_parts()).map(source).collect()
}

/// A number of a table, as the library writes it.
pub fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "∞".into(),
        0.0 => "0".into(),
        _ => format!("{value:.3e}").replace('-', "−"),
    }
}

/// Rows under their heads, the first `left` columns to the left and the others to the right.
pub fn aligned(rows: &[Vec<String>], left: usize) -> String {
    aligned_as(rows, &vec![true; left])
}

/// Rows under their heads, a column to the left where `left` says so.
pub fn aligned_as(rows: &[Vec<String>], left: &[bool]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if left.get(column) == Some(&true) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// The table of many errors.
pub fn table(rows: &[Row]) -> String {
    let mut lines = vec![["sampler", "grid", "steps", "NFE", "W2", "KL"].map(String::from).to_vec()];
    lines.extend(rows.iter().map(|row| {
        let known = |value: Option<String>| value.unwrap_or_else(|| "–".into());
        let Analysis { nfe, total, .. } = &row.analysis;
        let steps = known(row.steps.map(|steps| steps.to_string()));
        vec![row.sampler.clone(), known(row.grid.clone()), steps, nfe.to_string(), number(total.w2), number(total.kl)]
    }));
    aligned(&lines, 2)
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

/// No plan is left to speak of.
pub fn nothing_fits(what: &str, nfe: usize) -> Failure {
    Failure::misused("no step fits")
        .at("--nfe")
        .expected(format!("evaluations for one step of {what}"))
        .got(nfe.to_string())
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

    #[test]
    fn as_many_steps_as_fit() {
        let process = Process::vp();
        let range = RangeArgs { sigma_min: None, sigma_max: None };
        let field = Field { process: &process, network: None, trained: None, range: &range };
        let nfe = |name: &str, grid: &str, budget: usize| {
            let sampler = Sampler::parse(name, None).unwrap();
            field.fitting(&sampler, grid, budget).unwrap().map(|(steps, plan)| (steps, plan.nfe()))
        };
        assert_eq!(nfe("ddim", "karras", 20), Some((20, 20)));
        // The last of Heun's steps costs one.
        assert_eq!(nfe("heun", "karras", 20), Some((10, 19)));
        assert_eq!(nfe("heun", "karras", 1), Some((1, 1)));
        assert_eq!(nfe("heun", "karras", 21), Some((11, 21)));
        assert_eq!(nfe("ddim", "list:80,10,1,0", 20), Some((3, 3)));
        assert_eq!(nfe("ddim", "list:80,10,1,0", 2), None);
        for name in ["dpmpp-3s", "sa-solver", "unipc", "predictor-corrector", "pndm:start=runge-kutta"] {
            let (steps, nfe) = nfe(name, "karras", 33).unwrap();
            assert!(
                nfe <= 33
                    && field.plan(&Sampler::parse(name, None).unwrap(), "karras", Some(steps + 1)).unwrap().1.nfe()
                        > 33
            );
        }
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [vec!["a".into(), "long".into(), "1".into()], vec!["bcd".into(), "σ".into(), "22".into()]];
        assert_eq!(aligned(&rows, 2), "a    long   1\nbcd  σ     22\n");
        assert_eq!([number(f64::INFINITY), number(0.0), number(0.0125)], ["∞", "0", "1.250e−2"]);
    }
}
