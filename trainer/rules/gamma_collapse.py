"""A layer that its own norm switches off."""

import numpy as np

from .rule import Array, Rule, Seen


def _measure(seen: Seen) -> Array:
    now = np.maximum(np.abs(seen.middle("gamma_min")), np.abs(seen.middle("gamma_max")))
    first = np.maximum(
        np.abs(seen.first_of_layers("gamma_min")), np.abs(seen.first_of_layers("gamma_max"))
    )
    return now / np.where(first > 0, first, np.nan)


RULE = Rule(
    table="layer_records",
    statistic="gamma_max",
    measures="largest |γ| of the layer ÷ that of the first step",
    threshold=0.1,
    below=True,
    measure=_measure,
    sentence="{layer}: its largest |γ| is {percent} of what it began with.",
    why="With γ near 0 every unit gives β, whatever comes in: the layer passes nothing on, and "
    "hardly any gradient back.",
    advice="Take γ and β out of the weight decay, or lower it.",
    basis="our own: a tenth of the first",
)
