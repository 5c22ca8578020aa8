use super::*;
use crate::prediction::Prediction;

const DENSITIES: [TimeDensity; 5] = [
    TimeDensity::UniformTime,
    TimeDensity::UniformLambda,
    TimeDensity::Cosmap,
    TimeDensity::LogitNormal { mean: 0.3, std: 0.8 },
    TimeDensity::LogNormalSigma { mean: -1.2, std: 1.2 },
];

/// The smooth processes. The rates of a table jump at its entries, and quadrature and differences
/// would measure the jumps.
fn processes() -> Vec<Process> {
    let smooth = |name: &&&str| !name.starts_with("table:");
    crate::process::NAMES.iter().filter(smooth).map(|name| Process::parse(name).unwrap()).collect()
}

fn objective(
    process: Process,
    prediction: Prediction,
    weight: Weight,
    times: TimeDensity,
    range: (f64, f64),
) -> Objective {
    let range = LambdaRange { min: range.0, max: range.1 };
    Objective::new(&Formulation::new(process, prediction).with_range(range), weight, times).unwrap()
}

#[test]
fn density_integrates_to_one() {
    for process in processes() {
        for times in DENSITIES {
            let o = objective(process.clone(), Prediction::X0, Weight::Plain, times.clone(), (-4.0, 5.0));
            // Simpson's rule; the densities are smooth on the scale of the step, 0.009.
            let n = 1000;
            let h = 9.0 / f64::from(n);
            let sum: f64 = (0..=n)
                .map(|i| {
                    let factor = if i == 0 || i == n {
                        1.0
                    } else if i % 2 == 1 {
                        4.0
                    } else {
                        2.0
                    };
                    factor * o.density(&process.level_at_lambda(-4.0 + h * f64::from(i)).unwrap())
                })
                .sum::<f64>()
                * h
                / 3.0;
            assert!((sum - 1.0).abs() < 1e-7, "{} {}: {sum}", process.name(), times.name());
        }
    }
}

#[test]
fn density_is_the_derivative_of_the_inverse_cdf() {
    for process in processes() {
        for times in DENSITIES {
            let o = objective(process.clone(), Prediction::X0, Weight::Plain, times.clone(), (-4.0, 5.0));
            for u in [0.02, 0.1, 0.3, 0.5, 0.77, 0.95] {
                // Central difference: error O(h²) relative, and 1e-10 of rounding in λ.
                let h = 1e-5;
                let (low, high) = (o.level(u - h).unwrap(), o.level(u + h).unwrap());
                let slope = 2.0 * h / (low.lambda() - high.lambda());
                let p = o.density(&o.level(u).unwrap());
                assert!((slope / p - 1.0).abs() < 1e-5, "{} {} {u}: {slope} {p}", process.name(), times.name());
            }
        }
    }
}

#[test]
fn draws_end_at_the_ends_of_the_range() {
    for process in processes() {
        for times in DENSITIES {
            let o = objective(process.clone(), Prediction::X0, Weight::Plain, times.clone(), (-4.0, 5.0));
            assert!((o.level(0.0).unwrap().lambda() - 5.0).abs() < 1e-9);
            assert!((o.level(1.0).unwrap().lambda() + 4.0).abs() < 1e-9);
            assert!(o.level(1.5).unwrap_err().is_argument());
        }
    }
}

#[test]
fn known_densities_of_uniform_time() {
    for lambda in [-3.0, -1.0, 0.0, 0.5, 2.0, 4.0f64] {
        let cosine =
            objective(Process::vp_cosine(), Prediction::V, Weight::Plain, TimeDensity::UniformTime, (-20.0, 20.0));
        let p = cosine.density(&Process::vp_cosine().level_at_lambda(lambda).unwrap());
        // Truncation to ±20 leaves out 2e-9 of the mass.
        assert!((p * std::f64::consts::PI * lambda.cosh() - 1.0).abs() < 1e-8, "{p}");
        let flow = objective(
            Process::rectified_flow(),
            Prediction::Velocity,
            Weight::Plain,
            TimeDensity::UniformTime,
            (-20.0, 20.0),
        );
        let p = flow.density(&Process::rectified_flow().level_at_lambda(lambda).unwrap());
        assert!((p * 4.0 * (lambda / 2.0).cosh().powi(2) - 1.0).abs() < 1e-7, "{p}");
    }
}

#[test]
fn weights_of_the_plain_losses() {
    let d = 0.7f64;
    for lambda in [-3.0, -0.5, 0.0, 1.0, 4.0f64] {
        let w = |process: Process, prediction| {
            let level = process.level_at_lambda(lambda).unwrap();
            objective(process, prediction, Weight::Plain, TimeDensity::UniformLambda, (-5.0, 5.0))
                .weight(&level)
                .unwrap()
        };
        let close = |got: f64, want: f64| assert!((got / want - 1.0).abs() < 1e-12, "λ {lambda}: {got} {want}");
        close(w(Process::vp(), Prediction::Epsilon), 1.0);
        close(w(Process::vp_cosine(), Prediction::X0), (-2.0 * lambda).exp());
        close(w(Process::vp(), Prediction::V), 1.0 + (-2.0 * lambda).exp());
        close(w(Process::rectified_flow(), Prediction::Velocity), (1.0 + (-lambda).exp()).powi(2));
        close(w(Process::ve(), Prediction::Edm { sigma_data: d }), ((-2.0 * lambda).exp() + d * d) / (d * d));
    }
}

#[test]
fn output_factor_is_one_loss_in_every_formulation() {
    // w·(αB/σ)²·‖Δout‖² is one number for every prediction, because ‖Δε‖² is.
    let weights = [Weight::Likelihood, Weight::MinSnr { gamma: 5.0 }];
    for weight in weights {
        for lambda in [-2.0, 0.3, 3.0] {
            for name in ["x0", "epsilon", "score", "v", "velocity", "edm", "edm-v"] {
                let process = Process::rectified_flow();
                let level = process.level_at_lambda(lambda).unwrap();
                let prediction = Prediction::parse(name).unwrap();
                let o = objective(process.clone(), prediction, weight, TimeDensity::UniformLambda, (-5.0, 5.0));
                let delta_d = 0.01;
                let delta_out = delta_d / prediction.to_denoised(&process, &level).unwrap().b;
                let delta_eps = delta_d * level.alpha / level.sigma;
                let got = o.output_factor(&level).unwrap() * delta_out * delta_out;
                let want = o.weight(&level).unwrap() * delta_eps * delta_eps;
                assert!((got / want - 1.0).abs() < 1e-12, "{name} {lambda}");
            }
        }
    }
}

#[test]
fn likelihood_weight_makes_w_times_p_one_and_min_snr_caps() {
    let process = Process::rectified_flow();
    for times in DENSITIES {
        let o = objective(process.clone(), Prediction::Velocity, Weight::Likelihood, times, (-3.0, 3.0));
        let level = o.level(0.3).unwrap();
        assert!((o.weight(&level).unwrap() * o.density(&level) - 1.0).abs() < 1e-14);
    }
    let o = objective(
        process.clone(),
        Prediction::Velocity,
        Weight::MinSnr { gamma: 5.0 },
        DENSITIES[1].clone(),
        (-3.0, 3.0),
    );
    assert_eq!(o.weight(&process.level_at_lambda(0.0).unwrap()).unwrap(), 1.0);
    let w = o.weight(&process.level_at_lambda(2.0).unwrap()).unwrap();
    assert!((w - 5.0 * (-4.0f64).exp()).abs() < 1e-14);
}

#[test]
fn quantile_inverts_the_mass_far_into_the_tails() {
    for (a, b) in [(-1.0, 2.0), (-8.0, 8.0), (4.0, 7.0), (-7.0, -4.0), (-30.0, 1.0)] {
        for u in [1e-9, 1e-3, 0.2, 0.5, 0.9, 1.0 - 1e-9] {
            let z = truncated_normal_quantile(u, a, b);
            let got = normal_mass(a, z) / normal_mass(a, b);
            // The last step in z is at most 1e-14 (1 + |z|); the mass changes by the density times
            // that.
            let slope = normal_density(z) / normal_mass(a, b);
            assert!((got - u).abs() < 2e-14 * (1.0 + slope * (1.0 + z.abs())), "[{a}, {b}] {u}: {z} {got}");
        }
    }
}

#[test]
fn refusals() {
    let formulation = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    assert!(Objective::new(&formulation, Weight::Plain, TimeDensity::UniformTime).unwrap_err().is_argument());
    let formulation = formulation.with_range(LambdaRange { min: -3.0, max: 3.0 });
    let far = TimeDensity::LogitNormal { mean: 100.0, std: 1.0 };
    assert!(Objective::new(&formulation, Weight::Plain, far).unwrap_err().is_argument());
    let flat = TimeDensity::LogitNormal { mean: 0.0, std: 0.0 };
    assert!(Objective::new(&formulation, Weight::Plain, flat).unwrap_err().is_argument());
    let error = Objective::new(&formulation, Weight::MinSnr { gamma: -1.0 }, TimeDensity::UniformTime).unwrap_err();
    assert!(error.is_argument());
}

#[test]
fn names_round_trip() {
    for name in Weight::NAMES {
        assert_eq!(Weight::parse(name).unwrap().name(), name);
    }
    for name in TimeDensity::NAMES {
        assert_eq!(TimeDensity::parse(name).unwrap().name(), name);
    }
    assert_eq!(TimeDensity::parse("unifrom-t").unwrap_err().hint(), Some("did you mean 'uniform-t'?"));
}

/// Every weight and density of this module on one flow, λ in [−4, 5].
fn all() -> Vec<Objective> {
    let range = LambdaRange { min: -4.0, max: 5.0 };
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity).with_range(range);
    let hills = Histogram::new(range, (0..18).map(|i| 1.0 + f64::from(i % 5)).collect()).unwrap();
    let mut all = Vec::new();
    for name in Weight::NAMES {
        for times in DENSITIES.into_iter().chain([TimeDensity::Histogram(hills.clone())]) {
            all.push(Objective::new(&flow, Weight::parse(name).unwrap(), times).unwrap());
        }
    }
    all
}

/// Drawing from another density changes the levels, not the loss.
#[test]
fn the_draws_do_not_change_the_objective() {
    let range = LambdaRange { min: -4.0, max: 5.0 };
    let other = Histogram::new(range, vec![0.1, 0.5, 0.3, 0.1]).unwrap();
    for plain in all() {
        let drawn = plain.clone().drawn_from(other.clone()).unwrap();
        for lambda in [-3.9, -1.0, 0.3, 2.2, 4.9] {
            let level = plain.formulation().process.level_at_lambda(lambda).unwrap();
            let (a, b) = (plain.weighted_density(&level).unwrap(), drawn.weighted_density(&level).unwrap());
            assert!((a / b - 1.0).abs() < 1e-12, "{a} {b}");
            assert_eq!(drawn.density(&level), other.density(lambda));
            let gain = drawn.error_gain(&level).unwrap();
            let factor = drawn.output_factor(&level).unwrap();
            assert!((factor / (drawn.weight(&level).unwrap() * gain) - 1.0).abs() < 1e-12);
        }
        // A tenth of the mass is on the cleanest quarter of the range.
        assert!((drawn.level(0.1).unwrap().lambda() - 2.75).abs() < 1e-9);
    }
    let off = Histogram::new(LambdaRange { min: -4.0, max: 4.0 }, vec![1.0]).unwrap();
    assert!(all()[0].clone().drawn_from(off).unwrap_err().is_argument());
}

#[test]
fn a_histogram_is_a_density_with_its_own_quantiles() {
    let range = LambdaRange { min: -1.0, max: 3.0 };
    let histogram = Histogram::new(range, vec![1.0, 2.0, 3.0, 2.0]).unwrap();
    let objective = Objective::new(
        &Formulation::new(Process::ve(), Prediction::Epsilon).with_range(LambdaRange { min: -0.5, max: 2.5 }),
        Weight::Plain,
        TimeDensity::Histogram(histogram.clone()),
    )
    .unwrap();
    let mut mass = 0.0;
    for i in 0..3000 {
        let level = Process::ve().level_at_lambda(-0.5 + 0.001 * (f64::from(i) + 0.5)).unwrap();
        mass += 0.001 * objective.density(&level);
    }
    assert!((mass - 1.0).abs() < 1e-12, "{mass}");
    for u in [0.0, 0.2, 0.7, 1.0] {
        let lambda = objective.level(u).unwrap().lambda();
        let above: f64 = (0..3000)
            .map(|i| -0.5 + 0.001 * (f64::from(i) + 0.5))
            .filter(|l| *l > lambda)
            .map(|l| 0.001 * objective.density(&Process::ve().level_at_lambda(l).unwrap()))
            .sum();
        // The grid of the sum is 0.001 wide.
        assert!((above - u).abs() < 1e-3, "{u}: {above}");
    }
    for bad in [vec![], vec![1.0, 0.0], vec![f64::NAN], vec![f64::INFINITY, 1.0], vec![-1.0, 2.0]] {
        assert!(Histogram::new(range, bad).is_err());
    }
    let text = serde_json::to_string(&TimeDensity::Histogram(histogram.clone())).unwrap();
    assert_eq!(serde_json::from_str::<TimeDensity>(&text).unwrap(), TimeDensity::Histogram(histogram));
}

/// The table of weights in ε, by their formulas at SNR = 4.
#[test]
fn weights_are_their_formulas() {
    let range = LambdaRange { min: -4.0, max: 5.0 };
    let vp = Formulation::new(Process::vp(), Prediction::Epsilon).with_range(range);
    let level = Process::vp().level_at_lambda(2f64.ln()).unwrap();
    let weight = |name: &str| {
        let weight = Weight::parse(name).unwrap();
        Objective::new(&vp, weight, TimeDensity::UniformLambda).unwrap().weight(&level).unwrap()
    };
    for (name, expected) in [
        ("plain", 1.0),
        ("likelihood", 9.0),
        ("min-snr:2", 0.5),
        ("min-snr:5", 1.0),
        ("p2:2", 1.0 / 25.0),
        ("sigmoid:0", 1.0 / 5.0),
        ("sigmoid:bias=1.3862943611198906", 0.5),
        ("edm:0.5", (0.25 + 0.25) / 0.25),
        ("uncertainty", 1.0),
    ] {
        assert!((weight(name) - expected).abs() < 1e-12, "{name}: {}", weight(name));
    }
    let learned = Histogram::new(range, vec![1.0, 3.0]).unwrap();
    let objective = Objective::new(&vp, Weight::Uncertainty, TimeDensity::UniformLambda).unwrap();
    let objective = objective.with_errors(learned).unwrap();
    assert!((objective.weight(&level).unwrap() - 2.0 / 3.0).abs() < 1e-12);
    for bad in ["p2:-1", "edm:0", "min-snr:x", "plain:1", "sigmoid:1,2", "p2:gama=1"] {
        assert!(Weight::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_bound_is_a_product_that_does_not_rise() {
    let range = LambdaRange { min: -4.0, max: 4.0 };
    let frame = |process: Process, prediction, weight: &str, times: &str| {
        let formulation = Formulation::new(process, prediction).with_range(range);
        let (weight, times) = (Weight::parse(weight).unwrap(), TimeDensity::parse(times).unwrap());
        let frame = Objective::new(&formulation, weight, times).unwrap().frame(257).unwrap();
        (frame.is_bound, frame.is_likelihood)
    };
    for times in TimeDensity::NAMES {
        assert_eq!(frame(Process::vp(), Prediction::Score, "likelihood", times), (true, true));
    }
    // w·p ∝ e^{−λ} for both objectives.
    assert_eq!(frame(Process::rectified_flow(), Prediction::Velocity, "plain", "uniform-t"), (true, false));
    assert_eq!(frame(Process::vp_cosine(), Prediction::V, "plain", "uniform-t"), (true, false));
    assert_eq!(frame(Process::vp(), Prediction::Epsilon, "min-snr", "uniform-lambda"), (true, false));
    // EDM's own choice is not a bound: its density falls towards noise.
    assert_eq!(frame(Process::ve(), Prediction::Edm { sigma_data: 0.5 }, "plain", "log-normal-sigma"), (false, false));
    assert_eq!(frame(Process::vp_cosine(), Prediction::Epsilon, "plain", "uniform-t"), (false, false));
}

/// If e is known, the learned density is W √E[e²], up to the uniform tenth.
#[test]
fn the_learner_finds_the_density_of_least_variance() {
    let range = LambdaRange { min: -4.0, max: 4.0 };
    let mut learner = Learner::new(range, 16).unwrap();
    let error = |lambda: f64| 1.0 / (1.0 + (-2.0 * lambda).exp());
    let weight = |lambda: f64| (-0.5 * lambda).exp();
    assert!(learner.density().masses().iter().all(|mass| (mass - 1.0 / 16.0).abs() < 1e-15));
    for round in 0..200 {
        for i in 0..64 {
            let lambda = learner.density().lambda((f64::from(i) + 0.5) / 64.0);
            // Errors imitate a chi-square: 0 or 3, with mean 1 and second moment 3, as for one
            // element.
            let chi = if (i + round) % 3 == 0 { 3.0 } else { 0.0 };
            learner.observe(lambda, error(lambda) * chi, weight(lambda));
        }
        learner.observe(1.0, f64::NAN, 1.0);
        learner.fade();
    }
    let density = learner.density();
    let middle = |bin: usize| -4.0 + 0.5 * (bin as f64 + 0.5);
    let ideal: Vec<f64> = (0..16).map(|bin| error(middle(bin)) * weight(middle(bin))).collect();
    let total: f64 = ideal.iter().sum();
    for (bin, mass) in density.masses().iter().enumerate() {
        let expected = 0.1 / 16.0 + 0.9 * ideal[bin] / total;
        // The integrand is curved over a bin, which is half a unit of λ wide, and few rows fall
        // into the rarest bin.
        assert!((mass / expected - 1.0).abs() < 0.25, "{bin}: {mass} {expected}");
    }
    let text = serde_json::to_string(&learner).unwrap();
    assert_eq!(serde_json::from_str::<Learner>(&text).unwrap(), learner);
    assert!(Learner::new(range, 0).is_err());
}

/// Equation 21 of arXiv 2403.03206: the density of time on a rectified flow, untruncated.
#[test]
fn cosmap_is_that_of_the_paper() {
    let flow = Process::rectified_flow();
    let o = objective(flow.clone(), Prediction::Velocity, Weight::Plain, TimeDensity::Cosmap, (-20.0, 20.0));
    for t in [0.1, 0.3, 0.5, 0.9] {
        let level = flow.level(t).unwrap();
        // p(t) = p(λ) |dλ/dt|, and dλ/dt = −1/(t(1 − t)). The range leaves out 3e-9 of the mass.
        let density = o.density(&level) / (t * (1.0 - t));
        let paper = 2.0 / (std::f64::consts::PI * (1.0 - 2.0 * t + 2.0 * t * t));
        assert!((density / paper - 1.0).abs() < 1e-8, "{t}: {density} {paper}");
    }
}

/// The sum over listed levels is the integral of the loss.
#[test]
fn terms_sum_to_the_loss() {
    let flows = [
        (Process::rectified_flow(), Prediction::Velocity),
        (Process::vp(), Prediction::V),
        (Process::ve(), Prediction::X0),
    ];
    for (process, prediction) in flows {
        for times in DENSITIES {
            let of = |weight| {
                let o = objective(process.clone(), prediction, weight, times.clone(), (-3.0, 3.0));
                o.terms(Support::EvenLambda(4096)).unwrap()
            };
            let plain = of(Weight::Plain);
            assert!((plain.iter().map(|(_, mass)| mass).sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(plain.iter().all(|(term, _)| (term.factor - 1.0).abs() < 1e-12));
            // w·p = 1 on a range of length 6. A cell has the length 0.0015, so the midpoint rule is
            // exact to 1e-7 of each density.
            let sum: f64 = of(Weight::Likelihood).iter().map(|(term, mass)| mass * term.factor / term.gain).sum();
            assert!((sum - 6.0).abs() < 1e-5, "{} {}: {sum}", process.name(), times.name());
            // The target is the output of which D is the datum.
            let (x0, noise) = (1.3, -0.4);
            for (term, _) in plain.iter().step_by(500) {
                let map = prediction.to_denoised(&process, &term.level).unwrap();
                let x = term.level.alpha * x0 + term.level.sigma * noise;
                let d = map.a * x + map.b * (term.target.datum * x0 + term.target.noise * noise);
                assert!((d - x0).abs() < 1e-9, "{}: {d}", process.name());
            }
        }
    }
}

#[test]
fn steps_of_a_table_are_its_entries() {
    let table = Process::parse("table:linear").unwrap();
    let network = Formulation::new(table, Prediction::Epsilon);
    let range = network.table_range().unwrap();
    let network = network.with_range(range);
    let of = |weight, times| Objective::new(&network, weight, times).unwrap().terms(Support::Steps).unwrap();
    let terms = of(Weight::Plain, TimeDensity::UniformTime);
    assert_eq!(terms.len(), 1000);
    assert!(
        terms.iter().enumerate().all(|(i, (term, mass))| {
            term.input.time == i as f64 && (mass - 1e-3).abs() < 1e-12 && term.factor == 1.0
        })
    );
    // The likelihood weight covers the range of the entries once.
    let (first, last) = (terms[0].0.level.lambda(), terms[999].0.level.lambda());
    for times in [TimeDensity::UniformTime, TimeDensity::UniformLambda] {
        let sum: f64 = of(Weight::Likelihood, times).iter().map(|(term, mass)| mass * term.factor / term.gain).sum();
        assert!((sum - (first - last)).abs() < 1e-9, "{sum}");
    }
    // Another density has the masses of its cells: for uniform λ, in proportion to their lengths.
    let even = of(Weight::Plain, TimeDensity::UniformLambda);
    let length = 0.5 * (even[499].0.level.lambda() - even[501].0.level.lambda()) / (first - last);
    assert!((even[500].1 - length).abs() < 1e-9);
    // A table that ends in pure noise is trained there too.
    let zero = crate::process::Tabulated::new(crate::process::Betas::linear(), 1000);
    let zero = zero.and_then(crate::process::Tabulated::with_zero_terminal_snr).unwrap();
    let network = Formulation::new(Process::tabulated(zero), Prediction::V);
    let range = network.table_range().unwrap();
    let network = network.with_range(range);
    let terms =
        Objective::new(&network, Weight::Plain, TimeDensity::UniformTime).unwrap().terms(Support::Steps).unwrap();
    let (end, _) = terms.last().unwrap();
    assert_eq!((end.level.alpha, end.target.datum, end.factor), (0.0, -1.0, 1.0));
    // A continuous process has no steps.
    let flow = objective(
        Process::rectified_flow(),
        Prediction::Velocity,
        Weight::Plain,
        TimeDensity::UniformTime,
        (-3.0, 3.0),
    );
    assert!(flow.terms(Support::Steps).unwrap_err().is_argument());
    assert!(flow.terms(Support::EvenLambda(0)).is_err() && flow.terms(Support::EvenLambda(usize::MAX)).is_err());
}

/// The weight of the output has a limit at pure noise, which is that of nearby levels.
#[test]
fn weights_have_limits_at_pure_noise() {
    let zero = crate::process::Tabulated::new(crate::process::Betas::linear(), 1000);
    let zero = Process::tabulated(zero.and_then(crate::process::Tabulated::with_zero_terminal_snr).unwrap());
    let network = Formulation::new(zero, Prediction::V);
    let network = network.clone().with_range(network.table_range().unwrap());
    for (weight, limit) in [
        (Weight::P2 { gamma: 1.0 }, 0.0),
        (Weight::Sigmoid { bias: 2.0 }, 0.0),
        (Weight::MinSnr { gamma: 5.0 }, 0.0),
        // (1 + r²/σ_d²) α² with α² + σ² = 1
        (Weight::Edm { sigma_data: 0.5 }, 4.0),
    ] {
        let o = Objective::new(&network, weight, TimeDensity::UniformTime).unwrap();
        let terms = o.terms(Support::Steps).unwrap();
        assert_eq!(terms[999].0.level.alpha, 0.0);
        assert!((terms[999].0.factor - limit).abs() < 1e-9, "{}: {}", weight.name(), terms[999].0.factor);
    }
    // A range that ends before pure noise does not draw it.
    let part = network.with_range(LambdaRange::from_sigma_ve(0.1, 1.0).unwrap());
    let o = Objective::new(&part, Weight::Plain, TimeDensity::UniformTime).unwrap();
    assert!(o.terms(Support::Steps).unwrap().iter().all(|(term, _)| term.level.alpha > 0.0));
    // A density between two listed levels has no list.
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity)
        .with_range(LambdaRange { min: -6.0, max: 6.0 });
    let narrow = TimeDensity::LogitNormal { mean: 0.0, std: 1e-9 };
    assert!(
        Objective::new(&flow, Weight::Plain, narrow).unwrap().terms(Support::EvenLambda(64)).unwrap_err().is_argument()
    );
}
