//! IPNDM: Adams–Bashforth on ε with even steps of a cosine schedule, from pure noise.
//!
//! Source: Zhang and Chen, arXiv 2204.13902.

use crate::diffusers::call::Call;
use crate::diffusers::fields::{Fields, out_of_range};
use crate::diffusers::numbers::{linspace_single, single};
use crate::diffusers::scheduler::{Class, Course, Scheduler, Tables};
use crate::diffusers::table::pin;
use crate::quirks;
use langevin::error::Result;
use langevin::formulation::Formulation;
use langevin::math::sin;
use langevin::plan::{Letter, NetworkCall, Var};
use langevin::prediction::Prediction;
use langevin::process::{Level, Process};
use langevin::sampler::form::{Form, Poly};
use langevin::sampler::multistep::{Multistep, Past};
use langevin::sampler::{Draft, Method, Node, Step};
use std::sync::Arc;

pub(super) const CLASSES: &[Class] = &[Class::new("IPNDMScheduler", |fields| Ok(Arc::new(Ipndm::parse(fields)?)))];

/// IPNDMScheduler.
#[derive(Clone, Debug)]
struct Ipndm {
    /// Maximum number of steps N.
    train: usize,
    /// `trained_betas`: σ of every level of a run.
    betas: Option<Vec<f64>>,
}

fn root(sigma: f64) -> f64 {
    single(single(1.0 - single(sigma * sigma)).sqrt())
}

impl Ipndm {
    fn parse(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { train: fields.whole("num_train_timesteps", 1000)?, betas: fields.numbers("trained_betas")? })
    }

    /// Returns σ of every level: β = sin²(πu/2) for u from 1 to 0, or the given β; σ = β and α =
    /// √(1 − β²).
    fn sigmas(&self, steps: usize) -> Result<Vec<f64>> {
        let Some(betas) = &self.betas else {
            let angle = |u: f64| single(single(u * single(std::f64::consts::PI)) / 2.0);
            let beta = |u: f64| {
                let sine = single(sin(angle(u)));
                single(sine * sine)
            };
            let mut shares = linspace_single(1.0, 0.0, steps + 1);
            shares[steps] = 0.0;
            return Ok(shares.into_iter().map(beta).collect());
        };
        let falling = betas.windows(2).all(|pair| pair[0] > pair[1]);
        let within = betas.iter().all(|beta| (0.0..=1.0).contains(beta));
        if betas.len() == steps + 1 && falling && within {
            return Ok(betas.iter().copied().map(single).collect());
        }
        Err(out_of_range(
            "trained_betas",
            format!("{} noise levels for {steps} steps, falling from at most 1 to at least 0", steps + 1),
            format!("{} numbers", betas.len()),
        ))
    }
}

impl Scheduler for Ipndm {
    fn tables(&self, call: &Call) -> Result<Tables> {
        call.accepts("IPNDM", false, false, false)?;
        let sigmas = self.sigmas(call.count(self.train)?)?;
        let time = |sigma: &f64| {
            let angle = libm::atan2(*sigma, root(*sigma));
            single(single(single(angle) / single(std::f64::consts::PI)) * 2.0)
        };
        let timesteps = sigmas[..sigmas.len() - 1].iter().map(time).collect();
        Ok(Tables { alphas_cumprod: Vec::new(), timesteps, sigmas: Vec::new() })
    }

    fn course(&self, call: &Call, tables: &Tables) -> Result<Course> {
        let sigmas = self.sigmas(tables.timesteps.len())?;
        let time = |i: usize| tables.timesteps.get(i).copied().unwrap_or(0.0);
        let node = |(i, sigma): (usize, &f64)| Level { time: time(i), alpha: root(*sigma), sigma: *sigma };
        let nodes: Vec<Level> = sigmas.iter().enumerate().map(node).collect();
        let process = Process::vp_cosine();
        let network = Formulation::new(process.clone(), Prediction::V);
        let fixed = call.fixes(&quirks::FIRST_OUTPUT);
        let pins: Vec<NetworkCall> =
            if fixed { vec![] } else { nodes.iter().map(|node| pin(*node, node.time)).collect() };
        let steps = nodes.windows(2).map(|pair| Step { from: pair[0], to: pair[1] }).collect();
        let method: Box<dyn Method> = if fixed || nodes[0].alpha > 0.0 {
            Box::new(Multistep::new(Form::Noise, Poly::Even, 4))
        } else {
            Box::new(FromNoise)
        };
        Ok(Course { process, network, steps, pins, scale: 1.0, clip: None, method })
    }
}

/// IPNDM from pure noise. The original has a quirk: at α = 0 it uses D = 0 and ε = x, so the
/// network's first output is computed but not used, and a run of one step returns 0.
///
/// The consistent plan uses the D of the network.
#[derive(Clone, Debug, PartialEq)]
struct FromNoise;

impl Method for FromNoise {
    fn write(&self, draft: &mut Draft<'_>) -> Result<Var> {
        let mut x = draft.begin();
        let mut past = Past::default();
        for (_, step) in draft.taken() {
            let (from, to) = (step.from, step.to);
            let mark = draft.mark();
            let node = if from.alpha == 0.0 {
                draft.denoised(x, &from)?;
                Node { level: from, value: draft.combine([(1.0, x)], []) }
            } else {
                draft.value(Form::Noise, x, &from)?
            };
            past.push(node);
            let used = past.len().min(4);
            let (a, b) = if from.alpha == 0.0 {
                // A row needs at least one term, so 0 is written as x − x.
                if to.sigma > 0.0 { (to.sigma, vec![]) } else { (1.0, vec![-1.0]) }
            } else {
                Poly::Even.weights(Form::Noise, &from, &past.levels(used), &to, (0.0, 1.0))
            };
            let terms = past.terms(&b);
            x = draft.advance((a, x), terms, 0.0);
            past.keep(3);
            draft.note(Letter::R, Some(0.0), &from, &to, mark);
        }
        Ok(x)
    }
}
