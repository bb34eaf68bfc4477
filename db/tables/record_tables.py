"""Series of records: wide typed rows of one step each, a column for each statistic.

A study has measurements instead: rows of one number each.
"""

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from .columns import Table, key_of


class LayerRecord(Table):
    """All statistics of one layer of one network at one step."""

    __tablename__ = "layer_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = key_of("networks.id")
    layer_id: Mapped[int] = key_of("layers.id")
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
    grad_snr: Mapped[float | None]
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

    network_id: Mapped[int] = key_of("networks.id")
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

    network_id: Mapped[int] = key_of("networks.id")
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

    run_id: Mapped[int] = key_of("runs.id")
    seed: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    members: Mapped[int | None]
    test_accuracy: Mapped[float | None]
    test_top_2: Mapped[float | None]


class ProbeRecord(Table):
    """How far the units of one layer moved on the fixed probe, after `step` updates."""

    __tablename__ = "probe_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = key_of("networks.id")
    layer_id: Mapped[int] = key_of("layers.id")
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

    network_id: Mapped[int] = key_of("networks.id")
    layer_id: Mapped[int] = key_of("layers.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    shift_l2: Mapped[float | None]
    shift_relative: Mapped[float | None]
    shift_cosine: Mapped[float | None]


class LandscapeRecord(Table):
    """The loss and its gradient along the gradient of one network's batch at one step."""

    __tablename__ = "landscape_records"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    network_id: Mapped[int] = key_of("networks.id")
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    loss: Mapped[float | None]
    loss_range: Mapped[float | None]
    gradient_change: Mapped[float | None]
    smoothness: Mapped[float | None]


class MeasurementRecord(Table):
    """One number that a study found."""

    __tablename__ = "measurements"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's own protocol)

    run_id: Mapped[int] = key_of("runs.id")
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Counts the run's measurements from 1 on, in the order in which they were found."""
    seed: Mapped[int] = mapped_column(BigInteger)
    quantity: Mapped[str] = mapped_column(String(80))
    series: Mapped[str] = mapped_column(String(120))
    x: Mapped[float]
    value: Mapped[float]


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
