"""Findings: stored as rules find them, and read with whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import Engine, case, delete, func, insert, select, update

from .engine import writing
from .rules import RULE_NAMES, RuleName, title_of
from .tables import Finding, Layer, Network, Run

Severity = Literal["warning", "critical"]


@dataclass(frozen=True)
class Found:
    """What a rule noticed, before it has a number.

    Attributes:
        rule: Which one.
        network_id: Of which network; None: of the run.
        layer_id: Of which layer; None: of the network.
        first_step: When it began.
        last_step: When it was seen last.
        severity: How bad it is.
        evidence_table: Where the evidence is recorded.
        statistic: Which column that is.
        value: The rule's number where it was worst.
        threshold: Where the rule sees a fault.
        evidence_first: The steps of that worst observation: from here
        evidence_last: to here.
        sentence: What is the case.
        why: Why it matters.
        advice: One thing to try.
    """

    rule: RuleName
    network_id: int | None
    layer_id: int | None
    first_step: int
    last_step: int
    severity: Severity
    evidence_table: str
    statistic: str
    value: float
    threshold: float
    evidence_first: int
    evidence_last: int
    sentence: str
    why: str
    advice: str


@dataclass(frozen=True)
class StoredFinding:
    """A finding with its number, and whose it is by name."""

    id: int
    found: Found
    arm: str | None
    seed: int | None
    layer: str | None


@dataclass(frozen=True)
class Counted:
    """How many findings a run has, and the severity of the worst; None: it has none."""

    run: int
    findings: int
    severity: Severity | None


COLUMNS = tuple(field.name for field in fields(Found))


def store_findings(
    engine: Engine, run_id: int, found: Sequence[Found], step: int
) -> list[tuple[int, Found]]:
    """Make a run's findings exactly these, known ones keeping their numbers.

    Args:
        engine: The database.
        run_id: The run.
        found: Its findings.
        step: How far the rules have looked.

    Returns:
        Those that are new, with their numbers.
    """
    new: list[tuple[int, Found]] = []
    with writing(engine) as connection:
        whose = (Finding.rule, Finding.network_id, Finding.layer_id)
        query = select(*whose, Finding.id).where(Finding.run_id == run_id)
        known = {tuple(row)[:3]: row.id for row in connection.execute(query)}
        for one in found:
            values = {name: getattr(one, name) for name in COLUMNS}
            number = known.pop((one.rule, one.network_id, one.layer_id), None)
            if number is None:
                added = insert(Finding).values(run_id=run_id, **values).returning(Finding.id)
                new.append((connection.execute(added).scalar_one(), one))
            else:
                connection.execute(update(Finding).where(Finding.id == number).values(**values))
        if known:
            connection.execute(delete(Finding).where(Finding.id.in_(known.values())))
        connection.execute(update(Run).where(Run.id == run_id).values(diagnosed=step))
    return new


def findings(engine: Engine, run_id: int) -> list[StoredFinding]:
    """A run's findings: what makes others pointless first, then in the order of its networks."""
    query = (
        select(
            *(Finding.__table__.columns[name] for name in ("id", *COLUMNS)),
            Network.arm,
            Network.seed,
            Network.position.label("network_position"),
            Layer.name.label("layer"),
            Layer.position.label("layer_position"),
        )
        .select_from(Finding)
        .outerjoin(Network, Finding.network_id == Network.id)
        .outerjoin(Layer, Finding.layer_id == Layer.id)
        .where(Finding.run_id == run_id)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    order = {name: place for place, name in enumerate(RULE_NAMES)}

    of_arms: dict[str | None, int] = {}
    for row in rows:
        of_network = row.network_position or 0
        of_arms[row.arm] = min(of_arms.get(row.arm, of_network), of_network)

    def place(row: Any) -> tuple[int, ...]:
        of_network, of_layer = row.network_position or 0, row.layer_position or 0
        return (order.get(row.rule, len(order)), of_arms[row.arm], of_network, of_layer, row.id)

    return [
        StoredFinding(
            row.id,
            Found(**{name: getattr(row, name) for name in COLUMNS}),
            row.arm,
            row.seed,
            row.layer,
        )
        for row in sorted(rows, key=place)
    ]


def counted(engine: Engine, run_ids: Sequence[int]) -> list[Counted]:
    """How many findings some runs have, of those that the rules have looked at."""
    criticals = func.count(case((Finding.severity == "critical", 1)))
    query = (
        select(Run.id, func.count(Finding.id), criticals)
        .outerjoin(Finding, Finding.run_id == Run.id)
        .where(Run.id.in_(run_ids), Run.diagnosed.is_not(None))
        .group_by(Run.id)
        .order_by(Run.id)
    )
    with engine.connect() as connection:
        return [
            Counted(run, found, "critical" if critical else "warning" if found else None)
            for run, found, critical in connection.execute(query)
        ]


def described(stored: StoredFinding) -> dict[str, Any]:
    """A finding as JSON has it, as docs/protocol.md describes it."""
    found = {name: getattr(stored.found, name) for name in COLUMNS}
    evidence = {
        "table": found.pop("evidence_table"),
        "statistic": found.pop("statistic"),
        "value": found.pop("value"),
        "threshold": found.pop("threshold"),
        "first": found.pop("evidence_first"),
        "last": found.pop("evidence_last"),
    }
    whose = {"id": stored.id, "arm": stored.arm, "seed": stored.seed, "layer": stored.layer}
    return found | whose | {"title": title_of(stored.found.rule), "evidence": evidence}


def findings_version(engine: Engine, run_id: int) -> tuple[Any, ...]:
    """One row that differs when a run's findings do."""
    sums = (func.count(Finding.id), func.max(Finding.id), func.sum(Finding.last_step))
    looked = select(Run.diagnosed).where(Run.id == run_id).scalar_subquery()
    with engine.connect() as connection:
        return tuple(
            connection.execute(select(*sums, looked).where(Finding.run_id == run_id)).one()
        )
