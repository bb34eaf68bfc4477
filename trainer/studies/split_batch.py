"""The gradient of one batch of 240 beside the mean of the gradients of its four quarters (E30).

Without BatchNorm the loss is a mean over examples and the two are one. With it an example's loss
depends on its batch, so that a batch cannot be split: between machines, or over time.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..short_training import Twins, binary, train
from . import Load

WHOLE, PART = 240, 60
STEPS = {"quick": 300, "full": 3_000}
LEARNING_RATE = 0.1
ARMS = (Arm(name="none"), Arm(name="BatchNorm", norm="batch"))


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """‖mean of the parts − whole‖ / ‖whole‖ of each layer's weights, before and after training."""
    data = binary(load(study.dataset or "mnist"))
    twins = Twins(data, Network(initialization="xavier"), seed)
    inputs, labels = next(twins.batches(WHOLE))
    steps = STEPS[study.length]
    for arm in ARMS:
        network = twins.build(arm)
        for step in train(network, twins.batches(PART), lr=LEARNING_RATE, steps=steps, every=steps):
            series = f"{arm.name}, {'trained' if step else 'at the start'}"
            for layer, difference in enumerate(_differences(network, inputs, labels), start=1):
                yield Measurement(seed, "gradient_difference", series, layer, difference)


def _differences(network: nn.Module, inputs: Tensor, labels: Tensor) -> list[float]:
    """By layer, from the input to the output."""
    whole = _gradients(network, inputs, labels)
    parts = [
        _gradients(network, *part)
        for part in zip(inputs.split(PART), labels.split(PART), strict=True)
    ]
    return [
        ((torch.stack(of_parts).mean(0) - of_whole).norm() / of_whole.norm()).item()
        for of_whole, *of_parts in zip(whole, *parts, strict=True)
    ]


def _gradients(network: nn.Module, inputs: Tensor, labels: Tensor) -> list[Tensor]:
    """Of the weight matrices; running statistics play no part in them."""
    weights = [module.weight for module in network.modules() if isinstance(module, nn.Linear)]
    return list(torch.autograd.grad(cross_entropy(network(inputs), labels), weights))
