"""A comparison of runs as CSV: a row for each line, or for each point of each line."""

from collections.abc import Iterator, Sequence

from ..db.averages import Average
from ..db.comparison import Line
from ..db.intervals import OverSeeds
from ..db.outcomes import line_outcome
from ..db.sweep import shown_value

Row = Sequence[object]
OF_LINES = (
    *("line", "runs", "arm", "value", "networks", "reached", "target"),
    *("steps_to_target", "steps_to_target_low", "steps_to_target_high"),
    *("best_accuracy", "best_accuracy_low", "best_accuracy_high"),
    *("last_accuracy", "last_accuracy_low", "last_accuracy_high"),
    *("last_step", "diverged", "first_nonfinite_step"),
)
OF_POINTS = ("line", "runs", "arm", "value", "networks", "step", "mean", "low", "high")


def line_rows(lines: Sequence[Line], target: float) -> Iterator[Row]:
    """The header, and what each line comes to."""
    yield OF_LINES
    for line in lines:
        found = line_outcome(line, target)
        yield (
            *_whose(line),
            *(found.networks, found.reached, target),
            *_ends(found.steps_to_target),
            *_ends(found.best_accuracy),
            *_ends(found.last_accuracy),
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


def _whose(line: Line) -> Row:
    value = "" if line.lacks or line.value is None else shown_value(line.value)
    return (line.label, " ".join(map(str, line.runs)), line.arm, value)


def _ends(found: OverSeeds | None) -> Row:
    return (None, None, None) if found is None else (found.value, found.low, found.high)
