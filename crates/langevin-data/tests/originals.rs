//! Reads files as NumPy and Pillow write them, and compares the values.
//!
//! The tests are skipped if Python does not have both; `LANGEVIN_PYTHON` names the interpreter.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

use langevin_data::{Dataset, Options, open};
use std::process::Command;
use tempfile::TempDir;

const SCRIPT: &str = r#"
import sys, numpy as np
from PIL import Image
to = sys.argv[1]
r = np.random.default_rng(3)
x = (r.normal(size=(7, 4, 5)) * 40)
def keep(name, a):
    np.asarray(a).astype('<f4').tofile(f'{to}/{name}.raw')
for d in ['f2', '<f4', '>f8', 'i1', '>i2', '<i8', 'u1', '>u4', '<u8', '?']:
    a = np.abs(x).astype(d) if 'u' in d else x.astype(d)
    n = d.strip('<>?') or 'b'
    for order in 'CF':
        np.save(f'{to}/{n}{order}.npy', np.asarray(a, order=order))
        keep(f'{n}{order}.npy', np.asarray(a, dtype='f8'))
for n, save in [('stored', np.savez), ('deflated', np.savez_compressed)]:
    save(f'{to}/{n}.npz', data=x.astype('f4'), y=np.arange(7) % 3)
    keep(f'{n}.npz', x)
import os
def pictures(n, images, mode):
    os.mkdir(f'{to}/{n}')
    for i, m in enumerate(images): m.save(f'{to}/{n}/{i}.png')
    keep(n, [np.asarray(m.convert(mode)) for m in images])
rgb = [Image.fromarray(r.integers(0, 256, (6, 5, 3)).astype('u1')) for _ in range(4)]
pictures('rgb', rgb, 'RGB')
pictures('gray', [m.convert('L') for m in rgb], 'L')
pictures('luma', rgb, 'L')
pictures('mixed', [rgb[0], rgb[1].convert('L'), rgb[2].convert('P'), rgb[3].convert('1')], 'RGB')
"#;

fn all(data: &Dataset) -> Vec<f32> {
    let rows: Vec<usize> = (0..data.rows()).collect();
    let mut out = vec![0.0; data.rows() * data.width()];
    data.read(&rows, &mut out).unwrap();
    out
}

#[test]
fn files_of_numpy_and_pillow_are_read_as_they_read_them() {
    let folder = TempDir::new().unwrap();
    let python = std::env::var("LANGEVIN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let run = |script: &str| Command::new(&python).args(["-c", script]).arg(folder.path()).output();
    if !run("import numpy, PIL").is_ok_and(|output| output.status.success()) {
        println!("skipped: {python} has not both numpy and PIL");
        return;
    }
    let output = run(SCRIPT).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let Some(name) = path.to_str().unwrap().strip_suffix(".raw").map(str::to_owned) else { continue };
        let expected: Vec<u32> =
            std::fs::read(&path).unwrap().as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        for memory in [0, u64::MAX] {
            let mut options = Options::default().memory(memory);
            if name.ends_with("luma") {
                options = options.channels(1);
            }
            let data = open(&name, &options).unwrap();
            let read: Vec<u32> = all(&data).iter().map(|value| value.to_bits()).collect();
            assert_eq!(read, expected, "{name}");
            assert_eq!(data.labels().is_some(), name.ends_with("npz"));
        }
        seen += 1;
    }
    assert_eq!(seen, 26);
}
