//! The states of a recording over denoised predictions, with their noise levels.

use super::{ROUNDINGS, Recording, Row};
use langevin::error::{Error, Result};
use langevin::formulation::{Formulation, Reading};
use langevin::plan::NetworkCall;
use langevin::process::{Level, ProcessSpec};

/// The level σ/α at which an output is read that the network gave for clean data. There a velocity
/// is not a function of D; at this level the conversion loses four digits.
pub(super) const LEAST: f64 = 1e-4;

/// Whole times above this number are rounded ones, as of 1000 steps.
const MANY: f64 = 10.0;

/// The relative slack of comparisons in double precision.
const SLACK: f64 = 1e-9;

/// Bisection steps for the level of the first call.
const HALVINGS: usize = 60;

/// The weights of one state over the start, all denoised predictions and all draws.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dense {
    pub(super) start: f64,
    pub(super) evals: Vec<f64>,
    pub(super) draws: Vec<f64>,
}

impl Dense {
    fn zero(evals: usize, draws: usize) -> Self {
        Self { start: 0.0, evals: vec![0.0; evals], draws: vec![0.0; draws] }
    }

    /// All weights: the start, then the draws, then the predictions.
    pub(super) fn weights(&self) -> impl Iterator<Item = f64> + '_ {
        [self.start].into_iter().chain(self.draws.iter().copied()).chain(self.evals.iter().copied())
    }

    pub(super) fn weights_mut(&mut self) -> impl Iterator<Item = &mut f64> + '_ {
        [&mut self.start].into_iter().chain(&mut self.draws).chain(&mut self.evals)
    }

    /// Returns the largest weight.
    fn largest(&self) -> f64 {
        self.weights().fold(0.0, |most, weight| weight.abs().max(most))
    }

    pub(super) fn add(&mut self, factor: f64, other: &Self) {
        self.weights_mut().zip(other.weights()).for_each(|(weight, more)| *weight += factor * more);
    }
}

/// The basis vector that stands for the start: the start itself, or the sampler's own first draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Carrier {
    Start,
    Draw(usize),
}

impl Carrier {
    pub(super) fn weight(self, state: &Dense) -> f64 {
        match self {
            Self::Start => state.start,
            Self::Draw(draw) => state.draws[draw],
        }
    }
}

/// One call: its state, its level and the time that the network was given.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) state: Dense,
    pub(super) level: Level,
    /// The time of the level in the network's clock.
    pub(super) own_time: f64,
    pub(super) told: f64,
    pub(super) at_data: bool,
    /// The size of the terms of the state, relative to its largest weight.
    cancelled: f64,
    /// An estimate of the error of each weight, by rounding.
    pub(super) error: f64,
    table_error: f64,
    reading: Reading,
}

/// All states of a recording.
#[derive(Clone, Debug)]
pub(super) struct States {
    pub(super) calls: Vec<Call>,
    pub(super) result: Dense,
    /// The standard deviation of the start for one unit of the carrier's weight; 0 for a start from
    /// clean data.
    pub(super) deviation: f64,
    /// The roundoff that weights are compared with.
    pub(super) roundoff: f64,
    /// The size of the terms of the result, relative to its largest weight.
    cancelled: f64,
    /// An estimate of the error of each weight of the result.
    pub(super) error: f64,
}

impl States {
    pub(super) fn of(recording: &Recording, network: &Formulation) -> Result<Self> {
        let walk = Walk::new(recording, network)?;
        let first = walk.first_level()?;
        walk.states(first)
    }

    /// Returns the call at which the network is given a time farthest from that of its level, with
    /// both times, if they differ by more than rounding.
    pub(super) fn farthest_time(&self) -> Option<(usize, f64, f64)> {
        let apart = |call: &Call| (call.told - call.own_time).abs();
        let far = self.calls.iter().enumerate().filter(|(_, call)| !call.at_data);
        let (index, call) = far.max_by(|a, b| apart(a.1).total_cmp(&apart(b.1)))?;
        let rounding = 1e-6 * (1.0 + call.told.abs());
        (apart(call) > rounding).then_some((index, call.told, call.own_time))
    }

    /// Returns the precision of the weights, relative to the largest weight of each state.
    pub(super) fn tolerance(&self) -> f64 {
        let n = self.calls.len() as f64;
        let cancelled = self.calls.iter().map(|call| call.cancelled).fold(self.cancelled, f64::max);
        let of_table = self.calls.iter().map(|call| call.table_error).fold(0.0, f64::max);
        (ROUNDINGS[0] + ROUNDINGS[1] * n + 0.5 * n * cancelled) * self.roundoff + of_table
    }

    /// Returns the first call at clean data.
    pub(super) fn at_data(&self) -> Option<usize> {
        self.calls.iter().position(|call| call.at_data)
    }

    /// Returns the calls as those of a plan's builder.
    pub(super) fn network_calls(&self) -> Vec<NetworkCall> {
        let call = |call: &Call| NetworkCall { sigma_ve: call.level.sigma_ve(), own: call.level, time: call.told };
        self.calls.iter().map(call).collect()
    }
}

/// The walk through the calls of a recording.
struct Walk<'a> {
    recording: &'a Recording,
    network: &'a Formulation,
    carrier: Carrier,
    draws: usize,
    /// The levels of the times that the network was given.
    told: Vec<Level>,
    /// True if the network was given whole numbers.
    whole: bool,
}

/// A state, the size of the terms that it is the sum of, and the error of each weight.
struct Sum {
    state: Dense,
    size: f64,
    error: f64,
}

impl Sum {
    fn scale(&mut self, factor: f64) {
        self.state.weights_mut().for_each(|weight| *weight *= factor);
        (self.size, self.error) = (self.size * factor, self.error * factor);
    }
}

/// The moments of the start's carrier, for one unit of weight.
#[derive(Clone, Copy)]
struct Unit {
    mean: f64,
    deviation: f64,
}

impl<'a> Walk<'a> {
    fn new(recording: &'a Recording, network: &'a Formulation) -> Result<Self> {
        let rows = recording.calls.iter().map(|call| &call.input).chain([&recording.result]);
        let draws = rows.map(|row| row.draws.len()).max().unwrap_or(0);
        let first = &recording.calls[0].input;
        let carrier = match first.draws.iter().position(|weight| *weight != 0.0) {
            _ if first.start != 0.0 => Carrier::Start,
            Some(draw) => Carrier::Draw(draw),
            None => {
                return Err(Error::argument("the first input of the network contains no noise")
                    .at("call 0")
                    .expected("the start that the sampler was given, or noise that it drew")
                    .got("zeros"));
            }
        };
        let named = |index: usize| move |error: Error| error.at(format!("call {index}"));
        let told = recording.calls.iter().enumerate();
        let told =
            told.map(|(index, call)| level_at(network, call.time).map_err(named(index))).collect::<Result<_>>()?;
        let whole = recording.calls.iter().all(|call| call.time.fract() == 0.0);
        let whole = whole && recording.calls.iter().any(|call| call.time.abs() > MANY);
        Ok(Self { recording, network, carrier, draws, told, whole })
    }

    /// Returns the level of a call as it is read: that of the time, but not clean data.
    fn read_at(&self, index: usize, level: Level) -> Result<(Level, Reading, bool)> {
        let read = |level: &Level| self.network.denoised(level).map_err(|error| error.at(format!("call {index}")));
        if level.sigma > 0.0 {
            return Ok((level, read(&level)?, false));
        }
        // An output that is x0 determines D at clean data too.
        if let Ok(reading) = read(&level)
            && reading.b != 0.0
        {
            return Ok((level, reading, false));
        }
        let near = self.network.process.level_at_sigma_ve(LEAST)?;
        Ok((near, read(&near)?, true))
    }

    /// Returns a row over the start, D and draws, with the size of its terms and an estimate of the
    /// error of each weight. Outputs are replaced by (D − A x)/B.
    fn dense(&self, row: &Row, calls: &[Call]) -> Sum {
        let mut dense = Dense::zero(self.recording.calls.len(), self.draws);
        dense.start = row.start;
        dense.draws[..row.draws.len()].copy_from_slice(&row.draws);
        let (mut size, mut square) = (dense.largest(), 0.0);
        for (index, (weight, call)) in row.outputs.iter().zip(calls).enumerate().filter(|(_, (w, _))| **w != 0.0) {
            let share = weight / call.reading.b;
            dense.evals[index] += share;
            dense.add(-share * call.reading.a, &call.state);
            size += share.abs() * (1.0 + call.reading.a.abs() * call.state.largest());
            square += (share * call.reading.a * call.error).powi(2);
        }
        let own = self.recording.roundoff.max(f64::EPSILON) * size;
        Sum { state: dense, size, error: (own * own + square).sqrt() }
    }

    /// Returns the precision of the weights of a state, relative to the largest of them.
    fn precision(&self, state: &Dense, size: f64, calls: usize) -> f64 {
        let n = calls as f64;
        (ROUNDINGS[0] + ROUNDINGS[1] * n + 0.5 * n * size / state.largest()) * self.recording.roundoff
    }

    /// Returns the moments of the start, if the first state is on the marginal of `level`.
    fn unit(&self, first: &Dense, level: &Level) -> Unit {
        if self.carrier == Carrier::Start && self.recording.start == Some(0.0) {
            return Unit { mean: 1.0, deviation: 0.0 };
        }
        let weight = self.carrier.weight(first);
        let all: f64 = first.draws.iter().map(|weight| weight * weight).sum();
        let own = if matches!(self.carrier, Carrier::Draw(_)) { weight * weight } else { 0.0 };
        let carried = (level.sigma * level.sigma - (all - own)).max(0.0).sqrt();
        Unit { mean: level.alpha / weight, deviation: carried / weight.abs() }
    }

    /// Returns mean, variance and the size of the terms of the mean of a state if every D is x0.
    fn moments(&self, state: &Dense, unit: Unit) -> [f64; 3] {
        let weight = self.carrier.weight(state);
        let own = if matches!(self.carrier, Carrier::Draw(_)) { weight * weight } else { 0.0 };
        let all: f64 = state.draws.iter().map(|weight| weight * weight).sum();
        let mean = weight * unit.mean + state.evals.iter().sum::<f64>();
        let size = (weight * unit.mean).abs() + state.evals.iter().map(|weight| weight.abs()).sum::<f64>();
        [mean, all - own + (weight * unit.deviation).powi(2), size]
    }

    /// Returns the level at which the state has the noise of the marginal, with the distance of its
    /// mean from that of the marginal, if the process reaches such a level.
    fn own_level(&self, input: &Dense, unit: Unit, told: &Level) -> Option<(Level, f64, f64)> {
        let [mean, variance, size] = self.moments(input, unit);
        // The ratio does not depend on the scale of the input.
        let level = self.network.process.level_at_sigma_ve(variance.max(0.0).sqrt() / mean).ok()?;
        let scale = self.network.denoised(if level.sigma > 0.0 { &level } else { told }).ok()?.scale;
        Some((level, mean / scale - level.alpha, (size / scale).max(level.sigma)))
    }

    /// Returns true if the time of a level may have become the given one: by rounding to a whole
    /// number, by interpolation in a table, or by the precision of the recording.
    fn may_be_rounded(&self, own: &Level, told: &Level) -> bool {
        let time = |level: &Level| self.network.seen(level).map(|seen| seen.time);
        let (Ok(own), Ok(told)) = (time(own), time(told)) else { return false };
        let table = matches!(self.network.process.spec(), ProcessSpec::Tabulated { .. });
        let window = match (self.whole, table) {
            // A level between two whole times may have been rounded to either.
            (true, _) => 1.0,
            // Programs interpolate tables by different rules.
            (false, true) => 0.5,
            (false, false) => 1e-4 * told.abs().max(1e-2),
        };
        (own - told).abs() <= window
    }

    /// Returns the level of a call: that of the given time, or of the state if the time was
    /// rounded.
    fn level(&self, index: usize, sum: &Sum, unit: Unit) -> Level {
        let (input, terms) = (&sum.state, sum.size);
        let told = self.told[index];
        let Ok(scale) = self.network.denoised(&told).map(|reading| reading.scale) else { return told };
        let [mean, variance, size] = self.moments(input, unit);
        let (mean, deviation, size) = (mean / scale, variance.max(0.0).sqrt() / scale, (size / scale).max(told.sigma));
        let precision = SLACK + self.precision(input, terms, index);
        let of_table = table_error(self.network, &told, self.recording.roundoff);
        let fits = (mean - told.alpha).abs() <= precision * size + of_table * told.sigma * told.sigma * told.alpha
            && (deviation - told.sigma).abs() <= precision * size + of_table * told.sigma;
        if fits {
            return told;
        }
        match self.own_level(input, unit, &told) {
            Some((own, off, size)) if off.abs() <= precision * size && self.may_be_rounded(&own, &told) => own,
            _ => told,
        }
    }

    /// Returns the level of the first call.
    ///
    /// Its state does not say, because it is the start. If the time was rounded, the states that
    /// follow are on their marginals for one level only, which is found by bisection.
    fn first_level(&self) -> Result<Level> {
        let told = self.told[0];
        // The distance of the second state from its marginal, and the precision of that distance.
        let off = |level: Level| -> Result<Option<[f64; 2]>> {
            let (call, unit) = self.first(level)?;
            let next = self.recording.calls.get(1).map_or(&self.recording.result, |call| &call.input);
            let Sum { state, size, .. } = self.dense(next, &[call]);
            let precision = SLACK + self.precision(&state, size, 1);
            let Some((_, off, size)) = self.own_level(&state, unit, self.told.get(1).unwrap_or(&told)) else {
                return Ok(None);
            };
            Ok(Some([off, precision * size]))
        };
        let table = matches!(self.network.process.spec(), ProcessSpec::Tabulated { .. });
        if !(self.whole || table) || off(told)?.is_none_or(|[off, precision]| off.abs() <= precision) {
            return Ok(told);
        }
        let time = self.recording.calls[0].time;
        let at = |time: f64| self.network.level(time);
        let least =
            |time: f64, step: f64| (0..20).map(|n| time + step / f64::from(1 << n)).find(|time| at(*time).is_ok());
        let (Some(mut low), Some(mut high)) = (least(time, -1.0), least(time, 1.0)) else { return Ok(told) };
        let side = |time: f64| at(time).and_then(off).ok().flatten().map(|[off, _]| off > 0.0);
        let (Some(below), Some(above)) = (side(low), side(high)) else { return Ok(told) };
        if below == above {
            return Ok(told);
        }
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            match side(middle) {
                Some(sign) if sign == below => low = middle,
                Some(_) => high = middle,
                None => return Ok(told),
            }
        }
        at(0.5 * (low + high))
    }

    /// Returns the first call at this level, and the moments of the start.
    fn first(&self, level: Level) -> Result<(Call, Unit)> {
        let (level, reading, at_data) = self.read_at(0, level)?;
        let mut sum = self.dense(&self.recording.calls[0].input, &[]);
        sum.scale(1.0 / reading.scale);
        let unit = self.unit(&sum.state, &level);
        Ok((self.call(0, sum, level, reading, at_data), unit))
    }

    fn call(&self, index: usize, sum: Sum, level: Level, reading: Reading, at_data: bool) -> Call {
        let Sum { state, size, error } = sum;
        let (told, cancelled) = (self.recording.calls[index].time, size / state.largest());
        let table_error = table_error(self.network, &level, self.recording.roundoff);
        Call { state, level, own_time: reading.time, told, at_data, cancelled, error, table_error, reading }
    }

    fn states(&self, first: Level) -> Result<States> {
        let (call, unit) = self.first(first)?;
        let mut calls = vec![call];
        for index in 1..self.recording.calls.len() {
            let mut sum = self.dense(&self.recording.calls[index].input, &calls);
            let (level, reading, at_data) = self.read_at(index, self.level(index, &sum, unit))?;
            sum.scale(1.0 / reading.scale);
            calls.push(self.call(index, sum, level, reading, at_data));
        }
        let Sum { state: result, size, error } = self.dense(&self.recording.result, &calls);
        let cancelled = size / result.largest().max(f64::MIN_POSITIVE);
        let deviation = match (self.carrier, self.recording.start) {
            (Carrier::Draw(_), _) => 1.0,
            (Carrier::Start, Some(start)) => start,
            (Carrier::Start, None) => unit.deviation,
        };
        Ok(States { calls, result, deviation, roundoff: self.recording.roundoff, cancelled, error })
    }
}

/// Returns the level of a time. A time beyond the end of the process by rounding is its end.
fn level_at(network: &Formulation, time: f64) -> Result<Level> {
    network.level(time).or_else(|error| {
        let (first, last) = network.process.schedule().domain();
        let near = |end: f64| {
            let level = network.process.level(end).ok()?;
            let own = network.seen(&level).map_or(end, |seen| seen.time);
            ((own - time).abs() <= 1e-5 * (1.0 + own.abs())).then_some(level)
        };
        near(first).or_else(|| near(last)).ok_or(error)
    })
}

/// Returns a bound of the error of λ at a level of a table that was computed with this roundoff.
///
/// A table is a product ᾱ of factors a_s = 1 − β_s. Each factor has the relative error u/a_s, and
/// the errors add like a random walk. So dλ = ½ d ln ᾱ/(1 − ᾱ) = ½ u (1 + √Σ a_s⁻²)/(1 − ᾱ).
fn table_error(network: &Formulation, level: &Level, roundoff: f64) -> f64 {
    let ProcessSpec::Tabulated { count, .. } = network.process.spec() else { return 0.0 };
    let power = level.sigma * level.sigma;
    if power <= 0.0 || level.alpha <= 0.0 {
        return 0.0;
    }
    let last = level.time.ceil().clamp(0.0, count as f64 - 1.0) as usize;
    let alpha = |entry: usize| network.process.schedule().alpha(entry as f64);
    let factor = |entry: usize| if entry == 0 { alpha(0).powi(2) } else { (alpha(entry) / alpha(entry - 1)).powi(2) };
    let sum: f64 = (0..=last).map(|entry| factor(entry).powi(-2)).filter(|square| square.is_finite()).sum();
    0.5 * roundoff * (1.0 + sum.sqrt()) / power
}
