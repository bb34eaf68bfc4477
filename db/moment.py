"""One step of a run: of each series the last record until then."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select

from .series import Selection, meant_by
from .tables import RECORD_TABLES


@dataclass(frozen=True)
class Record:
    """What a selection had recorded last.

    Attributes:
        step: Of the record; None where there is none.
        values: By statistic; None where it does not apply.
    """

    selection: Selection
    step: int | None
    values: dict[str, float | None]


def records_at(engine: Engine, selections: Sequence[Selection], step: int) -> list[Record]:
    """The record of each series at a step, or where it has none the last one before."""
    found: list[Record] = []
    with engine.connect() as connection:
        for selection in selections:
            columns = RECORD_TABLES[selection.table].__table__.columns
            query = (
                select(columns.step, *(columns[name] for name in selection.statistics))
                .where(*meant_by(selection, 0, step))
                .order_by(columns.step.desc())
                .limit(1)
            )
            row = connection.execute(query).first()
            values: dict[str, float | None] = {}
            if row is not None:
                values = dict(zip(selection.statistics, row[1:], strict=True))
            found.append(Record(selection, None if row is None else row[0], values))
    return found
