//! Commands that run a plan.

use crate::io::say;
use langevin::Plan;
use std::path::Path;

/// Name of the samples file in printed commands.
const SAMPLES: &str = "samples.npy";

/// Returns the command that runs a plan from a file, with the flags of `sample` that name the
/// model. Returns `None` for a plan that only a program can start.
pub fn command(plan: &Plan, model: &str, file: &Path) -> Option<String> {
    let takes = |name: &str| plan.inputs().iter().any(|input| input.name == name);
    if plan.inputs().iter().any(|input| !["image", "mask"].contains(&input.name.as_str())) {
        return None;
    }
    let mut flags = String::new();
    for (wanted, flag) in
        [(plan.is_guided(), " --class CLASS"), (takes("image"), " --from FILE"), (takes("mask"), " --mask FILE")]
    {
        if wanted {
            flags.push_str(flag);
        }
    }
    let file = quoted(&file.display().to_string());
    Some(format!("langevin sample {model} --plan {file}{flags} -n 64 --out {SAMPLES}"))
}

/// Prints the command that runs a plan.
pub fn say_command(plan: &Plan, model: &str, file: &Path) {
    match command(plan, model, file) {
        Some(command) => say(&format!("run it: {command}")),
        None => say("run it in Python: plan.run(model, shape, inputs=[state])"),
    }
}

/// Returns a text quoted for a shell.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:,=+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
