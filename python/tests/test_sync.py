"""A step of the scheduler never waits for a device.

Tensors on the device ``meta`` have shapes and no values, so every operation that would have to read one raises: item,
bool, float, tolist, numpy, comparisons of values. The scheduler works on them as on a graphics card.
"""

import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
from langevin.diffusers import LangevinScheduler  # noqa: E402
from test_trace_diffusers import CASES  # noqa: E402

# Classes of tokens, pictures of several sizes and single networks, which no import knows.
OTHERS = ["DDPMWuerstchen"]


def classes():
    return sorted(set(CASES) | set(OTHERS))


def run(scheduler, steps=20, first=0, device="meta", **options):
    scheduler.set_timesteps(steps, device=device)
    x = torch.empty(2, 3, 8, 8, device=device)
    times = scheduler.timesteps[first * scheduler.order :]
    if type(scheduler).__name__ == "LangevinWuerstchenScheduler" or scheduler.original["_class_name"] == "SCMScheduler":
        times = times[:-1]
    for t in times:
        out = torch.empty_like(scheduler.scale_model_input(x, t))
        x = scheduler.step(out, t, x, **options).prev_sample
    return x


def test_the_device_of_the_test_raises_on_every_read():
    x = torch.empty(1, device="meta")
    for read in (lambda: x.item(), lambda: float(x), lambda: bool(x), lambda: x.tolist(), lambda: x.numpy(), lambda: torch.equal(x, x), lambda: bool((x == x).all())):
        with pytest.raises((RuntimeError, NotImplementedError, TypeError)):
            read()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", classes())
def test_no_step_reads_a_value(name):
    scheduler = LangevinScheduler.from_config(getattr(diffusers, name + "Scheduler")())
    settings = {"intermediate_timesteps": None} if name == "SCM" else {}
    if settings:
        scheduler = LangevinScheduler.from_config(getattr(diffusers, name + "Scheduler")(), settings=settings)
    assert run(scheduler).device.type == "meta"


@pytest.mark.parametrize("sampler", ["dpmpp-2m", "unipc", "euler-ancestral", "dpmpp-sde", "heun"])
def test_no_step_of_another_sampler_reads_a_value(sampler):
    original = diffusers.EulerDiscreteScheduler(beta_schedule="scaled_linear")
    assert run(LangevinScheduler.from_config(original, sampler=sampler)).device.type == "meta"


def test_a_run_that_begins_later_finds_its_place_without_reading():
    original = diffusers.DPMSolverMultistepScheduler()
    scheduler = LangevinScheduler.from_config(original)
    run(scheduler, steps=10, first=4)
    assert scheduler.step_index == 10
    # The place is that of the same loop on the processor.
    again = LangevinScheduler.from_config(original)
    run(again, steps=10, first=4, device="cpu")
    assert again.step_index == 10


def test_times_of_the_callers_own_still_find_their_place():
    scheduler = LangevinScheduler.from_config(diffusers.DDIMScheduler(clip_sample=False))
    scheduler.set_timesteps(10)
    for time in (float(scheduler.timesteps[3]), scheduler.timesteps[3].clone(), scheduler.timesteps[3]):
        assert scheduler.index_for_timestep(time) == 3
