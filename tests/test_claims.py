"""Claims are decided by their criterion, and only by runs that have their settings."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from shiftscope.db import catalog, queue
from shiftscope.db.claims import Evidence, Outcome, differences, judge
from shiftscope.db.experiment import Experiment
from shiftscope.db.judge import judged
from shiftscope.db.parsing import parse
from shiftscope.db.verdict import Curve

ENTRY = catalog.entry("mnist-sigmoid")
CLAIMED = catalog.experiment("mnist-sigmoid")
E1 = ENTRY.claims[0]
OF_ACCURACIES = {
    claim.number: claim
    for name in ("mnist-sigmoid", "mnist-norm-place", "mnist-noisy-batchnorm", "mnist-deep-sigmoid")
    for claim in catalog.entry(name).claims
    if claim.number != "E22b"
}
ARMS = ("none", "BatchNorm")
FAST = {0: 0.1, 200: 0.6, 500: 0.88, 1000: 0.913, 5000: 0.95}
SLOW = {0: 0.1, 200: 0.11, 500: 0.2, 1000: 0.479, 2000: 0.8, 4500: 0.89, 5000: 0.905}
"""Near the reference values at lr 0.1: 0.91 against 0.48 at step 1,000, 90 % at 5,000."""


def evidence(none: Mapping[int, float], batch: Mapping[int, float], **more: Any) -> Evidence:
    curves = [
        Curve(arm, 0, tuple(points), tuple(points.values()))
        for arm, points in zip(ARMS, (none, batch), strict=True)
    ]
    step = max([*none, *batch], default=0)
    return Evidence(curves, ARMS, **({"step": step, "ended": True} | more))


def until(points: Mapping[int, float], last: int) -> dict[int, float]:
    return {step: accuracy for step, accuracy in points.items() if step <= last}


def test_e1_is_reproduced_by_the_reference_values() -> None:
    outcome = E1.decide(evidence(SLOW, FAST))
    assert outcome.result == "reproduced"
    assert outcome.reason == (
        "At step 1,000 BatchNorm is 43.4 points higher (one seed: no interval), and it reached "
        "90 % 6.0 × sooner (one seed: no interval)."
    )


@pytest.mark.parametrize("number", OF_ACCURACIES)
def test_a_claim_about_a_network_that_diverged_is_not_reproduced(number: str) -> None:
    good = {0: 0.1, 100: 0.95, 1000: 0.95, 2000: 0.95, 3000: 0.95, 5000: 0.95}
    curves = [
        Curve("none", 0, tuple(good), tuple(good.values())),
        Curve("BatchNorm", 0, (0, 20), (0.1, 0.6), diverged_step=31),
    ]
    outcome = OF_ACCURACIES[number].decide(Evidence(curves, ARMS, step=5000, ended=True))
    assert outcome == Outcome("not reproduced", "BatchNorm diverged at step 31 with seed 0.")


def test_e1_is_decided_before_the_end_once_nothing_can_change_it() -> None:
    begun = until(SLOW, 4500)
    outcome = E1.decide(evidence(begun, FAST, step=4500, ended=False))
    assert outcome.result == "reproduced" and "at least 4.5 × sooner" in outcome.reason
    little = {**FAST, 1000: 0.5}
    assert E1.decide(evidence(SLOW, little, ended=False)).result == "not reproduced"


@pytest.mark.parametrize(
    ("none", "batch", "more", "result", "words"),
    [
        (until(SLOW, 500), until(FAST, 500), {}, "inconclusive", "too short: it ended after 500"),
        ({}, {}, {"ended": False}, "inconclusive", "the run is not finished"),
        (until(SLOW, 1000), until(FAST, 1000), {}, "inconclusive", "between 1.00 and ∞ × sooner"),
        (
            until(SLOW, 2000),
            until(FAST, 2000),
            {"ended": False},
            "inconclusive",
            "between 2.0 and ∞ × sooner; the run is not finished.",
        ),
        (
            {0: 0.1, 700: 0.5, 5000: 0.95},
            {0: 0.1, 700: 0.8, 5000: 0.95},
            {},
            "inconclusive",
            "No evaluation of every network at step 1,000.",
        ),
        (
            {0: 0.1, 1000: 0.5, 5000: 0.95},
            {0: 0.1, 1000: 0.8, 5000: 0.95},
            {},
            "inconclusive",
            "between 0.20 and 5.0 × sooner: too few evaluations to say.",
        ),
        (
            {0: 0.1, 500: 0.7, 1000: 0.79, 1400: 0.92},
            FAST,
            {},
            "not reproduced",
            "but it reached 90 % 1.67 × sooner",
        ),
        (SLOW, {**SLOW, 1000: 0.6, 5000: 0.8}, {}, "not reproduced", "at most 1.00 × sooner"),
        (FAST, SLOW, {}, "not reproduced", "43.4 points lower"),
        (SLOW, {**FAST, 1000: math.nan}, {}, "not reproduced", "nan"),
    ],
)  # fmt: skip
def test_e1_says_what_it_cannot_decide(
    none: Any, batch: Any, more: Any, result: str, words: str
) -> None:
    outcome = E1.decide(evidence(none, batch, **more))
    assert (outcome.result, words in outcome.reason) == (result, True), outcome


@pytest.mark.parametrize(
    ("number", "step", "first", "second", "result"),
    [
        ("E12b", 5_000, 0.94, 0.94, "reproduced"),
        ("E12b", 5_000, 0.952, 0.967, "reproduced"),
        ("E12b", 5_000, 0.9399, 0.967, "not reproduced"),
        ("E12b", 5_000, 0.952, 0.9399, "not reproduced"),
        ("E22", 3_000, 0.94, 0.939, "reproduced"),
        ("E22", 3_000, 0.94, 0.95, "reproduced"),
        ("E22", 3_000, 0.95, 0.94, "reproduced"),
        ("E22", 3_000, 0.95, 0.9399, "not reproduced"),
        ("E22", 3_000, 0.94, 0.9501, "not reproduced"),
        ("E22", 3_000, 0.94, math.nan, "not reproduced"),
        ("E16b", 2_000, 0.15, 0.8, "reproduced"),
        ("E16b", 2_000, 0.1135, 0.925, "reproduced"),
        ("E16b", 2_000, 0.1501, 0.925, "not reproduced"),
        ("E16b", 2_000, 0.1135, 0.7999, "not reproduced"),
        ("E16b", 2_000, math.nan, 0.925, "not reproduced"),
    ],
)
def test_accuracies_at_a_step_decide(
    number: str, step: int, first: float, second: float, result: str
) -> None:
    claim = OF_ACCURACIES[number]
    assert claim.decide(evidence({0: 0.1, step: first}, {0: 0.1, step: second})).result == result
    later = {0: 0.1, step: first, 2 * step: 0.5}, {0: 0.1, step: second, 2 * step: 0.5}
    assert claim.decide(evidence(*later, ended=False)).result == result


@pytest.mark.parametrize(("number", "step"), [("E12b", 5_000), ("E22", 3_000), ("E16b", 2_000)])
def test_without_accuracies_at_the_step_nothing_is_decided(number: str, step: int) -> None:
    early, at, late = {step - 1: 0.94}, {step: 0.94}, {step + 1: 0.94}
    due = f"Accuracies are compared at step {step:,}; the run is "
    never = f"No evaluation of every network at step {step:,}."
    for given, reason in (
        (evidence(early, early), f"{due}too short: it ended after {step - 1:,} steps."),
        (evidence(early, early, ended=False), f"{due}not finished."),
        (evidence(at, late), never),
        (evidence(late, at), never),
    ):
        assert OF_ACCURACIES[number].decide(given) == Outcome("inconclusive", reason)


def test_the_mean_over_the_seeds_decides_and_the_numbers_are_said() -> None:
    curves = [
        Curve(arm, seed, (3_000,), (accuracy,))
        for arm, accuracies in zip(ARMS, ((0.95, 0.93), (0.935, 0.941)), strict=True)
        for seed, accuracy in enumerate(accuracies)
    ]
    outcome = OF_ACCURACIES["E22"].decide(Evidence(curves, ARMS, 3_000, ended=True))
    assert outcome.result == "reproduced"
    assert outcome.reason.startswith(
        "At step 3,000 none is at 94 %, BatchNorm at 93.8 %: 0.2 points lower ("
    )
    assert outcome.reason.endswith("2 seeds).")


def test_a_run_with_other_settings_says_what_differs() -> None:
    other = CLAIMED.model_copy(update={"dataset": "digits", "batch_size": 32})
    assert judge(E1, evidence(SLOW, FAST), other, CLAIMED) == Outcome(
        "not this claim’s settings",
        "dataset is digits, the claim’s is mnist; batch_size is 32, the claim’s is 60.",
    )


def test_length_seeds_names_and_recording_are_free() -> None:
    document = CLAIMED.model_dump(mode="json")
    document |= {"name": "Mine", "steps": 2_000, "seeds": [4, 5], "device": "cpu"}
    document["recording"]["evaluate_every"] = 100
    document["arms"][1]["name"] = "BN"
    assert differences(Experiment.model_validate(document), CLAIMED) == []
    document["arms"][1]["lr"] = CLAIMED.optimizer.lr
    assert differences(Experiment.model_validate(document), CLAIMED) == [], "the same, said twice"
    document["arms"][1]["lr"] = 0.5
    found = differences(Experiment.model_validate(document), CLAIMED)
    assert found == [("optimizer.lr", "[0.1, 0.5]", "0.1")]


def test_the_test_examples_of_an_accuracy_are_not_free() -> None:
    document = CLAIMED.model_dump(mode="json")
    document["recording"]["test_examples"] = 10_000  # the whole test set
    assert differences(Experiment.model_validate(document), CLAIMED) == []
    document["recording"]["test_examples"] = 1_000
    found = differences(Experiment.model_validate(document), CLAIMED)
    assert found == [("recording.test_examples", "1000", "all")]


def test_what_arms_train_with_is_compared_wherever_it_is_said() -> None:
    document = CLAIMED.model_dump(mode="json")
    document["optimizer"]["lr"], document["network"]["hidden"] = 9.0, [7]
    for arm in document["arms"]:
        arm |= {"lr": CLAIMED.optimizer.lr, "hidden": CLAIMED.network.hidden}
    assert differences(Experiment.model_validate(document), CLAIMED) == []
    document["arms"][0] |= {"norm": "layer", "affine": False}
    document["arms"].append({"name": "third", "norm": "batch"})
    found = {path: its for path, _, its in differences(parse(document), CLAIMED)}
    assert found == {
        "arms": "2", "arms.affine": "true", "arms.norm": '["none", "batch"]',
        "network.hidden": "[100, 100, 100]", "optimizer.lr": "0.1",
    }  # fmt: skip


def test_every_claim_is_complete_and_has_a_number_of_its_own() -> None:
    claims = [(claim, entry) for entry in catalog.entries() for claim in entry.claims]
    assert len({claim.number for claim, _ in claims}) == len(claims) >= 1
    for claim, entry in claims:
        assert all((claim.statement, claim.source, claim.criterion, claim.expected))
        asked = entry.experiment
        arms = [arm.name for arm in asked.arms] if isinstance(asked, Experiment) else []
        nothing = Evidence([], arms, 0, ended=False)
        for given in (nothing, replace(nothing, ended=True)):
            outcome = judge(claim, given, entry.experiment, entry.experiment)
            assert outcome.result == "inconclusive"


@pytest.mark.parametrize("accuracies", [(), (math.nan,) * 4, (0.0,) * 4, (1.0,) * 4])
@pytest.mark.parametrize("leave_out", [False, True])
def test_no_curves_upset_a_criterion(accuracies: tuple[float, ...], leave_out: bool) -> None:
    steps = (100, 600, 1_000, 10_000)[: len(accuracies)]
    for entry in catalog.entries():
        asked = entry.experiment
        if not isinstance(asked, Experiment):
            continue
        arms = [arm.name for arm in asked.arms]
        curves = [Curve(arm, seed, steps, accuracies) for arm in arms for seed in range(3)]
        given = Evidence(curves[leave_out:], arms, 50_000, ended=True)
        for claim in entry.claims:
            outcome = judge(claim, given, asked, asked)
            assert outcome.result in {"reproduced", "not reproduced", "inconclusive"}
            assert accuracies or outcome.result == "inconclusive", outcome.reason


def evaluate(run: Any, none: Mapping[int, float | None], batch: Mapping[int, float]) -> None:
    for (network_id, _), points in zip(run.networks, (none, batch), strict=True):
        columns = {"step": list(points), "test_accuracy": list(points.values())}
        run.writer.add("evaluations", {"network_id": network_id}, columns)
    run.append(5_000)


def test_a_stored_run_is_judged_by_what_was_committed(any_engine: Engine, make_run: Any) -> None:
    run = make_run(any_engine, steps=5_000)
    assert judged(any_engine, run.run_id).outcomes == []  # it came from no entry
    evaluate(run, SLOW | {10: None, 20: math.inf}, FAST | {6_000: 1.0})
    queue.end(any_engine, run.run_id, "finished")
    found = judged(any_engine, run.run_id).verdict
    assert found is not None and found.ended
    none, batch = found.comparisons
    assert batch.last_step == 5_000 and batch.last_accuracy == 0.95
    assert none.steps_to_target == pytest.approx(4500 + 500 * 0.01 / 0.015)
    assert batch.steps_to_target == pytest.approx(500 + 500 * 0.02 / 0.033)
    again = judged(any_engine, run.run_id, target=0.5).verdict
    assert again is not None and again.target == 0.5


def test_a_watched_run_has_no_verdict(engine: Engine, make_watched: Any) -> None:
    found = judged(engine, make_watched(engine).run_id)
    assert found.verdict is None and found.outcomes == ()
