"""How often is looked: every step, every n-th, or as a cap on the cost allows."""

import threading
from pathlib import Path

import pytest
import torch
from sqlalchemy import Engine

from shiftscope.db import catalog, queue, read
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets
from shiftscope.trainer.cadence import LONGEST, Cadence
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.observer import StackObserver
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import prepare


def steps_looked_at(cadence: Cadence, steps: int, cost: float, plain: float) -> list[int]:
    """As the loop has it: a look costs so much, a step takes so long without."""
    looked: list[int] = []
    for step in range(1, steps + 1):
        if cadence.is_due(step):
            looked.append(step)
            cadence.looked(step, cost, plain + cost)
    return looked


@pytest.mark.parametrize("cost", [0.0, 1e-5, 10.0])
def test_without_a_cap_nothing_is_skipped_whatever_it_costs(cost: float) -> None:
    assert steps_looked_at(Cadence(1, None), 50, cost, 1e-3) == list(range(1, 51))
    assert steps_looked_at(Cadence(7, None), 50, cost, 1e-3) == list(range(1, 51, 7))


@pytest.mark.parametrize("cap", [0.01, 0.05, 0.1])
def test_with_a_cap_looking_takes_at_most_its_share_and_not_much_less(cap: float) -> None:
    steps, cost, plain = 20_000, 0.3e-3, 1e-3
    looked = len(steps_looked_at(Cadence(1, cap), steps, cost, plain))
    share = looked * cost / (steps * plain + looked * cost)
    assert 0.7 * cap < share < 1.02 * cap


def test_a_cap_that_is_kept_anyway_skips_nothing() -> None:
    assert len(steps_looked_at(Cadence(1, 0.1), 500, 1e-5, 1e-3)) == 500
    assert steps_looked_at(Cadence(20, 0.1), 500, 1e-5, 1e-3) == list(range(1, 501, 20))


def test_a_cap_never_looks_more_often_than_asked_nor_gives_up() -> None:
    looked = steps_looked_at(Cadence(1, 1e-6), 3 * LONGEST, 1.0, 1e-3)
    assert looked == [1, 1 + LONGEST, 1 + 2 * LONGEST]


def test_a_cap_follows_a_cost_that_changes() -> None:
    cadence = Cadence(1, 0.05)
    steps_looked_at(cadence, 1000, 2e-3, 1e-3)
    cheap = [step for step in steps_looked_at(cadence, 6000, 1e-6, 1e-3) if step > 4000]
    assert len(cheap) == 2000


def test_a_run_with_a_cap_records_exactly_the_steps_that_it_looked_at(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = catalog.entry("mnist-sigmoid").experiment
    settings = ["dataset=digits", "hidden=20,10", "steps=800", "overhead=5", "evaluate_every=1000"]
    wanted = with_settings(base, settings)
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    prepared = prepare(wanted, datasets.load("digits", Path(), lambda _: None), torch.device("cpu"))

    looks = 0
    before = StackObserver.before

    def count(observer: StackObserver, slot: object) -> None:
        nonlocal looks
        looks += 1
        before(observer, slot)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(StackObserver, "before", count)
    recorder = RecorderProcess(str(engine.url), run_id)
    device, stop = torch.device("cpu"), threading.Event()
    assert watch_and_train(wanted, prepared, recorder, device, stop)

    run = read.run(engine, run_id)
    columns = read.export_columns("layer_records")
    rows = [dict(zip(columns, row, strict=True)) for row in
            read.export_rows(engine, run_id, "layer_records")]  # fmt: skip
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
