"""Several stacks' forward and backward passes, side by side on a CPU's cores where that pays.

Networks share nothing, so each may have a core of its own, which uses the cores better than to
split every operation among them. Small operations, though, would only wait for each other's turn
at the interpreter. What is done depends on the networks alone, never on the clock, since how an
operation is split shows in its last digits.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from .devices import cores
from .program import Seen
from .stack import Stack

WORTH_ELEMENTS = 400_000
"""Elements of all preactivations of a stack from which its passes take milliseconds."""


class Crew:
    """Takes the passes of a run's stacks."""

    def __init__(self, stacks: Sequence[Stack], device: torch.device) -> None:
        self._threads: ThreadPoolExecutor | None = None
        is_heavy = all(
            sum(math.prod(layer.shape) for layer in stack.layers) > WORTH_ELEMENTS
            for stack in stacks
        )
        if device.type == "cpu" and len(stacks) > 1 and is_heavy:
            self._threads = ThreadPoolExecutor(
                min(len(stacks), cores()), "stack", torch.set_num_threads, (1,)
            )

    def look(self, work: Sequence[tuple[Stack, Tensor, Tensor]]) -> list[Seen]:
        """The passes of some stacks on their batches, in their order."""
        passes = map if self._threads is None else self._threads.map
        return list(passes(_look, work))

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.shutdown()


def _look(work: tuple[Stack, Tensor, Tensor]) -> Seen:
    stack, inputs, labels = work
    with torch.no_grad():  # each thread has its own gradient mode
        return stack.look(inputs, labels)
