"""The Python programs of the two READMEs run as they stand, on small stand-ins for the reader's own network and data."""

import pathlib
import re
from types import SimpleNamespace

import numpy as np
import pytest

import langevin

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
from langevin.diffusers import LangevinScheduler  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Unet(torch.nn.Module):
    """A network of the reader's: an image and a time for each row."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x, time):
        return self.layer(x) + torch.as_tensor(time).reshape(-1, 1, 1, 1) / 1000


def blocks(text):
    """Return the programs of a page: fenced blocks of Python, or indented blocks that are no shell commands."""
    fenced = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    indented = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    programs = fenced + [re.sub(r"^    ", "", block, flags=re.M) for block in indented]
    return [program for program in programs if re.search(r"langevin\.|scheduler|LangevinScheduler", program) and "pip install" not in program]


@pytest.fixture
def names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    kind = dict(sample_size=8, in_channels=3, out_channels=3, block_out_channels=(8,), norm_num_groups=4, layers_per_block=1)
    unet = diffusers.UNet2DModel(**kind, down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",)).eval()
    # A pipeline whose config has the fields that the page changes.
    pipe = diffusers.DDIMPipeline(unet, diffusers.DDPMScheduler(clip_sample=False))
    pipe.set_progress_bar_config(disable=True)
    return {
        "langevin": langevin, "torch": torch, "diffusers": diffusers, "LangevinScheduler": LangevinScheduler,
        "DDPMScheduler": diffusers.DDPMScheduler, "pipe": pipe, "unet": Unet(), "flow_network": Unet(),
        "language_model": lambda tokens: np.zeros((*tokens.shape, 4)),
        "scheduler": LangevinScheduler.from_config(pipe.scheduler), "x": torch.randn(2, 3, 8, 8),
        "rows": np.random.default_rng(0).normal(size=(300, 192)),
    }  # fmt: skip


class Tokenizer:
    """Tokenizer of a language with twenty letters; the first five are special."""

    mask_token_id = 4
    all_special_ids = [0, 1, 2, 3, 4]

    def __call__(self, text):
        masks = text.count("[MASK]")
        return SimpleNamespace(input_ids=[2, 10] + masks * [4] + [11, 3])

    def batch_decode(self, samples):
        # A sample keeps the special letters of its start, and has no mask left.
        assert all(row[0] == 2 and row[-1] == 3 and 4 not in row for row in samples.tolist())
        return ["a sentence"] * len(samples)


class Pipeline:
    """Pipeline on tokens whose scheduler can be replaced."""

    def __init__(self):
        self.scheduler = diffusers.AmusedScheduler(mask_token_id=8)

    def __call__(self, prompt, num_inference_steps):
        self.scheduler.set_timesteps(num_inference_steps)
        x = torch.full((1, 16), 8)
        for t in self.scheduler.timesteps:
            x = self.scheduler.step(torch.zeros(1, 16, 8), t, x).prev_sample
        assert (x < 8).all()
        return SimpleNamespace(images=[x])


def stand_ins(monkeypatch):
    """Replace what the page on tokens downloads by a small language model, its tokenizer and a pipeline."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, max_position_embeddings=16)
    monkeypatch.setattr(transformers.AutoModelForMaskedLM, "from_pretrained", lambda name: transformers.BertForMaskedLM(config))
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda name: Tokenizer())
    monkeypatch.setattr(diffusers.AmusedPipeline, "from_pretrained", lambda name: Pipeline())


def small(program):
    """Make the program quick: fewer and smaller images, and a coarser fine plan."""
    return re.sub(r"\((64|16), 3, 32, 32\)|\b64, 3, 32, 32\b", lambda hit: "(2, 3, 8, 8)" if hit[0][0] == "(" else "2, 3, 8, 8", program).replace("steps=300", "steps=30").replace("range(3000)", "range(30)").replace("model.tune(6, rows)", "model.tune(3, rows, samples=16, test=32)")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", ["README.md", "python/README.md", "docs/trace.md", "docs/torch.md", "docs/discrete.md"])
def test_every_program_runs(page, names, monkeypatch):
    programs = blocks((ROOT / page).read_text())
    if page == "docs/discrete.md":
        stand_ins(monkeypatch)
    assert len(programs) >= (8 if page == "python/README.md" else 1)
    for program in programs:
        if "model.safetensors" in program:
            continue  # a file of the reader's, trained by the command line
        exec(compile(small(program), page, "exec"), names)
