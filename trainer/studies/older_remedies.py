"""What one did before BatchNorm: a larger learning rate, a narrower network (E26)."""

from collections.abc import Iterator

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..short_training import Twins, binary, train
from . import Load

STEPS = 3_000
WIDTHS = (100, 30, 10)
LEARNING_RATE = 0.1
LARGER = {"quick": (1.0,), "full": (0.2, 0.5, 1.0)}
ARMS = (Arm(name="none"), Arm(name="BatchNorm", norm="batch"))


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Test accuracy by width at learning rate 0.1, and by learning rate at width 100."""
    data = binary(load(study.dataset or "mnist"))

    def reached(twins: Twins, arm: Arm, lr: float) -> float:
        network = twins.build(arm)
        for _ in train(network, twins.batches(60), lr=lr, steps=STEPS, every=STEPS):
            pass
        return data.test_accuracy(network)

    for width in WIDTHS:
        network = Network(hidden=[width] * 3, initialization="xavier")
        twins = Twins(data, network, seed)
        for arm in ARMS:
            found = reached(twins, arm, LEARNING_RATE)
            yield Measurement(seed, "accuracy_by_width", arm.name, width, found)
            if width == WIDTHS[0]:
                yield Measurement(seed, "accuracy_by_lr", arm.name, LEARNING_RATE, found)
                for lr in LARGER[study.length]:
                    found = reached(twins, arm, lr)
                    yield Measurement(seed, "accuracy_by_lr", arm.name, lr, found)
