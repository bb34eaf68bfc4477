"""Warnings of a run's process become entries of its log."""

import contextlib
import logging

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..db.log import note


class RunLog(logging.Handler):
    """Keeps the warnings of a run with it, beside the terminal, which has them too."""

    def __init__(self, engine: Engine, run_id: int) -> None:
        super().__init__(logging.WARNING)
        self._engine = engine
        self._run_id = run_id

    def filter(self, record: logging.LogRecord) -> bool:
        """Errors end the run, and `queue.end` tells of them."""
        return record.levelno == logging.WARNING

    def emit(self, record: logging.LogRecord) -> None:
        """Add an entry; a database that does not take it keeps no run from its work."""
        with contextlib.suppress(SQLAlchemyError):
            note(self._engine, self._run_id, record.getMessage(), "warning")
