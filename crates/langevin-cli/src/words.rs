//! Words for people, and words from strangers.

pub use langevin::text::{brief, plural};
use std::path::Path;

/// Characters that a terminal acts upon, or that turn the order of those beside them.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text in one line that moves no cursor: what would act on a terminal is written as its escape.
pub fn visible(text: &str) -> String {
    escaped(text, |c| !acts(c))
}

/// The same for a text whose lines are its own.
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

/// A path for people; of a very long one the start and the end.
pub fn shown(path: &Path) -> String {
    ends(&visible(&path.display().to_string()), QUOTED)
}

/// The most characters of anything that came from outside that a message quotes.
pub const QUOTED: usize = 200;

/// The start and the end of a text of more than `most` characters.
pub fn ends(text: &str, most: usize) -> String {
    // A byte count is enough to pass by: there are never more characters.
    let count = if text.len() <= most { 0 } else { text.chars().count() };
    if count <= most {
        return text.to_owned();
    }
    let end = most / 2;
    text.chars().take(most - end).chain(['…']).chain(text.chars().skip(count - end)).collect()
}

/// A text in which each of these words, where it is long, is cut to what a message quotes.
pub fn quoting<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let long = words.into_iter().filter(|word| word.len() > QUOTED);
    let cut = long.fold(text.to_owned(), |text, word| text.replace(word, &ends(word, QUOTED)));
    cut.lines().map(|line| ends(line, 10 * QUOTED)).collect::<Vec<_>>().join("\n") + "\n"
}

/// The start of a text of any length.
pub fn start(text: &str) -> String {
    brief(text, 40)
}

/// Which way is better, of distances and of −log p.
pub const LOWER_IS_BETTER: &str = "lower is better";

/// Reads a name as it is written or, where that is none, in small letters. An error speaks of the name as it is written.
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
        let long = format!("a{}b", "é".repeat(100_000));
        assert_eq!(ends(&long, 5), "aéé…éb");
        assert_eq!((ends("aéb", 3), brief("aéb", 2)), ("aéb".to_owned(), "aé…".to_owned()));
        let text = quoting(&format!("invalid value '{long}' for --steps\nhint"), [&*long]);
        assert!(text.starts_with("invalid value 'aéé") && text.ends_with("éb' for --steps\nhint\n"));
        assert_eq!(text.chars().count(), "invalid value '' for --steps\nhint\n".chars().count() + QUOTED + 1);
    }

    #[test]
    fn one_is_not_many() {
        let texts = [0, 1, 2000].map(|number| plural(number, "row"));
        assert_eq!(texts, ["0 rows", "1 row", "2,000 rows"]);
        assert_eq!(start(&"é".repeat(41)), "é".repeat(40) + "…");
    }
}
