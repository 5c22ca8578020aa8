//! Words and numbers, ready for HTML.

/// Escapes text for an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// `value` with `digits` significant digits, a true minus sign and no exponent between 10⁻⁶ and 10⁹; "n/a" for NaN.
pub(super) fn significant(value: f64, digits: usize) -> String {
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

/// As [`significant`], without the zeros that say nothing: 1, −0.5, 0.0125.
pub(super) fn short(value: f64, digits: usize) -> String {
    let text = significant(value, digits);
    if text.contains('.') && !text.contains('e') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A count, with a comma every three digits.
pub(super) fn count(value: u64) -> String {
    group(&value.to_string())
}

/// A share between 0 and 1 as a percentage.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}\u{a0}%", 100.0 * share) } else { "n/a".into() }
}

/// A wall time: "0.42 s", "41 s", "3 min 20 s".
pub(super) fn seconds(value: f64) -> String {
    if value.is_finite() && value >= 99.5 {
        let whole = value.round();
        let minutes = (whole / 60.0).floor();
        return format!("{}\u{a0}min {}\u{a0}s", significant_whole(minutes), whole - 60.0 * minutes);
    }
    let digits = if value < 0.95 { 2 } else { 3 };
    let text = if value >= 10.0 { format!("{value:.0}") } else { significant(value, digits) };
    if value.is_finite() { format!("{text}\u{a0}s") } else { significant(value, digits) }
}

/// A small number in words: "four ways" reads better than "4 ways".
pub(super) fn in_words(n: usize) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(n).map_or_else(|| n.to_string(), |word| (*word).to_owned())
}

/// `text` with a capital first letter.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `n` whole things, the noun in the right number.
pub(super) fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(u64::try_from(n).unwrap_or(u64::MAX)), if n == 1 { one } else { many })
}

fn significant_whole(value: f64) -> String {
    group(&format!("{value:.0}"))
}

fn group(digits: &str) -> String {
    let mut out = String::new();
    for (place, c) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
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
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(percent(0.0123), "1.2\u{a0}%");
    }

    #[test]
    fn times_read_as_times() {
        assert_eq!(seconds(0.4231), "0.42\u{a0}s");
        assert_eq!(seconds(4.2), "4.20\u{a0}s");
        assert_eq!(seconds(41.3), "41\u{a0}s");
        assert_eq!(seconds(200.4), "3\u{a0}min 20\u{a0}s");
        assert_eq!(seconds(119.7), "2\u{a0}min 0\u{a0}s");
        assert_eq!(seconds(f64::NAN), "n/a");
        assert_eq!(seconds(f64::INFINITY), "∞");
    }

    #[test]
    fn words_and_plurals() {
        assert_eq!(in_words(4), "four");
        assert_eq!(in_words(40), "40");
        assert_eq!(capital("four"), "Four");
        assert_eq!(plural(1, "step", "steps"), "1 step");
        assert_eq!(plural(2000, "step", "steps"), "2,000 steps");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape("<a href=\"x\">&'\u{0}"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{fffd}");
    }
}
