"""What happened to a run, and what it took of the machine."""

from typing import Annotated

from fastapi import APIRouter, Query

from ..db import log, read
from ..db.system import samples_of
from .dependencies import EngineDep, RunId
from .system_schemas import LogEntryPublic, LogPublic, SamplesPublic

router = APIRouter(prefix="/api/runs", tags=["runs"])


@router.get("/{run_id}/log")
def get_log(
    engine: EngineDep, run_id: RunId, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> LogPublic:
    """What happened to a run, the oldest first; only what is numbered above `after`."""
    read.run(engine, run_id)
    found = [LogEntryPublic.model_validate(one) for one in log.entries(engine, run_id, after)]
    return LogPublic(run=run_id, entries=found)


@router.get("/{run_id}/system")
def get_samples(
    engine: EngineDep, run_id: RunId, points: Annotated[int, Query(ge=2, le=10_000)] = 1000
) -> SamplesPublic:
    """CPU, memory and GPU of a run's processes, at most so many points of them."""
    read.run(engine, run_id)
    found = samples_of(engine, run_id, points)
    return SamplesPublic(
        run=run_id,
        samples=found.samples,
        every=found.every,
        seconds=found.seconds,
        step=found.step,
        **found.values,
    )
