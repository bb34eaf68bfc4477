"""Short trainings without records, of which studies need many: twins, a plain step, an accuracy."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..db.experiment import Arm, Experiment, Network
from .datasets import Images
from .program import Program
from .sgd import SGD
from .twins import batches, build, draw_weights

Batches = Iterator[tuple[Tensor, Tensor]]
WHITE = 127
"""Pixels above it are 1, the others 0."""


@dataclass(frozen=True)
class Examples:
    """Binary images, one row of pixels each.

    Attributes:
        pixels: uint8, (examples, pixels), 0 or 1.
        labels: int64, (examples,).
    """

    pixels: Tensor
    labels: Tensor

    @property
    def inputs(self) -> Tensor:
        """float32, (examples, pixels)."""
        return self.pixels.float()

    def first(self, count: int) -> "Examples":
        """The first of them."""
        return Examples(self.pixels[:count], self.labels[:count])


def training_set(images: Images) -> Examples:
    """The images to train on."""
    return _binary(images.train_images, images.train_labels)


def test_set(images: Images) -> Examples:
    """The images to measure on."""
    return _binary(images.test_images, images.test_labels)


def _binary(images: np.ndarray, labels: np.ndarray) -> Examples:
    rows = np.ascontiguousarray(images.reshape(len(images), -1) > WHITE)
    return Examples(torch.from_numpy(rows).to(torch.uint8), torch.from_numpy(labels))


class Twins:
    """What networks of one seed share: W₀, and the batches with their order.

    Args:
        examples: What they train on.
        network: Their layers, before what an arm changes.
        seed: Of W₀ and of the batches.
        classes: Of the labels.
    """

    def __init__(self, examples: Examples, network: Network, seed: int, classes: int = 10) -> None:
        self.examples = examples
        self._seed, self._experiment = seed, Experiment(network=network)
        self._weights = draw_weights(network, examples.pixels.shape[1], classes, seed)

    def build(self, arm: Arm) -> nn.Sequential:
        """The network of an arm, with a copy of W₀."""
        return build(self._experiment, arm, self._weights, self._seed)

    def batches(self, batch_size: int) -> Batches:
        """The batches of one size, from the first on: the same at every call."""
        pixels, labels = self.examples.pixels, self.examples.labels
        return batches(pixels, labels, batch_size, self._seed, white=1)


def train(
    network: nn.Module,
    drawn: Batches,
    *,
    lr: float,
    steps: int,
    every: int,
    only: Collection[str] | None = None,
) -> Iterator[int]:
    """SGD on the mean cross-entropy; between steps it yields, so that a study can measure.

    Args:
        network: Its weights and buffers change in place; it may be put into any mode meanwhile.
        drawn: Batches of one size.
        lr: The learning rate.
        steps: How many.
        every: Steps from one yield to the next.
        only: The names of the parameters that train; None is all.

    Yields:
        The steps done: 0, `every`, 2 · `every`, …, and last `steps`.
    """
    inputs, labels = next(drawn)
    named = {name: parameter.detach() for name, parameter in network.named_parameters()}
    trained = {name: named[name] for name in (named if only is None else only)}
    rest = {name: tensor for name, tensor in named.items() if name not in trained}
    buffers = rest | dict(network.named_buffers())
    network.train()
    program = Program(network, (), trained, buffers, inputs, labels, stacked=False)
    sgd = SGD(trained.values(), lr)
    yield 0
    for step in range(1, steps + 1):
        with torch.no_grad():
            sgd.step(program(inputs, labels).gradients)
        if step % every == 0 or step == steps:
            yield step
        if step < steps:
            inputs, labels = next(drawn)


@torch.no_grad()
def accuracy(network: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """The share of examples that a network in inference mode has right; it is left so."""
    logits = network.eval()(inputs)
    # argmax takes NaN for the largest: an example with one is wrong
    return ((logits.argmax(1) == labels) & ~logits.isnan().any(1)).double().mean().item()
