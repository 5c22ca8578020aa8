//! A plan unrolled around an ONNX network: one file from noise to samples.

use crate::content::{self, Content};
use crate::error::{Blame as _, Error, Result};
use crate::observe::{Note, Observer};
use crate::source::{Declared, contradicts, onnx_failure};
use crate::words::{shown, visible};
use langevin::Plan;
use langevin_data::guard;
use langevin_onnx::{UnrollOptions, Unrolled};
use std::path::Path;

/// The network that a plan is unrolled around.
///
/// ```
/// use langevin::Request;
/// use langevin_tasks::source::Declared;
/// use langevin_tasks::unroll::Around;
/// let declared = Declared::default();
/// let around = Around { network: "missing.onnx".as_ref(), declared: &declared, inputs: &[] };
/// let error = around.unroll(&Request::new().steps(4).plan()?, &()).unwrap_err();
/// assert_eq!(error.to_string(), "no such file (‹onnx› missing.onnx)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The ONNX file.
    pub network: &'a Path,
    /// The declaration. Its values of further inputs and its shape are not used.
    pub declared: &'a Declared,
    /// The names of the further inputs; if empty, they are found by their names and shapes.
    pub inputs: &'a [String],
}

impl Around<'_> {
    /// Returns a plan converted for the network that is declared. A plan stays as it is if no
    /// process and no prediction are declared.
    ///
    /// ```
    /// use langevin::Request;
    /// use langevin_tasks::source::Declared;
    /// use langevin_tasks::unroll::Around;
    /// let text = |text: &str| Some(text.to_owned());
    /// let declared =
    ///     Declared { process: text("vp"), predict: text("epsilon"), ..Declared::default() };
    /// let around = Around { network: "net.onnx".as_ref(), declared: &declared, inputs: &[] };
    /// let plan = around.convert(&Request::new().plan()?, &())?;
    /// assert_eq!(plan.network().expect("a network").prediction.name(), "epsilon");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the declaration is incomplete, or if the plan cannot be converted.
    pub fn convert(&self, plan: &Plan, observer: &dyn Observer) -> Result<Plan> {
        if self.declared.process.is_none() && self.declared.predict.is_none() {
            return Ok(plan.clone());
        }
        let own = self.declared.formulation()?;
        // A plan may leave the trained range, which a note reports.
        let mut bare = own.clone();
        bare.range = None;
        if let Some([from, to]) = plan.differs_from(Some(&bare)) {
            observer.note(&Note::Converted { from, to });
        }
        let converted = plan.for_network(&own).or_misused()?;
        if let (Some(trained), Some([min, max])) = (own.range, plan.noise_levels())
            && plan.outside(&trained) > 0
        {
            let (outside, evaluations, trained) = (plan.outside(&trained), plan.nfe(), trained.sigma_ve());
            observer.note(&Note::Outside { outside, evaluations, trained, plan: (min, max) });
        }
        Ok(converted)
    }

    /// Unrolls a plan around the network. The plan must be compiled for the network, or
    /// [converted](Self::convert).
    ///
    /// # Errors
    /// Returns an error if the file is not a suitable network, or if the plan cannot be unrolled.
    pub fn unroll(&self, plan: &Plan, observer: &dyn Observer) -> Result<Unrolled> {
        content::check("‹onnx›", self.network, Content::Onnx, observer)?;
        let map = self.declared.normalization()?;
        let (shift, scale) = (map.shift.first().copied(), map.scale.first().copied());
        let mut options = UnrollOptions::default().normalization(shift.unwrap_or(0.0), scale.unwrap_or(1.0));
        for name in self.inputs {
            options = options.input(name);
        }
        if let Some(output) = &self.declared.output {
            options = options.output(output);
        }
        guard::caught(|| langevin_onnx::unroll(plan, self.network, &options))
            .map_or_else(|| Err(contradicts(self.network)), |read| read.map_err(|error| onnx_failure(&error)))
    }

    /// Checks that the file `out` can find the weights that the network keeps in other files, which
    /// are named relative to the network's folder, and that it replaces none of them.
    ///
    /// # Errors
    /// Returns an error if the network has such weights, and `out` is in another folder or is one
    /// of the other files.
    pub fn check_data(&self, unrolled: &Unrolled, out: &Path) -> Result<()> {
        let folder = |path: &Path| path.parent().and_then(|folder| folder.join(".").canonicalize().ok());
        let beside = self.network.parent().unwrap_or(Path::new(""));
        let replaces = |name: &String| same_file::is_same_file(beside.join(name), out).unwrap_or(false);
        let wrong = match unrolled.data.iter().find(|name| replaces(name)) {
            Some(name) => Some(name),
            None if folder(self.network) == folder(out) => None,
            None => unrolled.data.first(),
        };
        let Some(name) = wrong else { return Ok(()) };
        Err(Error::misused("the network has weights in a file of its own, which the new file refers to")
            .at("‹out›")
            .expected(format!("a new file beside '{}', in the folder of the network", visible(name)))
            .got(shown(out)))
    }
}
