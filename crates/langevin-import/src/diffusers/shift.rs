//! The shift of flow levels, by a factor of the config or by the size of the picture; and the level
//! at which a run ends.

use super::call::Call;
use super::fields::{Fields, out_of_range};
use langevin::error::{Error, Result};
use langevin::math::exp;

/// The fields from which pipelines compute μ. The defaults are those of the pipelines.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureShift {
    /// `base_shift` and `max_shift`.
    shifts: [f64; 2],
    /// `base_image_seq_len` and `max_image_seq_len`.
    lengths: [f64; 2],
}

impl PictureShift {
    pub(super) fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            shifts: [fields.number("base_shift", 0.5)?, fields.number("max_shift", 1.15)?],
            lengths: [fields.number("base_image_seq_len", 256.0)?, fields.number("max_image_seq_len", 4096.0)?],
        })
    }

    /// Returns μ as given, or as pipelines compute it from the number of tokens.
    pub(super) fn mu(&self, call: &Call) -> Result<Option<f64>> {
        let (None, Some(tokens)) = (call.mu, call.image_seq_len) else { return Ok(call.mu) };
        let Self { shifts, lengths } = self;
        if lengths[0] == lengths[1] {
            let fields = "base_image_seq_len, max_image_seq_len";
            return Err(out_of_range(fields, "two lengths", lengths[0].to_string()));
        }
        let slope = (shifts[1] - shifts[0]) / (lengths[1] - lengths[0]);
        Ok(Some(shifts[0] + (tokens as f64 - lengths[0]) * slope))
    }
}

/// The factor of a time shift: k, or e^μ or μ in place of k if the shift is dynamic.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeShift {
    /// Name of the field of k.
    key: &'static str,
    fixed: f64,
    pub(super) dynamic: bool,
    /// True if μ itself is the factor.
    linear: bool,
    picture: PictureShift,
}

impl TimeShift {
    pub(super) fn parse(fields: &Fields<'_>, key: &'static str) -> Result<Self> {
        Ok(Self {
            key,
            fixed: fields.number(key, 1.0)?,
            dynamic: fields.flag("use_dynamic_shifting", false)?,
            linear: fields.choice("time_shift_type", &[("exponential", false), ("linear", true)])?,
            picture: PictureShift::parse(fields)?,
        })
    }

    pub(super) fn factor(&self, call: &Call) -> Result<f64> {
        let k = match (self.dynamic, self.picture.mu(call)?) {
            // A pipeline passes μ whatever the config says. It is not used without dynamic
            // shifting.
            (false, _) => self.fixed,
            (true, Some(mu)) if self.linear => mu,
            (true, Some(mu)) => exp(mu),
            (true, None) => {
                return Err(Error::argument("mu is missing").at("use_dynamic_shifting").hinting(
                    "give mu, or image_seq_len: the number of tokens of the picture, 4096 for 1024 × 1024 where a token is 16 pixels wide",
                ));
            }
        };
        if k > 0.0 && k.is_finite() {
            return Ok(k);
        }
        let place = format!("{}, mu", self.key);
        Err(Error::argument("bad time shift").at(place).expected("a factor > 0").got(k.to_string()))
    }
}

/// Stretches flow levels about 1 so that the last equals `terminal`. A single level is not changed.
pub(super) fn stretch(values: &mut [f64], terminal: f64, round: fn(f64) -> f64) {
    let rest = round(1.0 - values[values.len() - 1]);
    if values.len() > 1 && rest > 0.0 {
        let scale = round(rest / (1.0 - terminal));
        values.iter_mut().for_each(|value| *value = round(1.0 - round(round(1.0 - *value) / scale)));
    }
}

/// Reads `shift_terminal`, if the config has it.
pub(super) fn terminal(fields: &Fields<'_>) -> Result<Option<f64>> {
    match fields.maybe_number("shift_terminal")?.filter(|terminal| *terminal != 0.0) {
        Some(terminal) if !(0.0..1.0).contains(&terminal) => {
            Err(out_of_range("shift_terminal", "a flow time below 1", terminal.to_string()))
        }
        terminal => Ok(terminal),
    }
}
