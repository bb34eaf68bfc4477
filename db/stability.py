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
EVERY = 250
CALMER = 3.0
SPREAD = (2.0, 2.15)
"""Of a normal variable of std 1 it is 2.07."""
NOT_LOOKED = (
    f"The probe was not looked at every {EVERY} steps up to step {UNTIL:,}, which "
    "recording.probe_every asks for, in every network."
)


@dataclass(frozen=True)
class _Course:
    """One network's last hidden layer: its mean movement between two looks, and its spread at 0."""

    moved: float
    spread: float


def more_stable(evidence: Evidence) -> Outcome:
    """Medians of units move a third as far or less, and BatchNorm's begin as a normal's do."""
    ended_early = diverged(evidence, UNTIL)
    if ended_early:
        return ended_early
    if evidence.step < UNTIL:
        return undecided(evidence, f"looks at the probe count up to step {UNTIL:,}")
    courses = _courses(evidence)
    reference, arm = evidence.arms[:2]
    seeds = sorted({curve.seed for curve in evidence.curves})
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
        f"In {EVERY} steps, up to step {UNTIL:,}, medians of the last hidden layer’s units move by "
        f"{moved[reference]:.3f} half-spreads in {reference} and by {moved[arm]:.3f} in {arm}: "
        f"{factor(ratio.value)} × less ({over_seeds(ratio, factor, CALMER)}); {arm}’s units begin "
        f"with a spread of {began}.",
    )


def _courses(evidence: Evidence) -> dict[tuple[str, int], _Course]:
    """By arm and seed, where a network has all looks."""
    spreads = evidence.records("probe_records", "spread_mean")
    layers = list(dict.fromkeys(each.layer for each in spreads))
    last_hidden = layers[-2] if len(layers) > 1 else None
    of_layer = {(each.arm, each.seed): each for each in spreads if each.layer == last_hidden}
    moved = evidence.records("probe_records", "median_shift_from_previous_mean")
    found: dict[tuple[str, int], _Course] = {}
    for each in moved:
        spread = of_layer.get((each.arm, each.seed))
        if each.layer != last_hidden or spread is None:
            continue
        values = _movements(each)
        began = spread.values[0] if spread.values else None
        if values and began is not None:
            found[each.arm, each.seed] = _Course(sum(values) / len(values), began)
    return found


def _movements(of_layer: Recorded) -> Sequence[float]:
    """From each look to the next; none unless looks are exactly those that are asked for."""
    looks = [at for at in of_layer.steps if at <= UNTIL]
    if looks != list(range(0, UNTIL + 1, EVERY)):
        return ()
    # None: no unit had one
    return [math.nan if v is None else v for v in of_layer.values[1 : len(looks)]]
