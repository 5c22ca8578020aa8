//! Files that make a decoder panic: the result is an error that names the file, and nothing is
//! printed.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin_data::{Options, open};
use std::fs;
use std::path::Path;

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&kind[..], data].concat();
    [&(data.len() as u32).to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
}

/// Returns a 3 × 1 image of palette indices, with a palette of this many bytes.
fn indexed(palette: usize, interlaced: u8) -> Vec<u8> {
    let head = [&3_u32.to_be_bytes()[..], &1_u32.to_be_bytes(), &[8, 3, 0, 0, interlaced]].concat();
    // One stored block of deflate: a filter byte of none and the indices, with a computed Adler-32.
    let data = [0_u8, 0, 1, 2];
    let adler = data.iter().fold((1_u32, 0_u32), |(a, b), byte| (a + u32::from(*byte), b + a + u32::from(*byte)));
    let stored = [&[0x78, 1, 1, 4, 0, 0xfb, 0xff][..], &data, &(adler.1 << 16 | adler.0).to_be_bytes()].concat();
    let palette: Vec<u8> = (0..palette).map(|byte| (byte * 20) as u8).collect();
    let parts = [chunk(b"IHDR", &head), chunk(b"PLTE", &palette), chunk(b"IDAT", &stored), chunk(b"IEND", &[])];
    [&b"\x89PNG\r\n\x1a\n"[..], &parts.concat()].concat()
}

#[test]
fn a_palette_of_broken_colours_is_a_bad_picture() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    fs::write(here.join("good.png"), indexed(9, 0)).unwrap();
    assert_eq!(open(here.join("good.png"), &Options::default()).unwrap().shape(), [1, 3, 3]);
    for length in [1, 2, 4, 5, 7, 8, 10, 766] {
        let path = here.join("bad.png");
        fs::write(&path, indexed(length, 0)).unwrap();
        let text = open(&path, &Options::default()).unwrap_err().to_string();
        assert!(text.starts_with("a picture cannot be used (") && text.contains("bad.png"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
        let data = open(here, &Options::default().skip_bad(true)).unwrap();
        assert_eq!((data.rows(), data.skipped().len()), (1, 1), "{length}");
    }
}

/// Two columns of eight numbers, as pyarrow 26 writes them with `write_page_checksum=True`, without
/// dictionaries, statistics and compression.
const CHECKED: &str = "504152311500154c154c1586dfafd3031c15101500150615061c000000020000001001000000000000003f0000803f0000c03f000000400000204000004040000060401500154c154c15aa94aef10d1c15101500150615061c000000020000001001000040400000803f000080400000803f0000a04000001041000000400000c0401504193c35001806736368656d61150400150825021801780015082502180179001610191c192c26001c1508192506001918017815001610167e167e2608491c150015001502003c29061926001000000026001c1508192506001918017915001610167e167e268601491c150015001502003c29061926001000000016fc011610260816fc01002820706172717565742d6370702d6172726f772076657273696f6e2032362e302e31192c1c00001c000000b200000050415231";
/// Byte ranges of the columns' numbers, including the levels before them.
const PAGES: [std::ops::Range<usize>; 2] = [29..67, 92..130];

#[cfg(feature = "parquet")]
#[test]
fn a_bit_turned_in_a_page_with_a_checksum_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checked.parquet");
    let bytes: Vec<u8> =
        (0..CHECKED.len() / 2).map(|i| u8::from_str_radix(&CHECKED[2 * i..2 * i + 2], 16).unwrap()).collect();
    fs::write(&path, &bytes).unwrap();
    let data = open(&path, &Options::default()).unwrap();
    let mut row = [0.0; 2];
    data.read(&[5], &mut row).unwrap();
    assert_eq!((data.rows(), row), (8, [2.5, 9.0]));
    for place in PAGES.into_iter().flatten() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            fs::write(&path, &damaged).unwrap();
            let text = open(&path, &Options::default()).unwrap_err().to_string();
            assert!(text.contains("checksum"), "byte {place}, bit {bit}: {text}");
        }
    }
}

/// Opens a file in a separate process and returns its output.
fn printed(path: &Path) -> String {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opens_what_it_is_told", "--nocapture"])
        .env("HOSTILE_FILE", path)
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    out + &err
}

#[test]
fn opens_what_it_is_told() {
    if let Some(path) = std::env::var_os("HOSTILE_FILE") {
        println!(
            "answer: {}",
            open(path, &Options::default()).map_or_else(|error| error.to_string(), |_| "read".into())
        );
    }
}

#[test]
fn what_a_decoder_asserts_is_not_printed() {
    let directory = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> =
        (0..CHECKED.len() / 2).map(|i| u8::from_str_radix(&CHECKED[2 * i..2 * i + 2], 16).unwrap()).collect();
    // Changes each byte of the footer and of the page headers in turn; some changes make the
    // library panic.
    let path = directory.path().join("damaged.parquet");
    let (mut caught, footer) = (0, 130..bytes.len() - 8);
    for place in (4..29).chain(67..92).chain(footer) {
        for value in [0x00, 0x7f, 0xff, bytes[place] ^ 1, bytes[place] ^ 0x80] {
            let mut damaged = bytes.clone();
            damaged[place] = value;
            fs::write(&path, &damaged).unwrap();
            if let Err(error) = open(&path, &Options::default())
                && error.to_string().contains("its parts contradict each other")
            {
                caught += 1;
                if caught <= 2 {
                    let said = printed(&path);
                    assert!(said.contains("answer: ") && !said.contains("panicked"), "{said}");
                }
            }
        }
    }
    println!("{caught} assertions of the library");
}
