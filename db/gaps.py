"""Records that a run's cadence promises and that are not there, and those beyond its last step.

What is promised: of an experiment without a cap on the cost, records of every network and layer at
steps 1, 1 + n, 1 + 2n, … for a cadence of n; with a cap, records of every layer at each step of
which there are records of its network; evaluations at 0, each `evaluate_every` steps and at the
last step, once it finished. A network that was frozen has them until its `frozen_step`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, case, func, select, update

from . import read
from .engine import writing
from .looking import Recording
from .soundness import Fault
from .tables import RECORD_TABLES, MeasurementRecord, Network, Run

REMEDY = "It can't be made up for: take the run from a backup, or run it again."
TABLES = ("network_records", "layer_records", "evaluations")
Key = tuple[int, int | None]
"""A network and, in a table of layers, the layer."""


def gaps(engine: Engine, run: Run) -> Iterator[Fault]:
    """What is missing or too much in a run that has ended."""
    networks = read.networks(engine, run.id)
    with engine.connect() as connection:
        counted = {table: _counted(connection, table, run) for table in TABLES}
        last = max((last for found in counted.values() for _, last in found.values()), default=0)
        if not networks:
            position = func.max(MeasurementRecord.position)
            last = connection.scalar(select(position).where(MeasurementRecord.run_id == run.id))
        if last is not None and last > run.step:
            yield Fault(
                f"Run {run.id}",
                f"It has records up to step {last:,} and says to have ended at {run.step:,}.",
                "Those after it are not shown; --mend shows them.",
                lambda: _extend(engine, run.id, last),
            )
        if run.source != "experiment" or run.experiment is None:
            return
        recording = Recording.model_validate(run.experiment.get("recording", {}))
        for table in TABLES:
            yield from _missing(engine, connection, run, table, recording, counted)


def _missing(
    engine: Engine,
    connection: Connection,
    run: Run,
    table: str,
    recording: Recording,
    counted: Mapping[str, Mapping[Key, tuple[int, int]]],
) -> Iterator[Fault]:
    """The series of a table that have fewer records than they should, as one fault."""
    faults: list[tuple[str, np.ndarray]] = []
    layers = read.layers(engine, run.id)
    for network in read.networks(engine, run.id):
        of = f"{network.arm}, seed {network.seed}"
        own: list[tuple[str, Key]] = [(of, (network.id, None))]
        if table == "layer_records":
            own = [
                (f"{layer.name} of {of}", (network.id, layer.id))
                for layer in layers
                if layer.network_id == network.id
            ]
        promised = None
        for name, key in own:
            count, _ = counted[table].get(key, (0, 0))
            if promised is None:
                promised = _promised(connection, run, network, table, recording)
            if count < len(promised):
                missing = np.setdiff1d(promised, _steps(connection, table, key))
                if len(missing):
                    faults.append((name, missing))
    if faults:
        name, missing = faults[0]
        total = sum(len(steps) for _, steps in faults)
        are = "record of {} is" if total == 1 else "records of {} are"
        yield Fault(
            f"Run {run.id}",
            f"{total:,} {are.format(table)} missing, in {len(faults):,} series: {name} has none at "
            f"step {_first_stretch(missing)}.",
            REMEDY,
        )


def _promised(
    connection: Connection, run: Run, network: Network, table: str, recording: Recording
) -> np.ndarray:
    last = run.step if network.frozen_step is None else min(network.frozen_step, run.step)
    if table == "evaluations":
        if run.status != "finished" or network.frozen_step is not None:
            return np.array([], int)
        every = np.arange(0, last + 1, recording.evaluate_every)
        return np.union1d(every, [last] if last == run.steps else [])
    if recording.overhead is None:
        return np.arange(1, last + 1, recording.record_every)
    if table == "network_records":
        return np.array([], int)
    steps = _steps(connection, "network_records", (network.id, None))
    return steps[steps <= last]


def _counted(connection: Connection, table: str, run: Run) -> dict[Key, tuple[int, int]]:
    """How many records each series of a run has up to its last step, and the last of them all."""
    columns = RECORD_TABLES[table].__table__.columns
    keys = [columns[name] for name in ("network_id", "layer_id") if name in columns]
    until = func.coalesce(Network.frozen_step, run.step)
    query = (
        select(*keys, func.sum(case((columns.step <= until, 1), else_=0)), func.max(columns.step))
        .join(Network, Network.id == columns.network_id)
        .where(Network.run_id == run.id)
        .group_by(*keys)
    )
    found: dict[Key, tuple[int, int]] = {}
    for row in connection.execute(query):
        values: list[Any] = list(row)
        layer_id = values[1] if len(keys) > 1 else None
        found[values[0], layer_id] = (int(values[-2]), values[-1])
    return found


def _steps(connection: Connection, table: str, key: Key) -> np.ndarray:
    columns = RECORD_TABLES[table].__table__.columns
    query = select(columns.step).where(columns.network_id == key[0]).order_by(columns.step)
    if key[1] is not None:
        query = query.where(columns.layer_id == key[1])
    return np.array(connection.scalars(query).all(), int)


def _first_stretch(missing: np.ndarray) -> str:
    """The first missing step, or the first and the last of many."""
    first, last = int(missing[0]), int(missing[-1])
    return f"{first:,}" if len(missing) == 1 else f"{first:,}, nor at others up to {last:,}"


def _extend(engine: Engine, run_id: int, last: int) -> None:
    with writing(engine) as connection:
        connection.execute(update(Run).where(Run.id == run_id).values(step=last))
