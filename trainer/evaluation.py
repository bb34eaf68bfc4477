"""Networks on the test set and on the probe, as they were at some steps, beside training.

On a GPU that is beside the loop only: the kernels take their turn among those of training.
"""

import copy
import math
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from .accuracy import share_right
from .batch_statistics import with_batch_statistics
from .devices import cores
from .ensemble import AMONG, Ensemble
from .probe import Probe
from .ring import Evaluated, Probed, Together
from .stack import Stack

AHEAD = 4
"""Copies of the networks that may wait for their evaluation; then training waits."""
AT_ONCE = 2**21
"""Inputs of images that are evaluated at once, which bounds what their channels take of memory."""
Found = tuple[list[Evaluated], list[Probed], list[Together]]


@dataclass(frozen=True)
class _State:
    """A network as it was: its place in the run, that of its stack, and its tensors.

    `is_active`: whether it still trains.
    """

    position: int
    place: int
    is_active: bool
    tensors: dict[str, Tensor]


@dataclass(frozen=True)
class _Look:
    """Networks to be looked at: the updates so far, how, and on how many of torch's threads."""

    step: int
    states: list[_State]
    threads: int
    evaluates: bool
    probes: bool


class Evaluator:
    """Evaluates the networks as they were at some steps, in a thread of its own."""

    def __init__(
        self,
        stacks: Sequence[Stack],
        test: tuple[Tensor, Tensor],
        threads: int,
        *,
        together: Sequence[int] = (),
    ) -> None:
        """Args:
        stacks: The networks.
        test: Inputs and labels of the test set.
        threads: How many of torch's threads an evaluation has while networks train.
        together: By position the seed of every network, where those of a seed are evaluated
            together, too.
        """
        self._stacks = stacks
        self._test = test
        self._threads = threads
        self._networks = [copy.deepcopy(stack.networks[0]) for stack in stacks]
        """One of each stack, which takes on the state of others; training goes on with its own."""
        self._executor = ThreadPoolExecutor(1, "evaluation")
        self._pending: deque[tuple[_Look, Future[Found]]] = deque()
        self._given_up: list[_Look] = []
        self._probe = Probe(test[0])
        self._probes: list[Probed] = []
        self._seeds = together
        self._ensembles: list[Together] = []

    @property
    def pending(self) -> int | None:
        """The first step whose evaluation has not been taken."""
        return self._pending[0][0].step if self._pending else None

    def begin(
        self, step: int, *, evaluates: bool = True, probes: bool = False, alone: bool = False
    ) -> None:
        """Copy the networks that still train, and look at them as they are now.

        Args:
            step: The updates so far.
            evaluates: Whether they are put through the test set.
            probes: Whether they are put through the probe.
            alone: Nothing trains meanwhile, so that every core is free for it.
        """
        if len(self._pending) >= AHEAD:
            self._pending[0][1].exception()  # which waits; it is raised where it is taken
        states = [
            _State(
                position,
                place,
                active,
                {name: tensor.detach().clone() for name, tensor in network.state_dict().items()},
            )
            for place, stack in enumerate(self._stacks)
            for network, position, active in zip(
                stack.networks, stack.positions, stack.active, strict=True
            )
            if active or (evaluates and self._seeds)
        ]
        states.sort(key=lambda state: state.position)
        threads = cores() if alone else self._threads
        self._begin(_Look(step, states, threads, evaluates, probes))

    def _begin(self, look: _Look) -> None:
        found = self._executor.submit(self._look, look)
        self._pending.append((look, found))
        if self._test[0].device.type == "mps":  # Metal aborts where two threads use it at once
            found.exception()

    def take(self, *, wait: bool = False) -> list[Evaluated]:
        """The evaluations that are done, in order; `wait`: all that were begun."""
        found: list[Evaluated] = []
        while self._pending and (wait or self._pending[0][1].done()):
            evaluated, probed, together = self._pending.popleft()[1].result()
            found += evaluated
            self._probes += probed
            self._ensembles += together
        return found

    def take_probes(self) -> list[Probed]:
        """The looks at the probe that were begun at the steps of what `take` gave."""
        probes, self._probes = self._probes, []
        return probes

    def take_ensembles(self) -> list[Together]:
        """The evaluations of ensembles at the steps of what `take` gave."""
        ensembles, self._ensembles = self._ensembles, []
        return ensembles

    def give_up(self) -> None:
        """Leave the evaluations that are still waiting for their turn to whoever resumes."""
        waiting = [(look, found.cancel()) for look, found in self._pending]
        self._given_up = [look for look, is_cancelled in waiting if is_cancelled]
        for _ in self._given_up:
            self._pending.pop()

    def state_dict(self) -> dict[str, Any]:
        """What it remembers of the probe, and what was given up; while nothing is pending."""
        owed = [vars(look) | {"states": [dict(vars(state)) for state in look.states]}
                for look in self._given_up]  # fmt: skip
        return {"probe": self._probe.state_dict(), "owed": owed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there, first with what was given up."""
        self._probe.load_state_dict(state["probe"])
        for look in state["owed"]:
            self._begin(_Look(**look | {"states": [_State(**one) for one in look["states"]]}))

    def close(self) -> None:
        """End the thread; what has not begun is given up."""
        self._executor.shutdown(cancel_futures=True)

    def _look(self, look: _Look) -> Found:
        step, evaluates, probes = look.step, look.evaluates, look.probes
        torch.set_num_threads(look.threads)
        evaluated: list[Evaluated] = []
        probed: list[Probed] = []
        ensembles = {seed: Ensemble() for seed in self._seeds} if evaluates else {}
        for state in look.states:
            network, position = self._networks[state.place], state.position
            network.load_state_dict(state.tensors)
            ensemble = ensembles[self._seeds[position]] if ensembles else None
            if not state.is_active:  # one that was frozen is still a member, and nothing else
                if ensemble is not None:
                    ensemble.add(_inferred(network, self._test[0]))
                continue
            if evaluates:
                evaluated.append((position, step, evaluate(network, *self._test, ensemble)))
            if probes:
                layers = self._stacks[state.place].layers
                probed.append((position, step, self._probe.measure(position, network, layers)))
        labels = self._test[1]
        together = [(seed, step, found.measure(labels)) for seed, found in ensembles.items()]
        return evaluated, probed, together


@torch.no_grad()
def evaluate(
    network: nn.Module, images: Tensor, labels: Tensor, ensemble: Ensemble | None = None
) -> dict[str, float | None]:
    """Mean cross-entropy (nats) and accuracy (share) on the test set.

    With BatchNorm also the same with batch statistics, the test set being one batch, or images in
    equal batches of at most `AT_ONCE` inputs (28×28: 2,674 images): the difference is the gap
    between training and inference. Dropout and weight noise are off in both, and running
    statistics stay untouched.

    Args:
        network: Left in training mode.
        images: (examples, inputs) or (examples, channels, height, width).
        labels: (examples,).
        ensemble: That it is a member of, which takes what it predicts in inference mode; then
            its own top-2 accuracy is measured too.
    """
    logits = _inferred(network, images)
    loss, accuracy = _measure(logits, labels)
    values: dict[str, float | None] = {"test_loss": loss, "test_accuracy": accuracy}
    if ensemble is not None:
        ensemble.add(logits)
        values["test_top_2"] = share_right(logits, labels, AMONG)
    if any(isinstance(module, _BatchNorm) for module in network.modules()):
        with with_batch_statistics(network):
            loss, accuracy = _measure(_logits(network, images), labels)
        values |= {
            "test_loss_batch_statistics": loss,
            "test_accuracy_batch_statistics": accuracy,
        }
    return values


def parts(inputs: Tensor) -> Sequence[Tensor]:
    """The inputs of a test set as they are evaluated: images in equal parts, others at once."""
    return inputs.tensor_split(math.ceil(inputs.numel() / AT_ONCE) if inputs.ndim > 2 else 1)


@torch.no_grad()
def _inferred(network: nn.Module, images: Tensor) -> Tensor:
    """Logits in inference mode, (examples, classes); leaves the network in training mode."""
    network.eval()
    logits = _logits(network, images)
    network.train()
    return logits


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([network(part) for part in parts(images)])


def _measure(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    return functional.cross_entropy(logits, labels).item(), share_right(logits, labels)


def is_due(step: int, every: int, steps: int, *, early: bool = True) -> bool:
    """Evaluate at 0, each `every` steps, and last; `early`: at 1, 2, 5, 10, 20, 50 … before it."""
    if step in (0, steps) or step % every == 0:
        return True
    leading = str(step)
    return early and step < every and leading[0] in "125" and not leading[1:].strip("0")


def is_probed(step: int, every: int | None, steps: int) -> bool:
    """Look at the probe at 0, each `every` steps, and last; never where there is no `every`."""
    return every is not None and (step % every == 0 or step == steps)
