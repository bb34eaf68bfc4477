"""Twins: networks of one seed that start from equal weights and see equal batches.

The first weights W₀ are drawn once for a seed and copied into every arm; the order of the batches
is drawn once for a seed and shared. What differs afterwards was caused by the arms.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..db.arm import Arm
from ..db.experiment import Experiment
from ..db.layouts import layers
from ..db.network import Network
from .networks import networks
from .networks.per_activation import norm_each_activation
from .networks.weight_noise import MOST_WEIGHTS, add_weight_noise
from .norms.hashed_noise import APART
from .pixels import Scaling


def draw_weights(network: Network, inputs: int, classes: int, seed: int) -> list[Tensor]:
    """W₀: one weight matrix (units, inputs), or kernels (units, channels, size, size), for each
    layer, from the input to the output.

    xavier is uniform on ±√(6/(in+out)) (Glorot & Bengio 2010), he is N(0, 2/in) (He et al. 2015),
    gaussian is N(0, std²). Of a convolution, in and out are inputs · size² and units · size².

    Args:
        network: With what an arm overrides, or without.
        inputs: As a network's `Make` takes them: pixels of an mlp, channels of the other kinds.
        classes: Units of the output.
        seed: Of the weights.
    """
    generator = torch.Generator().manual_seed(seed)
    weights: list[Tensor] = []
    for layer in layers(network, (inputs, 1, 1), classes):
        weight = torch.empty(layer.weight_shape)
        if network.initialization == "xavier":
            nn.init.xavier_uniform_(weight, generator=generator)
        elif network.initialization == "he":
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
        else:
            nn.init.normal_(weight, std=network.initial_std, generator=generator)
        weights.append(weight)
    return weights


def arm_weights(
    experiment: Experiment, arm: Arm, inputs: int, classes: int, seed: int
) -> list[Tensor]:
    """W₀ of an arm: the experiment's wherever shape and initialization are the same.

    Layers are compared by their place from the input, and the output with the output. The arm's
    weight scale multiplies those of convolutions.
    """
    weights = _unscaled(experiment, arm, inputs, classes, seed)
    if arm.weight_scale == 1:
        return weights
    return [weight * arm.weight_scale if weight.ndim == 4 else weight for weight in weights]


def _unscaled(
    experiment: Experiment, arm: Arm, inputs: int, classes: int, seed: int
) -> list[Tensor]:
    own, shared = experiment.network_of(arm), experiment.network
    weights = draw_weights(own, inputs, classes, seed)
    if own == shared:
        return weights
    if (own.initialization, own.initial_std) != (shared.initialization, shared.initial_std):
        return weights
    reference = draw_weights(shared, inputs, classes, seed)
    twins = dict(enumerate(reference[:-1])) | {len(weights) - 1: reference[-1]}
    return [
        twin if (twin := twins.get(place, weight)).shape == weight.shape else weight
        for place, weight in enumerate(weights)
    ]


def build(
    experiment: Experiment,
    arm: Arm,
    weights: list[Tensor],
    seed: int = 0,
    *,
    inputs: int | None = None,
) -> nn.Module:
    """The network of an arm, holding a copy of W₀; biases are 0, γ is 1 and β is 0.

    Args:
        experiment: For its network.
        arm: For its norm, and what else it overrides.
        weights: W₀.
        seed: Of what norms, dropout and weight noise draw.
        inputs: Those that W₀ was drawn for; None: as many as the first weights have.
    """
    own = experiment.network_of(arm)
    inputs = weights[0].shape[1] if inputs is None else inputs
    network = networks()[own.kind](inputs, len(weights[-1]), own, arm, seed)
    if arm.per_activation:
        norm_each_activation(network, layers(own, experiment.input_shape)[-2].side)
    found = [m for m in network.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    with torch.no_grad():
        for layer, weight in zip(found, weights, strict=True):
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.zero_()
    if own.weight_noise:
        add_weight_noise(network, own.weight_noise, 2 * APART + seed * MOST_WEIGHTS)
    return network


def weights_hash(network: nn.Module) -> str:
    """SHA-256 over the weight matrices in order: equal for twins at the start."""
    digest = hashlib.sha256()
    for parameter in network.parameters():
        if parameter.ndim > 1:
            flat = parameter.detach().cpu().contiguous().view(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())  # numpy has no bfloat16
    return digest.hexdigest()


class ShuffledBatches(Iterator[tuple[Tensor, Tensor]]):
    """Mini-batches without end: each epoch is a new permutation of the examples.

    The examples that do not fill a last batch are left out of their epoch, so that every batch has
    `batch_size` examples. Everything stays on the pixels' device, as bytes until it is needed.
    A batch is inputs (batch_size, …), float32, and labels (batch_size,).
    """

    def __init__(
        self, pixels: Tensor, labels: Tensor, batch_size: int, seed: int, *, scale: Scaling
    ) -> None:
        """Args:
        pixels: uint8, (examples, …).
        labels: int64, (examples,).
        batch_size: Examples in a batch.
        seed: Of the permutations.
        scale: Bytes → inputs.
        """
        self._pixels = pixels
        self._labels = labels
        self._batch_size = batch_size
        self._scale = scale
        self._generator = torch.Generator().manual_seed(seed)
        self._epoch = self._generator.get_state()
        """The generator's state before the permutation of this epoch."""
        self._order: Sequence[Tensor] = ()
        self._drawn = 0

    def __next__(self) -> tuple[Tensor, Tensor]:
        if self._drawn == len(self._order):
            self._begin_epoch()
        chosen = self._order[self._drawn]
        self._drawn += 1
        inputs = self._scale(self._pixels.index_select(0, chosen))
        return inputs, self._labels.index_select(0, chosen)

    def state_dict(self) -> dict[str, Any]:
        """Where it is in which permutation."""
        return {"epoch": self._epoch, "drawn": self._drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the batch that came next."""
        self._generator.set_state(state["epoch"])
        self._begin_epoch()
        self._drawn = state["drawn"]

    def _begin_epoch(self) -> None:
        self._epoch = self._generator.get_state()
        whole = len(self._pixels) // self._batch_size * self._batch_size
        order = torch.randperm(len(self._pixels), generator=self._generator)[:whole]
        self._order = order.to(self._pixels.device).split(self._batch_size)
        self._drawn = 0
