"""A folder of event files or a CSV file as a run: read through first, then once more to store."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from ..db.errors import InvalidImport
from ..db.importing import LONGEST_QUANTITY, LONGEST_SERIES, store_import
from ..db.queue import fitting, is_storable
from ..db.study import Measurement
from .import_csv import csv_numbers
from .import_events import event_numbers
from .skipped import Skipped

MOST_NUMBERS = 100_000_000
MOST_NAMES = 10_000
"""Of a run's series, of its quantities and of its seeds."""
LOOK_EVERY = 10_000


@dataclass(frozen=True)
class Imported:
    """What an import came to.

    Attributes:
        run_id: The run.
        numbers: How many it has.
        document: Where they came from, as docs/protocol.md describes it.
    """

    run_id: int
    numbers: int
    document: dict[str, Any]


def import_path(engine: Engine, path: Path, name: str | None = None) -> Imported:
    """Make a run of what is logged at a path.

    Args:
        engine: The database.
        path: A folder of event files or a CSV file.
        name: Of the run; by default the file's or folder's.

    Raises:
        InvalidImport: It is not there, damaged or not what it should be; nothing is stored.
        MissingExtra: Event files need tensorboard, which is not installed.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InvalidImport(f"{path} is no file, and has to be read twice. Write it to one first.")
    try:
        skipped = Skipped()
        numbers = 0
        series: dict[str, None] = {}
        quantities: dict[str, None] = {}
        seeds: dict[int, None] = {}
        for one in _numbers(path, skipped):
            numbers += 1
            series[one.series] = quantities[one.quantity] = seeds[one.seed] = None
            if numbers % LOOK_EVERY == 0:
                _refuse_too_many(path, numbers, series=series, quantities=quantities, seeds=seeds)
        _refuse_too_many(path, numbers, series=series, quantities=quantities, seeds=seeds)
        if numbers == 0:
            left = [f" Left out: {one['name']}: {one['reason']}" for one in skipped.listed()]
            raise InvalidImport(f"{path} has no numbers to import.{''.join(left[-1:])}")
        document = {
            "path": str(path.resolve()),
            "host": platform.node(),
            "kind": "event files" if path.is_dir() else "CSV",
            "series": list(series),
            "quantities": list(quantities),
            "seeds": list(seeds),
            "skipped": skipped.listed(),
        }
        place = path.resolve()
        title = name or (place.name if path.is_dir() else place.stem)
        run_id = store_import(engine, title, document, _numbers(path, Skipped()))
    except OSError as error:
        raise InvalidImport(f"{path} can't be read: {error.strerror}.") from None
    return Imported(run_id, numbers, document)


def _refuse_too_many(path: Path, numbers: int, **names: dict[Any, None]) -> None:
    """Refuse what no page could show and no run's document hold."""
    if numbers > MOST_NUMBERS:
        raise InvalidImport(
            f"{path} has more than {MOST_NUMBERS:,} numbers, which is the most that is imported. "
            "Import a part of it, or every tenth step."
        )
    for what, found in names.items():
        if len(found) > MOST_NAMES:
            raise InvalidImport(
                f"{path} has more than {MOST_NAMES:,} {what}, which is the most that is imported. "
                "Import a part of it."
            )


def _numbers(path: Path, skip: Skipped) -> Iterator[Measurement]:
    """Every number whose names the database can hold."""
    if path.exists() and not (path.is_dir() or path.is_file()):
        raise InvalidImport(f"{path} is neither a folder nor a file.")
    if path.is_dir():
        found = event_numbers(path, skip)
    elif "tfevents" in path.name:
        raise InvalidImport(f"{path} is one event file: name the folder that it is in.")
    else:
        found = csv_numbers(path, skip)
    for one in found:
        if len(one.quantity) > LONGEST_QUANTITY or len(one.series) > LONGEST_SERIES:
            most = f"{LONGEST_QUANTITY} characters, that of its series {LONGEST_SERIES}"
            skip(one.quantity, f"Its name may have at most {most}.")
        elif not (is_storable(one.quantity) and is_storable(one.series)):
            skip(fitting(one.quantity), "Its name, or its series', has a control character.")
        else:
            yield one
