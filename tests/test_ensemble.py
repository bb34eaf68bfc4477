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
from shiftscope.db.judge import judged
from shiftscope.db.network import Network
from shiftscope.db.parsing import parse
from shiftscope.db.verdict import Curve
from shiftscope.db.verdict_words import percent
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
    *seeds: tuple[list[float], float | None],
    step: int = 600,
    ended: bool = True,
    diverged: int | None = None,
) -> Evidence:
    """Of each seed the members' and the ensemble's accuracy; before, the ensemble was better."""
    curves = [
        Curve(name, seed, (100, step), (0.9, value), diverged if name == NAMES[0] else None)
        for seed, (singles, _) in enumerate(seeds)
        for name, value in zip(NAMES, singles, strict=False)
    ]
    recorded: list[Recorded] = []
    for seed, (_, together) in enumerate(seeds):
        given = (0.999,) if together is None else (0.999, together)
        recorded.append(Recorded("", seed, None, (100, step)[: len(given)], given))

    def records(table: str, statistic: str) -> list[Recorded]:
        assert (table, statistic) == ("ensemble_records", "test_accuracy")
        return recorded

    wanted: Records = records
    return Evidence(curves, NAMES, step, ended, wanted)


def decided(given: Evidence) -> Outcome:
    return judge(E6, given, ENTRY.experiment, ENTRY.experiment)


@pytest.mark.parametrize(
    ("together", "result"),
    [(0.989, "reproduced"), (0.985, "reproduced"), (0.984, "not reproduced")],
)
def test_the_ensemble_must_not_be_below_its_best_member(together: float, result: str) -> None:
    outcome = decided(evidence((SINGLES, together)))
    assert outcome.result == result, outcome.reason
    beside = {0.989: "0.4 points higher", 0.985: "0.0 points higher", 0.984: "0.1 points lower"}
    assert outcome.reason.startswith(
        f"At step 600 the 6 together are {beside[together]} (one seed: no interval) than is "
        f"needed: with seed 0 at {percent(together)}, needed 98.5 %, alone 97.9 % to 98.5 %, "
    )


def test_each_seed_has_an_ensemble_and_all_of_them_must_do() -> None:
    fine, below = (SINGLES, 0.989), ([single - 0.01 for single in SINGLES], 0.974)
    outcome = decided(evidence(fine, fine, fine))
    assert outcome.result == "reproduced" and "(0.4 to 0.4, 3 seeds)" in outcome.reason
    outcome = decided(evidence(fine, fine, below))
    assert outcome.result == "not reproduced"
    assert "with seed 2 at 97.4 %, needed 97.5 %, alone 96.9 % to 97.5 %" in outcome.reason
    assert "the interval contains the threshold" in outcome.reason


def test_half_the_spread_counts_where_it_is_more_than_the_best() -> None:
    skewed = [0.9, 0.98, 0.98, 0.98, 0.98, 0.98]  # mean 0.9667, half the spread 0.04
    outcome = decided(evidence((skewed, 1.0)))
    assert outcome.result == "not reproduced" and "needed 100.7 %" in outcome.reason


def test_a_member_that_diverged_makes_no_ensemble_and_is_named() -> None:
    no_number = decided(evidence(([*SINGLES[:5], math.nan], 0)))
    frozen = decided(evidence((SINGLES, 0), diverged=150))
    assert no_number.result == frozen.result == "not reproduced"
    assert no_number.reason == (
        "arm 5 diverged at step 600 with seed 0; the others are at 97.9 % to 98.5 % alone."
    )
    assert frozen.reason == (
        "arm 0 diverged at step 150 with seed 0; the others are at 97.9 % to 98.5 % alone."
    )
    early = decided(evidence((SINGLES[:1], None), step=90, diverged=40))
    assert early == Outcome("not reproduced", "arm 0 diverged at step 40 with seed 0.")


def test_a_run_that_is_short_or_was_not_evaluated_at_its_end_decides_nothing() -> None:
    fine = (SINGLES, 0.999)
    unevaluated = replace(evidence(fine).curves[0], steps=(), accuracies=())
    for given in (
        evidence(fine, step=149),
        evidence(fine, ended=False),
        evidence((SINGLES, None)),
        evidence(fine, (SINGLES, None)),
        replace(evidence(fine), curves=[unevaluated]),
        replace(evidence(fine), curves=[]),
    ):
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
    rows = exported(engine, run_id, "ensemble_records")
    steps = [0, 1, 2, 5, 10, 20, 40]
    assert [(row["seed"], row["step"]) for row in rows] == [(s, n) for s in (0, 3) for n in steps]
    assert {(row["run_id"], row["members"]) for row in rows} == {(run_id, 3)}
    for last, mean in ((rows[6], each[:3].mean(0)), (rows[13], each[3:].mean(0))):
        assert last["test_accuracy"] == pytest.approx(share(mean.argmax(1) == labels))
        top_2 = (mean.topk(2).indices == labels[:, None]).any(1)
        assert last["test_top_2"] == pytest.approx(share(top_2))
        assert 0.5 < last["test_accuracy"] < last["test_top_2"] <= 1
    alone = [row for row in exported(engine, run_id, "evaluations") if row["step"] == 40]
    for row, found in zip(alone, each, strict=True):
        assert row["test_accuracy"] == pytest.approx(share(found.argmax(1) == labels))
        right = (found.topk(2).indices == labels[:, None]).any(1)
        assert row["test_top_2"] == pytest.approx(share(right))
    recorded = read.recorded(engine, read.run(engine, run_id), "ensemble_records", "test_top_2")
    assert [one.seed for one in recorded] == [0, 3] and recorded[1].steps == tuple(steps)
    assert recorded[1].values == tuple(row["test_top_2"] for row in rows[7:])
    queue.end(engine, run_id, "finished")
    said = judged(engine, run_id).sentence
    middle = 50 * (rows[6]["test_accuracy"] + rows[13]["test_accuracy"])
    assert said.startswith(f"The 3 arms together ended at {middle:.1f} % (") and "2 seeds" in said


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
    evaluator = Evaluator(ready.stacks, ready.test, 1, together=[7, 7, 7])
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
    assert [(seed, step) for seed, step, _ in found] == [(7, 0), (7, 1), (7, 2)]
    assert evaluator.take_ensembles() == []
    assert {values["members"] for *_, values in found} == {3}
    assert found[0][2]["test_accuracy"] > 0
    assert [values["test_accuracy"] for *_, values in found[1:]] == [0, 0]


def test_the_series_of_an_ensemble_are_its_seeds(
    engine: Engine, train: Callable[..., Any], tmp_path: Path
) -> None:
    run_id, _ = train(experiment(ensemble=True, steps=2))
    whose = {"table": "ensemble_records", "seed": 0}
    series = whose | {"statistics": ["members", "test_accuracy"]}
    with TestClient(create_app(engine, tmp_path), base_url="http://127.0.0.1:8420") as client:
        path = f"/api/runs/{run_id}/series"
        frame = client.post(path, json={"series": [series]}).content
        length = int.from_bytes(frame[:4], "little")
        (found,) = json.loads(frame[4 : 4 + length])["series"]
        assert (found["rows"], found["network_id"], found["seed"]) == (3, None, 0)
        assert found["columns"] == ["step", "members", "test_accuracy"]
        refused = client.post(path, json={"series": [series | {"network_id": 1}]})
        assert (
            refused.status_code == 404 and "of all networks of a seed" in refused.json()["detail"]
        )
        for seed in (1, None):
            refused = client.post(path, json={"series": [series | {"seed": seed}]})
            assert refused.status_code == 404
            assert "of a seed; expected one of 0, got" in refused.json()["detail"]
        of_no_network = {"table": "evaluations", "statistics": ["test_loss"]}
        unnamed = client.post(path, json={"series": [of_no_network]})
        assert unnamed.status_code == 404 and "expected a network_id" in unnamed.json()["detail"]
        seeded = client.post(path, json={"series": [of_no_network | {"seed": 0}]})
        assert seeded.status_code == 404 and "expected seed null" in seeded.json()["detail"]
        lines = client.get(f"/api/runs/{run_id}/export/ensemble_records.csv").text.splitlines()
        assert lines[0] == "run_id,seed,step,members,test_accuracy,test_top_2" and len(lines) == 4


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
        ({"ensemble": True, "arms": [{"name": "a"}], "seeds": [0, 1]}, "ensemble", "Add an arm"),
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
        (
            {
                "network": {"kind": "micro_inception"},
                "arms": [
                    {"name": "a", "norm": "batch", "per_activation": True, "norm_place": "after"}
                ],
            },
            "arms.0.norm_place",
            "expected before",
        ),
    ],
)
def test_what_makes_no_ensemble_is_refused(document: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidExperiment) as caught:
        parse(document)
    (problem,) = caught.value.problems
    assert problem.field == field and says in problem.message
