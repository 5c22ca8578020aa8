"""Schedulers of diffusers traced, against the plans that their configs import as.

Both are written as weights of the start, of the network's outputs and of the draws, which do not depend on the levels
at which outputs are read.
"""

import json

import numpy as np
import pytest

import langevin

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

PLAIN = dict(clip_sample=False)
K = [dict(), dict(use_karras_sigmas=True), dict(prediction_type="v_prediction", beta_schedule="scaled_linear"), dict(timestep_spacing="leading", steps_offset=1)]
DDIM = [
    PLAIN,
    dict(**PLAIN, prediction_type="v_prediction"),
    dict(**PLAIN, prediction_type="sample", timestep_spacing="trailing"),
    (dict(**PLAIN, beta_schedule="scaled_linear", set_alpha_to_one=False, steps_offset=1), dict(eta=0.5)),
]
DDPM = [
    PLAIN,
    dict(**PLAIN, variance_type="fixed_large"),
    dict(**PLAIN, prediction_type="v_prediction", beta_schedule="squaredcos_cap_v2"),
    dict(**PLAIN, timestep_spacing="linspace", beta_schedule="scaled_linear"),
]
COG = [dict(), dict(prediction_type="v_prediction"), dict(timestep_spacing="trailing"), dict(rescale_betas_zero_snr=True, prediction_type="v_prediction", timestep_spacing="trailing", snr_shift_scale=1.0)]
INVERSE = [PLAIN, dict(**PLAIN, beta_schedule="scaled_linear"), dict(**PLAIN, prediction_type="v_prediction"), dict(**PLAIN, timestep_spacing="trailing")]
FLOW = [dict(), dict(shift=3.0), dict(num_train_timesteps=500), dict(shift=0.5)]
NO_STEPS = dict(intermediate_timesteps=None)

# Four configs of each class; a pair is a config and options of `set_timesteps` or `step`.
CASES = {
    "DDIM": DDIM,
    "DDIMParallel": DDIM,
    "DDPM": DDPM,
    "DDPMParallel": DDPM,
    "DDIMInverse": INVERSE,
    "CogVideoXDDIM": COG,
    "CogVideoXDPM": COG,
    "EulerDiscrete": K,
    "LMSDiscrete": K,
    "HeunDiscrete": K,
    "KDPM2Discrete": K,
    "EulerAncestralDiscrete": [dict(), dict(prediction_type="v_prediction"), dict(beta_schedule="scaled_linear"), dict(timestep_spacing="trailing")],
    "KDPM2AncestralDiscrete": K,
    "DPMSolverSDE": K,
    "DPMSolverMultistep": [dict(), dict(solver_order=3, use_karras_sigmas=True), dict(algorithm_type="sde-dpmsolver++", prediction_type="v_prediction"), dict(algorithm_type="dpmsolver", beta_schedule="scaled_linear", final_sigmas_type="sigma_min")],
    "DPMSolverSinglestep": [dict(lower_order_final=True), dict(solver_order=3, lower_order_final=True, use_karras_sigmas=True), dict(lower_order_final=True, prediction_type="v_prediction"), dict(algorithm_type="dpmsolver", beta_schedule="scaled_linear", final_sigmas_type="sigma_min")],
    "DPMSolverMultistepInverse": [dict(), dict(solver_order=3), dict(prediction_type="v_prediction"), dict(beta_schedule="scaled_linear")],
    "DEISMultistep": [dict(), dict(solver_order=3), dict(prediction_type="v_prediction"), dict(use_karras_sigmas=True)],
    "UniPCMultistep": [dict(), dict(solver_order=3), dict(prediction_type="v_prediction"), dict(use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=3.0)],
    "SASolver": [dict(), dict(predictor_order=3, corrector_order=3), dict(prediction_type="v_prediction"), dict(use_karras_sigmas=True)],
    "PNDM": [dict(), dict(skip_prk_steps=True), dict(skip_prk_steps=True, prediction_type="v_prediction", set_alpha_to_one=True), dict(skip_prk_steps=True, beta_schedule="scaled_linear", timestep_spacing="trailing")],
    "IPNDM": [dict(), dict(num_train_timesteps=500), dict(num_train_timesteps=100), dict(num_train_timesteps=2000)],
    "EDMEuler": [dict(), dict(prediction_type="v_prediction"), dict(sigma_schedule="exponential"), dict(sigma_min=0.01, sigma_max=10.0, sigma_data=1.0)],
    "EDMDPMSolverMultistep": [dict(), dict(solver_order=3), dict(algorithm_type="sde-dpmsolver++"), dict(sigma_schedule="exponential", prediction_type="v_prediction")],
    "CosineDPMSolverMultistep": [dict(), dict(solver_order=1), dict(solver_type="heun"), dict(prediction_type="epsilon", sigma_schedule="karras")],
    "FlowMatchEulerDiscrete": [dict(), dict(shift=3.0), dict(use_karras_sigmas=True), dict(stochastic_sampling=True)],
    "FlowMatchHeunDiscrete": FLOW,
    "FlowMatchLCM": [dict(), dict(shift=3.0), dict(use_karras_sigmas=True), dict(shift_terminal=0.1)],
    "LTXEulerAncestralRF": [dict(), dict(eta=0.5), dict(eta=0.0), dict(s_noise=1.1)],
    "LCM": [dict(), dict(prediction_type="v_prediction"), dict(original_inference_steps=100), dict(beta_schedule="linear")],
    "TCD": [dict(), dict(prediction_type="v_prediction"), (dict(), dict(eta=0.0)), (dict(beta_schedule="linear"), dict(eta=1.0))],
    "UnCLIP": [PLAIN, dict(**PLAIN, prediction_type="sample"), dict(**PLAIN, num_train_timesteps=500), dict(**PLAIN, variance_type="fixed_small_log")],
    "CMStochasticIterative": [dict(clip_denoised=False), dict(clip_denoised=False, sigma_max=40.0), dict(clip_denoised=False, rho=5.0), dict(clip_denoised=False, num_train_timesteps=80)],
    "SCM": [(dict(sigma_data=1.0), {**NO_STEPS, "max_timesteps": most}) for most in (1.57080, 1.5, 1.4, 1.2)],
}

# Differences above the rounding of single precision, relative to the largest weight of a state, with their reasons.
WIDER = {
    # Levels come from a table of float32 by interpolation, at the start of an inversion.
    "DPMSolverMultistepInverse": 2e-5,
}
# The rest: at most fifty roundings of float32.
USUAL = 3e-6


def outputs(plan):
    """Return the rows of a plan over inputs, raw outputs and draws in the order of use, and the network's times."""
    document = json.loads(plan.to_json())
    inputs, evals, draws = len(document["inputs"]), document["nfe"], document["draws"]
    unit = np.eye(inputs + evals + draws)
    slots, rows, times = [0 * unit[0] for _ in range(document["slots"])], [], []
    for number, entry in enumerate(document["inputs"]):
        slots[entry["slot"]] = unit[number]
    for op in document["ops"]:
        if op["op"] == "eval":
            net = op["net"] or dict(scale=1.0, time=op["time"], A=0.0, B=1.0)
            x = slots[op["from"]]
            slots[op["out"][0]["into"]] = net["A"] * x + net["B"] * unit[inputs + len(times)]
            rows.append(net["scale"] * x)
            times.append(net["time"])
        else:
            terms = [factor * slots[slot] for factor, slot in op["terms"]]
            slots[op["into"]] = sum(terms) + sum(factor * unit[inputs + evals + draw] for factor, draw in op["noise"])
    rows = np.stack([*rows, slots[document["result"]]])
    head, tail = rows[:, : inputs + evals], rows[:, inputs + evals :]
    used = tail[:, [column for column in np.argsort([np.argmax(tail[:, k] != 0) for k in range(draws)], kind="stable") if tail[:, column].any()]]
    return head, used, np.array(times)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_a_traced_scheduler_is_its_import(name):
    assert len(CASES[name]) == 4
    for entry in CASES[name]:
        config, options = entry if isinstance(entry, tuple) else (entry, {})
        scheduler = getattr(diffusers, name + "Scheduler")(**config)
        plan = langevin.trace(scheduler, steps=8, options=options)
        settings = {key: value for key, value in options.items() if key not in NO_STEPS}
        document = {**scheduler.config, "_class_name": name + "Scheduler"}
        imported = langevin.Plan.from_diffusers(document, 8, settings=settings or None).unclipped()
        (a, a_draws, a_times), (b, b_draws, b_times) = outputs(plan), outputs(imported)
        assert a.shape == b.shape, (name, config)
        if a_draws.shape != b_draws.shape or "reduced" in plan.origin[0]:
            # Noise of many draws has the same distribution.
            a_draws, b_draws = a_draws @ a_draws.T, b_draws @ b_draws.T
        a, b = np.concatenate([a, a_draws], axis=1), np.concatenate([b, b_draws], axis=1)
        scale = np.abs(b).max(axis=1, keepdims=True)
        assert (np.abs(a - b) / scale).max() <= WIDER.get(name, USUAL), (name, config, options)
        assert np.abs(a_times - b_times).max() <= 1e-4, (name, config)
        # The stated precision covers the difference.
        if name not in WIDER:
            assert (np.abs(a - b) / scale).max() <= plan.origin[1], (name, config)


def test_the_classes_without_a_table_say_why():
    said = {}
    for name, options in [("DDIM", {}), ("RePaint", {}), ("DDPMWuerstchen", {}), ("CMStochasticIterative", {})]:
        with pytest.raises(langevin.Error) as error:
            langevin.trace(getattr(diffusers, name + "Scheduler")(), steps=8, options=options)
        said[name] = str(error.value)
    # Clipping is on by default.
    assert "not a weighted sum" in said["DDIM"] and "clamp" in said["DDIM"]
    assert "clamp" in said["CMStochasticIterative"]
    assert "edits an image" in said["RePaint"]
    assert "no formulation" in said["DDPMWuerstchen"]
