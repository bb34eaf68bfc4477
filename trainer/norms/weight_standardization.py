"""Weight standardization: a layer's weights are normalized, and GroupNorm follows.

    Ŵ = (W − mean(W)) / (std(W) + 1e-5),  of each unit over its inputs,  y = GroupNorm(Ŵu + b)

The gradient goes through mean and std. Qiao et al. (2019), arXiv:1903.10520; std is the unbiased
one and 1e-5 stands outside of it, as in their code. They take it together with GroupNorm: alone,
Ŵu would be √inputs times as large as an input.
"""

from torch import Tensor, nn
from torch.nn import functional

from .norm import NamedNorm, Norm, NormSettings


class StandardizedLinear(nn.Linear):
    """A linear map by Ŵ: (…, inputs) → (…, units); its parameter is W."""

    def forward(self, input: Tensor) -> Tensor:
        """Ŵu + b."""
        return functional.linear(input, self.standardized(), self.bias)

    def standardized(self) -> Tensor:
        """Ŵ, (units, inputs)."""
        weight = self.weight  # once: with weight noise it is another one each time
        centred = weight - weight.mean(1, keepdim=True)
        return centred / (centred.std(1, keepdim=True) + 1e-5)


class StandardizedGroupNorm(NamedNorm, nn.GroupNorm):
    """The GroupNorm behind such a map."""

    norm_name = "weight_standardization"


def _make(units: int, settings: NormSettings) -> StandardizedGroupNorm:
    return StandardizedGroupNorm(settings.groups, units, settings.epsilon, settings.affine)


NORM = Norm(_make, linear=StandardizedLinear)
