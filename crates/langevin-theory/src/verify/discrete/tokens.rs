//! Predictions of one token, and the steps of one token.

use super::super::{Claim, Extra, Measured, worst};
use super::case::{Case, apart, joint, noises};
use super::matrix::Matrix;
use langevin::{Query, Result, SampleId};
use langevin_discrete::{Denoiser, Jump, Letter, Parameterization, StateSpace, conditional, level};

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 111,
        claim: "one prediction: D_i gives the posterior, the score, the heat bath of a token and its reverse rates Q(y, x)·score",
        source: "§7 for tokens; arXiv 2310.16834",
        measure: predictions,
    },
    Claim {
        number: 112,
        claim: "and back: D ∝ posterior/P_t(·, x_i), and D = (normalised score − σπ)/α",
        source: "§7 for tokens",
        measure: inverses,
    },
    Claim {
        number: 113,
        claim: "the row aδ_x + bδ_x0 + cπ, a = ρσ_t/σ_s, b = α_t − aα_s, c = σ_t(1−ρ), has exact marginals for every ρ",
        source: "beyond; DDIM for tokens",
        measure: marginals,
    },
    Claim {
        number: 114,
        claim: "forward after reverse is the Langevin row, F∘R = L with ρ_Fρ_R, given the clean letter",
        source: "beyond; §3 for tokens",
        measure: composed,
    },
    Claim {
        number: 115,
        claim: "the forward row with ρ = σ_sα_t/(σ_tα_s) is the forward process itself and needs no network",
        source: "beyond; §3 for tokens",
        measure: forward,
    },
    Claim {
        number: 116,
        claim: "masked noise: the row is ReMDM's step with remask probability σ_t(1−ρ); ρ = 1 is the ancestral step of MDLM",
        source: "arXiv 2503.00307, 2406.07524",
        measure: remasking,
    },
    Claim {
        number: 117,
        claim: "four numbers: every m and f with u = (α_t − (1−m)α_s)/σ_s and u + k + f = 1 has the marginals of both levels",
        source: "beyond; arXiv 2402.04997",
        measure: family,
    },
    Claim {
        number: 118,
        claim: "m = 0, f = (σ_t/σ_s)(1 − α_s/α_t) is the exact time reversal of the forward kernel",
        source: "arXiv 2107.03006",
        measure: reversal,
    },
    Claim {
        number: 119,
        claim: "a forward step, then the exact reverse: p_t is invariant, the step is reversible, and no eigenvalue is negative",
        source: "beyond; §2 for tokens",
        measure: step,
    },
];

/// Survivals before and after a reverse step.
const STEP: [f64; 2] = [0.3, 0.55];

fn predictions(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        let alpha = 0.45;
        let p = case.noised(&case.data, -libm::log(alpha));
        let reverse = case.formula(&p, 1.0);
        let forward = |x: Letter, y: usize| case.one.at(y, x as usize);
        let table = case.table(space, &case.data)?;
        for state in 0..case.states() {
            let x = case.digits(state);
            let rows = [SampleId::default()];
            let predicted = table.predict(&x, &Query::new(level(alpha), &rows))?;
            for (place, d) in predicted.chunks_exact(space.vocab()).enumerate() {
                // Sums over all clean sequences.
                let (mut alone, mut posterior) = (vec![0.0; space.vocab()], vec![0.0; space.vocab()]);
                for clean in (0..case.states()).filter(|clean| case.is_clean(*clean)) {
                    let letters = case.digits(clean);
                    let seen = |k: usize| space.transition(alpha, letters[k], x[k]);
                    let others: f64 = (0..case.length).filter(|k| *k != place).map(seen).product();
                    alone[letters[place] as usize] += case.data[clean] * others;
                    posterior[letters[place] as usize] += case.data[clean] * others * seen(place);
                }
                for values in [&mut alone, &mut posterior] {
                    let sum: f64 = values.iter().sum();
                    values.iter_mut().for_each(|value| *value /= sum);
                }
                figures.push(apart(d, &alone));
                let mut found = vec![0.0; space.vocab()];
                Parameterization::Posterior.of(space, d, x[place], alpha, &mut found)?;
                figures.push(apart(&found, &posterior));
                let mut score = vec![0.0; space.letters()];
                Parameterization::Score.of(space, d, x[place], alpha, &mut score)?;
                let mut heat = vec![0.0; space.letters()];
                conditional(space, d, alpha, &mut heat);
                let own = |y: usize| p[case.replaced(state, place, y)];
                let all: f64 = (0..space.letters()).map(own).sum();
                for y in 0..space.letters() {
                    figures.push((heat[y] - own(y) / all).abs());
                    figures.push((score[y] - own(y) / p[state]).abs() / score[y].max(1.0));
                    if y != x[place] as usize {
                        let rate = forward(x[place], y) * score[y];
                        figures.push((rate - reverse.at(state, case.replaced(state, place, y))).abs());
                    }
                }
            }
        }
    }
    Ok(Measured::new(
        "each against sums over all clean sequences; masked, uniform and prior noise, two tokens",
        worst(figures),
        1e-12,
    ))
}

fn inverses(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    let d = [0.15, 0.6, 0.25];
    for noise in noises() {
        let space = StateSpace::new(noise, 3, 1)?;
        let seen = if let Some(mask) = space.mask() { vec![mask] } else { vec![0, 1, 2] };
        for x in seen {
            for alpha in [0.2, 0.5, 0.9] {
                for kind in [Parameterization::Posterior, Parameterization::Score] {
                    let (mut values, mut back) = (vec![0.0; kind.width(&space)], [0.0; 3]);
                    kind.of(&space, &d, x, alpha, &mut values)?;
                    kind.to_leave_one_out(&space, &values, x, alpha, &mut back)?;
                    figures.push(apart(&d, &back));
                }
            }
        }
    }
    Ok(Measured::new(
        "D after both round trips; masked noise at a mask, uniform and prior noise at every letter, three levels",
        worst(figures),
        1e-14,
    ))
}

/// Returns the kernel of whole sequences: clean letters from the joint posterior, then one jump for
/// each token. Impossible sequences have a row of zeros.
fn kernel(case: &Case, space: &StateSpace, jump: &Jump, alpha: f64) -> Matrix {
    let clean: Vec<usize> = (0..case.states()).filter(|state| case.is_clean(*state)).collect();
    let mut out = Matrix::of(case.states(), |_, _| 0.0);
    for state in 0..case.states() {
        let x = case.digits(state);
        let weight = |clean: &usize| -> f64 {
            let letters = case.digits(*clean);
            let seen = letters.iter().zip(&x).map(|(v, x)| space.transition(alpha, *v, *x));
            case.data[*clean] * seen.product::<f64>()
        };
        let weights: Vec<f64> = clean.iter().map(weight).collect();
        let sum: f64 = weights.iter().sum();
        for (clean, weight) in clean.iter().zip(weights).filter(|(_, weight)| *weight > 0.0) {
            let mut law = vec![1.0];
            for (x, clean) in x.iter().zip(case.digits(*clean)) {
                let mut own = vec![0.0; case.letters()];
                jump.law(space, *x, clean, alpha, &mut own);
                law = law.iter().flat_map(|a| own.iter().map(move |b| a * b)).collect();
            }
            for (y, p) in law.iter().enumerate() {
                out.set(state, y, out.at(state, y) + weight / sum * p);
            }
        }
    }
    out
}

/// Returns the law at a survival.
fn at(case: &Case, alpha: f64) -> Vec<f64> {
    case.noised(&case.data, -libm::log(alpha))
}

/// Returns the largest error of the law after each of these steps.
fn after(jumps: impl Fn() -> Result<Vec<Jump>>) -> Result<f64> {
    let [alpha, to] = STEP;
    let mut figures = Vec::new();
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        for jump in jumps()? {
            let found = kernel(&case, space, &jump, alpha).after(&at(&case, alpha));
            figures.push(apart(&found, &at(&case, to)));
        }
    }
    Ok(worst(figures))
}

fn marginals(_: &Extra<'_>) -> Result<Measured> {
    let [alpha, to] = STEP;
    let figure = after(|| [0.0, 0.4, 0.8, 1.0].iter().map(|rho| Jump::row(alpha, to, *rho)).collect())?;
    Ok(Measured::new(
        "the law after a step from survival 0.3 to 0.55 at ρ = 0, 0.4, 0.8, 1, joint posterior; three noises",
        figure,
        1e-14,
    ))
}

/// Returns the kernel of one token at a given clean letter.
fn token(space: &StateSpace, jump: &Jump, clean: Letter, alpha: f64) -> Matrix {
    let mut out = Matrix::of(space.letters(), |_, _| 0.0);
    for x in 0..space.letters() {
        let mut law = vec![0.0; space.letters()];
        jump.law(space, x as Letter, clean, alpha, &mut law);
        law.iter().enumerate().for_each(|(y, p)| out.set(x, y, *p));
    }
    out
}

fn composed(_: &Extra<'_>) -> Result<Measured> {
    let [alpha, to] = STEP;
    let decay = (1.0 - to) * alpha / ((1.0 - alpha) * to);
    let mut figures = Vec::new();
    for noise in noises() {
        let space = StateSpace::new(noise, 3, 1)?;
        for clean in 0..3 {
            for (back, forth) in [(1.0, decay), (0.4, decay), (0.4, 0.5 * decay), (0.0, decay)] {
                let [r, f, l] =
                    [Jump::row(alpha, to, back)?, Jump::row(to, alpha, forth)?, Jump::row(alpha, alpha, back * forth)?];
                let both = token(&space, &r, clean, alpha).times(&token(&space, &f, clean, to));
                let wanted = token(&space, &l, clean, alpha);
                // Under masked noise a letter that is neither clean nor a mask never occurs.
                for x in (0..space.letters()).filter(|x| space.transition(alpha, clean, *x as Letter) > 0.0) {
                    figures.push(apart(both.row(x), wanted.row(x)));
                }
            }
        }
    }
    Ok(Measured::new("kernels of one token, four pairs of ρ, every clean letter; three noises", worst(figures), 1e-14))
}

fn forward(_: &Extra<'_>) -> Result<Measured> {
    let [to, alpha] = STEP;
    let jump = Jump::row(alpha, to, (1.0 - alpha) * to / ((1.0 - to) * alpha))?;
    let mut figures = Vec::new();
    for noise in noises() {
        let space = StateSpace::new(noise, 3, 1)?;
        for clean in 0..3 {
            let kernel = token(&space, &jump, clean, alpha);
            for x in (0..space.letters()).filter(|x| space.transition(alpha, clean, *x as Letter) > 0.0) {
                let wanted = |y: Letter| space.transition(to / alpha, x as Letter, y);
                let wanted: Vec<f64> = (0..space.letters()).map(|y| wanted(y as Letter)).collect();
                figures.push(apart(kernel.row(x), &wanted));
            }
        }
    }
    Ok(Measured::new(
        "the row from survival 0.55 to 0.3 at every clean letter against P of the quotient; three noises",
        worst(figures),
        1e-14,
    ))
}

fn remasking(_: &Extra<'_>) -> Result<Measured> {
    let [alpha, to] = STEP;
    let mut figures = Vec::new();
    for remask in [0.0, 0.1, 0.3] {
        let jump = Jump::row(alpha, to, 1.0 - remask / (1.0 - to))?;
        // ReMDM, equation 6: an unmasked token is remasked with probability σ, a masked token is
        // unmasked with probability (α_t − (1 − σ)α_s)/(1 − α_s).
        figures.push((jump.remask - remask).abs());
        figures.push((jump.unmask - (to - (1.0 - remask) * alpha) / (1.0 - alpha)).abs());
        figures.push((jump.unmask + jump.keep + jump.fresh() - 1.0).abs());
    }
    let ancestral = Jump::reversal(alpha, to)?;
    let row = Jump::row(alpha, to, 1.0)?;
    figures.extend([ancestral.remask - row.remask, ancestral.unmask - row.unmask].map(f64::abs));
    figures.push((row.unmask - (to - alpha) / (1.0 - alpha)).abs());
    Ok(Measured::new(
        "probabilities of the row against the published ones, remask probabilities 0, 0.1, 0.3",
        worst(figures),
        1e-15,
    ))
}

fn family(_: &Extra<'_>) -> Result<Measured> {
    let [alpha, to] = STEP;
    let figure = after(|| {
        let fresh = |jump: Jump| jump.fresh();
        let exact = fresh(Jump::reversal(alpha, to)?);
        // Half the exact reverse, half a draw of everything anew.
        let (half, sigma) = (0.5, 1.0 - to);
        [(0.0, exact), (0.0, 0.0), (0.3, 0.1), (half * sigma, half * exact + half * sigma)]
            .iter()
            .map(|(remask, fresh)| Jump::of(alpha, to, *remask, *fresh))
            .collect()
    })?;
    Ok(Measured::new(
        "the law after a step with (m, f) of the reversal, (0, 0), (0.3, 0.1), and half reversal, half redraw; three noises",
        figure,
        1e-14,
    ))
}

/// Returns the forward kernel from the cleaner to the noisier level, and its exact reverse by
/// Bayes' rule.
fn pair(case: &Case) -> [Matrix; 2] {
    let [alpha, to] = STEP;
    let forward = joint(&case.one.exp(libm::log(to / alpha)), case.length);
    let [noisy, clean] = [at(case, alpha), at(case, to)];
    let back = Matrix::of(case.states(), |x, y| clean[y] * forward.at(y, x) / noisy[x]);
    [forward, back]
}

fn reversal(_: &Extra<'_>) -> Result<Measured> {
    let [alpha, to] = STEP;
    let mut figures = Vec::new();
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        figures.push(kernel(&case, space, &Jump::reversal(alpha, to)?, alpha).apart(&pair(&case)[1]));
    }
    Ok(Measured::new("the kernel with the joint posterior against Bayes' rule; three noises", worst(figures), 1e-14))
}

fn step(_: &Extra<'_>) -> Result<Measured> {
    let [alpha, to] = STEP;
    let mut figures = Vec::new();
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        let p = at(&case, to);
        let both = pair(&case)[0].times(&kernel(&case, space, &Jump::reversal(alpha, to)?, alpha));
        figures.push(apart(&both.after(&p), &p));
        figures.push(uneven(&p, &both));
        let symmetric = Matrix::of(p.len(), |x, y| (p[x] / p[y]).sqrt() * both.at(x, y));
        figures.push(if symmetric.is_positive(1e-12) { 0.0 } else { f64::INFINITY });
    }
    Ok(Measured::new(
        "change of p_t and of the flow in both directions; pivots of the symmetric matrix plus 10⁻¹²; three noises",
        worst(figures),
        1e-14,
    ))
}

/// Returns the largest difference of the flows in both directions.
pub(super) fn uneven(p: &[f64], kernel: &Matrix) -> f64 {
    let pairs = (0..p.len()).flat_map(|x| (0..x).map(move |y| (x, y)));
    worst(pairs.map(|(x, y)| (p[x] * kernel.at(x, y) - p[y] * kernel.at(y, x)).abs()))
}

/// Returns p_t and the kernel of a forward step followed by the row ρ.
pub(super) fn forward_and_row(case: &Case, space: &StateSpace, rho: f64) -> Result<(Vec<f64>, Matrix)> {
    let [alpha, to] = STEP;
    let row = kernel(case, space, &Jump::row(alpha, to, rho)?, alpha);
    Ok((at(case, to), pair(case)[0].times(&row)))
}
