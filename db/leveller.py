"""Makes the chunks of levels from records, as they come."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from .buckets import Buckets, joined, merged, of_records
from .levels import (
    BUCKETS,
    LEAST_RECORDS,
    LEVELLED,
    LEVELS,
    NAN,
    NULL,
    STEPS,
    Key,
    Row,
    insert_levels,
)
from .tables import RECORD_TABLES, statistics_of

Column = Sequence[float | int | bytes | None] | np.ndarray
"""A number, or an array of bytes, for each record; None where a statistic does not apply."""
HELD_RECORDS = 512
"""Of a series, taken together: numpy's calls cost more than what they compute."""
HELD_PARTS = 64
"""Of a chunk, before they are merged: so much memory at most, however often records come."""
Owner = tuple[str, int]
"""A table of records, and the network that they are of."""


class RunLeveller:
    """The levels of all series that one writer begins."""

    def __init__(self, *, begins: bool = False) -> None:
        """`begins`: it sees every series from the first record on, or goes on from `state_dict`,
        though there may be records."""
        self._begins = begins
        self._added: dict[str, list[tuple[np.ndarray, Buckets]]] = {}
        self._levellers: dict[Key, Leveller] = {}
        self._new: set[Owner] = set()
        self._continued: set[Owner] = set()
        """Whose first records another writer stored: `backfill.py` makes their levels."""
        self._rows: list[Row] = []

    def add(self, table: str, columns: Mapping[str, Column]) -> None:
        """Take records of any series of a table, its keys among the columns; others have none.

        The next `insert` puts them in order; those after it must be of later steps.
        """
        if table not in LEVELLED:
            return
        steps = np.array(columns["step"], np.int64)
        names = statistics_of(table)
        values = np.full((len(names), len(steps)), np.nan)
        null = np.ones(values.shape, bool)
        for at, name in enumerate(names):
            if (column := columns.get(name)) is not None:
                values[at] = np.asarray(column, np.float64)  # None becomes NaN
                is_array = isinstance(column, np.ndarray)
                null[at] = False if is_array else [value is None for value in column]
        owners = np.array([columns["network_id"], columns.get("layer_id", np.zeros(len(steps)))])
        added = self._added.setdefault(table, [])
        added.append((owners.astype(np.int64), of_records(steps, values, null)))

    def insert(self, connection: Connection) -> None:
        """Store the chunks that are complete, in the transaction of the records, ahead of them."""
        for table, added in self._added.items():
            owners = np.concatenate([owners for owners, _ in added], axis=1)
            self._take(table, owners, joined([records for _, records in added]))
        self._added.clear()
        if not self._begins:
            self._continued |= {owner for owner in self._new if _has_records(connection, *owner)}
        self._new.clear()  # asked again after a commit in doubt, the records might be its own
        insert_levels(
            connection,
            [
                row
                for row in self._rows
                if (row["table_name"], row["network_id"]) not in self._continued
            ],
        )

    def clear(self) -> None:
        """What `insert` stored is committed."""
        self._rows.clear()

    def state_dict(self) -> list[Any]:
        """What is in no chunk yet, when all was inserted."""
        own = [leveller.state_dict() for leveller in self._levellers.values()]
        return [sorted(self._continued), own]

    def load_state_dict(self, state: list[Any]) -> None:
        """Go on from there."""
        continued, levellers = state
        self._continued = set(continued)
        for one in levellers:
            key = Key(*one["key"])
            self._levellers[key] = Leveller(key, statistics_of(key.table))
            self._levellers[key].load_state_dict(one)

    def _take(self, table: str, owners: np.ndarray, records: Buckets) -> None:
        order = np.lexsort((records.step, owners[1], owners[0]))
        if (np.diff(order) < 0).any():
            owners, records = owners[:, order], records.where(order)
        begins = np.flatnonzero(np.diff(owners, prepend=-1).any(axis=0))
        for begin, end in zip(begins, [*begins[1:], len(records)], strict=True):
            network_id, layer_id = owners[:, begin].tolist()
            key = Key(table, network_id, layer_id or None)
            leveller = self._levellers.get(key)
            if leveller is None:
                leveller = self._levellers[key] = Leveller(key, statistics_of(table))
                self._new.add((table, network_id))
            self._rows += leveller.add(records.where(slice(begin, end)))


def _has_records(connection: Connection, table: str, network_id: int) -> bool:
    columns = RECORD_TABLES[table].__table__.columns
    query = select(columns.step).where(columns.network_id == network_id).limit(1)
    return connection.execute(query).first() is not None


class Leveller:
    """Makes the chunks of one series from its records, as they come."""

    def __init__(self, key: Key, statistics: Sequence[str]) -> None:
        """Begin before the first record, or where a chunk of the highest level begins."""
        self.key = key
        self._chunks = [_Chunk(key, statistics, width) for width in LEVELS]
        self._held: list[Buckets] = []
        self._records = 0
        self._latest = 0

    def add(self, records: Buckets) -> list[Row]:
        """Take the next records; returns the rows of all chunks that are complete now.

        Args:
            records: Each a bucket of its own, with all statistics.

        Raises:
            ValueError: They are not in the order of their steps.
        """
        steps = records.step
        if not len(steps):
            return []
        if steps[0] < self._latest or (np.diff(steps) < 0).any():
            raise ValueError(f"{self.key}: records must come in the order of their steps.")
        self._latest = int(steps[-1])
        self._held.append(records)
        self._records += len(steps)
        if self._records < HELD_RECORDS and self._latest < self._chunks[0].stop:
            return []
        all_steps = np.concatenate([part.step for part in self._held])
        buckets, rows = self._held, list[Row]()
        for chunk in self._chunks:
            buckets = [merged(buckets, chunk.width)]
            rows += chunk.add(buckets[0], all_steps)
        self._held, self._records = [], 0
        return rows

    def state_dict(self) -> dict[str, Any]:
        """What is in no chunk yet."""
        return {
            "key": tuple(self.key),
            "latest": self._latest,
            "held": [part.arrays for part in self._held],
            "chunks": [chunk.state_dict() for chunk in self._chunks],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._latest = state["latest"]
        self._held = [Buckets(*arrays) for arrays in state["held"]]
        self._records = sum(map(len, self._held))
        for chunk, known in zip(self._chunks, state["chunks"], strict=True):
            chunk.load_state_dict(known)


class _Chunk:
    """The chunk of one level that is not complete yet."""

    def __init__(self, key: Key, statistics: Sequence[str], width: int) -> None:
        self.width = width
        self.stop = 0
        self._key = key
        self._statistics = statistics
        self._parts: list[Buckets] = []
        self._records = 0

    def add(self, buckets: Buckets, steps: np.ndarray) -> list[Row]:
        """Take buckets of the level's width and the steps of the records in them."""
        span = self.width * BUCKETS
        rows: list[Row] = []
        ends = (buckets.step // span + 1) * span
        records = (steps // span + 1) * span
        for stop in np.unique(ends).tolist():
            if stop > self.stop:
                rows += self._close()
                self.stop = stop
            self._parts.append(buckets.where(ends == stop))
            self._records += int(np.count_nonzero(records == stop))
        if len(self._parts) > HELD_PARTS:
            self._parts = [merged(self._parts, self.width)]
        return rows

    def state_dict(self) -> dict[str, Any]:
        """What there is of it."""
        parts = [part.arrays for part in self._parts]
        return {"stop": self.stop, "records": self._records, "parts": parts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.stop, self._records = state["stop"], state["records"]
        self._parts = [Buckets(*arrays) for arrays in state["parts"]]

    def _close(self) -> list[Row]:
        if not self._parts:
            return []
        buckets, records = merged(self._parts, self.width), self._records
        self._parts, self._records = [], 0
        if records < LEAST_RECORDS * len(buckets):
            return []
        key = self._key.row() | {
            "width": self.width,
            "start": self.stop - self.width * BUCKETS,
        }
        steps = {
            "low": buckets.step.astype("<i8").tobytes(),
            "high": buckets.last_step.astype("<i8").tobytes(),
        }
        rows = [key | {"statistic": STEPS, **steps, "flags": None}]
        flags = buckets.nan * NAN + buckets.null * NULL
        for at, statistic in enumerate(self._statistics):
            if buckets.null[at].all():
                continue
            values = {
                "low": buckets.low[at].astype("<f8").tobytes(),
                "high": buckets.high[at].astype("<f8").tobytes(),
                "flags": flags[at].astype(np.uint8).tobytes() if flags[at].any() else None,
            }
            rows.append(key | {"statistic": statistic, **values})
        return rows
