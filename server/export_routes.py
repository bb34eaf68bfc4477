"""Every record of a table as a CSV file."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from .dependencies import EngineDep, RunId
from .export import csv_chunks, file_name

router = APIRouter(prefix="/api/runs", tags=["export"])


@router.get(
    "/{run_id}/export/{table}.csv",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {}}, "description": "A CSV file"},
    },
)
def export_table(engine: EngineDep, run_id: RunId, table: str) -> StreamingResponse:
    """Every record of a table in full resolution."""
    return StreamingResponse(
        csv_chunks(engine, run_id, table),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(run_id, table)}"',
            "Cache-Control": "no-store",
        },
    )
