"""The training loop: the same batches for every arm, and a look at every layer of each."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from ..db.experiment import Arm, Experiment
from .evaluation import evaluate, is_due
from .feeder import Feeder
from .networks.mlp import MLP
from .observer import Observer


@dataclass
class Trainee:
    """A network with what trains and watches it; `index` is its place in the run."""

    index: int
    arm: Arm
    network: MLP
    optimizer: Optimizer
    observer: Observer


@dataclass
class Twins:
    """The networks of one seed, and the batches that all of them see."""

    seed: int
    batches: Iterator[tuple[Tensor, Tensor]]
    trainees: list[Trainee]


def train(
    experiment: Experiment,
    seeds: Sequence[Twins],
    test: tuple[Tensor, Tensor],
    feeder: Feeder,
    stop: Event,
) -> int:
    """Train until the last step, a stop, or no network is left; returns the steps done.

    Nothing in here waits for the device or the database, but for evaluations and once in a
    stretch.
    """
    steps, every = experiment.steps, experiment.recording.evaluate_every
    everyone = [trainee for twins in seeds for trainee in twins.trainees]
    began = time.perf_counter()
    step = 0
    _evaluate(everyone, 0, test, feeder)

    while step < steps and not stop.is_set() and any(feeder.active):
        step += 1
        feeder.begin_step(step)

        for seed_index, twins in enumerate(seeds):
            images, labels = next(twins.batches)  # (batch, inputs), (batch,)
            feeder.add_labels(seed_index, labels)

            for trainee in twins.trainees:
                if not feeder.active[trainee.index]:
                    continue
                room = feeder.room(trainee.index)
                trainee.observer.begin(room, feeder.slot)

                # forward: mean cross-entropy over the batch
                loss = functional.cross_entropy(trainee.network(images), labels)

                # backward: fresh gradients
                trainee.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                trainee.observer.before_update(loss)

                # update
                trainee.optimizer.step()
                trainee.observer.after_update()
                if room is not None:
                    room.seconds[feeder.slot] = time.perf_counter() - began

        if is_due(step, every, steps):
            _evaluate(everyone, step, test, feeder)
        feeder.end_step(step)

    feeder.end_step(step, last=True)
    return step


def _evaluate(
    trainees: Sequence[Trainee], step: int, test: tuple[Tensor, Tensor], feeder: Feeder
) -> None:
    for trainee in trainees:
        if feeder.active[trainee.index]:
            trainee.observer.begin(None, 0)
            feeder.add_evaluation(trainee.index, step, evaluate(trainee.network, *test))
