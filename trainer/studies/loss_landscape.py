"""The landscape measures of Santurkar et al. (2018), Figure 4, while the §4.1 pair trains (E23)."""

from collections.abc import Iterator

from ...db.arm import Arm
from ...db.network import Activation, Network
from ...db.study import Measurement, Study
from ..landscape import BatchLoss, landscape
from ..short_training import Twins, binary, train
from . import Load

STEPS, EVERY = 1_500, 50
EARLY, OFTEN = 60, 2
"""BatchNorm's loss falls so soon that it is looked at more often before step 60."""
LEARNING_RATE = 0.1
ALONG = tuple(LEARNING_RATE * multiple / 2 for multiple in range(1, 9))
"""Eight step sizes from half the learning rate to four times it."""
BATCH = 60
ARMS = (Arm(name="none"), Arm(name="BatchNorm", norm="batch"))
ACTIVATIONS: tuple[Activation, ...] = ("relu", "sigmoid")


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """After every 50th step, along the gradient of the next batch; series "relu, none"."""
    data = binary(load(study.dataset or "mnist"))
    for activation in ACTIVATIONS:
        twins = Twins(data, Network(activation=activation, initialization="xavier"), seed)
        for arm in ARMS:
            network = twins.build(arm)
            met, drawn = twins.batches(BATCH), twins.batches(BATCH)
            for step in train(network, drawn, lr=LEARNING_RATE, steps=STEPS, every=1):
                batch = next(met)
                if step % EVERY == 0 or (step < EARLY and step % OFTEN == 0):
                    found = landscape(BatchLoss(network, *batch), ALONG)
                    for quantity in ("loss", "loss_range", "gradient_change", "smoothness"):
                        value = getattr(found, quantity)
                        series = f"{activation}, {arm.name}"
                        yield Measurement(seed, quantity, series, step, value)
