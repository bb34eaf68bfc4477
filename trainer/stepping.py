"""The steps of a watched run: when one is over, what its lenses saw of it goes into the ring."""

import time
from collections.abc import Callable, Mapping

import torch

from ..db.errors import RecordingFailed
from .cadence import Cadence
from .feeder import Feeder
from .lens import Lens
from .plan import Plan
from .recorder_process import RecorderProcess
from .ring import STRETCHES, numbers, slots_for

NEWCOMERS_EVERY = 100
"""Steps: to go through a large model's modules takes about a millisecond."""


class Stepping:
    """The steps of models that take them in turn.

    Attributes:
        lenses: Of each model one.
        current: The step under way, from 1.
        feeder: The loop's side of the ring; None until the first step is over.
    """

    def __init__(
        self,
        cadence: Cadence,
        *,
        planned: Callable[[Plan, torch.device], None],
        miss: Callable[[str], None],
    ) -> None:
        """Args:
        cadence: Which steps are looked at.
        planned: Called when the plan is made, with it and the first model's device.
        miss: Called with a sentence where something is not recorded.
        """
        self.lenses: list[Lens] = []
        self.current = 1
        self.feeder: Feeder | None = None
        self._began = time.perf_counter()
        self._cadence = cadence
        self._planned = planned
        self._miss = miss
        self._behind: set[str] = set()
        self._evaluations: dict[int, dict[str, float | None]] = {}
        """By position, of the steps so far."""

    @property
    def ended(self) -> int:
        """How many are over."""
        return self.current - 1

    def end(self, recorder: RecorderProcess) -> None:
        """Close the step if it is complete: the model goes on, or the run ends.

        Raises:
            RecordingFailed: The recorder ended early, or the models take no steps in turn.
        """
        if not any(lens.trained for lens in self.lenses):
            return
        if recorder.is_gone:
            raise recorder.failure()
        self._check_turns()
        feeder = self.feeder or self._start(recorder)
        slot = feeder.begin_step(self.current, self._began)
        self._send_evaluations(feeder)
        if slot is not None:
            began = time.perf_counter()
            for lens, room in zip(self.lenses, slot.stretch.stacks, strict=True):
                for irregular in lens.fill(room, slot.index):
                    feeder.add_irregular(irregular)
            seconds = time.perf_counter() - began
            feeder.add_cost(seconds + sum(lens.cost for lens in self.lenses))
        feeder.end_step(self.current)
        if self.current % NEWCOMERS_EVERY == 0:
            self._name_newcomers()
        self.current, self._began = self.current + 1, time.perf_counter()
        for lens in self.lenses:
            lens.begin(looking=self._cadence.is_due(self.current))

    def evaluate(self, position: int, values: Mapping[str, float]) -> None:
        """An evaluation of a model, by its position, after the steps so far."""
        unknown: dict[str, float | None] = {"test_loss": None, "test_accuracy": None}
        self._evaluations.setdefault(position, unknown).update(values)

    def finish(self) -> None:
        """The last step is over: hand everything to the recorder."""
        if self.feeder is not None:
            self._name_newcomers()
            self._send_evaluations(self.feeder)
            self.feeder.finish(self.ended)

    def cancel(self) -> None:
        """The step under way comes to nothing."""
        if self.feeder is not None:
            self.feeder.cancel_step()

    def detach(self, *, within: bool = False) -> None:
        """Remove every hook; `within` one, those of optimizers stay until this is called again."""
        for lens in self.lenses:
            lens.detach(within=within)

    def _name_newcomers(self) -> None:
        for lens in self.lenses:
            lens.name_newcomers()

    def _check_turns(self) -> None:
        behind = [lens.arm for lens in self.lenses if not lens.trained]
        if not behind:
            return
        ahead = [lens.arm for lens in self.lenses if lens.trained]
        how = f"{' and '.join(behind)} had not taken its step when {' and '.join(ahead)} went on"
        if self.feeder is None:
            raise RecordingFailed(
                f"{how}. The models of a pair take their steps in turn, in one loop; to train one "
                "after the other, watch each by itself."
            )
        if how not in self._behind:
            self._behind.add(how)
            self._miss(f"Step {self.current} and others like it: {how}.")

    def _send_evaluations(self, feeder: Feeder) -> None:
        found = [(position, self.ended, values) for position, values in self._evaluations.items()]
        feeder.add_evaluations(found, pending=None)
        self._evaluations.clear()

    def _start(self, recorder: RecorderProcess) -> Feeder:
        """After the first step the layers are known: make the plan and open the ring."""
        stacks = [lens.plan() for lens in self.lenses]
        device = next((p.device for p in self.lenses[0].model.parameters()), torch.device("cpu"))
        precise = "float32" if device.type == "mps" else "float64"
        plan = Plan(stacks, slots_for(numbers(stacks), 1), STRETCHES, precise)
        self.feeder = Feeder(
            plan, recorder, device, self._cadence, freezes=False, began=self._began
        )
        self._planned(plan, device)
        return self.feeder
