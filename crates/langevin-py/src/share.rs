//! A pass over memory, shared among threads.
//!
//! Each thread writes parts of one state. The result has the same bits as with one thread.

use langevin::space::{Coef, DenoiseSlices, Draw, Element};
use langevin::{SampleId, SliceSpace};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// Largest useful number of threads: beyond it the memory bandwidth is exhausted.
const MOST: usize = 4;
/// Smallest number of elements that is shared among threads.
///
/// One thread finishes fewer elements before another has woken up: at half this number, waking cost
/// 30 µs of 100 on two cores.
const WORTH: usize = 1 << 19;
/// Number of parts for each thread, so that a thread that wakes up late leaves its parts to others.
const PARTS: usize = 4;

/// Parts are cut at multiples of this number of elements: a cache line in single precision.
const LINE: usize = 16;

/// The thread pool and the id of its process: threads do not survive a fork.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

fn pool(threads: usize) -> Option<Arc<ThreadPool>> {
    // `try_lock`, because a fork while another thread holds the lock leaves it locked for ever.
    let mut pool = POOL.try_lock().ok()?;
    let process = std::process::id();
    match &*pool {
        Some((home, known)) if *home == process && known.current_num_threads() + 1 >= threads => Some(known.clone()),
        _ => {
            let builder = ThreadPoolBuilder::new().num_threads(threads - 1).thread_name(|_| "langevin".into());
            let fresh = Arc::new(builder.build().ok()?);
            // The pool of another process has no threads in this one to end, so it is leaked.
            if let Some((home, old)) = pool.replace((process, fresh.clone()))
                && home != process
            {
                std::mem::forget(old);
            }
            Some(fresh)
        }
    }
}

/// Returns the default number of threads for a pass.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST)
}

/// Cuts `len` elements into parts, each except the last a multiple of `unit`.
///
/// There is only one part if waking another thread would cost more than it saves.
pub fn parts(len: usize, unit: usize, threads: usize) -> Vec<Range<usize>> {
    let threads = threads.min(MOST);
    let count = if threads > 1 && len >= WORTH { PARTS * threads } else { 1 };
    let unit = unit.max(1);
    let units = len.div_ceil(unit);
    let cut = |part: usize| (units * part / count * unit).min(len);
    (0..count).map(|part| cut(part)..cut(part + 1)).filter(|part| !part.is_empty()).collect()
}

/// Splits a mutable slice into parts.
pub fn cut<'a, T>(mut slice: &'a mut [T], parts: &[Range<usize>]) -> Vec<&'a mut [T]> {
    let take = |part: &Range<usize>| {
        let (head, tail) = std::mem::take(&mut slice).split_at_mut(part.len());
        slice = tail;
        head
    };
    parts.iter().map(take).collect()
}

/// Runs jobs on this thread and on helpers, and returns the first error.
///
/// Each thread takes the next job from a queue, so this thread works on while helpers wake up.
pub fn run<J>(jobs: Vec<J>, threads: usize) -> langevin::Result<()>
where
    J: FnOnce() -> langevin::Result<()> + Send,
{
    let pool = if jobs.len() > 1 && threads > 1 { pool(threads) } else { None };
    let helpers = pool.as_ref().map_or(0, |_| (threads - 1).min(jobs.len() - 1));
    let (jobs, failed) = (Mutex::new(jobs.into_iter()), Mutex::new(None));
    let next = || jobs.lock().ok().and_then(|mut jobs| jobs.next());
    let work = || {
        while let Some(job) = next() {
            if let (Err(error), Ok(mut failed)) = (job(), failed.lock()) {
                failed.get_or_insert(error);
            }
        }
    };
    match pool {
        Some(pool) => pool.in_place_scope(|scope| {
            (0..helpers).for_each(|_| scope.spawn(|_| work()));
            work();
        }),
        None => work(),
    }
    failed.into_inner().ok().flatten().map_or(Ok(()), Err)
}

/// Returns the coefficients of a range of rows.
fn of_rows<'a>(coef: Coef<'a>, rows: &Range<usize>) -> Coef<'a> {
    match coef {
        Coef::PerRow(values) => Coef::PerRow(&values[rows.clone()]),
        all => all,
    }
}

/// A pass over the rows of a state.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// The number of elements of a row.
    pub width: usize,
    /// The number of threads that may share the pass.
    pub threads: usize,
    /// The sample of each row.
    pub rows: &'a [SampleId],
}

impl Pass<'_> {
    /// Returns the parts of the pass: cut between rows if `by_row`, else at cache lines.
    fn parts(self, by_row: bool) -> Vec<Range<usize>> {
        parts(self.width * self.rows.len(), if by_row { self.width } else { LINE }, self.threads)
    }

    /// Returns the width and the rows of one part; without `by_row` the part counts as one row.
    fn of(self, part: &Range<usize>, by_row: bool) -> (usize, Range<usize>) {
        if by_row { (self.width, part.start / self.width..part.end / self.width) } else { (part.len(), 0..1) }
    }

    /// Runs [`SliceSpace::combine_into`] on the threads of the pass.
    pub fn combine_into<T: Element>(
        self,
        out: &mut [T],
        own: Option<Coef<'_>>,
        terms: &[(Coef<'_>, &[T])],
        noise: &[(Coef<'_>, Draw)],
    ) -> langevin::Result<()> {
        let coefs = own.iter().chain(terms.iter().map(|term| &term.0)).chain(noise.iter().map(|term| &term.0));
        let by_row = !noise.is_empty() || coefs.into_iter().any(|coef| matches!(coef, Coef::PerRow(_)));
        let parts = self.parts(by_row);
        if parts.len() <= 1 {
            return SliceSpace::new(self.width).combine_into(out, own, terms, noise, self.rows);
        }
        let jobs = cut(out, &parts).into_iter().zip(&parts).map(|(out, part)| {
            let (width, rows) = self.of(part, by_row);
            move || {
                let terms: Vec<_> =
                    terms.iter().map(|(coef, term)| (of_rows(*coef, &rows), &term[part.clone()])).collect();
                let noise: Vec<_> = noise.iter().map(|(coef, draw)| (of_rows(*coef, &rows), *draw)).collect();
                let own = own.map(|coef| of_rows(coef, &rows));
                SliceSpace::new(width).combine_into(out, own, &terms, &noise, &self.rows[rows])
            }
        });
        run(jobs.collect(), self.threads.min(MOST))
    }

    /// Runs [`SliceSpace::denoise_and_combine_into`] on the threads of the pass.
    pub fn denoise_and_combine_into<T: Element>(
        self,
        step: DenoiseSlices<'_, T>,
        out: &mut [T],
        own: Option<f64>,
        terms: &[(f64, Option<&[T]>)],
        noise: &[(Coef<'_>, Draw)],
    ) -> langevin::Result<()> {
        let by_row = !noise.is_empty();
        let parts = self.parts(by_row);
        if parts.len() <= 1 {
            return SliceSpace::new(self.width).denoise_and_combine_into(step, out, own, terms, noise, self.rows);
        }
        let DenoiseSlices { a, b, x, model, keep } = step;
        let mut keeps = keep.map(|keep| cut(keep, &parts).into_iter());
        let jobs = cut(out, &parts).into_iter().zip(&parts).map(|(out, part)| {
            let (width, rows) = self.of(part, by_row);
            let keep = keeps.as_mut().and_then(Iterator::next);
            move || {
                let terms: Vec<_> =
                    terms.iter().map(|(coef, term)| (*coef, term.map(|term| &term[part.clone()]))).collect();
                let (x, model) = (x.map(|x| &x[part.clone()]), model.map(|model| &model[part.clone()]));
                let step = DenoiseSlices { a, b, x, model, keep };
                SliceSpace::new(width).denoise_and_combine_into(step, out, own, &terms, noise, &self.rows[rows])
            }
        });
        run(jobs.collect(), self.threads.min(MOST))
    }
}
