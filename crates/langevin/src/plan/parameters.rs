//! The coefficients of a plan as one list, for programs that change or optimise them.

use super::{Op, Plan};
use crate::error::{Error, Result};

impl Plan {
    /// Returns the coefficients of all rows: for each instruction in order, those of its terms,
    /// then those of its draws.
    ///
    /// Noise levels and conversions of the network are not among them.
    ///
    /// ```
    /// use langevin::{Grid, Process, Sampler};
    /// let process = Process::rectified_flow();
    /// let levels = Grid::parse("times:0.5,0", None)?.levels(&process, 0.002, 80.0)?;
    /// let plan = Sampler::ddim(0.0).compile(&process, None, &levels)?;
    /// // x ← 0.5·z0, then x ← 1·D0.
    /// assert_eq!(plan.parameters(), [0.5, 1.0]);
    /// # Ok::<(), langevin::Error>(())
    /// ```
    #[must_use]
    pub fn parameters(&self) -> Vec<f64> {
        let of = |op: &Op| match op {
            Op::Combine { terms, noise, .. } => {
                terms.iter().map(|term| term.0).chain(noise.iter().map(|term| term.0)).collect()
            }
            _ => Vec::new(),
        };
        self.ops.iter().flat_map(of).collect()
    }

    /// Returns the plan with other coefficients, in the order of [`parameters`](Self::parameters).
    ///
    /// The moves keep their notes, so the lint reports what the new coefficients break.
    ///
    /// ```
    /// use langevin::Request;
    /// let plan = Request::new().sampler("dpmpp-2m").steps(4).plan()?;
    /// let mut parameters = plan.parameters();
    /// parameters[1] *= 1.3;
    /// let changed = plan.with_parameters(&parameters)?;
    /// assert!(plan.lint()?.is_clean() && !changed.lint()?.is_clean());
    /// # Ok::<(), langevin::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the number of coefficients differs, or if one is not finite.
    pub fn with_parameters(&self, parameters: &[f64]) -> Result<Self> {
        let expected = self.parameters().len();
        if parameters.len() != expected {
            return Err(Error::argument("the plan has another number of parameters")
                .expected(expected.to_string())
                .got(parameters.len().to_string()));
        }
        let mut plan = self.clone();
        let mut given = parameters.iter().copied();
        for op in &mut plan.ops {
            if let Op::Combine { terms, noise, .. } = op {
                let coefs = terms.iter_mut().map(|term| &mut term.0).chain(noise.iter_mut().map(|term| &mut term.0));
                coefs.zip(given.by_ref()).for_each(|(coef, value)| *coef = value);
            }
        }
        plan.validate()?;
        Ok(plan)
    }
}
