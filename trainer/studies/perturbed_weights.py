"""A small change of the first weights, followed through a deep network (E29).

§3.3 of Ioffe & Szegedy (2015): BatchNorm "prevents small changes to the parameters from amplifying
into larger and suboptimal changes in activations". 20 layers of 100 units, W ~ N(0, 4/d), N(0, 1)
inputs; to W₁ comes noise of 1 % of its std. Float64.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from ...db.study import Measurement, Study
from . import Load

EXAMPLES, WIDTH, DEPTH = 128, 100, 20
GAIN, CHANGE = 2.0, 0.01
ACTIVATIONS = {"ReLU": torch.relu, "tanh": torch.tanh}


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """By layer: the length of Δz, mean over examples, and its share of the length of z."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(EXAMPLES, WIDTH, generator=generator, dtype=torch.float64)
    weights = torch.randn(DEPTH, WIDTH, WIDTH, generator=generator, dtype=torch.float64)
    noise = torch.randn(WIDTH, WIDTH, generator=generator, dtype=torch.float64)
    weights *= GAIN / WIDTH**0.5
    changed = weights.clone()
    changed[0] += CHANGE * GAIN / WIDTH**0.5 * noise
    for activation in ACTIVATIONS:
        for normalized in (False, True):
            series = f"{activation}, {'BatchNorm' if normalized else 'none'}"
            one, other = (
                _preactivations(inputs, each, activation, normalized) for each in (weights, changed)
            )
            for layer, (before, after) in enumerate(zip(one, other, strict=True), 1):
                moved = (after - before).norm(dim=1).mean().item()
                share = ((after - before).norm() / before.norm()).item()
                yield Measurement(seed, "absolute_change", series, layer, moved)
                yield Measurement(seed, "relative_change", series, layer, share)


def _preactivations(
    inputs: Tensor, weights: Tensor, activation: str, normalized: bool
) -> Iterator[Tensor]:
    """z of every layer, (examples, units), from the first to the last."""
    flowing = inputs
    for weight in weights:
        before = flowing @ weight.mT
        if normalized:
            before = batch_norm(before, None, None, training=True)
        yield before
        flowing = ACTIVATIONS[activation](before)
