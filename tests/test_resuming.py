"""A run that goes on from a checkpoint records what it would have recorded without a break."""

import itertools
import math
import random
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from resumed import assert_same_records
from sqlalchemy import Engine

from shiftscope.db import catalog, queue, read, resuming
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets, feeder, step_measures
from shiftscope.trainer.checkpoint import Checkpoint, Checkpoints, write
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.fingerprint import fingerprint
from shiftscope.trainer.keeper import Facts, Keeper
from shiftscope.trainer.pixels import Scaling
from shiftscope.trainer.plan import Plan
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import Prepared, prepare
from shiftscope.trainer.slots import DeviceSlots
from shiftscope.trainer.step_measures import is_measured
from shiftscope.trainer.twins import ShuffledBatches

CPU = torch.device("cpu")
PAIR = ("hidden=20,10", "probe_every=15", "evaluate_every=10", "gradient_shift_every=7",
        "landscape_every=11", "batch_size=60")  # fmt: skip
ARMS = '[{"name": "none", "norm": "none"}, {"name": "BatchNorm", "norm": "batch"}]'
CONVOLUTIONS = ("kind=convolutional", "hidden=4", "dropout=0.3",
                "optimizer.algorithm=adam", "lr=0.01", "schedule=cosine", "evaluate_every=8",
                "probe_every=8")  # fmt: skip


def experiment(*settings: str) -> Experiment:
    base = catalog.experiment("mnist-sigmoid")
    return with_settings(base, ["dataset=digits", *settings])


@dataclass
class Trainings:
    """Trains runs, with breaks, in this process."""

    engine: Engine
    folder: Path
    images: datasets.Images
    warnings: list[str] = field(default_factory=list[str])
    begun: list[int] = field(default_factory=list[int])
    """The step that each training went on from."""

    def enqueue(self, wanted: Experiment) -> int:
        return queue.enqueue(self.engine, wanted)

    def train(
        self, run_id: int, *, until: int | None = None, every: float = 1e9
    ) -> tuple[Prepared, bool]:
        """Train until a step, or to the end; returns the networks and whether it was the end."""
        worker = queue.register(self.engine)
        assert queue.claim(self.engine, worker, run_id, "here") == run_id
        run = read.run(self.engine, run_id)
        wanted = Experiment.model_validate(run.experiment)
        prepared = prepare(wanted, self.images, CPU)
        checkpoints = Checkpoints(self.folder / str(run_id))
        found = checkpoints.newest(run.step, self.warnings.append)
        self.begun.append(0 if found is None else found.step)
        recorder = RecorderProcess(
            str(self.engine.url),
            run_id,
            start=run.starts,
            records=found and found.records,
        )
        stop = threading.Event()
        if until is not None:
            prepared.batches[0] = Stopping(prepared.batches[0], until, stop)
        keeper = Keeper(
            checkpoints,
            recorder,
            Facts(wanted.model_dump(mode="json"), "cpu", (1, 1)),
            found=found,
            seconds=every,
            on_kept=lambda step: resuming.kept(self.engine, run_id, run.starts, step, "here"),
        )
        completed = watch_and_train(wanted, prepared, recorder, CPU, stop, keeper)
        queue.end(self.engine, run_id, "finished" if completed else "stopped")
        return prepared, completed


class Stopping:
    """Batches that ask for a stop with the so-manieth that is drawn."""

    def __init__(self, batches: Any, until: int, stop: threading.Event) -> None:
        self._batches, self._left, self._stop = batches, until, stop

    def __next__(self) -> Any:
        self._left -= 1
        if self._left == 0:
            self._stop.set()
        return next(self._batches)

    def __iter__(self) -> Any:
        return self

    def state_dict(self) -> Any:
        return self._batches.state_dict()

    def load_state_dict(self, state: Any) -> None:
        self._batches.load_state_dict(state)


@pytest.fixture
def trainings(engine: Engine, tmp_path: Path) -> Trainings:
    images = datasets.load("digits", Path(), lambda _: None)
    return Trainings(engine, tmp_path / "checkpoints", images)


@pytest.mark.parametrize(
    ("settings", "breaks"),
    [
        ([*PAIR, f"arms={ARMS}", "steps=150"], [41, 63]),
        ([*CONVOLUTIONS, f"arms={ARMS}", "steps=24"], [9]),
    ],
    ids=["mlp", "convolutional"],
)
def test_a_run_with_breaks_records_what_one_without_does(
    engine: Engine, trainings: Trainings, settings: list[str], breaks: list[int]
) -> None:
    wanted = experiment(*settings)
    whole, broken = trainings.enqueue(wanted), trainings.enqueue(wanted)
    networks, _ = trainings.train(whole)
    for steps in breaks:
        _, completed = trainings.train(broken, until=steps)
        assert not completed
        resuming.resume(engine, broken)
    same, completed = trainings.train(broken)
    assert completed and not trainings.warnings
    assert trainings.begun == [0, 0, *itertools.accumulate(breaks)]
    assert fingerprint(same.stacks) == fingerprint(networks.stacks)
    assert_same_records(engine, whole, broken)
    assert read.run(engine, broken).step == wanted.steps


def test_a_device_that_goes_on_within_a_stretch_knows_since_when_a_network_diverges(
    engine: Engine, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def device_slots(device: torch.device, plan: Plan, memory: Any, shared: Any) -> DeviceSlots:
        return DeviceSlots(plan, memory, shared, device)

    monkeypatch.setattr(feeder, "slots_on", device_slots)
    explodes = ("activation=relu", "initialization=gaussian", "initial_std=100", "lr=1000")
    wanted = experiment(*explodes, f"arms={ARMS}", "hidden=20,10", "steps=140")
    run_id = trainings.enqueue(wanted)
    trainings.train(run_id, until=50)
    before = read.networks(engine, run_id)[0].diverged_step
    assert before is not None and before < 50
    resuming.resume(engine, run_id)
    trainings.train(run_id)
    diverged = read.networks(engine, run_id)[0]
    assert diverged.diverged_step == before and diverged.frozen_step is not None


class Nobody:
    """In place of the recorder and of a feeder: has nothing to remember."""

    def send(self, message: Any) -> None:
        asked = message["checkpoint"]
        write(Path(asked["file"]), {}, asked["mark"])

    def wait_until_kept(self, _mark: str) -> bool:
        return True

    def hand_over(self, step: int) -> None:
        pass

    def state_dict(self) -> Any:
        return {}

    def load_state_dict(self, state: Any) -> None:
        pass


def test_every_generator_goes_on_where_it_was(tmp_path: Path) -> None:
    """To the bit, and with what it has drawn beforehand, as generators of normal numbers do."""
    examples = torch.arange(50, dtype=torch.uint8)

    def orders() -> list[ShuffledBatches]:
        return [ShuffledBatches(examples, examples, 7, seed, scale=Scaling(255)) for seed in (0, 1)]

    def drawn(batches: list[ShuffledBatches]) -> list[bytes]:
        return [
            torch.randn(1).numpy().tobytes(),
            torch.rand(700).numpy().tobytes(),
            np.random.randn(1).tobytes(),
            np.random.random(700).tobytes(),
            struct.pack("<d", random.gauss(0, 1)),
            random.randbytes(3000),
            *(next(of_one)[1].numpy().tobytes() for of_one in batches for _ in range(10)),
        ]

    def keeper(batches: list[ShuffledBatches], found: Checkpoint | None = None) -> Keeper:
        nobody: Any = Nobody()
        facts = Facts({}, "cpu", (50, 0))
        own = Keeper(checkpoints, nobody, facts, found=found, seconds=1e9, on_kept=lambda _: True)
        assert own.begin(feeder=[nobody], batches=batches) == (0 if found is None else 30)
        return own

    checkpoints = Checkpoints(tmp_path)
    batches = orders()
    before = keeper(batches)
    drawn(batches)
    before.keep(30, last=True)
    expected = drawn(batches)
    before.close()
    drawn(batches)  # an odd number of normal ones
    found, others = checkpoints.newest(30, pytest.fail), orders()
    assert found is not None
    keeper(others, found).close()
    again = drawn(others)
    assert [one == other for one, other in zip(again, expected, strict=True)] == [True] * 26


@pytest.mark.parametrize(
    ("seconds", "until", "begun"),
    [(math.inf, 43, 43), (0, 50, 0)],
    ids=["ends", "is given up at the last step"],
)
def test_a_stop_amid_a_measurement_loses_nothing(
    engine: Engine,
    trainings: Trainings,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    until: int,
    begun: int,
) -> None:
    """What a step lacked when a run was stopped there was missing for ever."""
    wanted = experiment(*PAIR, f"arms={ARMS}", "steps=50")
    assert is_measured(until, wanted.recording.gradient_shift_every)
    whole, broken = trainings.enqueue(wanted), trainings.enqueue(wanted)
    trainings.train(whole)
    with monkeypatch.context() as patched:
        patched.setattr(step_measures, "GIVE_UP_SECONDS", seconds)
        _, completed = trainings.train(broken, until=until)
    assert not completed
    resuming.resume(engine, broken)
    _, completed = trainings.train(broken)
    assert completed and trainings.begun == [0, 0, begun]
    assert_same_records(engine, whole, broken)
