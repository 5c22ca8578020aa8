//! Measures the first plans of a ranking on a model.

use super::{Candidate, Compiler, Ranking, fitting};
use langevin::error::{Error, Result};
use langevin::model::Model;
use langevin::plan::{Plan, Sampling};
use langevin::sampler::Sampler;

/// The sampler of the reference: third order, and stable with many steps.
const REFERENCE: &str = "dpmpp-3s";
/// The grids of the reference, in order of preference; the first one that the process allows is
/// used.
const REFERENCE_GRIDS: [&str; 2] = ["uniform-lambda", "karras"];
/// The reference uses this many times the NFE of the plans, within the bounds `FINE`.
const FINER: usize = 16;
const FINE: [usize; 2] = [150, 900];

/// Settings for measuring the plans of a ranking on a model.
///
/// All plans start from the same noise, and a reference with many more evaluations starts from it
/// too. The measured error of a plan is the distance of its samples from the samples of the
/// reference.
///
/// # Examples
/// See [`run`](Self::run).
/// ```
/// use langevin_analysis::recommend::Measure;
/// // The first three plans, with 1000 samples each, on four threads.
/// let measure = Measure::new(3).samples(1000).seed(7).threads(4);
/// # let _ = measure;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    plans: usize,
    samples: usize,
    seed: u64,
    threads: usize,
}

/// The predicted and the measured error of one plan.
///
/// # Examples
/// ```
/// # use langevin::{Process, Request, Sampler};
/// # use langevin_analysis::Spectrum;
/// # use langevin_analysis::recommend::{By, Search};
/// # let request = Request::new().process(Process::vp());
/// # let data = Spectrum::power_law(2.0, 16)?;
/// use langevin_analysis::exact;
/// use langevin_analysis::recommend::Measure;
/// let model = exact::named("moons")?;
/// let data = Spectrum::from_counts(&[(2.0, 1), (0.5, 1)])?;
/// let mut ranking = Search::new(&request, &data, 6, By::W2).grids(["karras"]).run()?;
/// let trial = Measure::new(1).samples(8).run(&mut ranking, &request, &*model, 2)?.trials[0];
/// let predicted = ranking.candidates()[trial.place].analysis.total.w2 / 2.0_f64.sqrt();
/// assert_eq!(trial.predicted, predicted);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// The index of the plan in [`Ranking::candidates`].
    pub place: usize,
    /// The error that the exact analysis predicts: $W_2/\sqrt d$, in the coordinates of the model.
    pub predicted: f64,
    /// The root mean square distance to the reference over samples and elements, in the same
    /// coordinates; infinite if the samples are not finite.
    pub measured: f64,
}

/// The result of [`Measure::run`].
///
/// # Examples
/// ```
/// # use langevin::{Process, Request, Sampler};
/// # use langevin_analysis::Spectrum;
/// # use langevin_analysis::recommend::{By, Search};
/// # let request = Request::new().process(Process::vp());
/// # let data = Spectrum::power_law(2.0, 16)?;
/// use langevin_analysis::exact;
/// use langevin_analysis::recommend::Measure;
/// let model = exact::named("moons")?;
/// let data = Spectrum::from_counts(&[(2.0, 1), (0.5, 1)])?;
/// let mut ranking = Search::new(&request, &data, 6, By::W2).grids(["karras"]).run()?;
/// let found = Measure::new(2).samples(8).run(&mut ranking, &request, &*model, 2)?;
/// assert!(found.reference_nfe >= 100 && found.reference_error < found.trials[0].measured);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// The measured plans, in the order of the ranking.
    pub trials: Vec<Trial>,
    /// Indices of plans that were skipped because they draw noise on their way.
    ///
    /// These plans end at other samples from the same start, so a distance to the reference has no
    /// meaning. Plans after the last measured one are not listed.
    pub skipped: Vec<usize>,
    /// The number of samples drawn with each plan.
    pub samples: usize,
    /// The name of the reference plan.
    pub reference: String,
    /// The number of network evaluations of the reference.
    pub reference_nfe: usize,
    /// The root mean square distance between the reference and a plan with half its evaluations.
    ///
    /// Differences between plans that are smaller than this number are not significant.
    pub reference_error: f64,
}

impl Measured {
    /// Returns the trial with the smallest measured distance.
    #[must_use]
    pub fn best(&self) -> Option<&Trial> {
        self.trials.iter().min_by(|a, b| a.measured.total_cmp(&b.measured))
    }
}

impl Measure {
    /// Creates settings that measure the first `plans` plans of a ranking that draw no noise on
    /// their way.
    ///
    /// The defaults are 256 samples, seed 0 and one thread.
    #[must_use]
    pub fn new(plans: usize) -> Self {
        Self { plans, samples: 256, seed: 0, threads: 1 }
    }

    /// Sets the number of samples drawn with each plan.
    #[must_use]
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = samples.max(1);
        self
    }

    /// Sets the seed of the starting noise.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the number of threads. The result does not depend on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Draws samples of `dim` elements with the plans and with a fine reference, and measures the
    /// distances.
    ///
    /// All plans start from the same noise. `compiler` must be the compiler of the search. The plan
    /// with the smallest measured distance becomes the best plan of the ranking.
    ///
    /// # Errors
    /// Returns an error if every plan of the ranking draws noise after its start, if the reference
    /// cannot be compiled, or if the model fails.
    ///
    /// # Examples
    /// ```
    /// use langevin_analysis::recommend::{By, Measure, Search};
    /// use langevin::{Process, Request, SampleId};
    /// use langevin_analysis::{Spectrum, exact};
    /// let (request, moons) = (Request::new().process(Process::vp()), exact::named("moons")?);
    /// let rows = [0, 1, 2, 3].map(|index| SampleId { seed: 0, index });
    /// let data = Spectrum::from_data(&moons.sample(&rows), 2)?;
    /// let search = Search::new(&request, &data, 6, By::W2).grids(["karras", "uniform-lambda"]);
    /// let mut ranking = search.run()?;
    /// let found = Measure::new(2).samples(16).run(&mut ranking, &request, &*moons, 2)?;
    /// assert_eq!(found.trials.len(), 2);
    /// assert_eq!(ranking.best().plan, ranking.candidates()[found.best().unwrap().place].plan);
    /// # Ok::<(), langevin::Error>(())
    /// ```
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
        let fine = finer(nfe);
        let reference = reference(compiler, fine)?;
        let half = self.draw(&self::reference(compiler, fine / 2)?, model, dim)?;
        let exact = self.draw(&reference, model, dim)?;
        let mut trials = Vec::with_capacity(chosen.len());
        for place in chosen {
            let Candidate { plan, analysis, .. } = &ranking.candidates()[place];
            let predicted = analysis.total.w2 / (dim.max(1) as f64).sqrt();
            let measured = match self.draw(plan, model, dim) {
                Ok(samples) => apart(&samples, &exact),
                // A plan whose samples are not finite gets an infinite distance; the other plans
                // are still measured.
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

    /// Draws the samples of one plan.
    fn draw<M: Model<Vec<f64>> + Sync + ?Sized>(&self, plan: &Plan, model: &M, dim: usize) -> Result<Vec<f64>> {
        let chunk = self.samples.div_ceil(self.threads).clamp(1, 256);
        Sampling::new(self.samples, dim).seed(self.seed).chunk(chunk).threads(self.threads).run(plan, model)
    }
}

/// Returns the number of evaluations of the reference of plans with `nfe` evaluations.
pub(crate) fn finer(nfe: usize) -> usize {
    (FINER * nfe).clamp(FINE[0], FINE[1]).max(2 * nfe)
}

/// Compiles the reference plan with at most `budget` evaluations.
pub(crate) fn reference(compiler: &dyn Compiler, budget: usize) -> Result<Plan> {
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

/// Returns the root mean square distance; infinite if a sample is not finite.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let square: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    let rms = (square / a.len().max(1) as f64).sqrt();
    if rms.is_finite() { rms } else { f64::INFINITY }
}
