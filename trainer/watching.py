"""Other people's loops as runs: `watch` and `Pair`.

    with watch(model, optimizer, name="my run") as run:
        for x, y in loader:
            …
            optimizer.step()
            run.log(loss=loss)

The loop stays as it is. Watching changes no result and never raises into training: what goes wrong
is said once, and training goes on unwatched.
"""

import functools
import logging
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..db.errors import RecordingFailed, SetupProblem
from ..db.location import Location
from .cadence import Cadence
from .feeder import Feeder
from .lens import Lens
from .plan import Plan
from .recorder_process import RecorderProcess
from .ring import STRETCHES, numbers, slots_for
from .selection import Patterns, select, unwrapped
from .versions import versions

Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer]
logger = logging.getLogger(__name__)


class Watch:
    """One watched run, from `watch` or `Pair` to `close`.

    Attributes:
        attached: By arm the paths of the observed layers, after the first step.
        skipped: By arm what is not observed: path and reason.
        not_recorded: Sentences: what could not be recorded, and why.
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
        self._cap = parse_share(overhead)
        self._cadence = Cadence(record_every, self._cap)
        self._quiet = quiet
        self._step, self._began = 1, time.perf_counter()
        self._feeder: Feeder | None = None
        self._recorder: RecorderProcess | None = None
        self._lenses: list[Lens] = []
        self._device = torch.device("cpu")
        if _rank() != 0:
            return  # one writer: the first process of a distributed group
        named = {arm: (unwrapped(model), _listed(o)) for arm, (model, o) in models.items()}
        self._document = _document(named, settings, self._cap)
        parameter = next(next(iter(named.values()))[0].parameters(), None)
        if parameter is not None:
            self._device = parameter.device
        self._recorder = RecorderProcess(database or Location().database_url, warn=self._say)
        title = name or " and ".join(type(model).__name__ for model, _ in named.values())
        begin = {"name": title, "watched": self._document, "steps": steps}
        self._recorder.send({"begin": begin})
        for position, (arm, (model, optimizers)) in enumerate(named.items()):
            watched = select(include, exclude)
            self._lenses.append(
                Lens(arm, position, model, optimizers, watched, scaler, self._guard, self._end_step)
            )

    @property
    def id(self) -> int | None:
        """The run's number; waits for the database, 10 s at most. None where it is not known."""
        return self._recorder.wait_for_run(10) if self._recorder is not None else None

    @property
    def step(self) -> int:
        """Steps that ended so far."""
        return self._step - 1

    def log(self, loss: Any = None, accuracy: Any = None) -> None:
        """What the loop knows of the current step; of a pair, one value for each model.

        Args:
            loss: A number or a tensor, which is not waited for.
            accuracy: Share of right answers in the batch, 0 to 1.
        """
        self._guard(self._log)(loss, accuracy)

    def log_evaluation(self, loss: Any = None, accuracy: Any = None) -> None:
        """Loss and accuracy on a test set, after the steps so far; of a pair, one of each model."""
        self._guard(self._log_evaluation)(loss, accuracy)

    def close(self, error: BaseException | None = None) -> None:
        """End the run and remove every hook; an error makes it a failed or a stopped one."""
        if self._recorder is None:
            return
        self._guard(self._end_step)()
        self._detach()
        recorder, self._recorder = self._recorder, None
        end: dict[str, Any] = {"status": "finished", "error": None}
        if isinstance(error, KeyboardInterrupt):
            end = {"status": "stopped", "error": None}
        elif error is not None:
            words = (str(error) or "no message").splitlines()[0]
            end = {"status": "failed", "error": f"The loop raised {type(error).__name__}: {words}"}
        try:
            if self._feeder is not None:
                self._feeder.finish(self._step - 1)
            if self.not_recorded:
                self._document["not_recorded"] = self.not_recorded
                recorder.send({"describe": {"watched": self._document}})
            recorder.finish(**end)
        except RecordingFailed as problem:
            self._miss(f"The end of the run: {problem}")
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

    def _log(self, loss: Any, accuracy: Any) -> None:
        for lens, of_loss, of_accuracy in zip(
            self._lenses, self._each(loss), self._each(accuracy), strict=True
        ):
            lens.give(of_loss, of_accuracy)

    def _log_evaluation(self, loss: Any, accuracy: Any) -> None:
        self._end_step()
        if self._feeder is None:
            return
        for lens, of_loss, of_accuracy in zip(
            self._lenses, self._each(loss), self._each(accuracy), strict=True
        ):
            values = {"test_loss": _number(of_loss), "test_accuracy": _number(of_accuracy)}
            self._feeder.add_evaluation(lens.position, self._step - 1, values)

    def _each(self, value: Any) -> list[Any]:
        if len(self._lenses) <= 1:  # none in all but the first process of a group
            return [value] * len(self._lenses)
        if value is None:
            return [None] * len(self._lenses)
        if isinstance(value, Mapping):
            return [value.get(lens.arm) for lens in self._lenses]
        if len(value) != len(self._lenses):
            raise ValueError(f"a pair logs one value for each model, got {value!r}")
        return list(value)

    def _end_step(self) -> None:
        """Close the step if it is complete: the model goes on, or the run ends."""
        if not any(lens.trained for lens in self._lenses):
            return
        if not all(lens.trained for lens in self._lenses):
            behind = [lens.arm for lens in self._lenses if not lens.trained]
            self._miss(
                f"Step {self._step} of {', '.join(behind)}: the models of a pair take their steps "
                "in turn, and another one began its next step first."
            )
        if self._feeder is None:
            self._start()
        feeder, step = self._feeder, self._step
        if feeder is None:
            return
        slot = feeder.begin_step(step, self._began)
        if slot is not None:
            began = time.perf_counter()
            for lens, room in zip(self._lenses, slot.stretch.stacks, strict=True):
                for irregular in lens.fill(room, slot.index):
                    feeder.add_irregular(irregular)
            seconds = time.perf_counter() - began
            feeder.add_cost(seconds + sum(lens.cost for lens in self._lenses))
        feeder.end_step(step)
        self._step, self._began = step + 1, time.perf_counter()
        for lens in self._lenses:
            lens.begin(looking=self._cadence.is_due(step + 1))

    def _start(self) -> None:
        """After the first step the layers are known: make the plan and open the ring."""
        assert self._recorder is not None
        stacks = [lens.plan() for lens in self._lenses]
        precise = "float32" if self._device.type == "mps" else "float64"
        slots = slots_for(numbers(stacks), 1)
        plan = Plan(stacks, slots, STRETCHES, precise)
        self._feeder = Feeder(plan, self._recorder, self._device, self._cadence, freezes=False)
        self.attached = {lens.arm: [layer.name for layer in lens.layers] for lens in self._lenses}
        self.skipped = {
            lens.arm: [(one.name, one.reason) for one in lens.skipped] for lens in self._lenses
        }
        self._document |= {
            "attached": {arm: len(names) for arm, names in self.attached.items()},
            "skipped": [
                {"arm": arm, "name": name, "reason": reason}
                for arm, skipped in self.skipped.items()
                for name, reason in skipped
            ],
        }
        described = {"watched": self._document, "device": str(self._device), "versions": versions()}
        self._recorder.send({"describe": described})
        self._say(self._attachment())

    def _attachment(self) -> str:
        lines: list[str] = []
        for arm, names in self.attached.items():
            lines.append(f"{arm}: attached to {len(names)} layers: {_few(names)}.")
            lines += [f"{arm}: skipped {name}: {why}" for name, why in self.skipped[arm][:10]]
            more = len(self.skipped[arm]) - 10
            if more > 0:
                lines.append(f"{arm}: and {more} more, all in run.skipped.")
        return "\n".join(lines)

    def _guard(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        """A hook that no error leaves; after one, watching ends and training goes on."""

        @functools.wraps(hook)
        def guarded(*arguments: Any) -> None:
            if torch.compiler.is_compiling():
                return
            try:
                hook(*arguments)
            except Exception as error:
                self._detach()
                if isinstance(error, RecordingFailed):
                    self._miss(f"Everything from step {self._step} on: {error}")
                else:
                    self._miss(
                        f"Everything from step {self._step} on: watching failed "
                        f"({type(error).__name__}: {error}); training goes on."
                    )
                    logger.debug("Watching failed.", exc_info=error)

        return guarded

    def _detach(self) -> None:
        for lens in self._lenses:
            lens.detach()

    def _miss(self, sentence: str) -> None:
        """Say once what is not recorded."""
        if len(self.not_recorded) < 20 and sentence not in self.not_recorded:
            self.not_recorded.append(sentence)
            if len(self.not_recorded) == 1:
                logger.warning("Not recorded: %s", sentence)

    def _say(self, text: str) -> None:
        if not self._quiet:
            sys.stderr.write("".join(f"shiftscope: {line}\n" for line in text.splitlines()))


def watch(
    model: nn.Module,
    optimizer: Optimizers,
    *,
    name: str | None = None,
    database: str | None = None,
    include: Patterns = None,
    exclude: Patterns = None,
    overhead: str | float | None = None,
    record_every: int = 1,
    scaler: Any = None,
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Watch:
    """Watch a model while your own loop trains it: every layer, every step, as a run in the page.

    Args:
        model: Any module; attach before or after torch.compile, DDP or FSDP.
        optimizer: One, or several whose steps make a step together.
        name: How the list of runs calls it; by default the model's class.
        database: URL; by default the one of `shiftscope serve`.
        include: Patterns of module paths ("encoder.*") or module types; None is everything.
        exclude: Likewise what to leave out.
        overhead: The largest share of the training time that watching may take, such as "2%" or
            0.02; then fewer steps are looked at. None: every step.
        record_every: Steps from one look to the next.
        scaler: The torch.amp.GradScaler, so that gradients are recorded unscaled.
        steps: How many steps there will be, if that is known.
        settings: Anything worth knowing later, such as the batch size.
        quiet: Write nothing to the terminal but warnings.

    Raises:
        SetupProblem: An argument is not what it should be. Later nothing is ever raised.
    """
    return Watch(
        {"model": (model, optimizer)},
        name=name, database=database, include=include, exclude=exclude, overhead=overhead,
        record_every=record_every, scaler=scaler, steps=steps, settings=settings, quiet=quiet,
    )  # fmt: skip


class Pair(Watch):
    """Two models, trained side by side by your own loop, as one run with two arms.

    The models take their steps in turn: a step of the run is one of each. `log` takes one value for
    each model.
    """

    def __init__(
        self,
        model_a: nn.Module,
        model_b: nn.Module,
        *,
        optimizers: tuple[Optimizers, Optimizers],
        names: tuple[str, str] = ("a", "b"),
        name: str | None = None,
        database: str | None = None,
        include: Patterns = None,
        exclude: Patterns = None,
        overhead: str | float | None = None,
        record_every: int = 1,
        scaler: Any = None,
        steps: int | None = None,
        settings: Mapping[str, Any] | None = None,
        quiet: bool = False,
    ) -> None:
        """Args:
        model_a: The reference, the first arm; `model_b` the second.
        optimizers: Of each model.
        names: Of the arms, such as ("none", "BatchNorm").

        The others are those of `watch`.

        Raises:
            SetupProblem: An argument is not what it should be.
        """
        if len(set(names)) != 2 or len(optimizers) != 2:
            raise SetupProblem(
                f"A pair needs two different names and two optimizers, got {names!r} and "
                f"{len(optimizers)} optimizers."
            )
        super().__init__(
            dict(zip(names, zip((model_a, model_b), optimizers, strict=True), strict=True)),
            name=name, database=database, include=include, exclude=exclude, overhead=overhead,
            record_every=record_every, scaler=scaler, steps=steps, settings=settings, quiet=quiet,
        )  # fmt: skip


def parse_share(overhead: str | float | None) -> float | None:
    """ "2%" or 0.02 → 0.02.

    Raises:
        SetupProblem: It is no share of more than 0 and at most 1.
    """
    if overhead is None:
        return None
    try:
        text = str(overhead).strip()
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise SetupProblem(
            f'overhead is a share of the training time such as "2%" or 0.02, got {overhead!r}.'
        )
    return share


def _document(
    models: Mapping[str, tuple[nn.Module, list[torch.optim.Optimizer]]],
    settings: Mapping[str, Any] | None,
    cap: float | None,
) -> dict[str, Any]:
    return {
        "program": Path(sys.argv[0]).name or "python",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "arms": list(models),
        "models": {arm: type(model).__name__ for arm, (model, _) in models.items()},
        "optimizers": {
            arm: [_described(optimizer) for optimizer in optimizers]
            for arm, (_, optimizers) in models.items()
        },
        "attached": {},
        "skipped": [],
        "settings": {key: _plain(value) for key, value in (settings or {}).items()},
        "not_recorded": [],
        "overhead_cap": cap,
    }


def _described(optimizer: torch.optim.Optimizer) -> str:
    group = optimizer.param_groups[0] if optimizer.param_groups else {}
    options = [f"{key}={group[key]!r}" for key in ("lr", "momentum", "betas", "weight_decay")
               if group.get(key)]  # fmt: skip
    return f"{type(optimizer).__name__}({', '.join(options)})"


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _listed(optimizers: Optimizers) -> list[torch.optim.Optimizer]:
    listed = [optimizers] if isinstance(optimizers, torch.optim.Optimizer) else list(optimizers)
    listed = [getattr(o, "optimizer", o) for o in listed]  # as Lightning and accelerate wrap them
    if not listed or not all(isinstance(o, torch.optim.Optimizer) for o in listed):
        raise SetupProblem(
            f"watch needs the optimizer whose steps make a step, got {optimizers!r}."
        )  # fmt: skip
    return listed


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor):
        return float(value.detach())
    return None if value is None else float(value)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} … {names[-1]}"


def _rank() -> int:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank()
    return 0
