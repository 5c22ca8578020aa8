//! Words for people, and words from strangers.

pub use langevin::text::{brief, plural};
pub use langevin_tasks::words::{QUOTED, ends, shown, visible, visible_lines};

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

/// 1/255 where that is what it is.
pub fn fraction(step: f64) -> String {
    let inverse = (1.0 / step).round();
    match (step < 1.0 && (step * inverse - 1.0).abs() < 1e-9, ((2.0 / step).round() * step - 2.0).abs() < 1e-9) {
        (true, _) => format!("1/{inverse}"),
        (_, true) if step < 1.0 => format!("2/{}", (2.0 / step).round()),
        _ => step.to_string(),
    }
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
