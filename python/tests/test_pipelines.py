"""What pipelines do with a scheduler beside walking through it: part of a run, shifts of their own, states that change between steps.

Every comparison is with the original scheduler, whose arithmetic is single precision.
"""

import numpy as np
import pytest

import langevin

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
pytest.importorskip("transformers")
from langevin.diffusers import LangevinScheduler  # noqa: E402

DPM = "DPMSolverMultistepScheduler"
CONFIGS = [
    ("DDIMScheduler", {"clip_sample": True}),
    ("DDIMScheduler", {"clip_sample": False, "beta_schedule": "scaled_linear", "steps_offset": 1, "set_alpha_to_one": False}),
    ("DDPMScheduler", {}),
    ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
    ("EulerAncestralDiscreteScheduler", {}),
    ("HeunDiscreteScheduler", {}),
    ("HeunDiscreteScheduler", {"use_karras_sigmas": True}),
    ("KDPM2DiscreteScheduler", {}),
    ("KDPM2AncestralDiscreteScheduler", {}),
    ("DPMSolverSDEScheduler", {}),
    (DPM, {}),
    (DPM, {"algorithm_type": "sde-dpmsolver++"}),
    ("DPMSolverSinglestepScheduler", {"lower_order_final": True}),
    ("DPMSolverSinglestepScheduler", {"solver_order": 3, "lower_order_final": True}),
    ("UniPCMultistepScheduler", {}),
    ("UniPCMultistepScheduler", {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}),
    ("DEISMultistepScheduler", {}),
    ("LMSDiscreteScheduler", {}),
    ("SASolverScheduler", {}),
    ("PNDMScheduler", {"skip_prk_steps": True, "steps_offset": 1}),
    ("PNDMScheduler", {}),
    ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
    ("FlowMatchHeunDiscreteScheduler", {}),
    ("EDMEulerScheduler", {}),
    ("EDMDPMSolverMultistepScheduler", {}),
    ("LCMScheduler", {}),
    ("TCDScheduler", {}),
    ("CogVideoXDDIMScheduler", {}),
]


def made(name, fields):
    try:
        return getattr(diffusers, name)(**fields)
    except ImportError as error:
        pytest.skip(str(error))


def network(x, t):
    return torch.sin(x * 1.3 + float(t) / 500)


def edited(scheduler, left_out, steps=8, tell=True):
    """The loop of image-to-image pipelines: the result, and the denoised predictions on the way."""
    scheduler.set_timesteps(steps)
    first = left_out * scheduler.order
    timesteps = scheduler.timesteps[first:]
    if tell and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    generator = torch.Generator().manual_seed(1)
    picture, noise = torch.randn(2, 3, 8, 8, generator=generator), torch.randn(2, 3, 8, 8, generator=generator)
    if hasattr(scheduler, "add_noise"):
        x = scheduler.add_noise(picture, noise, timesteps[:1].repeat(2))
    else:
        x = scheduler.scale_noise(picture, timesteps[:1], noise)
    predictions = []
    for t in timesteps:
        scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        result = scheduler.step(network(scaled, t), t, x)
        x = result.prev_sample
        predictions.append(getattr(result, "pred_original_sample", None))
    return x, predictions


@pytest.mark.parametrize(("name", "fields"), CONFIGS, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("left_out", [0, 1, 3, 6])
def test_part_of_a_run_is_that_of_the_original(name, fields, left_out, without_noise):
    if name == "PNDMScheduler" and not fields and left_out == 6:
        pytest.skip("its Runge-Kutta start goes on to the last step, and amplifies roundings a thousandfold")
    original = made(name, fields)
    ours = LangevinScheduler.from_config(original)
    assert ours.order == original.order
    for tell in (True, False):
        expected, predictions = edited(original, left_out, tell=tell)
        got, own = edited(ours, left_out, tell=tell)
        # Errors of single precision are amplified by the rest of the run.
        assert (expected - got).abs().max() < 3e-4 * expected.abs().max()
        for theirs, mine in zip(predictions, own):
            assert theirs is None or (theirs - mine).abs().max() < 3e-4 * theirs.abs().max()


@pytest.mark.parametrize(("steps", "middle"), [(2, 1.3), (2, None), (3, None), (1, None)])
def test_the_angles_of_a_consistency_model(steps, middle, without_noise):
    """The loop of Sana Sprint: the times end with that of the result, and the prediction is what is decoded."""
    original = diffusers.SCMScheduler()
    results = []
    for scheduler in (original, LangevinScheduler.from_config(original)):
        scheduler.set_timesteps(steps, timesteps=None, max_timesteps=1.57080, intermediate_timesteps=middle)
        x = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0)) * 0.5
        for t in scheduler.timesteps[:-1]:
            x, denoised = scheduler.step(torch.sin(x) + t, t, x, return_dict=False)
        results.append((scheduler.timesteps, x, denoised))
    for theirs, ours in zip(*results):
        assert torch.allclose(theirs, ours, atol=1e-4)


def test_noise_levels_that_a_pipeline_writes_over():
    """Cosmos lets the last step stand still; other changes are no part of a plan, and named."""
    original = diffusers.FlowMatchEulerDiscreteScheduler(use_karras_sigmas=True)
    results = []
    for scheduler in (original, LangevinScheduler.from_config(original)):
        scheduler.set_timesteps(4)
        scheduler.sigmas[-1] = scheduler.sigmas[-2]
        x = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(0))
        for t in scheduler.timesteps:
            x = scheduler.step(network(x, t), t, x).prev_sample
        results.append(x)
    assert torch.allclose(*results, atol=1e-5)
    ours = LangevinScheduler.from_config(original)
    ours.set_timesteps(4)
    ours.sigmas[1] = 0.9
    with pytest.raises(langevin.Error, match="sigmas were changed"):
        ours.step(x, ours.timesteps[0], x)


def test_a_step_is_made_once():
    ours = LangevinScheduler.from_config(diffusers.EDMEulerScheduler())
    ours.set_timesteps(4)
    x = torch.randn(1, 4, 4, 4)
    ours.step(x, ours.timesteps[0], x)
    with pytest.raises(langevin.Error, match="makes each step once"):
        ours._step_index -= 1


def test_pipelines_that_ask_for_the_class():
    original = diffusers.DDPMWuerstchenScheduler()
    ours = LangevinScheduler.from_config(original)
    assert isinstance(ours, diffusers.DDPMWuerstchenScheduler) and isinstance(ours, LangevinScheduler)
    original.set_timesteps(4), ours.set_timesteps(4)
    assert torch.allclose(ours.timesteps, original.timesteps)


@pytest.mark.parametrize(
    ("config", "sampler", "counts"),
    [
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "heun", "1, 2×6, 1"),
        ({"_class_name": "DDIMScheduler", "clip_sample": False}, "pndm", "2, 1×7"),
    ],
)
def test_uneven_steps_are_named(config, sampler, counts):
    ours = LangevinScheduler.from_config(config, sampler=sampler)
    assert torch.isfinite(edited(ours, 0)[0]).all()
    for tell in (True, False):
        with pytest.raises(langevin.Error, match=counts):
            edited(ours, 3, tell=tell)


def test_even_steps_of_two_evaluations_begin_where_they_should():
    """Heun's steps after three of eight, from the state of level three: the same as Heun on the grid of the last five."""
    original = diffusers.DDIMScheduler(clip_sample=False)
    ours = LangevinScheduler.from_config(original, sampler="heun")
    ours.set_timesteps(8)
    assert (ours.order, len(ours.timesteps)) == (2, 15)
    whole = ours.timesteps
    plan = ours._rest(6)
    assert np.array_equal(plan.network_times, whole[6:].double().numpy())
    with pytest.raises(langevin.Error, match="cannot begin at evaluation 5"):
        ours._rest(5)


def tiny_vae(latents=4):
    torch.manual_seed(0)
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=latents, shift_factor=0.1, scaling_factor=0.9, down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2,
    ).eval()  # fmt: skip


def tiny_unet(**options):
    torch.manual_seed(0)
    return diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **options,
    ).eval()  # fmt: skip


def words(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {"prompt_embeds": torch.randn(1, 5, 16, generator=generator), "negative_prompt_embeds": torch.zeros(1, 5, 16)}


def both(pipe, scheduler, call, **options):
    """What a pipeline gives with the original scheduler and with ours."""
    pipe.set_progress_bar_config(disable=True)
    results = []
    for used in (scheduler, LangevinScheduler.from_config(scheduler, **options)):
        pipe.scheduler = used
        results.append(call(pipe))
    return results


def assert_near(expected, got):
    assert (expected - got).abs().max() < 3e-4 * expected.abs().max()


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("strength", [0.5, 0.8, 1.0])
@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("PNDMScheduler", {"skip_prk_steps": True, "steps_offset": 1, "beta_schedule": "scaled_linear"}),
        ("HeunDiscreteScheduler", {"beta_schedule": "scaled_linear"}),
        ("DPMSolverSDEScheduler", {}),
        ("EulerDiscreteScheduler", {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_stable_diffusion_image_to_image(name, fields, strength, without_noise):
    pipe = diffusers.StableDiffusionImg2ImgPipeline(
        vae=tiny_vae(), text_encoder=None, tokenizer=None, unet=tiny_unet(), scheduler=made(name, fields), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    picture = torch.rand(1, 3, 16, 16, generator=seeded())
    call = lambda pipe: pipe(  # noqa: E731
        image=picture, strength=strength, num_inference_steps=5, generator=seeded(), output_type="latent", **words()
    ).images
    assert_near(*both(pipe, pipe.scheduler, call))


def test_stable_diffusion_inpainting():
    pipe = diffusers.StableDiffusionInpaintPipeline(
        vae=tiny_vae(), text_encoder=None, tokenizer=None, unet=tiny_unet(), scheduler=diffusers.HeunDiscreteScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    picture, mask = torch.rand(1, 3, 16, 16, generator=seeded()), torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1
    call = lambda pipe: pipe(  # noqa: E731
        image=picture, mask_image=mask, height=16, width=16, strength=0.7, num_inference_steps=5, generator=seeded(), output_type="latent",
        **words(),
    ).images  # fmt: skip
    assert_near(*both(pipe, pipe.scheduler, call))


@pytest.mark.parametrize("name", ["EulerDiscreteScheduler", "HeunDiscreteScheduler", DPM])
def test_a_base_and_a_refiner(name):
    """SDXL: the base makes the first part of a run, the refiner the rest."""
    unet = tiny_unet(addition_embed_type="text_time", addition_time_embed_dim=4, projection_class_embeddings_input_dim=4 * 6 + 16, transformer_layers_per_block=1)
    parts = dict(vae=tiny_vae(), text_encoder=None, text_encoder_2=None, tokenizer=None, tokenizer_2=None, unet=unet)
    scheduler = made(name, {"beta_schedule": "scaled_linear"})
    base = diffusers.StableDiffusionXLPipeline(**parts, scheduler=scheduler)
    refiner = diffusers.StableDiffusionXLImg2ImgPipeline(**parts, scheduler=scheduler)
    options = {**words(), "pooled_prompt_embeds": torch.ones(1, 16), "negative_pooled_prompt_embeds": torch.zeros(1, 16), "output_type": "latent", "num_inference_steps": 10}
    first = lambda pipe: pipe(height=16, width=16, denoising_end=0.5, generator=seeded(), **options).images  # noqa: E731
    expected, got = both(base, scheduler, first)
    assert_near(expected, got)
    rest = lambda pipe: pipe(image=expected, denoising_start=0.5, generator=seeded(), **options).images  # noqa: E731
    assert_near(*both(refiner, scheduler, rest))


def tiny_flux():
    torch.manual_seed(0)
    return diffusers.FluxTransformer2DModel(
        patch_size=1, in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=16, pooled_projection_dim=16, axes_dims_rope=[4, 4, 8], guidance_embeds=False,
    ).eval()  # fmt: skip


@pytest.mark.parametrize("kind", ["text", "sigmas", "image"])
@pytest.mark.parametrize("shift_terminal", [None, 0.1])
def test_dynamic_shifting(kind, shift_terminal):
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15, base_image_seq_len=256, max_image_seq_len=4096, shift=3.0, shift_terminal=shift_terminal
    )
    vae = tiny_vae()
    parts = dict(vae=vae, text_encoder=None, tokenizer=None, text_encoder_2=None, tokenizer_2=None, transformer=tiny_flux())
    options = dict(prompt_embeds=words()["prompt_embeds"], pooled_prompt_embeds=torch.ones(1, 16), height=32, width=32, output_type="latent")
    if kind == "image":
        pipe = diffusers.FluxImg2ImgPipeline(**parts, scheduler=scheduler)
        picture = torch.rand(1, 3, 32, 32, generator=seeded())
        call = lambda pipe: pipe(image=picture, strength=0.6, num_inference_steps=6, generator=seeded(), **options).images  # noqa: E731
    else:
        pipe = diffusers.FluxPipeline(**parts, scheduler=scheduler)
        grid = {"sigmas": [1.0, 0.8, 0.5, 0.2]} if kind == "sigmas" else {"num_inference_steps": 4}
        call = lambda pipe: pipe(generator=seeded(), **grid, **options).images  # noqa: E731
    expected, got = both(pipe, scheduler, call)
    assert_near(expected, got)
    with pytest.raises(langevin.Error, match="mu is missing"):
        LangevinScheduler.from_config(scheduler).set_timesteps(4)


def test_tables_for_training_scripts():
    original = diffusers.DDPMScheduler(prediction_type="v_prediction")
    ours = LangevinScheduler.from_config(original)
    x, noise, t = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4), torch.tensor([17, 801])
    assert torch.equal(ours.alphas_cumprod, original.alphas_cumprod) and torch.equal(ours.betas, original.betas)
    assert torch.equal(ours.get_velocity(x, noise, t), original.get_velocity(x, noise, t))
    assert torch.equal(ours.add_noise(x, noise, t), original.add_noise(x, noise, t))
    # With the steps of a run set, at any time of the training all the same.
    ours.set_timesteps(5)
    assert torch.allclose(ours.add_noise(x, noise, t), original.add_noise(x, noise, t), atol=1e-5)
    assert ours.config.prediction_type == "v_prediction" and len(ours) == 1000
    with pytest.raises(AttributeError):
        ours.no_such_table


def test_what_step_gives():
    original = diffusers.DDIMScheduler(clip_sample=True)
    ours = LangevinScheduler.from_config(original)
    x, out = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    original.set_timesteps(4), ours.set_timesteps(4)
    t = original.timesteps[0]
    theirs, mine = original.step(out, t, x, return_dict=False), ours.step(out, t, x, return_dict=False)
    assert len(mine) == 2 and torch.allclose(mine[1], theirs[1], atol=1e-5) and torch.allclose(mine[0], theirs[0], atol=1e-5)
    state, denoised = mine
    assert state is mine[0] and torch.equal(denoised, mine[-1]) and len(mine[:1]) == 1
    ours.set_timesteps(4)
    result = ours.step(out, t, x)
    assert torch.allclose(result.pred_original_sample, theirs[1], atol=1e-5) and result[0] is result.prev_sample


def test_what_step_is_given(without_noise):
    original = diffusers.DDIMScheduler(clip_sample=False)
    ours, x, out = LangevinScheduler.from_config(original), torch.randn(1, 3, 4, 4), torch.randn(1, 3, 4, 4)
    original.set_timesteps(4), ours.set_timesteps(4)
    t, following = ours.timesteps[:2]
    # Taken into the plan, as by the original, before the first step; later it is too late.
    theirs = original.step(out, t, x, eta=0.5, variance_noise=torch.zeros(1, 3, 4, 4)).prev_sample
    assert torch.allclose(ours.step(out, t, x, eta=0.5).prev_sample, theirs, atol=1e-5)
    with pytest.raises(langevin.Error, match="before its first step"):
        ours.step(out, following, x, eta=0.1)
    ours.set_timesteps(4)
    assert torch.isfinite(ours.step(out, t, x, prev_timestep=following).prev_sample).all()
    ours.set_timesteps(4)
    with pytest.raises(langevin.Error, match="prev_timestep") as found:
        ours.step(out, t, x, prev_timestep=3)
    with pytest.raises(langevin.Error, match="one noise level for all of a state") as found:
        ours.step(out, t, x, per_token_timesteps=torch.ones(1, 4096))
    assert len(str(found.value)) < 300
    with pytest.raises(langevin.Error, match="an array of shape") as found:
        ours.step(out, t, x, variance_noise=torch.ones(1, 3, 64, 64))
    # Euler has no eta; pipelines offer it all the same.
    euler = LangevinScheduler.from_config(diffusers.EulerDiscreteScheduler())
    euler.set_timesteps(4)
    euler.step(out, euler.timesteps[0], x, eta=0.5)


def test_a_learned_variance_is_left_out():
    config = {"_class_name": "DDPMScheduler", "variance_type": "learned_range", "clip_sample": False}
    ours = LangevinScheduler.from_config(config, sampler="dpmpp-2m")
    plain = LangevinScheduler.from_config({**config, "variance_type": "fixed_small"}, sampler="dpmpp-2m")
    x, out = torch.randn(2, 3, 4, 4), torch.randn(2, 6, 4, 4)
    ours.set_timesteps(4), plain.set_timesteps(4)
    t = ours.timesteps[0]
    assert torch.equal(ours.step(out, t, x).prev_sample, plain.step(out[:, :3].clone(), t, x).prev_sample)


def test_schedulers_themselves_are_configs():
    """Two classes with the same fields cannot be distinguished by them."""
    original = diffusers.DDIMInverseScheduler()
    assert LangevinScheduler.from_config(original).config.langevin_original == "DDIMInverseScheduler"
    again = LangevinScheduler.from_config(LangevinScheduler.from_config(original, sampler="ddim-inversion"))
    assert (again.config.langevin_original, again.config.langevin_sampler) == ("DDIMInverseScheduler", "ddim-inversion")
    with pytest.raises(langevin.Error, match="from_config\\(pipe.scheduler\\)"):
        LangevinScheduler.from_config({"num_train_timesteps": 1000})
    with pytest.raises(langevin.Error, match="expected a mapping or a scheduler"):
        LangevinScheduler.from_config(3.5)
    with pytest.raises(langevin.Error, match="only goes down"):
        LangevinScheduler.from_config(original, sampler="dpmpp-2m").set_timesteps(5)
