"""A run's records as CSV, in full resolution and constant memory: one module for HTTP and CLI.

Floats are written by `repr`, so that they read back bit-equal; what is not finite is NaN,
Infinity or -Infinity, and a statistic that does not apply is an empty field.
"""

import csv
import io
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Engine

from ..db import read, units
from ..db.part import WHOLE, Part
from ..db.tables import RECORD_TABLES, MeasurementRecord, UnitRecord
from .wire import json_safe

ROWS_AT_ONCE = 500
MEASUREMENTS = MeasurementRecord.__tablename__
MEASUREMENT_COLUMNS = ["run_id", "seed", "quantity", "series", "x", "value"]
EXPORTED = (*RECORD_TABLES, UnitRecord.__tablename__, MEASUREMENTS)
"""The tables that can be exported; of `unit_records` each unit is a row."""


def file_name(run_id: int, table: str) -> str:
    """What a downloaded export is called."""
    return f"shiftscope-run-{run_id}-{table}.csv"


def csv_chunks(engine: Engine, run_id: int, table: str, part: Part = WHOLE) -> Iterator[str]:
    """The header and every record, or those of a part, some rows at a time.

    They are ordered by network, layer and step. Measurements come in the order in which they were
    found, all of them.

    Raises:
        NotFound: There is no such run, table or statistic; at once, before the first chunk.
    """
    if table == MEASUREMENTS:
        return measurement_chunks(engine, run_id)
    is_of_units = table == UnitRecord.__tablename__
    header = units.export_columns(part) if is_of_units else read.export_columns(table, part)
    read.run(engine, run_id)
    rows = (
        units.export_rows(engine, run_id, part)
        if is_of_units
        else read.export_rows(engine, run_id, table, part)
    )
    return _chunks(header, rows, header.index("step"))


def measurement_chunks(engine: Engine, run_id: int, quantity: str | None = None) -> Iterator[str]:
    """The header and every measurement of a study, or those of one quantity.

    Raises:
        NotFound: There is no such run; at once.
    """
    found = read.measurements(engine, read.run(engine, run_id))
    rows = (
        (run_id, one.seed, one.quantity, one.series, one.x, one.value)
        for one in found
        if quantity in (None, one.quantity)
    )
    return _chunks(MEASUREMENT_COLUMNS, rows, MEASUREMENT_COLUMNS.index("x"))


def _chunks(header: list[str], rows: Iterator[tuple[Any, ...]], step: int) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    while text.tell():
        yield text.getvalue()
        text.seek(0)
        text.truncate()
        writer.writerows(_fields(row, step) for row in islice(rows, ROWS_AT_ONCE))


def _fields(row: tuple[Any, ...], step: int) -> tuple[Any, ...] | list[Any]:
    # A sum is finite only when every value is: one cheap test for a row.
    if math.isfinite(sum(value for value in row[step:] if value is not None)):
        return row
    return json_safe(row)
