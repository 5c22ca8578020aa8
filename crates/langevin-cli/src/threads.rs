//! The threads of a command: bounded however they are set, and fewer of them where the system gives no more.

use crate::error::{Failure, Result};
use crate::io::say;
use crate::words::start;
use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};
use std::error::Error as _;
use std::sync::{Arc, Mutex, OnceLock};

/// The most threads that can be asked for.
pub const MOST: usize = 1024;
/// What rayon reads its number of threads from.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// Prepares the threads that work is shared among where no flag gives a number. Without this, they would be made where
/// they are first needed, and a thread that cannot be made would be a panic there.
///
/// # Errors
/// Returns an error if the environment asks for more than [`MOST`] threads, or if not even one can be used.
pub fn ready() -> Result<()> {
    static DONE: OnceLock<()> = OnceLock::new();
    if DONE.get().is_some() {
        return Ok(());
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // As rayon reads it: what is no number, and 0, stand for the cores.
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
    // The pool of the process can be built once, and not again after it failed: so first it is tried what there is.
    let made = possible(wanted);
    let builder = match made {
        0 => ThreadPoolBuilder::new().num_threads(1).use_current_thread(),
        some => ThreadPoolBuilder::new().num_threads(some),
    };
    match builder.build_global() {
        // Another user of this process was first, and has threads.
        Err(error) if error.source().is_some() => return Err(none(&error)),
        _ => {}
    }
    short(wanted, made.max(1));
    let _ = DONE.set(());
    Ok(())
}

/// How many threads the system gives, up to `wanted`: made, and ended again.
fn possible(wanted: usize) -> usize {
    let (keep, end) = std::sync::mpsc::channel::<()>();
    let end = Arc::new(Mutex::new(end));
    let spawn = |_| {
        let end = end.clone();
        // Waits, so that all are there at the same time, until nobody can send any more.
        let wait = move || drop(end.lock().map(|end| end.recv()));
        std::thread::Builder::new().spawn(wait).ok()
    };
    let threads: Vec<_> = (0..wanted).map_while(spawn).collect();
    drop(keep);
    let number = threads.len();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    number
}

/// Does work with `wanted` threads, or with as many as the system gives.
///
/// # Errors
/// Returns the error of `work`.
pub fn within<T: Send>(wanted: usize, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let Some((made, pool)) = fewer(wanted.min(MOST), ThreadPoolBuilder::build) else {
        // Not one: those that [`ready`] found.
        return work();
    };
    short(wanted, made);
    pool.install(work)
}

/// Builds with `wanted` threads or, while that fails, with half as many.
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
        // A stack that no address space holds: the thread cannot be made.
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
