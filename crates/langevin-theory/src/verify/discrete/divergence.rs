//! The divergence between two laws under the rates of a split.

use super::super::{Claim, Extra, Measured, worst};
use super::case::{Case, apart, derivative, kl, numbers};
use super::matrix::Matrix;
use langevin::Result;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 107,
        claim: "−dKL/dt = Σ p(x)Q(x, y)φ(ρ(y)/ρ(x)), φ(u) = u−1−ln u, ρ = p/q, in either direction of time",
        source: "beyond; §5.1 for rates",
        measure: rate,
    },
    Claim {
        number: 108,
        claim: "with a network that is no score, dKL/dτ = path − Σ pA φ(w(y)B/(w(x)A)), for data rates A, model rates B, w = p/q",
        source: "beyond; the KL identity",
        measure: identity,
    },
    Claim {
        number: 109,
        claim: "the path bound Σ p[A ln(A/B)−A+B] is least at η = 1; it is dKL/dτ there if the network is the score of q",
        source: "beyond; its bound",
        measure: bound,
    },
    Claim {
        number: 110,
        claim: "duality: if the model starts in p_T and its rates are exact, it ends in p_0, for every η",
        source: "§4 for rates",
        measure: duality,
    },
];

fn phi(u: f64) -> f64 {
    u - 1.0 - libm::log(u)
}

/// Calls `f` with every pair of different states and adds its values.
fn sum(states: usize, f: impl Fn(usize, usize) -> f64) -> f64 {
    let pairs = (0..states).flat_map(|x| (0..states).map(move |y| (x, y)));
    pairs.filter(|(x, y)| x != y).map(|(x, y)| f(x, y)).sum()
}

/// Returns the KL rate of the paths: Σ p[A ln(A/B) − A + B].
fn path(p: &[f64], data: &Matrix, model: &Matrix) -> f64 {
    sum(p.len(), |x, y| {
        let (a, b) = (data.at(x, y), model.at(x, y));
        let ratio = if a > 0.0 { a * libm::log(a / b) } else { 0.0 };
        p[x] * (ratio - a + b)
    })
}

/// Returns dKL(p‖q)/dτ if p moves by A and q by B.
fn slope(p: &[f64], q: &[f64], data: &Matrix, model: &Matrix) -> f64 {
    let terms = data.after(p).into_iter().zip(model.after(q)).zip(p.iter().zip(q));
    terms.map(|((dp, dq), (p, q))| dp * libm::log(p / q) - dq * p / q).sum()
}

fn rate(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for case in Case::all()? {
        let forward = case.generator();
        for time in [0.3, 0.9] {
            let [p, q] = [&case.data, &case.other].map(|law| case.noised(law, time));
            let at = |step: f64| kl(&case.noised(&case.data, time + step), &case.noised(&case.other, time + step));
            let ratio = |x: usize| p[x] / q[x];
            let wanted = sum(p.len(), |x, y| p[x] * forward.at(x, y) * phi(ratio(y) / ratio(x)));
            figures.push((derivative(1e-2, at) + wanted).abs() / wanted);
            // The reverse half with exact scores has the same rate, whatever the split.
            for eta in [1.0, 1.7] {
                let [a, b] = [case.reverse(&case.data, time, eta)?, case.reverse(&case.other, time, eta)?];
                figures.push((slope(&p, &q, &a, &b) - wanted).abs() / wanted);
            }
        }
    }
    Ok(Measured::new(
        "differences of the divergence in time, and reverse rates of both laws, against the formula, relative; four noises",
        worst(figures),
        // The differences have an error of (0.01/0.3)⁶/64 = 2·10⁻¹¹ of the function, whose nearest
        // singularity is 0.3 away, and rounding of 10⁻¹³.
        1e-9,
    ))
}

fn identity(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for case in Case::all()? {
        let time = 0.6;
        let states = case.states();
        let (p, q) = (case.noised(&case.data, time), case.noised(&case.other, 0.4));
        let w = |x: usize| p[x] / q[x];
        let uneven = numbers(9, states * states);
        for eta in [1.0, 1.3, 2.0] {
            let data = case.reverse(&case.data, time, eta)?;
            // A network that is the score of no density.
            let exact = case.reverse(&case.other, time, eta)?;
            let model = Matrix::of(states, |x, y| exact.at(x, y) * (0.5 + uneven[x * states + y])).generator();
            let slack = sum(states, |x, y| {
                let (a, moved) = (data.at(x, y), w(y) / w(x) * model.at(x, y));
                if a > 0.0 { p[x] * a * phi(moved / a) } else { p[x] * moved }
            });
            let bound = path(&p, &data, &model);
            let found = derivative(1e-3, |step| kl(&data.exp(step).after(&p), &model.exp(step).after(&q)));
            let scale = bound + slack;
            figures.push((found - (bound - slack)).abs() / scale);
            figures.push(if found <= bound { 0.0 } else { f64::INFINITY });
        }
    }
    Ok(Measured::new(
        "differences of the divergence along both rates against the identity, relative; four noises, h/g 1, 1.3, 2",
        worst(figures),
        // Rates reach 30, so the differences have an error of 0.03⁶/64 = 10⁻¹¹, rounding 10⁻¹².
        1e-9,
    ))
}

fn bound(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    let mut shown = String::new();
    for (number, case) in Case::all()?.iter().enumerate() {
        let time = 0.6;
        let [p, q] = [&case.data, &case.other].map(|law| case.noised(law, time));
        let at = |eta: f64| -> Result<[f64; 2]> {
            let [a, b] = [case.reverse(&case.data, time, eta)?, case.reverse(&case.other, time, eta)?];
            Ok([path(&p, &a, &b), slope(&p, &q, &a, &b)])
        };
        let [least, exact] = at(1.0)?;
        figures.push((least - exact).abs());
        let mut values = Vec::new();
        for eta in [0.0, 0.5, 0.8, 0.95, 1.05, 1.2, 2.0, 4.0] {
            let [value, slope] = at(eta)?;
            // Under masked noise every η ≤ 1 has the rates of η = 1.
            figures.push(if value >= least - 1e-13 { 0.0 } else { f64::INFINITY });
            figures.push((slope - exact).abs());
            values.push(format!("{value:.4}"));
        }
        if number == 1 {
            shown = values.join(", ");
        }
    }
    Ok(Measured::new(
        format!(
            "path − dKL/dτ at η = 1; four noises; uniform: paths at h/g 0, 0.5, 0.8, 0.95, 1.05, 1.2, 2, 4: {shown}"
        ),
        worst(figures),
        1e-12,
    ))
}

fn duality(_: &Extra<'_>) -> Result<Measured> {
    let end = 1.2;
    let steps = 600;
    let h = end / f64::from(steps);
    let mut figures = Vec::new();
    for case in [Case::known()?.remove(1), Case::known()?.remove(2), Case::general()] {
        for eta in [0.0, 0.5, 1.0, 1.7] {
            // Rates at the ends and the middles of all steps.
            let start = case.noised(&case.data, end);
            let rates = |time: f64| case.formula(&case.noised(&case.data, time), eta);
            let mut law = start;
            let mut now = rates(end);
            for step in 0..steps {
                let time = end - h * f64::from(step);
                let [middle, next] = [rates(time - 0.5 * h), rates(time - h)];
                let moved = |slope: &[f64], h: f64| -> Vec<f64> {
                    law.iter().zip(slope).map(|(law, slope)| law + h * slope).collect()
                };
                let k1 = now.after(&law);
                let k2 = middle.after(&moved(&k1, 0.5 * h));
                let k3 = middle.after(&moved(&k2, 0.5 * h));
                let k4 = next.after(&moved(&k3, h));
                let mean: Vec<f64> = (0..law.len()).map(|x| (k1[x] + 2.0 * (k2[x] + k3[x]) + k4[x]) / 6.0).collect();
                law = moved(&mean, h);
                now = next;
            }
            figures.push(apart(&law, &case.data));
        }
    }
    Ok(Measured::new(
        "the end of the master equation against p_0; uniform, prior and general noise, h/g 0, 0.5, 1, 1.7, T = 1.2",
        worst(figures),
        // The classical Runge–Kutta method: T h⁴/120 times a fifth derivative of up to 10⁴.
        1e-9,
    ))
}
