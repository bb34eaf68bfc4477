"""The list of runs as CSV: a row for each, with all that the list knows of it, and its settings."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from ..db import listing
from ..db.findings import counted
from ..db.outline import setting
from ..db.plain_json import to_json
from ..db.search import setting_keys
from ..db.tables import Run
from .comparison_files import setting_cell
from .run_schemas import RunPublic, run_public

ACCURACIES = ("last_accuracy", "best_accuracy")
"""Of the arm where each is highest, besides those of each arm in `summary`."""
WORDS = ("norms", "seeds", "tags")
"""Columns of several values without spaces, which stand between them; lists of others are JSON."""
OF_RUNS = (
    *("run_id", *(name for name in RunPublic.model_fields if name != "id")),
    *(*ACCURACIES, "findings", "severity"),
)


def run_rows(engine: Engine, query: str, sort: str) -> Iterator[Sequence[object]]:
    """The header, and a row for each run that matches, in order.

    Raises:
        SearchError: The query is not understood; at once.
    """
    return _rows(engine, listing.whole(engine, query, sort=sort))


def _rows(engine: Engine, parts: Iterator[Sequence[Run]]) -> Iterator[Sequence[object]]:
    settings = (*setting_keys(), *listing.said(engine))
    yield (*OF_RUNS, *settings)
    for part in parts:
        found = {one.run: vars(one) for one in counted(engine, [run.id for run in part])}
        for run in part:
            told = vars(run_public(run)) | {"run_id": run.id} | found.get(run.id, {})
            told |= {name: getattr(run, name) for name in ACCURACIES}
            yield (
                *(_written(name, told.get(name)) for name in OF_RUNS),
                *(setting_cell(setting(run, name)) for name in settings),
            )


def _written(name: str, value: Any) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if name in WORDS:
        return " ".join(map(str, value))
    return to_json(value).decode() if isinstance(value, list | dict) else value
