"""A watched run whose recorder ended early: the training process says so in its stead."""

import contextlib
from collections.abc import Mapping
from typing import Any

from ..db import queue, read
from ..db.engine import open_database
from ..db.webhook import event, post
from ..db.write import describe_run


def end_without_recorder(
    url: str, run_id: int | None, error: str, watched: Mapping[str, Any], webhook: str
) -> None:
    """Mark the run as failed, if the database takes that; never raises.

    Args:
        url: Of the database.
        run_id: None where the recorder ended before there was a run.
        error: Why, a sentence for a person.
        watched: The run's document, with what is not recorded.
        webhook: Where word of it is posted; "": nowhere.
    """
    if run_id is None:
        return
    with contextlib.suppress(Exception):
        engine = open_database(url)
        try:
            is_news = queue.end(engine, run_id, "failed", error)
            describe_run(engine, run_id, watched=dict(watched))
            if webhook and is_news:
                post(webhook, event(read.run(engine, run_id), "failed"))
        finally:
            engine.dispose()
