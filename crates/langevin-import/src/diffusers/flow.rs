//! Flow matching: Euler, Heun and LCM in flow time s, α = 1 − s, σ = s. The network is given N·s and predicts u = ε − x0; with `invert_sigmas` it is given N·(1 − s) and
//! predicts −u.

use super::config::Config;
use super::corrected::{dynamic_shift, stretch, terminal};
use super::sigma::window;
use super::sigmas::{Placing, shift};
use super::table::{MOST_STEPS, count, linspace, pin, single};
use super::{Call, Class, Course, Tables, number};
use langevin::error::{Error, Result};
use langevin::formulation::{Clock, Formulation};
use langevin::plan::{Letter, Var};
use langevin::prediction::Prediction;
use langevin::process::{Level, Process};
use langevin::sampler::Method;
use langevin::sampler::consistency::Consistency;
use langevin::sampler::noise::Keep;
use langevin::sampler::one_step::OneStep;
use langevin::sampler::stages::{self, Churn, Stages};
use langevin::sampler::{Draft, Step};
use serde_json::Value;

const CHURN: &[&str] = &["s_churn", "s_tmin", "s_tmax", "s_noise"];

pub(super) const CLASSES: &[Class] = &[
    Class { name: "FlowMatchEulerDiscreteScheduler", tables: euler_tables, course: euler, set: CHURN },
    Class { name: "FlowMatchHeunDiscreteScheduler", tables: heun_tables, course: heun, set: CHURN },
    Class { name: "FlowMatchLCMScheduler", tables: lcm_tables, course: lcm, set: &[] },
    Class { name: "LTXEulerAncestralRFScheduler", tables: ancestral_tables, course: ancestral, set: &[] },
];

/// N.
fn whole(config: &Config) -> Result<f64> {
    match config.whole("num_train_timesteps", 1000)? {
        count @ 1..=100_000 => Ok(count as f64),
        count => Err(Error::format("bad field in the config")
            .at("num_train_timesteps")
            .expected("1 to 100000")
            .got(count.to_string())),
    }
}

/// The same arithmetic in float32, each operation rounded.
fn shift_single(k: f64, s: f64) -> f64 {
    let (k, s) = (k as f32, s as f32);
    f64::from(k * s / (1.0 + (k - 1.0) * s))
}

/// Where the levels of a run begin and end before they are shifted, and the levels between. The original builds its range of levels with the shift in it, and shifts again.
fn even(config: &Config, call: &Call, n: f64, steps: usize, fixed: Option<f64>) -> Result<Vec<f64>> {
    let ends = match fixed.filter(|_| !call.consistent) {
        Some(k) => (shift_single(k, 1.0), shift_single(k, single(1.0 / n))),
        None => (1.0, single(1.0 / n)),
    };
    config.inert("num_train_timesteps");
    Ok(linspace(ends.0 * n, ends.1 * n, steps).into_iter().map(|time| time / n).collect())
}

fn euler_tables(config: &Config, call: &Call) -> Result<Tables> {
    let n = whole(config)?;
    let dynamic = config.flag("use_dynamic_shifting", false)?;
    let placing = Placing::read(config, false)?;
    let terminal = terminal(config)?;
    let k = dynamic_shift(config, call, "shift")?;
    let lengths = [call.steps, call.timesteps.as_ref().map(Vec::len), call.sigmas.as_ref().map(Vec::len)];
    let given: Vec<usize> = lengths.into_iter().flatten().collect();
    if given.iter().any(|length| *length != given[0]) {
        return Err(Error::argument("steps, timesteps and sigmas disagree")
            .expected("as many of each")
            .got(given.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")));
    }
    let steps = count(&Call { steps: given.first().copied(), ..Call::default() }, MOST_STEPS)?;
    let in_range = |values: &Vec<f64>, most: f64| values.iter().all(|value| *value > 0.0 && *value <= most);
    // A grid between levels of the config takes nothing but their number from what is given.
    let replaced = placing != Placing::Table
        && config.maybe_number("sigma_max")?.is_some()
        && config.maybe_number("sigma_min")?.is_some();
    let fits = call.sigmas.as_ref().is_none_or(|sigmas| in_range(sigmas, 1.0))
        && call.timesteps.as_ref().is_none_or(|times| in_range(times, n));
    if !(replaced || fits) {
        return Err(Error::argument("bad flow levels")
            .at("sigmas, timesteps")
            .expected("sigmas in (0, 1], timesteps in (0, N]"));
    }
    // What is given is in float32; what is not is computed in float64.
    let exact = call.sigmas.is_none() && call.timesteps.is_none() && call.image_seq_len.is_none() || call.consistent;
    let round: fn(f64) -> f64 = if exact { |value| value } else { single };
    // A pipeline gives its levels itself.
    let piped = dynamic && call.image_seq_len.is_some() && call.mu.is_none();
    let mut values = match (&call.sigmas, &call.timesteps) {
        (None, None) if piped => linspace(1.0, 1.0 / steps as f64, steps).into_iter().map(single).collect(),
        (Some(sigmas), _) => sigmas.iter().map(|sigma| round(*sigma)).collect(),
        (None, Some(times)) => times.iter().map(|time| round(round(*time) / n)).collect(),
        (None, None) => even(config, call, n, steps, Some(k).filter(|_| !dynamic))?,
    };
    let shifted = |value: f64| match dynamic {
        true if exact => k / (k + (1.0 / value - 1.0)),
        true => f64::from(k as f32 / (k as f32 + (1.0 / value as f32 - 1.0))),
        false if exact => shift(k, value),
        false => shift_single(k, value),
    };
    if steps > 1 && n == 1.0 && call.sigmas.is_none() && call.timesteps.is_none() && !piped {
        return Err(Error::argument("the config has one training time: steps between its levels would stand still")
            .at("num_train_timesteps")
            .expected("the levels, as the pipeline of such a config gives them")
            .got(format!("{steps} steps"))
            .hinting("give sigmas: n numbers from 1 to 1/n, as in 1,0.75,0.5,0.25"));
    }
    values.iter_mut().for_each(|value| *value = shifted(*value));
    if let Some(terminal) = terminal {
        stretch(&mut values, terminal, round);
    }
    if placing != Placing::Table {
        let (first, last) = match replaced {
            true => placing.ends(config, 1.0, 1.0)?,
            false => placing.ends(config, values[0], values[steps - 1])?,
        };
        values = placing.values(steps, first, last);
    }
    let mut sigmas: Vec<f64> = values.into_iter().map(single).collect();
    let given = call.timesteps.as_ref().filter(|_| !call.consistent);
    let inverted = config.flag("invert_sigmas", false)?;
    if inverted {
        sigmas.iter_mut().for_each(|sigma| *sigma = single(1.0 - *sigma));
    }
    let timesteps = match given {
        Some(times) if !inverted => times.iter().map(|time| single(*time)).collect(),
        _ => sigmas.iter().map(|sigma| single(sigma * n)).collect(),
    };
    sigmas.push(if inverted { 1.0 } else { 0.0 });
    Ok(Tables { alphas_cumprod: vec![], timesteps, sigmas })
}

/// A course on a flow but for its method.
struct Ground {
    network: Formulation,
    levels: Vec<Level>,
    times: Vec<f64>,
}

impl Ground {
    /// σ beyond 1 are no flow times: there x' = x + (σ' − σ) u of the original is Euler's step of a noise prediction in the
    /// coordinates of VE, as pipelines of EDM's networks use it.
    fn beyond(n: f64, sigmas: &[f64], times: &[f64]) -> Self {
        let network = Formulation::new(Process::ve(), Prediction::Epsilon).with_clock(Clock::Scaled { factor: n });
        let levels = sigmas.iter().map(|s| Level { time: *s, alpha: 1.0, sigma: *s }).collect();
        Self { network, levels, times: times.to_vec() }
    }

    /// Levels without repetition, the last one clean, and the time of each but the last.
    fn new(n: f64, sigmas: &[f64], times: &[f64], inverted: bool) -> Result<Self> {
        let sound = sigmas.len() == times.len() + 1
            && !times.is_empty()
            && sigmas.iter().all(|sigma| (0.0..=1.0).contains(sigma));
        if !sound {
            return Err(Error::argument("tables that do not fit")
                .expected("flow times in [0, 1], one more than there are timesteps")
                .got(format!("{} for {} timesteps", sigmas.len(), times.len())));
        }
        let (prediction, clock) = if inverted {
            (Prediction::ReverseVelocity, Clock::Remaining { factor: n })
        } else {
            (Prediction::Velocity, Clock::Scaled { factor: n })
        };
        let network = Formulation::new(Process::rectified_flow(), prediction).with_clock(clock);
        let time = |sigma: &f64| if inverted { 1.0 - sigma } else { *sigma };
        let levels = sigmas.iter().map(time).map(|s| Level { time: s, alpha: 1.0 - s, sigma: s }).collect();
        Ok(Self { network, levels, times: times.to_vec() })
    }

    fn course(self, method: Box<dyn Method>) -> Course {
        let Self { network, levels, times } = self;
        let steps: Vec<Step> = levels.windows(2).map(|pair| Step { from: pair[0], to: pair[1] }).collect();
        let pins = steps.iter().zip(&times).map(|(step, time)| pin(step.from, *time)).collect();
        Course { process: network.process.clone(), network, steps, pins, scale: 1.0, clip: None, method }
    }
}

/// x' = x + (s' − s) u, or with `stochastic_sampling` x' = (1 − s')D + s' z. The original takes arguments for churn and does not use them.
fn euler(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let inverted = config.flag("invert_sigmas", false)?;
    let method: Box<dyn Method> = if config.flag("stochastic_sampling", false)? {
        // There the original takes the clean fraction for the noise.
        if inverted && !call.consistent {
            return Err(Error::format("noise on inverted levels")
                .at("stochastic_sampling, invert_sigmas")
                .expected("one of them")
                .got("both")
                .hinting("the consistent plan reads them as they are meant"));
        }
        Box::new(Consistency::default())
    } else {
        if !inverted && tables.sigmas.iter().any(|sigma| *sigma > 1.0) {
            let ground = Ground::beyond(whole(config)?, &tables.sigmas, &tables.timesteps);
            return Ok(ground.course(Box::new(OneStep::new(Keep::Ddim(0.0)))));
        }
        Box::new(OneStep::new(Keep::Ddim(0.0)))
    };
    Ok(Ground::new(whole(config)?, &tables.sigmas, &tables.timesteps, inverted)?.course(method))
}

fn lcm_tables(config: &Config, call: &Call) -> Result<Tables> {
    euler_tables(config, call)
}

/// x' = (1 − s')D + s' z.
fn lcm(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    config.only("scale_factors", &Value::Null).map_err(|error| error.hinting("a state keeps its size here"))?;
    config.inert("upscale_mode");
    let method = Box::new(Consistency::default());
    let inverted = config.flag("invert_sigmas", false)?;
    if inverted && !call.consistent {
        return Err(Error::format("noise on inverted levels")
            .at("invert_sigmas")
            .expected("false")
            .got("true")
            .hinting("the consistent plan reads them as they are meant"));
    }
    Ok(Ground::new(whole(config)?, &tables.sigmas, &tables.timesteps, inverted)?.course(method))
}

/// The tables of FlowMatchEuler, whose fields the config may have; or levels in float32 as they are given, to the last, with the time of that one too. Times that are
/// given are levels under another name.
fn ancestral_tables(config: &Config, call: &Call) -> Result<Tables> {
    let Some(given) = call.sigmas.as_ref().or(call.timesteps.as_ref()) else {
        return euler_tables(config, call);
    };
    let (n, sigmas): (f64, Vec<f64>) = (whole(config)?, given.iter().copied().map(single).collect());
    let falls = sigmas.windows(2).all(|pair| pair[0] > pair[1]);
    if sigmas.len() < 2 || !falls || sigmas.iter().any(|sigma| !(0.0..=1.0).contains(sigma)) {
        return Err(Error::argument("bad flow levels")
            .at("sigmas, timesteps")
            .expected("levels that fall, from 1 to 0, the last one of the run among them")
            .got(sigmas.iter().take(8).map(f64::to_string).collect::<Vec<_>>().join(", ")));
    }
    if let Some(steps) = call.steps.filter(|steps| *steps + 1 != sigmas.len()) {
        return Err(Error::argument("steps and levels disagree")
            .at("sigmas, timesteps")
            .expected(format!("{} of them, one more than steps", steps + 1))
            .got(sigmas.len().to_string()));
    }
    Ok(Tables { alphas_cumprod: vec![], timesteps: sigmas.iter().map(|sigma| single(sigma * n)).collect(), sigmas })
}

/// $s_{down} = s'(1 + (s'/s - 1)η)$, a step of Euler's there, and noise back up to s'. What is odd: without noise (`s_noise` = 0) the state stays at s_down and is taken for one
/// at s'. The consistent plan steps to s'.
fn ancestral(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    config.only("invert_sigmas", &Value::Bool(false))?;
    config.inert("stochastic_sampling");
    let (eta, noise) = (config.number("eta", 1.0)?, config.number("s_noise", 1.0)?);
    if !((0.0..=1.0).contains(&eta) && noise.is_finite()) {
        return Err(Error::format("bad field in the config")
            .at("eta, s_noise")
            .expected("eta from 0 to 1, and a number")
            .got(format!("{eta} and {noise}")));
    }
    let quiet = noise <= 0.0;
    let times = tables.timesteps.get(..tables.sigmas.len().saturating_sub(1)).unwrap_or(&tables.timesteps);
    let keep = if quiet { Keep::Flow(0.0) } else { Keep::Flow(eta) };
    let method = Box::new(OneStep { noise, ..OneStep::new(keep) });
    let mut course = Ground::new(whole(config)?, &tables.sigmas, times, false)?.course(method);
    if quiet && !call.consistent {
        for step in &mut course.steps {
            let s = step.to.sigma * (1.0 + (step.to.sigma / step.from.sigma - 1.0) * eta);
            step.to = Level { time: s, alpha: 1.0 - s, sigma: s };
        }
    }
    Ok(course)
}

fn heun_tables(config: &Config, call: &Call) -> Result<Tables> {
    super::table::refuse(call, "FlowMatchHeunDiscrete", false, false, false)?;
    let (n, steps, k) = (whole(config)?, count(call, MOST_STEPS)?, config.number("shift", 1.0)?);
    if !(k > 0.0 && k.is_finite()) {
        return Err(Error::format("bad field in the config").at("shift").expected("a number > 0").got(k.to_string()));
    }
    let values = even(config, call, n, steps, Some(k))?.into_iter().map(|value| single(shift(k, value)));
    // Every level but the first is visited twice: as the end of a step, and as the start of the next.
    let twice = |(i, value): (usize, f64)| std::iter::repeat_n(value, if i == 0 { 1 } else { 2 });
    let mut sigmas: Vec<f64> = values.enumerate().flat_map(twice).collect();
    let timesteps = sigmas.iter().map(|sigma| single(sigma * n)).collect();
    sigmas.push(0.0);
    Ok(Tables { alphas_cumprod: vec![], timesteps, sigmas })
}

fn heun(config: &Config, call: &Call, tables: &Tables) -> Result<Course> {
    let n = whole(config)?;
    let once = |list: &[f64]| -> Vec<f64> {
        list.iter().enumerate().filter(|(i, _)| *i == 0 || i % 2 == 1).map(|(_, value)| *value).collect()
    };
    let ground = Ground::new(n, &once(&tables.sigmas), &once(&tables.timesteps), false)?;
    let churn = number(call, "s_churn", 0.0)?;
    let range = window(call)?;
    let noise = number(call, "s_noise", 1.0)?;
    let plain = Stages::new(stages::FLOW_HEUN);
    let method: Box<dyn Method> = if churn == 0.0 {
        Box::new(plain)
    } else if call.consistent {
        let ratio = |s: f64| if s < 1.0 { s / (1.0 - s) } else { f64::INFINITY };
        let churn = Churn { churn, range: (ratio(range.0), ratio(range.1)) };
        Box::new(Stages { churn: Some(churn), noise, ..plain })
    } else {
        Box::new(Churned { share: churn / (tables.sigmas.len() - 1) as f64, range, noise })
    };
    Ok(ground.course(method))
}

/// Heun with the original's churn, which is that of a process with α = 1 although the state is a flow's: the noise is added after the network was asked, without
/// taking signal away, and the step runs on from ŝ = (1 + γ)s, which may lie beyond 1. γ counts every level but the first twice. The second stage draws noise too, and
/// does not use it.
///
/// $x̂ = x + \sqrt{ŝ^2 - s^2} z$, $d_1 = u(x, s) s/ŝ$, $x_1 = x̂ + (s' - ŝ) d_1$, $x' = x̂ + \tfrac12 (s' - ŝ)(d_1 + u(x_1, s'))$.
#[derive(Clone, Debug, PartialEq)]
struct Churned {
    /// S_churn over the number of levels.
    share: f64,
    /// S_tmin and S_tmax, in s.
    range: (f64, f64),
    noise: f64,
}

impl Method for Churned {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        for (_, step) in draft.taken() {
            let (s, end) = (step.from.sigma, step.to.sigma);
            let mark = draft.mark();
            let inside = (self.range.0..=self.range.1).contains(&s);
            let gamma = if inside { self.share.min(std::f64::consts::SQRT_2 - 1.0) } else { 0.0 };
            let hat = s * (1.0 + gamma);
            // d₁ = (x − D)/ŝ.
            let denoised = draft.denoised(x, &step.from)?;
            let first = draft.step((-1.0 / hat, denoised), [(1.0 / hat, x)], []);
            if gamma > 0.0 {
                x = draft.advance((1.0, x), [], self.noise * ((hat - s) * (hat + s)).sqrt());
            }
            if end == 0.0 {
                x = draft.advance((1.0, x), [(end - hat, first)], 0.0);
            } else {
                let stage = draft.advance((1.0, x), [(end - hat, first)], 0.0);
                let denoised = draft.denoised(stage, &step.to)?;
                let second = draft.step((-1.0 / end, denoised), [(1.0 / end, stage)], []);
                if gamma > 0.0 {
                    draft.draw();
                }
                let half = 0.5 * (end - hat);
                x = draft.advance((1.0, x), [(half, first), (half, second)], 0.0);
            }
            draft.note(Letter::R, None, &step.from, &step.to, mark);
        }
        Ok(x)
    }
}
