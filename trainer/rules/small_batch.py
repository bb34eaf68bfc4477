"""BatchNorm on so few examples that its statistics are noise."""

import numpy as np

from ...db.norms import OVER_EXAMPLES
from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    normed = seen.facts.mask(lambda layer: layer.norm in OVER_EXAMPLES)
    return np.asarray(normed * seen.facts.examples + np.zeros(len(seen.steps)))


RULE = Rule(
    table="layer_records",
    statistic="var_drift",
    measures="examples in a batch; of layers whose norm is over examples",
    threshold=8,
    below=True,
    release=1,
    patience=1,
    measure=_measure,
    sentence="{layer} is normalized over {value} examples.",
    why="Mean and variance of so few examples are mostly noise, another in every batch; with the "
    "running statistics of inference the network is a different one.",
    advice="Take a larger batch, or a norm that needs none: group or layer.",
    basis="Wu & He (2018), Figure 1: BatchNorm’s error grows from 16 examples a batch downward, "
    "steeply from 8 on",
)
