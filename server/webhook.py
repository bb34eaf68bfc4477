"""A webhook: word by HTTP of findings and of the ends of runs, sent beside the server.

A thread looks at the database once a second and posts what is new, one request after another. It
writes nothing, and nothing waits for it: a receiver that does not answer is logged, and what it was
to hear is not sent again.
"""

import logging
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from ..db import read
from ..db.findings import findings
from ..db.tables import ACTIVE, Finding, Run
from .finding_schemas import finding_public
from .wire import to_json

LOOK_SECONDS = 1.0
ANSWER_SECONDS = 5.0
logger = logging.getLogger(__name__)


class Webhook:
    """Sends what happens from its start on."""

    def __init__(self, engine: Engine, url: str, address: str) -> None:
        """Args:
        engine: The database.
        url: Where to post.
        address: Of the page, for links.
        """
        self._engine = engine
        self._url = url
        self._address = address
        self._newest_run: int | None = None
        self._newest_finding = 0
        self._active: Mapping[int, Run] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="webhook", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self) -> None:
        """Look no more; a request that is on its way is left to itself."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(LOOK_SECONDS)

    def _follow(self) -> None:
        while not self._ending.is_set():
            try:
                for event in self.look():
                    self._post(event)
            except SQLAlchemyError as error:
                logger.warning("The webhook waits for the database: %s", error)
            except Exception:  # whatever it is, the server goes on, and so do later events
                logger.exception("The webhook failed.")
            self._ending.wait(LOOK_SECONDS)

    def look(self) -> list[dict[str, Any]]:
        """What has happened since the last look; at the first one, nothing has."""
        is_first = self._newest_run is None
        newest = read.newest_run(self._engine) if self._newest_run is None else self._newest_run
        runs = read.changing_runs(self._engine, after=newest, also=list(self._active))
        found = self._new_findings([run.id for run in runs])
        # An import is no work that ends: it is there when it is committed.
        ended = [r for r in runs if r.status not in ACTIVE and r.source != "import"]
        events = [
            self._event("findings", run, found[run.id]) for run in runs if run.id in found
        ] + [self._event(run.status, run) for run in ended]
        self._newest_run = max([newest, *(run.id for run in runs)])
        self._active = {run.id: run for run in runs if run.status in ACTIVE}
        return [] if is_first else events

    def _new_findings(self, run_ids: Sequence[int]) -> dict[int, list[Any]]:
        with self._engine.connect() as connection:
            newest = connection.scalar(select(func.max(Finding.id))) or 0
        before, self._newest_finding = self._newest_finding, newest
        if newest <= before:
            return {}
        found = {run_id: findings(self._engine, run_id) for run_id in run_ids}
        new = {
            run_id: [
                finding_public(one).model_dump(mode="json")
                for one in all_
                if before < one.id <= newest
            ]
            for run_id, all_ in found.items()
        }
        return {run_id: some for run_id, some in new.items() if some}

    def _event(self, name: str, run: Run, found: Sequence[Any] = ()) -> dict[str, Any]:
        about = {"id": run.id, "name": run.name, "status": run.status, "step": run.step}
        return {
            "event": name,
            "run": about | {"error": run.error},
            "findings": list(found),
            "address": f"{self._address}/runs/{run.id}{'?tab=findings' if found else ''}",
        }

    def _post(self, event: Mapping[str, Any]) -> None:
        request = urllib.request.Request(
            self._url, to_json(event), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS):
                pass
        except (OSError, ValueError) as error:  # HTTPError is one, too
            logger.warning(
                "The webhook did not take %s of run %d: %s",
                event["event"],
                event["run"]["id"],
                error,
            )
