"""A bias added before BatchNorm: what it changes behind it, and what gradient it gets (E9).

BN(Wu + b) = BN(Wu), since the mean that is subtracted holds b: §3.2 of Ioffe & Szegedy (2015).
"""

from collections.abc import Iterator

import torch
from torch.nn.functional import batch_norm

from ...db.study import Measurement, Study
from . import Load

EXAMPLES, UNITS = 60, 100
SIZES = (0.1, 1.0, 10.0, 100.0)


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """For biases b = size · N(0, 1): max |Δy|, and ‖∂L/∂b‖ ÷ ‖∂L/∂β‖ of a random linear loss.

    In float32, where what is left is rounding, and in float64.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = [
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((EXAMPLES, UNITS), (EXAMPLES, UNITS), (UNITS,))
    ]
    for dtype in (torch.float32, torch.float64):
        before, direction, bias = (tensor.to(dtype) for tensor in drawn)
        series = str(dtype).removeprefix("torch.")
        plain = batch_norm(before, None, None, training=True)
        for size in SIZES:
            added = (size * bias).requires_grad_()
            beta = torch.zeros_like(bias, requires_grad=True)
            output = batch_norm(before + added, None, None, bias=beta, training=True)
            of_bias, of_beta = torch.autograd.grad((output * direction).sum(), (added, beta))
            difference = (output - plain).abs().max().item()
            ratio = (of_bias.norm() / of_beta.norm()).item()
            yield Measurement(seed, "output_difference", series, size, difference)
            yield Measurement(seed, "bias_gradient", series, size, ratio)
