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
        return standardized(self.weight)


class StandardizedConv2d(nn.Conv2d):
    """A convolution by Ŵ, of each output channel over its kernel; its parameter is W."""

    def forward(self, input: Tensor) -> Tensor:
        """Ŵ ∗ u + b."""
        return self._conv_forward(input, standardized(self.weight), self.bias)


def standardized(weight: Tensor) -> Tensor:
    """Ŵ of W (units, …), over all axes but the first.

    W comes as a tensor: with weight noise the parameter is another one each time it is read.
    """
    axes = tuple(range(1, weight.ndim))
    centred = weight - weight.mean(axes, keepdim=True)
    return centred / (centred.std(axes, keepdim=True) + 1e-5)


class StandardizedGroupNorm(NamedNorm, nn.GroupNorm):
    """The GroupNorm behind such a map."""

    norm_name = "weight_standardization"


def _make(units: int, settings: NormSettings) -> StandardizedGroupNorm:
    return StandardizedGroupNorm(settings.groups, units, settings.epsilon, settings.affine)


NORM = Norm(_make, linear=StandardizedLinear, conv=StandardizedConv2d)
