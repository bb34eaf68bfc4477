"""What a layer is, and which modules of a model can be part of one.

A layer is a weight module (linear, convolution, recurrent, …), the normalization that follows it
if one does, and the nonlinearity that its output enters.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from .norms import NamedNorm
from .plan import LayerPlan

NORMALIZATIONS: dict[type[nn.Module], str] = {
    nn.SyncBatchNorm: "sync batch",
    nn.modules.batchnorm._BatchNorm: "batch",
    nn.modules.instancenorm._InstanceNorm: "instance",
    nn.LayerNorm: "layer",
    nn.GroupNorm: "group",
    nn.LocalResponseNorm: "local response",
    nn.RMSNorm: "rms",
}
CHANNELS_FIRST = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LocalResponseNorm,
)
"""Modules whose output counts its channels along axis 1; others along the last axis."""


@dataclass
class Layer:
    """One observed block of a model.

    Attributes:
        name: Module path of the weight module, or of a normalization that stands alone.
        kind: Class name of that module.
        norm: Name of the normalization, none where there is none.
        activation: Name of the nonlinearity that the preactivation enters, none where it enters
            none, unknown where that cannot be told or it is not one of ours.
        output: Path of the module whose output is the preactivation.
        shape: Of the preactivation at the first call.
        unit_axis: Which axis of the shape counts units or channels.
        calls: How often the forward pass called it.
        weights: The weight module's weight matrices, without biases.
        normalization: The module that normalizes.
    """

    name: str
    kind: str
    norm: str
    activation: str
    output: str
    shape: tuple[int, ...]
    unit_axis: int
    calls: int = 1
    weights: list[nn.Parameter] = field(default_factory=list)
    normalization: nn.Module | None = None

    def plan(self) -> LayerPlan:
        """What is recorded of it, but for the places of its norms."""
        normalization: Any = self.normalization
        running = getattr(normalization, "running_mean", None) is not None
        return LayerPlan(
            name=self.name,
            kind=self.kind[:40],
            norm=self.norm,
            activation=self.activation,
            shape=self.shape,
            unit_axis=self.unit_axis,
            calls=self.calls,
            running=running,
            gamma=getattr(normalization, "weight", None) is not None,
            beta=getattr(normalization, "bias", None) is not None,
            epsilon=getattr(normalization, "eps", None) or 0.0,
            momentum=(normalization.momentum or 0.0) if running else 0.0,
        )


@dataclass(frozen=True)
class Skipped:
    """A module that is not observed, and a sentence why."""

    name: str
    reason: str


def candidates(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules with parameters of their own and no modules inside; shared ones once."""
    for path, module in model.named_modules():
        if has_modules(module) or isinstance(module, ParametrizationList):
            continue
        if normalization_name(module) != "none" or weights_of(module) or module._parameters:
            yield path or type(module).__name__, module


def weights_of(module: nn.Module) -> list[nn.Parameter]:
    """A module's own weight matrices, those behind a reparametrized one too; no biases."""
    found: list[Any] = [p for n, p in module.named_parameters(recurse=False) if "bias" not in n]
    for name, inside in getattr(module, "parametrizations", {}).items():
        if "bias" not in name:
            found += inside.parameters(recurse=False)
    # neither indices nor codes, as of quantized weights
    return [p for p in found if p.itemsize > 1 and (p.is_floating_point() or p.is_complex())]


def has_modules(module: nn.Module) -> bool:
    """Whether there are modules inside, but for those that reparametrize its weights."""
    return any(name != "parametrizations" for name, _ in module.named_children())


def normalization_name(module: nn.Module) -> str:
    """The name of a normalization, ours by what documents call it; none for what is not one."""
    if isinstance(module, NamedNorm):
        return module.norm_name
    for kind, name in NORMALIZATIONS.items():
        if isinstance(module, kind):
            return name
    return "rms" if type(module).__name__.endswith("RMSNorm") else "none"


def unit_axis_of(module: nn.Module, shape: tuple[int, ...]) -> int:
    """Which axis of a module's output counts units or channels."""
    last = len(shape) - 1
    if isinstance(module, CHANNELS_FIRST):
        return min(1, last)
    scale = getattr(module, "weight", None)
    if normalization_name(module) != "none" and isinstance(scale, Tensor) and scale.ndim == 1:
        # one over channels that lets them first, as LayerNorm2d of several libraries does
        return 1 if last > 1 and shape[last] != len(scale) == shape[1] else last
    return last
