"""The checkpoint files of one run: written atomically, verified when read, the last two kept.

A checkpoint is a pair of files that bear the same mark: what the training process has to remember,
and what the recorder has to. It counts once both are there. Nothing here needs torch.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..db.durable import sync
from .state import DamagedState, State, from_bytes, to_bytes

KEPT = 2
TRAINING, RECORDS = "training", "records"
"""The two files of a checkpoint."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as it was read.

    Attributes:
        step: The last step that was trained.
        training: What the training process remembers.
        records: The file of what the recorder does.
    """

    step: int
    training: State
    records: Path


class Checkpoints:
    """The files of one run, for one start of it: it alone knows which of them are whole.

    Attributes:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._whole: list[int] = []
        """The steps of those that were read or are complete since this start, at most two."""

    def file(self, step: int, part: str) -> Path:
        """Where one of the two parts lies."""
        return self.folder / f"{step:012d}.{part}"

    def newest(self, until: int, warn: Callable[[str], Any]) -> Checkpoint | None:
        """The newest checkpoint that is whole; None where there is none.

        Those that are passed over are removed: no later start shall meet them again.

        Args:
            until: None of a later step: the database does not hold its records.
            warn: Told in a sentence of each that is passed over.
        """
        found = self._find(until, warn)
        self._whole = [] if found is None else [found.step]
        last = -1 if found is None else found.step
        self._remove(lambda step: step > last)
        return found

    def prune(self, step: int) -> None:
        """A checkpoint is complete: keep it and the one before."""
        self._whole = [*(one for one in self._whole if one != step), step][-KEPT:]
        if len(self._whole) == KEPT:
            self._remove(lambda step: step not in self._whole)

    def _find(self, until: int, warn: Callable[[str], Any]) -> Checkpoint | None:
        for step in reversed(self._steps()):
            if step > until:
                warn(
                    f"The checkpoint at step {step:,} is ahead of the records, which end at step "
                    f"{until:,}; the one before is taken."
                )
                continue
            try:
                return self._read(step)
            except (DamagedState, OSError, ValueError, KeyError) as error:
                warn(
                    f"The checkpoint at step {step:,} can't be read ({error}); the one before is "
                    "taken."
                )
        return None

    def _steps(self) -> list[int]:
        """Of the checkpoints of which both files are there, ascending."""
        if not self.folder.is_dir():
            return []
        steps = {int(file.stem) for file in self.folder.glob(f"*.{TRAINING}")}
        return sorted(step for step in steps if self.file(step, RECORDS).exists())

    def _read(self, step: int) -> Checkpoint:
        training, records = (read(self.file(step, part)) for part in (TRAINING, RECORDS))
        if training["mark"] != records["mark"]:
            raise DamagedState("Its two files are of different times.")
        return Checkpoint(step, training["state"], self.file(step, RECORDS))

    def _remove(self, is_of_no_use: Callable[[int], bool]) -> None:
        """Remove files, half written ones too, by the step that their names begin with."""
        if not self.folder.is_dir():
            return
        for file in self.folder.iterdir():
            step, _, _ = file.name.partition(".")
            if step.isdecimal() and is_of_no_use(int(step)):
                with contextlib.suppress(OSError):  # where nothing can be removed, nor written
                    file.unlink()


def write(file: Path, state: State, mark: str) -> None:
    """Write one part: it is there as a whole, or not at all, whatever happens meanwhile.

    Raises:
        OSError: The disk does not take it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as stream:
            stream.write(to_bytes({"mark": mark, "state": state}))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(file.parent)


def read(file: Path) -> dict[str, Any]:
    """One part: its `mark` and its `state`.

    Raises:
        DamagedState: It is torn.
        OSError: It cannot be read.
    """
    return from_bytes(file.read_bytes())
