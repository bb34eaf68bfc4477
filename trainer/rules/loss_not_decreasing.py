"""A network that has learned nothing yet."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    left = seen.loss_left
    return np.where(np.isfinite(left), left, np.nan)  # what diverged has a rule of its own


RULE = Rule(
    table="network_records",
    statistic="loss",
    measures="training loss ÷ that of the first step, or ÷ that of guessing where it is less",
    threshold=0.95,
    release=0.95,
    patience=6,
    measure=_measure,
    sentence="The training loss is still {percent} of what it was at the start.",
    why="The network does no better than one that guesses; nothing that its charts show is "
    "learning.",
    advice="Look at the gradients of its first layers: where they vanish, normalize; else raise "
    "the learning rate, or check the labels.",
    basis="SageMaker Debugger takes any decrease in 10 steps, which noise gives; ours is 5 % after "
    "150 records",
)
