"""Records of runs as files: a table, or a part of it, and all tables of one or several as a zip."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict, Field

from ..db.part import Part
from .dependencies import EngineDep, RunId
from .downloads import download
from .export import FORMATS, file_name, known_format
from .export_tables import EXPORTED, export_table
from .export_zip import zip_chunks, zip_chunks_of
from .openapi import refusals
from .schemas import Asked, Number, Step

router = APIRouter(prefix="/api/runs", tags=["export"])


TableName = Annotated[str, Path(json_schema_extra={"enum": [*EXPORTED]})]
FormatName = Annotated[str, Path(json_schema_extra={"enum": [*FORMATS]})]


TablesFormat = Annotated[
    str,
    Query(
        max_length=20, description="Of the tables in it.", json_schema_extra={"enum": [*FORMATS]}
    ),
]
ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "A zip file"},
    **refusals(501),
}


class PartAsked(Asked):
    """Which records of a table are wanted; what is left out asks for all."""

    model_config = ConfigDict(strict=False)  # an address is text

    network_id: list[Number] = Field(default=[])
    layer: str | None = None
    seed: int | None = None
    statistic: list[str] = Field(default=[])
    unit: int | None = None
    first: Step = 0
    last: Step | None = None


@router.get(
    "/{run_id}/export/{table}.{format}",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {one.media_type: {} for one in FORMATS.values()},
            "description": "A file of the format",
        },
        **refusals(501),
    },
)
def get_table(
    engine: EngineDep,
    run_id: RunId,
    table: TableName,
    format: FormatName,
    asked: Annotated[PartAsked, Query()],
) -> Response:
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
    written = known_format(format)
    chunks = written.chunks(export_table(engine, run_id, table, part))
    return download(chunks, written.media_type, file_name(run_id, table, format))


@router.get("/{run_id}/export.zip", response_class=StreamingResponse, responses=ZIP)
def get_zip(engine: EngineDep, run_id: RunId, format: TablesFormat = "csv") -> Response:
    """Every table of a run with its settings, its verdict and what the columns are."""
    name = f"shiftscope-run-{run_id}.zip"
    return download(zip_chunks(engine, run_id, format), "application/zip", name)


@router.get(".zip", response_class=StreamingResponse, responses=ZIP | refusals(404))
def get_zip_of_several(
    engine: EngineDep,
    run: Annotated[list[Number], Query(min_length=1, max_length=1000)],
    format: TablesFormat = "csv",
) -> Response:
    """The same of several runs, each in a folder of its own."""
    chunks = zip_chunks_of(engine, list(dict.fromkeys(run)), format)
    return download(chunks, "application/zip", "shiftscope-runs.zip")
