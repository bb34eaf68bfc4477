"""Append-only, batched writing of what one run records.

Records come column-wise, as numpy arrays, and leave through the driver's own bulk insert
(many rows a statement on SQLite, binary COPY on PostgreSQL), several times faster than through
SQLAlchemy; a commit carries whole steps of all networks, so that `runs.step` is a cursor.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, cast

import numpy as np
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from .engine import writing
from .errors import CannotResume, RunTakenOver
from .leveller import Column, RunLeveller
from .levels import BUCKETS
from .log import add_entry, add_phase
from .outline import highest
from .stale import StaleRecords
from .study import Measurement
from .tables import (
    NAN_TEXT,
    Layer,
    Level,
    MeasurementRecord,
    Network,
    Real,
    Run,
    Status,
    Table,
)

Taking = Callable[[str, Mapping[str, int], Mapping[str, Column]], None]
"""Takes rows of one table: constant keys, and columns."""
ROWS_AT_ONCE = (512, 64, 8, 1)
"""Rows in one SQLite statement; few sizes, so that prepared statements are used again."""
COPY_TYPES: dict[type[TypeEngine[Any]], str] = {
    Integer: "int4",
    BigInteger: "int8",
    LargeBinary: "bytea",
    Real: "float8",
}
"""What PostgreSQL calls the types of records' columns."""
_SAME_NETWORK = ("arm", "seed", "parameters", "weights_hash")
_SAME_LAYER = ("name", "kind", "norm", "activation", "units")
"""What a network and its layers have to be again when a run is resumed."""


def known_networks(
    engine: Engine, run_id: int, networks: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]]
) -> list[tuple[int, list[int]]]:
    """The numbers that a run's networks and layers have since an earlier start; [] without one.

    Raises:
        CannotResume: They were others.
    """
    with Session(engine) as session:
        query = select(Network).where(Network.run_id == run_id).order_by(Network.position)
        stored = {row: list[Layer]() for row in session.scalars(query)}
        of_id = {row.id: own for row, own in stored.items()}
        for layer in session.scalars(
            select(Layer).where(Layer.network_id.in_(of_id)).order_by(Layer.position)
        ):
            of_id[layer.network_id].append(layer)
    if not stored:
        return []
    found = [
        ([getattr(row, name) for name in _SAME_NETWORK],
         [[getattr(layer, name) for name in _SAME_LAYER] for layer in own])
        for row, own in stored.items()
    ]  # fmt: skip
    wanted = [
        ([network[name] for name in _SAME_NETWORK],
         [[layer[name] for name in _SAME_LAYER] for layer in layers])
        for network, layers in networks
    ]  # fmt: skip
    if found != wanted:
        raise CannotResume(
            "The networks are built differently by this version of shiftscope than when the run "
            "began. Press Run again to start anew."
        )
    return [(row.id, [layer.id for layer in own]) for row, own in stored.items()]


def add_networks(
    engine: Engine, run_id: int, networks: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]]
) -> list[tuple[int, list[int]]]:
    """Store a run's networks with their layers; returns their numbers in the same order."""
    numbers: list[tuple[int, list[int]]] = []
    with writing(engine) as connection:
        for position, (network, layers) in enumerate(networks):
            network_id = connection.execute(
                insert(Network)
                .values(run_id=run_id, position=position, **network)
                .returning(Network.id)
            ).scalar_one()
            layer_ids = [
                connection.execute(
                    insert(Layer)
                    .values(network_id=network_id, position=place, **layer)
                    .returning(Layer.id)
                ).scalar_one()
                for place, layer in enumerate(layers)
            ]
            numbers.append((network_id, layer_ids))
    return numbers


class RecordWriter:
    """Collects the records of one run and commits them, whole steps at a time.

    From commit to commit the steps of a series rise. With the records that complete a chunk of a
    level (levels.py) the chunk is committed, too.
    """

    def __init__(
        self,
        engine: Engine,
        run_id: int,
        also: Taking | None = None,
        start: int | None = None,
    ) -> None:
        """Args:
        engine: The database.
        run_id: The run.
        also: Is shown everything that is queued, too.
        start: Which start of the run it is; None: nobody else writes its records.
        """
        self._engine = engine
        self._also = also
        self._run_id = run_id
        self._start = start
        self._least_step = 0
        """The run's cursor never goes back."""
        self._stale = StaleRecords(run_id)
        self._pending: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = {}
        self._frozen: list[tuple[int, int | None, int | None]] = []
        self._frozen_before: dict[int, int] = {}
        """By network where an earlier start froze it, while its records go on until there."""
        self._levels = RunLeveller()

    def add(self, table: str, keys: Mapping[str, int], columns: Mapping[str, Column]) -> None:
        """Queue rows of one table: constant `keys`, and columns of equal length.

        A statistic that is not among the columns becomes NULL: it does not apply.
        """
        if self._also is not None:
            self._also(table, keys, columns)
        is_sqlite = self._engine.dialect.name == "sqlite"
        values = [_plain(column, nan_as_text=is_sqlite) for column in columns.values()]
        constants = [[value] * len(values[0]) for value in keys.values()]
        self._pending.setdefault((table, (*keys, *columns)), []).extend(
            zip(*constants, *values, strict=True)
        )
        self._levels.add(table, {**dict(zip(keys, constants, strict=True)), **columns})

    def write_over(self, after: int) -> None:
        """Begin behind this step, −1 for the very start: later records are written over.

        Until then they stay, and so does word of where a network was frozen. What is derived from
        them, levels, goes at once.
        """
        own = select(Network.id).where(Network.run_id == self._run_id).scalar_subquery()
        levels = Level.__table__.columns
        ends = levels.start + levels.width * BUCKETS
        with writing(self._engine) as connection:
            connection.execute(delete(Level).where(levels.network_id.in_(own), ends > after + 1))
            is_own = Network.run_id == self._run_id
            connection.execute(
                update(Network)
                .where(is_own, Network.frozen_step.is_(None))
                .values(diverged_step=None)
            )
            later = select(Network).where(is_own, Network.frozen_step > after)
            self._frozen_before = {one.id: one.frozen_step for one in connection.execute(later)}
            at = select(Run.step).where(Run.id == self._run_id)
            self._least_step = connection.scalars(at).one()
            self._stale.expect(connection, after)
        self._levels = RunLeveller(begins=True)

    def state_dict(self) -> Any:
        """What levels of later steps depend on, once all was committed."""
        return self._levels.state_dict()

    def load_state_dict(self, state: Any) -> None:
        """Go on from there; call `write_over` first."""
        self._levels.load_state_dict(state)

    def freeze(self, network_id: int, diverged_step: int, frozen_step: int | None) -> None:
        """Queue word that a network's loss stayed non-finite, and where its training ended."""
        self._frozen.append((network_id, diverged_step, frozen_step))
        if frozen_step is not None:
            self._frozen_before.pop(network_id, None)

    def _unfreeze_before(self, step: int) -> None:
        """Queue word of networks that an earlier start froze where this one did not."""
        for network_id, frozen_step in list(self._frozen_before.items()):
            if step > frozen_step:
                del self._frozen_before[network_id]
                self._frozen.insert(0, (network_id, None, None))

    def commit(self, step: int, **run: Any) -> Status:
        """Write everything queued in one transaction, with the run's new cursor and summary.

        Args:
            step: The latest step whose records are complete with this commit.
            **run: Other columns of the run's row, such as `summary`.

        After an exception everything is still queued: call again.

        Returns:
            The run's status, by which the loop learns that it was asked to stop.

        Raises:
            RunTakenOver: The run has another start by now; nothing was written.
        """
        if "summary" in run:
            run |= highest(run["summary"])
        self._unfreeze_before(step)
        try:
            status = self._write(step, run)
        except SQLAlchemyError:
            self._stale.doubt()
            raise
        self._stale.committed(step, self._pending)
        self._pending.clear()
        self._levels.clear()
        self._frozen.clear()
        return status

    def _write(self, step: int, run: Mapping[str, Any]) -> Status:
        cursor = max(step, self._least_step)
        changed = update(Run).where(Run.id == self._run_id).values(step=cursor, **run)
        if self._start is not None:
            changed = changed.where(Run.starts == self._start)
        with writing(self._engine) as connection:
            # first, for it locks the row: nobody else begins the run meanwhile
            status = connection.execute(changed.returning(Run.status)).scalar_one_or_none()
            if status is None:
                raise RunTakenOver(f"Run {self._run_id} is trained by another process by now.")
            self._levels.insert(connection)
            self._stale.make_room(connection, self._pending)
            for (table, columns), rows in self._pending.items():
                with _drivers_errors(connection):
                    _insert(connection, table, columns, rows)
            for network_id, diverged_step, frozen_step in self._frozen:
                before = self._frozen_before.get(network_id)
                _freeze(connection, network_id, diverged_step, frozen_step, before)
                if frozen_step is not None:
                    self._stale.remove_behind(connection, network_id, frozen_step)
            self._stale.remove_rest(connection, step, self._pending)
        return cast(Status, status)


def append_measurements(
    engine: Engine, run_id: int, after: int, found: Sequence[Measurement]
) -> Status:
    """Store what a study found next, and count it in the run's `step`, in one transaction.

    Args:
        engine: The database.
        run_id: The run.
        after: How many measurements of the run are stored already.
        found: The next ones.

    Returns:
        The run's status, by which a study learns that it was asked to stop.
    """
    rows = [
        {
            **{"run_id": run_id, "position": position, "seed": one.seed},
            **{"quantity": one.quantity, "series": one.series},
            **{"x": float(one.x), "value": float(one.value)},
        }
        for position, one in enumerate(found, after + 1)
    ]
    with writing(engine) as connection:
        if rows:
            connection.execute(insert(MeasurementRecord), rows)
        status = connection.execute(
            update(Run).where(Run.id == run_id).values(step=after + len(rows)).returning(Run.status)
        ).scalar_one()
    return cast(Status, status)


def describe_run(engine: Engine, run_id: int, **columns: Any) -> None:
    """Set columns of a run's row, such as the `device` it trains on."""
    with writing(engine) as connection:
        connection.execute(update(Run).where(Run.id == run_id).values(**columns))
        if columns.get("phase"):
            add_phase(connection, run_id, columns["phase"])


def _freeze(
    connection: Connection,
    network_id: int,
    diverged_step: int | None,
    frozen_step: int | None,
    frozen_before: int | None,
) -> None:
    """Store it, and log it once: a commit whose answer was lost is tried again.

    Where an earlier start froze the network stays until this one has come as far.
    """
    kept = frozen_step or frozen_before
    is_known = [
        Network.diverged_step.is_not_distinct_from(diverged_step),
        Network.frozen_step.is_not_distinct_from(kept),
    ]
    changed = connection.execute(
        update(Network)
        .where(Network.id == network_id, ~and_(*is_known))
        .values(diverged_step=diverged_step, frozen_step=kept)
    )
    if changed.rowcount == 0 or diverged_step is None:
        return
    query = select(Network.run_id, Network.arm, Network.seed).where(Network.id == network_id)
    run_id, arm, seed = connection.execute(query).one()
    frozen = "" if frozen_step is None else f", so it was frozen after step {frozen_step:,}"
    words = f"its loss is no longer finite at step {diverged_step:,}{frozen}."
    add_entry(connection, run_id, f"{arm}, seed {seed}, diverged: {words}", "warning")


def _plain(column: Column, *, nan_as_text: bool) -> Sequence[Any]:
    """Python's own numbers; SQLite would store a bound NaN as NULL: see tables/columns.py."""
    values = column.tolist() if isinstance(column, np.ndarray) else column
    if any(isinstance(value, bytes) for value in values[:1]):
        return values
    if nan_as_text and np.isnan(np.asarray(column, np.float64)).any():
        return [NAN_TEXT if value != value else value for value in values]
    return values


@contextmanager
def _drivers_errors(connection: Connection) -> Generator[None]:
    """What the driver itself raises, a full disk for one, raised as SQLAlchemy's."""
    driver: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except driver.Error as error:
        raise DBAPIError.instance(
            None, None, error, driver.Error, dialect=connection.dialect
        ) from error


def _insert(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    driver: Any = connection.connection.driver_connection
    names = ", ".join(f'"{column}"' for column in columns)
    if connection.dialect.name == "sqlite":
        # Many rows a statement: sqlite3 gives up the interpreter lock at each statement, and a
        # lock given up is what slows a training loop in the same process.
        done = 0
        row = f"({', '.join('?' * len(columns))})"
        for size in ROWS_AT_ONCE:
            while len(rows) - done >= size:
                driver.execute(
                    f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * size)}",
                    list(chain.from_iterable(rows[done : done + size])),
                )
                done += size
        return
    stored = Table.metadata.tables[table].columns
    types = [COPY_TYPES[type(stored[column].type)] for column in columns]
    statement = f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
