"""A webhook: word by HTTP of findings and of the ends of runs.

A thread looks at the database once a second and posts what is new, one request after another. It
writes nothing, and nothing waits for it but the end of a program, for seconds. A receiver that does
not answer is logged, and what it was to hear is not sent again.
"""

import contextlib
import logging
import threading
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from html import escape
from http.client import HTTPException
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from . import read
from .findings import described, findings
from .plain_json import to_json
from .tables import ACTIVE, Finding, Run

LOOK_SECONDS = 1.0
ANSWER_SECONDS = 5.0
MOST_CONTENT = 2_000
"""Characters that Discord takes."""
MOST_LATE = 8
"""So many requests may go on after that; while they do, nothing more is sent."""
logger = logging.getLogger(__name__)


class _Direct(urllib.request.HTTPRedirectHandler):
    """Follows nothing: after a redirection a POST would go on as a GET, without what it tells."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Leave the answer as it is, which is an error then."""


_late = threading.BoundedSemaphore(MOST_LATE)
_opener = urllib.request.build_opener(_Direct)


class Webhook:
    """Sends what happens from its start on, to every run or to one."""

    def __init__(
        self, engine: Engine, url: str, address: str | None = None, *, only: int | None = None
    ) -> None:
        """Args:
        engine: The database.
        url: Where to post.
        address: Of the page, for links; None where no server tells.
        only: A run that has just begun, of which all is told; None: every run, from now on.
        """
        self._engine = engine
        self._url = url
        self._address = address
        self._only = only
        self._newest_run: int | None = None
        self._newest_finding = 0
        self._active: Mapping[int, Run] = {}
        self._told_end = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="webhook", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def end(self, patience: float = LOOK_SECONDS) -> None:
        """Look once more, then never again.

        Args:
            patience: Seconds to wait for that; a request that takes longer is left to itself.
        """
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _follow(self) -> None:
        while True:
            is_last = self._ending.is_set()
            try:
                for one in self.look():
                    post(self._url, one)
            except SQLAlchemyError as error:
                logger.warning("The webhook waits for the database: %s", error)
            except Exception:  # whatever it is, the program goes on, and so do later events
                logger.exception("The webhook failed.")
            if is_last:
                return
            self._ending.wait(LOOK_SECONDS)

    def look(self) -> list[dict[str, Any]]:
        """What has happened since the last look; of every run, at the first one nothing has."""
        if self._only is not None:
            return self._look_at(read.run(self._engine, self._only))
        is_first = self._newest_run is None
        newest = read.newest_run(self._engine) if self._newest_run is None else self._newest_run
        runs = read.changing_runs(self._engine, after=newest, also=list(self._active))
        found = self._new_findings([run.id for run in runs])
        # An import is no work that ends: it is there when it is committed.
        ended = [r for r in runs if r.status not in ACTIVE and r.source != "import"]
        events = [
            self._event(run, "findings", found[run.id]) for run in runs if run.id in found
        ] + [self._event(run, run.status) for run in ended]
        self._newest_run = max([newest, *(run.id for run in runs)])
        self._active = {run.id: run for run in runs if run.status in ACTIVE}
        return [] if is_first else events

    def _look_at(self, run: Run) -> list[dict[str, Any]]:
        """Likewise of one run. It may end twice: a sleeping machine's is alive after all."""
        found = self._new_findings([run.id])
        events = [self._event(run, "findings", some) for some in found.values()]
        if run.status not in ACTIVE and run.status != self._told_end:
            self._told_end = run.status
            events.append(self._event(run, run.status))
        return events

    def _new_findings(self, run_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        with self._engine.connect() as connection:
            newest = connection.scalar(select(func.max(Finding.id))) or 0
        before, self._newest_finding = self._newest_finding, newest
        if newest <= before:
            return {}
        found = {run_id: findings(self._engine, run_id) for run_id in run_ids}
        new = {
            run_id: [described(one) for one in all_ if before < one.id <= newest]
            for run_id, all_ in found.items()
        }
        return {run_id: some for run_id, some in new.items() if some}

    def _event(
        self, run: Run, name: str, found: Sequence[Mapping[str, Any]] = ()
    ) -> dict[str, Any]:
        page = f"{self._address}/runs/{run.id}{'?tab=findings' if found else ''}"
        return event(run, name, found, None if self._address is None else page)


def event(
    run: Run, name: str, found: Sequence[Mapping[str, Any]] = (), address: str | None = None
) -> dict[str, Any]:
    """What is posted, as docs/protocol.md describes it.

    `text` is where Slack looks, `content` where Discord does: the same sentence, and no name in it
    calls anybody.
    """
    said = f"Run {run.id}, {run.name}: " + ("; ".join(one["title"] for one in found) or name)
    if run.error and not found:
        said += f". {run.error}"
    if address is not None:
        said += f" {address}"
    about = {"id": run.id, "name": run.name, "status": run.status, "step": run.step}
    return {
        "event": name,
        "run": about | {"error": run.error},
        "findings": list(found),
        "address": address,
        "text": escape(said, quote=False),
        "content": said[:MOST_CONTENT],
        "allowed_mentions": {"parse": []},
    }


def post(url: str, content: Mapping[str, Any]) -> None:
    """Send an event; that it was not taken within `ANSWER_SECONDS` is logged.

    A timeout of the socket is one of each read: a thread bounds them all, and finding the address.
    """
    if not _late.acquire(blocking=False):
        _missed(content, f"{MOST_LATE} earlier requests have not been answered yet")
        return
    left = threading.Event()
    sender = threading.Thread(target=_send, args=(url, content, left), daemon=True)
    try:
        sender.start()
    except RuntimeError:  # no thread starts once the interpreter ends
        _send(url, content, left)
        return
    sender.join(ANSWER_SECONDS)
    if sender.is_alive():
        left.set()
        _missed(content, f"it did not answer within {ANSWER_SECONDS:g} s")


def _send(url: str, content: Mapping[str, Any], left: threading.Event) -> None:
    request = urllib.request.Request(
        url, to_json(content), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with _opener.open(request, timeout=ANSWER_SECONDS):
            pass
    except (OSError, ValueError, HTTPException) as error:  # HTTPError is one, too
        if not left.is_set():
            _missed(content, error)
    finally:
        _late.release()


def _missed(content: Mapping[str, Any], why: object) -> None:
    whose = (content["event"], content["run"]["id"])
    logger.warning("The webhook did not take %s of run %d: %s", *whose, why)


@contextlib.contextmanager
def telling(engine: Engine, url: str, run_id: int) -> Generator[None]:
    """Tell of a run that has just begun, while the block lasts and of how it ended.

    Args:
        engine: The database.
        url: Where to post; "": nowhere.
        run_id: The run.
    """
    if not url:
        yield
        return
    webhook = Webhook(engine, url, only=run_id)
    webhook.start()
    try:
        yield
    finally:
        webhook.end(2 * ANSWER_SECONDS)
