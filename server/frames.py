"""From the series that a client asks for to the bytes of a frame: check, choose widths, read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine

from ..db.errors import FieldProblem, InvalidExperiment, NotFound
from ..db.series import Selection, bucket_width
from ..db.series import series as read_series
from ..db.tables import (
    OF_LAYERS,
    OF_SEEDS,
    RECORD_TABLES,
    EnsembleRecord,
    Evaluation,
    GradientShiftRecord,
    LandscapeRecord,
    ProbeRecord,
    Run,
)
from .record_schemas import SelectionAsked
from .run_schemas import NetworkPublic
from .wire import encode_frame

MOST_NUMBERS = 20_000_000
"""The most numbers in a frame (160 MB); more is a mistake of the client."""
MOST_PUSHED = 65_536
"""The most numbers in a live frame (512 KiB), which is held for a client until it reads."""
AROUND_STEPS = {
    GradientShiftRecord.__tablename__: "gradient_shift_every",
    LandscapeRecord.__tablename__: "landscape_every",
}
"""Of what is measured around steps, the setting that says how often."""
EARLY = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
"""Steps at which a network is evaluated while they are below `evaluate_every`."""


def selections_of(
    run_id: int, asked: Sequence[SelectionAsked], networks: Sequence[NetworkPublic]
) -> tuple[Selection, ...]:
    """What is asked for, checked against the run's networks and layers.

    Raises:
        NotFound: A table, statistic, network, layer or seed is not there.
    """
    seeds = sorted({network.seed for network in networks})
    layers = {network.id: {layer.id for layer in network.layers} for network in networks}
    selections = tuple(replace(one.selection(), run_id=run_id) for one in asked)
    for selection in selections:
        network, layer = selection.network_id, selection.layer_id
        if selection.table in OF_SEEDS:
            if (network, layer) != (None, None):
                raise NotFound(
                    f"{selection.table} is of all networks of a seed; expected network_id and "
                    f"layer_id null, got {network} and {layer}."
                )
            if selection.seed not in seeds:
                of_run = ", ".join(map(str, seeds)) or "none yet"
                raise NotFound(
                    f"{selection.table} is of a seed; expected one of {of_run}, got "
                    f"{'null' if selection.seed is None else selection.seed}."
                )
            continue
        if selection.seed is not None:
            raise NotFound(
                f"{selection.table} is of networks, which have a seed; expected seed null, got "
                f"{selection.seed}."
            )
        if network is None:
            raise NotFound(f"{selection.table} is of networks; expected a network_id, got null.")
        if network not in layers:
            raise NotFound(f"Run {run_id} has no network {network}.")
        if selection.table not in OF_LAYERS:
            if layer is not None:
                raise NotFound(
                    f"{selection.table} has no layers; expected layer_id null, got {layer}."
                )
        elif layer not in layers[network]:
            raise NotFound(f"Network {network} has no layer {layer}.")
    return selections


def refuse_too_much(selections: Sequence[Selection], points: int, steps: int | None) -> None:
    """Refuse a frame that would not fit into memory; of a watched loop the steps may be unknown.

    Raises:
        InvalidExperiment: With the setting `points`.
    """
    columns = sum(1 + len(selection.statistics) for selection in selections)
    if columns * (points if steps is None else min(points, steps)) > MOST_NUMBERS:
        raise InvalidExperiment(
            [
                FieldProblem(
                    "points",
                    f"{points} points of {columns} columns are more than {MOST_NUMBERS:,} "
                    "numbers; ask for fewer points or fewer series.",
                )
            ]
        )


def widths_for(run: Run, first: int, last: int, points: int) -> dict[str, int]:
    """By table the width of a bucket for a range of a run's steps; it depends on nothing else."""
    steps = last - max(first, 1) + 1  # at step 0 nothing is trained
    return {
        table: bucket_width(steps, points, records_due(run, table, first, last))
        for table in RECORD_TABLES
    }


def last_pushed(
    run: Run, selections: Sequence[Selection], first: int, widths: Mapping[str, int]
) -> int:
    """The last step of a live frame that begins at `first`: the run's, or what MOST_PUSHED allows.

    A part ends where buckets of every series do, so that none of them is sent again with the next.
    It has at least one bucket of each, and more numbers where the observer's looks lie unevenly.
    """
    steps = run.step - first + 1
    numbers = 0.0
    for selection in selections:
        width, named = widths[selection.table], len(selection.statistics)
        rows = min(records_due(run, selection.table, first, run.step), steps / width)
        numbers += rows * (1 + named if width == 1 else 2 + 2 * named)
    if numbers <= MOST_PUSHED:
        return run.step
    widest = max(widths[selection.table] for selection in selections)
    end = (first + int(steps * MOST_PUSHED / numbers)) // widest
    return min(run.step, max(end, first // widest + 1) * widest - 1)


def records_due(run: Run, table: str, first: int, last: int) -> int:
    """How many records of a network, or of a layer, a range of a run's steps holds.

    At most: where a cap lets the observer look less often, never more than all that it looked at.
    """
    recording: dict[str, Any] = (run.experiment or {}).get("recording", {})
    if table in (Evaluation.__tablename__, EnsembleRecord.__tablename__):
        every: int = recording.get("evaluate_every", 1)
        is_early = recording.get("evaluate_early", True)
        apart = {step for step in EARLY if is_early and step < every}
        if run.steps is not None and run.steps % every:
            apart.add(run.steps)
        return last // every - (first - 1) // every + sum(first <= step <= last for step in apart)
    if table == ProbeRecord.__tablename__:
        every = recording.get("probe_every") or run.steps or 1
        is_apart = run.steps is not None and run.steps % every > 0 and first <= run.steps <= last
        return last // every - (first - 1) // every + is_apart
    around = table in AROUND_STEPS
    every = recording.get(AROUND_STEPS.get(table, "record_every")) or (around and run.steps) or 1
    due = (last - 1) // every - (max(first, 1) - 2) // every  # at 1, 1 + every, …
    return due if around or run.looked is None else min(due, run.looked)


@dataclass(frozen=True)
class Frame:
    """One encoded frame: whether it holds any record, and the last step that it covers."""

    data: bytes
    latest: int
    empty: bool


def read_frame(
    engine: Engine,
    run_id: int,
    selections: Sequence[Selection],
    first: int,
    latest: int,
    widths: Mapping[str, int],
) -> Frame:
    """Read the selections to step `latest`, each from the start of the bucket that holds `first`.

    Args:
        engine: The database.
        run_id: The run.
        selections: The series.
        first: The step from which on records are wanted.
        latest: The last step.
        widths: By table the width of a bucket.
    """
    found = [
        read_series(engine, selection, first, latest, widths[selection.table])
        for selection in selections
    ]
    data = encode_frame(run_id, latest, found)
    return Frame(data, latest, empty=not any(len(series.step) for series in found))
