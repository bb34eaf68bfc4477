"""The records of one step."""

from fastapi import APIRouter

from ..db import read
from ..db.moment import records_at
from .dependencies import EngineDep, RunId
from .frames import selections_of
from .record_schemas import MomentAsked, MomentPublic, SeriesRecordPublic
from .run_routes import networks_of

router = APIRouter(prefix="/api/runs", tags=["series"])


@router.post("/{run_id}/moment")
def get_moment(engine: EngineDep, run_id: RunId, body: MomentAsked) -> MomentPublic:
    """Of each series the record at a step, or where it has none the last one before."""
    run = read.run(engine, run_id)
    selections = selections_of(run_id, body.series, networks_of(engine, run_id))
    step = run.step if body.step is None else min(body.step, run.step)
    records = [
        SeriesRecordPublic(
            table=one.selection.table,
            network_id=one.selection.network_id,
            layer_id=one.selection.layer_id,
            seed=one.selection.seed,
            step=one.step,
            values=one.values,
        )
        for one in records_at(engine, selections, step)
    ]
    return MomentPublic(run=run_id, step=step, records=records)
