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
    numbers = list(dict.fromkeys([run_id, *beside]))
    name = "-".join(["run" if len(numbers) == 1 else "runs", *map(str, numbers)])
    return download(
        run_report(engine, numbers), "text/html; charset=utf-8", f"shiftscope-{name}.html"
    )
