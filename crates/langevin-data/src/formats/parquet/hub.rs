//! Descriptions of columns in a file's metadata, written by other tools.
//!
//! ```text
//! huggingface  {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
//! pandas       {"index_columns": ["__index_level_0__"], …}
//! ```
//!
//! Metadata that cannot be parsed are ignored.

use parquet::file::metadata::FileMetaData;
use serde_json::Value;

fn document(about: &FileMetaData, key: &str) -> Option<Value> {
    let entry = about.key_value_metadata()?.iter().find(|entry| entry.key == key)?;
    serde_json::from_str(entry.value.as_deref()?).ok()
}

/// Returns the columns that hold classes, with the names of the classes in the order of their
/// numbers.
pub(super) fn classes(about: &FileMetaData) -> Vec<(String, Vec<String>)> {
    let document = document(about, "huggingface");
    let features = document.as_ref().and_then(|document| document.pointer("/info/features")?.as_object());
    let mut found = Vec::new();
    for (column, feature) in features.into_iter().flatten() {
        if feature["_type"] != "ClassLabel" {
            continue;
        }
        let names = feature["names"].as_array().into_iter().flatten();
        found.push((column.clone(), names.map(|name| name.as_str().unwrap_or_default().to_owned()).collect()));
    }
    found
}

/// Returns the columns that hold the index of a data frame, which is not data.
pub(super) fn index(about: &FileMetaData) -> Vec<String> {
    let document = document(about, "pandas");
    let columns = document.as_ref().and_then(|document| document["index_columns"].as_array());
    columns.into_iter().flatten().filter_map(|column| Some(column.as_str()?.to_owned())).collect()
}
