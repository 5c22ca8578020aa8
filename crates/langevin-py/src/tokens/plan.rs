//! `TokenPlan`: compiling, reading, printing, checking and running samplers of tokens.

use super::ids::{Ids, NoiseLike, NoiseOut};
use super::model::kept;
use super::stepper::TokenStepper;
use crate::arguments::SamplerName;
use crate::column::Column;
use crate::errors::{ArgumentError, OrRaise as _, refuse_unknown};
use crate::plan::{escaped, file_error, fresh_seed};
use crate::rows::ids;
use langevin_discrete::plan::{Op, Take, compare};
use langevin_discrete::request::WORDS;
use langevin_discrete::{Request, StateSpace};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple};
use std::path::PathBuf;
use std::sync::Arc;

/// Sampler of tokens compiled to a table.
///
/// A plan is immutable. It prints as a table, and its length is the number of network evaluations.
/// The command line has the same samplers and defaults; ``langevin explain NAME`` describes one.
///
/// Parameters
/// ----------
/// sampler : str, default "ancestral"
///     A name of ``samplers("tokens")``, with its options (``"first-hitting"``,
///     ``"entropy-bound:bound=0.5"``).
/// vocab : int
///     The number of letters of clean data, without the mask.
/// length : int
///     The number of tokens of a sequence.
/// noise : str or sequence of float, default "masked"
///     ``"masked"``, ``"uniform"``, or the probabilities from which noised tokens are drawn. Under
///     masked noise letter ``vocab`` is the mask.
/// steps : int, optional
///     The number of steps; the default is 32.
/// grid : str or sequence of float, optional
///     ``"even"``, ``"cosine"``, or the survivals of the steps from 0 to 1.
/// temperature : float, optional
///     Letters are drawn from the predictions to the power 1/temperature.
/// top_k : int, optional
///     Letters are drawn from this many most probable ones.
/// top_p : float, optional
///     Letters are drawn from the most probable ones up to this sum.
/// guidance : float, optional
///     The weight of classifier-free guidance.
/// **options
///     Further options of the sampler: ``order="halton"`` or a list of places, ``sizes=[1, 3]``,
///     ``bound=0.5``, ``gumbel=4.5``, ``anneal=True``, ``eta``, ``rho``, ….
///
/// Raises
/// ------
/// UnknownNameError
///     If the sampler or the noise has an unknown name.
/// ArgumentError
///     If an option is out of range, if the sampler has no such option, or if it does not serve the
///     noise.
/// KeywordError
///     If a keyword is unknown.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> plan = langevin.TokenPlan("halton", vocab=27, length=12, steps=3)
/// >>> plan.nfe, plan.sizes
/// (3, [4, 4, 4])
/// >>> print(langevin.TokenPlan("first-hitting", vocab=3, length=1), end="")
/// first-hitting: 1 tokens of 3 letters, masked noise, 1 network evaluation
///  0  fill    s0 = letter 3 everywhere
///  1  eval    s1 = D of s0 at survival 0
///  2  draw    s2 = letters of s1, draw 0
///  3  select  s0 = s0 with 1 tokens of s2 at random, draw 1
#[pyclass(frozen, module = "langevin")]
pub struct TokenPlan(pub Arc<langevin_discrete::Plan>);

fn wrap(plan: langevin_discrete::Plan) -> TokenPlan {
    TokenPlan(Arc::new(plan))
}

/// Returns the text of an option.
fn text(word: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(flag.is_true().to_string());
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_string());
    }
    let listed = value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() || value.hasattr("tolist")?;
    if listed {
        let list = if value.hasattr("tolist")? { value.call_method0("tolist")? } else { value.clone() };
        if let Ok(iterator) = list.try_iter() {
            let parts = iterator.map(|one| number(&one?)).collect::<PyResult<Vec<_>>>()?;
            return Ok(match word {
                "grid" => format!("list:{}", parts.join(",")),
                "order" => format!("list:{}", parts.join("+")),
                _ => parts.join("+"),
            });
        }
        return number(&list);
    }
    number(value)
}

/// Returns the shortest text of a number that reads back.
fn number(value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.extract::<i64>() {
        Ok(whole) => Ok(whole.to_string()),
        Err(_) => Ok(value.extract::<f64>()?.to_string()),
    }
}

/// Builds the request of keyword arguments.
fn request(sampler: Option<String>, words: &[(&str, Option<Bound<'_, PyAny>>)]) -> PyResult<Request> {
    let request = sampler.into_iter().fold(Request::new(), Request::sampler);
    words.iter().try_fold(request, |request, (word, value)| {
        let Some(value) = value.as_ref().filter(|value| !value.is_none()) else { return Ok(request) };
        let text = text(word, value).map_err(|_| {
            let got = value.repr().map_or_else(|_| "something else".to_owned(), |text| text.to_string());
            ArgumentError::new_err(format!(
                "an argument cannot be read ({word}): expected a number, a name or a list, got {got}"
            ))
        })?;
        request.word(word, &text).or_raise()
    })
}

#[pymethods]
impl TokenPlan {
    #[new]
    #[pyo3(signature = (sampler = None, *, vocab, length, noise: "str | collections.abc.Sequence[float] | None" = None, steps: "int | None" = None, grid: "str | collections.abc.Sequence[float] | None" = None, temperature: "float | None" = None, top_k: "int | None" = None, top_p: "float | None" = None, guidance: "float | None" = None, **options: "typing.Any"))]
    #[allow(clippy::too_many_arguments)]
    fn new<'py>(
        sampler: Option<SamplerName>,
        vocab: usize,
        length: usize,
        noise: Option<NoiseLike>,
        steps: Option<Bound<'py, PyAny>>,
        grid: Option<Bound<'py, PyAny>>,
        temperature: Option<Bound<'py, PyAny>>,
        top_k: Option<Bound<'py, PyAny>>,
        top_p: Option<Bound<'py, PyAny>>,
        guidance: Option<Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Self> {
        let space = StateSpace::new(NoiseLike::noise(noise).or_raise()?, vocab, length).or_raise()?;
        let mut words = vec![
            ("steps", steps),
            ("grid", grid),
            ("temperature", temperature),
            ("top-k", top_k),
            ("top-p", top_p),
            ("guidance", guidance),
        ];
        for (key, value) in options.into_iter().flatten() {
            let key = key.to_string();
            let spelled = key.replace('_', "-");
            match WORDS.into_iter().find(|word| *word == spelled) {
                Some(word) => words.push((word, Some(value))),
                None => {
                    let unknown = PyDict::new(value.py());
                    unknown.set_item(&key, value)?;
                    let known: Vec<String> = WORDS.iter().map(|word| word.replace('-', "_")).collect();
                    let known: Vec<&str> =
                        ["vocab", "length", "noise"].into_iter().chain(known.iter().map(String::as_str)).collect();
                    refuse_unknown(Some(&unknown), "TokenPlan", &known)?;
                }
            }
        }
        request(sampler.map(|name| name.0), &words)?.plan(&space).map(wrap).or_raise()
    }

    /// Build a plan from its JSON document.
    ///
    /// Parameters
    /// ----------
    /// text : str
    ///     A document written by :meth:`to_json` or by the command line.
    ///
    /// Returns
    /// -------
    /// TokenPlan
    ///     The plan.
    ///
    /// Raises
    /// ------
    /// FormatError
    ///     If the text is not the document of a plan of tokens.
    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        langevin_discrete::Plan::from_json(text).map(wrap).or_raise()
    }

    /// Return the plan as a JSON document.
    ///
    /// Returns
    /// -------
    /// str
    ///     The document, whose numbers read back bit for bit.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.TokenPlan("ancestral", vocab=3, length=5, steps=4)
    /// >>> langevin.TokenPlan.from_json(plan.to_json()).is_same(plan)
    /// True
    fn to_json(&self) -> String {
        self.0.to_json()
    }

    /// Write the plan to a JSON file, which ``langevin sample --plan`` and :meth:`load` read.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     The file to write.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the file cannot be written.
    fn save(&self, path: PathBuf) -> PyResult<()> {
        std::fs::write(&path, self.0.to_json()).map_err(|error| file_error("written", &path, &error))
    }

    /// Read a plan from a JSON file.
    ///
    /// Parameters
    /// ----------
    /// path : str or os.PathLike
    ///     A file written by :meth:`save` or by the command line.
    ///
    /// Returns
    /// -------
    /// TokenPlan
    ///     The plan.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the file cannot be read.
    /// FormatError
    ///     If the file is not the document of a plan of tokens.
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        let text = std::fs::read_to_string(&path).map_err(|error| file_error("read", &path, &error))?;
        Self::from_json(&text)
    }

    /// Name of the sampler, with its options.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Number of letters of clean data.
    #[getter]
    fn vocab(&self) -> usize {
        self.0.space().vocab()
    }

    /// Number of tokens of a sequence.
    #[getter]
    fn length(&self) -> usize {
        self.0.space().length()
    }

    /// Noise: its name, or the probabilities of a prior.
    #[getter]
    fn noise(&self) -> NoiseOut {
        NoiseOut::of(self.0.space().noise())
    }

    /// Letter of the mask; ``None`` for noise without a mask.
    #[getter]
    fn mask(&self) -> Option<u32> {
        self.0.space().mask()
    }

    /// Number of network evaluations of a sample; with guidance both branches count.
    #[getter]
    fn nfe(&self) -> usize {
        self.0.nfe()
    }

    /// Number of draws, each with one uniform number for each token.
    #[getter]
    fn draws(&self) -> u32 {
        self.0.draws()
    }

    /// Survival α at each evaluation, the share of clean tokens: float64.
    #[getter]
    fn alphas<'py>(&self, py: Python<'py>) -> Column<'py, f64> {
        let alphas =
            self.0.ops().iter().filter_map(|op| if let Op::Eval { alpha, .. } = op { Some(*alpha) } else { None });
        Column::new(py, alphas)
    }

    /// Number of tokens that each step unmasks; ``None`` if it depends on the sample.
    #[getter]
    fn sizes(&self) -> Option<Vec<usize>> {
        let mut sizes = Vec::new();
        for op in self.0.ops() {
            match op {
                Op::Jump { .. } => return None,
                Op::Select { take: Take::Count(count), .. } => sizes.push(*count),
                Op::Select { .. } => return None,
                _ => {}
            }
        }
        self.0.space().is_masked().then_some(sizes)
    }

    /// Check the plan for steps that bias its samples.
    ///
    /// Returns
    /// -------
    /// list of str
    ///     The findings, one line for each rule; empty if the plan is clean.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> found = langevin.TokenPlan("confidence", vocab=3, length=4, steps=2).lint()
    /// >>> found[0].partition(" ")[0]
    /// 'drawn-token'
    fn lint(&self) -> Vec<String> {
        let line = |finding: &langevin_discrete::plan::Finding| {
            let more = match finding.places {
                1 => String::new(),
                places => format!(", and {} more", places - 1),
            };
            format!("{} (ops[{}]): {}{more}", finding.rule.name(), finding.op, finding.words)
        };
        self.0.lint().findings.iter().map(line).collect()
    }

    /// Compare the plan with another one, instruction by instruction.
    ///
    /// Names, slots and the numbers of draws play no part.
    ///
    /// Parameters
    /// ----------
    /// other : TokenPlan
    ///     The plan to compare with.
    ///
    /// Returns
    /// -------
    /// TokenComparison
    ///     The first difference, if there is one.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> names = ("ancestral", "row:rho=1", "row:rho=0.9")
    /// >>> one, two, three = (langevin.TokenPlan(n, vocab=3, length=4, steps=2) for n in names)
    /// >>> one.compare(two).same, one.compare(three).same
    /// (True, False)
    fn compare(&self, other: &Bound<'_, TokenPlan>) -> TokenComparison {
        TokenComparison(compare(&self.0, &other.get().0))
    }

    /// Return whether another plan has the same instructions with the same numbers.
    ///
    /// Parameters
    /// ----------
    /// other : TokenPlan
    ///     The plan to compare with.
    ///
    /// Returns
    /// -------
    /// bool
    ///     ``True`` if the plans are the same.
    fn is_same(&self, other: &Bound<'_, TokenPlan>) -> bool {
        compare(&self.0, &other.get().0).is_same()
    }

    /// Compute the exact error of the plan on a density that is known exactly.
    ///
    /// All random choices are enumerated, so the figures have no sampling noise.
    ///
    /// Parameters
    /// ----------
    /// density : TokenDensity or str
    ///     A density of at most 4096 sequences, or its name, such as ``"chain:3x5"``.
    ///
    /// Returns
    /// -------
    /// dict
    ///     ``nfe``, ``kl`` (KL from the density to the samples, in nats), ``total_variation``, and
    ///     ``violates``, the lint rules that the plan violates.
    ///
    /// Raises
    /// ------
    /// UnknownNameError
    ///     If the density has an unknown name.
    /// ArgumentError
    ///     If the density has other sequences than the plan, or too many.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.TokenPlan("ancestral", vocab=3, length=5, steps=4)
    /// >>> round(plan.analyze("chain:3x5")["kl"], 4)
    /// 0.0265
    #[pyo3(signature = (density: "typing.Any") -> "dict[str, typing.Any]")]
    fn analyze<'py>(slf: &Bound<'py, Self>, density: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("langevin._tokens")?.getattr("_analyze")?.call1((slf, density))
    }

    /// Return the exact probabilities of all samples of the plan on a model.
    ///
    /// Parameters
    /// ----------
    /// model : TokenDensity, TokenNetwork, TokenModel or str
    ///     The model, or the name of a density.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray of float64, shape (vocab, ..., vocab)
    ///     The probability of each sequence, with one axis for each token.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If there are more than 4096 sequences, or if the plan has no exact law.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.TokenPlan("first-hitting", vocab=2, length=3)
    /// >>> chain = langevin.TokenDensity("chain:2x3")
    /// >>> bool(abs(plan.law(chain) - chain.probabilities()).max() < 1e-12)
    /// True
    #[pyo3(signature = (model: "typing.Any") -> "numpy.typing.NDArray[numpy.float64]")]
    fn law<'py>(slf: &Bound<'py, Self>, model: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("langevin._tokens")?.getattr("_law")?.call1((slf, model))
    }

    /// Start a run that the caller drives step by step.
    ///
    /// Parameters
    /// ----------
    /// count : int
    ///     The number of samples.
    /// seed : int, optional
    ///     The seed, 0 by default. ``None`` draws a new one.
    /// first : int, default 0
    ///     The index of the first sample. Sample i depends on ``seed`` and ``first + i`` only.
    /// start : array_like of int, shape (length,) or (count, length), optional
    ///     Tokens that are kept.
    /// keep : array_like of bool, shape (length,) or (count, length), optional
    ///     The places that are kept; by default those of ``start`` that are not masked.
    /// mask : int, optional
    ///     The identifier of the mask, ``vocab`` by default. If it is less, the letters are all
    ///     other identifiers from 0 to ``vocab``.
    ///
    /// Returns
    /// -------
    /// TokenStepper
    ///     The run, before its first evaluation.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If a kept token is no letter, or if the noise has no mask to be named.
    /// ShapeError
    ///     If ``start`` or ``keep`` does not fit.
    #[pyo3(signature = (count, seed: "int | None" = Some(0), *, first = 0, start: "typing.Any" = None, keep: "typing.Any" = None, mask = None, **unknown: "typing.NoReturn"))]
    #[allow(clippy::too_many_arguments)]
    fn start<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        seed: Option<u64>,
        first: u64,
        start: Option<Bound<'py, PyAny>>,
        keep: Option<Bound<'py, PyAny>>,
        mask: Option<i64>,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<TokenStepper> {
        refuse_unknown(unknown, "TokenPlan.start", &["count", "seed", "first", "start", "keep", "mask"])?;
        let seed = seed.map_or_else(|| fresh_seed(py), Ok)?;
        let space = self.0.space();
        let letters = Ids::new(space, mask)?;
        let kept = kept(&letters, space, start.as_ref(), keep.as_ref(), count)?;
        TokenStepper::start(&self.0, ids(seed, first, count)?, letters, kept)
    }

    /// Run the plan on a model and return the samples.
    ///
    /// Sample i depends on the seed and on i only, not on the number of samples.
    ///
    /// Parameters
    /// ----------
    /// model : TokenModel, TokenNetwork, TokenDensity or callable
    ///     The model. A function of tokens, shape (rows, length), returns logits, shape
    ///     (rows, length, vocab); :class:`TokenModel` describes networks of other kinds.
    /// count : int
    ///     The number of samples.
    /// seed : int, optional
    ///     The seed, 0 by default. ``None`` draws a new one.
    /// first : int, default 0
    ///     The index of the first sample.
    /// start : array_like of int, shape (length,) or (count, length), optional
    ///     Tokens that are kept.
    /// keep : array_like of bool, shape (length,) or (count, length), optional
    ///     The places that are kept; by default those of ``start`` that are not masked.
    ///
    /// Returns
    /// -------
    /// numpy.ndarray or torch.Tensor of int64, shape (count, length)
    ///     The samples; a tensor if the network works on tensors.
    ///
    /// Raises
    /// ------
    /// ArgumentError
    ///     If the model is for other sequences, or if an output is no prediction.
    /// ShapeError
    ///     If the model's output or an array has the wrong shape.
    /// Exception
    ///     Any exception of the network, unchanged.
    ///
    /// Examples
    /// --------
    /// >>> import langevin
    /// >>> plan = langevin.TokenPlan("halton", vocab=3, length=5, steps=3)
    /// >>> plan.run(langevin.TokenDensity("chain:3x5"), 2, seed=1).shape
    /// (2, 5)
    #[pyo3(signature = (model: "typing.Any", count, seed: "int | None" = Some(0), *, first = 0, start: "typing.Any" = None, keep: "typing.Any" = None, **unknown: "typing.NoReturn") -> "typing.Any")]
    #[allow(clippy::too_many_arguments)]
    fn run<'py>(
        slf: &Bound<'py, Self>,
        model: &Bound<'py, PyAny>,
        count: usize,
        seed: Option<u64>,
        first: u64,
        start: Option<Bound<'py, PyAny>>,
        keep: Option<Bound<'py, PyAny>>,
        unknown: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        refuse_unknown(unknown, "TokenPlan.run", &["model", "count", "seed", "first", "start", "keep"])?;
        let py = slf.py();
        let options = PyDict::new(py);
        options.set_item("first", first)?;
        options.set_item("start", start)?;
        options.set_item("keep", keep)?;
        py.import("langevin._tokens")?.getattr("_run")?.call((slf, model, count, seed), Some(&options))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    /// Return the table as HTML, for notebooks.
    fn _repr_html_(&self) -> String {
        format!("<pre>{}</pre>", escaped(&self.0.to_string()))
    }

    /// Return the number of network evaluations.
    fn __len__(&self) -> usize {
        self.0.nfe()
    }

    fn __repr__(&self) -> String {
        let evaluations =
            if self.0.nfe() == 1 { "1 evaluation".to_owned() } else { format!("{} evaluations", self.0.nfe()) };
        format!("TokenPlan('{}', {}, {evaluations})", self.0.name(), self.0.space())
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((slf.get_type().getattr("from_json")?, (slf.get().0.to_json(),)))
    }
}

/// Result of comparing two plans of tokens.
///
/// Examples
/// --------
/// >>> import langevin
/// >>> plan = langevin.TokenPlan("ancestral", vocab=3, length=4, steps=2)
/// >>> print(plan.compare(plan), end="")
/// the same plan, with the same samples
#[pyclass(frozen, module = "langevin")]
pub struct TokenComparison(langevin_discrete::plan::Comparison);

#[pymethods]
impl TokenComparison {
    /// ``True`` if the plans have the same instructions with the same numbers.
    #[getter]
    fn same(&self) -> bool {
        self.0.is_same()
    }

    /// ``True`` if equal plans have equal samples, because they number their draws alike.
    #[getter]
    fn draws(&self) -> bool {
        self.0.draws
    }

    /// First difference, in words; ``None`` if there is none.
    #[getter]
    fn first(&self) -> Option<String> {
        self.0.first.as_ref().map(|first| first.words.clone())
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<TokenComparison: {}>", self.0.to_string().trim_end())
    }
}

/// Returns the plan of a document of either kind.
pub fn of_text<'py>(py: Python<'py>, text: &str) -> Option<PyResult<Bound<'py, PyAny>>> {
    langevin_discrete::Plan::is_json(text)
        .then(|| TokenPlan::from_json(text).and_then(|plan| Bound::new(py, plan)).map(Bound::into_any))
}
