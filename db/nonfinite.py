"""The first offender: where in a network, and at which step, a number was no longer finite.

Of one step it is what is computed first (`step_order.py`). What comes after it is mostly its
consequence.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, and_, or_, select

from .read import layers, networks, run
from .step_order import LAYER_COLUMNS, LOSS, UPDATE, in_order
from .tables import Layer, LayerRecord, Network, NetworkRecord

LARGEST = sys.float_info.max


@dataclass(frozen=True)
class Offender:
    """The first number of a network that was not finite.

    Attributes:
        network: Whose.
        layer: Its name; None: the loss.
        statistic: The column in which it shows: `loss` of `network_records`, or one of
            `layer_records`.
        step: When.
    """

    network: Network
    layer: str | None
    statistic: str
    step: int


def first_offenders(engine: Engine, run_id: int, after: int = 0) -> list[Offender]:
    """Of each network of a run that has one its first offender, in the networks' order.

    Args:
        engine: The database.
        run_id: Which run; what it has committed counts.
        after: Steps up to this one are known to have none.

    Raises:
        NotFound: There is no such run.
    """
    last = run(engine, run_id).step
    of_network: dict[int, list[Layer]] = {}
    for layer in layers(engine, run_id):
        of_network.setdefault(layer.network_id, []).append(layer)
    found: list[Offender] = []
    with engine.connect() as connection:
        for network in networks(engine, run_id):
            mine = of_network.get(network.id, [])
            names: dict[int | None, str | None] = dict(enumerate(layer.name for layer in mine))
            order = {
                (names.get(index), column): place
                for place, (index, column) in enumerate(in_order(len(mine)))
            }
            offenders = sorted(
                _offenders(connection, network, mine, after, last),
                key=lambda one: (one.step, order[one.layer, one.statistic]),
            )
            found += offenders[:1]
    return found


def _offenders(
    connection: Connection, network: Network, of_network: list[Layer], after: int, last: int
) -> Iterator[Offender]:
    """The first of the loss and of every layer; of layers none that come after one found before."""
    losses = NetworkRecord.__table__.columns
    query = (
        select(losses.step)
        .where(losses.network_id == network.id, losses.step > after, losses.step <= last)
        .where(~losses.loss.between(-LARGEST, LARGEST))
        .order_by(losses.step)
        .limit(1)
    )
    for (step,) in connection.execute(query):
        last = step
        yield Offender(network, None, LOSS, step)
    columns = LayerRecord.__table__.columns
    bad: dict[str, ColumnElement[bool]] = {
        name: ~columns[name].between(-LARGEST, LARGEST) for name in LAYER_COLUMNS
    }
    bad["nonfinite"] = columns.nonfinite > 0
    bad[UPDATE] = and_(bad[UPDATE], columns.weight_norm.is_distinct_from(0.0))
    for layer in of_network:
        query = (
            select(columns.step, *(bad[name] for name in LAYER_COLUMNS))
            .where(columns.network_id == network.id, columns.layer_id == layer.id)
            .where(columns.step > after, columns.step <= last, or_(*bad.values()))
            .order_by(columns.step)
            .limit(1)
        )
        for step, *flags in connection.execute(query):
            last = step
            for name, is_bad in zip(LAYER_COLUMNS, flags, strict=True):
                if is_bad:
                    yield Offender(network, layer.name, name, step)
