"""What the rules found in a run: as JSON for the page, and as a CSV file."""

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from ..db import read
from ..db.findings import findings
from .dependencies import EngineDep, RunId
from .downloads import CSV, CSV_TYPE, download
from .export import csv_chunks, file_name
from .export_tables import FINDINGS, export_table
from .finding_schemas import FindingsPublic, findings_public

router = APIRouter(prefix="/api/runs", tags=["findings"])


@router.get("/{run_id}/findings")
def get_findings(engine: EngineDep, run_id: RunId) -> FindingsPublic:
    """What the rules have found so far, what makes other findings pointless first."""
    return findings_public(read.run(engine, run_id), findings(engine, run_id))


@router.get(
    "/{run_id}/findings.csv",
    response_class=StreamingResponse,
    responses=CSV,
)
def export_findings(engine: EngineDep, run_id: RunId) -> Response:
    """The findings, one row for each."""
    chunks = csv_chunks(export_table(engine, run_id, FINDINGS))
    return download(chunks, CSV_TYPE, file_name(run_id, FINDINGS))
