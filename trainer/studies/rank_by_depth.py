"""The rank of what deep networks say of a batch, by depth, at the first weights (E24).

H_l = g(BN(H_(l−1)W)), 128 examples of 100 units. Without BatchNorm all examples become one
direction; with it about √d directions are left at any depth: Daneshmand et al. (2020), Batch
Normalization Provably Avoids Rank Collapse, arXiv:2003.01652. Weights of one sign, 2|W|, defeat it
nevertheless. Float64; H is brought to norm 1 after each layer, which no rank sees.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from ...db.study import Measurement, Study
from . import Load

EXAMPLES, WIDTH = 128, 100
LAYERS = (1, 2, 3, 5, 7, 10, 14, 20, 32, 50, 70, 100)
GAINS = {"linear": 1.0, "ReLU": 2.0}
"""Variance of the weights times the width: Xavier's, and He's."""
ARMS = ("none", "BatchNorm", "BatchNorm, 2|W|")


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """By layer: effective rank exp(−Σ p ln p), p = σ/Σσ; participation; stable rank."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(EXAMPLES, WIDTH, generator=generator, dtype=torch.float64)
    weights = torch.randn(max(LAYERS), WIDTH, WIDTH, generator=generator, dtype=torch.float64)
    for activation, gain in GAINS.items():
        for arm in ARMS:
            flowing = inputs
            for layer, drawn in enumerate(weights, 1):
                weight = drawn * (gain / WIDTH) ** 0.5
                flowing = flowing @ (2 * weight.abs() if "|W|" in arm else weight)
                if arm != "none":
                    flowing = batch_norm(flowing, None, None, training=True)
                if activation == "ReLU":
                    flowing = flowing.relu()
                flowing = flowing / flowing.norm()
                if layer in LAYERS:
                    for quantity, value in _ranks(flowing):
                        series = f"{activation}, {arm}"
                        yield Measurement(seed, quantity, series, layer, value)
    for layer in LAYERS:
        yield Measurement(seed, "participation", "√d", layer, WIDTH**0.5)


def _ranks(flowing: Tensor) -> Iterator[tuple[str, float]]:
    singular = torch.linalg.svdvals(flowing)
    share = singular / singular.sum()
    squared = singular.square()
    entropy = -torch.special.xlogy(share, share).sum()
    yield "effective_rank", entropy.exp().item()
    yield "participation", (squared.sum().square() / squared.square().sum()).item()
    yield "stable_rank", (squared.sum() / squared.max()).item()
