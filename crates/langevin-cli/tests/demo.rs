//! `langevin demo --quick`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{names, read_f8, works};
use langevin::Plan;
use std::fs;

#[test]
fn the_quick_demo_leaves_everything_and_says_it() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (stdout, _) = works(here, "demo --quick");
    assert_eq!(names(here), ["langevin-demo"]);
    let rows = ["vp-sde", "vp-ode", "ve-karras", "rectified-flow"];
    let mut expected = vec!["model.safetensors".to_owned(), "report.html".to_owned()];
    for row in rows {
        expected.extend([format!("plan-{row}.json"), format!("samples-{row}.npy"), format!("samples-{row}.png")]);
    }
    expected.sort();
    let demo = here.join("langevin-demo");
    assert_eq!(names(&demo), expected);
    for row in rows {
        let plan = Plan::from_json(&fs::read_to_string(demo.join(format!("plan-{row}.json"))).unwrap()).unwrap();
        assert!(plan.lint().unwrap().is_clean());
    }
    let samples = |row: &str| read_f8(&demo.join(format!("samples-{row}.npy")));
    let (shape, one) = samples("vp-ode");
    assert_eq!(shape, "359, 8, 8");
    for row in ["ve-karras", "rectified-flow"] {
        let worst = samples(row).1.iter().zip(&one).fold(0.0_f64, |worst, (a, b)| worst.max((a - b).abs()));
        // In pixels of 0 to 16: the float32 of the network's input, through 20 steps.
        assert!(worst < 0.05, "{row}: {worst}");
    }
    // The model knows what was kept from it.
    let (_, stderr) = works(here, "evaluate langevin-demo/model.safetensors --data digits -n 40");
    assert!(stderr.contains("against 40 rows that were held out"), "{stderr}");
    for word in ["VP-SDE", "VP-ODE", "VE-Karras", "Rectified flow", "real data", "three ODE rows"] {
        assert!(stdout.contains(word), "{stdout}");
    }
}
