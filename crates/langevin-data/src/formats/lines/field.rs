//! Interpretation of one field of a line.

/// Parses a field as a number.
pub(crate) fn number(field: &str) -> Option<f64> {
    field.parse().ok()
}

/// Returns true if a field is an integer that differs from `value`, the float64 nearest to it.
pub(super) fn is_rounded(field: &str, value: f64) -> bool {
    let digits = field.strip_prefix(['+', '-']).unwrap_or(field);
    digits.bytes().all(|byte| byte.is_ascii_digit()) && field.parse() != Ok(value as i128)
}

/// Checks whether the decimal points in a column may be separators of thousands.
#[derive(Clone, Default)]
pub(super) struct Thousands {
    seen: bool,
    /// True after a number that is never written with thousands separators.
    other: bool,
}

impl Thousands {
    /// Examines the next field of the column.
    pub(super) fn see(&mut self, field: &str) {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = field.trim_start_matches(['+', '-']);
        match plain.split_once('.') {
            Some((before, after)) => {
                let group = digits(before)
                    && before.len() <= 3
                    && !before.starts_with('0')
                    && digits(after)
                    && after.len() == 3;
                self.seen |= group;
                self.other |= !group;
            }
            None => self.other |= plain.len() > 3,
        }
    }

    /// Returns true if all points may be separators of thousands.
    pub(super) fn is_likely(&self) -> bool {
        self.seen && !self.other
    }
}

/// Returns true if a field is written as an integer.
pub(super) fn whole(field: &str) -> bool {
    field.parse::<i64>().is_ok()
}

/// Returns true if a field stands for a missing value.
pub(crate) fn is_missing(field: &str) -> bool {
    const MARKS: [&str; 10] = ["", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?", "."];
    MARKS.contains(&field.to_ascii_lowercase().as_str())
}
