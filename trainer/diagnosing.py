"""The diagnosis of a run: beside its recorder, or over what is stored of it.

`python -m shiftscope.trainer.diagnosing RUN` looks at a run that has ended, in the database that
SHIFTSCOPE_DATABASE names.
"""

import argparse
import logging
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from ..db import read
from ..db.engine import open_database
from ..db.errors import Conflict, InvalidExperiment, ShiftscopeError
from ..db.findings import store_findings
from ..db.location import Location
from ..db.parsing import parse, parse_diagnosis
from ..db.rules import Diagnosis as Settings
from ..db.tables import ACTIVE, RECORD_TABLES, Layer, Network, Run, UnitRecord
from .diagnosis import Diagnosis
from .rules.rule import READ, LayerFacts, NetworkFacts

LOOK_SECONDS = 1.0
STEPS_AT_ONCE = 20_000
BROKEN = (
    "Findings are looked for no longer, because of an error of shiftscope's own "
    "({words}); recording goes on, and the terminal has the full report."
)
TABLES = {**RECORD_TABLES, "unit_records": UnitRecord}
logger = logging.getLogger(__name__)


def main() -> None:
    """Diagnose one run; where that can't be done, exit code 1 and a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="shiftscope diagnose")
    parser.add_argument("run", type=int, help="number of the run")
    arguments = parser.parse_args()
    try:
        engine = open_database(Location().database_url)
        diagnose(engine, arguments.run)
        engine.dispose()
    except ShiftscopeError as error:
        sys.exit(str(error))


def diagnose(engine: Engine, run_id: int) -> None:
    """Look for findings in all that is stored of a run that has ended.

    Raises:
        NotFound: There is no such run.
        Conflict: It has not ended, or it is a study or an import.
    """
    run = read.run(engine, run_id)
    if run.status in ACTIVE:
        raise Conflict(f"Run {run_id} is {run.status}: findings come while it trains.")
    if run.source in ("study", "import"):
        raise Conflict(f"Run {run_id} is no training: of its measurements no rule speaks.")
    diagnosis = diagnosis_of(engine, run)
    with engine.connect() as connection:
        for network in diagnosis.networks:
            for first in range(0, run.step + 1, STEPS_AT_ONCE):
                last = min(run.step, first + STEPS_AT_ONCE - 1)
                for table, keys, columns in _stored(connection, network, first, last):
                    diagnosis.take(table, keys, columns)
                diagnosis.look()
    diagnosis.look(last=True)
    store_findings(engine, run_id, list(diagnosis.findings.values()), run.step)


def diagnosis_of(engine: Engine, run: Run) -> Diagnosis:
    """A diagnosis that has seen nothing yet, of a run whose networks are known."""
    settings, batch_size, classes = _asked(run)
    layers = read.layers(engine, run.id)
    networks = [_facts(network, layers, batch_size) for network in read.networks(engine, run.id)]
    if classes:
        networks = [_with_classes(network) for network in networks]
    return Diagnosis(networks, settings)


def _asked(run: Run) -> tuple[Settings, int | None, bool]:
    """Settings of the rules, examples in a batch, and whether the loss is one of classes."""
    if run.experiment is None:
        watched = run.watched or {}
        size = cast("Mapping[str, Any]", watched.get("settings", {})).get("batch_size")
        known = size if isinstance(size, int) and size > 0 else None
        try:
            return parse_diagnosis(watched.get("diagnosis", {})), known, False
        except InvalidExperiment:  # of another version, which had other rules
            return Settings(), known, False
    try:
        experiment = parse(run.experiment)
    except InvalidExperiment:  # of an earlier version, which had other settings
        return Settings(), None, True
    return experiment.diagnosis, experiment.batch_size, True


def _facts(network: Network, layers: Sequence[Layer], batch_size: int | None) -> NetworkFacts:
    own = [layer for layer in layers if layer.network_id == network.id]
    facts = [
        LayerFacts(layer.id, layer.name, layer.norm, layer.activation, layer.units, layer.elements)
        for layer in own
    ]
    return NetworkFacts(network.id, tuple(facts), batch_size)


def _with_classes(network: NetworkFacts) -> NetworkFacts:
    """The last layer of our own networks has a unit for each class."""
    classes = network.layers[-1].units if network.layers else None
    return NetworkFacts(network.network_id, network.layers, network.batch_size, classes)


def _stored(
    connection: Connection, network: NetworkFacts, first: int, last: int
) -> Iterator[tuple[str, Mapping[str, int], Mapping[str, Any]]]:
    """What rules read of a network's records in a range of steps."""
    for table, statistics in READ.items():
        columns = TABLES[table].__table__.columns
        query = (
            select(columns.step, *(columns[name] for name in statistics))
            .where(columns.network_id == network.network_id)
            .where(columns.step.between(first, last))
            .order_by(columns.step)
        )
        layer_ids = [one.layer_id for one in network.layers] if "layer_id" in columns else [None]
        for layer_id in layer_ids:
            owner = {"network_id": network.network_id}
            of_layer = query
            if layer_id is not None:
                owner["layer_id"] = layer_id
                of_layer = query.where(columns.layer_id == layer_id)
            rows = connection.execute(of_layer).all()
            if rows:
                names = ("step", *statistics)
                yield table, owner, dict(zip(names, zip(*rows, strict=True), strict=True))


class RunFindings:
    """The findings of a run that is being recorded, stored when they change."""

    def __init__(self, engine: Engine, run_id: int) -> None:
        self._engine = engine
        self._run_id = run_id
        self._diagnosis: Diagnosis | None = None
        self._early: list[tuple[str, Mapping[str, int], Mapping[str, Any]]] = []
        self._is_broken = False
        self._unsaved = True
        self._looked = self._heard = time.monotonic()

    def take(self, table: str, keys: Mapping[str, int], columns: Mapping[str, Any]) -> None:
        """Remember rows until the next look."""
        if not self._is_broken:
            self._early.append((table, keys, columns))

    def keep(self, step: int, *, last: bool) -> str | None:
        """Look and store, where that is due; returns a sentence where it can't go on.

        Raises:
            sqlalchemy.exc.OperationalError: The database does not take it now; call again.
        """
        now = time.monotonic()
        if self._is_broken or (now - self._looked < LOOK_SECONDS and not last):
            return None
        self._looked = now
        try:
            self._look(now, last=last)
        except SQLAlchemyError:
            raise
        except Exception as error:  # whatever a rule does, the records must go on
            logger.exception("The diagnosis failed.")
            self._is_broken = True
            self._early.clear()
            return BROKEN.format(words=f"{type(error).__name__}: {error}")
        if self._unsaved or last:
            found = [] if self._diagnosis is None else list(self._diagnosis.findings.values())
            store_findings(self._engine, self._run_id, found, step)
            self._unsaved = False
        return None

    def look(self, step: int) -> str | None:
        """Look now, so that nothing waits for a look; returns as `keep`.

        Raises:
            sqlalchemy.exc.OperationalError: The database does not take it now; call again.
        """
        self._looked = -math.inf
        return self.keep(step, last=False)

    def state_dict(self) -> dict[str, Any]:
        """What the rules remember; what waits for a look is not in it."""
        known = None if self._diagnosis is None else self._diagnosis.state_dict()
        return {"diagnosis": known, "is_broken": self._is_broken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there, with the networks of the run as the database has them."""
        self._is_broken = state["is_broken"]
        if state["diagnosis"] is not None:
            self._diagnosis = diagnosis_of(self._engine, read.run(self._engine, self._run_id))
            self._diagnosis.load_state_dict(state["diagnosis"])

    def _look(self, now: float, *, last: bool) -> None:
        if self._diagnosis is None:
            self._diagnosis = diagnosis_of(self._engine, read.run(self._engine, self._run_id))
        taken, self._early = self._early, []
        for table, keys, columns in taken:
            self._diagnosis.take(table, keys, columns)
        if taken:
            self._heard = now
        changed = self._diagnosis.look(last=last)
        waits = not last and self._diagnosis.wait(now - self._heard)
        self._unsaved = self._unsaved or changed or waits


if __name__ == "__main__":
    main()
