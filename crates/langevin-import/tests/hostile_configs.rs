//! Scheduler configs with degenerate values: every class answers with a plan or with an error, and
//! never panics.

#![allow(clippy::unwrap_used)]

use langevin_import::diffusers::{Call, Diffusers};
use serde_json::{Value, json};

/// Fields that hold numbers or lists, and that some class computes with.
const FIELDS: &[&str] = &[
    "base_image_seq_len",
    "base_shift",
    "beta_end",
    "beta_start",
    "correct_steps",
    "corrector_order",
    "disable_corrector",
    "eta",
    "flow_shift",
    "lambda_min_clipped",
    "max_image_seq_len",
    "max_shift",
    "num_train_timesteps",
    "original_inference_steps",
    "predictor_order",
    "rho",
    "s",
    "s_max",
    "s_min",
    "sampling_eps",
    "scale_factors",
    "scaler",
    "shift",
    "shift_terminal",
    "sigma_data",
    "sigma_max",
    "sigma_min",
    "snr",
    "snr_shift_scale",
    "solver_order",
    "steps_offset",
    "timestep_scaling",
    "trained_betas",
];

/// Switches that lead to other computations.
const SWITCHES: &[(&str, &str)] = &[
    ("", ""),
    ("use_karras_sigmas", "true"),
    ("use_exponential_sigmas", "true"),
    ("use_beta_sigmas", "true"),
    ("use_lu_lambdas", "true"),
    ("use_flow_sigmas", "true"),
    ("rescale_betas_zero_snr", "true"),
    ("timestep_spacing", "\"trailing\""),
    ("timestep_spacing", "\"linspace\""),
    ("timestep_spacing", "\"leading\""),
    ("beta_schedule", "\"scaled_linear\""),
    ("beta_schedule", "\"squaredcos_cap_v2\""),
    ("final_sigmas_type", "\"sigma_min\""),
];

/// The fields that switches compute from.
const SWITCHED: [&str; 5] = ["trained_betas", "sigma_min", "sigma_max", "beta_start", "num_train_timesteps"];

fn values() -> Vec<Value> {
    vec![
        json!([]),
        json!([1]),
        json!([0]),
        json!([0.5]),
        json!([-0.1, 0.5]),
        json!(["NaN"]),
        json!(["Infinity", 0.1]),
        json!([1e300, 1e-300]),
        json!([0.1, 0.2, 1.0]),
        json!([0.5, 0.5, 0.5]),
        json!([1e-320, 1e-320]),
        json!([1, 1, 1]),
        json!([null]),
        json!("x"),
        json!({}),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1e-320),
        json!(1e308),
        json!(-1e308),
        json!("Infinity"),
        json!("-Infinity"),
        json!(1_000_000),
        json!(18_446_744_073_709_551_615_u64),
    ]
}

fn try_all(config: &Value) {
    let Ok(import) = Diffusers::parse(&config.to_string()) else { return };
    for steps in [1, 3] {
        let mut call = Call::steps(steps);
        for consistent in [false, true] {
            call.consistent = consistent;
            if let Ok(tables) = import.tables(&call)
                && let Ok(plan) = import.plan_with(&call, &tables)
            {
                let text = plan.to_json();
                assert!(!text.contains("NaN") && !text.contains("null,null"), "{config}");
            }
        }
    }
}

#[test]
fn no_degenerate_value_of_a_config_panics() {
    for class in Diffusers::classes() {
        for (switch, on) in SWITCHES {
            let mut base = serde_json::Map::new();
            base.insert("_class_name".into(), json!(class));
            // A short table keeps the products short.
            base.insert("num_train_timesteps".into(), json!(20));
            if !switch.is_empty() {
                base.insert((*switch).into(), serde_json::from_str(on).unwrap());
            }
            // With a switch only the fields that it computes from.
            let fields = if switch.is_empty() { FIELDS } else { &SWITCHED };
            for field in fields {
                for value in values() {
                    let mut config = base.clone();
                    config.insert((*field).into(), value);
                    try_all(&Value::Object(config));
                }
            }
        }
    }
}
