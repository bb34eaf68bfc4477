"""A small training set with and without noise: dropout, noisy weights, BatchNorm (E13, E13c).

Ioffe & Szegedy (2015), §3.4: an example is seen with others, so that with BatchNorm the network no
longer gives the same values for it; they found that to help generalization. Batches of 10 make that
noise large, a batch of the whole training set makes none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from ...db.experiment import Activation, Arm, Network
from ...db.study import Measurement, Study
from ..short_training import Twins, accuracy, binary, train
from . import Load

EXAMPLES = 1_000
STEPS = {"quick": 1_500, "full": 3_000}
LEARNING_RATE: dict[Activation, float] = {"relu": 0.1, "sigmoid": 0.5}
EVALUATIONS = 10


@dataclass(frozen=True)
class Treatment:
    """What is done to the network.

    Attributes:
        name: What the charts call it.
        batch_size: None is the whole training set.
        norm: Whether there is BatchNorm.
        dropout: The share of hidden activations that is dropped.
        weight_noise: Standard deviation of what is added to weights, in stds of a layer's weights.
    """

    name: str
    batch_size: int | None = 50
    norm: bool = False
    dropout: float = 0.0
    weight_noise: float = 0.0


TREATMENTS = (
    Treatment("none"),
    Treatment("dropout 0.2", dropout=0.2),
    Treatment("noisy weights", weight_noise=0.3),
    Treatment("BatchNorm, m = 10", 10, norm=True),
    Treatment("BatchNorm, m = 50", norm=True),
    Treatment("BatchNorm, full batch", None, norm=True),
)
MORE = (
    Treatment("dropout 0.5", dropout=0.5),
    Treatment("BatchNorm + dropout 0.2", norm=True, dropout=0.2),
    Treatment("none, full batch", None),
)
"""At full length only; the last shows how much of it is noise of the gradient alone."""


class NoisyLinear(nn.Module):
    """A linear layer whose weights have noise while it trains: w + share · std(w) · N(0, 1)."""

    def __init__(self, layer: nn.Linear, share: float) -> None:
        super().__init__()
        self.layer, self.share = layer, share

    def forward(self, inputs: Tensor) -> Tensor:
        weight = self.layer.weight
        if self.training:
            noise = torch.randn_like(weight) * weight.detach().std()
            weight = weight + self.share * noise
        return linear(inputs, weight, self.layer.bias)


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Test accuracy over the steps and at the end, and training accuracy, of every treatment."""
    data = binary(load(study.dataset or "mnist")).first(EXAMPLES)
    inputs = data.pixels.float()
    steps = STEPS[study.length]
    for activation, lr in LEARNING_RATE.items():
        twins = Twins(data, Network(activation=activation, initialization="xavier"), seed)
        for treatment in TREATMENTS + MORE if study.length == "full" else TREATMENTS:
            torch.manual_seed(seed)
            network = twins.build(Arm(name="arm", norm="batch" if treatment.norm else "none"))
            _add_noise(network, treatment)
            series = f"{activation}: {treatment.name}"
            drawn = twins.batches(treatment.batch_size or len(inputs))
            for step in train(network, drawn, lr=lr, steps=steps, every=steps // EVALUATIONS):
                tested = data.test_accuracy(network)
                yield Measurement(seed, "test_accuracy", series, step, tested)
                trained = accuracy(network, inputs, data.labels)
                yield Measurement(seed, "train_accuracy", series, step, trained)


def _add_noise(network: nn.Module, treatment: Treatment) -> None:
    for name, module in list(network.named_children()):
        if treatment.weight_noise and isinstance(module, nn.Linear):
            setattr(network, name, NoisyLinear(module, treatment.weight_noise))
        elif treatment.dropout and name.endswith("_activation"):
            setattr(network, name, nn.Sequential(module, nn.Dropout(treatment.dropout)))
