"""The list of runs with its sweeps folded: the runs of a sweep that match are one row of it.

A sweep of which a single run matches is not folded: a search that names a run shows that run. Like
`listing`, it reads runs' own rows and no records.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from .listing import NEWEST, order
from .matching import matching
from .parsing import value_at
from .sweeps import settings
from .tables import Run, Sweep


class Row(NamedTuple):
    """A row of the list: a run (`sweep` is None), a folded sweep (`run` is None), or a run of a
    sweep that is opened, below the sweep's own row."""

    sweep: int | None
    run: int | None


@dataclass(frozen=True)
class Best:
    """The run of a sweep that finished with the highest accuracy on the test set.

    Attributes:
        run: Its number.
        accuracy: Its `best_accuracy`.
        values: Of the swept settings, in their order.
    """

    run: int
    accuracy: float
    values: tuple[Any, ...]


@dataclass(frozen=True)
class FoldedSweep:
    """A sweep as one row.

    Attributes:
        sweep: Its own row.
        runs: The numbers of its runs that match, in the order of the list.
        size: How many runs it has, whether they match or not.
        statuses: How many of those that match there are of each status.
        best: Of those that match and finished; None where none was evaluated.
    """

    sweep: Sweep
    runs: tuple[int, ...]
    size: int
    statuses: dict[str, int]
    best: Best | None


@dataclass(frozen=True)
class FoldedPage:
    """Part of a list with folded sweeps.

    Attributes:
        rows: Its rows.
        runs: The runs that rows show.
        sweeps: The sweeps that rows show, or that were opened and show their runs.
        total: How many rows the whole list has.
        matched: How many runs match.
        folded: How many rows of the whole list are sweeps.
    """

    rows: Sequence[Row]
    runs: Sequence[Run]
    sweeps: Sequence[FoldedSweep]
    total: int
    matched: int
    folded: int


def page(
    engine: Engine,
    query: str = "",
    *,
    sort: str = NEWEST,
    opened: Collection[int] = (),
    limit: int = 100,
    offset: int = 0,
) -> FoldedPage:
    """The rows from the place `offset` on. A sweep stands where the first of its runs would.

    Args:
        engine: The database.
        query: As docs/search.md describes it.
        sort: What runs are sorted by, as in `listing.SORTS`.
        opened: Sweeps whose runs are rows, too, below their own.
        limit: So many rows at most.
        offset: The place of the first one.

    Raises:
        SearchError: The query is not understood.
    """
    matched, folds = _read(engine, query, sort)
    rows = list(_rows(matched, folds, opened))
    wanted = rows[offset : offset + limit]
    run_ids = [run for _, run in wanted if run is not None]
    shown = {sweep for sweep, _ in wanted if sweep is not None}
    with Session(engine) as session:
        ended = session.execute(
            select(Run.id, Run.sweep_id, Run.status, Run.best_accuracy).where(
                Run.sweep_id.in_(shown), matching(query, datetime.now(UTC))
            )
        )
        members: dict[int | None, list[_Member]] = {}
        for run_id, sweep_id, status, best in ended:
            members.setdefault(sweep_id, []).append(_Member(run_id, status, best))
        best = {sweep: found for sweep, own in members.items() if (found := _best(own))}
        loaded = [*run_ids, *(found.run for found in best.values())]
        runs = {run.id: run for run in session.scalars(select(Run).where(Run.id.in_(loaded)))}
        sweeps = session.scalars(select(Sweep).where(Sweep.id.in_(shown)).order_by(Sweep.id)).all()
        sizes = select(Run.sweep_id, func.count()).group_by(Run.sweep_id)
        counted = {sweep: n for sweep, n in session.execute(sizes.where(Run.sweep_id.in_(shown)))}
    return FoldedPage(
        rows=[row for row in wanted if row.run is None or row.run in runs],
        runs=[runs[number] for number in run_ids if number in runs],
        sweeps=[
            FoldedSweep(
                sweep,
                tuple(folds[sweep.id]),
                counted.get(sweep.id, 0),
                dict(Counter(one.status for one in members.get(sweep.id, []))),
                _told(sweep, best.get(sweep.id), runs),
            )
            for sweep in sweeps
        ],
        total=len(rows),
        matched=len(matched),
        folded=len(folds),
    )


def numbers(
    engine: Engine, query: str = "", *, sort: str = NEWEST, opened: Collection[int] = ()
) -> list[tuple[int, ...]]:
    """For every row of the list the numbers of the runs that it stands for.

    Raises:
        SearchError: The query is not understood.
    """
    matched, folds = _read(engine, query, sort)
    return [
        (run,) if run is not None else tuple(folds[sweep])
        for sweep, run in _rows(matched, folds, opened)
    ]


_Matched = Sequence[tuple[int, int | None]]
"""The number of every run that matches, in order, and the sweep that it is in."""
_Folds = Mapping[int | None, Sequence[int]]
"""Of each sweep that is folded the runs that match, in order."""


class _Member(NamedTuple):
    run: int
    status: str
    best: float | None


def _read(engine: Engine, query: str, sort: str) -> tuple[_Matched, _Folds]:
    chosen = select(Run.id, Run.sweep_id).where(matching(query, datetime.now(UTC)))
    with engine.connect() as connection:
        matched = connection.execute(chosen.order_by(*order(sort))).all()
    folds: dict[int | None, list[int]] = {}
    for run, sweep in matched:
        if sweep is not None:
            folds.setdefault(sweep, []).append(run)
    return matched, {sweep: own for sweep, own in folds.items() if len(own) > 1}


def _rows(matched: _Matched, folds: _Folds, opened: Collection[int]) -> Iterator[Row]:
    seen: set[int] = set()
    for run, sweep in matched:
        if sweep is None or sweep not in folds:
            yield Row(None, run)
        elif sweep not in seen:
            seen.add(sweep)
            yield Row(sweep, None)
            if sweep in opened:
                yield from (Row(sweep, one) for one in folds[sweep])


def _best(members: Sequence[_Member]) -> _Member | None:
    """What a run has come to that did not finish can't be compared with the others."""
    ended = [one for one in members if one.status == "finished" and _is_number(one.best)]
    return max(ended, key=lambda one: (one.best, -one.run), default=None)


def _is_number(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _told(sweep: Sweep, found: _Member | None, runs: Mapping[int, Run]) -> Best | None:
    if found is None or found.best is None or (run := runs.get(found.run)) is None:
        return None
    values = tuple(value_at(run.experiment or {}, path) for path in settings(sweep))
    return Best(run.id, found.best, values)
