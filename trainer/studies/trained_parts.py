"""Networks of which only γ and β train, only the output layer, or both (E27).

The random first weights of the hidden layers stay. What γ and β reach alone is what "changing only
two weights per activation" can do; compare Frankle, Schwab & Morcos (2020), "Training BatchNorm and
Only BatchNorm".
"""

from collections.abc import Iterator

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..short_training import Twins, binary, train
from . import Load

STEPS, EVERY, LEARNING_RATE = 3_000, 250, 0.5
PARTS = {
    "γ, β": ("_norm.",),
    "output layer": ("output.",),
    "γ, β and output layer": ("_norm.", "output."),
    "everything": ("",),
}
"""By name, what the names of the parameters that train hold."""


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Test accuracy over the steps."""
    data = binary(load(study.dataset or "mnist"))
    twins = Twins(data, Network(initialization="xavier"), seed)
    for name, parts in PARTS.items():
        network = twins.build(Arm(name=name, norm="batch"))
        only = [n for n, _ in network.named_parameters() if any(part in n for part in parts)]
        drawn = twins.batches(60)
        for step in train(network, drawn, lr=LEARNING_RATE, steps=STEPS, every=EVERY, only=only):
            reached = data.test_accuracy(network)
            yield Measurement(seed, "accuracy", name, step, reached)
