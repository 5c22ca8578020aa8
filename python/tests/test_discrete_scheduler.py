"""Schedulers of tokens beside those of diffusers: equal tokens from equal random numbers, step by step."""

import pytest

import langevin

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
if not hasattr(diffusers, "AmusedScheduler"):
    pytest.skip("this diffusers has no schedulers of tokens", allow_module_level=True)
from langevin.diffusers import DiscreteScheduler, LangevinScheduler  # noqa: E402

ROWS, LENGTH, VOCAB = 5, 12, 7


def needs(name):
    return pytest.mark.skipif(not hasattr(diffusers, name), reason=f"this diffusers has no {name}")


def network(columns, mask=None, sharp=2.0):
    """Logits that depend on all tokens: random ones for each pair of a token and a neighbour."""
    table = sharp * torch.randn(VOCAB + 1, VOCAB + 1, LENGTH, columns, generator=torch.Generator().manual_seed(5))

    def logits(x):
        x = torch.where(x == mask, VOCAB, x) if mask is not None else x
        return table[x, x.roll(1, 1), torch.arange(LENGTH)]

    return logits


class Recorded:
    """Uniforms by the number of the draw, taken by the original and by the plan alike."""

    def __init__(self, monkeypatch, draws):
        self.u = torch.rand(draws, ROWS, LENGTH, dtype=torch.float64, generator=torch.Generator().manual_seed(8)).clamp(1e-9, 1 - 1e-9)
        self.next = 0
        begin = DiscreteScheduler._begin

        def begun(scheduler, *arguments):
            begin(scheduler, *arguments)
            for row, run in enumerate(scheduler._runs):
                for draw in range(draws):
                    run.record(draw, self.u[draw, row : row + 1].numpy())

        monkeypatch.setattr(DiscreteScheduler, "_begin", begun)

    def take(self):
        self.next += 1
        return self.u[self.next - 1]

    def multinomial(self, p, num_samples=1, generator=None):
        """The letter whose interval of the cumulative sum holds the uniform."""
        p = p.double()
        sums = p.cumsum(-1)
        return (self.take().reshape(-1, 1) * sums[:, -1:] >= sums).sum(-1, keepdim=True)


def both(original, scheduler, net, x, steps, **arguments):
    """Run both schedulers on one network, and compare their tokens after every step."""
    theirs, ours = x.clone(), x.clone()
    for time in scheduler.timesteps:
        theirs = original.step(net(theirs), time, theirs, **arguments).prev_sample
        ours = scheduler.step(net(ours), time, ours, **arguments).prev_sample
        assert torch.equal(theirs, ours), f"step {time}"
    return ours


@pytest.mark.parametrize("mask", [VOCAB, 30])
@pytest.mark.parametrize("schedule", ["cosine", "linear"])
@pytest.mark.parametrize("steps, temperature, known", [(4, (2, 0), 0), (6, 1.5, 3), (9, (0, 0), 5), (20, (2, 0), 1), (1, (2, 0), 0)])
def test_amused_has_the_tokens_of_the_original(mask, schedule, steps, temperature, known, monkeypatch):
    recorded = Recorded(monkeypatch, 2 * steps + 2)
    monkeypatch.setattr(torch, "multinomial", recorded.multinomial)
    original = diffusers.AmusedScheduler(mask_token_id=mask, masking_schedule=schedule)
    scheduler = DiscreteScheduler.from_config(original)
    original.set_timesteps(steps, temperature)
    scheduler.set_timesteps(steps, temperature)
    assert torch.equal(original.timesteps, scheduler.timesteps)
    module = __import__("diffusers.schedulers.scheduling_amused", fromlist=["gumbel_noise"])
    # The plan has a draw of noise only where the temperature is above 0.
    hot = iter([t > 0 for t in original.temperatures.tolist()])
    monkeypatch.setattr(module, "gumbel_noise", lambda t, generator=None: -torch.log(-torch.log(recorded.take() if next(hot) else torch.full(t.shape, 0.5, dtype=torch.float64))))
    x = torch.full((ROWS, LENGTH), mask)
    for row in range(ROWS):  # each row has another number of known tokens
        x[row, : known and row] = 2
    result = both(original, scheduler, network(VOCAB, mask), x, steps)
    assert (result < VOCAB).all()
    # A single step takes all tokens, so it has no order.
    assert scheduler.plan.lint() == [] if steps == 1 else "drawn-token" in scheduler.plan.lint()[0]
    assert all((result[row, : known and row] == 2).all() for row in range(ROWS))


def test_amused_begins_in_the_middle_and_on_grids(monkeypatch):
    steps, first, mask = 8, 3, VOCAB
    recorded = Recorded(monkeypatch, 2 * steps)
    monkeypatch.setattr(torch, "multinomial", recorded.multinomial)
    module = __import__("diffusers.schedulers.scheduling_amused", fromlist=["gumbel_noise"])
    monkeypatch.setattr(module, "gumbel_noise", lambda t, generator=None: -torch.log(-torch.log(recorded.take())))
    original = diffusers.AmusedScheduler(mask_token_id=mask)
    scheduler = DiscreteScheduler.from_config(original)
    for one in (original, scheduler):
        one.set_timesteps(steps, (2, 0.5))
    net = network(VOCAB, mask)
    clean = torch.arange(ROWS * LENGTH).reshape(ROWS, LENGTH) % VOCAB
    noised = [one.add_noise(clean, original.timesteps[first - 1], torch.Generator().manual_seed(1)) for one in (original, scheduler)]
    assert torch.equal(*noised) and (noised[0] == mask).any()
    theirs = ours = noised[0].reshape(ROWS, 3, 4)
    for time in original.timesteps[first:]:
        image = lambda x: net(x.flatten(1)).transpose(1, 2).reshape(ROWS, VOCAB, 3, 4)  # noqa: E731
        a = original.step(image(theirs), time, theirs, starting_mask_ratio=0.6, return_dict=False)
        b = scheduler.step(image(ours), time, ours, starting_mask_ratio=0.6, return_dict=False)
        assert all(torch.equal(*pair) for pair in zip(a, b))
        theirs, ours = a[0], b[0]
    assert ours.shape == (ROWS, 3, 4) and (ours < VOCAB).all()


@needs("BlockRefinementScheduler")
@pytest.mark.parametrize("arguments", [{}, {"temperature": 0.7}, {"temperature": 1.3, "top_k": 4}, {"temperature": 1.0, "top_p": 0.8}])
@pytest.mark.parametrize("steps", [4, 5, 14])
def test_blocks_have_the_tokens_of_the_original(steps, arguments, monkeypatch):
    recorded = Recorded(monkeypatch, steps)
    monkeypatch.setattr(torch, "multinomial", recorded.multinomial)
    mask = VOCAB
    original = diffusers.BlockRefinementScheduler(block_length=LENGTH, threshold=1.0)
    scheduler = DiscreteScheduler.from_config(original)
    for one in (original, scheduler):
        one.set_timesteps(steps, device="cpu", block_length=LENGTH)
    # Letters of equal probabilities, such as 1, would leave the order open.
    logits = network(VOCAB + 1, mask, sharp=0.5)

    def net(x):  # the original may draw the mask
        return torch.cat([logits(x)[..., :VOCAB], torch.full((ROWS, LENGTH, 1), -1e9)], -1)

    x = torch.full((ROWS, LENGTH), mask)
    x[1:, :2] = 3  # a prompt within the block
    for _ in range(2):  # two blocks, one after the other
        recorded.next = 0
        result = both(original, scheduler, net, x, steps, mask_token_id=mask, **arguments)
        assert (result < VOCAB).all() and (result[1:, :2] == 3).all()
    done = scheduler.check_block_should_continue(steps, False, False, torch.zeros(1, dtype=torch.bool), 0, 0, torch.zeros(1, dtype=torch.bool))
    assert not done


def uniform(recorded, monkeypatch, rest):
    """Patch the random numbers of originals on uniform noise; ``rest`` returns the uniforms of new tokens."""
    monkeypatch.setattr(torch, "multinomial", recorded.multinomial)
    whole = torch.randint

    def randint(low=0, high=None, size=None, **_):
        # A seed of a run is no random token.
        return whole(low, high, size) if size == (1,) else (rest() * high).long().clamp(max=high - 1).reshape(size)

    monkeypatch.setattr(torch, "randint", randint)


@needs("DiscreteDDIMScheduler")
@pytest.mark.parametrize("temperature", [0.0, 0.6, 1.0])
def test_discrete_ddim_has_the_tokens_of_the_original(temperature, monkeypatch):
    steps = 6
    recorded = Recorded(monkeypatch, 2 * steps + 1)
    x = (recorded.take() * VOCAB).long()
    original = diffusers.DiscreteDDIMScheduler()
    scheduler = DiscreteScheduler.from_config(original)
    for one in (original, scheduler):
        one.set_timesteps(steps)
    routes = []

    def multinomial(p, num_samples=1, generator=None):
        if p.shape[-1] == 3:  # clean, stay, noise
            routes[:] = [p.double().reshape(ROWS, LENGTH, 3)]
        return recorded.multinomial(p)

    def rest():
        # What the routes have left of the uniform, as the plan uses it.
        sums = routes[0].cumsum(-1)
        u = recorded.u[recorded.next - 1] * sums[..., 2]
        return ((u - sums[..., 1]) / (sums[..., 2] - sums[..., 1])).clamp(0, 1 - 1e-12)

    uniform(recorded, monkeypatch, rest)
    monkeypatch.setattr(torch, "multinomial", multinomial)
    if temperature == 0.0:
        # The original draws nothing for the most probable letters; the plan has a draw.
        monkeypatch.setattr(type(original), "_sample_from_logits", staticmethod(lambda logits, **_: (recorded.take(), (logits.argmax(-1), logits.softmax(-1).amax(-1)))[1]))
    both(original, scheduler, network(VOCAB, sharp=1.0), x, steps, temperature=temperature)
    assert scheduler.plan.is_same(langevin.TokenPlan("ancestral", vocab=VOCAB, length=LENGTH, noise="uniform", steps=steps))
    assert scheduler.plan.lint() == []


@needs("EntropyBoundScheduler")
@pytest.mark.parametrize("bound", [0.1, 1.0, 3.0])
def test_entropy_bound_has_the_tokens_of_the_original(bound, monkeypatch):
    steps = 5
    recorded = Recorded(monkeypatch, 2 * steps + 1)
    x = (recorded.take() * VOCAB).long()
    original = diffusers.EntropyBoundScheduler(entropy_bound=bound)
    scheduler = DiscreteScheduler.from_config(original)
    for one in (original, scheduler):
        one.set_timesteps(steps)
    uniform(recorded, monkeypatch, recorded.take)
    both(original, scheduler, network(VOCAB), x, steps)


# Any sampler


@pytest.mark.parametrize("sampler", ["halton", "entropy-bound:bound=0.5", "ancestral", "theta-trapezoidal", "remask", "first-hitting", "confidence:gumbel=1"])
def test_any_sampler_runs_and_is_that_of_the_plan(sampler):
    scheduler = DiscreteScheduler.from_config(diffusers.AmusedScheduler(mask_token_id=VOCAB), sampler=sampler, length=LENGTH)
    scheduler.set_timesteps(4)
    net = network(VOCAB, VOCAB)
    x, generator = torch.full((ROWS, LENGTH), VOCAB), torch.Generator().manual_seed(3)
    for time in scheduler.timesteps:
        out = scheduler.step(net(x), time, x, generator=generator)
        assert ((x == VOCAB) | (out.pred_original_sample == x)).all() and (out.pred_original_sample < VOCAB).all()
        x = out.prev_sample
    assert (x < VOCAB).all()
    seed = int(torch.randint(0, 2**62, (1,), generator=torch.Generator().manual_seed(3)))
    model = langevin.TokenModel(lambda tokens: net(torch.from_numpy(tokens)), vocab=VOCAB, length=LENGTH)
    assert (x.numpy() == model.sample(ROWS, seed, sampler=scheduler.plan)).all()


def test_a_row_with_its_own_generator_does_not_depend_on_the_batch():
    scheduler = DiscreteScheduler.from_config(diffusers.AmusedScheduler(mask_token_id=VOCAB))
    scheduler.set_timesteps(3)
    net = network(VOCAB, VOCAB)

    def run(seeds):
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        x = torch.full((len(seeds), LENGTH), VOCAB)
        for time in scheduler.timesteps:
            x = scheduler.step(net(x), time, x, generator=generators).prev_sample
        return x

    assert torch.equal(run([4, 5, 6])[2:], run([6])) and not torch.equal(run([4]), run([5]))


def test_configs_are_saved_and_loaded(tmp_path):
    scheduler = DiscreteScheduler.from_config(diffusers.AmusedScheduler(mask_token_id=9, masking_schedule="linear"), sampler="halton")
    scheduler.save_pretrained(tmp_path)
    back = DiscreteScheduler.from_pretrained(tmp_path)
    assert (back.config.mask_token_id, back.config.masking_schedule, back.config.langevin_sampler) == (9, "linear", "halton")
    assert back.original["_class_name"] == "AmusedScheduler"
    again = DiscreteScheduler.from_config(back.config, sampler=None)
    assert again.config.langevin_sampler is None


def test_the_amused_pipeline_runs():
    pipelines = pytest.importorskip("diffusers.pipelines.deprecated.amused")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    transformer = diffusers.UVit2DModel(
        hidden_size=8, use_bias=False, hidden_dropout=0.0, cond_embed_dim=8, micro_cond_encode_dim=2, micro_cond_embed_dim=10, encoder_hidden_size=8,
        vocab_size=32, codebook_size=8, in_channels=8, block_out_channels=8, num_res_blocks=1, downsample=True, upsample=True, block_num_heads=1,
        num_hidden_layers=1, num_attention_heads=1, attention_dropout=0.0, intermediate_size=8, layer_norm_eps=1e-06, ln_elementwise_affine=True,
    ).eval()  # fmt: skip
    vqvae = diffusers.VQModel(
        act_fn="silu", block_out_channels=[8], down_block_types=["DownEncoderBlock2D"], in_channels=3, latent_channels=8, layers_per_block=1,
        norm_num_groups=8, num_vq_embeddings=8, out_channels=3, sample_size=8, up_block_types=["UpDecoderBlock2D"], mid_block_add_attention=False, lookup_from_codebook=True,
    ).eval()  # fmt: skip
    config = transformers.CLIPTextConfig(hidden_size=8, intermediate_size=8, num_attention_heads=1, num_hidden_layers=1, vocab_size=50, projection_dim=8)
    encoder = transformers.CLIPTextModelWithProjection(config).eval()
    pipe = pipelines.AmusedPipeline(vqvae, None, encoder, transformer, diffusers.AmusedScheduler(mask_token_id=31))
    pipe.scheduler = DiscreteScheduler.from_config(pipe.scheduler)
    pipe.set_progress_bar_config(disable=True)
    embeddings = {"prompt_embeds": torch.zeros(1, 8), "encoder_hidden_states": torch.zeros(1, 4, 8)}
    negative = {"negative_prompt_embeds": torch.zeros(1, 8), "negative_encoder_hidden_states": torch.zeros(1, 4, 8)}

    def run():
        return pipe(num_inference_steps=3, generator=torch.Generator().manual_seed(0), output_type="latent", height=8, width=8, **embeddings, **negative).images

    first = run()
    assert first.shape == (1, 8, 8) and (first < 8).all() and torch.equal(first, run())
    assert pipe.scheduler.plan.nfe == 3


@needs("LLaDA2Pipeline")
def test_the_llada2_pipeline_has_the_texts_of_the_original():
    class Net(torch.nn.Module):
        device, dtype = torch.device("cpu"), torch.float32

        def __init__(self):
            super().__init__()
            self.table = torch.nn.Parameter(torch.randn(VOCAB + 1, VOCAB + 1, VOCAB + 1, generator=torch.Generator().manual_seed(2)))

        def forward(self, ids, attention_mask=None, position_ids=None):
            logits = self.table[ids, ids.roll(1, 1)] + self.table[position_ids % VOCAB, 0]
            logits[..., VOCAB] = -1e9  # the original may draw the mask
            return type("Output", (), {"logits": logits})

    original = diffusers.BlockRefinementScheduler(block_length=8)
    pipe = diffusers.LLaDA2Pipeline(Net(), original)
    pipe.set_progress_bar_config(disable=True)
    prompt = torch.tensor([[1, 2, 3], [4, 5, 6]])
    arguments = dict(input_ids=prompt, gen_length=17, num_inference_steps=4, editing_threshold=None, mask_token_id=VOCAB, output_type="seq")
    theirs = pipe(**arguments, threshold=1.0).sequences
    pipe.scheduler = DiscreteScheduler.from_config(original)
    assert torch.equal(pipe(**arguments, threshold=1.0).sequences, theirs) and (theirs < VOCAB).all()
    with pytest.raises(langevin.ArgumentError, match="threshold=1.0"):
        pipe(**arguments)
    pipe.scheduler = DiscreteScheduler.from_config(original, sampler="entropy")
    ours = pipe(**arguments, temperature=1.0, generator=torch.Generator().manual_seed(0)).sequences
    assert (ours < VOCAB).all() and pipe.scheduler.plan.lint() == []


# Errors

MASKED = {"_class_name": "AmusedScheduler", "mask_token_id": VOCAB}
BLOCKS = {"_class_name": "BlockRefinementScheduler"}
LOGITS = torch.zeros(2, LENGTH, VOCAB)
X = torch.full((2, LENGTH), VOCAB)


def stepped(config, time=0, x=X, logits=LOGITS, steps=4, first=None, sampler=None, **arguments):
    scheduler = DiscreteScheduler(config, sampler=sampler)
    if steps:
        scheduler.set_timesteps(steps)
    if first is not None:
        scheduler.step(logits, first, x)
    return scheduler.step(logits, time, x, **arguments)


@pytest.mark.parametrize(
    "task, kind, words",
    [
        (lambda: DiscreteScheduler({"_class_name": "VQDiffusionScheduler", "num_vec_classes": 5}), langevin.ArgumentError, "masks and uniform letters together"),
        (lambda: DiscreteScheduler({"_class_name": "DDIMScheduler"}), langevin.ArgumentError, "LangevinScheduler"),
        (lambda: DiscreteScheduler({"_class_name": "AmusdScheduler"}), langevin.UnknownNameError, "AmusedScheduler"),
        (lambda: DiscreteScheduler(MASKED, sampler="haltn"), langevin.UnknownNameError, "halton"),
        (lambda: DiscreteScheduler({"_class_name": "DiscreteDDIMScheduler", "corrector_steps": 2}), langevin.ArgumentError, "gibbs"),
        (lambda: DiscreteScheduler(MASKED).set_timesteps(0), langevin.ArgumentError, "1 or more"),
        (lambda: DiscreteScheduler(MASKED, sampler="first-hitting").set_timesteps(4), langevin.ArgumentError, "length="),
        (lambda: DiscreteScheduler(BLOCKS, sampler="theta-trapezoidal").set_timesteps(4), langevin.ArgumentError, "count their own steps"),
        (lambda: DiscreteScheduler(MASKED).plan, langevin.ArgumentError, "no plan yet"),
        (lambda: stepped(MASKED, steps=0), langevin.ArgumentError, "set_timesteps"),
        (lambda: stepped(MASKED, time=4), langevin.ArgumentError, "0 to 3, got 4"),
        (lambda: stepped(BLOCKS, time=4, mask_token_id=VOCAB, threshold=1.0), langevin.ArgumentError, "0 to 3, got 4"),
        (lambda: stepped(MASKED, time=1, first=3), langevin.ArgumentError, "expected timestep 2, got 1"),
        (lambda: stepped(MASKED, time=1, sampler="halton"), langevin.ArgumentError, "begins with its first"),
        (lambda: stepped(MASKED, logits=LOGITS[:, :5]), langevin.ShapeError, "do not fit"),
        (lambda: stepped(MASKED, logits=LOGITS * float("nan")), langevin.ArgumentError, "got NaN"),
        (lambda: stepped(MASKED, time=3, generator=[torch.Generator()]), langevin.ArgumentError, "expected one, or 2, got 1"),
        (lambda: stepped(BLOCKS), langevin.ArgumentError, "mask_token_id="),
        (lambda: stepped(BLOCKS, mask_token_id=VOCAB), langevin.ArgumentError, "threshold=1.0"),
        (lambda: stepped(BLOCKS, mask_token_id=VOCAB, threshold=1.0, editing_threshold=0.5), langevin.ArgumentError, "edits no known"),
        (lambda: DiscreteScheduler({"_class_name": "DiscreteDDIMScheduler"}).add_noise(X, 0), langevin.ArgumentError, "AmusedScheduler"),
        (lambda: LangevinScheduler.from_config(diffusers.AmusedScheduler(mask_token_id=3)), langevin.ArgumentError, "DiscreteScheduler"),
    ],
)
def test_a_mistake_is_one_error_that_names_it(task, kind, words):
    with pytest.raises(kind, match="(?s)" + words):
        task()
