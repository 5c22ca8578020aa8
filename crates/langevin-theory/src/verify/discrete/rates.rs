//! The reverse rates of every split.

use super::super::{Claim, Extra, Measured, worst};
use super::case::{Case, joint};
use super::matrix::Matrix;
use langevin::Result;
use langevin_discrete::Letter;

pub(super) const CLAIMS: &[Claim] = &[
    Claim {
        number: 101,
        claim: "the rates Q(x, y) = βπ(y) of one token make P_t(v, y) = α[v = y] + (1−α)π(y), α = exp(−∫β dt)",
        source: "definition",
        measure: transitions,
    },
    Claim {
        number: 102,
        claim: "R_η = max(0, r−q, ½(1+η²)r − ½(1−η²)q) reverses p_t for every η ≥ 0: p R_η = −p Q",
        source: "beyond; §3 for rates",
        measure: reverses,
    },
    Claim {
        number: 103,
        claim: "Q + R_η leaves p_t stationary, with detailed balance, for every η: the Langevin step on tokens",
        source: "beyond; §2 for rates",
        measure: stationary,
    },
    Claim {
        number: 104,
        claim: "the conductance of Q + R_η is max(a, b, ½(1+η²)(a+b)), a = p(x)Q(x, y), b = p(y)Q(y, x)",
        source: "beyond; §2 for rates",
        measure: conductance,
    },
    Claim {
        number: 105,
        claim: "for η ≥ 1: R_η = R + ½(η²−1)(Q+R) and Q + R_η = ½(1+η²)(Q+R), so Λ = ½(g²+h²) again",
        source: "beyond; arXiv 2205.14987",
        measure: linear,
    },
    Claim {
        number: 106,
        claim: "jumps on a fine lattice become dx = (−fx + ½(g²+h²)s) dt + h dW, with h = ηg",
        source: "beyond; §3 for rates",
        measure: continuum,
    },
];

/// Times at which the rates are measured.
const TIMES: [f64; 3] = [0.1, 0.6, 1.5];

/// Splits, some below and some above the time reversal.
const SPLITS: [f64; 4] = [0.0, 0.5, 1.0, 1.7];

fn transitions(_: &Extra<'_>) -> Result<Measured> {
    let mut figures = Vec::new();
    for case in Case::known()? {
        let Some(space) = &case.space else { continue };
        for time in TIMES {
            let wanted = |x: usize, y: usize| space.transition(libm::exp(-time), x as Letter, y as Letter);
            let one = Matrix::of(case.letters(), wanted);
            figures.push(case.one.exp(time).apart(&one));
            figures.push(case.generator().exp(time).apart(&joint(&one, case.length)));
        }
    }
    Ok(Measured::new(
        "matrix exponentials of one token and of two against the formula; masked, uniform and prior noise",
        worst(figures),
        1e-13,
    ))
}

/// Returns the largest figure over all cases, times and splits; `figure` gets the law, the forward
/// rates, those of the time reversal and R_η.
fn everywhere(splits: &[f64], figure: impl Fn(&[f64], &Matrix, &Matrix, &Matrix, f64) -> f64) -> Result<f64> {
    let mut figures = Vec::new();
    for case in Case::all()? {
        let forward = case.generator();
        for time in TIMES {
            let law = case.noised(&case.data, time);
            let reversal = case.reverse(&case.data, time, 1.0)?;
            for eta in splits {
                let reverse = case.reverse(&case.data, time, *eta)?;
                // Both ways to the rates must agree: leave-one-out predictions and the law itself.
                // Rates reach 10 and more, so a tenth of the difference counts.
                figures.push(reverse.apart(&case.formula(&law, *eta)) / 10.0);
                figures.push(figure(&law, &forward, &reversal, &reverse, *eta));
            }
        }
    }
    Ok(worst(figures))
}

const PLACES: &str = "masked, uniform, prior and general irreversible noise, three times, h/g 0, 0.5, 1, 1.7";

fn reverses(_: &Extra<'_>) -> Result<Measured> {
    let figure = everywhere(&SPLITS, |p, forward, _, reverse, _| {
        worst(forward.after(p).iter().zip(&reverse.after(p)).map(|(a, b)| (a + b).abs()))
    })?;
    Ok(Measured::new(format!("largest entry of p R + p Q; {PLACES}"), figure, 1e-12))
}

fn stationary(_: &Extra<'_>) -> Result<Measured> {
    let figure = everywhere(&SPLITS, |p, forward, _, reverse, _| {
        let both = forward.plus(reverse, 1.0);
        let flow = |x: usize, y: usize| p[x] * both.at(x, y);
        let states = 0..p.len();
        let uneven = states.flat_map(|x| (0..x).map(move |y| (x, y))).map(|(x, y)| (flow(x, y) - flow(y, x)).abs());
        worst(uneven.chain(both.after(p).iter().map(|value| value.abs())))
    })?;
    Ok(Measured::new(format!("p(Q + R), and p(x)L(x, y) − p(y)L(y, x); {PLACES}"), figure, 1e-12))
}

fn conductance(_: &Extra<'_>) -> Result<Measured> {
    let figure = everywhere(&SPLITS, |p, forward, _, reverse, eta| {
        let pairs = (0..p.len()).flat_map(|x| (0..p.len()).map(move |y| (x, y))).filter(|(x, y)| x != y);
        worst(pairs.map(|(x, y)| {
            let (a, b) = (p[x] * forward.at(x, y), p[y] * forward.at(y, x));
            let wanted = a.max(b).max(0.5 * (1.0 + eta * eta) * (a + b));
            (p[x] * (forward.at(x, y) + reverse.at(x, y)) - wanted).abs()
        }))
    })?;
    Ok(Measured::new(format!("p(x)L(x, y) against the formula; {PLACES}"), figure, 1e-12))
}

fn linear(_: &Extra<'_>) -> Result<Measured> {
    let figure = everywhere(&[1.0, 1.3, 2.5], |_, forward, reversal, reverse, eta| {
        let both = forward.plus(reversal, 1.0);
        let split = reversal.plus(&both, 0.5 * (eta * eta - 1.0));
        let step = both.scaled(0.5 * (1.0 + eta * eta));
        // Rates reach 10, so the differences are relative to 10.
        0.1 * reverse.apart(&split).max(forward.plus(reverse, 1.0).apart(&step))
    })?;
    Ok(Measured::new("both sides; all four noises, three times, h/g 1, 1.3, 2.5; a tenth of it", figure, 1e-12))
}

/// Jumps of an Ornstein–Uhlenbeck process dx = −x dt + √2 dW on a lattice, at a law N(0, 1.7) that
/// is not its stationary one.
fn continuum(_: &Extra<'_>) -> Result<Measured> {
    let variance = 1.7;
    let log_p = |x: f64| -0.5 * x * x / variance;
    // Drift and quadratic variation of the reverse jumps at x on a lattice of this spacing.
    let moments = |x: f64, eta: f64, spacing: f64| {
        let rate = |from: f64, sign: f64| 1.0 / (spacing * spacing) - 0.5 * sign * from / spacing;
        let jump = |sign: f64| {
            let to = x + sign * spacing;
            let (q, r) = (rate(x, sign), rate(to, -sign) * libm::exp(log_p(to) - log_p(x)));
            (r - q).max(0.5 * (1.0 + eta * eta) * r - 0.5 * (1.0 - eta * eta) * q).max(0.0)
        };
        let [up, down] = [jump(1.0), jump(-1.0)];
        [spacing * (up - down), spacing * spacing * (up + down)]
    };
    let mut figures = Vec::new();
    for x in [-2.0, -0.4, 0.0, 1.1] {
        for eta in [0.5, 1.0, 1.7] {
            let square = eta * eta;
            let wanted = [x - 0.5 * (2.0 + 2.0 * square) * x / variance, 2.0 * square];
            // The error is a series in the square of the spacing; two terms are eliminated.
            let [a, b, c] = [0.04, 0.02, 0.01].map(|spacing| moments(x, eta, spacing));
            for k in 0..2 {
                let [once, again] = [(4.0 * b[k] - a[k]) / 3.0, (4.0 * c[k] - b[k]) / 3.0];
                figures.push(((16.0 * again - once) / 15.0 - wanted[k]).abs());
            }
        }
    }
    Ok(Measured::new(
        "drift and quadratic variation of reverse jumps, extrapolated from spacings 0.04, 0.02, 0.01, against the SDE",
        worst(figures),
        // The next term of the series, of order 0.04⁶ = 4·10⁻⁹ before extrapolation, is divided by
        // 64; rounding of rates of 10⁴ adds 10⁻¹¹.
        1e-10,
    ))
}
