"""Numbers that are none: the first NaN or infinity of a network, and where it arose."""

import numpy as np

from .rule import Array, Offender, Rule, Seen


def _first(seen: Seen) -> Offender | None:
    """The first in the order of a step: weights, forward, loss, backward."""
    weights = _is_bad(seen.layer("weight_norm"))
    counted = np.nan_to_num(seen.layer("nonfinite")) > 0
    z, dz, dw = (
        counted,
        _is_bad(seen.layer("activation_grad_norm")),
        _is_bad(seen.layer("weight_grad_norm")),
    )
    loss = _is_bad(seen.of_network("loss"))
    bad = weights.any(axis=0) | z.any(axis=0) | dz.any(axis=0) | dw.any(axis=0) | loss
    if not bad.any():
        return None
    at = tuple(np.argwhere(bad)[0])
    step = int(seen.steps[at])
    layers = len(seen.facts.layers)
    forward, backward = range(layers), range(layers - 1, -1, -1)
    for flags, order, statistic, what in (
        (weights, forward, "weight_norm", "the weights"),
        (z, forward, "nonfinite", "the preactivation"),
    ):
        if (found := _in_order(flags, order, at)) is not None:
            value = float(seen.layer(statistic)[(found, *at)])
            return Offender(found, step, "layer_records", statistic, value, what)
    if loss[at]:
        return Offender(None, step, "network_records", "loss", np.nan, "the loss")
    for index in backward:
        for flags, statistic, what in (
            (dz, "activation_grad_norm", "the gradient at the preactivation"),
            (dw, "weight_grad_norm", "the gradient of the weights"),
        ):
            if flags[(index, *at)]:
                return Offender(index, step, "layer_records", statistic, np.nan, what)
    return None


def _is_bad(values: Array) -> Array:
    return np.isinf(values)


def _in_order(flags: Array, order: range, at: tuple[int, ...]) -> int | None:
    return next((index for index in order if flags[(index, *at)]), None)


RULE = Rule(
    table="layer_records",
    statistic="nonfinite",
    measures="elements that are NaN or infinite, in weights, preactivations, loss or gradients",
    severity="critical",
    first=_first,
    sentence="{layer}: NaN or infinities in {what}, the first of this network.",
    why="Everything that is computed from such a number becomes one too: the loss, all gradients "
    "and, with the next update, all weights. What is named here was the first.",
    advice="Lower the learning rate of this arm, to a third at first, and look at the charts of "
    "this layer in the steps before.",
    basis="any (SageMaker Debugger, ExplodingTensor)",
)
