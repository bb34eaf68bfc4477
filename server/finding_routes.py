"""What the rules found in a run: as JSON for the page, and as a CSV file."""

import csv
import io

from fastapi import APIRouter, Response

from ..db import read
from ..db.findings import COLUMNS, findings
from .dependencies import EngineDep, RunId
from .export import file_name
from .schemas import FindingsPublic, findings_public
from .wire import json_safe

router = APIRouter(prefix="/api/runs", tags=["findings"])
HEADER = ("run_id", "finding_id", "arm", "seed", "layer", *COLUMNS)


@router.get("/{run_id}/findings")
def get_findings(engine: EngineDep, run_id: RunId) -> FindingsPublic:
    """What the rules have found so far, what makes other findings pointless first."""
    return findings_public(read.run(engine, run_id), findings(engine, run_id))


@router.get(
    "/{run_id}/findings.csv",
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {}}, "description": "A CSV file"},
    },
)
def export_findings(engine: EngineDep, run_id: RunId) -> Response:
    """The findings, one row for each."""
    read.run(engine, run_id)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for one in findings(engine, run_id):
        values = [getattr(one.found, name) for name in COLUMNS]
        writer.writerow(json_safe([run_id, one.id, one.arm, one.seed, one.layer, *values]))
    return Response(
        text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(run_id, "findings")}"',
            "Cache-Control": "no-store",
        },
    )
