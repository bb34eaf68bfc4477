"""E2 by hand-made records: how far medians move between looks at the probe, where they began."""

from collections.abc import Sequence

import pytest

from shiftscope.db.claims import Evidence, Outcome, Recorded
from shiftscope.db.stability import more_stable
from shiftscope.db.verdict import Curve

STEPS = (*range(0, 10_001, 250), 10_100)


def decided(
    none: float,
    batch: float,
    *,
    spread: float = 2.09,
    seeds: Sequence[int] = (0, 1, 2),
    steps: Sequence[int] = STEPS,
    ended: bool = True,
    diverged: int | None = None,
) -> Outcome:
    moved = {"none": none, "BatchNorm": batch}

    def records(table: str, statistic: str) -> list[Recorded]:
        assert table == "probe_records"
        found = []
        for arm in moved:
            for seed in seeds:
                for layer in ("hidden2", "hidden3", "output"):
                    # the last look is nearer, and other layers are no part of it
                    of_arm = moved[arm] * (1 + seed / 10) if layer == "hidden3" else 1e6
                    values = [None, *[of_arm] * (len(steps) - 2), 1e6]
                    if statistic == "spread_mean":
                        wide = spread if arm == "BatchNorm" and layer == "hidden3" else 0.05
                        values = [wide] * len(steps)
                    found.append(Recorded(arm, seed, layer, tuple(steps), tuple(values)))
        return found

    curves = [Curve(arm, seed, (0,), (0.1,), diverged) for arm in moved for seed in seeds]
    latest = steps[-1] if steps else 0
    return more_stable(Evidence(curves, tuple(moved), latest, ended, records))


def test_a_third_of_the_movement_is_enough() -> None:
    outcome = decided(0.24, 0.02)
    assert outcome.result == "reproduced"
    assert "12.0 × less (12.0 to 12.0, 3 seeds)" in outcome.reason
    assert "by 0.264 half-spreads in none and by 0.022 in BatchNorm" in outcome.reason
    assert "In 250 steps, up to step 10,000" in outcome.reason and "2.09" in outcome.reason
    assert decided(0.0601, 0.02).result == "reproduced"
    assert decided(0.059, 0.02).result == "not reproduced"


@pytest.mark.parametrize(
    ("spread", "result"), [(1.99, "not reproduced"), (2.0, "reproduced"), (2.16, "not reproduced")]
)
def test_units_begin_as_a_normals_do(spread: float, result: str) -> None:
    assert decided(0.24, 0.02, spread=spread).result == result


@pytest.mark.parametrize("moved", [float("nan"), float("inf"), 0.0])
def test_what_is_no_number_is_not_stable(moved: float) -> None:
    assert decided(0.24, moved).result == "not reproduced"
    assert decided(moved, 0.02).result == "not reproduced"


@pytest.mark.parametrize("last", [500, 1_000, 9_750, 9_999])
@pytest.mark.parametrize("ended", [False, True])
def test_nothing_is_decided_before_step_10_000(last: int, ended: bool) -> None:
    outcome = decided(0.24, 0.02, steps=(*range(0, last, 250), last), ended=ended)
    assert outcome.result == "inconclusive"
    assert f"the run is {'too short' if ended else 'not finished'}" in outcome.reason


@pytest.mark.parametrize(
    "steps",
    [
        (10_000,),
        range(0, 10_001, 125),
        range(0, 10_001, 500),
        [*range(0, 5_000, 250), *range(5_250, 10_001, 250)],
        [*range(0, 10_000, 250), 10_100],
    ],
)
def test_looks_that_are_not_250_steps_apart_decide_nothing(steps: Sequence[int]) -> None:
    outcome = decided(0.24, 0.02, steps=steps)
    assert outcome.result == "inconclusive"
    assert "not looked at every 250 steps up to step 10,000" in outcome.reason


def test_a_network_that_diverged_has_no_stable_inputs() -> None:
    assert decided(0.24, 0.02, diverged=5_000).result == "not reproduced"
