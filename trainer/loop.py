"""The training loop: the same batches for every arm, and a look at every layer of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

import torch
from torch import Tensor

from ..db.experiment import Experiment
from .crew import Crew
from .devices import cores
from .evaluation import Evaluator, is_due, is_probed
from .feeder import Feeder, Slot
from .keeper import Keeper
from .observer import StackObserver
from .stack import Stack
from .step_measures import StepMeasures

Batches = Iterator[tuple[Tensor, Tensor]]


@torch.no_grad()
def train(
    experiment: Experiment,
    stacks: Sequence[Stack],
    batches: Sequence[Batches],
    test: tuple[Tensor, Tensor],
    feeder: Feeder,
    stop: Event,
    keeper: Keeper | None = None,
) -> int:
    """Train until the last step, a stop, or no network is left; returns the steps done.

    A step whose measurement a stop ended is not done: it is trained, but its records are not whole.

    Nothing in here waits for the device or the database, but once in a stretch, for the first
    evaluation, when several of them are waiting for their turn, and where a step is due for the
    gradient shift or the landscape.

    Args:
        experiment: What is trained.
        stacks: The networks; together they hold every arm of every seed.
        batches: By seed the batches that all its networks see, or by network its own.
        test: Inputs and labels of the test set.
        feeder: Where records go.
        stop: Ends training after the current step.
        keeper: Keeps checkpoints, and knows the one to go on from.
    """
    steps, recording = experiment.steps, experiment.recording
    every, probe_every = recording.evaluate_every, recording.probe_every
    observers = {stack: StackObserver(stack, index) for index, stack in enumerate(stacks)}
    crew = Crew(stacks, test[0].device)
    threads = max(1, cores() - crew.cores)
    evaluator = Evaluator(stacks, test, threads, together=_together(experiment))
    measures = StepMeasures(stacks, recording, stop)
    done = 0

    try:
        if keeper is not None:
            done = keeper.begin(
                stacks=stacks,
                observers=list(observers.values()),
                batches=batches,
                evaluator=[evaluator],
                feeder=[feeder],
            )
        if done == 0:
            evaluator.begin(done, probes=is_probed(done, probe_every, steps), alone=True)
        feeder.add_evaluations(evaluator.take(wait=True), pending=None)
        while done < steps and any(feeder.active) and not stop.is_set():
            step = done + 1
            slot = feeder.begin_step(step)
            drawn = [next(of_one) for of_one in batches]

            # the same batch for all arms of a seed, but where they are no twins
            work = [
                _Work(
                    stack,
                    stack.gather([drawn[which][0] for which in stack.draws]),
                    stack.gather([drawn[which][1] for which in stack.draws]),
                    None if slot is None else (observers[stack], slot),
                )
                for stack in stacks
                if any(stack.active)
            ]
            measures.begin(step)
            feeder.add_cost(crew.run(_take_step, work))
            feeder.add_measured(*measures.end(crew, drawn))

            evaluates = is_due(step, every, steps, early=recording.evaluate_early)
            probes = is_probed(step, probe_every, steps)
            if evaluates or probes:
                last = step == steps
                evaluator.begin(step, evaluates=evaluates, probes=probes, alone=last)
            _send(evaluator, feeder)

            # a network whose loss stayed non-finite goes no further
            for position in feeder.end_step(step):
                for stack in stacks:
                    stack.drop(position)
            done = step
            if keeper is not None and keeper.is_due(is_quiet=evaluator.pending is None):
                _send(evaluator, feeder, wait=True)
                keeper.keep(done)
        is_stopped = stop.is_set() and done < steps and any(feeder.active)
        if is_stopped:
            evaluator.give_up()
        _send(evaluator, feeder, wait=True)
        # what a step lacks is never measured after it: such a one is taken again, from further back
        if keeper is not None and is_stopped and not measures.gave_up:
            keeper.keep(done, last=True)
    finally:
        crew.close()
        evaluator.close()
        feeder.finish(done)
        if keeper is not None:
            keeper.close()
    return done - 1 if measures.gave_up else done


def _send(evaluator: Evaluator, feeder: Feeder, *, wait: bool = False) -> None:
    """Send along what the evaluator has found; `wait`: all that was begun."""
    feeder.add_evaluations(evaluator.take(wait=wait), evaluator.pending)
    feeder.add_probes(evaluator.take_probes())
    feeder.add_ensembles(evaluator.take_ensembles())


def _together(experiment: Experiment) -> list[int]:
    """By position the seeds of the networks, if those of a seed predict together."""
    return [seed for seed in experiment.seeds for _ in experiment.arms if experiment.ensemble]


@dataclass(frozen=True)
class _Work:
    """One step of a stack: on what, and who looks."""

    stack: Stack
    inputs: Tensor
    labels: Tensor
    look: tuple[StackObserver, Slot] | None


def _take_step(work: _Work) -> float:
    """Returns the seconds that looking took."""
    stack = work.stack
    if work.look is None:
        stack.update(stack.look(work.inputs, work.labels))
        return 0.0
    observer, slot = work.look
    observer.before(slot)
    seen = stack.look(work.inputs, work.labels)
    observer.after_backward(slot, seen, work.labels)
    stack.update(seen)
    observer.after_update(slot)
    return observer.seconds
