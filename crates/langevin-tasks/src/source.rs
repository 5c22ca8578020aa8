//! Models: trained networks, ONNX files and exact densities, read in their own formulation or
//! converted to another one.

pub use crate::declared::{Declared, DeclaredTokens};

use crate::content::{self, Content};
use crate::data;
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer};
use crate::words::either_case;
use langevin::{Formulation, LambdaRange, Model, Prediction, Process, Query, ReadAs, Request, SliceSpace, Vjp};
use langevin_analysis::exact::{self, Density};
use langevin_data::{Axes, Frame, Lattice, TableColumns, guard};
use langevin_onnx::{Array, OnnxNetwork, Options as OnnxOptions};
use langevin_train::{Coupling, Device, Network, Normalization};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Name of the column that holds a row as an array, if the training file had no name for it.
pub const ARRAY: &str = "x";

/// The name of a model to open.
#[derive(Clone, Copy, Debug)]
pub enum Named<'a> {
    /// File of a trained network.
    Model(&'a Path),
    /// Name of an exact density.
    Exact(&'a str),
    /// An ONNX file, with the declaration that it needs.
    Onnx(&'a Path, &'a Declared),
}

/// A model to sample from.
///
/// # Examples
///
/// ```
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// assert_eq!((source.name(), source.shape()), ("moons", vec![2]));
/// let reader = source.read_as(Some("vp"), &())?;
/// assert_eq!(reader.path(), "vp:D");
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
pub enum Source<'a> {
    /// A trained network.
    Network(Box<Network>),
    /// A trained network that the caller owns.
    Borrowed(&'a Network),
    /// A network from an ONNX file, with the map between the data and its coordinates.
    Onnx(Box<OnnxNetwork>, Normalization),
    /// An exact density.
    Exact(Box<dyn Density>),
    /// A model that the caller implements.
    Lent(Lent<'a>),
}

/// A model that the caller implements.
///
/// ```
/// use langevin_analysis::exact;
/// use langevin_tasks::source::{Lent, Source};
/// let model = exact::named("moons")?;
/// let source = Source::Lent(Lent {
///     model: &model,
///     name: "own".to_owned(),
///     shape: vec![2],
///     differentiable: true,
///     serial: false,
/// });
/// assert_eq!(source.read_as(Some("vp"), &())?.path(), "vp:D");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[allow(missing_debug_implementations)] // a model is not printable
pub struct Lent<'a> {
    /// The model, in the coordinates of the data.
    pub model: &'a (dyn Vjp<Vec<f64>> + Sync),
    /// Name of the model.
    pub name: String,
    /// Shape of one sample.
    pub shape: Vec<usize>,
    /// True if the output can be differentiated with respect to the input.
    pub differentiable: bool,
    /// True if the model answers one question at a time.
    pub serial: bool,
}

/// Hint for an ONNX file without a declaration.
const OF_TOKENS: &str = "‹noise› masked is for a network that takes tokens and returns logits";

/// Returns the names x0, x1, … for columns without names.
///
/// ```
/// assert_eq!(langevin_tasks::source::plain_names(2), ["x0", "x1"]);
/// ```
#[must_use]
pub fn plain_names(width: usize) -> Vec<String> {
    (0..width).map(|column| format!("x{column}")).collect()
}

/// Returns the full range of 8-bit or 16-bit levels if data with spacing `step` use more than half
/// of it.
fn levels([low, high]: [f64; 2], step: f64) -> Option<[f64; 2]> {
    let start = if low < 0.0 { -1.0 } else { 0.0 };
    let used = (high - low) / step;
    let all = [255.0, 65535.0].into_iter().find(|all| used <= all + 0.5)?;
    let end = start + all * step;
    (low >= start && high <= end + 0.5 * step && used > 0.5 * all).then_some([start, end])
}

/// Returns the error for a model of tokens where a task is for numbers.
fn of_tokens(argument: &str, name: &str) -> Error {
    Error::misused("the model is of tokens, and this is for numbers")
        .at(argument)
        .expected("a model of numbers")
        .got(format!("a model of '{name}'"))
}

impl Source<'_> {
    /// Opens a model.
    ///
    /// ```
    /// use langevin_tasks::source::{Named, Source};
    /// let error = Source::open(Named::Exact("monons"), &()).err().expect("an unknown name");
    /// assert!(error.to_string().contains("moons"));
    /// ```
    ///
    /// # Errors
    /// Returns an error if the file is not a model, if the name is unknown, or if an ONNX file
    /// lacks its declaration.
    pub fn open(named: Named<'_>, observer: &dyn Observer) -> Result<Self> {
        match named {
            Named::Model(path) => match network("‹model›", path, observer)? {
                network if network.vocabulary().is_none() => Ok(Self::Network(Box::new(network))),
                network => Err(of_tokens("‹model›", &network.metadata().data.name)),
            },
            Named::Exact(name) if crate::tokens::Model::is_name(name) => Err(of_tokens("‹exact›", name)),
            Named::Exact(name) => either_case(name, exact::named).map(Self::Exact).or_misused(),
            Named::Onnx(path, declared) => Self::onnx(path, declared, observer),
        }
    }

    /// Returns the same model, evaluated on the given device.
    ///
    /// # Errors
    /// Returns an error if the device is a graphics card and the model is not a network of
    /// `langevin train`, or if the card cannot hold the network.
    pub fn on(self, device: &Device, observer: &dyn Observer) -> Result<Self> {
        match self {
            _ if device.is_cpu() => Ok(self),
            Self::Network(network) => {
                observer.note(&Note::OnDevice(device.to_string()));
                Ok(Self::Network(Box::new(network.on(device).or_failed()?)))
            }
            _ => Err(Error::misused("only a model of `langevin train` is evaluated on a card")
                .at("‹device›")
                .expected("‹model›, or ‹device› cpu")
                .got(device.to_string())),
        }
    }

    /// Returns true if the network is evaluated on a graphics card, where a few large batches are
    /// faster than many small ones.
    pub fn is_on_card(&self) -> bool {
        self.network().is_some_and(|network| !network.device().is_cpu())
    }

    /// Returns the number of threads that share the rows: the requested number, or by default that
    /// of the thread pool. The default is one for a serial model, and for a card, on which each
    /// thread would allocate memory of its own.
    ///
    /// ```
    /// use langevin_tasks::source::{Named, Source};
    /// assert_eq!(Source::open(Named::Exact("moons"), &())?.threads(Some(3)), 3);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    pub fn threads(&self, asked: Option<usize>) -> usize {
        let serial = matches!(self, Self::Lent(Lent { serial: true, .. }));
        asked.unwrap_or_else(|| if serial || self.is_on_card() { 1 } else { rayon::current_num_threads() })
    }

    /// Opens an ONNX file according to its declaration.
    ///
    /// # Errors
    /// Returns an error if the file is not a suitable network, or if declarations are missing or
    /// wrong.
    pub fn onnx(path: &Path, declared: &Declared, observer: &dyn Observer) -> Result<Self> {
        content::check("‹onnx›", path, Content::Onnx, observer)?;
        if declared.tokens.is_some() {
            return Err(of_tokens("‹noise›", &path.display().to_string()));
        }
        let formulation = declared.formulation().map_err(|error| match declared.process {
            None if observer.knows(OF_TOKENS) => error.hint(OF_TOKENS),
            _ => error,
        })?;
        let options = onnx_options(declared, observer)?;
        let network = guard::caught(|| OnnxNetwork::open(path, formulation, &options))
            .map_or_else(|| Err(contradicts(path)), |read| read.map_err(|error| onnx_failure(&error)))?;
        Ok(Self::Onnx(Box::new(network), declared.normalization()?))
    }

    /// Sets the values of further inputs of an ONNX network on the unconditional branch, from
    /// files.
    ///
    /// # Errors
    /// Returns an error if a file is not an array, or if the network does not have the input.
    pub fn without_condition(&mut self, inputs: &[(String, PathBuf)], observer: &dyn Observer) -> Result<()> {
        let Self::Onnx(network, _) = self else { return without_inputs(inputs) };
        network.set_unconditional(&unconditional(inputs, observer)?).map_err(|error| onnx_failure(&error))
    }

    /// Checks that the further inputs of an ONNX network have one row for all samples, or a row for
    /// each of `count` samples.
    ///
    /// # Errors
    /// Returns an error if an input has too few rows.
    pub fn check_rows(&self, count: usize) -> Result<()> {
        match self {
            Self::Onnx(network, _) => network.check_rows(count).map_err(|error| onnx_failure(&error)),
            _ => Ok(()),
        }
    }

    /// Returns the ONNX network, if the model is one.
    pub fn onnx_network(&self) -> Option<&OnnxNetwork> {
        match self {
            Self::Onnx(network, _) => Some(network),
            _ => None,
        }
    }

    /// Returns the trained network, if the model is one.
    pub fn network(&self) -> Option<&Network> {
        match self {
            Self::Network(network) => Some(network),
            Self::Borrowed(network) => Some(network),
            Self::Onnx(..) | Self::Exact(_) | Self::Lent(_) => None,
        }
    }

    /// Returns true if the noise of the training was coupled to the data. The ODE of such a network
    /// is a model of the data in every clock, but its velocity does not determine a score.
    pub fn is_coupled(&self) -> bool {
        self.network().is_some_and(|network| network.metadata().training.coupling != Coupling::Independent)
    }

    /// Returns the name of the model: that of its training data, of the ONNX file, or of the
    /// density.
    pub fn name(&self) -> &str {
        match self {
            Self::Network(network) => &network.metadata().data.name,
            Self::Borrowed(network) => &network.metadata().data.name,
            Self::Onnx(network, _) => network.name(),
            Self::Exact(density) => density.name(),
            Self::Lent(lent) => &lent.name,
        }
    }

    /// Returns the shape of one sample.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Network(network) => network.shape().to_vec(),
            Self::Borrowed(network) => network.shape().to_vec(),
            Self::Onnx(network, _) => network.shape().to_vec(),
            Self::Exact(density) => vec![density.dim()],
            Self::Lent(lent) => lent.shape.clone(),
        }
    }

    /// Returns height, width and channels if a sample is a picture: its shape is (height, width),
    /// (height, width, channels) or (channels, height, width), with 1 or 3 channels.
    ///
    /// ```
    /// use langevin_tasks::source::{Named, Source};
    /// assert_eq!(Source::open(Named::Exact("moons"), &())?.picture(), None);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    #[must_use]
    pub fn picture(&self) -> Option<(usize, usize, usize)> {
        let (height, width, channels) = match self.shape()[..] {
            [height, width] => (height, width, 1),
            [height, width, channels @ (1 | 3)] | [channels @ (1 | 3), height, width] => (height, width, channels),
            _ => return None,
        };
        (height * width > 1).then_some((height, width, channels))
    }

    /// Returns the number of elements of one sample.
    pub fn width(&self) -> usize {
        self.shape().iter().product()
    }

    /// Returns the map between the data and the coordinates of the network; `None` for a density,
    /// whose coordinates are those of the data.
    ///
    /// ```
    /// use langevin_tasks::source::{Named, Source};
    /// assert!(Source::open(Named::Exact("moons"), &())?.normalization().is_none());
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    pub fn normalization(&self) -> Option<&Normalization> {
        match self {
            Self::Onnx(_, map) => Some(map),
            _ => self.network().map(Network::normalization),
        }
    }

    /// Returns true if the output can be differentiated with respect to the input.
    pub fn is_differentiable(&self) -> bool {
        !matches!(self, Self::Onnx(..) | Self::Lent(Lent { differentiable: false, .. }))
    }

    /// Returns the range of values of the data's pictures, if it is known.
    pub fn extent(&self) -> Option<[f64; 2]> {
        if self.network().is_some_and(|network| network.metadata().data.pictures) {
            return Some([0.0, 255.0]);
        }
        if let Some(data) = self.network().map(|network| &network.metadata().data)
            && let Some(range) = data.range
        {
            let step = data.lattice.as_ref().and_then(Lattice::common);
            return Some(step.and_then(|step| levels(range, step)).unwrap_or(range));
        }
        let map = self.normalization()?;
        let (shift, scale) = (map.shift.first()?, map.scale.first()?);
        (self.shape().len() > 1).then_some([shift - scale, shift + scale])
    }

    /// Returns the map between rows of the training file and rows of the model, if they differ or
    /// if the columns have names.
    pub fn frame(&self) -> Option<&Frame> {
        self.network().and_then(|network| network.metadata().data.frame.as_ref())
    }

    /// Returns the shape of a sample in the format of the training file.
    pub fn file_shape(&self) -> Vec<usize> {
        self.sample_frame().map_or_else(|| self.shape(), |frame| frame.shape.clone())
    }

    /// Returns the map between samples in the format of the training file and samples of the model.
    /// For a model of crops, the model supplies the sizes and the file the order of the axes.
    fn sample_frame(&self) -> Option<Cow<'_, Frame>> {
        let (frame, shape) = (self.frame()?, self.shape());
        if frame.model_shape() == shape {
            return Some(Cow::Borrowed(frame));
        }
        let (Some(axes @ Axes::ChannelsFirst), &[height, width, channels]) = (frame.axes, &shape[..]) else {
            return None;
        };
        let mut part = Frame::plain(&[channels, height, width]);
        part.axes = Some(axes);
        Some(Cow::Owned(part))
    }

    /// Returns the names of the numbers of a sample: the column names of the training table, or x0,
    /// x1, … if it has none.
    ///
    /// ```
    /// use langevin_tasks::source::{Named, Source};
    /// assert_eq!(Source::open(Named::Exact("moons"), &())?.file_names(), ["x0", "x1"]);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    pub fn file_names(&self) -> Vec<String> {
        let width = self.file_shape().iter().product();
        match self.frame().filter(|frame| frame.names.len() == width) {
            Some(frame) => frame.names.clone(),
            None => plain_names(width),
        }
    }

    /// Returns the columns for a table of samples: those of the training table, with integers in
    /// integer columns.
    ///
    /// ```
    /// use langevin_tasks::source::{Named, Source};
    /// assert_eq!(Source::open(Named::Exact("moons"), &())?.columns().width(), 2);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    pub fn columns(&self) -> TableColumns {
        let dialect = self.frame().and_then(|frame| frame.dialect);
        let columns = TableColumns::new(self.file_names()).whole(self.whole()).dialect(dialect);
        let shape = self.file_shape();
        let reading = self.network().and_then(|network| network.metadata().data.reading.as_ref());
        match reading.map(|reading| &reading.columns[..]) {
            // A single column of the file held all numbers of a row.
            Some([name]) if columns.width() > 1 => columns.array(name, &shape),
            _ if shape.len() > 1 => columns.array(ARRAY, &shape),
            _ => columns,
        }
    }

    /// Returns a flag for each column of the training table that is true if the column holds
    /// integers.
    fn whole(&self) -> Vec<bool> {
        let (Some(network), Some(frame)) = (self.network(), self.sample_frame().filter(|frame| frame.table)) else {
            return vec![];
        };
        let is_whole = |value: f64| value.fract() == 0.0 && value.abs() < 1e15;
        let mut whole = vec![false; frame.width()];
        frame.constants.iter().for_each(|one| whole[one.element] = is_whole(one.value));
        if let Some(lattice) = &network.metadata().data.lattice {
            for (element, place) in frame.places().into_iter().enumerate() {
                let step = lattice.step(element);
                whole[place] = step > 0.0 && is_whole(step) && is_whole(lattice.nearest(element, 0.0));
            }
        }
        whole
    }

    /// Converts samples to the format of the training file. Constant columns are restored, integer
    /// columns are rounded, and the axis order is that of the file.
    ///
    /// ```
    /// use langevin_tasks::source::{Named, Source};
    /// let source = Source::open(Named::Exact("moons"), &())?;
    /// // The coordinates of a density are those of its data.
    /// assert_eq!(source.to_file(vec![0.5, 0.25]), [0.5, 0.25]);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    pub fn to_file(&self, mut samples: Vec<f64>) -> Vec<f64> {
        self.to_data(&mut samples);
        let Some(frame) = self.sample_frame() else { return samples };
        let mut rows = frame.restore(&samples);
        // The exponential of a logarithm differs from the original value in its last bits.
        if let Some(lattice) =
            self.network().and_then(|network| network.metadata().data.lattice.as_ref()).filter(|_| frame.table)
        {
            let places = frame.places();
            for row in rows.chunks_exact_mut(frame.width()) {
                for (element, place) in places.iter().enumerate() {
                    row[*place] = lattice.nearest(element, row[*place]);
                }
            }
        }
        rows
    }

    /// Rounds samples to the lattice of a table whose values are evenly spaced.
    fn on_lattice(&self, samples: &mut [f64]) {
        let (Some(network), Some(frame)) = (self.network(), self.frame()) else { return };
        let data = &network.metadata().data;
        let Some(lattice) = data.lattice.as_ref().filter(|_| frame.table) else { return };
        let width = self.width();
        for row in samples.chunks_exact_mut(width) {
            for (element, value) in row.iter_mut().enumerate() {
                let logged = frame.is_logged(element);
                let plain = if logged { value.exp() } else { *value };
                // Dequantised values lie between the original value and the next one.
                let plain = plain - if data.dequantized { 0.5 * lattice.step(element) } else { 0.0 };
                let near = lattice.nearest(element, plain);
                if lattice.step(element) > 0.0 {
                    *value = if logged { near.ln() } else { near };
                }
            }
        }
    }

    /// Converts samples to the units of the data, in place.
    pub fn to_data(&self, samples: &mut [f64]) {
        if let Some(map) = self.normalization() {
            map.denormalize(samples, self.width());
        }
        self.on_lattice(samples);
    }

    /// Returns the formulation of the network; `None` for a density, which returns the denoised
    /// prediction D.
    pub fn formulation(&self) -> Option<&Formulation> {
        self.model().formulation()
    }

    fn model(&self) -> &dyn Vjp<Vec<f64>> {
        match self {
            Self::Network(network) => &**network,
            Self::Borrowed(network) => *network,
            Self::Onnx(network, _) => &**network,
            Self::Exact(density) => density,
            Self::Lent(lent) => lent.model,
        }
    }

    /// Returns the noise range of the training, if it is known.
    pub fn trained(&self) -> Option<LambdaRange> {
        self.model().formulation().and_then(|own| own.range)
    }

    /// Returns a reader of the model in its own formulation, or converted to the formulation `to`.
    pub fn served_as<'s>(&'s self, to: Option<Formulation>, observer: &'s dyn Observer) -> Reader<'s> {
        let formulation = to.as_ref().or_else(|| self.model().formulation());
        // An exact density is a model of every process. Rectified flow is also the default process
        // of a training.
        let process = formulation.map_or_else(Process::rectified_flow, |own| own.process.clone());
        Reader { source: self, process, to, observer }
    }

    /// Returns a reader of the model as `P` or `P:Q`, where P is a process and Q a prediction.
    /// Without Q the model keeps its own prediction; an exact density returns D.
    ///
    /// ```
    /// use langevin_tasks::source::{Named, Source};
    /// let source = Source::open(Named::Exact("moons"), &())?;
    /// assert_eq!(source.read_as(Some("vp:score"), &())?.path(), "vp:score");
    /// // A prediction without its process is an error with a hint.
    /// let error = source.read_as(Some("epsilon"), &()).err().expect("a process is missing");
    /// assert!(error.to_string().contains("vp:epsilon"));
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the process or the prediction is unknown.
    pub fn read_as<'s>(&'s self, text: Option<&str>, observer: &'s dyn Observer) -> Result<Reader<'s>> {
        let own = self.model().formulation();
        let Some(text) = text else { return Ok(self.served_as(None, observer)) };
        let (process, prediction) = text.split_once(':').map_or((text, None), |(p, q)| (p, Some(q)));
        let process = either_case(process, Process::parse).or_misused().map_err(|failure| {
            match prediction.is_none() && either_case(process, Prediction::parse).is_ok() {
                false => failure,
                true => {
                    let own = own.map_or_else(|| "vp".to_owned(), |own| own.process.name().to_string());
                    Error::misused("a prediction without its process")
                        .at("‹as›")
                        .expected("P or P:Q, a process and what the network predicts, as in vp:epsilon")
                        .got(format!("'{text}'"))
                        .hint(format!("give ‹as› {own}:{process}"))
                }
            }
        })?;
        let named = prediction.map(|name| either_case(name, Prediction::parse)).transpose().or_misused()?;
        let prediction = match (named, own.map(|own| own.prediction)) {
            // The network's own σ_data of EDM is kept if it has one.
            (Some(Prediction::Edm { .. }) | None, Some(own @ Prediction::Edm { .. })) => Some(own),
            (Some(Prediction::EdmV { .. }), Some(own @ Prediction::EdmV { .. })) => Some(own),
            (Some(named), _) => Some(named),
            (None, own) => own,
        };
        let to = prediction.map(|prediction| {
            let to = Formulation::new(process.clone(), prediction);
            match self.trained() {
                Some(range) => to.with_range(range),
                None => to,
            }
        });
        Ok(Reader { source: self, process, to, observer })
    }
}

/// Loads a trained network. Messages name its file by `argument`.
///
/// # Examples
///
/// ```
/// use langevin_tasks::source::network;
/// let error = network("‹model›", "moons".as_ref(), &()).err().expect("there is no such file");
/// assert!(error.to_string().contains("give ‹exact› moons"));
/// ```
///
/// # Errors
/// Returns an error if the file does not exist or is not a model.
pub fn network(argument: &str, path: &Path, observer: &dyn Observer) -> Result<Network> {
    content::check(argument, path, Content::Model, observer).map_err(|failure| match path.exists() {
        true => failure,
        false => failure.hint(instead(path, observer)),
    })?;
    // The safetensors library parses the file and may panic on contradictory content.
    guard::caught(|| Network::load(path)).map_or_else(|| Err(contradicts(path)), |read| read.or_failed())
}

/// Reads the value of a further input of an ONNX network.
fn array(argument: &str, name: &str, path: &Path, observer: &dyn Observer) -> Result<Array> {
    let place = format!("{argument} {name}");
    match langevin_data::located(path).0 {
        // An .npz archive is checked by its reader.
        file if file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) && file.exists() => {}
        file => content::check(&place, file, Content::Array, observer)?,
    }
    let langevin_data::Array { shape, dtype, values } =
        langevin_data::Array::open(path).map_err(|error| data::failure(&error, observer))?;
    Ok(Array { shape, dtype, values })
}

/// Returns an error if values of further inputs are given for a model without such inputs.
pub(crate) fn without_inputs(inputs: &[(String, PathBuf)]) -> Result<()> {
    match inputs.first() {
        None => Ok(()),
        Some((name, _)) => Err(Error::misused("the model has no further inputs")
            .at("‹uncond-input›")
            .expected("‹onnx› with a network that has them")
            .got(format!("'{name}'"))),
    }
}

/// Reads the values of further inputs on the unconditional branch.
pub(crate) fn unconditional(inputs: &[(String, PathBuf)], observer: &dyn Observer) -> Result<Vec<(String, Array)>> {
    let read = |(name, file): &(String, PathBuf)| Ok((name.clone(), array("‹uncond-input›", name, file, observer)?));
    inputs.iter().map(read).collect()
}

/// Returns the options with which a declared ONNX file is opened.
pub(crate) fn onnx_options(declared: &Declared, observer: &dyn Observer) -> Result<OnnxOptions> {
    let mut options = OnnxOptions::default();
    if let Some(shape) = &declared.shape {
        options = options.shape(shape);
    }
    if let Some(output) = &declared.output {
        options = options.output(output);
    }
    for (name, file) in &declared.inputs {
        options = options.input(name, array("‹input›", name, file, observer)?);
    }
    Ok(options)
}

/// Converts an error about an ONNX file.
pub(crate) fn onnx_failure(error: &langevin_onnx::Error) -> Error {
    let text = error.to_string();
    if error.is_argument() { Error::misused(text) } else { Error::failed(text) }
}

/// Returns the error for a file on which a library panicked.
pub(crate) fn contradicts(path: &Path) -> Error {
    Error::failed("the file cannot be used").in_file(path).got("its parts contradict each other")
}

/// Returns the hint for a model that does not exist.
fn instead(path: &Path, observer: &dyn Observer) -> String {
    let name = path.to_str().and_then(|name| exact::NAMES.iter().find(|known| known.eq_ignore_ascii_case(name)));
    let hint = match name {
        Some(name) => format!("for the density of this name, give ‹exact› {name}"),
        None => "`langevin train` makes a model; ‹exact› NAME needs none".to_owned(),
    };
    if observer.knows(&hint) { hint } else { "`langevin train` makes a model".to_owned() }
}

/// A model as it is read: in its own formulation, or converted at every evaluation.
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::source::{Named, Source};
/// let source = Source::open(Named::Exact("moons"), &())?;
/// let reader = source.read_as(Some("ve:epsilon"), &())?;
/// assert_eq!(reader.path(), "ve:epsilon");
/// assert_eq!(reader.asks(Request::new()).state_process().name().to_string(), "ve");
/// # Ok::<(), langevin_tasks::Error>(())
/// ```
pub struct Reader<'a> {
    source: &'a Source<'a>,
    /// Process of the states that it takes.
    pub process: Process,
    /// Formulation that the model is converted to; `None` for no conversion.
    to: Option<Formulation>,
    observer: &'a dyn Observer,
}

impl Reader<'_> {
    /// Returns the model that is read.
    pub fn source(&self) -> &Source<'_> {
        self.source
    }

    /// Returns the request with the process and the network of this reader.
    pub fn asks(&self, request: Request) -> Request {
        let request = request.process(self.process.clone());
        match self.formulation() {
            Some(network) => request.network(network.clone()),
            None => request,
        }
    }

    /// Returns process and prediction as text: `vp:score`, or `vp:D` for a density that returns the
    /// denoised prediction.
    pub fn path(&self) -> String {
        let prediction = self.formulation().map_or("D", |formulation| formulation.prediction.name());
        format!("{}:{prediction}", self.process.name())
    }
}

impl Model<Vec<f64>> for Reader<'_> {
    fn formulation(&self) -> Option<&Formulation> {
        self.to.as_ref().or_else(|| self.source.model().formulation())
    }

    fn predict(&self, x: &Vec<f64>, query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        self.observer.check().map_err(|error| langevin::Error::model("interrupted", error))?;
        let model = self.source.model();
        match &self.to {
            None => model.predict(x, query),
            // The space is scratch memory for one conversion and is not shared between threads.
            Some(to) => ReadAs::new(model, to.clone(), SliceSpace::new(self.source.width())).predict(x, query),
        }
    }
}

impl Vjp<Vec<f64>> for Reader<'_> {
    fn predict_vjps(
        &self,
        x: &Vec<f64>,
        query: &Query<'_>,
        cotangents: &[Vec<f64>],
    ) -> langevin::Result<(Vec<f64>, Vec<Vec<f64>>)> {
        self.observer.check().map_err(|error| langevin::Error::model("interrupted", error))?;
        let model = self.source.model();
        match &self.to {
            None => model.predict_vjps(x, query, cotangents),
            Some(to) => {
                ReadAs::new(model, to.clone(), SliceSpace::new(self.source.width())).predict_vjps(x, query, cotangents)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::levels;

    #[test]
    fn levels_in_use_tell_their_whole_range() {
        assert_eq!(levels([3.0, 250.0], 1.0), Some([0.0, 255.0]));
        assert_eq!(levels([0.0, 16.0], 1.0), None);
        assert_eq!(levels([0.1, 0.9], 1.0 / 255.0), Some([0.0, 1.0]));
        assert_eq!(levels([-0.8, 1.0], 2.0 / 255.0), Some([-1.0, 1.0]));
        assert_eq!(levels([100.0, 60_000.0], 1.0), Some([0.0, 65535.0]));
        assert_eq!(levels([100.0, 400.0], 1.0), None, "beyond 8 bits, and a small part of 16");
    }
}
