"""Every record of a table, or a part of them, as a CSV file."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from ..db.part import Part
from .dependencies import EngineDep, RunId
from .export import csv_chunks, file_name
from .schemas import Asked, Number, Step

router = APIRouter(prefix="/api/runs", tags=["export"])


class PartAsked(Asked):
    """Which records of a table are wanted; what is left out asks for all."""

    network_id: list[Number] = Field(default=[])
    layer: str | None = None
    seed: int | None = None
    statistic: list[str] = Field(default=[])
    unit: int | None = None
    first: Step = 0
    last: Step | None = None


@router.get(
    "/{run_id}/export/{table}.csv",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {}}, "description": "A CSV file"},
    },
)
def export_table(
    engine: EngineDep, run_id: RunId, table: str, asked: Annotated[PartAsked, Query()]
) -> StreamingResponse:
    """Every record of a table, or those of some series and steps, in full resolution."""
    part = Part(
        networks=asked.network_id or None,
        layer=asked.layer,
        seed=asked.seed,
        statistics=asked.statistic or None,
        unit=asked.unit,
        first=asked.first,
        last=asked.last,
    )
    return StreamingResponse(
        csv_chunks(engine, run_id, table, part),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(run_id, table)}"',
            "Cache-Control": "no-store",
        },
    )
