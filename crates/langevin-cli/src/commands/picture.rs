//! What a .png of samples shows.

use crate::error::{Failure, Result};
use crate::io::Format;
use crate::io::png::Grey;
use crate::source::Source;
use crate::words::plural;
use std::path::Path;

/// What a .png of the samples shows.
pub enum Picture {
    /// Pictures of (height, width).
    Sheet(usize, usize),
    /// Points of a plane.
    Points,
}

impl Picture {
    /// The picture of `count` samples, where `format` is one: refused before any of them is drawn.
    pub fn of(format: Format, source: &Source<'_>, count: usize, path: &Path) -> Result<Option<Self>> {
        if format != Format::Png {
            return Ok(None);
        }
        let shape: Vec<usize> = source.shape().into_iter().filter(|extent| *extent > 1).collect();
        let (height, width) = match shape[..] {
            [2] => return Ok(Some(Self::Points)),
            [height, width] => (height, width),
            _ => {
                return Err(Failure::misused("these samples are no pictures")
                    .in_file(path)
                    .expected("samples of shape (height, width), or of 2 numbers")
                    .got(format!("shape {:?}", source.shape()))
                    .hint("write .npy or .csv"));
            }
        };
        match Grey::most(height, width) {
            most if count <= most => Ok(Some(Self::Sheet(height, width))),
            most => Err(Failure::misused("too many samples for one picture")
                .in_file(path)
                .expected(format!("-n at most {most} for pictures of {height} × {width}"))
                .got(count.to_string())
                .hint(match most {
                    0 => "write .npy or .csv".to_owned(),
                    most => format!("write .npy or .csv, or no more than {}", plural(most as u64, "sample")),
                })),
        }
    }

    /// Draws and writes it.
    pub fn write(&self, samples: &[f64], source: &Source<'_>, path: &Path) -> Result<()> {
        match *self {
            Self::Points => Grey::scatter(samples).write(path),
            Self::Sheet(height, width) => {
                let extent = source.extent().unwrap_or_else(|| bounds(samples));
                Grey::sheet(samples, height, width, extent)?.write(path)
            }
        }
    }
}

fn bounds(values: &[f64]) -> [f64; 2] {
    values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(*v), high.max(*v)])
}
