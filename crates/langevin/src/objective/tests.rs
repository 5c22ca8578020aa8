use super::*;
use crate::prediction::Prediction;

const DENSITIES: [TimeDensity; 4] = [
    TimeDensity::UniformTime,
    TimeDensity::UniformLambda,
    TimeDensity::LogitNormal { mean: 0.3, std: 0.8 },
    TimeDensity::LogNormalSigma { mean: -1.2, std: 1.2 },
];

/// The smooth processes: the rates of a table jump at its entries, and quadrature and differences would measure the jumps.
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
            let o = objective(process.clone(), Prediction::X0, Weight::Plain, times, (-4.0, 5.0));
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
            let o = objective(process.clone(), Prediction::X0, Weight::Plain, times, (-4.0, 5.0));
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
            let o = objective(process.clone(), Prediction::X0, Weight::Plain, times, (-4.0, 5.0));
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
    // w·(αB/σ)²·‖Δout‖² is the same number for whatever is predicted, since ‖Δε‖² is.
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
    let o = objective(process.clone(), Prediction::Velocity, Weight::MinSnr { gamma: 5.0 }, DENSITIES[1], (-3.0, 3.0));
    assert_eq!(o.weight(&process.level_at_lambda(0.0).unwrap()).unwrap(), 1.0);
    let w = o.weight(&process.level_at_lambda(2.0).unwrap()).unwrap();
    assert!((w - 5.0 * (-4.0f64).exp()).abs() < 1e-14);
}

#[test]
fn quantile_inverts_the_mass_far_into_the_tails() {
    for (a, b) in [(-1.0, 2.0), (-8.0, 8.0), (4.0, 7.0), (-7.0, -4.0), (-30.0, 1.0)] {
        for u in [1e-9, 1e-3, 0.2, 0.5, 0.9, 1.0 - 1e-9] {
            let z = normal_quantile(u, a, b);
            let got = normal_mass(a, z) / normal_mass(a, b);
            // The last step in z is at most 1e-14 (1 + |z|); the mass changes by the density times that.
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
