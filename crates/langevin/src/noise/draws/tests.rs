use super::{ALL, Draws, PLANS, ascending};
use std::path::{Path, PathBuf};

#[test]
fn no_two_ranges_overlap() {
    for (k, one) in ALL.iter().enumerate() {
        assert!(one.first <= one.last, "{one:?}");
        for other in &ALL[k + 1..] {
            assert!(one.last < other.first, "{one:?} and {other:?}");
            assert_ne!(one.user, other.user);
        }
    }
    assert_eq!(ALL[0], PLANS);
    let of = |first, last| Draws { user: "", first, last };
    assert!(ascending(&[of(0, 1), of(2, 2)]));
    assert!(!ascending(&[of(0, 2), of(2, 3)]) && !ascending(&[of(2, 3), of(0, 1)]) && !ascending(&[of(1, 0)]));
}

/// Results of earlier versions were made with these numbers.
#[test]
fn the_numbers_stay() {
    let first: Vec<u32> = ALL.iter().map(Draws::first).collect();
    assert_eq!(
        first,
        [
            0,
            0x4000_0000,
            0x4100_0000,
            0x4200_0000,
            0x4300_0000,
            0x4400_0000,
            0x4500_0000,
            0x5000_0000,
            0x5100_0000,
            0x6000_0000,
            0x7000_0000,
            0x7100_0000,
            0x7fff_0000,
            0x8000_0000,
            0x8000_0001,
            0x8000_0002,
            0x8000_0003,
            0x8000_0004,
            0x8000_0005,
            0x8000_0006,
            0x8000_0007,
            0x8000_0008,
            0x8000_000a,
            0xffff_fffd,
            0xffff_fffe,
            0xffff_ffff
        ]
    );
}

/// Files whose functions receive the draw from their caller and therefore own no range.
const HANDED: [&str; 5] = [
    "langevin/src/noise.rs",
    "langevin/src/kernel.rs",
    "langevin-py/src/tensors.rs",
    "langevin-data/src/augment.rs",
    "langevin-discrete/src/chance.rs",
];

/// Returns the lines before a module of tests. Tests may use any noise.
fn outside_tests(code: &str) -> impl Iterator<Item = &str> {
    let begins = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].contains("mod ") && pair[1].ends_with('{');
    let lines: Vec<&str> = code.lines().collect();
    let end = lines.windows(2).position(begins).unwrap_or(lines.len());
    lines.into_iter().take(end)
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" && name != "target" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// Every function that generates noise takes its draw from the registry, in every crate.
#[test]
fn no_other_file_numbers_its_draws() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&crates).unwrap() {
        sources(&entry.unwrap().path().join("src"), &mut files);
    }
    let mut users = 0;
    for path in files {
        let whole = std::fs::read_to_string(&path).unwrap();
        let code: Vec<&str> = outside_tests(&whole).filter(|line| !line.trim_start().starts_with("//")).collect();
        let fills = |line: &&&str| {
            ["fill_normals", "fill_uniforms"]
                .iter()
                .any(|name| line.contains(&format!("{name}(")) || line.contains(&format!("{name}_from(")))
        };
        let name = path.to_string_lossy().replace('\\', "/");
        if HANDED.iter().any(|handed| name.ends_with(handed)) {
            continue;
        }
        for line in code.iter().filter(fills) {
            users += 1;
            assert!(
                line.contains("draws::"),
                "{name} fills memory with noise whose draw is not of the registry: {line}"
            );
        }
    }
    assert!(users >= 15, "{users} users were found");
}
