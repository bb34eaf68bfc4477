"""The scalars of a folder of TensorBoard event files."""

from collections.abc import Iterator
from pathlib import Path

from ..db.errors import InvalidImport
from ..db.study import Measurement
from .event_files import read_events, scalar
from .skipped import Skipped


def event_files(folder: Path) -> list[Path]:
    """The event files in a folder and below, those of one folder in the order of their names.

    Raises:
        InvalidImport: There are none.
    """
    found = sorted(file for file in folder.rglob("*tfevents*") if file.is_file())
    if not found:
        raise InvalidImport(
            f"{folder} has no event files; expected files with “tfevents” in their names, in it or "
            "in folders below."
        )
    return found


def event_numbers(folder: Path, skip: Skipped) -> Iterator[Measurement]:
    """Every scalar, file by file: the series is the folder, the quantity the tag, x the step.

    Raises:
        MissingExtra: tensorboard is not installed.
        InvalidImport: A record is damaged.
    """
    for file in event_files(folder):
        inner = file.parent.relative_to(folder).as_posix()
        series = folder.resolve().name if inner == "." else inner

        def cut(file: Path = file) -> None:
            skip(str(file), "Its last record is not whole.")

        for event in read_events(file, cut):
            for value in event.summary.value:
                number = scalar(value)
                if number is None:
                    skip(value.tag, "It holds no single numbers.")
                else:
                    yield Measurement(0, value.tag, series, float(event.step), number)
