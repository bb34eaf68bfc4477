"""Units that give zero for every example of every batch."""

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    # the batch that woke most of them: a unit that is rarely active is not dead
    return seen.layer("dead").min(axis=-1)


RULE = Rule(
    table="layer_records",
    statistic="dead",
    measures="share of units that are 0 for a whole batch, in the batch where it is smallest",
    threshold=0.25,
    measure=_measure,
    sentence="{layer}: {percent} of its units give 0 for every example.",
    why="No gradient flows through a unit that is zero everywhere, so it does not come back: the "
    "layer is narrower than it was meant to be.",
    advice="Lower the learning rate, which is what mostly kills them; or take leaky_relu, or "
    "normalize before the nonlinearity.",
    basis="a quarter of a layer; neural-observatory warns at 20 % and calls 50 % critical, "
    "SageMaker Debugger has 50 %",
)
