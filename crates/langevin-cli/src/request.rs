//! The plan of a request: from a file, or from a scheduler's config; made to fit the model that runs it.

use crate::cli::{DiffusersArgs, EditArgs, GivenPlanArgs};
use crate::error::{Blame as _, Failure, Result};
use crate::io::content::{self, Content};
use crate::io::{json, say};
use crate::source::{Reader, Source};
use crate::words::{QUOTED, brief, plural, shown, visible};
use langevin::plan::Op;
use langevin::{Formulation, Map, Plan, Request};
use langevin_import::{Call, Diffusers};
use langevin_onnx::OnnxNetwork;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The name of a file of samples in commands that are shown.
const SAMPLES: &str = "samples.npy";

impl DiffusersArgs {
    /// Returns the arguments of --set, and --eta as one of them where no sampler of another name takes it.
    pub fn settings(&self, eta: Option<f64>) -> Result<BTreeMap<String, Value>> {
        let eta = eta.map(|eta| ("eta".to_owned(), Value::from(eta)));
        let mut settings = BTreeMap::new();
        for (key, value) in self.set.iter().cloned().chain(eta) {
            if settings.insert(key.clone(), value).is_some() {
                return Err(Failure::misused("an argument is given twice").at("--set").got(format!("'{key}'")));
            }
        }
        Ok(settings)
    }

    /// Returns the plan of the scheduler that diffusers saved, and says what is known of it; `None` without one.
    pub fn plan(&self, request: &Request) -> Result<Option<Plan>> {
        let Some(path) = &self.from_diffusers else { return Ok(None) };
        let flag = "--from-diffusers";
        // A pipeline keeps the config of its scheduler in a folder of its own.
        let found = content::scheduler_of(path);
        let path = found.as_deref().unwrap_or(path);
        let config = Diffusers::parse(&json::text(flag, path, Content::Scheduler)?)
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
        call.set = self.settings(None)?;
        if let Some(tokens) = self.image_seq_len
            && config.mu(&call).or_misused()?.is_none()
        {
            return Err(Failure::misused("the config does not shift by the size of the picture")
                .at("--image-seq-len")
                .expected("a config with use_dynamic_shifting")
                .got(tokens.to_string()));
        }
        let (plan, call) = match config.plan_of(request, call) {
            Err(error) if error.to_string().starts_with("mu is missing") => {
                return Err(Failure::misused("mu is missing").at("use_dynamic_shifting of the config").hint(
                    "give --mu M, or --image-seq-len N: the tokens of the picture, 4096 for 1024 × 1024 where a token is 16 pixels wide",
                ));
            }
            planned => planned.or_misused()?,
        };
        let foreign = config.foreign().or_misused()?;
        if !foreign.is_empty() {
            say(&format!("note: fields of other schedulers, passed over as diffusers does: {}", foreign.join(", ")));
        }
        let unknown = config.unknown().or_misused()?;
        if !unknown.is_empty() {
            let named = |(name, near): &(String, Option<&str>)| match near {
                Some(near) => format!("{} (did you mean '{near}'?)", visible(name)),
                None => visible(name),
            };
            let names: Vec<String> = unknown.iter().take(20).map(named).collect();
            say(&format!(
                "warning: no scheduler has these fields, which are passed over as diffusers does (--strict refuses them): {}",
                brief(&names.join(", "), QUOTED)
            ));
        }
        let by = sampler.map_or_else(String::new, |sampler| format!("{} on the levels of ", sampler.spec()));
        say(&format!("{by}{} of {}", config.class(), shown(path)));
        if let Some(mu) = config.mu(&call).or_misused()? {
            say(&match call.image_seq_len {
                Some(tokens) if call.sigmas.is_none() && call.timesteps.is_none() => {
                    format!("mu = {mu} of {tokens} tokens, on a pipeline's levels, 1 to 1/n")
                }
                Some(tokens) => format!("mu = {mu} of {tokens} tokens"),
                None if call.steps.is_some() => {
                    "note: these are the scheduler's own levels; pipelines give theirs, 1 to 1/n: --image-seq-len makes them, and mu"
                        .to_owned()
                }
                None => format!("mu = {mu}"),
            });
        }
        if let Some(fault) = config.fault(&call).or_misused()? {
            say(&format!("note: diffusers itself fails on this run: {fault}"));
        }
        if call.consistent {
            let mended = config.mended(&call).or_misused()?;
            let all = if mended.is_empty() { "nothing".to_owned() } else { mended.join("; ") };
            say(&format!("mended: {all}"));
        }
        if let Some(note) = config.declares() {
            say(&format!("note: {note}"));
        }
        Ok(Some(plan))
    }
}

/// A plan that a command was given, and the flag that gave it.
pub struct Given {
    /// The plan.
    pub plan: Plan,
    /// `--plan FILE` or `--from-diffusers FILE`.
    place: String,
}

impl GivenPlanArgs {
    /// Returns the plan of --plan or of --from-diffusers; `None` if the sampler's own flags choose.
    pub fn open(&self, request: &Request) -> Result<Option<Given>> {
        let place = |flag: &str, path: &Path| format!("{flag} {}", shown(path));
        if let Some(path) = &self.plan {
            return Ok(Some(Given { plan: json::plan_of("--plan", path)?, place: place("--plan", path) }));
        }
        let plan = self.diffusers.plan(request)?;
        let place = self.diffusers.from_diffusers.as_deref().map(|path| place("--from-diffusers", path));
        Ok(plan.map(|plan| Given { plan, place: place.unwrap_or_default() }))
    }

    /// Returns the flag that gives a plan, if one does.
    pub fn flag(&self) -> Option<&'static str> {
        match (&self.plan, &self.diffusers.from_diffusers) {
            (Some(_), _) => Some("--plan"),
            (_, Some(_)) => Some("--from-diffusers"),
            _ => None,
        }
    }
}

impl Given {
    /// Starts an error about the plan.
    pub fn refused(&self, what: impl Into<String>) -> Failure {
        Failure::misused(what).at(self.place.clone())
    }

    /// Makes the plan fit `source`: with the model as the plan calls it, converted where it is for another network.
    /// `classes`: whether classes were asked for, which guidance in a plan needs.
    pub fn fit<'a>(&self, source: &'a Source<'_>, classes: bool) -> Result<(Plan, Reader<'a>)> {
        self.check_maps()?;
        self.check_branches(source, classes)?;
        let (plan, reader) = match (source.formulation(), self.plan.network()) {
            // An exact density is a model of every formulation.
            (None, None) => (self.plan.clone(), source.served_as(None)),
            (None, Some(spec)) => {
                let to = Formulation::from_spec(spec).or_misused().map_err(|failure| failure.at(self.place.clone()))?;
                (self.plan.clone(), source.served_as(Some(to)))
            }
            (Some(own), _) => {
                // The trained range is told apart below: a plan runs beyond it, and that is said.
                let mut bare = own.clone();
                bare.range = None;
                let differs = self.plan.differs_from(Some(&bare));
                let plan = self.plan.for_network(own).map_err(|error| {
                    // The library's own hint is for those who choose a grid.
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
                    say(&format!("note: the plan is converted, exactly: from {theirs} to {ours}"));
                }
                (plan, source.served_as(None))
            }
        };
        self.say_if_outside(source);
        Ok((plan, reader))
    }

    /// Says where the plan leaves what the network was trained on.
    fn say_if_outside(&self, source: &Source<'_>) {
        let (Some(trained), Some([min, max])) = (source.trained(), self.plan.noise_levels()) else { return };
        let outside = self.plan.outside(&trained);
        if outside > 0 {
            let (low, high) = trained.sigma_ve();
            say(&format!(
                "note: {outside} of {} lie outside the noise levels of the training, σ/α from {low:.4} to {high:.4}: the plan's go from {min:.4} to {max:.4}",
                plural(self.plan.nfe() as u64, "evaluation")
            ));
        }
    }

    /// Maps that this program cannot compute.
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

    /// Guidance in the plan asks the network twice, with a class and without one.
    fn check_branches(&self, source: &Source<'_>, classes: bool) -> Result<()> {
        if !self.plan.is_guided() {
            return match source.onnx_network().is_some_and(OnnxNetwork::has_unconditional) {
                true => Err(self
                    .refused("--uncond-input has no effect here")
                    .expected("a plan with guidance")
                    .got("a plan without guidance")
                    .hint("leave out --uncond-input")),
                false => Ok(()),
            };
        }
        if let Some(network) = source.onnx_network() {
            let known = crate::cli::flags::known("--uncond-input");
            return match network.has_unconditional() {
                true => Ok(()),
                false => Err(self
                    .refused("the plan is guided, and the unconditional branch of the network has no value")
                    .expected(if known { "--uncond-input NAME=FILE" } else { "a plan without guidance" })
                    .got(if known { "none" } else { "guidance" })
                    .hint(if known {
                        "give --uncond-input, or make the plan without guidance"
                    } else {
                        "make the plan without guidance"
                    })),
            };
        }
        if source.network().is_none_or(|network| network.classes().is_empty()) {
            return Err(self
                .refused("the plan is guided, and the model has no unconditional branch")
                .expected("a network of `langevin train --conditional`")
                .got(source.name().to_owned())
                .hint("make the plan without guidance"));
        }
        if !classes {
            let known = crate::cli::flags::known("--class");
            return Err(self
                .refused("the plan is guided, and without a class there is nothing to guide to")
                .expected(if known { "--class CLASS" } else { "a plan without guidance" })
                .got(if known { "no class" } else { "guidance" })
                .hint(if known { "give --class CLASS" } else { "make the plan without guidance" }));
        }
        Ok(())
    }

    /// Refuses a plan that starts from something else than noise, for a command that has nothing else.
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

    /// Refuses inputs that the flags of `sample` do not fill, and flags that the plan has no input for.
    pub fn check_inputs(&self, edit: &EditArgs) -> Result<()> {
        let takes = |name: &str| self.plan.inputs().iter().any(|input| input.name == name);
        let flags = [("image", "--from", edit.from.is_some()), ("mask", "--mask", edit.mask.is_some())];
        for input in self.plan.inputs() {
            let Some((_, flag, there)) = flags.iter().find(|(name, ..)| *name == input.name) else {
                return Err(self
                    .refused("the plan starts from a state that this command cannot make")
                    .expected("a plan that starts from noise, or from the input 'image'")
                    .got(format!("the input '{}'", input.name))
                    .hint("`langevin plan --start-at K --image` makes plans that start from pictures or rows, for --from FILE; in Python, plan.run(…, inputs=[state]) takes any"));
            };
            if !there {
                return Err(self
                    .refused(format!("the plan starts from the input '{}'", input.name))
                    .expected(format!("{flag} FILE"))
                    .got("none")
                    .hint(if input.name == "mask" { "give --from FILE and --mask FILE" } else { "give --from FILE" }));
            }
        }
        match flags.iter().find(|(name, _, there)| *there && !takes(name)) {
            Some((name, flag, _)) => Err(self
                .refused(format!("the plan has no use for what {flag} gives"))
                .expected(format!("a plan with the input '{name}'"))
                .got("a plan without it")
                .hint(match (*name, self.place.starts_with("--plan")) {
                    ("image", true) => "leave out --from; `langevin plan --start-at K --image` makes plans that start from pictures or rows",
                    ("image", false) => "give --start-at K, the steps that are left out",
                    _ => "leave out --mask; plans of the sampler repaint have it",
                })),
            None => Ok(()),
        }
    }
}

/// Returns the command that runs a plan from a file, as the flags of `sample` that name the model say; `None` for a plan
/// that only a program can start.
pub fn command(plan: &Plan, model: &str, file: &Path) -> Option<String> {
    let takes = |name: &str| plan.inputs().iter().any(|input| input.name == name);
    if plan.inputs().iter().any(|input| !["image", "mask"].contains(&input.name.as_str())) {
        return None;
    }
    let mut flags = String::new();
    for (wanted, flag) in
        [(plan.is_guided(), " --class CLASS"), (takes("image"), " --from FILE"), (takes("mask"), " --mask FILE")]
    {
        if wanted {
            flags.push_str(flag);
        }
    }
    let file = quoted(&file.display().to_string());
    Some(format!("langevin sample {model} --plan {file}{flags} -n 64 --out {SAMPLES}"))
}

/// Says how a plan that was printed or written is run.
pub fn say_command(plan: &Plan, model: &str, file: &Path) {
    match command(plan, model, file) {
        Some(command) => say(&format!("run it: {command}")),
        None => say("run it in Python: plan.run(model, shape, inputs=[state])"),
    }
}

/// A word of a shell.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,=+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
