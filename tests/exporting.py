"""An export as one text, for tests that read it back."""

from sqlalchemy import Engine

from shiftscope.server.export import csv_chunks
from shiftscope.server.export_tables import export_table


def csv_text(engine: Engine, run_id: int, table: str) -> str:
    """The whole CSV file of a table."""
    return b"".join(csv_chunks(export_table(engine, run_id, table))).decode()
