//! Labels, numbered.

use std::collections::HashMap;

/// What a column of labels beside pictures or lists is called.
pub(crate) const LABELS: [&str; 5] = ["label", "labels", "cls", "class", "target"];

/// The label of every row, and what each is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) of: Vec<u32>,
    pub(crate) classes: Vec<String>,
}

/// Numbers labels as they come, whatever they are called.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    seen: HashMap<String, u32>,
    of: Vec<u32>,
}

impl Gather {
    /// The label of the next row.
    pub(crate) fn push(&mut self, name: &str) {
        let next = self.seen.len() as u32;
        // Most labels were seen before, and need no text of their own.
        let number = match self.seen.get(name) {
            Some(number) => *number,
            None => *self.seen.entry(name.to_owned()).or_insert(next),
        };
        self.of.push(number);
    }

    /// Classes in the order of their names: as numbers if all are whole numbers, as texts otherwise.
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
