"""Evaluations beside training: of the networks as they were, and never lost to a reader."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from queries import exported
from sqlalchemy import Engine
from torch import Tensor, nn

from shiftscope.db import catalog, listing, queue, read
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets, evaluation
from shiftscope.trainer.ensemble import Ensemble
from shiftscope.trainer.evaluation import AHEAD, Evaluator, evaluate
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import Prepared, prepare

CPU = torch.device("cpu")


def experiment(*settings: str) -> Experiment:
    base = catalog.experiment("mnist-sigmoid")
    return with_settings(base, ["dataset=digits", "hidden=20,10", *settings])


@pytest.fixture
def prepared() -> Prepared:
    return prepare(experiment(), datasets.load("digits", Path(), lambda _: None), CPU)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Until it is set, evaluations wait."""
    may_go_on = threading.Event()

    def evaluate_then(
        network: nn.Module, images: Tensor, labels: Tensor, ensemble: Ensemble | None
    ) -> dict[str, float | None]:
        assert may_go_on.wait(60)
        return evaluate(network, images, labels, ensemble)

    monkeypatch.setattr(evaluation, "evaluate", evaluate_then)
    return may_go_on


@pytest.mark.parametrize("norm", ["batch", "batch_explicit", "batch_renorm", "batch_noisy"])
def test_noise_on_activations_and_weights_is_off_whichever_statistics_are_taken(norm: str) -> None:
    arms = [
        {"name": "quiet", "norm": norm},
        {"name": "noisy", "norm": norm, "dropout": 0.4, "weight_noise": 0.3},
    ]
    wanted = Experiment.model_validate(experiment().model_dump() | {"arms": arms})
    ready = prepare(wanted, datasets.load("digits", Path(), lambda _: None), CPU)
    quiet, noisy = (evaluate(stack.networks[0], *ready.test) for stack in ready.stacks)
    assert noisy == quiet and "test_loss_batch_statistics" in quiet
    assert evaluate(ready.stacks[1].networks[0], *ready.test) == noisy


def test_networks_are_evaluated_as_they_were(prepared: Prepared, held: threading.Event) -> None:
    evaluator = Evaluator(prepared.stacks, prepared.test, 1)
    networks = [network for stack in prepared.stacks for network in stack.networks]
    expected = []
    for step in range(2 * AHEAD):
        expected += [(i, step, evaluate(n, *prepared.test)) for i, n in enumerate(networks)]
        evaluator.begin(step)
        assert evaluator.pending is not None and evaluator.pending <= step
        if step == AHEAD - 1:
            held.set()  # the next one waits
        for network in networks:
            for tensor in [*network.parameters(), *network.buffers()]:
                tensor.data.add_(1)
    found = evaluator.take(wait=True)
    evaluator.close()
    assert [each[:2] for each in found] == [each[:2] for each in expected]
    for (_, _, values), (_, _, wanted) in zip(found, expected, strict=True):
        assert values == pytest.approx(wanted, rel=1e-5)
    assert evaluator.pending is None and evaluator.take() == []


def test_training_goes_on_while_networks_are_evaluated(
    prepared: Prepared, held: threading.Event
) -> None:
    evaluator = Evaluator(prepared.stacks, prepared.test, 1)
    evaluator.begin(1)
    assert evaluator.take() == [], "begin does not wait"
    held.set()
    assert [step for _, step, _ in evaluator.take(wait=True)] == [1, 1]
    evaluator.close()


def test_a_stop_waits_for_no_more_than_what_has_begun(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def wait(*_: object) -> dict[str, float | None]:
        has_begun.set()
        assert may_end.wait(60)
        return {"test_loss": 1.0, "test_accuracy": 0.5}

    monkeypatch.setattr(evaluation, "evaluate", wait)
    evaluator = Evaluator(prepared.stacks, prepared.test, 1)
    for step in range(AHEAD):
        evaluator.begin(step)
    assert has_begun.wait(60)
    evaluator.give_up()
    may_end.set()
    assert {step for _, step, _ in evaluator.take(wait=True)} == {0}
    evaluator.close()


@pytest.fixture
def train(engine: Engine) -> Callable[[Experiment, Callable[[Any], None]], int]:
    """Trains an experiment and shows each message to the recorder; returns the run's number."""

    def run(wanted: Experiment, show: Callable[[Any], None]) -> int:
        run_id = queue.enqueue(engine, wanted)
        queue.claim(engine, queue.register(engine), run_id)
        recorder = RecorderProcess(str(engine.url), run_id)
        send = recorder.send

        def spy(message: Any) -> None:
            show(message)
            send(message)

        recorder.send = spy
        ready = prepare(wanted, datasets.load("digits", Path(), lambda _: None), CPU)
        watch_and_train(wanted, ready, recorder, CPU, threading.Event())
        return run_id

    return run


def test_a_step_is_complete_only_with_its_evaluation(
    engine: Engine,
    train: Callable[..., int],
    held: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Readers take a run's step for a cursor: what came behind it they would never see."""
    monkeypatch.setattr("shiftscope.trainer.feeder.HAND_OVER_SECONDS", 0.0)
    parts: list[Any] = []

    def waits(part: Any) -> bool:
        return bool(part["steps"]) and part["step"] < part["steps"][-1]

    def take(message: Any) -> None:
        if part := message.get("part"):
            parts.append(part)
        if part and not waits(part):
            held.clear()
        else:  # training has not begun, or something was handed over before its evaluation
            held.set()

    wanted = experiment("steps=300", "evaluate_every=100")
    run_id = train(wanted, take)
    complete = -1
    for part in parts:
        assert all(step > complete for _, step, _ in part["evaluations"])
        assert part["step"] >= complete, "a cursor never goes back"
        complete = part["step"]
    assert any(map(waits, parts)), "none waited"
    assert complete == 300 == read.run(engine, run_id).step


def test_what_goes_wrong_in_an_evaluation_reaches_the_run_and_hides_no_record(
    engine: Engine, train: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def fail(*_: object) -> dict[str, float | None]:
        nonlocal calls
        calls += 1
        if calls > 4:
            time.sleep(0.5)
            raise MemoryError("no room for the test set")
        return {"test_loss": 1.0, "test_accuracy": 0.5}

    monkeypatch.setattr(evaluation, "evaluate", fail)
    with pytest.raises(MemoryError, match="no room"):
        train(experiment("steps=100000"), lambda _: None)
    (run,) = listing.page(engine).runs
    steps = [row["step"] for row in exported(engine, run.id, "network_records")]
    assert run.step == max(steps) > 2
