"""Stretches that a device finishes: the recorder's rows are those of the raw samples."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from queries import exported
from same_statistics import assert_same_statistics
from sqlalchemy import Engine

from shiftscope.db import queue
from shiftscope.trainer import statistics
from shiftscope.trainer.plan import LayerPlan, NormPlaces, Plan, StackPlan
from shiftscope.trainer.recording import RunRecording
from shiftscope.trainer.ring import Cost, Part, SharedMemory
from shiftscope.trainer.slots import DeviceSlots

DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here"),
        ],
    ),
]
LAYERS = [
    LayerPlan("hidden", "Linear", "batch", "relu", (7, 5), 1, running=True, gamma=True, beta=True,
              epsilon=1e-5, momentum=0.1, places=NormPlaces([0], [1], [2], [2])),
    LayerPlan("sampled", "Conv2d", "none", "gelu", (32, 16, 14, 14), 1),
    LayerPlan("odd", "Linear", "none", "unknown", (7, 4), 1),
    LayerPlan("output", "Linear", "none", "none", (7, 3), 1),
]  # fmt: skip
NETWORKS, SLOTS = 3, 4
WHOLE = [[4], [4], [4], [4]]
IN_PARTS = [[1, 3], [4], [2, 1, 1], [4], [4], [1, 2]]
"""By stretch how many slots are handed over at a time; the last one is not filled."""
Spoil = Callable[[int, torch.Tensor], None]
"""Changes the samples (networks, size) of a layer at a step."""


def as_drawn(step: int, sample: torch.Tensor) -> None:
    """Every value is finite."""


def broken_once(step: int, sample: torch.Tensor) -> None:
    """One network has infinite values at one step, and NaN at another."""
    if step == 6:
        sample[1, :2] = torch.inf
    if step == 11:
        sample[1] = torch.nan


def broken_from_the_start(step: int, sample: torch.Tensor) -> None:
    """The record that every other one is compared with has no finite value."""
    if step == 1:
        sample[0] = torch.nan


def extreme(step: int, sample: torch.Tensor) -> None:
    """Differences overflow; at other steps nothing moves at all."""
    sample[2] = 3e38 if step % 2 else -3e38
    sample[1] = 1.5


def plan_of(*, finishes: bool) -> Plan:
    rows = [
        {"arm": f"arm {i}", "seed": 0, "parameters": 1, "weights_hash": ""}
        for i in range(NETWORKS)
    ]  # fmt: skip
    stack = StackPlan(rows, list(range(NETWORKS)), LAYERS, 3, (2, 3), 7, True)
    return Plan([stack], slots=SLOTS, stretches=2, finishes=finishes)


def record(
    engine: Engine, device: str, stretches: Sequence[Sequence[int]], spoil: Spoil, *, finishes: bool
) -> list[dict[str, Any]]:
    """Fill stretches on a device and record them; from step 9 on the first network is dropped."""
    plan, memory = plan_of(finishes=finishes), SharedMemory()
    run_id = queue.begin_watched(engine, queue.register(engine, "watch"), "filled", {})
    recording = RunRecording(engine, run_id, memory, plan)
    slots = DeviceSlots(plan, memory, memory.open(plan), torch.device(device))
    generator, step = torch.Generator().manual_seed(0), 0
    for number, parts in enumerate(stretches):
        stretch, filled = slots.stretches[number % plan.stretches], 0
        for count in parts:
            steps = list(range(step + 1, step + count + 1))
            for slot, step in enumerate(steps, start=filled):
                (room,) = stretch.stacks
                for array in (room.norms, room.given):
                    array[slot] = torch.rand(array.shape[1:], generator=generator).to(device)
                room.labels[slot] = step % 3
                for layer in room.layers:
                    for array in (layer.running, layer.gamma, layer.beta):
                        if array is not None:
                            drawn = torch.rand(array.shape[1:], generator=generator)
                            array[slot] = drawn.to(device)
                    sample = torch.randn(layer.sample.shape[1:], generator=generator) + step / 10
                    spoil(step, sample)
                    layer.sample[slot] = sample.to(device)
            slots.send(stretch.index, full=filled + count == SLOTS).synchronize()
            recording.add(
                Part(
                    stretch=stretch.index, start=filled, steps=steps, seconds=[0.1] * count,
                    releases=filled + count == SLOTS, active=[step < 9, True, True], frozen=[],
                    evaluations=[], irregular=[], step=step, reached=step,
                    cost=Cost(step, 0.0, 0.0, 1.0),
                )
            )  # fmt: skip
            filled += count
    recording.commit(last=True)
    memory.close()
    return exported(engine, run_id)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("stretches", [WHOLE, IN_PARTS])
@pytest.mark.parametrize("spoil", [as_drawn, broken_once, broken_from_the_start, extreme])
def test_finished_statistics_are_those_of_the_raw_samples(
    device: str, stretches: list[list[int]], spoil: Spoil, engine: Engine
) -> None:
    theirs = record(engine, "cpu", stretches, spoil, finishes=False)
    ours = record(engine, device, stretches, spoil, finishes=True)
    assert_same_statistics(ours, theirs)
    assert (ours[0]["shift_w1"], ours[0]["step"]) == (None, 1)


def test_the_recorder_computes_only_what_no_device_has_finished(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []
    preactivation = statistics.preactivation

    def spy(z: np.ndarray, *settings: Any) -> Any:
        computed.append(len(z))
        return preactivation(z, *settings)

    monkeypatch.setattr(statistics, "preactivation", spy)
    record(engine, "cpu", WHOLE, as_drawn, finishes=True)
    assert computed == []
    record(engine, "cpu", [[4], [3, 1], [2]], as_drawn, finishes=True)
    assert sum(computed) == len(LAYERS) * (3 * NETWORKS + 2 * (NETWORKS - 1))
    computed.clear()
    record(engine, "cpu", WHOLE, broken_once, finishes=True)
    # of the second network: the stretch with an infinite value, and that with NaN
    assert sum(computed) == len(LAYERS) * 2 * SLOTS


def test_columns_have_the_names_of_what_is_computed() -> None:
    for layer in [*LAYERS, replace(LAYERS[0], activation="unknown")]:
        sampling = layer.sampling
        columns, _, _ = statistics.of_finite(
            np.ones((1, sampling.size), np.float32), layer.activation, sampling
        )
        names = statistics.finite_columns(layer.activation, sampling)
        assert tuple(columns) == names
        assert layer.finished == (*names, "shift_w1", "shift_from_start", "is_finished")
