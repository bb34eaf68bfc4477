"""Nonlinearities of two flat ends that are mostly on one of them."""

import numpy as np

from .rule import Array, Rule, Seen

TWO_ENDS = frozenset(("sigmoid", "tanh", "hardtanh"))


def _measure(seen: Seen) -> Array:
    has_ends = seen.facts.mask(lambda layer: layer.activation in TWO_ENDS)
    return np.asarray(seen.middle("saturated") * has_ends)


RULE = Rule(
    table="layer_records",
    statistic="saturated",
    measures="share of outputs where |f′| is below 5 % of its maximum; of sigmoid, tanh, hardtanh",
    threshold=0.5,
    measure=_measure,
    sentence="{layer}: {percent} of its outputs lie where the nonlinearity is flat.",
    why="There the derivative is next to zero: the layer passes hardly any gradient on and learns "
    "slowly, the regime that the paper’s §1 blames on shifting inputs.",
    advice="Normalize before the nonlinearity, or draw smaller first weights (initial_std).",
    basis="more than half of a layer (SageMaker Debugger, neural-observatory), with flat taken as "
    "5 % of the largest slope, not the ±9.5 and −23 of SageMaker, where it is 1e-8",
)
