//! The directory of a training run.
//!
//! ```text
//! lock                   id of the process that is training, while it trains
//! config.toml            every flag with its given or default value
//! log.ndjson             one JSON object per line: step, loss, …
//! states/step-N          state of the run after step N; the newest two are kept
//! averages/step-N        averages of the weights, from which other averages can be computed
//! samples/step-N.png     pictures of samples during the training
//! model.safetensors      the model as last saved
//! best.safetensors       the model with the best score on held-out rows, if it is another one
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
/// Names of all entries that a run keeps in its directory.
pub const NAMES: [&str; 8] = [CONFIG, LOG, lock::NAME, "states", "averages", "samples", MODEL, BEST];
/// File name of the model that was best on held-out rows.
const BEST: &str = "best.safetensors";
/// Number of states that are kept: the newest, and one more in case the newest is damaged.
const KEPT: usize = 2;

/// A method of writing files.
///
/// # Examples
///
/// ```
/// use langevin_tasks::rundir::Files;
/// use langevin_tasks::{Error, Result};
/// struct Plain;
/// impl Files for Plain {
///     fn save(&self, path: &std::path::Path, bytes: &[u8]) -> Result<()> {
///         std::fs::write(path, bytes).map_err(|error| Error::writing(path, &error))
///     }
/// }
/// let folder = tempfile::tempdir()?;
/// Plain.save(&folder.path().join("file"), b"bytes")?;
/// assert_eq!(std::fs::read(folder.path().join("file"))?, b"bytes");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Files {
    /// Writes a file completely or not at all.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    fn save(&self, path: &Path, bytes: &[u8]) -> Result<()>;

    /// Removes the temporary files that killed writers left in a directory.
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

/// Names of arguments in messages, for example `--run` and `--resume`.
#[derive(Clone, Copy, Debug)]
pub struct Arguments {
    /// The argument for a new run.
    pub run: &'static str,
    /// The argument for resuming a run.
    pub resume: &'static str,
}

/// The directory of a training run.
///
/// # Examples
///
/// ```
/// use langevin_tasks::rundir::{Arguments, Files, RunDir, is_run};
/// struct Plain;
/// impl Files for Plain {
///     fn save(&self, path: &std::path::Path, bytes: &[u8]) -> langevin_tasks::Result<()> {
///         let written = std::fs::write(path, bytes);
///         written.map_err(|error| langevin_tasks::Error::writing(path, &error))
///     }
/// }
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("run");
/// let mut run = RunDir::new(&path, Plain, Arguments { run: "--run", resume: "--resume" })?;
/// assert!(!path.exists());
/// run.begin("steps = 10\n")?;
/// assert!(is_run(&path));
/// assert_eq!(run.configuration()["steps"].as_integer(), Some(10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RunDir<F> {
    path: PathBuf,
    log: Option<File>,
    /// Held from the first change, or from the first read of a file that another process may
    /// change.
    lock: Option<Lock>,
    files: F,
    arguments: Arguments,
}

/// Returns true if a directory contains anything besides a lock file.
fn has_something(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name() != lock::NAME))
}

/// Returns the error for a directory that is not free for a new run.
fn taken(path: &Path, arguments: Arguments) -> Error {
    let failure = Error::misused("there is something in the directory of the run").at(arguments.run);
    let failure = failure.expected("a new or empty directory").got(format!("'{}'", path.display()));
    match path.join(CONFIG).exists() {
        true => failure.hint(format!("go on with that run by {} {}", arguments.resume, path.display())),
        false => failure,
    }
}

/// Directories that were created. They are removed again unless they are kept.
struct Made(Vec<PathBuf>);

impl Made {
    /// Creates a directory and its missing parents.
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
            // Only an empty directory is removed.
            let _ = fs::remove_dir(path);
        }
    }
}

impl<F: Files> RunDir<F> {
    /// Prepares the directory of a new run. Nothing is created before [`begin`](Self::begin).
    ///
    /// # Errors
    /// Returns an error if the directory is not empty or not writable.
    pub fn new(path: &Path, files: F, arguments: Arguments) -> Result<Self> {
        if has_something(path) {
            return Err(taken(path, arguments));
        }
        // The directory is created and removed again, so that an error is reported before the data
        // are read.
        Made::directory(&path.join("states"))?;
        Ok(Self { path: path.into(), log: None, lock: None, files, arguments })
    }

    /// Opens the directory of an existing run and takes its lock. Nothing is changed before
    /// [`go_on`](Self::go_on).
    ///
    /// ```
    /// use langevin_tasks::rundir::{Arguments, Files, LOG, RunDir};
    /// struct Plain;
    /// impl Files for Plain {
    ///     fn save(&self, path: &std::path::Path, bytes: &[u8]) -> langevin_tasks::Result<()> {
    ///         let written = std::fs::write(path, bytes);
    ///         written.map_err(|error| langevin_tasks::Error::writing(path, &error))
    ///     }
    /// }
    /// let folder = tempfile::tempdir()?;
    /// let (path, names) = (folder.path().join("run"), Arguments { run: "run", resume: "resume" });
    /// let mut run = RunDir::new(&path, Plain, names)?;
    /// run.begin("")?;
    /// run.log(&serde_json::json!({"step": 100}))?;
    /// run.log(&serde_json::json!({"step": 200}))?;
    /// run.save_state(100, b"state")?;
    /// drop(run);
    /// // The run continues after step 100, so the later line of the log is removed.
    /// let mut run = RunDir::at(&path, Plain, names)?;
    /// assert_eq!(run.states().len(), 1);
    /// run.go_on("", 100, None)?;
    /// assert_eq!(std::fs::read_to_string(path.join(LOG))?, "{\"step\":100}\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if another process trains in the directory.
    pub fn at(path: &Path, files: F, arguments: Arguments) -> Result<Self> {
        Ok(Self { path: path.into(), log: None, lock: Some(Lock::take(path)?), files, arguments })
    }

    /// Creates the directory of a new run with its configuration.
    ///
    /// # Errors
    /// Returns an error if the directory cannot be created, or if it is no longer empty.
    pub fn begin(&mut self, effective: &str) -> Result<()> {
        let above = Made::directory(&self.path)?;
        let begun = self.fill(effective);
        match begun {
            Ok(()) => above.keep(),
            // The lock file must be removed before its directory.
            Err(_) => self.lock = None,
        }
        begun
    }

    /// Fills an existing directory.
    fn fill(&mut self, effective: &str) -> Result<()> {
        self.lock = Some(Lock::take(&self.path)?);
        // Another process may have started a run in the meantime.
        if has_something(&self.path) {
            return Err(taken(&self.path, self.arguments));
        }
        let made = Made::directory(&self.path.join("states"))?;
        self.files.save(&self.path.join(CONFIG), effective.as_bytes())?;
        made.keep();
        Ok(())
    }

    /// Continues the run after a step with a new configuration. Temporary files are removed, and
    /// the log is truncated after that step. `event` is a log line that states the changes.
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
        // The log is written first, because a change that is missing from it would be detected
        // again. The log is restored if the configuration cannot be written.
        self.cut_log(step, event)?;
        self.files.save(&self.path.join(CONFIG), effective.as_bytes()).inspect_err(|_| {
            let _ = match &before {
                Some(bytes) => self.files.save(&path, bytes),
                None => fs::remove_file(&path).map_err(|error| Error::writing(&path, &error)),
            };
        })
    }

    /// Returns the configuration, or an empty table if it cannot be read.
    #[must_use]
    pub fn configuration(&self) -> toml::Table {
        let text = fs::read_to_string(self.path.join(CONFIG)).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    /// Returns the path of the model with the best score on held-out rows.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.path.join(BEST)
    }

    /// Returns the path of the model.
    #[must_use]
    pub fn model(&self) -> PathBuf {
        self.path.join(MODEL)
    }

    /// Returns the path of the picture of samples after a step.
    ///
    /// # Errors
    /// Returns an error if its directory cannot be created.
    pub fn samples(&self, step: u64) -> Result<PathBuf> {
        let directory = self.path.join("samples");
        fs::create_dir_all(&directory).map_err(|error| Error::writing(&directory, &error))?;
        Ok(directory.join(format!("step-{step:07}.png")))
    }

    /// Returns the state files, newest first.
    #[must_use]
    pub fn states(&self) -> Vec<PathBuf> {
        let mut paths = steps(&self.path.join("states"));
        paths.reverse();
        paths
    }

    /// Saves a state and removes all but the newest two.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written.
    pub fn save_state(&self, step: u64, bytes: &[u8]) -> Result<()> {
        // Ten digits make the names sort in the order of their numbers.
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

    /// Truncates the log after a step, because a resumed run writes the later lines again. Then
    /// appends `event`.
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

    /// Appends a line to the log.
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

/// Returns true if a directory is that of a run.
///
/// ```
/// assert!(!langevin_tasks::rundir::is_run(std::path::Path::new("nowhere")));
/// ```
#[must_use]
pub fn is_run(directory: &Path) -> bool {
    directory.join(CONFIG).is_file() && directory.join("states").is_dir()
}

/// Returns the files of the run in a directory. A file or subdirectory that does not exist is
/// listed by its path.
///
/// ```
/// let files = langevin_tasks::rundir::files("nowhere".as_ref());
/// assert!(files.contains(&"nowhere/config.toml".into()));
/// ```
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

/// Returns the files of averages of the run in a directory, oldest first.
///
/// ```
/// assert!(langevin_tasks::rundir::averages("nowhere".as_ref()).is_empty());
/// ```
#[must_use]
pub fn averages(run: &Path) -> Vec<PathBuf> {
    steps(&run.join("averages"))
}

/// Returns the step files in a directory, oldest first.
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
