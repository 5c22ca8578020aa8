//! The directory of a training run.
//!
//! ```text
//! lock                   the process that trains in it
//! config.toml            every flag that was given or held by default
//! log.ndjson             an object a line: step, loss, …
//! states/step-N          what the run is after step N; the newest two
//! averages/step-N        averages of the weights, of which others can be made
//! samples/step-N.png     samples on the way
//! model.safetensors      the model as it was last saved
//! ```

use crate::cli::config;
use crate::error::{Failure, Result};
use crate::io::{atomic, stale};
use crate::lock::{self, Lock};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// States that are kept: the newest, and one more for when that is damaged.
const KEPT: usize = 2;

/// See above.
pub struct RunDir {
    path: PathBuf,
    log: Option<File>,
    _lock: Lock,
}

impl RunDir {
    /// A new one; refuses a place where something is.
    pub fn create(path: &Path, effective: &str) -> Result<Self> {
        let wrong = |error: std::io::Error| Failure::writing(path, &error);
        // A lock that nobody holds is all that is left of a run that was refused.
        let something =
            || fs::read_dir(path).is_ok_and(|entries| entries.flatten().any(|e| e.file_name() != lock::NAME));
        let taken = || {
            let failure = Failure::misused("there is something in the directory of the run").at("--run");
            let failure = failure.expected("a new or empty directory").got(format!("'{}'", path.display()));
            match path.join(config::NAME).exists() {
                true => failure.hint(format!("go on with that run by --resume {}", path.display())),
                false => failure,
            }
        };
        if something() {
            return Err(taken());
        }
        fs::create_dir_all(path).map_err(wrong)?;
        let lock = Lock::take(path)?;
        // Another process may have been first between the two.
        if something() {
            return Err(taken());
        }
        fs::create_dir_all(path.join("states")).map_err(wrong)?;
        atomic::save(&path.join(config::NAME), effective.as_bytes())?;
        Ok(Self { path: path.into(), log: None, _lock: lock })
    }

    /// One that is there. What a killed run left half-written is taken away.
    pub fn open(path: &Path, effective: &str) -> Result<Self> {
        let lock = Lock::take(path)?;
        for directory in [path.to_owned(), path.join("states"), path.join("averages"), path.join("samples")] {
            stale::clear(&directory);
        }
        fs::create_dir_all(path.join("states")).map_err(|error| Failure::writing(path, &error))?;
        atomic::save(&path.join(config::NAME), effective.as_bytes())?;
        Ok(Self { path: path.into(), log: None, _lock: lock })
    }

    /// Where the model is.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
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

    /// Forgets what the log has after a step: a run that goes on from there says it again.
    pub fn cut_log(&mut self, step: u64) -> Result<()> {
        let path = self.path.join("log.ndjson");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let before = |line: &&str| {
            let line: Option<serde_json::Value> = serde_json::from_str(line).ok();
            line.and_then(|line| line["step"].as_u64()).is_some_and(|at| at <= step)
        };
        let kept: String = text.lines().filter(before).flat_map(|line| [line, "\n"]).collect();
        atomic::save(&path, kept.as_bytes())
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
