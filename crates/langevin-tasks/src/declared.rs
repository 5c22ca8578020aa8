//! The declaration of an ONNX network by its caller.

use crate::error::{Blame as _, Error, Result};
use crate::words::either_case;
use langevin::formulation::InputScaling;
use langevin::{Clock, Formulation, LambdaRange, Prediction, Process};
use langevin_discrete::{Noise, Parameterization};
use langevin_onnx::TokensAs;
use langevin_train::Normalization;
use std::path::PathBuf;

/// Declaration of an ONNX network: the facts that the file does not contain.
///
/// ```
/// use langevin_tasks::source::Declared;
/// let declared = Declared {
///     process: Some("table:scaled-linear".to_owned()),
///     predict: Some("epsilon".to_owned()),
///     ..Declared::default()
/// };
/// assert_eq!((declared.clock, declared.normalization), (None, None));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// Noise process of the states.
    pub process: Option<String>,
    /// Quantity that the network predicts.
    pub predict: Option<String>,
    /// Clock of the time input; `None` for the time of the process.
    pub clock: Option<String>,
    /// σ_data of EDM's input scaling; `None` if the input is the state itself.
    pub input_sigma_data: Option<f64>,
    /// Trained noise range, in σ/α; `None` for the levels of a table, or all levels for other
    /// processes.
    pub trained_range: Option<[f64; 2]>,
    /// Shift and scale of x = (datum − shift)/scale.
    pub normalization: Option<(f64, f64)>,
    /// Shape of a sample, if the file leaves it open.
    pub shape: Option<Vec<usize>>,
    /// Further inputs with the files of their values.
    pub inputs: Vec<(String, PathBuf)>,
    /// Name of the output to read.
    pub output: Option<String>,
    /// Declaration of a network on tokens; `None` for a network on numbers.
    pub tokens: Option<DeclaredTokens>,
}

/// Declaration of an ONNX network on tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredTokens {
    /// Name of the noise: masked or uniform.
    pub noise: String,
    /// Identifier of the mask.
    pub mask: Option<usize>,
}

impl Declared {
    /// Returns the formulation of the network.
    ///
    /// ```
    /// use langevin_tasks::source::Declared;
    /// let text = |text: &str| Some(text.to_owned());
    /// let declared =
    ///     Declared { process: text("table:linear"), predict: text("v"), ..Declared::default() };
    /// assert!(declared.formulation()?.range.is_some());
    /// assert!(Declared::default().formulation().is_err());
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the process or the prediction is missing, or if a value is wrong.
    pub fn formulation(&self) -> Result<Formulation> {
        let given = |value: Option<&str>, name: &str| {
            value.map(str::to_owned).ok_or_else(|| {
                Error::misused("an ONNX file does not say what it is").at("‹onnx›").expected(format!("‹{name}›"))
            })
        };
        let process = either_case(&given(self.process.as_deref(), "process")?, Process::parse).or_misused()?;
        let prediction = either_case(&given(self.predict.as_deref(), "predict")?, Prediction::parse).or_misused()?;
        let mut formulation = Formulation::new(process, prediction)
            .with_clock(Clock::parse(self.clock.as_deref().unwrap_or("time")).or_misused()?);
        if let Some(sigma_data) = self.input_sigma_data {
            formulation = formulation.with_input(InputScaling::UnitVariance { sigma_data });
        }
        let range = match self.trained_range {
            Some([low, high]) => Some(LambdaRange::from_sigma_ve(low, high).or_misused()?),
            // A network for a table was trained on the levels of the table. A table that ends in
            // pure noise has no finite last λ and sets no range.
            None => {
                let bars = formulation.process.alpha_bars().unwrap_or_default();
                formulation.table_range().filter(|_| bars.last() != Some(&0.0))
            }
        };
        if let Some(range) = range {
            formulation = formulation.with_range(range);
        }
        Ok(formulation)
    }

    /// Returns the declaration of a network on tokens, which predicts a posterior by default.
    ///
    /// ```
    /// use langevin_discrete::Parameterization;
    /// use langevin_tasks::source::{Declared, DeclaredTokens};
    /// let tokens = Some(DeclaredTokens { noise: "masked".to_owned(), mask: Some(103) });
    /// let declared = Declared { tokens, ..Declared::default() };
    /// assert_eq!(declared.tokens_as()?.prediction, Parameterization::Posterior);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the noise or the prediction is unknown, or a field of networks on
    /// numbers is set.
    pub fn tokens_as(&self) -> Result<TokensAs> {
        let Some(tokens) = &self.tokens else {
            return Err(Error::misused("the network is not declared as one on tokens")
                .at("‹onnx›")
                .expected("‹noise›"));
        };
        let of_numbers = [
            ("‹process›", self.process.is_some()),
            ("‹clock›", self.clock.is_some()),
            ("‹input-sigma-data›", self.input_sigma_data.is_some()),
            ("‹trained-range›", self.trained_range.is_some()),
            ("‹normalization›", self.normalization.is_some()),
        ];
        if let Some((flag, _)) = of_numbers.iter().find(|(_, given)| *given) {
            return Err(Error::misused("the network is on tokens, and the flag is for numbers")
                .at(*flag)
                .hint(format!("leave out {flag}")));
        }
        let noise: Noise = either_case(&tokens.noise, str::parse).or_misused()?;
        let prediction = self.predict.as_deref().map_or(Ok(Parameterization::Posterior), str::parse).or_misused()?;
        Ok(TokensAs { noise, prediction, mask: tokens.mask, logits: true })
    }

    /// Returns the map between the data and the coordinates of the network.
    ///
    /// ```
    /// use langevin_tasks::source::Declared;
    /// let declared = Declared { normalization: Some((8.0, 2.0)), ..Declared::default() };
    /// assert_eq!(declared.normalization()?.scale, [2.0]);
    /// # Ok::<(), langevin_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the scale is not positive.
    pub fn normalization(&self) -> Result<Normalization> {
        let (shift, scale) = self.normalization.unwrap_or((0.0, 1.0));
        if scale <= 0.0 {
            return Err(Error::misused("bad scale of the data")
                .at("‹normalization›")
                .expected("SHIFT,SCALE with a positive scale")
                .got(scale.to_string()));
        }
        Ok(Normalization { shift: vec![shift], scale: vec![scale] })
    }
}
