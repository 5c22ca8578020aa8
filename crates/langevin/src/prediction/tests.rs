use super::*;
use proptest::prelude::*;

const ALL: [Prediction; 8] = [
    Prediction::X0,
    Prediction::Epsilon,
    Prediction::Score,
    Prediction::V,
    Prediction::Velocity,
    Prediction::ReverseVelocity,
    Prediction::Edm { sigma_data: 0.5 },
    Prediction::EdmV { sigma_data: 0.7 },
];

use crate::process::{NAMES as PROCESSES, tests::wide};

/// The prediction of a datum and a noise, computed from its definition.
fn definition(prediction: Prediction, process: &Process, level: &Level, x0: f64, noise: f64) -> f64 {
    let Level { time, alpha, sigma } = *level;
    let velocity = || process.schedule().alpha_rate(time) * x0 + process.schedule().sigma_rate(time) * noise;
    match prediction {
        Prediction::X0 => x0,
        Prediction::Epsilon => noise,
        Prediction::Score => -noise / sigma,
        Prediction::V => alpha * noise - sigma * x0,
        Prediction::Velocity => velocity(),
        Prediction::ReverseVelocity => -velocity(),
        Prediction::Edm { sigma_data } => {
            // Karras et al., table 1, on the state x/α with noise σ/α.
            let (s, d) = (sigma / alpha, sigma_data);
            let norm = s * s + d * d;
            (x0 - d * d / norm * (x0 + s * noise)) / (s * d / norm.sqrt())
        }
        // (σ_d ε − y x0/σ_d)/√(y² + σ_d²), y = σ/α.
        Prediction::EdmV { sigma_data } => {
            let (y, d) = (sigma / alpha, sigma_data);
            (d * noise - y * x0 / d) / (y * y + d * d).sqrt()
        }
    }
}

proptest! {
    #[test]
    fn every_prediction_gives_back_the_datum(lambda in -5.0_f64..5.0, which in 0..PROCESSES.len(), kind in 0..ALL.len(), x0 in -3.0_f64..3.0, noise in -3.0_f64..3.0) {
        let (process, prediction) = (wide(which), ALL[kind]);
        let level = process.level_at_lambda(lambda).unwrap();
        let x = level.alpha * x0 + level.sigma * noise;
        let out = definition(prediction, &process, &level, x0, noise);
        let to = prediction.to_denoised(&process, &level).unwrap();
        // D = A x + B out subtracts numbers as large as σ/α ≤ e⁵ times the noise.
        let scale = (1.0 + level.sigma_ve()) * 3.0;
        prop_assert!((to.a * x + to.b * out - x0).abs() < 1e-14 * scale, "{prediction:?} on {process:?}");
        // On the way back the rounding error of D is multiplied by the size of b.
        let back = prediction.from_denoised(&process, &level).unwrap();
        let scale = 3.0 * (back.a.abs() * (level.alpha + level.sigma) + back.b.abs());
        prop_assert!((back.a * x + back.b * x0 - out).abs() < 1e-14 * scale.max(1.0), "{prediction:?} on {process:?}");
    }
}

#[test]
fn pure_noise_has_the_finite_limit_or_an_error() {
    for process in [Process::rectified_flow(), Process::vp_cosine()] {
        let noise = process.level(1.0).unwrap();
        for prediction in ALL {
            let map = prediction.to_denoised(&process, &noise);
            match prediction {
                Prediction::Epsilon | Prediction::Score => {
                    let text = map.unwrap_err().to_string();
                    assert!(text.contains("time 1") && text.contains(prediction.name()), "{text}");
                }
                Prediction::X0 => assert_eq!(map.unwrap(), Affine { a: 0.0, b: 1.0 }),
                Prediction::V => assert_eq!(map.unwrap(), Affine { a: 0.0, b: -1.0 }),
                Prediction::Velocity | Prediction::ReverseVelocity => {
                    // (−σ'/(α'σ), 1/α'), with the sign of the second turned for the reverse
                    // velocity.
                    let schedule = process.schedule();
                    let (da, ds) = (schedule.alpha_rate(1.0), schedule.sigma_rate(1.0));
                    let map = map.unwrap();
                    let sign = if prediction == Prediction::Velocity { 1.0 } else { -1.0 };
                    assert!((map.a + ds / da).abs() < 1e-15 && (map.b - sign / da).abs() < 1e-15, "{map:?}");
                }
                // At α = 0, F is the datum divided by σ_data, up to sign: c_skip/α → 0, c_out →
                // σ_data.
                Prediction::Edm { sigma_data } => assert_eq!(map.unwrap(), Affine { a: 0.0, b: sigma_data }),
                Prediction::EdmV { sigma_data } => assert_eq!(map.unwrap(), Affine { a: 0.0, b: -sigma_data }),
            }
        }
    }
}

#[test]
fn clean_data_is_the_state_for_every_prediction() {
    for which in 0..PROCESSES.len() {
        let process = wide(which);
        let clean = process.level_at_sigma_ve(0.0).unwrap();
        for prediction in &ALL[1..] {
            let map = prediction.to_denoised(&process, &clean).unwrap();
            assert_eq!((map.a, map.b.abs()), (1.0, 0.0), "{prediction:?} on {process:?}");
            let error = prediction.from_denoised(&process, &clean).unwrap_err();
            assert!(error.is_singular() && error.to_string().contains(&format!("time {}", clean.time)), "{error}");
        }
    }
}

#[test]
fn a_table_that_ends_without_signal_has_no_velocity_there() {
    for name in ["table:linear:zero-snr", "table:squared-cosine:zero-snr:log-alpha"] {
        let process = Process::parse(name).unwrap();
        let noise = process.level(999.0).unwrap();
        assert_eq!((noise.alpha, noise.sigma), (0.0, 1.0));
        assert_eq!(process.level_at_sigma_ve(f64::INFINITY).unwrap(), noise);
        for prediction in ALL {
            let map = prediction.to_denoised(&process, &noise);
            match prediction {
                Prediction::Epsilon | Prediction::Score | Prediction::Velocity | Prediction::ReverseVelocity => {
                    let error = map.unwrap_err();
                    let text = error.to_string();
                    assert!(
                        error.is_singular() && text.contains("time 999") && text.contains(prediction.name()),
                        "{text}"
                    );
                }
                Prediction::X0 => assert_eq!(map.unwrap(), Affine { a: 0.0, b: 1.0 }),
                Prediction::V => assert_eq!(map.unwrap(), Affine { a: 0.0, b: -1.0 }),
                Prediction::Edm { sigma_data } => assert_eq!(map.unwrap(), Affine { a: 0.0, b: sigma_data }),
                Prediction::EdmV { sigma_data } => assert_eq!(map.unwrap(), Affine { a: 0.0, b: -sigma_data }),
            }
        }
        assert!(Prediction::Velocity.from_denoised(&process, &noise).unwrap_err().is_singular());
        // Slightly below pure noise, every prediction determines D.
        let below = process.level(998.5).unwrap();
        assert!(ALL.iter().all(|prediction| prediction.to_denoised(&process, &below).is_ok()));
    }
}

#[test]
fn errors_name_the_prediction_in_a_sentence() {
    let noise = Process::vp_cosine().level(1.0).unwrap();
    let error = Prediction::Epsilon.to_denoised(&Process::vp_cosine(), &noise).unwrap_err().to_string();
    assert!(error.starts_with("D is not determined by an epsilon prediction (process vp-cosine"), "{error}");
    assert_eq!(Prediction::Velocity.with_article(), "a velocity");
    assert_eq!(Prediction::X0.with_article(), "an x0");
}

#[test]
fn names_read_back() {
    for prediction in ALL {
        assert_eq!(Prediction::parse(prediction.name()).unwrap().name(), prediction.name());
    }
    assert_eq!(Prediction::parse("velocty").unwrap_err().hint(), Some("did you mean 'velocity'?"));
}
