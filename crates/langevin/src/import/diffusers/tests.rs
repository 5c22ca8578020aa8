use super::table::text;
use super::*;
use serde_json::json;

fn parse(class: &str, fields: Value) -> Diffusers {
    Diffusers::parse(&text(class, fields)).unwrap()
}

#[test]
fn configs_that_are_not_strict_json_are_read() {
    let config = "{\"_class_name\": \"DDIMScheduler\", \"beta_start\": 1e-4, \"note\": \"-Infinity \\\" NaN\", \"x\": -Infinity}";
    let error = Diffusers::parse(config).unwrap().plan(&Call::steps(3)).unwrap_err().to_string();
    assert!(error.contains("note, x") && error.contains("no such fields"), "{error}");
}

#[test]
fn every_unknown_field_is_named() {
    let error = parse("DDIMScheduler", json!({"one": 1, "two": 2})).plan(&Call::steps(3)).unwrap_err().to_string();
    assert!(error.contains("got one, two"), "{error}");
}
