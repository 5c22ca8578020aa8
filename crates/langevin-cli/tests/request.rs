//! The command line compiles a request to the plan that the library compiles it to.
#![allow(clippy::unwrap_used)]

mod common;

use common::langevin;
use langevin::Request;
use langevin::sampler::Entry;

/// Processes, grids, steps and ranges as words of a request; a sampler comes in front.
const SETTINGS: [&str; 4] = [
    "process=rectified-flow",
    "process=vp grid=uniform-lambda steps=6",
    "process=ve grid=flow-shift:3 steps=7 sigma-min=0.01 sigma-max=50",
    "process=table:scaled-linear grid=trailing steps=12",
];

/// The plan that `langevin plan` prints, or the first line of its error.
fn by_command_line(request: &Request) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut command = langevin(directory.path());
    command.args(["plan", "--json"]);
    for (word, value) in request.words() {
        match word {
            "image" => command.arg("--image"),
            _ => command.args([format!("--{word}"), value]),
        };
    }
    let output = command.output().unwrap();
    let text = if output.status.success() { &output.stdout } else { &output.stderr };
    String::from_utf8(text.clone()).unwrap()
}

/// What the library makes of the request, as the command line would print it.
fn by_library(request: &Request) -> String {
    match request.plan() {
        Ok(plan) => plan.to_json(),
        Err(error) => {
            format!("error: {}\n", langevin::request::spelled(&error.to_string(), |word| format!("--{word}")))
        }
    }
}

fn check(text: &str) {
    let request: Request = text.parse().unwrap();
    assert_eq!(by_command_line(&request), by_library(&request), "{text}");
}

#[test]
fn every_sampler_has_one_plan() {
    for entry in Entry::all() {
        for setting in SETTINGS {
            check(&format!("sampler={} {setting}", entry.name));
        }
    }
}

#[test]
fn every_word_reaches_the_plan() {
    for text in [
        "process=rectified-flow",
        "process=vp eta=0.5",
        "process=vp predict=epsilon sampler=heun:churn=40,tmin=0.05 nfe=15",
        "process=vp moves='(R L(0.5))*7' eta=1",
        "process=ve moves='R*4 F(0) R*9'",
        "process=vp grid=list:80,10,1,0",
        "process=vp start-at=12 image clamp=-1,1",
        "process=vp start-at=3 threshold=0.995,10 guidance=4",
        "process=vp grid=vp sigma-max=10",
        "process=vp sigma-min=9 sigma-max=3",
        "process=vp grid=list:80,1,0 nfe=9",
    ] {
        check(text);
    }
}
