"""One watched run: what `watch` and `Pair` give.

Whatever goes wrong is said once, and training goes on unwatched.
"""

import atexit
import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn

from ..db.engine import parse_url
from ..db.errors import DatabaseProblem, RecordingFailed, SetupProblem
from ..db.location import Location
from .aftermath import end_without_recorder
from .cadence import Cadence
from .describing import (
    Optimizers,
    announcement,
    count_of,
    document,
    ending,
    few,
    listed,
    number,
    parse_share,
    sentences_on,
)
from .feeder import Feeder
from .layers import candidates
from .lens import Lens
from .plan import Plan
from .recorder_process import RecorderProcess
from .ring import STRETCHES, numbers, slots_for
from .selection import Patterns, select, unwrapped
from .versions import versions

logger = logging.getLogger(__name__)
_open: set["Watch"] = set()
"""What was not closed yet; at the end of the program it is."""


class Watch:
    """One watched run, from `watch` or `Pair` to `close`.

    Attributes:
        attached: By arm the paths of the observed layers, after the first step.
        skipped: By arm what is not observed, or not wholly: path and reason.
        earlier_error: What had gone wrong before, which is not this run's.
        not_recorded: Sentences: what could not be recorded, and why.
        id: The run's number, once it is known.
    """

    def __init__(
        self,
        models: Mapping[str, tuple[nn.Module, Optimizers]],
        *,
        name: str | None,
        database: str | None,
        include: Patterns,
        exclude: Patterns,
        overhead: str | float | None,
        record_every: int,
        scaler: Any,
        steps: int | None,
        settings: Mapping[str, Any] | None,
        quiet: bool,
    ) -> None:
        self.attached: dict[str, list[str]] = {}
        self.skipped: dict[str, list[tuple[str, str]]] = {}
        self.not_recorded: list[str] = []
        self._arms = list(models)
        self._quiet = quiet
        self.earlier_error = _last_error()
        self._step, self._began = 1, time.perf_counter()
        self._id: int | None = None
        self._feeder: Feeder | None = None
        self._recorder: RecorderProcess | None = None
        self._lenses: list[Lens] = []
        self._evaluations: dict[int, dict[str, float | None]] = {}
        """By position, of the steps so far."""
        self._broken = False
        self._telling: threading.Thread | None = None
        cap = parse_share(overhead)
        self._cadence = Cadence(count_of("record_every", record_every), cap)
        steps = None if steps is None else count_of("steps", steps)
        named = {arm: (unwrapped(model), listed(o)) for arm, (model, o) in models.items()}
        watched = select(include, exclude)
        for wrapped, _ in named.values():
            paths = list(candidates(wrapped[-1]))
            if (include or exclude) and not any(watched(path, module) for path, module in paths):
                raise SetupProblem(
                    "include and exclude leave nothing to watch. The model's layers are "
                    f"{few([path for path, _ in paths])}."
                )
        self._url = database or Location().database_url
        try:
            parse_url(self._url)
        except DatabaseProblem as problem:
            raise SetupProblem(str(problem)) from problem
        if _rank() != 0:
            return  # one writer: the first process of a distributed group
        inner = {arm: (models[-1], optimizers) for arm, (models, optimizers) in named.items()}
        self._document = document(inner, settings, cap)
        title = str(name or " and ".join(type(model).__name__ for model, _ in inner.values()))
        self._wrapped = {arm: models for arm, (models, _) in named.items()}
        with self._harmless():
            self._recorder = RecorderProcess(self._url, warn=self._say)
            begin = {"name": title, "watched": self._document, "steps": steps}
            self._recorder.send({"begin": begin})
            for position, (arm, (wrapped, optimizers)) in enumerate(named.items()):
                self._lenses.append(
                    Lens(arm, position, wrapped, optimizers, watched, scaler, self._fail,
                         self._end_step, self._miss)
                )  # fmt: skip
            _open.add(self)

    @property
    def id(self) -> int | None:
        """The run's number; waits for the database, 10 s at most. None where it is not known."""
        if self._recorder is not None:
            self._id = self._recorder.wait_for_run(10)
        return self._id

    @property
    def step(self) -> int:
        """Steps that ended so far."""
        return self._step - 1

    def log(self, loss: Any = None, accuracy: Any = None, **others: Any) -> None:
        """What the loop knows of the current step; of a pair, one value for each model.

        A step lasts until the model's next forward pass, so that this may come after
        `optimizer.step()`.

        Args:
            loss: A number or a tensor, which is not waited for.
            accuracy: Share of right answers in the batch, 0 to 1.
            **others: Not recorded.
        """
        with self._harmless():
            values = self._values(loss, accuracy, others)
            for lens, (of_loss, of_accuracy) in zip(self._lenses, values, strict=True):
                lens.give(of_loss, of_accuracy)

    def log_evaluation(self, loss: Any = None, accuracy: Any = None, **others: Any) -> None:
        """Loss and accuracy on a test set, after the steps so far; of a pair, one of each model."""
        with self._harmless():
            self._end_step()
            if self._broken:
                return
            for lens, one in zip(self._lenses, self._values(loss, accuracy, others), strict=True):
                of_model = self._evaluations.setdefault(
                    lens.position, {"test_loss": None, "test_accuracy": None}
                )
                for key, value in zip(of_model, one, strict=True):
                    if value is not None:
                        of_model[key] = float(value)

    def close(self, error: BaseException | None = None) -> None:
        """End the run and remove every hook; an error makes it a failed or a stopped one."""
        recorder = self._recorder
        if recorder is None:
            return
        _open.discard(self)
        with self._harmless():
            self._end_step()
        self._detach()
        with self._harmless():
            self._finish(recorder, error)
        self._id, self._recorder = recorder.run_id, None
        if self._telling is not None:
            self._telling.join(5)
        self._lenses.clear()
        self._wrapped.clear()
        self._say(self.summary())

    def summary(self) -> str:
        """What was watched and what that cost, in a few lines."""
        layers = ", ".join(f"{len(names)} layers of {arm}" for arm, names in self.attached.items())
        lines = [f"{self._step - 1:,} steps, watched {layers or 'nothing yet'}."]
        feeder = self._feeder
        if feeder is not None:
            share = feeder.overhead
            lines[0] += f" Looked at {feeder.looked:,} of them; that took {share:.1%} of the time."
            if feeder.waited > 0.05:
                lines.append(f"The loop waited {feeder.waited:.1f} s for the recorder.")
        lines += [f"Not recorded: {sentence}" for sentence in self.not_recorded]
        return "\n".join(lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close(error)

    def _values(self, loss: Any, accuracy: Any, others: Mapping[str, Any]) -> list[tuple[Any, Any]]:
        """Of each lens its loss and accuracy, as far as they are numbers."""
        if not self._lenses:
            return []
        for key in others:
            self._miss(f"{key}: only loss and accuracy can be logged.")
        columns = [self._each("loss", loss), self._each("accuracy", accuracy)]
        return list(zip(*columns, strict=True))

    def _each(self, key: str, value: Any) -> list[Any]:
        count = len(self._lenses)
        values = [value] * count
        if count > 1 and value is not None:
            if isinstance(value, Mapping):
                values = [value.get(lens.arm) for lens in self._lenses]
                values = [] if set(value) - set(self._arms) else values
            else:
                values = list(value) if isinstance(value, (list, tuple)) else []
            if len(values) != count:
                self._miss(
                    f"{key}: a pair logs one value for each model, as a tuple or by the names "
                    f"{', '.join(self._arms)}."
                )
                return [None] * count
        found = [number(one) for one in values]
        if any(one is None and value is not None for one, value in zip(found, values, strict=True)):
            self._miss(f"{key}: a number or a tensor that holds one can be logged.")
        return found

    def _end_step(self) -> None:
        """Close the step if it is complete: the model goes on, or the run ends."""
        lenses, recorder = self._lenses, self._recorder
        if recorder is None or self._broken or not any(lens.trained for lens in lenses):
            return
        if recorder.is_gone:
            raise recorder.failure()
        behind = [lens.arm for lens in lenses if not lens.trained]
        if behind:
            self._say_behind(behind)
        if self._feeder is None:
            self._start(recorder)
        feeder, step = self._feeder, self._step
        assert feeder is not None
        slot = feeder.begin_step(step, self._began)
        self._send_evaluations(feeder, step - 1)
        if slot is not None:
            began = time.perf_counter()
            for lens, room in zip(lenses, slot.stretch.stacks, strict=True):
                for irregular in lens.fill(room, slot.index):
                    feeder.add_irregular(irregular)
            seconds = time.perf_counter() - began
            feeder.add_cost(seconds + sum(lens.cost for lens in lenses))
        feeder.end_step(step)
        self._step, self._began = step + 1, time.perf_counter()
        for lens in lenses:
            lens.begin(looking=self._cadence.is_due(step + 1))

    def _say_behind(self, behind: list[str]) -> None:
        ahead = [arm for arm in self._arms if arm not in behind]
        how = f"{' and '.join(behind)} had not taken its step when {' and '.join(ahead)} went on"
        if self._feeder is None:
            raise RecordingFailed(
                f"{how}. The models of a pair take their steps in turn, in one loop; to train one "
                "after the other, watch each by itself."
            )
        if not any(how in sentence for sentence in self.not_recorded):
            self._miss(f"Step {self._step} and others like it: {how}.")

    def _send_evaluations(self, feeder: Feeder, step: int) -> None:
        for position, values in self._evaluations.items():
            feeder.add_evaluation(position, step, values)
        self._evaluations.clear()

    def _start(self, recorder: RecorderProcess) -> None:
        """After the first step the layers are known: make the plan and open the ring."""
        stacks = [lens.plan() for lens in self._lenses]
        device = next((p.device for p in self._lenses[0].model.parameters()), torch.device("cpu"))
        precise = "float32" if device.type == "mps" else "float64"
        plan = Plan(stacks, slots_for(numbers(stacks), 1), STRETCHES, precise)
        self._feeder = Feeder(
            plan, recorder, device, self._cadence, freezes=False, began=self._began
        )
        for lens in self._lenses:
            self.attached[lens.arm] = [layer.name for layer in lens.layers]
            wrapped = sentences_on(self._wrapped[lens.arm])
            self.skipped[lens.arm] = wrapped + [(one.name, one.reason) for one in lens.skipped]
        self._document |= {
            "attached": {arm: len(names) for arm, names in self.attached.items()},
            "skipped": [
                {"arm": arm, "name": name, "reason": reason}
                for arm, skipped in self.skipped.items()
                for name, reason in skipped
            ],
        }
        described = {"watched": self._document, "device": str(device), "versions": versions()}
        recorder.send({"describe": described})
        self._say(announcement(self.attached, self.skipped, plan))

    def _finish(self, recorder: RecorderProcess, error: BaseException | None) -> None:
        try:
            if self._feeder is not None:
                self._send_evaluations(self._feeder, self._step - 1)
                self._feeder.finish(self._step - 1)
            elif error is None and not self.not_recorded:
                self._miss(
                    "Anything: no step of the optimizer was seen. A step inside torch.compile "
                    "cannot be."
                )
        finally:
            if self.not_recorded:
                self._document["not_recorded"] = self.not_recorded
                recorder.send({"describe": {"watched": self._document}})
            recorder.finish(**ending(error))

    @contextlib.contextmanager
    def _harmless(self) -> Any:
        """No error leaves it; after one, watching ends and training goes on."""
        try:
            yield
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Something went wrong: watching ends, training goes on."""
        self._broken = True
        if self._feeder is not None:
            self._feeder.cancel_step()
        self._detach(within=True)
        recorder = self._recorder
        is_gone = recorder is not None and recorder.is_gone
        if isinstance(error, RecordingFailed):
            step = recorder.committed + 1 if recorder is not None and is_gone else self._step
            self._miss(f"Everything from step {step:,} on: {error}", is_the_end=True)
        else:
            words = (str(error) or "no message").splitlines()[0]
            self._miss(
                f"Everything from step {self._step:,} on: watching failed "
                f"({type(error).__name__}: {words}); training goes on.",
                is_the_end=True,
            )
            logger.debug("Watching failed.", exc_info=error)
        if recorder is not None and is_gone and self._telling is None:
            self._document["not_recorded"] = self.not_recorded
            told = (self._url, recorder.run_id, str(error), dict(self._document))
            self._telling = threading.Thread(target=end_without_recorder, args=told, daemon=True)
            self._telling.start()  # the database may be what makes one wait

    def _detach(self, *, within: bool = False) -> None:
        for lens in self._lenses:
            lens.detach(within=within)

    def _miss(self, sentence: str, *, is_the_end: bool = False) -> None:
        """Say once what is not recorded: the first such thing, and what ends the recording."""
        if sentence in self.not_recorded or (len(self.not_recorded) >= 20 and not is_the_end):
            return
        self.not_recorded.append(sentence)
        if is_the_end or len(self.not_recorded) == 1:
            logger.warning("Not recorded: %s", sentence)

    def _say(self, text: str) -> None:
        if not self._quiet and sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):  # a terminal that is gone
                sys.stderr.write("".join(f"shiftscope: {line}\n" for line in text.splitlines()))

    def _leave_to_the_parent(self) -> None:
        """In a forked process: the run is not its own."""
        recorder, self._recorder = self._recorder, None
        self._detach()
        self._lenses = []
        if recorder is not None:
            recorder.abandon()


def _rank() -> int:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank()
    rank = os.environ.get("RANK", "")  # as torchrun sets it, before the group is there
    return int(rank) if rank.isdecimal() else 0


def _last_error() -> BaseException | None:
    """The latest error that nobody caught; in a notebook, of any cell so far."""
    return getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)


def _close_all() -> None:
    """The program ends, and nobody closed its runs: they end as it does."""
    error = _last_error()
    for one in list(_open):
        one.close(None if error is one.earlier_error else error)


def _leave_all() -> None:
    for one in list(_open):
        one._leave_to_the_parent()
    _open.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)
