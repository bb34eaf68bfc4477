"""Gradient shift of Santurkar et al. (2018), Definition 2.1, while the §4.1 pair trains (E21)."""

from collections.abc import Iterator

from ...db.experiment import Activation, Arm, Network
from ...db.study import Measurement, Study
from ..landscape import gradient_shift, parameters_of
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

    A layer's series are named "sigmoid, BatchNorm, hidden2". With learning rate 0 nothing moves,
    so that the shift is 0; its largest value is measured at the same steps.
    """
    data = binary(load(study.dataset or "mnist"))
    for activation in ACTIVATIONS:
        twins = Twins(data, Network(activation=activation, initialization="xavier"), seed)
        for arm in ARMS:
            network = twins.build(arm)
            shadow = twins.build(arm)
            batch = next(met := twins.batches(BATCH))
            before = parameters_of(network)
            drawn = twins.batches(BATCH)
            still = 0.0
            for step in train(network, drawn, lr=LEARNING_RATE, steps=STEPS[study.length], every=1):
                if step == 0:
                    continue
                if step % EVERY == 1:
                    found = gradient_shift(shadow, before, parameters_of(network), *batch)
                    none = gradient_shift(shadow, before, before, *batch)
                    still = max(still, *(shift.l2 for shift in none))
                    for layer, shift in zip(LAYERS, found, strict=True):
                        series = f"{activation}, {arm.name}, {layer}"
                        for quantity in ("l2", "relative", "cosine"):
                            value = getattr(shift, quantity)
                            yield Measurement(seed, f"shift_{quantity}", series, step, value)
                batch = next(met)
                if step % EVERY == 0:
                    before = parameters_of(network)
            yield Measurement(
                seed, "shift_at_rest", f"{activation}, {arm.name}", LEARNING_RATE, still
            )
