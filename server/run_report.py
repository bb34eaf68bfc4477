"""The report of a run, or of several side by side: one HTML file that needs no server."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any, cast

from sqlalchemy import Engine

from ..db import catalog, read
from ..db.errors import NotFound, SetupProblem
from ..db.judge import Judged, judged
from ..db.study import Quantity
from ..db.tables import Run
from ..db.verdict import Comparison
from ..db.verdict_words import percent, points
from .report_charts import Chart, quantity_charts
from .report_page import figures, page, table, terms
from .run_report_charts import (
    LAYER_BUDGET,
    LayerCharts,
    columns_of,
    curve_charts,
    layer_charts,
    points_of,
)

MOST_RUNS = 8


def run_report(engine: Engine, run_ids: Sequence[int]) -> str:
    """The whole file; whatever a person or a database named is escaped.

    Raises:
        NotFound: One of the runs is not there.
        SetupProblem: There are too many.
    """
    numbers = list(dict.fromkeys(run_ids))
    if len(numbers) > MOST_RUNS:
        raise SetupProblem(f"A report has at most {MOST_RUNS} runs, got {len(numbers)}.")
    found = [judged(engine, number) for number in numbers]
    runs = [one.run for one in found]
    columns = columns_of(engine, runs)
    curves = curve_charts(engine, columns) if columns else []
    layers, count = layer_charts(engine, columns)
    measured = [chart for run in runs for chart in _measured(engine, run)]
    sections = [
        _section("Accuracy and loss", figures(curves)) if curves else "",
        *_layer_sections(layers, count, [column.networks[0].seed for column in columns]),
        _section("Measurements", figures(measured)) if measured else "",
        _section("Settings", "".join(_settings(run) for run in runs)),
    ]
    of_layers = [c for of in layers for c in (*of.shift, *of.gradients, *of.drift)]
    title = f"#{runs[0].id} {runs[0].name}" if len(runs) == 1 else f"{len(runs)} runs"
    return page(
        title,
        f"Written by shiftscope on {datetime.now(UTC):%d %B %Y, %H:%M} UTC.",
        "".join(_overview(one, len(runs) == 1) for one in found),
        sections,
        [*curves, *of_layers, *measured],
    )


def _overview(found: Judged, is_alone: bool) -> str:
    """The verdict of a run in a sentence and in numbers."""
    run = found.run
    facts = {"verdict": f"<strong>{escape(found.sentence)}</strong>", "state": escape(_state(run))}
    heading = "" if is_alone else f"<h2>#{run.id} {escape(run.name)}</h2>"
    arms = [_numbers(arm) for arm in found.verdict.comparisons] if found.verdict else []
    head = ("arm", "steps to target", "last accuracy", "best accuracy", "beside the reference")
    return f"<article>{heading}{terms(facts)}{table(head, arms) if arms else ''}</article>"


def _numbers(arm: Comparison) -> list[str]:
    gap = arm.difference
    return [
        escape(arm.arm),
        "–" if arm.steps_to_target is None else f"{arm.steps_to_target:,.0f}",
        *(_share(accuracy) for accuracy in (arm.last_accuracy, arm.best_accuracy)),
        "–" if gap is None else points(gap) if math.isfinite(gap.value) else "NaN",
    ]


def _share(accuracy: float | None) -> str:
    if accuracy is None:
        return "–"
    return percent(accuracy) if math.isfinite(accuracy) else "NaN"


def _state(run: Run) -> str:
    done = f"{run.step:,} {'measurements' if run.source in ('study', 'import') else 'steps'}"
    return f"{run.status}, {done}{f'. {run.error}' if run.error else ''}"


def _layer_sections(layers: Sequence[LayerCharts], count: int, seeds: Sequence[int]) -> list[str]:
    if not layers:
        return []
    told = f"Of seed {', '.join(str(seed) for seed in dict.fromkeys(seeds))}. "
    if len(layers) < count:
        told += f"{len(layers)} of {count:,} layers, evenly chosen. "
    told += "A line has every record, or of each stretch of steps the lowest and the highest."
    parts = {
        "Shift": [(of.name, of.shift) for of in layers],
        "Gradients": [(of.name, of.gradients) for of in layers],
        "Running statistics": [(of.name, of.drift) for of in layers],
    }
    lead = f'<p class="quiet">{escape(told)}</p>'
    return [
        _section(title, lead + "".join(_layer(*one) for one in of))
        for title, of in parts.items()
        if any(charts for _, charts in of)
    ]


def _layer(name: str, charts: Sequence[Chart]) -> str:
    return f"<h3>{escape(name)}</h3>{figures(charts, 'of-layer')}" if charts else ""


def _measured(engine: Engine, run: Run) -> list[Chart]:
    """A chart for each quantity of a study or an import."""
    if run.source not in ("study", "import"):
        return []
    found = read.measurements(engine, run)
    known = _known_quantities(run)
    names = dict.fromkeys(one.quantity for one in found)
    x = "step" if run.source == "import" else "x"
    quantities = [known.get(name) or Quantity(name, name, "", x, "") for name in names]
    lines = len({(one.quantity, one.series, one.seed) for one in found})
    return quantity_charts(f"run{run.id}", quantities, found, points_of(lines, LAYER_BUDGET))


def _known_quantities(run: Run) -> Mapping[str, Quantity]:
    try:
        entry = catalog.entry(run.catalog_entry) if run.catalog_entry else None
    except NotFound:  # an entry of another version
        entry = None
    return {quantity.name: quantity for quantity in entry.quantities} if entry else {}


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _settings(run: Run) -> str:
    """Everything that is needed to repeat a run."""
    versions = ", ".join(f"{name} {number}" for name, number in (run.versions or {}).items())
    facts = {
        "device": run.device,
        "made with": versions,
        "created": f"{run.created_at:%d %B %Y, %H:%M} UTC",
        "catalog": run.catalog_entry,
    }
    document = run.experiment or run.study or run.watched or {}
    rows = [(escape(name), escape(value)) for name, value in _flat(document)]
    return (
        f"<h3>#{run.id} {escape(run.name)}</h3>"
        f"{terms({name: escape(fact or '–') for name, fact in facts.items()})}"
        f"{table(('setting', 'value'), rows)}"
    )


def _flat(part: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted paths and values; an item of a list by its number, from 0, as `--set` has it."""
    for name, value in part.items():
        path = f"{prefix}{name}"
        if isinstance(value, list) and any(isinstance(item, dict) for item in cast("Any", value)):
            for at, item in enumerate(cast("list[dict[str, Any]]", value)):
                yield from _flat(item, f"{path}.{at}.")
        elif isinstance(value, dict):
            yield from _flat(cast("dict[str, Any]", value), f"{path}.")
        elif isinstance(value, str):
            yield path, value
        else:
            yield path, json.dumps(value)
