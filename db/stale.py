"""Records that are stored already: of an earlier start of a run, or of a commit whose answer was
lost. They make room for those that are written now.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select

from .tables import (
    OF_LAYERS,
    OF_SEEDS,
    RECORD_TABLES,
    Layer,
    Network,
    Table,
    UnitRecord,
)

TABLES = (*RECORD_TABLES, UnitRecord.__tablename__)
"""What an earlier start has written records into."""
Series = tuple[str, tuple[int, ...]]
"""A table, and the values of its primary key but for the step."""
Pending = Mapping[tuple[str, tuple[str, ...]], Sequence[tuple[Any, ...]]]
"""Rows to be written, by their table and columns."""


class StaleRecords:
    """What has to go before, and after, the records of a run are written, commit by commit.

    Until a start has come as far as the one before, later records of that stay where they are.
    """

    def __init__(self, run_id: int) -> None:
        """There are none, as far as is known."""
        self._run_id = run_id
        self._after = self._until = -1
        """The earlier start's lie behind the first and not behind the second of these steps."""
        self._written: dict[Series, int] = {}
        """The latest step of each series that was written since."""
        self._in_doubt = False

    def expect(self, connection: Connection, after: int) -> None:
        """An earlier start may have stored records behind this step, −1 for the very start."""
        self._after, self._written = after, {}
        found = (connection.scalar(_latest_step(name, self._run_id)) for name in RECORD_TABLES)
        self._until = max(-1 if step is None else step for step in found)

    def doubt(self) -> None:
        """A commit failed: what it was to write may be stored all the same."""
        self._in_doubt = True

    def make_room(self, connection: Connection, pending: Pending) -> None:
        """Remove what lies where these rows go, and before them up to what was written last."""
        if self._until < 0 and not self._in_doubt:
            return
        for series, steps in _steps(pending).items():
            first, last = min(steps), max(steps)
            if first <= self._until:  # the earlier start may have looked at other steps
                first = min(self._written.get(series, self._after) + 1, first)
            elif not self._in_doubt:
                continue
            _remove(connection, series, first, last)

    def remove_behind(self, connection: Connection, network_id: int, frozen_step: int) -> None:
        """Of a network that was frozen the earlier start may have trained more steps."""
        if frozen_step >= self._until:
            return
        for table in TABLES:
            if table not in OF_SEEDS:
                columns = Table.metadata.tables[table].columns
                own = columns["network_id"] == network_id
                later = columns["step"].between(frozen_step + 1, self._until)
                connection.execute(delete(Table.metadata.tables[table]).where(own, later))

    def remove_rest(self, connection: Connection, step: int, pending: Pending) -> None:
        """Remove all that is left, once every record up to `step` is written, `pending` last."""
        if not 0 <= self._until <= step:
            return
        written = self._written | {series: max(steps) for series, steps in _steps(pending).items()}
        for table in TABLES:
            for keys in connection.execute(_series(table, self._run_id)).all():
                latest = written.get((table, tuple(keys)), self._after)
                if latest < self._until:
                    _remove(connection, (table, tuple(keys)), latest + 1, self._until)

    def committed(self, step: int, pending: Pending) -> None:
        """The transaction was committed, which wrote `pending` and all up to `step`."""
        self._in_doubt = False
        if step >= self._until:
            self._until = -1
            self._written.clear()
            return
        for series, steps in _steps(pending).items():
            self._written[series] = max(self._written.get(series, -1), *steps)


def _steps(pending: Pending) -> dict[Series, list[int]]:
    found: dict[Series, list[int]] = {}
    for (table, columns), rows in pending.items():
        places = [columns.index(name) for name in _keys(table)]
        step = columns.index("step")
        for row in rows:
            found.setdefault((table, tuple(row[at] for at in places)), []).append(row[step])
    return found


def _keys(table: str) -> list[str]:
    primary = Table.metadata.tables[table].primary_key
    return [column.name for column in primary if column.name != "step"]


def _remove(connection: Connection, series: Series, first: int, last: int) -> None:
    table, values = series
    stored = Table.metadata.tables[table]
    own = (stored.columns[name] == key for name, key in zip(_keys(table), values, strict=True))
    connection.execute(delete(stored).where(*own, stored.columns["step"].between(first, last)))


def _series(table: str, run_id: int) -> Select[*tuple[Any, ...]]:
    """The keys of all series that a run may have in a table."""
    if table in OF_SEEDS:
        return select(Network.run_id, Network.seed).where(Network.run_id == run_id).distinct()
    own = select(Network.id).where(Network.run_id == run_id)
    if "layer_id" in Table.metadata.tables[table].columns:
        return own.join(Layer).with_only_columns(Network.id, Layer.id)
    return own


def _latest_step(table: str, run_id: int) -> Select[Any]:
    """The last step that is stored of a run in a table: a look at the end of each series."""
    columns = RECORD_TABLES[table].__table__.columns
    latest = select(func.max(columns.step))
    if table in OF_SEEDS:
        return latest.where(columns.run_id == run_id)
    latest = latest.where(columns.network_id == Network.id)
    series = select(Network.id).where(Network.run_id == run_id)
    if table in OF_LAYERS:
        latest = latest.where(columns.layer_id == Layer.id)
        of_series = latest.correlate(Network, Layer).scalar_subquery()
        return series.join(Layer).with_only_columns(func.max(of_series))
    return series.with_only_columns(func.max(latest.correlate(Network).scalar_subquery()))
