//! Numbering of labels.

use std::collections::HashMap;

/// Names of the label column beside images or lists.
pub(crate) const LABELS: [&str; 5] = ["label", "labels", "cls", "class", "target"];

/// Label of every row, and the name of each label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) of: Vec<u32>,
    pub(crate) classes: Vec<String>,
}

/// Collects label names and numbers them in order of appearance.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    seen: HashMap<String, u32>,
    of: Vec<u32>,
}

impl Gather {
    /// Adds the label of the next row.
    pub(crate) fn push(&mut self, name: &str) {
        let next = self.seen.len() as u32;
        // Most labels were seen before and need no new string.
        let number = match self.seen.get(name) {
            Some(number) => *number,
            None => *self.seen.entry(name.to_owned()).or_insert(next),
        };
        self.of.push(number);
    }

    /// Sorts the classes by name: as numbers if all are integers, as texts otherwise.
    pub(crate) fn finish(self) -> Labels {
        let mut named: Vec<(String, u32)> = self.seen.into_iter().collect();
        let value = |name: &str| name.parse::<i128>().ok();
        if named.iter().all(|(name, _)| value(name).is_some()) {
            named.sort_by_key(|(name, first)| (value(name), *first));
        } else {
            named.sort();
        }
        let mut place = vec![0; named.len()];
        for (class, (_, first)) in (0..).zip(&named) {
            place[*first as usize] = class;
        }
        let of = self.of.into_iter().map(|first| place[first as usize]).collect();
        Labels { of, classes: named.into_iter().map(|(name, _)| name).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[&str]) -> (Vec<u32>, Vec<String>) {
        let mut gather = Gather::default();
        names.iter().for_each(|name| gather.push(name));
        let labels = gather.finish();
        (labels.of, labels.classes)
    }

    #[test]
    fn classes_are_in_the_order_of_their_names() {
        assert_eq!(labels(&["10", "9", "-1", "9"]), (vec![2, 1, 0, 1], vec!["-1".into(), "9".into(), "10".into()]));
        assert_eq!(labels(&["dog", "cat", "10"]), (vec![2, 1, 0], vec!["10".into(), "cat".into(), "dog".into()]));
        assert_eq!(labels(&[]), (vec![], vec![]));
    }
}
