//! Sampling on slices: many rows, in chunks that fit the cache, on several threads.

use super::Plan;
use crate::error::{Error, Result};
use crate::kernel::Element;
use crate::model::Model;
use crate::noise::SampleId;
use crate::space::{SliceSpace, Space as _};

/// The largest number of threads that share the rows. More threads would only cost memory for their
/// stacks, so a larger request is reduced to this number.
pub const MOST_THREADS: usize = 1024;

/// Settings for drawing many samples on slices: which rows, in what chunks, on how many threads.
///
/// The chunk size and the thread count do not change a bit of the result.
///
/// ```
/// use langevin_analysis::exact::Gaussian;
/// use langevin::{Request, Sampling};
/// let plan = Request::new().sampler("ddim").steps(10).plan()?;
/// let data = Gaussian::isotropic(vec![0.0, 1.0], 1.0)?;
/// let all: Vec<f64> = Sampling::new(100, 2).seed(3).run(&plan, &data)?;
/// let last = Sampling::new(40, 2).seed(3).first(60).chunk(7).threads(2);
/// let last: Vec<f64> = last.run(&plan, &data)?;
/// assert_eq!(all[60 * 2..], last);
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    count: usize,
    width: usize,
    seed: u64,
    first: u64,
    chunk: usize,
    threads: usize,
}

impl Sampling {
    /// Returns the settings for `count` samples of `width` elements each.
    ///
    /// Defaults: seed 0, from sample 0, in chunks of about 8,192 elements, on the calling thread.
    ///
    /// ```
    /// use langevin_analysis::exact::Gaussian;
    /// use langevin::{Request, Sampling};
    /// let (plan, data) = (Request::new().plan()?, Gaussian::isotropic(vec![2.0, -1.0], 0.1)?);
    /// let samples: Vec<f32> = Sampling::new(500, 2).run(&plan, &data)?;
    /// let mean = |column: usize| samples.iter().skip(column).step_by(2).sum::<f32>() / 500.0;
    /// assert!((mean(0) - 2.0).abs() < 0.05 && (mean(1) + 1.0).abs() < 0.05);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn new(count: usize, width: usize) -> Self {
        // Small enough for the states of a few slots to stay in the second-level cache, and large
        // enough to hide the cost of the executor.
        let chunk = (8192 / width.max(1)).max(1);
        Self { count, width, seed: 0, first: 0, chunk, threads: 1 }
    }

    /// Sets the number of samples.
    ///
    /// ```
    /// use langevin_analysis::exact::Gaussian;
    /// use langevin::{Request, Sampling};
    /// let (plan, data) = (Request::new().steps(3).plan()?, Gaussian::isotropic(vec![0.0], 1.0)?);
    /// let all = Sampling::new(4, 1);
    /// let few = all.count(2).run::<f64>(&plan, &data)?;
    /// assert_eq!(few, all.run::<f64>(&plan, &data)?[..2]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn count(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// Sets the seed.
    ///
    /// ```
    /// use langevin_analysis::exact::Gaussian;
    /// use langevin::{Request, Sampling};
    /// let (plan, data) = (Request::new().steps(3).plan()?, Gaussian::isotropic(vec![0.0], 1.0)?);
    /// let draw = |seed| Sampling::new(1, 1).seed(seed).run::<f64>(&plan, &data);
    /// assert_eq!(draw(1)?, draw(1)?);
    /// assert_ne!(draw(1)?, draw(2)?);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the global index of the first sample.
    #[must_use]
    pub fn first(mut self, first: u64) -> Self {
        self.first = first;
        self
    }

    /// Sets the number of rows that go through the plan together.
    #[must_use]
    pub fn chunk(mut self, rows: usize) -> Self {
        self.chunk = rows.max(1);
        self
    }

    /// Sets the number of threads that share the chunks.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Runs the plan and returns `count × width` numbers, row after row.
    ///
    /// # Errors
    /// Returns an error if the batch does not fit in memory, if the model does not fit the plan, or
    /// if the model fails. The first failing chunk stops the run.
    pub fn run<T: Element>(&self, plan: &Plan, model: &(impl Model<Vec<T>> + Sync + ?Sized)) -> Result<Vec<T>> {
        self.run_with(plan, model, &[])
    }

    /// Runs a plan that has inputs, and returns `count × width` numbers, row after row.
    ///
    /// `inputs` holds `count × width` numbers for each of [`Plan::inputs`], in that order.
    ///
    /// ```
    /// use langevin_analysis::exact::Gaussian;
    /// use langevin::sampler::Start;
    /// use langevin::{Process, Request, Sampling};
    /// // The last step alone: the output is close to the input.
    /// let request = Request::new().sampler("ddim").process(Process::ve()).steps(10);
    /// let plan = request.start(9, Start::Image).plan()?;
    /// let data = Gaussian::isotropic(vec![0.0, 1.0], 1.0)?;
    /// let image = [0.5, 1.5, -0.5, 2.5];
    /// let out: Vec<f64> = Sampling::new(2, 2).run_with(&plan, &data, &[&image])?;
    /// assert!(out.iter().zip(image).all(|(out, image)| (out - image).abs() < 0.02));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`run`](Self::run), and if an input has another
    /// length.
    pub fn run_with<T: Element>(
        &self,
        plan: &Plan,
        model: &(impl Model<Vec<T>> + Sync + ?Sized),
        inputs: &[&[T]],
    ) -> Result<Vec<T>> {
        let too_large = || {
            Error::argument("the samples do not fit in memory")
                .expected("a count that can be held")
                .got(format!("{} × {} numbers", self.count, self.width))
        };
        let len = self.count.checked_mul(self.width).ok_or_else(too_large)?;
        if self.first.checked_add(self.count as u64).is_none() {
            return Err(too_large());
        }
        if let Some(input) = inputs.iter().find(|input| input.len() != len) {
            return Err(Error::shape("an input does not fit the samples")
                .expected(format!("{} × {} numbers", self.count, self.width))
                .got(input.len().to_string()));
        }
        let mut samples = Vec::new();
        samples.try_reserve_exact(len).map_err(|_| too_large())?;
        samples.resize(len, T::default());
        let sampling = Self { chunk: self.chunk.min(self.count.max(1)), ..*self };
        sampling.fill(plan, model, inputs, &mut samples)?;
        Ok(samples)
    }

    /// Fills the samples chunk by chunk. The chunk size is at most the sample count.
    fn fill<T: Element>(
        &self,
        plan: &Plan,
        model: &(impl Model<Vec<T>> + Sync + ?Sized),
        inputs: &[&[T]],
        samples: &mut [T],
    ) -> Result<()> {
        let threads = self.threads.min(self.count.div_ceil(self.chunk)).clamp(1, MOST_THREADS);
        let pieces = samples.chunks_mut((self.chunk * self.width).max(1)).enumerate();
        if threads == 1 {
            let space = SliceSpace::new(self.width);
            for (piece, out) in pieces {
                self.piece(plan, model, inputs, &space, piece, out)?;
            }
            return Ok(());
        }
        let queue = std::sync::Mutex::new(pieces);
        let next = || queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
        let work = || -> Result<()> {
            let space = SliceSpace::new(self.width);
            while let Some((piece, out)) = next() {
                // A failure empties the queue, so that the other threads stop too.
                self.piece(plan, model, inputs, &space, piece, out).inspect_err(|_| while next().is_some() {})?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            // If the system refuses a thread, the run continues without it: the others take its
            // chunks.
            let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
            let others: Vec<_> = (1..threads).map_while(spawn).collect();
            let mine = work();
            others.into_iter().fold(mine, |result, other| match other.join() {
                Ok(theirs) => result.and(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    #[allow(clippy::too_many_arguments, reason = "every piece receives what the pieces share")]
    fn piece<T: Element>(
        &self,
        plan: &Plan,
        model: &(impl Model<Vec<T>> + ?Sized),
        inputs: &[&[T]],
        space: &SliceSpace<T>,
        piece: usize,
        out: &mut [T],
    ) -> Result<()> {
        let start = piece * self.chunk;
        let rows: Vec<SampleId> = (start..self.count.min(start + self.chunk))
            .map(|row| SampleId { seed: self.seed, index: self.first + row as u64 })
            .collect();
        let inputs = inputs.iter().map(|input| input[start * self.width..][..out.len()].to_vec()).collect();
        let state = plan.run(space, model, inputs, &rows)?;
        if state.len() != out.len() {
            return Err(Error::shape("the model changed the shape")
                .expected(out.len().to_string())
                .got(state.len().to_string()));
        }
        out.copy_from_slice(&state);
        space.recycle(state);
        Ok(())
    }
}
