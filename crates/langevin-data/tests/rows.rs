//! Data sets of rows that a program implements.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin::SampleId;
use langevin_data::{Augment, Dataset, Error, Options, Result, Rows, open};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// Row `i` is i · width, i · width + 1, …, each divided by three.
#[derive(Clone)]
struct Thirds {
    rows: usize,
    width: usize,
    /// Number of calls.
    calls: Arc<AtomicUsize>,
}

impl Thirds {
    fn new(rows: usize, width: usize) -> Self {
        Self { rows, width, calls: Arc::default() }
    }

    fn value(&self, row: usize, column: usize) -> f64 {
        (row * self.width + column) as f64 / 3.0
    }

    /// Returns the same rows in memory.
    fn held(&self, shape: &[usize]) -> Dataset {
        let values = (0..self.rows * self.width).map(|i| (i as f64 / 3.0) as f32).collect();
        Dataset::new("thirds", values, shape).unwrap()
    }
}

impl Rows for Thirds {
    fn count(&self) -> usize {
        self.rows
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        assert_eq!(out.len(), rows.len() * self.width);
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            out.iter_mut().enumerate().for_each(|(column, out)| *out = self.value(*row, column));
        }
        Ok(())
    }
}

#[test]
fn rows_of_ones_own_are_read_as_those_in_memory() {
    let rows = Thirds::new(50, 12);
    let own = Dataset::from_rows("thirds", rows.clone(), &[3, 2, 2]).unwrap();
    let held = rows.held(&[3, 2, 2]);
    assert_eq!((own.rows(), own.shape(), own.name(), own.is_wide()), (50, &[3, 2, 2][..], "thirds", true));
    assert_eq!(own.values().unwrap(), held.values().unwrap());
    assert_eq!(own.values_wide().unwrap()[13], 13.0 / 3.0);
    assert_eq!(own.summary(), held.summary());
    let parts = [own.split(0.3, 1), held.split(0.3, 1)];
    assert_eq!(parts[0].0.values().unwrap(), parts[1].0.values().unwrap());
    let turned = [own, held].map(|data| data.channels_last(None).unwrap());
    assert_eq!(turned[0].values().unwrap(), turned[1].values().unwrap());
    let ids: Vec<SampleId> = (0..50).map(|index| SampleId { seed: 3, index }).collect();
    let all: Vec<usize> = (0..50).rev().collect();
    for augment in [Augment::default().flip(true), Augment::default().crop(1, 2).flip(true)] {
        let mut out = [vec![], vec![]];
        for (data, out) in turned.iter().zip(&mut out) {
            out.resize(50 * augment.shape(data.shape()).unwrap().iter().product::<usize>(), 0.0);
            data.read_augmented(&all, &ids, 0, &augment, out).unwrap();
        }
        assert_eq!(out[0], out[1]);
    }
}

/// A batch is requested from the source in one call.
#[test]
fn a_batch_is_one_reading() {
    let rows = Thirds::new(100, 4);
    let data = Dataset::from_rows("thirds", rows.clone(), &[4]).unwrap();
    let before = rows.calls.load(Ordering::Relaxed);
    let batch: Vec<usize> = (0..64).collect();
    data.read(&batch, &mut [0.0; 256]).unwrap();
    data.read_wide(&batch, &mut [0.0; 256]).unwrap();
    assert_eq!(rows.calls.load(Ordering::Relaxed), before + 2);
}

/// Rows longer than the buffers, and buffers that do not divide the rows evenly.
#[test]
fn long_rows_and_many_rows_come_whole() {
    for (count, width) in [(3, 70_001), (9_001, 11), (2, 1 << 16)] {
        let rows = Thirds::new(count, width);
        let data = Dataset::from_rows("thirds", rows.clone(), &[width]).unwrap();
        assert_eq!(data.values().unwrap(), rows.held(&[width]).values().unwrap());
        let logged = data.select(&[1]).with_logarithms(&["2".into()]).unwrap();
        assert_eq!(logged.values_wide().unwrap()[1], rows.value(1, 1).ln());
    }
}

struct Bad(f64);

impl Rows for Bad {
    fn count(&self) -> usize {
        3
    }

    fn width(&self) -> usize {
        2
    }

    fn read_wide(&self, rows: &[usize], out: &mut [f64]) -> Result<()> {
        if self.0 == 0.0 {
            let cause = std::io::Error::other("the line is dead");
            return Err(Error::io("cannot reach the data base", cause).at("table 'flowers'").hinting("try again"));
        }
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(2)) {
            out.copy_from_slice(&[1.0, if *row == 1 { self.0 } else { 2.0 }]);
        }
        Ok(())
    }
}

#[test]
fn what_no_data_set_can_be_is_refused() {
    let text = |error: Error| error.to_string();
    let failed = Dataset::from_rows("bad", Bad(0.0), &[2]).unwrap_err();
    assert!(failed.is_io() && failed.hint() == Some("try again"));
    assert!(text(failed).starts_with("cannot reach the data base (bad, table 'flowers'): the line is dead"));
    for (value, words) in [(f64::NAN, "a number is not finite"), (1e300, "a number is too large")] {
        let error = text(Dataset::from_rows("bad", Bad(value), &[2]).unwrap_err());
        assert!(error.starts_with(&format!("{words} (bad, row 2, column 2)")), "{error}");
    }
    let error = text(Dataset::from_rows("bad", Bad(1.0), &[3]).unwrap_err());
    assert_eq!(error, "the rows do not fit their shape (bad): expected 3 numbers a row (shape [3]), got 2");
    assert!(Dataset::from_rows("bad", Bad(1.0), &[]).unwrap_err().is_data());
    assert!(text(Dataset::from_rows("bad", Thirds::new(0, 2), &[2]).unwrap_err()).starts_with("there are no rows"));
}

/// Images read for a model of arrays, whose constant pixels are not part of the model.
#[test]
fn pictures_lose_the_constants_of_a_model() {
    let folder = TempDir::new().unwrap();
    let pixels: [[u8; 4]; 3] = [[7, 1, 2, 9], [7, 3, 4, 9], [7, 5, 6, 9]];
    for (number, pixels) in pixels.iter().enumerate() {
        let file = std::fs::File::create(folder.path().join(format!("{number}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, 2, 2);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    }
    let values = pixels.iter().flatten().map(|pixel| f32::from(*pixel)).collect();
    let model = Dataset::new("arrays", values, &[2, 2]).unwrap().without_constants().unwrap();
    assert_eq!(model.shape(), [2]);
    for memory in [1 << 20, 0] {
        let pictures = open(folder.path(), &Options::default().memory(memory)).unwrap();
        let pictures = pictures.framed(model.frame()).unwrap();
        assert_eq!(pictures.values().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(pictures.values_wide().unwrap(), model.values_wide().unwrap());
    }
}

/// Arrays of bytes are gray levels, regardless of their source.
#[test]
fn bytes_are_levels() {
    struct Bytes;
    impl Rows for Bytes {
        fn count(&self) -> usize {
            1
        }
        fn width(&self) -> usize {
            4
        }
        fn read_wide(&self, _: &[usize], out: &mut [f64]) -> Result<()> {
            out.copy_from_slice(&[0.0, 1.0, 2.0, 255.0]);
            Ok(())
        }
        fn is_wide(&self) -> bool {
            false
        }
        fn is_bytes(&self) -> bool {
            true
        }
    }
    let data = Dataset::from_rows("bytes", Bytes, &[2, 2]).unwrap();
    assert_eq!((data.is_levels(), data.is_wide(), data.is_pictures()), (true, false, false));
    assert!(!Dataset::from_rows("bytes", Bytes, &[4]).unwrap().is_levels());
}
