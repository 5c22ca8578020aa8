//! A column of pictures: `image: {bytes, path}` as Hugging Face's data sets have it.

use super::{TOGETHER, Table};
use crate::data::{Dataset, Skipped, name_of};
use crate::error::Result;
use crate::labels::Gather;
use crate::options::Options;
use crate::pictures::{Head, Writer, bad, decode, head, shape};
use crate::store::Store;
use rayon::prelude::*;
use std::io::Cursor;
use std::path::Path;

/// Rows of pictures, decoded once.
pub(super) fn rows(path: &Path, table: &Table, image: usize, options: &Options) -> Result<Dataset> {
    // How many channels there are is known when all were looked at.
    let mut heads: Vec<Result<Head, String>> = Vec::new();
    table.each(&[image], TOGETHER / 8, |cells| {
        heads.extend((0..cells[0].rows).map(|row| {
            let head = head(Cursor::new(cells[0].bytes(row)))?;
            head.too_small(options).map_or(Ok(head), Err)
        }));
        Ok(())
    })?;
    let named = |row: usize| format!("row {}", row + 1);
    let refused = |row: usize, why: &str| bad(why).at(named(row)).hinting("--skip-bad leaves such pictures out");
    let mut skipped = Vec::new();
    let mut skip = |row: usize, why: String| {
        if !options.skip_bad {
            return Err(refused(row, &why));
        }
        skipped.push(Skipped { path: path.join(named(row)), why });
        Ok(())
    };
    for (row, head) in heads.iter().enumerate() {
        if let Err(why) = head {
            skip(row, why.clone())?;
        }
    }
    let good = heads.iter().enumerate().filter_map(|(row, head)| Some((named(row), *head.as_ref().ok()?)));
    let (shape, format) = shape(good, options)?;

    let (mut writer, mut gather, mut first) = (Writer::new(format, options.memory), Gather::default(), 0);
    let wanted: Vec<usize> = [image].into_iter().chain(table.label).collect();
    table.each(&wanted, TOGETHER / 8, |cells| {
        let decoded: Vec<_> = (0..cells[0].rows)
            .into_par_iter()
            .map(|row| match heads.get(first + row) {
                Some(Ok(_)) => Some(decode(cells[0].bytes(row), format)),
                _ => None,
            })
            .collect();
        for (row, picture) in decoded.into_iter().enumerate() {
            match picture {
                Some(Ok((head, pixels))) => {
                    writer.push((head.height, head.width), &pixels)?;
                    if table.label.is_some() {
                        gather.push(&cells[1].label(row)?);
                    }
                }
                Some(Err(why)) => skip(first + row, why)?,
                None => {}
            }
        }
        first += cells[0].rows;
        Ok(())
    })?;
    let pixels = writer.finish()?;
    let labels = table.label.map(|_| gather.finish());
    let data = Dataset::make(name_of(path), pixels.rows(), &shape, Store::Pixels(pixels), labels)?;
    skipped.sort();
    Ok(data.with_skipped(skipped))
}
