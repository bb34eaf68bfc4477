"""What is stored: runs, their networks and layers, and what was recorded of them.

Wide typed rows, one column per statistic, so that the file reads well in `sqlite3`, pandas or
Datasette. docs/statistics.md defines every statistic with its formula and unit. All tables are
imported here, so that `Table.metadata` knows them all.
"""

from .access_tables import AuditEntry, Token
from .columns import NAN_TEXT, Real, Table, UtcDateTime, Words
from .history_tables import Finding, LogEntry, SystemRecord
from .packed_tables import Level, UnitRecord
from .record_tables import (
    OF_LAYERS,
    OF_SEEDS,
    RECORD_TABLES,
    EnsembleRecord,
    Evaluation,
    GradientShiftRecord,
    LandscapeRecord,
    LayerRecord,
    MeasurementRecord,
    NetworkRecord,
    ProbeRecord,
    Recorded,
    statistics_of,
)
from .run_tables import (
    ACTIVE,
    Identity,
    Layer,
    Network,
    Run,
    Source,
    Status,
    Sweep,
    Worker,
    WorkerKind,
)

__all__ = [
    "ACTIVE",
    "NAN_TEXT",
    "OF_LAYERS",
    "OF_SEEDS",
    "RECORD_TABLES",
    "AuditEntry",
    "EnsembleRecord",
    "Evaluation",
    "Finding",
    "GradientShiftRecord",
    "Identity",
    "LandscapeRecord",
    "Layer",
    "LayerRecord",
    "Level",
    "LogEntry",
    "MeasurementRecord",
    "Network",
    "NetworkRecord",
    "ProbeRecord",
    "Real",
    "Recorded",
    "Run",
    "Source",
    "Status",
    "Sweep",
    "SystemRecord",
    "Table",
    "Token",
    "UnitRecord",
    "UtcDateTime",
    "Words",
    "Worker",
    "WorkerKind",
    "statistics_of",
]
