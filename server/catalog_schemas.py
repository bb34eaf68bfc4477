"""The catalog, and what an experiment or a study would cost."""

from typing import Any

from ..db import claims
from .schemas import Public, Real


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
