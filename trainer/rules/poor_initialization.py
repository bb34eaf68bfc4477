"""First weights by which layers begin at scales far apart."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    values = np.full((len(seen.facts.layers), len(seen.steps)), np.nan)
    if not seen.is_start or not len(seen.steps):
        return values
    scale = seen.first_of_layers("std") * seen.facts.hidden
    known = scale[np.isfinite(scale) & (scale > 0)]
    if known.size > 1:
        usual = np.median(known)
        with np.errstate(divide="ignore"):
            values[:, :1] = np.maximum(scale / usual, usual / scale)
    return values


RULE = Rule(
    table="layer_records",
    statistic="std",
    measures="std of the first preactivation ÷ that of the median hidden layer, or its inverse",
    threshold=10,
    patience=1,
    measure=_measure,
    sentence="{layer} begins at another scale: its preactivations are {value} × as wide, or as "
    "narrow, as those of the median hidden layer.",
    why="Scales that grow or shrink from layer to layer make gradients do so too: one learning "
    "rate is then too large for some layers and too small for others.",
    advice="Initialize so that variance is kept (he for ReLU, xavier for tanh and sigmoid), or "
    "normalize, which makes first scales equal.",
    basis="a ratio of 10 between layers (SageMaker Debugger, PoorWeightInitialization), of "
    "preactivations, which scale of weights and fan-in make together",
)
