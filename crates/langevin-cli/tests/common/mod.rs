//! What the tests of the command share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use std::path::Path;

/// The command, in a directory of its own.
pub fn langevin(directory: &Path) -> Command {
    let mut command = assert_cmd::cargo::cargo_bin_cmd!("langevin");
    command.current_dir(directory).env_remove("COLUMNS").env("NO_COLOR", "1");
    // Whether there is an ONNX Runtime on this machine shall not matter: the Python tests have one.
    command.env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so");
    command
}

/// Runs it with arguments split at spaces (none of them holds one, but within quotes) and gives
/// (exit code, stdout, stderr), without the lines that say what was read.
pub fn run(directory: &Path, line: &str) -> (i32, String, String) {
    let (code, stdout, stderr) = run_saying(directory, line);
    let kept = stderr.split_inclusive('\n').filter(|line| !line.starts_with("read "));
    (code, stdout, kept.collect())
}

/// The same with everything that is said.
pub fn run_saying(directory: &Path, line: &str) -> (i32, String, String) {
    let mut words: Vec<String> = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    let output = langevin(directory).args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// Runs it, expects a failure, and returns its error.
pub fn refused(directory: &Path, line: &str) -> String {
    let (code, _, stderr) = run_saying(directory, line);
    assert_ne!(code, 0, "{line}");
    stderr
}

/// Runs it and expects success.
pub fn works(directory: &Path, line: &str) -> (String, String) {
    let (code, stdout, stderr) = run(directory, line);
    assert_eq!(code, 0, "{line}: {stderr}");
    (stdout, stderr)
}

/// Runs it, expects success, and gives everything that is said.
pub fn works_saying(directory: &Path, line: &str) -> (String, String) {
    let (code, stdout, stderr) = run_saying(directory, line);
    assert_eq!(code, 0, "{line}: {stderr}");
    (stdout, stderr)
}

/// The names in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A .npy file with this header dictionary and these bytes.
pub fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A model file of version 3, which has no checksum, from one of version 4.
pub fn third_version(model: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(model[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&model[8..8 + length]).unwrap();
    let entry = &mut header["__metadata__"]["langevin"];
    let mut document: serde_json::Value = serde_json::from_str(entry.as_str().unwrap()).unwrap();
    document["langevin_version"] = 3.into();
    document.as_object_mut().unwrap().remove("checksum").unwrap();
    *entry = document.to_string().into();
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &model[8 + length..]].concat()
}

/// A model file of version 1 from one of version 2: the moments, which come first for their type is
/// the widest, are cut out.
pub fn first_version(model: &[u8]) -> Vec<u8> {
    let length = u64::from_le_bytes(model[..8].try_into().unwrap()) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&model[8..8 + length]).unwrap();
    let entries = header.as_object_mut().unwrap();
    let moments: Vec<String> = entries.keys().filter(|name| name.starts_with("data.")).cloned().collect();
    let ends = moments.iter().map(|name| entries.remove(name).unwrap()["data_offsets"][1].as_u64().unwrap());
    let cut = ends.max().unwrap();
    let mut document: serde_json::Value =
        serde_json::from_str(entries["__metadata__"]["langevin"].as_str().unwrap()).unwrap();
    document["langevin_version"] = 1.into();
    document.as_object_mut().unwrap().remove("moments").unwrap();
    document.as_object_mut().unwrap().remove("checksum");
    for (name, entry) in entries.iter_mut() {
        if name == "__metadata__" {
            entry["langevin"] = document.to_string().into();
        } else {
            let offsets = entry["data_offsets"].as_array_mut().unwrap();
            offsets.iter_mut().for_each(|offset| *offset = (offset.as_u64().unwrap() - cut).into());
        }
    }
    let header = header.to_string();
    let rest = &model[8 + length + cut as usize..];
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), rest].concat()
}

/// Reads what the format's specification promises of a '<f8' file: the shape as text, and the
/// numbers.
pub fn read_f8(path: &Path) -> (String, Vec<f64>) {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!((10 + length) % 64, 0, "the data are aligned");
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert!(header.ends_with('\n') && header.starts_with("{'descr': '<f8', 'fortran_order': False, 'shape': ("));
    let shape = header.split_once('(').unwrap().1.split_once(')').unwrap().0.to_owned();
    let numbers = bytes[10 + length..].chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    (shape, numbers)
}
