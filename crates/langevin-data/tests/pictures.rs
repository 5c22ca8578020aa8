//! Folders of images.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod common;

use common::{jpegs, webps};
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

/// Writes an image of two pixels twice into a folder and returns what is read.
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
    assert_eq!(of(ColorType::Grayscale, BitDepth::Sixteen, &[1, 1, 1, 130]).1, [257.0, 386.0]);
    assert_eq!(of(ColorType::Grayscale, BitDepth::Sixteen, &[1, 128, 255, 255]).1, [384.0, 65535.0]);
    // Half-transparent pixels are blended with white, and invisible pixels are white.
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
    assert_eq!(of(ColorType::Rgba, BitDepth::Sixteen, &sixteen).1, [0.0, 65535.0, 32896.0, 65535.0, 65535.0, 65535.0]);
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
    for ((hex, expected), shape) in [
        (jpegs::GRAY, vec![9, 11]),
        (jpegs::COLOUR, vec![9, 11, 3]),
        (jpegs::PROGRESSIVE, vec![9, 11, 3]),
        (jpegs::CMYK, vec![9, 11, 3]),
    ] {
        // The extensions are wrong on purpose: the contents determine the format.
        let (read_shape, read) = two(&jpegs::bytes(hex), &Options::default());
        assert_eq!(read_shape, shape);
        // The cosine transform may round either way, and subsampled chroma may be smoothed
        // differently.
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
    let empty = folder(&[("a.gif", vec![1]), ("b/c.txt", vec![])]);
    assert!(
        refused(empty.path(), &Options::default())
            .starts_with("no picture in the folder (FOLDER): expected files that end in .png")
    );
    assert!(refused(empty.path(), &Options::default()).contains("got files that end in '.gif', '.txt'"));
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
        // The centre of a 7 × 6 image starts at line 1, column 1.
        let value = |y: usize, x: usize| f32::from((((y + 1) * 6 + x + 1) * 31 + 2 * 57) as u8);
        let expected: Vec<f32> = (0..16).map(|i| value(i / 4, i % 4)).collect();
        assert_eq!(all(&data)[32..], expected);
        let text = refused(folder.path(), &options.clone().size(5, 5));
        assert!(text.starts_with("a picture cannot be used (FOLDER/a.png): a picture of 4 × 5 is smaller than 5 × 5\nhint: --skip-bad leaves such pictures out (2 of 3 are such)"), "{text}");
        // All images but one are too small.
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

/// Returns an image with a good header and damaged pixels.
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
        assert!(text.starts_with("a picture cannot be used (FOLDER/b.png): a GIF picture, which is not read; convert it to PNG, JPEG or WebP first\nhint: --skip-bad leaves such pictures out (2 of 5"), "{text}");
    }
    let data = open(folder.path(), &Options::default().skip_bad(true)).unwrap();
    let skipped: Vec<String> =
        data.skipped().iter().map(|s| s.path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!((data.rows(), skipped), (2, vec!["b.png".to_owned(), "c.png".into(), "e.png".into()]));
    assert!(data.skipped()[0].why.starts_with("a GIF") && !data.skipped()[2].why.is_empty());
    std::fs::remove_file(folder.path().join("b.png")).unwrap();
    std::fs::remove_file(folder.path().join("c.png")).unwrap();
    assert!(refused(folder.path(), &Options::default()).contains("FOLDER/e.png"));
    // On demand, the damage is found while reading.
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
    for bytes in [
        gray(9, 9, 0),
        jpegs::bytes(jpegs::GRAY.0),
        jpegs::bytes(jpegs::COLOUR.0),
        jpegs::bytes(jpegs::PROGRESSIVE.0),
        webp(webps::LOSSLESS),
        webp(webps::LOSSY),
    ] {
        // The last chunk of a PNG only marks the end, so its absence is accepted.
        for cut in 0..bytes.len() - if bytes[0] == 0x89 { 12 } else { 0 } {
            let folder = folder(&[("a.png", bytes[..cut].to_vec()), ("b.png", bytes.clone())]);
            let error = open(folder.path(), &Options::default()).unwrap_err();
            assert!(error.is_data(), "{cut}: {error}");
        }
    }
}

/// Returns 16-bit grays that 8 bits cannot distinguish.
fn deep(height: usize, width: usize, seed: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..height * width).flat_map(|i| ((20_000 + i + 1000 * seed) as u16).to_be_bytes()).collect();
    png_bytes(width as u32, height as u32, ColorType::Grayscale, BitDepth::Sixteen, &data, None)
}

#[test]
fn sixteen_bits_are_kept() {
    let folder_16 = folder(&[("a.png", deep(4, 5, 0)), ("b.png", deep(4, 5, 1))]);
    for options in [Options::default(), on_demand()] {
        let data = open(folder_16.path(), &options).unwrap();
        assert_eq!((data.is_pictures(), data.levels()), (true, Some(65536)));
        let expected: Vec<f32> =
            (0..2).flat_map(|row| (0..20).map(move |i| (20_000 + i + 1000 * row) as f32)).collect();
        assert_eq!(all(&data), expected);
        // A part of a larger image starts at an even byte.
        let part = open(folder_16.path(), &options.clone().size(2, 3)).unwrap();
        assert_eq!(all(&part)[..3], [20_006.0, 20_007.0, 20_008.0]);
        // ITU-R 601 of equal channels is the channel.
        let colour = open(folder_16.path(), &options.channels(3)).unwrap();
        assert_eq!(all(&colour)[..6], [20_000.0, 20_000.0, 20_000.0, 20_001.0, 20_001.0, 20_001.0]);
    }
    // In a set with 16-bit images, white is 65535 in 8-bit images too.
    let mixed = folder(&[("a.png", gray(4, 5, 0)), ("b.png", deep(4, 5, 0))]);
    for options in [Options::default(), on_demand()] {
        let data = open(mixed.path(), &options).unwrap();
        let eight = (0..20).map(|i| f32::from((i * 31) as u8) * 257.0);
        assert_eq!(all(&data)[..20], eight.collect::<Vec<_>>());
        assert_eq!(all(&data)[20..22], [20_000.0, 20_001.0]);
    }
    let eight = folder(&[("a.png", gray(4, 5, 0))]);
    assert_eq!(open(eight.path(), &on_demand()).unwrap().levels(), Some(256));
    assert_eq!(Dataset::digits().levels(), None);
}

/// Returns an EXIF block with only an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat()
}

/// Returns a chunk of a PNG.
fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut sum = 0xffff_ffff_u32;
    for byte in name.iter().chain(data) {
        sum ^= u32::from(*byte);
        (0..8).for_each(|_| sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 });
    }
    [&(data.len() as u32).to_be_bytes()[..], name, data, &(!sum).to_be_bytes()].concat()
}

/// Returns 2 × 3 grays, 0 to 5 times 40, with an orientation before the pixels.
fn exif_png(orientation: u8) -> Vec<u8> {
    let bytes = png_bytes(3, 2, ColorType::Grayscale, BitDepth::Eight, &[0, 40, 80, 120, 160, 200], None);
    [&bytes[..33], &chunk(b"eXIf", &exif(orientation)), &bytes[33..]].concat()
}

/// Returns the same image with the orientation after the pixels.
fn exif_png_late(orientation: u8) -> Vec<u8> {
    let bytes = png_bytes(3, 2, ColorType::Grayscale, BitDepth::Eight, &[0, 40, 80, 120, 160, 200], None);
    let end = bytes.len() - 12;
    [&bytes[..end], &chunk(b"eXIf", &exif(orientation)), &bytes[end..]].concat()
}

fn webp((hex, _): (&str, &[u8])) -> Vec<u8> {
    jpegs::bytes(hex)
}

/// Returns a JPEG with an APP1 segment.
fn exif_jpeg(hex: &str, block: &[u8]) -> Vec<u8> {
    let bytes = jpegs::bytes(hex);
    let length = (block.len() + 8) as u16;
    [&bytes[..2], &[0xff, 0xe1], &length.to_be_bytes(), b"Exif\0\0", block, &bytes[2..]].concat()
}

#[test]
fn pictures_are_read_as_they_are_shown() {
    // Displayed pixels for [[0, 1, 2], [3, 4, 5]], from Pillow's ImageOps.exif_transpose.
    let shown: [(usize, [u8; 6]); 8] = [
        (2, [0, 1, 2, 3, 4, 5]),
        (2, [2, 1, 0, 5, 4, 3]),
        (2, [5, 4, 3, 2, 1, 0]),
        (2, [3, 4, 5, 0, 1, 2]),
        (3, [0, 3, 1, 4, 2, 5]),
        (3, [3, 0, 4, 1, 5, 2]),
        (3, [5, 2, 4, 1, 3, 0]),
        (3, [2, 5, 1, 4, 0, 3]),
    ];
    for (number, (height, expected)) in (1..).zip(shown) {
        for bytes in [exif_png(number), exif_png_late(number)] {
            let (shape, read) = two(&bytes, &Options::default());
            assert_eq!(shape, [height, 5 - height], "orientation {number}");
            assert_eq!(read, expected.map(|value| f32::from(value) * 40.0), "orientation {number}");
        }
        // JPEG is compared with the same image without the block, rotated here.
        let (shape, plain) = two(&jpegs::bytes(jpegs::GRAY.0), &Options::default());
        assert_eq!(shape, [9, 11]);
        let (shape, read) = two(&exif_jpeg(jpegs::GRAY.0, &exif(number)), &Options::default());
        assert_eq!(shape, if number < 5 { [9, 11] } else { [11, 9] });
        let at = |y: usize, x: usize| match number {
            1 => (y, x),
            2 => (y, 10 - x),
            3 => (8 - y, 10 - x),
            4 => (8 - y, x),
            5 => (x, y),
            6 => (8 - x, y),
            7 => (8 - x, 10 - y),
            _ => (x, 10 - y),
        };
        for (i, value) in read.iter().enumerate() {
            let (line, column) = at(i / shape[1], i % shape[1]);
            assert_eq!(*value, plain[line * 11 + column], "orientation {number}, element {i}");
        }
    }
    // Half of the images are stored upright and half are not; all have the same displayed size.
    let upright = png_bytes(2, 3, ColorType::Grayscale, BitDepth::Eight, &[120, 0, 160, 40, 200, 80], None);
    let folder = folder(&[("a.png", upright), ("b.png", exif_png(6))]);
    for options in [Options::default(), on_demand()] {
        let data = open(folder.path(), &options).unwrap();
        assert_eq!(data.shape(), [3, 2]);
        assert_eq!(data.row(0).unwrap(), data.row(1).unwrap());
    }
}

#[test]
fn a_damaged_exif_block_is_of_an_upright_picture() {
    let (_, plain) = two(&jpegs::bytes(jpegs::GRAY.0), &Options::default());
    for block in
        [&b"II*\0\xff\xff\xff\xff"[..], b"II", b"", b"MM\0*\0\0\0\x08\xff\xff", &exif(9), &exif(0), &exif(6)[..18]]
    {
        let (shape, read) = two(&exif_jpeg(jpegs::GRAY.0, block), &Options::default());
        assert_eq!((shape, read), (vec![9, 11], plain.clone()), "{block:?}");
    }
}

#[test]
fn webp_is_read() {
    let (shape, read) = two(&webp(webps::LOSSLESS), &Options::default());
    assert_eq!((shape, read), (vec![9, 11, 3], floats(webps::LOSSLESS.1)));
    // The inverse transform and the smoothing of the subsampled chroma are specified to the bit.
    assert_eq!(two(&webp(webps::LOSSY), &Options::default()).1, floats(webps::LOSSY.1));
    let on_white = |[r, g, b, a]: &[u8; 4]| {
        [r, g, b].map(|v| ((u32::from(*v) * u32::from(*a) + (255 - u32::from(*a)) * 255 + 127) / 255) as f32)
    };
    let expected: Vec<f32> = webps::ALPHA.1.as_chunks::<4>().0.iter().flat_map(on_white).collect();
    assert_eq!(two(&webp(webps::ALPHA), &Options::default()), (vec![3, 4, 3], expected));
    let (shape, read) = two(&webp(webps::TURNED), &Options::default());
    assert_eq!(shape, [11, 9, 3]);
    // Displayed pixel (0, 0) is the stored lower left.
    assert_eq!(read[..3], floats(&webps::TURNED.1[8 * 33..][..3]));
    let folder = folder(&[("a.webp", webp(webps::ANIMATED)), ("b.webp", webp(webps::LOSSLESS))]);
    let text = refused(folder.path(), &Options::default());
    assert!(text.starts_with("a picture cannot be used (FOLDER/a.webp): an animated WebP; save"), "{text}");
    assert_eq!(open(folder.path().join("b.webp"), &Options::default()).unwrap().shape(), [9, 11, 3]);
}

#[test]
fn pictures_of_other_kinds_are_named() {
    for (bytes, name) in [
        (&b"GIF89a"[..], "a GIF picture"),
        (b"II*\0\x08\0\0\0", "a TIFF picture"),
        (b"MM\0*\0\0\0\x08", "a TIFF picture"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0", "a BMP picture"),
        (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "an AVIF picture"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"8BPS\0\x01", "a Photoshop document"),
    ] {
        let folder = folder(&[("a.png", bytes.to_vec())]);
        let text = refused(folder.path(), &Options::default());
        assert!(
            text.contains(&format!("(FOLDER/a.png): {name}, which is not read; convert it to PNG, JPEG or WebP first")),
            "{text}"
        );
    }
    for (bytes, name) in [
        (&b"<!DOCTYPE html><html>"[..], "but an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "but a Git LFS pointer"),
        (b"hello", "but a text"),
    ] {
        let folder = folder(&[("a.png", bytes.to_vec())]);
        let text = refused(folder.path(), &Options::default());
        assert!(text.contains("neither PNG, JPEG nor WebP ") && text.contains(name), "{text}");
    }
    // Beside readable images, unsupported ones are listed instead of being ignored silently.
    let folder = folder(&[
        ("a.png", gray(2, 2, 0)),
        ("b.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        ("c.txt", vec![]),
    ]);
    let data = open(folder.path(), &Options::default()).unwrap();
    assert_eq!((data.rows(), data.skipped().len()), (1, 1));
    assert!(data.skipped()[0].path.ends_with("b.heic") && data.skipped()[0].why.starts_with("a HEIC picture, which"));
}

#[test]
fn a_palette_that_is_cut_is_an_error() {
    let bytes = png_bytes(2, 1, ColorType::Indexed, BitDepth::Eight, &[1, 0], Some(&[1, 2, 3, 9, 8, 7]));
    let at = bytes.windows(4).position(|name| name == b"PLTE").unwrap();
    for palette in [&[1, 2, 3, 9, 8][..], &[1, 2, 3, 9], &[1], &[]] {
        let bad = [&bytes[..at - 4], &chunk(b"PLTE", palette), &bytes[at + 4 + 6 + 4..]].concat();
        let folder = folder(&[("a.png", bad), ("b.png", gray(1, 2, 0))]);
        for options in [Options::default(), on_demand()] {
            let error = open(folder.path(), &options).unwrap_err();
            assert!(error.is_data() && error.to_string().contains("a.png"), "{error}");
            assert_eq!(open(folder.path(), &options.skip_bad(true)).unwrap().rows(), 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Images with changed bytes give an error, or an image of the size in the header.
    #[test]
    fn changed_bytes_do_no_harm(which in 0_usize..9, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let good = [gray(9, 9, 0), jpegs::bytes(jpegs::GRAY.0), jpegs::bytes(jpegs::COLOUR.0), jpegs::bytes(jpegs::PROGRESSIVE.0), deep(9, 9, 0), exif_png(6), webp(webps::LOSSLESS), webp(webps::LOSSY), webp(webps::TURNED)][which].clone();
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
