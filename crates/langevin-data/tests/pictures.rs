//! Folders of pictures.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod common;

use common::jpegs;
use langevin::SampleId;
use langevin_data::{Augment, Dataset, Options, Statistics, open};
use png::{BitDepth, ColorType};
use proptest::prelude::*;
use std::path::Path;
use tempfile::TempDir;

fn png_bytes(
    width: u32,
    height: u32,
    colour: ColorType,
    depth: BitDepth,
    data: &[u8],
    palette: Option<&[u8]>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

fn gray(height: usize, width: usize, seed: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..height * width).map(|i| (i * 31 + seed * 57) as u8).collect();
    png_bytes(width as u32, height as u32, ColorType::Grayscale, BitDepth::Eight, &data, None)
}

fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

fn all(data: &Dataset) -> Vec<f32> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut out = vec![0.0; data.rows() * data.width()];
    data.read(&rows, &mut out).unwrap();
    out
}

fn floats(values: &[u8]) -> Vec<f32> {
    values.iter().map(|value| f32::from(*value)).collect()
}

fn on_demand() -> Options {
    Options::default().memory(0)
}

fn refused(path: &Path, options: &Options) -> String {
    let error = open(path, options).unwrap_err();
    assert!(error.is_data(), "{error}");
    error.to_string().replace(&path.display().to_string(), "FOLDER")
}

/// One picture of two pixels, twice in a folder, and what is read.
fn two(bytes: &[u8], options: &Options) -> (Vec<usize>, Vec<f32>) {
    let folder = folder(&[("a.png", bytes.to_vec()), ("b.PNG", bytes.to_vec())]);
    let read = [options.clone(), options.clone().memory(0)].map(|options| {
        let data = open(folder.path(), &options).unwrap();
        let mut one = vec![0.0; data.width()];
        data.read(&[1], &mut one).unwrap();
        (data.shape().to_vec(), one)
    });
    assert_eq!(read[0], read[1]);
    read[0].clone()
}

#[test]
fn every_kind_of_png_is_read() {
    let options = Options::default();
    let of = |colour, depth, data: &[u8]| two(&png_bytes(2, 1, colour, depth, data, None), &options);
    assert_eq!(of(ColorType::Grayscale, BitDepth::Eight, &[7, 200]), (vec![1, 2], vec![7.0, 200.0]));
    assert_eq!(of(ColorType::Grayscale, BitDepth::One, &[0b0100_0000]).1, [0.0, 255.0]);
    assert_eq!(of(ColorType::Grayscale, BitDepth::Four, &[0x3f]).1, [51.0, 255.0]);
    // 257 v is v; the numbers between are rounded: 385.5 is 1.5.
    assert_eq!(of(ColorType::Grayscale, BitDepth::Sixteen, &[1, 1, 1, 130]).1, [1.0, 2.0]);
    assert_eq!(of(ColorType::Grayscale, BitDepth::Sixteen, &[1, 128, 255, 255]).1, [1.0, 255.0]);
    // Half transparent on white; what is not seen is white.
    assert_eq!(of(ColorType::GrayscaleAlpha, BitDepth::Eight, &[0, 128, 9, 0]), (vec![1, 2], vec![127.0, 255.0]));
    assert_eq!(
        of(ColorType::Rgb, BitDepth::Eight, &[1, 2, 3, 4, 5, 6]),
        (vec![1, 2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    );
    assert_eq!(
        of(ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 255, 0, 255, 0, 51]).1,
        [1.0, 2.0, 3.0, 204.0, 255.0, 204.0]
    );
    let sixteen = [0, 0, 255, 255, 128, 128, 255, 255, 0, 0, 255, 255, 128, 128, 0, 0];
    assert_eq!(of(ColorType::Rgba, BitDepth::Sixteen, &sixteen).1, [0.0, 255.0, 128.0, 255.0, 255.0, 255.0]);
    let palette =
        |palette: &[u8]| two(&png_bytes(2, 1, ColorType::Indexed, BitDepth::Eight, &[1, 0], Some(palette)), &options);
    assert_eq!(palette(&[1, 2, 3, 9, 8, 7]), (vec![1, 2, 3], vec![9.0, 8.0, 7.0, 1.0, 2.0, 3.0]));
    let gray = two(&png_bytes(2, 1, ColorType::Indexed, BitDepth::Eight, &[1, 0], Some(&[5, 5, 5, 9, 9, 9])), &options);
    assert_eq!(gray, (vec![1, 2], vec![9.0, 5.0]), "a palette of grays is gray");
}

#[test]
fn channels_are_as_asked() {
    let colour = png_bytes(2, 1, ColorType::Rgb, BitDepth::Eight, &[255, 0, 0, 10, 200, 30], None);
    // Pillow: Image.convert("L") of these is 76 and 124.
    assert_eq!(two(&colour, &Options::default().channels(1)), (vec![1, 2], vec![76.0, 124.0]));
    let gray = png_bytes(2, 1, ColorType::Grayscale, BitDepth::Eight, &[3, 4], None);
    assert_eq!(two(&gray, &Options::default().channels(3)), (vec![1, 2, 3], vec![3.0, 3.0, 3.0, 4.0, 4.0, 4.0]));
    let folder = folder(&[("a.png", colour), ("b.png", gray)]);
    let data = open(folder.path(), &Options::default()).unwrap();
    assert_eq!((data.shape(), all(&data)[6..].to_vec()), (&[1, 2, 3][..], vec![3.0, 3.0, 3.0, 4.0, 4.0, 4.0]));
}

#[test]
fn jpegs_are_what_pillow_reads() {
    for ((hex, expected), shape) in
        [(jpegs::GRAY, vec![9, 11]), (jpegs::COLOUR, vec![9, 11, 3]), (jpegs::PROGRESSIVE, vec![9, 11, 3])]
    {
        // The names lie: what counts is what is in the files.
        let (read_shape, read) = two(&jpegs::bytes(hex), &Options::default());
        assert_eq!(read_shape, shape);
        // The cosine transform may be rounded either way, and chroma that was halved be smoothed another way.
        let far = read.iter().zip(floats(expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far <= 4.0, "{far}");
    }
}

#[test]
fn order_and_labels_are_those_of_the_paths() {
    let files = [
        ("dog/b.png", 1),
        ("dog/a/z.png", 2),
        ("cat/x.jpg", 3),
        (".git/x.png", 4),
        ("empty/readme.txt", 5),
        ("ant/q.png", 6),
    ];
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, seed)| (*name, gray(2, 2, *seed))).collect();
    let folder = folder(&files);
    for options in [Options::default(), on_demand()] {
        let data = open(folder.path(), &options).unwrap();
        assert_eq!(data.classes(), ["ant", "cat", "dog"]);
        assert_eq!(data.labels().unwrap(), [0, 1, 2, 2]);
        let seeds = [6, 3, 2, 1].map(|seed| (seed * 57 % 256) as f32);
        assert_eq!(all(&data).chunks(4).map(|row| row[0]).collect::<Vec<_>>(), seeds);
        let Statistics::Range { low, high } = data.statistics().unwrap() else { panic!("pictures have a range") };
        assert!(low < high && high <= 255.0);
    }
}

#[test]
fn folders_that_are_none_of_pictures_are_said() {
    let empty = folder(&[("a.webp", vec![1]), ("b/c.txt", vec![])]);
    assert!(
        refused(empty.path(), &Options::default())
            .starts_with("no picture in the folder (FOLDER): expected files that end in .png")
    );
    assert!(refused(empty.path(), &Options::default()).contains("got files that end in '.txt', '.webp'"));
    let mixed = folder(&[("a.png", gray(2, 2, 0)), ("b/c.png", gray(2, 2, 0))]);
    assert!(refused(mixed.path(), &Options::default()).starts_with("pictures beside folders of pictures"));
    let one = folder(&[("a.png", gray(2, 2, 0))]);
    assert_eq!(open(one.path(), &Options::default()).unwrap().rows(), 1);
}

#[test]
fn sizes_are_one_or_cut() {
    let folder = folder(&[("a.png", gray(4, 5, 0)), ("b.png", gray(4, 5, 1)), ("c.png", gray(7, 6, 2))]);
    for options in [Options::default(), on_demand()] {
        assert_eq!(
            refused(folder.path(), &options),
            "the pictures are of several sizes (FOLDER): expected 4 × 5 (height × width) as FOLDER/a.png, got 7 × 6 in FOLDER/c.png\n\
             hint: --size H,W takes a part of that size of each"
        );
        let options = options.size(4, 4);
        let data = open(folder.path(), &options).unwrap();
        assert_eq!(data.shape(), [4, 4]);
        // 7 × 6 begins at line 1, column 1.
        let value = |y: usize, x: usize| f32::from((((y + 1) * 6 + x + 1) * 31 + 2 * 57) as u8);
        let expected: Vec<f32> = (0..16).map(|i| value(i / 4, i % 4)).collect();
        assert_eq!(all(&data)[32..], expected);
        let text = refused(folder.path(), &options.clone().size(5, 5));
        assert!(text.starts_with("a picture cannot be used (FOLDER/a.png): a picture of 4 × 5 is smaller than 5 × 5\nhint: --skip-bad leaves such pictures out (2 of 3 are such)"), "{text}");
        // All but one are too small.
        assert_eq!(open(folder.path(), &options.size(5, 5).skip_bad(true)).unwrap().rows(), 1);
    }
}

#[test]
fn a_crop_is_of_the_whole_picture() {
    let folder = folder(&[("a.png", gray(6, 9, 0)), ("b.png", gray(8, 5, 1))]);
    let ids: Vec<SampleId> = (0..2).map(|index| SampleId { seed: 9, index }).collect();
    let both = [Options::default(), on_demand()].map(|options| {
        let data = open(folder.path(), &options.size(4, 4)).unwrap();
        let augment = Augment::default().crop(4, 4).flip(true);
        (0..20)
            .map(|draw| {
                let mut out = vec![0.0; 32];
                data.read_augmented(&[0, 1], &ids, draw, &augment, &mut out).unwrap();
                out
            })
            .collect::<Vec<_>>()
    });
    assert_eq!(both[0], both[1]);
    let mut different = both[0].clone();
    different.sort_by(|a, b| a.partial_cmp(b).unwrap());
    different.dedup();
    assert!(different.len() > 15);
}

/// A body that is broken behind a good header.
fn broken(height: usize, width: usize) -> Vec<u8> {
    let mut bytes = gray(height, width, 3);
    let length = bytes.len();
    bytes[length - 30..length - 16].fill(0xa5);
    bytes
}

#[test]
fn bad_pictures_are_one_error_or_left_out() {
    let files = [
        ("a.png", gray(9, 9, 0)),
        ("b.png", b"GIF89a".to_vec()),
        ("c.png", vec![]),
        ("d.png", gray(9, 9, 1)),
        ("e.png", broken(9, 9)),
    ];
    let folder = folder(&files);
    for options in [Options::default(), on_demand()] {
        let text = refused(folder.path(), &options);
        assert!(text.starts_with("a picture cannot be used (FOLDER/b.png): neither PNG nor JPEG\nhint: --skip-bad leaves such pictures out (2 of 5"), "{text}");
    }
    let data = open(folder.path(), &Options::default().skip_bad(true)).unwrap();
    let skipped: Vec<String> =
        data.skipped().iter().map(|s| s.path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!((data.rows(), skipped), (2, vec!["b.png".to_owned(), "c.png".into(), "e.png".into()]));
    assert!(data.skipped()[0].why.starts_with("neither") && !data.skipped()[2].why.is_empty());
    std::fs::remove_file(folder.path().join("b.png")).unwrap();
    std::fs::remove_file(folder.path().join("c.png")).unwrap();
    assert!(refused(folder.path(), &Options::default()).contains("FOLDER/e.png"));
    // On demand it is met at reading.
    let data = open(folder.path(), &on_demand()).unwrap();
    let mut out = [0.0; 81];
    let error = data.read(&[2], &mut out).unwrap_err();
    assert!(error.is_data() && error.to_string().contains("e.png"), "{error}");
    data.read(&[1], &mut out).unwrap();
}

#[test]
fn a_picture_found_bad_at_reading_is_replaced_by_the_next_of_its_label() {
    let files = [
        ("x/a.png", gray(9, 9, 0)),
        ("x/b.png", broken(9, 9)),
        ("y/c.png", gray(9, 9, 1)),
        ("y/d.png", gray(9, 9, 2)),
        ("y/e.png", broken(9, 9)),
    ];
    let folder = folder(&files);
    let first = |data: &Dataset, row: usize| {
        let mut out = [0.0; 81];
        data.read(&[row], &mut out).map(|()| out[0])
    };
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]] {
        let data = open(folder.path(), &on_demand().skip_bad(true)).unwrap();
        assert!(data.skipped().is_empty());
        let mut read = [0.0; 5];
        order.iter().for_each(|row| read[*row] = first(&data, *row).unwrap());
        assert_eq!(read, [0.0, 0.0, 57.0, 114.0, 57.0]);
        assert_eq!(data.skipped().len(), 2);
        assert!(data.skipped()[0].path.ends_with("b.png"));
        assert_eq!(all(&data).chunks(81).map(|row| row[0]).collect::<Vec<_>>(), read);
    }
    std::fs::write(folder.path().join("x/a.png"), b"").unwrap();
    let data = open(folder.path(), &on_demand().skip_bad(true)).unwrap();
    assert!(first(&data, 0).unwrap_err().is_data(), "no other of the class");
}

#[test]
fn a_picture_that_changed_since_is_bad() {
    let folder = folder(&[("a.png", gray(3, 3, 0)), ("b.png", gray(3, 3, 0))]);
    let data = open(folder.path(), &on_demand()).unwrap();
    std::fs::write(folder.path().join("b.png"), gray(3, 4, 0)).unwrap();
    let error = data.read(&[0, 1], &mut [0.0; 18]).unwrap_err();
    assert!(error.to_string().contains("its size is not what it was"), "{error}");
}

#[test]
fn a_picture_that_claims_to_be_huge_is_refused_by_its_header() {
    let mut bytes = gray(2, 2, 0);
    bytes[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let mut sum = 0xffff_ffff_u32;
    for byte in &bytes[12..29] {
        sum ^= u32::from(*byte);
        (0..8).for_each(|_| sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 });
    }
    bytes[29..33].copy_from_slice(&(!sum).to_be_bytes());
    let folder = folder(&[("a.png", bytes), ("b.png", gray(2, 2, 0))]);
    let text = refused(folder.path(), &Options::default());
    assert!(text.contains("65536 × 65536 pixels are more than 67108864"), "{text}");
}

#[test]
fn a_picture_that_is_cut_short_is_bad() {
    for bytes in
        [gray(9, 9, 0), jpegs::bytes(jpegs::GRAY.0), jpegs::bytes(jpegs::COLOUR.0), jpegs::bytes(jpegs::PROGRESSIVE.0)]
    {
        // A PNG's last chunk says nothing but that it is the last.
        for cut in 0..bytes.len() - if bytes[0] == 0x89 { 12 } else { 0 } {
            let folder = folder(&[("a.png", bytes[..cut].to_vec()), ("b.png", bytes.clone())]);
            let error = open(folder.path(), &Options::default()).unwrap_err();
            assert!(error.is_data(), "{cut}: {error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A picture in which some bytes were changed: an error or a picture of the size its header says.
    #[test]
    fn changed_bytes_do_no_harm(which in 0_usize..4, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let good = [gray(9, 9, 0), jpegs::bytes(jpegs::GRAY.0), jpegs::bytes(jpegs::COLOUR.0), jpegs::bytes(jpegs::PROGRESSIVE.0)][which].clone();
        let mut bad = good.clone();
        for (at, byte) in changes {
            let at = at.index(bad.len());
            bad[at] = byte;
        }
        let folder = folder(&[("a.png", bad), ("b.png", good)]);
        for options in [Options::default(), on_demand()] {
            if let Ok(data) = open(folder.path(), &options) {
                let _ = data.read(&[0], &mut vec![0.0; data.width()]);
            }
        }
    }
}
