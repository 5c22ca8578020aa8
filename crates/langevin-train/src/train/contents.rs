//! Parts of a state besides the optimiser: the identity of the data set, and the best step.

use crate::error::Result;
use crate::nn::net::extents;
use langevin_data::Dataset;
use serde::{Deserialize, Serialize};

/// Fingerprint of the data set, checked on resume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    name: String,
    rows: usize,
    shape: Vec<usize>,
    /// CRC-32 of some rows, evenly spaced.
    checksum: u32,
}

/// Number of rows that a fingerprint reads.
const LOOKED_AT: usize = 64;

impl Contents {
    pub(super) fn of(data: &Dataset) -> Result<Self> {
        let count = data.rows().min(LOOKED_AT);
        let rows: Vec<usize> = (0..count).map(|i| i * (data.rows() - 1) / (count - 1).max(1)).collect();
        let mut values = vec![0.0; count * data.width()];
        data.read(&rows, &mut values)?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let checksum = checksum([&bytes[..]].into_iter());
        Ok(Self { name: data.name().into(), rows: data.rows(), shape: data.frame().shape.clone(), checksum })
    }

    /// Describes the differences to `own`, for each side.
    pub(super) fn against(&self, own: &Self) -> [String; 2] {
        let rows = |count: usize| format!("{count} row{}", if count == 1 { "" } else { "s" });
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        if self.name != own.name {
            theirs.push(format!("'{}'", self.name));
            ours.push(format!("'{}'", own.name));
        }
        if self.rows != own.rows {
            theirs.push(rows(self.rows));
            ours.push(rows(own.rows));
        }
        if self.shape != own.shape {
            theirs.push(format!("samples of {}", extents(&self.shape)));
            ours.push(format!("samples of {}", extents(&own.shape)));
        }
        if theirs.is_empty() {
            theirs.push(format!("the same {}", rows(self.rows)));
            ours.push("other values in them".to_owned());
        }
        [theirs.join(", "), ours.join(", ")]
    }
}

/// Saved data of the best step.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Best {
    pub(super) spec: BestSpec,
    pub(super) weights: Vec<f32>,
}

/// Description of the best step, without its weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BestSpec {
    pub(super) step: u64,
    pub(super) score: f64,
    pub(super) loss: f64,
    pub(super) seconds: f64,
}

/// Computes the CRC-32 of several parts, one after another.
pub(super) fn checksum<'a>(parts: impl Iterator<Item = &'a [u8]>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.for_each(|part| hasher.update(part));
    hasher.finalize()
}
