//! The directory of a training run.
//!
//! ```text
//! lock                   the process that trains in it, while it does
//! config.toml            every flag that was given or held by default
//! log.ndjson             an object a line: step, loss, …
//! states/step-N          what the run is after step N; the newest two
//! averages/step-N        averages of the weights, of which others can be made
//! samples/step-N.png     samples on the way
//! model.safetensors      the model as it was last saved
//! best.safetensors       the model that was best on the rows held out, where that is another
//! ```

use crate::error::{Error, Result};
use crate::lock::{self, Lock};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// File name of the model of a run.
pub const MODEL: &str = "model.safetensors";
/// File name of the configuration of a run.
pub const CONFIG: &str = "config.toml";
/// File name of the log of a run.
pub const LOG: &str = "log.ndjson";
/// Names of everything that a run keeps in its directory.
pub const NAMES: [&str; 8] = [CONFIG, LOG, lock::NAME, "states", "averages", "samples", MODEL, BEST];
/// File name of the model that was best on held-out rows.
const BEST: &str = "best.safetensors";
/// States that are kept: the newest, and one more for when that is damaged.
const KEPT: usize = 2;

/// A way to write files.
pub trait Files {
    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    fn save(&self, path: &Path, bytes: &[u8]) -> Result<()>;

    /// Removes what writers that were killed left in a directory.
    fn clear(&self, directory: &Path) {
        let _ = directory;
    }
}

impl<F: Files + ?Sized> Files for &F {
    fn save(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        (**self).save(path, bytes)
    }

    fn clear(&self, directory: &Path) {
        (**self).clear(directory);
    }
}

/// Names of arguments in messages: `--run` and `--resume` for the command line.
#[derive(Clone, Copy, Debug)]
pub struct Arguments {
    /// Names a new run.
    pub run: &'static str,
    /// Names a run to go on with.
    pub resume: &'static str,
}

/// The directory of a training run.
pub struct RunDir<F> {
    path: PathBuf,
    log: Option<File>,
    /// Held from the moment that something is changed, or read that another process may change.
    lock: Option<Lock>,
    files: F,
    arguments: Arguments,
}

/// Whether something is in a directory but the lock of a process.
fn has_something(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name() != lock::NAME))
}

/// A place that is not free for a new run.
fn taken(path: &Path, arguments: Arguments) -> Error {
    let failure = Error::misused("there is something in the directory of the run").at(arguments.run);
    let failure = failure.expected("a new or empty directory").got(format!("'{}'", path.display()));
    match path.join(CONFIG).exists() {
        true => failure.hint(format!("go on with that run by {} {}", arguments.resume, path.display())),
        false => failure,
    }
}

/// Directories that were made, removed again unless they are kept.
struct Made(Vec<PathBuf>);

impl Made {
    /// Makes a directory and those above it that are not there.
    fn directory(path: &Path) -> Result<Self> {
        let mut missing: Vec<&Path> =
            path.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists()).collect();
        let mut made = Self(Vec::new());
        while let Some(next) = missing.pop() {
            fs::create_dir(next).map_err(|error| Error::writing(path, &error))?;
            made.0.push(next.to_owned());
        }
        Ok(made)
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        while let Some(path) = self.0.pop() {
            // What holds something by now stays.
            let _ = fs::remove_dir(path);
        }
    }
}

impl<F: Files> RunDir<F> {
    /// Builds the directory of a new run. Nothing is made before [`begin`](Self::begin).
    ///
    /// # Errors
    /// Returns an error if the directory is not empty, or if nothing can be written in it.
    pub fn new(path: &Path, files: F, arguments: Arguments) -> Result<Self> {
        if has_something(path) {
            return Err(taken(path, arguments));
        }
        // Tried before the data are read, and taken back.
        Made::directory(&path.join("states"))?;
        Ok(Self { path: path.into(), log: None, lock: None, files, arguments })
    }

    /// Opens the directory of a run, and takes its lock. Nothing is changed before [`go_on`](Self::go_on).
    ///
    /// # Errors
    /// Returns an error if another process trains in it.
    pub fn at(path: &Path, files: F, arguments: Arguments) -> Result<Self> {
        Ok(Self { path: path.into(), log: None, lock: Some(Lock::take(path)?), files, arguments })
    }

    /// Makes the directory of a new run, with its configuration.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be made, or if it is not empty by now.
    pub fn begin(&mut self, effective: &str) -> Result<()> {
        let above = Made::directory(&self.path)?;
        let begun = self.fill(effective);
        match begun {
            Ok(()) => above.keep(),
            // Its file goes before the directory that it is in.
            Err(_) => self.lock = None,
        }
        begun
    }

    /// Fills a directory that is there.
    fn fill(&mut self, effective: &str) -> Result<()> {
        self.lock = Some(Lock::take(&self.path)?);
        // Another process may have been first.
        if has_something(&self.path) {
            return Err(taken(&self.path, self.arguments));
        }
        let made = Made::directory(&self.path.join("states"))?;
        self.files.save(&self.path.join(CONFIG), effective.as_bytes())?;
        made.keep();
        Ok(())
    }

    /// Continues after a step with a new configuration. Half-written files are removed, and the log is cut after that step; `event` says in it what changed.
    ///
    /// # Errors
    /// Returns an error if the log or the configuration cannot be written.
    pub fn go_on(&mut self, effective: &str, step: u64, event: Option<&serde_json::Value>) -> Result<()> {
        for directory in
            [self.path.clone(), self.path.join("states"), self.path.join("averages"), self.path.join("samples")]
        {
            self.files.clear(&directory);
        }
        Made::directory(&self.path.join("states"))?.keep();
        let path = self.path.join(LOG);
        let before = fs::read(&path).ok();
        // The log first, for a change that is not in it would be found again; taken back where the configuration cannot follow.
        self.cut_log(step, event)?;
        self.files.save(&self.path.join(CONFIG), effective.as_bytes()).inspect_err(|_| {
            let _ = match &before {
                Some(bytes) => self.files.save(&path, bytes),
                None => fs::remove_file(&path).map_err(|error| Error::writing(&path, &error)),
            };
        })
    }

    /// Returns the configuration, or an empty one if it cannot be read.
    #[must_use]
    pub fn configuration(&self) -> toml::Table {
        let text = fs::read_to_string(self.path.join(CONFIG)).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    /// Returns the path of the model that was best on held-out rows.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.path.join(BEST)
    }

    /// Returns the path of the model.
    #[must_use]
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// Returns the path of the samples of a step.
    ///
    /// # Errors
    /// Returns an error if their directory cannot be made.
    pub fn samples(&self, step: u64) -> Result<PathBuf> {
        let directory = self.path.join("samples");
        fs::create_dir_all(&directory).map_err(|error| Error::writing(&directory, &error))?;
        Ok(directory.join(format!("step-{step:07}.png")))
    }

    /// Returns the files of states, the newest first.
    #[must_use]
    pub fn states(&self) -> Vec<PathBuf> {
        let mut paths = steps(&self.path.join("states"));
        paths.reverse();
        paths
    }

    /// Saves a state, and removes all but the newest two.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn save_state(&self, step: u64, bytes: &[u8]) -> Result<()> {
        // Ten digits: names sort as their numbers do.
        self.files.save(&self.path.join("states").join(format!("step-{step:010}.safetensors")), bytes)?;
        for old in self.states().iter().skip(KEPT) {
            let _ = fs::remove_file(old);
        }
        Ok(())
    }

    /// Saves averages of the weights.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn save_averages(&self, step: u64, bytes: &[u8]) -> Result<()> {
        let directory = self.path.join("averages");
        fs::create_dir_all(&directory).map_err(|error| Error::writing(&directory, &error))?;
        self.files.save(&directory.join(format!("step-{step:010}.safetensors")), bytes)
    }

    /// Forgets what the log has after a step, for a run that goes on from there says it again, and adds a line.
    fn cut_log(&mut self, step: u64, event: Option<&serde_json::Value>) -> Result<()> {
        let path = self.path.join(LOG);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let before = |line: &&str| {
            let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
            line.and_then(|line| line["step"].as_u64()).is_some_and(|at| at <= step)
        };
        let kept: String = text.lines().filter(before).flat_map(|line| [line, "\n"]).collect();
        let event = event.map_or_else(String::new, |event| format!("{event}\n"));
        self.files.save(&path, (kept + &event).as_bytes())
    }

    /// Adds a line to the log.
    ///
    /// # Errors
    /// Returns an error if the log cannot be written.
    pub fn log(&mut self, line: &serde_json::Value) -> Result<()> {
        let path = self.path.join(LOG);
        let wrong = |error: std::io::Error| Error::writing(&path, &error);
        let file = match &mut self.log {
            Some(file) => file,
            None => {
                let file = OpenOptions::new().create(true).append(true).open(&path).map_err(wrong)?;
                self.log.insert(file)
            }
        };
        file.write_all(format!("{line}\n").as_bytes()).map_err(wrong)
    }
}

/// Returns whether a directory is that of a run.
///
/// ```
/// assert!(!langevin_tasks::rundir::is_run(std::path::Path::new("nowhere")));
/// ```
#[must_use]
pub fn is_run(directory: &Path) -> bool {
    directory.join(CONFIG).is_file() && directory.join("states").is_dir()
}

/// Returns the files of the run in a directory; of those that are not there, their places.
#[must_use]
pub fn files(run: &Path) -> Vec<PathBuf> {
    let within = |path: PathBuf| -> Vec<PathBuf> {
        match fs::read_dir(&path) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(_) => vec![path],
        }
    };
    NAMES.iter().flat_map(|name| within(run.join(name))).collect()
}

/// Returns the files of averages of the run in a directory, the oldest first.
#[must_use]
pub fn averages(run: &Path) -> Vec<PathBuf> {
    steps(&run.join("averages"))
}

/// The files of steps in a directory, the oldest first.
fn steps(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_step(path)).collect();
    paths.sort();
    paths
}

fn is_step(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("step-") && name.ends_with(".safetensors")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;

    impl Files for Plain {
        fn save(&self, path: &Path, bytes: &[u8]) -> Result<()> {
            fs::write(path, bytes).map_err(|error| Error::writing(path, &error))
        }
    }

    const ARGUMENTS: Arguments = Arguments { run: "run", resume: "resume" };

    #[test]
    fn a_run_is_begun_kept_and_gone_on_with() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("runs/one");
        let mut run = RunDir::new(&path, Plain, ARGUMENTS).unwrap();
        assert!(!here.path().join("runs").exists(), "nothing is made before the run begins");
        run.begin("steps = 3\n").unwrap();
        for step in 1..=3 {
            run.log(&serde_json::json!({ "step": step })).unwrap();
            run.save_state(step, b"state").unwrap();
        }
        assert_eq!(run.states().len(), KEPT);
        run.save_averages(2, b"average").unwrap();
        assert_eq!(averages(&path).len(), 1);
        assert!(RunDir::at(&path, Plain, ARGUMENTS).is_err(), "this one has the lock");
        drop(run);
        let taken = RunDir::new(&path, Plain, ARGUMENTS).err().unwrap().text();
        assert!(taken.contains("(run)") && taken.contains("hint: go on with that run by resume "), "{taken}");
        let mut run = RunDir::at(&path, Plain, ARGUMENTS).unwrap();
        assert_eq!(run.configuration()["steps"].as_integer(), Some(3));
        run.go_on("steps = 5\n", 2, Some(&serde_json::json!({ "event": "resumed" }))).unwrap();
        let log = fs::read_to_string(path.join(LOG)).unwrap();
        assert_eq!(log, "{\"step\":1}\n{\"step\":2}\n{\"event\":\"resumed\"}\n");
    }
}
