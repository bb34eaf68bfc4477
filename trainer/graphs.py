"""A program as a CUDA graph: its kernels are launched by one call, not one by one.

What a step of a small network costs on a GPU is launching its kernels. The graph holds the very
kernels of the program, on the same tensors; parameters and buffers are read and written where they
lie, so that updates in between count.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from .program import Program, Seen

WARM_UP = 3
"""Runs before the capture, in which libraries choose their kernels and take their workspaces."""
Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class GraphedProgram:
    """A program that is captured once and replayed at every step.

    What a step returns lies in the same tensors as at the step before. Random numbers go on from
    step to step, since the graph reads the default generator's offset.
    """

    def __init__(
        self, program: Program, buffers: list[Tensor], inputs: Tensor, labels: Tensor
    ) -> None:
        """Capture.

        Args:
            program: On a CUDA device.
            buffers: What the program changes in place; after the capture they are as before it.
            inputs: A batch of the size of those to come.
            labels: Its labels.

        Raises:
            RuntimeError: Something in the program cannot be captured.
        """
        self._inputs, self._labels = inputs.clone(), labels.clone()
        device = inputs.device
        kept = [buffer.clone() for buffer in buffers]
        with torch.no_grad():
            try:
                self._graph, self._seen = captured(
                    lambda: program(self._inputs, self._labels), device
                )
            finally:
                for buffer, value in zip(buffers, kept, strict=True):
                    buffer.copy_(value)

    def __call__(self, inputs: Tensor, labels: Tensor) -> Seen:
        """The step on one batch."""
        self._inputs.copy_(inputs, non_blocking=True)
        self._labels.copy_(labels, non_blocking=True)
        self._graph.replay()
        return self._seen


def captured(
    work: Callable[[], Result], device: torch.device
) -> tuple[torch.cuda.CUDAGraph, Result]:
    """What `work` launches as a graph, and the tensors in which each replay leaves its result."""
    side = torch.cuda.Stream(device)
    with torch.random.fork_rng([device]), torch.cuda.device(device):
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = work()
    return graph, result


def graphed(
    program: Program, buffers: list[Tensor], inputs: Tensor, labels: Tensor
) -> Program | GraphedProgram:
    """The program as a graph or, with a warning, as it is where it cannot be captured."""
    try:
        return GraphedProgram(program, buffers, inputs, labels)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        logger.warning("Training goes on without a CUDA graph, slower: %s", reason)
        return program
