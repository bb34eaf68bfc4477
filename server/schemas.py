"""The shapes of the HTTP interface, as docs/protocol.md describes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from ..db import claims, edit, log, search, tables
from ..db.datasets import TRAINING_SETS
from ..db.document import Name
from ..db.findings import Severity, StoredFinding
from ..db.rules import title_of
from ..db.series import Selection
from .wire import json_safe

Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""The number of a run, network or layer."""
Step = Annotated[int, Field(ge=0, le=2**31 - 1)]
Points = Annotated[int, Field(ge=2, le=100_000)]

Real = Annotated[float, PlainSerializer(json_safe, return_type=float | str)]
"""A float; in JSON, which has no NaN, a string where it is not finite."""
Document = Annotated[dict[str, Any], PlainSerializer(json_safe, return_type=dict[str, Any])]


class Public(BaseModel):
    """Something the server sends; built from the attributes of a row."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """Something a client sends; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HealthPublic(Public):
    """The server is up and reaches the database."""

    status: Literal["ok"] = "ok"


class RunPublic(Public):
    """One run, without its experiment or study or what it watches."""

    id: int
    name: str
    source: tables.Source
    catalog_entry: str | None
    sweep_id: int | None
    status: tables.Status
    dataset: str | None
    network: str | None
    norms: list[str]
    lr: Real | None
    arms: list[str]
    seeds: list[int]
    step: int
    steps: int | None
    looked: int | None
    overhead: Real | None
    waited: Real | None
    measured: Real | None
    steps_per_second: Real | None
    summary: Document
    ratio: Real | None
    duration: Real | None
    device: str | None
    versions: dict[str, str] | None
    phase: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    stop_asked_at: datetime | None
    tags: list[str]
    note: str
    archived: bool
    deleted_at: datetime | None
    edited_at: datetime | None


class LayerPublic(Public):
    """One observed block of a network."""

    id: int
    name: str
    kind: str
    norm: str
    activation: str
    units: int
    elements: int | None
    sampled: int | None


class NetworkPublic(Public):
    """One arm trained with one seed."""

    id: int
    arm: str
    seed: int
    parameters: int
    weights_hash: str
    diverged_step: int | None
    frozen_step: int | None
    layers: list[LayerPublic]


class RunDetailPublic(RunPublic):
    """One run with what it does and, once training has begun, its networks."""

    batch_size: int | None
    """Examples of a step; null where nobody knows."""
    training_examples: int | None
    """Examples of an epoch; likewise."""
    experiment: dict[str, Any] | None
    study: dict[str, Any] | None
    watched: Document | None
    imported: Document | None
    networks: list[NetworkPublic]


class OffenderPublic(Public):
    """The first number of a network that was not finite."""

    network_id: int
    layer: str | None
    """Null: the loss."""
    statistic: str
    """The column in which it shows, of `layer_records` or, the loss, of `network_records`."""
    step: int


class OffendersPublic(Public):
    """Of each network of a run that has one, its first offender."""

    run: int
    step: int
    """All steps up to this one were looked at."""
    offenders: list[OffenderPublic]


class NetworkUnitsPublic(Public):
    """Units of one network on the probe: one over its steps, or all at one step."""

    network_id: int
    layer_id: int
    arm: str
    step: list[int]
    mean: list[Real] | None
    std: list[Real] | None
    p15: list[Real] | None
    p50: list[Real] | None
    p85: list[Real] | None
    running_mean: list[Real] | None
    running_var: list[Real] | None


class UnitsPublic(Public):
    """Units of one layer on the probe, in all arms of one seed."""

    run: int
    layer: str
    seed: int
    units: int
    typical: int | None
    unit: int | None
    networks: list[NetworkUnitsPublic]


class RunsPublic(Public):
    """A page of the list of runs, how many there are in all, and the next page's `offset`."""

    runs: list[RunPublic]
    total: int
    next: int | None


class NumbersPublic(Public):
    """The numbers of all runs of a list, in order."""

    runs: list[int]


class SparklinePublic(Public):
    """Test accuracy of one arm of a run, in few points: (step, accuracy)."""

    run: int
    arm: str
    points: list[tuple[int, float]]


class SparklinesPublic(Public):
    """Sparklines of some runs."""

    sparklines: list[SparklinePublic]


class SearchKeyPublic(Public):
    """Something that runs can be searched by, and values to suggest."""

    name: str
    kind: search.Kind
    about: str
    values: list[str]


class SearchKeysPublic(Public):
    """Everything that runs can be searched by, and sorted by."""

    keys: list[SearchKeyPublic]
    sorts: list[str]


class RefusedPublic(Public):
    """A run that was left as it was, and why."""

    run: int
    detail: str


class BulkPublic(Public):
    """What came of an action on many runs: those that it was done to, and new ones."""

    runs: list[int]
    new: list[int]
    refused: list[RefusedPublic]


class ClaimPublic(Public):
    """Something that is said of an experiment, and when a run of it bears it out."""

    number: str
    statement: str
    source: str
    criterion: str
    expected: claims.Result


class QuantityPublic(Public):
    """Something that a study measures: a chart."""

    name: str
    title: str
    unit: str
    x: str
    shows: str
    log_x: bool
    log_y: bool


class CatalogEntryPublic(Public):
    """One experiment or study that comes with the product."""

    name: str
    title: str
    claim: str
    source: str
    stated: list[str]
    left_open: list[str]
    experiment: dict[str, Any] | None
    study: dict[str, Any] | None
    claims: list[ClaimPublic]
    quantities: list[QuantityPublic]


class CatalogPublic(Public):
    """The catalog."""

    entries: list[CatalogEntryPublic]


class EstimatePublic(Public):
    """What a run will probably cost, and what that rests on."""

    seconds: Real | None
    steps_per_second: Real | None = None
    bytes: int | None = None
    basis: str


class ValidatedPublic(Public):
    """An experiment or a study with its defaults filled in, and its cost."""

    experiment: dict[str, Any] | None
    study: dict[str, Any] | None
    estimate: EstimatePublic


class OverSeedsPublic(Public):
    """A number over seeds, with its interval at 95 %."""

    value: Real
    low: Real | None
    high: Real | None
    seeds: int


class MeasurementPublic(Public):
    """One number that a study found."""

    seed: int
    quantity: str
    series: str
    x: Real
    value: Real


class MeasurementsPublic(Public):
    """What a study found after the first `after`, in order; `step` counts what there is."""

    run: int
    step: int
    after: int
    measurements: list[MeasurementPublic]


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


class WorkerPublic(Public):
    """A worker that is alive."""

    id: int
    host: str
    pid: int
    devices: list[str] | None
    heartbeat_at: datetime


class DatasetPublic(Public):
    """Whether some worker has a dataset, and a sentence about it."""

    available: bool
    note: str


class SystemPublic(Public):
    """Version, database, the workers with what they offer, and formats of exports."""

    version: str
    started_at: datetime
    """When this server did: another moment means that it was restarted."""
    database: str
    workers: list[WorkerPublic]
    datasets: dict[str, DatasetPublic] | None
    formats: list[str]


class FieldProblemPublic(Public):
    """What is wrong with one setting."""

    field: str
    message: str


class ProblemPublic(Public):
    """Every error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblemPublic] | None = None
    position: int | None = None


class RunCreate(Asked):
    """An experiment or a study to check or to run, and the catalog entry that it came from."""

    experiment: dict[str, Any] | None = None
    study: dict[str, Any] | None = None
    catalog_entry: str | None = None


class RunEdit(Asked):
    """What a person changes of a run; what is left out or null stays."""

    name: Name | None = None
    tags: edit.Tags | None = None
    note: edit.Note | None = None
    archived: bool | None = None


BulkAction = Literal["stop", "again", "archive", "unarchive", "delete", "restore", "tag", "untag"]


class BulkAsked(Asked):
    """One action on many runs; `tag` and `untag` need the tag."""

    action: BulkAction
    runs: list[Number] = Field(min_length=1, max_length=10_000)
    tag: edit.Tag | None = None


class SelectionAsked(Asked):
    """Statistics of one network, in tables of layers of one layer, in tables of seeds of a seed."""

    table: Annotated[str, Field(max_length=80)]
    network_id: Number | None = None
    layer_id: Number | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    statistics: list[str] = Field(min_length=1, max_length=100)

    def selection(self) -> Selection:
        """The same for `db.series`; a statistic named twice is meant once.

        Raises:
            NotFound: There is no such table or statistic.
        """
        names = tuple(dict.fromkeys(self.statistics))
        return Selection(self.table, self.network_id, self.layer_id, names, seed=self.seed)


class SeriesAsked(Asked):
    """Records of a range of steps."""

    series: list[SelectionAsked] = Field(max_length=2_000)
    first: Step = 0
    last: Step | None = None
    points: Points = 2_000


class MomentAsked(Asked):
    """The records of one step; by default the run's latest."""

    series: list[SelectionAsked] = Field(max_length=2_000)
    step: Step | None = None


class SeriesRecordPublic(Public):
    """What one series had recorded at a step, or last before it; `step` is null where nothing."""

    table: str
    network_id: int | None
    layer_id: int | None
    seed: int | None
    step: int | None
    values: dict[str, Real | None]


class MomentPublic(Public):
    """The records of one step, in the order in which they were asked for."""

    run: int
    step: int
    records: list[SeriesRecordPublic]


class LogEntryPublic(Public):
    """Something that happened to a run."""

    id: int
    at: datetime
    level: log.Level
    message: str


class LogPublic(Public):
    """Entries of a run's log, the oldest first."""

    run: int
    entries: list[LogEntryPublic]


class SamplesPublic(Public):
    """What the processes of a run took of the machine, a column for each quantity."""

    run: int
    samples: int
    every: int
    seconds: list[float]
    step: list[int]
    cpu: list[Real]
    memory: list[Real]
    machine_cpu: list[Real]
    machine_memory: list[Real]
    gpu: list[Real]
    gpu_memory: list[Real]


class RunsAsked(Asked):
    """Push every run that is new or changes."""

    type: Literal["runs"]


class WatchAsked(Asked):
    """Push one run's state and the records of series after a step."""

    type: Literal["watch"]
    run: Number
    after: Step = 0
    points: Points = 500
    series: list[SelectionAsked] = Field(default=[], max_length=2_000)


class UnwatchAsked(Asked):
    """Stop pushing records."""

    type: Literal["unwatch"]


LiveAsked = Annotated[RunsAsked | WatchAsked | UnwatchAsked, Field(discriminator="type")]


def run_public(run: tables.Run) -> RunPublic:
    """A run's row as the interface shows it."""
    return RunPublic.model_validate(_fields(run))


def run_detail_public(run: tables.Run, networks: list[NetworkPublic]) -> RunDetailPublic:
    """A run's row with what it does and its networks."""
    examples = {"batch_size": _batch_size(run), "training_examples": _training_examples(run)}
    fields = {"imported": None} | _fields(run) | examples | {"networks": networks}
    return RunDetailPublic.model_validate(fields)


def _batch_size(run: tables.Run) -> int | None:
    """What the experiment says, or a watched program of itself."""
    document = run.experiment or (run.watched or {}).get("settings", {})
    found = document.get("batch_size")
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None


def _training_examples(run: tables.Run) -> int | None:
    if run.experiment is None:
        return None
    return run.experiment.get("train_examples") or TRAINING_SETS.get(run.experiment["dataset"])


def networks_public(
    networks: Sequence[tables.Network], layers: Sequence[tables.Layer]
) -> list[NetworkPublic]:
    """The networks of a run, each with its layers."""
    of_network: dict[int, list[tables.Layer]] = {network.id: [] for network in networks}
    for layer in layers:
        if layer.network_id in of_network:  # else it came after its network was asked for
            of_network[layer.network_id].append(layer)
    return [
        NetworkPublic.model_validate(columns_of(network) | {"layers": of_network[network.id]})
        for network in networks
    ]


def findings_public(run: tables.Run, findings: Sequence[StoredFinding]) -> FindingsPublic:
    """The findings of a run as the interface shows them."""
    silenced: list[str] = (run.experiment or {}).get("diagnosis", {}).get("silenced", [])
    return FindingsPublic(
        run=run.id,
        diagnosed=run.diagnosed,
        silenced=[RulePublic(name=name, title=title_of(name)) for name in silenced],
        findings=[finding_public(finding) for finding in findings],
    )


def finding_public(stored: StoredFinding) -> FindingPublic:
    """A finding as the interface shows it."""
    found = stored.found
    evidence = EvidencePublic(
        table=found.evidence_table,
        statistic=found.statistic,
        value=found.value,
        threshold=found.threshold,
        first=found.evidence_first,
        last=found.evidence_last,
    )
    whose = {"id": stored.id, "arm": stored.arm, "seed": stored.seed, "layer": stored.layer}
    return FindingPublic.model_validate(
        vars(found) | whose | {"title": title_of(found.rule), "evidence": evidence}
    )


def columns_of(row: tables.Table) -> dict[str, Any]:
    """A row's columns, by name."""
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}


def _fields(run: tables.Run) -> dict[str, Any]:
    experiment, watched = run.experiment, run.watched
    if run.study is not None:
        return columns_of(run) | {"arms": [], "seeds": run.study["seeds"]}
    if run.source == "import":
        seeds = (watched or {}).get("seeds", [0])
        return columns_of(run) | {"arms": [], "seeds": seeds, "watched": None, "imported": watched}
    if experiment is None:  # a watched run: one network an arm
        arms: list[str] = (watched or {}).get("arms", [])
        return columns_of(run) | {"arms": arms, "seeds": [0]}
    return columns_of(run) | {
        "arms": [arm["name"] for arm in experiment["arms"]],
        "seeds": experiment["seeds"],
    }
