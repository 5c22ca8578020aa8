//! Roles of the arrays in an archive, inferred from their names.

/// Names of an array of rows; the first that exists is used.
pub(super) const ROWS: [&str; 4] = ["x", "data", "images", "arr_0"];
/// Names of their labels.
const LABELS: [&str; 3] = ["y", "labels", "label"];

/// Words in the name of an array of rows, with the words that replace them in the name of its
/// labels.
const PAIRS: [(&str, &[&str]); 8] = [
    ("x", &["y"]),
    ("xs", &["ys", "y"]),
    ("images", &["labels", "label", "targets", "target", "classes", "y"]),
    ("image", &["labels", "label", "targets", "target", "y"]),
    ("imgs", &["labels", "label", "y"]),
    ("data", &["labels", "label", "targets", "target", "y"]),
    ("features", &["labels", "label", "targets", "target", "y"]),
    ("inputs", &["labels", "targets", "outputs", "y"]),
];

/// Returns the array of rows: the named one, one with a usual name, or the only one that does not
/// hold labels.
pub(super) fn rows<'a>(names: &'a [String], wanted: Option<&str>, labels: Option<&str>) -> Option<&'a str> {
    let find = |wanted: &str| names.iter().map(String::as_str).find(|name| *name == wanted);
    if let Some(wanted) = wanted {
        // numpy.load shows the names without their extension, a zip program with it.
        return find(wanted).or_else(|| find(wanted.strip_suffix(".npy")?));
    }
    if let Some(name) = ROWS.into_iter().find_map(find) {
        return Some(name);
    }
    let is_labels = |name: &str| match labels {
        Some(labels) => name == labels,
        None => LABELS.contains(&name),
    };
    let mut others = names.iter().map(String::as_str).filter(|name| !is_labels(name));
    let first = others.next()?;
    // Of two arrays, one may hold the labels of the other.
    match (others.next(), others.next()) {
        (None, _) => Some(first),
        (Some(second), None) if labels.is_none() => {
            if self::labels(names, first) == Some(second) {
                Some(first)
            } else if self::labels(names, second) == Some(first) {
                Some(second)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Returns the array with the labels of these rows: `y_train` for `x_train`, `train_labels` for
/// `train_images`.
pub(super) fn labels<'a>(names: &'a [String], rows: &str) -> Option<&'a str> {
    if let Some(partner) = partner(names, rows) {
        return Some(partner);
    }
    // Labels without a split name belong to all rows, unless the rows have several splits.
    if ROWS.contains(&rows) || names.iter().filter(|name| !LABELS.contains(&name.as_str())).count() == 1 {
        return LABELS.into_iter().find_map(|label| names.iter().map(String::as_str).find(|name| *name == label));
    }
    None
}

fn partner<'a>(names: &'a [String], rows: &str) -> Option<&'a str> {
    let lower = rows.to_lowercase();
    let words: Vec<&str> = lower.split('_').collect();
    for (place, word) in words.iter().enumerate() {
        let Some((_, labels)) = PAIRS.iter().find(|(rows, _)| rows == word) else { continue };
        for label in *labels {
            let mut wanted = words.clone();
            wanted[place] = label;
            let wanted = wanted.join("_");
            if let Some(name) = names.iter().find(|name| name.to_lowercase() == wanted) {
                return Some(name);
            }
        }
    }
    None
}

/// Returns the array that is most likely meant, for a hint: one with labels, preferably of the
/// training split.
pub(super) fn likely(names: &[String]) -> Option<&str> {
    let with = |train: bool| {
        names
            .iter()
            .map(String::as_str)
            .find(|name| (!train || name.to_lowercase().contains("train")) && partner(names, name).is_some())
    };
    with(true).or_else(|| with(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_labels_find_each_other() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let both = |list: &[&str], wanted: Option<&str>| {
            let names = names(list);
            let rows = rows(&names, wanted, None)?.to_owned();
            let labels = labels(&names, &rows).map(str::to_owned);
            Some((rows, labels))
        };
        let pair = |rows: &str, labels: &str| Some((rows.to_owned(), Some(labels.to_owned())));
        let mnist = ["x_train", "y_train", "x_test", "y_test"];
        assert_eq!(both(&mnist, None), None);
        assert_eq!(both(&mnist, Some("x_test")), pair("x_test", "y_test"));
        assert_eq!(both(&mnist, Some("x_test.npy")), pair("x_test", "y_test"));
        assert_eq!(both(&mnist, Some("x")), None);
        assert_eq!(both(&mnist[..2], None), pair("x_train", "y_train"));
        assert_eq!(both(&["train_labels", "train_images"], None), pair("train_images", "train_labels"));
        assert_eq!(both(&["X", "Y"], None), pair("X", "Y"));
        assert_eq!(both(&["data", "target"], None), pair("data", "target"));
        assert_eq!(both(&["images", "label", "noise"], None), pair("images", "label"));
        assert_eq!(both(&["weights", "y"], None), pair("weights", "y"));
        assert_eq!(both(&["a", "b", "y"], Some("a")), Some(("a".to_owned(), None)));
        assert_eq!(both(&["a", "b"], None), None);
        assert_eq!(likely(&names(&["y_test", "x_test", "y_train", "x_train"])), Some("x_train"));
        assert_eq!(rows(&names(&["a", "b"]), None, Some("b")), Some("a"));
    }
}
