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

use crate::cli::config;
use crate::error::{Failure, Result};
use crate::io::{atomic, stale};
use crate::lock::{self, Lock};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The model of a run.
pub const MODEL: &str = "model.safetensors";
/// States that are kept: the newest, and one more for when that is damaged.
const KEPT: usize = 2;

/// See above.
pub struct RunDir {
    path: PathBuf,
    log: Option<File>,
    /// This process's, from the moment on that it changes something or reads what another may change.
    lock: Option<Lock>,
}

/// Whether something is in a directory but the lock of a process.
fn has_something(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name() != lock::NAME))
}

/// A place that is not free for a new run.
fn taken(path: &Path) -> Failure {
    let failure = Failure::misused("there is something in the directory of the run").at("--run");
    let failure = failure.expected("a new or empty directory").got(format!("'{}'", path.display()));
    match path.join(config::NAME).exists() {
        true => failure.hint(format!("go on with that run by --resume {}", path.display())),
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
            fs::create_dir(next).map_err(|error| Failure::writing(path, &error))?;
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

impl RunDir {
    /// A new one; refuses a place where something is, or where nothing can be written. Nothing is made before [`begin`](Self::begin).
    pub fn new(path: &Path) -> Result<Self> {
        if has_something(path) {
            return Err(taken(path));
        }
        // Tried before the data are read, and taken back.
        Made::directory(&path.join("states"))?;
        Ok(Self { path: path.into(), log: None, lock: None })
    }

    /// One that is there. Nothing is changed before [`go_on`](Self::go_on).
    ///
    /// # Errors
    /// Returns an error if another process trains in it.
    pub fn at(path: &Path) -> Result<Self> {
        Ok(Self { path: path.into(), log: None, lock: Some(Lock::take(path)?) })
    }

    /// Makes a new one: what was asked for has been accepted.
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
            return Err(taken(&self.path));
        }
        let made = Made::directory(&self.path.join("states"))?;
        atomic::save(&self.path.join(config::NAME), effective.as_bytes())?;
        made.keep();
        Ok(())
    }

    /// Goes on after a step with a configuration that has been accepted: what a killed run left half-written is taken away, the log ends with that step, and says what changed.
    pub fn go_on(&mut self, effective: &str, step: u64, event: Option<&serde_json::Value>) -> Result<()> {
        for directory in
            [self.path.clone(), self.path.join("states"), self.path.join("averages"), self.path.join("samples")]
        {
            stale::clear(&directory);
        }
        Made::directory(&self.path.join("states"))?.keep();
        let path = self.path.join("log.ndjson");
        let before = fs::read(&path).ok();
        // The log first, for a change that is not in it would be found again; taken back where the configuration cannot follow.
        self.cut_log(step, event)?;
        atomic::save(&self.path.join(config::NAME), effective.as_bytes()).inspect_err(|_| {
            let _ = match &before {
                Some(bytes) => atomic::save(&path, bytes),
                None => fs::remove_file(&path).map_err(|error| Failure::writing(&path, &error)),
            };
        })
    }

    /// The configuration that it has, as far as it can be read.
    pub fn configuration(&self) -> toml::Table {
        let text = fs::read_to_string(self.path.join(config::NAME)).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    /// Where the model is that was best on the rows that were held out.
    pub fn best(&self) -> PathBuf {
        self.path.join("best.safetensors")
    }

    /// Where the model is.
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// Where the samples of a step go.
    pub fn samples(&self, step: u64) -> Result<PathBuf> {
        let directory = self.path.join("samples");
        fs::create_dir_all(&directory).map_err(|error| Failure::writing(&directory, &error))?;
        Ok(directory.join(format!("step-{step:07}.png")))
    }

    /// The states, the newest first.
    pub fn states(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path.join("states")).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_step(path)).collect();
        paths.sort();
        paths.reverse();
        paths
    }

    /// Keeps a state, and the one before it.
    pub fn save_state(&self, step: u64, bytes: &[u8]) -> Result<()> {
        // Ten digits: names sort as their numbers do.
        atomic::save(&self.path.join("states").join(format!("step-{step:010}.safetensors")), bytes)?;
        for old in self.states().iter().skip(KEPT) {
            let _ = fs::remove_file(old);
        }
        Ok(())
    }

    /// Keeps averages.
    pub fn save_averages(&self, step: u64, bytes: &[u8]) -> Result<()> {
        let directory = self.path.join("averages");
        fs::create_dir_all(&directory).map_err(|error| Failure::writing(&directory, &error))?;
        atomic::save(&directory.join(format!("step-{step:010}.safetensors")), bytes)
    }

    /// The files of averages, the oldest first.
    pub fn averages(path: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(path.join("averages")).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_step(path)).collect();
        paths.sort();
        paths
    }

    /// Forgets what the log has after a step, for a run that goes on from there says it again, and adds a line.
    fn cut_log(&mut self, step: u64, event: Option<&serde_json::Value>) -> Result<()> {
        let path = self.path.join("log.ndjson");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let before = |line: &&str| {
            let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
            line.and_then(|line| line["step"].as_u64()).is_some_and(|at| at <= step)
        };
        let kept: String = text.lines().filter(before).flat_map(|line| [line, "\n"]).collect();
        let event = event.map_or_else(String::new, |event| format!("{event}\n"));
        atomic::save(&path, (kept + &event).as_bytes())
    }

    /// Adds a line to the log.
    pub fn log(&mut self, line: &serde_json::Value) -> Result<()> {
        let path = self.path.join("log.ndjson");
        let wrong = |error: std::io::Error| Failure::writing(&path, &error);
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

fn is_step(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("step-") && name.ends_with(".safetensors")
}
