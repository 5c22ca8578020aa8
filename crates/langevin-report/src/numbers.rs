//! Formats of numbers, counts, percentages and durations.
//!
//! The formats for pages use a true minus sign, `∞` for infinity and `n/a` for NaN.
//! [`langevin::text`] has formats for terminals.

pub use langevin::text::{number, plural, thousands};

/// Formats `value` with `digits` significant digits, without an exponent between 10⁻⁶ and 10⁹.
///
/// ```
/// use langevin_report::numbers::significant;
/// assert_eq!([significant(1234.5, 3), significant(-0.5, 2)], ["1,234", "−0.50"]);
/// assert_eq!(significant(f64::NAN, 3), "n/a");
/// ```
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "n/a".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    if value == 0.0 {
        return "0".into();
    }
    let last = digits.saturating_sub(1);
    let scientific = format!("{value:.last$e}");
    let exponent = scientific.split_once('e').and_then(|(_, e)| e.parse::<i32>().ok()).unwrap_or(0);
    let text = match exponent {
        -6..=8 => {
            let places = usize::try_from(i32::try_from(last).unwrap_or(0) - exponent).unwrap_or(0);
            format!("{value:.places$}")
        }
        _ => scientific,
    };
    let (sign, magnitude) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("−", rest));
    let (whole, rest) = magnitude.split_once('.').map_or((magnitude, None), |(whole, rest)| (whole, Some(rest)));
    let whole = if whole.bytes().all(|b| b.is_ascii_digit()) { group(whole) } else { whole.to_owned() };
    rest.map_or_else(|| format!("{sign}{whole}"), |rest| format!("{sign}{whole}.{rest}"))
}

/// Formats `value` like [`significant`], without trailing zeros.
///
/// ```
/// use langevin_report::numbers::short;
/// assert_eq!([short(1.0, 3), short(-0.5, 3), short(0.0125, 3)], ["1", "−0.5", "0.0125"]);
/// ```
#[must_use]
pub fn short(value: f64, digits: usize) -> String {
    let text = significant(value, digits);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Formats a round number of an axis as HTML. Very small and very large numbers are written as
/// powers of ten.
///
/// ```
/// use langevin_report::numbers::tick;
/// assert_eq!([tick(0.001), tick(50.0), tick(1e-5)], ["0.001", "50", "10<sup>−5</sup>"]);
/// ```
#[must_use]
pub fn tick(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value.abs()) { short(value, 3) } else { power(&format!("{value:e}")) }
}

/// Formats a number of a table as HTML, with three significant digits.
///
/// ```
/// use langevin_report::numbers::cell;
/// assert_eq!([cell(0.25), cell(1.234e-7)], ["0.250", "1.23·10<sup>−7</sup>"]);
/// ```
#[must_use]
pub fn cell(value: f64) -> String {
    if value == 0.0 || !value.is_finite() || (1e-3..1e5).contains(&value.abs()) {
        significant(value, 3)
    } else {
        power(&format!("{value:.2e}"))
    }
}

/// Converts `1.2e-5` to 1.2·10⁻⁵.
fn power(text: &str) -> String {
    let Some((digits, exponent)) = text.split_once('e') else {
        return text.to_owned();
    };
    let (digits, exponent) = (digits.replace('-', "−"), exponent.replace('-', "−"));
    let digits = if digits == "1" { String::new() } else { format!("{digits}·") };
    format!("{digits}10<sup>{exponent}</sup>")
}

/// Formats a share between 0 and 1 as a percentage.
///
/// ```
/// assert_eq!(langevin_report::numbers::percent(0.125), "12.5\u{a0}%");
/// ```
#[must_use]
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}\u{a0}%", 100.0 * share) } else { "n/a".into() }
}

/// Formats a duration with three significant digits, for comparisons: "0.42 s", "41 s", "3 min 20
/// s".
///
/// ```
/// assert_eq!(langevin_report::numbers::seconds(41.0), "41\u{a0}s");
/// ```
#[must_use]
pub fn seconds(value: f64) -> String {
    if value.is_finite() && value >= 99.5 {
        return duration(value).replace(' ', "\u{a0}").replacen("min\u{a0}", "min ", 1).replacen("h\u{a0}", "h ", 1);
    }
    let digits = if value < 0.95 { 2 } else { 3 };
    let text = if value >= 10.0 { format!("{value:.0}") } else { significant(value, digits) };
    if value.is_finite() { format!("{text}\u{a0}s") } else { significant(value, digits) }
}

/// Formats a duration for a progress line: "3.2 s", "1 min 20 s", "2 h 1 min".
///
/// ```
/// use langevin_report::numbers::duration;
/// assert_eq!([duration(3.21), duration(80.0)], ["3.2 s", "1 min 20 s"]);
/// assert_eq!(duration(7300.0), "2 h 1 min");
/// ```
#[must_use]
pub fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Writes a number up to twelve as a word, and larger numbers as digits.
///
/// ```
/// use langevin_report::numbers::in_words;
/// assert_eq!([in_words(0), in_words(4), in_words(13)], ["no", "four", "13"]);
/// ```
#[must_use]
pub fn in_words(n: usize) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(n).map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

/// Returns `text` with a capital first letter.
///
/// ```
/// assert_eq!(langevin_report::numbers::capital("one line"), "One line");
/// ```
#[must_use]
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Inserts commas between the thousands of a number.
fn group(digits: &str) -> String {
    digits.parse().map_or_else(|_| digits.to_owned(), thousands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_sensible_digits() {
        assert_eq!(significant(0.123_456, 3), "0.123");
        assert_eq!(significant(0.0999_6, 3), "0.100");
        assert_eq!(significant(1234.5, 3), "1,234");
        assert_eq!(significant(-0.5, 2), "−0.50");
        assert_eq!(significant(f64::NAN, 3), "n/a");
        assert_eq!(significant(f64::NEG_INFINITY, 3), "−∞");
        assert_eq!(significant(0.0, 3), "0");
        assert_eq!(significant(2.5e-9, 2), "2.5e-9");
        assert_eq!(short(-0.5, 3), "−0.5");
        assert_eq!(short(80.0, 3), "80");
        assert_eq!(short(100.0, 3), "100");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(999), "999");
        assert_eq!(percent(0.0123), "1.2\u{a0}%");
    }

    #[test]
    fn times_read_as_times() {
        assert_eq!(seconds(0.4231), "0.42\u{a0}s");
        assert_eq!(seconds(4.2), "4.20\u{a0}s");
        assert_eq!(seconds(41.3), "41\u{a0}s");
        assert_eq!(seconds(200.4), "3\u{a0}min 20\u{a0}s");
        assert_eq!(seconds(119.7), "2\u{a0}min 0\u{a0}s");
        assert_eq!(seconds(7300.0), "2\u{a0}h 1\u{a0}min");
        assert_eq!(seconds(f64::NAN), "n/a");
        assert_eq!(seconds(f64::INFINITY), "∞");
    }

    #[test]
    fn words_and_plurals() {
        assert_eq!(in_words(4), "four");
        assert_eq!(in_words(40), "40");
        assert_eq!(capital("four"), "Four");
        assert_eq!(plural(2000, "step"), "2,000 steps");
    }
}
