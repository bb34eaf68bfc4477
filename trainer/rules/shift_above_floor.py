"""A layer whose inputs keep moving, far more than chance would have it."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    moved = seen.layer("w1_from_previous_median")[..., 0]
    floor = seen.layer("w1_floor")[..., 0]
    with np.errstate(all="ignore"):
        return np.asarray(moved / np.where(floor > 0, floor, np.nan) * seen.facts.hidden)


RULE = Rule(
    table="probe_records",
    statistic="w1_from_previous_median",
    measures="w1 of the median unit from one look at the probe to the next ÷ its null floor; of "
    "hidden layers",
    threshold=10,
    release=0.5,
    patience=2,
    measure=_measure,
    sentence="{layer}: from one look at the probe to the next its median unit moved by {value} × "
    "the null floor.",
    why="The layers behind have to follow a distribution that does not stay: the internal "
    "covariate shift of the paper’s Figure 1. Whether that is what slows them is another question, "
    "which the gradient shift answers.",
    advice="Compare the arm with a normalized twin, on the same axes; if both move alike, the "
    "learning rate is the cause.",
    basis="our own: ten times the mean distance of two samples of one distribution, twice in a "
    "row; of chance alone 1 in 100 is above 2.1 times",
)
