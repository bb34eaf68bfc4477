"""Several stacks' forward and backward passes, side by side on a CPU's cores where that pays.

Networks share nothing, so each may have a core of its own, which uses the cores better than to
split every operation among them. Small operations, though, would only wait for each other's turn
at the interpreter. The numbers are the same either way.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from .devices import cores
from .program import Seen
from .stack import Stack

TRIALS = 5
WORTH_SECONDS = 4e-3
"""How long one stack's pass must take for a thread of its own to pay."""


class Crew:
    """Takes the passes of a run's stacks; after some trials it knows how."""

    def __init__(self, stacks: Sequence[Stack], device: torch.device) -> None:
        self._can_share = device.type == "cpu" and len(stacks) > 1 and cores() > 1
        self._size = min(len(stacks), cores())
        self._quickest: list[float] = []
        self._threads: ThreadPoolExecutor | None = None

    def look(self, work: Sequence[tuple[Stack, Tensor, Tensor]]) -> list[Seen]:
        """The passes of some stacks on their batches, in their order."""
        if self._threads is not None and len(work) > 1:
            return list(self._threads.map(_look, work))
        began = time.perf_counter()
        seen = [stack.look(inputs, labels) for stack, inputs, labels in work]
        if self._can_share:
            self._learn((time.perf_counter() - began) / len(work))
        return seen

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.shutdown()

    def _learn(self, seconds: float) -> None:
        self._quickest.append(seconds)
        if len(self._quickest) == TRIALS:
            self._can_share = False
            if min(self._quickest) > WORTH_SECONDS:
                self._threads = ThreadPoolExecutor(
                    self._size, "stack", initializer=torch.set_num_threads, initargs=(1,)
                )


def _look(work: tuple[Stack, Tensor, Tensor]) -> Seen:
    stack, inputs, labels = work
    with torch.no_grad():
        return stack.look(inputs, labels)
