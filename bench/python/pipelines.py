"""Runs the pipelines of diffusers' own tests twice, with their scheduler and with `LangevinScheduler`, and compares the outputs.

    pip install ./python torch torchvision diffusers transformers pytest parameterized ftfy sentencepiece
    python bench/python/pipelines.py CHECKOUT [NAME …] [--out bench/python/pipelines.json]

CHECKOUT is a checkout of the diffusers repository. Its files `tests/pipelines/**/test_*.py` define tiny pipelines; NAME selects the files whose path contains it. The script builds every pipeline twice,
with the same weights, sets `LangevinScheduler.from_config` for every scheduler of the second, and runs both in single precision with the same inputs and seeds. It compares the latents where the
pipeline returns them, because an untrained decoder clips or amplifies, and the outputs otherwise. Nothing is downloaded: tokenizers and pretrained test models are replaced by random ones (see `Hub`).

Outcomes of a pipeline:

- equal: the difference, relative to the largest value, is at most 2e-4, or at most ten times what another rounding of the steps changes in the original.
- equal with noise: the original draws noise in its steps, and the results are equal once `LangevinScheduler` is given the same noise.
- noise of its own: the noise of the original cannot be recorded; both results are finite and of one shape.
- different: none of these.
- refused: `LangevinScheduler` raises an error of this library. fails: it raises any other error.
- not used: the pipeline calls a scheduler of its own, although another one is set.
- original fails: the pipeline does not run with its own scheduler here.
- not built: the file defines no pipeline that can be built here, or its scheduler makes no steps.

Each file runs in a process of its own. Differences are rounded up to a power of ten, so that the results of two machines can be compared.
"""

import argparse
import collections
import copy
import importlib
import inspect
import json
import math
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", DIFFUSERS_VERBOSITY="critical", TRANSFORMERS_VERBOSITY="critical", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import diffusers  # noqa: E402
import numpy as np  # noqa: E402
import PIL.Image  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

from diffusers.schedulers.scheduling_dpmsolver_sde import BrownianTreeNoiseSampler  # noqa: E402

import langevin  # noqa: E402
from langevin import _torch  # noqa: E402
from langevin.diffusers import LangevinScheduler  # noqa: E402

TOLERANCE = 2e-4  # Rounding in single precision, amplified by an untrained network.
LARGEST = 2e-2  # No larger difference counts as equal, whatever rounding does.
OUTCOMES = ["equal", "equal with noise", "noise of its own", "different", "refused", "fails", "not used", "original fails", "not built"]


class Hub:
    """Random stand-ins for the test models on the Hugging Face hub."""

    CHAT = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}"
        "{% if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% elif c.type == 'text' %}{{ c.text }}{% endif %}{% endfor %}{% endif %}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    # Family: special tokens with their ids, whether one stands before and after a text, the longest text.
    TOKENS = {
        "clip": ({"bos_token": ("<|startoftext|>", 998), "eos_token": ("<|endoftext|>", 999), "pad_token": ("<|endoftext|>", 999)}, True, True, 77),
        "t5": ({"pad_token": ("<pad>", 0), "eos_token": ("</s>", 1), "unk_token": ("<unk>", 2)}, False, True, 512),
        "gemma": ({"pad_token": ("<pad>", 0), "eos_token": ("<eos>", 1), "bos_token": ("<bos>", 2), "unk_token": ("<unk>", 3)}, True, False, 8192),
        "llama": ({"unk_token": ("<unk>", 0), "bos_token": ("<s>", 1), "eos_token": ("</s>", 2), "pad_token": ("<pad>", 3)}, True, False, 8192),
        "bert": ({"pad_token": ("[PAD]", 0), "bos_token": ("[CLS]", 101), "eos_token": ("[SEP]", 102)}, True, True, 512),
        "roberta": ({"bos_token": ("<s>", 0), "pad_token": ("<pad>", 1), "eos_token": ("</s>", 2), "unk_token": ("<unk>", 3)}, True, True, 512),
        "qwen": ({"pad_token": ("<|endoftext|>", 151643), "eos_token": ("<|im_end|>", 151645)}, False, False, 131072),
    }
    SIZES = {"DPT": {"size": {"height": 32, "width": 32}}}
    QWEN = {"<|im_start|>": 151644, "<|vision_start|>": 151652, "<|vision_end|>": 151653, "<|image_pad|>": 151655, "<|video_pad|>": 151656}

    FAMILIES = [("qwen", "qwen"), ("gemma", "gemma"), ("llama", "llama"), ("hunyaun", "llama"), ("t5", "t5"), ("clap", "roberta"), ("roberta", "roberta"), ("clip", "clip"), ("bert", "bert")]

    @classmethod
    def tokenizer(cls, name, kind, **options):
        """A tokenizer of bytes with the special tokens of its family."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

        text = f"{name} {kind.__name__}".lower()
        family = next((family for word, family in cls.FAMILIES if word in text), "t5")
        special, before, after, longest = cls.TOKENS[family]
        more = cls.QWEN if family == "qwen" else {}
        ids = {token: index for token, index in special.values()} | more
        vocabulary = {letter: 300 + index for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))} | ids
        # Tests take the size of the vocabulary for the largest id.
        taken = set(vocabulary.values())
        vocabulary |= {f"<unused{index}>": index for index in range(max(taken)) if index not in taken}
        inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = decoders.ByteLevel()
        first, last = [special["bos_token"]] if before else [], [special["eos_token"]] if after else []
        if first or last:
            around = [token for token, _ in first] + ["$A"] + [token for token, _ in last]
            inner.post_processor = processors.TemplateProcessing(single=" ".join(around), special_tokens=first + last)
        known = {key: token for key, (token, _) in special.items()}
        options = {key: options[key] for key in ("model_max_length", "padding_side") if key in options}
        made = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **{"model_max_length": longest, "additional_special_tokens": list(more), **known, **options})
        made.chat_template = cls.CHAT
        if kind.__name__ == "ChatGLMTokenizer":
            made.model_input_names = ["input_ids", "attention_mask", "position_ids"]
            made.__class__ = type(kind.__name__, (transformers.PreTrainedTokenizerFast,), {"__call__": cls.with_positions})
        elif issubclass(kind, transformers.PreTrainedTokenizerFast):
            made.__class__ = kind  # Pipelines look at the class.
        return made

    @staticmethod
    def with_positions(tokenizer, *args, **options):
        found = transformers.PreTrainedTokenizerFast.__call__(tokenizer, *args, **{**options, "padding_side": "left"})
        found["position_ids"] = (found["attention_mask"].cumsum(1) - 1).clamp(min=0)
        return found

    @staticmethod
    def config(name, kind=None):
        """A tiny config, found by the name of a checkpoint or of a class."""
        text = f"{name} {kind.__name__ if kind else ''}".lower()
        t5 = dict(vocab_size=1103, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
        bert = dict(hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4)
        rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6}
        layers = dict(num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
        qwen = dict(layers, hidden_size=16, intermediate_size=16, vocab_size=152064, rope_parameters=rope)
        seen = dict(depth=2, num_heads=2, hidden_size=16)
        glm = dict(hidden_size=8, ffn_hidden_size=16, kv_channels=4, num_attention_heads=2, num_layers=2, padded_vocab_size=1000, seq_length=512, add_qkv_bias=True)
        seen3 = dict(seen, intermediate_size=16, out_hidden_size=16, patch_size=16, num_position_embeddings=256, deepstack_visual_indexes=[0, 1])
        made = {
            "umt5": lambda: transformers.UMT5Config(**t5),
            "t5": lambda: transformers.T5Config(**t5),
            "chatglm": lambda: kind(**glm, original_rope=True, use_cache=False),
            "qwen3vl": lambda: transformers.Qwen3VLConfig(text_config=dict(qwen, head_dim=8), vision_config=seen3),
            "qwen2vl": lambda: transformers.Qwen2VLConfig(text_config=qwen, vision_config=dict(seen, patch_size=14, embed_dim=32)),
            "gemma3": lambda: transformers.Gemma3Config(
                text_config={**bert, **layers, "head_dim": 8, "vocab_size": 1103}, vision_config=dict(bert, image_size=28, patch_size=14), mm_tokens_per_image=4
            ),
            "bert": lambda: transformers.BertConfig(vocab_size=1124, **bert),
            "siglip": lambda: transformers.SiglipVisionConfig(**bert, image_size=30, patch_size=2),
            "llama": lambda: transformers.LlamaConfig(vocab_size=1103, hidden_size=16, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4),
        }
        word = next((word for word in made if word in text), None)
        if word is None:
            raise OSError(f"no stand-in for {name} ({kind and kind.__name__})")
        return made[word]()

    @classmethod
    def processor(cls, name, kind, **options):
        """Images and texts for a model of both."""
        text = f"{name} {kind.__name__}"
        words = cls.tokenizer(name, transformers.AutoTokenizer)
        if "GLM-Image" in text:
            special = {"image_token": "<|image|>", "grid_bos_token": "<|grid|>", "grid_eos_token": "<|/grid|>"}
            words.add_special_tokens({"bos_token": "<|begin|>", "extra_special_tokens": list(special.values())})
            for key, token in special.items():
                setattr(words, key, token)
            return kind(transformers.GlmImageImageProcessor(), words, chat_template=cls.CHAT)
        if "Mistral" in text:
            return transformers.PixtralProcessor(transformers.PixtralImageProcessor(), words, chat_template=cls.CHAT)
        if "Qwen3VL" in kind.__name__:
            return transformers.Qwen3VLProcessor(transformers.Qwen2VLImageProcessor(patch_size=16), words, transformers.Qwen3VLVideoProcessor(), chat_template=cls.CHAT)
        if "Qwen2" in text:
            return transformers.Qwen2VLProcessor(transformers.Qwen2VLImageProcessor(), words, transformers.Qwen2VLVideoProcessor(), chat_template=cls.CHAT)
        raise OSError(f"no stand-in for {text}")

    @classmethod
    def model(cls, name, kind, **options):
        torch.manual_seed(0)
        made = kind(cls.config(name, kind.config_class)).eval()
        if kind.__name__ == "ChatGLMModel":  # Its weights are left as the memory was.
            for weight in made.parameters():
                torch.nn.init.normal_(weight, 0.0 if weight.dim() > 1 else 1.0, 0.02)
        return made

    @classmethod
    def unet(cls, name, kind, subfolder="", **options):
        if name != "diffusers/consistency-models-test":
            raise OSError(f"no stand-in for {name}")
        torch.manual_seed(0)
        blocks = dict(block_out_channels=(32, 64), layers_per_block=1, down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"))
        return kind(sample_size=32, **blocks, num_class_embeds=10 if "class" in subfolder else None, resnet_time_scale_shift="scale_shift", attention_head_dim=8)

    @classmethod
    def install(cls):
        """Replaces `from_pretrained` wherever tests load from the hub."""

        def loads(kind, make):
            original = kind.from_pretrained.__func__

            def from_pretrained(own, name=None, *args, **options):
                return original(own, name, *args, **options) if os.path.isdir(str(name)) else make(name, own, **options)

            kind.from_pretrained = classmethod(from_pretrained)

        for kind in (transformers.PreTrainedTokenizerBase, transformers.AutoTokenizer):
            loads(kind, cls.tokenizer)
        for kind in (transformers.ProcessorMixin, transformers.AutoProcessor):
            loads(kind, cls.processor)
        loads(transformers.PreTrainedModel, cls.model)
        loads(transformers.PreTrainedConfig, lambda name, kind, **options: cls.config(name, kind))
        loads(transformers.AutoConfig, lambda name, kind, **options: cls.config(name))
        loads(diffusers.UNet2DModel, cls.unet)
        loads(transformers.image_processing_base.ImageProcessingMixin, lambda name, kind, **options: kind(**cls.SIZES.get(kind.__name__[:3], {}), **options))
        loads(transformers.FeatureExtractionMixin, lambda name, kind, **options: kind(**options))


class Draws:
    """The noise that a scheduler of diffusers draws in each of its steps; `LangevinScheduler` is given it in the place of its own."""

    def __init__(self):
        self.steps, self.inside, self.at, self.random = [], False, -1, False
        self.copies = self.nudges = False
        BrownianTreeNoiseSampler.__call__ = self._noted(BrownianTreeNoiseSampler.__call__)
        self.watched, self.run, self.step = set(), _torch.Run.__init__, LangevinScheduler.step

    def record(self, pipe):
        """Forgets what was recorded and watches the classes of the pipeline's schedulers, which pipelines may copy."""
        self.steps, self.at, self.random = [], -1, False
        self.copies = self.nudges = False
        _torch.Run.__init__, LangevinScheduler.step = self.run, self.step
        for kind in {type(one) for one in schedulers(pipe).values() if hasattr(one, "step")}:
            module = sys.modules[kind.__module__]
            if hasattr(module, "randn_tensor") and module not in self.watched:
                module.randn_tensor = self._noted(module.randn_tensor)
            if kind not in self.watched:
                kind.step = self._watched(kind.step)
            self.watched |= {module, kind}

    def _noted(self, randn):
        def noted(*args, **options):
            value = randn(*args, **options)
            if self.inside:
                self.steps[-1][0].append(value.detach().float().clone())
                self.random = True
            return value

        return noted

    @staticmethod
    def _generators(options):
        given = options.get("generator")
        return [torch.default_generator] + ([] if given is None else list(given) if isinstance(given, (list, tuple)) else [given])

    def _watched(self, step):
        def watched(own, *args, **options):
            bound = signature.bind(own, *args, **options)
            if self.copies:
                bound.arguments["sample"] = bound.arguments["sample"].clone()
            generators = self._generators(bound.arguments)
            before = [one.get_state() for one in generators]
            self.steps.append(([], []))
            self.inside = True
            try:
                found = step(*bound.args, **bound.kwargs)
                return self._nudged(found) if self.nudges else found
            finally:
                self.inside = False
                after = [one.get_state() for one in generators]
                self.steps[-1][1].extend(after)
                self.random |= any(not torch.equal(one, two) for one, two in zip(before, after))

        signature = watched.__signature__ = inspect.signature(step)
        return watched

    @staticmethod
    def _nudged(found):
        """The result of a step with another rounding."""
        state = found[0] if isinstance(found, tuple) else found.prev_sample
        state.mul_(1 + torch.finfo(torch.float32).eps * (torch.arange(state.numel()) % 3 - 1).reshape(state.shape))
        return found

    def replay(self):
        """Counts the steps of `LangevinScheduler` and, if the original drew noise, gives them the recorded noise and leaves the generators as the original left them."""
        draws, own_step = self, self.step

        def step(own, *args, **options):
            draws.at += 1
            if not draws.random:
                return own_step(own, *args, **options)
            generators = draws._generators(signature.bind(own, *args, **options).arguments)
            try:
                return own_step(own, *args, **options)
            finally:
                for generator, state in zip(generators, draws.steps[draws.at][1] if draws.at < len(draws.steps) else []):
                    generator.set_state(state)

        signature = step.__signature__ = inspect.signature(own_step)
        LangevinScheduler.step = step

        class Replayed(_torch.Tensors):
            def combine(self, terms, normals):
                noise = draws.steps[draws.at][0]
                if len(normals) > len(noise):
                    raise NoNoise(f"step {draws.at}: {len(normals)} draws where the original has {len(noise)}")
                given = [(coefficient, value.reshape(self.shape).numpy()) for (coefficient, _), value in zip(normals, noise)]
                return super().combine(terms, given)

        def start(self, plan, device, dtype, shape, seed, inputs=(), first=0, start=None, **others):
            # Only runs that do not share memory with the library hand their noise to Python.
            self.device, self.dtype, self.shared, self.grad, self.shape = torch.device(device), dtype, False, False, tuple(shape)
            inputs = [self._in(entry, "an input") for entry in inputs]
            start = None if start is None else self._in(start, "the start")
            self.stepper = plan.start(self.shape, seed, first=first, dtype="float32", inputs=inputs, tensors=Replayed(shape, dtype, self.device), start=start, threads=1)

        if self.random:
            _torch.Run.__init__ = start


draws = Draws()


class NoNoise(Exception):
    """The plan draws noise where the original draws none."""


def schedulers(pipe):
    return {name: one for name, one in pipe.components.items() if isinstance(one, diffusers.SchedulerMixin) or type(one).__name__.endswith("Scheduler")}


def arrays(value):
    """The numbers of an output, flat."""
    if value is None:
        return []
    if isinstance(value, torch.Tensor):
        return [value.detach().double().numpy().ravel()]
    if isinstance(value, PIL.Image.Image):
        return [np.asarray(value, np.float64).ravel() / 255]
    if isinstance(value, np.ndarray):
        return [value.astype(np.float64).ravel()]
    if isinstance(value, (list, tuple)):
        return [part for entry in value for part in arrays(entry)]
    if isinstance(value, dict):
        return [part for entry in value.values() for part in arrays(entry)]
    return [part for entry in vars(value).values() for part in arrays(entry)] if hasattr(value, "__dict__") else []


def difference(one, two):
    """The largest difference relative to the largest value; infinite if shapes differ or values are not finite."""
    one, two = (np.concatenate(arrays(value) or [np.zeros(0)]) for value in (one, two))
    if one.shape != two.shape or not len(one) or not np.array_equal(np.isfinite(one), np.isfinite(two)):
        return math.inf
    finite = np.isfinite(one)
    if not finite.any():
        return math.inf
    one, two = one[finite], two[finite]
    return float(np.abs(one - two).max() / max(np.abs(one).max(), 1e-12))


def finite(value):
    return all(np.isfinite(part).all() for part in arrays(value))


def rounded(value):
    """Rounded up to a power of ten, at least 1e-5, so that results do not depend on the machine."""
    return "inf" if not math.isfinite(value) else f"1e{max(-5, math.ceil(math.log10(max(value, 1e-30))))}"


def reason(error):
    """The first line of an error, and where it was raised."""
    text = next((part for part in str(error).splitlines() if part.strip()), "")
    return {"why": f"{type(error).__name__}: {text}", "trace": traceback.format_exc()}


def seeded():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


class Case:
    """A pipeline of a test file."""

    def __init__(self, kind):
        self.kind = kind
        self.test = kind()

    def components(self):
        seeded()
        return self.test.get_dummy_components()

    def inputs(self):
        seeded()
        wanted = inspect.signature(self.test.get_dummy_inputs).parameters
        inputs = self.test.get_dummy_inputs(**({"device": "cpu"} if "device" in wanted else {}))
        allowed = inspect.signature(self.kind.pipeline_class.__call__).parameters
        if "output_type" in allowed and inputs.get("output_type", "pil") == "pil":
            inputs["output_type"] = "np"
        return inputs

    def build(self, components):
        module = sys.modules[self.kind.pipeline_class.__module__]
        if hasattr(module, "calculate_dimensions"):
            # These pipelines enlarge images to a fixed area, which is slow on a CPU.
            enlarged = module.calculate_dimensions
            module.calculate_dimensions = lambda area, ratio: enlarged(min(area, 64 * 64), ratio)
        seeded()
        pipe = self.kind.pipeline_class(**components)
        for component in pipe.components.values():
            if isinstance(component, torch.nn.Module):
                component.float().eval()
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def run(self, pipe, **options):
        inputs = {**self.inputs(), **options}
        seeded()
        if hasattr(self.test, "get_dummy_inversion_inputs"):
            pipe.invert(**self.test.get_dummy_inversion_inputs("cpu"))
        with torch.no_grad():
            return pipe(**inputs)

    def has_latents(self):
        return "output_type" in inspect.signature(self.kind.pipeline_class.__call__).parameters and '"latent"' in inspect.getsource(self.kind.pipeline_class)


class Called(Exception):
    """What a test called a pipeline with."""


def captured(module):
    """The pipelines that the tests of a file call, where it has no `get_dummy_components`."""
    found = {}

    def call(pipe, *args, **inputs):
        raise Called(pipe, inspect.signature(original[type(pipe)]).bind(pipe, *args, **inputs).arguments)

    original = {kind: kind.__call__ for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)}
    for kind in original:
        kind.__call__ = call
    for kind in [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]:
        for name in [name for name in dir(kind) if name.startswith("test")]:
            try:
                seeded()
                getattr(kind(name), name)()
            except Called as error:
                pipe, inputs = error.args
                inputs = {key: value for key, value in inputs.items() if key != "self"}
                # Tests of errors leave arguments out.
                key = (type(pipe), type(pipe.scheduler))
                if key not in found or len(inputs) > len(found[key][1]):
                    found[key] = (pipe, inputs)
            except BaseException:
                continue
    for kind, own in original.items():
        kind.__call__ = own
    return [captured_case(*entry) for entry in found.values()]


def captured_case(pipe, inputs):
    states = {key: value.get_state() for key, value in inputs.items() if isinstance(value, torch.Generator)}

    def again(self):
        return {**inputs, **{key: torch.Generator().set_state(state) for key, state in states.items()}}

    return type("Captured", (), {"pipeline_class": type(pipe), "get_dummy_components": lambda self: pipe.components, "get_dummy_inputs": again})


def callable_without(kind, name):
    """Whether a test class has this method and it needs no arguments but a device."""
    given = [one for one in inspect.signature(getattr(kind, name, lambda needed: None)).parameters.values() if one.name not in ("self", "device")]
    return all(one.default is not one.empty or one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD) for one in given)


def cases(module):
    found = {}
    for name, kind in vars(module).items():
        if isinstance(kind, type) and kind.__module__ == module.__name__ and isinstance(getattr(kind, "pipeline_class", None), type):
            if callable_without(kind, "get_dummy_components") and callable_without(kind, "get_dummy_inputs"):
                found.setdefault((kind.pipeline_class, kind.get_dummy_components, kind.get_dummy_inputs), kind)
    return list(found.values())


def copied_of(component, name, case):
    if isinstance(component, (transformers.PreTrainedTokenizerBase, transformers.ProcessorMixin)):
        return component
    try:
        return copy.deepcopy(component)
    except RuntimeError:
        # A module with weight norms cannot be copied; a second one gets its weights.
        again = case.components()[name]
        again.load_state_dict(component.state_dict())
        return again


def scheduler_of(original, by_object):
    if by_object:
        return LangevinScheduler.from_config(original)
    return LangevinScheduler.from_config({**original.config, "_class_name": type(original).__name__})


def sweep(kind, by_object):
    """The result of a pipeline."""
    try:
        case = Case(kind)
        components = case.components()
        pipe = case.build(components)
    except BaseException as error:
        return {"outcome": "not built", **reason(error)}
    names = list(schedulers(pipe))
    result = {"schedulers": sorted({type(one).__name__ for one in schedulers(pipe).values()})}
    if not names:
        return {**result, "outcome": "not built", "why": "no scheduler"}
    try:
        copied = {name: copied_of(one, name, case) for name, one in components.items()}
        # Pipelines change configs when they are built.
        copied.update({name: copy.deepcopy(one) for name, one in schedulers(pipe).items()})
        draws.record(pipe)
        case.run(pipe)
    except BaseException as error:
        return {**result, "outcome": "original fails", **reason(error)}
    if not draws.steps:
        return {**result, "outcome": "not built", "why": "its scheduler makes no steps"}
    try:
        copied.update({name: scheduler_of(copied[name], by_object) for name in names})
        ours = case.build(copied)
        for name in names:
            setattr(ours, name, copied[name])  # Some pipelines replace schedulers that they are built with, but not those that users set.
        case.run(ours)
    except BaseException as error:
        return {**result, "outcome": "refused" if isinstance(error, langevin.Error) else "fails", **reason(error)}
    return {**result, **compared(case, pipe, ours)}


def compared(case, pipe, ours):
    """The outcome for two pipelines that run: by their outputs, then by their latents."""
    result = {}
    for what, options in [("output", {})] + [("latents", {"output_type": "latent"})] * case.has_latents():
        draws.record(pipe)
        try:
            expected = case.run(pipe, **options)
            draws.replay()
            got = case.run(ours, **options)
        except NoNoise as error:
            return {**result, "outcome": "noise of its own", **reason(error)}
        except Exception:
            if what == "latents":
                break  # Not every pipeline that knows the word returns latents.
            raise
        if draws.at < 0:
            return {"outcome": "not used", "why": "the pipeline calls a scheduler of its own"}
        found = difference(expected, got)
        result[what] = rounded(found)
        result.pop("why", None)
        result["outcome"] = "equal with noise" if draws.random else "equal"
        if found <= TOLERANCE:
            continue
        recorded = not draws.random or any(noise for noise, _ in draws.steps)
        # How the original differs from itself: run again, with another rounding, with steps that keep no view of their sample.
        again = difference(expected, case.run(pipe, **options))
        draws.nudges = True
        rounding = max(again, difference(expected, case.run(pipe, **options)))
        draws.nudges, draws.copies = False, True
        result["rounding"] = rounded(rounding)
        if found <= min(10 * rounding, LARGEST):
            continue
        result["outcome"] = "different" if recorded or not (finite(got) and math.isfinite(found)) else "noise of its own"
        if again > TOLERANCE:
            result["why"] = "two runs of the original differ"
        elif difference(case.run(pipe, **options), got) <= TOLERANCE:
            result["why"] = "equal if the original's steps are given copies: it keeps a view of the latents, which the pipeline overwrites"
    return result


def one_file(path, checkout, by_object):
    """The results of a test file, by pipeline."""
    sys.path.insert(0, str(checkout))
    Hub.install()
    try:
        module = importlib.import_module(".".join(path.relative_to(checkout).with_suffix("").parts))
        kinds = cases(module) or captured(module)
    except BaseException as error:
        return {"": {"outcome": "not built", **reason(error)}}
    results = {}
    for kind in kinds:
        name = kind.pipeline_class.__name__
        results[name if name not in results else f"{name} ({kind.__name__})"] = sweep(kind, by_object)
    return results or {"": {"outcome": "not built", "why": "defines no pipeline"}}


def in_a_process(path, checkout, out, by_object):
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        with open(f"{out}.log", "w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        torch.set_num_threads(1)
        out.write_text(json.dumps(one_file(path, checkout, by_object)))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def main():
    parser = argparse.ArgumentParser(description="Compares LangevinScheduler with the schedulers of diffusers in the pipelines of diffusers' tests.")
    parser.add_argument("checkout", type=Path)
    parser.add_argument("name", nargs="*")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--by-object", action="store_true", help="pass the scheduler to from_config, not its config")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=90.0, help="seconds for a file")
    parser.add_argument("--scratch", type=Path, help="folder for the logs and results of single files, with tracebacks; a temporary one by default")
    options = parser.parse_args()
    checkout = options.checkout.resolve()
    scratch = options.scratch or Path(tempfile.mkdtemp())
    scratch.mkdir(parents=True, exist_ok=True)
    root = checkout / "tests" / "pipelines"
    paths = sorted(path for path in root.rglob("test_*.py") if not options.name or any(name in str(path.relative_to(root)) for name in options.name))
    waiting, running, results = list(paths), {}, {}
    while waiting or running:
        while waiting and len(running) < options.jobs:
            path = waiting.pop(0)
            out = scratch / ("-".join(path.relative_to(root).with_suffix("").parts) + ".json")
            out.unlink(missing_ok=True)
            running[in_a_process(path, checkout, out, options.by_object)] = (path, out, time.monotonic())
        for child, (path, out, begun) in list(running.items()):
            ended, status = os.waitpid(child, os.WNOHANG)
            late = time.monotonic() - begun > options.limit
            if not ended and not late:
                continue
            if not ended:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
            del running[child]
            why = "over the time limit" if late else f"the process ended with status {status}"
            found = json.loads(out.read_text()) if out.exists() else {"": {"outcome": "not built", "why": why}}
            key = str(path.relative_to(root))
            results[key] = found
            print(f"{time.monotonic() - begun:5.0f} s  {key}: {', '.join(one['outcome'] for one in found.values())}", file=sys.stderr, flush=True)
        time.sleep(0.05)
    for found in results.values():
        for one in found.values():
            one.pop("trace", None)
    rows = sorted((OUTCOMES.index(one["outcome"]), path, name, one) for path, found in results.items() for name, one in found.items())
    width = max([len(path) for _, path, _, _ in rows] + [1])
    for index, path, name, one in rows:
        detail = one.get("why") or ", ".join(f"{key} {one[key]}" for key in ("output", "latents", "rounding") if key in one)
        print(f"{OUTCOMES[index]:16}  {path:{width}}  {name}  [{' '.join(one.get('schedulers', []))}]  {detail}")
    counts = collections.Counter(one["outcome"] for found in results.values() for one in found.values())
    worst = collections.Counter(OUTCOMES[max(OUTCOMES.index(one["outcome"]) for one in found.values())] for found in results.values())
    print(f"\n{'outcome':16}  pipelines  files (by their worst)")
    for outcome in OUTCOMES:
        print(f"{outcome:16}  {counts[outcome]:9}  {worst[outcome]:5}")
    if options.out:
        versions = {"diffusers": diffusers.__version__, "torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
        options.out.write_text(json.dumps({"versions": versions, "counts": {key: counts[key] for key in OUTCOMES}, "files": results}, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
