"""What the report of a run draws: curves of all arms, and what every layer did."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Engine

from ..db import read
from ..db.series import Selection, Series, bucket_width, series
from ..db.tables import Layer, Network, Run
from .report_charts import LARGEST, TOO_LARGE, Chart, accuracy_chart, lines_of, rounded

BUDGET = 40_000
"""Points of all lines of a chart of curves: about 0.7 MB of text."""
LAYER_BUDGET = 120_000
"""Points of all layers together."""
FEWEST, MOST = 60, 1_000
"""Points of one line, however many lines there are."""
MOST_LAYERS = 400
"""Layers of arms; of more some are chosen, evenly."""
WIDEST = 20
"""Fans share a scale where none is so many times as wide as another."""
STATISTICS = (
    *("p15", "p50", "p85", "shift_from_start", "activation_grad_norm", "weight_grad_norm"),
    *("mean_drift", "var_drift"),
)
LINES = {
    "shift_from_start": (
        "Shift from the start",
        "1-Wasserstein distance from the first record, in pooled standard deviations.",
        "σ",
        False,
    ),
    "activation_grad_norm": (
        "Gradient of the preactivation",
        "Its norm over the batch. Far smaller in early layers: it vanishes.",
        "norm",
        True,
    ),
    "weight_grad_norm": ("Gradient of the weights", "Its norm.", "norm", True),
    "mean_drift": (
        "Drift of the running mean",
        "How far it is from the batch’s own, in running standard deviations.",
        "σ",
        True,
    ),
    "var_drift": (
        "Drift of the running variance",
        "How far its logarithm is from that of the batch’s own.",
        "|ln ratio|",
        True,
    ),
}
"""By statistic: title, what it shows, unit, whether the axis is logarithmic."""


@dataclass(frozen=True)
class Column:
    """One arm of one run, as the report shows it.

    Attributes:
        run: The run.
        label: What the arm is called: with several runs, with the run's number.
        color: Of its lines.
        networks: Of the arm, one for each seed; layers are those of the first.
        layers: Of the first network.
    """

    run: Run
    label: str
    color: int
    networks: list[Network]
    layers: list[Layer]


@dataclass(frozen=True)
class LayerCharts:
    """The charts of one layer.

    Attributes:
        name: Of the layer.
        shift: A fan for each arm, on one scale, and the shift from the start.
        gradients: Norms of gradients.
        drift: Of running statistics; empty where there are none.
    """

    name: str
    shift: list[Chart]
    gradients: list[Chart]
    drift: list[Chart]


def columns_of(engine: Engine, runs: Sequence[Run]) -> list[Column]:
    """The arms of some runs, in order."""
    found: list[Column] = []
    for run in runs:
        layers = read.layers(engine, run.id)
        arms: dict[str, list[Network]] = {}
        for network in read.networks(engine, run.id):
            arms.setdefault(network.arm, []).append(network)
        for arm, networks in arms.items():
            label = arm if len(runs) == 1 else f"#{run.id} {arm}"
            own = [layer for layer in layers if layer.network_id == networks[0].id]
            found.append(Column(run, label, len(found), networks, own))
    return found


def curve_charts(engine: Engine, columns: Sequence[Column]) -> list[Chart]:
    """Test accuracy, test loss and the loss of training, of all arms and seeds."""
    labels = {(c.run.id, c.networks[0].arm): c.label for c in columns}
    runs = {c.run.id: c.run for c in columns}
    curves = [
        replace(curve, arm=labels[run.id, curve.arm])
        for run in runs.values()
        for curve in read.curves(engine, run)
        if (run.id, curve.arm) in labels
    ]
    charts = accuracy_chart("run", list(labels.values()), curves, most=points_of(len(curves)))
    tested: dict[str, dict[int, list[tuple[float, float]]]] = {c.label: {} for c in columns}
    for run in runs.values():
        for found in read.recorded(engine, run, "evaluations", "test_loss"):
            points = zip(found.steps, found.values, strict=True)
            known = [(float(step), value) for step, value in points if value is not None]
            tested[labels[run.id, found.arm]][found.seed] = known
    lines = lines_of(tested, points_of(len(curves)))
    if lines:
        shows, log = "Of the test set, in inference mode.", _is_wide(lines)
        charts.append(Chart("run-test-loss", "Test loss", shows, "step", "loss", lines, log_y=log))
    return charts + _training_loss(engine, columns)


def _training_loss(engine: Engine, columns: Sequence[Column]) -> list[Chart]:
    lines: list[dict[str, Any]] = []
    odd: list[str] = []
    points = points_of(sum(len(column.networks) for column in columns))
    for column in columns:
        for at, network in enumerate(column.networks):
            selection = Selection("network_records", network.id, None, ("loss",))
            found = _series(engine, column.run, selection, points)
            several = len(column.networks) > 1
            line = _line(column, found, "loss", seed=network.seed)
            lines += [one | {"main": not several, "legend": at == 0} for one in line]
            whose = f"{column.label}, seed {network.seed}" if several else column.label
            odd += _odd(whose, found, "loss")
    shows = f"Of the batches; the lowest and the highest of each stretch. {' '.join(odd)}".strip()
    log = _is_wide(lines)
    loss = Chart("run-loss", "Training loss", shows, "step", "loss", lines, log_y=log)
    return [loss] if lines else []


def layer_charts(engine: Engine, columns: Sequence[Column]) -> tuple[list[LayerCharts], int]:
    """The charts of each layer, in order, and how many layers there are with those left out."""
    names = list(dict.fromkeys(layer.name for column in columns for layer in column.layers))
    count = len(names)
    most = max(1, MOST_LAYERS // max(1, len(columns)))
    if count > most:
        names = [names[round(at * (count - 1) / max(1, most - 1))] for at in range(most)]
    shown = sum(layer.name in set(names) for column in columns for layer in column.layers)
    points = points_of(shown * len(STATISTICS), LAYER_BUDGET)
    return [
        _of_layer(engine, columns, name, f"layer{at}", points) for at, name in enumerate(names)
    ], count


def _of_layer(
    engine: Engine, columns: Sequence[Column], name: str, key: str, points: int
) -> LayerCharts:
    found: list[tuple[Column, Series]] = []
    for column in columns:
        for layer in column.layers:
            if layer.name == name:
                chosen = Selection("layer_records", column.networks[0].id, layer.id, STATISTICS)
                found.append((column, _series(engine, column.run, chosen, points)))
    charts = {statistic: _line_chart(f"{key}-{statistic}", statistic, found) for statistic in LINES}
    return LayerCharts(
        name,
        [*_fans(key, found), *charts["shift_from_start"]],
        [*charts["activation_grad_norm"], *charts["weight_grad_norm"]],
        [*charts["mean_drift"], *charts["var_drift"]],
    )


def _fans(key: str, found: Sequence[tuple[Column, Series]]) -> list[Chart]:
    """The band and the median of each arm, on one scale where that shows all of them."""
    charts: list[Chart] = []
    spans: list[tuple[float, float]] = []
    for column, of in found:
        if not {"p15", "p50", "p85"} <= of.low.keys():
            continue
        ends = np.concatenate([of.low["p15"], of.high["p85"]])
        ends = ends[np.isfinite(ends)]
        spans += [(float(ends.min()), float(ends.max()))] if ends.size else []
        band = {"x": of.step.tolist(), "y": _rounded(of.low["p15"]), "to": _rounded(of.high["p85"])}
        named = {"name": column.label, "color": column.color, "seed": None}
        median = [line | {"legend": False} for line in _line(column, of, "p50")]
        lines = [named | {"main": True, "legend": False} | band, *median]
        shows = "Preactivation: its median, and from 15 % to 85 %."
        odd = " ".join([shows, *_odd(column.label, of, "p50")])
        place = f"{key}-fan-{column.color}"
        charts.append(Chart(place, column.label, odd, "step", "preactivation", lines))
    widths = [high - low for low, high in spans]
    if not widths or max(widths) == 0:
        return charts
    if max(widths) > WIDEST * min(widths):
        return [replace(one, shows=f"{one.shows} On a scale of its own.") for one in charts]
    low, high = min(low for low, _ in spans), max(high for _, high in spans)
    margin = (high - low) * 0.05
    return [replace(chart, range=(low - margin, high + margin)) for chart in charts]


def _line_chart(place: str, statistic: str, found: Sequence[tuple[Column, Series]]) -> list[Chart]:
    title, shows, unit, log = LINES[statistic]
    lines = [line for column, of in found for line in _line(column, of, statistic)]
    odd = [sentence for column, of in found for sentence in _odd(column.label, of, statistic)]
    told = " ".join([shows, *odd])
    return [Chart(place, title, told, "step", unit, lines, log_y=log)] if lines else []


def _line(
    column: Column, found: Series, statistic: str, seed: int | None = None
) -> list[dict[str, Any]]:
    """Every record, or of each stretch of steps the lowest and the highest: no spike is lost."""
    if statistic not in found.low:
        return []
    low, high = found.low[statistic], found.high[statistic]
    x, y = found.step, low
    if found.width > 1:
        x = np.column_stack([found.step, found.last_step]).ravel()
        y = np.column_stack([low, high]).ravel()
    named = {"name": column.label, "color": column.color, "seed": seed}
    named |= {"main": True, "legend": True, "dense": found.width > 1}
    return [named | {"x": x.tolist(), "y": _rounded(y)}]


def _odd(whose: str, found: Series, statistic: str) -> list[str]:
    """A sentence where something is not finite or too large, which a line can't show."""
    if statistic not in found.low:
        return []
    unfit = ~(np.maximum(np.abs(found.low[statistic]), np.abs(found.high[statistic])) <= LARGEST)
    unfit[found.null.get(statistic, [])] = False
    unfit[found.nan.get(statistic, [])] = True
    places = np.flatnonzero(unfit)
    if places.size == 0:
        return []
    first, last = found.step[places[0]], found.last_step[places[0]]
    where = f"step {first:,}" if first == last else f"steps {first:,} to {last:,}"
    return [f"{whose}: NaN, infinite or {TOO_LARGE} first at {where}."]


def _is_wide(lines: Sequence[dict[str, Any]]) -> bool:
    """Whether most of some lines would be flat at the bottom of a linear axis: one diverged."""
    values = [value for line in lines for value in line["y"] if value is not None]
    return bool(values) and min(values) > 0 and max(values) > 100 * float(np.median(values))


def points_of(lines: int, budget: int = BUDGET) -> int:
    """How many points each of some lines may have."""
    return min(MOST, max(FEWEST, budget // max(1, lines)))


def _series(engine: Engine, run: Run, selection: Selection, points: int) -> Series:
    records = run.step if run.looked is None else min(run.looked, run.step)
    width = bucket_width(run.step + 1, points, records)
    return series(engine, selection, 0, run.step, width)


def _rounded(values: Iterable[float]) -> list[float | None]:
    return [rounded(float(value)) for value in values]
