//! Requests as text and as JSON: the same words, read by the same function.

use super::{Choice, Count, First, Request, WORDS};
use crate::error::{Error, Result};
use crate::formulation::Formulation;
use crate::prediction::Prediction;
use crate::process::{Process, ProcessSpec};
use crate::sampler::Start;
use crate::space::Map;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// The longest text of a request, in bytes.
const MOST: usize = 1 << 20;

impl Request {
    /// Returns the words of this request with their values, in the order of [`WORDS`]. Words at
    /// their defaults are left out.
    ///
    /// ```
    /// use langevin::{Process, Request};
    /// let words = Request::new().process(Process::vp()).steps(5).words();
    /// assert_eq!(words, [("process", "vp".to_owned()), ("steps", "5".to_owned())]);
    /// ```
    #[must_use]
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let mut words = self.words_of_the_network();
        let mut add = |word: &'static str, value: String| words.push((word, value));
        match &self.choice {
            Choice::Default => {}
            Choice::Named(name) => add("sampler", name.clone()),
            Choice::Moves(word) => add("moves", word.clone()),
            Choice::Given(sampler) => add("sampler", sampler.spec().to_owned()),
        }
        self.eta.iter().for_each(|eta| add("eta", eta.to_string()));
        self.grid.iter().for_each(|grid| add("grid", grid.clone()));
        match self.count {
            Count::Default => {}
            Count::Steps(steps) => add("steps", steps.to_string()),
            Count::Budget(budget) => add("nfe", budget.to_string()),
        }
        self.sigma_min.iter().for_each(|sigma| add("sigma-min", sigma.to_string()));
        self.sigma_max.iter().for_each(|sigma| add("sigma-max", sigma.to_string()));
        match self.first {
            First::Noise => {}
            First::Share(share) => add("strength", share.to_string()),
            First::Step(steps, start) => {
                add("start-at", steps.to_string());
                match start {
                    Start::State => {}
                    Start::Image => add("image", "true".to_owned()),
                    Start::Noise => add("noise", "true".to_owned()),
                }
            }
        }
        match &self.map {
            None => {}
            Some(Map::Clamp { min, max }) => add("clamp", format!("{min},{max}")),
            Some(Map::Threshold { ratio, max }) => add("threshold", format!("{ratio},{max}")),
            Some(Map::Mul) => add("map", "mul".to_owned()),
            Some(Map::LearnedStd { small, large }) => add("map", format!("learned-std:{small},{large}")),
            Some(Map::Hook { name }) => add("map", format!("hook:{name}")),
        }
        if let Some((weight, levels)) = self.guidance {
            add("guidance", weight.to_string());
            levels.iter().for_each(|[min, max]| add("guidance-interval", format!("{min},{max}")));
        }
        words
    }

    /// Returns the words for the process and for the network on it.
    fn words_of_the_network(&self) -> Vec<(&'static str, String)> {
        let process = self.process.as_ref().map(|process| ("process", process_text(process)));
        let Some(network) = &self.network else { return process.into_iter().collect() };
        if is_plain(network) && network.process == self.state_process() {
            let process = ("process", process_text(&network.process));
            return vec![process, ("predict", network.prediction.name().to_owned())];
        }
        let spec = serde_json::to_string(&network.spec()).unwrap_or_default();
        process.into_iter().chain([("network", spec)]).collect()
    }
}

/// Returns whether a network is fully described by its process and the name of its prediction.
fn is_plain(network: &Formulation) -> bool {
    Prediction::parse(network.prediction.name())
        .is_ok_and(|prediction| Formulation::new(network.process.clone(), prediction) == *network)
}

/// Returns the name of a process, or its JSON document if the name does not describe it.
fn process_text(process: &Process) -> String {
    let (name, spec) = (process.name(), process.spec());
    match Process::parse(&name) {
        Ok(named) if named.spec() == spec => name,
        _ => serde_json::to_string(&spec).unwrap_or(name),
    }
}

/// The words read so far.
#[derive(Default)]
struct Reader {
    request: Request,
    predict: Option<Prediction>,
    start_at: Option<usize>,
    start: Start,
    interval: Option<[f64; 2]>,
    seen: Vec<&'static str>,
}

impl Reader {
    /// Reads one word with its value.
    fn read(&mut self, word: &str, value: &str) -> Result<()> {
        let spelled = word.replace('_', "-");
        if spelled == "range" {
            let (min, max) = value.split_once("..").ok_or_else(|| bad("range", "MIN..MAX", value))?;
            self.read("sigma-min", min)?;
            return self.read("sigma-max", max);
        }
        let Some(word) = WORDS.into_iter().find(|known| *known == spelled) else {
            return Err(Error::unknown("word of a request", word, &WORDS));
        };
        if self.seen.contains(&word) {
            return Err(Error::argument("a word of a request is given twice").got(format!("`{word}`")));
        }
        self.seen.push(word);
        self.set(word, value)
    }

    fn set(&mut self, word: &'static str, value: &str) -> Result<()> {
        let request = &mut self.request;
        match word {
            "process" => request.process = Some(process(value)?),
            "predict" => self.predict = Some(Prediction::parse(value)?),
            "network" => request.network = Some(network(value)?),
            "sampler" => request.choice = Choice::Named(value.to_owned()),
            "moves" => request.choice = Choice::Moves(value.to_owned()),
            "eta" => request.eta = Some(number(word, value)?),
            "grid" => request.grid = Some(value.to_owned()),
            "steps" => request.count = Count::Steps(whole(word, value)?),
            "nfe" => request.count = Count::Budget(whole(word, value)?),
            "sigma-min" => request.sigma_min = Some(number(word, value)?),
            "sigma-max" => request.sigma_max = Some(number(word, value)?),
            "start-at" => self.start_at = Some(whole(word, value)?),
            "image" if flag(word, value)? => self.start = Start::Image,
            "noise" if flag(word, value)? => self.start = Start::Noise,
            "strength" => request.first = First::Share(number(word, value)?),
            "clamp" => {
                let [min, max] = pair(word, value)?;
                request.map = Some(Map::clamp(min, max)?);
            }
            "threshold" => {
                let [ratio, max] = pair(word, value)?;
                request.map = Some(Map::threshold(ratio, max)?);
            }
            "map" => request.map = Some(map(value)?),
            "guidance" => request.guidance = Some((number(word, value)?, None)),
            "guidance-interval" => self.interval = Some(pair(word, value)?),
            _ => {}
        }
        Ok(())
    }

    /// Returns the request, after the checks that involve several words.
    fn finish(mut self) -> Result<Request> {
        for (first, second) in EXCLUSIVE {
            if self.seen.contains(&first) && self.seen.contains(&second) {
                return Err(Error::argument("two words of a request contradict each other")
                    .expected(format!("`{first}` or `{second}`"))
                    .got("both"));
            }
        }
        for (word, needed) in NEEDS {
            if self.seen.contains(&word) && !self.seen.contains(&needed) {
                return Err(Error::argument("a word of a request has nothing to set")
                    .expected(format!("`{needed}` beside `{word}`"))
                    .got("none"));
            }
        }
        if let Some(steps) = self.start_at {
            let start =
                if self.start == Start::Noise && !self.seen.contains(&"noise") { Start::State } else { self.start };
            self.request.first = First::Step(steps, start);
        }
        if let Some(prediction) = self.predict {
            self.request.network = Some(Formulation::new(self.request.state_process(), prediction));
        }
        if let Some((_, levels)) = &mut self.request.guidance {
            *levels = self.interval;
        }
        Ok(self.request)
    }
}

/// Pairs of words of which a request may have only one.
const EXCLUSIVE: [(&str, &str); 9] = [
    ("sampler", "moves"),
    ("steps", "nfe"),
    ("predict", "network"),
    ("start-at", "strength"),
    ("image", "noise"),
    ("clamp", "threshold"),
    ("clamp", "map"),
    ("threshold", "map"),
    ("strength", "noise"),
];

/// Words that need another word.
const NEEDS: [(&str, &str); 3] = [("image", "start-at"), ("noise", "start-at"), ("guidance-interval", "guidance")];

fn bad(word: &str, expected: &str, got: &str) -> Error {
    Error::argument("bad value in a request")
        .at(format!("`{word}`"))
        .expected(expected.to_owned())
        .got(format!("'{got}'"))
}

fn number(word: &str, text: &str) -> Result<f64> {
    let value = text.trim().parse::<f64>().ok().filter(|value| !value.is_nan());
    value.ok_or_else(|| bad(word, "a number", text))
}

fn whole(word: &str, text: &str) -> Result<usize> {
    text.trim().parse().map_err(|_| bad(word, "a whole number from 0", text))
}

fn pair(word: &str, text: &str) -> Result<[f64; 2]> {
    let (first, second) =
        text.split_once(',').ok_or_else(|| bad(word, "two numbers with a comma between them", text))?;
    Ok([number(word, first)?, number(word, second)?])
}

fn flag(word: &str, text: &str) -> Result<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(bad(word, "true or false", text)),
    }
}

fn process(text: &str) -> Result<Process> {
    if !text.starts_with('{') {
        return Process::parse(text);
    }
    let spec: ProcessSpec = document("process", text)?;
    Process::from_spec(&spec)
}

fn network(text: &str) -> Result<Formulation> {
    Formulation::from_spec(&document("network", text)?)
}

fn document<T: serde::de::DeserializeOwned>(word: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::format("bad document in a request").at(format!("`{word}`")).got(crate::error::json_words(&error))
    })
}

fn map(text: &str) -> Result<Map> {
    match text.split_once(':') {
        None if text == "mul" => Ok(Map::Mul),
        Some(("hook", name)) => Ok(Map::Hook { name: name.to_owned() }),
        Some(("learned-std", ends)) => {
            let [small, large] = pair("map", ends)?;
            Ok(Map::LearnedStd { small, large })
        }
        _ => Err(bad("map", "mul, learned-std:SMALL,LARGE or hook:NAME", text)),
    }
}

/// Returns a value as it is written in the text. A value with a blank or a quote is put in single
/// quotes, and its own quotes are doubled.
fn quoted(value: &str) -> String {
    if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c == '\'') {
        format!("'{}'", value.replace('\'', "''"))
    } else {
        value.to_owned()
    }
}

/// Splits a text at blanks outside quotes and removes the quotes. The flag is true if a quote was
/// left open.
fn pieces(text: &str) -> (Vec<String>, bool) {
    let (mut pieces, mut piece, mut any, mut inside) = (Vec::new(), String::new(), false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' if inside && chars.peek() == Some(&'\'') => {
                chars.next();
                piece.push('\'');
            }
            '\'' => (inside, any) = (!inside, true),
            c if c.is_whitespace() && !inside => {
                if any {
                    pieces.push(std::mem::take(&mut piece));
                }
                any = false;
            }
            c => {
                piece.push(c);
                any = true;
            }
        }
    }
    if any {
        pieces.push(piece);
    }
    (pieces, inside)
}

impl FromStr for Request {
    type Err = Error;

    /// Parses words of the form `key=value` with blanks between them. A value with blanks is
    /// written in single quotes.
    ///
    /// Names are checked when the request is compiled, because a sampler's options are checked
    /// together with its η.
    ///
    /// ```
    /// use langevin::Request;
    /// let request: Request = "moves='(R L(0.5))*3' process=ve".parse()?;
    /// assert_eq!(request.to_string(), "process=ve moves='(R L(0.5))*3'");
    /// let error = "sampler=ddim stpes=3".parse::<Request>().unwrap_err().to_string();
    /// assert!(error.contains("did you mean 'steps'?"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    fn from_str(text: &str) -> Result<Self> {
        if text.len() > MOST {
            return Err(Error::format("the request is too long").expected(format!("at most {MOST} bytes")));
        }
        let (pieces, open) = pieces(text);
        if open {
            return Err(Error::format("a quote of the request is not closed").expected("a second '"));
        }
        let mut reader = Reader::default();
        for piece in &pieces {
            match piece.split_once('=') {
                Some((word, value)) => reader.read(word, value)?,
                // A flag without a value is on.
                None if matches!(piece.as_str(), "image" | "noise") => reader.read(piece, "true")?,
                None => {
                    return Err(Error::format("a word of the request has no value")
                        .expected("words such as sampler=ddim steps=20")
                        .got(format!("'{piece}'")));
                }
            }
        }
        reader.finish()
    }
}

impl fmt::Display for Request {
    /// Writes the words that are not at their defaults, as [`from_str`](Self::from_str) reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (word, value)) in self.words().iter().enumerate() {
            let blank = if index == 0 { "" } else { " " };
            write!(f, "{blank}{word}={}", quoted(value))?;
        }
        Ok(())
    }
}

/// Returns a value as it is written in JSON: a number, a boolean or a document if it is one,
/// otherwise a string.
fn value_of(word: &str, text: &str) -> Value {
    let is_text =
        matches!(word, "sampler" | "moves" | "grid" | "predict" | "clamp" | "threshold" | "map" | "guidance-interval");
    match serde_json::from_str::<Value>(text) {
        Ok(value) if !is_text && !value.is_string() => value,
        _ => Value::String(text.to_owned()),
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words = self.words();
        let mut map = serializer.serialize_map(Some(words.len()))?;
        for (word, text) in &words {
            map.serialize_entry(&word.replace('-', "_"), &value_of(word, text))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Request;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the words of a request")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Request, M::Error> {
                let mut reader = Reader::default();
                while let Some((word, value)) = map.next_entry::<String, Value>()? {
                    let text = match value {
                        Value::Null => continue,
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    reader.read(&word, &text).map_err(M::Error::custom)?;
                }
                reader.finish().map_err(M::Error::custom)
            }
        }
        deserializer.deserialize_map(Words)
    }
}
