"""What is stored: runs, their networks and layers, and what was recorded of them.

Wide typed rows, one column per statistic, so that the file reads well in `sqlite3`, pandas or
Datasette. docs/statistics.md defines every statistic with its formula and unit.

NaN and NULL: NULL means "does not apply". SQLite turns a bound NaN into NULL, so there a NaN is
stored as the text 'NaN', which `Real` reads back as one; PostgreSQL stores NaN itself. Infinities
are ordinary floats in both.
"""

import math
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Status = Literal["queued", "running", "stopping", "stopped", "finished", "failed"]
ACTIVE: tuple[Status, ...] = ("queued", "running", "stopping")
Source = Literal["experiment", "study", "watch", "import"]
"""What a run is: an experiment or a study, which a worker runs, a person's own loop, watched, or
what another program logged."""
WorkerKind = Literal["worker", "watch"]
NAN_TEXT = "NaN"


class _Bind(Protocol):
    def __call__(self, value: float | None) -> Any: ...


class Real(TypeDecorator[float]):
    """A float of 8 bytes that keeps NaN apart from NULL in every database."""

    impl = Double
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> _Bind | None:
        """Replaces Double's own, which would turn the text back into a float."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)
        return lambda value: NAN_TEXT if value is not None and math.isnan(value) else value

    def process_result_value(self, value: Any, dialect: Dialect) -> float | None:
        return math.nan if value == NAN_TEXT else value


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps it as ISO text without the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and dialect.name == "sqlite":
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[list[str]]):
    """A few words without spaces in them, as text with a space before, between and after them.

    So one of them is found by `LIKE '% word %'`, and a person reads them in `sqlite3`.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return f" {' '.join(value)} " if value else ""

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[str] | None:
        return None if value is None else value.split()


class Table(DeclarativeBase):
    """The base of all tables; constraints get names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy's own protocol)
        float: Real,
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON,
    }


def _key(target: str) -> Any:
    return mapped_column(ForeignKey(target, ondelete="CASCADE"), primary_key=True)


class Worker(Table):
    """A process that holds runs, what it can offer, and when it was last heard of."""

    __tablename__ = "workers"

    id: Mapped[int] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    kind: Mapped[str] = mapped_column(String(10), default="worker", server_default="worker")
    """`worker` claims runs; `watch` records one watched run, claims nothing and offers nothing."""
    devices: Mapped[list[str] | None]
    """Devices present, the best first, such as `["cuda:0", "cpu"]`; NULL until they are known."""
    datasets: Mapped[dict[str, Any] | None]
    """For each dataset `{"available": bool, "note": sentence}`; NULL until it is known."""
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]


class Sweep(Table):
    """Runs of one experiment with several values of some of its settings (docs/sweeps.md)."""

    __tablename__ = "sweeps"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    catalog_entry: Mapped[str | None] = mapped_column(String(80))
    sweep: Mapped[dict[str, Any]]
    """Its document: the experiment, and over what it is swept."""
    created_at: Mapped[datetime]


class Run(Table):
    """One training or study, with its own summary, so that lists never join records.

    It executes an experiment or a study, watches somebody's own loop, or was imported: `source`
    says which.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_status", "status"),
        Index("ix_runs_edited_at", "edited_at"),
        Index("ix_runs_sweep_id", "sweep_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    catalog_entry: Mapped[str | None] = mapped_column(String(80))
    sweep_id: Mapped[int | None] = mapped_column(ForeignKey("sweeps.id", ondelete="SET NULL"))
    source: Mapped[str] = mapped_column(
        String(10), default="experiment", server_default="experiment"
    )
    experiment: Mapped[dict[str, Any] | None]
    """The experiment's document; NULL unless `source` is `experiment`."""
    study: Mapped[dict[str, Any] | None]
    """The study's document; NULL unless `source` is `study`."""
    watched: Mapped[dict[str, Any] | None]
    """What is watched, or where an import came from, as docs/protocol.md describes both; NULL
    unless `source` is `watch` or `import`."""
    status: Mapped[str] = mapped_column(String(10))
    step: Mapped[int] = mapped_column(default=0)
    """The latest step whose records are all committed, of a study or an import how many
    measurements are; the cursor of live push."""
    steps: Mapped[int | None]
    """How long it will be; NULL where nobody knows: of a study, or of a watched loop."""
    looked: Mapped[int | None]
    """Steps that the observer looked at so far: fewer than `step` when its cadence is sparser."""
    overhead: Mapped[float | None]
    """Share of the training time that observing took, measures included: 0.018 is 1.8 %."""
    waited: Mapped[float | None]
    """Seconds that the training loop waited for the recorder: it waits rather than drops."""
    measured: Mapped[float | None]
    """Seconds that the training loop stood still for the gradient shift and the landscape."""
    steps_per_second: Mapped[float | None]
    summary: Mapped[dict[str, Any]]
    """`{arm: {"last_accuracy": …, "best_accuracy": …}}`, means over seeds, on the test set."""
    device: Mapped[str | None] = mapped_column(String(20))
    versions: Mapped[dict[str, Any] | None]
    """What made it: the versions of shiftscope, torch and Python; `data`: what the images tell."""
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("workers.id", ondelete="SET NULL"))
    phase: Mapped[str | None] = mapped_column(String(200))
    """What a running run does besides training, such as downloading, in a few words."""
    diagnosed: Mapped[int | None]
    """The latest step that the rules for findings have looked at; NULL: they never did."""
    error: Mapped[str | None]
    """Why the run failed or ended early: a sentence for a person."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    stop_asked_at: Mapped[datetime | None]
    tags: Mapped[list[str]] = mapped_column(Words(1000), default=list, server_default="")
    """Words of a person's own, in lower case."""
    note: Mapped[str] = mapped_column(String(1000), default="", server_default="")
    archived: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Lists leave it out unless they are asked for archived ones."""
    deleted_at: Mapped[datetime | None]
    """When it was deleted: it is in no list, and can be restored until it is purged."""
    edited_at: Mapped[datetime | None]
    """When a person last changed any of these: how others who look learn of it."""
    # What lists are searched and sorted by besides, so that they read no document (outline.py).
    dataset: Mapped[str | None] = mapped_column(String(40))
    network: Mapped[str | None] = mapped_column(String(80))
    """The kind of network; of a watched run the class of its first model."""
    norms: Mapped[list[str]] = mapped_column(Words(1000), default=list, server_default="")
    """The normalizations of its arms, each once."""
    lr: Mapped[float | None]
    """The experiment's learning rate, which arms may override."""
    seed_count: Mapped[int | None]
    last_accuracy: Mapped[float | None]
    """The highest of all arms' in `summary`, and so `best_accuracy`."""
    best_accuracy: Mapped[float | None]
    ratio: Mapped[float | None]
    """Steps to the target of the reference ÷ those of the arm that was soonest, once it ended."""
    duration: Mapped[float | None]
    """Seconds from start to end; NULL before the end."""


class Network(Table):
    """One arm trained with one seed. Networks of one seed are twins."""

    __tablename__ = "networks"
    __table_args__ = (UniqueConstraint("run_id", "arm", "seed"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    arm: Mapped[str] = mapped_column(String(80))
    seed: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int]
    """Order in the run: all arms of the first seed, in the experiment's order, then the next."""
    parameters: Mapped[int] = mapped_column(BigInteger)
    weights_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the first weight matrices: equal for twins."""
    diverged_step: Mapped[int | None]
    """First step of the stretch of non-finite loss that froze this network."""
    frozen_step: Mapped[int | None]
    """Last step that was trained and recorded before it was frozen."""


class Layer(Table):
    """One observed block of a network; blocks of twins carry the same name."""

    __tablename__ = "layers"
    __table_args__ = (UniqueConstraint("network_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    network_id: Mapped[int] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    """Path of its module in the network, such as `layer1.0.conv1`."""
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    norm: Mapped[str] = mapped_column(String(40))
    activation: Mapped[str] = mapped_column(String(40))
    units: Mapped[int]
    elements: Mapped[int | None] = mapped_column(BigInteger)
    """Numbers in the preactivation of one batch."""
    sampled: Mapped[int | None]
    """How many of them a record's percentiles rest on: all, or a strided subsample."""


class LayerRecord(Table):
    """All statistics of one layer of one network at one step."""

    __tablename__ = "layer_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = _key("networks.id")
    layer_id: Mapped[int] = _key("layers.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    mean: Mapped[float | None]
    std: Mapped[float | None]
    min: Mapped[float | None]
    p01: Mapped[float | None]
    p05: Mapped[float | None]
    p15: Mapped[float | None]
    p25: Mapped[float | None]
    p50: Mapped[float | None]
    p75: Mapped[float | None]
    p85: Mapped[float | None]
    p95: Mapped[float | None]
    p99: Mapped[float | None]
    max: Mapped[float | None]
    saturated: Mapped[float | None]
    dead: Mapped[float | None]
    shift_w1: Mapped[float | None]
    shift_from_start: Mapped[float | None]
    activation_grad_norm: Mapped[float | None]
    weight_grad_norm: Mapped[float | None]
    weight_norm: Mapped[float | None]
    update_ratio: Mapped[float | None]
    mean_drift: Mapped[float | None]
    var_drift: Mapped[float | None]
    gamma_mean: Mapped[float | None]
    gamma_min: Mapped[float | None]
    gamma_max: Mapped[float | None]
    beta_mean: Mapped[float | None]
    beta_std: Mapped[float | None]
    nonfinite: Mapped[int | None]


class NetworkRecord(Table):
    """What one network's training batch gave at one step."""

    __tablename__ = "network_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = _key("networks.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    loss: Mapped[float | None]
    accuracy: Mapped[float | None]
    grad_norm: Mapped[float | None]
    lr: Mapped[float | None]
    seconds: Mapped[float | None]


class Evaluation(Table):
    """One network on the whole test set, after `step` updates."""

    __tablename__ = "evaluations"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = _key("networks.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    test_loss: Mapped[float | None]
    test_accuracy: Mapped[float | None]
    test_loss_batch_statistics: Mapped[float | None]
    test_accuracy_batch_statistics: Mapped[float | None]
    test_top_2: Mapped[float | None]


class EnsembleRecord(Table):
    """The networks of one seed, of all arms, together on the test set, after `step` updates.

    Their prediction is the mean of their class probabilities.
    """

    __tablename__ = "ensemble_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    run_id: Mapped[int] = _key("runs.id")
    seed: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    members: Mapped[int | None]
    test_accuracy: Mapped[float | None]
    test_top_2: Mapped[float | None]


class MeasurementRecord(Table):
    """One number that a study found."""

    __tablename__ = "measurements"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    run_id: Mapped[int] = _key("runs.id")
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Counts the run's measurements from 1 on, in the order in which they were found."""
    seed: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[str] = mapped_column(String(80))
    series: Mapped[str] = mapped_column(String(120))
    x: Mapped[float]
    value: Mapped[float]


class ProbeRecord(Table):
    """How far the units of one layer moved on the fixed probe, after `step` updates."""

    __tablename__ = "probe_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = _key("networks.id")
    layer_id: Mapped[int] = _key("layers.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    w1_from_start_median: Mapped[float | None]
    w1_from_start_mean: Mapped[float | None]
    w1_from_start_max: Mapped[float | None]
    ks_from_start_median: Mapped[float | None]
    ks_from_start_mean: Mapped[float | None]
    ks_from_start_max: Mapped[float | None]
    psi_from_start_median: Mapped[float | None]
    psi_from_start_mean: Mapped[float | None]
    psi_from_start_max: Mapped[float | None]
    js_from_start_median: Mapped[float | None]
    js_from_start_mean: Mapped[float | None]
    js_from_start_max: Mapped[float | None]
    mean_shift_from_start_median: Mapped[float | None]
    mean_shift_from_start_mean: Mapped[float | None]
    mean_shift_from_start_max: Mapped[float | None]
    scale_shift_from_start_median: Mapped[float | None]
    scale_shift_from_start_mean: Mapped[float | None]
    scale_shift_from_start_max: Mapped[float | None]
    median_shift_from_start_median: Mapped[float | None]
    median_shift_from_start_mean: Mapped[float | None]
    median_shift_from_start_max: Mapped[float | None]
    w1_from_previous_median: Mapped[float | None]
    w1_from_previous_mean: Mapped[float | None]
    w1_from_previous_max: Mapped[float | None]
    ks_from_previous_median: Mapped[float | None]
    ks_from_previous_mean: Mapped[float | None]
    ks_from_previous_max: Mapped[float | None]
    psi_from_previous_median: Mapped[float | None]
    psi_from_previous_mean: Mapped[float | None]
    psi_from_previous_max: Mapped[float | None]
    js_from_previous_median: Mapped[float | None]
    js_from_previous_mean: Mapped[float | None]
    js_from_previous_max: Mapped[float | None]
    mean_shift_from_previous_median: Mapped[float | None]
    mean_shift_from_previous_mean: Mapped[float | None]
    mean_shift_from_previous_max: Mapped[float | None]
    scale_shift_from_previous_median: Mapped[float | None]
    scale_shift_from_previous_mean: Mapped[float | None]
    scale_shift_from_previous_max: Mapped[float | None]
    median_shift_from_previous_median: Mapped[float | None]
    median_shift_from_previous_mean: Mapped[float | None]
    median_shift_from_previous_max: Mapped[float | None]
    w1_floor: Mapped[float | None]
    ks_floor: Mapped[float | None]
    psi_floor: Mapped[float | None]
    js_floor: Mapped[float | None]
    mean_shift_floor: Mapped[float | None]
    scale_shift_floor: Mapped[float | None]
    median_shift_floor: Mapped[float | None]
    spread_mean: Mapped[float | None]
    effective_rank: Mapped[float | None]
    nonfinite: Mapped[int | None]


class GradientShiftRecord(Table):
    """What a step did to the gradient of one layer by updating the layers before it."""

    __tablename__ = "gradient_shift_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = _key("networks.id")
    layer_id: Mapped[int] = _key("layers.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    shift_l2: Mapped[float | None]
    shift_relative: Mapped[float | None]
    shift_cosine: Mapped[float | None]


class LandscapeRecord(Table):
    """The loss and its gradient along the gradient of one network's batch at one step."""

    __tablename__ = "landscape_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = _key("networks.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    loss: Mapped[float | None]
    loss_range: Mapped[float | None]
    gradient_change: Mapped[float | None]
    smoothness: Mapped[float | None]


class UnitRecord(Table):
    """Each unit of one layer on the probe: arrays of little-endian float32, one number a unit."""

    __tablename__ = "unit_records"

    network_id: Mapped[int] = _key("networks.id")
    layer_id: Mapped[int] = _key("layers.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    mean: Mapped[bytes | None]
    std: Mapped[bytes | None]
    p15: Mapped[bytes | None]
    p50: Mapped[bytes | None]
    p85: Mapped[bytes | None]
    running_mean: Mapped[bytes | None]
    running_var: Mapped[bytes | None]


class Level(Table):
    """One statistic over up to 32 neighbouring buckets of steps, as `levels.py` makes them."""

    __tablename__ = "levels"

    network_id: Mapped[int] = _key("networks.id")
    layer_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    """0 in tables without layers."""
    table_name: Mapped[str] = mapped_column(String(40), primary_key=True)
    """Of which records."""
    width: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Steps in a bucket."""
    statistic: Mapped[str] = mapped_column(String(80), primary_key=True)
    """Its name; `step` for the first and last recorded step of each bucket."""
    start: Mapped[int] = mapped_column(Integer, primary_key=True)
    """The step that the first of the 32 buckets begins with."""
    low: Mapped[bytes]
    """Minima, little-endian float64, one number for each bucket with a record; steps are int64."""
    high: Mapped[bytes]
    """Maxima."""
    flags: Mapped[bytes | None]
    """A byte for each bucket: 1 a value was NaN, 2 NULL throughout; NULL where all are 0."""


class LogEntry(Table):
    """Something that happened to a run."""

    __tablename__ = "log_entries"
    __table_args__ = (Index("ix_log_entries_run_id", "run_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    level: Mapped[str] = mapped_column(String(10))
    """`info`, `warning` or `error`."""
    message: Mapped[str]
    """A sentence for a person."""


class SystemRecord(Table):
    """What the processes of a run took of the machine, over the seconds since the sample before."""

    __tablename__ = "system_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    run_id: Mapped[int] = _key("runs.id")
    sample: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Counts the run's samples from 1 on."""
    seconds: Mapped[float]
    """Since the first sample of the run's process."""
    step: Mapped[int]
    """The run's latest committed step."""
    cpu: Mapped[float | None]
    """Cores that its processes kept busy: 1.5 is one core and a half."""
    memory: Mapped[float | None]
    """Bytes that its processes hold, shared memory counted for each."""
    machine_cpu: Mapped[float | None]
    """Share of all cores that was busy with anything."""
    machine_memory: Mapped[float | None]
    """Share of the machine's memory that is not available."""
    gpu: Mapped[float | None]
    """Share of time in which the run's GPU was busy; NULL without one, or where nobody tells."""
    gpu_memory: Mapped[float | None]
    """Bytes that torch has reserved on the run's GPU; NULL without one."""


class Finding(Table):
    """What a diagnosis rule noticed in one network, with the evidence, in words for a person.

    Of each rule, network and layer there is one at most.
    """

    __tablename__ = "findings"
    __table_args__ = (Index("ix_findings_run_id", "run_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    rule: Mapped[str] = mapped_column(String(40))
    network_id: Mapped[int | None] = mapped_column(ForeignKey("networks.id", ondelete="CASCADE"))
    """NULL where it is about the run."""
    layer_id: Mapped[int | None] = mapped_column(ForeignKey("layers.id", ondelete="CASCADE"))
    """NULL where it is about the network."""
    first_step: Mapped[int]
    last_step: Mapped[int]
    """The latest step at which it was seen."""
    severity: Mapped[str] = mapped_column(String(10))
    """`warning`, or `critical` where the network can't be used."""
    evidence_table: Mapped[str] = mapped_column(String(40))
    statistic: Mapped[str] = mapped_column(String(80))
    value: Mapped[float]
    """The rule's number where it was worst, over `evidence_first` to `evidence_last`."""
    threshold: Mapped[float]
    evidence_first: Mapped[int]
    evidence_last: Mapped[int]
    sentence: Mapped[str]
    why: Mapped[str]
    advice: Mapped[str]


Recorded = (
    LayerRecord
    | NetworkRecord
    | Evaluation
    | ProbeRecord
    | EnsembleRecord
    | GradientShiftRecord
    | LandscapeRecord
)
RECORD_TABLES: dict[str, type[Recorded]] = {
    table.__tablename__: table
    for table in (
        LayerRecord,
        NetworkRecord,
        Evaluation,
        ProbeRecord,
        EnsembleRecord,
        GradientShiftRecord,
        LandscapeRecord,
    )
}
"""The tables that hold recorded series, by the name that exports and frames use."""
OF_LAYERS = frozenset(
    name for name, table in RECORD_TABLES.items() if "layer_id" in table.__table__.columns
)
"""Those of them that hold series of layers; the others hold series of networks, but for:"""
OF_SEEDS = frozenset(
    name for name, table in RECORD_TABLES.items() if "seed" in table.__table__.columns
)
"""Those that hold a series of each seed of a run."""


def statistics_of(table: str) -> list[str]:
    """The columns of a record table that hold statistics: all but its keys, in order."""
    columns = RECORD_TABLES[table].__table__.columns
    return [column.name for column in columns if not column.primary_key]
