"""The training loop: the same batches for every arm, and a look at every layer of each."""

from collections.abc import Iterator, Sequence
from threading import Event

import torch
from torch import Tensor

from ..db.experiment import Experiment
from .crew import Crew
from .evaluation import evaluate, is_due
from .feeder import Feeder
from .observer import StackObserver
from .stack import Stack

Batches = Iterator[tuple[Tensor, Tensor]]


@torch.no_grad()
def train(
    experiment: Experiment,
    stacks: Sequence[Stack],
    batches: Sequence[Batches],
    test: tuple[Tensor, Tensor],
    feeder: Feeder,
    stop: Event,
) -> int:
    """Train until the last step, a stop, or no network is left; returns the steps done.

    Nothing in here waits for the device or the database, but for evaluations and once in a
    stretch.

    Args:
        experiment: What is trained.
        stacks: The networks; together they hold every arm of every seed.
        batches: By seed the batches that all its networks see.
        test: Inputs and labels of the test set.
        feeder: Where records go.
        stop: Ends training after the current step.
    """
    steps, every = experiment.steps, experiment.recording.evaluate_every
    observers = {stack: StackObserver(stack, index) for index, stack in enumerate(stacks)}
    crew = Crew(stacks, test[0].device)
    step = 0
    _evaluate(stacks, 0, test, feeder)

    try:
        while step < steps and any(feeder.active) and not stop.is_set():
            step += 1
            slot = feeder.begin_step(step)
            drawn = [next(of_seed) for of_seed in batches]

            # forward and backward: the same batch for all arms of a seed
            work = [
                (
                    stack,
                    stack.gather([drawn[seed][0] for seed in stack.seeds]),
                    stack.gather([drawn[seed][1] for seed in stack.seeds]),
                )
                for stack in stacks
                if any(stack.active)
            ]
            if slot is not None:
                with feeder.measured():
                    for stack, _, _ in work:
                        observers[stack].before(slot)
            looked = list(zip(work, crew.look(work), strict=True))
            if slot is not None:
                with feeder.measured():
                    for (stack, _, labels), seen in looked:
                        observers[stack].after_backward(slot, seen, labels)

            # update
            for (stack, _, _), seen in looked:
                stack.update(seen)
            if slot is not None:
                with feeder.measured():
                    for stack, _, _ in work:
                        observers[stack].after_update(slot)

            if is_due(step, every, steps):
                _evaluate(stacks, step, test, feeder)

            # a network whose loss stayed non-finite goes no further
            for position in feeder.end_step(step):
                for stack in stacks:
                    stack.drop(position)
    finally:
        crew.close()
        feeder.finish(step)
    return step


def _evaluate(
    stacks: Sequence[Stack], step: int, test: tuple[Tensor, Tensor], feeder: Feeder
) -> None:
    for stack in stacks:
        for network, position, active in zip(
            stack.networks, stack.positions, stack.active, strict=True
        ):
            if active:
                feeder.add_evaluation(position, step, evaluate(network, *test))
