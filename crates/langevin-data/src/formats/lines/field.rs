//! What one field of a line says.

/// The number that a field is.
pub(super) fn number(field: &str) -> Option<f64> {
    field.parse().ok()
}

/// Whether a field is a whole number that is not `value`, the float64 nearest to it.
pub(super) fn is_rounded(field: &str, value: f64) -> bool {
    let digits = field.strip_prefix(['+', '-']).unwrap_or(field);
    digits.bytes().all(|byte| byte.is_ascii_digit()) && field.parse() != Ok(value as i128)
}

/// Whether the separators of a column's numbers stand before groups of three digits alone.
#[derive(Clone, Default)]
pub(super) struct Thousands {
    seen: bool,
    /// A number that no one writes with separators between thousands.
    other: bool,
}

impl Thousands {
    /// Looks at the next field of the column.
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

    /// Whether all of them may be thousands.
    pub(super) fn is_likely(&self) -> bool {
        self.seen && !self.other
    }
}

/// A whole number, written as one.
pub(super) fn whole(field: &str) -> bool {
    field.parse::<i64>().is_ok()
}

/// What stands in the place of a value that is not there.
pub(super) fn is_missing(field: &str) -> bool {
    const MARKS: [&str; 10] = ["", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?", "."];
    MARKS.contains(&field.to_ascii_lowercase().as_str())
}
