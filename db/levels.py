"""Levels: minima and maxima of long series, kept beside the records, so that a view of a long run
reads few rows.

A level is a width of buckets, 32 or 1,024 steps. A **chunk** is what 32 neighbouring buckets of one
level came to, statistic by statistic. It is stored once, with the records that complete it, and
says nothing that they do not: what no chunk stands for, a series reads from its records. The
newest records are in none, nor are those of a series so sparse that a chunk would hardly be
smaller than they are.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, select, text

from .buckets import Buckets
from .tables import GradientShiftRecord, LandscapeRecord, LayerRecord, Level, NetworkRecord

LEVELS = (32, 1024)
"""Steps in a bucket; each a multiple of the one before."""
BUCKETS = 32
"""In a chunk, at most: those that no record fell into are left out."""
LEAST_RECORDS = 4
"""In a bucket of a chunk, on average: below, the chunk is not worth its room."""
LEVELLED = frozenset(
    table.__tablename__
    for table in (LayerRecord, NetworkRecord, GradientShiftRecord, LandscapeRecord)
)
"""The tables whose series have levels: those that may have a record at every step."""
STEPS = "step"
"""In place of a statistic: the first and the last recorded step of each bucket."""
NAN, NULL = 1, 2
"""Bits of a bucket's flags: a value was NaN; the statistic applies nowhere in it."""
_COLUMNS = [column.name for column in Level.__table__.columns]
_INSERT = text(
    f"INSERT INTO {Level.__tablename__} ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) ON CONFLICT DO NOTHING"
)
Row = dict[str, Any]
Steps = tuple[int, int]


class Key(NamedTuple):
    """Whose records: a network's or, in a table of layers, those of one of its layers."""

    table: str
    network_id: int
    layer_id: int | None

    def row(self) -> Row:
        """As columns of `levels`."""
        return {
            "table_name": self.table,
            "network_id": self.network_id,
            "layer_id": self.layer_id or 0,
        }


def insert_levels(connection: Connection, rows: Sequence[Row]) -> None:
    """Store rows of chunks; those that are there already are the same and stay."""
    if rows:
        connection.execute(_INSERT, rows)


def read_level(
    connection: Connection, key: Key, statistics: Sequence[str], width: int, steps: Steps
) -> tuple[list[Buckets], list[Steps]]:
    """What a level says of a range of steps, and the ranges of which it says nothing.

    Args:
        connection: The database.
        key: Whose records.
        statistics: Of which statistics; one that no row is of applied nowhere in the chunk.
        width: The level.
        steps: The first step, a multiple of `width`, and the last one.
    """
    first, last = steps
    span = width * BUCKETS
    whole = (last + 1) // width * width  # the bucket of the last step may reach beyond it
    columns = Level.__table__.columns
    query = (
        select(columns.start, columns.statistic, columns.low, columns.high, columns.flags)
        .where(*(columns[name] == value for name, value in key.row().items()))
        .where(columns.width == width, columns.start.between(first // span * span, whole - 1))
        .where(columns.statistic.in_([STEPS, *statistics]))
        .order_by(columns.start)
    )
    chunks: dict[int, dict[str, tuple[bytes, bytes, bytes | None]]] = {}
    for start, statistic, low, high, flags in connection.execute(query):
        chunks.setdefault(start, {})[statistic] = (low, high, flags)
    if not chunks:
        return [], [steps]
    gaps: list[Steps] = []
    at = first
    for start in chunks:
        if start > at:
            gaps.append((at, start - 1))
        at = max(first, min(start + span, whole))
    if at <= last:
        gaps.append((at, last))
    found = _decoded(list(chunks.values()), statistics)
    return [found.where((found.step >= first) & (found.step < whole))], gaps


def _decoded(
    chunks: Sequence[dict[str, tuple[bytes, bytes, bytes | None]]], statistics: Sequence[str]
) -> Buckets:
    lows: dict[str, list[bytes]] = {name: [] for name in (STEPS, *statistics)}
    highs: dict[str, list[bytes]] = {name: [] for name in (STEPS, *statistics)}
    flags: dict[str, list[bytes]] = {name: [] for name in (STEPS, *statistics)}
    nan = np.array(np.nan, "<f8").tobytes()
    for chunk in chunks:
        buckets = len(chunk[STEPS][0]) // 8
        nowhere = (nan * buckets, nan * buckets, bytes([NULL]) * buckets)
        for name in (STEPS, *statistics):
            low, high, flag = chunk.get(name, nowhere)
            lows[name].append(low)
            highs[name].append(high)
            flags[name].append(bytes(buckets) if flag is None else flag)

    def columns(parts: dict[str, list[bytes]], dtype: str) -> np.ndarray:
        joined = b"".join(b"".join(parts[name]) for name in statistics)
        return np.frombuffer(joined, dtype).reshape(len(statistics), -1)

    flagged = columns(flags, "u1")
    return Buckets(
        np.frombuffer(b"".join(lows[STEPS]), "<i8"),
        np.frombuffer(b"".join(highs[STEPS]), "<i8"),
        columns(lows, "<f8"),
        columns(highs, "<f8"),
        flagged & NAN != 0,
        flagged & NULL != 0,
    )
