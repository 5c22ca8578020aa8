//! What a user of the original should know: whether it fails on this run, and what the consistent plan has otherwise.

use super::config::Config;
use super::{Call, Diffusers, Tables};
use langevin::error::Result;
use langevin::plan::{Op, Plan};

impl Diffusers {
    /// Whether the original raises or ends in NaN on this run although there is a plan of it here, and why.
    ///
    /// Known from its source and held to its recordings.
    ///
    /// # Errors
    /// As [`tables`](Self::tables).
    pub fn fault(&self, call: &Call) -> Result<Option<&'static str>> {
        let call = Call { consistent: false, ..call.clone() };
        let tables = self.tables(&call)?;
        fault(self.class.name.trim_end_matches("Scheduler"), &self.config.fresh(), &call, &tables)
    }

    /// What the lint will find in every plan of this class, because the class is made so.
    #[must_use]
    pub fn declares(&self) -> Option<&'static str> {
        match self.class.name {
            "LCMScheduler" => Some(
                "the boundary f = c_skip x + c_out D moves the mean of every move by σ_d²/2y² of it, y = timestep_scaling × time: up from 10⁻⁹, which the lint names",
            ),
            "CMStochasticIterativeScheduler" => Some(
                "the boundary of a consistency model moves the mean of every move, and its noise starts from sigma_min: the lint names both",
            ),
            _ => None,
        }
    }

    /// What the consistent plan has otherwise than the original's; nothing where they are the same.
    ///
    /// # Errors
    /// As [`plan`](Self::plan) of the consistent call.
    pub fn mended(&self, call: &Call) -> Result<Vec<String>> {
        let mended = self.plan(&Call { consistent: true, ..call.clone() })?;
        Ok(match self.plan(&Call { consistent: false, ..call.clone() }) {
            Ok(plain) => differences(&plain, &mended),
            Err(error) => vec![format!(
                "there is a plan; the original's is refused: {}",
                error.to_string().lines().next().unwrap_or_default()
            )],
        })
    }
}

/// The times and factors of the network's calls.
fn calls(plan: &Plan) -> Vec<(f64, f64)> {
    let call = |op: &Op| {
        if let Op::Eval { net: Some(net), level, .. } = op { Some((net.time, level.sigma_ve())) } else { None }
    };
    plan.ops().iter().filter_map(call).collect()
}

/// The first factor of noise: the start's.
fn start(plan: &Plan) -> Option<f64> {
    plan.ops()
        .iter()
        .find_map(|op| if let Op::Combine { noise, .. } = op { noise.first().map(|noise| noise.0) } else { None })
}

fn differences(plain: &Plan, mended: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    let (old, new) = (calls(plain), calls(mended));
    if old.len() != new.len() {
        all.push(format!("{} evaluations in place of {}", new.len(), old.len()));
    }
    let other = |part: fn(&(f64, f64)) -> f64| {
        old.iter()
            .zip(&new)
            .map(|(old, new)| (part(old), part(new)))
            .find(|(old, new)| (old - new).abs() > 1e-5 * old.abs().max(1e-3))
    };
    if let Some((old, new)) = other(|call| call.0) {
        all.push(format!("the network is asked at time {new} in place of {old}"));
    }
    if let Some((old, new)) = other(|call| call.1) {
        all.push(format!("the network is asked at σ/α = {new:.6} in place of {old:.6}"));
    }
    if let (Some(old), Some(new)) = (start(plain), start(mended))
        && (old - new).abs() > 1e-6 * old.abs()
    {
        all.push(format!("it starts from noise of {new:.6} in place of {old:.6}"));
    }
    let end = |plan: &Plan| plan.moves().last().map(|last| last.to.sigma_ve());
    if let (Some(old), Some(new)) = (end(plain), end(mended))
        && (old - new).abs() > 1e-6 * old.max(new)
    {
        all.push(format!("it ends at σ/α = {new:.6} in place of {old:.6}"));
    }
    if plain.draws() != mended.draws() {
        all.push(format!("{} draws of noise in place of {}", mended.draws(), plain.draws()));
    }
    if plain.is_linear() != mended.is_linear() {
        all.push("D is clamped".to_owned());
    }
    if all.is_empty() && !alike(plain, mended) {
        all.push("the weights of its rows".to_owned());
    }
    all
}

/// Whether two plans have the same rows, but for float32.
fn alike(a: &Plan, b: &Plan) -> bool {
    let row = |op: &Op| -> Vec<f64> {
        match op {
            Op::Combine { terms, noise, .. } => {
                terms.iter().map(|term| term.0).chain(noise.iter().map(|noise| noise.0)).collect()
            }
            _ => vec![],
        }
    };
    let near = |(a, b): (f64, f64)| (a - b).abs() <= 1e-6 * a.abs().max(1.0);
    a.ops().len() == b.ops().len()
        && a.ops()
            .iter()
            .map(row)
            .zip(b.ops().iter().map(row))
            .all(|(a, b)| a.len() == b.len() && a.into_iter().zip(b).all(near))
}

/// Whether any step of `count` is of the third order, by the rules for the last two of a run.
fn third(config: &Config, count: usize, zero: bool) -> Result<bool> {
    let (lower, euler) = (config.flag("lower_order_final", true)? && count < 15, config.flag("euler_at_final", false)?);
    let last = count - usize::from(lower || euler || zero);
    Ok((2..last).any(|index| !(lower && index + 2 == count)))
}

const WHOLE: [&str; 5] = ["DPMSolverMultistep", "DPMSolverSinglestep", "DEISMultistep", "UniPCMultistep", "SASolver"];

fn fault(class: &str, config: &Config, call: &Call, tables: &Tables) -> Result<Option<&'static str>> {
    let (times, sigmas) = (&tables.timesteps, &tables.sigmas);
    let text = |key: &'static str, default: &'static str| config.text(key).unwrap_or_else(|| default.to_owned());
    let zero = text("final_sigmas_type", "zero") == "zero" && sigmas.last() == Some(&0.0);
    let order = config.whole("solver_order", 2)?;
    let (algorithm, kind) = (text("algorithm_type", "dpmsolver++"), text("solver_type", "midpoint"));
    let threshold = config.flag("thresholding", false)?;
    let flow = config.flag("use_flow_sigmas", false)?;
    let twin = sigmas.len() > 1 && sigmas[sigmas.len() - 1] == sigmas[sigmas.len() - 2];
    let count = times.len().max(1);
    let twice = call.start_at.is_none() && times.len() > 1 && times[0] == times[1];
    let one_stretched = config.maybe_number("shift_terminal")?.is_some_and(|end| end != 0.0) && times.len() == 1;
    Ok(match class {
        "DDPM" | "DDPMParallel" if text("variance_type", "fixed_small") == "fixed_large_log" && times.len() > 1 => {
            Some("NaN: the logarithm of β is negative, and its root is taken")
        }
        "DDIMInverse" if text("prediction_type", "epsilon") == "sample" && config.flag("set_alpha_to_one", true)? => {
            Some("NaN: its first step divides by σ = 0")
        }
        "DPMSolverMultistep" if ["dpmsolver", "sde-dpmsolver"].contains(&algorithm.as_str()) && zero => {
            Some("ValueError: a solver of ε does not go to 0")
        }
        "DPMSolverMultistep" | "EDMDPMSolverMultistep" | "CosineDPMSolverMultistep"
            if order == 3
                && (algorithm == "sde-dpmsolver" && class == "DPMSolverMultistep"
                    || algorithm == "sde-dpmsolver++" && class == "EDMDPMSolverMultistep"
                    || class == "CosineDPMSolverMultistep")
                && third(config, count, zero)? =>
        {
            Some("UnboundLocalError: the SDE has no third order there")
        }
        class if flow && noisy(class, config)? && text("prediction_type", "epsilon") == "flow_prediction" => {
            Some("ValueError: a solver of ε reads no flow_prediction")
        }
        "DPMSolverSinglestep" if threshold && algorithm == "dpmsolver" => {
            Some("RuntimeError: thresholding of ε indexes its table with no time")
        }
        "SASolver" if threshold && text("algorithm_type", "data_prediction") == "noise_prediction" => {
            Some("RuntimeError: thresholding of ε indexes its table with no time")
        }
        "UniPCMultistep" if zero && (kind == "bh1" || !config.flag("predict_x0", true)?) => Some("NaN: ∞·0 at σ = 0"),
        "UniPCMultistep" | "FlowMatchEulerDiscrete" if one_stretched && (flow || class.starts_with("Flow")) => {
            Some("NaN: a single level has nothing to stretch by")
        }
        "UnCLIP" if times.len() == 1 => Some("ZeroDivisionError: one step"),
        "SCM" if times.len() != 3 && call.timesteps.is_none() && !call.set.contains_key("intermediate_timesteps") => {
            Some("ValueError: an intermediate time is for two steps; give intermediate_timesteps=null")
        }
        class if twice && WHOLE.contains(&class) => {
            Some("IndexError or AssertionError: the first time occurs twice, and the run starts at the second")
        }
        "EulerDiscrete" | "DPMSolverMultistepInverse" if twice => {
            Some("IndexError: the first time occurs twice, and the run starts at the second")
        }
        "DPMSolverMultistep" | "DPMSolverMultistepInverse"
            if twin
                && (count >= 15 || !config.flag("lower_order_final", true)?)
                && last_divides(order, &kind, count) =>
        {
            Some("NaN: the last level occurs twice")
        }
        "EulerAncestralDiscrete" | "KDPM2Discrete" | "KDPM2AncestralDiscrete" | "DPMSolverSDE"
            if text("prediction_type", "epsilon") == "sample" =>
        {
            Some("NotImplementedError: it knows no sample prediction")
        }
        "EulerAncestralDiscrete" | "KDPM2AncestralDiscrete" if upward(class, sigmas) => {
            Some("NaN on most machines: in float32 its σ_up is above the level it goes to")
        }
        _ => None,
    })
}

/// Whether the solver extrapolates ε.
fn noisy(class: &str, config: &Config) -> Result<bool> {
    let algorithm = config.text("algorithm_type").unwrap_or_default();
    Ok(match class {
        "UniPCMultistep" => !config.flag("predict_x0", true)?,
        "SASolver" => algorithm == "noise_prediction",
        "DPMSolverMultistep" | "DPMSolverSinglestep" | "DPMSolverMultistepInverse" => {
            ["dpmsolver", "sde-dpmsolver"].contains(&algorithm.as_str())
        }
        _ => false,
    })
}

/// Whether the last step of a run divides by its length.
fn last_divides(order: usize, kind: &str, count: usize) -> bool {
    order == 3 && count >= 3 || order == 2 && count >= 2 && kind == "heun"
}

/// Whether σ_up is above σ_to in float32: √(σ_to²(σ² − σ_to²)/σ²) after a step so long that σ² − σ_to² is σ².
fn upward(class: &str, sigmas: &[f64]) -> bool {
    let nodes: Vec<f32> = match class {
        "EulerAncestralDiscrete" => sigmas.iter().map(|y| *y as f32).collect(),
        _ => sigmas.iter().enumerate().filter(|(i, _)| *i == 0 || i % 2 == 1).map(|(_, y)| *y as f32).collect(),
    };
    nodes.windows(2).any(|pair| {
        let (from, to) = (pair[0] * pair[0], pair[1] * pair[1]);
        let up = (to * (from - to) / from).sqrt();
        to - up * up < 0.0
    })
}
