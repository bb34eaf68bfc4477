"""What lists of runs are searched and sorted by: taken from documents, and from what runs came to.

A run's row carries it, so that a list of thousands reads neither documents nor records.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, select, update
from sqlalchemy.orm import Session

from .read import curves
from .search import SAID, last_words
from .tables import Run
from .verdict import default_target, ratio, twins

HUGE = 1e300
"""Python's integers can be greater than any float."""


def of_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a run from its experiment's or its study's document."""
    arms: Sequence[Mapping[str, Any]] = document.get("arms", [])
    return {
        "dataset": document.get("dataset"),
        "network": document.get("network", {}).get("kind"),
        "norms": list(dict.fromkeys(arm["norm"] for arm in arms if "norm" in arm)),
        "lr": document.get("optimizer", {}).get("lr"),
        "seed_count": len(document.get("seeds", [])),
    }


def of_watched(watched: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of a watched run, whose document is its program's own word."""
    models: object = watched.get("models")
    names = [*cast("dict[str, object]", models).values()] if isinstance(models, dict) else []
    settings: object = watched.get("settings")
    rate = cast("dict[str, object]", settings).get("lr") if isinstance(settings, dict) else None
    return {
        "network": str(names[0])[:80] if names else None,
        "lr": _number(rate),
        "seed_count": 1,
    }


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > HUGE:
        return None
    return float(value)


def setting(run: Run, path: str) -> Any:
    """A setting of a run's experiment, or what a watched program said of it; None where none is."""
    if run.source == "watch":
        said = (run.watched or {}).get("settings", {})
        names = [path.removeprefix(SAID)] if path.startswith(SAID) else names_of(path)
        return next((said[name] for name in names if said.get(name) is not None), None)
    held: Any = run.experiment
    for name in path.split("."):
        held = cast("dict[str, Any]", held).get(name) if isinstance(held, dict) else None
    return held


def names_of(path: str) -> tuple[str, ...]:
    """What watched programs may call a setting: its path, or its last word if no other has it."""
    last = path.rpartition(".")[2]
    return (path, last) if last != path and last_words().get(last) == path else (path,)


def highest(summary: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """The highest accuracies of all arms of a summary; None where no arm has a number."""
    return {name: _highest(summary, name) for name in ("last_accuracy", "best_accuracy")}


def _highest(summary: Mapping[str, Mapping[str, object]], name: str) -> float | None:
    values = [arm.get(name) for arm in summary.values()]  # a stored NaN is its name
    numbers = [float(one) for one in values if isinstance(one, int | float) and math.isfinite(one)]
    return max(numbers, default=None)


def settle(connection: Connection, run_ids: Sequence[int]) -> None:
    """Write what runs that just ended came to: their duration and their ratio."""
    for run_id in run_ids:
        with Session(connection) as session:
            run = session.get_one(Run, run_id)
        lasted = run.ended_at - run.started_at if run.ended_at and run.started_at else None
        columns = {
            # a clock that was set back meanwhile makes nobody wait a negative time
            "duration": max(0.0, lasted.total_seconds()) if lasted is not None else None,
            "ratio": _ratio(connection, run),
        }
        connection.execute(update(Run).where(Run.id == run_id).values(columns))


def _ratio(connection: Connection, run: Run) -> float | None:
    """That of the arm that was soonest; None where no arm's can be estimated."""
    if run.experiment is None:
        return None
    of_networks = curves(connection, run)
    reference, *others = [arm["name"] for arm in run.experiment["arms"]]
    target, _ = default_target(of_networks, reference, ended=True)
    found = [ratio(twins(of_networks, reference, arm), target) for arm in others]
    return max((one.estimate.value for one in found if one and one.estimate), default=None)


def fill(connection: Connection) -> None:
    """Write the outlines of all runs of a database that had none yet."""
    with Session(connection) as session:
        runs = session.scalars(select(Run)).all()
    for run in runs:
        document = run.experiment or run.study
        columns = of_watched(run.watched or {}) if document is None else of_document(document)
        columns |= highest(run.summary)
        connection.execute(update(Run).where(Run.id == run.id).values(columns))
    settle(connection, [run.id for run in runs if run.ended_at is not None])
