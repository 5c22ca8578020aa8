//! Losses, the bound on the likelihood, and what groups of tokens lose.

use super::super::{Claim, Extra, Measured, off, worst};
use super::case::{Case, entropy, kl, law};
use langevin::math::{exp, gauss_legendre, ln};
use langevin::{Query, Result, SampleId};
use langevin_discrete::exact::{Chain, Density, Table};
use langevin_discrete::likelihood::{exact, excess};
use langevin_discrete::plan::Law;
use langevin_discrete::sampler::{self, Order};
use langevin_discrete::{Denoiser, Letter, Noise, Parameterization, StateSpace, level, rates};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 120,
        claim: "one loss: score entropy (SEDD), the Poisson KL of reverse rates and its posterior form are one number",
        source: "§7 for tokens; arXiv 2310.16834",
        measure: losses,
    },
    Claim {
        number: 121,
        claim: "minus its value at the exact network, the loss is the KL rate of the paths: denoising is score matching",
        source: "§6.1 for tokens",
        measure: marginal,
    },
    Claim {
        number: 122,
        claim: "the bound on −log p of the network of a density q_0 is H + KL(p_0‖q_0): the KL is its only slack",
        source: "§5.2 for tokens",
        measure: bound,
    },
    Claim {
        number: 123,
        claim: "masked noise: the bound is Σ_k h_k, h_k = E[−ln D_i] with k revealed tokens, for every schedule and every network",
        source: "§5.2; arXiv 2406.03736, 2406.04329",
        measure: profile,
    },
    Claim {
        number: 124,
        claim: "groups of sizes m_j cost Σ_j (m_j h_kj − Σ_l h_kj+l): their total correlation, the bound of a VAE of n layers",
        source: "beyond; claim 35 for tokens",
        measure: groups,
    },
    Claim {
        number: 125,
        claim: "the likelihood summed over all orders is normalised for every network, and at most the bound",
        source: "beyond; arXiv 1310.1757",
        measure: orders,
    },
];

/// Losses per unit of time at unit rate.
pub(super) struct Losses {
    /// Score entropy.
    pub(super) score: f64,
    /// Poisson KL of the rates.
    pub(super) rates: f64,
    /// The posterior form.
    pub(super) posterior: f64,
    /// KL rate of the paths, without the clean data.
    pub(super) marginal: f64,
    /// The generalised KL divergence of discrete flow matching.
    pub(super) flow: f64,
}

/// Returns a ln(a/b) − a + b.
fn poisson(a: f64, b: f64) -> f64 {
    if a > 0.0 { a * ln(a / b) - a + b } else { b }
}

/// Returns the losses of a network at time t, as sums over all sequences and clean letters.
pub(super) fn at(case: &Case, space: &StateSpace, network: &dyn Denoiser, time: f64) -> Result<Losses> {
    let alpha = exp(-time);
    let data = case.table(space, &case.data)?;
    let clean: Vec<usize> = (0..case.states()).filter(|state| case.is_clean(*state)).collect();
    let mut out = Losses { score: 0.0, rates: 0.0, posterior: 0.0, marginal: 0.0, flow: 0.0 };
    let rows = [SampleId::default()];
    let vocab = space.vocab();
    for state in 0..case.states() {
        let x = case.digits(state);
        let query = Query::new(level(alpha), &rows);
        let [own, truth] = [network.predict(&x, &query)?, data.predict(&x, &query)?];
        for (place, (d, exact)) in own.chunks_exact(vocab).zip(truth.chunks_exact(vocab)).enumerate() {
            let own = x[place];
            let back = space.prior(own);
            // The joint probability of x and each clean letter of this token.
            let mut joint = vec![0.0; vocab];
            for clean in &clean {
                let letters = case.digits(*clean);
                let seen = letters.iter().zip(&x).map(|(v, x)| space.transition(alpha, *v, *x));
                joint[letters[place] as usize] += case.data[*clean] * seen.product::<f64>();
            }
            let [mut model, mut wanted] = [vec![0.0; space.letters()], vec![0.0; space.letters()]];
            let (mut score, mut posterior) = (vec![0.0; space.letters()], vec![0.0; vocab]);
            if back > 0.0 {
                rates(space, d, own, alpha, 1.0, &mut model)?;
                rates(space, exact, own, alpha, 1.0, &mut wanted)?;
                Parameterization::Score.of(space, d, own, alpha, &mut score)?;
            }
            Parameterization::Posterior.of(space, d, own, alpha, &mut posterior)?;
            let p: f64 = joint.iter().sum();
            let ratio = |v: usize, y: Letter| {
                space.transition(alpha, v as Letter, y) / space.transition(alpha, v as Letter, own)
            };
            for (v, weight) in joint.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
                for y in (0..space.letters()).filter(|y| back > 0.0 && *y != own as usize) {
                    let r = ratio(v, y as Letter);
                    let entropy = if r > 0.0 { r * (ln(r) - 1.0) - r * ln(score[y]) } else { 0.0 };
                    out.score += weight * back * (score[y] + entropy);
                    // Rates are per unit of survival, and dα/dt = −α.
                    out.rates += weight * poisson(back * r, alpha * model[y]);
                    let mean =
                        |(u, share): (usize, &f64)| if *share > 0.0 { share * ratio(u, y as Letter) } else { 0.0 };
                    let mixed: f64 = posterior.iter().enumerate().map(mean).sum();
                    out.posterior += weight * poisson(back * r, back * mixed);
                }
                let same = v == own as usize;
                let kept = posterior.get(own as usize).copied().unwrap_or(0.0);
                let miss = if same { kept - 1.0 } else { kept + ln(posterior[v]) };
                out.flow -= weight * alpha / (1.0 - alpha) * miss;
            }
            for y in (0..space.letters()).filter(|y| back > 0.0 && *y != own as usize) {
                out.marginal += p * alpha * poisson(wanted[y], model[y]);
            }
        }
    }
    Ok(out)
}

/// A network that is no density's: D to a power, normalised; the power depends on the number of
/// revealed tokens.
struct Wrong(Table);

impl Denoiser for Wrong {
    fn space(&self) -> &StateSpace {
        self.0.space()
    }

    fn predict(&self, x: &[Letter], query: &Query<'_>) -> Result<Vec<f64>> {
        let (length, vocab) = (self.0.space().length(), self.0.space().vocab());
        let mut out = self.0.predict(x, query)?;
        for (x, out) in x.chunks_exact(length).zip(out.chunks_exact_mut(length * vocab)) {
            let shown = x.iter().filter(|letter| (**letter as usize) < vocab).count();
            let power = 0.7 + 0.1 * shown as f64;
            for d in out.chunks_exact_mut(vocab) {
                d.iter_mut().for_each(|value| *value = exp(power * ln(*value)));
                let sum: f64 = d.iter().sum();
                d.iter_mut().for_each(|value| *value /= sum);
            }
        }
        Ok(out)
    }
}

fn losses(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        let wrong = Wrong(case.table(space, &case.other)?);
        for alpha in [0.2, 0.6, 0.9_f64] {
            let found = at(&case, space, &wrong, -ln(alpha))?;
            figures.extend([off(found.score, found.rates), off(found.posterior, found.rates)]);
        }
    }
    Ok(Measured::new("a network that is no score, three levels, relative; three noises", worst(figures), 1e-12))
}

fn marginal(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        let wrong = Wrong(case.table(space, &case.other)?);
        let data = case.table(space, &case.data)?;
        for alpha in [0.2, 0.6, 0.9_f64] {
            let [found, least] = [at(&case, space, &wrong, -ln(alpha))?, at(&case, space, &data, -ln(alpha))?];
            figures.push((found.rates - least.rates - found.marginal).abs() / found.rates);
        }
    }
    Ok(Measured::new("a network that is no score, three levels, relative; three noises", worst(figures), 1e-12))
}

/// Returns ∫ f dt over all times, by the trapezoidal rule in ln t.
///
/// The integrand decays like t ln t at small times and like e^(−2t) at large ones, and is analytic
/// in a strip of ln t, so the error of the rule falls exponentially in 1/0.15.
pub(super) fn over_time(mut f: impl FnMut(f64) -> Result<f64>) -> Result<f64> {
    let (first, last, step) = (-30.0, 3.6, 0.15);
    let count = ((last - first) / step) as usize;
    let mut sum = 0.0;
    for k in 0..=count {
        let time = exp(first + step * k as f64);
        sum += step * time * f(time)?;
    }
    Ok(sum)
}

fn bound(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        for start in [&case.data, &case.other] {
            let network = case.table(space, start)?;
            let found = over_time(|time| Ok(at(&case, space, &network, time)?.rates))?;
            figures.push((found - entropy(&case.data) - kl(&case.data, start)).abs());
        }
    }
    Ok(Measured::new(
        "the loss over all times against H + KL, networks of p_0 and of another density; three noises, nats",
        worst(figures),
        // Times below 10⁻¹³ are left out: 10⁻¹³ ln 10¹³ nats a token. The level is 1 − 10⁻¹³ there,
        // of which σ has three digits.
        1e-10,
    ))
}

/// Returns h_k of a network on data, by enumeration, and E[Σ −ln D] of every set of revealed
/// tokens.
fn information(data: &Table, network: &dyn Denoiser) -> Result<(Vec<f64>, Vec<f64>)> {
    let space = data.space();
    let (length, vocab) = (space.length(), space.vocab());
    let mask = space.mask().unwrap_or_default();
    let mut sums = vec![0.0; 1 << length];
    for state in 0..vocab.pow(length as u32) {
        let clean: Vec<Letter> =
            (0..length).map(|place| (state / vocab.pow((length - 1 - place) as u32) % vocab) as Letter).collect();
        let p = exp(data.log_probability(&clean));
        let shown = |set: usize, place: usize| set >> place & 1 == 1;
        let x: Vec<Letter> = (0..sums.len())
            .flat_map(|set| (0..length).map(move |place| (set, place)))
            .map(|(set, place)| if shown(set, place) { clean[place] } else { mask })
            .collect();
        let rows = vec![SampleId::default(); sums.len()];
        let d = network.leave_one_out(&x, &Query::new(level(0.5), &rows))?;
        for (set, sum) in sums.iter_mut().enumerate() {
            for place in (0..length).filter(|place| !shown(set, *place)) {
                *sum -= p * ln(d[(set * length + place) * vocab + clean[place] as usize]);
            }
        }
    }
    let (mut profile, mut count) = (vec![0.0; length], vec![0.0; length]);
    for (set, sum) in sums.iter().enumerate().take(sums.len() - 1) {
        let k = set.count_ones() as usize;
        profile[k] += sum;
        count[k] += (length - k) as f64;
    }
    profile.iter_mut().zip(count).for_each(|(h, count)| *h /= count);
    Ok((profile, sums))
}

/// Returns data and another law on four masked tokens.
fn masked() -> Result<[Table; 2]> {
    let space = StateSpace::new(Noise::Masked, 3, 4)?;
    Ok([Table::new(space.clone(), law(6, 81))?, Table::new(space, law(7, 81))?])
}

fn profile(_: &Extra<'_>) -> Result<Measured> {
    let [data, other] = masked()?;
    let wrong = Wrong(other.clone());
    let mut figures = Vec::new();
    let networks: [&dyn Denoiser; 3] = [&data, &other, &wrong];
    let (nodes, weights) = gauss_legendre(40);
    let quarter = std::f64::consts::FRAC_PI_2;
    // Survivals of three schedules on 0 to 1, with minus their slopes.
    let schedules: [fn(f64) -> [f64; 2]; 3] = [
        |t| [1.0 - t, 1.0],
        |t| [libm::cos(std::f64::consts::FRAC_PI_2 * t), libm::sin(std::f64::consts::FRAC_PI_2 * t)],
        |t| [1.0 - t * t * t, 3.0 * t * t],
    ];
    for network in networks {
        let (h, sums) = information(&data, network)?;
        let total: f64 = h.iter().sum();
        for (number, schedule) in schedules.iter().enumerate() {
            let mut bound = 0.0;
            for (node, weight) in nodes.iter().zip(&weights) {
                let [alpha, slope] = schedule(0.5 * (1.0 + node));
                let slope = if number == 1 { quarter * slope } else { slope };
                for (set, sum) in sums.iter().enumerate().take(sums.len() - 1) {
                    let shown = set.count_ones() as i32;
                    let hidden = h.len() as i32 - shown;
                    let chance = alpha.powi(shown) * (1.0 - alpha).powi(hidden - 1);
                    bound += 0.5 * weight * slope * chance * sum;
                }
            }
            figures.push((bound - total).abs());
        }
    }
    let (h, _) = information(&data, &data)?;
    figures.push((h.iter().sum::<f64>() - data.entropy().unwrap_or(f64::NAN)).abs());
    Ok(Measured::new(
        "three schedules, three networks, one of them of no density; the exact one also against the entropy; nats",
        worst(figures),
        1e-12,
    ))
}

fn groups(_: &Extra<'_>) -> Result<Measured> {
    let [data, _] = masked()?;
    let (h, _) = information(&data, &data)?;
    // −E ln p of every set of tokens.
    let entropies: Vec<f64> = (0..16_usize)
        .map(|set| {
            let mut marginal = vec![0.0; 81];
            for state in 0..81_usize {
                let digit = |place: usize| state / 3_usize.pow(3 - place as u32) % 3;
                let kept = (0..4).filter(|place| set >> place & 1 == 1).fold(0, |key, place| 3 * key + digit(place));
                let letters: Vec<Letter> = (0..4).map(|place| digit(place) as Letter).collect();
                marginal[kept] += exp(data.log_probability(&letters));
            }
            entropy(&marginal)
        })
        .collect();
    let mut figures = Vec::new();
    let mut shown = Vec::new();
    for sizes in [&[1, 1, 1, 1][..], &[2, 2], &[1, 3], &[3, 1], &[1, 2, 1], &[4]] {
        let mut total = 0.0;
        let mut first = 0;
        for size in sizes {
            // The mean total correlation of a group given the tokens before it.
            let (mut sum, mut count) = (0.0, 0.0);
            for before in (0..16_usize).filter(|set| set.count_ones() as usize == first) {
                for group in (0..16_usize).filter(|set| set & before == 0 && set.count_ones() as usize == *size) {
                    let given = |set: usize| entropies[before | set] - entropies[before];
                    let alone: f64 =
                        (0..4).filter(|place| group >> place & 1 == 1).map(|place| given(1 << place)).sum();
                    sum += alone - given(group);
                    count += 1.0;
                }
            }
            total += sum / count;
            first += size;
        }
        let found = excess(&h, sizes)?;
        figures.push((found - total).abs());
        let plan = sampler::sizes(data.space(), sizes, &Order::Random)?;
        let divergence = langevin_discrete::exact::kl(&data, &Law::of(&plan, &data)?)?;
        figures.push(if divergence <= found + 1e-12 { 0.0 } else { f64::INFINITY });
        shown.push(format!("{found:.4}"));
    }
    Ok(Measured::new(
        format!(
            "six lists of sizes against sums over all sets, and at least the KL of the samples; nats: {}",
            shown.join(", ")
        ),
        worst(figures),
        1e-12,
    ))
}

fn orders(_: &Extra<'_>) -> Result<Measured> {
    let [data, other] = masked()?;
    let wrong = Wrong(other);
    let (h, _) = information(&data, &wrong)?;
    let tokens: Vec<Letter> = (0..81_usize)
        .flat_map(|state| (0..4).map(move |place| (state / 3_usize.pow(3 - place) % 3) as Letter))
        .collect();
    let nats = exact(&wrong, &tokens)?;
    let total: f64 = nats.iter().map(|nats| exp(-nats)).sum();
    let mean = |nats: &[f64]| -> f64 {
        tokens.chunks(4).zip(nats).map(|(own, nats)| exp(data.log_probability(own)) * nats).sum()
    };
    let (cross, bound) = (mean(&nats), h.iter().sum::<f64>());
    // Of the density's own network the likelihood is the density.
    let chain = Chain::example(3, 4, Noise::Masked)?;
    let own = exact(&chain, &tokens)?;
    let apart = tokens.chunks(4).zip(&own).map(|(tokens, nats)| (nats + chain.log_probability(tokens)).abs());
    let figure = worst(apart.chain([(total - 1.0).abs()]));
    Ok(Measured::new(
        format!("sum over all sequences, a network of no density; {cross:.4} nats, bound {bound:.4}"),
        if cross <= bound { figure } else { f64::INFINITY },
        1e-12,
    ))
}
