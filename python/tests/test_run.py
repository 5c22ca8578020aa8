"""Plans that run: on arrays, with models of the library and of the user."""

import subprocess
import sys

import numpy as np
import pytest

import langevin


def plan(**options):
    return langevin.Plan("dpmpp-2m", "vp", steps=8, **options)


def test_a_function_does_what_the_library_does():
    density = langevin.Density("moons")

    def model(x, query):
        return density.denoise(x, langevin.Level(query.time, query.alpha, query.sigma)).astype(x.dtype)

    own = plan().run(density, (50, 2), seed=4, dtype="float64")
    assert np.array_equal(own, plan().run(model, (50, 2), seed=4, dtype="float64"))


def test_the_command_line_gives_the_same_bits(tmp_path):
    out = tmp_path / "s.npy"
    command = [sys.executable, "-m", "langevin", "sample", "--exact", "moons", "--as", "vp", "--sampler", "dpmpp-2m", "--steps", "8"]
    subprocess.run([*command, "-n", "70", "--seed", "4", "--out", str(out)], check=True)
    # A model of the library is computed in double precision, as there.
    mine = plan().run(langevin.Density("moons"), (70, 2), seed=4)
    theirs = np.load(out)
    assert theirs.dtype == mine.dtype and np.array_equal(theirs, mine)


def test_a_sample_does_not_depend_on_its_batch():
    density = langevin.Density("8gaussians")
    all_ = langevin.Plan("euler-ancestral", "ve", steps=6).run(density, (40, 2), seed=1)
    last = langevin.Plan("euler-ancestral", "ve", steps=6).run(density, (10, 2), seed=1, first=30)
    assert np.array_equal(all_[30:], last)


def test_a_network_of_any_formulation():
    """The exact denoiser of N(0, 0.7), served as a velocity."""
    flow = langevin.Formulation("rectified-flow", "velocity")

    def velocity(x, query):
        # D = 0.7 α x/(0.7 α² + σ²), velocity = (x − D)/σ.
        denoised = 0.7 * query.alpha * x / (0.7 * query.alpha**2 + query.sigma**2)
        return (x - denoised) / query.sigma

    for process in ("vp", "ve", "rectified-flow"):
        samples = langevin.Plan("ddim", process, steps=200, network=flow).run(velocity, (40_000, 1), dtype="float64")
        # Five standard errors of a variance, and the discretisation.
        assert samples.var() == pytest.approx(0.7, abs=5 * 0.7 * (2 / 40_000) ** 0.5 + 0.01), process


def test_arrays_that_others_hold_are_not_written_over():
    kept = []

    def model(x, query):
        kept.append((x, x.copy()))
        out = x * np.float32(0.5)
        kept.append((out, out.copy()))
        return out

    steps = []
    plan().run(model, (3, 2), callback=lambda step: steps.append((step.denoised, step.denoised.copy())))
    assert len(steps) == 8
    for array, copy in kept + steps:
        assert np.array_equal(array, copy)


def test_a_raising_model_keeps_its_traceback():
    def model(x, query):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        plan().run(model, (2, 2))
    assert caught.traceback[-1].name == "model"


def test_an_interrupt_in_the_middle_ends_the_run():
    def model(x, query):
        if query.index == 3:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt):
        plan().run(model, (2, 2))


@pytest.mark.parametrize("output, words", [
    (lambda x: x[:1], "wrong shape"),
    (lambda x: None, "no array"),
    (lambda x: x.astype(int), "wrong dtype"),
    (lambda x: x.astype(complex), "wrong dtype"),
    (lambda x: "abc", "wrong dtype"),
])
def test_a_wrong_answer_is_one_clear_error(output, words):
    with pytest.raises(langevin.ShapeError, match=words):
        plan().run(lambda x, query: output(x), (2, 2))


def test_other_layouts_and_precisions_are_taken():
    wide = plan().run(lambda x, query: np.asfortranarray(x.astype(np.float64)) * 0.5, (4, 3, 2))
    assert np.array_equal(wide, plan().run(lambda x, query: x * np.float32(0.5), (4, 3, 2)))


def test_samples_that_are_not_finite_are_refused():
    with pytest.raises(langevin.ArgumentError, match="not finite"):
        plan().run(lambda x, query: x * np.float32("nan"), (2, 2))


@pytest.mark.parametrize("shape", [(), (2,) * 3 + (2**40,), (2**62, 2**62)])
def test_shapes_that_cannot_be(shape):
    with pytest.raises(langevin.Error):
        plan().run(lambda x, query: x, shape)


def test_a_stepper_asks_and_is_answered():
    stepper = plan().start((2, 2), seed=7)
    with pytest.raises(langevin.Error, match="without a question"):
        stepper.supply(np.zeros((2, 2), np.float32))
    count = 0
    while (query := stepper.query()) is not None:
        assert query.x.shape == (2, 2) and query.branch == "main"
        stepper.supply(query.x * np.float32(0.1))
        count += 1
    assert count == 8
    result = stepper.finish()
    assert np.array_equal(result, plan().run(lambda x, query: x * np.float32(0.1), (2, 2), seed=7))
    with pytest.raises(langevin.Error, match="finished"):
        stepper.query()


def test_an_image_is_an_input():
    config = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "clip_sample": False}
    late = langevin.Plan.from_diffusers(config, 10, start_at=6)
    assert late.inputs == ["init"] and late.nfe == 4
    image = np.ones((1, 4), np.float32)
    late.run(lambda x, query: x, (1, 4), inputs=[image])
    assert (image == 1).all()


def test_a_large_batch_is_cut_without_a_trace():
    """Steps go through memory in pieces that know no rows: row 0 is as it is alone."""
    for sampler in ("dpmpp-2m", "euler-ancestral"):
        plan = langevin.Plan(sampler, "vp", steps=4, network=langevin.Formulation("vp", "epsilon"))
        model = lambda x, query: np.sin(x)  # noqa: E731
        large = plan.run(model, (3, 200_003), seed=2)
        assert np.array_equal(large[:1], plan.run(model, (1, 200_003), seed=2))
        assert np.array_equal(large[2:], plan.run(model, (1, 200_003), seed=2, first=2))


@pytest.mark.parametrize("sampler", ["ddim", "euler-ancestral", "dpmpp-2m", "unipc"])
@pytest.mark.parametrize("shape", [(1, 600_001), (3, 200_001), (200_001, 3)])
def test_threads_change_no_bit(sampler, shape):
    plan = langevin.Plan(sampler, "vp", 4, network=langevin.Formulation("vp", "epsilon"))
    model = lambda x, query: np.tanh(x) * np.float32(query.sigma)  # noqa: E731
    one, two, four = (plan.run(model, shape, 5, threads=threads) for threads in (1, 2, 4))
    assert np.array_equal(one, two) and np.array_equal(one, four)


def test_a_start_of_one_s_own():
    plan = langevin.Plan("ddim", "vp", 3)
    x = np.random.default_rng(0).normal(size=(2, 3))
    stepper = plan.start((2, 3), dtype="float64", start=x)
    assert np.array_equal(stepper.query().x, x)
    noise = langevin.Plan("ddim", "vp", 3).start((2, 3), 7, dtype="float64")
    begun = plan.start((2, 3), dtype="float64", start=noise.query().x)
    for run in (noise, begun):
        while (query := run.query()) is not None:
            run.supply(0.5 * query.x)
    assert np.array_equal(noise.finish(), begun.finish())
    with pytest.raises(langevin.ShapeError, match="the start"):
        plan.start((2, 3), start=np.zeros((2, 4)))


def test_a_step_in_one_call():
    plan = langevin.Plan("euler-ancestral", "vp", 4)
    parts, whole = (plan.start((2, 3), 1, dtype="float64") for _ in range(2))
    parts.advance(), whole.advance()
    for index in range(4):
        x = whole.state if index != 2 else whole.state + 1
        if index == 2:
            parts.replace(parts.state + 1)
        parts.supply(np.tanh(parts.state))
        state = parts.state if parts.advance() else parts.finish()
        assert np.array_equal(whole.step(np.tanh(x), x if index == 2 else None), state)
    with pytest.raises(langevin.Error, match="finished"):
        whole.step(np.zeros((2, 3)))


def test_threads_after_a_fork():
    """A process that forks takes no threads along; its child makes its own."""
    script = """
import os, numpy as np, langevin
plan = langevin.Plan("ddim", "vp", 4, network=langevin.Formulation("vp", "epsilon"))
run = lambda: plan.run(lambda x, query: 0.5 * x, (1, 600_000), 5, threads=2)
want = run()
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(run(), want) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and np.array_equal(run(), want)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_plan_without_a_range_runs_on_a_trained_network(tmp_path):
    """A plan of the command line leaves the trained range out, and fits any; what differs is named."""
    model, best, out = (str(tmp_path / name) for name in ("m.safetensors", "best.json", "s.npy"))

    def command(*words):
        subprocess.run([sys.executable, "-m", "langevin", *words], check=True, capture_output=True)

    command("train", "--data", "moons", "--steps", "20", "--width", "8", "--depth", "1", "--out", model)
    command("recommend", model, "--nfe", "6", "--out", best)
    network, plan = langevin.Network.load(model), langevin.Plan.from_json((tmp_path / "best.json").read_text())
    mine = plan.run(network, (16, 2), seed=4, dtype="float64")
    command("sample", model, "--plan", best, "-n", "16", "--seed", "4", "--out", out)
    assert np.allclose(mine, np.load(out), atol=1e-6)
    other = langevin.Plan("ddim", network=langevin.Formulation("rectified-flow", "x0"), steps=4)
    # A plan for another formulation is converted, as on the command line.
    own = langevin.Plan("ddim", network=network.formulation, steps=4)
    assert np.allclose(other.run(network, (16, 2), seed=4), own.run(network, (16, 2), seed=4), atol=1e-9)
