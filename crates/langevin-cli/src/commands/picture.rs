//! Pictures of samples as .png files.

use crate::error::{Failure, Result};
use crate::io::Format;
use crate::io::atomic::Staged;
use crate::io::png::{self, Tile};
use crate::words::plural;
use langevin_tasks::source::Source;
use std::path::Path;

/// The content of a .png file of samples.
pub enum Picture {
    /// All pictures on one sheet.
    Sheet(Tile),
    /// One file per picture.
    Files(Tile),
    /// Points in a plane.
    Points,
}

impl Picture {
    /// Returns the picture of `count` samples if `format` is one. A picture that is not possible is
    /// refused before any sample is drawn.
    pub fn of(format: Format, source: &Source<'_>, count: usize, path: &Path) -> Result<Option<Self>> {
        let files = match format {
            Format::Png => false,
            Format::Folder => true,
            Format::Npy | Format::Table(_) => return Ok(None),
        };
        let shape = source.shape();
        if shape.iter().copied().filter(|extent| *extent > 1).eq([2]) && !files {
            return Ok(Some(Self::Points));
        }
        let Some(tile) = Tile::of(&shape) else {
            return Err(Failure::misused("these samples are no pictures")
                .in_file(path)
                .expected("samples of shape (height, width), with 1 or 3 channels before or after, or of 2 numbers")
                .got(format!("shape {shape:?}"))
                .hint("write .npy, .csv or .parquet"));
        };
        if files {
            return Ok(Some(Self::Files(tile)));
        }
        match png::Picture::most(tile.height, tile.width) {
            most if count <= most => Ok(Some(Self::Sheet(tile))),
            most => Err(Failure::misused("too many samples for one picture")
                .in_file(path)
                .expected(format!("-n at most {most} for pictures of {} × {}", tile.height, tile.width))
                .got(count.to_string())
                .hint(match most {
                    0 => "write .npy, .csv or .parquet".to_owned(),
                    most => format!("write .npy, .csv or .parquet, or no more than {}", plural(most as u64, "sample")),
                })),
        }
    }

    /// Draws and writes the picture. `columns` is the number of pictures in a row of a sheet.
    pub fn write(&self, samples: &[f64], source: &Source<'_>, columns: Option<usize>, path: &Path) -> Result<()> {
        let extent = || source.extent().unwrap_or_else(|| bounds(samples));
        match *self {
            Self::Points => png::Picture::scatter(samples).write(path),
            Self::Sheet(tile) => match columns {
                Some(columns) => png::Picture::rows(samples, tile, extent(), columns)?.write(path),
                None => png::Picture::sheet(samples, tile, extent())?.write(path),
            },
            Self::Files(tile) => {
                let (staged, extent) = (Staged::directory(path)?, extent());
                for (number, sample) in samples.chunks_exact(tile.len()).enumerate() {
                    let name = staged.path().join(format!("sample-{number:06}.png"));
                    png::Picture::single(sample, tile, extent).write(&name)?;
                }
                staged.commit()
            }
        }
    }
}

fn bounds(values: &[f64]) -> [f64; 2] {
    values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(*v), high.max(*v)])
}
