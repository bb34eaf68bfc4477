"""What single units were on the probe: the arrays of `unit_records`, and which unit is typical."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Engine, select

from .claims import Recorded
from .errors import NotFound
from .part import WHOLE, Part
from .read import layers, networks, run
from .tables import Layer, Network, Run, UnitRecord

ARRAYS = ("mean", "std", "p15", "p50", "p85", "running_mean", "running_var")


@dataclass(frozen=True)
class LayerUnits:
    """The units of one layer of one network.

    Attributes:
        network: Whose.
        layer: Which.
        steps: Of the looks at the probe, ascending.
        arrays: By name float32, (steps, units); None where it does not apply.
    """

    network: Network
    layer: Layer
    steps: list[int]
    arrays: dict[str, np.ndarray | None]


@dataclass(frozen=True)
class UnitMatrix:
    """One array of all units of a layer of one network, over looks at the probe.

    Attributes:
        network: Whose.
        layer: Which.
        steps: Of the looks that are told, ascending.
        values: float32, (steps, units); None where the array does not apply.
    """

    network: Network
    layer: Layer
    steps: list[int]
    values: np.ndarray | None


@dataclass(frozen=True)
class UnitMatrices:
    """What every arm's units were: all looks of a range of steps, or every so many of them.

    Attributes:
        looks: How many there are in the range.
        every: Of these each first, (1 + every)th, … is told; 1 tells all.
        matrices: One for each arm that has the layer.
    """

    looks: int
    every: int
    matrices: list[UnitMatrix]


def units_of(engine: Engine, run_id: int, layer: str, seed: int | None = None) -> list[LayerUnits]:
    """The units of a layer in every arm that has it, of one seed; None: the first.

    Raises:
        NotFound: There is no such run, or its networks of this seed have no such layer.
    """
    last = run(engine, run_id).step
    found = _twins(engine, run_id, layer, seed)
    return [_read(engine, network, row, last) for network, row in found]


def unit_matrices(
    engine: Engine,
    run_id: int,
    layer: str,
    array: str,
    seed: int | None = None,
    *,
    first: int = 0,
    last: int | None = None,
    columns: int = 250,
) -> UnitMatrices:
    """One array of all units of a layer, in every arm that has it, at most `columns` looks of it.

    Of more looks every second, third, … is told, counted from the first of the range; all arms
    tell the same ones.

    Args:
        engine: The database.
        run_id: The run.
        layer: Its name.
        array: One of ARRAYS.
        seed: Whose networks; None: the first.
        first: The range of steps begins here.
        last: It ends here; None: at the run's latest step.
        columns: The most looks.

    Raises:
        NotFound: There is no such run or array, or its networks of this seed have no such layer.
    """
    step = run(engine, run_id).step
    _check_array(array)
    found = _twins(engine, run_id, layer, seed)
    stored = UnitRecord.__table__.columns
    with engine.connect() as connection:
        steps = [
            connection.scalars(
                select(stored.step)
                .where(stored.network_id == network.id, stored.layer_id == row.id)
                .where(stored.step.between(first, step if last is None else min(last, step)))
                .order_by(stored.step)
            ).all()
            for network, row in found
        ]
        looks = max(map(len, steps))
        every = max(1, -(-looks // columns))
        matrices: list[UnitMatrix] = []
        for (network, row), of_network in zip(found, steps, strict=True):
            told = list(of_network[::every])
            rows = connection.scalars(
                select(stored[array])
                .where(stored.network_id == network.id, stored.layer_id == row.id)
                .where(stored.step.in_(told))
                .order_by(stored.step)
            ).all()
            applies = bool(rows) and rows[0] is not None
            values = np.stack([np.frombuffer(one, "<f4") for one in rows]) if applies else None
            matrices.append(UnitMatrix(network, row, told, values))
    return UnitMatrices(looks, every, matrices)


def _twins(
    engine: Engine, run_id: int, layer: str, seed: int | None
) -> list[tuple[Network, Layer]]:
    """The layer of every arm that has it, of one seed; None: the first.

    Raises:
        NotFound: The networks of this seed have no such layer.
    """
    rows = networks(engine, run_id)
    seeds = list(dict.fromkeys(row.seed for row in rows))
    chosen = seeds[0] if seed is None and seeds else seed
    of_network = {row.id: row for row in rows if row.seed == chosen}
    found = [
        (of_network[row.network_id], row)
        for row in layers(engine, run_id)
        if row.network_id in of_network and row.name == layer
    ]
    if not found:
        of_seed = "" if seed is None else f" of seed {seed}"
        raise NotFound(f"Run {run_id} has no layer {layer!r}{of_seed}.")
    found.sort(key=lambda each: each[0].position)
    return found


def mean_over_units(engine: Engine, of_run: Run, array: str) -> list[Recorded]:
    """The mean over the units of every layer of a run, at each look at the probe.

    Raises:
        NotFound: There is no such array.
    """
    _check_array(array)
    of_network = {network.id: network for network in networks(engine, of_run.id)}
    found: list[Recorded] = []
    for layer in layers(engine, of_run.id):
        network = of_network[layer.network_id]
        read = _read(engine, network, layer, of_run.step)
        units = read.arrays[array]
        values: list[float | None] = [None] * len(read.steps)
        if units is not None:
            with np.errstate(all="ignore"):
                values = units.mean(1, dtype=np.float64).tolist()
        steps = tuple(read.steps)
        found.append(Recorded(network.arm, network.seed, layer.name, steps, tuple(values)))
    return found


def _check_array(array: str) -> None:
    if array not in ARRAYS:
        raise NotFound(f"There is no array {array!r}; expected one of {', '.join(ARRAYS)}.")


def typical_unit(p50: np.ndarray) -> int:
    """The unit whose median moved as far in total as the median unit's: an index.

    Of an even number the lower of the two in the middle, of equals the first; a unit whose median
    was no number somewhere counts as one that moved farthest.

    Args:
        p50: Medians, (steps, units).
    """
    with np.errstate(invalid="ignore"):
        moved = np.abs(np.diff(p50.astype(np.float64), axis=0)).sum(0)
    order = np.argsort(np.where(np.isnan(moved), np.inf, moved), kind="stable")
    return int(order[(len(order) - 1) // 2])


def export_columns(part: Part = WHOLE) -> list[str]:
    """The header of an export: one row for each unit of each look at the probe.

    Raises:
        NotFound: The part has a statistic that there is not.
    """
    for name in part.statistics or ():
        if name not in ARRAYS:
            raise NotFound(
                f"There is no statistic {name!r} in unit_records; expected one of "
                f"{', '.join(ARRAYS)}."
            )
    keys = ["run_id", "network_id", "arm", "seed", "layer_id", "layer", "step", "unit"]
    return [*keys, *part.columns(ARRAYS)]


def export_rows(engine: Engine, run_id: int, part: Part = WHOLE) -> Iterator[tuple[Any, ...]]:
    """Every unit of a run, or of a part of it, ordered by network, layer, step and unit.

    Raises:
        NotFound: There is no such run.
    """
    last = part.until(run(engine, run_id).step)
    names = part.columns(ARRAYS)
    found = [layer for layer in layers(engine, run_id) if part.layer in (None, layer.name)]
    for network in networks(engine, run_id):
        for layer in found:
            if layer.network_id != network.id:
                continue
            if part.networks is not None and network.id not in part.networks:
                continue
            owner = (run_id, network.id, network.arm, network.seed, layer.id, layer.name)
            of_layer = _read(engine, network, layer, last)
            for at, step in enumerate(of_layer.steps):
                if step < part.first:
                    continue
                arrays = [of_layer.arrays[name] for name in names]
                columns = [
                    [None] * layer.units if array is None else array[at].tolist()
                    for array in arrays
                ]
                for unit, values in enumerate(zip(*columns, strict=True)):
                    if part.unit in (None, unit):
                        yield (*owner, step, unit, *values)


def _read(engine: Engine, network: Network, layer: Layer, last: int) -> LayerUnits:
    columns = UnitRecord.__table__.columns
    query = (
        select(columns.step, *(columns[name] for name in ARRAYS))
        .where(columns.network_id == network.id, columns.layer_id == layer.id, columns.step <= last)
        .order_by(columns.step)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    arrays = {
        name: None
        if not rows or rows[0][at] is None
        else np.stack([np.frombuffer(row[at], "<f4") for row in rows])
        for at, name in enumerate(ARRAYS, start=1)
    }
    return LayerUnits(network, layer, [row[0] for row in rows], arrays)
