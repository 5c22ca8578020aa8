//! Requests for a plan of tokens, with every default in one place.
//!
//! A [`Request`] names a sampler and its options. It is built in code, parsed from text or read
//! from JSON, and one request has one plan for a space. [`Entry`] lists the options of each sampler
//! with their defaults.
//!
//! | word | meaning | default |
//! |---|---|---|
//! | `sampler` | a name of the catalogue, also with options as in `row:rho=0.5` | [`SAMPLER`] |
//! | `steps` | the number of steps | [`STEPS`], or that of a list |
//! | `grid` | `even`, `cosine`, or `list:0,…,1` | [`GRID`] |
//! | `eta` | h/g of `euler`; η of ReMDM's schedules | the sampler's |
//! | `rho`, `kappa`, `theta` | the share of the noise, of the exact reverse, of the step | the sampler's |
//! | `schedule`, `hold`, `on`, `off` | remasking of ReMDM | the sampler's |
//! | `sizes` | tokens of each step, joined by `+` | those of the grid |
//! | `order` | an [`Order`] | `random` |
//! | `block` | tokens of a block | the sampler's |
//! | `bound`, `above` | the bound in nats, the least probability | the sampler's |
//! | `gumbel`, `anneal` | noise on the scores of `confidence` | the sampler's |
//! | `sweeps`, `count` | rounds of `gibbs`, and tokens of each | the sampler's |
//! | `temperature`, `top-k`, `top-p` | the shape of D before letters are drawn | none |
//! | `guidance` | the weight of classifier-free guidance | none |
//!
//! ```
//! use langevin_discrete::{Noise, Request, StateSpace};
//! let space = StateSpace::new(Noise::Masked, 27, 12)?;
//! let request: Request = "sampler=mdlm steps=5 grid=cosine".parse()?;
//! assert_eq!(request.plan(&space)?.nfe(), 5);
//! # Ok::<(), langevin::Error>(())
//! ```

use crate::plan::Plan;
use crate::sampler::{Entry, Order, Settings, Survivals};
use crate::space::StateSpace;
use langevin::{Error, Result};
use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The default sampler.
pub const SAMPLER: &str = "ancestral";
/// The default number of steps.
pub const STEPS: &str = "32";
/// The default grid.
pub const GRID: &str = "even";

/// The words of a request, in the order in which they are written.
pub const WORDS: [&str; 24] = [
    "sampler",
    "steps",
    "grid",
    "eta",
    "rho",
    "kappa",
    "theta",
    "schedule",
    "hold",
    "on",
    "off",
    "sizes",
    "order",
    "block",
    "bound",
    "above",
    "gumbel",
    "anneal",
    "sweeps",
    "count",
    "temperature",
    "top-k",
    "top-p",
    "guidance",
];

/// The longest text of a request, in bytes.
const MOST: usize = 1 << 20;

/// A request for a plan of tokens. The [module](self) lists its words and their defaults.
///
/// The builder methods check nothing; [`plan`](Self::plan) does.
///
/// ```
/// use langevin_discrete::{Noise, Request, StateSpace};
/// let space = StateSpace::new(Noise::Masked, 27, 12)?;
/// let request = Request::new().sampler("confidence").steps(4).temperature(0.8);
/// assert_eq!(request, "sampler=confidence steps=4 temperature=0.8".parse()?);
/// let plan = request.plan(&space)?;
/// assert_eq!((plan.nfe(), plan.name()), (4, "confidence steps=4 temperature=0.8"));
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    words: Vec<(&'static str, String)>,
}

/// Writes the builder methods that set one word.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($word:literal, $value:ident: $kind:ty) => $text:expr;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(self, $value: $kind) -> Self {
            self.with($word, $text)
        })*
    };
}

impl Request {
    /// Returns the request with all defaults: 32 even steps of the ancestral sampler.
    ///
    /// ```
    /// use langevin_discrete::{Noise, Request, StateSpace};
    /// let space = StateSpace::new(Noise::Uniform, 27, 12)?;
    /// assert_eq!(Request::new().plan(&space)?.nfe(), 32);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a word, which replaces an earlier value.
    fn with(mut self, word: &'static str, value: String) -> Self {
        self.words.retain(|(own, _)| *own != word);
        self.words.push((word, value));
        let rank = |word: &str| WORDS.iter().position(|own| *own == word);
        self.words.sort_by_key(|(word, _)| rank(word));
        self
    }

    setters! {
        /// Sets the number of steps.
        steps("steps", steps: usize) => steps.to_string();
        /// Sets the survivals of the steps.
        grid("grid", grid: Survivals) => grid.to_string();
        /// Sets η: h/g of the sampler `euler`, or η of ReMDM's schedules.
        eta("eta", eta: f64) => eta.to_string();
        /// Sets ρ, the share of the noise that is kept.
        rho("rho", rho: f64) => rho.to_string();
        /// Sets κ, the share of the exact reverse.
        kappa("kappa", kappa: f64) => kappa.to_string();
        /// Sets θ, the place of the second evaluation within a step.
        theta("theta", theta: f64) => theta.to_string();
        /// Sets the schedule of ReMDM: `cap`, `rescale` or `loop`.
        schedule("schedule", name: &str) => name.to_owned();
        /// Sets the sizes of the steps.
        sizes("sizes", sizes: &[usize]) => sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("+");
        /// Sets the order in which tokens are unmasked.
        order("order", order: &Order) => order.to_string();
        /// Sets the number of tokens of a block.
        block("block", tokens: usize) => tokens.to_string();
        /// Sets the bound of the sampler `entropy-bound`, in nats.
        bound("bound", nats: f64) => nats.to_string();
        /// Sets the least probability of the sampler `threshold`.
        above("above", probability: f64) => probability.to_string();
        /// Sets the temperature of the Gumbel noise on the scores of the sampler `confidence`.
        gumbel("gumbel", temperature: f64) => temperature.to_string();
        /// Sets the number of rounds of the sampler `gibbs` at each level.
        sweeps("sweeps", rounds: usize) => rounds.to_string();
        /// Sets the number of tokens that a round of the sampler `gibbs` redraws.
        count("count", tokens: usize) => tokens.to_string();
        /// Sets the temperature of the letters that are drawn.
        temperature("temperature", temperature: f64) => temperature.to_string();
        /// Sets the number of most probable letters that are drawn from.
        top_k("top-k", letters: usize) => letters.to_string();
        /// Sets the total probability of the most probable letters that are drawn from.
        top_p("top-p", probability: f64) => probability.to_string();
        /// Sets the weight of classifier-free guidance. 1 is the network with its condition.
        guidance("guidance", weight: f64) => weight.to_string();
    }

    /// Sets the sampler by its name, with options as in `row:rho=0.5`.
    ///
    /// Options in the name are read when the request is compiled. An option that is also set as a
    /// word is then an error.
    #[must_use]
    pub fn sampler(self, name: impl Into<String>) -> Self {
        self.with("sampler", name.into())
    }

    /// Sets the survivals of the steps as a list from 0 to 1.
    ///
    /// ```
    /// use langevin::{Grid, Process};
    /// use langevin_discrete::{Noise, Request, StateSpace, sampler};
    /// let space = StateSpace::new(Noise::Masked, 27, 12)?;
    /// let list = sampler::survivals(&Grid::karras(6), &Process::ve(), 0.01, 80.0)?;
    /// assert_eq!(Request::new().survivals(list).plan(&space)?.nfe(), 6);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn survivals(self, list: Vec<f64>) -> Self {
        self.grid(Survivals::List(list))
    }

    /// Returns the words that are set, in the order of [`WORDS`].
    #[must_use]
    pub fn words(&self) -> &[(&'static str, String)] {
        &self.words
    }

    /// Sets a word by its name, with the value as text. `_` and `-` are the same.
    ///
    /// ```
    /// use langevin_discrete::Request;
    /// let request = Request::new().word("top_p", "0.9")?;
    /// assert_eq!(request, Request::new().top_p(0.9));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the word is unknown, or is set already.
    pub fn word(self, word: &str, value: &str) -> Result<Self> {
        self.read(word, value)
    }

    /// Reads one word with its value.
    fn read(self, word: &str, value: &str) -> Result<Self> {
        let word = known(word)?;
        if self.words.iter().any(|(own, _)| *own == word) {
            return Err(Error::argument("a word of a request is given twice").got(format!("`{word}`")));
        }
        Ok(self.with(word, value.trim().to_owned()))
    }

    /// Returns the sampler's entry and the options that are set, with those in its name.
    fn resolved(&self) -> Result<(&'static Entry, Vec<(&'static str, String)>)> {
        let name = self.words.iter().find(|(word, _)| *word == "sampler").map_or(SAMPLER, |(_, name)| name);
        let (name, options) = name.split_once(':').unwrap_or((name, ""));
        let entry = Entry::find(name)?;
        let mut given = Self { words: self.words.iter().filter(|(word, _)| *word != "sampler").cloned().collect() };
        for part in options.split(',').filter(|part| !part.trim().is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, "true"));
            given = given.read(key.trim(), value)?;
        }
        Ok((entry, given.words))
    }

    /// Returns the request as the text of a sampler with its options, as in
    /// `sizes:order=halton,sizes=1+3`, which [`sampler`](Self::sampler) reads.
    ///
    /// `None` if a value has a comma, as a list of survivals does, or an option is given twice.
    ///
    /// ```
    /// use langevin_discrete::Request;
    /// let request: Request = "sampler=sizes:order=halton steps=4".parse()?;
    /// assert_eq!(request.to_sampler().as_deref(), Some("sizes:steps=4,order=halton"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn to_sampler(&self) -> Option<String> {
        let (entry, given) = self.resolved().ok()?;
        if given.iter().any(|(_, value)| value.contains(',')) {
            return None;
        }
        let options: Vec<String> = given.iter().map(|(word, value)| format!("{word}={value}")).collect();
        let colon = if options.is_empty() { "" } else { ":" };
        Some(format!("{}{colon}{}", entry.name, options.join(",")))
    }

    /// Returns true if the request has the order [`Separated`](Order::Separated), which
    /// [`separated`](Self::separated) replaces.
    #[must_use]
    pub fn is_separated(&self) -> bool {
        let separated = |(_, given): (_, Vec<(&str, String)>)| {
            given.iter().any(|(word, order)| {
                *word == "order" && order.parse::<Order>().is_ok_and(|own| own == Order::Separated)
            })
        };
        self.resolved().is_ok_and(separated)
    }

    /// Returns the request with the measured order of all places in place of
    /// [`Separated`](Order::Separated).
    ///
    /// ```
    /// use langevin_discrete::{Denoiser, Noise, Request, exact::Chain};
    /// use langevin_discrete::recommend::{Dependence, Markov};
    /// let chain = Chain::example(3, 6, Noise::Masked)?;
    /// let dependence = Dependence::exact(&Markov::new(&chain)?, 6);
    /// let request = Request::new().sampler("sizes:order=separated").steps(3);
    /// assert!(request.plan(chain.space()).is_err());
    /// assert_eq!(request.separated(dependence.order())?.plan(chain.space())?.nfe(), 3);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the sampler is unknown or a word is given twice.
    pub fn separated(&self, places: Vec<u32>) -> Result<Self> {
        if !self.is_separated() {
            return self.resolved().map(|_| self.clone());
        }
        let (entry, words) = self.resolved()?;
        Ok(Self { words }.sampler(entry.name).order(&Order::Fixed(places)))
    }

    /// Returns the catalogue's entry of the sampler.
    ///
    /// # Errors
    /// Returns an error with the nearest known name if the sampler is unknown.
    pub fn entry(&self) -> Result<&'static Entry> {
        self.resolved().map(|(entry, _)| entry)
    }

    /// Compiles the plan of the request for sequences of a space.
    ///
    /// The name of the plan is the sampler's name in the catalogue, with the options that are set.
    ///
    /// ```
    /// use langevin_discrete::{Noise, Request, StateSpace};
    /// let space = StateSpace::new(Noise::Masked, 27, 12)?;
    /// let error = Request::new().rho(0.5).plan(&space).unwrap_err().to_string();
    /// assert!(error.contains("the sampler 'ancestral' has no option `rho`"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the sampler is unknown, has no such option, or does not serve the noise
    /// of the space, and if a value is out of its range.
    pub fn plan(&self, space: &StateSpace) -> Result<Plan> {
        let (entry, mut given) = self.resolved()?;
        let name =
            std::iter::once(entry.name.to_owned()).chain(given.iter().map(|(word, value)| format!("{word}={value}")));
        let name = name.collect::<Vec<_>>().join(" ");
        if !entry.noises.serve(space) {
            return Err(Error::argument(format!("the sampler '{}' does not serve this noise", entry.name))
                .at("noise")
                .expected(entry.noises.to_string())
                .got(space.noise().name()));
        }
        let is_set = |word: &str| given.iter().any(|(own, _)| *own == word);
        if let Some(word) = ["steps", "grid"].into_iter().find(|word| is_set("sizes") && is_set(word)) {
            return Err(Error::argument("two words of a request contradict each other")
                .expected(format!("`sizes` or `{word}`"))
                .got("both"));
        }
        // A list of survivals has its own number of steps.
        let list = given.iter().find(|(word, _)| *word == "grid").map(|(_, grid)| grid.parse::<Survivals>());
        if let Some(Survivals::List(list)) = list.transpose()?
            && !given.iter().any(|(word, _)| *word == "steps")
        {
            given.push(("steps", (list.len() - 1).to_string()));
        }
        let settings = Settings::read(entry.name, entry.knobs, &given)?;
        if self.is_separated() {
            return Err(Error::argument("the order 'separated' is measured on a model, and there is none here")
                .at(format!("sampler '{}', `order`", entry.name))
                .expected(
                    Order::NAMES.iter().filter(|name| **name != "separated").copied().collect::<Vec<_>>().join(", "),
                )
                .got("'separated'")
                .hinting("'langevin sample' measures it on its model"));
        }
        Ok((entry.build)(space, settings.net(), &settings)?.named(name))
    }
}

/// Returns the word as it is listed.
fn known(word: &str) -> Result<&'static str> {
    let spelled = word.replace('_', "-");
    let found = WORDS.into_iter().find(|own| *own == spelled);
    found.ok_or_else(|| Error::unknown("word of a request", word, &WORDS))
}

impl fmt::Display for Request {
    /// Writes the words that are set, as [`from_str`](Self::from_str) reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.words.iter().map(|(word, value)| format!("{word}={value}")).collect();
        f.write_str(&words.join(" "))
    }
}

impl FromStr for Request {
    type Err = Error;

    /// Parses words of the form `key=value` with blanks between them.
    ///
    /// ```
    /// use langevin_discrete::Request;
    /// let request: Request = "steps=8 sampler=euler eta=0".parse()?;
    /// assert_eq!(request.to_string(), "sampler=euler steps=8 eta=0");
    /// let error = "step=3".parse::<Request>().unwrap_err().to_string();
    /// assert!(error.contains("did you mean 'steps'?"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MOST {
            return Err(Error::format("the request is too long").expected(format!("at most {MOST} bytes")));
        }
        text.split_whitespace().try_fold(Self::new(), |request, piece| match piece.split_once('=') {
            Some((word, value)) => request.read(word, value),
            None => Err(Error::format("a word of the request has no value")
                .expected("words such as sampler=ancestral steps=20")
                .got(format!("'{piece}'"))),
        })
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.words.len()))?;
        for (word, text) in &self.words {
            let number = serde_json::from_str::<serde_json::Number>(text).map(serde_json::Value::Number);
            let value = match (*word, text.as_str(), number) {
                ("sampler" | "grid" | "order" | "sizes", ..) => serde_json::Value::from(text.as_str()),
                (_, "true" | "false", _) => serde_json::Value::from(text == "true"),
                (.., Ok(number)) => number,
                (_, text, Err(_)) => serde_json::Value::from(text),
            };
            map.serialize_entry(&word.replace('-', "_"), &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
        words.into_iter().filter(|(_, value)| !value.is_null()).try_fold(Self::new(), |request, (word, value)| {
            let text = match value {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            request.read(&word, &text).map_err(D::Error::custom)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Noise;

    #[test]
    fn every_entry_compiles_with_its_defaults() {
        let prior = Noise::Prior(vec![0.5, 0.3, 0.2]);
        for noise in [Noise::Masked, Noise::Uniform, prior] {
            let space = StateSpace::new(noise, 3, 12).unwrap();
            for entry in Entry::all() {
                let plan = Request::new().sampler(entry.name).plan(&space);
                assert_eq!(plan.is_ok(), entry.noises.serve(&space), "{}: {plan:?}", entry.name);
                let shaped = Request::new().sampler(entry.name).temperature(0.5).top_k(2).top_p(0.9).guidance(2.0);
                if let (Ok(plan), Ok(shaped)) = (plan, shaped.plan(&space)) {
                    assert_eq!(shaped.nfe(), 2 * plan.nfe(), "{}", entry.name);
                }
            }
        }
    }

    #[test]
    fn requests_read_back() {
        let request = Request::new()
            .sampler("sizes:order=left")
            .sizes(&[2, 1])
            .survivals(vec![0.0, 0.25, 1.0])
            .temperature(0.7)
            .top_p(0.9)
            .guidance(1.5);
        assert_eq!(request.to_string().parse::<Request>().unwrap(), request);
        let json = serde_json::to_string(&request).unwrap();
        assert!(json.contains("\"top_p\":0.9"), "{json}");
        assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), request);
    }

    #[test]
    fn samplers_read_back() {
        let space = StateSpace::new(Noise::Masked, 3, 6).unwrap();
        for text in [
            "sampler=sizes order=far-apart sizes=1+2+3",
            "sampler=sizes:order=left steps=3",
            "sampler=entropy-bound bound=0.5 steps=4",
            "sampler=sizes order=list:5+4+3+2+1+0 sizes=3+3",
            "sampler=mdlm",
        ] {
            let request: Request = text.parse().unwrap();
            let again = Request::new().sampler(request.to_sampler().unwrap());
            assert_eq!(again.plan(&space).unwrap(), request.plan(&space).unwrap(), "{text}");
        }
        let far: Request = "sampler=sizes order=far-apart steps=6".parse().unwrap();
        let list: Request = "sampler=sizes order=list:0+5+2+1+3+4 steps=6".parse().unwrap();
        assert_eq!(far.plan(&space).unwrap().ops(), list.plan(&space).unwrap().ops());
        assert_eq!(Request::new().survivals(vec![0.0, 0.5, 1.0]).to_sampler(), None);
    }

    #[test]
    fn mistakes_are_named() {
        let space = StateSpace::new(Noise::Masked, 3, 6).unwrap();
        for (text, words) in [
            ("sampler=ancestrl", "did you mean 'ancestral'?"),
            ("sampler=gibbs", "expected uniform, prior, got masked"),
            ("sampler=row rho=2", "a number from 0 to 1"),
            ("sampler=row:rho=0.5 rho=0.6", "given twice"),
            ("grid=list:0,0.5,1 steps=3", "expected 2, got 3"),
            ("grid=list:0,0.5", "ascending from 0 to 1"),
            ("sampler=sizes sizes=1+2", "the sum 6"),
            ("sampler=sizes sizes=1+5 steps=2", "`sizes` or `steps`"),
            ("sampler=sizes order=rndom", "random"),
            ("sampler=sizes order=seperated", "did you mean 'separated'?"),
            ("sampler=sizes order=separated", "measured on a model"),
            ("sampler=remask schedule=loop steps=1", "2 or more"),
        ] {
            let error = text.parse::<Request>().and_then(|request| request.plan(&space)).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
