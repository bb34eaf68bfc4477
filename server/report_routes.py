"""A run, or several side by side, as one HTML file."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from .dependencies import EngineDep, RunId
from .downloads import download
from .run_report import MOST_RUNS, run_report
from .schemas import Number

router = APIRouter(prefix="/api/runs", tags=["report"])
Others = Annotated[
    list[Number], Query(max_length=MOST_RUNS - 1, description="Further runs, beside it.")
]


@router.get(
    "/{run_id}/report.html",
    response_class=Response,
    responses={200: {"content": {"text/html": {}}, "description": "An HTML file"}},
)
def get_report(engine: EngineDep, run_id: RunId, beside: Others = []) -> Response:  # noqa: B006
    """Verdict, charts, settings and versions in one file that needs no server."""
    page = run_report(engine, [run_id, *beside])
    return download(page, "text/html; charset=utf-8", f"shiftscope-run-{run_id}.html")
