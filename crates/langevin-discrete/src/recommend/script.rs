//! The order in which a plan reveals places, and the probability of given sequences.

use crate::chance::uniforms;
use crate::denoiser::Denoiser;
use crate::level;
use crate::plan::{By, Draw, Filling, Op, Plan, Slot, Step, Take, scores, taken};
use crate::space::Letter;
use langevin::{Error, Query, Result, SampleId};

/// Rows of one batch.
const BATCH: usize = 256;

/// The choices of a plan that draws letters from D, and then keeps some of them.
///
/// Such a plan has steps of one evaluation each: D, a letter for each token, and a selection that
/// does not look at these letters.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    stages: Vec<Stage>,
}

#[derive(Clone, Debug)]
struct Stage {
    alpha: f64,
    choice: Choice,
}

#[derive(Clone, Debug)]
enum Choice {
    /// The first places of an order.
    Select { by: By, take: Take, among: Option<[usize; 2]> },
    /// Every masked place with this probability.
    Each { probability: f64, draw: Draw },
}

impl Script {
    /// Returns the choices of a plan; `None` if it has another form.
    pub(crate) fn of(plan: &Plan) -> Option<Self> {
        let mask = plan.space().mask()?;
        let mut stages = Vec::new();
        let (mut x, mut belief, mut clean): (Slot, Option<(Slot, f64)>, Option<Slot>) = (Slot::MAX, None, None);
        for op in plan.ops() {
            match op {
                Op::Fill { into, with: Filling::Letter(letter) } if *letter == mask => x = *into,
                Op::Eval { from, alpha, out, .. } if *from == x && out.len() == 1 => {
                    (belief, clean) = (Some((out[0].into, *alpha)), None);
                }
                Op::Draw { into, from, .. } if belief.is_some_and(|(slot, _)| slot == *from) => clean = Some(*into),
                Op::Select { into, yes, no, by, take, among, noise: None } if *no == x && clean == Some(*yes) => {
                    let (slot, alpha) = belief.take()?;
                    let looks = matches!(by, By::Confidence(_)) || matches!(take, Take::Above(_));
                    if looks || by.belief().is_some_and(|own| own != slot) {
                        return None;
                    }
                    let choice = Choice::Select { by: by.clone(), take: *take, among: *among };
                    stages.push(Stage { alpha, choice });
                    x = *into;
                }
                Op::Jump { into, from, step: Step::Numbers { clean: letters, jump, .. }, draw }
                    if *from == x && clean == Some(*letters) && jump.remask.abs() < 1e-12 =>
                {
                    let (_, alpha) = belief.take()?;
                    stages.push(Stage { alpha, choice: Choice::Each { probability: jump.unmask, draw: *draw } });
                    x = *into;
                }
                _ => return None,
            }
        }
        (plan.result() == x && belief.is_none()).then_some(Self { stages })
    }

    /// Returns true if the choices depend on D.
    pub(crate) fn looks_at_beliefs(&self) -> bool {
        self.stages.iter().any(|stage| match &stage.choice {
            Choice::Select { by, take, .. } => by.belief().is_some() || !matches!(take, Take::Count(_)),
            Choice::Each { .. } => false,
        })
    }

    /// Returns true if every sample reveals the same places in the same steps.
    pub(crate) fn is_fixed(&self) -> bool {
        let fixed =
            |stage: &Stage| matches!(stage.choice, Choice::Select { by: By::Order(_), take: Take::Count(_), .. });
        self.stages.iter().all(fixed)
    }

    /// Returns the sizes of a plan that takes a number of random places of the whole sequence.
    pub(crate) fn random_sizes(&self) -> Option<Vec<usize>> {
        let size = |stage: &Stage| match stage.choice {
            Choice::Select { by: By::Random(_), take: Take::Count(count), among: None } => Some(count),
            _ => None,
        };
        self.stages.iter().map(size).collect()
    }

    /// Returns the groups of places that one sample reveals, if the choices do not depend on D.
    pub(crate) fn groups(&self, plan: &Plan, row: SampleId) -> Result<Vec<Vec<usize>>> {
        let Some(mask) = plan.space().mask() else { return Ok(vec![]) };
        let mut x = vec![mask; plan.space().length()];
        let mut groups = Vec::new();
        for stage in &self.stages {
            let group = stage.choose(plan, row, &x, &[]);
            group.iter().for_each(|place| x[*place] = 0);
            if !group.is_empty() {
                groups.push(group);
            }
        }
        whole(&x, mask)?;
        Ok(groups)
    }
}

impl Stage {
    /// Returns the places that one row reveals.
    fn choose(&self, plan: &Plan, row: SampleId, x: &[Letter], belief: &[f64]) -> Vec<usize> {
        let space = plan.space();
        let mut u = vec![0.0; x.len()];
        match &self.choice {
            Choice::Each { probability, draw } => {
                uniforms(row, *draw, &mut u);
                (0..x.len()).filter(|place| Some(x[*place]) == space.mask() && u[*place] < *probability).collect()
            }
            Choice::Select { by, take, among } => {
                if let By::Random(draw) = by {
                    uniforms(row, *draw, &mut u);
                }
                let scores = scores(by, space.vocab(), x, belief, &u);
                taken(space, x, belief, x, &scores, *take, *among)
            }
        }
    }
}

/// Checks that no mask is left.
fn whole(x: &[Letter], mask: Letter) -> Result<()> {
    match x.iter().filter(|letter| **letter == mask).count() {
        0 => Ok(()),
        left => Err(Error::argument("the plan leaves masks").expected("no mask").got(left.to_string())),
    }
}

/// Computes −ln q of each sequence in nats, where q is the probability of a plan's samples given
/// the places that each row reveals.
///
/// The plan is followed with the letters of the sequence in place of drawn ones, which takes one
/// evaluation a step. If the order is fixed, or looks at predictions alone (entropy, margin), q is
/// the probability of the sequence as a sample. If the order is random, the mean over rows is an
/// upper bound of the cross-entropy.
///
/// ```
/// use langevin::SampleId;
/// use langevin_discrete::{Denoiser, Noise, recommend::losses_of, sampler};
/// use langevin_discrete::exact::{Chain, Density};
/// let chain = Chain::example(3, 4, Noise::Masked)?;
/// let plan = sampler::sizes(chain.space(), &[1; 4], &sampler::Order::Entropy)?;
/// let tokens = [0, 1, 2, 1];
/// // One token at a time, an exact model gives every sequence its probability.
/// let nats = losses_of(&plan, &chain, &tokens, &[SampleId::default()])?[0];
/// assert!((nats + chain.log_probability(&tokens)).abs() < 1e-12);
/// # Ok::<(), langevin::Error>(())
/// ```
///
/// # Errors
/// Returns an error if the plan has no such probability, as plans that look at drawn letters,
/// remask or change the shape of D; if masks are left; if the sequences do not fit; or if the model
/// fails.
pub fn losses_of(plan: &Plan, model: &dyn Denoiser, tokens: &[Letter], rows: &[SampleId]) -> Result<Vec<f64>> {
    let (space, length, vocab) = (model.space(), model.space().length(), model.space().vocab());
    let (Some(script), Some(mask)) = (Script::of(plan), space.mask()) else {
        return Err(Error::argument("the samples of the plan have no probability that can be followed")
            .at(plan.name().to_owned())
            .expected("steps that draw letters from D and choose places without looking at these letters"));
    };
    if plan.space() != space {
        return Err(Error::argument("the plan is for other sequences than the model")
            .expected(space.to_string())
            .got(plan.space().to_string()));
    }
    check_clean(model, tokens, rows.len())?;
    let mut out = vec![0.0; rows.len()];
    let batches = rows.chunks(BATCH).zip(tokens.chunks(BATCH * length)).zip(out.chunks_mut(BATCH));
    for ((rows, tokens), out) in batches {
        let mut x = vec![mask; tokens.len()];
        for stage in &script.stages {
            let d = model.leave_one_out(&x, &Query::new(level(stage.alpha), rows))?;
            for (row, id) in rows.iter().enumerate() {
                let span = row * length..(row + 1) * length;
                let belief = &d[row * length * vocab..][..length * vocab];
                for place in stage.choose(plan, *id, &x[span.clone()], belief) {
                    let letter = tokens[span.start + place];
                    out[row] -= libm::log(belief[place * vocab + letter as usize]);
                    x[span.start + place] = letter;
                }
            }
        }
        whole(&x, mask)?;
    }
    Ok(out)
}

/// Checks that tokens are clean sequences of the model, one for each row.
pub(crate) fn check_clean(model: &dyn Denoiser, tokens: &[Letter], rows: usize) -> Result<()> {
    let space = model.space();
    space.check(tokens)?;
    if tokens.len() != rows * space.length() {
        return Err(Error::shape("the sequences do not fit the rows")
            .expected(format!("{rows} rows × {} tokens", space.length()))
            .got(format!("{} tokens", tokens.len())));
    }
    match tokens.iter().position(|letter| *letter as usize >= space.vocab()) {
        None => Ok(()),
        Some(place) => Err(Error::argument("a token is masked")
            .at(format!("sequence {}, token {}", place / space.length(), place % space.length()))
            .expected("clean letters")),
    }
}
