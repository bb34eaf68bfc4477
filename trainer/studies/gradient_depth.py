"""Gradients by depth at the first weights, with and without BatchNorm (E16).

z_l = W_l g(z_(l−1)), or BN of it, 100 units wide, N(0, 1) inputs; the loss is a random linear
function of the last z. Without normalization the factor per layer is that of the initialisation;
with it the scale of W cancels. For ReLU behind BatchNorm Yang et al. (2019), A Mean Field Theory of
Batch Normalization, arXiv:1902.08129, derive √(π/(π − 1)) = 1.21. Float64, for factors of 1e-60.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from ...db.study import Measurement, Study
from . import Load

EXAMPLES, WIDTH = 128, 100
DEPTHS = {"quick": (5, 20), "full": (5, 10, 20, 40)}
ACTIVATIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
STDS = {
    "Xavier": WIDTH**-0.5,
    "He": (2 / WIDTH) ** 0.5,
    "small": 0.1 * WIDTH**-0.5,
    "N(0, 1)": 1.0,
}
"""Of the first weights; small is a tenth of Xavier."""
YANG = math.sqrt(math.pi / (math.pi - 1))


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """‖∂L/∂z_l‖ ÷ ‖∂L/∂z_L‖ by layer at the greatest depth, and the factor per layer by depth.

    All initialisations scale the same draw of weights.
    """
    generator = torch.Generator().manual_seed(seed)
    depths = DEPTHS[study.length]
    inputs, direction = (
        torch.randn(EXAMPLES, WIDTH, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    drawn = torch.randn(max(depths), WIDTH, WIDTH, generator=generator, dtype=torch.float64)
    for activation in ACTIVATIONS:
        for normalized in (False, True):
            for initialization, std in STDS.items():
                series = f"{initialization}, {'BatchNorm' if normalized else 'none'}"
                for depth in depths:
                    weights = std * drawn[:depth]
                    norms = _gradient_norms(inputs, direction, weights, activation, normalized)
                    factor = (norms[0] / norms[-1]) ** (1 / (depth - 1))
                    yield Measurement(seed, f"factor_{activation}", series, depth, factor)
                    for layer, norm in enumerate(norms, 1) if depth == max(depths) else ():
                        ratio = norm / norms[-1]
                        yield Measurement(seed, f"gradient_{activation}", series, layer, ratio)
    for depth in depths:
        yield Measurement(seed, "factor_relu", "√(π/(π − 1))", depth, YANG)


def _gradient_norms(
    inputs: Tensor, direction: Tensor, weights: Tensor, activation: str, normalized: bool
) -> list[float]:
    """‖∂L/∂z_l‖ for every layer, from the first to the last."""
    flowing, preactivations = inputs, []
    for weight in weights:
        before = flowing @ weight.mT
        if normalized:
            before = batch_norm(before, None, None, training=True)
        preactivations.append(before.requires_grad_())
        flowing = ACTIVATIONS[activation](before)
    gradients = torch.autograd.grad(preactivations[-1], preactivations, direction)
    return [gradient.norm().item() for gradient in gradients]
