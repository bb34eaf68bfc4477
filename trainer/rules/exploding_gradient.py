"""A gradient that has grown far beyond those that training began with."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    first = seen.first_of_layers("weight_grad_norm")
    finite = first[np.isfinite(first)]
    usual = finite.max() if finite.size else 0.0
    grown = seen.middle("weight_grad_norm") / (usual if usual > 0 else np.nan)
    return np.where(
        np.isinf(grown), np.nan, grown
    )  # numbers that are none have a rule of their own


RULE = Rule(
    table="layer_records",
    statistic="weight_grad_norm",
    measures="‖∂L/∂W‖ ÷ the largest of any layer at the first step",
    threshold=100,
    patience=2,
    severity="critical",
    measure=_measure,
    sentence="{layer}: the gradient of the weights is {value} × the largest of the first step.",
    why="An update in proportion to such a gradient throws the weights far from where the "
    "gradient means anything; the loss jumps, often to NaN.",
    advice="Clip the gradient’s norm, or lower the learning rate of this arm.",
    basis="our own, relative; neural-observatory has 1,000, absolute, which depends on the "
    "network’s size",
)
