"""A layer by which all examples look alike."""

import numpy as np

from .rule import Array, Rule, Seen

FEW = 10
"""A layer of fewer units has few directions by itself."""


def _measure(seen: Seen) -> Array:
    wide = seen.facts.mask(lambda layer: layer.units >= FEW)
    return np.asarray(seen.layer("effective_rank")[..., 0] * seen.facts.hidden * wide)


RULE = Rule(
    table="probe_records",
    statistic="effective_rank",
    measures="effective rank of the activations on the probe, in directions; of hidden layers of "
    "10 units or more",
    threshold=3,
    below=True,
    patience=2,
    measure=_measure,
    sentence="{layer}: its activations span {value} directions.",
    why="What the layers behind get is nearly the same for every example; they can’t tell apart "
    "what it has made equal.",
    advice="Normalize over the batch, which keeps the rank up in deep networks (Daneshmand et al. "
    "2020), or draw larger first weights.",
    basis="our own, after Daneshmand et al. (2020): their unnormalized networks fall to 1, those "
    "with BatchNorm stay far above",
)
