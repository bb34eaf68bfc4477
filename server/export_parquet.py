"""A table as Parquet: the extra `parquet` brings pyarrow. NaN and null stay apart."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Integer

from ..db.tables import RECORD_TABLES
from .export_sink import Sink
from .export_tables import ExportTable
from .extras import load

ROWS_IN_A_GROUP = 20_000
TEXTS = {
    *("arm", "layer", "quantity", "series", "rule", "severity", "evidence_table", "statistic"),
    *("sentence", "why", "advice", "at", "level", "message"),
}
WHOLE = {
    *("run_id", "network_id", "seed", "layer_id", "step", "unit", "entry_id", "sample"),
    *("finding_id", "first_step", "last_step", "evidence_first", "evidence_last"),
}


def parquet_chunks(table: ExportTable) -> Iterator[bytes]:
    """The file, a group of rows at a time.

    Raises:
        MissingExtra: pyarrow is not installed; with the first chunk.
    """
    arrow, parquet = load("parquet", "pyarrow"), load("parquet", "pyarrow.parquet")
    schema = arrow.schema([(name, _type(arrow, table, name)) for name in table.columns])
    sink = Sink()
    with parquet.ParquetWriter(sink, schema) as writer:
        while rows := list(islice(table.rows, ROWS_IN_A_GROUP)):
            columns = [
                arrow.array(column, field.type)
                for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_table(arrow.table(columns, schema=schema))
            yield sink.take()
    yield sink.take()


def _type(arrow: Any, table: ExportTable, column: str) -> Any:
    if column in TEXTS:
        return arrow.string()
    if column in WHOLE:
        return arrow.int64()
    recorded = RECORD_TABLES.get(table.name)
    is_count = recorded and isinstance(recorded.__table__.columns[column].type, Integer)
    return arrow.int64() if is_count else arrow.float64()
