"""The ring: one layout in both processes, memory without a name, and records of odd shapes."""

import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from exporting import csv_text
from queries import exported
from sqlalchemy import Engine

from shiftscope.db import queue, read
from shiftscope.db.series import Selection, series
from shiftscope.trainer.plan import PLAN, LayerPlan, NormPlaces, Plan, StackPlan
from shiftscope.trainer.recording import RunRecording
from shiftscope.trainer.ring import (
    ALIGNMENT,
    LOSS,
    LR,
    NOT_GIVEN,
    PART,
    STRETCH_BYTES,
    Cost,
    Part,
    SharedMemory,
    Stretch,
    slots_for,
)
from shiftscope.trainer.shift import wasserstein
from shiftscope.trainer.slots import DeviceSlots, Slots

NORMALIZED = LayerPlan(
    "hidden", "Linear", "batch", "relu", (7, 5), 1,
    running=True, gamma=True, beta=True, epsilon=1e-5, momentum=0.1,
    places=NormPlaces([0], [1], [2], [2]),
)  # fmt: skip
OUTPUT = LayerPlan("output", "Linear", "none", "none", (7, 3), 1)


def plan_of(networks: int = 2, labels: int = 7, layers: Any = (NORMALIZED, OUTPUT)) -> Plan:
    rows = [
        {"arm": f"arm {i}", "seed": 0, "parameters": 1, "weights_hash": ""}
        for i in range(networks)
    ]  # fmt: skip
    stack = StackPlan(rows, list(range(networks)), list(layers), 3, (2, 3), labels, True)
    return Plan([stack], slots=4, stretches=2)


def arrays(stretch: Stretch) -> list[Any]:
    """All arrays of a stretch in a fixed order."""
    found: list[Any] = []
    for stack in stretch.stacks:
        for layer in stack.layers:
            found += [layer.sample, layer.running, layer.gamma, layer.beta]
        found += [stack.norms, stack.given, stack.labels]
    return [array for array in found if array is not None]


def fill(stretches: list[Stretch]) -> list[str]:
    """Different values in every array, as tensors; returns a digest of each."""
    generator = torch.Generator().manual_seed(0)
    digests: list[str] = []
    for stretch in stretches:
        for array in arrays(stretch):
            array.copy_(torch.randint(1000, array.shape, generator=generator))
            digests.append(hashlib.sha256(array.cpu().numpy().tobytes()).hexdigest())
    return digests


READ = """
import hashlib, json, sys
from shiftscope.trainer.plan import PLAN
from shiftscope.trainer.ring import SharedMemory

plan = PLAN.validate_python(json.load(sys.stdin))
memory = SharedMemory({file})
found = []
for stretch in memory.open(plan):
    for stack in stretch.stacks:
        every = [a for x in stack.layers for a in (x.sample, x.running, x.gamma, x.beta)]
        every += [stack.norms, stack.given, stack.labels]
        found += [hashlib.sha256(a.tobytes()).hexdigest() for a in every if a is not None]
assert "torch" not in sys.modules
print(json.dumps(found))
"""


@pytest.mark.parametrize("networks", [1, 3])
@pytest.mark.parametrize("labels", [0, 7])
def test_both_processes_lay_the_ring_out_alike(networks: int, labels: int) -> None:
    plan, memory = plan_of(networks, labels), SharedMemory()
    slots = Slots(plan, memory, memory.open(plan))
    written = fill(slots.stretches)
    done = subprocess.run(
        [sys.executable, "-c", READ.format(file=memory.file)],
        input=json.dumps(PLAN.dump_python(plan, mode="json")),
        capture_output=True, text=True, pass_fds=[memory.file],
    )  # fmt: skip
    memory.close()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == written


def test_arrays_are_aligned_and_do_not_overlap() -> None:
    plan, memory = plan_of(3), SharedMemory()
    for stretch in memory.open(plan):
        spans = sorted((a.ctypes.data, a.ctypes.data + a.nbytes) for a in arrays(stretch))
        assert all(begin % ALIGNMENT == 0 for begin, _ in spans)
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    memory.close()
    memory.close()  # a second time does no harm: the number may be another file's by now


def test_memory_that_is_not_open_says_so() -> None:
    memory = SharedMemory()
    with pytest.raises(ValueError, match="not open"):
        memory.block(plan_of(), 0)
    memory.close()


def test_a_stretch_is_bounded_in_slots_bytes_and_steps() -> None:
    assert slots_for(1000, 1) == 64
    assert slots_for(1000, 100) == 10
    assert slots_for(STRETCH_BYTES // 40, 1) == 10
    assert slots_for(10**9, 10**6) == 2


def test_a_device_fills_stretches_of_its_own_which_cross_in_one_copy() -> None:
    """With the CPU in the place of the device: the same copy, without its stream."""
    plan, memory = plan_of(), SharedMemory()
    shared = memory.open(plan)
    slots = DeviceSlots(plan, memory, shared, torch.device("cpu"))
    fill(slots.stretches)
    assert not any(array.any() for stretch in shared for array in arrays(stretch))
    crossing = slots.send(1, full=True)
    crossing.synchronize()
    assert crossing.query()
    assert not any(array.any() for array in arrays(shared[0])), "only what was sent crosses"
    for ours, theirs in zip(arrays(shared[1]), arrays(slots.stretches[1]), strict=True):
        assert np.array_equal(ours, theirs.numpy())
    memory.close()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")
def test_a_stretch_crosses_from_a_gpu() -> None:
    plan, memory = plan_of(), SharedMemory()
    shared = memory.open(plan)
    slots = DeviceSlots(plan, memory, shared, torch.device("cuda"))
    digests = fill(slots.stretches)
    for index in range(2):
        slots.send(index, full=True).synchronize()
    crossed = [
        hashlib.sha256(array.tobytes()).hexdigest()
        for stretch in shared
        for array in arrays(stretch)
    ]
    assert crossed == digests
    memory.close()


def test_plans_and_parts_survive_json() -> None:
    plan = plan_of()
    assert PLAN.validate_python(json.loads(json.dumps(PLAN.dump_python(plan, mode="json")))) == plan
    part = part_of(
        [1, 2],
        irregular=[(0, 1, 1, (4, 3), 1, 1), (0, 1, 0, (9,), None, 2)],
        evaluations=[(0, 2, {"a": None})],
    )
    assert PART.validate_python(json.loads(json.dumps(PART.dump_python(part)))) == part


def part_of(steps: list[int], start: int = 0, **given: Any) -> Part:
    settings: dict[str, Any] = {
        "stretch": 0, "start": start, "steps": steps, "seconds": [0.1 * s for s in steps],
        "releases": False, "active": [True], "frozen": [], "evaluations": [], "irregular": [],
        "step": steps[-1], "reached": steps[-1], "cost": Cost(steps[-1], 0.01, 0.0, 1.0),
    }  # fmt: skip
    return Part(**settings | given)


@dataclass
class Recorded:
    """A watched run of one network, and the ring that its records come from."""

    engine: Engine
    run_id: int
    recording: RunRecording
    stretch: Stretch

    def rows(self, layer: str) -> list[dict[str, Any]]:
        return [row for row in exported(self.engine, self.run_id) if row["layer"] == layer]


@pytest.fixture
def recorded(engine: Engine) -> Iterator[Recorded]:
    """Its ring is full of random numbers."""
    run_id = queue.begin_watched(engine, queue.register(engine, "watch"), "odd", {})
    plan, memory = plan_of(networks=1), SharedMemory()
    (stretch, *_) = memory.open(plan)
    random = np.random.default_rng(0)
    for array in arrays(stretch):
        array[...] = random.normal(size=array.shape) * 3 + 5
    yield Recorded(engine, run_id, RunRecording(engine, run_id, memory, plan), stretch)
    memory.close()


def test_a_record_of_another_shape_rests_on_its_own_elements(recorded: Recorded) -> None:
    """As a last batch, which is smaller: 4 of 7 examples in the second of three slots."""
    recording, stretch = recorded.recording, recorded.stretch
    assert recording.add(part_of([1, 2, 3], irregular=[(0, 0, 1, (4, 5), 1, 1)])) is None
    recording.commit(last=False)
    sample = stretch.stacks[0].layers[0].sample[:, 0].astype(np.float64)
    expected = [sample[0], sample[1, :20], sample[2]]
    rows = recorded.rows("hidden")
    assert [row["step"] for row in rows] == [1, 2, 3]
    for row, z in zip(rows, expected, strict=True):
        assert row["mean"] == pytest.approx(z.mean(), rel=1e-6)
        assert row["std"] == pytest.approx(z.std(), rel=1e-6)
        assert row["p85"] == pytest.approx(np.quantile(z, 0.85), rel=1e-6)
        assert row["gamma_mean"] is not None and row["mean_drift"] is not None
    for row, z, past in zip(rows[1:], expected[1:], expected, strict=False):
        pooled = np.sqrt((z.var() + past.var()) / 2)
        distance = wasserstein(np.sort(z), np.sort(past)) / pooled
        assert row["shift_w1"] == pytest.approx(distance, rel=1e-5)
    assert rows[0]["shift_w1"] is None
    assert [row["mean"] for row in recorded.rows("output")] == pytest.approx(
        stretch.stacks[0].layers[1].sample[:3, 0].mean(1)
    )


def test_shapes_of_one_slot_do_not_leak_into_the_next_part(recorded: Recorded) -> None:
    recording, stretch = recorded.recording, recorded.stretch
    recording.add(part_of([1, 2], irregular=[(0, 0, 1, (2, 5), 1, 1)]))
    assert recording.add(part_of([3, 4], start=2, releases=True)) == 0
    recording.commit(last=True)
    sample = stretch.stacks[0].layers[0].sample[:, 0].astype(np.float64)
    means = [sample[0].mean(), sample[1, :10].mean(), sample[2].mean(), sample[3].mean()]
    assert [row["mean"] for row in recorded.rows("hidden")] == pytest.approx(means)
    assert read.run(recorded.engine, recorded.run_id).step == 4


def test_a_record_may_have_a_stride_of_its_own_and_no_units(recorded: Recorded) -> None:
    """31 elements of which every second is kept: 16 lie in the slot."""
    recording, stretch = recorded.recording, recorded.stretch
    recording.add(part_of([1, 2], irregular=[(0, 0, 1, (31,), None, 2)]))
    recording.commit(last=True)
    z = stretch.stacks[0].layers[0].sample[1, 0, :16].astype(np.float64)
    first, second = recorded.rows("hidden")
    assert second["mean"] == pytest.approx(z.mean()) and second["max"] == z.max()
    assert first["dead"] is not None and second["dead"] is None


def test_what_was_not_given_does_not_apply_and_nan_stays_nan(recorded: Recorded) -> None:
    room = recorded.stretch.stacks[0]
    room.given[0, 0, LR] = room.norms[0, 0, 0] = room.norms[0, 0, 1] = NOT_GIVEN
    room.given[1, 0, LOSS] = np.nan
    recorded.recording.add(part_of([1, 2]))
    recorded.recording.commit(last=True)
    first, second = recorded.rows("hidden")
    assert first["activation_grad_norm"] is first["weight_norm"] is first["update_ratio"] is None
    assert first["weight_grad_norm"] is not None and second["weight_norm"] is not None
    rows = exported(recorded.engine, recorded.run_id, "network_records")
    assert rows[0]["lr"] is None and rows[1]["lr"] is not None
    assert np.isnan(rows[1]["loss"]) and rows[0]["loss"] == pytest.approx(room.given[0, 0, LOSS])


def test_what_was_measured_around_a_step_crosses_as_json_whatever_number_it_is(
    recorded: Recorded,
) -> None:
    shift = {"l2": math.nan, "relative": math.inf, "cosine": -0.5}
    along = {"loss": 2.5, "loss_range": math.nan, "gradient_change": math.inf, "smoothness": 0.0}
    part = part_of([1, 2], measured=[(0, 1, [None, shift], along), (0, 2, None, along)])
    recorded.recording.add(PART.validate_python(json.loads(json.dumps(asdict(part)))))
    recorded.recording.commit(last=True)
    shifts = exported(recorded.engine, recorded.run_id, "gradient_shift_records")
    assert [(row["layer"], row["step"]) for row in shifts] == [("hidden", 1), ("output", 1)]
    assert shifts[0]["shift_l2"] is shifts[0]["shift_cosine"] is None, "it does not apply"
    assert math.isnan(shifts[1]["shift_l2"]) and shifts[1]["shift_relative"] == math.inf
    assert shifts[1]["shift_cosine"] == -0.5
    rows = exported(recorded.engine, recorded.run_id, "landscape_records")
    assert [row["step"] for row in rows] == [1, 2] and rows[0]["gradient_change"] == math.inf
    assert math.isnan(rows[1]["loss_range"]) and rows[1]["loss"] == 2.5
    text = csv_text(recorded.engine, recorded.run_id, "landscape_records")
    assert text.splitlines()[1].endswith("2.5,NaN,Infinity,0.0")
    selection = Selection("landscape_records", rows[0]["network_id"], None, ("loss_range",))
    assert series(recorded.engine, selection, 0, 3, 4).nan == {"loss_range": [0]}


def test_speed_is_by_the_loops_clock_however_late_the_recorder_was(recorded: Recorded) -> None:
    recorded.recording.add(part_of([250], cost=Cost(1, 0.0, 0.0, 0.5)))
    recorded.recording.commit(last=False)
    assert read.run(recorded.engine, recorded.run_id).steps_per_second == pytest.approx(500)
    recorded.recording.add(part_of([350], start=1, cost=Cost(2, 0.0, 0.0, 1.0)))
    recorded.recording.commit(last=False)
    assert read.run(recorded.engine, recorded.run_id).steps_per_second == pytest.approx(200)
    recorded.recording.commit(last=False)  # nothing new: the speed stays
    assert read.run(recorded.engine, recorded.run_id).steps_per_second == pytest.approx(200)
    recorded.recording.commit(last=True)  # at the end it is the mean
    assert read.run(recorded.engine, recorded.run_id).steps_per_second == pytest.approx(350)


def test_the_latest_part_tells_what_looking_has_cost(recorded: Recorded) -> None:
    recorded.recording.add(part_of([1], cost=Cost(1, 0.25, 0.5, 10.0)))
    recorded.recording.add(part_of([3], start=1, cost=Cost(2, 0.5, 0.5, 20.0, measured=3.0)))
    recorded.recording.commit(last=True)
    run = read.run(recorded.engine, recorded.run_id)
    assert (run.step, run.looked, run.waited, run.measured) == (3, 2, 0.5, 3.0)
    assert run.overhead == pytest.approx((0.5 + 0.5) / (20 - 3))
