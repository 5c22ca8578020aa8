"""One request has one plan: the command line and this module compile it to the same bits."""

import re
import subprocess
import sys
import warnings

import pytest

import langevin

# A few processes and grids, among them a table, on which grids may bring their levels.
SETTINGS = [
    ("rectified-flow", {}),
    ("vp", {"grid": "uniform-lambda", "steps": 6}),
    ("ve", {"grid": "flow-shift:3", "steps": 7, "sigma_min": 0.01, "sigma_max": 50.0}),
    ("table:scaled-linear", {"grid": "trailing", "steps": 12}),
]


def by_command_line(words):
    """The plan of ``langevin plan``, or the first line of its error."""
    done = subprocess.run([sys.executable, "-m", "langevin", "plan", *words, "--json"], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else done.stderr.splitlines()[0]


def flags(options):
    return [word for key, value in options.items() for word in ("--" + key.replace("_", "-"), str(value))]


@pytest.mark.parametrize("sampler", langevin.samplers())
def test_a_request_has_one_plan(sampler):
    process, options = SETTINGS[langevin.samplers().index(sampler) % len(SETTINGS)]
    settings = [SETTINGS[0], (process, options)]
    for process, options in settings:
        theirs = by_command_line(["--sampler", sampler, "--process", process, *flags(options)])
        try:
            ours = langevin.Plan(sampler, process, **options).to_json()
        except langevin.Error as error:
            assert theirs.startswith("error: ") and re.sub(r"--(\w+)", r"\1", theirs[7:]) == str(error).splitlines()[0]
        else:
            assert ours == theirs


@pytest.mark.parametrize("process", [None, "vp"])
@pytest.mark.parametrize("eta", [None, 0.5])
def test_the_defaults_are_those_of_the_command_line(process, eta):
    words = ["--process", process or "rectified-flow", *(["--eta", str(eta)] if eta else [])]
    ours = langevin.Plan(process=process, eta=eta)
    assert ours.to_json() == by_command_line(words)
    assert ours.name == ("ddim" if eta else "dpmpp-2m") and ours.nfe == 20


def test_the_documented_defaults_hold():
    text = " ".join(langevin.Plan.__doc__.split())
    for words in ('the default is ``"dpmpp-2m"``', 'alone ``"ddim"``', '``"rectified-flow"``', "the default is 20", '``"karras"``, the default'):
        assert words in text, words
    spelled = langevin.Plan("dpmpp-2m", "rectified-flow", 20, grid="karras", sigma_min=0.002, sigma_max=80.0)
    assert langevin.Plan().to_json() == spelled.to_json()


def test_a_network_and_guidance_are_part_of_the_request():
    network = langevin.Formulation("vp", "epsilon")
    ours = langevin.Plan("heun", steps=4, network=network, guidance=2.5)
    assert ours.to_json() == by_command_line(["--sampler", "heun", "--process", "vp", "--predict", "epsilon", "--steps", "4", "--guidance", "2.5"])


def test_errors_name_the_keywords():
    with pytest.raises(langevin.Error, match=r"empty range of noise levels \(sigma_min, sigma_max\)"):
        langevin.Plan(sigma_min=9.0, sigma_max=3.0)
    with pytest.raises(langevin.Error, match="leave out sigma_min and sigma_max, or choose another grid"):
        langevin.Plan(grid="ays:sd", sigma_max=10.0)


def test_a_range_beyond_the_training_is_clipped_with_a_warning():
    network = langevin.Formulation("vp", "epsilon", sigma_min=0.01, sigma_max=20.0)
    with pytest.warns(UserWarning, match="clipped to the trained range, sigma / alpha from 0.0100 to 20.0000"):
        clipped = langevin.Plan(network=network, sigma_max=50.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clipped.to_json() == langevin.Plan(network=network).to_json()
