//! The wording of errors: [`Message`].

use std::fmt;

/// The wording of an error: `what (where): expected …, got …: cause`, a caret under the place in a
/// text, and the hint.
///
/// The type is public so that the error types of crates on top of this one produce messages of the
/// same form.
///
/// # Examples
///
/// ```
/// use langevin::error::Message;
/// let message = Message::new("bad steps").at("--steps").expected("at least 1").got("0");
/// assert_eq!(
///     message.hinting("use 20").to_string(),
///     "bad steps (--steps): expected at least 1, got 0\nhint: use 20"
/// );
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

/// Escapes control characters and cuts the text after 200 characters, because outside input may
/// contain anything.
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

/// Returns the start and the end of a text longer than `most` characters, with an ellipsis between
/// them.
///
/// Both ends matter in a quoted message such as `unknown variant … at line 3`.
fn brief(text: String, most: usize) -> String {
    // A text of at most `most` bytes has at most `most` characters, so it need not be counted.
    let count = if text.len() <= most { 0 } else { text.chars().count() };
    if count <= most {
        return text;
    }
    let end = most / 4;
    text.chars().take(most - end).chain(['…']).chain(text.chars().skip(count - end)).collect()
}

/// The most characters of a statement of what went wrong.
const MOST_WHAT: usize = 400;
/// The most characters of an expectation, such as a list of known names, and of a hint.
const MOST_KNOWN: usize = 800;

impl Message {
    /// Builds a message from a statement of what went wrong. The middle of a long statement is left
    /// out.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::error::Message;
    /// assert_eq!(Message::new("bad steps").to_string(), "bad steps");
    /// let long = Message::new("x".repeat(1000)).to_string();
    /// assert!(long.contains('…') && long.chars().count() < 410);
    /// ```
    pub fn new(what: impl Into<String>) -> Self {
        let what = brief(what.into(), MOST_WHAT);
        Self { what, place: None, expected: None, got: None, cause: None, snippet: None, hint: None }
    }

    /// Adds the place of the error. A second call puts the wider place in front.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::error::Message;
    /// let message = Message::new("not a number").at("row 3").at("data.csv");
    /// assert_eq!(message.to_string(), "not a number (data.csv, row 3)");
    /// ```
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        let place = tame(place.into());
        self.place = Some(match self.place.take() {
            Some(inner) => format!("{place}, {inner}"),
            None => place,
        });
        self
    }

    /// Adds the expected value or range.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::error::Message;
    /// assert_eq!(Message::new("bad order").expected("2").to_string(), "bad order: expected 2");
    /// ```
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(brief(expected.into(), MOST_KNOWN));
        self
    }

    /// Adds the value found. Control characters are escaped and a long text is cut.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::error::Message;
    /// assert_eq!(Message::new("bad name").got("a\tb").to_string(), "bad name: got a\\tb");
    /// ```
    #[must_use]
    pub fn got(mut self, got: impl Into<String>) -> Self {
        self.got = Some(tame(got.into()));
        self
    }

    /// Adds the cause in the words of another source, such as the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::error::Message;
    /// let message = Message::new("cannot write").at("run/log").because("no space left");
    /// assert_eq!(message.to_string(), "cannot write (run/log): no space left");
    /// ```
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(tame(cause.into()));
        self
    }

    /// Adds the text in question with a caret under one of its characters. `position` counts
    /// characters from 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::error::Message;
    /// let message = Message::new("bad digit").pointing("12x", 2);
    /// assert_eq!(message.to_string(), "bad digit (character 3)\n  12x\n    ^");
    /// ```
    #[must_use]
    pub fn pointing(mut self, text: &str, position: usize) -> Self {
        // Only the neighbourhood of the mistake is shown, since the text may be long.
        let start = position.saturating_sub(30);
        let window: String = text.chars().skip(start).take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.snippet = Some(format!("  {window}\n  {}^", " ".repeat(position - start)));
        self.at(format!("character {}", position + 1))
    }

    /// Adds a hint: what the user can try next.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::error::Message;
    /// let message = Message::new("too few steps").hinting("use 20");
    /// assert_eq!(message.to_string(), "too few steps\nhint: use 20");
    /// ```
    #[must_use]
    pub fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(brief(hint.into(), MOST_KNOWN));
        self
    }

    /// Returns the hint, or `None` if the message has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use langevin::error::Message;
    /// assert_eq!(Message::new("too few steps").hinting("use 20").hint(), Some("use 20"));
    /// assert_eq!(Message::new("too few steps").hint(), None);
    /// ```
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
