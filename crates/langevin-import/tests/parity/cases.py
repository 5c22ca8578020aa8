"""Which schedulers of diffusers are run, with which options.

`CASES[class] = (predictions, options)`. An option is (name, settings); its keys are fields of the scheduler's config,
except those of `RUN`: `call` (arguments of set_timesteps), `step` (arguments of step), `only` (the predictions it is
run with), `steps` (the step counts), `start_at`, `tau` (a constant replacing SASolver's tau function). A value may be
a function of the number of steps.
"""

STEPS = [1, 2, 4, 10, 25, 50]
RUN = ("call", "step", "only", "steps", "start_at", "tau")
E, X, V, F, T = "epsilon", "sample", "v_prediction", "flow_prediction", "trigflow"

SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
COSINE = dict(beta_schedule="squaredcos_cap_v2")
ZERO = dict(SD, rescale_betas_zero_snr=True, timestep_spacing="trailing")
LEADING = dict(SD, timestep_spacing="leading", steps_offset=1)
TRAILING = dict(SD, timestep_spacing="trailing")
KARRAS = dict(SD, use_karras_sigmas=True)
EXPONENTIAL = dict(SD, use_exponential_sigmas=True)
BETA = dict(SD, use_beta_sigmas=True)
THRESHOLD = dict(thresholding=True, dynamic_thresholding_ratio=0.8, sample_max_value=1.5)
# Published ten-step lists, used as custom times and noise levels.
TIMES = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24]
LEVELS = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
GIVEN_TIMES = dict(SD, call=dict(timesteps=TIMES), steps=[10])
MIDDLE = dict(start_at=lambda n: (n + 1) // 3, steps=[4, 10, 25])

grids = dict(karras=KARRAS, exponential=EXPONENTIAL, beta=BETA, leading=LEADING, trailing=TRAILING, cosine=COSINE)


def options(*groups, **more):
    merged = {}
    for group in groups:
        merged.update(group)
    merged.update(more)
    return list(merged.items())


def flow(**settings):
    return dict(settings, use_flow_sigmas=True, only=[F])


def linear_to(last):
    return lambda n: [1 - (1 - last) * k / n for k in range(n + 1)]


def unit_sigmas(n):
    return dict(sigmas=[1 - (1 - 1 / n) * k / max(n - 1, 1) for k in range(n)])


kdpm = ([E, V], options(dict(default={}), grids, karras_leading=dict(LEADING, use_karras_sigmas=True),
                        middle=dict(KARRAS, **MIDDLE)))
cog = ([E, X, V], options(
    default={}, trailing_zero_snr=dict(rescale_betas_zero_snr=True, timestep_spacing="trailing", snr_shift_scale=1.0),
    linspace=dict(timestep_spacing="linspace", set_alpha_to_one=False), leading=dict(steps_offset=1, snr_shift_scale=2.0),
    linear=dict(beta_schedule="linear", set_alpha_to_one=False), cosine=dict(COSINE, timestep_spacing="trailing")))

CASES = {
    "DDPMScheduler": ([E, X, V], options(
        default={}, trailing=dict(TRAILING, clip_sample=False),
        small_log=dict(SD, variance_type="fixed_small_log", clip_sample=False, timestep_spacing="linspace"),
        large=dict(COSINE, variance_type="fixed_large", clip_sample_range=2.0, steps_offset=1),
        large_log=dict(SD, variance_type="fixed_large_log"), threshold=dict(THRESHOLD, beta_schedule="sigmoid"),
        laplace=dict(beta_schedule="laplace", clip_sample=False, timestep_spacing="trailing"),
        zero_snr=dict(ZERO, clip_sample=False), given_times=dict(GIVEN_TIMES, clip_sample=False))),
    "DDIMScheduler": ([E, X, V], options(
        default={}, leading=dict(LEADING, clip_sample=False, set_alpha_to_one=False),
        zero_snr=dict(ZERO, clip_sample=False), trailing=dict(TRAILING, clip_sample=False),
        linspace_eta=dict(SD, clip_sample=False, timestep_spacing="linspace", step=dict(eta=0.5)),
        clipped_eta=dict(clip_sample_range=0.8, step=dict(eta=1.0, use_clipped_model_output=True)),
        threshold=dict(COSINE, **THRESHOLD), middle=dict(LEADING, clip_sample=False, **MIDDLE))),
    "DDIMInverseScheduler": ([E, X, V], options(
        default={}, leading=dict(LEADING, clip_sample=False, set_alpha_to_one=False),
        trailing=dict(TRAILING, clip_sample=False), cosine=dict(COSINE, clip_sample_range=2.0, set_alpha_to_one=False),
        zero_snr=dict(ZERO, clip_sample=False, set_alpha_to_one=False),
        linspace=dict(timestep_spacing="linspace", steps=[4], only=[E]))),
    "CogVideoXDDIMScheduler": cog,
    "CogVideoXDPMScheduler": cog,
    "PNDMScheduler": ([E, V], options(
        default={}, skip=dict(LEADING, skip_prk_steps=True), skip_linspace=dict(
            SD, skip_prk_steps=True, timestep_spacing="linspace"),
        skip_trailing=dict(TRAILING, skip_prk_steps=True, set_alpha_to_one=True),
        trailing=dict(COSINE, timestep_spacing="trailing"), skip_one=dict(skip_prk_steps=True, set_alpha_to_one=True))),
    "IPNDMScheduler": ([V], options(
        default={}, linear=dict(trained_betas=linear_to(0.0)), from_below_one=dict(
            trained_betas=lambda n: [0.995 * (1 - k / n) for k in range(n + 1)]),
        to_above_zero=dict(trained_betas=lambda n: [0.99 - 0.95 * k / n for k in range(n + 1)]))),
    "LMSDiscreteScheduler": ([E, X, V], options(
        dict(default={}), grids, order1=dict(SD, step=dict(order=1)), order2=dict(SD, step=dict(order=2)),
        order3=dict(LEADING, step=dict(order=3)), middle=dict(KARRAS, only=[E], **MIDDLE))),
    "EulerDiscreteScheduler": ([E, X, V], options(
        dict(default={}), grids, karras_leading=dict(LEADING, use_karras_sigmas=True),
        log_linear=dict(SD, interpolation_type="log_linear"), zero_snr=ZERO,
        sigma_min=dict(SD, final_sigmas_type="sigma_min"), churn=dict(SD, step=dict(s_churn=4.0, s_noise=1.003)),
        churn_window=dict(KARRAS, step=dict(s_churn=20.0, s_tmin=0.1, s_tmax=5.0)),
        continuous=dict(SD, timestep_type="continuous", use_karras_sigmas=True, sigma_min=0.002, sigma_max=700.0),
        range=dict(SD, use_exponential_sigmas=True, sigma_min=0.05, sigma_max=12.0, only=[E, V]),
        given_times=GIVEN_TIMES, given_levels=dict(SD, call=dict(sigmas=LEVELS), steps=[10]),
        middle=dict(LEADING, **MIDDLE))),
    "EulerAncestralDiscreteScheduler": ([E, V], options(
        default={}, leading=LEADING, trailing=TRAILING, zero_snr=ZERO, cosine=COSINE,
        sample=dict(only=[X], steps=[4]), middle=dict(LEADING, **MIDDLE))),
    "HeunDiscreteScheduler": ([E, X, V], options(
        dict(default={}), grids, clip=dict(SD, clip_sample=True), clip_range=dict(KARRAS, clip_sample=True,
                                                                                clip_sample_range=0.6),
        exp=dict(beta_schedule="exp"), given_times=GIVEN_TIMES, middle=dict(KARRAS, **MIDDLE))),
    "KDPM2DiscreteScheduler": kdpm,
    "KDPM2AncestralDiscreteScheduler": kdpm,
    "DPMSolverSDEScheduler": ([E, V], options(
        dict(default={}), grids, s_noise=dict(KARRAS, step=dict(s_noise=0.9)), middle=dict(KARRAS, **MIDDLE))),
    "DPMSolverMultistepScheduler": ([E, X, V, F], options(
        dict(default={}), grids, order1=dict(SD, solver_order=1), order3=dict(SD, solver_order=3),
        heun=dict(KARRAS, solver_type="heun"), order3_karras=dict(KARRAS, solver_order=3, final_sigmas_type="sigma_min"),
        sde=dict(SD, algorithm_type="sde-dpmsolver++"),
        sde_heun=dict(KARRAS, algorithm_type="sde-dpmsolver++", solver_type="heun"),
        sde_order1=dict(LEADING, algorithm_type="sde-dpmsolver++", solver_order=1),
        sde_order3=dict(SD, algorithm_type="sde-dpmsolver++", solver_order=3),
        noise_order1=dict(SD, algorithm_type="dpmsolver", solver_order=1, final_sigmas_type="sigma_min"),
        noise=dict(SD, algorithm_type="dpmsolver", final_sigmas_type="sigma_min"),
        noise_heun=dict(KARRAS, algorithm_type="dpmsolver", solver_type="heun", final_sigmas_type="sigma_min"),
        noise_order3=dict(SD, algorithm_type="dpmsolver", solver_order=3, final_sigmas_type="sigma_min"),
        noise_threshold=dict(SD, algorithm_type="dpmsolver", final_sigmas_type="sigma_min", **THRESHOLD),
        noise_zero=dict(SD, algorithm_type="dpmsolver", only=[E], steps=[4]),
        noise_sde=dict(SD, algorithm_type="sde-dpmsolver", final_sigmas_type="sigma_min"),
        noise_sde_heun=dict(SD, algorithm_type="sde-dpmsolver", solver_type="heun", final_sigmas_type="sigma_min"),
        noise_sde_order3=dict(SD, algorithm_type="sde-dpmsolver", solver_order=3, final_sigmas_type="sigma_min", only=[E]),
        lu=dict(SD, use_lu_lambdas=True), cosine_lu=dict(COSINE, use_lu_lambdas=True, only=[E, V]),
        cosine_karras=dict(COSINE, use_karras_sigmas=True), cosine_beta=dict(COSINE, use_beta_sigmas=True, only=[E]),
        clipped=dict(COSINE, lambda_min_clipped=-5.1), clipped_trailing=dict(
            COSINE, lambda_min_clipped=-2.0, timestep_spacing="trailing", only=[E]),
        zero_snr=dict(ZERO, euler_at_final=True), not_lower=dict(SD, lower_order_final=False, solver_order=3,
                                                                 final_sigmas_type="sigma_min"),
        threshold=dict(SD, **THRESHOLD), given_times=GIVEN_TIMES, middle=dict(KARRAS, **MIDDLE),
        flow=flow(), flow_shift=flow(flow_shift=3.0), flow_order3=flow(flow_shift=3.0, solver_order=3),
        flow_sde=flow(flow_shift=5.0, algorithm_type="sde-dpmsolver++"),
        flow_sigma_min=flow(final_sigmas_type="sigma_min", solver_type="heun"),
        flow_mu=flow(use_dynamic_shifting=True, call=dict(mu=0.8)),
        flow_epsilon=dict(use_flow_sigmas=True, flow_shift=2.0, only=[E]))),
    "DPMSolverMultistepInverseScheduler": ([E, X, V, F], options(
        dict(default={}), grids, order1=dict(SD, solver_order=1), order3=dict(SD, solver_order=3),
        heun=dict(SD, solver_type="heun"), sde=dict(SD, algorithm_type="sde-dpmsolver++"),
        sde_order3=dict(SD, algorithm_type="sde-dpmsolver++", solver_order=3, only=[E]),
        noise=dict(SD, algorithm_type="dpmsolver"), noise_order3=dict(SD, algorithm_type="dpmsolver", solver_order=3),
        clipped=dict(COSINE, lambda_min_clipped=-5.1), euler_at_final=dict(SD, euler_at_final=True,
                                                                           lower_order_final=False),
        threshold=dict(SD, **THRESHOLD), flow=flow(), flow_shift=flow(flow_shift=3.0), flow_order3=flow(solver_order=3),
        flow_heun=flow(solver_type="heun", flow_shift=2.0))),
    "DPMSolverSinglestepScheduler": ([E, X, V, F], options(
        dict(default={}, karras=KARRAS, exponential=EXPONENTIAL, beta=BETA, cosine=COSINE), order1=dict(SD, solver_order=1), order3=dict(SD, solver_order=3),
        heun=dict(KARRAS, solver_type="heun"), order3_heun=dict(SD, solver_order=3, solver_type="heun"),
        lower=dict(SD, solver_order=3, lower_order_final=True, final_sigmas_type="sigma_min"),
        not_lower=dict(KARRAS, solver_order=2, final_sigmas_type="sigma_min"),
        sde=dict(SD, algorithm_type="sde-dpmsolver++"),
        sde_order3=dict(KARRAS, algorithm_type="sde-dpmsolver++", solver_order=3),
        sde_order3_heun=dict(SD, algorithm_type="sde-dpmsolver++", solver_order=3, solver_type="heun"),
        noise=dict(SD, algorithm_type="dpmsolver", final_sigmas_type="sigma_min"),
        noise_order3=dict(SD, algorithm_type="dpmsolver", solver_order=3, final_sigmas_type="sigma_min"),
        noise_order3_heun=dict(SD, algorithm_type="dpmsolver", solver_order=3, solver_type="heun",
                               final_sigmas_type="sigma_min"),
        noise_threshold=dict(SD, algorithm_type="dpmsolver", final_sigmas_type="sigma_min", only=[E], **THRESHOLD),
        clipped=dict(COSINE, lambda_min_clipped=-5.1, only=[E, V]), threshold=dict(SD, **THRESHOLD),
        given_times=GIVEN_TIMES, middle=dict(KARRAS, **MIDDLE), flow=flow(), flow_shift=flow(flow_shift=3.0),
        flow_order3=flow(flow_shift=3.0, solver_order=3), flow_sde=flow(algorithm_type="sde-dpmsolver++"),
        flow_mu=flow(use_dynamic_shifting=True, call=dict(mu=0.8), steps=[4]))),
    "CosineDPMSolverMultistepScheduler": ([E, V], options(
        default={}, karras=dict(sigma_schedule="karras", rho=5.0), heun=dict(solver_type="heun"),
        sigma_min=dict(final_sigmas_type="sigma_min", lower_order_final=False), order1=dict(solver_order=1),
        order3=dict(solver_order=3, only=[V]), euler_at_final=dict(euler_at_final=True, final_sigmas_type="sigma_min"),
        range=dict(sigma_min=0.03, sigma_max=80.0, sigma_data=0.5))),
    "EDMEulerScheduler": ([E, V], options(
        default={}, exponential=dict(sigma_schedule="exponential"), sigma_min=dict(final_sigmas_type="sigma_min"),
        churn=dict(step=dict(s_churn=5.0, s_noise=1.003)), churn_window=dict(step=dict(s_churn=40.0, s_tmin=0.05, s_tmax=50.0)),
        range=dict(sigma_min=0.02, sigma_max=20.0, sigma_data=1.0, rho=3.0),
        ramp=dict(call=dict(sigmas=[0.0, 0.15, 0.5, 0.9]), steps=[4]), middle=MIDDLE)),
    "EDMDPMSolverMultistepScheduler": ([E, V], options(
        default={}, order1=dict(solver_order=1), order3=dict(solver_order=3), heun=dict(solver_type="heun"),
        exponential=dict(sigma_schedule="exponential"), sde=dict(algorithm_type="sde-dpmsolver++"),
        sde_heun=dict(algorithm_type="sde-dpmsolver++", solver_type="heun"),
        sde_order3=dict(algorithm_type="sde-dpmsolver++", solver_order=3, only=[V]), threshold=THRESHOLD,
        sigma_min=dict(final_sigmas_type="sigma_min", lower_order_final=False),
        euler_at_final=dict(euler_at_final=True, final_sigmas_type="sigma_min", solver_order=3), middle=MIDDLE)),
    "DEISMultistepScheduler": ([E, X, V, F], options(
        dict(default={}), grids, order1=dict(SD, solver_order=1), order3=dict(SD, solver_order=3),
        order3_karras=dict(KARRAS, solver_order=3), threshold=dict(SD, **THRESHOLD),
        not_lower=dict(SD, lower_order_final=False, solver_order=3), cosine_karras=dict(COSINE, use_karras_sigmas=True),
        cosine_exponential=dict(COSINE, use_exponential_sigmas=True, only=[E]),
        cosine_beta=dict(COSINE, use_beta_sigmas=True, only=[E]), middle=dict(SD, **MIDDLE),
        flow=flow(), flow_shift=flow(flow_shift=3.0), flow_order3=flow(solver_order=3), flow_order1=flow(solver_order=1),
        flow_mu=flow(use_dynamic_shifting=True, call=dict(mu=0.8), steps=[4]))),
    "UniPCMultistepScheduler": ([E, X, V, F], options(
        dict(default={}), grids, order1=dict(SD, solver_order=1), order3=dict(SD, solver_order=3),
        bh1=dict(SD, solver_type="bh1", final_sigmas_type="sigma_min"), bh1_zero=dict(SD, solver_type="bh1", only=[E]),
        bh1_order3=dict(SD, solver_type="bh1", solver_order=3, final_sigmas_type="sigma_min"),
        karras_sigma_min=dict(KARRAS, final_sigmas_type="sigma_min"), zero_snr=ZERO,
        noise=dict(SD, predict_x0=False, final_sigmas_type="sigma_min"),
        noise_order3=dict(SD, predict_x0=False, solver_order=3, solver_type="bh1", final_sigmas_type="sigma_min"),
        noise_zero=dict(SD, predict_x0=False, only=[E]),
        noise_threshold=dict(SD, predict_x0=False, final_sigmas_type="sigma_min", only=[E], **THRESHOLD),
        no_corrector=dict(SD, disable_corrector=[0, 1]), threshold=dict(SD, **THRESHOLD),
        not_lower=dict(SD, lower_order_final=False, solver_order=3, final_sigmas_type="sigma_min"),
        range=dict(KARRAS, sigma_min=0.05, sigma_max=12.0, only=[E, V]), cosine_karras=dict(COSINE, use_karras_sigmas=True),
        cosine_exponential=dict(COSINE, use_exponential_sigmas=True, only=[E]),
        cosine_beta=dict(COSINE, use_beta_sigmas=True, only=[E]), middle=dict(SD, **MIDDLE),
        flow=flow(), flow_shift=flow(flow_shift=3.0), flow_order3=flow(flow_shift=5.0, solver_order=3),
        flow_mu=flow(use_dynamic_shifting=True, call=dict(mu=0.8)),
        flow_mu_linear=flow(use_dynamic_shifting=True, time_shift_type="linear", call=dict(mu=2.0)),
        flow_terminal=flow(shift_terminal=0.1), flow_sigma_min=flow(final_sigmas_type="sigma_min"),
        flow_karras=flow(use_karras_sigmas=True), flow_exponential=flow(use_exponential_sigmas=True, steps=[4]),
        flow_given=flow(flow_shift=2.0, call=unit_sigmas))),
    "SASolverScheduler": ([E, X, V, F], options(
        dict(default={}), grids, tau0=dict(SD, tau=0.0), tau1=dict(SD, tau=1.0), tau_half=dict(KARRAS, tau=0.5),
        order1=dict(SD, predictor_order=1, corrector_order=1), order3=dict(SD, predictor_order=3, corrector_order=4),
        order13=dict(SD, predictor_order=1, corrector_order=3, tau=1.0),
        noise=dict(SD, algorithm_type="noise_prediction"),
        noise_tau0=dict(SD, algorithm_type="noise_prediction", tau=0.0, predictor_order=3, corrector_order=3),
        noise_threshold=dict(SD, algorithm_type="noise_prediction", only=[E], **THRESHOLD),
        not_lower=dict(SD, lower_order_final=False), threshold=dict(SD, **THRESHOLD), middle=dict(SD, **MIDDLE),
        clipped=dict(COSINE, lambda_min_clipped=-5.1, only=[E]),
        flow=flow(), flow_shift=flow(flow_shift=3.0), flow_tau0=flow(tau=0.0), flow_order3=flow(
            predictor_order=3, corrector_order=3))),
    "FlowMatchEulerDiscreteScheduler": ([F], options(
        default={}, shift=dict(shift=3.0), mu=dict(use_dynamic_shifting=True, call=dict(mu=0.8)),
        mu_linear=dict(use_dynamic_shifting=True, time_shift_type="linear", call=dict(mu=2.0)),
        terminal=dict(shift_terminal=0.1, shift=2.0), karras=dict(use_karras_sigmas=True),
        exponential=dict(use_exponential_sigmas=True, shift=2.0), beta=dict(use_beta_sigmas=True),
        invert=dict(invert_sigmas=True), stochastic=dict(stochastic_sampling=True, shift=3.0),
        churn_ignored=dict(step=dict(s_churn=5.0)), given_levels=dict(shift=3.0, call=unit_sigmas),
        mu_given=dict(use_dynamic_shifting=True, call=lambda n: dict(unit_sigmas(n), mu=1.15)),
        given_times=dict(shift=3.0, call=dict(timesteps=[1000.0, 700.0, 400.0, 150.0]), steps=[4]),
        given_both=dict(call=dict(timesteps=[1000.0, 700.0, 400.0, 150.0], sigmas=[1.0, 0.75, 0.4, 0.2]), steps=[4]),
        middle=dict(shift=3.0, **MIDDLE))),
    "FlowMatchHeunDiscreteScheduler": ([F], options(
        default={}, shift=dict(shift=3.0), churn=dict(step=dict(s_churn=2.0)), shift_small=dict(shift=0.5),
        churn_window=dict(shift=3.0, step=dict(s_churn=10.0, s_tmin=0.2, s_tmax=0.9, s_noise=0.95)))),
    "LCMScheduler": ([E, X, V], options(
        default={}, scaling=dict(timestep_scaling=0.001), original=dict(original_inference_steps=100, beta_schedule="linear"),
        clip=dict(clip_sample=True), threshold=THRESHOLD, zero_snr=dict(rescale_betas_zero_snr=True), cosine=COSINE,
        strength=dict(call=dict(strength=0.6)), given_times=dict(call=dict(timesteps=[999, 759, 499, 259]), steps=[4]),
        given_strength=dict(call=dict(timesteps=[999, 759, 499, 259], strength=0.5), steps=[4]))),
    "TCDScheduler": ([E, X, V], options(
        default={}, gamma0=dict(step=dict(eta=0.0)), gamma1=dict(step=dict(eta=1.0)), clip=dict(clip_sample=True, **THRESHOLD),
        strength=dict(call=dict(strength=0.6)), original=dict(call=dict(original_inference_steps=200), step=dict(eta=0.5)),
        cosine=COSINE, zero_snr=dict(rescale_betas_zero_snr=True),
        given_times=dict(call=dict(timesteps=[999, 759, 499, 259]), steps=[4]))),
    "RePaintScheduler": ([E], options(
        default=dict(call=dict(jump_length=10, jump_n_sample=1)), eta=dict(SD, eta=1.0, clip_sample=False),
        jumps=dict(SD, eta=0.5, call=dict(jump_length=2, jump_n_sample=2)),
        cosine=dict(COSINE, eta=1.0, call=dict(jump_length=5, jump_n_sample=2)),
        sigmoid=dict(beta_schedule="sigmoid", call=dict(jump_length=1, jump_n_sample=2)))),
    "UnCLIPScheduler": ([E, X], options(
        default={}, no_clip=dict(clip_sample=False), range=dict(clip_sample_range=0.5),
        no_previous=dict(clip_sample=False, step=dict(prev_timestep=None)))),
    "DDPMWuerstchenScheduler": ([E], options(
        default={}, scaler2=dict(scaler=2.0), scaler_half=dict(scaler=0.5), s=dict(s=0.02),
        given_times=dict(call=dict(timesteps=[1.0, 0.7, 0.4, 0.1, 0.0]), steps=[4]))),
}


def short(count, **settings):
    """A table of another length."""
    return dict(SD, num_train_timesteps=count, **settings)


short_beta = options(beta100=short(100, use_beta_sigmas=True), beta250=short(250, use_beta_sigmas=True),
                     beta777=short(777, use_beta_sigmas=True), exponential250=short(250, use_exponential_sigmas=True))

# Recorded after the others, so that the lines of those keep their ids.
LATER = {
    "EulerDiscreteScheduler": ([E, X, V], options(
        dict(short_beta), log_linear_continuous=dict(SD, interpolation_type="log_linear", timestep_type="continuous", only=[V]),
        log_linear_continuous_min=dict(SD, interpolation_type="log_linear", timestep_type="continuous",
                                       final_sigmas_type="sigma_min", only=[V], steps=[4]),
        # float32 has 0.399 as a smaller number.
        churn_tie=dict(SD, call=dict(sigmas=LEVELS), step=dict(s_churn=4.0, s_tmin=0.399), steps=[10]),
        more_steps=short(20, steps=[25]))),
    "DPMSolverMultistepScheduler": ([E, X, V], options(
        dict(short_beta), learned=dict(SD, variance_type="learned_range", only=[E], steps=[10]))),
    "DEISMultistepScheduler": ([E], short_beta),
    "UniPCMultistepScheduler": ([E], short_beta),
    "FlowMatchEulerDiscreteScheduler": ([F], options(mu_unused=dict(shift=3.0, call=dict(mu=0.8)))),
    "LTXEulerAncestralRFScheduler": ([F], options(
        default={}, eta=dict(eta=0.5, s_noise=0.9), eta0=dict(eta=0.0), quiet=dict(eta=0.7, s_noise=0.0), shift=dict(shift=3.0),
        given_levels=dict(call=lambda n: dict(sigmas=[1 - k / n for k in range(n + 1)])),
        given_times=dict(call=dict(timesteps=[1.0, 0.99, 0.9, 0.6, 0.0]), steps=[4]))),
    "CMStochasticIterativeScheduler": ([E], options(
        default=dict(steps=[1, 2, 4, 10, 25, 40]), no_clip=dict(clip_denoised=False, s_noise=1.2, steps=[1, 2, 4, 40]),
        longer=dict(num_train_timesteps=151, clip_denoised=False), range=dict(sigma_min=0.01, sigma_max=20.0, sigma_data=1.0,
                                                                             rho=5.0, steps=[2, 10]),
        given_times=dict(clip_denoised=False, call=dict(timesteps=[22, 0]), steps=[2]))),
    "SCMScheduler": ([T], options(
        default=dict(steps=[2]), even=dict(call=dict(intermediate_timesteps=None)), unit=dict(
            sigma_data=1.0, call=dict(intermediate_timesteps=None, max_timesteps=1.4)),
        given_times=dict(call=dict(timesteps=[1.5, 1.3, 0.8, 0.3, 0.0], max_timesteps=None, intermediate_timesteps=None), steps=[4]),
        raises=dict(steps=[4]))),
}
