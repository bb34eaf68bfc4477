"""The list of runs with its sweeps folded."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from ..db import folded, listing
from .dependencies import EngineDep, Limit, Offset
from .list_routes import SearchQuery, Sort, next_offset
from .openapi import refusals
from .run_schemas import RunPublic, run_public
from .schemas import Number, Public, Real
from .sweep_routes import SweepPublic, sweep_public

router = APIRouter(prefix="/api/runs/folded", tags=["runs"])
Opened = Annotated[
    list[Number],
    Query(
        alias="open",
        default_factory=list,
        max_length=200,
        description="Sweeps whose runs are rows, too.",
    ),
]


class RowPublic(Public):
    """A run, a folded sweep, or, with both numbers, a run of a sweep that is opened."""

    sweep: int | None
    run: int | None


class BestPublic(Public):
    """The run that finished with the highest test accuracy, and its values of the settings."""

    run: int
    accuracy: Real
    values: list[Any]


class FoldedSweepPublic(Public):
    """A sweep as one row; statuses and best are of those of its runs that match."""

    sweep: SweepPublic
    runs: list[int]
    size: int
    best: BestPublic | None


class FoldedRunsPublic(Public):
    """A page of the list: its rows, what they show, and how long the whole list is."""

    rows: list[RowPublic]
    runs: list[RunPublic]
    sweeps: list[FoldedSweepPublic]
    total: int
    matched: int
    folded: int
    next: int | None


class RowNumbersPublic(Public):
    """For every row of a list the numbers of its runs, in order."""

    rows: list[list[int]]


@router.get("", responses=refusals(400))
def list_folded_runs(
    engine: EngineDep,
    opened: Opened,
    q: SearchQuery = "",
    sort: Sort = listing.NEWEST,
    limit: Limit = 100,
    offset: Offset = 0,
) -> FoldedRunsPublic:
    """The runs that match a query, those of each sweep as one row."""
    found = folded.page(engine, q, sort=sort, opened=opened, limit=limit, offset=offset)
    return FoldedRunsPublic(
        rows=[RowPublic(sweep=sweep, run=run) for sweep, run in found.rows],
        runs=[run_public(run) for run in found.runs],
        sweeps=[
            FoldedSweepPublic(
                sweep=sweep_public(one.sweep, one.statuses),
                runs=list(one.runs),
                size=one.size,
                best=one.best and BestPublic.model_validate(one.best),
            )
            for one in found.sweeps
        ],
        total=found.total,
        matched=found.matched,
        folded=found.folded,
        next=next_offset(offset, len(found.rows), found.total),
    )


@router.get("/numbers", responses=refusals(400))
def list_numbers_of_rows(
    engine: EngineDep,
    opened: Opened,
    q: SearchQuery = "",
    sort: Sort = listing.NEWEST,
) -> RowNumbersPublic:
    """Which runs each row of the list stands for."""
    return RowNumbersPublic(
        rows=[list(runs) for runs in folded.numbers(engine, q, sort=sort, opened=opened)]
    )
