"""Normalization left out of the gradient step: the bias grows, the loss does not change (E8).

The example of §2 of Ioffe & Szegedy (2015): x = wu + b, x̂ = x − E[x], and a gradient that takes
E[x] for a constant. Its gradient for b is 2E[x̂ − t] = −2E[t] whatever b is, so that b moves by
2·lr·E[t] a step. Everything is float64.
"""

from collections.abc import Iterator

import torch

from ...db.study import Measurement, Study
from . import Load

EXAMPLES, LR = 1000, 0.05
STEPS = {"quick": 500, "full": 2000}
LINES = 100
"""Points of a curve."""
ARMS = (
    ("centred, outside the gradient", True, False),
    ("centred and scaled, outside the gradient", True, True),
    ("centred, inside the gradient", False, False),
    ("centred and scaled, inside the gradient", False, True),
)
"""Name, whether the statistics are constants to the gradient, whether x̂ is divided by the std."""


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Gradient descent on mean((x̂ − t)²), t = 0.7u + 0.5, u ~ N(0, 1), from w = 1, b = 0."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.randn(EXAMPLES, 1, generator=generator, dtype=torch.float64)
    target = 0.7 * u + 0.5
    detached, scaled = (
        torch.tensor([arm[setting] for arm in ARMS]) for setting in (1, 2)
    )  # the arms side by side: each has its own w and b, and no part in the others' loss
    weight = torch.ones(len(ARMS), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(ARMS), dtype=torch.float64, requires_grad=True)
    slope = 2 * LR * target.mean().item()
    steps = STEPS[study.length]
    for step in range(steps + 1):
        x = weight * u + bias
        variance, mean = torch.var_mean(x, 0, correction=0)
        mean = torch.where(detached, mean.detach(), mean)
        std = torch.where(scaled, torch.where(detached, variance.detach(), variance).sqrt(), 1.0)
        loss = ((x - mean) / std - target).square().mean(0)
        of_weight, of_bias = torch.autograd.grad(loss.sum(), (weight, bias))
        if step % (steps // LINES) == 0:
            found = {"bias": bias, "weight": weight, "loss": loss, "bias_gradient": of_bias.abs()}
            for quantity, values in found.items():
                for (series, _, _), value in zip(ARMS, values.tolist(), strict=True):
                    yield Measurement(seed, quantity, series, step, value)
            yield Measurement(seed, "bias", "2 · lr · E[t] a step", step, step * slope)
        with torch.no_grad():
            weight -= LR * of_weight
            bias -= LR * of_bias
