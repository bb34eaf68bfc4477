"""Ensembles: the mean of class probabilities, its records, members unlike each other, and E6."""

import json
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from queries import exported
from sqlalchemy import Engine
from torch import Tensor, nn

from shiftscope.db import catalog, queue, read
from shiftscope.db.arm import Arm
from shiftscope.db.claims import Evidence, Outcome, Recorded, Records, judge
from shiftscope.db.errors import InvalidExperiment
from shiftscope.db.experiment import Experiment
from shiftscope.db.network import Network
from shiftscope.db.parsing import parse
from shiftscope.db.verdict import Curve
from shiftscope.server.app import create_app
from shiftscope.trainer import datasets
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.ensemble import Ensemble
from shiftscope.trainer.evaluation import Evaluator
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import Prepared, prepare
from shiftscope.trainer.twins import arm_weights, build

ENTRY = catalog.entry("mnist-ensemble")
(E6,) = ENTRY.claims
SINGLES = [0.984, 0.979, 0.985, 0.981, 0.983, 0.980]
NAMES = [f"arm {number}" for number in range(6)]
CPU = torch.device("cpu")


def evidence(
    singles: list[float],
    together: float | None,
    *,
    step: int = 600,
    ended: bool = True,
    diverged: int | None = None,
) -> Evidence:
    """Of one seed; before the last step the ensemble was better."""
    curves = [
        Curve(name, 0, (100, step), (0.9, value), diverged if name == NAMES[0] else None)
        for name, value in zip(NAMES, singles, strict=False)
    ]
    given = (0.999,) if together is None else (0.999, together)
    recorded = Recorded("", 0, None, (100, step)[: len(given)], given)

    def records(table: str, statistic: str) -> list[Recorded]:
        assert (table, statistic) == ("ensemble_records", "test_accuracy")
        return [recorded]

    wanted: Records = records
    return Evidence(curves, NAMES, step, ended, wanted)


def decided(given: Evidence) -> Outcome:
    return judge(E6, given, ENTRY.experiment, ENTRY.experiment)


@pytest.mark.parametrize(
    ("together", "result"),
    [(0.989, "reproduced"), (0.985, "reproduced"), (0.984, "not reproduced")],
)
def test_the_ensemble_must_not_be_below_its_best_member(together: float, result: str) -> None:
    outcome = decided(evidence(SINGLES, together))
    assert outcome.result == result, outcome.reason
    assert "600 the 6 together" in outcome.reason and "alone 97.9 % to 98.5 %" in outcome.reason


def test_half_the_spread_counts_where_it_is_more_than_the_best() -> None:
    skewed = [0.9, 0.98, 0.98, 0.98, 0.98, 0.98]  # mean 0.9667, half the spread 0.04
    assert decided(evidence(skewed, 1.0)).result == "not reproduced"


def test_a_member_that_diverged_makes_no_ensemble() -> None:
    assert decided(evidence([*SINGLES[:5], math.nan], 0.999)).result == "not reproduced"
    assert decided(evidence(SINGLES, 0.999, diverged=150)).result == "not reproduced"
    assert decided(evidence(SINGLES, math.nan)).result == "not reproduced"


def test_a_run_that_is_short_or_was_not_evaluated_at_its_end_decides_nothing() -> None:
    for given in (
        evidence(SINGLES, 0.999, step=149),
        evidence(SINGLES, 0.999, ended=False),
        evidence(SINGLES, None),
        replace(evidence(SINGLES, 0.999), curves=[replace(evidence(SINGLES, 1).curves[0], steps=(),
                                                          accuracies=())]),
    ):  # fmt: skip
        assert decided(given).result == "inconclusive"


def test_the_mean_of_probabilities_is_taken_not_of_logits() -> None:
    """One sure member outweighs two that hardly lean the other way."""
    ensemble = Ensemble()
    for logits in ([[9.0, 0.0, 0.0]], [[0.0, 0.1, 0.0]], [[0.0, 0.1, 0.0]]):
        ensemble.add(torch.tensor(logits))
    found = ensemble.measure(torch.tensor([0]))
    assert found == {"members": 3, "test_accuracy": 1.0, "test_top_2": 1.0}
    assert ensemble.measure(torch.tensor([1])) == {
        "members": 3, "test_accuracy": 0.0, "test_top_2": 1.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="at least one network"):
        Ensemble().measure(torch.tensor([0]))


def experiment(**settings: Any) -> Experiment:
    """Three small networks on digits."""
    arms = [{"name": "a"}, {"name": "b", "norm": "batch"}, {"name": "c", "hidden": [6]}]
    return Experiment.model_validate(
        {
            "dataset": "digits", "steps": 40, "network": {"hidden": [12]}, "arms": arms,
            "optimizer": {"lr": 0.5}, "recording": {"evaluate_every": 20, "probe_every": 20},
            "device": "cpu", **settings,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def digits() -> datasets.Images:
    return datasets.load("digits", Path(), lambda _: None)


@pytest.fixture
def train(engine: Engine, digits: datasets.Images) -> Callable[[Experiment], tuple[int, Prepared]]:
    def run(wanted: Experiment) -> tuple[int, Prepared]:
        run_id = queue.enqueue(engine, wanted)
        queue.claim(engine, queue.register(engine), run_id)
        prepared = prepare(wanted, digits, CPU)
        recorder = RecorderProcess(str(engine.url), run_id)
        watch_and_train(wanted, prepared, recorder, CPU, threading.Event())
        return run_id, prepared

    return run


def softmax_of(prepared: Prepared) -> Tensor:
    """(networks, examples, classes), by position."""
    found: dict[int, Tensor] = {}
    for stack in prepared.stacks:
        for position, network in zip(stack.positions, stack.networks, strict=True):
            with torch.no_grad():
                found[position] = network.eval()(prepared.test[0]).softmax(1)
    return torch.stack([found[position] for position in sorted(found)])


def share(right: Tensor) -> float:
    return right.double().mean().item()


def test_a_run_records_what_its_networks_come_to_together(
    engine: Engine, train: Callable[..., Any]
) -> None:
    run_id, prepared = train(experiment(ensemble=True, seeds=[0, 3]))
    each, labels = softmax_of(prepared), prepared.test[1]
    mean = each.mean(0)
    rows = exported(engine, run_id, "ensemble_records")
    assert [row["step"] for row in rows] == [0, 1, 2, 5, 10, 20, 40]
    assert {(row["run_id"], row["members"]) for row in rows} == {(run_id, 6)}
    assert rows[-1]["test_accuracy"] == pytest.approx(share(mean.argmax(1) == labels))
    top_2 = (mean.topk(2).indices == labels[:, None]).any(1)
    assert rows[-1]["test_top_2"] == pytest.approx(share(top_2))
    assert 0.5 < rows[-1]["test_accuracy"] < rows[-1]["test_top_2"] <= 1
    alone = [row for row in exported(engine, run_id, "evaluations") if row["step"] == 40]
    for row, found in zip(alone, each, strict=True):
        assert row["test_accuracy"] == pytest.approx(share(found.argmax(1) == labels))
        right = (found.topk(2).indices == labels[:, None]).any(1)
        assert row["test_top_2"] == pytest.approx(share(right))
    (recorded,) = read.recorded(engine, read.run(engine, run_id), "ensemble_records", "test_top_2")
    assert recorded.values == tuple(row["test_top_2"] for row in rows)


def test_twins_are_the_same_with_an_ensemble_and_without(
    engine: Engine, train: Callable[..., Any]
) -> None:
    runs = [train(experiment(ensemble=ensemble))[0] for ensemble in (False, True)]
    assert exported(engine, runs[0], "ensemble_records") == []
    for table in ("layer_records", "network_records", "evaluations", "probe_records"):
        plain, together = (exported(engine, run_id, table) for run_id in runs)
        ids = ("run_id", "network_id", "layer_id", "seconds", "test_top_2")
        for one, other in zip(plain, together, strict=True):
            assert {k: repr(v) for k, v in one.items() if k not in ids} == {
                k: repr(v) for k, v in other.items() if k not in ids
            }
        assert len(plain) > 3
    assert {row["test_top_2"] for row in exported(engine, runs[0], "evaluations")} == {None}


def test_a_member_that_is_no_number_leaves_nothing_right(digits: datasets.Images) -> None:
    """Also one that was frozen: it is a member still, though it is evaluated no more."""
    ready = prepare(experiment(ensemble=True), digits, CPU)
    broken = ready.stacks[1]
    evaluator = Evaluator(ready.stacks, ready.test, 1, ensemble=True)
    evaluator.begin(0)
    next(broken.networks[0].parameters()).data.fill_(math.nan)
    evaluator.begin(1)
    broken.drop(1)
    evaluator.begin(2, probes=True)
    evaluator.begin(3, evaluates=False, probes=True)
    alone = evaluator.take(wait=True)
    evaluator.close()
    assert [(position, step) for position, step, _ in alone] == [
        (0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2), (2, 2),
    ]  # fmt: skip
    found = evaluator.take_ensembles()
    assert [step for step, _ in found] == [0, 1, 2] and evaluator.take_ensembles() == []
    assert {values["members"] for _, values in found} == {3}
    assert found[0][1]["test_accuracy"] > 0
    assert [values["test_accuracy"] for _, values in found[1:]] == [0, 0]


def test_the_series_of_an_ensemble_are_its_runs(
    engine: Engine, train: Callable[..., Any], tmp_path: Path
) -> None:
    run_id, _ = train(experiment(ensemble=True, steps=2))
    series = {"table": "ensemble_records", "statistics": ["members", "test_accuracy"]}
    with TestClient(create_app(engine, tmp_path), base_url="http://127.0.0.1:8420") as client:
        path = f"/api/runs/{run_id}/series"
        frame = client.post(path, json={"series": [series]}).content
        length = int.from_bytes(frame[:4], "little")
        (found,) = json.loads(frame[4 : 4 + length])["series"]
        assert (found["rows"], found["network_id"]) == (3, None)
        assert found["columns"] == ["step", "members", "test_accuracy"]
        refused = client.post(path, json={"series": [series | {"network_id": 1}]})
        assert refused.status_code == 404 and "of the whole run" in refused.json()["detail"]
        of_no_network = {"table": "evaluations", "statistics": ["test_loss"]}
        unnamed = client.post(path, json={"series": [of_no_network]})
        assert unnamed.status_code == 404 and "expected a network_id" in unnamed.json()["detail"]
        lines = client.get(f"/api/runs/{run_id}/export/ensemble_records.csv").text.splitlines()
        assert lines[0] == "run_id,step,members,test_accuracy,test_top_2" and len(lines) == 4


def test_arms_that_are_no_twins_have_weights_and_batches_of_their_own(
    engine: Engine, train: Callable[..., Any], digits: datasets.Images
) -> None:
    arms = [{"name": "a"}, {"name": "b"}]
    wanted = experiment(twins=False, arms=arms, seeds=[0, 1], steps=3)
    run_id, _ = train(wanted)
    assert len({network.weights_hash for network in read.networks(engine, run_id)}) == 4
    losses = {row["loss"] for row in exported(engine, run_id, "network_records")}
    assert len(losses) == 4 * 3
    for stacked in (False, True):
        ready = prepare(wanted, digits, CPU, stacked=stacked)
        assert len(ready.batches) == 4
        assert all(stack.draws == stack.positions for stack in ready.stacks)
    assert len({tuple(next(own)[1].tolist()) for own in ready.batches}) == 4
    alone = prepare(experiment(arms=arms, seeds=[3]), digits, CPU)
    assert torch.equal(next(alone.batches[0])[1], next(prepare(wanted, digits, CPU).batches[3])[1])


def micro_inception(**settings: Any) -> Experiment:
    network = Network(kind="micro_inception", activation="relu", width=0.25)
    arm = Arm.model_validate({"name": "a", "norm": "batch", **settings})
    return Experiment(network=network, batch_size=8, arms=[arm])


def built(wanted: Experiment) -> nn.Module:
    return build(wanted, wanted.arms[0], arm_weights(wanted, wanted.arms[0], 1, 10, 0), inputs=1)


def test_weights_of_convolutions_start_larger_and_those_of_the_output_do_not() -> None:
    plain, scaled = (
        [p for p in built(micro_inception(weight_scale=scale)).parameters() if p.ndim > 1]
        for scale in (1.0, 2.0)
    )
    assert all(torch.equal(2 * a, b) for a, b in zip(plain[:-1], scaled[:-1], strict=True))
    assert torch.equal(plain[-1], scaled[-1])


def test_each_activation_of_the_last_module_is_normalized_over_the_batch_alone() -> None:
    network = built(micro_inception(per_activation=True))
    layers = {layer.name: layer for layer in find_layers(network, torch.randn(8, 1, 28, 28)).layers}
    of_last = [layer for name, layer in layers.items() if name.startswith("c.")]
    assert len(of_last) == 7
    assert all((layer.norm, layer.activation) == ("batch", "relu") for layer in of_last)
    assert [layer.shape for layer in of_last[:2]] == [(8, 8 * 16), (8, 6 * 16)]
    assert layers["b.one.conv"].shape == (8, 4, 7, 7), "others normalize channels"
    norm = network.get_submodule("c.one.norm")
    x = torch.randn(9, 8, 4, 4)
    expected = (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(norm(x), nn.BatchNorm2d(8)(x), atol=0.1)


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        ({"ensemble": True, "arms": [{"name": "a"}]}, "ensemble", "at least 2 networks"),
        ({"arms": [{"name": "a", "weight_scale": 2}]}, "arms.0.weight_scale", "an mlp has none"),
        ({"arms": [{"name": "a", "weight_scale": 0}]}, "arms.0.weight_scale", "greater than 0"),
        (
            {"arms": [{"name": "a", "norm": "batch", "per_activation": True}]},
            "arms.0.per_activation",
            "the network is of the kind mlp",
        ),
        (
            {
                "network": {"kind": "micro_inception"},
                "arms": [{"name": "a", "norm": "layer", "per_activation": True}],
            },
            "arms.0.per_activation",
            "the arm's norm is layer",
        ),
    ],
)
def test_what_makes_no_ensemble_is_refused(document: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidExperiment) as caught:
        parse(document)
    (problem,) = caught.value.problems
    assert problem.field == field and says in problem.message
