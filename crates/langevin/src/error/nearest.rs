//! The known name nearest to a misspelt one.

/// Returns the candidate with the smallest edit distance to `name`, or `None` if no candidate is
/// near enough to be a misspelling.
///
/// A candidate is near enough if its distance is at most one plus a third of its length.
/// A `name` of more than 64 bytes is never near enough.
///
/// # Examples
///
/// ```
/// use langevin::error::nearest;
/// assert_eq!(nearest("karas", &["uniform-t", "karras"]), Some("karras"));
/// assert_eq!(nearest("zzz", &["uniform-t", "karras"]), None);
/// ```
#[must_use]
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Names are short. A longer input is no misspelling, and comparing it would cost time.
    if name.len() > 64 {
        return None;
    }
    let best = candidates.iter().map(|candidate| (distance(name, candidate), *candidate)).min()?;
    (best.0 <= 1 + best.1.chars().count() / 3).then_some(best.1)
}

/// Returns the Levenshtein distance: the fewest insertions, deletions and replacements of
/// characters that turn `a` into `b`.
///
/// # Examples
///
/// ```
/// use langevin::error::distance;
/// assert_eq!(distance("kitten", "sitting"), 3);
/// assert_eq!(distance("", "abc"), 3);
/// ```
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
