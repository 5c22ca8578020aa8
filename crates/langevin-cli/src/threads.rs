//! The threads of a command. Their number is limited, and reduced if the system provides fewer.

use crate::error::{Failure, Result};
use crate::io::say;
use crate::words::start;
use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};
use std::error::Error as _;
use std::sync::{Arc, Mutex, OnceLock};

/// Maximum number of threads that can be requested.
pub const MOST: usize = 1024;
/// Environment variable from which rayon reads its number of threads.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// Prepares the thread pool for work without a requested number of threads. Otherwise rayon would
/// create the threads at first use and panic if that fails.
///
/// # Errors
/// Returns an error if the environment requests more than [`MOST`] threads, or if no thread can be
/// created.
pub fn ready() -> Result<()> {
    static DONE: OnceLock<()> = OnceLock::new();
    if DONE.get().is_some() {
        return Ok(());
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // The value is read as in rayon: 0 and values that are not numbers select the number of cores.
    let asked = std::env::var(VARIABLE).ok().and_then(|text| Some((text.trim().parse::<u64>().ok()?, text)));
    let wanted = match asked {
        Some((number, text)) if number > MOST as u64 => {
            return Err(Failure::misused("too many threads")
                .at(VARIABLE)
                .expected(format!("at most {MOST}"))
                .got(start(&text)));
        }
        Some((number, _)) if number > 0 => number as usize,
        _ => cores.min(MOST),
    };
    // The global pool can be built only once, even after a failure, so the available number is
    // determined first.
    let made = possible(wanted);
    let builder = match made {
        0 => ThreadPoolBuilder::new().num_threads(1).use_current_thread(),
        some => ThreadPoolBuilder::new().num_threads(some),
    };
    match builder.build_global() {
        // Another user of this process built the pool first.
        Err(error) if error.source().is_some() => return Err(none(&error)),
        _ => {}
    }
    short(wanted, made.max(1));
    let _ = DONE.set(());
    Ok(())
}

/// Returns the number of threads that the system provides, up to `wanted`. The threads are created
/// and ended again.
fn possible(wanted: usize) -> usize {
    let (keep, end) = std::sync::mpsc::channel::<()>();
    let end = Arc::new(Mutex::new(end));
    let spawn = |_| {
        let end = end.clone();
        // All threads wait until the sender is dropped, so that all exist at the same time.
        let wait = move || drop(end.lock().map(|end| end.recv()));
        std::thread::Builder::new().spawn(wait).ok()
    };
    let threads: Vec<_> = (0..wanted).map_while(spawn).collect();
    drop(keep);
    let number = threads.len();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    number
}

/// Runs work with `wanted` threads, or with as many as the system provides.
///
/// # Errors
/// Returns the error of `work`.
pub fn within<T: Send>(wanted: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let Some((made, pool)) = fewer(wanted.min(MOST), ThreadPoolBuilder::build) else {
        // If no pool can be built, the pool of [`ready`] is used.
        return work();
    };
    short(wanted, made);
    pool.install(work)
}

/// Builds with `wanted` threads and halves the number while that fails.
fn fewer<T>(wanted: usize, build: impl Fn(ThreadPoolBuilder) -> Result<T, ThreadPoolBuildError>) -> Option<(usize, T)> {
    let halves = std::iter::successors(Some(wanted.max(1)), |number| Some(number / 2));
    let mut numbers = halves.take_while(|number| *number > 0);
    numbers.find_map(|number| Some((number, build(ThreadPoolBuilder::new().num_threads(number)).ok()?)))
}

fn none(error: &ThreadPoolBuildError) -> Failure {
    Failure::failed("no thread can be made").got(error.to_string()).hint("end other programs, or raise `ulimit -u`")
}

fn short(wanted: usize, made: usize) {
    if made < wanted {
        say(&format!("note: the system gives no more than {made} of {wanted} threads"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_there_are() {
        // No address space holds a stack of this size, so the thread cannot be created.
        let vast = |builder: ThreadPoolBuilder| builder.stack_size(1 << 50).build();
        let limited = |most: usize| {
            move |builder: ThreadPoolBuilder| {
                let number = builder.build()?.current_num_threads();
                if number > most { vast(ThreadPoolBuilder::new().num_threads(1)).map(|_| 0) } else { Ok(number) }
            }
        };
        assert_eq!(fewer(16, limited(5)), Some((4, 4)));
        assert_eq!(fewer(1, limited(5)), Some((1, 1)));
        assert_eq!(fewer(0, limited(5)), Some((1, 1)));
        assert_eq!(fewer(16, limited(0)), None);
        assert_eq!((possible(0), possible(3)), (0, 3));
    }
}
