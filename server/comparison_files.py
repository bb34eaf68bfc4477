"""A comparison of runs as CSV: a row for each line, for each of its points, or for each network."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

from ..db.averages import Average
from ..db.comparison import Line
from ..db.intervals import OverSeeds
from ..db.outcomes import line_outcome, network_outcome
from ..db.sweep import shown_value

Row = Sequence[object]
OF_LINES = (
    *("line", "runs", "arm", "value", "networks", "reached", "target"),
    *("steps_to_target", "steps_to_target_low", "steps_to_target_high"),
    *("best_accuracy", "best_accuracy_low", "best_accuracy_high"),
    *("last_accuracy", "last_accuracy_low", "last_accuracy_high"),
    *("last_step", "diverged", "first_nonfinite_step"),
)
OF_NETWORKS = ("last_accuracy", "best_accuracy", "steps_to_target", "first_nonfinite_step")
OF_POINTS = ("line", "runs", "arm", "value", "networks", "step", "mean", "low", "high")


def line_rows(lines: Sequence[Line], target: float) -> Iterator[Row]:
    """The header, and what each line comes to."""
    yield OF_LINES
    for line in lines:
        found = line_outcome(line, target)
        yield (
            *_whose(line),
            *(found.networks, found.reached, target),
            *ends(found.steps_to_target),
            *ends(found.best_accuracy),
            *ends(found.last_accuracy),
            *(found.last_step, found.diverged, found.first_nonfinite_step),
        )


def average_rows(lines: Sequence[Line], averages: Sequence[Average]) -> Iterator[Row]:
    """The header, and every point of every line; without an interval its ends are empty."""
    yield OF_POINTS
    for line, found in zip(lines, averages, strict=True):
        columns = (found.step, found.mean, found.low, found.high)
        for step, mean, *ends in zip(*(column.tolist() for column in columns), strict=True):
            interval = (None if end != end else end for end in ends)
            yield (*_whose(line), found.networks, step, mean, *interval)


def network_rows(lines: Sequence[Line], settings: Sequence[str], target: float) -> Iterator[Row]:
    """The header, and what each network trained with, of some settings, and came to."""
    yield ("line", "run", "arm", "seed", *settings, "target", *OF_NETWORKS)
    for line in lines:
        for member in line.members:
            values = [setting_cell(member.settings.get(path)) for path in settings]
            yield (
                *(line.label, member.run.id, member.network.arm, member.network.seed, *values),
                *(target, *astuple(network_outcome(member, target))),
            )


def setting_cell(value: Any) -> object:
    """A value of a setting: numbers stay numbers, and without one the cell is empty."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number or value is None else shown_value(value)


def ends(found: OverSeeds | None) -> Row:
    """A number with its interval; without one its ends are empty."""
    return (None, None, None) if found is None else (found.value, found.low, found.high)


def _whose(line: Line) -> Row:
    value = "" if line.lacks or line.value is None else shown_value(line.value)
    return (line.label, " ".join(map(str, line.runs)), line.arm, value)
