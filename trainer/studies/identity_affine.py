"""γ = √(σ² + ε) and β = μ undo BatchNorm: it can represent the identity (E10).

§3 of Ioffe & Szegedy (2015): "by setting γ = √Var[x] and β = E[x], we could recover the original
activations". With γ = σ instead, ε is not undone, and y − x ≈ −ε/(2σ²) · (x − μ).
"""

from collections.abc import Iterator

import torch
from torch import nn

from ...db.study import Measurement, Study
from ..norms import NormSettings, norms
from . import Load

EXAMPLES, UNITS = 60, 100
STDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
EPSILON = 1e-5
NORMS = {"batch": "torch’s BatchNorm", "batch_explicit": "our BatchNorm"}


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """For batches of a given std, in float32: max |y − x|, in stds of the batch."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(EXAMPLES, UNITS, generator=generator)
    drawn = drawn + torch.randn(UNITS, generator=generator)
    for std in STDS:
        x = std * drawn
        variance, mean = torch.var_mean(x, 0, correction=0)
        for name, called in NORMS.items():
            norm = norms()[name].make(UNITS, NormSettings(epsilon=EPSILON))
            assert isinstance(norm, nn.BatchNorm1d)  # or a relative of it
            for gamma, squared in (("√(σ² + ε)", variance + EPSILON), ("σ", variance)):
                with torch.no_grad():
                    norm.weight.copy_(squared.sqrt())
                    norm.bias.copy_(mean)
                    error = (norm(x) - x).abs().max().item() / std
                yield Measurement(seed, "identity_error", f"{called}, γ = {gamma}", std, error)
        expected = ((x - mean).abs() / (2 * variance)).max().item() * EPSILON / std
        yield Measurement(seed, "identity_error", "ε/(2σ²) · |x − μ|", std, expected)
