"""What two runs have to have in common where one of them was interrupted: everything recorded."""

from typing import Any

from sqlalchemy import Engine, select

from shiftscope.db.tables import RECORD_TABLES, Finding, Layer, Level, Network, UnitRecord

CLOCK = {"seconds"}
"""What no two runs share."""


def recorded(engine: Engine, run_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """By table all rows of a run, to the bit, with the places of networks and layers as keys."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with engine.connect() as connection:
        networks = {
            row.id: row.position
            for row in connection.execute(select(Network).where(Network.run_id == run_id))
        }
        layers: dict[int | None, Any] = {0: None, None: None}
        for row in connection.execute(select(Layer).where(Layer.network_id.in_(networks))):
            layers[row.id] = row.position
        tables = {**RECORD_TABLES, "unit_records": UnitRecord, "levels": Level, "findings": Finding}
        for name, table in tables.items():
            columns = table.__table__.columns
            owner = columns.get("run_id")
            query = select(columns).where(
                columns["network_id"].in_(networks) if owner is None else owner == run_id
            )
            rows: list[tuple[Any, ...]] = []
            for row in connection.execute(query).mappings():
                if row.get("statistic") in CLOCK:
                    continue
                values = {k: v for k, v in row.items() if k not in CLOCK | {"id", "run_id"}}
                if "network_id" in values:
                    values["network_id"] = networks.get(values["network_id"])
                if "layer_id" in values:
                    values["layer_id"] = layers[values["layer_id"]]
                rows.append(tuple((key, repr(value)) for key, value in values.items()))
            assert len(rows) == len(set(rows)), f"{name} has rows twice"
            found[name] = sorted(rows)
        frozen = select(Network.position, Network.diverged_step, Network.frozen_step)
        found["networks"] = sorted(
            tuple(row) for row in connection.execute(frozen.where(Network.run_id == run_id))
        )
    return found


def assert_same_records(engine: Engine, whole: int, interrupted: int) -> None:
    """That every table holds the same of both runs."""
    ours, theirs = recorded(engine, interrupted), recorded(engine, whole)
    for table in theirs:
        missing = set(theirs[table]) - set(ours[table])
        more = set(ours[table]) - set(theirs[table])
        assert not missing and not more, (
            f"{table}: {len(missing)} rows are missing and {len(more)} too many, such as\n"
            f"{min(missing, default=None)}\n{min(more, default=None)}"
        )
