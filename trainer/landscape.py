"""How the loss and its gradient change along a step: Santurkar et al. (2018), arXiv:1805.11604.

Gradient shift (Definition 2.1) is what an update of the layers before does to a layer's gradient,
on the same batch. The landscape measures (§3.2, Figure 4) go along the gradient from where a
network is. Both are evaluations: networks, running statistics and random state stay as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from .euclidean import norms
from .layers import Layer

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class GradientShift:
    """What moved a layer's gradient from G to G′ (Definition 2.1).

    Attributes:
        l2: ‖G − G′‖₂, the internal covariate shift; 0 is none.
        relative: ‖G − G′‖₂ / ‖G‖₂.
        cosine: Of the angle between G and G′; 1 is none. NaN where one of them is 0.
    """

    l2: float
    relative: float
    cosine: float


@dataclass(frozen=True)
class Landscape:
    """The loss and its gradient at some steps along the gradient.

    Attributes:
        loss: Where the network is.
        loss_range: Highest loss minus lowest along the way.
        gradient_change: The largest ‖∇L − ∇L₀‖₂, which is 0 where the gradient predicts perfectly.
        smoothness: The largest ‖∇L − ∇L₀‖₂ / distance moved, the effective β.
    """

    loss: float
    loss_range: float
    gradient_change: float
    smoothness: float


@dataclass(frozen=True)
class LayerParameters:
    """The names of a layer's parameters.

    Attributes:
        weights: Weight matrices or kernels; of a norm that is a layer by itself, γ. May be empty.
        all: These with the bias, and with γ and β of the layer's norm.
    """

    weights: list[str]
    all: list[str]


class Stopped(Exception):
    """A measurement was to end before it was done."""


class BatchLoss:
    """Mean cross-entropy of one batch in training mode, as a function of the parameters.

    It is the loss of a training step, to the bit on the CPU, in a stack up to rounding: norms take
    the batch's statistics, and dropout and noise draw at each call what they drew in that step.
    Buffers are copied, so that none moves.

    Attributes:
        parameters: Where the network meets the batch.
        loss: There.
        gradients: There, by parameter.
    """

    def __init__(
        self,
        network: nn.Module,
        inputs: Tensor,
        labels: Tensor,
        parameters: Tensors | None = None,
        buffers: Tensors | None = None,
        is_stopped: Callable[[], bool] | None = None,
    ) -> None:
        """Args:
        network: In training mode; nothing of it changes.
        inputs: The batch, (batch, …).
        labels: (batch,).
        parameters: When the network met the batch; None: as they are. `buffers` likewise.
        is_stopped: Asked before each pass; once it is, none begins any more.

        Raises:
            Stopped: It is.
        """
        self._network = network
        self._batch = inputs, labels
        self._is_stopped = is_stopped
        self._buffers = copied(network.named_buffers()) if buffers is None else buffers
        self.parameters = copied(network.named_parameters()) if parameters is None else parameters
        self.loss, self.gradients = self.at(self.parameters, list(self.parameters))

    def at(self, parameters: Tensors, names: Sequence[str]) -> tuple[float, dict[str, Tensor]]:
        """The loss with other parameters, and the gradients of those that are named.

        Raises:
            Stopped: It was asked to.
        """
        if self._is_stopped is not None and self._is_stopped():
            raise Stopped
        # torch's GroupNorm crashes on a channels-last input whose gradient nobody needs: so the
        # network's first parameter is always asked for, which all that comes behind it depends on
        asked = list(dict.fromkeys([*names, next(iter(self.parameters))]))
        wanted = {name: parameters[name].detach().clone().requires_grad_() for name in asked}
        inputs, labels = self._batch
        with torch.enable_grad():
            state = {**copied(self._buffers.items()), **parameters, **wanted}
            logits = functional_call(self._network, state, (inputs,))
            loss = functional.cross_entropy(logits, labels)
            gradients = torch.autograd.grad(loss, list(wanted.values()))
        found = dict(zip(asked, gradients, strict=True))
        return loss.item(), {name: found[name] for name in names}


def copied(named: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """A copy of tensors, such as a network's `named_parameters()`, by name."""
    return {name: tensor.detach().clone() for name, tensor in named}


def layers_of(network: nn.Module, layers: Sequence[Layer]) -> list[LayerParameters]:
    """The parameters of each of a network's layers, in the order of the forward pass."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found: list[LayerParameters] = []
    for layer in layers:
        modules = [network.get_submodule(layer.name), layer.normalization]
        own = [p for module in modules if module is not None for p in module.parameters()]
        found.append(
            LayerParameters(
                [names[id(weight)] for weight in layer.weights],
                list(dict.fromkeys(names[id(parameter)] for parameter in own)),
            )
        )
    return found


def gradient_shift(
    batch: BatchLoss, layers: Sequence[LayerParameters], after: Tensors
) -> list[GradientShift | None]:
    """Definition 2.1 for each layer; None for one without weights, or with no layer before it.

    G is the gradient of the layer's weights where the network met the batch; G′ the same where all
    layers that come earlier in the forward pass are as in `after`, and it and those behind it still
    as they were. It takes a forward and a backward pass for each layer that has a G′.

    Args:
        batch: The loss of a step, where the network was before it.
        layers: In the order of the forward pass.
        after: The parameters after the step.
    """
    mixed = dict(batch.parameters)
    found: list[GradientShift | None] = []
    moved: list[str] = []
    for layer in layers:
        if layer.weights and moved:
            mixed |= {name: after[name] for name in moved}
            _, gradients = batch.at(mixed, layer.weights)
            found.append(_shift(batch.gradients, gradients, layer.weights))
        else:
            found.append(None)
        moved += layer.all
    return found


def _shift(before: Tensors, after: Tensors, names: Sequence[str]) -> GradientShift:
    old, new = (
        torch.cat([gradients[name].flatten().to("cpu", torch.float64) for name in names])
        for gradients in (before, after)
    )
    l2, size = (old - new).norm(), old.norm()
    # one root of the product: of equal vectors it is exactly 1
    cosine = (old @ new) / ((old @ old) * (new @ new)).sqrt()
    return GradientShift(l2.item(), (l2 / size).item(), cosine.item())


def landscape(batch: BatchLoss, step_sizes: Sequence[float]) -> Landscape:
    """Along −∇L from where the network met the batch, at each of the step sizes.

    It takes a forward and a backward pass for each of them.
    """
    names = list(batch.gradients)
    losses: list[float] = []
    changes: list[float] = []
    for step_size in step_sizes:
        there = {
            name: batch.parameters[name] - step_size * gradient
            for name, gradient in batch.gradients.items()
        }
        loss, gradients = batch.at(there, names)
        losses.append(loss)
        changes.append(_norm([gradients[name] - batch.gradients[name] for name in names]))
    moved = torch.tensor(step_sizes, dtype=torch.float64) * _norm(list(batch.gradients.values()))
    change = torch.tensor(changes, dtype=torch.float64)
    along = torch.tensor(losses, dtype=torch.float64)
    return Landscape(
        loss=batch.loss,
        loss_range=(along.max() - along.min()).item(),
        gradient_change=change.max().item(),
        smoothness=(change / moved).max().item(),
    )


def _norm(tensors: list[Tensor]) -> float:
    return norms(tensors).norm().item()
