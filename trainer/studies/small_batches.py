"""BatchNorm where batches are small: accuracy by batch size at equal numbers of examples (E14).

A batch of 2 is normalized to ±1 in every unit, whatever it holds: no gradient passes to what lies
below a norm (§2.3 of the algebra: δᵢⱼ − 1/2 − x̂ᵢx̂ⱼ/2 = 0). A batch of 1 is refused.
"""

from collections.abc import Iterator

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..short_training import Twins, binary, train
from . import Load

EXAMPLES = {"quick": 100_000, "full": 120_000}
BATCH_SIZES = {"quick": (2, 4, 60), "full": (2, 3, 4, 8, 16, 32, 60, 128, 256)}
LEARNING_RATE = 0.1
NORMS = (Arm(name="BatchNorm", norm="batch"), Arm(name="LayerNorm", norm="layer"))
ARMS = {"quick": NORMS, "full": (Arm(name="none"), *NORMS)}


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Test accuracy in inference mode of each arm and batch size after the same examples."""
    data = binary(load(study.dataset or "mnist"))
    twins = Twins(data, Network(initialization="xavier"), seed)
    for batch_size in reversed(BATCH_SIZES[study.length]):
        steps = EXAMPLES[study.length] // batch_size
        for arm in ARMS[study.length]:
            network = twins.build(arm)
            drawn = twins.batches(batch_size)
            for _ in train(network, drawn, lr=LEARNING_RATE, steps=steps, every=steps):
                pass
            reached = data.test_accuracy(network)
            yield Measurement(seed, "accuracy", arm.name, batch_size, reached)
