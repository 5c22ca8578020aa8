//! Conversion of flags to the types of tasks.

use crate::cli::{
    ConditionArgs, DeviceArgs, DiffusersArgs, EditArgs, FileArgs, GivenPlanArgs, NamedFile, NetworkArgs, SourceArgs,
    SpectrumArgs, UncondArgs,
};
use crate::error::{Blame as _, Failure, Result};
use crate::terminal::TERMINAL;
use crate::words::either_case;
use langevin::Request;
use langevin_tasks::condition::Condition;
use langevin_tasks::data::Reading;
use langevin_tasks::edit::Start;
use langevin_tasks::given::{Given, Scheduler};
use langevin_tasks::source::{Declared, DeclaredTokens, Named, Source};
use langevin_tasks::spectrum::Asked;
use langevin_tasks::tokens::{Model, Opened};
use langevin_train::Device;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

impl FileArgs {
    /// Returns the options for reading data.
    pub fn reading(&self) -> Reading {
        let header = match (self.header, self.no_header) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        Reading {
            label_column: self.label_column.clone(),
            labels: self.labels.clone(),
            columns: self.columns.clone(),
            drop: self.drop.clone(),
            header,
            axes: self.axes.clone(),
            size: self.size,
            skip_bad: self.skip_bad,
            memory: self.memory,
        }
    }
}

impl NetworkArgs {
    /// Returns the declaration of an ONNX file.
    pub fn declared(&self, process: Option<&str>) -> Declared {
        Declared {
            process: process.map(str::to_owned),
            predict: self.predict.clone(),
            clock: self.clock.clone(),
            input_sigma_data: self.input_sigma_data,
            trained_range: self.trained_range,
            normalization: self.normalization,
            shape: self.shape.clone(),
            inputs: files(&self.input),
            output: self.output.clone(),
            tokens: None,
        }
    }
}

fn files(named: &[NamedFile]) -> Vec<(String, PathBuf)> {
    named.iter().map(|NamedFile { name, file }| (name.clone(), file.clone())).collect()
}

impl SourceArgs {
    /// Opens the model on the CPU.
    pub fn open(&self) -> Result<Source<'static>> {
        self.refuse_noise()?;
        self.named(|named| Source::open(named, &TERMINAL))
    }

    /// Returns an error if the noise is given for a model that has its own.
    fn refuse_noise(&self) -> Result<()> {
        match &self.trained_as.noise {
            Some(noise) if self.named.onnx.is_none() => Err(Failure::misused("the model has its own noise")
                .at("--noise")
                .expected("--onnx, or --exact with a density of tokens, such as chain:8x64")
                .got(format!("'{noise}'"))),
            _ => Ok(()),
        }
    }

    /// Opens a model of numbers or of tokens.
    fn opened(&self) -> Result<Opened> {
        match (&self.named.exact, &self.trained_as.noise) {
            (Some(name), Some(noise)) if Model::is_name(name) => {
                self.refuse_declaration()?;
                let noise = either_case(noise, str::parse).or_misused()?;
                Model::named(name, noise).map(Opened::Tokens)
            }
            _ => {
                self.refuse_noise()?;
                self.named(|named| Opened::open(named, &TERMINAL))
            }
        }
    }

    /// Opens a model of numbers, on the device of the flags, or a model of tokens.
    pub fn open_any(&self, device: &DeviceArgs) -> Result<Opened> {
        match self.opened()? {
            Opened::Numbers(source) => source.on(&device.open()?, &TERMINAL).map(Opened::Numbers),
            tokens => Ok(tokens),
        }
    }

    /// Opens a model of numbers or of tokens on the CPU.
    pub fn open_either(&self) -> Result<Opened> {
        self.opened()
    }

    /// Returns an error if a flag describes an ONNX network and there is none.
    fn refuse_declaration(&self) -> Result<()> {
        let (own, network) = (&self.trained_as, &self.trained_as.network);
        let flags = [
            ("--process", own.process.is_some()),
            ("--mask-id", own.mask_id.is_some()),
            ("--predict", network.predict.is_some()),
            ("--clock", network.clock.is_some()),
            ("--input-sigma-data", network.input_sigma_data.is_some()),
            ("--trained-range", network.trained_range.is_some()),
            ("--normalization", network.normalization.is_some()),
            ("--shape", network.shape.is_some()),
            ("--input", !network.input.is_empty()),
            ("--output", network.output.is_some()),
        ];
        match flags.iter().find(|(_, given)| *given) {
            Some((flag, _)) if self.named.onnx.is_none() => Err(Failure::misused("the flag describes an ONNX network")
                .at(*flag)
                .expected("--onnx FILE")
                .hint(format!("leave out {flag}, since a model has its own description"))),
            _ => Ok(()),
        }
    }

    /// Calls `open` with the model that the flags name.
    fn named<T>(&self, open: impl FnOnce(Named<'_>) -> Result<T>) -> Result<T> {
        self.refuse_declaration()?;
        let mut declared = self.trained_as.network.declared(self.trained_as.process.as_deref());
        declared.tokens = self.trained_as.noise.as_ref().map(|noise| {
            let mask = self.trained_as.mask_id;
            DeclaredTokens { noise: noise.clone(), mask }
        });
        let named = match (&self.named.model, &self.named.exact, &self.named.onnx) {
            (Some(path), ..) => Named::Model(path),
            (_, Some(name), _) => Named::Exact(name),
            (.., Some(path)) => Named::Onnx(path, &declared),
            // The argument group makes sure that exactly one flag is given.
            _ => {
                return Err(Failure::misused("nothing to read")
                    .expected("MODEL, --exact NAME or --onnx FILE")
                    .got("none"));
            }
        };
        open(named)
    }

    /// Opens the model on the device of the flags.
    pub fn open_on(&self, device: &DeviceArgs) -> Result<Source<'static>> {
        let source = self.open()?;
        source.on(&device.open()?, &TERMINAL)
    }
}

impl DeviceArgs {
    /// Opens the device.
    pub fn open(&self) -> Result<Device> {
        match Device::open(&self.device) {
            Err(error) if error.is_argument() => {
                Err(error).or_misused().map_err(|failure| failure.at(format!("--device {}", self.device)))
            }
            other => other.or_failed(),
        }
    }
}

impl UncondArgs {
    /// Sets the values of further inputs of an ONNX file of tokens on the unconditional branch.
    pub fn give_tokens(&self, model: &mut Model) -> Result<()> {
        model.without_condition(&files(&self.uncond_input), &TERMINAL)
    }

    /// Sets the values of further inputs of an ONNX file on the unconditional branch.
    pub fn give(&self, source: &mut Source<'_>) -> Result<()> {
        source.without_condition(&files(&self.uncond_input), &TERMINAL)
    }
}

impl ConditionArgs {
    /// Returns the classes and the guidance.
    pub fn condition(&self) -> Condition {
        Condition {
            class: self.class.clone(),
            guidance: self.guidance,
            guidance_sweep: self.guidance_sweep.clone(),
            guidance_interval: self.guidance_interval,
        }
    }
}

impl EditArgs {
    /// Returns the starting point of the samples.
    pub fn start(&self) -> Start {
        Start { from: self.from.clone(), strength: self.strength, mask: self.mask.clone() }
    }
}

impl SpectrumArgs {
    /// Calls `f` with the selected Gaussian data.
    pub fn asked<R>(&self, f: impl FnOnce(&Asked<'_>) -> R) -> R {
        let (spectrum, data) = (self.spectrum.as_deref(), self.data.as_deref());
        f(&Asked { spectrum, data, reading: &self.file.reading(), raw: self.raw })
    }
}

impl DiffusersArgs {
    /// Returns the arguments of --set, together with `eta`: the value of --eta, unless a named
    /// sampler takes it.
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

    /// Returns the scheduler of the flags; `None` if they name none.
    pub fn scheduler(&self) -> Result<Option<Scheduler>> {
        let Some(path) = &self.from_diffusers else { return Ok(None) };
        Ok(Some(Scheduler {
            path: path.clone(),
            timesteps: self.timesteps.clone(),
            sigmas: self.sigmas.clone(),
            mu: self.mu,
            image_seq_len: self.image_seq_len.map(u64::from),
            strict: self.strict,
            consistent: self.consistent,
            set: self.settings(None)?,
        }))
    }
}

impl GivenPlanArgs {
    /// Returns the plan of --plan or --from-diffusers; `None` if the sampler flags choose the plan.
    pub fn open(&self, request: &Request) -> Result<Option<Given>> {
        if let Some(path) = &self.plan {
            return Given::of_file(path, &TERMINAL).map(Some);
        }
        let scheduler = self.diffusers.scheduler()?;
        scheduler.map(|scheduler| Given::of_scheduler(&scheduler, request, &TERMINAL)).transpose()
    }

    /// Returns the flag that supplies a plan, if one does.
    pub fn flag(&self) -> Option<&'static str> {
        match (&self.plan, &self.diffusers.from_diffusers) {
            (Some(_), _) => Some("--plan"),
            (_, Some(_)) => Some("--from-diffusers"),
            _ => None,
        }
    }
}
