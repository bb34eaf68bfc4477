"""Sweeps that were started: their runs, and what each of them came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, insert, select
from sqlalchemy.orm import Session

from .engine import writing
from .errors import Conflict, NotFound
from .intervals import OverSeeds
from .outcomes import curves_outcome
from .parsing import value_at
from .queue import ask_to_stop, insert_queued
from .queue_length import keep_to
from .read import curves_of_runs
from .sweep import Sweep, expand
from .tables import ACTIVE, Run
from .tables import Sweep as SweepRow
from .verdict import DEFAULT_TARGET, Curve


@dataclass(frozen=True)
class ArmSummary:
    """What one arm of a member came to, over its seeds.

    Attributes:
        arm: Its name.
        seeds: How many networks were evaluated.
        diverged: How many networks diverged.
        reached: How many of them reached the target.
        last_accuracy: At the last evaluation; NaN, without an interval, where one diverged. None
            where none was evaluated.
        steps_to_target: The geometric mean; None unless all reached it.
    """

    arm: str
    seeds: int
    diverged: int
    reached: int
    last_accuracy: OverSeeds | None
    steps_to_target: OverSeeds | None


@dataclass(frozen=True)
class SweepMember:
    """A run of a sweep.

    Attributes:
        run: It.
        values: Of the swept settings, in their order.
        arms: What each came to, in order; none unless it finished: what a run that goes on or was
            stopped has come to can't be compared with the others.
    """

    run: Run
    values: tuple[Any, ...]
    arms: tuple[ArmSummary, ...]


@dataclass(frozen=True)
class Listed:
    """A sweep in a list.

    Attributes:
        sweep: Its row.
        statuses: How many of its runs there are of each status; deleted ones don't count.
    """

    sweep: SweepRow
    statuses: dict[str, int]


def start(
    engine: Engine, sweep: Sweep, catalog_entry: str | None = None, *, most: int | None = None
) -> int:
    """Store a sweep and all its runs as queued, or nothing; returns its number.

    Raises:
        InvalidExperiment: It has too many runs, or the settings of one do not agree.
        Conflict: More than `most` would be queued.
    """
    members = expand(sweep)
    with writing(engine) as connection:
        keep_to(connection, most, len(members))
        number: int = connection.execute(
            insert(SweepRow)
            .values(
                name=sweep.name,
                catalog_entry=catalog_entry,
                sweep=sweep.model_dump(mode="json"),
                created_at=datetime.now(UTC),
            )
            .returning(SweepRow.id)
        ).scalar_one()
        for member in members:
            insert_queued(connection, member.experiment, catalog_entry, number)
    return number


def page(engine: Engine, *, limit: int = 100, offset: int = 0) -> list[Listed]:
    """Sweeps, the newest first."""
    with Session(engine) as session:
        chosen = select(SweepRow).order_by(SweepRow.id.desc()).limit(limit).offset(offset)
        rows = session.scalars(chosen).all()
        counted = session.execute(
            select(Run.sweep_id, Run.status, func.count())
            .where(Run.sweep_id.in_([row.id for row in rows]), Run.deleted_at.is_(None))
            .group_by(Run.sweep_id, Run.status)
        )
        statuses: dict[int | None, dict[str, int]] = {}
        for number, status, count in counted:
            statuses.setdefault(number, {})[status] = count
    return [Listed(row, statuses.get(row.id, {})) for row in rows]


def one(engine: Engine, number: int) -> SweepRow:
    """A sweep.

    Raises:
        NotFound: There is none of this number.
    """
    with Session(engine) as session:
        found = session.get(SweepRow, number)
    if found is None:
        raise NotFound(f"There is no sweep {number}.")
    return found


def runs(engine: Engine, number: int) -> Sequence[Run]:
    """The runs of a sweep that are not deleted, in the order of its expansion."""
    query = select(Run).where(Run.sweep_id == number, Run.deleted_at.is_(None)).order_by(Run.id)
    with Session(engine) as session:
        return session.scalars(query).all()


def settings(sweep: SweepRow) -> list[str]:
    """The paths of the swept settings."""
    return [swept["setting"] for swept in sweep.sweep["over"]]


def members(engine: Engine, sweep: SweepRow, target: float = DEFAULT_TARGET) -> list[SweepMember]:
    """The runs of a sweep, with what those that finished came to.

    Args:
        engine: The database.
        sweep: Its row.
        target: The test accuracy to reach, a share.
    """
    found = runs(engine, sweep.id)
    curves = curves_of_runs(engine, [run.id for run in found if run.status == "finished"])
    return [
        SweepMember(
            run,
            tuple(value_at(run.experiment or {}, path) for path in settings(sweep)),
            tuple(_summaries(run, curves.get(run.id, []), target)),
        )
        for run in found
    ]


def stop(engine: Engine, number: int) -> None:
    """Ask every run of a sweep that has not ended to stop, the last ones first.

    So that no worker begins one that is about to be stopped.

    Raises:
        NotFound: There is no such sweep.
    """
    one(engine, number)
    for run in reversed(runs(engine, number)):
        if run.status in ACTIVE:
            try:
                ask_to_stop(engine, run.id)
            except Conflict:
                continue  # it ended at the same moment


def _summaries(run: Run, curves: Sequence[Curve], target: float) -> list[ArmSummary]:
    if run.status != "finished" or run.experiment is None:
        return []
    names = [arm["name"] for arm in run.experiment["arms"]]
    return [_summary(arm, [curve for curve in curves if curve.arm == arm], target) for arm in names]


def _summary(arm: str, curves: Sequence[Curve], target: float) -> ArmSummary:
    found = curves_outcome(curves, target)
    return ArmSummary(
        arm=arm,
        seeds=found.networks,
        diverged=found.diverged,
        reached=found.reached,
        last_accuracy=found.last_accuracy,
        steps_to_target=found.steps_to_target if found.reached == len(curves) else None,
    )
