//! Pictures in and out: folders of them, transformers, changes, masks, inversion, and what an
//! evaluation says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, read_f8, run, works};
use std::fs;
use std::path::Path;

/// A grey picture of 8×8: a bright bar at this column.
fn picture(path: &Path, column: usize) {
    let pixels: Vec<u8> = (0..64).map(|i| if i % 8 == column { 250 } else { 5 + (i / 8) as u8 }).collect();
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}

/// A folder of two classes, `left` and `right`, of sixteen pictures each.
fn folder(here: &Path) {
    for (class, columns) in [("left", [1, 2]), ("right", [5, 6])] {
        fs::create_dir_all(here.join("bars").join(class)).unwrap();
        for i in 0..16 {
            picture(&here.join(format!("bars/{class}/{i:02}.png")), columns[i % 2]);
        }
    }
}

#[test]
fn a_transformer_learns_a_folder_and_changes_its_pictures() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    folder(here);
    let network = "--network dit --patch 4 --width 32 --depth 2 --batch 32 --lr 5e-3";
    works(here, &format!("train --data bars --conditional --hold-out 0.25 --steps 2000 {network} --out m"));
    let (stdout, _) = works(here, "info m --json");
    let info: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&info["network"]["kind"], &info["data"]["classes"][1]), (&"dit".into(), &"right".into()));

    // The half of the picture that is brighter.
    let right = |x: &[f64]| -> usize {
        x.chunks(64)
            .filter(|x| {
                let half = |right: bool| -> f64 { (0..64).filter(|i| (i % 8 > 3) == right).map(|i| x[i]).sum() };
                half(true) > half(false)
            })
            .count()
    };
    let draw = |flags: &str| {
        works(here, &format!("sample m --steps 12 --out x.npy {flags}"));
        read_f8(&here.join("x.npy"))
    };
    let (shape, x) = draw("-n 20 --class right");
    assert_eq!(shape, "20, 8, 8");
    assert!(right(&x) >= 19, "{}", right(&x));
    assert!(right(&draw("-n 20 --class left").1) <= 1);

    // A sweep: the same samples at each weight, the plain ones among them.
    works(here, "sample m --steps 6 -n 4 --class left,right --guidance-sweep 0,1,3 --out sweep.png");
    let sweep = draw("-n 4 --class left,right --guidance-sweep 0,1,3").1;
    let plain = draw("-n 4 --class left,right").1;
    assert!(
        sweep.len() == 3 * plain.len() && sweep[4 * 64..8 * 64].iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-3)
    );

    // A change of little strength leaves a picture on its side; what a mask keeps is as it was.
    let (_, x) = draw("-n 4 --from bars/left/00.png --strength 0.2");
    assert_eq!(right(&x), 0);
    picture(&here.join("mask.png"), 7);
    let (_, x) = draw("-n 2 --from bars/left/00.png --mask mask.png");
    for x in x.chunks(64) {
        // Known but for the last column: the values of the file, through 8 bits of a float32's
        // scale.
        assert!(
            (0..64)
                .filter(|i| i % 8 < 7)
                .all(|i| (x[i] - if i % 8 == 1 { 250.0 } else { 5.0 + (i / 8) as f64 }).abs() < 0.01)
        );
    }
    // What is given is used, or refused.
    let (code, _, stderr) =
        run(here, "sample m -n 1 --from bars/left/00.png --mask mask.png --sampler ddim --out x.npy");
    assert!(code == 2 && stderr.contains("one with the input 'image', got ddim"), "{stderr}");
    let (code, _, stderr) = run(here, "train --data bars --steps 2 --samples-every 1 --out x");
    assert!(code == 2 && stderr.contains("expected --run DIR"), "{stderr}");
    works(here, "sample m -n 3 --steps 4 --out three/");
    assert_eq!(names(&here.join("three")), [0, 1, 2].map(|i| format!("sample-{i:06}.png")));

    let (stdout, _) = works(here, "invert m --from bars/left --steps 40 --class left --out noise.npy --json");
    let summary: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(summary["relative_error"].as_f64().unwrap() < 0.5, "{summary}");
    let (shape, noise) = read_f8(&here.join("noise.npy"));
    assert_eq!(shape, "16, 8, 8");
    // Four pictures, known by heart: each comes from the middle of its share of the noise.
    assert!(noise.iter().all(|z| z.abs() < 5.0) && noise.iter().any(|z| z.abs() > 0.01));
    works(here, "invert m --from bars/left -n 2 --between 5 --steps 8 --out way.png");
    assert!(fs::read(here.join("way.png")).unwrap().starts_with(b"\x89PNG"));

    let (stdout, _) = works(here, "evaluate m --data bars --steps 12 --class left,right --json");
    let found: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(found["two_sample_accuracy"].is_f64() && found["copies"].is_f64() && found["rows"] == 8, "{found}");
}

#[test]
fn one_picture_that_cannot_be_read_is_named_or_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    folder(here);
    fs::write(here.join("bars/left/03.png"), b"\x89PNG no picture").unwrap();
    let (code, _, stderr) = run(here, "train --data bars --steps 2 --out m");
    assert!(code == 1 && stderr.contains("bars/left/03.png") && stderr.contains("--skip-bad"), "{stderr}");
    let (_, stderr) = works(here, "train --data bars --steps 2 --skip-bad --out m");
    assert!(stderr.contains("note: 1 picture left out, the first: bars/left/03.png: "), "{stderr}");
    // Crops are smaller than the pictures; samples are as large as crops.
    works(here, "train --data bars --steps 2 --skip-bad --crop 6,4 --flip --out c");
    works(here, "sample c -n 2 --steps 2 --out x.npy");
    assert_eq!(read_f8(&here.join("x.npy")).0, "2, 6, 4");
}
