"""Recorded numbers: what is asked of series, over HTTP or live, and what comes of them."""

from typing import Annotated, Literal

from pydantic import Field

from ..db.series import Selection
from .schemas import Asked, Number, Points, Public, Real, Step


class SelectionAsked(Asked):
    """Statistics of one network, in tables of layers of one layer, in tables of seeds of a seed."""

    table: Annotated[str, Field(max_length=80)]
    network_id: Number | None = None
    layer_id: Number | None = None
    seed: Step | None = None
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


class MeasuredBucketsPublic(Public):
    """One series over stretches of x; an entry of each list is a bucket."""

    series: str
    several: bool
    x: list[Real]
    last_x: list[Real]
    low: list[Real]
    high: list[Real]
    mean: list[Real]
    nan: list[int]
    infinite: list[int]


class MeasuredPublic(Public):
    """One quantity over a range of x: all its measurements, or each series in buckets."""

    run: int
    quantity: str
    count: int
    beside: int
    width: Real | None
    measurements: list[MeasurementPublic] | None
    buckets: list[MeasuredBucketsPublic]


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
