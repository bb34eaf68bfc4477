"""Short trainings without records, of which studies need many: twins, a plain step, an accuracy."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..db.arm import Arm
from ..db.experiment import Experiment
from ..db.network import Network
from .accuracy import share_right
from .datasets import Images
from .pixels import Scaling, to_device
from .program import Program
from .sgd import SGD
from .twins import ShuffledBatches, build, draw_weights

Batches = Iterator[tuple[Tensor, Tensor]]
ZERO_OR_ONE = Scaling(white=1)


@dataclass(frozen=True)
class Data:
    """Binary images to train on and to measure on, a row of pixels each.

    Attributes:
        pixels: Of the training set: uint8, (examples, pixels), 0 or 1.
        labels: int64, (examples,).
        test_inputs: float32, (examples, pixels).
        test_labels: int64, (examples,).
    """

    pixels: Tensor
    labels: Tensor
    test_inputs: Tensor
    test_labels: Tensor

    def test_accuracy(self, network: nn.Module) -> float:
        """Of a network in inference mode, in which it is left."""
        return accuracy(network, self.test_inputs, self.test_labels)


def binary(images: Images) -> Data:
    """A dataset as the paper's §4.1 has it: pixels above half intensity are 1, the others 0."""
    pixels = to_device(images, torch.device("cpu"), binary=True, standardize="none", flat=True)
    labels, test_labels = map(torch.from_numpy, (images.train_labels, images.test_labels))
    return Data(pixels.train, labels, pixels.test, test_labels)


class Twins:
    """What networks of one seed share: W₀, and the batches with their order.

    Args:
        data: What they train on.
        network: Their layers, before what an arm changes.
        seed: Of W₀ and of the batches.
    """

    def __init__(self, data: Data, network: Network, seed: int) -> None:
        self._data, self._seed = data, seed
        self._experiment = Experiment(network=network)
        classes = int(data.labels.max()) + 1
        self._weights = draw_weights(network, data.pixels.shape[1], classes, seed)

    def build(self, arm: Arm) -> nn.Module:
        """The network of an arm, with a copy of W₀."""
        return build(self._experiment, arm, self._weights, self._seed)

    def batches(self, batch_size: int) -> Batches:
        """The batches of one size, from the first on: the same at every call."""
        data = self._data
        return ShuffledBatches(data.pixels, data.labels, batch_size, self._seed, scale=ZERO_OR_ONE)


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
    return share_right(network.eval()(inputs), labels)
