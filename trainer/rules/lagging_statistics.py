"""Running statistics that do not keep up with those of the batches."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    drift = seen.middle("mean_drift")
    noise = np.nan_to_num(1 / seen.facts.examples)  # of a batch's mean, squared
    with np.errstate(all="ignore"):
        return np.sqrt(np.maximum(drift**2 - noise, 0)) + 0 * drift


RULE = Rule(
    table="layer_records",
    statistic="mean_drift",
    measures="RMS distance of running and batch mean, in σ, less what the draw of a batch gives",
    threshold=0.5,
    measure=_measure,
    sentence="{layer}: the running mean is {value} σ away from the batches’.",
    why="Inference uses running statistics: until they have caught up, what is evaluated is "
    "another network than the one that trains.",
    advice="Raise the running momentum (network.bn_momentum), or lower the learning rate.",
    basis="our own: half a standard deviation, beyond the 1/√n of a batch of n; healthy layers of "
    "the catalog stay below 0.1",
)
