"""The loop's side of the ring: which slot a step fills, and when slots go to the recorder."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from .cadence import Cadence
from .plan import Plan
from .recorder_process import RecorderProcess
from .ring import (
    LOSS,
    Cost,
    Evaluated,
    Frozen,
    Irregular,
    Measured,
    Part,
    Probed,
    Stretch,
    Together,
)
from .slots import Crossing, Done, slots_on

HAND_OVER_SECONDS = 0.2


@dataclass(frozen=True)
class Slot:
    """Where the current step goes: a stretch, and the place in it."""

    stretch: Stretch
    index: int


class Feeder:
    """Hands out slots, one for each step that is looked at, and filled slots to the recorder.

    A stretch goes over in parts, so that slow steps are seen soon. Its boundaries depend on the
    number of records alone, and networks are frozen only at a boundary, so that two runs of one
    experiment do the same; but with a cap on the cost, records follow the clock.

    Attributes:
        active: By position, whether the network still trains.
        waited: Seconds that the loop waited for the recorder.
        looked: Steps that were looked at.
    """

    def __init__(
        self,
        plan: Plan,
        recorder: RecorderProcess,
        device: torch.device,
        cadence: Cadence,
        *,
        freezes: bool = True,
        began: float | None = None,
    ) -> None:
        """Args:
        plan: What is recorded.
        recorder: Where it goes.
        device: Where the networks train.
        cadence: Which steps are looked at.
        freezes: Whether a network whose loss stays non-finite is to train no more.
        began: When training began, by time.perf_counter(); None: now.
        """
        self._recorder = recorder
        self._positions = [(position, stack, place) for stack, s in enumerate(plan.stacks)
                           for place, position in enumerate(s.positions)]  # fmt: skip
        self._size = plan.slots
        self._slots = slots_on(device, plan, recorder.memory, recorder.open(plan))
        self._cadence = cadence
        self._freezes = freezes
        self._stretch: Stretch | None = None
        self._steps: list[int] = []
        """Of the slots filled in the open stretch; `_seconds` likewise."""
        self._seconds: list[float] = []
        self._irregular: list[Irregular] = []
        """Of the slots not handed over yet; `_irregular_now` of the open step."""
        self._irregular_now: list[Irregular] = []
        self._is_open = False
        self._handed = 0
        self._crossing: deque[tuple[Crossing, Part]] = deque()
        self._handed_at = self._step_began = time.perf_counter()
        self._began = self._handed_at if began is None else began
        self._observing = self._measuring = 0.0
        self._cost = self._waiting = 0.0
        self._evaluations: list[Evaluated] = []
        self._probes: list[Probed] = []
        self._ensembles: list[Together] = []
        self._measured: list[Measured] = []
        self._pending: int | None = None
        """The first step whose evaluation is still to come."""
        self._diverged: dict[int, int] = {}
        """By position the first step since which every loss was non-finite."""
        self.active = [True] * len(self._positions)
        self.waited = 0.0
        self.looked = 0

    @property
    def overhead(self) -> float:
        """The share of the time so far that looking and waiting took; see `Cost.overhead`."""
        return self._paid(time.perf_counter()).overhead

    def begin_step(self, step: int, began: float | None = None) -> Slot | None:
        """Open a slot if this step is looked at; waits while the ring is full.

        Args:
            step: Counts from 1.
            began: When the step began, by time.perf_counter(); None: now.

        Raises:
            RecordingFailed: The recorder ended early.
        """
        now = time.perf_counter()
        self._is_open = self._cadence.is_due(step)
        self._step_began = now if began is None else began
        self._cost = self._waiting = 0.0
        if not self._is_open:
            return None
        if self._stretch is None:
            self._stretch = self._take_free()
            self._steps, self._seconds, self._handed = [], [], 0
            self._waiting = time.perf_counter() - now
            self.waited += self._waiting
            self._step_began += self._waiting
        self._irregular_now.clear()
        return Slot(self._stretch, len(self._steps))

    def cancel_step(self) -> None:
        """The open step came to nothing: its slot is free again."""
        self._is_open = False

    def add_cost(self, seconds: float) -> None:
        """What looking at the current step has cost the loop."""
        self._cost += seconds

    def add_irregular(self, irregular: Irregular) -> None:
        """A preactivation of the current step that differs from its plan."""
        self._irregular_now.append(irregular)

    def add_evaluations(self, evaluations: Iterable[Evaluated], pending: int | None) -> None:
        """Send evaluations along; a step is complete only once its own has been sent.

        Args:
            evaluations: In the order of their steps.
            pending: The first step whose evaluation is still to come, if one is.
        """
        self._evaluations.extend(evaluations)
        self._pending = pending

    def add_probes(self, probes: Iterable[Probed]) -> None:
        """Send looks at the probe along, in the order of their steps."""
        self._probes.extend(probes)

    def add_ensembles(self, ensembles: Iterable[Together]) -> None:
        """Send evaluations of ensembles along, with those of their networks."""
        self._ensembles.extend(ensembles)

    def add_measured(self, measured: Iterable[Measured], seconds: float) -> None:
        """Send what was measured around the current step along, and what that cost the loop.

        No cap on the cost of looking counts it, neither as a cost nor as time of training: a person
        has chosen its steps.
        """
        self._measured.extend(measured)
        self._measuring += seconds
        self._step_began += seconds
        self._cadence.paused(seconds)

    def end_step(self, step: int) -> list[int]:
        """Hand over what is due, a full stretch or what has waited for 0.2 s.

        Returns:
            The positions of the networks that were frozen now.
        """
        now = time.perf_counter()
        if self._is_open:
            # only now, so that a step that was opened and never ended leaves nothing behind
            self._steps.append(step)
            self._seconds.append(now - self._began)
            self._irregular += self._irregular_now
            self.looked += 1
            self._observing += self._cost
            cost = self._cost + self._waiting
            self._cadence.looked(step, cost, now - self._step_began + self._waiting)
            self._is_open = False
        if self._crossing:
            self._send_crossed()
        full = len(self._steps) == self._size and self._stretch is not None
        if not full and now - self._handed_at < HAND_OVER_SECONDS:
            return []
        frozen = self._find_frozen(last=False) if full else []
        self._hand_over(step, frozen, is_done=full)
        for position, _, _ in frozen:
            self.active[position] = False
        return [position for position, _, _ in frozen]

    def finish(self, step: int) -> None:
        """Hand over the rest: `step` was the last one."""
        self._hand_over(step, self._find_frozen(last=True), is_done=True)
        while self._crossing:
            self._send_oldest()

    def hand_over(self, step: int) -> None:
        """Hand over everything up to this step, which has ended, now."""
        self._hand_over(step, [], is_done=False)
        while self._crossing:
            self._send_oldest()

    def state_dict(self) -> dict[str, Any]:
        """Where it is, once everything was handed over: what decides later which networks are
        frozen, and what observing has cost."""
        losses = [] if self._stretch is None else [stack.given[:, :, LOSS].clone()
                                                   for stack in self._stretch.stacks]  # fmt: skip
        return {
            "steps": list(self._steps),
            "seconds": list(self._seconds),
            "losses": losses,
            "slots": self._slots.state_dict(self._stretch, len(self._steps)),
            "cadence": self._cadence.state_dict(),
            "active": list(self.active),
            "diverged": dict(self._diverged),
            "cost": asdict(self._paid(time.perf_counter())),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there: in the middle of a stretch, as if the slots before were in it."""
        self._cadence.load_state_dict(state["cadence"])
        self._slots.load_state_dict(state["slots"])
        self.active, self._diverged = list(state["active"]), dict(state["diverged"])
        cost = Cost(**state["cost"])
        self._began = time.perf_counter() - cost.elapsed
        self.looked, self.waited = cost.looked, cost.waited
        self._observing, self._measuring = cost.observing, cost.measured
        if state["steps"] and self._slots.goes_on_within:
            self._stretch = self._take_free()
            self._steps, self._seconds = list(state["steps"]), list(state["seconds"])
            self._handed = len(self._steps)
            for stack, losses in zip(self._stretch.stacks, state["losses"], strict=True):
                stack.given[:, :, LOSS] = losses
        elif state["steps"]:
            self._follow(state["steps"], state["losses"])

    def _take_free(self) -> Stretch:
        """A stretch that the recorder is done with; those on their way to it must arrive first."""
        index = self._recorder.take_free(wait=not self._crossing)
        while index is None:
            self._send_oldest()
            index = self._recorder.take_free(wait=not self._crossing)
        return self._slots.stretches[index]

    def _hand_over(self, step: int, frozen: list[Frozen], *, is_done: bool) -> None:
        evaluations, self._evaluations = self._evaluations, []
        probes, self._probes = self._probes, []
        ensembles, self._ensembles = self._ensembles, []
        measured, self._measured = self._measured, []
        irregular, self._irregular = self._irregular, []
        begin, self._handed = self._handed, len(self._steps)
        now = time.perf_counter()
        stretch = self._stretch
        part = Part(
            stretch=None if stretch is None else stretch.index,
            start=begin,
            steps=self._steps[begin:],
            seconds=self._seconds[begin:],
            releases=is_done and stretch is not None,
            active=list(self.active),
            frozen=frozen,
            evaluations=evaluations,
            irregular=irregular,
            step=step if self._pending is None else min(step, self._pending - 1),
            reached=step,
            cost=self._paid(now),
            probes=probes,
            ensembles=ensembles,
            measured=measured,
        )
        full = len(self._steps) == self._size
        crossing = Done() if stretch is None else self._slots.send(stretch.index, full=full)
        self._crossing.append((crossing, part))
        self._send_crossed()
        self._handed_at = now
        if is_done:
            self._stretch, self._steps, self._seconds, self._handed = None, [], [], 0

    def _paid(self, now: float) -> Cost:
        """What observing has cost by now."""
        elapsed = now - self._began
        return Cost(self.looked, self._observing, self.waited, elapsed, self._measuring)

    def _send_crossed(self) -> None:
        while self._crossing and self._crossing[0][0].query():
            self._send_oldest()

    def _send_oldest(self) -> None:
        crossing, part = self._crossing.popleft()
        crossing.synchronize()
        self._recorder.send({"part": asdict(part)})

    def _find_frozen(self, *, last: bool) -> list[Frozen]:
        """Networks whose loss was non-finite in a whole stretch. Waits for the device, once.

        At the end of the run nothing is frozen any more, but a network whose last loss is not
        finite has diverged all the same.
        """
        stretch, steps = self._stretch, self._steps
        if stretch is None or not steps:
            return self._still_diverged() if last else []
        broken = self._follow(steps, [stack.given[:, :, LOSS] for stack in stretch.stacks])
        if last:
            return self._still_diverged()
        return [(p, self._diverged[p], steps[-1]) for p in broken if self._freezes]

    def _follow(self, steps: list[int], losses: list[Tensor]) -> list[int]:
        """Note since when the loss of each network is non-finite, if it is.

        Args:
            steps: Of the slots.
            losses: By stack: of the slots and its networks.

        Returns:
            The positions of those that had no finite loss in any slot.
        """
        finite = [torch.isfinite(of_stack[: len(steps)]).T.tolist() for of_stack in losses]
        broken: list[int] = []
        for position, stack, place in self._positions:
            if not self.active[position]:
                continue
            of_network: list[bool] = finite[stack][place]
            for step, is_finite in zip(steps, of_network, strict=True):
                if is_finite:
                    self._diverged.pop(position, None)
                else:
                    self._diverged.setdefault(position, step)
            if not any(of_network):
                broken.append(position)
        return broken

    def _still_diverged(self) -> list[Frozen]:
        return [(p, step, None) for p, step in self._diverged.items() if self.active[p]]
