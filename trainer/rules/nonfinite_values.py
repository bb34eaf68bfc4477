"""Numbers that are none: the first NaN or infinity of a network, and where it arose."""

import numpy as np

from ...db.step_order import LAYER_COLUMNS, LOSS, UPDATE, in_order
from .rule import Offender, Rule, Seen

WORDS = {
    "weight_norm": "the weights",
    "nonfinite": "the preactivation",
    LOSS: "the loss",
    "activation_grad_norm": "the gradient at the preactivation",
    "weight_grad_norm": "the gradient of the weights",
    UPDATE: "the update",
}


def _first(seen: Seen) -> Offender | None:
    """The first record with one, and of that record what is computed first."""
    bad = {name: np.isinf(seen.layer(name)) for name in LAYER_COLUMNS}
    bad["nonfinite"] = np.nan_to_num(seen.layer("nonfinite")) > 0
    bad[UPDATE] &= seen.layer("weight_norm") != 0
    lost = np.isinf(seen.of_network(LOSS))
    where = np.argwhere(np.any([lost, *(flags.any(axis=0) for flags in bad.values())], axis=0))
    if not len(where):
        return None
    at = tuple(where[0])
    step = int(seen.steps[at])
    for index, column in in_order(len(seen.facts.layers)):
        if index is None:
            if lost[at]:
                return Offender(None, step, "network_records", LOSS, np.nan, WORDS[LOSS])
        elif bad[column][(index, *at)]:
            value = float(seen.layer(column)[(index, *at)]) if column == "nonfinite" else np.nan
            return Offender(index, step, "layer_records", column, value, WORDS[column])
    return None


RULE = Rule(
    table="layer_records",
    statistic="nonfinite",
    measures="elements that are NaN or infinite, in weights, preactivations, loss, gradients or "
    "updates",
    severity="critical",
    first=_first,
    sentence="{layer}: NaN or infinities in {what}, the first of this network.",
    why="Everything that is computed from such a number becomes one too: the loss, all gradients "
    "and, with the next update, all weights. What is named here was the first.",
    advice="Lower the learning rate of this arm, to a third at first, and look at the charts of "
    "this layer in the steps before.",
    basis="any (SageMaker Debugger, ExplodingTensor)",
)
