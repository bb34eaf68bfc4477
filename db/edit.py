"""What a person does to runs in the list: rename, tag, note, archive, delete, restore, purge.

Many runs are changed in one transaction. A function returns, by number, why runs were left as they
were; the others are done.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints
from sqlalchemy import Engine, bindparam, delete, select, update

from .engine import writing
from .errors import Conflict, NotFound
from .tables import ACTIVE, Run

MOST_TAGS = 20
Refused = dict[int, NotFound | Conflict]

# One word: a query takes commas, quotes and asterisks for something else.
Tag = Annotated[
    str,
    StringConstraints(max_length=40, to_lower=True, pattern=r'^[^\s,"*\x00-\x1f\x7f]+$'),
]
Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$"),
]


def _once(tags: list[str]) -> list[str]:
    once = list(dict.fromkeys(tags))
    if len(once) > MOST_TAGS:
        raise ValueError(f"Expected at most {MOST_TAGS} tags")
    return once


Tags = Annotated[list[Tag], AfterValidator(_once)]


def change(engine: Engine, run_ids: Sequence[int], **columns: Any) -> Refused:
    """Set columns that are a person's own: `name`, `tags`, `note` or `archived`."""
    return _update(engine, run_ids, lambda _run: columns)


def tag(engine: Engine, run_ids: Sequence[int], word: str) -> Refused:
    """Add a tag; runs that have as many as there may be are refused."""

    def added(run: Run) -> dict[str, Any]:
        if word not in run.tags and len(run.tags) >= MOST_TAGS:
            raise Conflict(f"Run {run.id} has {MOST_TAGS} tags already. Take one away first.")
        return {"tags": list(dict.fromkeys([*run.tags, word]))}

    return _update(engine, run_ids, added)


def untag(engine: Engine, run_ids: Sequence[int], word: str) -> Refused:
    """Take a tag away."""
    return _update(engine, run_ids, lambda run: {"tags": [t for t in run.tags if t != word]})


def remove(engine: Engine, run_ids: Sequence[int]) -> Refused:
    """Delete: no list shows it any more, and `restore` brings it back until it is purged."""
    now = datetime.now(UTC)

    def removed(run: Run) -> dict[str, Any]:
        if run.status in ACTIVE:
            raise Conflict(f"Run {run.id} is {run.status}. Stop it before you delete it.")
        return {"deleted_at": run.deleted_at or now}

    return _update(engine, run_ids, removed)


def restore(engine: Engine, run_ids: Sequence[int]) -> Refused:
    """Undo a deletion."""
    return _update(engine, run_ids, lambda _run: {"deleted_at": None})


def purge(engine: Engine, before: datetime) -> list[int]:
    """Remove for good, with their records, the runs that were deleted before a moment."""
    with writing(engine) as connection:
        gone = delete(Run).where(Run.deleted_at < before).returning(Run.id)
        return list(connection.scalars(gone))


def _update(
    engine: Engine, run_ids: Sequence[int], columns: Callable[[Any], dict[str, Any]]
) -> Refused:
    """Update runs by what each has."""
    refused: Refused = {}
    now = datetime.now(UTC)
    changes: list[dict[str, Any]] = []
    held = select(Run.id, Run.status, Run.tags, Run.deleted_at).where(Run.id.in_(run_ids))
    with writing(engine) as connection:
        rows = {row.id: row for row in connection.execute(held.with_for_update())}
        for run_id in dict.fromkeys(run_ids):
            if run_id not in rows:
                refused[run_id] = NotFound(f"There is no run {run_id}.")
                continue
            try:
                changes.append(columns(rows[run_id]) | {"edited_at": now, "run": run_id})
            except Conflict as error:
                refused[run_id] = error
        if changes:
            connection.execute(update(Run).where(Run.id == bindparam("run")), changes)
    return refused
