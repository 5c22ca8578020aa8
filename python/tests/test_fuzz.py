"""Whatever is passed, Python gets a result or an exception, and lives."""

import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import langevin

settings.register_profile("quick", max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("quick")

numbers = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.binary(max_size=4), st.complex_numbers(),
)
things = st.one_of(
    numbers,
    st.lists(numbers, max_size=3),
    st.dictionaries(st.text(max_size=4), numbers, max_size=3),
    st.sampled_from([
        np.zeros((2, 2)), np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float16), np.zeros((0,)), np.zeros((2, 2), object), np.zeros((2, 4))[:, ::2],
        np.full((2, 2), math.nan), np.zeros((2, 2), ">f4"), np.array(["a"]), np.broadcast_to(np.float32(1), (2, 2)), object(), len,
    ]),
)
expected = (langevin.Error, TypeError, ValueError, OverflowError, MemoryError)


def survives(call, *arguments, **options):
    try:
        return call(*arguments, **options)
    except expected:
        return None


@given(things, things, things)
def test_constructors(a, b, c):
    survives(langevin.Process, a)
    survives(langevin.Prediction, a)
    survives(langevin.Formulation, a, b, clock=c)
    survives(langevin.Formulation, "vp", "epsilon", sigma_min=a, sigma_max=b)
    survives(langevin.Density, a)
    survives(langevin.Network.load, a)
    survives(langevin.Plan.from_json, a)
    survives(langevin.Plan.from_diffusers, a, b)


@given(things, st.integers(-2, 30), things, things, things)
def test_plans(sampler, steps, grid, low, guidance):
    survives(langevin.Plan, sampler, "vp", steps)
    survives(langevin.Plan, "ddim", "vp", steps, grid=grid)
    survives(langevin.Plan, "ddim", "vp", steps, sigma_min=low, guidance=guidance)
    survives(langevin.analyze, langevin.Plan("ddim", "vp", 3), sampler, score_error=low)




def is_modest(shape):
    """Not a batch that the machine would begin to fill: that is the caller's wish, and no mistake."""
    try:
        size = math.prod(int(axis) for axis in shape)
    except (TypeError, ValueError, OverflowError):
        return True
    return abs(size) < 1e6 or abs(size) > 2**46


PLAN = langevin.Plan("dpmpp-2m", "vp", steps=3)


@given(things, things.filter(is_modest), things, st.sampled_from(["float32", "float64", "int8", "", None]))
def test_runs(output, shape, seed, dtype):
    survives(PLAN.run, lambda x, query: output, (2, 2), seed, dtype=dtype)
    survives(PLAN.run, lambda x, query: x, shape)
    survives(PLAN.run, output, (2, 2))
    survives(PLAN.start, (2, 2), seed, first=output)
    survives(PLAN.start, (2, 2), inputs=output)


@given(st.lists(st.sampled_from(["query", "supply", "replace", "finish", "state", "denoised", "bad"]), max_size=12))
def test_steps_in_any_order(words):
    stepper = PLAN.start((2, 2), 1)
    for word in words:
        if word in ("state", "denoised"):
            survives(getattr, stepper, word)
        elif word == "bad":
            survives(stepper.supply, np.zeros((3, 3), np.float32))
        elif word in ("supply", "replace"):
            survives(getattr(stepper, word), np.zeros((2, 2), np.float32))
        else:
            survives(getattr(stepper, word))


@given(things.filter(lambda thing: is_modest([thing])), things)
def test_densities(x, level):
    density = langevin.Density("moons")
    survives(density.log_density, x)
    survives(density.denoise, x, level)
    survives(density.denoise, x, langevin.Level(0.5, 0.8, 0.6))
    survives(density.sample, x)
