//! Remarks for users of the originals: runs on which they fail, and the changes of the consistent
//! plan.

use super::Diffusers;
use super::call::Call;
use langevin::error::Result;
use langevin::plan::{Op, Plan};

impl Diffusers {
    /// Returns the reason why the original raises an error or returns NaN on this run although it
    /// can be imported; `None` if it does neither. The reasons are known from its source and were
    /// checked against recordings.
    ///
    /// ```
    /// use langevin_import::{Call, Diffusers};
    /// let config = Diffusers::parse(r#"{"_class_name": "UnCLIPScheduler"}"#)?;
    /// assert_eq!(config.fault(&Call::steps(1))?, Some("ZeroDivisionError: one step"));
    /// assert_eq!(config.fault(&Call::steps(2))?, None);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`tables`](Self::tables).
    pub fn fault(&self, call: &Call) -> Result<Option<&'static str>> {
        let call = Call { consistent: false, ..call.clone() };
        let tables = self.tables(&call)?;
        Ok(self.parsed()?.scheduler.fault(&call, &tables).and_then(|quirk| quirk.remark))
    }

    /// Returns the lint finding that every plan of this class has, because of the definition of the
    /// class.
    ///
    /// ```
    /// use langevin_import::Diffusers;
    /// assert!(Diffusers::parse(r#"{"_class_name": "LCMScheduler"}"#)?.declares().is_some());
    /// assert_eq!(Diffusers::parse(r#"{"_class_name": "DDIMScheduler"}"#)?.declares(), None);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn declares(&self) -> Option<&'static str> {
        self.class.declares.and_then(|quirk| quirk.remark)
    }

    /// Returns the differences between the consistent plan and the original's; empty if there are
    /// none.
    ///
    /// ```
    /// use langevin_import::{Call, Diffusers};
    /// let json = r#"{"_class_name": "DDIMScheduler", "timestep_spacing": "linspace"}"#;
    /// let config = Diffusers::parse(json)?;
    /// assert!(!config.fixed(&Call::steps(8))?.is_empty());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error under the conditions of [`plan`](Self::plan) for the consistent call.
    pub fn fixed(&self, call: &Call) -> Result<Vec<String>> {
        let fixed = self.plan(&Call { consistent: true, ..call.clone() })?;
        Ok(match self.plan(&Call { consistent: false, ..call.clone() }) {
            Ok(plain) => differences(&plain, &fixed),
            Err(error) => vec![format!(
                "there is a plan; the original's is refused: {}",
                error.to_string().lines().next().unwrap_or_default()
            )],
        })
    }
}

/// Returns the times and noise levels of the network calls.
fn calls(plan: &Plan) -> Vec<(f64, f64)> {
    let call = |op: &Op| {
        if let Op::Eval { net: Some(net), level, .. } = op { Some((net.time, level.sigma_ve())) } else { None }
    };
    plan.ops().iter().filter_map(call).collect()
}

/// Returns the first noise factor, that of the start.
fn start(plan: &Plan) -> Option<f64> {
    plan.ops()
        .iter()
        .find_map(|op| if let Op::Combine { noise, .. } = op { noise.first().map(|noise| noise.0) } else { None })
}

fn differences(plain: &Plan, fixed: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    let (old, new) = (calls(plain), calls(fixed));
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
    if let (Some(old), Some(new)) = (start(plain), start(fixed))
        && (old - new).abs() > 1e-6 * old.abs()
    {
        all.push(format!("it starts from noise of {new:.6} in place of {old:.6}"));
    }
    let end = |plan: &Plan| plan.moves().last().map(|last| last.to.sigma_ve());
    if let (Some(old), Some(new)) = (end(plain), end(fixed))
        && (old - new).abs() > 1e-6 * old.max(new)
    {
        all.push(format!("it ends at σ/α = {new:.6} in place of {old:.6}"));
    }
    if plain.draws() != fixed.draws() {
        all.push(format!("{} draws of noise in place of {}", fixed.draws(), plain.draws()));
    }
    if plain.is_linear() != fixed.is_linear() {
        all.push("D is clamped".to_owned());
    }
    if all.is_empty() && !alike(plain, fixed) {
        all.push("the weights of its rows".to_owned());
    }
    all
}

/// Returns true if two plans have the same rows up to float32 rounding.
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
