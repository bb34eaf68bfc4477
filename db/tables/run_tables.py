"""Runs with their networks and layers, the sweeps they belong to, and who holds them."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from .columns import Table, Words

Status = Literal["queued", "running", "stopping", "stopped", "finished", "failed"]
ACTIVE: tuple[Status, ...] = ("queued", "running", "stopping")
Source = Literal["experiment", "study", "watch", "import"]
"""What a run is: an experiment or a study, which a worker runs, a person's own loop, watched, or
what another program logged."""
WorkerKind = Literal["worker", "watch"]


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
    place: Mapped[str | None] = mapped_column(String(36))
    """The name of its folder of checkpoints; NULL where it has none."""
    started_at: Mapped[datetime]
    heartbeat_at: Mapped[datetime]


class Identity(Table):
    """One row: what tells this database from others of its name."""

    __tablename__ = "identity"

    name: Mapped[str] = mapped_column(String(12), primary_key=True)
    """Part of the name of the folder of checkpoints; "" where that is older than identities."""


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
    starts: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often a worker has begun it; what an earlier start still writes is refused."""
    interruptions: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often it was interrupted since its newest checkpoint came."""
    checkpoint_step: Mapped[int | None]
    """The step that it goes on from when it is resumed; NULL: the start."""
    checkpoint_place: Mapped[str | None] = mapped_column(String(36))
    """The name of the folder of its checkpoints: with PostgreSQL only a worker that has it goes on
    with the run."""
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
    """When a person last changed any of these, or resumed it: how others who look learn of it."""
    # What lists are searched and sorted by besides, so that they read no document (outline.py).
    dataset: Mapped[str | None] = mapped_column(String(40))
    network: Mapped[str | None] = mapped_column(String(80))
    """The kind of network; of a watched run the class of its first model."""
    norms: Mapped[list[str]] = mapped_column(Words(1000), default=list, server_default="")
    """The normalizations of its arms, each once."""
    lr: Mapped[float | None]
    """The experiment's learning rate, which arms may override; of a watched run what it said."""
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
    """First recorded step of the stretch of non-finite loss that froze this network."""
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
