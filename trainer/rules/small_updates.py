"""Weights that hardly move although there is much to learn."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    ratio = seen.middle("update_ratio")
    rate, first = seen.of_network("lr"), seen.first_network.get("lr", np.nan)
    middle = np.median(rate, axis=-1)
    # a schedule that brings the rate down, or has not brought it up yet, means it so
    lowered = np.fmax(first / np.where(middle > 0, middle, np.nan), 1.0)
    warming = np.where(rate[:, -1] > rate[:, 0], np.nan, 1.0)
    moving = np.where(ratio > 0, ratio, np.nan)  # what is frozen on purpose stands still exactly
    return moving * np.fmax(lowered, 1.0) * warming * seen.still_learning


RULE = Rule(
    table="layer_records",
    statistic="update_ratio",
    measures="‖ΔW‖ ÷ ‖W‖ of a step, at the first step’s learning rate, while a tenth of the loss "
    "is left",
    threshold=1e-5,
    below=True,
    measure=_measure,
    sentence="{layer}: each step changes the weights by {value} of their norm.",
    why="At this pace the layer needs a hundred thousand steps to become another one: it stays as "
    "it was drawn, and the others learn around it.",
    advice="Raise the learning rate; where one layer alone is slow, normalize.",
    basis="a hundredth of the 0.001 that is usual; the 1e-8 of SageMaker Debugger is a thousand "
    "times too lax",
)
