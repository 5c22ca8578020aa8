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

/// Returns `text` with every argument in `‹›` spelled by `spell`.
///
/// Tasks name arguments so in errors, hints and notes; a command line spells them as flags, Python as keywords.
///
/// ```
/// let text = langevin_tasks::words::spelled("leave out ‹held-out›", |name| format!("--{name}"));
/// assert_eq!(text, "leave out --held-out");
/// ```
#[must_use]
pub fn spelled(text: &str, spell: impl Fn(&str) -> String) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('‹') {
        out.push_str(before);
        match after.split_once('›') {
            Some((name, after)) if is_name(name) => {
                out.push_str(&spell(name));
                rest = after;
            }
            _ => {
                out.push('‹');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// Returns a spacing for people: `1/255` or `2/255` where that is what it is.
///
/// ```
/// assert_eq!(langevin_tasks::words::fraction(1.0 / 255.0), "1/255");
/// ```
#[must_use]
pub fn fraction(step: f64) -> String {
    let inverse = (1.0 / step).round();
    match (step < 1.0 && (step * inverse - 1.0).abs() < 1e-9, ((2.0 / step).round() * step - 2.0).abs() < 1e-9) {
        (true, _) => format!("1/{inverse}"),
        (_, true) if step < 1.0 => format!("2/{}", (2.0 / step).round()),
        _ => step.to_string(),
    }
}

/// Reads a name as it is written or, where that is none, in small letters. An error speaks of the name as it is written.
///
/// # Errors
/// Returns the error of `parse` for the name as it is written.
pub fn either_case<T, E>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, E> {
    parse(text).or_else(|error| parse(&text.to_ascii_lowercase()).map_err(|_| error))
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
