"""Weights that change by a large part of themselves with each step."""

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    return seen.middle("update_ratio")


RULE = Rule(
    table="layer_records",
    statistic="update_ratio",
    measures="‖ΔW‖ ÷ ‖W‖ of a step",
    threshold=0.1,
    measure=_measure,
    sentence="{layer}: each step changes the weights by {percent} of their norm.",
    why="A layer that is replaced in ten steps forgets as fast as it learns; what later layers "
    "have adapted to is gone.",
    advice="Lower the learning rate of this arm; about 0.001 is usual.",
    basis="0.1 (neural-observatory); the 10 of SageMaker Debugger is a hundred times too lax",
)
