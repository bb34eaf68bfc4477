"""A small training set with and without noise: dropout, noisy weights, BatchNorm (E13, E13c).

Ioffe & Szegedy (2015), §3.4: an example is seen with others, so that with BatchNorm the network no
longer gives the same values for it; they found that to help generalization. Batches of 10 make that
noise large, a batch of the whole training set makes none.
"""

from collections.abc import Iterator

from ...db.arm import Arm
from ...db.network import Activation, Network
from ...db.study import Measurement, Study
from ..short_training import Twins, accuracy, binary, train
from . import Load

EXAMPLES = 1_000
STEPS = {"quick": 1_500, "full": 3_000}
LEARNING_RATE: dict[Activation, float] = {"relu": 0.1, "sigmoid": 0.5}
EVALUATIONS = 10
WHOLE = None
"""In place of a batch size: one batch of all images."""
ARMS = (
    (Arm(name="none"), 50),
    (Arm(name="dropout 0.2", dropout=0.2), 50),
    (Arm(name="noisy weights", weight_noise=0.3), 50),
    (Arm(name="BatchNorm, m = 10", norm="batch"), 10),
    (Arm(name="BatchNorm, m = 50", norm="batch"), 50),
    (Arm(name="BatchNorm, full batch", norm="batch"), WHOLE),
)
"""With their batch sizes."""
MORE = (
    (Arm(name="dropout 0.5", dropout=0.5), 50),
    (Arm(name="BatchNorm + dropout 0.2", norm="batch", dropout=0.2), 50),
    (Arm(name="none, full batch"), WHOLE),
)
"""At full length only; the last shows how much of it is noise of the gradient alone."""


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Test accuracy over the steps and at the end, and training accuracy, of every arm."""
    data = binary(load(study.dataset or "mnist").thinned(EXAMPLES))
    inputs = data.pixels.float()
    steps = STEPS[study.length]
    for activation, lr in LEARNING_RATE.items():
        twins = Twins(data, Network(activation=activation, initialization="xavier"), seed)
        for arm, batch_size in ARMS + MORE if study.length == "full" else ARMS:
            network = twins.build(arm)
            series = f"{activation}: {arm.name}"
            drawn = twins.batches(batch_size or len(inputs))
            for step in train(network, drawn, lr=lr, steps=steps, every=steps // EVALUATIONS):
                tested = data.test_accuracy(network)
                yield Measurement(seed, "test_accuracy", series, step, tested)
                trained = accuracy(network, inputs, data.labels)
                yield Measurement(seed, "train_accuracy", series, step, trained)
