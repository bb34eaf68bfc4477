"""Networks whose normalization is left out of the gradient, at several learning rates (E8b).

Ioffe & Szegedy (2015), §2: "the model blows up when the normalization parameters are computed
outside the gradient descent step". Either the batch's statistics are constants to the gradient, or
their moving averages are, which a step cannot know to move.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..norms.running import RunningNorm
from ..short_training import Twins, binary, train
from . import Load

STEPS = {"quick": 2_000, "full": 3_000}
EVERY = 100
LEARNING_RATES = {"quick": (0.5, 2.0), "full": (0.1, 0.5, 2.0)}
ARMS = (
    Arm(name="BatchNorm", norm="batch"),
    Arm(name="constant batch statistics", norm="batch_detached"),
)
MOVING = "constant moving averages"


class MovingNorm(RunningNorm):
    """Normalizes by its moving averages, as they are with this batch; constants to the gradient."""

    norm_name = "batch_moving"

    def normalize(self, x: Tensor) -> Tensor:
        """y = γ(x − E) / √(Var + ε) + β, with the averages E and Var."""
        variance, mean = torch.var_mean(x.detach(), 0, correction=0)
        self.mix_in(mean, variance, len(x))
        return self.infer(x)


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Accuracy, ‖W₂‖, ‖b₂‖ and the largest running mean, every 100 steps."""
    data = binary(load(study.dataset or "mnist"))
    twins = Twins(data, Network(), seed)
    for lr in LEARNING_RATES[study.length]:
        networks = {arm.name: twins.build(arm) for arm in ARMS}
        networks[MOVING] = _by_moving_averages(twins.build(ARMS[1]))
        for name, network in networks.items():
            series = f"{name}, lr {lr:g}"
            drawn = twins.batches(60)
            for step in train(network, drawn, lr=lr, steps=STEPS[study.length], every=EVERY):
                reached = data.test_accuracy(network)
                for quantity, value in (("accuracy", reached), *_sizes(network)):
                    yield Measurement(seed, quantity, series, step, value)


def _by_moving_averages(network: nn.Module) -> nn.Module:
    for name, module in list(network.named_children()):
        if isinstance(module, RunningNorm):
            setattr(network, name, MovingNorm(module.num_features))
    return network


def _sizes(network: nn.Module) -> Iterator[tuple[str, float]]:
    """Norms of the second hidden layer, and the largest |running mean| of all."""
    layer = network.get_submodule("hidden2")
    assert isinstance(layer, nn.Linear)
    yield "weight_norm", layer.weight.norm().item()
    if layer.bias is not None:
        yield "bias_norm", layer.bias.norm().item()
    means = [buffer for name, buffer in network.named_buffers() if name.endswith("running_mean")]
    yield "running_mean", torch.cat(means).abs().max().item()
