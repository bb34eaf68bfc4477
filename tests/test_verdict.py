"""Verdicts: every number against a hand-worked case, every interval by its coverage."""

import math
from typing import Any

import numpy as np
import pytest

from shiftscope.db.intervals import OverSeeds, geometric_mean, mean
from shiftscope.db.verdict import (
    Crossing,
    Curve,
    Ratio,
    Usable,
    crossing,
    default_target,
    difference,
    ratio,
    twins,
    usable,
    verdict,
)
from shiftscope.db.verdict_words import criterion, percent, points, sentence, times

NAN = math.nan
ARMS = ("none", "BatchNorm")


def curve(*points: tuple[int, float], arm: str = "none", seed: int = 0, **more: Any) -> Curve:
    return Curve(arm, seed, tuple(s for s, _ in points), tuple(a for _, a in points), **more)


def pair(none: int | None, batch: int | None, *, seed: int = 0, last: int = 10_000) -> Any:
    """Twins that reach 90 % at these steps on a line through 0 and 1.8 times the target's step."""
    return [
        curve((0, 0.0), (2 * step, 1.8), arm=arm, seed=seed)
        if step is not None
        else curve((0, 0.0), (last, 0.5), arm=arm, seed=seed)
        for arm, step in zip(ARMS, (none, batch), strict=True)
    ]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        # between 0.8 at 400 and 1.0 at 500 the target 0.9 lies half way
        ([(0, 0.1), (400, 0.8), (500, 1.0)], Crossing(450.0, 400, 500)),
        # a quarter of the way from 0.85 to 1.05 (no accuracy, but the same arithmetic)
        ([(100, 0.85), (500, 1.05)], Crossing(200.0, 100, 500)),
        ([(0, 0.1), (500, 0.9)], Crossing(500.0, 0, 500)),
        ([(0, 0.1), (500, 0.95), (1000, 0.2), (1500, 0.99)], Crossing(470.5882352941, 0, 500)),
        ([(0, 0.1), (1000, 0.8999)], Crossing(None, 1000, None)),
        ([(0, 0.95)], Crossing(0, 0, 0)),
        ([(500, 0.95)], Crossing(500, 0, 500)),
        # nothing can be interpolated from a NaN; one after the crossing changes nothing
        ([(0, 0.1), (400, NAN), (500, 1.0)], Crossing(500.0, 400, 500)),
        ([(0, 0.5), (400, 1.3), (500, NAN)], Crossing(200.0, 0, 400)),
        ([(0, NAN), (400, NAN)], Crossing(None, 400, None)),
        ([], None),
    ],
)
def test_steps_to_a_target_are_those_of_the_first_crossing(
    points: list[tuple[int, float]], expected: Crossing | None
) -> None:
    found = crossing(curve(*points), 0.9)
    if expected is None or found is None:
        assert found is expected
    else:
        assert found.step == (pytest.approx(expected.step) if expected.step else expected.step)
        assert (found.after, found.by) == (expected.after, expected.by)


def test_a_ratio_is_the_reference_over_the_arm_seed_by_seed() -> None:
    pairs = twins([*pair(4000, 400), *pair(1000, 400, seed=1)], *ARMS)
    found = ratio(pairs, 0.9)
    assert found is not None and found.estimate is not None
    assert found.estimate.value == pytest.approx(5.0)  # √(10 × 2.5)
    assert found.estimate.seeds == 2
    assert (found.at_least, found.at_most) == (0.0, math.inf)  # each crossed right after step 0


def test_with_one_seed_there_is_no_interval() -> None:
    found = ratio(twins(pair(4000, 400), *ARMS), 0.9)
    assert found is not None and found.estimate is not None
    assert found.estimate.value == pytest.approx(10.0)
    assert (found.estimate.low, found.estimate.high, found.estimate.seeds) == (None, None, 1)


def test_what_was_never_reached_bounds_the_ratio() -> None:
    arm = curve((0, 0.1), (200, 0.8), (400, 0.95), arm="BatchNorm")
    never = curve((0, 0.1), (1000, 0.5))
    assert ratio([(never, arm)], 0.9) == Ratio(None, 2.5, math.inf)
    assert ratio([(arm, never)], 0.9) == Ratio(None, 0.0, 0.4)
    assert ratio([(never, never)], 0.9) == Ratio(None, 0.0, math.inf)


def test_one_seed_that_never_reached_it_leaves_no_estimate_over_the_seeds() -> None:
    found = ratio(twins([*pair(4000, 400), *pair(None, 400, seed=1)], *ARMS), 0.9)
    assert found is not None and found.estimate is None


def test_no_ratio_without_twins_or_before_the_first_step() -> None:
    assert ratio([], 0.9) is None
    begun = curve((0, 0.95), arm="BatchNorm")
    assert ratio([(curve((0, 0.1), (10, 0.95)), begun)], 0.9) is None
    assert twins([curve((0, 0.1)), curve((0, 0.1), arm="BatchNorm", seed=1)], *ARMS) == []
    assert twins([curve((0, 0.1)), curve(arm="BatchNorm")], *ARMS) == []


def test_a_difference_is_of_the_last_evaluations_or_of_one_step() -> None:
    pairs = [
        (curve((0, 0.1), (100, 0.5)), curve((0, 0.2), (100, 0.9), arm="BatchNorm")),
        (curve((0, 0.1), (100, 0.7)), curve((0, 0.1), (100, 0.9), arm="BatchNorm")),
    ]
    last = difference(pairs)
    assert last is not None and last.value == pytest.approx(0.3)
    assert last.low is not None and last.high is not None and last.low < 0.2 < 0.4 < last.high
    first = difference(pairs, 0)
    assert first is not None and first.value == pytest.approx(0.05)
    assert difference(pairs, 50) is None and difference([]) is None


def test_a_nan_survives_and_leaves_no_interval() -> None:
    found = mean([0.5, NAN])
    assert math.isnan(found.value) and (found.low, found.high, found.seeds) == (None, None, 2)


def test_an_interval_is_the_same_every_time_and_shrinks_to_nothing_for_equal_seeds() -> None:
    assert mean([1.0, 2.0, 4.0]) == mean([1.0, 2.0, 4.0])
    assert mean([3.0, 3.0]) == OverSeeds(3.0, 3.0, 3.0, 2)
    found = geometric_mean([1.0, 4.0])
    assert found.value == pytest.approx(2.0)
    assert found.low is not None and found.high is not None
    assert found.low * found.high == pytest.approx(4.0)  # symmetric in logarithms


@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 16])
def test_an_interval_covers_the_truth_as_often_as_it_says(seeds: int) -> None:
    """Of 400 experiments at least 92 % hold the truth; a normal's own spread is 1.1 %."""
    draws = np.random.default_rng(seeds).normal(0.4, 0.1, size=(400, seeds))
    ratios = np.random.default_rng(seeds).lognormal(math.log(10), 0.3, size=(400, seeds))
    for rows, truth, over in ((draws, 0.4, mean), (ratios, 10.0, geometric_mean)):
        held = 0
        for row in rows:
            found = over(row.tolist())
            assert found.low is not None and found.high is not None
            held += found.low <= truth <= found.high
        assert 0.91 <= held / len(rows) <= 0.98, (seeds, over, held)


def test_the_target_is_90_percent_unless_the_run_has_ended_below_it() -> None:
    low = [curve((0, 0.1), (100, 0.5), seed=0), curve((0, 0.1), (100, 0.4), seed=1)]
    other = curve((0, 0.1), (100, 0.8), arm="BatchNorm")
    assert default_target([*low, other], "none", ended=False) == (0.9, False)
    assert default_target([*low, other], "none", ended=True) == (0.4, True)
    reached = curve((0, 0.1), (50, 0.9), (100, 0.8), arm="BatchNorm")
    assert default_target([*low, reached], "none", ended=True) == (0.9, False)
    assert default_target([curve((0, NAN))], "none", ended=True) == (0.9, False)
    assert default_target([], "none", ended=True) == (0.9, False)


def said(*curves: Curve, ended: bool = True, target: float | None = None) -> str:
    return sentence(verdict(curves, ARMS, ended=ended, target=target))


def test_the_sentence_says_who_was_sooner_with_its_interval() -> None:
    five = [c for seed, none in enumerate((4800, 5300, 4900, 5100, 5020))
            for c in pair(none, 480, seed=seed)]  # fmt: skip
    words = said(*five)
    assert words.startswith("BatchNorm reached 90 % after 480 steps, none after 5,021: 10.5 × soon")
    assert words.endswith("er (10.0 to 11.0, 5 seeds).")
    assert said(*pair(5020, 480)) == (
        "BatchNorm reached 90 % after 480 steps, none after 5,020: 10.5 × sooner "
        "(one seed: no interval)."
    )
    assert said(*pair(480, 960)).endswith(": 2.0 × later (one seed: no interval).")
    assert said(*pair(480, 480)).endswith("none after 480: as soon (one seed: no interval).")


def test_the_sentence_says_what_was_never_reached() -> None:
    arm = curve((0, 0.1), (200, 0.8), (400, 1.0), (1000, 1.0), arm="BatchNorm")
    never = curve((0, 0.1), (1000, 0.5))
    assert said(never, arm) == (
        "BatchNorm reached 90 % after 300 steps, none never did in 1,000 steps: "
        "at least 2.5 × sooner."
    )
    assert "none has not yet in 1,000 steps" in said(never, arm, ended=False)
    swapped = (curve((0, 0.1), (200, 0.8), (400, 1.0)),
               curve((0, 0.1), (1000, 0.5), arm="BatchNorm"))  # fmt: skip
    assert said(*swapped) == (
        "BatchNorm never reached 90 % in 1,000 steps, none did after 300 steps: "
        "at least 2.5 × later."
    )
    assert said(never, arm, target=0.99, ended=False).startswith("BatchNorm reached 99 %")
    low = curve((0, 0.1), (1000, 0.84), arm="BatchNorm")
    assert said(never, low, target=0.95) == (
        "Neither none nor BatchNorm reached 95 % in 1,000 steps: BatchNorm ended 34.0 points "
        "higher (one seed: no interval)."
    )
    assert said(never, low, ended=False).startswith("Neither none nor BatchNorm has yet reached 90")
    assert said(never, low) == (
        "BatchNorm reached 50 % (none’s last accuracy) after 541 steps, none after 1,000: "
        "1.85 × sooner (one seed: no interval), and ended 34.0 points higher (one seed: no "
        "interval)."
    )


def test_the_sentence_names_what_diverged_and_what_is_missing() -> None:
    arm = curve((0, 0.1), (400, 1.0), arm="BatchNorm")
    gone = curve((0, 0.1), (200, 0.2), diverged_step=312)
    assert said(gone, arm).endswith("none never did in 200 steps; none diverged at step 312.")
    assert said(curve(), curve(arm="BatchNorm")).startswith("No network was evaluated")
    assert said(ended=False) == "No network has been evaluated yet."
    assert "BatchNorm has not been evaluated" in said(curve((0, 0.1), (9, 1.0)))
    half = [*pair(4000, 400), *pair(None, 400, seed=1)]
    assert said(*half) == ("BatchNorm reached 90 % after 400 steps, none with 1 of 2 seeds.")
    begun = curve((0, 0.95), arm="BatchNorm")
    assert said(curve((0, 0.1), (9, 1.0)), begun) == (
        "BatchNorm reached 90 % from the start, none after 8."
    )


def test_a_diverged_network_has_no_place_among_numbers() -> None:
    """It gets nothing right for want of numbers: no accuracy of 0, and no censored curve."""
    good = curve((0, 0.1), (500, 0.95), (1000, 0.97), arm="BatchNorm")
    gone = curve((0, 0.1), (20, 0.6), diverged_step=31)
    for first, second in ((gone, good), (good, gone)):
        found = verdict([first, second], [first.arm, second.arm], ended=True)
        arm = found.comparisons[1]
        assert arm.ratio is None and arm.difference is not None
        assert math.isnan(arm.difference.value)
    assert "nan" not in sentence(found) and "× " not in sentence(found)
    low = curve((0, 0.1), (1000, 0.3), arm="BatchNorm")
    assert default_target([gone, low], "none", ended=True) == (0.9, False)
    assert sentence(verdict([gone, low], ARMS, ended=True)) == (
        "Neither none nor BatchNorm reached 90 % in 1,000 steps; none diverged at step 31."
    )


def test_one_arm_and_three_arms_have_a_sentence_too() -> None:
    alone = verdict([curve((0, 0.0), (960, 1.8))], ["none"], ended=True)
    assert sentence(alone) == "none reached 90 % after 480 steps."
    third = curve((0, 0.0), (1000, 1.8), arm="LayerNorm")
    three = verdict([*pair(5000, 500), third], [*ARMS, "LayerNorm"], ended=True)
    assert sentence(three) == (
        "BatchNorm reached 90 % after 500 steps, none after 5,000: 10.0 × sooner (one seed: no "
        "interval); LayerNorm reached 90 % after 500 steps: 10.0 × sooner (one seed: no interval)."
    )


def test_an_ensemble_is_said_first_and_that_arms_are_no_twins_last() -> None:
    found = verdict(pair(5000, 500), ARMS, ended=True)
    together = OverSeeds(0.97, 0.968, 0.971, 3)
    assert sentence(found, twins=False, together=together) == (
        f"The 2 arms together ended at 97.0 % (96.8 to 97.1, 3 seeds). {sentence(found)} "
        "The arms are no twins: chance differs too."
    )
    going = verdict(pair(5000, 500), ARMS, ended=False)
    assert sentence(going, together=together).startswith("The 2 arms together are at 97.0 % (")
    alone = verdict([curve((0, 0.1), (9, 0.5))], ["none"], ended=True)
    assert sentence(alone, twins=False) == sentence(alone)


def test_numbers_of_an_arm_over_its_seeds() -> None:
    found = verdict([*pair(4000, 400), *pair(1000, 100, seed=1)], ARMS, ended=True)
    none, batch = found.comparisons
    assert none.steps_to_target == pytest.approx(2000) and none.ratio is None
    assert batch.steps_to_target == pytest.approx(200) and batch.reached == batch.seeds == 2
    assert (batch.last_step, batch.last_accuracy, batch.best_accuracy) == (800, 1.8, 1.8)
    assert none.difference is None and batch.difference is not None
    assert criterion(found).startswith("Target: 90 % of the test set. Steps until it is first")
    assert "geometric means over the seeds" in criterion(found)
    low = criterion(verdict([curve((0, 0.1), (9, 0.5))], ["none"], ended=True))
    assert low.startswith("Target: 50 % of the test set, the last accuracy of none, for no network")


def test_usable_learning_rates_reach_from_the_lowest_to_the_highest_that_trains() -> None:
    def at(accuracy: float, diverged: int | None = None) -> Curve:
        return Curve("none", 0, (500, 1500), (0.99, accuracy), diverged)

    gone = Curve("none", 0, (500,), (0.99,), 700)
    found = {0.01: at(0.85), 0.03: at(0.86), 0.1: at(0.2), 1.0: at(0.97), 3.0: at(math.nan),
             10.0: at(0.97, diverged=1500), 30.0: gone}  # fmt: skip
    range_ = usable(found, 1500, above=0.85)
    assert range_ and range_ == Usable(0.03, 1.0)
    assert range_.decades == pytest.approx(math.log10(1 / 0.03))
    late = usable({10.0: at(0.97, diverged=1501)}, 1500, above=0.85)
    assert late and late == Usable(10, 10) and late.decades == 0
    assert usable({0.1: at(0.2)}, 1500, above=0.85) is None


def test_words_of_numbers() -> None:
    assert [percent(0.9), percent(0.9712), percent(1.0)] == ["90 %", "97.1 %", "100 %"]
    assert times(OverSeeds(0.1, 0.05, 0.2, 3)) == "10.0 × later (5.0 to 20.0, 3 seeds)"
    assert times(OverSeeds(1.25, 0.5, 250.0, 3)) == "1.25 × sooner (0.50 to 250, 3 seeds)"
    assert points(OverSeeds(-0.02, -0.03, -0.01, 3)) == "2.0 points lower (1.0 to 3.0, 3 seeds)"
    assert times(OverSeeds(2.0, None, None, 2)) == "2.0 × sooner (2 seeds: no interval)"


def test_of_many_arms_only_what_they_come_to_is_said() -> None:
    arms = [f"lr {rate}" for rate in range(8)]
    curves = [
        curve((0, 0.1), (100 * (at + 1), 0.95 - 0.008 * at), arm=arm) for at, arm in enumerate(arms)
    ]
    curves[6] = curve((0, 0.1), (10, 0.2), arm=arms[6], diverged_step=11)
    curves[7] = curve((0, 0.1), (100, 0.5), arm=arms[7])
    assert sentence(verdict(curves, arms, ended=True)) == (
        "6 of 8 arms reached 90 %, lr 0 first: after 94 steps; lr 0 ended highest: 95 %; "
        "1 diverged."
    )


def test_of_many_arms_none_is_first_that_is_not_alone() -> None:
    arms = [f"lr {at}" for at in range(8)]
    curves = [curve((0, 0.1), (100, 0.95), arm=arm) for arm in arms]
    assert sentence(verdict(curves, arms, ended=True)) == (
        "8 of 8 arms reached 90 %, lr 0 and 7 others first: after 94 steps; "
        "lr 0 and 7 others ended highest: 95 %."
    )
    curves[3] = curve((0, 0.1), (100, 0.97), arm=arms[3])
    curves[5] = curve((0, 0.1), (100, 0.97), arm=arms[5])
    words = sentence(verdict(curves, arms, ended=False))
    assert words.endswith("; lr 3 and lr 5 are highest: 97 %.")


def test_an_interval_below_0_has_a_minus_sign() -> None:
    estimate = OverSeeds(value=0.1, low=-0.29, high=1.315, seeds=2)
    assert points(estimate) == "10.0 points higher (−29.0 to 131.5, 2 seeds)"
