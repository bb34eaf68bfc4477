"""What a database holds, as tests ask for it."""

from typing import Any

from sqlalchemy import Engine, text

from shiftscope.db import read


def rows(engine: Engine, question: str) -> list[tuple[Any, ...]]:
    """The rows that a question in SQL finds."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(question))]


def column(engine: Engine, question: str) -> list[Any]:
    """The only column of what a question finds."""
    return [value for (value,) in rows(engine, question)]


def exported(engine: Engine, run_id: int, table: str = "layer_records") -> list[dict[str, Any]]:
    """The exported rows of a table."""
    columns = read.export_columns(table)
    return [dict(zip(columns, row, strict=True)) for row in read.export_rows(engine, run_id, table)]
