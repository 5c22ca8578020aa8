//! The root of the crate is what a newcomer reads first: it stays small.

#![allow(clippy::unwrap_used)] // helpers of tests fail as tests do

/// Names that `pub mod` and `pub use` put at the root.
fn names() -> Vec<String> {
    let source = include_str!("../src/lib.rs");
    let mut names = Vec::new();
    for line in source.lines() {
        if let Some(module) = line.strip_prefix("pub mod ") {
            names.push(module.trim_end_matches(';').to_owned());
        } else if let Some(path) = line.strip_prefix("pub use ") {
            let (_, last) = path.trim_end_matches(';').rsplit_once("::").unwrap();
            let list = path.split_once('{').map_or(last, |(_, list)| list.trim_end_matches("};"));
            names.extend(list.split(',').map(|name| name.trim().to_owned()));
        }
    }
    names
}

#[test]
fn the_root_has_at_most_forty_names() {
    let names = names();
    assert!(names.contains(&"plan".to_owned()) && names.contains(&"Plan".to_owned()), "{names:?}");
    assert!(names.len() <= 40, "{}: {names:?}", names.len());
}
