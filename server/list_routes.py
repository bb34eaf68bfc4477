"""The list of runs: its pages, its sparklines, and what it can be searched by."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from ..db import listing
from ..db.findings import counted
from ..db.search import KEYS, NAME, SAID, setting_key, setting_keys
from .dependencies import EngineDep, Limit, Offset
from .downloads import CSV_TYPE, csv_pieces, download
from .list_files import run_rows
from .list_schemas import (
    FindingCountPublic,
    FindingCountsPublic,
    NumbersPublic,
    RunsPublic,
    SearchKeyPublic,
    SearchKeysPublic,
    SettingsOfRunsPublic,
    SettingValuesPublic,
    SparklinePublic,
    SparklinesPublic,
)
from .openapi import refusals
from .run_schemas import run_public
from .schemas import Number

router = APIRouter(prefix="/api/runs", tags=["runs"])

SORTED = (*listing.SORTS, *setting_keys())
SearchQuery = Annotated[str, Query(description="As docs/search.md describes it.")]
Sort = Annotated[
    str,
    Query(
        max_length=200,
        pattern=rf"^-?({'|'.join(map(re.escape, SORTED))}|{re.escape(SAID)}{NAME.pattern})$",
        description="What to sort by, a setting by its path; a minus sign before it turns around.",
    ),
]
SettingPath = Annotated[str, Field(max_length=200, examples=["optimizer.momentum"])]
Some = Annotated[list[Number], Query(min_length=1, max_length=200)]


def next_offset(offset: int, rows: int, total: int) -> int | None:
    """Where a list goes on after a page of so many rows; None where it ends."""
    after = offset + rows
    return after if rows and after < total else None


@router.get("", responses=refusals(400))
def list_runs(
    engine: EngineDep,
    q: SearchQuery = "",
    sort: Sort = listing.NEWEST,
    limit: Limit = 100,
    offset: Offset = 0,
) -> RunsPublic:
    """The runs that match a query, by default all, newest first."""
    found = listing.page(engine, q, sort=sort, limit=limit, offset=offset)
    return RunsPublic(
        runs=[run_public(run) for run in found.runs],
        total=found.total,
        next=next_offset(offset, len(found.runs), found.total),
    )


@router.get("/numbers", responses=refusals(400))
def list_numbers(
    engine: EngineDep, q: SearchQuery = "", sort: Sort = listing.NEWEST
) -> NumbersPublic:
    """The numbers of all runs that match a query, in order."""
    return NumbersPublic(runs=list(listing.numbers(engine, q, sort=sort)))


@router.get(
    ".csv",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {}}, "description": "A CSV file"},
        **refusals(400),
    },
)
def export_list(engine: EngineDep, q: SearchQuery = "", sort: Sort = listing.NEWEST) -> Response:
    """Everything that the list knows of all runs that match, and their settings, as a CSV file."""
    return download(csv_pieces(run_rows(engine, q, sort)), CSV_TYPE, "shiftscope-runs.csv")


@router.get("/sparklines")
def get_sparklines(engine: EngineDep, run: Some) -> SparklinesPublic:
    """Test accuracy of every arm of some runs, in few points."""
    found = listing.sparklines(engine, run)
    return SparklinesPublic(sparklines=[SparklinePublic.model_validate(one) for one in found])


@router.get("/findings")
def get_finding_counts(engine: EngineDep, run: Some) -> FindingCountsPublic:
    """How many findings some runs have, of those that the rules have looked at."""
    counts = [FindingCountPublic.model_validate(one) for one in counted(engine, run)]
    return FindingCountsPublic(counts=counts)


@router.get("/settings")
def get_settings(
    engine: EngineDep,
    run: Some,
    setting: Annotated[list[SettingPath], Query(min_length=1, max_length=200)],
) -> SettingsOfRunsPublic:
    """What some runs have of some settings, by their paths."""
    found = listing.settings(engine, run, setting)
    return SettingsOfRunsPublic(
        settings=[SettingValuesPublic(run=one, values=values) for one, values in found.items()]
    )


@router.get("/keys")
def get_search_keys(engine: EngineDep) -> SearchKeysPublic:
    """What runs can be searched by, with the values that there are, and sorted by."""
    values = listing.values(engine)
    settings = setting_keys()
    said = [
        key for name in listing.said(engine)[: listing.MOST_VALUES] if (key := setting_key(name))
    ]
    keys = [*KEYS.values(), *settings.values(), *said]
    return SearchKeysPublic(
        keys=[
            SearchKeyPublic(
                name=key.name,
                setting=key in said or key.name in settings,
                kind=key.kind,
                about=key.about,
                values=list(values.get(key.name, key.choices)),
            )
            for key in keys
        ],
        sorts=list(listing.SORTS),
    )
