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
    """The files of one run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, step: int, part: str) -> Path:
        """Where one of the two parts lies."""
        return self._folder / f"{step:012d}.{part}"

    def newest(self, until: int, warn: Callable[[str], Any]) -> Checkpoint | None:
        """The newest checkpoint that is whole; None where there is none.

        Args:
            until: None of a later step: the database does not hold its records.
            warn: Told in a sentence of each that is passed over.
        """
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

    def prune(self) -> None:
        """Keep the last two that are whole, and what is newer than them."""
        whole = self._steps()
        if len(whole) < KEPT:
            return
        for file in self._folder.iterdir():
            if file.name.split(".")[0].isdecimal() and int(file.name.split(".")[0]) < whole[-KEPT]:
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()

    def _steps(self) -> list[int]:
        """Of the checkpoints of which both files are there, ascending."""
        if not self._folder.is_dir():
            return []
        steps = {int(file.stem) for file in self._folder.glob(f"*.{TRAINING}")}
        return sorted(step for step in steps if self.file(step, RECORDS).exists())

    def _read(self, step: int) -> Checkpoint:
        training, records = (read(self.file(step, part)) for part in (TRAINING, RECORDS))
        if training["mark"] != records["mark"]:
            raise DamagedState("Its two files are of different times.")
        return Checkpoint(step, training["state"], self.file(step, RECORDS))


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
