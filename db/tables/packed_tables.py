"""What is stored as bytes, many numbers in a column: units of a layer, and levels of records."""

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from .columns import Table, key_of


class UnitRecord(Table):
    """Each unit of one layer on the probe: arrays of little-endian float32, one number a unit."""

    __tablename__ = "unit_records"

    network_id: Mapped[int] = key_of("networks.id")
    layer_id: Mapped[int] = key_of("layers.id")
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

    network_id: Mapped[int] = key_of("networks.id")
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
