"""E2: whether the inputs of the last hidden layer's sigmoids are more stable with BatchNorm.

What Figure 1 b and c of Ioffe & Szegedy (2015) draws of one unit, of all units of that layer: how
far the median moved between two looks at the probe, in half-spreads (from the 15th percentile to
the 85th, halved) as the first of the two found them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .claims import Evidence, Outcome, Recorded
from .criteria import diverged, undecided
from .intervals import geometric_mean
from .verdict_words import factor, over_seeds

UNTIL = 10_000
AT_LEAST = 1_000
CALMER = 3.0
SPREAD = (2.0, 2.15)
"""Of a normal variable of std 1 it is 2.07."""
NOT_LOOKED = "Nothing was recorded of the probe: recording.probe_every says how often."


@dataclass(frozen=True)
class _Course:
    """One network's last hidden layer: its mean movement between two looks, and its spread at 0."""

    moved: float
    spread: float
    every: int


def more_stable(evidence: Evidence) -> Outcome:
    """Medians of units move a third as far or less, and BatchNorm's begin as a normal's do."""
    if evidence.step < AT_LEAST or (evidence.step < UNTIL and not evidence.ended):
        return undecided(evidence, f"looks at the probe count up to step {UNTIL:,}")
    until = min(UNTIL, evidence.step)
    ended_early = diverged(evidence, until)
    if ended_early:
        return ended_early
    courses = _courses(evidence, until)
    reference, arm = evidence.arms[:2]
    seeds = sorted({seed for _, seed in courses})
    if not seeds or any((name, seed) not in courses for name in (reference, arm) for seed in seeds):
        return Outcome("inconclusive", NOT_LOOKED)
    moved = {
        name: sum(courses[name, seed].moved for seed in seeds) / len(seeds)
        for name in (reference, arm)
    }
    spreads = [courses[arm, seed].spread for seed in seeds]
    if not all(0 < value < math.inf for value in (*moved.values(), *spreads)):
        return Outcome(
            "not reproduced", "Some unit's percentiles were no numbers, or did not move."
        )
    ratio = geometric_mean(
        [courses[reference, seed].moved / courses[arm, seed].moved for seed in seeds]
    )
    holds = ratio.value >= CALMER and all(SPREAD[0] <= spread <= SPREAD[1] for spread in spreads)
    began = " to ".join(dict.fromkeys(f"{end:.2f}" for end in (min(spreads), max(spreads))))
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"In {courses[arm, seeds[0]].every:,} steps, up to step {until:,}, medians of the last "
        f"hidden layer’s units move by {moved[reference]:.3f} half-spreads in {reference} and by "
        f"{moved[arm]:.3f} in {arm}: {factor(ratio.value)} × less ({over_seeds(ratio, factor)}); "
        f"{arm}’s units begin with a spread of {began}.",
    )


def _courses(evidence: Evidence, until: int) -> dict[tuple[str, int], _Course]:
    """By arm and seed, where a network has them."""
    spreads = evidence.records("probe_records", "spread_mean")
    layers = list(dict.fromkeys(each.layer for each in spreads))
    last_hidden = layers[-2] if len(layers) > 1 else None
    of_layer = {(each.arm, each.seed): each for each in spreads if each.layer == last_hidden}
    moved = evidence.records("probe_records", "median_shift_from_previous_mean")
    found: dict[tuple[str, int], _Course] = {}
    for each in moved:
        spread = of_layer.get((each.arm, each.seed))
        if each.layer != last_hidden or spread is None or len(each.steps) < 2:
            continue
        every = each.steps[1] - each.steps[0]
        values = _at_distance(each, every, until)
        began = spread.values[0]
        if values and began is not None:
            found[each.arm, each.seed] = _Course(sum(values) / len(values), began, every)
    return found


def _at_distance(of_layer: Recorded, every: int, until: int) -> Sequence[float]:
    """The values of looks `every` steps after the one before; the last look may be nearer."""
    steps, values = of_layer.steps, of_layer.values
    return [
        value
        for before, step, value in zip(steps, steps[1:], values[1:], strict=False)
        if value is not None and step - before == every and step <= until
    ]
