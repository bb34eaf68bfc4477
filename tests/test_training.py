"""A whole run in this process: what is trained, and whether what is recorded is true."""

import hashlib
import json
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from queries import exported
from same_statistics import assert_same_statistics
from sqlalchemy import Engine
from torch import Tensor, nn
from torch.nn import functional

from shiftscope.db import catalog, queue, read
from shiftscope.db.errors import DatasetProblem, SetupProblem
from shiftscope.db.experiment import Experiment
from shiftscope.db.norms import OVER_EXAMPLES, OVER_POSITIONS, NormName
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets, feeder, ring
from shiftscope.trainer.earlier_gradients import EVERY
from shiftscope.trainer.evaluation import evaluate, is_due
from shiftscope.trainer.execute import explain, watch_and_train
from shiftscope.trainer.gradient_signal import DECAY, LEAST
from shiftscope.trainer.plan import Plan
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import Prepared, prepare
from shiftscope.trainer.slots import DeviceSlots
from shiftscope.trainer.stack import Stack
from shiftscope.trainer.twins import build, draw_weights, weights_hash

CPU = torch.device("cpu")
EXPLODING = ("activation=relu", "initialization=gaussian", "initial_std=100", "lr=1000")
GPU = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
    ],
)


def experiment(*settings: str) -> Experiment:
    """A short run of the §4.1 pair on digits."""
    base = catalog.experiment("mnist-sigmoid")
    return with_settings(base, ["dataset=digits", "steps=150", "hidden=20,10", *settings])


@pytest.fixture
def images() -> datasets.Images:
    return datasets.load("digits", Path(), lambda _: None)


@pytest.fixture
def train(engine: Engine, images: datasets.Images) -> Callable[..., Any]:
    """Trains an experiment; returns the run's number, its networks and whether it completed."""

    def run(
        wanted: Experiment,
        device: torch.device = CPU,
        stacked: bool | None = None,
        finishes: bool = False,
    ) -> Any:
        run_id = queue.enqueue(engine, wanted)
        queue.claim(engine, queue.register(engine), run_id)
        prepared = prepare(wanted, images, device, stacked=stacked)
        if finishes:
            prepared = replace(prepared, plan=replace(prepared.plan, finishes=True))
        stop = threading.Event()
        recorder = RecorderProcess(
            str(engine.url),
            run_id,
            on_status=lambda status: stop.set() if status != "running" else None,
        )
        completed = watch_and_train(wanted, prepared, recorder, device, stop)
        return run_id, networks_of(prepared), completed

    return run


def networks_of(prepared: Prepared) -> list[Any]:
    """The networks in the order of the run."""
    by_position = {
        position: network
        for stack in prepared.stacks
        for position, network in zip(stack.positions, stack.networks, strict=True)
    }
    return [by_position[position] for position in sorted(by_position)]


@dataclass
class Block:
    """One layer of an MLP as its modules stand in a row."""

    linear: nn.Linear
    norm: Any = None
    activation: Any = torch.positive


def blocks_of(network: nn.Module) -> list[Block]:
    blocks: list[Block] = []
    for module in network.children():
        if isinstance(module, nn.Linear):
            blocks.append(Block(module))
        elif isinstance(module, nn.BatchNorm1d):
            blocks[-1].norm = module
        else:
            blocks[-1].activation = module
    return blocks


def plain_loop(wanted: Experiment, images: datasets.Images) -> list[tuple[Any, list[Any]]]:
    """The same training in plain PyTorch; by arm the network and what each step showed."""
    inputs = torch.from_numpy((images.train_images > 127).astype(np.float32)).flatten(1)
    labels = torch.from_numpy(images.train_labels)
    weights = draw_weights(wanted.network, inputs.shape[1], 10, seed=0)
    results = []
    for arm in wanted.arms:
        network = build(wanted, arm, weights)
        optimizer = torch.optim.SGD(network.parameters(), wanted.optimizer.lr)
        order = torch.Generator().manual_seed(0)
        batches: list[torch.Tensor] = []
        seen = []
        for _ in range(wanted.steps):
            if not batches:
                epoch = torch.randperm(len(inputs), generator=order)
                batches = [b for b in epoch.split(wanted.batch_size) if len(b) == wanted.batch_size]
            batch = batches.pop(0)
            u, preactivations, norm_inputs = inputs[batch], [], []
            blocks = blocks_of(network)
            for block in blocks:
                u = block.linear(u)
                running = None
                if block.norm is not None:
                    running = [b.clone() for b in (block.norm.running_mean, block.norm.running_var)]
                    norm_inputs.append((u.detach().clone(), running))
                    u = block.norm(u)
                u.retain_grad()
                preactivations.append(u)
                u = block.activation(u)
            loss = functional.cross_entropy(u, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            before = [b.linear.weight.detach().clone() for b in blocks]
            gradients: list[Any] = [b.linear.weight.grad for b in blocks]
            of_all: list[Any] = [p.grad for p in network.parameters()]
            step = {
                "loss": loss.item(),
                "accuracy": (u.argmax(1) == labels[batch]).double().mean().item(),
                "grad_norm": math.sqrt(sum(g.double().square().sum().item() for g in of_all)),
                "z": [z.detach().double().numpy().ravel() for z in preactivations],
                "activation_grad_norm": [z.grad.double().norm().item() for z in preactivations],
                "weight_grad_norm": [g.double().norm().item() for g in gradients],
                "weight_gradients": [g.double().numpy().ravel() for g in gradients],
                "weight_norm": [w.double().norm().item() for w in before],
                "norm_inputs": norm_inputs,
            }
            optimizer.step()
            step["update_ratio"] = [
                ((b.linear.weight - w).double().norm() / w.double().norm()).item()
                for b, w in zip(blocks, before, strict=True)
            ]
            seen.append(step)
        results.append((network, seen))
    return results


def signal_to_noise(gradients: np.ndarray) -> float:
    """Of the last of some records (n, weights), the second of a pair."""
    now, before = gradients[1::EVERY], gradients[::EVERY]
    weights = DECAY ** np.arange(len(now))[::-1]
    noise = ((now - before) ** 2).sum(axis=1) / 2
    return float((weights * (now * before).sum(axis=1)).sum() / (weights * noise).sum())


def test_records_tell_what_a_plain_loop_shows(
    engine: Engine, train: Callable[..., Any], images: datasets.Images
) -> None:
    wanted = experiment("steps=70")
    run_id, networks, completed = train(wanted)
    assert completed
    plain = plain_loop(wanted, images)

    records = iter(exported(engine, run_id))
    for network, (twin, seen) in zip(networks, plain, strict=True):
        for ours, theirs in zip(network.state_dict().values(), twin.state_dict().values(),
                                strict=True):  # fmt: skip
            assert torch.equal(ours, theirs), "watching changed the training"
        for layer in range(3):
            for number, step in enumerate(seen):
                record, z = next(records), step["z"][layer]
                assert record["step"] == number + 1
                expected = {
                    "mean": z.mean(), "std": z.std(), "min": z.min(), "max": z.max(),
                    "p15": np.quantile(z, 0.15), "p50": np.quantile(z, 0.5),
                    "p99": np.quantile(z, 0.99),
                    "shift_from_start": w1(z, seen[0]["z"][layer]),
                    **{name: step[name][layer] for name in
                       ("activation_grad_norm", "weight_grad_norm", "weight_norm")},
                }  # fmt: skip
                if number:
                    expected["shift_w1"] = w1(z, seen[number - 1]["z"][layer])
                if number % EVERY == 1 and number > EVERY * (LEAST - 1):
                    before = [one["weight_gradients"][layer] for one in seen[: number + 1]]
                    expected["grad_snr"] = signal_to_noise(np.array(before))
                else:
                    assert record["grad_snr"] is None
                for name, value in expected.items():
                    assert record[name] == pytest.approx(value, rel=2e-5, abs=2e-6), (name, number)
                # the weights' own difference is rounded, at small updates visibly
                assert record["update_ratio"] == pytest.approx(
                    step["update_ratio"][layer], rel=1e-3
                )
                if layer < len(step["norm_inputs"]):
                    x, (mean, var) = step["norm_inputs"][layer]
                    distance = (mean - x.double().mean(0)) / (var + 1e-5).sqrt()
                    assert record["mean_drift"] == pytest.approx(
                        distance.square().mean().sqrt().item(), rel=1e-4
                    )
                else:
                    assert record["mean_drift"] is None and record["gamma_mean"] is None
    first = [row for row in exported(engine, run_id) if row["step"] == 1]
    assert all(row["shift_w1"] is None and row["shift_from_start"] == 0 for row in first)

    of_network = iter(exported(engine, run_id, "network_records"))
    for _, seen in plain:
        for step in seen:
            record = next(of_network)
            for name in ("loss", "accuracy", "grad_norm"):
                assert record[name] == pytest.approx(step[name], rel=1e-5), name


NORMS: list[NormName] = [
    name for name in get_args(NormName) if name != "none" and name not in OVER_POSITIONS
]


@pytest.mark.parametrize("norms", [NORMS[:5], NORMS[5:]])
@pytest.mark.parametrize(
    "more", [{}, {"affine": False, "norm_place": "after", "bn_epsilon": 1e-3, "bn_momentum": 0.5}]
)
def test_every_norm_is_trained_and_recorded_with_what_applies_to_it(
    engine: Engine, train: Callable[..., Any], norms: list[NormName], more: dict[str, Any]
) -> None:
    arms = [{"name": norm, "norm": norm, **more} for norm in norms]
    run_id, _, completed = train(experiment("steps=60", f"arms={json.dumps(arms)}"))
    assert completed
    arm_of = {network.id: network.arm for network in read.networks(engine, run_id)}
    kinds = {(arm_of[x.network_id], x.name): x.norm for x in read.layers(engine, run_id)}
    behind = "_norm" if more else ""  # the nonlinearity, where it is a layer by itself
    assert {name for (_, name), norm in kinds.items() if norm != "none"} == {
        f"hidden1{behind}", f"hidden2{behind}"
    }  # fmt: skip
    for row in exported(engine, run_id):
        norm = kinds[row["arm"], row["layer"]]
        assert norm in ("none", row["arm"])
        is_norm = norm != "none"
        has_running = is_norm and row["arm"] in OVER_EXAMPLES
        assert all(
            math.isfinite(row[name]) if has_running else row[name] is None
            for name in ("mean_drift", "var_drift")
        )
        for name in ("gamma_mean", "beta_mean"):
            assert (row[name] is not None) == (is_norm and not more)
        assert row["nonfinite"] == 0 and row["activation_grad_norm"] >= 0
    last = {row["arm"]: row for row in exported(engine, run_id, "evaluations")}
    for norm, row in last.items():
        assert (row["test_loss_batch_statistics"] is not None) == (norm in OVER_EXAMPLES)
        assert math.isfinite(row["test_loss"])


def w1(a: np.ndarray, b: np.ndarray) -> float:
    """1-Wasserstein distance of equal samples, in units of their pooled std."""
    distance = np.abs(np.sort(a) - np.sort(b)).mean()
    return float(distance / np.sqrt((a.var() + b.var()) / 2))


def test_a_finished_run_has_a_record_of_every_layer_at_every_step(
    engine: Engine, train: Callable[..., Any]
) -> None:
    run_id, _, completed = train(experiment("seeds=0,1"))
    found = [(row["network_id"], row["layer_id"], row["step"]) for row in exported(engine, run_id)]
    assert completed
    assert len(found) == len(set(found)) == 150 * 4 * 3
    assert found == sorted(found)
    assert read.run(engine, run_id).step == 150


def test_record_every_thins_the_records_and_nothing_else(
    engine: Engine, train: Callable[..., Any]
) -> None:
    all_id, networks, _ = train(experiment())
    some_id, same, _ = train(experiment("record_every=20"))
    assert [weights_hash(n) for n in networks] == [weights_hash(n) for n in same]
    kept = {
        row["step"]: row["p50"] for row in exported(engine, some_id) if row["layer"] == "hidden1"
    }
    every = {
        row["step"]: row["p50"] for row in exported(engine, all_id) if row["layer"] == "hidden1"
    }
    assert sorted(kept) == list(range(1, 151, 20))
    assert kept == {step: every[step] for step in kept}


def test_twins_start_equal_and_see_equal_batches(
    images: datasets.Images, monkeypatch: pytest.MonkeyPatch, train: Callable[..., Any],
    engine: Engine,
) -> None:  # fmt: skip
    wanted = experiment("seeds=0,1", "steps=40")
    hashes = [weights_hash(network) for network in networks_of(prepare(wanted, images, CPU))]
    assert hashes[0] == hashes[1] and hashes[2] == hashes[3] and hashes[0] != hashes[2]

    seen: dict[int, Any] = {}
    look = Stack.look

    def spy(stack: Stack, inputs: Tensor, labels: Tensor) -> Any:
        for network in stack.networks:
            digest = seen.setdefault(id(network), hashlib.sha256())
            digest.update(inputs.numpy().tobytes() + labels.numpy().tobytes())
        return look(stack, inputs, labels)

    monkeypatch.setattr(Stack, "look", spy)
    run_id, networks, _ = train(wanted)
    digests = [seen[id(network)].hexdigest() for network in networks]
    assert digests[0] == digests[1] and digests[2] == digests[3] and digests[0] != digests[2]
    stored = read.networks(engine, run_id)
    assert [network.weights_hash for network in stored] == hashes


def test_two_runs_of_one_experiment_record_the_same_bits(
    engine: Engine, train: Callable[..., Any]
) -> None:
    """Also where one of them measures gradient shift and landscape around its steps."""
    arms = json.dumps([
        *({"name": norm, "norm": norm} for norm in ("none", "batch", "batch_noisy")),
        {"name": "noise", "dropout": 0.3, "weight_noise": 0.2, "hidden": [20]},
    ])  # fmt: skip
    measures = ("gradient_shift_every=40", "landscape_every=60")
    ids, weights, random = [], [], []
    for settings in ((), measures):
        torch.manual_seed(5)
        run_id, networks, _ = train(experiment("seeds=3", f"arms={arms}", *settings))
        ids.append(run_id)
        weights.append([t for network in networks for t in network.state_dict().values()])
        random.append(torch.get_rng_state())
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))
    assert torch.equal(*random)
    assert len(exported(engine, ids[1], "landscape_records")) == 4 * 3
    for table in ("layer_records", "evaluations", "probe_records"):
        first, second = (
            [[*row][read.export_columns(table).index("step") :] for row in
             read.export_rows(engine, run_id, table)]
            for run_id in ids
        )  # fmt: skip
        assert first == second


def test_a_diverging_network_is_frozen_and_the_other_goes_on(
    engine: Engine, train: Callable[..., Any]
) -> None:
    wanted = experiment(*EXPLODING, "steps=200")
    wanted = wanted.model_copy(
        update={"arms": [wanted.arms[0], wanted.arms[1].model_copy(update={"lr": 0.1})]}
    )
    run_id, _, completed = train(wanted)
    assert completed
    diverged, healthy = read.networks(engine, run_id)
    assert diverged.diverged_step is not None and diverged.frozen_step is not None
    assert diverged.diverged_step <= diverged.frozen_step - ring.SLOTS + 1
    assert healthy.frozen_step is None
    losses = {row["step"]: row["loss"] for row in exported(engine, run_id, "network_records")
              if row["network_id"] == diverged.id}  # fmt: skip
    assert max(losses) == diverged.frozen_step
    assert math.isfinite(losses[1])
    assert not any(math.isfinite(losses[s]) for s in losses if s >= diverged.diverged_step)
    layers = [row for row in exported(engine, run_id) if row["network_id"] == healthy.id]
    assert len(layers) == 200 * 3
    broken = [row for row in exported(engine, run_id) if row["network_id"] == diverged.id]
    assert any(row["nonfinite"] > 0 and math.isnan(row["mean"]) for row in broken)


def test_a_run_ends_when_no_network_is_left(engine: Engine, train: Callable[..., Any]) -> None:
    wanted = experiment(*EXPLODING, "steps=5000")
    run_id, _, completed = train(wanted.model_copy(update={"arms": wanted.arms[:1]}))
    assert completed
    assert read.run(engine, run_id).step < 5000


def test_a_stop_keeps_what_was_recorded(engine: Engine, train: Callable[..., Any]) -> None:
    wanted = experiment("steps=1000000")

    def stop() -> None:
        deadline = time.monotonic() + 60
        while not (read.newest_run(engine) and read.run(engine, 1).step):
            assert time.monotonic() < deadline, "nothing was recorded"
            time.sleep(0.05)
        queue.ask_to_stop(engine, 1)

    stopper = threading.Thread(target=stop)
    stopper.start()
    run_id, _, completed = train(wanted)
    stopper.join()
    step = read.run(engine, run_id).step
    assert not completed and 0 < step < 1_000_000
    assert len(exported(engine, run_id)) == step * 2 * 3


def test_a_network_that_diverged_is_said_to_have_even_between_sparse_records(
    engine: Engine, train: Callable[..., Any]
) -> None:
    run_id, _, _ = train(experiment(*EXPLODING, "steps=150", "record_every=20"))
    diverged = read.networks(engine, run_id)[0]
    losses = {row["step"]: row["loss"] for row in exported(engine, run_id, "network_records")
              if row["network_id"] == diverged.id}  # fmt: skip
    assert diverged.diverged_step == min(s for s in losses if not math.isfinite(losses[s]))
    assert diverged.frozen_step is None


def test_momentum_counts_in_the_update_ratio(engine: Engine, train: Callable[..., Any]) -> None:
    run_id, _, _ = train(experiment("momentum=0.9", "steps=30"))
    row = next(r for r in exported(engine, run_id) if r["step"] == 30 and r["layer"] == "hidden1")
    without = 0.1 * row["weight_grad_norm"] / row["weight_norm"]
    assert row["update_ratio"] > 2 * without


def test_the_update_ratio_is_that_of_the_update_whatever_made_it(
    engine: Engine, train: Callable[..., Any]
) -> None:
    """The last record's against the weights of a run that ended a step earlier."""
    adam = ("algorithm=adam", "lr=0.01", "weight_decay=0.001", "schedule=step", "decay=0.5",
            "decay_every=10", "steps=29", "dropout=0.2")  # fmt: skip
    _, before, _ = train(experiment(*adam))
    run_id, after, _ = train(experiment(*adam, "steps=30"))
    last = [row for row in exported(engine, run_id) if row["step"] == 30]
    rates = {row["step"]: row["lr"] for row in exported(engine, run_id, "network_records")}
    assert [rates[step] for step in (1, 10, 11, 30)] == pytest.approx([0.01, 0.01, 0.005, 0.0025])
    for row, network, older in (
        (row, after[position], before[position])
        for position, arm in enumerate(("none", "BatchNorm"))
        for row in last
        if row["arm"] == arm
    ):
        new, old = (n.get_submodule(row["layer"]).weight.detach() for n in (network, older))
        assert row["update_ratio"] == pytest.approx(((new - old).norm() / old.norm()).item(), 1e-4)


def test_training_on_few_examples_takes_them_at_equal_distances(images: datasets.Images) -> None:
    few = images.thinned(100)
    assert np.array_equal(few.train_images[1], images.train_images[len(images.train_images) // 100])
    assert len(few.train_labels) == 100 and len(set(few.train_labels.tolist())) == 10
    assert few.test_images is images.test_images
    with pytest.raises(DatasetProblem, match="1,437 examples, got train_examples=1438"):
        images.thinned(1438)


def test_evaluating_leaves_the_network_as_it_was(images: datasets.Images) -> None:
    prepared = prepare(experiment(), images, CPU)
    network = networks_of(prepared)[1]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    values = evaluate(network, *prepared.test)
    assert network.training
    assert all(torch.equal(before[n], v) for n, v in network.state_dict().items())
    assert values["test_loss"] != values["test_loss_batch_statistics"]


def test_evaluations_come_early_and_then_regularly() -> None:
    due = [step for step in range(1201) if is_due(step, 500, 1200)]
    assert due == [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1200]


def test_the_paper_pair_reaches_its_reference_values(mnist_folder: Path, engine: Engine) -> None:
    """At lr 0.1 and N(0, 0.1²), after 1,000 steps: BatchNorm above 0.89, none below 0.75."""
    wanted = with_settings(catalog.experiment("mnist-sigmoid"), ["steps=1000", "device=cpu"])
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    prepared = prepare(wanted, datasets.load("mnist", mnist_folder, lambda _: None), CPU)
    recorder = RecorderProcess(str(engine.url), run_id)
    assert watch_and_train(wanted, prepared, recorder, CPU, threading.Event())
    summary = read.run(engine, run_id).summary
    assert summary["none"]["last_accuracy"] < 0.75
    assert summary["BatchNorm"]["last_accuracy"] > 0.89


def assert_same_records(engine: Engine, ours: int, theirs: int, rel: float) -> None:
    """Every statistic of every layer, within `rel` of itself or of a thousandth of 1."""
    pairs = zip(exported(engine, ours), exported(engine, theirs), strict=True)
    for number, (a, b) in enumerate(pairs):
        assert (a["arm"], a["seed"], a["layer"], a["step"]) == (
            b["arm"], b["seed"], b["layer"], b["step"]
        )  # fmt: skip
        for name in ("mean", "std", "min", "p50", "max", "shift_w1", "shift_from_start",
                     "activation_grad_norm", "weight_grad_norm", "weight_norm", "update_ratio",
                     "grad_snr", "mean_drift", "var_drift", "gamma_mean", "beta_std"):  # fmt: skip
            if b[name] is None:
                assert a[name] is None, name
            else:
                assert a[name] == pytest.approx(b[name], rel=rel, abs=1e-3 * rel), (name, number)


def test_stacked_seeds_on_a_device_record_what_they_record_apart(
    engine: Engine, train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a GPU, walked on the CPU: one stack an arm, and a ring on the device."""
    monkeypatch.setattr(ring, "SLOTS", 4)  # so that stretches are used again and again
    wanted = experiment("steps=60", "seeds=0,1,2", "momentum=0.9")
    apart, _, _ = train(wanted)
    monkeypatch.setattr(feeder, "slots_on", device_slots)
    together, networks, completed = train(wanted, stacked=True)
    assert completed and len({weights_hash(network) for network in networks}) == 6
    assert_same_records(engine, together, apart, rel=1e-3)


def device_slots(device: torch.device, plan: Plan, memory: Any, shared: Any) -> DeviceSlots:
    return DeviceSlots(plan, memory, shared, device)


@pytest.mark.parametrize("settings", [("lr=0.1",), EXPLODING, ("record_every=3",)])
def test_a_device_finishes_statistics_as_the_recorder_does(
    settings: tuple[str, ...], engine: Engine, train: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Of 70 records the last two do not fill a stretch; of every third the last four just do."""
    monkeypatch.setattr(ring, "SLOTS", 4)
    wanted = experiment("steps=70", "seeds=0,1,2", *settings)
    theirs, _, _ = train(wanted, stacked=True)
    monkeypatch.setattr(feeder, "slots_on", device_slots)
    ours, _, completed = train(wanted, stacked=True, finishes=True)
    assert completed
    assert_same_statistics(exported(engine, ours), exported(engine, theirs))


@pytest.mark.parametrize("device", [GPU])
@pytest.mark.parametrize("seeds", ["0", "0,1,2"])
def test_a_gpu_records_what_the_cpu_records(
    device: str, seeds: str, engine: Engine, train: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(ring, "SLOTS", 4)  # so that stretches are used again and again
    wanted = experiment("steps=100", f"seeds={seeds}")
    ours, theirs = (train(wanted, device=torch.device(d))[0] for d in (device, "cpu"))
    assert_same_records(engine, ours, theirs, rel=1e-2)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")],
)
def test_a_full_memory_is_said_to_be_one(error: Exception) -> None:
    assert "not enough memory" in explain(error) and "smaller batch" in explain(error)
    assert "shiftscope's own (ValueError: x)" in explain(ValueError("x"))


def test_networks_that_do_not_fit_into_memory_are_refused_before_they_are_built() -> None:
    wide = with_settings(
        catalog.experiment("mnist-sigmoid"),
        ["dataset=digits", "device=cpu", f"network.hidden={[4096] * 64}", f"seeds={[*range(16)]}"],
    )
    images = datasets.load("digits", Path("absent"), lambda _: None)
    with pytest.raises(SetupProblem, match=r"take 5\d\d\.\d GB of memory, and .* GB are free"):
        prepare(wide, images, torch.device("cpu"))
