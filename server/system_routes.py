"""Is the server up, and what is there: version, database, workers, datasets."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter

from ..db.engine import ping
from ..db.queue import living_workers
from ..db.tables import Worker
from .dependencies import EngineDep, StartedAt
from .export import usable_formats
from .system_schemas import HealthPublic, SystemPublic

router = APIRouter(prefix="/api", tags=["system"])


@router.get("/health")
def get_health(engine: EngineDep) -> HealthPublic:
    """Is the server up and does it reach the database."""
    ping(engine)
    return HealthPublic()


@router.get("/system")
def get_system(engine: EngineDep, started_at: StartedAt) -> SystemPublic:
    """Version, start, database, and the workers that are alive with what they offer."""
    workers = living_workers(engine)
    return SystemPublic.model_validate(
        {
            "version": version("shiftscope"),
            "started_at": started_at,
            "database": engine.url.render_as_string(hide_password=True),
            "workers": workers,
            "datasets": _datasets(workers),
            "formats": usable_formats(),
        }
    )


def _datasets(workers: Sequence[Worker]) -> dict[str, Any] | None:
    """Each dataset as the worker heard of last says, but available if any worker has it."""
    known = [worker.datasets for worker in workers if worker.datasets is not None]
    if not known:
        return None
    merged: dict[str, Any] = {}
    for datasets in known:
        for name, state in datasets.items():
            if name not in merged or (state["available"] and not merged[name]["available"]):
                merged[name] = state
    return merged
