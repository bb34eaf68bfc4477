"""What survives a loss of power."""

import contextlib
import os
from pathlib import Path

from sqlalchemy import Engine


def sync(path: Path) -> None:
    """See that a file, or the names in a folder, survive a loss of power."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sync_commits(engine: Engine) -> None:
    """See that everything that was committed does.

    With `synchronous=NORMAL` SQLite syncs what it has written ahead only before that goes into the
    database's file. PostgreSQL does at each commit.

    Raises:
        OSError: The disk does not take it.
    """
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database)).resolve()
        with contextlib.suppress(FileNotFoundError):  # some file systems have no such mode
            sync(file.with_name(f"{file.name}-wal"))
        sync(file.parent)
