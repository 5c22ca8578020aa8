//! The threads of a command: bounded however they are set, and fewer of them where the system gives no more.

use crate::error::{Failure, Result};
use crate::io::say;
use crate::words::start;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::error::Error as _;
use std::sync::OnceLock;

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
    let (made, ()) = fewer(wanted, |builder| match builder.build_global() {
        // Another user of this process was first, and has threads.
        Err(error) if error.source().is_none() => Ok(()),
        other => other,
    })?;
    short(wanted, made);
    let _ = DONE.set(());
    Ok(())
}

/// A pool of `wanted` threads, or of as many as the system gives.
///
/// # Errors
/// Returns an error if not even one thread can be used.
pub fn pool(wanted: usize) -> Result<ThreadPool> {
    let (made, pool) = fewer(wanted.min(MOST), ThreadPoolBuilder::build)?;
    short(wanted, made);
    Ok(pool)
}

/// Builds with `wanted` threads or, while that fails, with half as many; the last attempt needs no new thread at all.
fn fewer<T>(wanted: usize, build: impl Fn(ThreadPoolBuilder) -> Result<T, ThreadPoolBuildError>) -> Result<(usize, T)> {
    let mut number = wanted.max(1);
    loop {
        match build(ThreadPoolBuilder::new().num_threads(number)) {
            Ok(made) => return Ok((number, made)),
            Err(_) if number > 1 => number /= 2,
            Err(_) => break,
        }
    }
    let here = build(ThreadPoolBuilder::new().num_threads(1).use_current_thread());
    here.map(|made| (1, made)).map_err(|error| {
        Failure::failed("no thread can be made").got(error.to_string()).hint("end other programs, or raise `ulimit -u`")
    })
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
        assert_eq!(fewer(16, limited(5)).unwrap(), (4, 4));
        assert_eq!(fewer(1, limited(5)).unwrap(), (1, 1));
        assert_eq!(fewer(0, limited(5)).unwrap(), (1, 1));
    }
}
