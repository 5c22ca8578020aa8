//! Texts for users, and shortening of external texts.

pub use langevin::text::{brief, plural};
pub use langevin_tasks::words::{QUOTED, either_case, ends, fraction, shown, visible, visible_lines};

/// Returns a text in which each of the given words is shortened if it is long.
pub fn quoting<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    let long = words.into_iter().filter(|word| word.len() > QUOTED);
    let cut = long.fold(text.to_owned(), |text, word| text.replace(word, &ends(word, QUOTED)));
    cut.lines().map(|line| ends(line, 10 * QUOTED)).collect::<Vec<_>>().join("\n") + "\n"
}

/// Returns the start of a text.
pub fn start(text: &str) -> String {
    brief(text, 40)
}

/// Direction in which distances and −log p improve.
pub const LOWER_IS_BETTER: &str = "lower is better";

#[cfg(test)]
mod tests {
    use super::*;

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
