"""Numbers that another program logged, stored as a run: its measurements, which the page draws."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Engine, delete, insert

from .engine import writing
from .queue import fitting
from .study import Measurement
from .tables import MeasurementRecord, Run
from .write import append_measurements, describe_run

AT_ONCE = 20_000
UNFINISHED = "Its import did not come to its end: import it again."


def _longest(column: str) -> int:
    kind: Any = MeasurementRecord.__table__.columns[column].type
    return kind.length


LONGEST_QUANTITY, LONGEST_SERIES = _longest("quantity"), _longest("series")
"""Characters of their names that the database holds."""


def store_import(
    engine: Engine, name: str, imported: Mapping[str, Any], found: Iterable[Measurement]
) -> int:
    """Store what was logged as a run of its own; returns its number.

    Some numbers are committed at a time, so that running runs are not held up; until the last one
    is, the run is a failed one. An error leaves nothing.

    Args:
        engine: The database.
        name: How the list of runs calls it; made to fit.
        imported: Where it came from, as docs/protocol.md describes it.
        found: The numbers; `step` of the run counts them.
    """
    now = datetime.now(UTC)
    row = {"name": fitting(name), "source": "import", "watched": dict(imported), "step": 0}
    row |= {
        "seed_count": len(imported.get("seeds", [])),
        "status": "failed",
        "error": UNFINISHED,
        "summary": {},
        "created_at": now,
    }
    with writing(engine) as connection:
        run_id = connection.execute(insert(Run).values(**row).returning(Run.id)).scalar_one()
    try:
        rest, stored = iter(found), 0
        while some := list(islice(rest, AT_ONCE)):
            append_measurements(engine, run_id, stored, some)
            stored += len(some)
        describe_run(engine, run_id, status="finished", error=None, ended_at=datetime.now(UTC))
    except BaseException:
        with writing(engine) as connection:
            connection.execute(delete(Run).where(Run.id == run_id))
        raise
    return run_id
