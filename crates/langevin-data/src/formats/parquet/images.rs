//! A column of images: `image: {bytes, path}`, as in data sets of Hugging Face.

use super::table::{TOGETHER, Table};
use crate::about::Skipped;
use crate::dataset::Dataset;
use crate::dataset::store::Store;
use crate::error::Result;
use crate::formats::pictures::{Head, Writer, bad, decode, head, shape};
use crate::labels::Gather;
use crate::options::Options;
use crate::words::{flag_value, name_of, start};
use rayon::prelude::*;
use std::io::Cursor;
use std::path::Path;

/// Reads the rows of images, decoding each once.
pub(super) fn rows(path: &Path, table: &Table, image: usize, options: &Options) -> Result<Dataset> {
    // The number of channels is known only after all images were examined.
    let mut heads: Vec<Result<Head, String>> = Vec::new();
    // Index of the first row of each file, counted over all files.
    let mut starts: Vec<usize> = Vec::new();
    table.each(&[image], TOGETHER / 8, |cells, place| {
        while starts.len() <= place.shard {
            starts.push(heads.len());
        }
        heads.extend((0..cells[0].rows).map(|row| {
            let head = head(Cursor::new(cells[0].bytes(row)))?;
            head.too_small(options).map_or(Ok(head), Err)
        }));
        Ok(())
    })?;
    let place = |row: usize| {
        let shard = starts.iter().rposition(|start| *start <= row).unwrap_or(0);
        (shard, row - starts.get(shard).copied().unwrap_or(0))
    };
    let named = |row: usize| {
        let (shard, row) = place(row);
        match &table.shards[shard].name {
            Some(name) => format!("{name}, row {}", row + 1),
            None => format!("row {}", row + 1),
        }
    };
    let refused = |row: usize, why: &str| bad(why).at(named(row)).hinting("--skip-bad leaves such pictures out");
    let mut skipped = Vec::new();
    let mut skip = |row: usize, why: String| {
        if !options.skip_bad {
            return Err(refused(row, &why));
        }
        let (shard, row) = place(row);
        let file = table.shards[shard].name.as_ref().map_or_else(|| path.to_owned(), |name| path.join(name));
        skipped.push(Skipped { path: file.join(format!("row {}", row + 1)), why });
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
    let wanted: Vec<usize> = [image].into_iter().chain(table.chosen.label).collect();
    // An error of an image names its own place; `each` adds the place to errors of the file.
    let mut failed = None;
    table.each(&wanted, TOGETHER / 8, |cells, place| {
        if failed.is_some() {
            return Ok(());
        }
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
                    if table.chosen.label.is_some() {
                        gather.push(&table.label(&cells[1], place, row)?);
                    }
                }
                Some(Err(why)) => {
                    if let Err(error) = skip(first + row, why) {
                        failed.get_or_insert(error);
                    }
                }
                None => {}
            }
        }
        first += cells[0].rows;
        Ok(())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let pixels = writer.finish()?;
    let labels = table.chosen.label.map(|_| table.named(gather.finish()));
    let data = Dataset::make(name_of(path), &shape, Store::pictures(pixels), labels)?;
    skipped.sort();
    let mut about = table.about(" with pictures", format.words(), false);
    for other in &table.others {
        let name = &table.columns()[*other].name;
        let why = format!("{} is read; --columns {} reads this one", table.called(image), flag_value([start(name)]));
        about = about.omitting(table.called(*other), why);
    }
    let read = table.columns()[image].name.clone();
    let label = table.chosen.label.map(|label| &*table.columns()[label].name);
    let data = data.with_about(about, vec![]).with_skipped(skipped).labelled_by(label);
    // If the images are the only ones in the table, the column's name is not recorded. A model
    // trained on them then accepts any table of images.
    let only = table.others.is_empty() && options.columns.is_empty() && options.drop.is_empty();
    Ok(data.of_columns(if only { vec![] } else { vec![read] }))
}
