"""The tables of a run that can be exported: their columns and every row, in constant memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from ..db import read, units
from ..db.part import WHOLE, Part
from ..db.tables import RECORD_TABLES, MeasurementRecord, Run, UnitRecord

MEASUREMENTS_AT_ONCE = 10_000
MEASUREMENTS = MeasurementRecord.__tablename__
MEASUREMENT_COLUMNS = ["run_id", "seed", "quantity", "series", "x", "value"]
EXPORTED = (*RECORD_TABLES, UnitRecord.__tablename__, MEASUREMENTS)
"""The tables that can be exported; of `unit_records` each unit is a row."""


@dataclass(frozen=True)
class ExportTable:
    """One table of a run.

    Attributes:
        run_id: Whose.
        name: Of the table.
        columns: Their names, in order.
        first_number: Where the columns begin that hold nothing but numbers or None.
        rows: Every row in the order of its keys; a float may be NaN or infinite.
    """

    run_id: int
    name: str
    columns: list[str]
    first_number: int
    rows: Iterator[tuple[Any, ...]]


def export_table(engine: Engine, run_id: int, name: str, part: Part = WHOLE) -> ExportTable:
    """A table of a run: records by network, layer and step, or those of a part.

    Measurements come as they were found, all of them.

    Raises:
        NotFound: There is no such run, table or statistic; at once, before the first row.
    """
    if name == MEASUREMENTS:
        return measurement_table(engine, run_id)
    is_of_units = name == UnitRecord.__tablename__
    columns = units.export_columns(part) if is_of_units else read.export_columns(name, part)
    read.run(engine, run_id)
    rows = (
        units.export_rows(engine, run_id, part)
        if is_of_units
        else read.export_rows(engine, run_id, name, part)
    )
    return ExportTable(run_id, name, columns, columns.index("step"), rows)


def measurement_table(engine: Engine, run_id: int, quantity: str | None = None) -> ExportTable:
    """Every measurement of a study or an import, or those of one quantity.

    Raises:
        NotFound: There is no such run; at once.
    """
    run = read.run(engine, run_id)
    rows = _measurements(engine, run, quantity)
    first_number = MEASUREMENT_COLUMNS.index("x")
    return ExportTable(run_id, MEASUREMENTS, MEASUREMENT_COLUMNS, first_number, rows)


def _measurements(engine: Engine, run: Run, quantity: str | None) -> Iterator[tuple[Any, ...]]:
    for after in range(0, run.step, MEASUREMENTS_AT_ONCE):
        for one in read.measurements(engine, run, after=after, limit=MEASUREMENTS_AT_ONCE):
            if quantity in (None, one.quantity):
                yield run.id, one.seed, one.quantity, one.series, one.x, one.value
