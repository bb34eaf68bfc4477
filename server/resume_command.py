"""`shiftscope resume`: a run goes on where it was, without a page."""

from ..db import audit, resuming
from ..db.engine import open_database
from .flags import DatabaseFlag, DataFlag, RunNumber, WebhookFlag
from .headless import own_worker, train_to_end
from .run_command import tell_end
from .settings import load_settings, make_folder


def resume(
    run: RunNumber,
    database: DatabaseFlag = None,
    data: DataFlag = None,
    webhook: WebhookFlag = None,
) -> None:
    """Go on with a run that was stopped, or that failed, without a page.

    It begins where its newest checkpoint is, or anew where there is none, and is trained here,
    unless a worker takes it first; with PostgreSQL it waits for one that has its checkpoint.
    Output, Ctrl-C and how it ends are those of `shiftscope run`.
    """
    places = load_settings(database=database, data=data, webhook=webhook)
    make_folder(places)
    engine = open_database(places.database_url)
    with own_worker(engine, places) as worker:
        resuming.resume(engine, run)
        audit.record(engine, audit.COMMAND_LINE, "resume run", [run])
        done = train_to_end(engine, worker, run)
    tell_end(engine, done)
