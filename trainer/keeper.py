"""Keeps checkpoints of a run while it trains, and takes it back to where the last one was made.

The loop stands still only for copies of tensors; a thread writes them. The recorder writes its own
part when it has committed everything up to the same step, so that the two belong together.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

from ..db.errors import CannotResume
from .checkpoint import RECORDS, TRAINING, Checkpoint, Checkpoints, write
from .feeder import Feeder
from .recorder_process import RecorderProcess
from .state import State, Stateful

MOST_OF_THE_TIME = 0.02
"""Writing takes this share of the time at most: large networks are kept less often."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Facts:
    """What a run was when a checkpoint was made; where another is found, it does not fit.

    Attributes:
        experiment: The document.
        device: Type of the device that it trains on.
        examples: Of the training set and of the test set.
    """

    experiment: dict[str, Any]
    device: str
    examples: tuple[int, int]


class Keeper:
    """The checkpoints of one run, while its process lives.

    Everything that has to be remembered is a `Stateful`, given to `begin` by a name.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        recorder: RecorderProcess,
        facts: Facts,
        *,
        found: Checkpoint | None = None,
        seconds: float,
        on_kept: Callable[[int], bool],
    ) -> None:
        """Args:
        checkpoints: The files.
        recorder: Keeps its part.
        facts: What has to be the same when the run is resumed.
        found: The checkpoint to go on from.
        seconds: From one checkpoint to the next, at least.
        on_kept: Told the step of each that is complete, from another thread; says whether the
            run is still this start's.
        """
        self._checkpoints = checkpoints
        self._recorder = recorder
        self._facts = facts
        self._found = found
        self._seconds = seconds
        self._on_kept = on_kept
        self._parts: Mapping[str, Sequence[Any]] = {}
        self._executor = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        self._due = time.monotonic() + seconds
        self._has_warned = False

    def begin(self, **parts: Sequence[Any]) -> int:
        """Remember these from now on, and take them to where the checkpoint is that was found.

        Args:
            **parts: By name what is `Stateful`; one of them is `feeder`.

        Returns:
            The last step that was trained: 0 at the start.

        Raises:
            CannotResume: The checkpoint is of another experiment, device or dataset.
        """
        self._parts = cast("Mapping[str, Sequence[Stateful]]", parts)
        if self._found is None:
            return 0
        state, step = self._found.training, self._found.step
        _compare(state["facts"], vars(self._facts))
        try:
            for name, of_name in self._parts.items():
                for part, one in zip(of_name, state["parts"][name], strict=True):
                    part.load_state_dict(_with_tensors(one))
        except (KeyError, TypeError, ValueError) as error:
            raise CannotResume(
                f"The checkpoint at step {step:,} does not fit what is trained now ({error}). It "
                "was made by another version of shiftscope; press Run again to start anew."
            ) from error
        _set_random_states(state["random"])
        self._found = None
        return step

    def is_due(self, *, is_quiet: bool) -> bool:
        """Whether to keep a checkpoint now.

        Args:
            is_quiet: Whether nothing is being evaluated beside training, which a checkpoint has to
                wait for; if that never happens, it waits once it is late.
        """
        late = time.monotonic() - self._due
        if late < 0 or (self._writing is not None and not self._writing.done()):
            return False
        return is_quiet or late > self._seconds

    def keep(self, step: int, *, last: bool = False) -> None:
        """Copy everything as it is after this step, for a thread to write.

        Args:
            step: The last step that was trained.
            last: Wait until it is written.
        """
        if self._writing is not None:
            self._writing.result()
        began = time.monotonic()
        mark = uuid4().hex
        for feeder in cast("Sequence[Feeder]", self._parts["feeder"]):
            feeder.hand_over(step)
        records = self._checkpoints.file(step, RECORDS)
        self._recorder.send({"checkpoint": {"file": str(records), "mark": mark}})
        state = {
            "facts": dict(vars(self._facts)),
            "random": _random_states(),
            "parts": {
                name: [part.state_dict() for part in parts] for name, parts in self._parts.items()
            },
        }
        self._writing = self._executor.submit(self._write, step, state, mark, began)
        if last:
            self._writing.result()

    def close(self) -> None:
        """Wait for what is being written."""
        self._executor.shutdown()

    def _write(self, step: int, state: State, mark: str, began: float) -> None:
        written = None
        try:
            write(self._checkpoints.file(step, TRAINING), _with_arrays(state), mark)
            written = time.monotonic()  # the loop does not wait for the recorder's part
            # where another process trains the run by now, the files are that one's
            if self._recorder.wait_until_kept(mark) and self._on_kept(step):
                self._checkpoints.prune(step)
        except OSError as error:
            self._warn(error)
        except Exception:  # a run must not end because it could not be kept
            logger.exception("The checkpoint at step %d could not be kept.", step)
        now = time.monotonic()
        self._due = now + max(self._seconds, ((written or now) - began) / MOST_OF_THE_TIME)

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            logger.warning(
                "A checkpoint could not be written (%s); training goes on, and would be resumed "
                "from the one before.",
                error.strerror or error,
            )
        self._has_warned = True


def _compare(was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """That a checkpoint was made of what is trained now.

    Raises:
        CannotResume: It was not; says in what they differ.
    """
    if was.get("device") != now["device"]:
        raise CannotResume(
            f"The run was trained on {was.get('device')}, and here it would go on on "
            f"{now['device']}. Resume it where {was.get('device')} is, or press Run again."
        )
    if was.get("examples") != now["examples"]:
        raise CannotResume(
            f"The dataset has changed: it had {was.get('examples')} examples for training and "
            f"testing, and now it has {now['examples']}. Press Run again to start anew."
        )
    if was.get("experiment") != now["experiment"]:
        raise CannotResume(
            "The settings are read differently by this version of shiftscope than by the one that "
            "made the checkpoint. Press Run again to start anew."
        )


def _with_arrays(state: State) -> State:
    """With arrays in place of tensors, marked as such."""
    match state:
        case Tensor():
            return {"torch": state.detach().cpu().numpy()}
        case dict():
            return {key: _with_arrays(value) for key, value in state.items()}
        case list():
            return [_with_arrays(value) for value in state]
        case tuple():
            return tuple(_with_arrays(value) for value in state)
        case _:
            return state


def _with_tensors(state: State) -> State:
    """The other way round."""
    match state:
        case {"torch": np.ndarray() as array}:
            return torch.from_numpy(array)
        case dict():
            return {key: _with_tensors(value) for key, value in state.items()}
        case list():
            return [_with_tensors(value) for value in state]
        case tuple():
            return tuple(_with_tensors(value) for value in state)
        case _:
            return state


def _random_states() -> dict[str, Any]:
    """Of every generator that a program has besides its own."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {
        "of_torch": torch.get_rng_state(),
        "of_cuda": cuda,
        "of_numpy": np.random.get_state(),
        "of_python": random.getstate(),
    }


def _set_random_states(state: Mapping[str, Any]) -> None:
    states = _with_tensors(dict(state))
    torch.set_rng_state(states["of_torch"])
    if states["of_cuda"]:
        torch.cuda.set_rng_state_all(states["of_cuda"])
    np.random.set_state(states["of_numpy"])
    random.setstate(states["of_python"])
