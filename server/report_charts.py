"""What a report draws: lines of points, ready for its script."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..db.claims import Recorded
from ..db.study import Measurement, Quantity
from ..db.verdict import Curve

MOST_POINTS = 1_000
"""Of one line; of longer ones each stretch keeps its lowest and its highest point."""
DIGITS = 6
LARGEST = 1e307
"""Of numbers beyond it the distance, and with it an axis, may be infinite; they are not drawn."""
TOO_LARGE = "beyond ±1e307"
TOGETHER = "all together"
"""What the line of an ensemble is called."""
Points = Sequence[tuple[float, float]]
"""(x, value), x ascending."""


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        id: Of its element, unique in the report.
        title: What it is called; `shows` says what to look for.
        x: What the horizontal axis is, with its unit; `y` the vertical one.
        lines: `{name, color, seed, main, legend, x, y}`. Of several seeds the mean is the main
            line, with the seed None. A value that can't be drawn is None. With `to` it is a band,
            from `y` to `to`; what is `dense` is drawn thin.
        log_x: Whether the horizontal axis is logarithmic, `log_y` the vertical one.
        share: Whether values are shares, shown in percent.
        range: Of the vertical axis, where charts share it.
    """

    id: str
    title: str
    shows: str
    x: str
    y: str
    lines: list[dict[str, Any]]
    log_x: bool = False
    log_y: bool = False
    share: bool = False
    range: tuple[float, float] | None = None


def accuracy_chart(
    entry: str,
    arms: Sequence[str],
    curves: Sequence[Curve],
    together: Sequence[Recorded] = (),
    most: int = MOST_POINTS,
) -> list[Chart]:
    """The test accuracy of every arm; nothing where no network was evaluated.

    `together` is that of all arms of a seed together, for each seed; `most` the points of a line.
    """
    series: dict[str, dict[int, Points]] = {arm: {} for arm in arms}
    for curve in curves:
        series[curve.arm][curve.seed] = list(zip(curve.steps, curve.accuracies, strict=True))
    for ensemble in together:
        points = zip(ensemble.steps, ensemble.values, strict=True)
        known = [(step, value) for step, value in points if value is not None]
        series.setdefault(TOGETHER, {})[ensemble.seed] = known
    lines = lines_of(series, most)
    shows = f"Share of the test set that is classified right, in inference mode. {_legend(series)}"
    title, y = "Test accuracy", "correct"
    chart = Chart(f"{entry}-accuracy", title, shows.strip(), "step", y, lines, share=True)
    return [chart] if lines else []


def quantity_charts(
    entry: str,
    quantities: Sequence[Quantity],
    found: Sequence[Measurement],
    most: int = MOST_POINTS,
) -> list[Chart]:
    """One chart for each quantity of which something was measured."""
    charts: list[Chart] = []
    for quantity in quantities:
        series: dict[str, dict[int, list[tuple[float, float]]]] = {}
        own = [m for m in found if m.quantity == quantity.name]
        for m in own:
            if is_drawable(m.x):
                series.setdefault(m.series, {}).setdefault(m.seed, []).append((m.x, m.value))
        lines = lines_of(series, most)
        if lines:
            charts.append(
                Chart(
                    id=f"{entry}-{quantity.name}",
                    title=quantity.title,
                    shows=" ".join(filter(None, (quantity.shows, _legend(series), _odd(own)))),
                    x=quantity.x,
                    y=quantity.unit,
                    lines=lines,
                    log_x=quantity.log_x,
                    log_y=quantity.log_y,
                )
            )
    return charts


def _legend(series: Mapping[str, Mapping[int, Points]]) -> str:
    if any(_repeats(points) for seeds in series.values() for points in seeds.values()):
        return "Thick: the mean of all values at a place; thin: each seed."
    several = any(len(seeds) > 1 for seeds in series.values())
    return "Thick: the mean over the seeds; thin: each seed." if several else ""


def _repeats(points: Points) -> bool:
    """Whether there are several values at one x, as a resumed program logs them."""
    return len({x for x, _ in points}) < len(points)


def _odd(found: Sequence[Measurement]) -> str:
    count = sum(not (is_drawable(m.x) and is_drawable(m.value)) for m in found)
    return f"Not drawn: {count:,} NaN, infinite or {TOO_LARGE}." if count else ""


def lines_of(
    series: Mapping[str, Mapping[int, Points]], most: int = MOST_POINTS
) -> list[dict[str, Any]]:
    """The lines of each series: its seeds', then their mean, which is drawn above them."""
    lines: list[dict[str, Any]] = []
    for color, (name, seeds) in enumerate(series.items()):
        middle: Points = ()
        if len(seeds) > 1 or any(map(_repeats, seeds.values())):
            middle = _mean([*seeds.values()])
        for at, (seed, points) in enumerate(seeds.items()):
            named = {"name": name, "color": color, "seed": seed}
            named |= {"main": not middle, "legend": not middle and at == 0}
            lines.append(named | _xy(sorted(points, key=lambda point: point[0]), most))
        if middle:
            named = {"name": name, "color": color, "seed": None, "main": True, "legend": True}
            lines.append(named | _xy(middle, most))
    return [line for line in lines if line["x"]]


def _mean(seeds: Sequence[Points]) -> Points:
    """The mean of all values at each x where every seed has some; what is not finite survives."""
    by_x: list[dict[float, list[float]]] = []
    for points in seeds:
        by_x.append({})
        for x, value in points:
            by_x[-1].setdefault(x, []).append(value)
    found: list[tuple[float, float]] = []
    for x in sorted(set(by_x[0]).intersection(*by_x[1:])):
        values = [value for seed in by_x for value in seed[x]]
        # a sum of floats, which unlike fmean may be infinite or NaN
        found.append((x, sum(values) / len(values)))
    return found


def _xy(points: Points, most: int) -> dict[str, list[float | None]]:
    kept = _thinned(points, most)
    return {"x": [rounded(x) for x, _ in kept], "y": [rounded(value) for _, value in kept]}


def _thinned(points: Points, most: int) -> Points:
    """Not more points than are drawn, with no spike hidden."""
    if len(points) <= most:
        return points
    width = math.ceil(2 * len(points) / most)
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), width):
        stretch = range(start, min(start + width, len(points)))
        ends = {
            min(stretch, key=lambda at: points[at][1]),
            max(stretch, key=lambda at: points[at][1]),
        }
        kept += [points[at] for at in sorted(ends)]
    return kept


def rounded(value: float) -> float | None:
    """With fewer digits, so that the file stays small; None where there is no place for it."""
    return float(f"{value:.{DIGITS}g}") if is_drawable(value) else None


def is_drawable(value: float) -> bool:
    """Whether an axis has a place for a number."""
    return abs(value) <= LARGEST
