//! Changes that make a training smaller or faster, in terms of flags.

use langevin_tasks::train::Way;

/// Lists alternatives: `a, b or c`.
pub fn any_of(ways: &[Way]) -> String {
    match &ways.iter().map(words).collect::<Vec<_>>()[..] {
        [] => "fewer --steps".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn words(way: &Way) -> String {
    match way {
        Way::Size(side) => format!("--size {side} (the middle of each picture)"),
        Way::Crop(side) => format!("--crop {side} (a part of each picture, drawn anew at every visit)"),
        Way::Patch(side) => format!("--patch {side}"),
        Way::Transformer(side) => format!("--network dit --patch {side}"),
        Way::Batch(rows) => format!("--batch {rows}"),
        _ => "a smaller --width or --depth".to_owned(),
    }
}

/// Formats a number of bytes.
pub fn size(bytes: u64) -> String {
    let mib = bytes as f64 / (1u64 << 20) as f64;
    if mib < 1000.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_said_in_flags() {
        let ways = [Way::Size(64), Way::Crop(64), Way::Transformer(16)];
        let words = "--size 64 (the middle of each picture), --crop 64 (a part of each picture, drawn anew at every visit) or --network dit --patch 16";
        assert_eq!(any_of(&ways), words);
        assert_eq!(any_of(&[Way::Patch(4), Way::Batch(64)]), "--patch 4 or --batch 64");
        assert_eq!(
            (any_of(&[Way::SmallerNetwork]), any_of(&[])),
            ("a smaller --width or --depth".to_owned(), "fewer --steps".to_owned())
        );
        assert_eq!((size(5 << 30), size(7 << 20)), ("5.0 GiB".to_owned(), "7 MiB".to_owned()));
    }
}
