"""One watched run: what `watch` and `Pair` give.

Whatever goes wrong is said once, and training goes on unwatched.
"""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn

from ..db.engine import parse_url
from ..db.errors import DatabaseProblem, RecordingFailed, SetupProblem
from .aftermath import end_without_recorder
from .arguments import Optimizers, asked_of_rules, count_of, listed, located, parse_share
from .cadence import Cadence
from .describing import announcement, document, ending, few, sentences_on
from .layers import candidates
from .lens import Lens
from .logged import of_each
from .plan import Plan
from .recorder_process import RecorderProcess
from .selection import Patterns, select, unwrapped
from .stepping import Stepping
from .unclosed import closed, last_error, opened
from .versions import versions

KNOWN_SECONDS = 10.0
"""How long who asks for the run's number waits for the database."""
TOLD_SECONDS = 5.0
"""How long the end waits for word of a recorder that ended early to be stored and posted."""
logger = logging.getLogger(__name__)


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
        webhook: str | None,
        include: Patterns,
        exclude: Patterns,
        overhead: str | float | None,
        record_every: int,
        scaler: Any,
        steps: int | None,
        settings: Mapping[str, Any] | None,
        diagnosis: Mapping[str, Any] | None,
        quiet: bool,
    ) -> None:
        self.attached: dict[str, list[str]] = {}
        self.skipped: dict[str, list[tuple[str, str]]] = {}
        self.not_recorded: list[str] = []
        self._quiet = quiet
        self.earlier_error = last_error()
        self._id: int | None = None
        self._recorder: RecorderProcess | None = None
        self._broken = False
        self._telling: threading.Thread | None = None
        cap = parse_share(overhead)
        rules = asked_of_rules(diagnosis)
        cadence = Cadence(count_of("record_every", record_every), cap)
        self._stepping = Stepping(cadence, planned=self._describe, miss=self._miss)
        steps = None if steps is None else count_of("steps", steps)
        named = {arm: (unwrapped(model), listed(o)) for arm, (model, o) in models.items()}
        selected = select(include, exclude)
        for wrapped, _ in named.values():
            paths = list(candidates(wrapped[-1]))
            if (include or exclude) and not any(selected(path, module) for path, module in paths):
                raise SetupProblem(
                    "include and exclude leave nothing to watch. The model's layers are "
                    f"{few([path for path, _ in paths])}."
                )
        places = located(database=database, webhook=webhook)
        self._url, self._webhook = places.database_url, places.webhook
        try:
            parse_url(self._url)
        except DatabaseProblem as problem:
            raise SetupProblem(str(problem)) from problem
        if _rank() != 0:
            return  # one writer: the first process of a distributed group
        inner = {arm: (models[-1], optimizers) for arm, (models, optimizers) in named.items()}
        self._document = document(inner, settings, cap, rules)
        title = str(name or " and ".join(type(model).__name__ for model, _ in inner.values()))
        self._wrapped = {arm: models for arm, (models, _) in named.items()}
        with self._harmless():
            self._recorder = RecorderProcess(self._url, webhook=self._webhook, warn=self._say)
            begin = {"name": title, "watched": self._document, "steps": steps}
            self._recorder.send({"begin": begin})
            for position, (arm, (wrapped, optimizers)) in enumerate(named.items()):
                self._stepping.lenses.append(
                    Lens(arm, position, wrapped, optimizers, selected, scaler, self._fail,
                         self._end_step, self._miss)
                )  # fmt: skip
            opened(self, self._leave_to_the_parent)

    @property
    def id(self) -> int | None:
        """The run's number; waits for the database, 10 s at most. None where it is not known."""
        if self._recorder is not None:
            self._id = self._recorder.wait_for_run(KNOWN_SECONDS)
        return self._id

    @property
    def database(self) -> str:
        """The URL of the database that the run goes into."""
        return self._url

    @property
    def step(self) -> int:
        """Steps that ended so far."""
        return self._stepping.ended

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
            for lens, (of_loss, of_accuracy) in zip(self._stepping.lenses, values, strict=True):
                lens.give(of_loss, of_accuracy)

    def log_evaluation(self, loss: Any = None, accuracy: Any = None, **others: Any) -> None:
        """Loss and accuracy on a test set, after the steps so far; of a pair, one of each model."""
        with self._harmless():
            self._end_step()
            if self._broken:
                return
            values = self._values(loss, accuracy, others)
            for lens, one in zip(self._stepping.lenses, values, strict=True):
                named = zip(("test_loss", "test_accuracy"), one, strict=True)
                known = {name: float(value) for name, value in named if value is not None}
                self._stepping.evaluate(lens.position, known)

    def close(self, error: BaseException | None = None) -> None:
        """End the run and remove every hook; an error makes it a failed or a stopped one."""
        recorder = self._recorder
        if recorder is None:
            return
        closed(self)
        with self._harmless():
            self._end_step()
        self._stepping.detach()
        with self._harmless():
            self._finish(recorder, error)
        self._id, self._recorder = recorder.run_id, None
        if self._telling is not None:
            self._telling.join(TOLD_SECONDS)
        self._stepping.lenses.clear()
        self._wrapped.clear()
        self._say(self.summary())

    def summary(self) -> str:
        """What was watched and what that cost, in a few lines."""
        layers = ", ".join(f"{len(names)} layers of {arm}" for arm, names in self.attached.items())
        lines = [f"{self._stepping.ended:,} steps, watched {layers or 'nothing yet'}."]
        feeder = self._stepping.feeder
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
        arms = [lens.arm for lens in self._stepping.lenses]
        if not arms:
            return []
        for key in others:
            self._miss(f"{key}: only loss and accuracy can be logged.")
        columns = [
            of_each("loss", loss, arms, self._miss),
            of_each("accuracy", accuracy, arms, self._miss),
        ]
        return list(zip(*columns, strict=True))

    def _end_step(self) -> None:
        """Close the step if it is complete: the model goes on, or the run ends."""
        if self._recorder is not None and not self._broken:
            self._stepping.end(self._recorder)

    def _describe(self, plan: Plan, device: torch.device) -> None:
        """After the first step: say what is observed and what is not."""
        recorder = self._recorder
        assert recorder is not None
        for lens in self._stepping.lenses:
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
            if self._stepping.feeder is not None:
                self._stepping.finish()
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
        self._stepping.cancel()
        self._stepping.detach(within=True)
        recorder, step = self._recorder, self._stepping.current
        is_gone = recorder is not None and recorder.is_gone
        if isinstance(error, RecordingFailed):
            since = recorder.committed + 1 if recorder is not None and is_gone else step
            self._miss(f"Everything from step {since:,} on: {error}", is_the_end=True)
        else:
            words = (str(error) or "no message").splitlines()[0]
            self._miss(
                f"Everything from step {step:,} on: watching failed "
                f"({type(error).__name__}: {words}); training goes on.",
                is_the_end=True,
            )
            logger.debug("Watching failed.", exc_info=error)
        if recorder is not None and is_gone and self._telling is None:
            self._document["not_recorded"] = self.not_recorded
            told = (
                *(self._url, recorder.run_id, str(error), dict(self._document)),
                self._webhook,
            )
            self._telling = threading.Thread(target=end_without_recorder, args=told, daemon=True)
            self._telling.start()  # the database may be what makes one wait

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
        self._stepping.detach()
        self._stepping.lenses.clear()
        if recorder is not None:
            recorder.abandon()


def _rank() -> int:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank()
    rank = os.environ.get("RANK", "")  # as torchrun sets it, before the group is there
    return int(rank) if rank.isdecimal() else 0
