"""The training loop: the same batches for every arm, and a look at every layer of each."""

from collections.abc import Sequence
from threading import Event

import torch
from torch import Tensor
from torch.nn import functional

from ..db.experiment import Experiment
from .evaluation import evaluate, is_due
from .feeder import Feeder
from .observer import Observer
from .twins import Trainee, Twins


def train(
    experiment: Experiment,
    seeds: Sequence[Twins],
    test: tuple[Tensor, Tensor],
    observer: Observer,
    feeder: Feeder,
    stop: Event,
) -> int:
    """Train until the last step, a stop, or no network is left; returns the steps done.

    Nothing in here waits for the device or the database, but for evaluations and once in a
    stretch.
    """
    steps, every = experiment.steps, experiment.recording.evaluate_every
    everyone = [trainee for twins in seeds for trainee in twins.trainees]
    active = everyone
    step = 0
    _evaluate(active, 0, test, feeder)

    while step < steps and active and not stop.is_set():
        step += 1
        observer.begin(feeder.begin_step(step))

        # forward: the same batch for all arms of a seed; mean cross-entropy over the batch
        losses: list[Tensor] = []
        for seed_index, twins in enumerate(seeds):
            inputs, labels = next(twins.batches)  # (batch, inputs), (batch,)
            feeder.add_labels(seed_index, labels)
            for trainee in twins.trainees:
                if feeder.active[trainee.index]:
                    losses.append(functional.cross_entropy(trainee.network(inputs), labels))

        # backward: fresh gradients, all networks in one go (their graphs share nothing)
        for trainee in active:
            trainee.optimizer.zero_grad()
        torch.autograd.backward(losses)
        observer.before_update(losses)

        # update
        for trainee in active:
            trainee.optimizer.step()
        observer.after_update()

        if is_due(step, every, steps):
            _evaluate(active, step, test, feeder)

        # a network whose loss stayed non-finite goes no further
        for index in feeder.end_step(step):
            observer.drop(index)
            active = [trainee for trainee in active if trainee.index != index]

    feeder.finish(step)
    return step


def _evaluate(
    trainees: Sequence[Trainee], step: int, test: tuple[Tensor, Tensor], feeder: Feeder
) -> None:
    for trainee in trainees:
        feeder.add_evaluation(trainee.index, step, evaluate(trainee.network, *test))
