"""How the loss and its gradient change along a step: Santurkar et al. (2018), arXiv:1805.11604.

Gradient shift (Definition 2.1) is what an update of the layers before does to a layer's gradient,
on the same batch. The landscape measures (§3.2, Figure 4) go along the gradient from where a
network is. Both are evaluations: networks, running statistics and random state stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from .batch_statistics import with_batch_statistics

Parameters = Mapping[str, Tensor]


@dataclass(frozen=True)
class GradientShift:
    """What moved a layer's gradient from G to G′ (Definition 2.1).

    Attributes:
        l2: ‖G − G′‖₂, the internal covariate shift; 0 is none.
        relative: ‖G − G′‖₂ / ‖G‖₂.
        cosine: Of the angle between G and G′; 1 is none.
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


def layers_of(network: nn.Module) -> list[list[str]]:
    """The parameters of each layer of an MLP, from the input on, its norm's with them."""
    found: dict[str, list[str]] = {}
    for name, _ in network.named_parameters():
        found.setdefault(name.split(".")[0].removesuffix("_norm"), []).append(name)
    return list(found.values())


def parameters_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters by name."""
    return {name: tensor.detach().clone() for name, tensor in network.named_parameters()}


def gradient_shift(
    network: nn.Module, before: Parameters, after: Parameters, inputs: Tensor, labels: Tensor
) -> list[GradientShift]:
    """Definition 2.1 for each layer but the first, which has none before it.

    G is the gradient of the layer's weight matrix at `before`; G′ the same where the layers before
    it are as in `after`, and it and those behind it still as in `before`.

    Args:
        network: An MLP whose layers `layers_of` tells.
        before: Its parameters when it met the batch.
        after: Its parameters after the step.
        inputs: The batch of that step, (batch, …).
        labels: (batch,).
    """
    layers = layers_of(network)
    weights = [names[0] for names in layers]
    _, first = loss_and_gradients(network, before, inputs, labels, weights)
    found: list[GradientShift] = []
    mixed = dict(before)
    for done, weight in zip(layers, weights[1:], strict=False):
        mixed |= {name: after[name] for name in done}
        _, (moved,) = loss_and_gradients(network, mixed, inputs, labels, [weight])
        old = first[weights.index(weight)]
        l2, size = (old - moved).norm(), old.norm()
        cosine = functional.cosine_similarity(old.flatten(), moved.flatten(), dim=0)
        found.append(GradientShift(l2.item(), (l2 / size).item(), cosine.item()))
    return found


def landscape(
    network: nn.Module, inputs: Tensor, labels: Tensor, step_sizes: Sequence[float]
) -> Landscape:
    """Along −∇L from where the network is, at each of the step sizes."""
    here = parameters_of(network)
    names = list(here)
    loss, gradients = loss_and_gradients(network, here, inputs, labels, names)
    size = _norm(gradients)
    losses: list[float] = []
    changes: list[float] = []
    for step_size in step_sizes:
        there = {
            name: here[name] - step_size * gradient
            for name, gradient in zip(names, gradients, strict=True)
        }
        loss_there, gradients_there = loss_and_gradients(network, there, inputs, labels, names)
        losses.append(loss_there)
        changes.append(_norm([a - b for a, b in zip(gradients_there, gradients, strict=True)]))
    moved = torch.tensor(step_sizes, dtype=torch.float64) * size
    change = torch.tensor(changes, dtype=torch.float64)
    along = torch.tensor(losses, dtype=torch.float64)
    return Landscape(
        loss=loss,
        loss_range=(along.max() - along.min()).item(),
        gradient_change=change.max().item(),
        smoothness=(change / moved).max().item(),
    )


def loss_and_gradients(
    network: nn.Module,
    parameters: Parameters,
    inputs: Tensor,
    labels: Tensor,
    names: Sequence[str],
) -> tuple[float, tuple[Tensor, ...]]:
    """Mean cross-entropy with other parameters, batch statistics, and the gradients of some."""
    wanted = {name: parameters[name].detach().clone().requires_grad_() for name in names}
    with torch.enable_grad(), with_batch_statistics(network):
        logits = functional_call(network, {**parameters, **wanted}, (inputs,))
        loss = functional.cross_entropy(logits, labels)
        gradients = torch.autograd.grad(loss, list(wanted.values()))
    return loss.item(), gradients


def _norm(tensors: Sequence[Tensor]) -> float:
    return torch.stack([tensor.norm() for tensor in tensors]).norm().item()
