"""The loop's side of the ring: which slot a step fills, and when slots go to the recorder."""

import queue
import time
from collections.abc import Callable

import torch
from torch import Tensor

from .ring import Evaluated, Part, Ring, Stretch

HAND_OVER_SECONDS = 0.2


class RecorderGone(Exception):
    """The recorder ended early: no stretch will ever be free again."""


class Feeder:
    """Hands out slots, one for each recorded step, and filled slots to the recorder.

    A stretch goes over in parts, so that slow steps are seen soon. Its boundaries depend on the
    number of records alone, never on time, and networks are frozen only at a boundary, so that
    two runs of one experiment do the same.

    Attributes:
        slot: The slot of the current step.
        active: For each network, whether it still trains.
        waited: Seconds that the loop waited for the recorder.
    """

    def __init__(
        self, ring: Ring, networks: int, record_every: int, recorder_gone: Callable[[], bool]
    ) -> None:
        self._ring = ring
        self._record_every = record_every
        self._recorder_gone = recorder_gone
        self._stretch: Stretch | None = None
        self._recording = False
        self._handed = 0
        self._began = self._handed_at = time.perf_counter()
        self._evaluations: list[Evaluated] = []
        self._finite_until = [0] * networks
        self.slot = 0
        self.active = [True] * networks
        self.waited = 0.0

    def begin_step(self, step: int) -> Stretch | None:
        """Open a slot, if this step is recorded, and return its stretch; waits for a free one.

        Raises:
            RecorderGone: The recorder ended, its own error says why.
        """
        self._recording = (step - 1) % self._record_every == 0
        if not self._recording:
            return None
        if self._stretch is None:
            self._stretch = self._take_free()
            self._handed = 0
        self.slot = len(self._stretch.steps)
        self._stretch.steps.append(step)
        return self._stretch

    def add_labels(self, seed_index: int, labels: Tensor) -> None:
        """Keep the labels of a seed's batch: the recorder counts the right answers."""
        if self._stretch is not None and self._recording:
            self._stretch.labels[seed_index][self.slot].copy_(labels)

    def add_evaluation(self, network: int, step: int, statistics: dict[str, float | None]) -> None:
        """Send an evaluation along with the step it belongs to."""
        self._evaluations.append((network, step, statistics))

    def end_step(self, step: int) -> list[int]:
        """Hand over what is due, a full stretch or what has waited for 0.2 s.

        Returns:
            The networks that were frozen now.
        """
        if self._stretch is not None and self._recording:
            self._stretch.seconds[self.slot] = time.perf_counter() - self._began
        full = self._stretch is not None and len(self._stretch.steps) == self._ring.slots
        if not full and time.perf_counter() - self._handed_at < HAND_OVER_SECONDS:
            return []
        frozen = self._freeze(self._stretch) if full and self._stretch is not None else []
        self._hand_over(step, frozen, is_done=full)
        for index, _, _ in frozen:
            self.active[index] = False
        return [index for index, _, _ in frozen]

    def finish(self, step: int) -> None:
        """Hand over the rest: `step` was the last one."""
        self._hand_over(step, [], is_done=True)

    def _hand_over(self, step: int, frozen: list[tuple[int, int, int]], *, is_done: bool) -> None:
        if self._stretch is None:
            self._stretch = self._take_free()
            self._handed = 0
        evaluations, self._evaluations = self._evaluations, []
        begin, end = self._handed, len(self._stretch.steps)
        part = Part(
            self._stretch, begin, end, is_done, tuple(self.active), frozen, evaluations, step
        )
        self._ring.hand_over(part)
        self._handed, self._handed_at = end, time.perf_counter()
        if is_done:
            self._stretch = None

    def _freeze(self, stretch: Stretch) -> list[tuple[int, int, int]]:
        """Freeze networks whose loss was non-finite in a whole stretch; waits for the device."""
        frozen: list[tuple[int, int, int]] = []
        for index, room in enumerate(stretch.networks):
            if not self.active[index]:
                continue
            finite = torch.isfinite(room.loss).nonzero()
            if len(finite):
                self._finite_until[index] = stretch.steps[int(finite[-1])]
            else:
                diverged = self._finite_until[index] + self._record_every
                frozen.append((index, max(1, diverged), stretch.steps[-1]))
        return frozen

    def _take_free(self) -> Stretch:
        began = time.perf_counter()
        while not self._recorder_gone():
            try:
                return self._ring.take_free(timeout=0.5)
            except queue.Empty:
                continue
            finally:
                self.waited += time.perf_counter() - began
                began = time.perf_counter()
        raise RecorderGone
