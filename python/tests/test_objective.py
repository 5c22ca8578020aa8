"""Training objectives in torch: their formulas, their estimates, and what they learn."""

import math
import pathlib
import subprocess
import sys

import langevin
import numpy as np
import pytest

torch = pytest.importorskip("torch")


def generator(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "form, options",
    [
        (("rectified-flow", "velocity"), {}),
        (("vp", "epsilon"), {"weight": "likelihood"}),
        (("vp-cosine", "v"), {"weight": "min-snr:5", "times": "cosmap"}),
        (("ve", "edm"), {"weight": "edm:0.5", "times": "log-normal-sigma:-1.2,1.2"}),
        (("table:linear", "x0"), {"weight": "p2:0.5"}),
        (("table:linear", "epsilon"), {"weight": "sigmoid:1", "steps": False}),
    ],
)
def test_inputs_and_targets_are_those_of_the_formulation(form, options, seed):
    clock = {"clock": "quarter-log-sigma", "input_sigma_data": 0.5} if form[1] == "edm" else {}
    form = langevin.Formulation(*form, **clock)
    objective = langevin.Objective(form, **options)
    x0, noise = torch.randn(32, 3, 4, dtype=torch.float64), torch.randn(32, 3, 4, dtype=torch.float64)
    batch = objective.draw(x0, noise=noise, generator=generator(seed))
    for row in range(32):
        level = langevin.Level(*(float(value[row]) for value in (batch.level.time, batch.level.alpha, batch.level.sigma)))
        seen = form.seen(level)
        assert float(batch.time[row]) == pytest.approx(seen.time, rel=1e-12)
        assert torch.allclose(batch.x[row], seen.alpha * x0[row] + seen.sigma * noise[row], rtol=1e-12)
        # D of the target is the datum.
        reading = form.denoised(level)
        state = level.alpha * x0[row] + level.sigma * noise[row]
        assert torch.allclose(reading.a * state + reading.b * batch.target[row], x0[row], rtol=1e-8, atol=1e-8)
        assert float(batch.level.lambda_[row]) == pytest.approx(level.lambda_, abs=1e-9)
        assert float(batch.level.sigma_ve[row]) == pytest.approx(level.sigma_ve)
    if objective.steps:
        assert torch.equal(batch.time, batch.time.round())


def estimate(objective, error, batches, learn=0):
    """Return the mean and the standard error of the loss of outputs whose error is a function of λ."""
    x0 = torch.zeros(64, 1, dtype=torch.float64)
    losses = []
    for step in range(batches + learn):
        batch = objective.draw(x0, generator=generator(step))
        out = (batch.target + error(batch.level.lambda_)[:, None]).requires_grad_(step < learn)
        loss = objective.loss(out, batch)
        if step >= learn:
            losses.append(float(loss.detach()))
    return float(np.mean(losses)), float(np.std(losses) / math.sqrt(batches))


@pytest.mark.parametrize("form", ["rectified-flow:velocity", "vp:epsilon", "table:linear:epsilon"])
@pytest.mark.parametrize("weight", ["plain", "likelihood", "min-snr:5"])
def test_learned_times_keep_the_loss_and_make_it_less_noisy(form, weight):
    # The error of an output, 40 times as large on the clean side.
    error = lambda lam: 0.05 + 2.0 * torch.sigmoid(3.0 * (lam - 2.0))  # noqa: E731
    plain = langevin.Objective(form, weight=weight, stratified=False)
    learned = langevin.Objective(form, weight=weight, adaptive=True, stratified=False)
    masses, columns = plain._terms
    exact = float((masses * columns[:, 9] * error(torch.from_numpy(columns[:, 0])).numpy() ** 2).sum())
    for objective, learn in ((plain, 0), (learned, 200)):
        mean, deviation = estimate(objective, error, 400, learn)
        assert abs(mean - exact) < 5 * deviation, (mean, exact, deviation)
    assert learned.density.sum() == pytest.approx(1.0)
    noise = [estimate(objective, error, 400)[1] for objective in (plain, learned)]
    assert noise[1] < 0.7 * noise[0], noise


def test_what_is_learned_is_what_rust_learns():
    """The sums, the means and the mixture of the Rust learner, written again in numpy."""
    objective = langevin.Objective("vp:epsilon", adaptive=True)
    low, high = objective._inner.lambda_range
    counts, squares = np.zeros(64), np.zeros(64)
    x0 = torch.zeros(32, 2, dtype=torch.float64)
    for step in range(30):
        batch = objective.draw(x0, generator=generator(step))
        out = (batch.target + (1 + batch.level.lambda_.abs())[:, None]).requires_grad_()
        objective.loss(out, batch)
        lam = batch.level.lambda_.numpy()
        bins = np.minimum(((lam - low) / (high - low) * 64).astype(int), 63)
        np.add.at(counts, bins, 1.0)
        # w·p is constant for ε with uniform λ.
        np.add.at(squares, bins, (1 + np.abs(lam)) ** 4)
        counts, squares = 0.98 * counts, 0.98 * squares
    everything = squares.sum() / counts.sum()
    trust = np.minimum(counts / 10, 1)
    means = np.where(counts > 0, trust * squares / np.maximum(counts, 1e-9) + (1 - trust) * everything, everything)
    masses = 0.1 / 64 + 0.9 * np.sqrt(means) / np.sqrt(means).sum()
    assert np.allclose(objective.density, masses, rtol=1e-9)


def test_the_weight_of_uncertainty_is_the_inverse_error():
    objective = langevin.Objective("vp:epsilon", weight="uncertainty")
    error = lambda lam: torch.where(lam > 0.9, 3.0, 1.0)  # noqa: E731
    before = objective.draw(torch.zeros(64, 1), generator=generator(0)).weight
    assert torch.allclose(before, torch.ones(64))
    estimate(objective, error, 0 + 1, learn=400)
    batch = objective.draw(torch.zeros(512, 1), generator=generator(0))
    clean, noisy = batch.level.lambda_ > 1.2, batch.level.lambda_ < 0.5
    ratio = float(batch.weight[noisy].mean() / batch.weight[clean].mean())
    assert ratio == pytest.approx(9.0, rel=1e-3)
    # Equal errors keep the weight 1.
    flat = langevin.Objective("vp:epsilon", weight="uncertainty")
    estimate(flat, lambda lam: torch.ones_like(lam), 1, learn=400)
    assert flat.draw(torch.zeros(512, 1), generator=generator(0)).weight.mean() == pytest.approx(1.0, rel=1e-3)


def test_stratified_levels_are_spread_evenly():
    objective = langevin.Objective("rectified-flow")
    for seed in range(20):
        times = objective.draw(torch.zeros(64, 1, dtype=torch.float64), generator=generator(seed)).level.time
        # The range is σ/α from 0.002 to 80, and each of 64 equal parts of it has one row.
        share = np.sort((times.numpy() - 0.002 / 1.002) / (80 / 81 - 0.002 / 1.002))
        gaps = np.diff([*share, share[0] + 1])
        assert gaps.max() < 2 / 64 + 1e-4
    # No row is tied to a level.
    first = [float(objective.draw(torch.zeros(64, 1), generator=generator(seed)).level.time[0]) for seed in range(200)]
    assert np.std(first) > 0.2


def test_a_draw_is_a_function_of_the_generator():
    objective = langevin.Objective("vp:v", times="cosmap")
    x0 = torch.randn(8, 3, 4, 4)
    one, other = (objective.draw(x0, generator=generator(3)) for _ in range(2))
    assert torch.equal(one.x, other.x) and torch.equal(one.time, other.time)
    assert not torch.equal(one.x, objective.draw(x0, generator=generator(4)).x)
    torch.manual_seed(5)
    first = objective.draw(x0)
    torch.manual_seed(5)
    assert torch.equal(first.x, objective.draw(x0).x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_dtype(dtype):
    objective = langevin.Objective("rectified-flow", adaptive=True)
    x0 = torch.randn(8, 3, dtype=torch.float64).to(dtype)
    batch = objective.draw(x0, generator=generator(0))
    assert batch.x.dtype == batch.target.dtype == dtype
    assert batch.time.dtype == batch.weight.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    out = torch.zeros_like(batch.target, requires_grad=True)
    loss = objective.loss(out, batch)
    loss.backward()
    assert loss.dtype == batch.weight.dtype and out.grad.dtype == dtype
    rows = objective.loss(out, batch, reduction="none")
    assert rows.shape == (8,) and torch.allclose(rows.mean(), loss)


@pytest.mark.parametrize("options", [{}, {"adaptive": True}, {"weight": "uncertainty", "stratified": False}])
def test_nothing_is_read_from_the_device(options):
    """Tensors on the device ``meta`` have no values, so an operation that reads one raises."""
    objective = langevin.Objective("table:linear:epsilon", **options)
    x0 = torch.empty(16, 3, 4, 4, device="meta")
    for _ in range(45):
        batch = objective.draw(x0)
        out = torch.empty_like(batch.target).requires_grad_()
        assert objective.loss(out, batch).device.type == "meta"
    assert (objective._drawn is not None) == bool(options.get("adaptive"))


def test_a_state_is_saved_and_restored(tmp_path):
    make = lambda: langevin.Objective("rectified-flow", adaptive=True, weight="uncertainty")  # noqa: E731
    objective = make()
    estimate(objective, lambda lam: 1 + lam.abs(), 1, learn=60)
    torch.save(objective.state_dict(), tmp_path / "state.pt")
    other = make()
    other.load_state_dict(torch.load(tmp_path / "state.pt"))
    x0 = torch.zeros(16, 2)
    for step in range(20):
        batches = [one.draw(x0, generator=generator(step)) for one in (objective, other)]
        assert torch.equal(batches[0].weight, batches[1].weight) and torch.equal(batches[0].time, batches[1].time)
        for one, batch in zip((objective, other), batches):
            one.loss((batch.target + 1).requires_grad_(), batch)
    assert np.array_equal(objective.density, other.density)
    state = objective.state_dict()
    with pytest.raises(langevin.FormatError, match="another objective"):
        langevin.Objective("vp:v", adaptive=True).load_state_dict(state)
    for damaged in ({**state, "sums": torch.zeros(3)}, {**state, "batches": None}, {key: value for key, value in state.items() if key != "drawn"}):
        with pytest.raises(langevin.FormatError, match="bad state"):
            make().load_state_dict(damaged)


def test_evaluation_learns_nothing():
    objective = langevin.Objective("rectified-flow", adaptive=True)
    batch = objective.draw(torch.zeros(16, 2))
    with torch.no_grad():
        objective.loss(batch.target + 1, batch)
    objective.loss(batch.target + 1, batch)
    assert objective.state_dict()["sums"] is None and not objective._pending
    # Outputs that are not finite are not learned.
    out = torch.zeros(16, 2, requires_grad=True)
    with pytest.raises(langevin.ModelError, match="not finite"):
        objective.loss(out * math.nan, batch)
    assert float(objective.state_dict()["sums"].sum()) == 0.0


def test_transport_couples_noise_to_data():
    pytest.importorskip("scipy")
    from scipy.optimize import linear_sum_assignment

    coupled = langevin.Objective("rectified-flow", coupling="transport")
    x0 = torch.randn(32, 5, dtype=torch.float64)
    batch = coupled.draw(x0, generator=generator(0))
    # velocity = ε − x0
    noise = batch.target + x0
    cost = torch.cdist(x0, noise) ** 2
    rows, columns = linear_sum_assignment(cost.numpy())
    assert float(cost.diagonal().sum()) == pytest.approx(float(cost[rows, columns].sum()))
    with pytest.raises(langevin.ArgumentError):
        langevin.Objective("rectified-flow", coupling="sinkhorn")


def test_labels_are_dropped():
    labels = torch.arange(10_000) % 10
    dropped = langevin.drop_labels(labels, 10, generator=generator(0))
    share = float((dropped == 10).double().mean())
    assert abs(share - 0.1) < 5 * math.sqrt(0.09 / 10_000)
    assert torch.equal(dropped[dropped < 10], labels[dropped < 10])
    embeddings = torch.randn(100, 4, 8)
    null = torch.zeros(4, 8)
    kept = langevin.drop_labels(embeddings, null, share=0.5, generator=generator(1))
    zero = (kept == 0).flatten(1).all(1)
    assert 20 < int(zero.sum()) < 80 and torch.equal(kept[~zero], embeddings[~zero])
    with pytest.raises(langevin.ArgumentError):
        langevin.drop_labels(labels, 10, share=1.5)


def test_explanations_are_those_of_the_command():
    import io
    import json
    from contextlib import redirect_stdout

    explained = langevin.Objective("vp-cosine", predict="v", weight="min-snr:5").explain(11)
    command = [sys.executable, "-m", "langevin", "objective", "--process", "vp-cosine", "--predict", "v", "--weight", "min-snr:5", "--points", "11", "--json"]
    document = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    names = ("lambda", "time", "sigma", "density", "weight", "product")
    assert np.array_equal(explained.points, [[point[name] for name in names] for point in document["points"]])
    assert (explained.is_bound, explained.is_likelihood) == (document["is_bound"], document["is_likelihood"])
    assert "no bound on a likelihood" in str(explained)
    with redirect_stdout(io.StringIO()):
        print(explained)
    with pytest.raises(langevin.ArgumentError):
        langevin.Objective("vp:v").explain(1)


RANK = """
import os, sys, torch, langevin
rank = int(sys.argv[1])
torch.distributed.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.SiLU(), torch.nn.Linear(16, 2))
net = torch.nn.parallel.DistributedDataParallel(net)
objective = langevin.Objective("rectified-flow", adaptive=True)
own = torch.Generator().manual_seed(100 + rank)
optimizer = torch.optim.Adam(net.parameters(), 1e-3)
times = []
for step in range(60):
    batch = objective.draw(torch.randn(32, 2, generator=own), generator=own)
    times.append(batch.time[:2])
    loss = objective.loss(net(torch.cat([batch.x, batch.time[:, None]], 1)), batch)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
torch.save({"density": objective.density, "sums": objective.state_dict()["sums"], "times": torch.stack(times),
            "weights": next(net.parameters()).detach()}, sys.argv[3])
torch.distributed.barrier()
torch.distributed.destroy_process_group()
sys.stdout.flush()
# Threads of gloo may outlive the group, and then abort the interpreter's own exit.
os._exit(0)
"""


def test_every_weight_is_finite_at_pure_noise():
    form = langevin.Formulation("table:scaled-linear:zero-snr", "v")
    for weight in ("plain", "min-snr:5", "p2:1", "sigmoid:2", "edm:0.5"):
        batch = langevin.Objective(form, weight=weight).draw(torch.zeros(4000, 2), generator=generator(0))
        assert bool((batch.time == 999).any()) and bool(batch.weight.isfinite().all()), weight


def test_data_may_move_to_another_device():
    objective = langevin.Objective("rectified-flow", adaptive=True)
    for step in range(30):
        x0 = torch.zeros(8, 2, device="meta" if step % 2 else "cpu", dtype=torch.float32)
        batch = objective.draw(x0)
        out = (torch.empty_like(batch.target) if step % 2 else batch.target + 1).requires_grad_()
        if step % 2 == 0:
            objective.loss(out, batch)
    assert objective.state_dict()["batches"] == 15


def test_two_ranks_learn_one_density(tmp_path):
    if not torch.distributed.is_available():
        pytest.skip("this build of torch has no torch.distributed")
    (tmp_path / "rank.py").write_text(RANK)
    paths = [str(tmp_path / f"{rank}.pt") for rank in range(2)]
    commands = [[sys.executable, str(tmp_path / "rank.py"), str(rank), str(tmp_path / "meet"), paths[rank]] for rank in range(2)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    for process in running:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    one, other = (torch.load(path, weights_only=False) for path in paths)
    # Each rank has noise of its own, and both have learned one density and one network.
    assert not torch.equal(one["times"], other["times"]) and not torch.equal(one["sums"], other["sums"])
    assert np.array_equal(one["density"], other["density"]) and torch.equal(one["weights"], other["weights"])


def test_bad_arguments():
    flow = langevin.Objective("rectified-flow")
    x0 = torch.zeros(4, 2)
    batch = flow.draw(x0)
    cases = [
        (langevin.ArgumentError, "floating-point", lambda: flow.draw(torch.zeros(4, 2, dtype=torch.int64))),
        (langevin.ArgumentError, "expected a tensor", lambda: flow.draw(np.zeros((4, 2)))),
        (langevin.ShapeError, "x0", lambda: flow.draw(torch.zeros(4))),
        (langevin.ShapeError, "x0", lambda: flow.draw(torch.zeros(0, 4))),
        (langevin.ShapeError, "noise", lambda: flow.draw(x0, noise=torch.zeros(4, 3))),
        (langevin.ArgumentError, "another device", lambda: flow.draw(torch.zeros(4, 2, device="meta"), generator=torch.Generator())),
        (langevin.ShapeError, "another shape", lambda: flow.loss(torch.zeros(4, 3), batch)),
        (langevin.ArgumentError, "expected a tensor", lambda: flow.loss(np.zeros((4, 2)), batch)),
        (langevin.ArgumentError, "reduction", lambda: flow.loss(x0, batch, reduction="sum")),
        (langevin.UnknownNameError, "min-snr", lambda: langevin.Objective("vp:v", weight="min-snrr")),
        (langevin.UnknownNameError, "cosmap", lambda: langevin.Objective("vp:v", times="cosmaps")),
        (langevin.ArgumentError, "two predictions", lambda: langevin.Objective("vp:v", predict="epsilon")),
        (langevin.ArgumentError, "has a prediction", lambda: langevin.Objective(langevin.Formulation("vp", "v"), predict="v")),
        (langevin.ArgumentError, "bad formulation", lambda: langevin.Objective(3)),
        (langevin.ArgumentError, "only a table has whole steps", lambda: langevin.Objective("vp:v", steps=True)),
        (langevin.Error, "", lambda: langevin.Objective("vp:epsilon", weight="edm:-1")),
        (langevin.ArgumentError, "bad prediction", lambda: langevin.Objective("vp", predict=5)),
        (langevin.ArgumentError, "too narrow", lambda: langevin.Objective(times="logit-normal:0,1e-9")),
        (langevin.ArgumentError, "bad noise", lambda: flow.draw(x0, noise=np.zeros((4, 2)))),
        (langevin.ArgumentError, "another device", lambda: flow.draw(x0, noise=torch.zeros(4, 2, device="meta"))),
        (langevin.ArgumentError, "bad generator", lambda: flow.draw(x0, generator=3)),
        (langevin.ArgumentError, "bad number of levels", lambda: flow.explain("a")),
        (langevin.FormatError, "expected a dict", lambda: flow.load_state_dict(None)),
        (langevin.ArgumentError, "bad labels", lambda: langevin.drop_labels([1, 2], 0)),
    ]
    for kind, text, call in cases:
        with pytest.raises(kind, match=text):
            call()


def test_torch_is_needed_only_for_what_uses_it():
    """Without torch the module works, and an objective says what is missing."""
    program = "import sys; sys.modules['torch'] = None; import langevin; langevin.Plan('ddim', 'vp', steps=2)\ntry:\n    langevin.Objective\nexcept ImportError as error:\n    print(error)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=pathlib.Path(__file__).parent)
    assert done.returncode == 0, done.stderr
    assert "torch" in done.stdout
