"""The numbers of a CSV file whose first line names its columns.

`step` (or `x`) is where a row stands. Each other column is a quantity, unless the file has columns
`quantity` and `value`: then a row is one number. `series` (or `arm`), `layer` and `seed` say whose.
"""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ..db.errors import InvalidImport, shown
from ..db.queue import fitting
from ..db.study import Measurement
from .csv_cells import text_of
from .skipped import Skipped

PLACES = ("step", "x")
SERIES = ("series", "arm")
IGNORED = {"run_id", "network_id", "layer_id", "unit", "wall time", "wall_time"}
"""What our own files and TensorBoard's have besides; numbers of rows, no quantities."""
LARGEST_SEED = 2**63 - 1
LONGEST_LINE = 1_000_000
"""Characters: a longer line is no row of numbers."""


def csv_numbers(file: Path, skip: Skipped) -> Iterator[Measurement]:
    """Every number of a file, row by row; an empty field is none.

    Raises:
        InvalidImport: Something is not what it should be; names the line and the column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = csv.reader(_lines(file, text), strict=True)
            header = [name.strip() for name in next(rows, ())]
            columns = _Columns(file, header)
            for name in header:
                if name.lower() in IGNORED:
                    skip(name, "It numbers rows, or says when they were written.")
            for row in rows:
                if row:
                    yield from columns.numbers(row, rows.line_num)
    except UnicodeDecodeError as error:
        raise InvalidImport(f"{file} is not UTF-8 text: {error.reason}.") from None
    except csv.Error as error:
        raise InvalidImport(f"{file}: this is not CSV: {error}.") from None


def _lines(file: Path, text: TextIO) -> Iterator[str]:
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise InvalidImport(
                f"{file}, line {number:,}: expected fewer than {LONGEST_LINE:,} characters."
            )
        yield line


class _Columns:
    """What the columns of a file are."""

    def __init__(self, file: Path, header: list[str]) -> None:
        self._file = file
        self._header = header
        at = {name.lower(): place for place, name in enumerate(header)}
        if len(at) < len(header):
            twice = next(n for i, n in enumerate(header) if at[n.lower()] != i)
            raise self._wrong(1, f"the column {shown(twice)} is there twice")
        place = next((at[name] for name in PLACES if name in at), None)
        if place is None:
            named = ", ".join(header[:6]) or "nothing"
            raise self._wrong(1, f"expected a column step (or x) in the first line, got {named}")
        self._place = place
        self._series = next((at[name] for name in SERIES if name in at), None)
        self._layer, self._seed = at.get("layer"), at.get("seed")
        self._long = (at["quantity"], at["value"]) if {"quantity", "value"} <= set(at) else None
        roles = {self._place, self._series, self._layer, self._seed}
        self._quantities = [
            place
            for name, place in at.items()
            if place not in roles and name not in IGNORED and name
        ]
        if not self._quantities:
            raise self._wrong(1, "expected a column with numbers beside the step")

    def numbers(self, row: list[str], line: int) -> Iterator[Measurement]:
        """What a row has."""
        if len(row) != len(self._header):
            raise self._wrong(
                line, f"expected {len(self._header)} fields, as the first line has, got {len(row)}"
            )
        series = fitting(self._file.stem) if self._series is None else text_of(row[self._series])
        seed = 0 if self._seed is None else self._whole(row, line, self._seed)
        prefix = "" if self._layer is None else f"{text_of(row[self._layer])}/"
        x = self._number(row, line, self._place)
        if not math.isfinite(x):
            raise self._wrong(line, f"expected a finite step, got {shown(row[self._place])}")
        if self._long is not None:
            named = [(text_of(row[self._long[0]]), self._long[1])]
        else:
            named = [(text_of(self._header[place]), place) for place in self._quantities]
        for name, place in named:
            if not name:
                raise self._wrong(line, "expected a name in the column quantity, got none")
            if row[place].strip():
                value = self._number(row, line, place)
                yield Measurement(seed, f"{prefix}{name}", series, x, value)

    def _number(self, row: list[str], line: int, place: int) -> float:
        try:
            if "_" not in row[place]:  # which Python alone allows in numbers
                value = float(row[place])
                if math.isinf(value) and "inf" not in row[place].lower():
                    raise self._wrong(
                        line,
                        f"{shown(row[place])} in the column {shown(self._header[place])} is larger "
                        "than any number that is stored, about ±1.8e308; Infinity and -Infinity, "
                        "spelled out, are numbers here",
                    )
                return value
        except ValueError:
            pass
        raise self._wrong(
            line,
            f"expected a number in the column {shown(self._header[place])}, got "
            f"{shown(row[place])}; NaN, Infinity and -Infinity are numbers here",
        )

    def _whole(self, row: list[str], line: int, place: int) -> int:
        text = row[place].strip()
        # Python refuses to read thousands of digits.
        is_short = len(text) <= len(str(LARGEST_SEED))
        if not (text.isascii() and text.isdecimal() and is_short and int(text) <= LARGEST_SEED):
            raise self._wrong(line, f"expected a seed, a whole number, got {shown(row[place])}")
        return int(text)

    def _wrong(self, line: int, what: str) -> InvalidImport:
        return InvalidImport(f"{self._file}, line {line:,}: {what}.")
