"""What diagnosis rules found, as the HTTP interface shows it."""

from collections.abc import Sequence

from ..db.findings import Severity, StoredFinding, described
from ..db.rules import title_of
from ..db.tables import Run
from .schemas import Public, Real


class EvidencePublic(Public):
    """What a finding rests on, and where it shows: at its worst, over a range of steps."""

    table: str
    statistic: str
    value: Real
    threshold: Real
    first: int
    last: int


class FindingPublic(Public):
    """What a rule noticed in a layer, a network or the run."""

    id: int
    rule: str
    title: str
    severity: Severity
    network_id: int | None
    arm: str | None
    seed: int | None
    layer_id: int | None
    layer: str | None
    first_step: int
    last_step: int
    evidence: EvidencePublic
    sentence: str
    why: str
    advice: str


class RulePublic(Public):
    """A rule by its name and its title."""

    name: str
    title: str


class FindingsPublic(Public):
    """The findings of a run; how far the rules have looked, null: never; which were silenced."""

    run: int
    diagnosed: int | None
    silenced: list[RulePublic]
    findings: list[FindingPublic]


def findings_public(run: Run, findings: Sequence[StoredFinding]) -> FindingsPublic:
    """The findings of a run as the interface shows them."""
    asked = run.experiment or run.watched or {}
    silenced: list[str] = asked.get("diagnosis", {}).get("silenced", [])
    return FindingsPublic(
        run=run.id,
        diagnosed=run.diagnosed,
        silenced=[RulePublic(name=name, title=title_of(name)) for name in silenced],
        findings=[finding_public(finding) for finding in findings],
    )


def finding_public(stored: StoredFinding) -> FindingPublic:
    """A finding as the interface shows it."""
    return FindingPublic.model_validate(described(stored))
