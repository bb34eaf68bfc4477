"""The first offender: where in a network, and at which step, a number was no longer finite.

Of one step it is what is computed first: weights, preactivations from the first layer to the last,
the loss, gradients from the last layer back to the first, updates. What comes after it is mostly
its consequence.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, or_, select

from .read import layers, networks, run
from .tables import Layer, LayerRecord, Network, NetworkRecord

LARGEST = sys.float_info.max
_GRADIENTS = ("activation_grad_norm", "weight_grad_norm")
_OF_LAYERS = ("weight_norm", "nonfinite", *_GRADIENTS, "update_ratio")
"""Columns of `layer_records` in which a tensor shows; the norm of one that holds NaN is NaN."""


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
            offenders = _offenders(connection, network, mine, after, last)
            found += sorted(offenders, key=lambda one: (one.step, _order(one, mine)))[:1]
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
        yield Offender(network, None, "loss", step)
    columns = LayerRecord.__table__.columns
    norms = [columns[name] for name in _OF_LAYERS if name != "nonfinite"]
    odd = or_(columns.nonfinite > 0, *(~norm.between(-LARGEST, LARGEST) for norm in norms))
    for layer in of_network:
        query = (
            select(columns.step, *(columns[name] for name in _OF_LAYERS))
            .where(columns.network_id == network.id, columns.layer_id == layer.id)
            .where(columns.step > after, columns.step <= last, odd)
            .order_by(columns.step)
            .limit(1)
        )
        for step, *values in connection.execute(query):
            last = step
            for name, value in zip(_OF_LAYERS, values, strict=True):
                if value is not None and (
                    value > 0 if name == "nonfinite" else not math.isfinite(value)
                ):
                    yield Offender(network, layer.name, name, step)


def _order(one: Offender, of_network: list[Layer]) -> tuple[int, int, int]:
    """Where in a step it is computed."""
    positions = {layer.name: layer.position for layer in of_network}
    position = positions.get(one.layer or "", 0)
    match one.statistic:
        case "weight_norm":
            return (0, position, 0)
        case "nonfinite":
            return (1, position, 0)
        case "loss":
            return (2, 0, 0)
        case "update_ratio":
            return (4, position, 0)
        case gradient:
            return (3, -position, _GRADIENTS.index(gradient))
