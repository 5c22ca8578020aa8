//! The words of errors.

use std::fmt;

/// The words of an error: `what (where): expected …, got …`, then a caret under the place in a text, then the hint.
///
/// It is public so that the errors of crates on top of this one read alike.
///
/// ```
/// use langevin::error::Message;
/// let message = Message::new("bad steps").at("--steps").expected("at least 1").got("0").hinting("use 20");
/// assert_eq!(message.to_string(), "bad steps (--steps): expected at least 1, got 0\nhint: use 20");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    what: String,
    place: Option<String>,
    expected: Option<String>,
    got: Option<String>,
    cause: Option<String>,
    snippet: Option<String>,
    hint: Option<String>,
}

/// What came from outside may be of any length and hold anything; a message shall not.
fn tame(text: String) -> String {
    if text.len() <= 200 && !text.contains(char::is_control) {
        return text;
    }
    let mut tame: String = text
        .chars()
        .take(200)
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect();
    if text.chars().nth(200).is_some() {
        tame.push('…');
    }
    tame
}

/// The start and the end of a text that may quote something of any length: both matter, as in `unknown variant … at line 3`.
fn brief(text: String, most: usize) -> String {
    // A byte count is enough to pass by: there are never more characters.
    let count = if text.len() <= most { 0 } else { text.chars().count() };
    if count <= most {
        return text;
    }
    let end = most / 4;
    text.chars().take(most - end).chain(['…']).chain(text.chars().skip(count - end)).collect()
}

/// The longest statement of what went wrong, and the longest list of what is known.
const MOST_WHAT: usize = 400;
const MOST_KNOWN: usize = 800;

impl Message {
    /// What went wrong; the middle of a long text is left out.
    pub fn new(what: impl Into<String>) -> Self {
        let what = brief(what.into(), MOST_WHAT);
        Self { what, place: None, expected: None, got: None, cause: None, snippet: None, hint: None }
    }

    /// Where. Said again, the wider place comes in front.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        let place = tame(place.into());
        self.place = Some(match self.place.take() {
            Some(inner) => format!("{place}, {inner}"),
            None => place,
        });
        self
    }

    /// What was expected.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(brief(expected.into(), MOST_KNOWN));
        self
    }

    /// What was found; control characters are escaped and a long text is cut.
    #[must_use]
    pub fn got(mut self, got: impl Into<String>) -> Self {
        self.got = Some(tame(got.into()));
        self
    }

    /// Why, in the words of another: the operating system, say.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(tame(cause.into()));
        self
    }

    /// Shows the place in a text with a caret under it.
    #[must_use]
    pub fn pointing(mut self, text: &str, position: usize) -> Self {
        // A long text is cut to the neighbourhood of the mistake.
        let start = position.saturating_sub(30);
        let window: String = text.chars().skip(start).take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.snippet = Some(format!("  {window}\n  {}^", " ".repeat(position - start)));
        self.at(format!("character {}", position + 1))
    }

    /// What to try next.
    #[must_use]
    pub fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(brief(hint.into(), MOST_KNOWN));
        self
    }

    /// What to try next, where there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        match (&self.expected, &self.got) {
            (Some(expected), Some(got)) => write!(f, ": expected {expected}, got {got}")?,
            (Some(expected), None) => write!(f, ": expected {expected}")?,
            (None, Some(got)) => write!(f, ": got {got}")?,
            (None, None) => {}
        }
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        if let Some(snippet) = &self.snippet {
            write!(f, "\n{snippet}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}
