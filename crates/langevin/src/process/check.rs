//! Checks of a caller's own [`Schedule`]. A wrong schedule would give plausible levels and wrong
//! samples.
//!
//! The functions are evaluated at sampled times; between the samples nothing is checked.
//!
//! | quantity | condition | tolerance |
//! |---|---|---|
//! | α, σ | finite, not negative | none |
//! | α | does not rise with time | 10⁻⁹ of its value, for rounding in the schedule's own arithmetic |
//! | σ/α | does not fall, and rises from the first time to the last | 10⁻⁹ of its value |
//! | the inverse | σ/α at the returned time is the ratio passed in | 2·10⁻⁶ of it, the resolution of float32: a network cannot distinguish closer levels |
//! | α', σ', (σ²)' | between the slopes to the left and to the right | 10⁻⁴ of the slope, far above the h² error of a step h of 10⁻⁵ of the range, and the rounding of f(t ± h) |
//! | `velocity` | equals the general form computed from α, σ and their rates | 10⁻⁶ |
//! | a claimed built-in | the same α, σ, rates and inverse as that built-in | 10⁻⁹ |
//!
//! The check uses the slope on either side instead of one central difference, so that it accepts
//! tables whose rates jump at their entries. It accepts flat stretches of σ/α, because clamped
//! schedules have them; the inverse may then return any time of the stretch. Rates are not checked
//! at the ends of the range, where they may be infinite.

use super::{Affine, Process, ProcessSpec, SINGLE, Schedule};
use crate::error::{Error, Result};
use crate::math::{exp, ln};

/// The number of samples of a finite range. A prime number of parts meets the entries of few
/// tables.
const PARTS: usize = 37;
/// The relative tolerance of values that must rise, fall or agree.
const SLACK: f64 = 1e-9;
/// The relative tolerance of a rate against the slopes.
const SLOPE: f64 = 1e-4;
/// The step of a slope, as a share of the range, or of the time if the range is infinite.
const STEP: f64 = 1e-5;
/// The relative rounding error of α and σ that a slope allows for.
const ROUNDING: f64 = 1e-10;
/// The ratios between which the inverse is checked. Beyond them α or σ has lost too many digits.
const RATIOS: [f64; 2] = [1e-4, 1e4];

/// Checks that a schedule is consistent with itself, and with the built-in process that its `spec`
/// claims.
///
/// # Errors
/// Returns an error that names the first function found to be wrong.
pub(super) fn check(schedule: &dyn Schedule) -> Result<()> {
    let name = schedule.spec().name();
    let check = Check { schedule, name: &name };
    let times = check.times()?;
    check.levels(&times)?;
    check.inverse(&times)?;
    let inner = &times[1..times.len() - 1];
    inner.iter().try_for_each(|time| check.rates(*time, times[0]))?;
    inner.iter().try_for_each(|time| check.velocity(*time))?;
    match schedule.spec() {
        ProcessSpec::Custom { .. } => Ok(()),
        spec => check.claim(&Process::from_spec(&spec)?, &times),
    }
}

/// A schedule under test and its name, which error messages state.
struct Check<'a> {
    schedule: &'a dyn Schedule,
    name: &'a str,
}

/// Returns `true` if two numbers differ by at most `slack`; NaN is close to no number.
fn within(a: f64, b: f64, slack: f64) -> bool {
    (a - b).abs() <= slack
}

/// Returns a number as error messages show it, with NaN spelt out.
fn shown(value: f64) -> String {
    if value.is_nan() { "NaN".into() } else { value.to_string() }
}

impl Check<'_> {
    /// Builds the error for one wrong value.
    fn wrong(&self, what: &str, place: String, expected: String, got: f64) -> Error {
        Error::argument(format!("the schedule is wrong: {what}"))
            .at(format!("process {}, {place}", self.name))
            .expected(expected)
            .got(shown(got))
    }

    /// Returns σ/α at a time.
    fn ratio(&self, time: f64) -> f64 {
        self.schedule.sigma(time) / self.schedule.alpha(time)
    }

    /// Returns the sampled times, beginning with the first time of the domain and ending with the
    /// last if it is finite.
    fn times(&self) -> Result<Vec<f64>> {
        let (first, last) = self.schedule.domain();
        if !first.is_finite() || last.is_nan() || last <= first {
            return Err(Error::argument("the schedule is wrong: its domain is no range of times")
                .at(format!("process {}", self.name))
                .expected("a finite first time below the last")
                .got(format!("{first} and {last}")));
        }
        if last.is_finite() {
            let at = |k: usize| first + (last - first) * (k as f64 / PARTS as f64);
            return Ok((0..PARTS).map(at).chain([last]).collect());
        }
        // Four samples a decade, up to the noise level at which α and σ lose their digits.
        let mut times = vec![first];
        for quarter in -16..=16 {
            let time = first + exp(f64::from(quarter) * 0.25 * std::f64::consts::LN_10);
            times.push(time);
            if times.len() > 3 && self.ratio(time) > RATIOS[1] {
                break;
            }
        }
        Ok(times)
    }

    /// Checks that α and σ are finite and not negative, that α does not rise, and that σ/α does not
    /// fall.
    fn levels(&self, times: &[f64]) -> Result<()> {
        let mut before: Option<[f64; 3]> = None;
        for &time in times {
            let (alpha, sigma) = (self.schedule.alpha(time), self.schedule.sigma(time));
            for (what, value) in [("α", alpha), ("σ", sigma)] {
                if !(0.0..f64::INFINITY).contains(&value) {
                    let expected = format!("a finite {what} ≥ 0");
                    return Err(self.wrong(
                        &format!("{what} is no coefficient"),
                        format!("t = {time}"),
                        expected,
                        value,
                    ));
                }
            }
            if let Some([earlier, alpha_before, ratio_before]) = before {
                if alpha > alpha_before * (1.0 + SLACK) {
                    let expected = format!("at most {alpha_before}, its value at t = {earlier}");
                    return Err(self.wrong("α rises with time", format!("t = {time}"), expected, alpha));
                }
                let ratio = sigma / alpha;
                if ratio.is_nan() || ratio < ratio_before * (1.0 - SLACK) {
                    let expected = format!("σ/α of at least {ratio_before}, its value at t = {earlier}");
                    return Err(self.wrong("σ/α falls with time", format!("t = {time}"), expected, ratio));
                }
            }
            before = Some([time, alpha, sigma / alpha]);
        }
        let (first, last) = (self.ratio(times[0]), before.map_or(f64::NAN, |[_, _, ratio]| ratio));
        if last > first * (1.0 + SLACK) {
            return Ok(());
        }
        Err(self.wrong(
            "σ/α does not rise with time",
            format!("t = {}", times[times.len() - 1]),
            format!("σ/α above {first}"),
            last,
        ))
    }

    /// Checks the inverse of σ/α at the samples, between them and at the corners.
    fn inverse(&self, times: &[f64]) -> Result<()> {
        let (first, last) = self.schedule.domain();
        let ratios: Vec<f64> = times.iter().map(|time| self.ratio(*time)).collect();
        let inside = |ratio: f64| (RATIOS[0]..=RATIOS[1]).contains(&ratio);
        let ends = [ratios[0].max(RATIOS[0]), ratios[ratios.len() - 1].min(RATIOS[1])];
        let between = |k: usize| exp(ln(ends[0]) + (ln(ends[1]) - ln(ends[0])) * (k as f64 + 0.5) / PARTS as f64);
        let between = (0..PARTS).map(between).filter(|ratio| ends[0] <= *ratio && *ratio <= ends[1]);
        for ratio in ratios.iter().copied().filter(|ratio| inside(*ratio)).chain(between) {
            let time = self.time(ratio)?;
            let got = self.ratio(time);
            let near = |end: f64| (time - end).abs() <= SLACK * (1.0 + end.abs());
            let outside = (time < first && !near(first)) || (time > last && !near(last));
            if outside || !within(got, ratio, SINGLE * ratio) {
                let expected = format!("the time at which σ/α = {ratio}");
                let place = format!("time_of_sigma_ve({ratio})");
                return Err(self.wrong("the inverse is not that of σ/α", place, expected, time).hinting(format!(
                    "at t = {}, σ/α = {}",
                    shown(time),
                    shown(got)
                )));
            }
        }
        for (ratio, end) in [(0.0, first), (f64::INFINITY, last)] {
            if end.is_finite() && self.ratio(end) == ratio {
                let time = self.time(ratio)?;
                if (time - end).abs() > SLACK * (1.0 + end.abs()) {
                    let place = format!("time_of_sigma_ve({ratio})");
                    return Err(self.wrong("the inverse is not that of σ/α", place, end.to_string(), time));
                }
            }
        }
        Ok(())
    }

    /// Returns the time that the inverse gives, which must be a number.
    fn time(&self, ratio: f64) -> Result<f64> {
        let time = self.schedule.time_of_sigma_ve(ratio);
        if time.is_nan() { Err(no_time(self.name, ratio)) } else { Ok(time) }
    }

    /// Checks the rates against the slopes on either side.
    fn rates(&self, time: f64, first: f64) -> Result<()> {
        let s = self.schedule;
        let (_, last) = s.domain();
        let h = STEP * if last.is_finite() { last - first } else { time - first };
        let square = |t: f64| s.sigma(t) * s.sigma(t);
        type Rated<'a> = (&'a str, &'a dyn Fn(f64) -> f64, f64);
        let rated: [Rated<'_>; 3] = [
            ("α'", &|t| s.alpha(t), s.alpha_rate(time)),
            ("σ'", &|t| s.sigma(t), s.sigma_rate(time)),
            ("(σ²)'", &square, s.variance_rate(time)),
        ];
        for (what, f, rate) in rated {
            let [before, here, after] = [time - h, time, time + h].map(f);
            let (left, right) = ((here - before) / h, (after - here) / h);
            let size = before.abs().max(here.abs()).max(after.abs());
            let slack = SLOPE * left.abs().max(right.abs()) + ROUNDING * size / h;
            if !(left.min(right) - slack <= rate && rate <= left.max(right) + slack) {
                let expected = format!("{}, the slope there", 0.5 * (left + right));
                return Err(self.wrong(
                    &format!("{what} is not the derivative"),
                    format!("t = {time}"),
                    expected,
                    rate,
                ));
            }
        }
        Ok(())
    }

    /// Checks the velocity against the one computed from the rates.
    fn velocity(&self, time: f64) -> Result<()> {
        let s = self.schedule;
        let (own, general) = (s.velocity(time), general_velocity(s, time));
        let close = |a: f64, b: f64| within(a, b, 1e-6 * (1.0 + b.abs()));
        if general.a.is_finite() && general.b.is_finite() && !(close(own.a, general.a) && close(own.b, general.b)) {
            let expected = format!("a = {} and b = {}, from α, σ and their rates", general.a, general.b);
            return Err(Error::argument("the schedule is wrong: velocity does not fit the rates")
                .at(format!("process {}, t = {time}", self.name))
                .expected(expected)
                .got(format!("a = {} and b = {}", own.a, own.b)));
        }
        Ok(())
    }

    /// Checks the numbers against those of the built-in process that `spec` claims.
    fn claim(&self, own: &Process, times: &[f64]) -> Result<()> {
        let (a, b) = (self.schedule, own.schedule());
        let hint = "return ProcessSpec::Custom from `spec`, or the built-in process's own numbers";
        let wrong = |what: &str, place: String, expected: f64, got: f64| {
            let what = format!("its spec claims a built-in process, whose {what} differs");
            self.wrong(&what, place, shown(expected), got).hinting(hint)
        };
        let (domain, wanted) = (a.domain(), b.domain());
        for (got, expected) in [(domain.0, wanted.0), (domain.1, wanted.1)] {
            if got != expected {
                return Err(wrong("domain", "domain".into(), expected, got));
            }
        }
        let differs = |got: f64, expected: f64| got != expected && !within(got, expected, SLACK * expected.abs());
        for &time in &times[1..times.len() - 1] {
            let pairs = [
                ("α", a.alpha(time), b.alpha(time)),
                ("σ", a.sigma(time), b.sigma(time)),
                ("α'", a.alpha_rate(time), b.alpha_rate(time)),
                ("σ'", a.sigma_rate(time), b.sigma_rate(time)),
            ];
            if let Some((what, got, expected)) = pairs.into_iter().find(|(_, got, expected)| differs(*got, *expected)) {
                return Err(wrong(what, format!("t = {time}"), expected, got));
            }
            // A saved plan is read back with the built-in process, and therefore with its inverse.
            let ratio = b.sigma(time) / b.alpha(time);
            let (got, expected) = (a.time_of_sigma_ve(ratio), b.time_of_sigma_ve(ratio));
            if ratio <= RATIOS[1] && differs(got, expected) {
                return Err(wrong("inverse", format!("time_of_sigma_ve({ratio})"), expected, got));
            }
        }
        match (a.alpha_bars(), b.alpha_bars()) {
            (got, expected) if got == expected => Ok(()),
            (got, expected) => {
                let count = |bars: Option<&[f64]>| bars.map_or(0, <[f64]>::len) as f64;
                Err(wrong("table", "alpha_bars".into(), count(expected), count(got)))
            }
        }
    }
}

/// Returns the error of an inverse that is NaN.
pub(super) fn no_time(name: &str, ratio: f64) -> Error {
    Error::argument(format!("the inverse gave NaN at σ/α = {ratio}"))
        .at(format!("process {name}, time_of_sigma_ve"))
        .expected("a time of the process")
        .got("NaN")
}

/// Returns the velocity map computed from α, σ and their rates.
pub(super) fn general_velocity<S: Schedule + ?Sized>(s: &S, time: f64) -> Affine {
    let (alpha, sigma) = (s.alpha(time), s.sigma(time));
    let (da, ds) = (s.alpha_rate(time), s.sigma_rate(time));
    let w = da * sigma - alpha * ds;
    Affine { a: -ds / w, b: sigma / w }
}
