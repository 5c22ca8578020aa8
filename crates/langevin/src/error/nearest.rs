//! The known name that a slip is nearest to.

/// The candidate with the smallest edit distance to `name`, if that is small enough to be a slip.
///
/// ```
/// assert_eq!(langevin::error::nearest("karas", &["uniform-t", "karras"]), Some("karras"));
/// assert_eq!(langevin::error::nearest("zzz", &["uniform-t", "karras"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Names are short; a longer input is no slip and must not cost time.
    if name.len() > 64 {
        return None;
    }
    let best = candidates.iter().map(|candidate| (distance(name, candidate), *candidate)).min()?;
    (best.0 <= 1 + best.1.chars().count() / 3).then_some(best.1)
}

/// Levenshtein distance, one row at a time.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
