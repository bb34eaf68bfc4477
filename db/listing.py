"""The list of runs: a page of it, searched and sorted, and what is drawn beside a run.

It reads runs' own rows, and counts findings where it is asked for them; only the sparklines of the
runs in sight look at evaluations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean as mean
from typing import Any, cast

from sqlalchemy import ColumnElement, Engine, String, case, func, select, type_coerce
from sqlalchemy.orm import Session

from .matching import COLUMNS, FINDINGS, matching, ranked
from .outline import setting
from .search import KEYS, SAID, Key, setting_key
from .tables import Evaluation, Network, Run

NEWEST = "-run"
BY_STATUS = ("running", "stopping", "queued", "failed", "stopped", "finished")
SORTS: dict[str, ColumnElement[Any]] = {
    "run": Run.id.expression,
    "status": case({status: at for at, status in enumerate(BY_STATUS)}, value=Run.status),
    "name": func.lower(Run.name),
    "created": Run.created_at.expression,
    "norm": func.nullif(type_coerce(Run.norms, String()), ""),
    "tag": func.nullif(type_coerce(Run.tags, String()), ""),
    "note": func.nullif(func.lower(Run.note), ""),
    "findings": FINDINGS,
    **{
        name: COLUMNS[name].expression
        for name in (
            *("dataset", "network", "lr", "best", "last", "ratio", "step", "seeds"),
            *("speed", "duration", "device"),
        )
    },
}
"""What a list can be sorted by, besides settings; a minus sign before it turns the order around."""
AT_ONCE = 200
"""Runs that are read at once of a whole list."""
BUCKETS = 32
"""Into which the steps of a sparkline are put."""
MOST_VALUES = 50
"""That are suggested of a key."""


@dataclass(frozen=True)
class Page:
    """Part of a list of runs.

    Attributes:
        runs: Its runs.
        total: How many there are in the whole list.
    """

    runs: Sequence[Run]
    total: int


@dataclass(frozen=True)
class Sparkline:
    """The test accuracy of one arm of a run, in few points, each a (step, accuracy).

    A point is a bucket's smallest or largest accuracy, each the mean over seeds.
    """

    run: int
    arm: str
    points: tuple[tuple[int, float], ...]


def page(
    engine: Engine, query: str = "", *, sort: str = NEWEST, limit: int = 100, offset: int = 0
) -> Page:
    """The runs from the place `offset` on, of those that match.

    Raises:
        SearchError: The query is not understood.
    """
    condition = matching(query, datetime.now(UTC))
    # Sorted as numbers alone: else whole rows, with their documents, would be moved about.
    chosen = select(Run.id).where(condition).order_by(*order(sort)).limit(limit).offset(offset)
    with Session(engine) as session:
        wanted = session.scalars(chosen).all()
        rows = {run.id: run for run in session.scalars(select(Run).where(Run.id.in_(wanted)))}
        total = session.scalar(select(func.count()).select_from(Run).where(condition)) or 0
    return Page([rows[number] for number in wanted if number in rows], total)


def numbers(engine: Engine, query: str = "", *, sort: str = NEWEST) -> Sequence[int]:
    """The numbers of all runs that match, in order.

    Raises:
        SearchError: The query is not understood.
    """
    condition = matching(query, datetime.now(UTC))
    with engine.connect() as connection:
        return connection.scalars(select(Run.id).where(condition).order_by(*order(sort))).all()


def whole(engine: Engine, query: str = "", *, sort: str = NEWEST) -> Iterator[list[Run]]:
    """All runs that match, in order, some at a time; none that was purged meanwhile.

    Raises:
        SearchError: The query is not understood; at once.
    """
    return _runs(engine, numbers(engine, query, sort=sort))


def _runs(engine: Engine, wanted: Sequence[int]) -> Iterator[list[Run]]:
    for at in range(0, len(wanted), AT_ONCE):
        part = wanted[at : at + AT_ONCE]
        with Session(engine) as session:
            rows = {run.id: run for run in session.scalars(select(Run).where(Run.id.in_(part)))}
        yield [rows[number] for number in part if number in rows]


def can_sort(sort: str) -> bool:
    """Whether a list can be sorted by it: a key, or a setting by its path."""
    name = sort.removeprefix("-")
    return name in SORTS or setting_key(name) is not None


def said(engine: Engine) -> Sequence[str]:
    """The keys of what watched programs said of themselves, in the order of the alphabet."""
    settings = select(Run.watched["settings"]).where(
        Run.source == "watch", Run.deleted_at.is_(None)
    )
    with engine.connect() as connection:
        names = {f"{SAID}{name}" for one in connection.scalars(settings) for name in one or ()}
    return sorted(name for name in names if setting_key(name))


def order(sort: str) -> tuple[ColumnElement[Any], ...]:
    """What does not apply comes last either way; of equals the newest run first."""
    name = sort.removeprefix("-")
    columns = (SORTS[name],) if name in SORTS else ranked(cast(Key, setting_key(name)))
    ordered = (one.desc() if sort.startswith("-") else one.asc() for one in columns)
    return *(one.nulls_last() for one in ordered), Run.id.desc()


def settings(
    engine: Engine, run_ids: Sequence[int], paths: Sequence[str]
) -> Mapping[int, dict[str, Any]]:
    """What some runs have of some settings; None where one has no such setting."""
    with Session(engine) as session:
        runs = session.scalars(select(Run).where(Run.id.in_(run_ids)).order_by(Run.id))
        return {run.id: {path: setting(run, path) for path in paths} for run in runs}


def sparklines(engine: Engine, run_ids: Sequence[int]) -> list[Sparkline]:
    """Test accuracy of every arm of some runs; what is no number is left out."""
    bucket = Evaluation.step // (Run.step // BUCKETS + 1)
    low, high = func.min(Evaluation.test_accuracy), func.max(Evaluation.test_accuracy)
    query = (
        select(Run.id, Network.arm, func.min(Evaluation.step), low, high)
        .join(Network, Network.run_id == Run.id)
        .join(Evaluation, Evaluation.network_id == Network.id)
        .where(Run.id.in_(run_ids), Evaluation.step <= Run.step)
        .where(Evaluation.test_accuracy.between(0, 1))
        .group_by(Run.id, Network.arm, Network.id, bucket)
        .order_by(Run.id, func.min(Network.position), func.min(Evaluation.step))
    )
    found: dict[tuple[int, str], dict[int, list[tuple[float, float]]]] = {}
    with engine.connect() as connection:
        for run_id, arm, step, lowest, highest in connection.execute(query):
            of_arm = found.setdefault((run_id, arm), {})
            of_arm.setdefault(step, []).append((cast(float, lowest), cast(float, highest)))
    return [
        Sparkline(run_id, arm, tuple(_points(of_arm))) for (run_id, arm), of_arm in found.items()
    ]


def _points(of_arm: Mapping[int, Sequence[tuple[float, float]]]) -> Iterator[tuple[int, float]]:
    """A bucket with two extremes is a vertical line, drawn from the end that is nearer."""
    before = 0.0
    for step in sorted(of_arm):
        ends = {mean(seed[end] for seed in of_arm[step]) for end in (0, 1)}
        nearest, *farthest = sorted(ends, key=lambda end: abs(end - before))
        for before in (nearest, *farthest):
            yield step, before


def values(engine: Engine) -> Mapping[str, Sequence[str]]:
    """For every key that is a word: the values that runs have, or all that there can be."""
    found: dict[str, Sequence[str]] = {}
    with engine.connect() as connection:
        for key in KEYS.values():
            if key.kind not in ("word", "words") or key.choices:
                found[key.name] = ("yes", "no") if key.kind == "flag" else key.choices
                continue
            query = select(COLUMNS[key.name]).where(Run.deleted_at.is_(None)).distinct()
            held = [one for one in connection.scalars(query) if one is not None]
            words = {word for one in held for word in (one if key.kind == "words" else [one])}
            found[key.name] = sorted(words)[:MOST_VALUES]
    return found
