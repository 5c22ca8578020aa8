use super::*;
use crate::process::{NAMES as PROCESSES, tests::wide};
use proptest::prelude::*;

fn formulation(process: usize, prediction: usize) -> Formulation {
    let process = wide(process);
    let prediction = Prediction::parse(crate::prediction::NAMES[prediction]).unwrap();
    let plain = Formulation::new(process, prediction);
    match prediction {
        Prediction::Edm { sigma_data } => {
            plain.with_clock(Clock::QuarterLogSigma).with_input(InputScaling::UnitVariance { sigma_data })
        }
        Prediction::Epsilon => plain.with_clock(Clock::Scaled { factor: 1000.0 }),
        Prediction::EdmV { sigma_data } => {
            plain.with_clock(Clock::Angle).with_input(InputScaling::UnitVariance { sigma_data })
        }
        Prediction::V => plain.with_clock(Clock::Lambda),
        _ => plain,
    }
}

proptest! {
    /// Converts the output of A to the output of B and back, at matched λ and mapped states.
    #[test]
    fn any_two_formulations_round_trip(
        lambda in -5.0_f64..5.0, pa in 0..PROCESSES.len(), qa in 0..crate::prediction::NAMES.len(), pb in 0..PROCESSES.len(), qb in 0..crate::prediction::NAMES.len(),
        x in -3.0_f64..3.0, out in -3.0_f64..3.0,
    ) {
        let (a, b) = (formulation(pa, qa), formulation(pb, qb));
        let level_a = a.process.level_at_lambda(lambda).unwrap();
        let level_b = b.process.level_at_lambda(lambda).unwrap();
        // A network of A returns `out` for the state x of process A; x_b is the corresponding state
        // of B.
        let x_b = x * level_a.scale_to(&level_b);
        let there = b.read_from(&a, &level_b).unwrap();
        let out_b = there.a * x_b + there.b * out;
        let back = a.read_from(&b, &level_a).unwrap();
        let out_a = back.a * x + back.b * out_b;
        // 1e-12 of the largest number involved: a score that passes through x0 at σ = e⁻⁵ keeps no
        // more.
        let scale = (back.a * x).abs().max((back.b * out_b).abs()).max(out.abs()).max(1.0);
        prop_assert!((out_a - out).abs() < 1e-12 * scale, "{a:?} {b:?}: {out} {out_a}");
        // The network receives its own scaled state and clock.
        let seen = a.seen(&level_b).unwrap();
        let own = a.seen(&level_a).unwrap();
        prop_assert!((there.time - own.time).abs() <= 1e-11 * own.time.abs().max(1.0));
        prop_assert!((seen.alpha - own.alpha).abs() <= 1e-11 * own.alpha.max(1e-3));
        prop_assert!((there.scale * x_b - a.input_scale(&level_a) * x).abs() <= 1e-11 * (1.0 + x.abs() * there.scale));
    }
}

/// A conversion between predictions of the noise loses no digits, because the state does not enter
/// it.
#[test]
fn epsilon_and_score_convert_without_the_state() {
    let (epsilon, score) = (formulation(0, 1), formulation(4, 2));
    for lambda in [-5.0, 0.0, 5.0] {
        let level = score.process.level_at_lambda(lambda).unwrap();
        let reading = score.read_from(&epsilon, &level).unwrap();
        assert_eq!(reading.a, 0.0);
        assert!((reading.b * level.sigma + 1.0).abs() < 1e-14);
    }
}

#[test]
fn reading_as_itself_is_the_identity() {
    for p in 0..PROCESSES.len() {
        for q in 0..6 {
            let own = formulation(p, q);
            let level = own.process.level_at_lambda(0.3).unwrap();
            let reading = own.read_from(&own, &level).unwrap();
            assert!(reading.a.abs() < 1e-14 && (reading.b - 1.0).abs() < 1e-14, "{own:?} {reading:?}");
        }
    }
}

#[test]
fn edm_hands_its_network_what_karras_says() {
    let edm = Formulation::new(Process::ve(), Prediction::Edm { sigma_data: 0.5 })
        .with_clock(Clock::QuarterLogSigma)
        .with_input(InputScaling::UnitVariance { sigma_data: 0.5 });
    let reading = edm.denoised(&Process::ve().level(2.0).unwrap()).unwrap();
    // σ = 2, σ_data = ½: c_skip = .25/4.25, c_out = 1/√4.25, c_in = 1/√4.25, c_noise = ¼ ln 2.
    let root = 4.25_f64.sqrt();
    for (got, expected) in [
        (reading.a, 0.25 / 4.25),
        (reading.b, 1.0 / root),
        (reading.scale, 1.0 / root),
        (reading.time, 2.0_f64.ln() / 4.0),
    ] {
        assert!((got - expected).abs() < 1e-15, "{got} {expected}");
    }
}

#[test]
fn the_angle_is_that_of_noise_to_signal() {
    let process = Process::vp_cosine();
    let net = Formulation::new(process.clone(), Prediction::EdmV { sigma_data: 1.0 }).with_clock(Clock::Angle);
    for time in [0.0, 0.2, 0.9, 1.0] {
        // The clock of the cosine process is this angle.
        let reading = net.denoised(&process.level(time).unwrap()).unwrap();
        assert!((reading.time - time).abs() < 1e-15, "{} {time}", reading.time);
    }
}

#[test]
fn outside_the_trained_range_is_refused() {
    let range = LambdaRange::from_sigma_ve(0.002, 80.0).unwrap();
    let net = Formulation::new(Process::rectified_flow(), Prediction::Velocity).with_range(range);
    assert!(net.denoised(&Process::ve().level(80.0).unwrap()).is_ok());
    let text = net.denoised(&Process::ve().level(100.0).unwrap()).unwrap_err().to_string();
    assert!(text.contains("not trained") && text.contains("hint"), "{text}");
}

#[test]
fn pure_noise_reads_through_a_velocity_but_not_through_a_logarithmic_clock() {
    let flow = Formulation::new(Process::rectified_flow(), Prediction::Velocity);
    let noise = Process::vp_cosine().level(1.0).unwrap();
    assert_eq!(flow.denoised(&noise).unwrap(), Reading { scale: 1.0, time: 1.0, a: 1.0, b: -1.0 });
    assert!(flow.clone().with_clock(Clock::Lambda).denoised(&noise).unwrap_err().is_singular());
    assert!(
        Formulation::new(Process::rectified_flow(), Prediction::Epsilon).denoised(&noise).unwrap_err().is_singular()
    );
}

#[test]
fn documents_read_back_and_nonsense_is_refused() {
    for p in 0..PROCESSES.len() {
        for q in 0..6 {
            let own = formulation(p, q).with_range(LambdaRange { min: -3.0, max: 4.0 });
            let text = serde_json::to_string(&own.spec()).unwrap();
            let spec: FormulationSpec = serde_json::from_str(&text).unwrap();
            assert_eq!(Formulation::from_spec(&spec).unwrap(), own, "{text}");
        }
    }
    let good = formulation(0, 5).spec();
    let bad = [
        FormulationSpec { prediction: Prediction::Edm { sigma_data: -1.0 }, ..good.clone() },
        FormulationSpec { clock: Clock::Scaled { factor: 0.0 }, ..good.clone() },
        FormulationSpec { input: InputScaling::UnitVariance { sigma_data: f64::NAN }, ..good.clone() },
        FormulationSpec { range: Some(LambdaRange { min: 2.0, max: 1.0 }), ..good },
    ];
    for spec in bad {
        assert!(Formulation::from_spec(&spec).unwrap_err().is_format(), "{spec:?}");
    }
}

/// Every clock agrees with its inverse, to the rounding of a logarithm or a tangent.
#[test]
fn a_clock_reads_back() {
    let plain = Formulation::new(Process::vp_linear(), Prediction::Epsilon);
    let clocks = [
        Clock::Time,
        Clock::Scaled { factor: 1000.0 },
        Clock::Remaining { factor: 1000.0 },
        Clock::Lambda,
        Clock::QuarterLogSigma,
        Clock::LogSigma { factor: 0.3 },
        Clock::Angle,
    ];
    for clock in clocks {
        let network = plain.clone().with_clock(clock);
        for time in [0.05, 0.4, 0.9] {
            let level = network.process.level(time).unwrap();
            let found = network.level(network.seen(&level).unwrap().time).unwrap();
            assert!((found.time - time).abs() < 1e-9, "{clock:?} at {time}: {}", found.time);
        }
    }
}
