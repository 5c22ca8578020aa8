//! The first plans of a ranking tried on a model.

use super::{Candidate, Compiler, Ranking, fitting};
use langevin::error::{Error, Result};
use langevin::model::Model;
use langevin::plan::{Plan, Sampling};
use langevin::sampler::Sampler;

/// The sampler of the reference: of third order, and stable in many steps.
const REFERENCE: &str = "dpmpp-3s";
/// The grids of the reference: the first one that the process allows.
const REFERENCE_GRIDS: [&str; 2] = ["uniform-lambda", "karras"];
/// Evaluations of the reference: so many times those of the plans, within these bounds.
const FINER: usize = 16;
const FINE: [usize; 2] = [150, 900];

/// How plans are tried on a model.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    plans: usize,
    samples: usize,
    seed: u64,
    threads: usize,
}

/// One plan of a ranking beside the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// The place in [`Ranking::candidates`], from 0.
    pub place: usize,
    /// What the exact analysis predicts: $W_2/\sqrt d$, in the coordinates of the model.
    pub predicted: f64,
    /// The root mean square distance to the reference over samples and elements, in the same coordinates; infinite if the samples are not finite.
    pub measured: f64,
}

/// What [`Measure::run`] finds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// The plans that were tried, in the order of the ranking.
    pub trials: Vec<Trial>,
    /// Places of plans before the last one tried that draw noise on their way: they end at other samples from the same start, so they have no distance of this kind.
    pub skipped: Vec<usize>,
    /// Samples of each plan.
    pub samples: usize,
    /// The name of the reference's plan.
    pub reference: String,
    /// Evaluations of the reference.
    pub reference_nfe: usize,
    /// The root mean square distance between the reference and one of half its evaluations: smaller differences between plans say nothing.
    pub reference_error: f64,
}

impl Measured {
    /// The trial with the smallest measured distance.
    #[must_use]
    pub fn best(&self) -> Option<&Trial> {
        self.trials.iter().min_by(|a, b| a.measured.total_cmp(&b.measured))
    }
}

impl Measure {
    /// Tries the first `plans` plans of a ranking that draw no noise on their way. 256 samples, seed 0 and one thread by default.
    #[must_use]
    pub fn new(plans: usize) -> Self {
        Self { plans, samples: 256, seed: 0, threads: 1 }
    }

    /// Draws this many samples with each plan.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = samples.max(1);
        self
    }

    /// Draws from this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Shares the samples among this many threads, which do not change the result.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Draws samples of `dim` elements with the plans and with a fine reference, all from the same noise, and measures how far apart they end.
    ///
    /// `compiler` is that of the search. The ranking's best plan becomes the best measured one.
    ///
    /// ```
    /// use langevin_analysis::recommend::{By, Measure, Search};
    /// use langevin::{Process, Request};
    /// use langevin_analysis::{Spectrum, exact};
    /// let (request, moons) = (Request::new().process(Process::vp()), exact::named("moons")?);
    /// let data = Spectrum::from_data(&moons.sample(&[0, 1, 2, 3].map(|index| langevin::SampleId { seed: 0, index })), 2)?;
    /// let mut ranking = Search::new(&request, &data, 6, By::W2).grids(["karras", "uniform-lambda"]).run()?;
    /// let found = Measure::new(2).samples(16).run(&mut ranking, &request, &*moons, 2)?;
    /// assert_eq!(found.trials.len(), 2);
    /// assert_eq!(ranking.best().plan, ranking.candidates()[found.best().unwrap().place].plan);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if no plan of the ranking draws its start alone, if the reference cannot be compiled, or if the model fails.
    pub fn run<M: Model<Vec<f64>> + Sync + ?Sized>(
        &self,
        ranking: &mut Ranking,
        compiler: &dyn Compiler,
        model: &M,
        dim: usize,
    ) -> Result<Measured> {
        let mut chosen: Vec<usize> = Vec::new();
        let mut skipped = Vec::new();
        for (place, candidate) in ranking.candidates().iter().enumerate() {
            if chosen.len() == self.plans {
                break;
            }
            if candidate.plan.draws() <= 1 { chosen.push(place) } else { skipped.push(place) }
        }
        let Some(last) = chosen.last() else {
            return Err(Error::argument("nothing can be measured")
                .at("measure")
                .expected("a plan that draws no noise after its start")
                .got(format!("{} plans that do", skipped.len())));
        };
        skipped.retain(|place| place < last);
        let nfe = chosen.iter().map(|place| ranking.candidates()[*place].analysis.nfe).max().unwrap_or(1);
        let fine = (FINER * nfe).clamp(FINE[0], FINE[1]).max(2 * nfe);
        let reference = reference(compiler, fine)?;
        let half = self.draw(&self::reference(compiler, fine / 2)?, model, dim)?;
        let exact = self.draw(&reference, model, dim)?;
        let mut trials = Vec::with_capacity(chosen.len());
        for place in chosen {
            let Candidate { plan, analysis, .. } = &ranking.candidates()[place];
            let predicted = analysis.total.w2 / (dim.max(1) as f64).sqrt();
            let measured = match self.draw(plan, model, dim) {
                Ok(samples) => apart(&samples, &exact),
                // A plan that leaves the numbers is the worst there is, and no reason to stop.
                Err(error) if error.is_singular() => f64::INFINITY,
                Err(error) => return Err(error),
            };
            trials.push(Trial { place, predicted, measured });
        }
        let measured = Measured {
            trials,
            skipped,
            samples: self.samples,
            reference: reference.name().to_owned(),
            reference_nfe: reference.nfe(),
            reference_error: apart(&half, &exact),
        };
        if let Some(best) = measured.best() {
            ranking.choose(best.place);
        }
        Ok(measured)
    }

    fn draw<M: Model<Vec<f64>> + Sync + ?Sized>(&self, plan: &Plan, model: &M, dim: usize) -> Result<Vec<f64>> {
        let chunk = self.samples.div_ceil(self.threads).clamp(1, 256);
        Sampling::new(self.samples, dim).seed(self.seed).chunk(chunk).threads(self.threads).run(plan, model)
    }
}

/// A plan of about so many evaluations that is far more exact than those of a ranking.
fn reference(compiler: &dyn Compiler, budget: usize) -> Result<Plan> {
    let sampler = Sampler::parse(REFERENCE, None)?;
    let mut failed = None;
    for grid in compiler.usual_grid().map_or(&["config"][..], |_| &REFERENCE_GRIDS) {
        match fitting(compiler, &sampler, grid, budget) {
            Ok(Some((_, plan))) => return Ok(plan),
            Ok(None) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or_else(|| Error::argument("no reference can be compiled").at("measure")))
}

/// The root mean square distance; infinite where a sample is no number.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    let rms = (square / a.len().max(1) as f64).sqrt();
    if rms.is_finite() { rms } else { f64::INFINITY }
}
