"""Features of uneven scale slow gradient descent; normalizing them mends it (E18).

Least squares with two features, N(0, 1) and N(0, k²). At the best fixed learning rate 2/(λ₁ + λ₂)
the error shrinks by (κ − 1)/(κ + 1) a step, κ = λ₁/λ₂ ≈ k², and so the loss falls by 10⁶ in about
κ·ln(10⁶)/4 steps: the reason why inputs are whitened, LeCun et al. (1998), Efficient BackProp,
§4.3 and §5.3. Float64.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ...db.study import Measurement, Study
from . import Load

EXAMPLES = 1000
SCALES = {"quick": (1, 3, 10, 30), "full": (1, 3, 10, 30, 100)}
DRAWN = 10
"""The scale k whose loss is drawn step by step."""
FALL = 1e-6
LIMIT = 1_000_000


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """By κ of the raw features: steps until the loss is 1e-6 of its first, raw and normalized."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(EXAMPLES, 2, generator=generator, dtype=torch.float64)
    truth = torch.randn(2, generator=generator, dtype=torch.float64)
    for scale in SCALES[study.length]:
        raw = drawn * torch.tensor([1.0, scale], dtype=torch.float64)
        raw_condition, raw_losses = _descend(raw, raw @ (truth / raw.std(0)))
        variance, mean = torch.var_mean(raw, 0, correction=0)
        features = (raw - mean) / variance.sqrt()
        condition, losses = _descend(features, features @ truth)
        for series, its_condition, its_losses in (
            ("raw", raw_condition, raw_losses),
            ("normalized", condition, losses),
        ):
            yield Measurement(seed, "condition_number", series, scale, its_condition)
            yield Measurement(seed, "iterations", series, raw_condition, len(its_losses) - 1.0)
            for step, loss in enumerate(its_losses) if scale == DRAWN else ():
                yield Measurement(seed, "loss", series, step, loss / its_losses[0])
        yield Measurement(seed, "condition_number", "k²", scale, float(scale**2))
        expected = raw_condition * math.log(1 / FALL) / 4
        yield Measurement(seed, "iterations", "κ · ln(10⁶)/4", raw_condition, expected)


def _descend(features: Tensor, target: Tensor) -> tuple[float, list[float]]:
    """Gradient descent on mean((Xw − t)²)/2 from w = 0 with the best fixed learning rate.

    Returns:
        The condition number of XᵀX/n, and the loss at every step until it has fallen by 10⁶.
    """
    hessian = features.mT @ features / len(features)
    correlation = features.mT @ target / len(features)
    least, greatest = torch.linalg.eigvalsh(hessian).tolist()
    constant = target.square().mean().item() / 2
    rate = 2 / (least + greatest)
    weights = torch.zeros(2, dtype=features.dtype)
    losses = [constant]
    while losses[-1] > FALL * constant and len(losses) <= LIMIT:
        weights = weights - rate * (hessian @ weights - correlation)
        losses.append((features @ weights - target).square().mean().item() / 2)
    return greatest / least, losses
