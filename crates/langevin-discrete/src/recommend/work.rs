//! The data and the errors that a recommendation and a tuning share.

use super::markov::Markov;
use super::orders::{mask_of, places};
use super::pairs::{pair_kl_of, rows};
use super::script::{Script, check_clean};
use super::{Collapse, Figure, Losses, Options, Target, losses_of};
use crate::denoiser::Denoiser;
use crate::exact::{Chain, Density};
use crate::likelihood::{excess, profile};
use crate::plan::Plan;
use crate::sampler::Order;
use crate::space::Letter;
use langevin::{Error, Result, SampleId};

/// Sequences with the rows that own their random choices.
pub(super) struct Sequences {
    pub(super) tokens: Vec<Letter>,
    pub(super) rows: Vec<SampleId>,
}

/// A target with its data, and the exact errors if it is a Markov chain.
pub(super) struct Work<'a> {
    pub(super) model: &'a dyn Denoiser,
    density: Option<&'a dyn Density>,
    chain: Option<(&'a Chain, Markov)>,
    options: Options,
    /// Sequences that choose.
    pub(super) fit: Sequences,
    /// Sequences that measure, and their losses one token at a time.
    pub(super) check: Sequences,
    base: Vec<f64>,
}

impl<'a> Work<'a> {
    pub(super) fn new(target: Target<'a>, options: &Options) -> Result<Self> {
        let (model, density): (&dyn Denoiser, _) = match target {
            Target::Density(density) => (density, Some(density)),
            Target::Model { model, .. } => (model, None),
        };
        mask_of(model)?;
        let length = model.space().length();
        let sequences = |ids: Vec<SampleId>, tokens: Vec<Letter>| Sequences { tokens, rows: ids };
        let (fit, check) = match target {
            Target::Density(density) => {
                let count = options.rows.max(2);
                let [fit, check] = [0, count].map(|first| rows(options.seed, first, count));
                let [own, other] = [density.sample(&fit), density.sample(&check)];
                (sequences(fit, own), sequences(check, other))
            }
            Target::Model { tokens, .. } => {
                let count = tokens.len() / length;
                if count < 4 {
                    return Err(Error::argument("too few sequences to choose and to measure")
                        .expected("4 or more")
                        .got(count.to_string()));
                }
                check_clean(model, tokens, count)?;
                let half = count / 2;
                let [fit, check] = [rows(options.seed, 0, half), rows(options.seed, half, count - half)];
                let (own, other) = tokens.split_at(half * length);
                (sequences(fit, own.to_vec()), sequences(check, other.to_vec()))
            }
        };
        let base = match density {
            Some(density) => check.tokens.chunks_exact(length).map(|own| -density.log_probability(own)).collect(),
            None => profile(model, &check.tokens, &check.rows, 1)?.rows().to_vec(),
        };
        let chain = match density.and_then(|density| density.chain()) {
            Some(chain) => Some((chain, Markov::new(chain)?)),
            None => None,
        };
        Ok(Self { model, density, chain, options: *options, fit, check, base })
    }

    pub(super) fn markov(&self) -> Option<&Markov> {
        self.chain.as_ref().map(|(_, markov)| markov)
    }

    pub(super) fn name(&self) -> String {
        self.density.map_or_else(|| "the model".to_owned(), |density| density.name())
    }

    /// Returns the losses of an order: exact for a fixed order of a chain, or measured.
    pub(super) fn losses(&self, order: &Order) -> Result<Losses> {
        match (self.markov(), places(order, self.model.space().length())) {
            (Some(markov), Some(places)) => markov.losses(&places),
            _ => Losses::measure(self.model, &self.fit.tokens, &self.fit.rows, order),
        }
    }

    /// Returns the excess of a plan; `None` if its samples have no probability that can be
    /// followed.
    pub(super) fn excess(&self, plan: &Plan) -> Result<Option<Figure>> {
        let Some(script) = Script::of(plan) else { return Ok(None) };
        if let Some(markov) = self.markov().filter(|_| !script.looks_at_beliefs()) {
            if script.is_fixed() {
                return Ok(Some(Figure::exact(markov.excess(&script.groups(plan, SampleId::default())?)?)));
            }
            if let Some(sizes) = script.random_sizes() {
                return Ok(Some(Figure::exact(excess(&markov.profile(), &sizes)?)));
            }
            let one = |row: &SampleId| markov.excess(&script.groups(plan, *row)?);
            let ids = rows(self.options.seed, 0, self.options.orders.max(2));
            return Ok(Some(Figure::mean(&ids.iter().map(one).collect::<Result<Vec<_>>>()?)));
        }
        Ok(Some(Figure::mean(&self.excess_rows(plan)?)))
    }

    /// Returns the excess of every sequence that measures.
    pub(super) fn excess_rows(&self, plan: &Plan) -> Result<Vec<f64>> {
        let losses = losses_of(plan, self.model, &self.check.tokens, &self.check.rows)?;
        // Sums in another order differ by rounding.
        let off = |(loss, base): (&f64, &f64)| if (loss - base).abs() < 1e-12 * base.abs() { 0.0 } else { loss - base };
        Ok(losses.iter().zip(&self.base).map(off).collect())
    }

    /// Returns the mean loss of the sequences that choose.
    pub(super) fn fit_loss(&self, plan: &Plan) -> Result<f64> {
        Ok(Figure::mean(&losses_of(plan, self.model, &self.fit.tokens, &self.fit.rows)?).nats)
    }

    /// Returns the pair-KL of a plan, if the target is a chain.
    pub(super) fn pairs(&self, plan: &Plan) -> Result<Option<Figure>> {
        let Some((chain, markov)) = &self.chain else { return Ok(None) };
        let Options { seed, orders, samples, .. } = self.options;
        if self.model.space().length() < 2 {
            return Ok(Some(Figure::exact(0.0)));
        }
        pair_kl_of(plan, chain, markov, seed, orders, samples).map(Some)
    }

    /// Returns the information of a plan's samples and of the data.
    pub(super) fn collapse(&self, plan: &Plan) -> Result<Collapse> {
        match self.density {
            Some(density) => Collapse::of(plan, density, self.options.seed, self.options.samples.max(2)),
            None => Collapse::of_model(plan, self.model, &self.check.tokens, self.options.seed),
        }
    }
}
