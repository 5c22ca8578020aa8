//! The sources of the samplers.

/// (arXiv number, first author, year).
const SOURCES: &[(&str, &str, u16)] = &[
    ("2010.02502", "Song", 2020),
    ("2107.03006", "Austin", 2021),
    ("2202.04200", "Chang", 2022),
    ("2205.14987", "Campbell", 2022),
    ("2310.16834", "Lou", 2023),
    ("2402.04997", "Campbell", 2024),
    ("2406.07524", "Sahoo", 2024),
    ("2407.15595", "Gat", 2024),
    ("2407.21243", "Zhao", 2024),
    ("2409.02908", "Zheng", 2024),
    ("2410.04263", "Qin", 2024),
    ("2502.00234", "Ren", 2025),
    ("2502.06768", "Kim", 2025),
    ("2502.09992", "Nie", 2025),
    ("2503.00307", "Wang", 2025),
    ("2503.09573", "Arriola", 2025),
    ("2503.17076", "Besnier", 2025),
    ("2505.22618", "Wu", 2025),
    ("2505.24857", "Ben-Hamu", 2025),
    ("2508.15487", "Ye", 2025),
    ("2510.06303", "Cheng", 2025),
    ("2602.21185", "Deschenaux", 2026),
];

/// Returns a short citation, such as `Austin et al. 2021, arXiv 2107.03006`.
pub(super) fn short(key: &str) -> String {
    match SOURCES.iter().find(|source| source.0 == key) {
        Some((key, family, year)) => format!("{family} et al. {year}, arXiv {key}"),
        None => key.to_owned(),
    }
}
