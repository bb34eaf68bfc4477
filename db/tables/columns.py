"""What all tables rest on: their base, and the types of their columns.

NaN and NULL: NULL means "does not apply". SQLite turns a bound NaN into NULL, so there a NaN is
stored as the text 'NaN', which `Real` reads back as one; PostgreSQL stores NaN itself. Infinities
are ordinary floats in both.
"""

import math
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import JSON, DateTime, Dialect, Double, ForeignKey, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, mapped_column

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


def key_of(target: str) -> Any:
    return mapped_column(ForeignKey(target, ondelete="CASCADE"), primary_key=True)
