//! One pass over memory shared among threads: parts of one state are written by each, with the bits that one thread would write.

use langevin::space::{Coef, DenoiseSlices, Draw, Element};
use langevin::{SampleId, SliceSpace};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// More threads than this find no more memory to move.
const MOST: usize = 4;
/// Fewer elements than this one thread has done before another has woken up: with half of it, waking cost 30 µs of 100 on two cores.
const WORTH: usize = 1 << 19;
/// Parts for each thread, so that one that wakes up late finds less to do.
const PARTS: usize = 4;

/// Elements that parts are cut at multiples of: a line of the cache in single precision.
const LINE: usize = 16;

/// The threads, and the process that they live in: a fork takes none of them along.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

fn pool(threads: usize) -> Option<Arc<ThreadPool>> {
    // Whoever forks while another thread stands here finds a lock that nobody opens.
    let mut pool = POOL.try_lock().ok()?;
    let process = std::process::id();
    match &*pool {
        Some((home, known)) if *home == process && known.current_num_threads() + 1 >= threads => Some(known.clone()),
        _ => {
            let builder = ThreadPoolBuilder::new().num_threads(threads - 1).thread_name(|_| "langevin".into());
            let fresh = Arc::new(builder.build().ok()?);
            // Those of another process have no threads that could be told to end.
            if let Some((home, old)) = pool.replace((process, fresh.clone()))
                && home != process
            {
                std::mem::forget(old);
            }
            Some(fresh)
        }
    }
}

/// How many threads there are for a pass where nobody says.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST)
}

/// The parts of `len` elements, each but the last of whole units of `unit`; one where no other thread is worth its waking.
pub fn parts(len: usize, unit: usize, threads: usize) -> Vec<Range<usize>> {
    let threads = threads.min(MOST);
    let count = if threads > 1 && len >= WORTH { PARTS * threads } else { 1 };
    let unit = unit.max(1);
    let units = len.div_ceil(unit);
    let cut = |part: usize| (units * part / count * unit).min(len);
    (0..count).map(|part| cut(part)..cut(part + 1)).filter(|part| !part.is_empty()).collect()
}

/// Cuts a slice that is written into.
pub fn cut<'a, T>(mut slice: &'a mut [T], parts: &[Range<usize>]) -> Vec<&'a mut [T]> {
    let take = |part: &Range<usize>| {
        let (head, tail) = std::mem::take(&mut slice).split_at_mut(part.len());
        slice = tail;
        head
    };
    parts.iter().map(take).collect()
}

/// Does jobs here and on other threads, each the next that nobody has begun: while another thread still wakes up, this one goes on. The first error of all.
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

/// The coefficients of these rows.
fn of_rows<'a>(coef: Coef<'a>, rows: &Range<usize>) -> Coef<'a> {
    match coef {
        Coef::PerRow(values) => Coef::PerRow(&values[rows.clone()]),
        all => all,
    }
}

/// What a pass is over: rows of `width` elements, and so many threads for it.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    /// The elements of a row.
    pub width: usize,
    /// How many threads may share it.
    pub threads: usize,
    /// Whose rows they are.
    pub rows: &'a [SampleId],
}

impl Pass<'_> {
    /// The parts: what depends on the row is cut between rows, and what does not anywhere.
    fn parts(self, by_row: bool) -> Vec<Range<usize>> {
        parts(self.width * self.rows.len(), if by_row { self.width } else { LINE }, self.threads)
    }

    /// The width and the rows of one of several parts; what does not depend on the row is as if it were one.
    fn of(self, part: &Range<usize>, by_row: bool) -> (usize, Range<usize>) {
        if by_row { (self.width, part.start / self.width..part.end / self.width) } else { (part.len(), 0..1) }
    }

    /// [`SliceSpace::combine_into`].
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

    /// [`SliceSpace::denoise_and_combine_into`].
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
