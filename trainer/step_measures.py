"""Gradient shift and loss landscape of every network, around the steps that are due.

Training stands still meanwhile and nothing of it changes; what that takes is told in seconds.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import torch
from torch import Tensor, nn

from ..db.looking import LANDSCAPE_STEPS, Recording
from .crew import Crew
from .landscape import BatchLoss, Stopped, Tensors, copied, gradient_shift, landscape, layers_of
from .ring import Measured
from .stack import Stack

ALONG = tuple(multiple / 2 for multiple in range(1, LANDSCAPE_STEPS + 1))
"""Step sizes of the landscape, in learning rates: from half of it to four times it."""
GIVE_UP_SECONDS = 1.0
"""A measurement that takes longer after a stop is given up: a stop is to be seen within 2 s."""


class StepMeasures:
    """Measures what is asked: `begin` comes before a step, `end` behind it.

    Attributes:
        gave_up: A stop ended the measurement of the last step, whose records are not complete.
    """

    def __init__(
        self, stacks: Sequence[Stack], recording: Recording, stop: threading.Event
    ) -> None:
        """Args:
        stacks: The networks.
        recording: Which steps are due.
        stop: Ends a measurement that takes long, of which nothing is told then.
        """
        self.gave_up = False
        self._stop = stop
        self._stop_seen: float | None = None
        self._stacks = stacks
        self._recording = recording
        self._layers = {stack: layers_of(stack.networks[0], stack.layers) for stack in stacks}
        self._step = 0
        self._before: dict[int, tuple[Tensors, Tensors]] = {}
        """By position, the parameters and buffers before the step."""
        self._lr: dict[Stack, float] = {}
        """The learning rate of the step."""
        self._device = next(iter(stacks[0].parameters.values())).device
        self._seconds = 0.0
        """What `begin` took."""

    def begin(self, step: int) -> None:
        """Keep what the networks are, if this step is due; steps count from 1."""
        self._step = step
        if not any(self._due):
            return
        began = self._now()
        self._lr = {stack: stack.optimizer.lr for stack in self._stacks}
        self._before = {
            stack.positions[place]: (copied(n.named_parameters()), copied(n.named_buffers()))
            for stack in self._stacks
            for place, n in _training(stack)
        }
        self._seconds = self._now() - began

    def end(
        self, crew: Crew, drawn: Sequence[tuple[Tensor, Tensor]]
    ) -> tuple[list[Measured], float]:
        """What was found around the step, and the seconds that this and `begin` took.

        Nothing if the step was not due.

        Args:
            crew: Does the stacks side by side where that pays.
            drawn: The inputs and labels of the step, as `Stack.draws` counts them.
        """
        if not self._before:
            return [], 0.0
        began = self._now()
        of_stacks = crew.map(lambda stack: list(self._measured(stack, drawn)), self._stacks)
        self._before.clear()
        found = [] if self.gave_up else [one for of_stack in of_stacks for one in of_stack]
        return found, self._seconds + self._now() - began

    def _is_late(self) -> bool:
        """Whether the stop was so long ago that nothing more is to be measured."""
        if not self._stop.is_set():
            return False
        if self._stop_seen is None:
            self._stop_seen = time.monotonic()
        return time.monotonic() - self._stop_seen >= GIVE_UP_SECONDS

    def _now(self) -> float:
        """The time once the device has done what came before: the step is not of this cost."""
        if self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)
        return time.perf_counter()

    @property
    def _due(self) -> tuple[bool, bool]:
        """Whether the gradient shift is to be measured, and whether the landscape is."""
        recording = self._recording
        every = (recording.gradient_shift_every, recording.landscape_every)
        return is_measured(self._step, every[0]), is_measured(self._step, every[1])

    def _measured(self, stack: Stack, drawn: Sequence[tuple[Tensor, Tensor]]) -> Iterator[Measured]:
        shifts, is_landscape = self._due
        for place, network in _training(stack):
            position = stack.positions[place]
            before = self._before[position]
            of_layers = of_network = None
            try:
                batch = BatchLoss(network, *drawn[stack.draws[place]], *before, self._is_late)
                if shifts:
                    after = copied(network.named_parameters())
                    found = gradient_shift(batch, self._layers[stack], after)
                    of_layers = [None if shift is None else asdict(shift) for shift in found]
                if is_landscape:
                    sizes = [multiple * self._lr[stack] for multiple in ALONG]
                    of_network = asdict(landscape(batch, sizes))
            except Stopped:
                self.gave_up = True
                return
            yield position, self._step, of_layers, of_network


def is_measured(step: int, every: int | None) -> bool:
    """Measure at step 1 and each `every` steps from there; never where there is no `every`."""
    return every is not None and (step - 1) % every == 0


def _training(stack: Stack) -> Iterator[tuple[int, nn.Module]]:
    """The networks of a stack that still train, with their places in it."""
    for place, network in enumerate(stack.networks):
        if stack.active[place]:
            yield place, network
