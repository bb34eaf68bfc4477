"""`shiftscope purge`: what was deleted is removed for good."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ..db import audit, edit
from ..db.checkpoints import checkpoints_folder, remove_checkpoints
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
    """Remove deleted runs, their records and their checkpoints for good."""
    places = load_settings(database=database, data=data)
    engine = open_database(places.database_url)
    gone = edit.purge(engine, datetime.now(UTC) - timedelta(days=days))
    if gone:
        audit.record(engine, audit.COMMAND_LINE, "purge run", sorted(gone))
    remove_checkpoints(checkpoints_folder(engine, places.data_folder), gone)
    engine.dispose()
    numbers = ", ".join(str(number) for number in sorted(gone))
    typer.echo(f"Removed: {numbers}." if gone else "Nothing to remove.")
