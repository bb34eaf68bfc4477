"""Claims of the studies that train: by measurements made by hand, and measured in small."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from studying import measured

from shiftscope.db import catalog
from shiftscope.db.claims import Evidence, Outcome, judge
from shiftscope.db.reproduction import sized
from shiftscope.db.study import Measurement, Study
from shiftscope.trainer.studies import (
    blow_up,
    companions,
    inference_statistics,
    older_remedies,
    other_images,
    regularization,
    small_batches,
    split_batch,
    trained_parts,
)

Lines = Mapping[tuple[str, str], Mapping[float, float]]
"""By quantity and series the values by x."""


def of_small_set(m10: float, m50: float, whole: float, none: float) -> Lines:
    series = {"BatchNorm, m = 10": m10, "BatchNorm, m = 50": m50,
              "BatchNorm, full batch": whole, "none": none}  # fmt: skip
    return {
        ("test_accuracy", f"{activation}: {name}"): {0: 0.1, 600: 0.5, 1000: value}
        for activation in ("relu", "sigmoid")
        for name, value in series.items()
    }


def of_batch_sizes(batch2: float, layer2: float, batch4: float) -> Lines:
    return {
        ("accuracy", "BatchNorm"): {2: batch2, 4: batch4},
        ("accuracy", "LayerNorm"): {2: layer2, 4: 0.92},
    }


def of_companions(power: float, inference: float = 0.0) -> Lines:
    sizes = (16, 32, 60, 128, 256)
    return {
        ("logit_std", "training"): {m: 3 * m**power for m in sizes},
        ("logit_std", "inference"): dict.fromkeys(sizes, inference),
    }


def of_blow_up(weights: float, lost: float = 0.1, trained: float = 0.95) -> Lines:
    moving = "constant moving averages, lr 2"
    return {
        ("weight_norm", moving): {0: 10.0, 300: weights},
        ("accuracy", moving): {0: 0.1, 300: lost, 3000: 0.6},
        ("accuracy", "BatchNorm, lr 2"): {0: 0.1, 300: 0.88, 3000: trained},
    }


def of_inference(averaged: float, power: float, bias: float = 1.7) -> Lines:
    counts = (1, 10, 100, 1000)
    lines: dict[tuple[str, str], Mapping[float, float]] = {
        ("accuracy", "m = 60: m/(m−1)"): {100: averaged},
        ("accuracy", "m = 60: population"): {100: 0.92},
        ("mean_error", "m = 60, layer 1"): {count: 0.1 * count**power for count in counts},
    }
    for size in (60, 8):
        lines["variance_bias", f"m = {size}: m/(m−1)"] = {1: 0.1, 2: bias, 3: bias}
        lines["variance_bias", f"m = {size}: no factor"] = {1: -1.6, 2: 0.4, 3: 0.3}
    return lines


def of_parts(both: float, output: float) -> Lines:
    accuracies = {"γ, β": 0.6, "output layer": output, "γ, β and output layer": both}
    return {("accuracy", name): {0: 0.1, 3000: value} for name, value in accuracies.items()}


def of_remedies(narrow: float, wide: float, large: float) -> Lines:
    return {
        ("accuracy_by_width", "BatchNorm"): {100: 0.94, 30: narrow},
        ("accuracy_by_width", "none"): {100: wide, 30: 0.8},
        ("accuracy_by_lr", "BatchNorm"): {0.1: 0.94, 1.0: 0.96},
        ("accuracy_by_lr", "none"): {0.1: wide, 1.0: large},
    }


def of_split(none: float, batch: float) -> Lines:
    return {
        ("gradient_difference", f"{arm}, {moment}"): {1: value, 2: value, 3: value, 4: value}
        for moment in ("at the start", "trained")
        for arm, value in (("none", none), ("BatchNorm", batch))
    }


def of_images(own: float = math.nan, kept: float = 0.91, inverted: float = 0.0,
              rotated: float = 0.55, pale: float = 0.91) -> Lines:  # fmt: skip
    return {
        ("own_statistics", "the batch’s own"): {1: own, 60: 0.9},
        ("own_statistics", "kept"): {1: kept, 60: 0.91},
        ("faded", "kept"): {1: 0.91, 0.25: 0.18, -1: 0.01},
        ("faded", "estimated anew"): {1: 0.91, 0.25: pale, -1: inverted},
        ("rotated", "kept"): {30: 0.54},
        ("rotated", "estimated anew"): {30: rotated},
    }


YES, NO = "reproduced", "not reproduced"
DECIDED = (
    ("E13", of_small_set(0.85, 0.84, 0.83, 0.9), YES),
    ("E13", of_small_set(0.85, 0.839, 0.83, 0.9), NO),
    ("E13", of_small_set(0.839, 0.85, 0.83, 0.9), NO),
    ("E13", of_small_set(0.85, math.nan, 0.83, 0.9), NO),
    ("E13c", of_small_set(0.9, 0.84, 0.83, 0.85), NO),
    ("E13c", of_small_set(0.9, 0.86, 0.83, 0.85), YES),
    ("E14", of_batch_sizes(0.7, 0.9, 0.9), YES),
    ("E14", of_batch_sizes(0.71, 0.9, 0.9), NO),
    ("E14", of_batch_sizes(0.7, 0.9, 0.89), NO),
    ("E15", of_companions(-0.5), YES),
    ("E15", of_companions(-0.39), NO),
    ("E15", of_companions(-1.01), NO),
    ("E15", of_companions(-0.5, inference=1e-9), NO),
    ("E8b", of_blow_up(100.0), YES),
    ("E8b", of_blow_up(math.inf), YES),
    ("E8b", of_blow_up(math.nan), YES),
    ("E8b", of_blow_up(99.0), NO),
    ("E8b", of_blow_up(100.0, lost=0.5), NO),
    ("E8b", of_blow_up(100.0, trained=0.93), NO),
    ("E11", of_inference(0.915, -0.5), YES),
    ("E11", of_inference(0.925, -0.59), YES),
    ("E11", of_inference(0.914, -0.5), NO),
    ("E11", of_inference(0.926, -0.5), NO),
    ("E11", of_inference(0.92, -0.39), NO),
    ("E11", of_inference(0.92, -0.61), NO),
    ("E11b", of_inference(0.92, -0.5), NO),
    ("E11b", of_inference(0.92, -0.5, bias=0.2), YES),
    ("E27", of_parts(0.83, 0.80), YES),
    ("E27", of_parts(0.82, 0.80), NO),
    ("E26", of_remedies(0.93, 0.92, 0.9), YES),
    ("E26", of_remedies(0.93, 0.93, 0.9), NO),
    ("E26b", of_remedies(0.93, 0.87, 0.95), NO),
    ("E26b", of_remedies(0.93, 0.87, 0.93), YES),
    ("E30", of_split(3e-7, 0.02), YES),
    ("E30", of_split(1e-5, 0.02), NO),
    ("E30", of_split(3e-7, 0.01), NO),
    ("E30", of_split(math.nan, 0.02), NO),
    ("E32", of_images(), YES),
    ("E32", of_images(own=0.1), NO),
    ("E32", of_images(kept=0.89), NO),
    ("E32b", of_images(), NO),
    ("E32b", of_images(inverted=0.1), YES),
    ("E32b", of_images(inverted=0.1, rotated=0.53), NO),
    ("E32c", of_images(), YES),
    ("E32c", of_images(pale=0.89), NO),
)
SMALL: dict[str, tuple[Any, dict[str, Any]]] = {
    "small-training-set": (
        regularization,
        {"EXAMPLES": 60, "STEPS": {"quick": 6}, "EVALUATIONS": 3},
    ),
    "small-batches": (small_batches, {"EXAMPLES": {"quick": 40}}),
    "companions-of-an-example": (
        companions,
        {"EXAMPLES": {"quick": 120}, "SETS": 3, "BATCH_SIZES": (16, 60)},
    ),
    "blow-up": (
        blow_up,
        {"STEPS": {"quick": 300}, "EVERY": 300, "LEARNING_RATES": {"quick": (2.0,)}},
    ),
    "statistics-for-inference": (
        inference_statistics,
        {"STEPS": 2, "DRAWS": {1: 2, 10: 2, 100: 1}},
    ),
    "training-gamma-and-beta": (trained_parts, {"STEPS": 4, "EVERY": 2}),
    "older-remedies": (older_remedies, {"STEPS": 2}),
    "splitting-a-batch": (split_batch, {"STEPS": {"quick": 2}}),
    "statistics-on-changed-images": (
        other_images,
        {"STEPS": {"quick": 2}, "BATCH_SIZES": (1, 60), "NEW_BATCHES": 2},
    ),
}
"""By entry its study, and constants with which it takes about a second on digits."""
CLAIMS = {claim.number: (entry, claim) for entry in catalog.entries() for claim in entry.claims}


def evidence(lines: Lines, seeds: int = 1) -> Evidence:
    found = [
        Measurement(seed, quantity, series, x, value)
        for seed in range(seeds)
        for (quantity, series), values in lines.items()
        for x, value in values.items()
    ]
    return Evidence((), (), step=len(found), ended=True, measurements=found)


FIRST = {number: lines for number, lines, _ in reversed(DECIDED)}


@pytest.mark.parametrize(("number", "lines", "result"), DECIDED)
def test_criteria(number: str, lines: Lines, result: str) -> None:
    outcome = CLAIMS[number][1].decide(evidence(lines, seeds=3 if number == "E13" else 1))
    assert outcome.result == result, outcome.reason


def test_the_noise_of_batches_takes_three_seeds() -> None:
    entry, claim = CLAIMS["E13"]
    given = evidence(of_small_set(0.85, 0.84, 0.83, 0.9), seeds=2)
    outcome = judge(claim, given, entry.experiment, entry.experiment)
    assert outcome == Outcome("inconclusive", "2 of the 3 seeds of the criterion.")
    assert sized(entry, "quick").seeds == [0, 1, 2]


def test_an_interval_that_contains_the_threshold_says_so() -> None:
    def reason(*whole: float) -> str:
        found = [
            replace(m, value=whole[m.seed] if m.x else m.value) if "full" in m.series else m
            for m in evidence(of_small_set(0.85, 0.84, 0.83, 0.9), seeds=3).measurements
        ]
        given = Evidence((), (), len(found), True, measurements=found)
        return CLAIMS["E13"][1].decide(given).reason

    said = "3 seeds: the interval contains the threshold)"
    assert reason(0.83, 0.82, 0.81).count(said) == 4
    assert said not in reason(0.811, 0.81, 0.809)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -1.0])
@pytest.mark.parametrize("number", FIRST)
def test_no_number_upsets_a_criterion(number: str, value: float) -> None:
    lines = {line: dict.fromkeys(at, value) for line, at in FIRST[number].items()}
    claim = CLAIMS[number][1]
    assert claim.decide(evidence(lines, seeds=3)).result in {YES, NO}


@pytest.mark.parametrize("number", FIRST)
def test_a_series_that_is_missing_leaves_a_claim_open(number: str) -> None:
    entry, claim = CLAIMS[number]
    results: set[str] = set()
    for missing in FIRST[number]:
        rest = {line: at for line, at in FIRST[number].items() if line != missing}
        outcome = judge(claim, evidence(rest, seeds=3), entry.experiment, entry.experiment)
        results.add(outcome.result)
    assert "inconclusive" in results


@pytest.mark.parametrize("number", dict.fromkeys(number for number, _, _ in DECIDED))
def test_both_outcomes_are_tried(number: str) -> None:
    assert {result for of, _, result in DECIDED if of == number} == {YES, NO}


def test_the_mean_over_seeds_decides_and_the_interval_is_said() -> None:
    found = evidence(of_parts(0.83, 0.8), seeds=3).measurements
    moved = [
        Measurement(m.seed, m.quantity, m.series, m.x, m.value - 0.02 * (m.seed - 1))
        if m.series == "γ, β and output layer"
        else m
        for m in found
    ]
    outcome = CLAIMS["E27"][1].decide(Evidence((), (), len(found), True, measurements=moved))
    assert outcome.result == "reproduced"
    assert "3.0 points higher (−" in outcome.reason and "3 seeds)" in outcome.reason


@pytest.mark.parametrize("name", SMALL)
def test_studies_measure_what_their_entries_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, constants = SMALL[name]
    for constant, value in constants.items():
        monkeypatch.setattr(module, constant, value)
    entry = catalog.entry(name)
    seeds = [0, 1, 2] if name == "small-training-set" else [0]
    found = measured(name, dataset="digits", length="quick", seeds=seeds)
    assert {m.quantity for m in found.measurements} == {q.name for q in entry.quantities}
    for claim in entry.claims:
        assert claim.decide(found).result in {"reproduced", "not reproduced"}


def found_on_digits(
    name: str, quantity: str, monkeypatch: pytest.MonkeyPatch
) -> dict[tuple[str, float], float]:
    """By series and x the values of a quantity of a study's small version."""
    module, constants = SMALL[name]
    for constant, value in constants.items():
        monkeypatch.setattr(module, constant, value)
    found = measured(name, dataset="digits", length="quick", seeds=[0]).measurements
    return {(m.series, m.x): m.value for m in found if m.quantity == quantity}


def test_parts_of_a_batch_give_its_gradient_only_without_batch_norm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E30, at the first weights."""
    found = found_on_digits("splitting-a-batch", "gradient_difference", monkeypatch)
    for layer in (1, 2, 3, 4):
        assert found["none, at the start", layer] < 1e-5
        assert found["BatchNorm, at the start", layer] > 0.01


def test_companions_move_an_example_in_training_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """E15."""
    found = found_on_digits("companions-of-an-example", "logit_std", monkeypatch)
    for size in (16, 60):
        assert found["inference", size] == 0 < found["training", size]


def test_new_statistics_undo_contrast(monkeypatch: pytest.MonkeyPatch) -> None:
    """E32c."""
    found = found_on_digits("statistics-on-changed-images", "faded", monkeypatch)
    for contrast in (0.75, 0.5):
        assert found["estimated anew", contrast] == found["estimated anew", 1.0]


def test_every_training_study_takes_mnist() -> None:
    for name in SMALL:
        asked = catalog.entry(name).experiment
        assert isinstance(asked, Study) and asked.dataset == "mnist"
