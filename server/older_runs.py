"""Runs of earlier versions have no levels: they get them when somebody looks at them."""

import logging
import threading

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..db.backfill import backfill
from ..db.errors import ShiftscopeError
from ..db.tables import ACTIVE, Run

SHORT = 4_096
"""Steps of a run whose records are read as fast as its levels would be."""
logger = logging.getLogger(__name__)


class OlderRuns:
    """Makes the levels that are missing, beside the answers: these read the records until then."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: set[int] = set()
        self._one_at_a_time = threading.Lock()

    def looked_at(self, run: Run) -> None:
        """See to a run's levels, once; those of one that goes on are made where it is recorded."""
        if run.status in ACTIVE or run.step < SHORT or run.id in self._seen:
            return
        self._seen.add(run.id)
        # A daemon: it may be killed at any moment, and must not keep the server from ending.
        threading.Thread(target=self._fill, args=(run.id,), daemon=True).start()

    def _fill(self, run_id: int) -> None:
        with self._one_at_a_time:
            try:
                backfill(self._engine, run_id)
            except (ShiftscopeError, SQLAlchemyError) as error:
                self._seen.discard(run_id)
                logger.warning("The levels of run %s are not complete: %s", run_id, error)
