//! `langevin info`: description of a model.

use super::tokens;
use crate::cli::InfoArgs;
use crate::error::{Blame as _, Result};
use crate::io::print;
use crate::progress::duration;
use crate::words::{plural, visible};
use langevin::Formulation;
use langevin_tasks::source::Source;
use langevin_tasks::tokens::Opened;
use langevin_train::{Coupling, DataSpec, MomentsKind, Network};
use std::fmt::Write as _;

/// Runs the command.
pub fn run(args: &InfoArgs) -> Result<()> {
    let source = match args.source.open_either()? {
        Opened::Tokens(model) => return print(&tokens::info::text(&model, args.json)?),
        Opened::Numbers(source) => source,
    };
    let text = match (source.network(), args.json) {
        (Some(network), true) => serde_json::to_string_pretty(network.metadata()).or_failed()? + "\n",
        (Some(network), false) => summary(network),
        (None, json) if let Some(formulation) = source.formulation() => elsewhere(&source, formulation, json),
        (None, true) => format!("{}\n", serde_json::json!({ "exact": source.name(), "shape": source.shape() })),
        (None, false) => {
            let numbers = plural(source.width() as u64, "number");
            format!("{}: a density known in closed form, samples of {numbers}\n", source.name())
        }
    };
    print(&text)
}

/// Describes a network from an ONNX file: its declaration and the contents of the file.
fn elsewhere(source: &Source<'_>, formulation: &Formulation, json: bool) -> String {
    let (process, prediction) = (formulation.process.name(), formulation.prediction.name());
    let (inputs, output) =
        source.onnx_network().map_or_else(Default::default, |network| (network.inputs(), network.output()));
    if json {
        let document = serde_json::json!({
            "onnx": source.name(), "shape": source.shape(), "process": process, "prediction": prediction,
            "clock": formulation.clock.to_string(), "sigma_range": formulation.range.map(|range| range.sigma_ve()),
            "inputs": inputs, "output": output,
        });
        return format!("{document}\n");
    }
    let levels = match formulation.range {
        Some(range) => {
            let (low, high) = range.sigma_ve();
            format!("σ/α from {high:.4} down to {low:.4}")
        }
        None => "all".to_owned(),
    };
    let rows = [
        ("network", format!("{}, an ONNX file", source.name())),
        ("inputs", inputs.join(", ")),
        ("output", output),
        ("shape", format!("{:?}", source.shape())),
        ("process", process),
        ("prediction", prediction.to_owned()),
        ("clock", formulation.clock.to_string()),
        ("noise levels", levels),
    ];
    rows.iter().map(|(name, value)| format!("{name:<12} {}\n", visible(value))).collect()
}

/// Returns the metadata as text, one property per line.
fn summary(network: &Network) -> String {
    let metadata = network.metadata();
    let (formulation, data, training) = (&metadata.formulation, &metadata.data, &metadata.training);
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<12} {}", visible(&value));
    };
    line("process", network.formulation().process.name());
    line("prediction", formulation.prediction.name().to_owned());
    match formulation.range {
        Some(range) => line(
            "noise levels",
            format!(
                "λ from {:.4} to {:.4} (σ/α from {:.4} down to {:.4})",
                range.min,
                range.max,
                (-range.min).exp(),
                (-range.max).exp()
            ),
        ),
        None => line("noise levels", "all".to_owned()),
    }
    line("network", format!("{}, {}", kind(network), plural(network.parameters() as u64, "weight")));
    let held = data.held_out.map(|held| format!(", {} of all held out", percent(held.share))).unwrap_or_default();
    line("data", format!("{}, {} of shape {:?}{held}", data.name, plural(data.rows as u64, "row"), data.shape));
    for (name, value) in read(data) {
        line(name, value);
    }
    line("scale", network.normalization().describe(&data.shape));
    line("moments", moments(network));
    line(
        "training",
        format!(
            "{} of {} in {}, seed {}",
            plural(training.steps, "step"),
            plural(training.batch as u64, "row"),
            duration(training.seconds),
            training.seed
        ),
    );
    line("objective", objective(network));
    line("optimiser", format!("learning rate {}, average {}", training.learning_rate, training.ema));
    line("loss", format!("{:.5}", training.final_loss));
    text
}

/// Describes the training objective and its parameters.
fn objective(network: &Network) -> String {
    let training = &network.metadata().training;
    let mut text = format!("{} weight, {} times", training.weight.name(), training.times.name());
    if training.learned.is_some() {
        text.push_str(", drawn from a learned density");
    }
    if training.coupling != Coupling::Independent {
        text.push_str(", noise coupled by transport: for ODEs only");
    }
    if network.metadata().data.dequantized {
        text.push_str(", data dequantised");
    }
    text
}

/// Describes how rows of the file became rows of the model: columns, constants, logarithms, axes.
fn read(data: &DataSpec) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if !data.classes.is_empty() {
        lines.push(("classes", some(data.classes.iter().cloned())));
    }
    if let Some(frame) = &data.frame {
        if !frame.names.is_empty() {
            lines.push(("columns", some(frame.names.iter().cloned())));
        }
        if !frame.constants.is_empty() {
            let constants = frame.constants.iter().map(|one| format!("{} = {}", frame.column(one.element), one.value));
            lines.push(("constants", some(constants)));
        }
        if !frame.logs.is_empty() {
            lines.push(("logarithms", some(frame.logs.iter().map(|element| frame.column(*element)))));
        }
        if let Some(axes) = frame.axes {
            lines.push(("axes", format!("{} in the file, of shape {:?}", axes.name(), frame.shape)));
        }
    }
    if data.dequantized {
        lines.push(("dequantised", "a number below the spacing was added to each value".to_owned()));
    }
    lines
}

/// Lists the first entries and the number of all entries.
fn some(all: impl ExactSizeIterator<Item = String>) -> String {
    let (count, first) = (all.len(), all.take(LISTED).collect::<Vec<String>>().join(", "));
    if count > LISTED { format!("{first}, … ({count} in all)") } else { first }
}

/// Maximum number of names in a line.
const LISTED: usize = 12;

/// Formats a share of the whole data as a percentage.
fn percent(share: f64) -> String {
    format!("{} %", (share * 1000.0).round() / 10.0)
}

/// Describes the moments of the training data in the file.
fn moments(network: &Network) -> String {
    let (metadata, width) = (network.metadata(), network.width());
    let Some(spec) = metadata.moments else {
        return "none: recommend and analyze need --data".to_owned();
    };
    let rows = match spec.rows == metadata.data.rows {
        true => String::new(),
        false => format!(" over {}", plural(spec.rows as u64, "row")),
    };
    match spec.kind {
        MomentsKind::Covariance => format!("mean and covariance, {width} × {width}{rows}"),
        _ => format!("eigenvalues of the covariance, {width} axes{rows}"),
    }
}

/// Describes the kind of network and its sizes, as in the metadata.
fn kind(network: &Network) -> String {
    let value = serde_json::to_value(&network.metadata().network).unwrap_or_default();
    let mut words: Vec<String> =
        value.get("kind").and_then(|kind| kind.as_str()).map(str::to_owned).into_iter().collect();
    for (name, size) in value.as_object().into_iter().flatten().filter(|(name, _)| *name != "kind") {
        words.push(format!("{name} {size}"));
    }
    words.join(", ")
}
