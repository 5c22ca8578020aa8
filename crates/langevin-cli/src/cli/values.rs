//! Parsers of flag values. Each error states what was expected.

/// Largest σ/α. Above it no digit of the data remains in double precision.
pub const MAX_SIGMA: f64 = 1e6;

pub fn whole(text: &str, most: u64) -> Result<u64, String> {
    let value = text.parse().ok().filter(|value| (1..=most).contains(value));
    value.ok_or_else(|| format!("expected a whole number from 1 to {most}"))
}

pub fn steps(text: &str) -> Result<u64, String> {
    whole(text, 1_000_000_000)
}

pub fn grid_steps(text: &str) -> Result<usize, String> {
    whole(text, 100_000).map(|value| value as usize)
}

pub fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

pub fn count(text: &str) -> Result<usize, String> {
    whole(text, (usize::MAX as u64).min(1 << 48)).map(|value| value as usize)
}

pub fn threads(text: &str) -> Result<usize, String> {
    whole(text, 1024).map(|value| value as usize)
}

pub fn number(text: &str, expected: &str, fits: fn(f64) -> bool) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite() && fits(*value));
    value.ok_or_else(|| format!("expected {expected}"))
}

pub fn eta(text: &str) -> Result<f64, String> {
    number(text, "a finite number ≥ 0", |value| value >= 0.0)
}

/// Parses a noise level, which may be infinite.
pub fn sigma_or_inf(text: &str) -> Result<f64, String> {
    if text == "inf" { Ok(f64::INFINITY) } else { sigma(text) }
}

pub fn sigma(text: &str) -> Result<f64, String> {
    number(text, "a number > 0, at most 1000000", |value| value > 0.0 && value <= MAX_SIGMA)
}

pub fn minutes(text: &str) -> Result<f64, String> {
    number(text, "a number of minutes > 0, at most 100000", |value| value > 0.0 && value <= 1e5)
}

pub fn seconds(text: &str) -> Result<f64, String> {
    number(text, "a number of seconds > 0, at most 100000", |value| value > 0.0 && value <= 1e5)
}

pub fn seeds(text: &str) -> Result<u64, String> {
    whole(text, 100)
}

/// Parses the number of steps of a chain whose density is computed.
pub fn chain_steps(text: &str) -> Result<usize, String> {
    whole(text, langevin_theory::duality::MAX_STEPS as u64).map(|value| value as usize)
}

pub fn list(text: &str) -> Result<Vec<f64>, String> {
    let read = |part: &str| part.trim().parse().ok().filter(|value: &f64| value.is_finite());
    let values: Option<Vec<f64>> = text.split(',').map(read).collect();
    values
        .filter(|values| values.len() <= 100_000)
        .ok_or_else(|| "expected numbers with commas between them".to_owned())
}

pub fn pair(text: &str) -> Result<(f64, f64), String> {
    match list(text).as_deref() {
        Ok([first, second]) => Ok((*first, *second)),
        _ => Err("expected two numbers with a comma between them".to_owned()),
    }
}

pub fn setting(text: &str) -> Result<(String, serde_json::Value), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    // Python's spelling of booleans is accepted too.
    let value = match value {
        "True" => serde_json::Value::Bool(true),
        "False" => serde_json::Value::Bool(false),
        value => serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned())),
    };
    Ok((key.trim().to_owned(), value))
}

pub fn finite(text: &str) -> Result<f64, String> {
    number(text, "a finite number", |_| true)
}

pub fn range(text: &str) -> Result<[f64; 2], String> {
    let (min, max) = text.split_once(',').ok_or("expected MIN,MAX")?;
    Ok([sigma(min.trim())?, sigma_or_inf(max.trim())?])
}

pub fn share(text: &str) -> Result<f64, String> {
    number(text, "a share between 0 and 1", |value| value > 0.0 && value < 1.0)
}

/// Parses a share from 0 to 1, including both ends.
pub fn part(text: &str) -> Result<f64, String> {
    number(text, "a share from 0 to 1", |value| (0.0..=1.0).contains(&value))
}

/// Parses the number of points of an interpolation, including its ends.
pub fn points(text: &str) -> Result<usize, String> {
    match whole(text, 10_000) {
        Ok(points) if points > 1 => Ok(points as usize),
        _ => Err("expected a whole number from 2 to 10000".to_owned()),
    }
}

pub fn strength(text: &str) -> Result<f64, String> {
    number(text, "a share above 0, up to 1", |value| value > 0.0 && value <= 1.0)
}

pub fn tolerance(text: &str) -> Result<f64, String> {
    number(text, "a number > 0", |value| value > 0.0)
}

pub fn precision(text: &str) -> Result<f64, String> {
    number(text, "a number from 0 to 0.01", |value| (0.0..=0.01).contains(&value))
}

/// A shape in one argument.
pub type Shape = std::vec::Vec<usize>;

pub fn shape(text: &str) -> Result<Shape, String> {
    let extents: Result<Shape, String> =
        text.split(',').map(|part| whole(part.trim(), 1 << 24).map(|extent| extent as usize)).collect();
    extents.map_err(|_| "expected whole numbers with commas between them, as in 4,64,64".to_owned())
}

/// A file with the name of the input that it is for.
#[derive(Clone, Debug)]
pub struct NamedFile {
    pub name: String,
    pub file: std::path::PathBuf,
}

pub fn named_file(text: &str) -> Result<NamedFile, String> {
    let parts = text.split_once('=').map(|(name, file)| (name.trim(), file.trim()));
    match parts.filter(|(name, file)| !name.is_empty() && !file.is_empty()) {
        Some((name, file)) => Ok(NamedFile { name: name.to_owned(), file: file.into() }),
        None => Err("expected NAME=FILE.npy, or NAME=FILE.npz:ARRAY".to_owned()),
    }
}
