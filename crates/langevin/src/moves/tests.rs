use super::*;
use proptest::prelude::*;

const ETAS: [f64; 4] = [0.0, 0.5, 1.0, 1.7];

fn process(which: usize) -> Process {
    Process::parse(crate::process::NAMES[which]).unwrap()
}

fn pair(which: usize, lambda: f64, step: f64) -> (Level, Level) {
    let process = process(which);
    (process.level_at_lambda(lambda).unwrap(), process.level_at_lambda(lambda + step).unwrap())
}

#[test]
fn forward_plus_reverse_is_langevin_coefficient_by_coefficient() {
    for which in 0..5 {
        let process = process(which);
        for time in [0.05, 0.3, 0.8] {
            let level = process.level(time).unwrap();
            for eta in ETAS {
                let forward = Rates::forward(&process, &level).unwrap();
                let reverse = Rates::reverse(&process, &level, eta).unwrap();
                let langevin = Rates::langevin(&process, &level, eta).unwrap();
                assert_eq!(forward.x + reverse.x, langevin.x);
                assert!((forward.score + reverse.score - langevin.score).abs() <= 1e-15 * langevin.score);
                assert!((forward.power + reverse.power - langevin.power).abs() <= 1e-15 * langevin.power);
                // For a Langevin move the squared noise is 2Λ, twice the clock.
                assert_eq!(langevin.power, 2.0 * langevin.score);
            }
        }
    }
}

#[test]
fn the_rates_are_those_of_the_paper() {
    // g² of each process: 1; β; π tan(πt/2); 2σ; 2s/(1−s).
    let expected: [fn(f64) -> f64; 5] = [
        |_| 1.0,
        |t| 0.1 + 19.9 * t,
        |t| std::f64::consts::PI * (std::f64::consts::FRAC_PI_2 * t).tan(),
        |t| 2.0 * t,
        |s| 2.0 * s / (1.0 - s),
    ];
    for (which, g2) in expected.iter().enumerate() {
        for t in [0.1, 0.5, 0.9] {
            let rates = Rates::forward(&process(which), &process(which).level(t).unwrap()).unwrap();
            assert!((rates.power - g2(t)).abs() < 1e-12 * g2(t), "{which} {t}: {} {}", rates.power, g2(t));
        }
    }
    // The rows: Λ = 1 (VP-SDE), ½ (VP-ODE), σ (VE), s/(1−s) (rectified flow).
    let clock = |which: usize, t: f64, eta: f64| {
        Rates::langevin(&process(which), &process(which).level(t).unwrap(), eta).unwrap().score
    };
    assert!((clock(0, 0.7, 1.0) - 1.0).abs() < 1e-15);
    assert!((clock(0, 0.7, 0.0) - 0.5).abs() < 1e-15);
    assert!((clock(3, 0.7, 0.0) - 0.7).abs() < 1e-15);
    assert!((clock(4, 0.7, 0.0) - 0.7 / 0.3).abs() < 1e-14);
}

#[test]
fn rows_are_consistent_with_the_rates() {
    // Compares a short reverse row with (−f x + ½(g²+h²)s) dτ and h² dτ, where s = −(x − αD)/σ².
    // They agree to first order in dτ.
    for which in 0..5 {
        let process = process(which);
        let from = process.level(0.4).unwrap();
        for eta in ETAS {
            let dt = 1e-6;
            let to = process.level(0.4 - dt).unwrap();
            let row = Row::new(&from, &to, reverse_rho(&from, &to, eta));
            let rates = Rates::reverse(&process, &from, eta).unwrap();
            let power = from.sigma * from.sigma;
            let a = 1.0 + (rates.x - rates.score / power) * dt;
            let b = rates.score * from.alpha / power * dt;
            // The difference is of second order, (rate·dt)², with rates up to about 50 here.
            assert!((row.a - a).abs() < 1e-8, "{which} η {eta}: {} {a}", row.a);
            assert!((row.b - b).abs() < 1e-8, "{which} η {eta}: {} {b}", row.b);
            assert!(
                (row.c * row.c - rates.power * dt).abs() < 1e-8,
                "{which} η {eta}: {} {}",
                row.c * row.c,
                rates.power * dt
            );
        }
    }
}

proptest! {
    #[test]
    fn rows_keep_the_marginal(which in 0_usize..5, lambda in -5.0_f64..4.0, step in 1e-6_f64..3.0, eta in 0.0_f64..2.0) {
        let (noisy, clean) = pair(which, lambda, step);
        for (from, to, rho) in [
            (noisy, clean, reverse_rho(&noisy, &clean, eta)),
            (clean, noisy, forward_rho(&clean, &noisy, eta)),
            (noisy, noisy, (-eta).exp()),
        ] {
            let row = Row::new(&from, &to, rho);
            let power = to.sigma * to.sigma;
            prop_assert!((row.a * row.a * from.sigma * from.sigma + row.c * row.c - power).abs() <= 1e-12 * power);
            prop_assert!((row.a * from.alpha + row.b - to.alpha).abs() <= 1e-12 * to.alpha.max(row.a * from.alpha));
        }
    }

    #[test]
    fn the_forward_row_needs_no_network(which in 0_usize..5, lambda in -5.0_f64..4.0, step in 1e-3_f64..3.0) {
        let (noisy, clean) = pair(which, lambda, step);
        let general = Row::new(&clean, &noisy, forward_rho(&clean, &noisy, 1.0));
        let special = Row::forward(&clean, &noisy);
        prop_assert_eq!(special.b, 0.0);
        prop_assert!((general.a - special.a).abs() < 1e-13 * special.a && general.b.abs() < 1e-13);
        prop_assert_eq!(general.c, special.c);
    }

    #[test]
    fn forward_after_reverse_is_langevin(which in 0_usize..5, lambda in -5.0_f64..4.0, step in 1e-3_f64..3.0, eta in 0.0_f64..2.0) {
        let (noisy, clean) = pair(which, lambda, step);
        let reverse = reverse_rho(&noisy, &clean, eta);
        let forward = forward_rho(&clean, &noisy, 1.0);
        let (r, f) = (Row::new(&noisy, &clean, reverse), Row::forward(&clean, &noisy));
        let whole = Row::new(&noisy, &noisy, reverse * forward);
        prop_assert!((f.a * r.a - whole.a).abs() < 1e-12);
        prop_assert!((f.a * r.b + f.b - whole.b).abs() < 1e-12);
        prop_assert!(((f.a * r.c).powi(2) + f.c * f.c - whole.c * whole.c).abs() < 1e-12 * noisy.sigma.powi(2));
    }

    /// On a Gaussian, forward followed by the exact reverse leaves p_t unchanged, for every h/g.
    #[test]
    fn forward_then_exact_reverse_leaves_a_gaussian_unchanged(
        which in 0_usize..5, lambda in -5.0_f64..4.0, step in 1e-3_f64..3.0, eta in 0_usize..4, c in 1e-3_f64..10.0,
    ) {
        let (noisy, clean) = pair(which, lambda, step);
        let v = |level: &Level| level.alpha * level.alpha * c + level.sigma * level.sigma;
        let forward = Row::forward(&clean, &noisy);
        let up = forward.a * forward.a * v(&clean) + forward.c * forward.c;
        prop_assert!((up - v(&noisy)).abs() < 1e-12 * up);
        let (a, fresh) = exact_reverse(c, &noisy, &clean, ETAS[eta]);
        prop_assert!((a * a * up + fresh - v(&clean)).abs() < 1e-12 * v(&clean));
    }

    #[test]
    fn ddim_and_exponential_agree_at_zero_and_one_only(which in 0_usize..5, lambda in -3.0_f64..3.0, step in 0.05_f64..1.0) {
        let (s, t) = pair(which, lambda, step);
        for eta in [0.0, 1.0] {
            prop_assert!((ddim_rho(&s, &t, eta).unwrap() - reverse_rho(&s, &t, eta)).abs() < 1e-12);
        }
        prop_assert!((ddim_rho(&s, &t, 0.5).unwrap() - reverse_rho(&s, &t, 0.5)).abs() > 1e-5);
        let rho = ddim_rho(&s, &t, 0.5).unwrap();
        let eta = effective_eta(&s, &t, rho).unwrap();
        prop_assert!((reverse_rho(&s, &t, eta) - rho).abs() < 1e-12);
    }
}

/// DDIM at η = 1 is the posterior to the last digits, even if nearly all the noise is drawn anew.
#[test]
fn ddim_at_one_keeps_its_digits_on_long_steps() {
    let ve = Process::ve();
    for sigma in [1e-3, 1e-6, 1e-12] {
        let (s, t) = (ve.level(80.0).unwrap(), ve.level(sigma).unwrap());
        let (rho, exact) = (ddim_rho(&s, &t, 1.0).unwrap(), sigma / 80.0);
        assert!((rho - exact).abs() < 1e-15 * exact, "{rho} {exact}");
    }
}

#[test]
fn rates_are_finite_on_clean_data() {
    for (which, g2) in [(0, 1.0), (1, 0.1), (2, 0.0), (3, 0.0), (4, 0.0)] {
        let rates = Rates::forward(&process(which), &process(which).level(0.0).unwrap()).unwrap();
        assert_eq!(rates.power, g2, "{which}");
    }
}

#[test]
fn the_exact_reverse_at_one_is_the_posterior() {
    // p(x_t | x_s): mean Cov(x_t, x_s)/v_s · x_s, variance v_t − Cov²/v_s, Cov = (α_s/α_t) v_t.
    let (s, t) = pair(1, -0.4, 0.9);
    let c = 0.7;
    let v = |level: &Level| level.alpha * level.alpha * c + level.sigma * level.sigma;
    let covariance = s.alpha / t.alpha * v(&t);
    let (a, variance) = exact_reverse(c, &s, &t, 1.0);
    assert!((a - covariance / v(&s)).abs() < 1e-15);
    assert!((variance - (v(&t) - covariance * covariance / v(&s))).abs() < 1e-15);
}

#[test]
fn the_row_is_the_exact_reverse_for_data_of_no_spread() {
    let (s, t) = pair(4, -0.4, 0.9);
    for eta in ETAS {
        let row = Row::new(&s, &t, reverse_rho(&s, &t, eta));
        let (a, variance) = exact_reverse(0.0, &s, &t, eta);
        assert!((row.a - a).abs() < 1e-14 && (row.c * row.c - variance).abs() < 1e-14);
    }
}

#[test]
fn corners() {
    let flow = Process::rectified_flow();
    let (noise, clean, middle) = (flow.level(1.0).unwrap(), flow.level(0.0).unwrap(), flow.level(0.5).unwrap());
    // A move to σ = 0 gives D for every η. A move from pure noise is finite too.
    for eta in ETAS {
        let row = Row::new(&middle, &clean, reverse_rho(&middle, &clean, eta));
        assert_eq!((row.a, row.b, row.c), (0.0, 1.0, 0.0));
    }
    let row = Row::new(&noise, &middle, reverse_rho(&noise, &middle, 0.0));
    assert_eq!((row.a, row.b, row.c), (0.5, 0.5, 0.0));
    // A forward move from clean data gives the noised datum itself.
    let row = Row::forward(&clean, &middle);
    assert_eq!((row.a, row.b, row.c), (0.5, 0.0, 0.5));
    assert!(ddim_rho(&noise, &middle, 1.2).unwrap_err().is_argument());
    assert!(Rates::forward(&flow, &noise).unwrap_err().is_singular());
    assert!(check_eta(f64::NAN).is_err() && check_eta(-0.1).is_err());
}
