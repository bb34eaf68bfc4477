"""Records of a range of steps, as one binary frame."""

from fastapi import APIRouter, Response

from ..db import read
from .dependencies import EngineDep, OlderRunsDep, RunId
from .frames import read_frame, refuse_too_much, selections_of, widths_for
from .record_schemas import SeriesAsked
from .run_routes import networks_of

router = APIRouter(prefix="/api/runs", tags=["series"])


@router.post(
    "/{run_id}/series",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "A frame"},
    },
)
def get_series(
    engine: EngineDep, older_runs: OlderRunsDep, run_id: RunId, body: SeriesAsked
) -> Response:
    """Read series, in full or as min/max buckets when there are more records than `points`."""
    run = read.run(engine, run_id)
    older_runs.looked_at(run)
    selections = selections_of(run_id, body.series, networks_of(engine, run_id))
    last = run.step if body.last is None else min(body.last, run.step)
    refuse_too_much(selections, body.points, last - body.first + 1)
    widths = widths_for(run, body.first, last, body.points)
    frame = read_frame(engine, run_id, selections, body.first, last, widths)
    return Response(frame.data, media_type="application/octet-stream")
