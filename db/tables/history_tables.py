"""What happened to a run: its log, what it took of the machine, what diagnosis rules found."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from .columns import Table, key_of


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

    run_id: Mapped[int] = key_of("runs.id")
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
