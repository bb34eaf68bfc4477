"""The checkpoint files of one run: written atomically, verified when read, the last two kept.

A checkpoint is a pair of files that bear the same mark: what the training process has to remember,
and what the recorder has to. It counts once both are there. Nothing here needs torch.
"""

import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..db.durable import sync
from ..db.errors import CannotResume
from .state import DamagedState, ForeignState, State, from_bytes, to_bytes

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

        Those that are passed over are removed: no later start shall meet them again. They are
        proven to be of no use; what may be whole, but can't be read now, is left alone.

        Args:
            until: None of a later step: the database does not hold its records.
            warn: Told in a sentence of each that is passed over.

        Raises:
            CannotResume: One can't be read by this machine now, or by this version.
        """
        with _readable(self.folder):
            files = self._files()
            found = self._find(files, until, warn)
            self._whole = [] if found is None else [found.step]
            last = -1 if found is None else found.step
            _remove(files, lambda step: step > last)
            return found

    def prune(self, step: int) -> None:
        """A checkpoint is complete: keep it and the one before."""
        self._whole = [*(one for one in self._whole if one != step), step][-KEPT:]
        if len(self._whole) == KEPT:
            _remove(self._files(), lambda step: step not in self._whole)

    def _find(
        self, files: Sequence[Path], until: int, warn: Callable[[str], Any]
    ) -> Checkpoint | None:
        for step in reversed(self._steps(files)):
            if step > until:
                warn(
                    f"The checkpoint at step {step:,} is ahead of the records, which end at step "
                    f"{until:,}; the one before is taken."
                )
                continue
            try:
                return self._read(step)
            except DamagedState as error:
                warn(
                    f"The checkpoint at step {step:,} can't be read ({error}); the one before is "
                    "taken."
                )
        return None

    def _steps(self, files: Sequence[Path]) -> list[int]:
        """Of the checkpoints of which both files are there, ascending."""
        named = (one.stem for one in files if one.suffix == f".{TRAINING}" and one.stem.isdecimal())
        steps = map(int, named)
        return sorted(step for step in steps if self.file(step, RECORDS) in files)

    def _files(self) -> list[Path]:
        """All that are there; an error is no empty folder."""
        try:
            return list(self.folder.iterdir())
        except FileNotFoundError:
            return []

    def _read(self, step: int) -> Checkpoint:
        training, records = (_part(self.file(step, part)) for part in (TRAINING, RECORDS))
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
        ForeignState: It is of another version.
        OSError: It cannot be read.
    """
    return from_bytes(file.read_bytes())


def _remove(files: Sequence[Path], is_of_no_use: Callable[[int], bool]) -> None:
    """Remove files, half written ones too, by the step that their names begin with."""
    for file in files:
        step, _, _ = file.name.partition(".")
        if step.isdecimal() and is_of_no_use(int(step)):
            with contextlib.suppress(OSError):  # where nothing can be removed, nor written
                file.unlink()


def _part(file: Path) -> dict[str, Any]:
    with _readable(file):
        return read(file)


@contextlib.contextmanager
def _readable(path: Path) -> Generator[None]:
    """What keeps this from being read for now becomes a sentence that says what to do."""
    try:
        yield
    except (ForeignState, OSError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        raise CannotResume(
            f"The checkpoint {path} can't be read ({why}). It is left as it is: press Resume to "
            "try again once that is mended, or Run again to start anew."
        ) from error
