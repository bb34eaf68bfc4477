"""E25: the floor of drift, and the claim by hand-made records."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from shiftscope.db import catalog
from shiftscope.db.catalog.running_statistics import drift_floor
from shiftscope.db.claims import Evidence, Outcome, Recorded
from shiftscope.db.verdict import Curve
from shiftscope.trainer.statistics import drift

STEPS = (1, 100, 199, 200, 1_100, 2_000, 2_001)
FLOOR = 0.132453
YES, NO, OPEN = "reproduced", "not reproduced", "inconclusive"


@pytest.mark.parametrize(("batch_size", "momentum"), [(60, 0.1), (8, 0.5), (8, 1.0)])
def test_the_floor_is_the_drift_of_independent_examples(batch_size: int, momentum: float) -> None:
    random = np.random.default_rng(0)
    steps, channels = 400, 200
    batch_means = random.normal(3, 2 / math.sqrt(batch_size), (steps, channels))
    running = [np.full(channels, 3.0)]
    for batch_mean in batch_means:
        running.append((1 - momentum) * running[-1] + momentum * batch_mean)
    means = np.array(running, np.float32)
    variances = np.full((steps, channels), 4, np.float32)
    found = drift(means[:-1], variances, means[1:], variances, momentum, 0.0)["mean_drift"]
    assert found[100:].mean() == pytest.approx(drift_floor(batch_size, momentum), rel=0.02)


def test_the_floor_of_the_claims_batches() -> None:
    assert drift_floor(60, 0.1) == pytest.approx(FLOOR, abs=1e-6)
    # the mean absolute value of a normal variable with this as its std
    assert math.sqrt(2 / math.pi) * drift_floor(60, 0.1) == pytest.approx(0.106, abs=5e-4)


def decided(
    *settled: float,
    step: int = 2_001,
    ended: bool = True,
    diverged: int | None = None,
    losses: Sequence[float | None] = (0.9, 0.43, 0.41),
) -> Outcome:
    """Drifts of the layers once settled, with three seeds around them; losses in inference."""
    arms = ("none", "BatchNorm")

    def records(table: str, statistic: str) -> list[Recorded]:
        found: list[Recorded] = []
        for arm in arms:
            for seed, times in ((0, 0.9), (1, 1.0), (2, 1.1)):
                if table == "evaluations":
                    values = losses if statistic == "test_loss" else (0.4, 0.4, 0.4)
                    if arm == "none" and statistic != "test_loss":
                        values = (None, None, None)
                    found.append(Recorded(arm, seed, None, (50, 100, 2_000), tuple(values)))
                    continue
                assert (table, statistic) == ("layer_records", "mean_drift")
                for at, drifted in enumerate((*settled, None), 1):
                    # other steps and the other arm are no part of it
                    course = [9.0, 9.0, 9.0, *[(drifted or 0) * times] * 3, 9.0]
                    none = drifted is None or arm == "none"
                    of_layer = (None,) * len(STEPS) if none else tuple(course)
                    found.append(Recorded(arm, seed, f"layer{at}", STEPS, of_layer))
        return found

    curves = [Curve("none", 0, (0,), (0.1,), 5), Curve("BatchNorm", 0, (0,), (0.1,), diverged)]
    evidence = Evidence(curves, arms, step, ended, records)
    (claim,) = catalog.entry("running-statistics").claims
    return claim.decide(evidence)


@pytest.mark.parametrize(
    ("settled", "result"),
    [
        ((FLOOR, 0.04, 0.03), YES),
        ((1.299 * FLOOR, 0.04, 0.03), YES),
        ((1.301 * FLOOR, 0.04, 0.03), NO),
        ((0.701 * FLOOR, 0.04, 0.03), YES),
        ((0.699 * FLOOR, 0.04, 0.03), NO),
        ((FLOOR, 0.99 * FLOOR, 0.03), YES),
        ((FLOOR, 0.04, 1.01 * FLOOR), NO),
        ((math.nan, 0.04, 0.03), NO),
        ((FLOOR, 0.04, math.nan), NO),
        ((), OPEN),
    ],
)
def test_the_first_layer_is_at_its_floor_and_those_behind_it_below(
    settled: Sequence[float], result: str
) -> None:
    assert decided(*settled).result == result


def test_the_numbers_are_said() -> None:
    reason = decided(FLOOR, 0.04).reason
    assert "floor of 0.132: layer1 0.132 (" in reason and "layer2 0.040 (" in reason
    assert "layer3" not in reason and "at the first step 9.00, 9.00." in reason
    assert "From step 100 on" in reason and "at most 0.030 nats apart" in reason
    worse = decided(FLOOR, 0.04, losses=(0.4, 0.9, math.nan))
    assert worse.result == YES and "at most nan nats apart" in worse.reason
    never = decided(FLOOR, 0.04, losses=(0.4, None, None))
    assert never.result == YES and "No evaluation" in never.reason


def test_a_run_that_goes_on_is_waited_for() -> None:
    for ended in (False, True):
        found = decided(FLOOR, 0.04, step=1_999, ended=ended)
        assert found.result == OPEN and "up to step 2,000" in found.reason


def test_only_batch_norm_must_not_diverge() -> None:
    assert decided(FLOOR, 0.04, diverged=2_001).result == YES
    assert decided(FLOOR, 0.04, diverged=2_000).result == NO
