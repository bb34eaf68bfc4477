"""How an example's output depends on the others of its batch: BatchNorm's Jacobian (E15a).

    ∂yⱼ/∂xᵢ = γr (δᵢⱼ − 1/m − x̂ᵢx̂ⱼ/m),  r = 1/√(σ² + ε)

for one unit; in inference γ/√(Var + ε) · δᵢⱼ. From Algorithm 1 of Ioffe & Szegedy (2015); §3.1 has
the Jacobians of which it warns. Float64.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.functional import jacobian
from torch.nn.functional import batch_norm

from ...db.study import Measurement, Study
from . import Load

BATCHES = (2, 3, 4, 8, 16, 32, 64, 128)
EPSILON, GAMMA = 1e-5, 1.5


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """By batch size: the formula beside autograd's Jacobian, and the size of its entries."""
    generator = torch.Generator().manual_seed(seed)
    for size in BATCHES:
        x = 2 * torch.randn(size, generator=generator, dtype=torch.float64) + 1
        variance, mean = torch.var_mean(x, 0, correction=0)
        root = (variance + EPSILON).rsqrt()
        normalized = (x - mean) * root
        eye = torch.eye(size, dtype=torch.float64)
        formula = GAMMA * root * (eye - 1 / size - torch.outer(normalized, normalized) / size)

        trained = jacobian(lambda x: _normalized(x, True), x)
        inferred = jacobian(lambda x: _normalized(x, False), x)
        assert isinstance(trained, Tensor) and isinstance(inferred, Tensor)
        error = (trained - formula).abs().max().item()
        yield Measurement(seed, "jacobian_error", "training", size, error)
        entries = trained / (GAMMA * root)
        others = ~eye.bool()
        for series, values in (
            ("its own", entries.diagonal()),
            ("another’s", entries[others]),
            ("another’s, inference", inferred[others]),
        ):
            rms = values.square().mean().sqrt().item()
            yield Measurement(seed, "jacobian_entry", series, size, rms)
        yield Measurement(seed, "jacobian_entry", "√2/m", size, 2**0.5 / size)


def _normalized(x: Tensor, training: bool) -> Tensor:
    """BatchNorm of one unit, (m,) → (m,), by PyTorch's kernels; inference with E = 0, Var = 1."""
    gamma, running_mean, running_var = x.new_tensor([GAMMA]), x.new_zeros(1), x.new_ones(1)
    batch = x[:, None]
    return batch_norm(
        batch, running_mean, running_var, gamma, training=training, eps=EPSILON
    ).squeeze(1)
