"""Channels that a layer's own norm switches off, while others go on."""

import numpy as np

from ...db.norms import OVER_EXAMPLES
from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    normed = seen.facts.mask(lambda layer: layer.norm in OVER_EXAMPLES)
    return np.asarray(seen.layer("collapsed")[..., 0] * normed)


RULE = Rule(
    table="unit_records",
    statistic="std",
    measures="share of channels whose std on the probe, about |γ|, is at most a tenth of that at "
    "the first look; of layers whose norm is over examples",
    threshold=0.1,
    patience=2,
    measure=_measure,
    sentence="{layer}: {count} of {units} channels vary a tenth as much on the probe as at the "
    "first look, or less.",
    why="Behind a norm over examples a channel varies by its |γ|. With γ near 0 it gives β, "
    "whatever comes in: the layer is narrower than it was meant to be.",
    advice="Take γ and β out of the weight decay, or lower the learning rate.",
    basis="our own: a tenth of the channels at a tenth of the first; arms of the catalog with "
    "BatchNorm have none at usual learning rates, up to 20 % at a rate of 10",
)
