//! `_TokenModel`: the tasks on one model of tokens, behind the classes of `langevin._tokens`.

use super::called::Called;
use super::ids::{Ids, NoiseLike, NoiseOut, flags, for_rows};
use super::plan::TokenPlan;
use crate::arguments::ClassLabels;
use crate::column::Column;
use crate::errors::{ArgumentError, OrRaise as _, carried, raised_by_onnx, raised_by_task};
use crate::observer::Interpreter;
use crate::rows::ids;
use langevin::model::Branch;
use langevin::{Query, SampleId};
use langevin_discrete::plan::{Kept, Law};
use langevin_discrete::recommend::{self, Figure, Options, Target};
use langevin_discrete::{Denoiser, Letter, Outputs, Parameterization, StateSpace, exact, level};
use langevin_onnx::{OnnxTokens, TokensAs};
use langevin_tasks::tokens::sample::places;
use langevin_tasks::tokens::{Model, analyze, evaluate, likelihood, rows::Rows};
use numpy::{PyArray1, PyArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Number of rows between two looks at the signals.
const BATCH: usize = 512;
/// Number of rows that a thread draws at once.
const CHUNK: usize = 64;
/// Number of probabilities of one batch of a network in Python, which take 64 MiB.
const NUMBERS: usize = 1 << 23;

/// Model of tokens; used by ``langevin._tokens``.
#[pyclass(frozen, module = "langevin._langevin", name = "_TokenModel")]
pub struct TokenModel {
    source: Source,
    space: StateSpace,
    ids: Ids,
}

/// Name of a measure, and its values of samples and of real sequences.
type Measured = (&'static str, f64, Option<f64>);

enum Source {
    /// A trained network, or a density.
    Own(Arc<Model>),
    /// A network in Python.
    Called(Box<Called>),
}

impl TokenModel {
    fn of_own(model: Model) -> PyResult<Self> {
        let space = model.space().map_err(|error| Python::attach(|py| raised_by_task(py, &error)))?.clone();
        let ids = match model.onnx_network() {
            Some(network) => Ids(network.ids()),
            None => Ids::new(&space, None)?,
        };
        Ok(Self { source: Source::Own(Arc::new(model)), space, ids })
    }

    fn own(&self) -> Option<&Model> {
        match &self.source {
            Source::Own(model) => Some(model),
            Source::Called(_) => None,
        }
    }

    fn density(&self) -> PyResult<&(dyn exact::Density + Send + Sync)> {
        self.own().and_then(Model::density).ok_or_else(|| ArgumentError::new_err("the model is no exact density"))
    }

    /// Returns the model as a denoiser.
    pub fn denoiser(&self) -> PyResult<Box<dyn Denoiser + '_>> {
        match &self.source {
            Source::Own(model) => model.denoiser().map_err(|error| Python::attach(|py| raised_by_task(py, &error))),
            Source::Called(called) => Ok(Box::new(Borrowed(called))),
        }
    }

    /// Returns the space of the sequences.
    pub fn space(&self) -> &StateSpace {
        &self.space
    }

    fn read(&self, tokens: &Bound<'_, PyAny>, masked: bool) -> PyResult<Vec<Letter>> {
        self.ids.read(tokens, self.space.length(), masked)
    }

    /// Reads clean sequences with their sample indices.
    fn rows(&self, tokens: &Bound<'_, PyAny>, seed: u64, first: u64) -> PyResult<Rows> {
        let letters = self.read(tokens, false)?;
        let ids = ids(seed, first, letters.len() / self.space.length())?;
        Ok(Rows { name: String::new(), letters, ids })
    }
}

/// A borrowed network in Python as a denoiser.
struct Borrowed<'a>(&'a Called);

impl Denoiser for Borrowed<'_> {
    fn space(&self) -> &StateSpace {
        self.0.space()
    }

    fn parameterization(&self) -> Parameterization {
        self.0.parameterization()
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> langevin::Result<Vec<f64>> {
        self.0.predict(x, query)
    }
}

/// Draws samples, with kept tokens for each row, on several threads unless `batch` is given.
fn draw(
    denoiser: &dyn Denoiser,
    plan: &langevin_discrete::Plan,
    rows: &[SampleId],
    kept: Option<&(Vec<Letter>, Vec<bool>)>,
    batch: Option<usize>,
) -> langevin::Result<Vec<Letter>> {
    let length = plan.space().length();
    let part = |first: usize, ids: &[SampleId]| {
        let tokens = first * length..(first + ids.len()) * length;
        let kept = kept.map(|(letters, keep)| Kept::new(letters[tokens.clone()].to_vec(), keep[tokens].to_vec()));
        plan.run_keeping(denoiser, ids, &kept.unwrap_or_default())
    };
    let mut out = Vec::with_capacity(rows.len() * length);
    if let Some(size) = batch {
        for (number, ids) in rows.chunks(size).enumerate() {
            out.extend(part(number * size, ids)?);
        }
        return Ok(out);
    }
    for (number, batch) in rows.chunks(BATCH).enumerate() {
        Python::attach(|py| py.check_signals()).map_err(carried)?;
        let parts = batch.par_chunks(CHUNK).enumerate();
        let parts = parts.map(|(chunk, ids)| part(number * BATCH + chunk * CHUNK, ids));
        for letters in parts.collect::<langevin::Result<Vec<_>>>()? {
            out.extend(letters);
        }
    }
    Ok(out)
}

/// Returns a figure as the pair of its nats and its standard error.
fn figure(figure: Option<Figure>) -> Option<(f64, Option<f64>)> {
    figure.map(|figure| (figure.nats, figure.standard_error))
}

#[pymethods]
impl TokenModel {
    /// Return the density with a name.
    #[staticmethod]
    #[pyo3(signature = (name, noise: "str | collections.abc.Sequence[float] | None" = None))]
    fn named(name: &str, noise: Option<NoiseLike>) -> PyResult<Self> {
        let density = exact::named(name, NoiseLike::noise(noise).or_raise()?).or_raise()?;
        Self::of_own(Model::Exact(density))
    }

    /// Read a model file of tokens.
    #[staticmethod]
    #[pyo3(signature = (path, class_labels: "typing.Any" = None))]
    fn network(py: Python<'_>, path: PathBuf, class_labels: Option<ClassLabels>) -> PyResult<Self> {
        let network = crate::models::Network::read(py, &path, class_labels)?;
        if network.vocabulary().is_none() {
            let message = langevin::error::Message::new("the model is of numbers, not of tokens")
                .at(path.display().to_string())
                .expected("a model file that was trained on tokens")
                .hinting("langevin.Network opens models of numbers");
            return Err(ArgumentError::new_err(message.to_string()));
        }
        if network.is_table() {
            let message = langevin::error::Message::new("the model is of numbers and categories together")
                .at(path.display().to_string())
                .expected("a model of tokens alone")
                .hinting("langevin.TableNetwork opens it, and so does langevin.Network.load");
            return Err(ArgumentError::new_err(message.to_string()));
        }
        Self::of_own(Model::Network(Box::new(network)))
    }

    /// Open an ONNX file.
    #[staticmethod]
    #[pyo3(signature = (path, noise: "str | collections.abc.Sequence[float] | None", prediction, mask, length, inputs: "typing.Any", uncond_inputs: "typing.Any", output))]
    #[allow(clippy::too_many_arguments)]
    fn onnx(
        py: Python<'_>,
        path: PathBuf,
        noise: Option<NoiseLike>,
        prediction: &str,
        mask: Option<usize>,
        length: Option<usize>,
        inputs: Option<Bound<'_, PyAny>>,
        uncond_inputs: Option<Bound<'_, PyAny>>,
        output: Option<String>,
    ) -> PyResult<Self> {
        let (noise, prediction) = (NoiseLike::noise(noise).or_raise()?, prediction.parse().or_raise()?);
        let options = crate::onnx::options(py, length.map(|length| vec![length]), inputs, uncond_inputs, output)?;
        let declared = TokensAs { noise, prediction, mask, logits: true };
        let network = py.detach(|| OnnxTokens::open(&path, declared, &options));
        let model = Model::of_onnx(network.map_err(|error| raised_by_onnx(&error))?);
        Self::of_own(model.map_err(|error| raised_by_task(py, &error))?)
    }

    /// Inputs and output of an ONNX file.
    #[getter]
    fn ports(&self) -> Option<(Vec<String>, String)> {
        self.own().and_then(Model::onnx_network).map(|network| (network.inputs(), network.output()))
    }

    /// Return a network in Python as a model.
    #[staticmethod]
    #[pyo3(signature = (call, vocab, length, noise: "str | collections.abc.Sequence[float] | None", prediction, logits, mask, forbidden, batch))]
    #[allow(clippy::too_many_arguments)]
    fn called(
        call: Py<PyAny>,
        vocab: usize,
        length: usize,
        noise: Option<NoiseLike>,
        prediction: &str,
        logits: bool,
        mask: Option<i64>,
        forbidden: Vec<i64>,
        batch: Option<usize>,
    ) -> PyResult<Self> {
        let space = StateSpace::new(NoiseLike::noise(noise).or_raise()?, vocab, length).or_raise()?;
        let prediction: Parameterization = prediction.parse().or_raise()?;
        let ids = Ids::new(&space, mask)?;
        let mut flags = vec![false; if forbidden.is_empty() { 0 } else { vocab }];
        // The mask is never drawn, so its identifier in the list says nothing new.
        for id in forbidden.into_iter().filter(|id| usize::try_from(*id).ok().is_none_or(|id| Some(id) != ids.0.mask()))
        {
            match ids.0.letter(id).and_then(|letter| flags.get_mut(letter as usize)) {
                Some(flag) => *flag = true,
                None => {
                    let message = langevin::error::Message::new("a forbidden letter is no letter").at("forbid");
                    let message = message.expected("identifiers of letters").got(id.to_string());
                    return Err(ArgumentError::new_err(message.to_string()));
                }
            }
        }
        if prediction == Parameterization::Score && !flags.is_empty() {
            return Err(ArgumentError::new_err(
                "letters of a score cannot be forbidden (forbid): expected a posterior or leave-one-out prediction",
            ));
        }
        let batch = batch.unwrap_or_else(|| (NUMBERS / (vocab * length)).clamp(1, BATCH));
        if batch == 0 {
            return Err(ArgumentError::new_err("an empty batch (batch): expected 1 or more, got 0"));
        }
        let outputs = Outputs { ids: ids.0, prediction, logits, forbidden: flags };
        let called = Called { call, space: space.clone(), outputs, batch, calls: AtomicUsize::new(0) };
        Ok(Self { source: Source::Called(Box::new(called)), space, ids })
    }

    /// Number of letters.
    #[getter]
    fn vocab(&self) -> usize {
        self.space.vocab()
    }

    /// Number of tokens of a sequence.
    #[getter]
    fn length(&self) -> usize {
        self.space.length()
    }

    /// Noise: its name, or the probabilities of a prior.
    #[getter]
    fn noise(&self) -> NoiseOut {
        NoiseOut::of(self.space.noise())
    }

    /// Identifier of the mask; ``None`` for noise without a mask.
    #[getter]
    fn mask(&self) -> Option<usize> {
        self.ids.0.mask()
    }

    /// Name of the density or of the training data.
    #[getter]
    fn name(&self) -> Option<String> {
        self.own().map(Model::name)
    }

    /// Texts of the letters.
    #[getter]
    fn letters(&self) -> Option<Vec<String>> {
        self.own().and_then(Model::vocabulary).map(|vocabulary| vocabulary.letters().to_vec())
    }

    /// Names of the classes.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.own().and_then(Model::network).map_or_else(Vec::new, |network| network.classes().to_vec())
    }

    /// Number of weights.
    #[getter]
    fn parameters(&self) -> Option<usize> {
        self.own().and_then(Model::network).map(langevin_train::Network::parameters)
    }

    /// Entropy of a density in nats, if it is known.
    #[getter]
    fn entropy(&self) -> PyResult<Option<f64>> {
        Ok(self.density()?.entropy())
    }

    /// Return the tokens of texts.
    #[pyo3(signature = (texts: "collections.abc.Sequence[str]") -> "numpy.typing.NDArray[numpy.int64]")]
    fn encode<'py>(&self, py: Python<'py>, texts: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
        let Some(vocabulary) = self.own().and_then(Model::vocabulary) else {
            return Err(ArgumentError::new_err("the letters of the model have no texts: expected tokens"));
        };
        let mut all = Vec::new();
        for (row, text) in texts.iter().enumerate() {
            let tokens = vocabulary.encode(text, self.space.length());
            all.extend(tokens.map_err(|error| ArgumentError::new_err(format!("text {row}: {error}")))?);
        }
        self.ids.array(py, &all, self.space.length())
    }

    /// Return the texts of tokens.
    #[pyo3(signature = (tokens: "numpy.typing.ArrayLike"))]
    fn decode(&self, tokens: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        let letters = self.read(tokens, true)?;
        let text = |row: &[Letter]| match self.own() {
            Some(model) => model.text(row),
            None => row.iter().map(|letter| self.ids.0.id(*letter).to_string()).collect::<Vec<_>>().join(" "),
        };
        Ok(letters.chunks_exact(self.space.length()).map(text).collect())
    }

    /// Return the columns of rows of a table of categories.
    #[pyo3(signature = (tokens: "numpy.typing.ArrayLike") -> "dict[str, numpy.typing.NDArray[typing.Any]]")]
    fn columns<'py>(&self, tokens: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let Some(network) = self.own().and_then(Model::network) else {
            return Err(ArgumentError::new_err("the model has no columns: expected a model of a table"));
        };
        let rows: Vec<f64> = self.read(tokens, false)?.into_iter().map(f64::from).collect();
        super::table::columns(tokens.py(), network, &rows)
    }

    /// Draw samples by a plan.
    #[pyo3(signature = (plan, count, seed, first, start: "typing.Any", keep: "typing.Any") -> "numpy.typing.NDArray[numpy.int64]")]
    #[allow(clippy::too_many_arguments)]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        plan: &Bound<'py, TokenPlan>,
        count: usize,
        seed: u64,
        first: u64,
        start: Option<&Bound<'py, PyAny>>,
        keep: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (rows, length, plan) = (ids(seed, first, count)?, self.space.length(), plan.get().0.clone());
        let kept = kept(&self.ids, &self.space, start, keep, count)?;
        let denoiser = self.denoiser()?;
        let batch = match &self.source {
            Source::Own(_) => None,
            Source::Called(called) => Some(called.batch),
        };
        let drawn = py.detach(|| draw(&*denoiser, &plan, &rows, kept.as_ref(), batch)).or_raise()?;
        self.ids.array(py, &drawn, length)
    }

    /// Draw sequences of a density.
    #[pyo3(signature = (count, seed, first) -> "numpy.typing.NDArray[numpy.int64]")]
    fn data<'py>(&self, py: Python<'py>, count: usize, seed: u64, first: u64) -> PyResult<Bound<'py, PyAny>> {
        let (density, rows) = (self.density()?, ids(seed, first, count)?);
        let letters = py.detach(|| density.sample(&rows));
        self.ids.array(py, &letters, self.space.length())
    }

    /// Return ln p of sequences of a density.
    #[pyo3(signature = (tokens: "numpy.typing.ArrayLike") -> "numpy.typing.NDArray[numpy.float64]")]
    fn log_probability<'py>(&self, tokens: &Bound<'py, PyAny>) -> PyResult<Column<'py, f64>> {
        let (density, letters) = (self.density()?, self.read(tokens, false)?);
        let rows = letters.chunks_exact(self.space.length());
        Ok(Column::new(tokens.py(), rows.map(|row| density.log_probability(row)).collect::<Vec<_>>()))
    }

    /// Return the leave-one-out denoiser of tokens at a survival.
    #[pyo3(signature = (tokens: "numpy.typing.ArrayLike", alpha, first, branch) -> "numpy.typing.NDArray[numpy.float64]")]
    fn predict<'py>(
        &self,
        tokens: &Bound<'py, PyAny>,
        alpha: f64,
        first: u64,
        branch: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = tokens.py();
        if !(0.0..=1.0).contains(&alpha) {
            return Err(ArgumentError::new_err(format!("bad survival (alpha): expected 0 to 1, got {alpha}")));
        }
        let letters = self.read(tokens, true)?;
        let length = self.space.length();
        let ids = ids(0, first, letters.len() / length)?;
        let mut query = Query::new(level(alpha), &ids);
        query.branch = if branch == "main" { Branch::Main } else { Branch::Unconditional };
        let denoiser = self.denoiser()?;
        let found = py.detach(|| denoiser.leave_one_out(&letters, &query)).or_raise()?;
        let shape = [letters.len() / length, length, self.space.vocab()];
        PyArray1::from_vec(py, found).reshape(shape).map(Bound::into_any)
    }

    /// Measure −log p of sequences.
    #[pyo3(signature = (tokens: "numpy.typing.ArrayLike", exact, rounds, seed, first) -> "dict[str, typing.Any]")]
    fn likelihood<'py>(
        &self,
        tokens: &Bound<'py, PyAny>,
        exact: bool,
        rounds: usize,
        seed: u64,
        first: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = tokens.py();
        let rows = self.rows(tokens, seed, first)?;
        let found = match &self.source {
            Source::Own(model) => py.detach(|| likelihood::measure(model, &rows, exact, rounds, &Interpreter)),
            Source::Called(called) => {
                py.detach(|| likelihood::measure_with(&Borrowed(called), &rows, exact, rounds, &Interpreter))
            }
        };
        let found = found.map_err(|error| raised_by_task(py, &error))?;
        let fields = PyDict::new(py);
        fields.set_item("kind", if found.is_bound { "bound" } else { "exact" })?;
        fields.set_item("nats", PyArray1::from_vec(py, found.nats))?;
        fields.set_item("profile", found.profile.map(|profile| PyArray1::from_vec(py, profile)))?;
        fields.set_item("evaluations", found.evaluations)?;
        fields.set_item("mean", found.mean.nats)?;
        fields.set_item("standard_error", found.mean.standard_error)?;
        fields.set_item("bits_per_token", found.mean.bits_per_token())?;
        fields.set_item("perplexity", found.mean.perplexity())?;
        Ok(fields)
    }

    /// Measure samples beside real sequences.
    #[pyo3(signature = (train: "numpy.typing.ArrayLike", real: "numpy.typing.ArrayLike", drawn: "numpy.typing.ArrayLike"))]
    fn evaluate(
        &self,
        train: &Bound<'_, PyAny>,
        real: &Bound<'_, PyAny>,
        drawn: &Bound<'_, PyAny>,
    ) -> PyResult<(Vec<Measured>, String)> {
        let py = train.py();
        let [train, real, drawn] = [self.read(train, false)?, self.read(real, false)?, self.read(drawn, false)?];
        let found = py.detach(|| evaluate::measures(&self.space, &train, &real, &drawn));
        let found = found.map_err(|error| raised_by_task(py, &error))?;
        let text = evaluate::table(&found);
        Ok((found.into_iter().map(|measure| (measure.name, measure.samples, measure.real)).collect(), text))
    }

    /// Rank orders and sizes, or search among groups of places.
    #[pyo3(signature = (nfe, tokens: "typing.Any", seed, tuned) -> "dict[str, typing.Any]")]
    fn recommend<'py>(
        &self,
        py: Python<'py>,
        nfe: usize,
        tokens: Option<&Bound<'py, PyAny>>,
        seed: u64,
        tuned: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let letters = tokens.map(|tokens| self.read(tokens, false)).transpose()?;
        let options = Options::default().seed(seed);
        let denoiser = self.denoiser()?;
        let density = self.own().and_then(Model::density);
        let target = match (&letters, density) {
            (None, Some(density)) => Target::Density(density),
            (Some(letters), _) => Target::Model { model: &*denoiser, tokens: letters },
            (None, None) => {
                return Err(ArgumentError::new_err(
                    "the plans of a network are measured on data (data): expected held-out sequences, got none",
                ));
            }
        };
        let fields = PyDict::new(py);
        if tuned {
            let found = py.detach(|| recommend::tune(target, nfe, &options)).or_raise()?;
            fields.set_item("text", found.to_string())?;
            fields.set_item("plan", TokenPlan(Arc::new(found.plan)))?;
            fields.set_item("before", figure(Some(found.before)))?;
            fields.set_item("after", figure(Some(found.after)))?;
            fields.set_item("interval", (found.interval[0], found.interval[1]))?;
            fields.set_item("changed", found.changed)?;
            return Ok(fields);
        }
        let found = py.detach(|| recommend::recommend(target, nfe, &options)).or_raise()?;
        fields.set_item("text", found.to_string())?;
        let candidates = PyList::empty(py);
        for one in found.candidates() {
            let own = PyDict::new(py);
            own.set_item("name", &one.name)?;
            own.set_item("plan", TokenPlan(Arc::new(one.plan.clone())))?;
            own.set_item("sizes", &one.sizes)?;
            own.set_item("excess", figure(one.excess))?;
            own.set_item("pair_kl", figure(one.pairs))?;
            own.set_item("reason", &one.reason)?;
            candidates.append(own)?;
        }
        fields.set_item("candidates", candidates)?;
        Ok(fields)
    }

    /// Return the exact error of a plan on a density.
    #[pyo3(signature = (plan) -> "dict[str, typing.Any]")]
    fn analyze<'py>(&self, py: Python<'py>, plan: &Bound<'py, TokenPlan>) -> PyResult<Bound<'py, PyDict>> {
        self.density()?;
        let (Some(model), plan) = (self.own(), plan.get().0.clone()) else {
            return Err(ArgumentError::new_err("the model is no exact density"));
        };
        let found = py.detach(|| analyze::error(model, &plan)).map_err(|error| raised_by_task(py, &error))?;
        let fields = PyDict::new(py);
        fields.set_item("nfe", found.nfe)?;
        fields.set_item("kl", found.kl)?;
        fields.set_item("total_variation", found.total_variation)?;
        fields.set_item("violates", found.violates)?;
        Ok(fields)
    }

    /// Return the probabilities of all sequences of letters under a plan, shape (vocab,) · length.
    #[pyo3(signature = (plan: "TokenPlan | None") -> "numpy.typing.NDArray[numpy.float64]")]
    fn law<'py>(&self, py: Python<'py>, plan: Option<&Bound<'py, TokenPlan>>) -> PyResult<Bound<'py, PyAny>> {
        let found = match plan.map(|plan| plan.get().0.clone()) {
            None => exact::probabilities(self.density()?).or_raise()?,
            Some(plan) => {
                let denoiser = self.denoiser()?;
                py.detach(|| Law::of(&plan, &*denoiser)).or_raise()?.probabilities().to_vec()
            }
        };
        let (letters, vocab, length) = (self.space.letters(), self.space.vocab(), self.space.length());
        let clean = |mut index: usize| {
            (0..length).all(|_| {
                let letter = index % letters;
                index /= letters;
                letter < vocab
            })
        };
        let found: Vec<f64> =
            found.into_iter().enumerate().filter(|(index, _)| clean(*index)).map(|(_, p)| p).collect();
        PyArray1::from_vec(py, found).reshape(vec![vocab; length]).map(Bound::into_any)
    }
}

/// Reads the tokens that are kept, for `count` rows.
///
/// Without `keep`, all tokens of `start` are kept that are not masked.
pub fn kept(
    ids: &Ids,
    space: &StateSpace,
    start: Option<&Bound<'_, PyAny>>,
    keep: Option<&Bound<'_, PyAny>>,
    count: usize,
) -> PyResult<Option<(Vec<Letter>, Vec<bool>)>> {
    let length = space.length();
    let Some(start) = start else {
        return match keep {
            None => Ok(None),
            Some(_) => Err(ArgumentError::new_err("there is nothing to keep (keep): expected start= with the tokens")),
        };
    };
    let letters = for_rows("start", ids.read(start, length, true)?, count, length)?;
    let keep = match keep {
        Some(keep) => {
            let keep = match keep.extract::<String>() {
                Ok(pattern) => places(&pattern, length).map_err(|error| raised_by_task(keep.py(), &error))?,
                Err(_) => flags(keep, length)?,
            };
            for_rows("keep", keep, count, length)?
        }
        None if space.is_masked() => letters.iter().map(|letter| Some(*letter) != space.mask()).collect(),
        None => {
            return Err(ArgumentError::new_err(
                "which tokens are kept is unknown (keep): expected flags, since the noise has no mask, got none",
            ));
        }
    };
    if let Some(place) = (0..letters.len()).find(|place| keep[*place] && letters[*place] as usize >= space.vocab()) {
        return Err(ArgumentError::new_err(format!(
            "a kept token is masked (row {}, token {}): expected a letter",
            place / length,
            place % length
        )));
    }
    Ok(Some((letters, keep)))
}
