//! Words of moves, such as `(R L)*20`.
//!
//! | letter | move | goes to |
//! |---|---|---|
//! | `R`, `R(0.5)` | reverse, with h/g (0 without a number) | the next grid level |
//! | `F`, `F(-1.5)` | forward, with the process's own noise | one grid level back, or this λ |
//! | `L`, `L(0.5)` | Langevin for a time k (1 without a number): ρ = e^{−k} | the same level |
//!
//! The time k is in units of $\sigma^2/\Lambda$. A Langevin move at σ = 0 has no effect: no time
//! passes there, and the plan has no instruction for it.
//!
//! Letters can be separated by blanks. `( … )*3` and `R*3` repeat. The next grid level is the next
//! cleaner level of the grid from the present one.
//!
//! Samplers as words: DDIM is `R*N`; predictor–corrector `(R L)*N`; restart `R*10 F(0) R*4`; EDM
//! churn `(F R)…`; RePaint `R (F R)*k …`.

use super::Method;
use super::draft::Draft;
use crate::error::{Error, Result};
use crate::math::exp;
use crate::moves::{Row, check_eta, reverse_rho};
use crate::plan::{Letter, Var};
use crate::process::Level;

/// The largest number of moves. A longer word is a mistake or an attack.
const MAX_MOVES: usize = 200_000;
/// The largest depth of nested groups.
const MAX_DEPTH: usize = 32;

/// A parsed word of moves. See [`Word::parse`].
///
/// ```
/// use langevin::sampler::Word;
/// use langevin::{Grid, Process, Sampler};
/// let word = Word::parse("R R F R R")?;
/// let process = Process::vp();
/// let levels = Grid::karras(3).levels(&process, 0.1, 10.0)?;
/// let plan = Sampler::word(word).compile(&process, None, &levels)?;
/// assert_eq!((plan.moves().len(), plan.nfe()), (5, 4)); // F needs no network
/// # Ok::<(), langevin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    text: String,
    /// The moves, with the position of each in the text, in characters.
    moves: Vec<(usize, Step)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Reverse(Option<f64>),
    Forward(Option<f64>),
    Langevin(f64),
}

impl Word {
    /// Parses a word: letters `R`, `F` and `L`, each with an optional number in brackets, groups in
    /// brackets, and repeats `*N`.
    ///
    /// ```
    /// use langevin::sampler::Word;
    /// assert_eq!(Word::parse("(R L(0.5))*3")?.reverse_moves(), 3);
    /// let error = Word::parse("(R L").unwrap_err();
    /// assert!(error.to_string().contains("^"));
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the word does not parse, with the position marked; if a number is out of
    /// range; or if the word has more than 200,000 moves.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let mut parser = Parser { chars: text.chars().collect(), at: 0, text };
        if parser.chars.len() > 1 << 16 {
            return Err(Error::format("the move word is too long").expected("at most 65,536 characters"));
        }
        let moves = parser.sequence(0)?;
        if let Some(extra) = parser.peek() {
            return Err(parser.wrong(parser.at, "a letter R, F or L, or '('", format!("'{extra}'")));
        }
        if moves.is_empty() {
            return Err(parser.wrong(0, "at least one move", "nothing".into()));
        }
        Ok(Self { text: text.to_owned(), moves })
    }

    /// Returns the word as it was written.
    ///
    /// ```
    /// use langevin::sampler::Word;
    /// assert_eq!(Word::parse(" (R L)*3 ")?.text(), "(R L)*3");
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the number of reverse moves.
    ///
    /// ```
    /// use langevin::sampler::Word;
    /// assert_eq!(Word::parse("(R F)*3 R L")?.reverse_moves(), 4);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn reverse_moves(&self) -> usize {
        self.moves.iter().filter(|(_, step)| matches!(step, Step::Reverse(_))).count()
    }

    /// Returns the number of grid levels that the word goes down: reverse moves minus forward moves
    /// by one level.
    ///
    /// `None` if the word has a forward move to a λ, whose number of levels depends on the grid.
    ///
    /// ```
    /// use langevin::sampler::Word;
    /// assert_eq!(Word::parse("R*5 F R")?.steps(), Some(5));
    /// assert_eq!(Word::parse("R*5 F(0) R")?.steps(), None);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn steps(&self) -> Option<usize> {
        let mut steps = 0_usize;
        for (_, step) in &self.moves {
            match step {
                Step::Reverse(_) => steps += 1,
                Step::Forward(None) => steps = steps.saturating_sub(1),
                Step::Forward(Some(_)) => return None,
                Step::Langevin(_) => {}
            }
        }
        Some(steps)
    }

    /// Sets h/g = `eta` for every reverse move that has no number of its own.
    ///
    /// ```
    /// use langevin::sampler::Word;
    /// use langevin::{Request, Sampler};
    /// let word = Word::parse("R R(0.5)")?.with_eta(1.0);
    /// let plan = Request::new().with_sampler(Sampler::word(word)).steps(2).plan()?;
    /// let etas: Vec<Option<f64>> = plan.moves().iter().map(|step| step.eta).collect();
    /// assert_eq!(etas, [Some(1.0), Some(0.5)]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn with_eta(mut self, eta: f64) -> Self {
        for (_, step) in &mut self.moves {
            if *step == Step::Reverse(None) {
                *step = Step::Reverse(Some(eta));
            }
        }
        self
    }
}

impl Method for Word {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let levels: Vec<Level> =
            std::iter::once(draft.steps()[draft.first()].from).chain(draft.taken().map(|(_, step)| step.to)).collect();
        let (mut at, process) = (levels[0], draft.process());
        let mut x = draft.begin();
        for (position, step) in &self.moves {
            let mark = draft.mark();
            let stuck = |what: &str, hint: String| Error::argument(what).pointing(&self.text, *position).hinting(hint);
            let to = match step {
                Step::Reverse(_) => {
                    *levels.get(levels.partition_point(|level| level.sigma_ve() >= at.sigma_ve())).ok_or_else(|| {
                        let needed = self.steps().unwrap_or_else(|| self.reverse_moves());
                        let hint = format!("the grid has {} steps, the word needs {needed}", levels.len() - 1);
                        stuck("the word goes beyond the end of the grid", hint)
                    })?
                }
                Step::Forward(None) => {
                    let noisier = levels.partition_point(|level| level.sigma_ve() > at.sigma_ve());
                    *noisier.checked_sub(1).and_then(|index| levels.get(index)).ok_or_else(|| {
                        stuck("the word goes back beyond the start of the grid", "put an R before this F".into())
                    })?
                }
                Step::Forward(Some(lambda)) => {
                    let to = process.level_at_lambda(*lambda)?;
                    if to.sigma_ve() <= at.sigma_ve() {
                        return Err(stuck(
                            "a forward move must go towards noise",
                            format!("the word stands at λ = {:.4} here", at.lambda()),
                        ));
                    }
                    to
                }
                Step::Langevin(_) => at,
            };
            match *step {
                Step::Reverse(eta) => {
                    let eta = check_eta(eta.unwrap_or(0.0))?;
                    let denoised = draft.denoised(x, &at)?;
                    x = draft.one_step(x, denoised, Row::new(&at, &to, reverse_rho(&at, &to, eta)));
                    draft.note(Letter::R, Some(eta), &at, &to, mark);
                }
                Step::Forward(_) => x = draft.forward(x, &at, &to, 1.0),
                // At σ = 0 a time of k·σ²/Λ is zero.
                Step::Langevin(_) if at.sigma == 0.0 => {}
                Step::Langevin(k) => {
                    let denoised = draft.denoised(x, &at)?;
                    x = draft.one_step(x, denoised, Row::new(&at, &at, exp(-k)));
                    draft.note(Letter::L, None, &at, &at, mark);
                }
            }
            at = to;
        }
        if let Some(last) = levels.last().filter(|last| last.sigma_ve() < at.sigma_ve()) {
            return Err(Error::argument("the word stops before the end of the grid")
                .pointing(&self.text, self.text.chars().count())
                .expected(format!("σ/α = {}", last.sigma_ve()))
                .got(at.sigma_ve().to_string())
                .hinting(format!(
                    "the grid has {} steps, the word goes down {}",
                    levels.len() - 1,
                    self.steps().unwrap_or_else(|| self.reverse_moves())
                )));
        }
        Ok(x)
    }
}

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    text: &'a str,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.chars.get(self.at).copied()
    }

    fn wrong(&self, position: usize, expected: &str, got: String) -> Error {
        Error::format("bad move word")
            .pointing(self.text, position)
            .expected(expected.to_owned())
            .got(got)
            .hinting("words look like R, R(0.5), L, F(-1.5), (R L)*20")
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<(usize, Step)>> {
        let mut moves = Vec::new();
        while let Some(letter) = self.peek() {
            let position = self.at;
            let item = match letter {
                '(' if depth >= MAX_DEPTH => {
                    return Err(self.wrong(position, "at most 32 nested groups", "more".into()));
                }
                '(' => {
                    self.at += 1;
                    let inner = self.sequence(depth + 1)?;
                    if self.peek() != Some(')') {
                        return Err(self.wrong(self.at, "')'", self.found()));
                    }
                    self.at += 1;
                    inner
                }
                'R' | 'F' | 'L' => {
                    self.at += 1;
                    let argument = self.argument()?;
                    vec![(position, self.step(letter, argument, position)?)]
                }
                ')' => break,
                other => return Err(self.wrong(position, "a letter R, F or L, or '('", format!("'{other}'"))),
            };
            let times = self.repeat()?;
            let total = item.len().saturating_mul(times).saturating_add(moves.len());
            if total > MAX_MOVES {
                return Err(self.wrong(position, "at most 200,000 moves", total.to_string()));
            }
            for _ in 0..times {
                moves.extend_from_slice(&item);
            }
        }
        Ok(moves)
    }

    fn found(&self) -> String {
        self.chars.get(self.at).map_or_else(|| "the end".into(), |c| format!("'{c}'"))
    }

    /// Returns the number in brackets directly after a letter, if there is one. A bracket after a
    /// blank opens a group.
    fn argument(&mut self) -> Result<Option<(usize, f64)>> {
        if self.chars.get(self.at) != Some(&'(') {
            return Ok(None);
        }
        let start = self.at + 1;
        let Some(length) = self.chars[start..].iter().position(|c| *c == ')') else {
            return Err(self.wrong(self.at, "a number and ')'", "no closing bracket".into()));
        };
        let text: String = self.chars[start..start + length].iter().collect();
        let value = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        let Some(value) = value else {
            return Err(self.wrong(start, "a finite number", format!("'{text}'")));
        };
        self.at = start + length + 1;
        Ok(Some((start, value)))
    }

    fn step(&self, letter: char, argument: Option<(usize, f64)>, position: usize) -> Result<Step> {
        let value = argument.map(|(_, value)| value);
        let at = argument.map_or(position, |(at, _)| at);
        let sign = |value: f64| check_eta(value).map_err(|_| self.wrong(at, "a number ≥ 0", value.to_string()));
        Ok(match letter {
            'R' => Step::Reverse(value.map(sign).transpose()?),
            'L' => Step::Langevin(value.map(sign).transpose()?.unwrap_or(1.0)),
            _ => Step::Forward(value),
        })
    }

    fn repeat(&mut self) -> Result<usize> {
        if self.peek() != Some('*') {
            return Ok(1);
        }
        self.at += 1;
        self.peek();
        let start = self.at;
        while self.chars.get(self.at).is_some_and(char::is_ascii_digit) {
            self.at += 1;
        }
        let digits: String = self.chars[start..self.at].iter().collect();
        match digits.parse::<usize>() {
            Ok(times) if times >= 1 => Ok(times),
            _ => Err(self.wrong(
                start,
                "a number of repeats ≥ 1",
                if digits.is_empty() { self.found() } else { format!("'{digits}'") },
            )),
        }
    }
}
