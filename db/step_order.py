"""The order in which the numbers of a step are computed, as far as records show them.

Weights, preactivations from the first layer to the last, the loss, gradients from the last layer
back to the first, updates. What is not finite makes what comes after it so too.
"""

from collections.abc import Iterator

FORWARD = ("weight_norm", "nonfinite")
BACKWARD = ("activation_grad_norm", "weight_grad_norm")
UPDATE = "update_ratio"
LAYER_COLUMNS = (*FORWARD, *BACKWARD, UPDATE)
"""Columns of `layer_records` in which a tensor shows; the norm of one that holds NaN is NaN.

`nonfinite` counts elements. An `update_ratio` is not finite either where the weights are all 0,
though nothing went wrong there.
"""
LOSS = "loss"
"""The column of `network_records`."""


def in_order(layers: int) -> Iterator[tuple[int | None, str]]:
    """A layer's index, None for the network, and a column: what comes first is computed first."""
    for column in FORWARD:
        yield from ((layer, column) for layer in range(layers))
    yield None, LOSS
    for layer in reversed(range(layers)):
        yield from ((layer, column) for column in BACKWARD)
    yield from ((layer, UPDATE) for layer in range(layers))
