"""The steps of several stacks, side by side on a CPU's cores where that pays.

Networks share nothing, so each may have a core of its own, which uses the cores better than to
split every operation among them. Small operations, though, would only wait for each other's turn
at the interpreter. What is done depends on the networks alone, never on the clock, since how an
operation is split shows in its last digits.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from .devices import cores
from .stack import Stack

Item = TypeVar("Item")
Result = TypeVar("Result")

WORTH_ELEMENTS = 400_000
"""Elements of all preactivations of a stack from which its steps take milliseconds."""


class Crew:
    """Takes the steps of a run's stacks.

    Attributes:
        cores: How many cores that keeps busy.
    """

    def __init__(self, stacks: Sequence[Stack], device: torch.device) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self.cores = torch.get_num_threads()
        is_heavy = all(
            sum(math.prod(layer.shape) for layer in stack.layers) > WORTH_ELEMENTS
            for stack in stacks
        )
        if device.type == "cpu" and len(stacks) > 1 and is_heavy:
            self.cores = min(len(stacks), cores())
            self._threads = ThreadPoolExecutor(self.cores, "stack", torch.set_num_threads, (1,))

    def run(self, step: Callable[[Item], float], work: Iterable[Item]) -> float:
        """Take a step of each of several stacks.

        Args:
            step: Returns how many seconds it was held up by looking; called without gradient mode.
            work: What it takes for each stack.

        Returns:
            How long the loop was held up: by all, or by the slowest if they went side by side.
        """
        seconds = self.map(step, work)
        return sum(seconds) if self._threads is None else max(seconds)

    def map(self, function: Callable[[Item], Result], work: Iterable[Item]) -> list[Result]:
        """What a function, called without gradient mode, makes of each of several stacks."""
        if self._threads is None:
            return list(map(function, work))
        return list(self._threads.map(torch.no_grad()(function), work))  # a mode for each thread

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.shutdown()
