"""Reading: runs and what belongs to them, and whole tables for export."""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, select
from sqlalchemy.orm import Session

from .claims import Recorded
from .errors import NotFound
from .part import WHOLE, Part
from .study import Measurement
from .tables import (
    ACTIVE,
    OF_LAYERS,
    OF_SEEDS,
    RECORD_TABLES,
    Evaluation,
    Layer,
    MeasurementRecord,
    Network,
    Run,
    Status,
    Worker,
    statistics_of,
)
from .verdict import Curve

ROWS_AT_ONCE = 2_000


def run(engine: Engine, run_id: int) -> Run:
    """One run.

    Raises:
        NotFound: There is no such run.
    """
    with Session(engine) as session:
        found = session.get(Run, run_id)
    if found is None:
        raise NotFound(f"There is no run {run_id}.")
    return found


def finished_runs(engine: Engine, catalog_entry: str) -> Sequence[Run]:
    """The runs of a catalog entry that came to their end and are not deleted, the newest first."""
    query = select(Run).where(Run.status == "finished", Run.catalog_entry == catalog_entry)
    query = query.where(Run.deleted_at.is_(None))
    with Session(engine) as session:
        return session.scalars(query.order_by(Run.id.desc())).all()


def changing_runs(
    engine: Engine,
    *,
    after: int,
    edited_after: datetime | None = None,
    also: Collection[int] = (),
    active: Sequence[Status] = ACTIVE,
) -> Sequence[Run]:
    """Runs that may have changed: active, edited or numbered after something, and `also`."""
    may = Run.status.in_(active) | (Run.id > after)
    if edited_after is not None:
        may |= Run.edited_at > edited_after
    query = select(Run).where(may | Run.id.in_(also))
    with Session(engine) as session:
        return session.scalars(query.order_by(Run.id)).all()


def queued_runs(engine: Engine) -> set[int]:
    """The numbers of all runs that wait for a worker."""
    with engine.connect() as connection:
        return set(connection.scalars(select(Run.id).where(Run.status == "queued")))


def newest_run(engine: Engine) -> int:
    """The highest number of a run; 0 when there is none."""
    with engine.connect() as connection:
        return connection.scalar(select(func.max(Run.id))) or 0


def networks(bind: Engine | Connection, run_id: int) -> Sequence[Network]:
    """The networks of a run, in order; none before its training has begun."""
    with Session(bind) as session:
        query = select(Network).where(Network.run_id == run_id).order_by(Network.position)
        return session.scalars(query).all()


def layers(engine: Engine, run_id: int) -> Sequence[Layer]:
    """The layers of all networks of a run, ordered by network and position."""
    query = (
        select(Layer)
        .join(Network, Layer.network_id == Network.id)
        .where(Network.run_id == run_id)
        .order_by(Network.position, Layer.position)
    )
    with Session(engine) as session:
        return session.scalars(query).all()


def layers_version(engine: Engine, run_id: int) -> tuple[Any, ...]:
    """One row that differs when a run's layers do: there may be thousands, which hardly change."""
    sums = (func.count(Layer.id), func.sum(Layer.elements), func.sum(Layer.sampled))
    query = select(*sums).join(Network, Layer.network_id == Network.id)
    query = query.where(Network.run_id == run_id)
    with engine.connect() as connection:
        return tuple(connection.execute(query).one())


def curves(bind: Engine | Connection, run: Run) -> list[Curve]:
    """The test accuracy of every network of a run, up to its latest committed step.

    What was evaluated without an accuracy is left out. Infinities are no accuracies: NaN; nor is
    what a network gets right whose loss is NaN, for no output of it is a number.
    """
    return curves_of_runs(bind, [run.id]).get(run.id, [])


def curves_of_runs(bind: Engine | Connection, run_ids: Sequence[int]) -> dict[int, list[Curve]]:
    """The curves of several runs, in one look."""
    found: dict[int, list[Curve]] = {}
    for network, curve in networks_with_curves(bind, run_ids):
        found.setdefault(network.run_id, []).append(curve)
    return found


def networks_with_curves(
    bind: Engine | Connection, run_ids: Sequence[int]
) -> list[tuple[Network, Curve]]:
    """The networks of several runs, each with its curve, by their position in their run."""
    query = (
        select(
            Evaluation.network_id,
            Evaluation.step,
            Evaluation.test_accuracy,
            Evaluation.test_loss,
        )
        .join(Network, Evaluation.network_id == Network.id)
        .join(Run, Network.run_id == Run.id)
        .where(Run.id.in_(run_ids), Evaluation.step <= Run.step)
        .order_by(Evaluation.network_id, Evaluation.step)
    )
    owners = select(Network).where(Network.run_id.in_(run_ids)).order_by(Network.position)
    points: dict[int, list[tuple[int, float]]] = {}
    found: list[tuple[Network, Curve]] = []
    with Session(bind) as session:
        for network_id, step, accuracy, loss in session.execute(query):
            if accuracy is not None:
                is_number = math.isfinite(accuracy) and not (loss is not None and math.isnan(loss))
                value = accuracy if is_number else math.nan
                points.setdefault(network_id, []).append((step, value))
        for network in session.scalars(owners):
            own = points.get(network.id, [])
            curve = Curve(
                network.arm,
                network.seed,
                tuple(step for step, _ in own),
                tuple(accuracy for _, accuracy in own),
                network.diverged_step,
            )
            found.append((network, curve))
    return found


def recorded(engine: Engine, run: Run, table: str, statistic: str) -> list[Recorded]:
    """One statistic of every layer, or network, of a run, up to its latest committed step.

    Of a table of seeds it is that of every seed of which any was recorded.

    Raises:
        NotFound: There is no such table or statistic.
    """
    known_columns(table, [statistic])
    columns = RECORD_TABLES[table].__table__.columns
    query = (
        select(columns.step, columns[statistic])
        .where(columns.step <= run.step)
        .order_by(columns.step)
    )
    of_network = {network.id: network for network in networks(engine, run.id)}
    found: list[Recorded] = []
    with engine.connect() as connection:

        def add(arm: str, seed: int, layer: str | None, *owner: ColumnElement[bool]) -> None:
            points = [tuple(row) for row in connection.execute(query.where(*owner))]
            steps, values = tuple(step for step, _ in points), tuple(value for _, value in points)
            found.append(Recorded(arm, seed, layer, steps, values))

        if table in OF_SEEDS:
            for seed in _seeds(of_network.values()):
                add("", seed, None, columns.run_id == run.id, columns.seed == seed)
            return [of_seed for of_seed in found if of_seed.steps]
        if table in OF_LAYERS:
            for layer in layers(engine, run.id):
                owner = of_network[layer.network_id]
                mine = (columns.network_id == owner.id, columns.layer_id == layer.id)
                add(owner.arm, owner.seed, layer.name, *mine)
            return found
        for network in of_network.values():
            add(network.arm, network.seed, None, columns.network_id == network.id)
    return found


def measurements(
    engine: Engine, run: Run, *, after: int = 0, limit: int | None = None
) -> list[Measurement]:
    """What a study found, in the order in which it was found, up to what is committed.

    Args:
        engine: The database.
        run: The study's run.
        after: Leave out so many, the first.
        limit: At most so many.
    """
    columns = MeasurementRecord.__table__.columns
    query = (
        select(columns.seed, columns.quantity, columns.series, columns.x, columns.value)
        .where(columns.run_id == run.id, columns.position > after, columns.position <= run.step)
        .order_by(columns.position)
        .limit(limit)
    )
    with engine.connect() as connection:
        return [Measurement(*row) for row in connection.execute(query)]


def workers(engine: Engine) -> Sequence[Worker]:
    """The workers that have not signed off, the one heard of last first; no recorders."""
    query = select(Worker).where(Worker.kind == "worker").order_by(Worker.heartbeat_at.desc())
    with Session(engine) as session:
        return session.scalars(query).all()


def known_columns(table: str, statistics: Sequence[str] = ()) -> list[str]:
    """The statistics of a record table.

    Raises:
        NotFound: There is no such table, or one of `statistics` is not in it.
    """
    if table not in RECORD_TABLES:
        names = ", ".join(RECORD_TABLES)
        raise NotFound(f"There is no table {table!r}; expected one of {names}.")
    known = statistics_of(table)
    for name in statistics:
        if name not in known:
            raise NotFound(
                f"There is no statistic {name!r} in {table}; expected one of {', '.join(known)}."
            )
    return known


def export_columns(table: str, part: Part = WHOLE) -> list[str]:
    """The header of an export: whose record, its step, and every statistic, or those of a part.

    Raises:
        NotFound: There is no such table or statistic.
    """
    statistics = part.columns(known_columns(table, part.statistics or ()))
    whose = ["seed"] if table in OF_SEEDS else ["network_id", "arm", "seed"]
    layer = ["layer_id", "layer"] if table in OF_LAYERS else []
    return ["run_id", *whose, *layer, "step", *statistics]


def export_rows(
    engine: Engine, run_id: int, table: str, part: Part = WHOLE
) -> Iterator[tuple[Any, ...]]:
    """Every record of a run, or a part of them, in full resolution.

    They are ordered by network, layer and step. A float may be NaN or infinite; None means that the
    statistic does not apply. Memory is constant.

    Raises:
        NotFound: There is no such run, table or statistic.
    """
    statistics = part.columns(known_columns(table, part.statistics or ()))
    # A run that goes on is exported as it was at one moment.
    last = part.until(run(engine, run_id).step)
    of_layers = table in OF_LAYERS
    trained = networks(engine, run_id)
    owners: list[tuple[Any, ...]] = [
        (run_id, network.id, network.arm, network.seed)
        for network in trained
        if part.networks is None or network.id in part.networks
    ]
    if table in OF_SEEDS:
        owners = [(run_id, seed) for seed in _seeds(trained) if part.seed in (None, seed)]
    if of_layers:
        found = layers(engine, run_id)
        owners = [
            (*owner, layer.id, layer.name)
            for owner in owners
            for layer in found
            if layer.network_id == owner[1] and part.layer in (None, layer.name)
        ]
    columns = RECORD_TABLES[table].__table__.columns
    with engine.connect().execution_options(yield_per=ROWS_AT_ONCE) as connection:
        for owner in owners:
            query = (
                select(columns.step, *(columns[name] for name in statistics))
                .where(columns.step >= part.first, columns.step <= last)
                .order_by(columns.step)
            )
            if table in OF_SEEDS:
                query = query.where(columns.run_id == run_id, columns.seed == owner[1])
            else:
                query = query.where(columns.network_id == owner[1])
            if of_layers:
                query = query.where(columns.layer_id == owner[4])
            for row in connection.execute(query):
                yield (*owner, *row)


def _seeds(trained: Iterable[Network]) -> list[int]:
    """The seeds of a run, in its order."""
    return list(dict.fromkeys(network.seed for network in trained))
