"""A layer whose gradient is next to nothing beside those of the layers behind it."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    gradient = seen.middle("weight_grad_norm")
    known = np.nan_to_num(gradient, nan=0.0, posinf=0.0)
    behind = np.maximum.accumulate(known[::-1], axis=0)[::-1]
    share = gradient / np.where(behind > 0, behind, np.nan)
    return share * seen.still_learning


RULE = Rule(
    table="layer_records",
    statistic="weight_grad_norm",
    measures="‖∂L/∂W‖ ÷ the largest of this layer and those behind it",
    threshold=1e-3,
    below=True,
    measure=_measure,
    sentence="{layer}: the gradient of the weights is {value} of the largest behind it.",
    why="The layer hardly learns: the signal dies on its way back, by a factor for every layer. "
    "What lies before it stays as it was drawn.",
    advice="Add normalization to this arm, or initialize so that variance is kept (he for ReLU, "
    "xavier for tanh and sigmoid).",
    basis="relative, stricter than six decades below the largest layer (neural-observatory) and "
    "than a mean |g| of 1e-7 (SageMaker Debugger): at 1e-3 a layer already stands still",
)
