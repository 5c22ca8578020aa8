"""The scheduler inside real pipelines of diffusers, with small networks of random weights."""

import copy
import pickle

import numpy as np
import pytest

import langevin

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
from langevin.diffusers import LangevinScheduler  # noqa: E402


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(0)
    return diffusers.UNet2DModel(
        sample_size=8, in_channels=3, out_channels=3, block_out_channels=(8, 16), norm_num_groups=4, layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    ).eval()


def loop(scheduler, model, x, steps=6, **options):
    """What every pipeline does."""
    scheduler.set_timesteps(steps)
    x = x * getattr(scheduler, "init_noise_sigma", 1.0)
    for t in scheduler.timesteps:
        with torch.no_grad():
            out = model(scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x, t)
        x = scheduler.step(out, t, x, **options).prev_sample
    return x


def network(x, t):
    return torch.sin(x * 1.3 + float(t) / 500)


ORIGINALS = [
    diffusers.DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False),
    diffusers.DDIMScheduler(prediction_type="v_prediction", clip_sample=False),
    diffusers.EulerDiscreteScheduler(beta_schedule="scaled_linear", use_karras_sigmas=True),
    diffusers.HeunDiscreteScheduler(beta_schedule="scaled_linear"),
    diffusers.DPMSolverMultistepScheduler(beta_schedule="scaled_linear"),
    diffusers.UniPCMultistepScheduler(beta_schedule="scaled_linear"),
    diffusers.PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True),
    diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    diffusers.EDMDPMSolverMultistepScheduler(),
]


@pytest.mark.parametrize("original", ORIGINALS, ids=lambda original: type(original).__name__)
def test_the_same_sampler_takes_the_same_path(original):
    torch.manual_seed(1)
    x = torch.randn(2, 3, 8, 8)
    ours = LangevinScheduler.from_config({**original.config, "_class_name": type(original).__name__})
    expected, got = loop(original, network, x), loop(ours, network, x)
    # The originals compute theirs in single precision.
    assert torch.allclose(ours.timesteps.double(), original.timesteps.double(), rtol=1e-6, atol=1e-4)
    assert ours.timesteps.dtype == original.timesteps.dtype
    # Single precision, on both sides.
    assert (expected - got).abs().max() < 2e-4 * expected.abs().max()


@pytest.mark.parametrize("sampler", ["ddim", "unipc", "dpmpp-2m", "heun", "lms", "euler-ancestral", "res-multistep"])
@pytest.mark.parametrize("original", ORIGINALS, ids=lambda original: type(original).__name__)
def test_any_sampler_on_any_config(original, sampler):
    ours = LangevinScheduler.from_config({**original.config, "_class_name": type(original).__name__}, sampler=sampler)
    out = loop(ours, network, torch.randn(2, 3, 8, 8))
    assert torch.isfinite(out).all()


def test_an_unconditional_pipeline(unet):
    original = diffusers.DDIMScheduler(clip_sample=False)
    pipe = diffusers.DDIMPipeline(unet, original)
    pipe.set_progress_bar_config(disable=True)
    pictures = lambda: pipe(batch_size=2, generator=torch.Generator().manual_seed(3), num_inference_steps=5, output_type="np").images  # noqa: E731
    expected = pictures()
    pipe = diffusers.DDPMPipeline(unet, LangevinScheduler.from_config(pipe.scheduler.config))
    pipe.set_progress_bar_config(disable=True)
    assert np.abs(pictures() - expected).max() < 1e-3
    pipe.scheduler = LangevinScheduler.from_config(pipe.scheduler.config, sampler="unipc")
    assert pictures().shape == expected.shape


def test_an_image_to_image_loop(unet):
    """The loop of every image-to-image pipeline: some steps left out, and the picture noised to where the rest begin."""

    def edited(scheduler, strength=0.5, steps=8):
        scheduler.set_timesteps(steps)
        first = int(steps - steps * strength) * scheduler.order
        timesteps = scheduler.timesteps[first:]
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(first)
        generator = torch.Generator().manual_seed(1)
        picture, noise = torch.randn(2, 3, 8, 8, generator=generator), torch.randn(2, 3, 8, 8, generator=generator)
        x = scheduler.add_noise(picture, noise, timesteps[:1].repeat(2))
        for t in timesteps:
            with torch.no_grad():
                out = unet(scheduler.scale_model_input(x, t), t).sample
            x = scheduler.step(out, t, x).prev_sample
        return x

    for original in (diffusers.DPMSolverMultistepScheduler(), diffusers.EulerDiscreteScheduler(), diffusers.DDIMScheduler(clip_sample=False)):
        ours = LangevinScheduler.from_config({**original.config, "_class_name": type(original).__name__})
        expected = edited(original)
        assert (edited(ours) - expected).abs().max() < 2e-4 * expected.abs().max(), type(original).__name__


def test_latents_that_the_pipeline_changes(unet):
    """Inpainting: half of the state is replaced after each step."""

    def painted(scheduler):
        scheduler.set_timesteps(6)
        torch.manual_seed(0)
        x, known = torch.randn(1, 3, 8, 8) * scheduler.init_noise_sigma, torch.zeros(1, 3, 8, 8)
        for t in scheduler.timesteps:
            out = network(scheduler.scale_model_input(x, t), t)
            x = scheduler.step(out, t, x).prev_sample
            x = torch.cat([known[..., :4], x[..., 4:]], -1)
        return x

    original = diffusers.DDIMScheduler(clip_sample=False)
    ours = LangevinScheduler.from_config({**original.config, "_class_name": "DDIMScheduler"})
    assert torch.allclose(painted(ours), painted(original), atol=1e-4)


def test_a_flow_matching_transformer():
    torch.manual_seed(0)
    model = diffusers.SD3Transformer2DModel(
        sample_size=8, patch_size=1, in_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=16,
        caption_projection_dim=16, pooled_projection_dim=16, out_channels=4,
    ).eval()
    words, pooled = torch.randn(1, 5, 16), torch.randn(1, 16)

    def call(x, t):
        return model(hidden_states=x, encoder_hidden_states=words, pooled_projections=pooled, timestep=t.expand(1)).sample

    original = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0)
    ours = LangevinScheduler.from_config(original.config)
    x = torch.randn(1, 4, 8, 8)
    expected = loop(original, call, x)
    assert (loop(ours, call, x) - expected).abs().max() < 1e-4
    better = loop(LangevinScheduler.from_config(original.config, sampler="dpmpp-2m"), call, x)
    assert torch.isfinite(better).all()


def test_an_image_is_the_same_in_any_batch():
    ours = LangevinScheduler.from_config({"_class_name": "DDIMScheduler", "clip_sample": False}, sampler="euler-ancestral")
    x = torch.randn(3, 3, 8, 8)
    seeds = lambda which: [torch.Generator().manual_seed(seed) for seed in which]  # noqa: E731
    all_ = loop(ours, network, x, generator=seeds([5, 6, 7]))
    one = loop(ours, network, x[1:2], generator=seeds([6]))
    assert torch.equal(all_[1:2], one)


def test_a_config_survives_saving(tmp_path):
    ours = LangevinScheduler.from_config(diffusers.DDIMScheduler(beta_end=0.03).config, sampler="unipc")
    ours.save_pretrained(tmp_path)
    again = LangevinScheduler.from_pretrained(tmp_path)
    assert again.config.beta_end == 0.03
    again.set_timesteps(5), ours.set_timesteps(5)
    assert again.plan.to_json() == ours.plan.to_json() and again.plan.name == "unipc"


def test_mistakes_are_clear():
    ours = LangevinScheduler.from_config({"_class_name": "DDIMScheduler"})
    with pytest.raises(langevin.Error, match="did you mean"):
        LangevinScheduler.from_config({"_class_name": "DDIMScheduler"}, sampler="unicp")
    with pytest.raises(langevin.Error, match="steps are not set"):
        ours.scale_model_input(torch.zeros(1, 3), 981)
    ours.set_timesteps(4)
    with pytest.raises(langevin.Error, match="no such timestep"):
        ours.scale_model_input(torch.zeros(1, 3), 123.456)
    with pytest.raises(langevin.ShapeError):
        ours.step(torch.zeros(1, 2), ours.timesteps[0], torch.zeros(1, 3))


def test_a_flow_network_serves_a_noise_scheduler():
    """A small velocity network, trained here, as the ε of an unmodified DDIM scheduler; and an ε network as a flow's velocity."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 64), torch.nn.SiLU(), torch.nn.Linear(64, 64), torch.nn.SiLU(), torch.nn.Linear(64, 1))

    def velocity(x, t):
        return net(torch.cat([x, t.reshape(-1, 1).expand(len(x), 1).to(x)], 1))

    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(600):
        x0, noise, s = torch.randn(512, 1) * 0.5 + 1, torch.randn(512, 1), torch.rand(512, 1)
        loss = (velocity((1 - s) * x0 + s * noise, s) - (noise - x0)).square().mean()
        optimizer.zero_grad(), loss.backward(), optimizer.step()

    class Wrapped(torch.nn.Module):
        def forward(self, x, t):
            return velocity(x, t)

    # The betas of the scheduler are those of the process that the model is converted to.
    flow = langevin.Formulation("rectified-flow", "velocity")
    epsilon = langevin.Formulation("table:linear", "epsilon")
    model = langevin.convert(Wrapped(), from_=flow, to=epsilon)
    scheduler = diffusers.DDIMScheduler(beta_schedule="linear", clip_sample=False, timestep_spacing="trailing")
    samples = loop(scheduler, model, torch.randn(4000, 1), steps=50)
    # Of N(1, 0.25): a small network, and five standard errors.
    assert abs(samples.mean() - 1) < 0.1 and abs(samples.std() - 0.5) < 0.1
    back = langevin.convert(model, from_=epsilon, to=flow)
    x, s = torch.randn(5, 1), torch.tensor(0.6)
    assert torch.allclose(back(x, s), velocity(x, s), atol=1e-3)


@pytest.mark.parametrize(
    "config",
    [
        {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "clip_sample": True, "set_alpha_to_one": False},
        {"_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": True},
        {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0},
    ],
)
def test_the_recommended_sampler_is_a_scheduler(config):
    scheduler = LangevinScheduler.from_config(config)
    pictures = torch.randn(200, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.1, 1, 4)
    ranking = scheduler.recommend(pictures, 10)
    own = {one.sampler: one for one in ranking.usual}["ddim"]
    assert ranking.best.w2 < own.w2
    chosen = LangevinScheduler.from_config(scheduler.config, sampler=ranking.best.sampler)
    chosen.set_timesteps(ranking.best.steps)
    assert chosen.plan.unclipped().is_same(ranking.best.plan)
    assert len(chosen.timesteps) == ranking.best.nfe


def test_the_ddim_pipeline_hands_settings_to_every_step():
    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, block_out_channels=(8, 8), norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    scheduler = diffusers.DDIMScheduler(clip_sample=False)
    pipe = diffusers.DDIMPipeline(unet, scheduler)
    pipe.set_progress_bar_config(disable=True)

    def pictures(**options):
        return pipe(batch_size=2, num_inference_steps=4, generator=torch.Generator().manual_seed(1), output_type="np", **options).images

    theirs = pictures()
    pipe.scheduler = LangevinScheduler.from_config(scheduler.config)
    # Single precision, in pictures between 0 and 1.
    assert np.abs(pictures() - theirs).max() < 1e-5
    # Taken into the plan, as into the original's steps.
    assert np.isfinite(pictures(eta=0.5)).all() and pipe.scheduler.plan.draws > 1
    pipe.scheduler = LangevinScheduler.from_config(scheduler.config, settings={"eta": 0.5})
    assert np.isfinite(pictures(eta=0.5)).all()
    pipe.scheduler = LangevinScheduler.from_config(scheduler.config, sampler="dpmpp-2m")
    with pytest.raises(langevin.Error, match="settings={'eta': 0.5}"):
        pictures(eta=0.5)


def test_a_used_scheduler_can_be_copied():
    scheduler = LangevinScheduler.from_config({"_class_name": "DDIMScheduler", "clip_sample": False})
    out, start = torch.ones(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.5)

    def walk(scheduler):
        scheduler.set_timesteps(3)
        x = start
        for t in scheduler.timesteps:
            x = scheduler.step(out, t, x).prev_sample
        return x

    want = walk(scheduler)
    assert torch.equal(walk(copy.deepcopy(scheduler)), want)
    assert torch.equal(walk(pickle.loads(pickle.dumps(scheduler))), want)


def test_steps_must_be_said():
    with pytest.raises(langevin.Error):
        LangevinScheduler.from_config({"_class_name": "DDIMScheduler"}).set_timesteps()


def test_the_first_step_is_of_the_sample_that_the_network_saw():
    """A plan with churn noises its start before it asks; a pipeline asks about the sample as it is."""
    scheduler = LangevinScheduler.from_config({"_class_name": "EDMEulerScheduler"}, sampler="heun:churn=1")
    scheduler.set_timesteps(4)
    x, out = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    seed = int(torch.randint(0, 2**62, (1,), generator=torch.Generator().manual_seed(3)))
    run = scheduler.plan.start(x.shape, seed, start=x.numpy())
    run.advance()
    assert not np.array_equal(run.state, x.numpy())
    run.replace(x.numpy())
    want = run.step(out.numpy())
    got = scheduler.step(out, scheduler.timesteps[0], x, generator=torch.Generator().manual_seed(3)).prev_sample
    assert np.array_equal(got.numpy(), want)
