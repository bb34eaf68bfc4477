"""The loop's side of the ring: which slot a step fills, and when slots go to the recorder."""

import queue
import time
from collections.abc import Callable

import torch
from torch import Tensor

from .ring import Evaluated, Frozen, Part, Ring, Slot, Stretch

HAND_OVER_SECONDS = 0.2


class RecorderGone(Exception):
    """The recorder ended early: no stretch will ever be free again."""


class Feeder:
    """Hands out slots, one for each recorded step, and filled slots to the recorder.

    A stretch goes over in parts, so that slow steps are seen soon. Its boundaries depend on the
    number of records alone, never on time, and networks are frozen only at a boundary, so that
    two runs of one experiment do the same.

    Attributes:
        active: For each network, whether it still trains.
    """

    def __init__(
        self, ring: Ring, networks: int, record_every: int, recorder_gone: Callable[[], bool]
    ) -> None:
        self._ring = ring
        self._record_every = record_every
        self._recorder_gone = recorder_gone
        self._stretch: Stretch | None = None
        self._slot: Slot | None = None
        self._handed = 0
        self._began = self._handed_at = time.perf_counter()
        self._evaluations: list[Evaluated] = []
        self._finite_until = [1 - record_every] * networks
        self.active = [True] * networks

    def begin_step(self, step: int) -> Slot | None:
        """Open a slot if this step is recorded; waits while the ring is full.

        Raises:
            RecorderGone: The recorder ended; its own error says why.
        """
        self._slot = None
        if (step - 1) % self._record_every == 0:
            stretch = self._open_stretch()
            self._slot = Slot(stretch, len(stretch.steps))
            stretch.steps.append(step)
        return self._slot

    def add_labels(self, seed_index: int, labels: Tensor) -> None:
        """Keep the labels of a seed's batch: the recorder counts the right answers."""
        if self._slot is not None:
            self._slot.stretch.labels[seed_index][self._slot.index].copy_(labels)

    def add_evaluation(self, network: int, step: int, statistics: dict[str, float | None]) -> None:
        """Send an evaluation along with the step it belongs to."""
        self._evaluations.append((network, step, statistics))

    def end_step(self, step: int) -> list[int]:
        """Hand over what is due, a full stretch or what has waited for 0.2 s.

        Returns:
            The networks that were frozen now.
        """
        if self._slot is not None:
            self._slot.stretch.seconds[self._slot.index] = time.perf_counter() - self._began
        full = self._stretch is not None and len(self._stretch.steps) == self._ring.slots
        if not full and time.perf_counter() - self._handed_at < HAND_OVER_SECONDS:
            return []
        frozen = self._find_frozen(last=False) if full else []
        self._hand_over(step, frozen, is_done=full)
        for index, _, _ in frozen:
            self.active[index] = False
        return [index for index, _, _ in frozen]

    def finish(self, step: int) -> None:
        """Hand over the rest: `step` was the last one."""
        self._hand_over(step, self._find_frozen(last=True), is_done=True)

    def _open_stretch(self) -> Stretch:
        if self._stretch is None:
            self._stretch = self._take_free()
            self._handed = 0
        return self._stretch

    def _hand_over(self, step: int, frozen: list[Frozen], *, is_done: bool) -> None:
        stretch = self._open_stretch()
        evaluations, self._evaluations = self._evaluations, []
        begin, end = self._handed, len(stretch.steps)
        self._ring.hand_over(
            Part(stretch, begin, end, is_done, tuple(self.active), frozen, evaluations, step)
        )
        self._handed, self._handed_at = end, time.perf_counter()
        if is_done:
            self._stretch = None

    def _find_frozen(self, *, last: bool) -> list[Frozen]:
        """Networks whose loss was non-finite in a whole stretch. Waits for the device, once.

        At the end of the run nothing is frozen any more, but a network whose last loss is not
        finite has diverged all the same.
        """
        stretch = self._stretch
        if stretch is None or not stretch.steps:
            return []
        filled = len(stretch.steps)
        finite = torch.stack([torch.isfinite(room.loss[:filled]) for room in stretch.networks])
        frozen: list[Frozen] = []
        for index, of_network in enumerate(finite.tolist()):
            if not self.active[index]:
                continue
            for step, is_finite in zip(stretch.steps, of_network, strict=True):
                if is_finite:
                    self._finite_until[index] = step
            diverged_step = self._finite_until[index] + self._record_every
            if last and not of_network[-1]:
                frozen.append((index, diverged_step, None))
            elif not last and not any(of_network):
                frozen.append((index, diverged_step, stretch.steps[-1]))
        return frozen

    def _take_free(self) -> Stretch:
        while not self._recorder_gone():
            try:
                return self._ring.take_free(timeout=0.5)
            except queue.Empty:
                continue
        raise RecorderGone
