//! Plans from a file or from a scheduler's config, converted to fit the model that runs them.

use crate::content::{self, Content};
use crate::documents;
use crate::edit::Start;
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer};
use crate::source::{Reader, Source};
use crate::tune;
use crate::words::{shown, visible};
use langevin::plan::Op;
use langevin::{Formulation, Map, Plan, Request};
use langevin_import::{Call, Diffusers};
use langevin_onnx::OnnxNetwork;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Maximum number of unknown config fields that a note lists.
const NAMED: usize = 20;

/// A scheduler that diffusers saved, with the arguments of a call.
///
/// # Examples
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::given::Scheduler;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("scheduler_config.json");
/// std::fs::write(&path, r#"{"_class_name": "DDIMScheduler", "clip_sample": false}"#)?;
/// let scheduler = Scheduler { path, ..Scheduler::default() };
/// assert_eq!(scheduler.plan(&Request::new().steps(5), &())?.nfe(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scheduler {
    /// Path of the config, of its folder, or of the folder of its pipeline.
    pub path: PathBuf,
    /// Times in place of the scheduler's own.
    pub timesteps: Option<Vec<f64>>,
    /// Noise levels in place of the scheduler's own.
    pub sigmas: Option<Vec<f64>>,
    /// Shift of the noise levels.
    pub mu: Option<f64>,
    /// Number of tokens of a picture, from which the shift is computed.
    pub image_seq_len: Option<u64>,
    /// True if unknown fields are an error.
    pub strict: bool,
    /// True if known bugs of the original are fixed.
    pub consistent: bool,
    /// Arguments of the scheduler's `step` and `set_timesteps`.
    pub set: BTreeMap<String, Value>,
}

impl Scheduler {
    /// Returns the plan of the scheduler for a request, and sends notes about the scheduler and
    /// this call.
    ///
    /// # Errors
    /// Returns an error if the file is not a scheduler config, or if the scheduler does not accept
    /// the call.
    pub fn plan(&self, request: &Request, observer: &dyn Observer) -> Result<Plan> {
        let argument = "‹from-diffusers›";
        // A pipeline stores the config of its scheduler in a subfolder.
        let found = content::scheduler_of(&self.path);
        let path = found.as_deref().unwrap_or(&self.path);
        let config = Diffusers::parse(&documents::text(argument, path, Content::Scheduler, observer)?)
            .or_failed()
            .map_err(|failure| failure.in_file(path))?;
        let sampler = request.named_sampler().or_misused()?;
        let mut call = Call::default();
        call.timesteps.clone_from(&self.timesteps);
        call.sigmas.clone_from(&self.sigmas);
        call.mu = self.mu;
        call.image_seq_len = self.image_seq_len.map(|tokens| tokens as usize);
        call.strict = self.strict;
        call.consistent = self.consistent;
        call.set.clone_from(&self.set);
        if let Some(tokens) = self.image_seq_len
            && config.mu(&call).or_misused()?.is_none()
        {
            return Err(Error::misused("the config does not shift by the size of the picture")
                .at("‹image-seq-len›")
                .expected("a config with use_dynamic_shifting")
                .got(tokens.to_string()));
        }
        let (plan, call) = match config.plan_of(request, call) {
            Err(error) if error.to_string().starts_with("mu is missing") => {
                return Err(Error::misused("mu is missing").at("use_dynamic_shifting of the config").hint(
                    "give ‹mu› M, or ‹image-seq-len› N: the tokens of the picture, 4096 for 1024 × 1024 where a token is 16 pixels wide",
                ));
            }
            planned => planned.or_misused()?,
        };
        let by = sampler.map(|sampler| sampler.spec().to_owned());
        self.notes(&config, &call, by, path, observer)?;
        Ok(plan)
    }

    /// Sends notes about the scheduler and this call of it.
    fn notes(
        &self,
        config: &Diffusers,
        call: &Call,
        sampler: Option<String>,
        path: &Path,
        observer: &dyn Observer,
    ) -> Result<()> {
        let foreign = config.foreign().or_misused()?;
        if !foreign.is_empty() {
            let names = foreign.iter().map(ToString::to_string).collect();
            observer.note(&Note::ForeignFields(names));
        }
        let unknown = config.unknown().or_misused()?;
        if !unknown.is_empty() {
            let named = |(name, near): &(String, Option<&str>)| match near {
                Some(near) => format!("{} (did you mean '{near}'?)", visible(name)),
                None => visible(name),
            };
            observer.note(&Note::UnknownFields(unknown.iter().take(NAMED).map(named).collect()));
        }
        observer.note(&Note::Scheduler { sampler, class: config.class().to_owned(), path: shown(path) });
        if let Some(mu) = config.mu(call).or_misused()? {
            observer.note(&match call.image_seq_len {
                Some(tokens) => {
                    Note::Shift { mu, tokens, on_pipeline: call.sigmas.is_none() && call.timesteps.is_none() }
                }
                None if call.steps.is_some() => Note::OwnLevels,
                None => Note::Mu(mu),
            });
        }
        if let Some(fault) = config.fault(call).or_misused()? {
            observer.note(&Note::Fault(fault.to_string()));
        }
        if call.consistent {
            observer.note(&Note::Fixed(config.fixed(call).or_misused()?.iter().map(ToString::to_string).collect()));
        }
        if let Some(note) = config.declares() {
            observer.note(&Note::Declares(note.to_string()));
        }
        Ok(())
    }
}

/// A plan from the caller, with the argument that supplied it.
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::given::Given;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("plan.json");
/// std::fs::write(&path, Request::new().steps(4).plan()?.to_json())?;
/// let given = Given::of_file(&path, &())?;
/// assert!(given.is_of_file());
/// assert!(given.check_starts_from_noise("this task draws samples").is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Given {
    /// The plan.
    pub plan: Plan,
    /// The argument and its file, for example `‹plan› plan.json`.
    place: String,
}

impl Given {
    /// Reads the plan in a file.
    ///
    /// # Errors
    /// Returns an error if the file is not a plan.
    pub fn of_file(path: &Path, observer: &dyn Observer) -> Result<Self> {
        let plan = documents::plan("‹plan›", path, Content::Plan, observer)?;
        Ok(Self { plan, place: format!("‹plan› {}", shown(path)) })
    }

    /// Returns the plan of a scheduler for a request.
    ///
    /// # Errors
    /// Returns an error under the conditions of [`Scheduler::plan`].
    pub fn of_scheduler(scheduler: &Scheduler, request: &Request, observer: &dyn Observer) -> Result<Self> {
        let plan = scheduler.plan(request, observer)?;
        Ok(Self { plan, place: format!("‹from-diffusers› {}", shown(&scheduler.path)) })
    }

    /// Returns a plan that the caller has built.
    #[must_use]
    pub fn of_plan(plan: Plan) -> Self {
        let place = format!("‹plan› {}", plan.name());
        Self { plan, place }
    }

    /// Returns true if the plan comes from a plan file, and false if it comes from a scheduler's
    /// config.
    #[must_use]
    pub fn is_of_file(&self) -> bool {
        self.place.starts_with("‹plan›")
    }

    /// Builds an error about the plan.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::given::{Given, Scheduler};
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("scheduler_config.json");
    /// std::fs::write(&path, r#"{"_class_name": "DDIMScheduler", "clip_sample": false}"#)?;
    /// let scheduler = Scheduler { path, ..Scheduler::default() };
    /// let given = Given::of_scheduler(&scheduler, &Request::new().steps(5), &())?;
    /// assert!(!given.is_of_file());
    /// assert!(given.refused("the plan does not fit").to_string().contains("‹from-diffusers›"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refused(&self, what: impl Into<String>) -> Error {
        Error::misused(what).at(self.place.clone())
    }

    /// Returns the plan, converted for the network of `source` if it was made for another one, and
    /// the model as the plan reads it. `classes` is true if the samples have classes, which a
    /// guided plan needs.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::given::Given;
    /// use langevin_tasks::source::{Named, Source};
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("plan.json");
    /// std::fs::write(&path, Request::new().steps(4).plan()?.to_json())?;
    /// let source = Source::open(Named::Exact("moons"), &())?;
    /// let (plan, reader) = Given::of_file(&path, &())?.fit(&source, false, &())?;
    /// assert_eq!((plan.nfe(), reader.source().name()), (4, "moons"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the model cannot run the plan.
    pub fn fit<'a>(
        &self,
        source: &'a Source<'_>,
        classes: bool,
        observer: &'a dyn Observer,
    ) -> Result<(Plan, Reader<'a>)> {
        self.check_maps()?;
        self.check_branches(source, classes, observer)?;
        let (plan, reader) = match (source.formulation(), self.plan.network()) {
            // An exact density can serve as a model of every formulation.
            (None, None) => (self.plan.clone(), source.served_as(None, observer)),
            (None, Some(spec)) => {
                let to = Formulation::from_spec(spec).or_misused().map_err(|failure| failure.at(self.place.clone()))?;
                (self.plan.clone(), source.served_as(Some(to), observer))
            }
            (Some(own), _) => {
                // The trained range is left out of the comparison. A plan may leave that range;
                // `note_outside` reports it.
                let mut bare = own.clone();
                bare.range = None;
                let differs = self.plan.differs_from(Some(&bare));
                let plan = self.plan.for_network(own).map_err(|error| {
                    // The library's hint is about choosing a grid, which does not apply to a given
                    // plan.
                    let text = error.to_string();
                    let what = text.lines().next().unwrap_or_default();
                    let failure = self.refused(format!("the plan cannot be converted for this network: {what}"));
                    match &differs {
                        Some([theirs, ours]) => failure.hint(format!(
                            "the plan is for {theirs}, and the network is of {ours}: use a plan within its noise levels"
                        )),
                        None => failure,
                    }
                })?;
                if let Some([theirs, ours]) = &differs {
                    observer.note(&Note::Converted { from: theirs.clone(), to: ours.clone() });
                }
                (plan, source.served_as(None, observer))
            }
        };
        tune::note_if_foreign(&plan, &reader, observer);
        self.note_outside(source, observer);
        Ok((plan, reader))
    }

    /// Sends a note if evaluations lie outside the trained noise range.
    fn note_outside(&self, source: &Source<'_>, observer: &dyn Observer) {
        let (Some(trained), Some([min, max])) = (source.trained(), self.plan.noise_levels()) else { return };
        let outside = self.plan.outside(&trained);
        if outside > 0 {
            observer.note(&Note::Outside {
                outside,
                evaluations: self.plan.nfe(),
                trained: trained.sigma_ve(),
                plan: (min, max),
            });
        }
    }

    /// Refuses plans with maps that this program cannot compute.
    fn check_maps(&self) -> Result<()> {
        let hook = self.plan.ops().iter().enumerate().find_map(|(index, op)| match op {
            Op::Map { map: Map::Hook { name }, .. } => Some((index, name)),
            _ => None,
        });
        match hook {
            Some((index, name)) => Err(self
                .refused("the plan has an operation that only the program that wrote it knows")
                .expected("clamp, threshold, mul or learned_std")
                .got(format!("hook:{name} in ops[{index}]"))
                .hint("run the plan there: `Plan::start` with a space that supplies the hook")),
            None => Ok(()),
        }
    }

    /// Checks that the model can evaluate both branches of a guided plan: with and without a class.
    fn check_branches(&self, source: &Source<'_>, classes: bool, observer: &dyn Observer) -> Result<()> {
        if !self.plan.is_guided() {
            return match source.onnx_network().is_some_and(OnnxNetwork::has_unconditional) {
                true => Err(self
                    .refused("‹uncond-input› has no effect here")
                    .expected("a plan with guidance")
                    .got("a plan without guidance")
                    .hint("leave out ‹uncond-input›")),
                false => Ok(()),
            };
        }
        if let Some(network) = source.onnx_network() {
            let known = observer.knows("‹uncond-input›");
            return match network.has_unconditional() {
                true => Ok(()),
                false => Err(self
                    .refused("the plan is guided, and the unconditional branch of the network has no value")
                    .expected(if known { "‹uncond-input› NAME=FILE" } else { "a plan without guidance" })
                    .got(if known { "none" } else { "guidance" })
                    .hint(if known {
                        "give ‹uncond-input›, or make the plan without guidance"
                    } else {
                        "make the plan without guidance"
                    })),
            };
        }
        // A model of the caller answers for both branches, or with an error of its own.
        if matches!(source, Source::Lent(_)) {
            return Ok(());
        }
        if source.network().is_none_or(|network| network.classes().is_empty()) {
            return Err(self
                .refused("the plan is guided, and the model has no unconditional branch")
                .expected("a network of `langevin train --conditional`")
                .got(source.name().to_owned())
                .hint("make the plan without guidance"));
        }
        if !classes {
            let known = observer.knows("‹class›");
            return Err(self
                .refused("the plan is guided, and without a class there is nothing to guide to")
                .expected(if known { "‹class› CLASS" } else { "a plan without guidance" })
                .got(if known { "no class" } else { "guidance" })
                .hint(if known { "give ‹class› CLASS" } else { "make the plan without guidance" }));
        }
        Ok(())
    }

    /// Checks that the plan starts from noise. `what` describes the task that requires it.
    ///
    /// # Errors
    /// Returns an error that names the input of the plan.
    pub fn check_starts_from_noise(&self, what: &str) -> Result<()> {
        let Some(input) = self.plan.inputs().first() else { return Ok(()) };
        let failure = self
            .refused(format!("{what}, and the plan starts from something else"))
            .expected("a plan without inputs")
            .got(format!("the input '{}'", input.name));
        Err(failure.hint(match input.name.as_str() {
            "image" | "mask" => "`langevin sample MODEL --plan PLAN.json --from FILE` runs a plan that starts from pictures or rows",
            _ => "`langevin sample --from FILE` runs plans that start from the input 'image': make one with `langevin plan --start-at K --image`",
        }))
    }

    /// Checks that the inputs of the plan and the files of `edit` match.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::edit::Start;
    /// use langevin_tasks::given::Given;
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("plan.json");
    /// std::fs::write(&path, Request::new().steps(4).plan()?.to_json())?;
    /// let given = Given::of_file(&path, &())?;
    /// assert!(given.check_inputs(&Start::default()).is_ok());
    /// // The plan starts from noise and has no input for a file.
    /// let start = Start { from: Some("rows.csv".into()), ..Start::default() };
    /// assert!(given.check_inputs(&start).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error that names an input without a value, or a file that the plan has no input
    /// for.
    pub fn check_inputs(&self, edit: &Start) -> Result<()> {
        let takes = |name: &str| self.plan.inputs().iter().any(|input| input.name == name);
        let flags = [("image", "‹from›", edit.from.is_some()), ("mask", "‹mask›", edit.mask.is_some())];
        for input in self.plan.inputs() {
            let Some((_, flag, there)) = flags.iter().find(|(name, ..)| *name == input.name) else {
                return Err(self
                    .refused("the plan starts from a state that this command cannot make")
                    .expected("a plan that starts from noise, or from the input 'image'")
                    .got(format!("the input '{}'", input.name))
                    .hint("`langevin plan --start-at K --image` makes plans that start from pictures or rows, for ‹from› FILE; in Python, plan.run(…, inputs=[state]) takes any"));
            };
            if !there {
                return Err(self
                    .refused(format!("the plan starts from the input '{}'", input.name))
                    .expected(format!("{flag} FILE"))
                    .got("none")
                    .hint(if input.name == "mask" {
                        "give ‹from› FILE and ‹mask› FILE"
                    } else {
                        "give ‹from› FILE"
                    }));
            }
        }
        match flags.iter().find(|(name, _, there)| *there && !takes(name)) {
            Some((name, flag, _)) => Err(self
                .refused(format!("the plan has no use for what {flag} gives"))
                .expected(format!("a plan with the input '{name}'"))
                .got("a plan without it")
                .hint(match (*name, self.is_of_file()) {
                    ("image", true) => "leave out ‹from›; `langevin plan --start-at K --image` makes plans that start from pictures or rows",
                    ("image", false) => "give ‹start-at› K, the steps that are left out",
                    _ => "leave out ‹mask›; plans of the sampler repaint have it",
                })),
            None => Ok(()),
        }
    }
}
