"""`shiftscope purge`: what was deleted is removed for good."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ..db import edit
from ..db.engine import open_database
from .flags import DatabaseFlag, DataFlag
from .settings import load_settings


def purge(
    days: Annotated[
        int, typer.Option(min=0, max=36_500, help="Keep what was deleted in so many last days.")
    ] = 7,
    database: DatabaseFlag = None,
    data: DataFlag = None,
) -> None:
    """Remove deleted runs and their records for good."""
    engine = open_database(load_settings(database=database, data=data).database_url)
    gone = edit.purge(engine, datetime.now(UTC) - timedelta(days=days))
    engine.dispose()
    numbers = ", ".join(str(number) for number in sorted(gone))
    typer.echo(f"Removed: {numbers}." if gone else "Nothing to remove.")
