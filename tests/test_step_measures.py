"""Gradient shift and landscape of any run: every kind of network, and training none the wiser."""

import math
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from queries import exported
from sqlalchemy import Engine
from torch import Tensor, nn
from torch.nn import functional

from shiftscope.db import catalog, queue, read
from shiftscope.db.arm import Arm
from shiftscope.db.experiment import Experiment
from shiftscope.db.network import Network, NetworkKind
from shiftscope.db.norms import NormName
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets, step_measures
from shiftscope.trainer.crew import Crew
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.landscape import (
    BatchLoss,
    copied,
    gradient_shift,
    landscape,
    layers_of,
)
from shiftscope.trainer.networks import networks
from shiftscope.trainer.networks.weight_noise import add_weight_noise
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.ring import Measured
from shiftscope.trainer.setup import Prepared, prepare
from shiftscope.trainer.step_measures import StepMeasures, is_measured

CPU = torch.device("cpu")
SMALL = ("hidden=8,6", "channels=4,6", "blocks=1", "batch_size=8")
BOTH = ("gradient_shift_every=1", "landscape_every=1")
ARMS = [
    {"name": "none", "norm": "none", "lr": 0.1},
    {"name": "noisy", "norm": "batch_noisy", "dropout": 0.5},
    {"name": "after", "norm": "batch_renorm", "norm_place": "after", "weight_noise": 0.3},
]
KINDS: list[NetworkKind] = list(get_args(NetworkKind))


def experiment(*settings: str, arms: list[dict[str, Any]] | None = None) -> Experiment:
    """A small pair on digits; `arms` are documents."""
    base = catalog.experiment("mnist-sigmoid")
    wanted = with_settings(base, ["dataset=digits", *SMALL, *settings])
    if arms is None:
        return wanted
    return Experiment.model_validate(wanted.model_dump() | {"arms": arms})


def images() -> datasets.Images:
    return datasets.load("digits", Path(), lambda _: None)


def ready_for(wanted: Experiment, lr: float | None = None, **options: bool) -> Prepared:
    """What trains; with `lr` at a learning rate that no document may ask for."""
    if lr is not None:
        optimizer = wanted.optimizer.model_copy(update={"lr": lr})
        arms = [arm.model_copy(update={"lr": None}) for arm in wanted.arms]
        wanted = wanted.model_copy(update={"optimizer": optimizer, "arms": arms})
    return prepare(wanted, images(), CPU, **options)


def one_step(
    ready: Prepared, wanted: Experiment
) -> tuple[list[Measured], list[tuple[Tensor, Tensor]]]:
    """What is found around the first step, of whose loss it is, and its batches."""
    losses: dict[int, float] = {}
    measures = StepMeasures(ready.stacks, wanted.recording, threading.Event())
    drawn = [next(batches) for batches in ready.batches]
    measures.begin(1)
    with torch.no_grad():
        for stack in ready.stacks:
            inputs, labels = zip(*(drawn[which] for which in stack.draws), strict=True)
            seen = stack.look(stack.gather(inputs), stack.gather(labels))
            losses |= zip(stack.positions, seen.losses.flatten().tolist(), strict=True)
            stack.update(seen)
    found, seconds = measures.end(Crew(ready.stacks, CPU), drawn)
    assert seconds > 0
    for position, _, _, along in found:
        assert along is not None and along["loss"] == pytest.approx(losses[position], rel=1e-6)
    return found, drawn


def train(engine: Engine, wanted: Experiment) -> int:
    """A whole run; returns its number."""
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    ready = ready_for(wanted)
    recorder = RecorderProcess(str(engine.url), run_id)
    watch_and_train(wanted, ready, recorder, CPU, threading.Event())
    return run_id


def made(kind: NetworkKind, arm: Arm) -> tuple[nn.Module, Tensor, Tensor]:
    """A small network in double precision, and a batch for it."""
    torch.manual_seed(0)
    own = {"weight_noise": 0.3, "dropout": 0.5} if arm.norm == "batch_noisy" else {}
    network = Network.model_validate(
        {"kind": kind, "hidden": [8, 6], "channels": [4, 6], "blocks": 1, "width": 0.1, **own}
    )
    built = networks()[kind](3, 5, network, arm, 0)
    if network.weight_noise:
        add_weight_noise(built, network.weight_noise, 7)
    shape = (3,) if kind == "mlp" else (3, 16, 16)
    return built.double(), torch.randn(6, *shape, dtype=torch.float64), torch.arange(6) % 5


@pytest.mark.parametrize(
    ("kind", "norm"),
    [
        *((kind, "none") for kind in KINDS),
        *((kind, norm) for kind in KINDS[:3] for norm in ("batch_noisy", "layer")),
        ("micro_inception", "batch"),
    ],
)
def test_a_step_of_length_0_shifts_nothing_whatever_noise_there_is(
    kind: NetworkKind, norm: NormName
) -> None:
    """And every parameter belongs to one layer, of those that records have."""
    place = "after" if norm == "layer" and kind != "residual" else "before"
    per_activation = kind == "micro_inception" and norm == "batch"
    arm = Arm(name="a", norm=norm, norm_place=place, per_activation=per_activation)
    network, inputs, labels = made(kind, arm)
    found = find_layers(network, inputs).layers
    layers = layers_of(network, found)
    held = [name for layer in layers for name in layer.all]
    assert sorted(held) == sorted(name for name, _ in network.named_parameters())
    before, buffers = copied(network.named_parameters()), copied(network.named_buffers())
    network(inputs)  # as a step does, which moves running statistics and counts what is drawn
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random = torch.get_rng_state()
    batch = BatchLoss(network, inputs, labels, before, buffers)
    first, *others = gradient_shift(batch, layers, copied(network.named_parameters()))
    assert first is None and {shift.l2 for shift in others if shift is not None} == {0.0}
    assert None not in others
    along = landscape(batch, [0.0] * 8)
    assert along.loss_range == along.gradient_change == 0
    assert math.isnan(along.smoothness), "no distance was moved"
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(state[name], t) for name, t in network.state_dict().items())


def test_definition_2_1_by_hand_in_a_residual_network() -> None:
    """Behind the shortcut comes conv1: which was called first counts, not what feeds what."""
    network, inputs, labels = made("residual", Arm(name="a", norm="batch"))
    found = find_layers(network, inputs).layers
    names = [layer.name for layer in found]
    assert names == [
        "stem.conv", "stage1_1.conv1", "stage1_1.conv2",
        "stage2_1.shortcut", "stage2_1.conv1", "stage2_1.conv2", "output",
    ]  # fmt: skip
    layers = layers_of(network, found)
    assert layers[3].all == [
        "stage2_1.shortcut.weight", "stage2_1.shortcut_norm.weight", "stage2_1.shortcut_norm.bias",
    ]  # fmt: skip
    before = copied(network.named_parameters())
    after = {name: tensor + 0.1 * torch.randn_like(tensor) for name, tensor in before.items()}
    shift = gradient_shift(BatchLoss(network, inputs, labels), layers, after)[4]

    def gradient() -> Tensor:
        loss = functional.cross_entropy(network(inputs), labels)
        weight = network.get_parameter("stage2_1.conv1.weight")
        return torch.autograd.grad(loss, weight)[0].flatten()

    old = gradient()
    for name in after:
        if name.startswith(("stem", "stage1", "stage2_1.shortcut")):
            network.get_parameter(name).data.copy_(after[name])
    new = gradient()
    assert shift is not None
    assert shift.l2 == pytest.approx((old - new).norm().item())
    assert shift.relative == pytest.approx(((old - new).norm() / old.norm()).item())
    assert shift.cosine == pytest.approx((old @ new / old.norm() / new.norm()).item())


@pytest.mark.parametrize(("kind", "arms"), [("mlp", ARMS[1:]), ("convolutional", ARMS[1:2])])
def test_g_is_the_gradient_of_the_step_itself_to_the_bit(
    kind: str, arms: list[dict[str, Any]]
) -> None:
    ready = ready_for(experiment(f"kind={kind}", arms=arms))
    ((inputs, labels),) = [next(batches) for batches in ready.batches]
    for stack in ready.stacks:
        network = stack.networks[0]
        before = copied(network.named_parameters()), copied(network.named_buffers())
        with torch.no_grad():
            seen = stack.look(inputs, labels)
        batch = BatchLoss(network, inputs, labels, *before)
        assert batch.loss == seen.losses.item()
        for found, gradient in zip(batch.gradients.values(), seen.gradients, strict=True):
            assert torch.equal(found, gradient)


@pytest.mark.parametrize("norm", ["layer", "group", "instance", "weight_standardization"])
def test_norms_of_an_example_behind_the_nonlinearity_of_images_are_measured(norm: NormName) -> None:
    """Torch crashed where the gradient of γ was asked for, and that of its input was not."""
    arms = [{"name": norm, "norm": norm, "norm_place": "after"}]
    wanted = experiment("kind=convolutional", *BOTH, arms=arms)
    ((_, _, shifts, _),), _ = one_step(ready_for(wanted), wanted)
    assert shifts is not None and sum(shift is not None for shift in shifts) >= 4


def test_a_stop_ends_measuring_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_measures, "GIVE_UP_SECONDS", 0)
    wanted = experiment(*BOTH)
    ready, stop = ready_for(wanted), threading.Event()
    measures = StepMeasures(ready.stacks, wanted.recording, stop)
    drawn = [next(batches) for batches in ready.batches]
    measures.begin(1)
    stop.set()
    found, seconds = measures.end(Crew(ready.stacks, CPU), drawn)
    assert found == [] and seconds > 0 and measures.gave_up


def test_with_learning_rate_0_a_step_shifts_nothing() -> None:
    wanted = experiment(*BOTH, arms=ARMS[1:2])
    found, _ = one_step(ready_for(wanted, lr=0.0), wanted)
    assert [position for position, *_ in found] == [0]
    for _, step, shifts, along in found:
        assert step == 1 and shifts is not None and along is not None
        assert {shift["l2"] for shift in shifts if shift is not None} == {0.0}
        assert {shift["cosine"] for shift in shifts if shift is not None} == {1.0}
        assert along["gradient_change"] == 0


def test_the_landscape_goes_up_to_four_learning_rates() -> None:
    wanted = experiment("lr=0.2", "landscape_every=1", arms=[{"name": "a", "norm": "batch"}])
    ready = ready_for(wanted)
    network = ready.stacks[0].networks[0]
    before = copied(network.named_parameters())
    ((_, _, shifts, found),), (batch,) = one_step(ready, wanted)
    assert shifts is None and found is not None
    here = BatchLoss(network, *batch, before)
    names = list(before)
    points = [
        here.at({n: t - 0.2 * times * here.gradients[n] for n, t in before.items()}, names)
        for times in (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4)
    ]
    losses = [loss for loss, _ in points]
    size = math.sqrt(sum(float(g.double().square().sum()) for g in here.gradients.values()))
    changes = [
        math.sqrt(
            sum(float((g - here.gradients[n]).double().square().sum()) for n, g in of.items())
        )
        for _, of in points
    ]
    moved = [0.1 * (at + 1) * size for at in range(8)]
    assert found == pytest.approx({
        "loss": here.loss,
        "loss_range": max(losses) - min(losses),
        "gradient_change": max(changes),
        "smoothness": max(c / m for c, m in zip(changes, moved, strict=True)),
    }, rel=1e-5)  # fmt: skip


@pytest.mark.parametrize("twins", [True, False])
def test_stacked_networks_are_measured_one_by_one(twins: bool) -> None:
    """Each on its own batch, which is that of its seed or, of no twins, of nobody else."""
    arms = [{"name": "a", "norm": "batch"}, {"name": "b", "norm": "none"}]
    wanted = experiment("seeds=0,1", f"twins={twins}", *BOTH, arms=arms)
    apart, _ = one_step(ready_for(wanted, stacked=False), wanted)
    together, drawn = one_step(ready_for(wanted, stacked=True), wanted)
    assert len(drawn) == (2 if twins else 4)
    assert [position for position, *_ in sorted(together)] == [0, 1, 2, 3]
    for (_, _, one, along), (_, _, other, beside) in zip(
        sorted(apart), sorted(together), strict=True
    ):
        assert one is not None and other is not None
        for a, b in zip(one, other, strict=True):
            assert a == b is None or a == pytest.approx(b, rel=1e-3)
        assert along == pytest.approx(beside, rel=1e-3)
    losses = {along["loss"] for *_, along in together if along is not None}
    assert len(losses) == 4


def test_the_copies_made_before_a_step_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        def perf_counter(self) -> float:
            return self.now

    def copy(named: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
        clock.now += 1
        return copied(named)

    clock = Clock()
    monkeypatch.setattr(step_measures, "time", clock)
    monkeypatch.setattr(step_measures, "copied", copy)
    wanted = experiment("landscape_every=2", arms=ARMS[1:2])
    ready = ready_for(wanted)
    measures = StepMeasures(ready.stacks, wanted.recording, threading.Event())
    crew = Crew(ready.stacks, CPU)
    drawn = [next(batches) for batches in ready.batches]
    took: list[float] = []
    for step in (1, 2, 3):
        measures.begin(step)
        clock.now += 10  # the step itself
        took.append(measures.end(crew, drawn)[1])
    assert took == [2, 0, 2], "parameters and buffers of one network"


def test_when_is_measured() -> None:
    assert [step for step in range(1, 30) if is_measured(step, 10)] == [1, 11, 21]
    assert not any(is_measured(step, None) for step in range(1, 30))


def test_what_is_stored_and_what_it_cost(engine: Engine) -> None:
    settings = ("steps=16", "gradient_shift_every=7", "landscape_every=10")
    run_id = train(engine, experiment(*settings, arms=ARMS[1:2]))
    run = read.run(engine, run_id)
    seconds = max(row["seconds"] for row in exported(engine, run_id, "network_records"))
    assert run.measured is not None and 0 < run.measured < seconds
    assert run.overhead is not None and 0 < run.overhead < 1

    shifts = exported(engine, run_id, "gradient_shift_records")
    networks = read.networks(engine, run_id)
    layers = read.layers(engine, run_id)
    assert len(shifts) == 3 * len(layers)
    assert {row["step"] for row in shifts} == {1, 8, 15}
    for row in shifts:
        is_first = row["layer"] == "hidden1"
        assert (row["shift_l2"] is None) == is_first
        assert is_first or (row["shift_l2"] > 0 and -1 <= row["shift_cosine"] <= 1)
    along = exported(engine, run_id, "landscape_records")
    assert [(row["network_id"], row["step"]) for row in along] == [
        (network.id, step) for network in networks for step in (1, 11)
    ]
    losses = {
        (row["network_id"], row["step"]): row["loss"]
        for row in exported(engine, run_id, "network_records")
    }
    assert all(row["loss"] == losses[row["network_id"], row["step"]] for row in along)
    assert all(row["smoothness"] > 0 for row in along)
