"""A part of a table of records: some of its series, some of its columns, a range of steps."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """What of a run's table is asked for; None is all.

    Attributes:
        networks: Numbers of networks.
        layer: The name of a layer, of a table that has layers.
        seed: Of a table of seeds.
        statistics: Columns, in the table's order whatever the order here.
        unit: Of `unit_records`: which unit.
        first: The first step.
        last: The last step.
    """

    networks: Sequence[int] | None = None
    layer: str | None = None
    seed: int | None = None
    statistics: Sequence[str] | None = None
    unit: int | None = None
    first: int = 0
    last: int | None = None

    def columns(self, known: Sequence[str]) -> list[str]:
        """Those of the known statistics that are asked for."""
        return [name for name in known if self.statistics is None or name in self.statistics]

    def until(self, step: int) -> int:
        """The last step, of a run that is as far as `step`."""
        return step if self.last is None else min(self.last, step)


WHOLE = Part()
