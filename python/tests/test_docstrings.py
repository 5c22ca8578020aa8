"""Docstrings: their examples run, and their sections name what the signatures have."""

import dataclasses
import doctest
import importlib.util
import inspect
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import langevin

ONNX = pathlib.Path(__file__).parents[2] / "examples" / "onnx"
# Methods that return nothing.
SILENT = {"Objective.load_state_dict", "Plan.save", "Stepper.replace", "Stepper.supply", "TokenPlan.save", "TokenStepper.record", "TokenStepper.replace", "TokenStepper.supply",
          "DiscreteScheduler.set_timesteps", "LangevinScheduler.set_begin_index", "LangevinScheduler.set_timesteps"}


def members(name, entry):
    """An object and, of a class, its own public members, by their dotted names."""
    yield name, entry
    if inspect.isclass(entry):
        for member, value in vars(entry).items():
            if not member.startswith("_") and (callable(value) or isinstance(value, (property, staticmethod, classmethod)) or inspect.isgetsetdescriptor(value)):
                yield f"{name}.{member}", getattr(value, "__func__", value)


def public():
    """Every documented object of the package; those that need torch or diffusers only if installed."""
    yield "langevin", langevin
    for name in langevin.__all__:
        try:
            entry = getattr(langevin, name)
        except ImportError:
            continue
        if not name.startswith("__"):
            yield from members(name, entry)
    from langevin import _tokens

    yield from members("_Tokens", _tokens._Tokens)
    try:
        from langevin import _convert

        yield from members("Converted", _convert.Converted)
    except ImportError:
        pass
    try:
        from langevin import diffusers
    except ImportError:
        return
    yield "langevin.diffusers", diffusers
    for name in diffusers.__all__:
        yield from members(name, getattr(diffusers, name))


PUBLIC = dict(public())
WITH_EXAMPLES = [name for name, entry in PUBLIC.items() if ">>> " in (entry.__doc__ or "")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the files that the examples of networks open."""
    folder = tmp_path_factory.mktemp("examples")
    command = ["train", "--data", "moons", "--steps", "20", "--width", "8", "--depth", "1", "--out", folder / "model.safetensors"]
    (folder / "table.csv").write_text("kind,length\n" + "".join(f"{['rose', 'daisy'][i % 2]},{20 * (i % 2) + i / 8}\n" for i in range(80)))
    (folder / "flags.csv").write_text("colour,stripes\n" + "".join(f"{['red', 'blue'][i % 2]},{['one', 'two', 'three'][i % 3]}\n" for i in range(60)))
    small = ["--noise", "masked", "--steps", "3", "--batch", "16", "--width", "16", "--depth", "1"]
    tokens = [["train", "--data", "names", *small, "--out", folder / "tokens.safetensors"]]
    tokens += [["train", "--data", folder / f"{name}.csv", *small, "--out", folder / f"{name}.safetensors"] for name in ("table", "flags")]
    classes = ["train", "--data", "digits", "--conditional", "--steps", "2", "--width", "8", "--depth", "1", "--out", folder / "digits.safetensors"]
    for one in (command, classes, *tokens):
        subprocess.run([sys.executable, "-m", "langevin", *map(str, one)], check=True, capture_output=True)
    for name in ("digits.onnx", "language.onnx"):
        shutil.copy(ONNX / name, folder)
    return folder


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_run(name, folder, monkeypatch):
    if name.startswith(("OnnxNetwork", "TokenOnnxNetwork")) and not importlib.util.find_spec("onnxruntime"):
        pytest.skip("onnxruntime is not installed")
    monkeypatch.chdir(folder)
    test = doctest.DocTestParser().get_doctest(inspect.getdoc(PUBLIC[name]), {}, name, None, 0)
    runner, report = doctest.DocTestRunner(verbose=False), []
    runner.run(test, out=report.append)
    assert not runner.summarize(verbose=False).failed, "".join(report)


def section(text, title):
    """The names that a section of a docstring describes, or None without the section."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=\n\n[A-Z]\w+\n---|\Z)", text, re.S | re.M)
    if not found:
        return None
    heads = re.findall(r"^(\S[^:\n]*?)(?: :.*)?$", found[1], re.M)
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_docstring_is_complete(name):
    entry = PUBLIC[name]
    text = inspect.getdoc(entry)
    assert text, "no docstring"
    lines = text.splitlines()
    assert lines[0].endswith(".") and not re.match(r"(What|Whether|How|Where|As|Which|The same|Its)\b", lines[0]), lines[0]
    assert max(map(len, lines)) <= 100
    if dataclasses.is_dataclass(entry):
        assert section(text, "Attributes") == [field.name for field in dataclasses.fields(entry)]
        return
    if not callable(entry):
        return
    try:
        parameters = list(inspect.signature(entry).parameters)
    except ValueError:
        parameters = []
    if name.endswith("Error") or name == "LangevinWuerstchenScheduler":
        # Their signatures are inherited.
        return
    expected = [one for one in parameters if one not in ("self", "cls", "unknown")]
    assert (section(text, "Parameters") or []) == expected
    assert inspect.isclass(entry) or name in SILENT or section(text, "Returns"), "no section Returns"
