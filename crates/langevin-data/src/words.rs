//! Names of files and columns in messages.

use std::path::Path;

/// Returns the name of the data in a file.
pub(crate) fn name_of(path: &Path) -> String {
    let stem = path.file_stem().map_or_else(|| "data".into(), |stem| stem.to_string_lossy().into_owned());
    // rows.csv.gz has two extensions.
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("gz") => match stem.rsplit_once('.') {
            Some((name, _)) if !name.is_empty() => name.to_owned(),
            _ => stem,
        },
        _ => stem,
    }
}

/// Returns the start of a text of any length, with control characters escaped.
pub(crate) fn start(text: &str) -> String {
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Formats names as the value of a flag such as `--columns`.
///
/// The value survives a shell and is parsed as these names again. A name with a comma or a quote is
/// quoted as in CSV. The whole value is quoted once more if a shell would split or expand it.
///
/// ```
/// use langevin_data::flag_value;
/// assert_eq!(flag_value(["age", "income"]), "age,income");
/// assert_eq!(flag_value(["a,b", "c"]), "'\"a,b\",c'");
/// ```
#[must_use]
pub fn flag_value<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    let quoted = |name: N| {
        let name = name.as_ref();
        match name.contains([',', '"']) || name.trim() != name || name.is_empty() {
            true => format!("\"{}\"", name.replace('"', "\"\"")),
            false => name.to_owned(),
        }
    };
    let list = names.into_iter().map(quoted).collect::<Vec<_>>().join(",");
    let plain = |c: char| c.is_alphanumeric() || "_-.,:+%@/=".contains(c);
    if list.chars().all(plain) { list } else { format!("'{}'", list.replace('\'', "'\\''")) }
}
