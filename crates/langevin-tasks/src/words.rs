//! Text from outside, made harmless for messages.

use std::path::Path;

/// Characters that a terminal acts upon, or that turn the order of those beside them.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Returns a text in one line that moves no cursor: characters that a terminal acts upon are written as their escapes.
///
/// ```
/// assert_eq!(langevin_tasks::words::visible("a\x1b[31m"), "a\\u{1b}[31m");
/// ```
#[must_use]
pub fn visible(text: &str) -> String {
    escaped(text, |c| !acts(c))
}

/// Returns the same as [`visible`] for a text that may have line breaks.
#[must_use]
pub fn visible_lines(text: &str) -> String {
    escaped(text, |c| c == '\n' || !acts(c))
}

fn escaped(text: &str, plain: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if plain(c) {
            out.push(c);
        } else {
            out.extend(c.escape_default());
        }
        out
    })
}

/// Returns a path for a message; of a very long one the start and the end.
#[must_use]
pub fn shown(path: &Path) -> String {
    ends(&visible(&path.display().to_string()), QUOTED)
}

/// Characters of a text from outside that a message quotes.
pub const QUOTED: usize = 200;

/// Returns the start and the end of a text of more than `most` characters.
///
/// ```
/// assert_eq!(langevin_tasks::words::ends("abcdef", 3), "ab…f");
/// ```
#[must_use]
pub fn ends(text: &str, most: usize) -> String {
    // A byte count is enough to pass by: there are never more characters.
    let count = if text.len() <= most { 0 } else { text.chars().count() };
    if count <= most {
        return text.to_owned();
    }
    let end = most / 2;
    text.chars().take(most - end).chain(['…']).chain(text.chars().skip(count - end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(visible("a\x1b[31mb\r\n\u{202e}é’σ"), "a\\u{1b}[31mb\\r\\n\\u{202e}é’σ");
        assert_eq!(visible_lines("a\nb\x07\u{9b}"), "a\nb\\u{7}\\u{9b}");
    }

    #[test]
    fn what_is_quoted_has_an_end() {
        assert_eq!(ends(&format!("a{}b", "é".repeat(100_000)), 5), "aéé…éb");
        assert_eq!(ends("aéb", 3), "aéb");
    }
}
