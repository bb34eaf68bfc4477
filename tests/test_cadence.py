"""How often is looked: every step, every n-th, or as a cap on the cost allows."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from queries import exported
from sqlalchemy import Engine

from shiftscope.db import catalog, queue, read
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import cadence as cadences
from shiftscope.trainer import datasets
from shiftscope.trainer import feeder as feeders
from shiftscope.trainer.cadence import Cadence
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.feeder import Feeder
from shiftscope.trainer.observer import StackObserver
from shiftscope.trainer.plan import Plan
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.ring import Cost, Stretch
from shiftscope.trainer.setup import prepare

CPU = torch.device("cpu")


class Clock:
    """A time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


class NoRecorder:
    """Takes what a feeder sends."""

    def __init__(self) -> None:
        self.memory = self
        self.sent: list[dict[str, Any]] = []

    def block(self, plan: Plan, index: int) -> np.ndarray:
        return np.empty(0, np.uint8)

    def open(self, plan: Plan) -> list[Stretch]:
        return [Stretch(0, []) for _ in range(plan.stretches)]

    def take_free(self, *, wait: bool) -> int:
        return 0

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(cadences, "time", clock)
    return clock


def steps_looked_at(
    cadence: Cadence, clock: Clock, steps: range, cost: float, plain: float
) -> list[int]:
    """As the loop has it: a look costs so much, a step takes so long without."""
    looked: list[int] = []
    for step in steps:
        is_due = cadence.is_due(step)
        clock.now += plain
        if is_due:
            looked.append(step)
            clock.now += cost
            cadence.looked(step, cost, plain + cost)
    return looked


@pytest.mark.parametrize("cost", [0.0, 1e-5, 10.0])
def test_without_a_cap_nothing_is_skipped_whatever_it_costs(clock: Clock, cost: float) -> None:
    every = steps_looked_at(Cadence(1, None), clock, range(1, 51), cost, 1e-3)
    assert every == list(range(1, 51))
    seventh = steps_looked_at(Cadence(7, None), clock, range(1, 51), cost, 1e-3)
    assert seventh == list(range(1, 51, 7))


@pytest.mark.parametrize("cap", [0.01, 0.05, 0.1])
def test_with_a_cap_looking_takes_at_most_its_share_and_not_much_less(
    clock: Clock, cap: float
) -> None:
    steps, cost, plain = 20_000, 0.3e-3, 1e-3
    looked = len(steps_looked_at(Cadence(1, cap), clock, range(1, steps + 1), cost, plain))
    share = looked * cost / (steps * plain + looked * cost)
    assert 0.95 * cap < share < 1.001 * cap


def test_a_cap_that_is_kept_anyway_skips_nothing(clock: Clock) -> None:
    steps = range(1, 501)
    assert len(steps_looked_at(Cadence(1, 0.1), clock, steps, 1e-5, 1e-3)) == 500
    sparse = steps_looked_at(Cadence(20, 0.1), clock, steps, 1e-5, 1e-3)
    assert sparse == list(range(1, 501, 20))


def test_an_expensive_first_look_is_paid_for_and_then_forgotten(clock: Clock) -> None:
    cadence = Cadence(1, 0.02)
    assert steps_looked_at(cadence, clock, range(1, 2), 50e-3, 1e-3) == [1]
    looked = steps_looked_at(cadence, clock, range(2, 20_001), 0.3e-3, 1e-3)
    assert looked[0] > 2_400
    assert 0.018 < (50e-3 + len(looked) * 0.3e-3) / (clock.now - 100) < 0.0201


def test_a_cap_follows_a_cost_that_changes(clock: Clock) -> None:
    cadence = Cadence(1, 0.05)
    steps_looked_at(cadence, clock, range(1, 1001), 2e-3, 1e-3)
    cheap = steps_looked_at(cadence, clock, range(1001, 7001), 1e-6, 1e-3)
    assert [step for step in cheap if step > 5000] == list(range(5001, 7001))


def test_pauses_leave_as_much_to_looking_as_there_would_be_without_them(clock: Clock) -> None:
    def looks(pause: float) -> list[int]:
        cadence = Cadence(1, 0.02)
        found: list[int] = []
        for step in range(1, 10_001):
            is_due = cadence.is_due(step)
            clock.now += 1e-3 + pause
            cadence.paused(pause)
            if is_due:
                found.append(step)
                clock.now += 0.3e-3
                cadence.looked(step, 0.3e-3, 1.3e-3)
        return found

    without = looks(0)
    assert 600 < len(without) < 700
    assert abs(len(looks(20e-3)) - len(without)) <= 1  # rounding of the clock


def test_the_cap_and_the_overhead_leave_out_what_was_measured(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeders, "time", clock)
    plan = Plan([], slots=64, stretches=1)
    recorder = NoRecorder()
    cap = 0.02
    feeder = Feeder(plan, recorder, CPU, Cadence(1, cap))  # pyright: ignore[reportArgumentType]
    for step in range(1, 4_001):
        if feeder.begin_step(step) is not None:
            clock.now += 0.3e-3
            feeder.add_cost(0.3e-3)
        clock.now += 1e-3 + 20e-3
        feeder.add_measured([], 20e-3)
        feeder.end_step(step)
    assert (
        0.95 * cap < feeder.looked * 0.3e-3 / (4_000 * 1e-3 + feeder.looked * 0.3e-3) < 1.01 * cap
    )
    assert 0.95 * cap < feeder.overhead < 1.01 * cap
    feeder.finish(4_000)
    cost = recorder.sent[-1]["part"]["cost"]
    assert cost["measured"] == pytest.approx(80)
    assert Cost(**cost).overhead == pytest.approx(feeder.overhead)


def test_asked_again_about_a_step_the_answer_is_the_same(clock: Clock) -> None:
    cadence = Cadence(1, 0.05)
    steps_looked_at(cadence, clock, range(1, 2), 2e-3, 1e-3)
    assert not cadence.is_due(2)
    clock.now += 10
    assert not cadence.is_due(2) and cadence.is_due(3)


def test_a_run_with_a_cap_records_exactly_the_steps_that_it_looked_at(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "perf_counter", time.process_time)  # other programs take none of it
    base = catalog.experiment("mnist-sigmoid")
    settings = ["dataset=digits", "hidden=20,10", "steps=800", "overhead=5", "evaluate_every=1000"]
    wanted = with_settings(base, settings)
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    prepared = prepare(wanted, datasets.load("digits", Path(), lambda _: None), CPU)

    looks = 0
    before = StackObserver.before

    def count(observer: StackObserver, slot: object) -> None:
        nonlocal looks
        looks += 1
        before(observer, slot)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(StackObserver, "before", count)
    recorder = RecorderProcess(str(engine.url), run_id)
    device, stop = CPU, threading.Event()
    assert watch_and_train(wanted, prepared, recorder, device, stop)

    run = read.run(engine, run_id)
    rows = exported(engine, run_id)
    by_layer: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        by_layer.setdefault((row["network_id"], row["layer_id"]), []).append(row["step"])
    assert len(by_layer) == 6 and len({tuple(steps) for steps in by_layer.values()}) == 1
    (steps, *_) = by_layer.values()
    assert run.looked == len(steps) == looks / 2 < 800 / 2
    assert steps[0] == 1 and steps == sorted(set(steps))
    assert run.step == 800
    # the first looks, which know nothing of the cost yet, and the recorder's start count as well
    assert run.overhead is not None and 0 < run.overhead < 0.25
    assert run.waited is not None and run.waited < 0.5
