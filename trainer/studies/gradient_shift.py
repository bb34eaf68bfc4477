"""Gradient shift of Santurkar et al. (2018), Definition 2.1, while the §4.1 pair trains (E21)."""

from collections.abc import Iterator

from torch import Tensor, nn

from ...db.arm import Arm
from ...db.network import Activation, Network
from ...db.study import Measurement, Study
from ..discovery import find_layers
from ..landscape import BatchLoss, GradientShift, Tensors, copied, gradient_shift, layers_of
from ..short_training import Twins, binary, train
from . import Load

STEPS = {"quick": 600, "full": 2_000}
EVERY = 20
LEARNING_RATE = 0.1
BATCH = 60
ARMS = (Arm(name="none"), Arm(name="BatchNorm", norm="batch"))
ACTIVATIONS: tuple[Activation, ...] = ("sigmoid", "relu")
LAYERS = ("hidden2", "hidden3", "output")


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """At every 20th step, for each layer but the first, what the step did to its gradient.

    A layer's series are named "sigmoid, BatchNorm, hidden2". From the same parameters, on the same
    batch, a step with learning rate 0 is made too; the largest shift of those is measured.
    """
    data = binary(load(study.dataset or "mnist"))
    for activation in ACTIVATIONS:
        twins = Twins(data, Network(activation=activation, initialization="xavier"), seed)
        for arm in ARMS:
            network = twins.build(arm)
            shadow = twins.build(arm)
            batch = next(met := twins.batches(BATCH))
            before = copied(network.named_parameters())
            drawn = twins.batches(BATCH)
            still = 0.0
            for step in train(network, drawn, lr=LEARNING_RATE, steps=STEPS[study.length], every=1):
                if step == 0:
                    continue
                if step % EVERY == 1:
                    after = copied(network.named_parameters())
                    found = shifts(shadow, batch, before, after)
                    shadow.load_state_dict(before, strict=False)
                    still = max(still, shift_at_rest(shadow, batch))
                    for layer, shift in zip(LAYERS, found, strict=True):
                        series = f"{activation}, {arm.name}, {layer}"
                        for quantity in ("l2", "relative", "cosine"):
                            value = getattr(shift, quantity)
                            yield Measurement(seed, f"shift_{quantity}", series, step, value)
                batch = next(met)
                if step % EVERY == 0:
                    before = copied(network.named_parameters())
            yield Measurement(
                seed, "shift_at_rest", f"{activation}, {arm.name}", LEARNING_RATE, still
            )


def shifts(
    network: nn.Module, batch: tuple[Tensor, Tensor], before: Tensors, after: Tensors
) -> list[GradientShift]:
    """What a step on a batch did to the gradients of all layers but the first."""
    layers = layers_of(network, find_layers(network, batch[0]).layers)
    found = gradient_shift(BatchLoss(network, *batch, before), layers, after)
    return [shift for shift in found if shift is not None]


def shift_at_rest(network: nn.Module, batch: tuple[Tensor, Tensor]) -> float:
    """The largest ‖G − G′‖₂ of a step with learning rate 0, which moves running statistics only."""
    before = copied(network.named_parameters())
    for _ in train(network, iter([batch]), lr=0.0, steps=1, every=1):
        pass
    after = copied(network.named_parameters())
    return max(shift.l2 for shift in shifts(network, batch, before, after))
