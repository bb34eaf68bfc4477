"""Twins: networks of one seed that start from equal weights and see equal batches.

The first weights W₀ are drawn once for a seed and copied into every arm; the order of the batches
is drawn once for a seed and shared. What differs afterwards was caused by the arms.
"""

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..db.experiment import Arm, Experiment, Network
from .networks.mlp import mlp
from .networks.weight_noise import MOST_WEIGHTS, add_weight_noise
from .norms.hashed_noise import APART


def draw_weights(network: Network, inputs: int, classes: int, seed: int) -> list[Tensor]:
    """W₀: one weight matrix (units, inputs) for each layer, from the input to the output.

    xavier is uniform on ±√(6/(inputs+units)) (Glorot & Bengio 2010), he is N(0, 2/inputs) (He et
    al. 2015), gaussian is N(0, std²).
    """
    generator = torch.Generator().manual_seed(seed)
    widths = [inputs, *network.hidden, classes]
    weights: list[Tensor] = []
    for columns, rows in pairwise(widths):
        weight = torch.empty(rows, columns)
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

    Layers are compared by their place from the input, and the output with the output.
    """
    own, shared = experiment.network_of(arm), experiment.network
    weights = draw_weights(own, inputs, classes, seed)
    if (own.initialization, own.initial_std) != (shared.initialization, shared.initial_std):
        return weights
    reference = draw_weights(shared, inputs, classes, seed)
    twins = dict(enumerate(reference[:-1])) | {len(weights) - 1: reference[-1]}
    return [
        twin if (twin := twins.get(place, weight)).shape == weight.shape else weight
        for place, weight in enumerate(weights)
    ]


def build(experiment: Experiment, arm: Arm, weights: list[Tensor], seed: int = 0) -> nn.Sequential:
    """The network of an arm, holding a copy of W₀; biases are 0, γ is 1 and β is 0.

    `seed` is that of what norms, dropout and weight noise draw.
    """
    own = experiment.network_of(arm)
    network = mlp(weights[0].shape[1], weights[-1].shape[0], own, arm, seed)
    linears = [module for module in network if isinstance(module, nn.Linear)]
    with torch.no_grad():
        for linear, weight in zip(linears, weights, strict=True):
            linear.weight.copy_(weight)
            if linear.bias is not None:
                linear.bias.zero_()
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


def batches(
    pixels: Tensor, labels: Tensor, batch_size: int, seed: int, *, white: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Mini-batches without end: each epoch is a new permutation of the examples.

    The examples that do not fill a last batch are left out of their epoch, so that every batch has
    `batch_size` examples. Everything stays on the pixels' device, as bytes until it is needed.

    Args:
        pixels: uint8, (examples, inputs).
        labels: int64, (examples,).
        batch_size: Examples in a batch.
        seed: Of the permutations.
        white: The value of a pixel that becomes 1: 255 for gray images, 1 for binary ones.

    Yields:
        Inputs (batch_size, inputs), float32 from 0 to 1, and labels (batch_size,).
    """
    generator = torch.Generator().manual_seed(seed)
    whole = len(pixels) // batch_size * batch_size
    while True:
        order = torch.randperm(len(pixels), generator=generator)[:whole].to(pixels.device)
        for chosen in order.split(batch_size):
            yield scale(pixels.index_select(0, chosen), white), labels.index_select(0, chosen)


def scale(pixels: Tensor, white: int) -> Tensor:
    """uint8 → float32, so that `white` becomes 1."""
    return pixels.float() if white == 1 else pixels.float().div_(white)
