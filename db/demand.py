"""What the networks of an experiment take of the machine: parameters and memory, by their layers.

The memory is a lower bound: what the networks themselves need, without the images, the libraries
and the recorder.
"""

import math

from .arm import Arm
from .datasets import TEST_SETS
from .experiment import Experiment
from .layouts import LayerLayout, layers

COPIES = 4
"""Of each weight: itself, its gradient, the first one and the one that is evaluated."""
PER_OUTPUT = 4
"""Numbers that training keeps for each output of a layer and example: the layer's, the norm's and
the nonlinearity's, and a gradient."""
BYTES = 4
"""Of a float32."""


def parameters(experiment: Experiment) -> int:
    """Weights and biases of all its networks; a folder's classes are taken for ten."""
    return len(experiment.seeds) * sum(
        _weights(_layers(experiment, arm)) for arm in experiment.arms
    )


def memory(experiment: Experiment) -> int:
    """Bytes that its networks take at least: weights with all that belongs to them, and a batch."""
    kept = sum(_kept(experiment, arm) for arm in experiment.arms) * len(experiment.seeds)
    return BYTES * (kept + max(_passing(experiment, arm) for arm in experiment.arms))


def _kept(experiment: Experiment, arm: Arm) -> int:
    optimizer = experiment.optimizer_of(arm)
    states = 2 if optimizer.algorithm == "adam" else int(optimizer.momentum > 0)
    return (COPIES + states) * _weights(_layers(experiment, arm))


def _passing(experiment: Experiment, arm: Arm) -> int:
    """Numbers of one network's step, or of its evaluation where that is more."""
    found = _layers(experiment, arm)
    outputs = sum(layer.units * layer.side**2 for layer in found)
    training = PER_OUTPUT * experiment.batch_size * outputs
    if experiment.network.kind != "mlp":  # other kinds are evaluated in parts
        return training
    asked = experiment.recording.test_examples or TEST_SETS.get(experiment.dataset, 0)
    return max(training, asked * max(layer.units for layer in found))


def _layers(experiment: Experiment, arm: Arm) -> list[LayerLayout]:
    return layers(experiment.network_of(arm), experiment.input_shape)


def _weights(found: list[LayerLayout]) -> int:
    return sum(math.prod(layer.weight_shape) + layer.units for layer in found)
