//! Text from outside the program, escaped for messages; argument names in messages.

use std::path::Path;

/// Returns true for characters that control a terminal or change the direction of text.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Returns a text on one line without control characters. Characters that control a terminal are
/// replaced by their escape sequences.
///
/// ```
/// assert_eq!(langevin_tasks::words::visible("a\x1b[31m"), "a\\u{1b}[31m");
/// ```
#[must_use]
pub fn visible(text: &str) -> String {
    escaped(text, |c| !acts(c))
}

/// Returns a text without control characters other than line breaks; see [`visible`].
///
/// ```
/// assert_eq!(langevin_tasks::words::visible_lines("a\n\x07"), "a\n\\u{7}");
/// ```
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

/// Returns a path for a message. Of a very long path only the start and the end are kept.
///
/// ```
/// assert_eq!(langevin_tasks::words::shown("runs/a".as_ref()), "runs/a");
/// ```
#[must_use]
pub fn shown(path: &Path) -> String {
    ends(&visible(&path.display().to_string()), QUOTED)
}

/// Maximum number of characters of an external text that a message quotes.
pub const QUOTED: usize = 200;

/// Returns a text of at most `most` characters; a longer text is cut to its start and its end.
///
/// ```
/// assert_eq!(langevin_tasks::words::ends("abcdef", 3), "ab…f");
/// ```
#[must_use]
pub fn ends(text: &str, most: usize) -> String {
    // The number of bytes is an upper bound on the number of characters, and is cheap.
    let count = if text.len() <= most { 0 } else { text.chars().count() };
    if count <= most {
        return text.to_owned();
    }
    let end = most / 2;
    text.chars().take(most - end).chain(['…']).chain(text.chars().skip(count - end)).collect()
}

/// Returns `text` with every argument in `‹›` converted by `spell`.
///
/// Tasks name arguments in this form in errors, hints and notes. The command line spells them as
/// flags, and Python as keywords.
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

/// Formats a spacing, as a fraction if it is one: `1/255` or `2/255`.
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

/// Parses a name as given and, if that fails, in lower case.
///
/// ```
/// use langevin_tasks::words::either_case;
/// assert_eq!(either_case("VP", langevin::Process::parse)?.name().to_string(), "vp");
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns the error of `parse` for the name as given.
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
