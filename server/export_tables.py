"""The tables of a run that can be exported: their columns and every row, in constant memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from ..db import log, read, units
from ..db.findings import COLUMNS, findings
from ..db.part import WHOLE, Part
from ..db.system import all_samples
from ..db.tables import (
    RECORD_TABLES,
    Finding,
    LogEntry,
    MeasurementRecord,
    Run,
    SystemRecord,
    UnitRecord,
)

MEASUREMENTS_AT_ONCE = 10_000
MEASUREMENTS = MeasurementRecord.__tablename__
MEASUREMENT_COLUMNS = ["run_id", "seed", "quantity", "series", "x", "value"]
FINDINGS = Finding.__tablename__
WORST = ("value", "threshold")
"""Columns of a finding that may be infinite: they come last."""
FINDING_COLUMNS = [
    *("run_id", "finding_id", "arm", "seed", "layer"),
    *(name for name in COLUMNS if name not in WORST),
    *WORST,
]
LOG_COLUMNS = ["run_id", "entry_id", "at", "level", "message"]
SYSTEM_COLUMNS = [column.name for column in SystemRecord.__table__.columns]


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


def _findings(engine: Engine, run_id: int) -> Iterator[tuple[Any, ...]]:
    for one in findings(engine, run_id):
        values = {**vars(one.found), "run_id": run_id, "finding_id": one.id}
        values |= {"arm": one.arm, "seed": one.seed, "layer": one.layer}
        yield tuple(values[name] for name in FINDING_COLUMNS)


def _entries(engine: Engine, run_id: int) -> Iterator[tuple[Any, ...]]:
    after = 0
    while found := log.entries(engine, run_id, after):
        for one in found:
            yield run_id, one.id, one.at.isoformat(), one.level, one.message
        after = found[-1].id


@dataclass(frozen=True)
class _OfRun:
    """A table about the run as a whole, which has no parts; the fields are those of ExportTable."""

    columns: list[str]
    first_number: int
    rows: Callable[[Engine, int], Iterator[tuple[Any, ...]]]


_OF_RUNS = {
    FINDINGS: _OfRun(FINDING_COLUMNS, FINDING_COLUMNS.index(WORST[0]), _findings),
    LogEntry.__tablename__: _OfRun(LOG_COLUMNS, len(LOG_COLUMNS), _entries),
    SystemRecord.__tablename__: _OfRun(SYSTEM_COLUMNS, 0, all_samples),
}
EXPORTED = (*RECORD_TABLES, UnitRecord.__tablename__, MEASUREMENTS, *_OF_RUNS)
"""The tables that can be exported; of `unit_records` each unit is a row."""


def export_table(engine: Engine, run_id: int, name: str, part: Part = WHOLE) -> ExportTable:
    """A table of a run: records by network, layer and step, or those of a part.

    Measurements, findings, the log and system records have no parts: all of them come.

    Raises:
        NotFound: There is no such run, table or statistic; at once, before the first row.
    """
    if name == MEASUREMENTS:
        return measurement_table(engine, run_id)
    if name in _OF_RUNS:
        of = _OF_RUNS[name]
        read.run(engine, run_id)
        return ExportTable(run_id, name, of.columns, of.first_number, of.rows(engine, run_id))
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
