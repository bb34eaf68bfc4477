"""A network whose loss rose above where it began: training takes it away from its goal."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    start = seen.first_network.get("loss", np.nan)
    if not (np.isfinite(start) and start > 0):
        return np.full(len(seen.steps), np.nan)
    return seen.loss / start


def _begins(seen: Seen) -> Array:
    """In each observation the first step whose loss is beyond the threshold, or no number."""
    start = seen.first_network.get("loss", np.nan)
    is_beyond = ~(seen.of_network("loss") / start < RULE.threshold)
    return seen.steps[np.arange(len(seen.steps)), np.argmax(is_beyond, axis=-1)]


RULE = Rule(
    table="network_records",
    statistic="loss",
    measures="training loss ÷ that of the first step",
    threshold=2,
    patience=1,
    severity="critical",
    measure=_measure,
    begins=_begins,
    sentence="The training loss is {value} × what it was at the first step.",
    of_infinity="The training loss is no number any more.",
    why="Each update makes the network worse than it was drawn. What its other charts show from "
    "here on says nothing of its treatment, and a network whose loss is no number is frozen.",
    advice="Lower the learning rate of this arm; where its twin trains on at the same rate, that "
    "difference is the result.",
    basis="our own: twice the loss of the untrained network; calibrated on the catalog’s runs",
)
